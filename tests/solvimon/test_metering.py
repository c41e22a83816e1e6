"""Running aggregates and what an event carries."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon.laws import LAW, decimals
from understudy_solvimon import metering
from understudy_solvimon.metering import EMPTY, Aggregate, Part, Quantity
from understudy_solvimon.refusal import Refusal

RESULTS = [
    ("SUM", ["5", "3"], Fraction(8)),
    ("SUM", ["0.1", "0.2"], Fraction(3, 10)),
    ("SUM", ["5", "-5"], Fraction(0)),
    ("SUM", [], Fraction(0)),
    ("MAX", ["5", "3", "4"], Fraction(5)),
    ("MAX", ["-5", "-3"], Fraction(-3)),
    ("MAX", [], Fraction(0)),
    ("MIN", ["5", "3", "4"], Fraction(3)),
    ("MIN", ["-5", "3"], Fraction(-5)),
    ("AVERAGE", ["5", "3", "2"], Fraction(10, 3)),
    ("AVERAGE", [], Fraction(0)),
]


def collected(values: Sequence[Fraction]) -> Aggregate:
    """The aggregate of values, one after the other."""
    return reduce(metering.merge, map(metering.single, values), EMPTY)


@pytest.mark.parametrize(("calculation", "values", "expected"), RESULTS)
def test_calculations_come_of_the_aggregate_alone(calculation: str, values: list[str], expected: Fraction) -> None:
    """SUM, MAX, MIN and AVERAGE over the events of a period; nothing without events."""
    assert metering.result(calculation, collected([Fraction(value) for value in values])) == expected


def test_unique_counts_the_distinct_values() -> None:
    """The caller says which values are new."""
    seen = reduce(metering.merge, [Aggregate(1, distinct=1), Aggregate(1, distinct=0), Aggregate(1, distinct=1)], EMPTY)
    assert metering.result("UNIQUE", seen) == 2


VALUES = st.lists(decimals(-1000, 1000), max_size=20)


@LAW
@given(VALUES, VALUES, VALUES)
def test_aggregates_merge_in_any_grouping(one: list[Fraction], two: list[Fraction], three: list[Fraction]) -> None:
    """(a + b) + c = a + (b + c)."""
    a, b, c = map(collected, (one, two, three))
    assert metering.merge(metering.merge(a, b), c) == metering.merge(a, metering.merge(b, c)) == collected(one + two + three)


@LAW
@given(VALUES, VALUES)
def test_aggregates_merge_in_any_order(one: list[Fraction], other: list[Fraction]) -> None:
    """a + b = b + a, and the empty aggregate changes nothing."""
    a, b = collected(one), collected(other)
    assert metering.merge(a, b) == metering.merge(b, a)
    assert metering.merge(a, EMPTY) == a


@LAW
@given(st.lists(decimals(-1000, 1000), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_order_of_events_never_matters(values: list[Fraction], random: object) -> None:
    """For none of the calculations."""
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert collected(values) == collected(shuffled)


@LAW
@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_distinct_values_merge_like_sets(one: set[int], other: set[int]) -> None:
    """What both have seen counts once."""
    merged = metering.merge(Aggregate(distinct=len(one)), Aggregate(distinct=len(other)), shared=len(one & other))
    assert metering.result("UNIQUE", merged) == len(one | other)


@LAW
@given(st.lists(decimals(-100, 100), min_size=1, max_size=10), st.sampled_from(["SUM", "AVERAGE", "MAX", "MIN"]), st.data())
def test_an_event_taken_out_leaves_what_was_there_without_it(values: list[Fraction], calculation: str, data: st.DataObject) -> None:
    """Or the aggregate says that it must be taken anew: only where the event made the MAX or MIN."""
    gone = data.draw(st.integers(0, len(values) - 1))
    left = values[:gone] + values[gone + 1:]
    rest = metering.without(collected(values), metering.single(values[gone]), calculation)
    if rest is None:
        assert calculation in ("MAX", "MIN")
        assert values[gone] == metering.result(calculation, collected(values))
    else:
        assert metering.result(calculation, rest) == metering.result(calculation, collected(left))


COUNT = Part("metv_1", "employee_count", "Employee count", True, "NUMBER")
FEE = Part("metv_2", "fee", None, False, "AMOUNT")
COUNTRY = Part("metp_1", "employee_country", "Employee type", True, "ENUM", ("GBR", "USA"))
AGE = Part("metp_2", "age", None, False, "NUMBER")
NOTE = Part("metp_3", "note", None, False, "STRING")


@pytest.mark.parametrize("name", [{"reference": "employee_count"}, {"reference": "Employee count"}, {"id": "metv_1"}])
def test_parts_are_named_by_reference_label_or_id(name: dict[str, str]) -> None:
    """The guide names a value by its own reference, the meter labels it otherwise: both are it."""
    assert metering.quantities([COUNT], [{**name, "number": "5"}]) == {"metv_1": Quantity(Fraction(5))}


def test_own_reference_wins_over_another_parts_label() -> None:
    """A label that happens to be another value's reference."""
    other = Part("metv_9", "hours", "employee_count", False, "NUMBER")
    assert "metv_1" in metering.quantities([other, COUNT], [{"reference": "employee_count", "number": "5"}])


