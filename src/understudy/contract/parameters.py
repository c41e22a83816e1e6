"""Parameter values out of their serialised form: styles, explode, and coercion of strings by the schema's types.

1. Every style of OpenAPI 3.1 section Style Values, and Swagger 2.0's tab-separated one; a style is a function in a table.
2. What cannot be coerced is handed on as the string it was, for the schema to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from understudy.contract.matching import shorten, well_encoded
from understudy.contract.shapes import Shape, Shapes
from understudy.contract.values import Schema
from understudy.exact import read
from understudy.problems import Problem

Pair = tuple[str, str, str]  # name, value, value as it was encoded
Coerce = Callable[[Any], Any]

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,4000})\Z")
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,300})(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?\Z")
MAX_DEPTH = 8


def pairs(query: bytes, location: str) -> list[Pair]:
    """The names and values of a form-encoded string, in order. Raises Problem `malformed_request`."""
    found = []
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            found.append((text(name, location), text(value, location), value.decode("latin-1")))
    return found


def text(raw: bytes, location: str) -> str:
    """A form-encoded name or value decoded: + is a space, %XX is a byte of UTF-8. Raises Problem `malformed_request`."""
    try:
        if b"%" not in raw:
            return (raw.replace(b"+", b" ") if b"+" in raw else raw).decode()
        if well_encoded(raw.decode("latin-1")):
            return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        pass
    part = shorten(raw.decode("latin-1"), 40)
    raise Problem("malformed_request", f'"{part}" is not percent-encoded UTF-8', location=location)


# coercion ------------------------------------------------------------------------------------------------------------


def integer(value: str) -> Any:
    """A JSON integer, also written with a fraction of zeros; else the string."""
    if INTEGER.match(value):
        return int(value)
    found = number(value)
    return int(found) if isinstance(found, float) and found.is_integer() else value


def number(value: str) -> Any:
    """A JSON number, else the string."""
    if not NUMBER.match(value):
        return value
    return int(value) if INTEGER.match(value) else finite(float(value), value)


def finite(found: float, value: str) -> Any:
    """The number, or the string it was when it is too large for one."""
    return value if found in (float("inf"), float("-inf")) else found


def boolean(value: str) -> Any:
    """`true` or `false`, else the string."""
    return {"true": True, "false": False}.get(value, value)


def null(value: str) -> Any:
    """`null` or nothing at all, else the string."""
    return None if value in ("null", "") else value


SCALARS: Mapping[str, Callable[[str], Any]] = {
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "null": null,
}
"""How a string becomes a value of each type that is not a string; tried in this order."""


class Coercion:
    """Turns strings into what schemas ask for; one for each contract."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes

    def shape(self, schema: Schema | None) -> Shape:
        """The shape of a parameter's schema as a request has it."""
        return self._shapes.shape(schema, "request") if schema is not None else Shape()

    def scalar(self, schema: Schema | None) -> Coerce | None:
        """The function for a single string, or None where strings stay as they are."""
        return scalar(types_of(self.shape(schema)))

    def whole(self, schema: Schema | None, depth: int = 0) -> Coerce | None:
        """The function for a string, a list of strings or a mapping of them; None where nothing changes."""
        shape = self.shape(schema)
        single = scalar(types_of(shape))
        if depth > MAX_DEPTH or not ({"array", "object"} & shape.types):
            return single
        item = self.whole(shape.items, depth + 1) if shape.items is not None else None
        fields = {name: self.whole(one, depth + 1) for name, one in shape.properties.items()}
        rest = self.whole(shape.additional, depth + 1) if isinstance(shape.additional, Schema) else None
        return coerce_any(single, item, fields, rest, shape.types)


def types_of(shape: Shape) -> frozenset[str]:
    """The types of a shape, taken from its enum where it names none."""
    if shape.types or not shape.enum:
        return shape.types
    return frozenset(json_type(value) for value in shape.enum)


