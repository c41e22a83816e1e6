"""What the simulated provider does, and when a payment schedule charges: tables by hand."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon.laws import LAW
from understudy_solvimon import payments, periods
from understudy_solvimon.money import Money
from understudy_solvimon.payments import Outcome
from understudy_solvimon.refusal import Refusal

DAY = timedelta(days=1)

# The provider's name of a method, the attempt, how the charge goes.
OUTCOMES: list[tuple[str, int, Outcome]] = [
    ("", 1, Outcome("AUTHORIZED")),
    ("authorised", 1, Outcome("AUTHORIZED")),
    ("pm_1N3T00LkdIwHu7ixRVSD", 7, Outcome("AUTHORIZED")),
    ("declined", 1, Outcome("REFUSED", "GENERIC_DECLINE")),
    ("declined", 9, Outcome("REFUSED", "GENERIC_DECLINE")),
    ("declined_insufficient_funds", 1, Outcome("REFUSED", "INSUFFICIENT_FUNDS")),
    ("DECLINED-EXPIRED-CARD", 1, Outcome("REFUSED", "EXPIRED_CARD")),
    ("declined_once", 1, Outcome("REFUSED", "GENERIC_DECLINE")),
    ("declined_once", 2, Outcome("AUTHORIZED")),
    ("declined_twice_insufficient_funds", 2, Outcome("REFUSED", "INSUFFICIENT_FUNDS")),
    ("declined_twice_insufficient_funds", 3, Outcome("AUTHORIZED")),
    ("declined_4_times", 4, Outcome("REFUSED", "GENERIC_DECLINE")),
    ("declined_4_times", 5, Outcome("AUTHORIZED")),
    ("declinedly", 1, Outcome("AUTHORIZED")),
    ("delayed_P", 1, Outcome("AUTHORIZED")),
    ("delayed_P5H", 1, Outcome("AUTHORIZED")),
    ("action_required", 1, Outcome("PENDING", action=True)),
    ("delayed", 1, Outcome("PENDING", None, "settle", DAY)),
    ("delayed_P2D", 1, Outcome("PENDING", None, "settle", 2 * DAY)),
    ("delayed_PT6H", 1, Outcome("PENDING", None, "settle", timedelta(hours=6))),
    ("delayed_P2D_declined", 1, Outcome("PENDING", "GENERIC_DECLINE", "refuse", 2 * DAY)),
    ("delayed_declined_account_closed", 1, Outcome("PENDING", "ACCOUNT_CLOSED", "refuse", DAY)),
    ("chargeback", 1, Outcome("AUTHORIZED", None, "charge_back", 7 * DAY)),
    ("chargeback_P30D", 1, Outcome("AUTHORIZED", None, "charge_back", 30 * DAY)),
]


@pytest.mark.parametrize(("name", "attempt", "expected"), OUTCOMES)
def test_a_methods_name_says_how_its_charges_go(name: str, attempt: int, expected: Outcome) -> None:
    """The marker of the test; every other name is authorised."""
    assert payments.outcome(name, attempt) == expected


@LAW
@given(st.text(max_size=40), st.integers(1, 20))
def test_no_name_is_beyond_the_provider(name: str, attempt: int) -> None:
    """Any text has an outcome, and always the same."""
    assert payments.outcome(name, attempt) == payments.outcome(name, attempt)


ZONE = periods.zone("Europe/Amsterdam")
NOW = periods.instant("2025-05-06T10:30:00Z")


def euros(quantity: str) -> dict[str, str]:
    """An amount."""
    return {"quantity": quantity, "currency": "EUR"}


def dues(**schedule: Any) -> list[tuple[str, str]]:
    """When and how much, as text."""
    return [(periods.stamp(due.at), str(float(due.amount.quantity))) for due in payments.charges(schedule, NOW, ZONE)]


def monthly(total: str, count: int, start: str | None = "2025-05-31T10:00:00Z") -> dict[str, Any]:
    """Installments by the month."""
    return {"type": "INSTALLMENTS", "installments": {
        "variant": "INTERVAL", "total_amount": euros(total), "number_of_installments": count,
        "interval": {**({"start_at": start} if start else {}), "period": {"type": "MONTH", "value": 1}}}}


def test_one_charge_is_now_unless_it_says_when() -> None:
    """ONE_OFF."""
    assert dues(type="ONE_OFF", one_off={"charge": {"amount": euros("25.00")}}) == [("2025-05-06T10:30:00Z", "25.0")]
    assert dues(type="ONE_OFF", one_off={"charge": {"amount": euros("25.00"), "charge_at": "2025-06-01T00:00:00Z"}}) == [
        ("2025-06-01T00:00:00Z", "25.0")]


def test_installments_add_up_and_keep_the_day_of_the_month() -> None:
    """100.00 in three: 33.34, 33.33, 33.33; from 31 May on, by way of 30 June, to 31 July."""
    assert dues(**monthly("100.00", 3)) == [
        ("2025-05-31T10:00:00Z", "33.34"), ("2025-06-30T10:00:00Z", "33.33"), ("2025-07-31T10:00:00Z", "33.33")]


def test_installments_without_a_start_begin_now() -> None:
    """interval.start_at is optional."""
    assert dues(**monthly("2.00", 2, None)) == [("2025-05-06T10:30:00Z", "1.0"), ("2025-06-06T10:30:00Z", "1.0")]


def test_installments_of_set_days_are_charged_in_their_order() -> None:
    """FIXED."""
    charges = [{"charge_at": "2025-07-01T00:00:00Z", "amount": euros("10.00")}, {"charge_at": "2025-06-01T00:00:00Z", "amount": euros("20.00")}]
    assert dues(type="INSTALLMENTS", installments={"variant": "FIXED", "fixed": {"charges": charges}}) == [
        ("2025-06-01T00:00:00Z", "20.0"), ("2025-07-01T00:00:00Z", "10.0")]


def test_a_recurring_charge_goes_on_until_its_end() -> None:
    """The end itself is excluded, as of every stretch of time."""
    schedule = {"type": "RECURRING", "recurring": {"charge": {"amount": euros("5.00")}, "start_at": "2025-05-31T00:00:00Z",
                                                   "end_at": "2025-07-31T00:00:00Z", "period": {"type": "MONTH", "value": 1}}}
    assert dues(**schedule) == [("2025-05-31T00:00:00Z", "5.0")]
    following = [payments.next_charge(schedule, index, ZONE) for index in (1, 2)]
    assert [None if one is None else periods.stamp(one.at) for one in following] == ["2025-06-30T00:00:00Z", None]


@pytest.mark.parametrize(("schedule", "field"), [
    (monthly("0.02", 3), "installments.total_amount.quantity"),
    (monthly("0.005", 1), "installments.total_amount.quantity"),
    ({"type": "RECURRING", "recurring": {"charge": {"amount": euros("5.00")}, "start_at": "2025-06-01T00:00:00Z",
                                         "end_at": "2025-06-01T00:00:00Z", "period": {"type": "MONTH", "value": 1}}}, "recurring.end_at"),
])
def test_schedules_that_charge_nothing_are_refused(schedule: dict[str, Any], field: str) -> None:
    """By the field at fault."""
    with pytest.raises(Refusal) as caught:
        dues(**schedule)
    assert caught.value.field == field


@LAW
@given(st.integers(1, 10_000_000), st.integers(1, 60), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_parts_add_up_and_differ_by_a_unit_at_most(units: int, count: int, currency: str) -> None:
    """Whatever the currency."""
    scale = {"EUR": 100, "JPY": 1, "KWD": 1000}[currency]
    if units < count:
        return
    made = payments.parts(Money(Fraction(units, scale), currency), count)
    assert sum(part.quantity for part in made) == Fraction(units, scale)
    assert max(made, key=lambda part: part.quantity).quantity - min(made, key=lambda part: part.quantity).quantity <= Fraction(1, scale)
