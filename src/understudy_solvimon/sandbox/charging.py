"""What a schedule's items are charged in a part of a billing period: prices by model, not yet lines.

Usage is gathered first and priced then, because the volumes of several configs may choose a tier together.
Nothing here writes, taxes, converts or rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from understudy_solvimon import configs, metering, money, periods, pricing
from understudy_solvimon.metering import Aggregate
from understudy_solvimon.money import ZERO, Money
from understudy_solvimon.pricing import Priced, Usage
from understudy_solvimon.refusal import Refusal
from understudy_solvimon.sandbox.accounts import Account, Piece, part_of
from understudy_solvimon.sandbox.buckets import aggregate_of, aggregate_written
from understudy_solvimon.sandbox.offers import Offer, calculation_of
from understudy_solvimon.sandbox.terms import Record, when

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line is to say, priced but not yet taxed or converted; or why it has no price (`flaw`).

    `key` tells entries of one schedule apart; `details` are members of the reference's line details.
    """

    item: Record
    offer: Offer
    governing: Offer
    priced: Priced
    quantity: Fraction
    key: str = ""
    meter_value: Record | None = None
    flaw: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    events: int = 0


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


@dataclass(frozen=True, slots=True)
class Charged:
    """The entries of a piece, and what of its usage the next period takes over, by config."""

    entries: tuple[Entry, ...]
    carried: Mapping[str, Record]


Items = Sequence[tuple[Record, Sequence[Offer]]]
"""What a schedule offers, item by item (see `offers.configs_by_item`)."""


def charged(
    tx: Transaction, account: Account, piece: Piece, items: Items, period: str, before: Mapping[str, Record]
) -> Charged:
    """What a piece is charged at the end of its period. `before` is what the period before handed over."""
    buckets = _buckets(tx, piece, period)
    entries: list[Entry] = []
    gathered: list[Gathered] = []
    carried: dict[str, Record] = {}
    for item, offers in items:
        model = str(item.get("model_type"))
        if model == "USAGE_BASED" and offers:
            metered = [offer for offer in offers if not _is_fee(offer)]
            gathered += _gathered(tx, account, piece, item, metered, buckets, before, carried)
            entries += _fixed_usage(item, metered, buckets, piece)
        elif offers:
            entries += _CHARGES.get(model, _nothing)(account, piece, item, [offer for offer in offers if not in_advance(offer)])
    for entry, left in _priced(gathered, before):
        entries += [entry] if entry is not None else []
        if left is not None:
            carried.setdefault(left[0], {})["left"] = str(left[1])
    return Charged(tuple(_marked_up(piece, entry) for entry in entries), carried)


def charged_in_advance(account: Account, piece: Piece, items: Items) -> Iterator[Entry]:
    """What a piece is charged at its beginning: recurring and per-seat prices with `billing_in_advance`."""
    for item, offers in items:
        chosen = [offer for offer in offers if in_advance(offer)]
        charge = _CHARGES.get(str(item.get("model_type")))
        if chosen and charge is not None:
            yield from (_marked_up(piece, entry) for entry in charge(account, piece, item, chosen))


def _is_fee(offer: Offer) -> bool:
    """Whether a metered item's config is a fixed price whatever is used, billed at the beginning."""
    return in_advance(offer) and configs.kind_of(offer.config) == "FIXED" and not offer.config.get("conditions")


def in_advance(offer: Offer) -> bool:
    """Whether a config is billed at the beginning of the period it is for."""
    return offer.config.get("billing_in_advance") is True


# --- usage ------------------------------------------------------------------------------------------------------------

Buckets = Mapping[tuple[str, str], Sequence[Record]]


def _buckets(tx: Transaction, piece: Piece, period: str) -> Buckets:
    found: dict[tuple[str, str], list[Record]] = {}
    for bucket in tx.find("usage_bucket", billing_period_id=period):
        if bucket["pricing_plan_schedule_id"] == piece.schedule["id"]:
            found.setdefault((bucket["product_item_id"], bucket["pricing_item_config_id"]), []).append(bucket)
    return found


