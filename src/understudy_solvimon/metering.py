"""Usage: what an event measures, and running aggregates that take one event at a time and merge.

1. An aggregate costs the same with ten events and with a hundred thousand; it never looks back at them.
2. Distinct values are kept by the caller, who tells whether a value is new; an aggregate only counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from understudy_solvimon import money
from understudy_solvimon.conditions import Value
from understudy_solvimon.money import ZERO
from understudy_solvimon.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What a set of events comes to. `floor` and `cap` are what per-event minimum and maximum prices add and take."""

    count: int = 0
    sum: Fraction = ZERO
    highest: Fraction | None = None
    lowest: Fraction | None = None
    distinct: int = 0
    floor: Fraction = ZERO
    cap: Fraction = ZERO


EMPTY = Aggregate()


def single(value: Fraction, floor: Fraction = ZERO, cap: Fraction = ZERO) -> Aggregate:
    """The aggregate of one event, its value not yet counted as distinct."""
    return Aggregate(1, value, value, value, 0, floor, cap)


def merge(one: Aggregate, other: Aggregate, shared: int = 0) -> Aggregate:
    """Two aggregates as one. `shared` is the number of distinct values that both have counted."""
    return Aggregate(
        one.count + other.count,
        one.sum + other.sum,
        _pick(max, one.highest, other.highest),
        _pick(min, one.lowest, other.lowest),
        one.distinct + other.distinct - shared,
        one.floor + other.floor,
        one.cap + other.cap,
    )


def without(whole: Aggregate, part: Aggregate, calculation: str) -> Aggregate | None:
    """An aggregate less one event; None where that event made the MAX or MIN, so that it must be taken anew."""
    if calculation in _EXTREMES and part.highest == _EXTREMES[calculation](whole):
        return None
    return replace(
        whole,
        count=whole.count - part.count,
        sum=whole.sum - part.sum,
        distinct=whole.distinct - part.distinct,
        floor=whole.floor - part.floor,
        cap=whole.cap - part.cap,
    )


_EXTREMES: Mapping[str, Callable[[Aggregate], Fraction | None]] = {
    "MAX": lambda aggregate: aggregate.highest,
    "MIN": lambda aggregate: aggregate.lowest,
}


def result(calculation: str, aggregate: Aggregate) -> Fraction:
    """What a calculation type (SUM, MAX, MIN, AVERAGE, UNIQUE) makes of an aggregate; 0 without events."""
    return _CALCULATIONS[calculation](aggregate)


_CALCULATIONS: Mapping[str, Callable[[Aggregate], Fraction]] = {
    "SUM": lambda aggregate: aggregate.sum,
    "MAX": lambda aggregate: aggregate.highest or ZERO,
    "MIN": lambda aggregate: aggregate.lowest or ZERO,
    "AVERAGE": lambda aggregate: aggregate.sum / aggregate.count if aggregate.count else ZERO,
    "UNIQUE": lambda aggregate: Fraction(aggregate.distinct),
}


KINDS = tuple(_CALCULATIONS)
"""The calculation types there are."""


def _pick(
    choose: Callable[[Fraction, Fraction], Fraction], one: Fraction | None, other: Fraction | None
) -> Fraction | None:
    if one is None or other is None:
        return one if other is None else other
    return choose(one, other)


@dataclass(frozen=True, slots=True)
class Part:
    """A value or property of a meter: what it may be named by (id, own reference, label) and what it takes."""

    id: str
    reference: str
    label: str | None
    required: bool
    type: str
    enum_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured value: a number, or an amount of a currency."""

    value: Fraction
    currency: str | None = None


def quantities(parts: Sequence[Part], entries: Sequence[Mapping[str, object]]) -> dict[str, Quantity]:
    """The values an event carries, by id. Raises Refusal: unknown, repeated, missing, of the wrong kind."""
    return {part.id: _quantity(part, entry, f"meter_values.{index}")
            for index, part, entry in _assigned("meter_values", parts, entries)}


def properties(parts: Sequence[Part], entries: Sequence[Mapping[str, object]]) -> dict[str, Value]:
    """The properties an event carries, by id: numbers for NUMBER, else text. Raises Refusal as `quantities`."""
    return {part.id: _property(part, entry.get("value"), f"meter_properties.{index}.value")
            for index, part, entry in _assigned("meter_properties", parts, entries)}


def _assigned(
    field: str, parts: Sequence[Part], entries: Sequence[Mapping[str, object]]
) -> list[tuple[int, Part, Mapping[str, object]]]:
    named = [(index, _named(field, index, parts, entry), entry) for index, entry in enumerate(entries)]
    seen: set[str] = set()
    for index, part, _ in named:
        if part.id in seen:
            raise Refusal(f"{field}.{index}", f"{part.reference} is given twice; an event carries it once")
        seen.add(part.id)
    for part in parts:
        if part.required and part.id not in seen:
            raise Refusal(field, f"{part.reference} is required by the meter, but not given")
    return named


def _named(field: str, index: int, parts: Sequence[Part], entry: Mapping[str, object]) -> Part:
    by = "id" if entry.get("id") is not None else "reference"
    name = entry.get(by)
    if name is None:
        raise Refusal(f"{field}.{index}.reference", "must name a part of the meter by its reference, label or id")
    for look in (_by_id, _by_reference, _by_label):
        for part in parts:
            if look(part) == name:
                return part
    known = ", ".join(part.reference for part in parts) or "none"
    raise Refusal(f"{field}.{index}.{by}", f'"{name}" is not on the meter, which has {known}')


def _by_id(part: Part) -> str | None:
    return part.id


def _by_reference(part: Part) -> str | None:
    return part.reference


def _by_label(part: Part) -> str | None:
    return part.label


def _quantity(part: Part, entry: Mapping[str, object], place: str) -> Quantity:
    given = entry.get("amount")
    if part.type == "AMOUNT":
        if not isinstance(given, Mapping):
            raise Refusal(f"{place}.amount", f"{part.reference} is an AMOUNT, so an amount is needed")
        value = money.money(given, f"{place}.amount")
        return Quantity(value.quantity, value.currency)
    key = "number" if entry.get("number") is not None else "count"
    if entry.get(key) is None:
        raise Refusal(f"{place}.number", f"{part.reference} is a NUMBER, so a number is needed")
    return Quantity(money.number(entry[key], f"{place}.{key}"))


def _property(part: Part, value: object, place: str) -> Value:
    if not isinstance(value, str):
        raise Refusal(place, f"{part.reference} needs a value")
    if part.type == "NUMBER":
        return money.number(value, place)
    if part.type == "ENUM" and value not in part.enum_values:
        known = ", ".join(part.enum_values) or "none"
        raise Refusal(place, f'"{value}" is none of the values of {part.reference}: {known}')
    return value
