"""From records to a bill: what a billing period's schedules and usage come to.

Nothing here writes. The arithmetic is in `pricing` and `invoicing`; here it is only fed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from understudy_solvimon import charges, configs, invoicing, metering, money, periods, pricing
from understudy_solvimon.charges import DraftLine, Group, Rate, Scope, Terms
from understudy_solvimon.invoicing import Bill, Span
from understudy_solvimon.metering import Aggregate
from understudy_solvimon.money import Money
from understudy_solvimon.periods import Length, Period
from understudy_solvimon.pricing import Priced, Usage
from understudy_solvimon.refusal import Refusal
from understudy_solvimon.sandbox.buckets import aggregate_of
from understudy_solvimon.sandbox.catalogue import calculation_of
from understudy_solvimon.sandbox.offers import Offer, configs_by_item
from understudy_solvimon.sandbox.terms import Record, judged, setting, when, zone_of

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """Who is billed by whom, and what follows from it."""

    subscription: Record
    customer: Record
    entity: Record
    zone: ZoneInfo
    currency: str
    length: Length


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a billing period that one schedule bills. `share` is the part of a full price it is charged."""

    period: Period
    schedule: Record
    start: datetime
    end: datetime
    share: Fraction
    first: bool
    amount_type: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line is to say, priced but not yet taxed or converted; or why it has no price (`flaw`)."""

    item: Record
    offer: Offer
    governing: Offer
    priced: Priced
    quantity: Fraction
    meter_value: Record | None = None
    flaw: str | None = None


LARGEST = Fraction(10) ** 17
"""More than this, of units or money, is no line: what an invoice can write has twenty digits."""


def account_of(tx: Transaction, subscription: Record) -> Account:
    """The account behind a subscription."""
    customer = tx.get("customer", str(subscription.get("customer_id"))) or {}
    entity = tx.get("billing_entity", str(subscription.get("billing_entity_id"))) or {}
    return Account(subscription, customer, entity, zone_of(customer),
                   subscription["billing_currency"], periods.length(subscription["billing_period"]))


def bill_of(tx: Transaction, record: Record, period: Period, subscription: Record) -> tuple[Bill, list[Record]]:
    """A billing period's bill, and what could not be put on it (the reference's `validation_result` rows)."""
    account = account_of(tx, subscription)
    drafts: list[DraftLine] = []
    flaws: list[Record] = []
    pieces = list(_pieces(tx, account, period))
    for piece in pieces:
        for entry in _entries(tx, account, piece, record["id"]):
            draft = _draft(tx, account, piece, entry)
            (flaws if isinstance(draft, dict) else drafts).append(draft)  # type: ignore[arg-type]
    drafts.sort(key=lambda draft: draft.group.key[0])
    lines = invoicing.settled(drafts, _terms(tx, account, pieces))
    span = Span(record["start_at"], record["end_at"], subscription["billing_period"], lines)
    amount_type = pieces[0].amount_type if pieces else charges.EXCLUDING
    return Bill(account.currency, (span,), amount_type, _country(account.entity)), flaws


def _terms(tx: Transaction, account: Account, pieces: Sequence[Piece]) -> Terms:
    """What the steps after pricing go by: the discounts and commitments of the period's schedules."""
    return Terms(account.currency)


def _country(entity: Mapping[str, Any]) -> str | None:
    country: str | None = (entity.get("registered_address") or {}).get("country")
    return country


# --- pieces -----------------------------------------------------------------------------------------------------------


def _pieces(tx: Transaction, account: Account, period: Period) -> Iterator[Piece]:
    for schedule in tx.find("schedule", pricing_plan_subscription_id=account.subscription["id"]):
        starts, ends = periods.instant(schedule["start_at"]), when(schedule, "end_at")
        start = max(starts, period.start)
        end = period.end if ends is None else min(ends, period.end)
        if start >= end or schedule.get("type") == "TRIAL":
            continue
        plan = tx.get("pricing_plan", str(schedule.get("pricing_plan_id"))) or {}
        yield Piece(period, schedule, start, end, _share(account, period, start, end), starts >= period.start,
                    plan.get("amount_type") or charges.EXCLUDING)


