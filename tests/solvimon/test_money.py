"""Numbers and money: what is taken, what is refused, and how it is written."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given

from solvimon.laws import LAW, decimals
from understudy_solvimon import money
from understudy_solvimon.money import Money
from understudy_solvimon.refusal import Refusal

ROUNDINGS = [
    ("2.5", "EUR", "2.50", "all of the currency's places are written"),
    ("0.005", "EUR", "0.01", "half a cent goes up"),
    ("0.0049999", "EUR", "0.00", "less than half a cent goes down"),
    ("-0.005", "EUR", "-0.01", "half goes away from zero below it too, or a credit would differ from its invoice"),
    ("1.005", "EUR", "1.01", "exactly half: a binary float of 1.005 would go down"),
    ("2.675", "EUR", "2.68", "the same trap, one up"),
    ("2.5", "JPY", "3", "yen have no smaller unit"),
    ("-2.5", "JPY", "-3", "and round away from zero"),
    ("0.0005", "KWD", "0.001", "dinars have thousandths"),
    ("1.23456", "CLF", "1.2346", "the unidad de fomento has four places"),
    ("99.995", "USD", "100.00", "rounding carries"),
    ("0", "EUR", "0.00", "nothing is written out as well"),
    ("-0.001", "EUR", "0.00", "no negative zero"),
    ("123456789012345678901234567.895", "EUR", "123456789012345678901234567.90", "no digit is lost at any size"),
]


@pytest.mark.parametrize(("value", "currency", "written", "why"), ROUNDINGS)
def test_amounts_are_rounded_half_up_to_the_currencys_minor_units(value: str, currency: str, written: str, why: str) -> None:
    """Half up, away from zero; ISO 4217 gives the places."""
    assert money.amount(Fraction(value), currency) == {"quantity": written, "currency": currency}, why


@pytest.mark.parametrize("given_text", ["0.50", "5", "-1.25", "0", "007", "000.500"])
def test_decimal_strings_are_numbers(given_text: str) -> None:
    """A sign, digits, and digits after a point."""
    assert money.number(given_text) == Fraction(given_text)


@pytest.mark.parametrize("value", [0.5, 5, True, None, "", "1e5", "NaN", "Infinity", ".5", "5.", "1,5", " 1", "0x10", "٣", "1/3", [], "--1"])
def test_anything_but_a_decimal_string_is_refused(value: object) -> None:
    """Money is never a float: a number where a string belongs is refused as well."""
    with pytest.raises(Refusal, match="decimal number"):
        money.number(value, "amount.quantity")


def test_eighty_digits_are_refused_by_name() -> None:
    """The field is named and the limit said."""
    with pytest.raises(Refusal, match="at most 72") as caught:
        money.number("9" * 80, "amount.quantity")
    assert caught.value.field == "amount.quantity"


@pytest.mark.parametrize(("value", "written"), [("5", "5"), ("5.00", "5"), ("0.50", "0.5"), ("100", "100"), ("-3.10", "-3.1"), ("0", "0")])
def test_quantities_are_written_as_short_as_they_are(value: str, written: str) -> None:
    """The guide's invoice says quantity "5"."""
    assert money.text(Fraction(value)) == written


def test_endless_decimals_are_shown_to_twelve_places() -> None:
    """An average of 10 over 3 stays exact inside; only what is shown is cut."""
    assert money.text(Fraction(10, 3)) == "3.333333333333"
    assert money.amount(Fraction(10, 3) * 3, "EUR")["quantity"] == "10.00"


@pytest.mark.parametrize(("value", "written"), [("0.5", "0.50"), ("0.0006", "0.0006"), ("24", "24.00"), ("0.125", "0.125")])
def test_prices_keep_places_finer_than_the_minor_unit(value: str, written: str) -> None:
    """A price per token is far below a cent and must not vanish."""
    assert money.exact_amount(Money(Fraction(value), "EUR"))["quantity"] == written


def test_money_without_its_parts_is_refused_by_field() -> None:
    """The refusal names quantity or currency, below the field it was found in."""
    with pytest.raises(Refusal) as caught:
        money.money({"quantity": "1"}, "bands.0.amount")
    assert caught.value.field == "bands.0.amount.currency"
    with pytest.raises(Refusal) as caught:
        money.money({"quantity": 1, "currency": "EUR"}, "bands.0.amount")
    assert caught.value.field == "bands.0.amount.quantity"


@LAW
@given(decimals(-1000, 1000, 5))
def test_rounding_and_turning_the_sign_commute(value: Fraction) -> None:
    """So an invoice and its credit come to nothing."""
    assert money.rounded(-value, "EUR") == -money.rounded(value, "EUR")


@LAW
@given(decimals(-1000, 1000, 5))
def test_rounding_moves_a_value_by_half_a_unit_at_most(value: Fraction) -> None:
    """And twice is once."""
    once = money.rounded(value, "EUR")
    assert abs(once - value) <= Fraction(1, 200)
    assert money.rounded(once, "EUR") == once


@LAW
@given(decimals(-1000, 1000, 6))
def test_what_is_written_is_read_back(value: Fraction) -> None:
    """Text and number are one value."""
    assert money.number(money.text(value)) == value
    assert money.money(money.exact_amount(Money(value, "EUR"))).quantity == value
