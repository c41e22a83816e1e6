"""Usage events: taken in one by one or in batches, and deleted.

Where an event goes is decided in `booking`; here it is read, kept, answered with and taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import periods
from understudy_solvimon.sandbox.booking import Asked, Placing, measure, placed, placing_of
from understudy_solvimon.sandbox.buckets import retake_bucket, take_booking
from understudy_solvimon.sandbox.growing import grown_meter
from understudy_solvimon.sandbox.remembering import remembering
from understudy_solvimon.sandbox.terms import Record, body_of, length_of, missing, moment, one_of

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction

# --- taking in --------------------------------------------------------------------------------------------------------


def ingest(tx: Transaction, call: Call) -> Record:
    """One usage event. The same reference again answers with the first event and does nothing."""
    return _ingest(tx, call.body or {}, "", call.query.get("meter_validation") == "DYNAMIC")


def ingest_batch(tx: Transaction, call: Call) -> Record:
    """Several usage events, all or none."""
    rows = (call.body or {}).get("meter_datas") or ()
    dynamic = call.query.get("meter_validation") == "DYNAMIC"
    known = remembering(tx)
    return {"meter_datas": [_ingest(known, row, f"meter_datas.{index}.", dynamic) for index, row in enumerate(rows)]}


def _ingest(tx: Transaction, body: Mapping[str, Any], place: str, dynamic: bool) -> Record:
    reference = body.get("reference")
    if reference is None:
        raise missing(f"{place}reference", "required: your own id of the event, by which a repetition is known")
    first = tx.first("usage_event", reference=reference)
    if first is not None:
        return first
    customer = one_of(tx, "customer", body, "customer", place.rstrip("."))
    if customer is None:
        raise missing(f"{place}customer_reference", "required: whose usage it is, by customer_reference or customer_id")
    meter = grown_meter(tx, body) if dynamic else _meter(tx, body, place)
    at = _timestamp(tx, body, place)
    measured = measure(tx, meter, body, place)
    subscription = one_of(tx, "subscription", body, "pricing_plan_subscription", place.rstrip("."))
    asked = Asked(customer["id"], meter["id"], at, measured, None if subscription is None else subscription["id"],
                  body.get("pricing_plan_subscription_selector"))
    placing = placing_of(tx, asked)
    event = _kept(tx, body, asked, placing, customer, meter)
    _replicate(tx, event, asked, placing)
    return event


def _kept(
    tx: Transaction, body: Mapping[str, Any], asked: Asked, placing: Placing, customer: Mapping[str, Any], meter: Mapping[str, Any]
) -> Record:
    named = {name: value for name, value in (("customer_reference", customer.get("reference")),
                                             ("meter_reference", meter.get("reference"))) if value is not None}
    return tx.create("usage_event", {
        **{field: value for field, value in body.items() if value is not None},
        **named,
        **({"pricing_plan_subscription_id": asked.subscription} if asked.subscription else {}),
        "type": "INGEST",
        "customer_id": customer["id"],
        "meter_id": meter["id"],
        "timestamp": periods.stamp(asked.at),
        "deleted": False,
        **placed(placing),
    })


def _replicate(tx: Transaction, event: Record, asked: Asked, placing: Placing) -> None:
    """Give the same usage to a parent's subscriptions, where the subscription that took it says so."""
    period = tx.get("billing_period", placing.period) if placing.period else None
    subscription = tx.get("subscription", period["pricing_plan_subscription_id"]) if period else None
    if subscription is None or subscription.get("replicate_meter_data_ingest_to_parent") is not True:
        return
    customer = tx.get("customer", asked.customer) or {}
    parent = tx.get("customer", str(customer.get("parent_customer_id") or next(iter(customer.get("parent_customer_ids") or ()), None)))
    if parent is None:
        return
    theirs = replace(asked, customer=parent["id"], subscription=None, selector=None)
    kept = {field: value for field, value in event.items() if field in ("meter_reference", "meter_values", "meter_properties")}
    body = {**kept, "reference": f"{event['reference']}:{parent['id']}"[-256:], "replica_of": event["id"]}
    _kept(tx, body, theirs, placing_of(tx, theirs), parent, {"id": asked.meter, "reference": event.get("meter_reference")})


def _meter(tx: Transaction, body: Mapping[str, Any], place: str) -> Record:
    meter = one_of(tx, "meter", body, "meter", place.rstrip("."))
    if meter is None:
        raise missing(f"{place}meter_reference", "required: what was measured, by meter_reference or meter_id")
    if meter.get("status") not in ("DRAFT", "ACTIVE"):
        raise Problem("illegal_transition", f"the meter is {meter['status']}; a meter takes events while DRAFT or ACTIVE",
                      field=f"{place}meter_reference", location="body", resource="meter", id=meter["id"])
    return meter


def _timestamp(tx: Transaction, body: Mapping[str, Any], place: str) -> datetime:
    if body.get("timestamp") is None:
        return tx.now
    at = moment(body["timestamp"], f"{place}timestamp")
    latest = _latest(tx)
    if at > latest:
        raise Problem("invalid_field", f"lies too far ahead of the clock, which says {tx.stamp}; "
                      f"{periods.stamp(latest)} at the latest", field=f"{place}timestamp", location="body")
    return at


def _latest(tx: Transaction) -> datetime:
    """How late an event may be: a little ahead of the clock; on a clock that stands still, to the end of its day.

    The guide sends its event of 14:30 four hours ahead of the time its own answers show.
    """
    ahead = tx.now + length_of(tx, "events_ahead")
    midnight = tx.now.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    return max(ahead, midnight - timedelta(seconds=1)) if tx.frozen else ahead


# --- taking back and booking anew -------------------------------------------------------------------------------------


def delete_event(tx: Transaction, call: Call) -> Record:
    """Mark a usage event deleted and take it out of its period, unless that is billed already."""
    assert call.record is not None
    return _delete(tx, call.record)


def delete_event_by_reference(tx: Transaction, call: Call) -> Record:
    """The same, for the event with a reference."""
    reference = body_of(call).get("reference")
    event = tx.first("usage_event", reference=reference)
    if event is None:
        raise tx.dangling("usage_event", str(reference), "reference")
    return _delete(tx, event)


def _delete(tx: Transaction, event: Record) -> Record:
    if event.get("deleted"):
        return event
    for copy in tx.find("usage_event", replica_of=event["id"]):
        _delete(tx, copy)
    period = tx.get("billing_period", str(event.get("billing_period_id")))
    if period is not None and not period["closed"]:
        return unbook(tx, event)
    if period is not None:
        tx.warn(f"the invoice {period['invoice_id']} is settled, so the deleted event stays on it")
    return tx.update("usage_event", event["id"], {"deleted": True, "waits_for": None})


def unbook(tx: Transaction, event: Record) -> Record:
    """Mark an event of an open period deleted and take it out of its buckets."""
    taken_anew = [booking for booking in event["bookings"] if not take_booking(tx, booking)]
    event = tx.update("usage_event", event["id"], {"deleted": True, "waits_for": None})
    for booking in taken_anew:
        retake_bucket(tx, event["billing_period_id"], booking)
    tx.update("billing_period", event["billing_period_id"], {"stale": True})
    return event
