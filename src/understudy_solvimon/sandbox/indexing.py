"""Indexing: a schedule's prices raised by a percentage for the schedule that copies it.

The raised prices are pricings of the new schedule's own, in the place of the plan's; nothing here writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy_solvimon import money
from understudy_solvimon.sandbox.offers import overridden
from understudy_solvimon.sandbox.terms import Record, judged

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction

Settings = Mapping[str, Any]

_MOST_PLACES = 12
_PRICES = ("amount", "fixed_amount", "minimum_amount", "maximum_amount")
"""What of a band is money; percentages and credits stay (assumed)."""


def indexed(tx: Transaction, schedule: Record, asked: Mapping[str, Any]) -> list[Record]:
    """The pricings of a schedule with their prices raised, as overrides of the plan's; none where nothing is asked for.

    The narrowest setting counts: of a config, its item, its pricing, else that of the call.
    """
    targets: dict[str, Settings] = {
        row["id"]: row.get("indexing_settings") or asked.get("indexing_settings") or {}
        for field in ("pricings", "pricing_items", "pricing_item_configs") for row in asked.get(field) or ()
    }
    overall = None if targets else asked.get("indexing_settings")
    if not targets and not overall:
        return []
    plain = tx.find("pricing", pricing_plan_version_id=schedule["pricing_plan_version_id"])
    found: list[Record] = []
    for pricing in overridden(plain, schedule.get("override_pricings") or ()):
        settings = targets.get(pricing["id"], overall)
        items = [_item(item, targets.get(item["id"], settings), targets) for item in pricing.get("items") or ()]
        if items != pricing.get("items"):
            kept: Record = {field: pricing[field] for field in ("name", "product_ids", "display_order") if field in pricing}
            found.append({**kept, "original_pricing_id": pricing["id"], "override": "ALL", "items": items})
    return found


_NESTED = ("pricing_currency_configs", "billing_period_configs")


def _item(row: Record, settings: Settings | None, targets: Mapping[str, Settings]) -> Record:
    result = dict(row)
    if row.get("configs"):
        result["configs"] = [_config(config, targets.get(config["id"], settings)) for config in row["configs"]]
    for name in _NESTED:
        if row.get(name):
            result[name] = [_item(part, settings, targets) for part in row[name]]
    return result


def _config(config: Record, settings: Settings | None) -> Record:
    if not settings:
        return config
    result = dict(config)
    if config.get("bands"):
        result["bands"] = [_band(band, settings) for band in config["bands"]]
    if (config.get("details") or {}).get("bands"):
        result["details"] = {**config["details"], "bands": [_band(band, settings) for band in config["details"]["bands"]]}
    return result


def _band(band: Record, settings: Settings) -> Record:
    return {**band, **{name: _raised(band[name], settings) for name in _PRICES if band.get(name)}}


def _raised(amount: Mapping[str, str], settings: Settings) -> Record:
    """An amount raised and rounded: to `number_of_decimals`, or to as many as it had (PRESERVE_SCALE)."""
    with judged("indexing_settings.percentage"):
        factor = 1 + money.number(settings.get("percentage") or "0") / 100
    scale = len(amount["quantity"].partition(".")[2])
    asked = settings.get("number_of_decimals", scale) if settings.get("rounding_mode") == "DECIMALS" else scale
    places = min(max(int(asked), 0), _MOST_PLACES)  # 2.0 is an integer in JSON Schema
    return {**amount, "quantity": money.decimal(money.number(amount["quantity"]) * factor, places)}
