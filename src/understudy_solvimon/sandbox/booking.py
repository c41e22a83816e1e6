"""Where a usage event goes: the subscription, the period and the buckets it is booked into, now or later.

1. Booking an event costs the same whatever was booked before (see `buckets`).
2. Which config an event falls under is decided once, when it is booked; a version's conditions do not change after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import conditions, configs, metering, money, periods, pricing
from understudy_solvimon.conditions import Value
from understudy_solvimon.metering import Part, Quantity
from understudy_solvimon.sandbox.buckets import PER_CUSTOMER, add_booking, empty_buckets
from understudy_solvimon.sandbox.routes import in_window, route
from understudy_solvimon.sandbox.selecting import schedule_at, selected
from understudy_solvimon.sandbox.terms import Record, judged, setting, when

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction

# --- what an event carries --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """What an event carries, by the ids of the meter's parts."""

    values: Mapping[str, Quantity]
    properties: Mapping[str, Value]


def measure(tx: Transaction, meter: Mapping[str, Any], body: Mapping[str, Any], place: str) -> Measured:
    """What an event's body carries. Raises Problem that names the field."""
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
    """An event as far as matching needs it. `subscription` is set where the event names one, `selector` where it says which."""

    customer: str
    meter: str
    at: datetime
    measured: Measured
    subscription: str | None = None
    selector: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """Where an event went: a period and its bookings, or the subscription it waits for, or why nowhere (`variant`)."""

    period: str | None = None
    bookings: tuple[Record, ...] = ()
    waits_for: str | None = None
    variant: str | None = None


def placed(placing: Placing) -> Record:
    """What an event's record says of where it went."""
    details: Record = {"type": "DEFAULT"}
    if placing.variant is not None:
        details = {"type": "NOT_MATCHED", "not_matched": {"variant": placing.variant}}
    return {"processed_details": details, "billing_period_id": placing.period, "bookings": list(placing.bookings),
            "waits_for": placing.waits_for}


def placing_of(tx: Transaction, asked: Asked) -> Placing:
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
    """The subscriptions an event may go to: the one it names, else the customer's, latest first, then its parents'."""
    if asked.subscription is not None:
        subscription = tx.need("subscription", asked.subscription)
        if subscription.get("customer_id") in (asked.customer, *_parents(tx, asked.customer)):
            yield subscription
        return
    for id in (asked.customer, *_parents(tx, asked.customer)):
        customer = tx.get("customer", id) or {}
        known = tx.find("subscription", customer_id=id)
        yield from reversed(selected(tx, known, customer.get("pricing_plan_subscription_selector"), asked.selector, asked.at))


def _parents(tx: Transaction, customer: str) -> list[str]:
    """The customers whose subscriptions bill the usage of one that only processes."""
    record = tx.get("customer", customer) or {}
    if not (record.get("processing_only") or "PROCESSING_ONLY" in (record.get("roles") or ())):
        return []
    return [id for id in (record.get("parent_customer_id"), *(record.get("parent_customer_ids") or ())) if id]


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
    ways = route(tx, subscription, schedule, asked.meter)["ways"] if schedule is not None else []
    metered = [way for way in ways if _value(way, asked.measured) is not None]
    if schedule is None or not metered:
        return Placing(variant="NO_PRODUCT_ITEM")
    shown = subscription.get(PER_CUSTOMER) is True and asked.customer != subscription.get("customer_id")
    where = Where(period["id"], period["start_at"], schedule["id"], periods.stamp(asked.at), asked.customer if shown else None)
    bookings = [booking for way in metered for booking in _book_way(tx, where, way, asked)]
    if not bookings:
        return Placing(variant="NO_PRICE")
    if not period["stale"]:
        tx.update("billing_period", period["id"], {"stale": True})
    return Placing(period=period["id"], bookings=tuple(bookings))


# --- buckets ----------------------------------------------------------------------------------------------------------


def _value(way: Mapping[str, Any], measured: Measured) -> Quantity | str | None:
    """What an item's calculation takes of an event: a quantity, or a value to tell apart from others."""
    if way["meter_value_id"] is not None:
        quantity = measured.values.get(way["meter_value_id"])
        return quantity if way["calculation"] != "UNIQUE" or quantity is None else money.text(quantity.value)
    value = measured.properties.get(way["meter_property_id"])
    return money.text(value) if isinstance(value, Fraction) else value


