"""What a running period takes over from before it, set by hand: usage that persists, what is left of a volume, what was bought.

The next periods take it from there, as if it had come out so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import configs, metering, money
from understudy_solvimon.sandbox.buckets import aggregate_written
from understudy_solvimon.sandbox.offers import calculation_of, configs_by_item
from understudy_solvimon.sandbox.selecting import schedule_at, selected
from understudy_solvimon.sandbox.terms import Record, body_of, judged, missing, one_of

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction


def persist_data(tx: Transaction, call: Call) -> Record:
    """Set what the running period takes over of one config."""
    body = body_of(call)
    subscription = one_of(tx, "subscription", body, "pricing_plan_subscription") or _by_customer(tx, body)
    period = tx.first("billing_period", running_for=subscription["id"])
    if period is None:
        raise Problem("illegal_transition", "cannot take anything over: no billing period of the subscription runs",
                      resource="subscription", id=subscription["id"])
    key, currency = _place(tx, subscription, str(body.get("pricing_item_config_id")), body)
    known = period.get("taken_over") or {}
    tx.update("billing_period", period["id"], {
        "taken_over": {**known, key: {**known.get(key, {}), **_taken_over(body, period, currency)}}, "stale": True})
    return {**body, "object_type": "PERSIST_DATA", "id": tx.new_id("persist_data"), "pricing_plan_subscription_id": subscription["id"],
            "customer_id": subscription["customer_id"], "timestamp": body.get("timestamp") or tx.stamp}


def _by_customer(tx: Transaction, body: Mapping[str, Any]) -> Record:
    """The latest subscription of the customer that a selector lets pass."""
    customer = one_of(tx, "customer", body, "customer")
    if customer is None:
        raise missing("pricing_plan_subscription_id", "required: whose config takes over the volumes, unless a customer_id says it")
    known = selected(tx, tx.find("subscription", customer_id=customer["id"]), customer.get("pricing_plan_subscription_selector"),
                     body.get("pricing_plan_subscription_selector"), tx.now)
    running = [one for one in known if tx.first("billing_period", running_for=one["id"]) is not None]
    if not running:
        raise Problem("cannot_process", "no subscription of the customer bills now", field="customer_id", location="body")
    return running[-1]


def _place(tx: Transaction, subscription: Record, config: str, body: Mapping[str, Any]) -> tuple[str, str | None]:
    """Under what key a config's usage is carried, and the currency of what it measures."""
    current = schedule_at(tx, subscription["id"], tx.now)
    others = tx.find("schedule", pricing_plan_subscription_id=subscription["id"])
    for schedule in [*([current] if current else []), *others]:
        for item, offers in configs_by_item(tx, subscription, schedule):
            if any(offer.config["id"] == config for offer in offers):
                currency = _currency(tx, subscription, schedule, item, body)
                return f"{schedule['id']}|{item['id']}|{config}|{currency or ''}|", currency
    raise tx.dangling("pricing_item_config", config, "pricing_item_config_id")


def _currency(tx: Transaction, subscription: Record, schedule: Record, item: Record, body: Mapping[str, Any]) -> str | None:
    calculation = tx.get("meter_value_calculation", str(calculation_of(item))) or {}
    measured = tx.get("meter_value", str(calculation.get("meter_value_id"))) or {}
    if measured.get("type") != "AMOUNT":
        return None
    said = ((body.get("included_volume") or {}).get("amount") or {}).get("currency")
    return str(said or schedule.get("pricing_currency") or subscription["billing_currency"])


def _taken_over(body: Mapping[str, Any], period: Mapping[str, Any], currency: str | None) -> Record:
    """The members of what is carried that a request sets; false of something that persists leaves nothing of it."""
    found: Record = {}
    if body.get("persist_usage") is not None:
        with judged("persist_usage"):
            used = metering.single(money.number(body["persist_usage"]))
        found |= {"rolled": aggregate_written(used), "facts": {"currency": currency}}
    left = _left_of_volume(body)
    if left is not None:
        found |= {"included": left, "since": period["start_at"]}
    if body.get("persist_charged_volume") is False:
        found["left"] = "0"
    return found


def _left_of_volume(body: Mapping[str, Any]) -> str | None:
    """What is left of the included volume: said outright, or as the volume to set; nothing where it is not to persist."""
    if body.get("persist_included_volume") is not None:
        with judged("persist_included_volume"):
            return str(money.number(body["persist_included_volume"]))
    if body.get("set_rollover_volume") is True:
        with judged("included_volume"):
            return str(configs.measure(body.get("included_volume")) or money.ZERO)
    return "0" if body.get("persist_rollover_volume") is False else None
