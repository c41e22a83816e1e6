"""Conditions: every comparator, and how they join."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon.laws import LAW
from understudy_solvimon import conditions
from understudy_solvimon.conditions import Value
from understudy_solvimon.refusal import Refusal


def leaf(comparator: str, value: str | None = None, values: list[str] | None = None, id: str = "p") -> dict[str, Any]:
    """One property condition."""
    row = {"id": id, "comparator": comparator, "value": value, "values": values}
    return {key: part for key, part in row.items() if part is not None}


CASES: list[tuple[dict[str, Any], Value | None, bool]] = [
    (leaf("EQUALS", "GBR"), "GBR", True),
    (leaf("EQUALS", "GBR"), "USA", False),
    (leaf("EQUALS", "GBR"), None, False),
    (leaf("EQUALS", "1.0"), Fraction(1), True),
    (leaf("EQUALS", "1.0"), "1", False),
    (leaf("NOT_EQUALS", "GBR"), "USA", True),
    (leaf("NOT_EQUALS", "GBR"), None, True),
    (leaf("IN", values=["GBR", "USA"]), "USA", True),
    (leaf("IN", values=["GBR", "USA"]), "DEU", False),
    (leaf("IN", values=["1", "2"]), Fraction(2), True),
    (leaf("NOT_IN", values=["GBR", "USA"]), "DEU", True),
    (leaf("NOT_IN", values=["GBR", "USA"]), "GBR", False),
    (leaf("GREATER_THAN", "10"), Fraction(10), False),
    (leaf("GREATER_THAN", "10"), Fraction("10.01"), True),
    (leaf("GREATER_THAN_OR_EQUALS", "10"), Fraction(10), True),
    (leaf("LESS_THAN", "10"), Fraction(9), True),
    (leaf("LESS_THAN", "10"), None, False),
    (leaf("LESS_THAN_OR_EQUALS", "10"), Fraction(10), True),
    (leaf("GREATER_THAN", "9"), "10", False),
    (leaf("EMPTY"), None, True),
    (leaf("EMPTY"), "", True),
    (leaf("EMPTY"), "x", False),
    (leaf("NOT_EMPTY"), "x", True),
    (leaf("CONTAINS", "mini"), "gpt-4o-mini", True),
    (leaf("NOT_CONTAINS", "mini"), "gpt-4o", True),
    ({"id": "p", "value": "GBR"}, "GBR", True),
]


@pytest.mark.parametrize(("row", "value", "expected"), CASES)
def test_every_comparator_holds_where_it_should(row: dict[str, Any], value: Value | None, expected: bool) -> None:
    """NUMBER properties compare as numbers, others as text; without a comparator, EQUALS."""
    assert conditions.met({"meter_properties": [row]}, {} if value is None else {"p": value}) is expected


def test_listed_properties_join_with_and() -> None:
    """The guide: list them all and they are combined with AND."""
    both = {"meter_properties": [leaf("EQUALS", "GBR"), leaf("GREATER_THAN", "5", id="q")]}
    assert conditions.met(both, {"p": "GBR", "q": Fraction(6)})
    assert not conditions.met(both, {"p": "GBR", "q": Fraction(5)})


def operand(value: str) -> dict[str, Any]:
    """A property condition as an operand."""
    return {"meter_property": leaf("EQUALS", value)}


@pytest.mark.parametrize(("operator", "values", "expected"), [
    ("OR", ["GBR", "USA"], True), ("OR", ["DEU", "USA"], False), ("AND", ["GBR", "USA"], False), ("AND", ["GBR", "GBR"], True),
    ("XOR", ["GBR", "USA"], True), ("XOR", ["GBR", "GBR"], False), ("XOR", ["GBR", "GBR", "GBR"], True),
])
def test_expressions_join_with_their_operator(operator: str, values: list[str], expected: bool) -> None:
    """XOR of more than two holds where an odd number does."""
    expression = {"operator": operator, "operands": [operand(value) for value in values]}
    assert conditions.met({"expression": expression}, {"p": "GBR"}) is expected


def test_expressions_nest_to_any_depth_and_join_a_list_with_and() -> None:
    """(GBR or (USA and q > 5)) and not empty."""
    inner = {"operator": "AND", "operands": [operand("USA"), {"meter_property": leaf("GREATER_THAN", "5", id="q")}]}
    both = {"meter_properties": [leaf("NOT_EMPTY")], "expression": {"operator": "OR", "operands": [operand("GBR"), {"expression": inner}]}}
    assert conditions.met(both, {"p": "GBR"})
    assert conditions.met(both, {"p": "USA", "q": Fraction(6)})
    assert not conditions.met(both, {"p": "USA", "q": Fraction(5)})
    assert [place for place, _ in conditions.leaves(both)] == [
        "meter_properties.0", "expression.operands.0.meter_property",
        "expression.operands.1.expression.operands.0.meter_property", "expression.operands.1.expression.operands.1.meter_property"]


@pytest.mark.parametrize("none", [None, {}, {"name": "all"}, {"meter_properties": []}])
def test_conditions_that_ask_for_nothing_are_met_by_everything(none: dict[str, Any] | None) -> None:
    """Such a config is the one to fall back to."""
    assert conditions.met(none, {})
    assert conditions.is_open(none)


REFUSED = [
    (leaf("IN", "GBR"), "STRING", "values"),
    (leaf("EQUALS", values=["GBR"]), "STRING", "value"),
    (leaf("GREATER_THAN", "5"), "STRING", "comparator"),
    (leaf("LESS_THAN", "5"), "ENUM", "comparator"),
    (leaf("GREATER_THAN", "many"), "NUMBER", "value"),
    (leaf("IN", values=["1", "x"]), "NUMBER", "values"),
]


@pytest.mark.parametrize(("row", "type", "field"), REFUSED)
def test_conditions_that_can_never_make_sense_are_refused_by_field(row: dict[str, Any], type: str, field: str) -> None:
    """Numeric comparators are for NUMBER properties; IN and NOT_IN want a list, the others one value."""
    with pytest.raises(Refusal) as caught:
        conditions.check({"meter_properties": [row]}, {"p": type})
    assert caught.value.field == f"meter_properties.0.{field}"


def test_an_expression_without_operands_is_refused() -> None:
    """At its own place, however deep."""
    deep = {"operator": "OR", "operands": [operand("GBR"), {"expression": {"operator": "AND", "operands": []}}]}
    with pytest.raises(Refusal) as caught:
        conditions.check({"expression": deep}, {"p": "STRING"})
    assert caught.value.field == "expression.operands.1.expression.operands"


@LAW
@given(st.sampled_from(["EQUALS", "IN", "EMPTY", "CONTAINS"]), st.text(max_size=3), st.text(max_size=3))
def test_every_comparator_and_its_opposite_share_the_world(comparator: str, value: str, given_value: str) -> None:
    """Exactly one of the two holds."""
    opposite = "NOT_" + comparator
    rows = [{"id": "p", "comparator": word, "value": given_value, "values": [given_value]} for word in (comparator, opposite)]
    assert sum(conditions.met({"meter_properties": [row]}, {"p": value}) for row in rows) == 1