@dataclass(frozen=True, slots=True)
class Where:
    """The period, and when it began, and the schedule that take an event of a time stamp; whose it is, where the invoice is to tell."""

    period: str
    begun: str
    schedule: str
    at: str
    customer: str | None = None


def _book_way(tx: Transaction, where: Where, way: Mapping[str, Any], asked: Asked) -> Iterator[Record]:
    """Book an event where an item's first config that takes it says, and wherever it only helps to pick the tier."""
    properties = asked.measured.properties
    if not conditions.met(way["conditions"], properties):
        return
    open_configs = [one for one in way["configs"] if in_window(one, where.at)]
    config = next((one for one in open_configs if conditions.met(one["conditions"], properties)), None)
    if config is not None:
        yield _book(tx, where, way, config, _value(way, asked.measured), _split(config, properties))
    for one in open_configs:
        tiering = one.get("tiering_conditions")
        if (tiering and conditions.met(tiering, properties)) or (not tiering and way["tiering"] and one is config):
            yield from _book_tiering(tx, where, way, one, asked)


def _book_tiering(tx: Transaction, where: Where, way: Mapping[str, Any], config: Mapping[str, Any], asked: Asked) -> Iterator[Record]:
    by = way["tiering"] or way
    value = _value(by, asked.measured)
    if value is not None:
        yield _book(tx, where, {**way, **by, "persist": False}, {"id": config["id"]}, value, {}, tiering=True)


def _split(config: Mapping[str, Any], properties: Mapping[str, Value]) -> dict[str, str]:
    """The values a config's usage is split by: those of its properties, or whether they are the value it names."""
    found = {}
    for part in (config.get("split_pricing") or {}).get("meter_properties") or ():
        value = properties.get(str(part.get("id")))
        shown = money.text(value) if isinstance(value, Fraction) else value
        if shown is not None and part.get("value") in (None, shown):
            found[str(part["id"])] = shown
    return found


def _book(
    tx: Transaction, where: Where, way: Mapping[str, Any], config: Mapping[str, Any], value: Quantity | str | None,
    split: dict[str, str], tiering: bool = False,
) -> Record:
    currency = value.currency if isinstance(value, Quantity) else None
    base = "|".join((where.schedule, way["product_item_id"], config["id"], currency or "", *(f"{id}={one}" for id, one in split.items()),
                     *(["tiering"] if tiering else ())))
    floor, cap = _bounded(config, value)
    booking = {"bucket": f"{where.period}|{base}", "calculation": way["calculation"], "floor": str(floor), "cap": str(cap),
               **({"rolling": base, "begun": where.begun} if way["persist"] else {}),
               **({"customer": where.customer} if where.customer and way["calculation"] == "SUM" and not tiering else {}),
               **({"text": value} if isinstance(value, str) else {"value": str(value.value)} if value else {})}
    add_booking(tx, booking, {
        "billing_period_id": where.period, "pricing_plan_schedule_id": where.schedule,
        "product_item_id": way["product_item_id"], "pricing_item_config_id": config["id"], "currency": currency,
        "calculation": way["calculation"], **({"split": split} if split else {}), **({"tiering": True} if tiering else {})})
    return booking


def _bounded(config: Mapping[str, Any], value: Quantity | str | None) -> tuple[Fraction, Fraction]:
    if not isinstance(value, Quantity) or "bounds" not in config:
        return Fraction(0), Fraction(0)
    return pricing.bounded(configs.bands_of({"bands": config["bounds"]})[0], value.value)


# --- later, and anew --------------------------------------------------------------------------------------------------


def book_waiting(tx: Transaction, subscription_id: str) -> None:
    """Book the events that came ahead of a period which has now begun."""
    for event in tx.find("usage_event", waits_for=subscription_id):
        book_anew(tx, event)


def rebook(tx: Transaction, period: str) -> None:
    """Book a period's events anew, because what prices them has changed. Costs as much as there are events."""
    empty_buckets(tx, period)
    for event in tx.find("usage_event", billing_period_id=period):
        if not event["deleted"]:
            book_anew(tx, event)


def book_anew(tx: Transaction, event: Record) -> Record:
    """Place an event that is booked nowhere. Answers with it as it is now."""
    meter = tx.need("meter", event["meter_id"])
    measured = measure(tx, meter, event, "")
    placing = placing_of(tx, Asked(event["customer_id"], meter["id"], periods.instant(event["timestamp"]), measured,
                               event.get("pricing_plan_subscription_id"), event.get("pricing_plan_subscription_selector")))
    return tx.update("usage_event", event["id"], placed(placing))


