"""What a schedule offers: the pricings of its plan version, item by item, in the order in which configs are tried.

Several pricings of one item are one price list (assumed, after the guide's own example): the latest pricing governs and
names the line, its configs are tried first, and what none of them takes falls to the pricing before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy_solvimon import configs
from understudy_solvimon.sandbox.terms import Record, when

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Offer:
    """A config with the pricing and pricing item it stands in, and from when until when an elective one is switched on."""

    pricing: Mapping[str, Any]
    pricing_item: Mapping[str, Any]
    config: Mapping[str, Any]
    since: datetime | None = None
    until: datetime | None = None


METERED = ("USAGE_BASED", "USAGE_BASED_CONVERSION")
"""The models that charge for usage; the second names usage that is converted into credits (assumed)."""


def is_metered(item: Mapping[str, Any]) -> bool:
    """Whether an item charges for usage."""
    return item.get("model_type") in METERED


def calculation_of(item: Mapping[str, Any]) -> str | None:
    """The id of the calculation behind a usage-based item, from the nested form or the deprecated one."""
    nested: str | None = (item.get("usage_based") or {}).get("meter_value_calculation_id")
    return nested or item.get("meter_value_calculation_id")


def configs_by_item(tx: Transaction, subscription: Record, schedule: Record) -> list[tuple[Record, list[Offer]]]:
    """Every product item a schedule prices with its offers, governing pricing first; items in order of appearance."""
    currency = schedule.get("pricing_currency") or subscription["billing_currency"]
    length = schedule.get("billing_period") or subscription["billing_period"]
    found: dict[str, list[Offer]] = {}
    windows = {str(row.get("pricing_id")): (when(row, "start_at"), when(row, "end_at")) for row in schedule.get("enabled_pricings") or ()}
    for pricing in _pricings(tx, schedule):
        own: dict[str, list[Offer]] = {}
        for part in pricing.get("items") or ():
            offers = [Offer(pricing, part, config, *windows.get(pricing["id"], (None, None)))
                      for config in configs.applying(part, currency, length)]
            for id in part.get("product_item_ids") or ():
                own.setdefault(id, []).extend(offers)
        for id, offers in own.items():
            found[id] = offers + found.get(id, [])
    return [(item, offers) for id, offers in found.items() if (item := tx.get("product_item", id)) is not None]


def _pricings(tx: Transaction, schedule: Record) -> list[Record]:
    """The pricings that count for a schedule, in order; an elective one only where it is enabled."""
    enabled = {part.get("pricing_id") for part in schedule.get("enabled_pricings") or ()}
    listed = tx.find("pricing", pricing_plan_version_id=schedule["pricing_plan_version_id"])
    listed += tx.find("pricing", pricing_plan_schedule_id=schedule["id"])
    counted = [pricing for pricing in listed if not is_elective(tx, pricing) or pricing["id"] in enabled]
    return sorted(overridden(counted, schedule.get("override_pricings") or ()), key=_place)


def is_elective(tx: Transaction, pricing: Mapping[str, Any]) -> bool:
    """Whether a pricing counts only where it is switched on: an ADDON, or of a group of them."""
    if pricing.get("product_type") == "ADDON":
        return True
    group = tx.get("pricing_group", str(pricing["pricing_group_id"])) if pricing.get("pricing_group_id") else None
    return group is not None and group.get("product_type") == "ADDON"


def _place(pricing: Mapping[str, Any]) -> int:
    return int(pricing.get("display_order") or 0)


def overridden(pricings: Sequence[Record], overrides: Sequence[Record]) -> list[Record]:
    """Pricings with a schedule's own in their place: ALL of a pricing, or SPECIFIC items and configs of it.

    One that overrides nothing is added.
    """
    result = list(pricings)
    for other in overrides:
        original = other.get("original_pricing_id")
        place = next((index for index, pricing in enumerate(result) if pricing["id"] == original), None)
        if place is None:
            result += [] if original else [other]
        else:
            result[place] = _replaced(result[place], other, "items", "original_pricing_item_id", _replaced_item)
    return result


def _replaced_item(old: Record, new: Record) -> Record:
    return _replaced(old, new, "configs", "original_pricing_item_config_id", lambda _, config: config)


def _replaced(old: Record, new: Record, field: str, named: str, inner: Callable[[Record, Record], Record]) -> Record:
    own = {name: value for name, value in new.items() if value is not None and name not in ("id", field)}
    if new.get("override") == "ALL" or new.get(field) is None:
        return {**old, **own, **({field: new[field]} if new.get(field) is not None else {}), "id": old["id"]}
    rows = list(old.get(field) or ())
    for row in new[field]:
        place = next((index for index, other in enumerate(rows) if other["id"] == row.get(named)), None)
        if place is None:
            rows.append(row)
        else:
            rows[place] = inner(rows[place], row)
    return {**old, **own, field: rows, "id": old["id"]}
