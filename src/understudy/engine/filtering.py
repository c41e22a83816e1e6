"""What a list's query parameters ask of its records, each parameter's reading compiled once.

1. A parameter is a list of pairs, a bound, a search or the name of a field, in this order; else it does not filter.
2. Records are looked at by the store; here stands only what they must satisfy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from understudy.behaviour.model import Lists

Record = dict[str, Any]
Where = Callable[[Record], bool]

_RANGE = re.compile(r"\[([^,\]]*),([^,\]]*)\]")
_LIST = re.compile(r"\[([^\]]*)\]")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Filters(NamedTuple):
    """What a record must satisfy, in the store's terms."""

    equals: tuple[tuple[str, frozenset[Any]], ...] = ()
    ranges: tuple[tuple[str, Any, Any], ...] = ()
    where: Where | None = None


def filter_of(rules: Lists, name: str, known: frozenset[str]) -> Callable[[Any], tuple[str, Any]] | None:
    """How a parameter's value is read; None where it does not filter."""
    if name in rules.pairs:
        return lambda value: ("where", _pair(rules.pairs[name], str(value)))
    if name in rules.bounds:
        return lambda value: _bound(*rules.bounds[name], value)
    if name == rules.search:
        return lambda value: ("where", _text(str(value)))
    field = _field(rules, name, known)
    if field is None:
        return None
    read = _bracketed if rules.ranges == "brackets" else _equal
    every = rules.everything.get(name)
    return lambda value: ("any", None) if every is not None and value in (every, [every]) else read(field, value)


def _equal(field: str, value: Any) -> tuple[str, Any]:
    try:
        return "equals", (field, frozenset(value if isinstance(value, list) else (value,)))
    except TypeError:  # an object or a list within the list
        wanted = value if isinstance(value, list) else [value]
        return "where", lambda record: record.get(field) in wanted


def _field(rules: Lists, name: str, known: frozenset[str]) -> str | None:
    if name in rules.filters:
        return rules.filters[name]
    plain = name.removesuffix("[]")
    if plain in known:
        return plain
    singular = re.sub(r"(?<=s)es$|s$", "", plain)
    return singular if name != plain and singular in known else None


def _bracketed(field: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, list):
        return "equals", (field, frozenset(value))
    if isinstance(value, str) and value[:1] == "[":
        span = _RANGE.fullmatch(value)
        if span is not None and all(not part or _DAY.match(part) for part in span.groups()):
            return "range", (field, span[1] or None, span[2] or None)
        several = _LIST.fullmatch(value)
        if several:
            return "equals", (field, frozenset(several[1].split(",")))
    return "equals", (field, frozenset((value,)))


def _pair(names: tuple[str, str, str], text: str) -> Where:
    array, name, held = names
    key, _, wanted = text.rpartition(":")

    def holds(record: Record) -> bool:
        return any(isinstance(entry, dict) and entry.get(name) == key and str(entry.get(held)) == wanted for entry in record.get(array) or ())

    return holds


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}


def _bound(field: str, word: str, bound: Any) -> tuple[str, Any]:
    bounds = bound if word == "keys" and isinstance(bound, dict) else {word: bound}

    def holds(record: Record) -> bool:
        value = record.get(field)
        try:
            return value is not None and all(_COMPARE[one](value, limit) for one, limit in bounds.items() if one in _COMPARE)
        except TypeError:
            return False

    return "where", holds


def _text(wanted: str) -> Where:
    sought = wanted.casefold()
    return lambda record: any(isinstance(value, str) and sought in value.casefold() for value in record.values())


def every(wheres: Sequence[Where]) -> Where | None:
    """One test that holds where all of these do; None for none."""
    if not wheres:
        return None
    return lambda record: all(where(record) for where in wheres)
