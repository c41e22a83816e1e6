"""Form and multipart bodies: fields read like query parameters, put together as one object.

1. What is not declared is handed on as it came, for the schema and the cleaner to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from understudy.contract import bodies, parameters
from understudy.contract.bodies import Part
from understudy.contract.fields import Field, from_pairs
from understudy.contract.parameters import Coerce, Pair
from understudy.contract.values import Parameter, Schema
from understudy.exact import read


def form_parameter(name: str, schema: Schema, encoding: Mapping[str, Any], types: frozenset[str]) -> Parameter:
    """A form field as the query parameter it is like (OpenAPI 3.1, Encoding Object)."""
    style = encoding.get("style") or ("deepObject" if "object" in types else "form")
    explode = encoding.get("explode")
    return Parameter(
        name=name,
        location="body",
        required=False,
        schema=schema,
        style=style,
        explode=explode if isinstance(explode, bool) else style == "form",
    )


class Form:
    """Form fields, read like query parameters; what is not declared is handed on for the cleaner to judge."""

    def __init__(self, fields: list[Field], rest: Coerce | None) -> None:
        self._fields = {field.name: field for field in fields}
        self._rest = rest

    def reader(self, how: str, read: bodies.Reader) -> bodies.Reader:
        """A reader whose pairs or parts become an object."""
        gather: Callable[[Any], Any] = self._from_pairs if how == "form" else self._from_parts
        return lambda body, content_type: gather(read(body, content_type))

    def _from_pairs(self, found: list[Pair]) -> dict[str, Any]:
        given: dict[str, list[Pair]] = {}
        for pair in found:
            root = pair[0].partition("[")[0]
            name = pair[0] if pair[0] in self._fields or root not in self._fields else root
            given.setdefault(name, []).append(pair)
        return {name: self._value(name, one) for name, one in given.items()}

    def _value(self, name: str, found: list[Pair]) -> Any:
        field = self._fields.get(name)
        if field is None:
            values = [value for _, value, _ in found]
            raw: Any = values[0] if len(values) == 1 else values
            return self._rest(raw) if self._rest is not None else raw
        raw = (
            self._bracketed(field, found)
            if "[" in found[0][0] and field.name != found[0][0]
            else from_pairs(field, found)
        )
        return field.coerce(raw) if field.coerce is not None else raw

    def _bracketed(self, field: Field, found: list[Pair]) -> Any:
        entries = [(steps[1:], value) for name, value, _ in found if (steps := parameters.bracketed(name))]
        return parameters.nest(entries)

    def _from_parts(self, parts: list[Part]) -> dict[str, Any]:
        values: dict[str, list[Any]] = {}
        for part in parts:
            values.setdefault(part.name, []).append(part_value(part, self._fields.get(part.name)))
        return {name: self._joined(self._fields.get(name), found) for name, found in values.items()}

    def _joined(self, field: Field | None, found: list[Any]) -> Any:
        if field is not None and field.kind == "array":
            whole = found[0] if len(found) == 1 and isinstance(found[0], list) else found
            return field.coerce(whole) if field.coerce is not None else whole
        one = found[0] if len(found) == 1 else found
        return field.coerce(one) if field is not None and field.coerce is not None else one


def part_value(part: Part, field: Field | None) -> Any:
    """The value of one part: JSON where it says so or an object is wanted, else its text."""
    wanted = field is not None and field.kind == "object"
    if part.content_type.endswith("json") or (wanted and part.filename is None):
        try:
            return read(part.value)
        except orjson.JSONDecodeError:
            if not wanted:
                raise bodies.malformed(f'part "{part.name}" of the body is not valid JSON') from None
    return bodies.read_bytes(part.value, "")
