"""Usage that is priced in credits: lines that bill nothing and draw on a wallet, and what the wallet cannot cover.

Nothing here writes: what is drawn is kept when the invoice is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from understudy_solvimon import configs, money, pricing
from understudy_solvimon.charges import DraftLine
from understudy_solvimon.money import ZERO, Money
from understudy_solvimon.pricing import Priced, Usage
from understudy_solvimon.refusal import Refusal
from understudy_solvimon.sandbox.accounts import Account, Piece
from understudy_solvimon.sandbox.entries import Entry
from understudy_solvimon.sandbox.lines import group_of, meter_value_of, scope_of, shown_item, tax_rate
from understudy_solvimon.sandbox.offers import calculation_of, configs_by_item
from understudy_solvimon.sandbox.terms import Record
from understudy_solvimon.sandbox.wallets import available_credits

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(slots=True)
class Meter:
    """What is left of a customer's credits while an invoice's lines draw on them, and what was short, by credit type."""

    tx: Transaction
    customer_id: str
    start: datetime
    end: datetime
    period_id: str | None
    left: dict[str, Fraction] = field(default_factory=dict)
    short: dict[str, tuple[Piece, Fraction]] = field(default_factory=dict)

    def taken(self, piece: Piece, wanted: Money) -> Record:
        """Take credits, as many as there are; what a line says of it."""
        kind = wanted.currency
        if kind not in self.left:
            self.left[kind] = available_credits(self.tx, self.customer_id, kind, self.start, self.end, self.period_id)
        there = self.left[kind]
        used = min(there, wanted.quantity)
        self.left[kind] = there - used
        if wanted.quantity > used:
            _, before = self.short.get(kind, (piece, ZERO))
            self.short[kind] = (piece, before + wanted.quantity - used)
        values = {"used_wallet_credits": used, "left_wallet_credits": there - used, "available_wallet_credits": there}
        return {name: {"quantity": money.text(value), "credit_type_id": kind} for name, value in values.items()}


def credit_line(meter: Meter, account: Account, piece: Piece, entry: Entry, wanted: Money) -> DraftLine:
    """A line of what was paid with credits: it costs nothing."""
    item, config = entry.item, entry.offer.config
    metered = {"meter_value": meter_value_of(meter.tx, entry)} if entry.meter_value else {}
    converted = _converted(meter.tx, entry, wanted) if item.get("model_type") == "USAGE_BASED_CONVERSION" else {}
    facts = {
        "pricing_type": configs.kind_of(config), "pricing_item_id": entry.offer.pricing_item["id"], "pricing_item_config_id": config["id"],
        "product_items": [shown_item(item)], **metered, **converted,
        "details": {**entry.details, **(converted["sub_lines"][0]["details"] if converted else {}), "wallet_balance_details": meter.taken(piece, wanted)}}
    return DraftLine(entry.governing.pricing.get("name") or item.get("name"), entry.quantity, None, ZERO, tax_rate(meter.tx, account, item),
                     group_of(account, piece, entry.governing.pricing), scope_of(meter.tx, piece, entry), piece.amount_type,
                     facts=facts, events=entry.events)


def _converted(tx: Transaction, entry: Entry, credits: Money) -> Record:
    """The sub-line that says which usage became how many credits."""
    source = (tx.get("meter_value_calculation", str(calculation_of(entry.item))) or {}).get("meter_value_id")
    said: Record = {"credits": {"quantity": money.text(credits.quantity), "credit_type_id": credits.currency},
                    **({"convert_from_meter_value_id": source} if source else {})}
    conditions = entry.offer.config.get("conditions")
    return {"sub_lines": [{"sub_line_order": 1, "type": "USAGE_BASED_CONVERSION", "details": {"conversion": said},
                           **({"usage_based_conversion": {"conditions": conditions}} if conditions else {})}]}


def overage(meter: Meter, account: Account) -> Iterator[tuple[Piece, Entry] | Record]:
    """What no wallet covers, at the price of a credit; a flaw where the plan has none."""
    for kind, (piece, short) in meter.short.items():
        yield _priced(meter, account, kind, piece, short) or {
            "status": "ERROR", "details": f"{money.text(short)} credits are not covered: no wallet has them and the plan has no price for one"}


def _priced(meter: Meter, account: Account, kind: str, piece: Piece, short: Fraction) -> tuple[Piece, Entry] | None:
    for item, offers in configs_by_item(meter.tx, account.subscription, piece.schedule):
        if item.get("model_type") == "CREDITS" and (item.get("credits") or {}).get("credit_type_id") in (None, kind) and offers:
            config = offers[0].config
            try:
                priced = pricing.price(configs.kind_of(config), configs.bands_of(config), Usage(short))
            except Refusal as refusal:
                return piece, Entry(item, offers[0], offers[0], Priced(()), short, kind, flaw=f"{refusal.field} {refusal.message}")
            return piece, Entry(item, offers[0], offers[0], priced, short, kind)
    return None