def _share(account: Account, period: Period, start: datetime, end: datetime) -> Fraction:
    """All of a price, except of a CALENDAR stub and where schedules change within the period (assumed): its days."""
    whole = (start, end) == (period.start, period.end)
    if whole and account.subscription.get("billing_time") != "CALENDAR":
        return Fraction(1)
    return periods.fraction(start, end, period, account.zone)


def _entries(tx: Transaction, account: Account, piece: Piece, period: str) -> Iterator[Entry]:
    buckets: dict[tuple[str, str], list[Record]] = {}
    for bucket in tx.find("usage_bucket", billing_period_id=period):
        if bucket["pricing_plan_schedule_id"] == piece.schedule["id"]:
            buckets.setdefault((bucket["product_item_id"], bucket["pricing_item_config_id"]), []).append(bucket)
    for item, offers in configs_by_item(tx, account.subscription, piece.schedule):
        if offers:
            charge = _CHARGES.get(str(item.get("model_type")), _nothing)
            yield from charge(tx, account, piece, item, offers, buckets)


# --- what an item is charged, by its model ----------------------------------------------------------------------------

Buckets = Mapping[tuple[str, str], Sequence[Record]]
Charge = Callable[["Transaction", Account, Piece, Record, Sequence[Offer], Buckets], Iterator[Entry]]


def _usage(tx: Transaction, _: Account, __: Piece, item: Record, offers: Sequence[Offer], buckets: Buckets) -> Iterator[Entry]:
    calculation = tx.get("meter_value_calculation", str(calculation_of(item))) or {}
    measured = tx.get("meter_value", str(calculation.get("meter_value_id"))) or {}
    for offer in offers:
        config = offer.config
        found: Sequence[Record | None] = buckets.get((item["id"], config["id"]), ())
        if not found and configs.kind_of(config) == "FIXED" and not config.get("conditions"):
            found = (None,)
        for bucket in found:
            entry = _metered(item, offer, offers[0], calculation.get("calculation_type", "SUM"), bucket)
            if entry is not None:
                yield entry if bucket is None else _with_meter_value(entry, measured, bucket)


def _metered(item: Record, offer: Offer, governing: Offer, calculation: str, bucket: Record | None) -> Entry | None:
    aggregate = metering.EMPTY if bucket is None else aggregate_of(bucket)
    kind = configs.kind_of(offer.config)
    value = metering.result(calculation, aggregate)
    if value == 0 and kind != "FIXED":
        return None
    usage = _beyond_included(offer.config, value, aggregate, None if bucket is None else bucket["currency"])
    return _entry(item, offer, governing, usage, Fraction(1), Fraction(1) if kind == "FIXED" else value)


def _entry(
    item: Record, offer: Offer, governing: Offer, usage: Usage, times: Fraction, quantity: Fraction
) -> Entry | None:
    """A priced entry, one that says why it has no price, or none where nothing is to be billed."""
    try:
        priced = pricing.price(configs.kind_of(offer.config), configs.bands_of(offer.config), usage)
    except Refusal as refusal:
        return Entry(item, offer, governing, Priced(()), quantity, None, f"{refusal.field} {refusal.message}")
    return Entry(item, offer, governing, pricing.scaled(priced, times), quantity) if priced.charges else None


def _beyond_included(config: Mapping[str, Any], value: Fraction, aggregate: Aggregate, currency: str | None) -> Usage:
    usage = Usage(value, currency, aggregate.floor, aggregate.cap)
    included = configs.measure(config.get("default_included_volume"))
    return usage if included is None else pricing.beyond(usage, included)


def _with_meter_value(entry: Entry, measured: Mapping[str, Any], bucket: Record) -> Entry:
    if bucket["currency"] is None:
        said: Record = {"number": money.text(entry.quantity)}
    else:
        said = {"amount": money.exact_amount(Money(entry.quantity, bucket["currency"]))}
    value = {"reference": measured.get("reference") or "", "type": measured.get("type") or "NUMBER", **said}
    return replace(entry, meter_value=value)


