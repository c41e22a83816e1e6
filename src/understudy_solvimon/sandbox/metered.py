"""What usage is charged: gathered from a period's buckets first and priced then.

The volumes of several configs may choose a tier together, so no config is priced before all are gathered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import configs, metering, money, periods, pricing
from understudy_solvimon.metering import Aggregate
from understudy_solvimon.money import ZERO, Money
from understudy_solvimon.pricing import Priced, Usage
from understudy_solvimon.refusal import Refusal
from understudy_solvimon.sandbox.accounts import Account, Piece
from understudy_solvimon.sandbox.buckets import PER_CUSTOMER, aggregate_of, aggregate_written, shares_of
from understudy_solvimon.sandbox.entries import Entry
from understudy_solvimon.sandbox.offers import Offer, calculation_of
from understudy_solvimon.sandbox.terms import Record, in_force

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Gathered:
    """Usage of one config before it is priced: what is used, what of it is beyond the included volume, what picks the tier."""

    item: Record
    offer: Offer
    governing: Offer
    key: str
    used: Fraction
    usage: Usage
    calculation: str
    count: int
    tiering: Fraction | None = None
    currency: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    shares: Sequence[tuple[str, Fraction]] = ()


Buckets = Mapping[tuple[str, str], Sequence[Record]]


def buckets_of(tx: Transaction, piece: Piece, period: str) -> Buckets:
    """A period's buckets that a piece bills, by item and config."""
    found: dict[tuple[str, str], list[Record]] = {}
    for bucket in tx.find("usage_bucket", billing_period_id=period):
        if bucket["pricing_plan_schedule_id"] == piece.schedule["id"]:
            found.setdefault((bucket["product_item_id"], bucket["pricing_item_config_id"]), []).append(bucket)
    return found


def gathered(
    tx: Transaction, account: Account, piece: Piece, item: Record, offers: Sequence[Offer], buckets: Buckets,
    before: Mapping[str, Record], carried: dict[str, Record],
) -> Iterator[Gathered]:
    """The usage of an item's configs before it is priced; what the next period takes over is put into `carried`."""
    calculation = tx.get("meter_value_calculation", str(calculation_of(item))) or {}
    kind = str(calculation.get("calculation_type", "SUM"))
    for offer in offers:
        rows = [row for row in buckets.get((item["id"], offer.config["id"]), ()) if not row.get("tiering")]
        tiering = [row for row in buckets.get((item["id"], offer.config["id"]), ()) if row.get("tiering")]
        used = set()
        for key, bucket, whole in _rolled(piece, item, offer, rows, before, carried, bool(calculation.get("persist"))):
            used.add(key)
            one = _metered(account, piece, item, offer, offers[0], kind, key, bucket, whole, before, carried)
            one = replace(one, tiering=_tier_volume(tiering)) if tiering else one
            yield replace(one, shares=shares_of(tx, bucket["id"])) if account.subscription.get(PER_CUSTOMER) and "id" in bucket else one
        _hand_on(account, piece, item, offer, before, carried, used)


def _rolled(
    piece: Piece, item: Record, offer: Offer, rows: Sequence[Record], before: Mapping[str, Record],
    carried: dict[str, Record], persist: bool,
) -> Iterator[tuple[str, Record, Aggregate]]:
    """Each bucket of a config with its aggregate; where a calculation persists, with all before it in the schedule."""
    seen = {usage_key(piece, item, offer, row): row for row in rows}
    prefix = f"{piece.schedule['id']}|{item['id']}|{offer.config['id']}|"
    if persist:
        for key, earlier in before.items():
            if key.startswith(prefix) and "rolled" in earlier:
                seen.setdefault(key, {**earlier["facts"], "empty": True})
    for key, row in seen.items():
        whole = metering.EMPTY if row.get("empty") else aggregate_of(row)
        if persist:
            if key in before and "rolled" in before[key]:
                whole = metering.merge(aggregate_of(before[key]["rolled"]), whole)
            facts = {name: row[name] for name in ("currency", "split") if name in row}
            carried.setdefault(key, {}).update(rolled=aggregate_written(whole), facts=facts)
        yield key, row, whole


def _hand_on(
    account: Account, piece: Piece, item: Record, offer: Offer, before: Mapping[str, Record], carried: dict[str, Record], used: set[str]
) -> None:
    """Of what was not used at all: what was bought stays left, and an included volume goes by its reset."""
    prefix = f"{piece.schedule['id']}|{item['id']}|{offer.config['id']}|"
    unused = [key for key in before if key.startswith(prefix) and key not in used]
    if not unused and not used and included_row(piece, offer.config) is not None:
        unused = [f"{prefix}|"]
    for key in unused:
        if "left" in (before.get(key) or {}):
            carried.setdefault(key, {})["left"] = before[key]["left"]
        _included(account, piece, offer, key, ZERO, before, carried)