def _gathered(
    tx: Transaction, account: Account, piece: Piece, item: Record, offers: Sequence[Offer], buckets: Buckets,
    before: Mapping[str, Record], carried: dict[str, Record],
) -> Iterator[Gathered]:
    calculation = tx.get("meter_value_calculation", str(calculation_of(item))) or {}
    kind = str(calculation.get("calculation_type", "SUM"))
    for offer in offers:
        rows = [row for row in buckets.get((item["id"], offer.config["id"]), ()) if not row.get("tiering")]
        tiering = [row for row in buckets.get((item["id"], offer.config["id"]), ()) if row.get("tiering")]
        used = set()
        for key, bucket, whole in _rolled(piece, item, offer, rows, before, carried, bool(calculation.get("persist"))):
            used.add(key)
            one = _metered(account, piece, item, offer, offers[0], kind, key, bucket, whole, before, carried)
            yield replace(one, tiering=_tier_volume(tiering)) if tiering else one
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
        if row.get("pricing_item_config_id") == config["id"] and _in_force(row, piece.start):
            chosen: Mapping[str, Any] = row
            return chosen
    return config.get("default_included_volume")


def _in_force(row: Mapping[str, Any], at: datetime) -> bool:
    start, end = when(row, "start_at"), when(row, "end_at")
    return (start is None or start <= at) and (end is None or at < end)


Left = tuple[str, Fraction]


def _priced(gathered: Sequence[Gathered], before: Mapping[str, Record]) -> Iterator[tuple[Entry | None, Left | None]]:
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
    return Entry(one.item, one.offer, one.governing, priced, quantity, one.key, said, flaw, {**one.details, **more}, one.count)


def _fixed_usage(item: Record, offers: Sequence[Offer], buckets: Buckets, piece: Piece) -> Iterator[Entry]:
    """FIXED without conditions is charged used or not."""
    for offer in offers:
        used = any(not row.get("tiering") for row in buckets.get((item["id"], offer.config["id"]), ()))
        if not used and configs.kind_of(offer.config) == "FIXED" and not offer.config.get("conditions"):
            yield from _fixed(item, offer, offers[0], Fraction(1), Fraction(1), "")


# --- what is not metered ----------------------------------------------------------------------------------------------

Charge = Callable[[Account, Piece, Record, Sequence[Offer]], Iterator[Entry]]


def _recurring(account: Account, piece: Piece, item: Record, offers: Sequence[Offer]) -> Iterator[Entry]:
    """A price per period: as many as fit the subscription's period, and of a stub its share."""
    for offer in offers[:1]:
        start, end = _window(piece, offer)
        if start < end:
            times = _times(account, piece, offer.config) * part_of(account, piece, start, end)
            yield from _fixed(item, offer, offers[0], times, Fraction(1), "")


def _per_seat(account: Account, piece: Piece, item: Record, offers: Sequence[Offer]) -> Iterator[Entry]:
    """The seats of each stretch of the piece in which their number stays the same, by the stretch's days."""
    for offer in offers[:1]:
        for start, end, seats in _stretches(piece, offer):
            if seats:
                times = _times(account, piece, offer.config) * part_of(account, piece, start, end)
                for entry in _fixed(item, offer, offers[0], times, seats, periods.stamp(start)):
                    yield replace(entry, quantity=seats)


def _one_off(account: Account, piece: Piece, item: Record, offers: Sequence[Offer]) -> Iterator[Entry]:
    """Once, on the invoice of the period in which the schedule begins; what is on demand, never by itself."""
    for offer in offers[:1]:
        if piece.first and not offer.config.get("on_demand"):
            yield from _fixed(item, offer, offers[0], Fraction(1), Fraction(1), "")