def _recurring(
    tx: Transaction, account: Account, piece: Piece, item: Record, offers: Sequence[Offer], _: Buckets
) -> Iterator[Entry]:
    """A price per period: as many as fit the subscription's period, and of a stub its share."""
    offer = offers[0]
    yield from _fixed(item, offer, offers[0], _times(account, piece, offer.config), Fraction(1))


def _per_seat(
    tx: Transaction, account: Account, piece: Piece, item: Record, offers: Sequence[Offer], _: Buckets
) -> Iterator[Entry]:
    offer = offers[0]
    seats = _seats(piece, offer.config)
    if seats:
        yield from _fixed(item, offer, offers[0], _times(account, piece, offer.config), seats)


def _one_off(
    tx: Transaction, account: Account, piece: Piece, item: Record, offers: Sequence[Offer], _: Buckets
) -> Iterator[Entry]:
    """Once, on the invoice of the period in which the schedule begins; what is on demand, never by itself."""
    if piece.first and not offers[0].config.get("on_demand"):
        yield from _fixed(item, offers[0], offers[0], Fraction(1), Fraction(1))


def _fixed(item: Record, offer: Offer, governing: Offer, times: Fraction, units: Fraction) -> Iterator[Entry]:
    entry = _entry(item, offer, governing, Usage(units), times, units * times)
    if entry is not None:
        yield entry


def _times(account: Account, piece: Piece, config: Mapping[str, Any]) -> Fraction:
    said = config.get("billing_period") or config.get("pricing_period") or (config.get("details") or {}).get("billing_period")
    of = periods.length(said) if said else account.length
    return periods.ratio(piece.period, account.length, of, account.zone) * piece.share


def _seats(piece: Piece, config: Mapping[str, Any]) -> Fraction:
    """The seats of the period's beginning; a change within it counts from the next period (assumed)."""
    known = [row for row in piece.schedule.get("seats_values") or () if row.get("pricing_item_config_id") == config["id"]]
    for row in reversed(known):
        start, end = when(row, "start_at"), when(row, "end_at")
        if (start is None or start <= piece.start) and (end is None or piece.start < end):
            return configs.measure(row) or Fraction(0)
    return configs.measure(config.get("default_seats_value")) or Fraction(0)


def _nothing(*_: object) -> Iterator[Entry]:
    return iter(())


_CHARGES: Mapping[str, Charge] = {
    "USAGE_BASED": _usage,
    "RECURRING": _recurring,
    "PER_SEAT": _per_seat,
    "SEATS": _per_seat,
    "ONE_OFF": _one_off,
}


# --- lines ------------------------------------------------------------------------------------------------------------


def _draft(tx: Transaction, account: Account, piece: Piece, entry: Entry) -> DraftLine | Record:
    """An entry as a draft line in the billing currency; a validation row where it cannot be one."""
    worth = pricing.worth(entry.priced)
    rate = None if worth is None else _exchange(tx, worth.currency, account.currency)
    flaw = _flaw(entry, worth, rate, account.currency)
    if worth is None or rate is None or flaw is not None:
        tx.warn(f"{entry.item.get('reference')} is not billed: {flaw}")
        return {"status": "ERROR", "details": f"{entry.item.get('reference')} is not billed: {flaw}"}
    sign = -1 if entry.item.get("type") == "DEDUCTION" else 1
    described = entry.governing.pricing.get("name") or entry.item.get("name")
    return DraftLine(described, entry.quantity, _unit_price(entry), worth.quantity * rate * sign,
                     tax_rate(tx, account, entry.item), _group(account, piece, entry), _scope(tx, piece, entry),
                     piece.amount_type, facts=_facts(entry, worth))


def _scope(tx: Transaction, piece: Piece, entry: Entry) -> Scope:
    product = tx.get("product", str(entry.item.get("product_id"))) or {}
    return Scope(piece.schedule["id"], entry.governing.pricing["id"], entry.offer.pricing_item["id"],
                 entry.offer.config["id"], product.get("id"), entry.item["id"], product.get("category_id"))


def _flaw(entry: Entry, worth: Money | None, rate: Fraction | None, currency: str) -> str | None:
    if worth is None:
        return entry.flaw or "it has no price"
    if rate is None:
        return f"there is no exchange rate from {worth.currency} to {currency}"
    if max(abs(worth.quantity), abs(worth.quantity * rate), abs(entry.quantity)) > LARGEST:
        return "its quantity or price has more digits than an invoice can hold"
    return None


