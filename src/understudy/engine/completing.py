"""A value made to fit a schema while what it says is kept: what is required is filled in from the schema's example.

1. What cannot stand is taken away field by field, and named; nothing is changed that the schema allows.
2. No record is kept or answered here; what cannot be made to fit is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from understudy.contract.contract import Contract
from understudy.contract.values import Schema
from understudy.contract.violations import Violation

MOST_REPAIRS = 24
"""Fields one value may lose before it is given up."""

_DEPTH = 12


class Completed(NamedTuple):
    """A value that fits its schema, and the dotted fields that were not kept as they came."""

    value: Any
    lost: tuple[str, ...] = ()


Complete = Callable[[Any], Completed | None]


def completer(contract: Contract, schema: Schema) -> Complete:
    """A function that makes values fit a response schema; None of it where that cannot be done."""
    valid = contract.validator(schema, "response").is_valid
    return lambda value: Completed(value) if valid(value) else _completed(contract, schema, value)


def _completed(contract: Contract, schema: Schema, value: Any) -> Completed | None:
    validator = contract.validator(schema, "response")
    filled = joined(contract, schema, value, _DEPTH)
    if validator.is_valid(filled):
        return Completed(filled)
    lost: list[str] = []
    tried: set[tuple[Any, ...]] = set()
    for _ in range(MOST_REPAIRS):
        violation = validator.first(filled)
        if violation is None:
            return Completed(filled, tuple(lost))
        path = _to_repair(violation, tried)
        if path is None:
            return _over_example(contract, schema, value, lost)
        tried.add(path)
        lost.append(".".join(map(str, path)))
        filled = _repaired(contract, schema, filled, path)
    return _over_example(contract, schema, value, lost)


def _over_example(contract: Contract, schema: Schema, value: Any, lost: list[str]) -> Completed | None:
    """As much of an object as its schema's example lets in, one field after the other."""
    valid = contract.validator(schema, "response").is_valid
    whole = contract.example(schema, "response")
    if not isinstance(value, dict) or not isinstance(whole, dict) or not valid(whole):
        return None
    left = []
    for name, part in value.items():
        if valid({**whole, name: part}):
            whole = {**whole, name: part}
        else:
            left.append(name)
    return Completed(whole, tuple(left))


def joined(contract: Contract, schema: Schema, value: Any, depth: int) -> Any:
    """A value with everything its schema requires, at every depth, from the examples of what is missing."""
    if not depth or not isinstance(value, (dict, list)):
        return value
    shape = contract.shape(schema, "response")
    inner = partial(joined, contract, depth=depth - 1)
    if isinstance(value, list):
        return [inner(shape.items, part) for part in value] if shape.items is not None else value
    result = {name: inner(shape.properties[name], part) if name in shape.properties else part for name, part in value.items()}
    return {**_missing(contract, schema, value), **result}


def _missing(contract: Contract, schema: Schema, value: Mapping[str, Any]) -> dict[str, Any]:
    shape = contract.shape(schema, "response")
    wanted = [name for name in shape.properties if name in shape.required and name not in value]
    wanted += sorted(shape.required - shape.properties.keys() - value.keys())
    if not wanted:
        return {}
    whole = contract.example(schema, "response")
    known = whole if isinstance(whole, dict) else {}
    return {name: known[name] if name in known else _example(contract, shape.properties.get(name)) for name in wanted}


def _example(contract: Contract, schema: Schema | None) -> Any:
    return contract.example(schema, "response") if schema is not None else ""


def _to_repair(violation: Violation, tried: set[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The innermost place of a breach that was not repaired before; None where only the top is left."""
    path = tuple(violation.path)
    while path and path in tried:
        path = path[:-1]
    return path or None


def _repaired(contract: Contract, schema: Schema | None, value: Any, path: tuple[Any, ...]) -> Any:
    """A value whose part at a path is the example of what the schema has there, or is gone where it need not be there."""
    step, rest = path[0], path[1:]
    shape = contract.shape(schema, "response") if schema is not None else None
    if isinstance(value, list):
        if not isinstance(step, int) or step >= len(value):
            return value
        part = shape.items if shape else None
        middle = [_repaired(contract, part, value[step], rest)] if rest else [_example(contract, part)] if part else []
        return [*value[:step], *middle, *value[step + 1 :]]
    if not isinstance(value, dict):
        return value
    part = shape.properties.get(str(step)) if shape else None
    if rest and step in value:
        return {**value, step: _repaired(contract, part, value[step], rest)}
    others = {name: one for name, one in value.items() if name != step}
    needed = shape is not None and (step in shape.required or step not in value)
    return {**others, step: _example(contract, part)} if needed else others
