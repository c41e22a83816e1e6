"""What a line is to say before it is one: priced, but not yet taxed, converted or rounded.

Nothing here prices: that is `metered` and `unmetered`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from understudy_solvimon.pricing import Priced
from understudy_solvimon.sandbox.offers import Offer
from understudy_solvimon.sandbox.terms import Record


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line is to say, priced but not yet taxed or converted; or why it has no price (`flaw`).

    `shares` is what of it is whose, where the invoice tells customers apart. `key` tells entries of one schedule apart; `details` are members of the reference's line details.
    """

    item: Record
    offer: Offer
    governing: Offer
    priced: Priced
    quantity: Fraction
    key: str = ""
    meter_value: Record | None = None
    flaw: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    events: int = 0
    shares: Sequence[tuple[str, Fraction]] = ()


Items = Sequence[tuple[Record, Sequence[Offer]]]
"""What a schedule offers, item by item (see `offers.configs_by_item`)."""
