"""What a schedule's commitment promises of a piece of a billing period, as amounts of the billing currency.

Nothing here adds a line: that is `commitments`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import configs, money, pricing
from understudy_solvimon.charges import Scope
from understudy_solvimon.commitments import Commitment
from understudy_solvimon.pricing import Usage
from understudy_solvimon.refusal import Refusal
from understudy_solvimon.sandbox.accounts import Account, Piece
from understudy_solvimon.sandbox.lines import exchange, group_of, tax_rate
from understudy_solvimon.sandbox.offers import Offer, configs_by_item
from understudy_solvimon.sandbox.terms import Record, when

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction

_LEVELS: Mapping[str, str | None] = {
    "totals": None, "pricings": "pricing", "pricing_items": "pricing_item", "pricing_item_configs": "config"}


def commitments_of(tx: Transaction, account: Account, pieces: Sequence[Piece]) -> Iterator[Commitment]:
    """Every commitment in force at a piece's beginning, by the piece's share of the period."""
    for piece in pieces:
        said = piece.schedule.get("commitment")
        if said:
            offered = [(item, offer) for item, offers in configs_by_item(tx, account.subscription, piece.schedule) for offer in offers]
            for level, field in _LEVELS.items():
                for row in said.get(level) or ():
                    yield from _commitments(tx, account, piece, row, field, offered)


Offered = Sequence[tuple[Record, Offer]]


def _commitments(
    tx: Transaction, account: Account, piece: Piece, row: Mapping[str, Any], field: str | None, offered: Offered
) -> Iterator[Commitment]:
    start, end = when(row, "start_at"), when(row, "end_at")
    if (start is not None and piece.start < start) or (end is not None and piece.start >= end):
        return
    for id in [None] if field is None else row.get("ids") or ():
        fitting = [(item, offer) for item, offer in offered if field is None or _id(offer, field) == id]
        amount = _amount(tx, account, row, fitting)
        if amount is None or not fitting:
            continue
        item, offer = fitting[0]
        scope = Scope(schedule=piece.schedule["id"], **({} if field is None else {field: id}))
        yield Commitment(scope, amount * piece.share, group_of(account, piece, offer.pricing), tax_rate(tx, account, item),
                         amount_type=piece.amount_type)


def _id(offer: Offer, field: str) -> str:
    parts = {"pricing": offer.pricing, "pricing_item": offer.pricing_item, "config": offer.config}
    return str(parts[field]["id"])


def _amount(tx: Transaction, account: Account, row: Mapping[str, Any], fitting: Offered) -> Fraction | None:
    """The amount said, else what the number of units said would cost; None where no exchange rate is known."""
    if row.get("amount"):
        said = money.money(row["amount"])
        rate = exchange(tx, said.currency, account.currency)
        return None if rate is None else said.quantity * rate
    units = configs.measure(row.get("meter_value_calculation"))
    if units is None or not fitting:
        return None
    config = fitting[0][1].config
    try:
        worth = pricing.worth(pricing.price(configs.kind_of(config), configs.bands_of(config), Usage(units)))
    except Refusal:
        return None
    rate = None if worth is None else exchange(tx, worth.currency, account.currency)
    return None if worth is None or rate is None else worth.quantity * rate
