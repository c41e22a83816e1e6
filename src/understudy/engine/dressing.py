"""How a record becomes an operation's answer where that is more than the record: wrapped, or of another schema.

Compiled once for each operation; nothing here knows requests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.behaviour.looking import identity
from understudy.contract.contract import Contract
from understudy.contract.shapes import Shape
from understudy.contract.values import Schema
from understudy.engine.completing import completer
from understudy.engine.kinds import Kind, Record
from understudy.problems import Problem

Dress = Callable[[Record], Any]


def inner(contract: Contract, schema: Schema | None, wrap: str | None, direction: str = "response") -> tuple[Schema | None, str | None]:
    """The record's own schema within an operation's, and the property that holds it where the schema declares it."""
    if schema is None or wrap is None:
        return schema, None
    part = contract.shape(schema, direction).properties.get(wrap)
    return (schema, None) if part is None else (part, wrap)


def same(one: Schema | None, other: Schema | None) -> bool:
    """Whether two schemas are one: the same address, behind references too, or the same words."""
    if one is None or other is None:
        return False
    return one.uri == other.uri or identity(one) == identity(other) or (one.value == other.value and not _relative(one))


def _relative(schema: Schema) -> bool:
    return isinstance(schema.value, dict) and "$ref" in schema.value


def dress_of(contract: Contract, kind: Kind, schema: Schema, wrap: str | None) -> Dress | None:
    """What makes a record an answer of a schema; None where it is one as it is."""
    part, held = inner(contract, schema, wrap)
    alike = same(part, kind.schema)
    if held is None:
        return None if alike else filling(contract, schema)
    fill = None if alike or part is None else filling(contract, part)
    beside = _siblings(contract, schema, held)

    def dress(record: Record) -> Any:
        return {**beside, held: record if fill is None else fill(record)}

    return dress


def _siblings(contract: Contract, schema: Schema, held: str) -> Record:
    shape = contract.shape(schema, "response")
    if not shape.required - {held}:
        return {}
    whole = contract.example(schema, "response")
    return {name: part for name, part in whole.items() if name in shape.required and name != held} if isinstance(whole, dict) else {}


def filling(contract: Contract, schema: Schema) -> Dress:
    """A record's fields in another schema: those of the same names, the rest of what is required from its example."""
    project = contract.project(schema)
    complete = completer(contract, schema)
    shape = contract.shape(schema, "response")

    def fill(record: Record) -> Any:
        done = complete(project({name: part for name, part in record.items() if name in shape.properties})) if _is_object(shape) else None
        if done is None:
            value = contract.example(schema, "response")
            if not contract.validator(schema, "response").is_valid(value):
                raise Problem("contract_broken", "no answer that the document allows can be made of the record")
            return value
        return done.value

    return fill


def _is_object(shape: Shape) -> bool:
    return bool(shape.properties) or "object" in shape.types or not shape.types
