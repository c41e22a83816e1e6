"""What is charged whatever is used: recurring and one-off prices, seats, fixed fees, for a part of a billing period."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from understudy_solvimon import configs, periods, pricing
from understudy_solvimon.money import ZERO
from understudy_solvimon.pricing import Priced, Usage
from understudy_solvimon.refusal import Refusal
from understudy_solvimon.sandbox.accounts import Account, Piece, part_of
from understudy_solvimon.sandbox.entries import Entry
from understudy_solvimon.sandbox.offers import METERED, Offer
from understudy_solvimon.sandbox.terms import Record, in_force, when

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
            yield from once(item, offer, offers[0])


def _fees(account: Account, piece: Piece, item: Record, offers: Sequence[Offer]) -> Iterator[Entry]:
    """The fixed prices of a metered item that are billed at the beginning; other prices of usage are known at the end only."""
    for offer in offers:
        if is_fee(offer):
            yield from once(item, offer, offers[0])


def _nothing(*_: object) -> Iterator[Entry]:
    return iter(())


_CHARGES: Mapping[str, Charge] = {
    "RECURRING": _recurring,
    "PER_SEAT": _per_seat,
    "SEATS": _per_seat,
    "ONE_OFF": _one_off,
    **dict.fromkeys(METERED, _fees),
}


def standing(account: Account, piece: Piece, item: Record, offers: Sequence[Offer]) -> Iterator[Entry]:
    """What some prices of an item charge in a piece, whatever is used."""
    return _CHARGES.get(str(item.get("model_type")), _nothing)(account, piece, item, offers)


def is_fee(offer: Offer) -> bool:
    """Whether a metered item's config is a fixed price whatever is used, billed at the beginning."""
    return in_advance(offer) and configs.kind_of(offer.config) == "FIXED" and not offer.config.get("conditions")


def in_advance(offer: Offer) -> bool:
    """Whether a config is billed at the beginning of the period it is for."""
    return offer.config.get("billing_in_advance") is True


def once(item: Record, offer: Offer, governing: Offer) -> Iterator[Entry]:
    """The whole of a price, one time."""
    return _fixed(item, offer, governing, Fraction(1), Fraction(1), "")


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
        if in_force(row, at):
            return configs.measure(row) or ZERO
    return configs.measure(config.get("default_seats_value")) or ZERO
