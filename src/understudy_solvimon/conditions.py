"""Pricing conditions: whether an event's properties meet them.

1. A list of property conditions is joined with AND; an expression joins with AND, OR or XOR, to any depth.
2. A condition is the API's own JSON, its properties named by id; nothing here looks anything up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from understudy_solvimon import money
from understudy_solvimon.refusal import Refusal

Value = str | Fraction
"""A property's value: a number for NUMBER properties, so that "1" equals "1.0", else text."""

Condition = Mapping[str, Any]


def met(conditions: Condition | None, properties: Mapping[str, Value]) -> bool:
    """Whether properties, by id, meet conditions; those that ask for nothing are met by everything."""
    if not conditions:
        return True
    listed = conditions.get("meter_properties") or ()
    expression = conditions.get("expression")
    return all(_holds(part, properties) for part in listed) and (not expression or _joined(expression, properties))


def compares(comparator: str | None, value: Value | None, given: str | None) -> bool:
    """Whether a value stands in a relation to a given text; of several, parted by commas, for IN and NOT_IN (assumed)."""
    return _COMPARATORS[comparator or "EQUALS"](value, {"value": given, "values": (given or "").split(",")})


def is_open(conditions: Condition | None) -> bool:
    """Whether conditions ask for nothing, so that their config is the one to fall back to."""
    return next(leaves(conditions), None) is None


def leaves(conditions: Condition | None) -> Iterator[tuple[str, Condition]]:
    """Every property condition with its dotted place."""
    if not conditions:
        return
    for index, part in enumerate(conditions.get("meter_properties") or ()):
        yield f"meter_properties.{index}", part
    if conditions.get("expression"):
        yield from _operands("expression", conditions["expression"])


def check(conditions: Condition | None, types: Mapping[str, str]) -> None:
    """Refuse conditions that can never make sense. `types` is property id -> NUMBER, ENUM or STRING.

    Raises Refusal: values and comparator do not fit, or a numeric comparator on a property that is no number.
    """
    for place, leaf in leaves(conditions):
        _check_leaf(leaf, types.get(str(leaf.get("id"))), place)
    for place, expression in _expressions(conditions):
        if not expression.get("operands"):
            raise Refusal(f"{place}.operands", "must hold at least one operand")


def _check_leaf(leaf: Condition, type: str | None, place: str) -> None:
    comparator = leaf.get("comparator") or "EQUALS"
    if comparator in _MEMBERSHIP and not leaf.get("values"):
        raise Refusal(f"{place}.values", f"must list the values to compare with, as {comparator} does")
    if comparator not in _MEMBERSHIP | _PRESENCE and leaf.get("value") is None:
        raise Refusal(f"{place}.value", f"must hold the value to compare with, as {comparator} does")
    if comparator in _ORDER and type != "NUMBER":
        raise Refusal(f"{place}.comparator", f"{comparator} compares numbers; the property is of type {type}")
    if type == "NUMBER" and comparator not in _PRESENCE:
        for given in leaf.get("values") or [leaf.get("value")]:
            money.number(given, f"{place}.{'values' if comparator in _MEMBERSHIP else 'value'}")


def _expressions(conditions: Condition | None) -> Iterator[tuple[str, Condition]]:
    waiting = [("expression", (conditions or {}).get("expression"))]
    while waiting:
        place, expression = waiting.pop()
        if not expression:
            continue
        yield place, expression
        for index, operand in enumerate(expression.get("operands") or ()):
            waiting.append((f"{place}.operands.{index}.expression", operand.get("expression")))


def _operands(place: str, expression: Condition) -> Iterator[tuple[str, Condition]]:
    for index, operand in enumerate(expression.get("operands") or ()):
        at = f"{place}.operands.{index}"
        if operand.get("meter_property"):
            yield f"{at}.meter_property", operand["meter_property"]
        if operand.get("expression"):
            yield from _operands(f"{at}.expression", operand["expression"])


def _joined(expression: Condition, properties: Mapping[str, Value]) -> bool:
    results = [_operand(operand, properties) for operand in expression.get("operands") or ()]
    return _OPERATORS[expression.get("operator") or "AND"](results)


def _operand(operand: Condition, properties: Mapping[str, Value]) -> bool:
    leaf, expression = operand.get("meter_property"), operand.get("expression")
    return (not leaf or _holds(leaf, properties)) and (not expression or _joined(expression, properties))


def _holds(leaf: Condition, properties: Mapping[str, Value]) -> bool:
    return _COMPARATORS[leaf.get("comparator") or "EQUALS"](properties.get(str(leaf.get("id"))), leaf)


def _equals(value: Value | None, given: object) -> bool:
    if isinstance(value, Fraction):
        return _number(given) == value
    return value is not None and value == given


def _number(given: object) -> Fraction | None:
    try:
        return money.number(given)
    except Refusal:
        return None


def _ordered(compare: Callable[[Fraction, Fraction], bool]) -> Callable[[Value | None, Condition], bool]:
    def holds(value: Value | None, leaf: Condition) -> bool:
        bound = _number(leaf.get("value"))
        return isinstance(value, Fraction) and bound is not None and compare(value, bound)

    return holds


def _among(value: Value | None, leaf: Condition) -> bool:
    return any(_equals(value, given) for given in leaf.get("values") or ())


def _absent(value: Value | None, _: Condition) -> bool:
    return value is None or value == ""


def _contains(value: Value | None, leaf: Condition) -> bool:
    return value is not None and str(leaf.get("value")) in (money.text(value) if isinstance(value, Fraction) else value)


def _not(holds: Callable[[Value | None, Condition], bool]) -> Callable[[Value | None, Condition], bool]:
    return lambda value, leaf: not holds(value, leaf)


def _same(value: Value | None, leaf: Condition) -> bool:
    return _equals(value, leaf.get("value"))


_ORDER: Mapping[str, Callable[[Value | None, Condition], bool]] = {
    "GREATER_THAN": _ordered(lambda value, bound: value > bound),
    "GREATER_THAN_OR_EQUALS": _ordered(lambda value, bound: value >= bound),
    "LESS_THAN": _ordered(lambda value, bound: value < bound),
    "LESS_THAN_OR_EQUALS": _ordered(lambda value, bound: value <= bound),
}

_MEMBERSHIP = frozenset({"IN", "NOT_IN"})
_PRESENCE = frozenset({"EMPTY", "NOT_EMPTY"})

_COMPARATORS: Mapping[str, Callable[[Value | None, Condition], bool]] = {
    "EQUALS": _same,
    "NOT_EQUALS": _not(_same),
    "IN": _among,
    "NOT_IN": _not(_among),
    "EMPTY": _absent,
    "NOT_EMPTY": _not(_absent),
    "CONTAINS": _contains,
    "NOT_CONTAINS": _not(_contains),
    **_ORDER,
}

_OPERATORS: Mapping[str, Callable[[list[bool]], bool]] = {
    "AND": all,
    "OR": any,
    "XOR": lambda results: sum(results) % 2 == 1,  # of more than two operands: an odd number hold (assumed)
}
