"""From lines to both shapes of an invoice, to what is paid, and back by credit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon.laws import LAW, decimals
from understudy_solvimon import invoicing, money
from understudy_solvimon.invoicing import Bill, Group, Line, Rate, Span
from understudy_solvimon.money import Money
from understudy_solvimon.refusal import Refusal

EUR = "EUR"
START, END = "2025-05-06T00:00:00Z", "2025-06-06T00:00:00Z"
MONTH = {"type": "MONTH", "value": 1}
GROUP = Group(("one",), {"pricing": {"id": "pric_1", "name": "Per receipt"}})

TAXES = [
    ("N16: 99.00 with 21 % in it is 81.82 and 17.18", "99.00", "21", invoicing.INCLUDING, "81.82", "17.18"),
    ("2.50 and 21 % on top: 0.525 goes up", "2.50", "21", invoicing.EXCLUDING, "2.50", "0.53"),
    ("no rate, no tax", "2.50", "0", invoicing.EXCLUDING, "2.50", "0.00"),
    ("no rate, nothing inside", "2.50", "0", invoicing.INCLUDING, "2.50", "0.00"),
    ("a price is rounded before it is taxed: 0.005 is 0.01, its tax 0.00", "0.005", "21", invoicing.EXCLUDING, "0.01", "0.00"),
    ("7.25 % of 10.00 is 0.725", "10.00", "7.25", invoicing.EXCLUDING, "10.00", "0.73"),
    ("a credit mirrors its invoice", "-99.00", "21", invoicing.INCLUDING, "-81.82", "-17.18"),
]


@pytest.mark.parametrize(("why", "price", "rate", "kind", "net", "tax"), TAXES)
def test_tax_is_on_top_or_inside_and_rounded_with_the_line(why: str, price: str, rate: str, kind: str, net: str, tax: str) -> None:
    """EXCLUDING_TAX adds it, INCLUDING_TAX takes it out; the two always make the price."""
    assert invoicing.taxed(Fraction(price), Rate(Fraction(rate)), kind, EUR) == (Fraction(net), Fraction(tax))


def line(net: str, tax: str = "0", rate: str = "0", group: Group = GROUP, **facts: Any) -> Line:
    """A line of so much."""
    return Line("Registered employees", Fraction(5), Money(Fraction("0.50"), EUR), Fraction(net), Fraction(tax),
                Rate(Fraction(rate)), group, {"product_items": [{"reference": "reimbursed_amount"}], **facts})


def bill(*lines: Line, kind: str = invoicing.EXCLUDING) -> Bill:
    """A bill of one period."""
    return Bill(EUR, (Span(START, END, MONTH, lines),), kind, "NL")


def test_guides_shape_is_the_guides_own_example() -> None:
    """Configure your first meters and prices, section 6."""
    assert invoicing.guide_shape(bill(line("2.50"))) == {
        "billing_period_start": START,
        "billing_period_end": END,
        "total_amount": {"quantity": "2.50", "currency": "EUR"},
        "line_items": [{
            "product_item_reference": "reimbursed_amount",
            "description": "Registered employees",
            "quantity": "5",
            "unit_price": {"quantity": "0.50", "currency": "EUR"},
            "total": {"quantity": "2.50", "currency": "EUR"},
        }],
    }


def test_references_shape_nests_periods_groups_and_lines() -> None:
    """Two pricings are two groups; every level sums what is below it."""
    other = Group(("two",), {"pricing": {"id": "pric_2", "name": "Seats"}})
    shape = invoicing.reference_shape(bill(line("1.00", "0.21", "21"), line("2.00", "0.42", "21"), line("4.00", group=other)))
    (period,) = shape["periods"]
    assert shape["invoice_amount_including_tax"] == {"quantity": "7.63", "currency": "EUR"}
    assert (period["period_order"], period["start_at"], period["end_at"]) == (1, START, END)
    assert [group["pricing"]["id"] for group in period["groups"]] == ["pric_1", "pric_2"]
    assert [group["amount_including_tax"]["quantity"] for group in period["groups"]] == ["3.63", "4.00"]
    assert [row["line_order"] for row in period["groups"][0]["lines"]] == [1, 2]
    assert shape["tax_summary"] == {
        "base_amount": {"quantity": "7.00", "currency": "EUR"}, "tax_amount": {"quantity": "0.63", "currency": "EUR"},
        "total_amount": {"quantity": "7.63", "currency": "EUR"}, "country_code": "NL"}
    assert [(row["percentage"], row["base_amount"]["quantity"]) for row in shape["tax_categories"]] == [("21", "3.00"), ("0", "4.00")]


def test_a_bill_without_lines_is_nothing_but_a_period() -> None:
    """Zero usage: no line."""
    shape = invoicing.document(bill())
    assert (shape["total_amount"]["quantity"], shape["line_items"], shape["periods"][0]["groups"]) == ("0.00", [], [])


SETTLEMENTS = [
    ("10", "0", "0", "UNPAID", "10.00", False),
    ("10", "4", "0", "PARTIALLY_PAID", "6.00", False),
    ("10", "10", "0", "PAID", "0.00", True),
    ("10", "11", "0", "OVERPAID", "-1.00", True),
    ("10", "6", "4", "PAID", "0.00", True),
    ("10", "0", "4", "UNPAID", "6.00", False),
]


@pytest.mark.parametrize(("owed", "paid", "credited", "status", "open_amount", "flag"), SETTLEMENTS)
def test_payment_status_follows_from_what_is_paid_and_credited(
    owed: str, paid: str, credited: str, status: str, open_amount: str, flag: bool
) -> None:
    """UNPAID, PARTIALLY_PAID, PAID, OVERPAID; paid is a flag beside it."""
    found = invoicing.settlement(Fraction(owed), Fraction(paid), EUR, Fraction(credited))
    assert (found["payment_status"], found["open_invoice_amount"]["quantity"], found["paid"]) == (status, open_amount, flag)


@pytest.mark.parametrize(("rules", "count", "expected"), [
    ({}, 1, "INV-000001"), ({"prefix": "2025", "separator": "/"}, 12, "2025/000012"),
    ({"prefix": "", "first_number": 1000, "increment_by": 10, "minimum_number_of_digits": 1}, 3, "1020"),
])
def test_numbers_follow_their_configuration(rules: dict[str, Any], count: int, expected: str) -> None:
    """The reference's DocumentNumberConfiguration."""
    assert invoicing.number(count, rules) == expected


