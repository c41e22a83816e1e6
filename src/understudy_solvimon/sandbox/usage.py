"""Usage events: taken in, matched to a subscription's period, booked into buckets, deleted.

1. Booking an event costs the same whatever was booked before (see `buckets`).
2. Which config an event falls under is decided once, when it is booked; a version's conditions do not change after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import conditions, configs, metering, money, periods, pricing
from understudy_solvimon.conditions import Value
from understudy_solvimon.metering import Part, Quantity
from understudy_solvimon.sandbox.buckets import add_booking, empty_buckets, retake_bucket, take_booking
from understudy_solvimon.sandbox.offers import configs_by_item
from understudy_solvimon.sandbox.terms import Record, judged, length_of, missing, moment, one_of, setting, when

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction

# --- taking in --------------------------------------------------------------------------------------------------------


def ingest(tx: Transaction, call: Call) -> Record:
    """One usage event. The same reference again answers with the first event and does nothing."""
    return _ingest(tx, call.body, "")


def ingest_batch(tx: Transaction, call: Call) -> Record:
    """Several usage events, all or none."""
    rows = call.body.get("meter_datas") or ()
    return {"meter_datas": [_ingest(tx, row, f"meter_datas.{index}.") for index, row in enumerate(rows)]}


def _ingest(tx: Transaction, body: Mapping[str, Any], place: str) -> Record:
    reference = body.get("reference")
    if reference is None:
        raise missing(f"{place}reference", "required: your own id of the event, by which a repetition is known")
    first = tx.first("usage_event", reference=reference)
    if first is not None:
        return first
    customer = one_of(tx, "customer", body, "customer", place.rstrip("."))
    if customer is None:
        raise missing(f"{place}customer_reference", "required: whose usage it is, by customer_reference or customer_id")
    meter = _meter(tx, body, place)
    at = _timestamp(tx, body, place)
    measured = _measure(tx, meter, body, place)
    subscription = one_of(tx, "subscription", body, "pricing_plan_subscription", place.rstrip("."))
    chosen = None if subscription is None else subscription["id"]
    placing = _place(tx, Asked(customer["id"], meter["id"], at, measured, chosen))
    named = {name: value for name, value in (("customer_reference", customer.get("reference")),
                                             ("meter_reference", meter.get("reference"))) if value is not None}
    return tx.create("usage_event", {
        **{field: value for field, value in body.items() if value is not None},
        **named,
        **({"pricing_plan_subscription_id": chosen} if chosen else {}),
        "type": "INGEST",
        "customer_id": customer["id"],
        "meter_id": meter["id"],
        "timestamp": periods.stamp(at),
        "deleted": False,
        **_placed(placing),
    })


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


@dataclass(frozen=True, slots=True)
class Measured:
    """What an event carries, by the ids of the meter's parts."""

    values: Mapping[str, Quantity]
    properties: Mapping[str, Value]


def _measure(tx: Transaction, meter: Mapping[str, Any], body: Mapping[str, Any], place: str) -> Measured:
    with judged(place.rstrip(".")):
        return Measured(
            metering.quantities(_parts(tx, meter, "meter_values", "meter_value"), body.get("meter_values") or ()),
            metering.properties(_parts(tx, meter, "meter_properties", "meter_property"), body.get("meter_properties") or ()),
        )


def _parts(tx: Transaction, meter: Mapping[str, Any], field: str, resource: str) -> list[Part]:
    return [_part(tx.need(resource, entry["id"]), entry) for entry in meter.get(field) or ()]


def _part(record: Mapping[str, Any], entry: Mapping[str, Any]) -> Part:
    return Part(record["id"], record.get("reference", ""), entry.get("reference"), bool(entry.get("required")),
                record.get("type", "NUMBER"), tuple(record.get("enum_values") or ()))


# --- matching ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """An event as far as matching needs it. `subscription` is set where the event names one."""

    customer: str
    meter: str
    at: datetime
    measured: Measured
    subscription: str | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """Where an event went: a period and its bookings, or the subscription it waits for, or why nowhere (`variant`)."""

    period: str | None = None
    bookings: tuple[Record, ...] = ()
    waits_for: str | None = None
    variant: str | None = None


def _placed(placing: Placing) -> Record:
    details: Record = {"type": "DEFAULT"}
    if placing.variant is not None:
        details = {"type": "NOT_MATCHED", "not_matched": {"variant": placing.variant}}
    return {"processed_details": details, "billing_period_id": placing.period, "bookings": list(placing.bookings),
            "waits_for": placing.waits_for}


