"""Discounts on draft lines: tables by hand, and laws."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon.laws import LAW, decimals
from understudy_solvimon import discounts, invoicing
from understudy_solvimon.charges import DISCOUNT, EXCLUDING, INCLUDING, DraftLine, Group, Rate, Scope, Terms
from understudy_solvimon.discounts import Discount, FreeUsage, allocated
from understudy_solvimon.invoicing import Bill, Span

GROUP = Group(("a",), {})


def line(price: str | Fraction, *, tax: str = "0", quantity: str = "1", meter: str | None = None, **scope: str) -> DraftLine:
    """A draft line of a price."""
    facts: dict[str, Any] = {"meter_value": {"reference": meter}} if meter else {}
    return DraftLine("line", Fraction(quantity), None, Fraction(price), Rate(Fraction(tax)), GROUP, Scope(**scope), facts=facts)


def percent(value: str, **members: Any) -> Discount:
    """A percentage off."""
    return Discount(percentage=Fraction(value), **members)


def off(value: str, **members: Any) -> Discount:
    """An amount off."""
    return Discount(amount=Fraction(value), **members)


def taken(lines: list[DraftLine], *wanted: Discount, currency: str = "EUR") -> list[str]:
    """The prices of the lines that discounts make, in order."""
    done = discounts.discounted(tuple(lines), Terms(currency, wanted))
    return [str(float(one.price)) for one in done if one.kind == DISCOUNT]


# What is there, the discounts, what they take, and why.
TAKEN: list[tuple[str, list[DraftLine], list[Discount], list[str]]] = [
    ("10 % of 100.00 is 10.00", [line("100")], [percent("10")], ["-10.0"]),
    ("all of it is all of it", [line("100")], [percent("100")], ["-100.0"]),
    ("no per cent is no line", [line("100")], [percent("0")], []),
    ("a third of 1.00 is 0.33", [line("1")], [percent("33.333333333333")], ["-0.33"]),
    ("half a cent is a cent: 5 % of 0.10", [line("0.10")], [percent("5")], ["-0.01"]),
    ("less than half a cent is nothing: 4 % of 0.10", [line("0.10")], [percent("4")], []),
    ("a line is what it is rounded to before: 10 % of 1.005, shown as 1.01, is 0.10", [line("1.005")], [percent("10")], ["-0.1"]),
    ("5.00 off 20.00", [line("20")], [off("5")], ["-5.0"]),
    ("5.00 off 3.00 is 3.00: an invoice never falls below nothing", [line("3")], [off("5")], ["-3.0"]),
    ("5.00 off nothing is nothing", [line("0")], [off("5")], []),
    ("15 of two lines of 10 and 20: 5 and 10", [line("10"), line("20")], [off("15")], ["-5.0", "-10.0"]),
    ("1.00 of three equal lines: the odd cent goes to the first", [line("1")] * 3, [off("1")], ["-0.34", "-0.33", "-0.33"]),
    ("10 % of 3 x 0.05 is 0.015, so 0.02, not 3 x 0.01", [line("0.05")] * 3, [percent("10")], ["-0.01", "-0.01"]),
    ("10 % then 5.00: 100 - 10 - 5", [line("100")], [percent("10"), off("5")], ["-10.0", "-5.0"]),
    ("5.00 then 10 % of the 95 left", [line("100")], [off("5"), percent("10")], ["-5.0", "-9.5"]),
    ("50 % twice leaves a quarter", [line("100")], [percent("50"), percent("50")], ["-50.0", "-25.0"]),
    ("100 % then 10 %: nothing is left for the second", [line("100")], [percent("100"), percent("10")], ["-100.0"]),
    ("what a DEDUCTION takes back is not lowered", [line("100"), line("-30")], [percent("10")], ["-10.0"]),
    ("more than all is all", [line("10")], [percent("150")], ["-10.0"]),
    ("less than nothing is nothing", [line("10")], [percent("-10")], []),
    ("an amount below nothing is nothing", [line("10")], [off("-10")], []),
    ("aimed at a product", [line("10", product="p"), line("20", product="q")], [percent("10", aims=(("product", frozenset("q")),))], ["-2.0"]),
    ("aimed at nothing that is there", [line("10", product="p")], [percent("10", aims=(("product", frozenset("q")),))], []),
    ("aimed at an item or at a category: either fits", [line("10", product_item="i"), line("20", product_category="c"), line("40")],
     [percent("10", aims=(("product_item", frozenset("i")), ("product_category", frozenset("c"))))], ["-1.0", "-2.0"]),
    ("of one schedule only", [line("10", schedule="s"), line("10", schedule="t")], [percent("10", schedules=frozenset("t"))], ["-1.0"]),
    ("on orders from 50.00 on: 50.00 is one", [line("50")], [percent("10", comparator="GREATER_THAN_OR_EQUALS", threshold=Fraction(50))], ["-5.0"]),
    ("on orders above 50.00: 50.00 is none", [line("50")], [percent("10", comparator="GREATER_THAN", threshold=Fraction(50))], []),
    ("the condition looks at what is left by then", [line("60")],
     [off("20"), percent("10", comparator="GREATER_THAN", threshold=Fraction(50))], ["-20.0"]),
    ("10 of 40 units at 2.00 are free", [line("80", quantity="40", meter="calls")], [Discount(usage=FreeUsage("calls", Fraction(10)))], ["-20.0"]),
    ("50 free units of 40 are 40", [line("80", quantity="40", meter="calls")], [Discount(usage=FreeUsage("calls", Fraction(50)))], ["-80.0"]),
    ("free units of another meter value", [line("80", quantity="40", meter="calls")], [Discount(usage=FreeUsage("gb", Fraction(50)))], []),
    ("free units over two lines, one after the other", [line("80", quantity="40", meter="calls"), line("30", quantity="10", meter="calls")],
     [Discount(usage=FreeUsage("calls", Fraction(45)))], ["-80.0", "-15.0"]),
    ("tiers: a free unit is worth the average, 18.00 / 200", [line("18", quantity="200", meter="calls")],
     [Discount(usage=FreeUsage("calls", Fraction(100)))], ["-9.0"]),
]


@pytest.mark.parametrize(("why", "lines", "wanted", "expected"), TAKEN, ids=[row[0] for row in TAKEN])
def test_discounts_by_hand(why: str, lines: list[DraftLine], wanted: list[Discount], expected: list[str]) -> None:
    """Each case says its reason."""
    assert taken(lines, *wanted) == expected, why


def test_currencies_without_cents_are_discounted_in_whole_units() -> None:
    """10 % of 5 JPY is 0.5, so 1."""
    assert taken([line("5")], percent("10"), currency="JPY") == ["-1.0"]


def test_a_discount_stands_behind_the_line_it_lowers() -> None:
    """In the same group, with the same rate, and the next discount behind it."""
    lines = [line("10", tax="21"), line("20", tax="9")]
    done = discounts.discounted(tuple(lines), Terms("EUR", (percent("10"), percent("50"))))
    assert [(one.kind, float(one.price), float(one.rate.percentage)) for one in done] == [
        ("REVENUE", 10, 21), ("DISCOUNT", -1, 21), ("DISCOUNT", -4.5, 21), ("REVENUE", 20, 9), ("DISCOUNT", -2, 9), ("DISCOUNT", -9, 9)]


def test_what_was_billed_in_advance_counts_as_lowered_already() -> None:
    """10 seats at 10.00 in advance, 10 % off; then 15.00 of usage: an amount of 12 has 2 left; 4 seats fewer give back 3.60, not 4."""
    seats = line("10", product_item="seats")
    later = discounts.discounted((line("15", product_item="calls"),), Terms("EUR", (off("12"),), (), (seats,)))
    assert [float(one.price) for one in later] == [15, -2]
    fewer = discounts.discounted((line("-4", product_item="seats"),), Terms("EUR", (percent("10"),), (), (seats,)))
    assert [float(one.price) for one in fewer] == [-4, 0.4]


def test_the_order_is_discount_then_commitment_then_tax() -> None:
    """100 with 20 % off, a minimum of 90 and 21 %: 80, topped up by 10, is 90 and 18.90 tax."""
    from understudy_solvimon.commitments import Commitment  # only here: the neighbour in the table of steps

    least = Commitment(Scope(), Fraction(90), GROUP, Rate(Fraction(21)))
    lines = invoicing.settled([line("100", tax="21")], Terms("EUR", (percent("20"),), (least,)))
    assert [(one.kind, float(one.net)) for one in lines] == [("REVENUE", 100), ("DISCOUNT", -20), ("COMMITMENT", 10)]
    assert float(sum(one.gross for one in lines)) == 108.9


# --- laws -------------------------------------------------------------------------------------------------------------

_scope = st.sampled_from(["p", "q"])
_lines = st.lists(st.builds(
    lambda price, tax, product, quantity: line(price, tax=str(tax), quantity=str(quantity), meter="calls", product=product),
    decimals(0, 500), st.sampled_from([0, 9, 21]), _scope, st.integers(1, 50)), min_size=1, max_size=6)
_aims = st.one_of(st.just(()), _scope.map(lambda name: (("product", frozenset(name)),)))
_discount = st.one_of(
    st.builds(lambda value, aims: Discount(percentage=value, aims=aims), decimals(0, 100), _aims),
    st.builds(lambda value, aims: Discount(amount=value, aims=aims), decimals(0, 600), _aims),
    st.builds(lambda value, aims: Discount(usage=FreeUsage("calls", value), aims=aims), decimals(0, 60), _aims),
)
_discounts = st.lists(_discount, max_size=4).map(tuple)


def bill(lines: list[DraftLine], wanted: tuple[Discount, ...], kind: str = EXCLUDING) -> Bill:
    """A bill of lines with discounts."""
    drafts = [DraftLine(one.description, one.quantity, None, one.price, one.rate, one.group, one.scope, kind, facts=one.facts) for one in lines]
    return Bill("EUR", (Span(None, None, None, invoicing.settled(drafts, Terms("EUR", wanted))),), kind)


@LAW
@given(_lines, _discounts, st.sampled_from([EXCLUDING, INCLUDING]))
def test_discounts_never_lower_anything_below_zero(lines: list[DraftLine], wanted: tuple[Discount, ...], kind: str) -> None:
    """Neither the invoice nor its net, nor its tax, nor one line with what lowers it."""
    made = bill(lines, wanted, kind).spans[0].lines
    assert sum(one.net for one in made) >= 0
    assert sum(one.tax for one in made) >= 0
    left = Fraction(0)
    for one in made:
        left = one.net if one.kind != DISCOUNT else left + one.net
        assert left >= 0


@LAW
@given(_lines, _discounts)
def test_an_invoice_with_discounts_is_the_sum_of_its_lines(lines: list[DraftLine], wanted: tuple[Discount, ...]) -> None:
    """And a discount more never makes it dearer."""
    made = bill(lines, wanted)
    assert invoicing.total(made) == sum(one.gross for one in made.spans[0].lines)
    assert invoicing.total(made) <= invoicing.total(bill(lines, wanted[:-1]))


@LAW
@given(_lines, _discounts, st.sampled_from([EXCLUDING, INCLUDING]))
def test_an_invoice_with_discounts_and_its_credit_are_nothing(lines: list[DraftLine], wanted: tuple[Discount, ...], kind: str) -> None:
    """Invoice + its credit = 0, in total, net, tax and by rate."""
    shown = invoicing.document(bill(lines, wanted, kind))
    credit = invoicing.credit({**shown, "billing_currency": "EUR"}, {})
    back = invoicing.document(credit)
    for field in ("total_amount", "invoice_amount_excluding_tax", "invoice_amount_including_tax"):
        assert Fraction(shown[field]["quantity"]) + Fraction(back[field]["quantity"]) == 0
    assert [one.kind for one in credit.spans[0].lines] == [one.kind for one in bill(lines, wanted, kind).spans[0].lines]


@LAW
@given(decimals(0, 1000, 2), st.lists(decimals(0, 100, 2), min_size=1, max_size=8))
def test_what_is_allocated_adds_up_and_exceeds_no_share(total: Fraction, shares: list[Fraction]) -> None:
    """To the cent."""
    wanted = min(total, sum(shares, Fraction(0)))
    parts = allocated(wanted, shares, "EUR")
    assert sum(parts) == wanted
    assert all(0 <= part <= share and (part * 100).denominator == 1 for part, share in zip(parts, shares, strict=True))


@LAW
@given(decimals(0, 1000, 2), st.sampled_from(["0", "5.5", "9", "19", "21"]))
def test_prices_with_and_without_tax_agree(net: Fraction, percentage: str) -> None:
    """What an exclusive price comes to with tax, taken as an inclusive price, holds the same net amount and tax."""
    rate = Rate(Fraction(percentage))
    first = invoicing.taxed(net, rate, EXCLUDING, "EUR")
    assert invoicing.taxed(sum(first), rate, INCLUDING, "EUR") == first
