"""What a schedule offers: the pricings of its plan version, item by item, in the order in which configs are tried.

Several pricings of one item are one price list (assumed, after the guide's own example): the latest pricing governs and
names the line, its configs are tried first, and what none of them takes falls to the pricing before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy_solvimon import configs
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Offer:
    """A config with the pricing and pricing item it stands in."""

    pricing: Mapping[str, Any]
    pricing_item: Mapping[str, Any]
    config: Mapping[str, Any]


def configs_by_item(tx: Transaction, subscription: Record, schedule: Record) -> list[tuple[Record, list[Offer]]]:
    """Every product item a schedule prices with its offers, governing pricing first; items in order of appearance."""
    currency = schedule.get("pricing_currency") or subscription["billing_currency"]
    length = schedule.get("billing_period") or subscription["billing_period"]
    found: dict[str, list[Offer]] = {}
    for pricing in _pricings(tx, schedule):
        own: dict[str, list[Offer]] = {}
        for part in pricing.get("items") or ():
            offers = [Offer(pricing, part, config) for config in configs.applying(part, currency, length)]
            for id in part.get("product_item_ids") or ():
                own.setdefault(id, []).extend(offers)
        for id, offers in own.items():
            found[id] = offers + found.get(id, [])
    return [(item, offers) for id, offers in found.items() if (item := tx.get("product_item", id)) is not None]


def _pricings(tx: Transaction, schedule: Record) -> list[Record]:
    """The pricings that count for a schedule, in order; an ADDON only where it is enabled."""
    enabled = {part.get("pricing_id") for part in schedule.get("enabled_pricings") or ()}
    listed = tx.find("pricing", pricing_plan_version_id=schedule["pricing_plan_version_id"])
    listed += tx.find("pricing", pricing_plan_schedule_id=schedule["id"])
    counted = [pricing for pricing in listed if pricing.get("product_type") != "ADDON" or pricing["id"] in enabled]
    return sorted(counted, key=_place)


def _place(pricing: Mapping[str, Any]) -> int:
    return int(pricing.get("display_order") or 0)
