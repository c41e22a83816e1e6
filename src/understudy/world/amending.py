"""Values put into a YAML text at their places, everything else of it left as a person wrote it, comments too.

1. Each new or changed line takes a comment behind it; inside braces, where none can stand, the line before takes it.
2. Nothing is written to disk; what values there should be is decided elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.world import sources


class Unamended(ValueError):
    """A text in which a value cannot be put without harm to the rest."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """`path` of names is to have `value`; `comment` says why."""

    path: tuple[str, ...]
    value: Any
    comment: str = ""


def amended(text: str, amendments: Iterable[Amendment]) -> str:
    """The text with every value in its place. Raises Unamended."""
    for one in amendments:
        wanted = _put(sources.parse(text.encode(), "the text") if text.strip() else {}, one.path, one.value)
        text = _amended(text, one)
        if _value(text) != wanted:
            raise Unamended(f"{'/'.join(one.path)} cannot be put into the file as it is written; put it there by hand: {_flow(one.value)}  # {one.comment}")
    return text


def _value(text: str) -> Any:
    try:
        return sources.parse(text.encode(), "the text")
    except sources.Unreadable:
        return None


def _put(data: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return json.loads(json.dumps(value))
    base = dict(data) if isinstance(data, Mapping) else {}
    return {**base, path[0]: _put(base.get(path[0]), path[1:], value)}


def _amended(text: str, one: Amendment) -> str:
    import yaml  # 16 ms: only for files that are changed

    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if text.strip() else None
    if not isinstance(root, yaml.MappingNode):
        return text + ("\n" if text and not text.endswith("\n") else "") + _block(one.path, one.value, one.comment, 0)
    node: Any = root
    for depth, name in enumerate(one.path):
        found = next((pair for pair in node.value if pair[0].value == name), None)
        if found is None:
            return _inserted(text, node, one, depth)
        if depth == len(one.path) - 1 or not isinstance(found[1], yaml.MappingNode):
            return _replaced(text, found, one, depth)
        node = found[1]
    return text


def _replaced(text: str, pair: tuple[Any, Any], one: Amendment, depth: int) -> str:
    """The text with a value in the place of the one there is."""
    key, value = pair
    rest = one.value
    for name in reversed(one.path[depth + 1 :]):
        rest = {name: rest}
    start, end = key.end_mark.index, value.end_mark.index
    while end > start and text[end - 1] in "\n ":  # a block ends where the next thing begins
        end -= 1
    stop = (text + "\n").index("\n", end)
    tail = text[end:stop]
    if not one.comment or _within_braces(text, key) or (tail.strip() and not tail.lstrip().startswith("#")):
        return text[:start] + f": {_flow(rest)}" + text[end:]
    why = f"{tail}; {one.comment}" if tail.strip() else f"  # {one.comment}"
    return text[:start] + f": {_flow(rest)}" + why + text[stop:]


def _within_braces(text: str, key: Any) -> bool:
    line = text[: key.start_mark.index].rpartition("\n")[2]
    return bool(line.strip())


def _inserted(text: str, node: Any, one: Amendment, depth: int) -> str:
    """The text with a new entry at the end of a mapping."""
    rest = one.path[depth:]
    if node.flow_style or not node.value:
        value = one.value
        for name in reversed(rest[1:]):
            value = {name: value}
        end = node.end_mark.index - 1
        comma = ", " if node.value else ""
        body = text[:end].rstrip()
        return f"{body}{comma}{_key(rest[0])}: {_flow(value)}{text[end:]}" if body.endswith(("{",)) or node.value else text
    column = node.value[0][0].start_mark.column
    last = node.value[-1]
    end = last[1].end_mark.index if last[1].end_mark.index > last[0].end_mark.index else last[0].end_mark.index
    while end > 0 and text[end - 1] in "\n ":
        end -= 1
    stop = (text + "\n").index("\n", end)
    before = text[:stop]
    return before + "\n" + _block(rest, one.value, one.comment, column) + text[stop + 1 :]


def _block(path: Sequence[str], value: Any, comment: str, column: int) -> str:
    lines = [f"{' ' * (column + 2 * depth)}{_key(name)}:\n" for depth, name in enumerate(path[:-1])]
    said = f"  # {comment}" if comment else ""
    return "".join(lines) + f"{' ' * (column + 2 * (len(path) - 1))}{_key(path[-1])}: {_flow(value)}{said}\n"


def _key(name: str) -> str:
    return _flow(name)


def _flow(value: Any) -> str:
    """A value on one line."""
    import yaml  # as above

    return str(yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)).removesuffix("\n").removesuffix("\n...")