def _place(tx: Transaction, asked: Asked) -> Placing:
    """Match an event to the latest subscription that meters it at its time, and book it there."""
    refused = Placing(variant="NO_SUBSCRIPTION")
    for subscription in _candidates(tx, asked):
        period = _period(tx, subscription, asked.at)
        if isinstance(period, Placing):
            if period.waits_for is not None:
                return period
            refused = period if period.variant is not None else refused
            continue
        placing = _book_in(tx, asked, subscription, period)
        if placing.variant is None:
            return placing
        refused = placing
    return refused


def _candidates(tx: Transaction, asked: Asked) -> Iterator[Record]:
    if asked.subscription is not None:
        subscription = tx.need("subscription", asked.subscription)
        if subscription.get("customer_id") == asked.customer:
            yield subscription
        return
    yield from reversed(tx.find("subscription", customer_id=asked.customer))


def _period(tx: Transaction, subscription: Record, at: datetime) -> Record | Placing:
    """The period an event belongs to; else a placing that says it waits, came late, or has none here."""
    running = tx.first("billing_period", running_for=subscription["id"])
    if running is not None and at >= periods.instant(running["end_at"]):
        ends = when(subscription, "ends_at")
        return Placing(waits_for=subscription["id"]) if ends is None or at < ends else Placing()
    if running is not None and at >= periods.instant(running["start_at"]):
        return _open_or_late(tx, running, running)
    for period in _back(tx, subscription, running):
        if periods.instant(period["start_at"]) <= at < periods.instant(period["end_at"]):
            return _open_or_late(tx, period, running)
    return Placing()


def _back(tx: Transaction, subscription: Record, running: Record | None) -> Iterator[Record]:
    """The periods before the running one, latest first, so that an event costs as many reads as it is periods late."""
    if running is None:
        yield from reversed(tx.find("billing_period", pricing_plan_subscription_id=subscription["id"]))
    while running is not None and running["previous_id"] is not None:
        running = tx.need("billing_period", running["previous_id"])
        yield running


def _open_or_late(tx: Transaction, period: Record, running: Record | None) -> Record | Placing:
    """A period whose invoice still takes usage; else the next one that will, where late usage is to go there."""
    if period["status"] == "PLANNED":
        return Placing(waits_for=period["pricing_plan_subscription_id"])
    if not period["closed"]:
        return period
    if running is None or not setting(tx, "put_after_invoice_final_on_next_invoice"):
        return Placing(variant="INVOICE_FINAL")
    return Placing(waits_for=running["pricing_plan_subscription_id"]) if running["closed"] else running


def _book_in(tx: Transaction, asked: Asked, subscription: Record, period: Record) -> Placing:
    at = max(asked.at, periods.instant(period["start_at"]))
    schedule = schedule_at(tx, subscription["id"], at)
    ways = _route(tx, subscription, schedule, asked.meter)["ways"] if schedule is not None else []
    metered = [way for way in ways if _value(way, asked.measured) is not None]
    if schedule is None or not metered:
        return Placing(variant="NO_PRODUCT_ITEM")
    bookings = [booking for way in metered if (booking := _book_way(tx, period["id"], schedule["id"], way, asked)) is not None]
    if not bookings:
        return Placing(variant="NO_PRICE")
    if not period["stale"]:
        tx.update("billing_period", period["id"], {"stale": True})
    return Placing(period=period["id"], bookings=tuple(bookings))


def schedule_at(tx: Transaction, subscription_id: str, at: datetime) -> Record | None:
    """The schedule that bills at a moment."""
    for schedule in tx.find("schedule", pricing_plan_subscription_id=subscription_id):
        end = when(schedule, "end_at")
        if periods.instant(schedule["start_at"]) <= at and (end is None or at < end):
            return schedule
    return None


# --- routes: what a schedule does with a meter's events ---------------------------------------------------------------


def _route(tx: Transaction, subscription: Record, schedule: Record, meter: str) -> Record:
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
        calculation = tx.get("meter_value_calculation",
                             str(metered.get("meter_value_calculation_id") or item.get("meter_value_calculation_id")))
        if item.get("model_type") != "USAGE_BASED" or calculation is None or calculation["meter_id"] != meter:
            continue
        yield {
            "product_item_id": item["id"],
            "calculation": calculation["calculation_type"],
            "meter_value_id": calculation.get("meter_value_id"),
            "meter_property_id": calculation.get("meter_property_id"),
            "conditions": metered.get("conditions"),
            "configs": [_route_config(offer.config) for offer in offered],
        }


def _route_config(config: Mapping[str, Any]) -> Record:
    rows = config.get("bands") or (config.get("details") or {}).get("bands") or ()
    bounds = [row for row in rows if row.get("minimum_amount") or row.get("maximum_amount")]
    kept = {"bounds": bounds} if bounds and configs.kind_of(config) == "FLAT" else {}
    return {"id": config["id"], "conditions": config.get("conditions"), **kept}


