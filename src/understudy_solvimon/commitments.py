"""Commitments: what a customer pays at least, of everything or of a part, as lines of their own.

1. They are held against the lines after discounts (assumed), so that a discount never lowers what was promised.
2. Nothing here reads a record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from understudy_solvimon import money
from understudy_solvimon.charges import COMMITMENT, DraftLine, Group, Rate, Scope, Terms
from understudy_solvimon.money import ZERO


@dataclass(frozen=True, slots=True)
class Commitment:
    """At least `amount`, in the billing currency, of the lines within `scope`.

    `group` and `rate` are those of a line that stands alone, where nothing of the scope was billed.
    """

    scope: Scope
    amount: Fraction
    group: Group
    rate: Rate
    description: str = "Minimum commitment"
    amount_type: str = "EXCLUDING_TAX"


def committed(drafts: tuple[DraftLine, ...], terms: Terms) -> tuple[DraftLine, ...]:
    """The draft lines with what the commitments add to them, the narrow ones first, so that a wide one counts them."""
    for commitment in sorted(terms.commitments, key=lambda one: -_narrowness(one.scope)):
        extra = _shortfall((*terms.already, *drafts), commitment)
        drafts = drafts if extra is None else _after_group(drafts, extra)
    return drafts


def within(line: DraftLine, scope: Scope) -> bool:
    """Whether a line of the invoice's own period is of everything that a scope names."""
    return line.span == 0 and all(wanted is None or wanted == getattr(line.scope, name) for name, wanted in _named(scope))


_FIELDS = ("schedule", "pricing", "pricing_item", "config", "product", "product_item", "product_category")


def _named(scope: Scope) -> list[tuple[str, str | None]]:
    return [(name, getattr(scope, name)) for name in _FIELDS]


def _narrowness(scope: Scope) -> int:
    return max((place for place, (_, value) in enumerate(_named(scope)) if value is not None), default=-1)


def _shortfall(drafts: tuple[DraftLine, ...], commitment: Commitment) -> DraftLine | None:
    of = [line for line in drafts if within(line, commitment.scope)]
    missing = commitment.amount - money.total(line.price for line in of)
    if missing <= ZERO:
        return None
    like = of[-1] if of else None
    alone = DraftLine(commitment.description, Fraction(1), None, missing, commitment.rate, commitment.group,
                      commitment.scope, commitment.amount_type, COMMITMENT)
    return alone if like is None else replace(alone, rate=like.rate, group=like.group, amount_type=like.amount_type)


def _after_group(drafts: tuple[DraftLine, ...], extra: DraftLine) -> tuple[DraftLine, ...]:
    places = [index for index, line in enumerate(drafts) if (line.span, line.group.key) <= (extra.span, extra.group.key)]
    at = places[-1] + 1 if places else 0
    return (*drafts[:at], extra, *drafts[at:])