def json_type(value: Any) -> str:
    """The JSON Schema type of a value."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, (int, float)):
        return "integer" if isinstance(value, int) else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def scalar(types: frozenset[str]) -> Coerce | None:
    """The function for a string that is to be of one of some types."""
    steps = [SCALARS[name] for name in SCALARS if name in types]
    if "string" in types:
        steps = [step for step in steps if step is not null]  # a string that reads `null` is a string
    if not steps:
        return None
    return steps[0] if len(steps) == 1 else first_of(steps)


def first_of(steps: list[Callable[[str], Any]]) -> Coerce:
    """The first function that makes something else of a string."""

    def coerce(value: Any) -> Any:
        for step in steps:
            found = step(value)
            if found is not value:
                return found
        return value

    return coerce


def coerce_any(
    single: Coerce | None,
    item: Coerce | None,
    fields: Mapping[str, Coerce | None],
    rest: Coerce | None,
    types: frozenset[str],
) -> Coerce:
    """The function for values that may be lists or mappings."""

    def coerce(value: Any) -> Any:
        if isinstance(value, list):
            return [with_(item, one) for one in value]
        if isinstance(value, dict):
            if "array" in types and "object" not in types and (indexed := by_index(value)) is not None:
                return coerce(indexed)
            return {name: with_(fields.get(name, rest), one) for name, one in value.items()}
        return single(value) if single is not None and isinstance(value, str) else value

    return coerce


def with_(coerce: Coerce | None, value: Any) -> Any:
    """A value, coerced if there is anything to do; what came as JSON has its type already."""
    return coerce(value) if coerce is not None and isinstance(value, (str, list, dict)) else value


def by_index(value: Mapping[str, Any]) -> list[Any] | None:
    """`{"0": a, "1": b}` as a list, as bracketed forms write them; None when the names are not indexes."""
    if all(name.isdecimal() and name.isascii() for name in value):
        return [value[name] for name in sorted(value, key=int)]
    return None


# styles --------------------------------------------------------------------------------------------------------------


def split(separator: str) -> Callable[[str], list[str]]:
    """A function that splits a string; nothing at all is an empty list."""
    return lambda value: value.split(separator) if value else []


def flat_object(parts: list[str]) -> dict[str, str] | None:
    """`a,1,b,2` after splitting; None when a value is missing."""
    return dict(zip(parts[::2], parts[1::2], strict=True)) if len(parts) % 2 == 0 else None


def keyed_object(parts: list[str]) -> dict[str, str] | None:
    """`a=1,b=2` after splitting; None when an = is missing."""
    if not all("=" in part for part in parts):
        return None
    return {name: value for name, _, value in (part.partition("=") for part in parts)}


def simple(value: str, name: str, kind: str, explode: bool) -> Any:
    """`a,b` and `a,1,b,2` or, exploded, `a=1,b=2`: the style of path and header parameters."""
    if kind == "scalar":
        return value
    parts = [part.strip() for part in value.split(",")] if value else []
    if kind == "array":
        return parts
    return or_text(keyed_object(parts) if explode else flat_object(parts), value)


def label(value: str, name: str, kind: str, explode: bool) -> Any:
    """`.a`, `.a.b` exploded, `.a,b` not (RFC 6570 section 3.2.5)."""
    if not value.startswith("."):
        return value
    body = value[1:]
    if kind == "scalar":
        return body
    parts = split("." if explode else ",")(body)
    if kind == "array":
        return parts
    return or_text(keyed_object(parts) if explode else flat_object(parts), value)


def matrix(value: str, name: str, kind: str, explode: bool) -> Any:
    """`;name=a`, exploded `;name=a;name=b` or `;a=1;b=2` (RFC 6570 section 3.2.7)."""
    if not value.startswith(";"):
        return value
    parts = [part.partition("=") for part in value[1:].split(";")]
    if kind == "object" and explode:
        return {key: one for key, _, one in parts}
    if any(key != name for key, _, _ in parts):
        return value
    if kind == "scalar" or not explode:
        return simple(parts[0][2], name, kind, False)
    return [one for _, _, one in parts]


def or_text(found: Any, value: str) -> Any:
    """What was read, or the text when it could not be read as such."""
    return value if found is None else found


SINGLE_STYLES: Mapping[str, Callable[[str, str, str, bool], Any]] = {
    "simple": simple,
    "label": label,
    "matrix": matrix,
}
"""Styles of a parameter that stands in one place: value, name, kind (scalar, array, object), explode -> raw value."""

SEPARATORS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # style -> separator when decoded, separators as they may stand in the encoded value
    "form": (",", (",",)),
    "cookie": (",", (",",)),
    "spaceDelimited": (" ", ("%20", "+")),
    "pipeDelimited": ("|", ("|", "%7C", "%7c")),
    "tabDelimited": ("\t", ("%09",)),
}


def delimited(value: str, raw: str, style: str, location: str) -> list[str]:
    """The parts of a list in one value; an encoded separator belongs to a part if there are plain ones beside it."""
    if not value:
        return []
    separator, _ = SEPARATORS.get(style, SEPARATORS["form"])
    if separator == "," and "," in raw and "%2" in raw:
        return [text(part.encode("latin-1"), location) for part in raw.split(",")]
    return value.split(separator)


def bracketed(name: str) -> list[str] | None:
    """`filter[a][b]` as its steps; None when the brackets do not pair."""
    root, bracket, rest = name.partition("[")
    if not bracket or not rest.endswith("]"):
        return None
    return [root, *rest[:-1].split("][")]


def nest(entries: Iterable[tuple[list[str], str]]) -> dict[str, Any]:
    """Values by steps as one nested mapping; a repeated or empty last step gathers a list."""
    root: dict[str, Any] = {}
    for steps, value in entries:
        node = root
        for step in steps[:-1][:MAX_DEPTH]:
            following = node.setdefault(step, {})
            node = following if isinstance(following, dict) else {}
        put(node, steps[-1], value)
    found: dict[str, Any] = unbracketed(root)
    return found


def put(node: dict[str, Any], step: str, value: str) -> None:
    """Put a value at a step; a second one makes a list, an empty step always does."""
    if step in node:
        there = node[step]
        node[step] = [*there, value] if isinstance(there, list) else [there, value]
    else:
        node[step] = [value] if step == "" else value


def unbracketed(node: dict[str, Any]) -> Any:
    """Mappings whose only step is the empty one are the list it gathered."""
    found = {name: unbracketed(one) if isinstance(one, dict) else one for name, one in node.items()}
    return found[""] if list(found) == [""] else found


def from_json(value: str, name: str, location: str) -> Any:
    """A parameter that is JSON (`content: application/json`). Raises Problem `invalid_field`."""
    try:
        return read(value.encode())
    except orjson.JSONDecodeError as error:
        raise Problem("invalid_field", f"value is not JSON: {error.msg}", field=name, location=location) from None
