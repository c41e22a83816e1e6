"""Money in wallets: it pays what is open of its customer's FINAL invoices, before anything is charged.

1. A wallet of type BALANCE pays for everything; one of type CREDIT for what is of the tax category its type says.
2. What was paid is a payment like any other; given back, it is in the wallet again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import money, payments, periods, wallets
from understudy_solvimon.sandbox.settling import open_of
from understudy_solvimon.sandbox.terms import Record
from understudy_solvimon.sandbox.wallets import currency_of, grants_of, topped_up, uses_of

if TYPE_CHECKING:
    from understudy.engine.transaction import Happening, Transaction

_MOMENT = timedelta(seconds=1)


def pay_from_wallets(tx: Transaction, invoice: Record) -> Fraction:
    """Pay what is open of a FINAL invoice with its customer's money, the oldest wallet first; what is still open then."""
    left = open_of(invoice)
    for wallet, limit in _usable(tx, invoice):
        there = wallets.available(grants_of(tx, wallet["id"]), uses_of(tx, wallet["id"]), tx.now, tx.now + _MOMENT)
        part = money.floored(min(left, limit, there), invoice["billing_currency"])
        if part > 0:
            _pay(tx, invoice, wallet, part)
            left -= part
    return left


def _usable(tx: Transaction, invoice: Record) -> Iterator[tuple[Record, Fraction]]:
    """The wallets that hold money of an invoice's currency, each with how much of the invoice it may pay."""
    for wallet in tx.find("wallet", customer_id=invoice["customer_id"]):
        kind = tx.get("wallet_type", wallet["wallet_type_id"]) or {}
        credit = kind.get("credit") or {}
        holds_money = kind.get("type") == "BALANCE" or credit.get("grant_type") == "AMOUNT"
        if wallet["status"] == "ACTIVE" and holds_money and currency_of(tx, wallet) == invoice["billing_currency"]:
            yield wallet, _within(invoice, (credit.get("amount_grant") or {}).get("tax_category"))


def _within(invoice: Mapping[str, Any], category: str | None) -> Fraction:
    """What of an invoice, with tax, is of a tax category; all of it where none is said."""
    rows = [{"total_amount": invoice["invoice_amount_including_tax"]}] if category is None else [
        row for row in invoice.get("tax_categories") or () if row["category"] == category]
    return money.total(money.money(row["total_amount"]).quantity for row in rows)


def _pay(tx: Transaction, invoice: Record, wallet: Record, part: Fraction) -> None:
    payment = tx.create("payment", {
        "timestamp": tx.stamp, "customer_id": invoice["customer_id"], "invoice_id": invoice["id"], "result": payments.AUTHORIZED,
        "external_reference": "wallet" + wallet["id"].rpartition("_")[2], "reference": wallet["reference"],
        "amount": money.amount(part, invoice["billing_currency"]), "context": {"type": "DIRECT"}})
    tx.create("wallet_use", {
        "id": _use(payment), "wallet_id": wallet["id"], "invoice_id": invoice["id"], "billing_period_id": "", "quantity": money.text(part),
        "start_at": tx.stamp, "end_at": periods.stamp(tx.now + _MOMENT), "settled": True})
    topped_up(tx, wallet["id"])


def _use(payment: Mapping[str, Any]) -> str:
    return f"payment|{payment['id']}"


def returned_to_wallet(tx: Transaction, change: Happening) -> None:
    """Put back into its wallet what was given back of a payment out of it."""
    payment = tx.need("payment", change.id)
    if tx.get("wallet_use", _use(payment)) is None:
        return
    whole = money.money(payment["amount"]).quantity if payment["result"] == payments.AUTHORIZED else money.ZERO
    tx.update("wallet_use", _use(payment), {"quantity": money.text(whole - min(whole, money.number(payment.get("refunded") or "0")))})
