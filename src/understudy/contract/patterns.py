"""The shortest string a regular expression matches, always the same one.

1. The expression is read with the standard library's own parser; constructs only ECMA 262 has are put in its words first.
2. What is found is a proposal: look-arounds and back references are not obeyed, so the caller judges the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

ALPHABET = "a0A1bB2cC3dD4eE5fF6gG7hH8iI9jJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ -_.:/@+,;#%&=?!$'\"()[]{}<>*|~^`\\\t\n\r"
EXTRA = 64
CLASSES: Mapping[str, str] = {
    # Unicode property escapes Python does not know, by the letters of the ASCII part
    "L": "a-zA-Z",
    "Letter": "a-zA-Z",
    "Alphabetic": "a-zA-Z",
    "Lu": "A-Z",
    "Ll": "a-z",
    "N": "0-9",
    "Nd": "0-9",
    "P": "\\-_.,:;!?",
    "S": "+=$^|~<>",
    "Z": " ",
    "Zs": " ",
    "Sc": "$",
    "M": "",
}


def sample(pattern: str, shortest: int = 0, longest: int | None = None, variant: int = 0) -> Iterator[str]:
    """Strings proposed for a pattern, shortest first, within lengths where that can be arranged."""
    nodes = parsed(pattern)
    if nodes is None:
        return
    seen = set()
    for extra in range(0, max(shortest, 1) + EXTRA):
        text = "".join(render(nodes, extra, variant))
        if text in seen and extra > shortest:
            return
        seen.add(text)
        if len(text) < shortest and not pattern.endswith("$"):
            text = text.ljust(shortest, "a")
        if len(text) >= shortest and (longest is None or len(text) <= longest):
            yield text


def parsed(pattern: str) -> Sequence[Any] | None:
    """The parse tree, or None when the pattern cannot be read."""
    from re import _parser  # type: ignore[attr-defined]  # the standard library's own, kept off the start-up path

    try:
        tree: Sequence[Any] = _parser.parse(python_words(pattern))
    except (re.error, OverflowError, RecursionError):
        return None
    return tree


def python_words(pattern: str) -> str:
    """An ECMA 262 pattern in Python's words: named groups and Unicode properties."""
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    bracketed = re.compile(r"(\[[^\]]*)\\p\{(?:\w+=)?(\w+)\}")
    while bracketed.search(pattern):
        pattern = bracketed.sub(lambda m: m.group(1) + CLASSES.get(m.group(2), "a-zA-Z"), pattern)
    return re.sub(r"\\p\{(?:\w+=)?(\w+)\}", lambda m: f"[{CLASSES.get(m.group(1)) or 'a-zA-Z'}]", pattern)


def render(nodes: Sequence[Any], extra: int, variant: int) -> Iterator[str]:
    """The text of a sequence of nodes; `extra` lengthens repetitions, `variant` changes the choice of characters."""
    for kind, value in nodes:
        make = NODES.get(str(kind))
        if make is not None:
            yield make(value, extra, variant)


def repeat(value: Any, extra: int, variant: int) -> str:
    """As few repetitions as allowed, and some more when the text must be longer."""
    low, high, inner = value
    count = min(low + extra, int(high)) if extra else low
    return "".join("".join(render(inner, 0, variant)) for _ in range(min(count, 4096)))


def members(value: Any, extra: int, variant: int) -> str:
    """A character of a set."""
    negated = bool(value) and str(value[0][0]) == "NEGATE"
    items = value[1:] if negated else value
    fitting = [one for one in ALPHABET if any(holds(item, one) for item in items) is not negated]
    if not fitting:
        fitting = [chr(bound) for kind, one in items for bound in bounds(str(kind), one)] or ["a"]
    return fitting[variant % len(fitting)]


def bounds(kind: str, value: Any) -> list[int]:
    """The first characters of a set item outside the alphabet."""
    return [value] if kind == "LITERAL" else [value[0]] if kind == "RANGE" else []


def holds(item: Any, character: str) -> bool:
    """Whether an item of a set holds a character."""
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return bool(ord(character) == value)
    if kind == "RANGE":
        return bool(value[0] <= ord(character) <= value[1])
    return CATEGORIES.get(str(value), lambda _: False)(character)


CATEGORIES: Mapping[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_NOT_DIGIT": lambda one: not one.isdigit(),
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_NOT_SPACE": lambda one: not one.isspace(),
    "CATEGORY_WORD": lambda one: one.isalnum() or one == "_",
    "CATEGORY_NOT_WORD": lambda one: not (one.isalnum() or one == "_"),
}


def branch(value: Any, extra: int, variant: int) -> str:
    """The alternative that comes out shortest; variants take others."""
    texts = ["".join(render(one, extra, 0)) for one in value[1]]
    return texts[variant % len(texts)] if variant else min(texts, key=len)


def other_than(value: Any, extra: int, variant: int) -> str:
    """A character that is not a certain one."""
    return [one for one in ALPHABET if ord(one) != value][variant % (len(ALPHABET) - 1)]


NODES: Mapping[str, Callable[[Any, int, int], str]] = {
    "LITERAL": lambda value, extra, variant: chr(value),
    "NOT_LITERAL": other_than,
    "ANY": lambda value, extra, variant: ALPHABET[variant % len(ALPHABET)],
    "IN": members,
    "MAX_REPEAT": repeat,
    "MIN_REPEAT": repeat,
    "POSSESSIVE_REPEAT": repeat,
    "SUBPATTERN": lambda value, extra, variant: "".join(render(value[3], extra, variant)),
    "ATOMIC_GROUP": lambda value, extra, variant: "".join(render(value, extra, variant)),
    "BRANCH": branch,
}
"""Nodes of the parse tree that make text; the others (anchors, look-arounds) make none."""


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, as far as Python's engine reads it; unread, it is taken to be."""
    try:
        return re.search(python_words(pattern), text) is not None
    except (re.error, OverflowError, RecursionError):
        return True
