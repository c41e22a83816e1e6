"""What a schedule does with a meter's events, made once and then read: a route for each schedule and meter.

A route holds the conditions of every config that may price an event, so that booking one reads no pricing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from understudy_solvimon import configs, periods
from understudy_solvimon.sandbox.offers import Offer, configs_by_item, is_metered
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


def route(tx: Transaction, subscription: Record, schedule: Record, meter: str) -> Record:
    """The items a schedule bills from a meter, with their configs' conditions in order; made once, then read."""
    id = f"{schedule['id']}|{meter}"
    return tx.get("usage_route", id) or tx.create("usage_route", {
        "id": id,
        "pricing_plan_schedule_id": schedule["id"],
        "ways": list(_ways(tx, subscription, schedule, meter)),
    })


def _ways(tx: Transaction, subscription: Record, schedule: Record, meter: str) -> Iterator[Record]:
    for item, offered in configs_by_item(tx, subscription, schedule):
        metered = item.get("usage_based") or {}
        calculation = _calculation(tx, metered.get("meter_value_calculation_id") or item.get("meter_value_calculation_id"), meter)
        if not is_metered(item) or calculation is None:
            continue
        yield {
            "product_item_id": item["id"],
            **calculation,
            "tiering": _calculation(tx, metered.get("tiering_meter_value_calculation_id"), meter),
            "conditions": metered.get("conditions"),
            "configs": [_route_config(offer) for offer in offered],
        }


def _calculation(tx: Transaction, id: object, meter: str) -> Record | None:
    """What a calculation takes of an event of a meter; None where it is of another meter, or there is none."""
    known = tx.get("meter_value_calculation", str(id)) if id else None
    if known is None or known["meter_id"] != meter:
        return None
    return {
        "calculation": known["calculation_type"],
        "persist": bool(known.get("persist")),
        "meter_value_id": known.get("meter_value_id"),
        "meter_property_id": known.get("meter_property_id"),
    }


def _route_config(offer: Offer) -> Record:
    config = offer.config
    rows = config.get("bands") or (config.get("details") or {}).get("bands") or ()
    bounds = [row for row in rows if row.get("minimum_amount") or row.get("maximum_amount")]
    kept: Record = {"bounds": bounds} if bounds and configs.kind_of(config) == "FLAT" else {}
    for name, moment in (("since", offer.since), ("until", offer.until)):
        if moment is not None:
            kept[name] = periods.stamp(moment)
    for name in ("tiering_conditions", "split_pricing"):
        if config.get(name):
            kept[name] = config[name]
    return {"id": config["id"], "conditions": config.get("conditions"), **kept}


def in_window(config: Mapping[str, Any], at: str) -> bool:
    """Whether a route's config prices what happens at a time stamp, which an elective pricing does while switched on."""
    return bool(config.get("since", "") <= at < config.get("until", "9"))


def forget_routes(tx: Transaction, subscription_id: str) -> None:
    """Drop the routes of a subscription whose schedules changed."""
    for schedule in tx.find("schedule", pricing_plan_subscription_id=subscription_id):
        for route in tx.find("usage_route", pricing_plan_schedule_id=schedule["id"]):
            tx.delete("usage_route", route["id"])
