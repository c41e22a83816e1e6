"""The shortest string a regular expression matches, always the same one.

1. The expression is read with the standard library's own parser; constructs only ECMA 262 has are put in its words first.
2. What is found is a proposal: look-arounds and back references are not obeyed, so the caller judges the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

ALPHABET = "a0A1bB2cC3dD4eE5fF6gG7hH8iI9jJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ -_.:/@+,;#%&=?!$'\"()[]{}<>*|~^`\\\t\n\r"
EXTRA = 64
LONGEST = 4096
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


Make = Callable[[int, int], str]  # extra repetitions, variant -> text


def sample(pattern: str, shortest: int = 0, longest: int | None = None, variant: int = 0) -> Iterator[str]:
    """Strings proposed for a pattern, shortest first, within lengths where that can be arranged."""
    make = maker(pattern)
    if make is None:
        return
    seen: set[str] = set()
    for extra in range(max(shortest, 1) + EXTRA):
        text = make(extra, variant)
        if text in seen and extra > shortest:
            return
        seen.add(text)
        if len(text) < shortest and not pattern.endswith("$"):
            text = text.ljust(shortest, "a")
        if len(text) >= shortest and (longest is None or len(text) <= longest):
            yield text


@lru_cache(maxsize=256)
def maker(pattern: str) -> Make | None:
    """The function that makes texts for a pattern, or None when the pattern cannot be read."""
    parser = import_module("re._parser")  # the standard library's own; no name that type checkers agree upon
    try:
        return sequence(parser.parse(python_words(pattern)))
    except (re.error, OverflowError, RecursionError):
        return None


def python_words(pattern: str) -> str:
    """An ECMA 262 pattern in Python's words: named groups, Unicode properties, and an end that is the end."""
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    bracketed = re.compile(r"(\[[^\]]*)\\p\{(?:\w+=)?(\w+)\}")
    while bracketed.search(pattern):
        pattern = bracketed.sub(lambda m: m.group(1) + CLASSES.get(m.group(2), "a-zA-Z"), pattern)
    return re.sub(r"\\p\{(?:\w+=)?(\w+)\}", lambda m: f"[{CLASSES.get(m.group(1)) or 'a-zA-Z'}]", pattern)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, as far as Python's engine reads it; unread, it is taken to be."""
    try:
        return re.search(python_words(pattern), text) is not None
    except (re.error, OverflowError, RecursionError):
        return True


# nodes of the parse tree ---------------------------------------------------------------------------------------------


def sequence(nodes: Iterable[Any]) -> Make:
    """One node after another; those that make no text (anchors, look-arounds) are left out."""
    makes = [NODES[str(kind)](value) for kind, value in nodes if str(kind) in NODES]
    return lambda extra, variant: "".join(make(extra, variant) for make in makes)


def always(text: str) -> Make:
    """The same text every time."""
    return lambda extra, variant: text


def one_of(characters: Sequence[str]) -> Make:
    """One of some characters; a variant takes another."""
    return lambda extra, variant: characters[variant % len(characters)]


def repeat(value: Any) -> Make:
    """As few repetitions as allowed, and some more when the text must be longer."""
    low, high, inner = value
    make, most = sequence(inner), min(int(high), LONGEST)
    return lambda extra, variant: make(0, variant) * min(low + extra, most)


def members(value: Any) -> Make:
    """A character of a set."""
    negated = bool(value) and str(value[0][0]) == "NEGATE"
    items = value[1:] if negated else value
    fitting = [one for one in ALPHABET if any(holds(item, one) for item in items) is not negated]
    return one_of(fitting or [chr(first) for kind, one in items for first in firsts(str(kind), one)] or ["a"])


def firsts(kind: str, value: Any) -> list[int]:
    """The first characters of a set item outside the alphabet."""
    return [value] if kind == "LITERAL" else [value[0]] if kind == "RANGE" else []


def holds(item: Any, character: str) -> bool:
    """Whether an item of a set holds a character."""
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return bool(ord(character) == value)
    if kind == "RANGE":
        return bool(value[0] <= ord(character) <= value[1])
    category = CATEGORIES.get(str(value))
    return category is not None and category(character)


CATEGORIES: Mapping[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_NOT_DIGIT": lambda one: not one.isdigit(),
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_NOT_SPACE": lambda one: not one.isspace(),
    "CATEGORY_WORD": lambda one: one.isalnum() or one == "_",
    "CATEGORY_NOT_WORD": lambda one: not (one.isalnum() or one == "_"),
}


def branch(value: Any) -> Make:
    """The alternative that comes out shortest; variants take others."""
    makes = sorted((sequence(one) for one in value[1]), key=lambda make: len(make(0, 0)))
    return lambda extra, variant: makes[variant % len(makes)](extra, variant)


NODES: Mapping[str, Callable[[Any], Make]] = {
    "LITERAL": lambda value: always(chr(value)),
    "NOT_LITERAL": lambda value: one_of([one for one in ALPHABET if ord(one) != value]),
    "ANY": lambda value: one_of(ALPHABET),
    "IN": members,
    "MAX_REPEAT": repeat,
    "MIN_REPEAT": repeat,
    "POSSESSIVE_REPEAT": repeat,
    "SUBPATTERN": lambda value: sequence(value[3]),
    "ATOMIC_GROUP": sequence,
    "BRANCH": branch,
}
"""Nodes of the parse tree that make text."""
