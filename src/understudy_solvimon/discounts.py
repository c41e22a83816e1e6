"""Discounts on draft lines: a share, an amount or free usage, of everything or of a part, never more than is there.

1. Each discount is taken of what those before it left, in the order of the terms (assumed; the vendor's is not known).
2. It is shown as a DISCOUNT line behind every line it lowers, so that tax follows it line by line and none goes below 0.
3. Nothing here reads a record or remembers what was used up: the terms hold what a discount may still take.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from understudy_solvimon import money
from understudy_solvimon.charges import DISCOUNT, REVENUE, DraftLine, Terms
from understudy_solvimon.money import ZERO

LEVELS: Mapping[str, str] = {
    "pricing_item_configs": "config",
    "pricing_items": "pricing_item",
    "pricings": "pricing",
    "product_items": "product_item",
    "products": "product",
    "product_categories": "product_category",
    "totals": "",
}
"""The reference's levels of a discount, the narrow ones first, each with the field of a line's scope it is aimed at."""

COMPARATORS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "EQUALS": operator.eq,
    "NOT_EQUALS": operator.ne,
    "GREATER_THAN": operator.gt,
    "LESS_THAN": operator.lt,
    "GREATER_THAN_OR_EQUALS": operator.ge,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN_OR_EQUALS": operator.le,
    "LESS_THAN_OR_EQUAL": operator.le,
}
"""How a condition compares what is to be lowered with its amount."""


@dataclass(frozen=True, slots=True)
class FreeUsage:
    """So much of a meter value (its reference) that costs nothing."""

    meter_value: str
    quantity: Fraction


@dataclass(frozen=True, slots=True)
class Discount:
    """One discount: exactly one of `percentage`, `amount` (in the billing currency) and `usage`.

    `aims` are fields of a line's scope with the ids that fit; a line fits if any of them does, or where there are none.
    `schedules`: the schedules whose lines count; `span`: where on the invoice these stand (see `DraftLine`). `facts` are
    the JSON members of the lines it makes.
    """

    schedules: frozenset[str] = frozenset()
    aims: tuple[tuple[str, frozenset[str]], ...] = ()
    percentage: Fraction | None = None
    amount: Fraction | None = None
    usage: FreeUsage | None = None
    comparator: str | None = None
    threshold: Fraction = ZERO
    description: str = "Discount"
    span: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


def discounted(drafts: tuple[DraftLine, ...], terms: Terms) -> tuple[DraftLine, ...]:
    """The draft lines with the terms' discounts, each behind the lines it lowers.

    What an earlier invoice billed in advance counts as lowered already: an amount is not taken twice of one period.
    """
    left = [_rounded(line, terms.currency) for line in drafts]
    before = [_rounded(line, terms.currency) for line in terms.already]
    behind: list[list[DraftLine]] = [[] for _ in drafts]
    for discount in terms.discounts:
        earlier = _places(discount, terms.already, before)
        places = _places(discount, drafts, left)
        gone = _taken(discount, terms.already, before, earlier, ZERO, terms.currency)
        base = money.total(before[place] for place in earlier)
        for place, taken in zip(places, _taken(discount, drafts, left, places, base, terms.currency), strict=True):
            left[place] -= taken
            behind[place] += [_line(drafts[place], discount, taken)] if taken else []
        for place, taken in zip(earlier, gone, strict=True):
            before[place] -= taken
        for place, taken in _given_back(discount, drafts, left, terms):
            left[place] -= taken
            behind[place].append(_line(drafts[place], discount, taken))
    return tuple(_interleaved(drafts, behind))


def _given_back(
    discount: Discount, drafts: Sequence[DraftLine], left: Sequence[Fraction], terms: Terms
) -> Iterator[tuple[int, Fraction]]:
    """Where less of something was needed than was billed in advance, its percentage was given on too much: that share goes back."""
    billed = {line.scope for line in terms.already}
    for place, line in enumerate(drafts):
        if left[place] < 0 and line.scope in billed and discount.percentage is not None and aimed(discount, line):
            share = money.rounded(left[place] * min(discount.percentage, Fraction(100)) / 100, terms.currency)
            if share:
                yield place, share


def _rounded(line: DraftLine, currency: str) -> Fraction:
    return money.rounded(line.price, currency) if line.kind == REVENUE else ZERO


def _places(discount: Discount, lines: Sequence[DraftLine], left: Sequence[Fraction]) -> list[int]:
    return [place for place, line in enumerate(lines) if left[place] > 0 and aimed(discount, line)]


def aimed(discount: Discount, line: DraftLine) -> bool:
    """Whether a discount is aimed at a line."""
    if line.span != discount.span or (discount.schedules and line.scope.schedule not in discount.schedules):
        return False
    return not discount.aims or any(getattr(line.scope, name) in ids for name, ids in discount.aims)


def allocated(total: Fraction, shares: Sequence[Fraction], currency: str) -> list[Fraction]:
    """A rounded total split in proportion to rounded shares, to the smallest unit, none above its share.

    What is left after rounding down goes, a unit each, to those that lost most by it; the earlier one where they are even.
    """
    whole, scale = money.total(shares), 10 ** money.minor_units(currency)
    if not whole:
        return [ZERO for _ in shares]
    exact = [total * share / whole * scale for share in shares]
    units = [value.numerator // value.denominator for value in exact]
    missing = int(total * scale) - sum(units)
    for place in sorted(range(len(shares)), key=lambda at: (units[at] - exact[at], at))[:missing]:
        units[place] += 1
    return [Fraction(unit, scale) for unit in units]


def _taken(
    discount: Discount, lines: Sequence[DraftLine], left: Sequence[Fraction], places: Sequence[int], before: Fraction, currency: str
) -> list[Fraction]:
    """What a discount takes of each of its lines, given what is left of them and what it was taken of before."""
    shares = [left[place] for place in places]
    base = money.total(shares)
    if discount.comparator is not None and not COMPARATORS[discount.comparator](before + base, discount.threshold):
        return [ZERO for _ in places]
    if discount.usage is not None:
        return list(_free(discount.usage, [lines[place] for place in places], shares, currency))
    wanted = _worth(discount, before + base, currency) - _worth(discount, before, currency)
    return allocated(min(max(wanted, ZERO), base), shares, currency)


def _worth(discount: Discount, base: Fraction, currency: str) -> Fraction:
    """What a percentage or an amount comes to, rounded, of so much."""
    wanted = base * discount.percentage / 100 if discount.percentage is not None else discount.amount or ZERO
    return min(money.rounded(wanted, currency), base)


def _free(usage: FreeUsage, lines: Sequence[DraftLine], shares: Sequence[Fraction], currency: str) -> Iterator[Fraction]:
    """Free units are worth what a unit of their line costs on average (assumed), line after line until all are used."""
    unused = usage.quantity
    for line, share in zip(lines, shares, strict=True):
        measured = (line.facts.get("meter_value") or {}).get("reference") == usage.meter_value
        units = min(unused, line.quantity) if measured and line.quantity > 0 else ZERO
        unused -= units
        yield money.rounded(share * units / line.quantity, currency) if units else ZERO


_KEPT = ("product_items", "pricing_item_id", "pricing_item_config_id")


def _line(line: DraftLine, discount: Discount, taken: Fraction) -> DraftLine:
    facts = {**{name: line.facts[name] for name in _KEPT if name in line.facts}, **discount.facts}
    return replace(line, kind=DISCOUNT, description=discount.description, quantity=Fraction(1), unit_price=None,
                   price=-taken, facts=facts, events=0)


def _interleaved(drafts: Sequence[DraftLine], behind: Sequence[Sequence[DraftLine]]) -> Iterator[DraftLine]:
    for line, discounts in zip(drafts, behind, strict=True):
        yield line
        yield from discounts