# --- credit -----------------------------------------------------------------------------------------------------------

INVOICE = invoicing.document(bill(line("1.00", "0.21", "21"), line("2.00", "0.42", "21")))


def credited(**asked: Any) -> tuple[str, list[str]]:
    """The total of a credit and of its lines."""
    shape = invoicing.guide_shape(invoicing.credit(INVOICE, asked))
    return shape["total_amount"]["quantity"], [row["total"]["quantity"] for row in shape["line_items"]]


def piece(order: int, amount: str | None = None, **more: Any) -> dict[str, Any]:
    """A line to credit."""
    return {"line_order": order, **({} if amount is None else {"amount": {"quantity": amount, "currency": EUR}}), **more}


def test_an_invoice_and_its_credit_come_to_nothing() -> None:
    """Line by line, with tax."""
    assert credited() == ("-3.63", ["-1.21", "-2.42"])


def test_a_credit_takes_back_the_lines_it_names() -> None:
    """All of one, or an amount without tax of it."""
    groups = [{"group_order": 1, "lines": [piece(2)]}]
    assert credited(periods=[{"period_order": 1, "groups": groups}]) == ("-2.42", ["-2.42"])
    assert credited(groups=groups) == ("-2.42", ["-2.42"])
    assert credited(groups=[{"group_order": 1, "lines": [piece(2, "1.00")]}]) == ("-1.21", ["-1.21"])


