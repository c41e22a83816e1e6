"""Lines on their way to an invoice: priced exactly, in the billing currency, before tax and rounding.

Only values are here. What is done to them, and in which order, is the table `invoicing.STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon.money import ZERO, Money

if TYPE_CHECKING:
    from understudy_solvimon.commitments import Commitment
    from understudy_solvimon.discounts import Discount

EXCLUDING, INCLUDING = "EXCLUDING_TAX", "INCLUDING_TAX"
REVENUE, DISCOUNT, COMMITMENT = "REVENUE", "DISCOUNT", "COMMITMENT"


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax rate: percent, and the category it comes of (STANDARD, NO_TAX, EXEMPT)."""

    percentage: Fraction = ZERO
    category: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class Group:
    """What the lines of one group share: the JSON members of the reference's group, beside its amounts and lines."""

    key: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a draft line is of, by ids: what discounts and commitments are aimed at."""

    schedule: str | None = None
    pricing: str | None = None
    pricing_item: str | None = None
    config: str | None = None
    product: str | None = None
    product_item: str | None = None
    product_category: str | None = None


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line to be. `price` is exact, with tax where `amount_type` is INCLUDING_TAX; `kind` as the API's line type.

    `events` counts the usage events behind the line; `span` is 0 for the invoice's own period, 1 for what is billed in
    advance of the next.
    """

    description: str | None
    quantity: Fraction
    unit_price: Money | None
    price: Fraction
    rate: Rate
    group: Group
    scope: Scope = Scope()
    amount_type: str = EXCLUDING
    kind: str = REVENUE
    facts: Mapping[str, Any] = field(default_factory=dict)
    events: int = 0
    span: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What the steps from draft lines to an invoice's lines go by. `already`: what an earlier invoice billed in advance."""

    currency: str
    discounts: tuple[Discount, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    already: tuple[DraftLine, ...] = ()


Step = Callable[[tuple[DraftLine, ...], Terms], tuple[DraftLine, ...]]
"""What discounts and commitments are: draft lines and terms in, draft lines out, in the order they are shown."""