def _exchange(tx: Transaction, source: str, target: str) -> Fraction | None:
    if source == target:
        return Fraction(1)
    rate = (setting(tx, "exchange_rates").get(source) or {}).get(target)
    with judged("settings.exchange_rates"):
        return None if rate is None else money.number(str(rate))


def tax_rate(tx: Transaction, account: Account, item: Mapping[str, Any]) -> Rate:
    """The rate of an item: its own category, else its product's, else that one's category's, else STANDARD."""
    product = tx.get("product", str(item.get("product_id"))) or {}
    category = item.get("tax_category") or product.get("tax_category") or _category_tax(tx, product) or "STANDARD"
    exempt = (account.customer.get("organization") or {}).get("tax_exempt") is True
    if category != "STANDARD" or exempt:
        return Rate(Fraction(0), "EXEMPT" if exempt else category)
    said = account.subscription.get("sales_tax_percentage") or setting(tx, "tax_rates").get(_country(account.entity))
    return Rate(money.number(str(said)) if said is not None else Fraction(0), "STANDARD")


def _category_tax(tx: Transaction, product: Mapping[str, Any]) -> str | None:
    return (tx.get("product_category", str(product.get("category_id"))) or {}).get("tax_category")


def _unit_price(entry: Entry) -> Money | None:
    """The price of one unit, where all units have the same one."""
    charges = entry.priced.charges
    band = configs.bands_of(entry.offer.config)[charges[0].band] if configs.bands_of(entry.offer.config) else None
    if len(charges) != 1 or band is None or band.percentage is not None:
        return None
    return band.fixed if band.unit is None else band.unit


def _group(account: Account, piece: Piece, entry: Entry) -> Group:
    of = entry.governing.pricing
    facts = {
        "pricing": {"id": of["id"], "name": of.get("name") or ""},
        "pricing_plan_subscription_id": account.subscription["id"],
        "pricing_plan_schedule_id": piece.schedule["id"],
        "start_at": periods.stamp(piece.start),
        "end_at": periods.stamp(piece.end),
    }
    return Group((f"{piece.schedule['start_at']}|{int(of.get('display_order') or 0):09}|{of['id']}",), facts)


_ITEM_SHOWN = ("object_type", "id", "product_id", "name", "status", "reference", "description", "type", "model_type",
               "tax_category")


def _facts(entry: Entry, worth: Money) -> Record:
    config = entry.offer.config
    conditions = {"conditions": config["conditions"]} if config.get("conditions") else {}
    metered = {"meter_value": entry.meter_value} if entry.meter_value else {}
    details: Record = {
        "pricing_currency": worth.currency,
        "pricing_amount": money.amount(worth.quantity, worth.currency),
    }
    parts = [_band(config, charge) for charge in entry.priced.charges]
    if len(parts) == 1:
        details["band"] = parts[0]
    sub_lines = [
        {"sub_line_order": order, "details": {"amount": money.amount(charge.price.quantity, charge.price.currency), "band": band}}
        for order, (charge, band) in enumerate(zip(entry.priced.charges, parts, strict=True), 1)
    ]
    return {
        "pricing_type": configs.kind_of(config),
        "pricing_item_id": entry.offer.pricing_item["id"],
        "pricing_item_config_id": config["id"],
        "product_items": [{name: entry.item[name] for name in _ITEM_SHOWN if name in entry.item}],
        **conditions,
        **metered,
        "details": details,
        **({"sub_lines": sub_lines} if len(parts) > 1 else {}),
    }


def _band(config: Mapping[str, Any], charge: pricing.Charge) -> Record:
    rows = config.get("bands") or (config.get("details") or {}).get("bands") or ()
    row = dict(rows[charge.band]) if len(rows) > charge.band else {}
    row.pop("fixed_amount", None)
    return {**row, "volume_share": money.text(charge.quantity),
            **({"tier_lower_bound": {"number": money.text(charge.lower)}} if charge.lower else {})}
