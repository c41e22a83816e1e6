"""Commitments: what is short of the promised amount becomes a line, after discounts, narrow commitments first."""

from __future__ import annotations

from fractions import Fraction

from understudy_solvimon import money
from understudy_solvimon.charges import COMMITMENT, DISCOUNT, DraftLine, Group, Rate, Scope, Terms
from understudy_solvimon.commitments import Commitment, committed

GROUP = Group(("a",), {})
STANDARD = Rate(Fraction(21))


def line(price: str, pricing: str = "pric_1", kind: str = "REVENUE") -> DraftLine:
    """A draft line of a pricing."""
    return DraftLine("x", Fraction(1), None, Fraction(price), STANDARD, GROUP, Scope("ppsc_1", pricing), kind=kind)


def promised(amount: str, **scope: str) -> Commitment:
    """A commitment of the first schedule."""
    return Commitment(Scope("ppsc_1", **scope), Fraction(amount), GROUP, STANDARD)


def sums(*commitments: Commitment, lines: tuple[DraftLine, ...]) -> list[tuple[str, Fraction]]:
    """What the draft lines have become, by kind and price."""
    return [(one.kind, one.price) for one in committed(lines, Terms("EUR", commitments=commitments))]


def test_what_is_short_of_a_commitment_becomes_a_line() -> None:
    """At least 100 of everything: 60 were billed, so 40 are added, taxed as what was billed."""
    lines = (line("60"),)
    assert sums(promised("100"), lines=lines) == [("REVENUE", 60), (COMMITMENT, 40)]
    assert committed(lines, Terms("EUR", commitments=(promised("100"),)))[1].rate == STANDARD


def test_a_commitment_that_is_met_adds_nothing() -> None:
    """At or above the amount there is no line."""
    assert sums(promised("100"), lines=(line("100"),)) == [("REVENUE", 100)]
    assert sums(promised("100"), lines=(line("100.01"),)) == [("REVENUE", Fraction("100.01"))]


def test_a_commitment_without_any_usage_is_owed_whole() -> None:
    """Nothing was billed: the whole amount stands alone."""
    assert sums(promised("100"), lines=()) == [(COMMITMENT, 100)]


def test_a_discount_does_not_lower_what_was_promised() -> None:
    """100 less 20 leave 80, of a promise of 100: 20 are added (assumed order: discounts, then commitments)."""
    assert sums(promised("100"), lines=(line("100"), line("-20", kind=DISCOUNT)))[-1] == (COMMITMENT, 20)


def test_a_narrow_commitment_counts_towards_a_wide_one() -> None:
    """50 promised of one pricing (30 billed) and 100 of all (60 billed): 20 and then 20 more."""
    lines = (line("30"), line("30", "pric_2"))
    found = committed(lines, Terms("EUR", commitments=(promised("100"), promised("50", pricing="pric_1"))))
    assert money.total(one.price for one in found) == 100
    assert sorted(one.price for one in found if one.kind == COMMITMENT) == [20, 20]


def test_another_schedules_lines_do_not_count() -> None:
    """A commitment of one schedule is not met by what another bills."""
    other = DraftLine("x", Fraction(1), None, Fraction(500), STANDARD, GROUP, Scope("ppsc_2"))
    assert sums(promised("100"), lines=(other,))[-1] == (COMMITMENT, 100)