def _fees(account: Account, piece: Piece, item: Record, offers: Sequence[Offer]) -> Iterator[Entry]:
    """The fixed prices of a metered item that are billed at the beginning; other prices of usage are known at the end only."""
    for offer in offers:
        if _is_fee(offer):
            yield from _fixed(item, offer, offers[0], Fraction(1), Fraction(1), "")


def _nothing(*_: object) -> Iterator[Entry]:
    return iter(())


_CHARGES: Mapping[str, Charge] = {
    "RECURRING": _recurring,
    "PER_SEAT": _per_seat,
    "SEATS": _per_seat,
    "ONE_OFF": _one_off,
    "USAGE_BASED": _fees,
}


def on_demand(item: Record, offer: Offer) -> list[Entry]:
    """The charge of a one-off price that is made when it is asked for."""
    return list(_fixed(item, offer, offer, Fraction(1), Fraction(1), ""))


def _fixed(item: Record, offer: Offer, governing: Offer, times: Fraction, units: Fraction, part: str) -> Iterator[Entry]:
    key = f"{item['id']}|{offer.config['id']}|{part}"
    try:
        priced = pricing.price(configs.kind_of(offer.config), configs.bands_of(offer.config), Usage(units))
    except Refusal as refusal:
        yield Entry(item, offer, governing, Priced(()), units * times, key, None, f"{refusal.field} {refusal.message}")
        return
    if priced.charges:
        yield Entry(item, offer, governing, pricing.scaled(priced, times), units * times, key)


def _times(account: Account, piece: Piece, config: Mapping[str, Any]) -> Fraction:
    said = config.get("billing_period") or config.get("pricing_period") or (config.get("details") or {}).get("billing_period")
    of = periods.length(said) if said else account.length
    return periods.ratio(piece.period, account.length, of, account.zone)


def _window(piece: Piece, offer: Offer) -> tuple[datetime, datetime]:
    """The part of a piece in which an elective pricing is switched on; all of it for any other."""
    start = piece.start if offer.since is None else max(piece.start, offer.since)
    return start, piece.end if offer.until is None else min(piece.end, offer.until)


def _stretches(piece: Piece, offer: Offer) -> Iterator[tuple[datetime, datetime, Fraction]]:
    known = [row for row in piece.schedule.get("seats_values") or () if row.get("pricing_item_config_id") == offer.config["id"]]
    first, last = _window(piece, offer)
    changes = {moment for row in known for field in ("start_at", "end_at")
               if (moment := when(row, field)) is not None and first < moment < last}
    borders = [first, *sorted(changes), last]
    runs: list[tuple[datetime, datetime, Fraction]] = []
    for start, end in pairwise(borders):
        seats = _seats(known, offer.config, start)
        if runs and runs[-1][2] == seats:
            runs[-1] = (runs[-1][0], end, seats)
        elif start < end:
            runs.append((start, end, seats))
    yield from runs


def _seats(known: Sequence[Mapping[str, Any]], config: Mapping[str, Any], at: datetime) -> Fraction:
    for row in reversed(known):
        if _in_force(row, at):
            return configs.measure(row) or ZERO
    return configs.measure(config.get("default_seats_value")) or ZERO


# --- markup -----------------------------------------------------------------------------------------------------------


def _marked_up(piece: Piece, entry: Entry) -> Entry:
    """An entry with its schedule's markup: a percentage of its price, or an amount once (assumed)."""
    for row in (piece.schedule.get("markup") or {}).get("pricing_item_configs") or ():
        fits = not row.get("ids") or entry.offer.config["id"] in row["ids"]
        if fits and _in_force(row, piece.start) and entry.priced.charges:
            amount = money.money(row["amount"]) if row.get("amount") else None
            percentage = money.number(row["percentage"]) if row.get("percentage") else None
            entry = replace(entry, priced=pricing.marked_up(entry.priced, percentage, amount))
    return entry