def usage_key(piece: Piece, item: Mapping[str, Any], offer: Offer, bucket: Mapping[str, Any]) -> str:
    """What tells usage apart within a schedule: item, config, currency and split values."""
    split = "|".join(f"{name}={value}" for name, value in sorted((bucket.get("split") or {}).items()))
    return f"{piece.schedule['id']}|{item['id']}|{offer.config['id']}|{bucket.get('currency') or ''}|{split}"


def _tier_volume(rows: Sequence[Record]) -> Fraction:
    return money.total(metering.result(row["calculation"], aggregate_of(row)) for row in rows)


def _metered(
    account: Account, piece: Piece, item: Record, offer: Offer, governing: Offer, calculation: str, key: str,
    bucket: Record, whole: Aggregate, before: Mapping[str, Record], carried: dict[str, Record],
) -> Gathered:
    used = metering.result(calculation, whole)
    free, details = _included(account, piece, offer, key, used, before, carried)
    currency = bucket.get("currency")
    usage = Usage(max(used - free, ZERO) if free else used, currency, whole.floor, whole.cap)
    if bucket.get("split"):
        rows = [{"id": id, "value": value} for id, value in bucket["split"].items()]
        details = {**details, "split_pricing": {"meter_properties": rows}}
    return Gathered(item, offer, governing, key, used, usage, calculation, whole.count, None, currency, details)


def _included(
    account: Account, piece: Piece, offer: Offer, key: str, used: Fraction, before: Mapping[str, Record], carried: dict[str, Record],
) -> tuple[Fraction, Record]:
    """How much of what was used is free, and what the line says of it."""
    row = included_row(piece, offer.config)
    volume = configs.measure(row)
    if row is None or volume is None:
        return ZERO, {}
    known = before.get(key) or {}
    reset = configs.Reset(str(row.get("reset_type") or "BILLING_PERIOD"), periods.instant(piece.schedule["start_at"]), account.zone)
    since = None if "since" not in known else periods.instant(known["since"])
    available = configs.available_volume(volume, reset, piece.start, since, Fraction(known["included"]) if "included" in known else None)
    free = min(max(used, ZERO), available)
    carried.setdefault(key, {}).update(included=str(available - free), since=periods.stamp(piece.start))
    details = {"included_volume": {"number": money.text(volume)}, "available_included_volume": {"number": money.text(available)},
               "period_volume": {"number": money.text(used)}}
    return free, {"included_volume_details": details}


def included_row(piece: Piece, config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The included volume in force at a piece's beginning: the schedule's own for the config, else the config's."""
    for row in reversed(piece.schedule.get("included_volumes") or ()):
        if row.get("pricing_item_config_id") == config["id"] and in_force(row, piece.start):
            chosen: Mapping[str, Any] = row
            return chosen
    return config.get("default_included_volume")


Left = tuple[str, Fraction]


def priced(gathered: Sequence[Gathered], before: Mapping[str, Record]) -> Iterator[tuple[Entry | None, Left | None]]:
    """Gathered usage priced, each by the volume that picks its tier; what a top-up leaves goes with it."""
    volumes: dict[str, Fraction] = {}
    for one in gathered:
        group = volume_group(one)
        volumes[group] = volumes.get(group, ZERO) + one.usage.quantity
    for one in gathered:
        volume = volumes[volume_group(one)] if one.tiering is None else one.tiering
        left = Fraction((before.get(one.key) or {}).get("left", 0))
        yield _price(one, volume, left)


def volume_group(one: Gathered) -> str:
    """What shares one volume: the configs of a volume group, or the parts a config's usage was split into."""
    named = one.offer.config.get("volume_group_reference")
    return f"group|{named}|{one.currency or ''}" if named else f"{one.item['id']}|{one.offer.config['id']}|{one.currency or ''}"


def _price(one: Gathered, volume: Fraction, left: Fraction) -> tuple[Entry | None, Left | None]:
    config = one.offer.config
    kind = configs.kind_of(config)
    if one.used == 0 or (kind == "FIXED" and not one.count):
        return None, (one.key, left) if left else None
    try:
        priced = pricing.price_of(kind, configs.bands_of(config), replace(one.usage, left=left), volume)
    except Refusal as refusal:
        return _entry(one, Priced(()), f"{refusal.field} {refusal.message}"), None
    entry = _entry(one, priced) if priced.charges else None
    return entry, (one.key, priced.left) if kind.endswith("_TOP_UP") else None


def _entry(one: Gathered, priced: Priced, flaw: str | None = None) -> Entry:
    fixed = configs.kind_of(one.offer.config) == "FIXED"
    quantity = Fraction(1) if fixed else one.used
    said: Record = {"number": money.text(quantity)} if one.currency is None else {
        "amount": money.exact_amount(Money(quantity, one.currency))}
    more = {} if one.tiering is None else {"tiering_meter_value": {"type": "NUMBER", "number": money.text(one.tiering)}}
    return Entry(one.item, one.offer, one.governing, priced, quantity, one.key, said, flaw, {**one.details, **more}, one.count, one.shares)