def test_a_credit_takes_an_amount_of_a_group_or_a_period() -> None:
    """As one line, at the rate of the first."""
    money_back = {"quantity": "0.50", "currency": EUR}
    assert credited(groups=[{"group_order": 1, "amount": money_back}]) == ("-0.61", ["-0.61"])
    assert credited(periods=[{"period_order": 1, "amount": money_back}]) == ("-0.61", ["-0.61"])


WRONG = [
    ({"periods": [{"period_order": 2}]}, "periods.0.period_order"),
    ({"periods": [{"period_order": 1, "groups": [{"group_order": 9}]}]}, "periods.0.groups.0.group_order"),
    ({"periods": [{"period_order": 1, "groups": [{"group_order": 1, "lines": [piece(3)]}]}]}, "periods.0.groups.0.lines.0.line_order"),
    ({"periods": [{"period_order": 1, "groups": [{"group_order": 1, "lines": [piece(1, "1.01")]}]}]},
     "periods.0.groups.0.lines.0.amount.quantity"),
    ({"periods": [{"period_order": 1, "groups": [{"group_order": 1, "lines": [piece(1, "-1")]}]}]},
     "periods.0.groups.0.lines.0.amount.quantity"),
    ({"periods": [{"period_order": 1, "amount": {"quantity": "1", "currency": "USD"}}]}, "periods.0.amount.currency"),
]


@pytest.mark.parametrize(("asked", "field"), WRONG)
def test_credits_of_what_was_not_billed_are_refused_by_field(asked: dict[str, Any], field: str) -> None:
    """An order that is not there, more than was billed, another currency."""
    with pytest.raises(Refusal) as caught:
        invoicing.credit(INVOICE, asked)
    assert caught.value.field == field


LINES = st.lists(st.tuples(decimals(-500, 500, 4), st.sampled_from(["0", "5.5", "21"])), max_size=8)


def built(rows: list[tuple[Fraction, str]], kind: str) -> Bill:
    """A bill of prices and rates."""
    lines = []
    for price, rate in rows:
        net, tax = invoicing.taxed(price, Rate(Fraction(rate)), kind, EUR)
        lines.append(Line("x", Fraction(1), None, net, tax, Rate(Fraction(rate)), GROUP, {}))
    return bill(*lines, kind=kind)


def read(amount: dict[str, str]) -> Fraction:
    """The number of an amount."""
    return money.money(amount).quantity


@LAW
@given(LINES, st.sampled_from([invoicing.EXCLUDING, invoicing.INCLUDING]))
def test_an_invoice_is_the_sum_of_its_lines(rows: list[tuple[Fraction, str]], kind: str) -> None:
    """In both shapes, and the two say the same."""
    shape = invoicing.document(built(rows, kind))
    total = read(shape["total_amount"])
    nested = [row for period in shape["periods"] for group in period["groups"] for row in group["lines"]]
    assert total == sum(read(row["total"]) for row in shape["line_items"])
    assert total == sum(read(row["amount_including_tax"]) for row in nested) == read(shape["invoice_amount_including_tax"])
    assert read(shape["tax_summary"]["base_amount"]) == sum(read(row["amount_excluding_tax"]) for row in nested)
    assert read(shape["tax_summary"]["base_amount"]) + read(shape["tax_summary"]["tax_amount"]) == total


@LAW
@given(LINES, st.sampled_from([invoicing.EXCLUDING, invoicing.INCLUDING]))
def test_any_invoice_and_its_credit_come_to_nothing(rows: list[tuple[Fraction, str]], kind: str) -> None:
    """Total by total, whatever was rounded."""
    owed = built(rows, kind)
    back = invoicing.credit(invoicing.document(owed), {})
    assert invoicing.total(owed) + invoicing.total(back) == 0
