"""What of an invoice is paid, credited and open: worked out from its payments whenever one of them changes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import invoicing, money
from understudy_solvimon.money import ZERO
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


def owed_by(invoice: Mapping[str, Any]) -> Fraction:
    """What an invoice asks for, with tax."""
    return money.money(invoice["invoice_amount_including_tax"]).quantity


def open_of(invoice: Mapping[str, Any]) -> Fraction:
    """What is neither paid nor credited of an invoice."""
    return money.money(invoice["open_invoice_amount"]).quantity


def credited(invoice: Mapping[str, Any]) -> Fraction:
    """What the credit invoices linked to an invoice take back of it."""
    return -money.total(money.money(link["amount"]).quantity for link in invoice.get("linked_invoices") or ()
                        if link.get("link_type") == "CREDIT" and link.get("amount"))


def settle(tx: Transaction, invoice_id: str) -> Record:
    """Bring an invoice's amounts up to date with its payments and credits; tell of it once it is paid."""
    invoice = tx.need("invoice", invoice_id)
    by_hand = money.number(invoice.get("paid_by_hand") or "0")
    paid = by_hand + money.total(_kept(payment) for payment in tx.find("payment", invoice_id=invoice_id))
    settled = invoicing.settlement(owed_by(invoice), paid, invoice["billing_currency"], credited(invoice))
    if by_hand or "paid_by_hand" in invoice:
        settled = {**settled, "paid": _is_paid(settled, invoice)}
    record = tx.update("invoice", invoice_id, settled)
    if record["paid"] and not invoice["paid"]:
        tx.emit("INVOICE.PAID", record)
    return record


def _is_paid(settled: Mapping[str, Any], invoice: Mapping[str, Any]) -> bool:
    return settled["paid"] or (invoice.get("paid_by_hand") is not None and money.money(settled["open_invoice_amount"]).quantity <= 0)


def _kept(payment: Mapping[str, Any]) -> Fraction:
    """What of a payment stays with the receiver."""
    if payment["result"] != "AUTHORIZED" or not payment.get("amount"):
        return ZERO
    return money.money(payment["amount"]).quantity - money.number(payment.get("refunded") or "0")


def mark_paid(tx: Transaction, invoice: Record, paid: bool) -> Record:
    """Take all that is open as paid without a payment, or take that back. Raises Problem where it cannot be."""
    check_payable(invoice, paid)
    by_hand = money.number(invoice.get("paid_by_hand") or "0")
    amount = by_hand + open_of(invoice) if paid else None
    tx.update("invoice", invoice["id"], {"paid_by_hand": None if amount is None else money.text(amount)})
    record = settle(tx, invoice["id"])
    if paid and record["payment_status"] == "UNPAID":
        record = tx.update("invoice", invoice["id"], {"payment_status": "PAID"})
    return record


def check_payable(invoice: Mapping[str, Any], more: bool = True) -> None:
    """Refuse to pay what is not FINAL, or what is paid already."""
    if invoice["status"] != "FINAL":
        raise Problem("illegal_transition", f"cannot pay an invoice while {invoice['status']}; only a FINAL one is paid",
                      resource="invoice", id=invoice["id"])
    if invoice["paid"] and more:
        raise Problem("illegal_transition", "cannot pay an invoice twice; it is paid", resource="invoice", id=invoice["id"])
