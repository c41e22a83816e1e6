"""What a schedule's items are charged in a part of a billing period: prices by model, not yet lines.

Nothing here writes, taxes, converts or rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from understudy_solvimon import configs, money, pricing
from understudy_solvimon.sandbox.accounts import Account, Piece
from understudy_solvimon.sandbox.entries import Entry, Items
from understudy_solvimon.sandbox.metered import Buckets, Gathered, buckets_of, gathered, priced
from understudy_solvimon.sandbox.offers import Offer, is_metered
from understudy_solvimon.sandbox.terms import Record, in_force
from understudy_solvimon.sandbox.unmetered import in_advance, is_fee, once, standing

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Charged:
    """The entries of a piece, and what of its usage the next period takes over, by config."""

    entries: tuple[Entry, ...]
    carried: Mapping[str, Record]


def charged(
    tx: Transaction, account: Account, piece: Piece, items: Items, period: str, before: Mapping[str, Record]
) -> Charged:
    """What a piece is charged at the end of its period. `before` is what the period before handed over."""
    buckets = buckets_of(tx, piece, period)
    entries: list[Entry] = []
    used: list[Gathered] = []
    carried: dict[str, Record] = {}
    for item, offers in items:
        if is_metered(item) and offers:
            metered = [offer for offer in offers if not is_fee(offer)]
            used += gathered(tx, account, piece, item, metered, buckets, before, carried)
            entries += _unused(item, metered, buckets)
        else:
            entries += standing(account, piece, item, [offer for offer in offers if not in_advance(offer)])
    for entry, left in priced(used, before):
        entries += [entry] if entry is not None else []
        if left is not None:
            carried.setdefault(left[0], {})["left"] = str(left[1])
    return Charged(tuple(_marked_up(piece, entry) for entry in entries), carried)


def _unused(item: Record, offers: Sequence[Offer], buckets: Buckets) -> Iterator[Entry]:
    """FIXED without conditions is charged used or not: what its usage does not charge."""
    for offer in offers:
        used = any(not row.get("tiering") for row in buckets.get((item["id"], offer.config["id"]), ()))
        if not used and configs.kind_of(offer.config) == "FIXED" and not offer.config.get("conditions"):
            yield from once(item, offer, offers[0])


def charged_in_advance(account: Account, piece: Piece, items: Items) -> Iterator[Entry]:
    """What a piece is charged at its beginning: recurring and per-seat prices with `billing_in_advance`."""
    for item, offers in items:
        for entry in standing(account, piece, item, [offer for offer in offers if in_advance(offer)]):
            yield _marked_up(piece, entry)


def _marked_up(piece: Piece, entry: Entry) -> Entry:
    """An entry with its schedule's markup: a percentage of its price, or an amount once (assumed)."""
    for row in (piece.schedule.get("markup") or {}).get("pricing_item_configs") or ():
        fits = not row.get("ids") or entry.offer.config["id"] in row["ids"]
        if fits and in_force(row, piece.start) and entry.priced.charges:
            amount = money.money(row["amount"]) if row.get("amount") else None
            percentage = money.number(row["percentage"]) if row.get("percentage") else None
            entry = replace(entry, priced=pricing.marked_up(entry.priced, percentage, amount))
    return entry