def test_amounts_carry_their_currency() -> None:
    """An AMOUNT value is money."""
    entries: list[dict[str, object]] = [{"reference": "employee_count", "count": "2"}, {"reference": "fee", "amount": {"quantity": "9.99", "currency": "EUR"}}]
    assert metering.quantities([COUNT, FEE], entries) == {"metv_1": Quantity(Fraction(2)), "metv_2": Quantity(Fraction("9.99"), "EUR")}


REFUSED_VALUES = [
    ([], "meter_values", "required"),
    ([{"reference": "employee_count"}], "meter_values.0.number", "number is needed"),
    ([{"reference": "employee_count", "number": 5}], "meter_values.0.number", "decimal number"),
    ([{"reference": "employee_count", "number": "five"}], "meter_values.0.number", "decimal number"),
    ([{"reference": "employee_count", "number": "1"}, {"reference": "fee", "number": "1"}], "meter_values.1.amount", "AMOUNT"),
    ([{"reference": "employee_count", "number": "1"}, {"reference": "hours", "number": "1"}], "meter_values.1.reference", "not on the meter"),
    ([{"reference": "employee_count", "number": "1"}, {"id": "metv_1", "number": "1"}], "meter_values.1", "twice"),
    ([{"number": "1"}], "meter_values.0.reference", "must name"),
]


@pytest.mark.parametrize(("entries", "field", "word"), REFUSED_VALUES)
def test_values_that_do_not_fit_the_meter_are_refused_by_field(entries: list[dict[str, object]], field: str, word: str) -> None:
    """Missing, unknown, repeated, of the wrong kind."""
    with pytest.raises(Refusal, match=word) as caught:
        metering.quantities([COUNT, FEE], entries)
    assert caught.value.field == field


def test_properties_are_text_and_numbers_are_numbers() -> None:
    """So that "1" and "1.0" are one NUMBER and two STRINGs."""
    entries = [{"reference": "employee_country", "value": "GBR"}, {"reference": "age", "value": "1.0"}, {"reference": "note", "value": "1.0"}]
    assert metering.properties([COUNTRY, AGE, NOTE], entries) == {"metp_1": "GBR", "metp_2": Fraction(1), "metp_3": "1.0"}


REFUSED_PROPERTIES = [
    ([], "meter_properties", "required"),
    ([{"reference": "employee_country", "value": "DEU"}], "meter_properties.0.value", "none of the values"),
    ([{"reference": "employee_country"}], "meter_properties.0.value", "needs a value"),
    ([{"reference": "employee_country", "value": "GBR"}, {"reference": "age", "value": "old"}], "meter_properties.1.value", "decimal"),
    ([{"reference": "country", "value": "GBR"}], "meter_properties.0.reference", "not on the meter"),
]


@pytest.mark.parametrize(("entries", "field", "word"), REFUSED_PROPERTIES)
def test_properties_that_do_not_fit_the_meter_are_refused_by_field(entries: list[dict[str, object]], field: str, word: str) -> None:
    """ENUM values are those of the list, NUMBERs are numbers, required ones are there."""
    with pytest.raises(Refusal, match=word) as caught:
        metering.properties([COUNTRY, AGE], entries)
    assert caught.value.field == field