def forget_routes(tx: Transaction, subscription_id: str) -> None:
    """Drop the routes of a subscription whose schedules changed."""
    for schedule in tx.find("schedule", pricing_plan_subscription_id=subscription_id):
        for route in tx.find("usage_route", pricing_plan_schedule_id=schedule["id"]):
            tx.delete("usage_route", route["id"])


# --- buckets ----------------------------------------------------------------------------------------------------------


def _value(way: Mapping[str, Any], measured: Measured) -> Quantity | str | None:
    """What an item's calculation takes of an event: a quantity, or a value to tell apart from others."""
    if way["meter_value_id"] is not None:
        quantity = measured.values.get(way["meter_value_id"])
        return quantity if way["calculation"] != "UNIQUE" or quantity is None else money.text(quantity.value)
    value = measured.properties.get(way["meter_property_id"])
    return money.text(value) if isinstance(value, Fraction) else value


def _book_way(tx: Transaction, period: str, schedule: str, way: Mapping[str, Any], asked: Asked) -> Record | None:
    properties = asked.measured.properties
    if not conditions.met(way["conditions"], properties):
        return None
    config = next((one for one in way["configs"] if conditions.met(one["conditions"], properties)), None)
    if config is None:
        return None
    value = _value(way, asked.measured)
    currency = value.currency if isinstance(value, Quantity) else None
    bucket = "|".join((period, schedule, way["product_item_id"], config["id"], currency or ""))
    floor, cap = _bounded(config, value)
    booking = {"bucket": bucket, "calculation": way["calculation"], "floor": str(floor), "cap": str(cap),
               **({"text": value} if isinstance(value, str) else {"value": str(value.value)} if value else {})}
    add_booking(tx, booking, {"billing_period_id": period, "pricing_plan_schedule_id": schedule,
                       "product_item_id": way["product_item_id"], "pricing_item_config_id": config["id"],
                       "currency": currency, "calculation": way["calculation"]})
    return booking


def _bounded(config: Mapping[str, Any], value: Quantity | str | None) -> tuple[Fraction, Fraction]:
    if not isinstance(value, Quantity) or "bounds" not in config:
        return Fraction(0), Fraction(0)
    return pricing.bounded(configs.bands_of({"bands": config["bounds"]})[0], value.value)


# --- taking back and booking anew -------------------------------------------------------------------------------------


def delete_event(tx: Transaction, call: Call) -> Record:
    """Mark a usage event deleted and take it out of its period, unless that is billed already."""
    assert call.record is not None
    return _delete(tx, call.record)


def delete_event_by_reference(tx: Transaction, call: Call) -> Record:
    """The same, for the event with a reference."""
    reference = call.body.get("reference")
    event = tx.first("usage_event", reference=reference)
    if event is None:
        raise tx.dangling("usage_event", str(reference), "reference")
    return _delete(tx, event)


def _delete(tx: Transaction, event: Record) -> Record:
    if event.get("deleted"):
        return event
    period = tx.get("billing_period", str(event.get("billing_period_id")))
    if period is not None and not period["closed"]:
        taken_anew = [booking for booking in event["bookings"] if not take_booking(tx, booking)]
        event = tx.update("usage_event", event["id"], {"deleted": True, "waits_for": None})
        for booking in taken_anew:
            retake_bucket(tx, period["id"], booking)
        tx.update("billing_period", period["id"], {"stale": True})
        return event
    if period is not None:
        tx.warn(f"the invoice {period['invoice_id']} is settled, so the deleted event stays on it")
    return tx.update("usage_event", event["id"], {"deleted": True, "waits_for": None})


def book_waiting(tx: Transaction, subscription_id: str) -> None:
    """Book the events that came ahead of a period which has now begun."""
    for event in tx.find("usage_event", waits_for=subscription_id):
        _book_anew(tx, event)


def rebook(tx: Transaction, period: str) -> None:
    """Book a period's events anew, because what prices them has changed. Costs as much as there are events."""
    empty_buckets(tx, period)
    for event in tx.find("usage_event", billing_period_id=period):
        if not event["deleted"]:
            _book_anew(tx, event)


def _book_anew(tx: Transaction, event: Record) -> None:
    meter = tx.need("meter", event["meter_id"])
    measured = _measure(tx, meter, event, "")
    placing = _place(tx, Asked(event["customer_id"], meter["id"], periods.instant(event["timestamp"]), measured,
                               event.get("pricing_plan_subscription_id")))
    tx.update("usage_event", event["id"], _placed(placing))


