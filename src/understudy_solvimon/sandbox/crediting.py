"""Effects that take back invoices: credited, credited and begun anew, given back the money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import invoicing, money
from understudy_solvimon.invoicing import Bill
from understudy_solvimon.sandbox.invoices import finalise, start_grace, written
from understudy_solvimon.sandbox.ownlines import base_of
from understudy_solvimon.sandbox.paying import give_back, left_of
from understudy_solvimon.sandbox.settling import credited, owed_by, settle
from understudy_solvimon.sandbox.terms import Record, body_of, judged

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction

_CREDITED_FIELDS = ("customer_id", "customer_reference", "billing_entity_id", "timezone", "billing_period", "billing_type",
                    "pricing_plan_subscription_id", "pricing_plan_subscription_ids", "purchase_order_number")


def credit_invoice(tx: Transaction, call: Call) -> Record:
    """An invoice that takes back another, or part of it: negative amounts, a DRAFT for the grace period, both linked."""
    assert call.record is not None
    return credit_of(tx, call.record, body_of(call))


def credit_of(tx: Transaction, original: Record, asked: Mapping[str, Any]) -> Record:
    """The credit invoice of a FINAL invoice. Raises Problem."""
    if original["status"] != "FINAL" or original["type"] in ("CREDIT", "ONE_OFF_CREDIT"):
        raise Problem("illegal_transition", f"cannot credit a {original['type']} invoice while {original['status']}; "
                      "only a FINAL invoice that asks for money is credited", resource="invoice", id=original["id"])
    with judged():
        bill = invoicing.credit(original, asked)
    _check_left(original, bill)
    credit = tx.create("invoice", {
        **{field: original[field] for field in _CREDITED_FIELDS if original.get(field) is not None},
        "type": "CREDIT" if original["type"] == "STANDARD" else "ONE_OFF_CREDIT",
        "status": "DRAFT",
        "on_hold": bool(asked.get("force_init_on_hold")),
        "invoice_date": tx.stamp,
        **({"delivery_date": asked["delivery_date"]} if asked.get("delivery_date") else {}),
        **written(bill),
        "credit": _credit_details(original, asked),
        "linked_invoices": [_link(original, "ORIGINAL", asked, original["invoice_amount_including_tax"])],
    })
    amount = credit["invoice_amount_including_tax"]
    links = [*(original.get("linked_invoices") or ()), _link(credit, "CREDIT", asked, amount)]
    tx.update("invoice", original["id"], {"linked_invoices": links})
    settle(tx, original["id"])
    if not credit["on_hold"]:
        start_grace(tx, credit["id"], tx.now)
    return tx.need("invoice", credit["id"])


def _credit_details(original: Mapping[str, Any], asked: Mapping[str, Any]) -> Record:
    return {
        "original_invoice_id": original["id"],
        "original_invoice_info": {"id": original["id"], "invoice_number": original.get("invoice_number") or ""},
        "note": asked.get("note") or "",
        "credit_details_source": asked.get("credit_details_source") or "CURRENT",
    }


def _link(invoice: Mapping[str, Any], kind: str, asked: Mapping[str, Any], amount: Mapping[str, Any]) -> Record:
    known = {"note": asked.get("note"), "invoice_number": invoice.get("invoice_number"), "invoice_date": invoice.get("invoice_date")}
    return {"id": invoice["id"], "link_type": kind, "amount": amount,
            **{field: value for field, value in known.items() if value is not None}}


def _check_left(original: Mapping[str, Any], bill: Bill) -> None:
    left = owed_by(original) - credited(original)
    if -invoicing.total(bill) > left:
        raise Problem("cannot_process", f"credits more than is left of the invoice: {money.text(left)} {bill.currency}",
                      field="periods", location="body", resource="invoice", id=original["id"])


# --- begun anew -------------------------------------------------------------------------------------------------------

_COPIED_FIELDS = (*_CREDITED_FIELDS, "type", "footnote", "payment_acceptor_ids", "sales_tax_percentage", "custom_fields", "due_date")


def credit_and_copy(tx: Transaction, call: Call) -> Record:
    """Credit all that is left of an invoice, and begin a DRAFT on hold with the same lines."""
    assert call.record is not None
    asked = body_of(call)
    credit = credit_of(tx, call.record, {"credit_details_source": asked.get("credit_details_source")})
    original = tx.need("invoice", call.record["id"])
    copy = tx.create("invoice", {
        **{field: original[field] for field in _COPIED_FIELDS if original.get(field) is not None},
        "status": "DRAFT",
        "on_hold": True,
        "invoice_date": tx.stamp,
        **written(invoicing.copied(original)),
        "base": base_of(original),
        "linked_invoices": [_link(original, "ORIGINAL", {}, original["invoice_amount_including_tax"])],
    })
    for wanted, made in (("update_credit_invoice_to_final", credit), ("update_new_invoice_to_final", copy)):
        if asked.get(wanted) is True:
            finalise(tx, made["id"])
    return {"original_invoice_id": original["id"], "credit_invoice_id": credit["id"], "new_invoice_id": copy["id"]}


# --- the money given back ---------------------------------------------------------------------------------------------


def refund_invoice(tx: Transaction, call: Call) -> Record:
    """Give back what was paid for what a FINAL credit invoice takes back, latest payment first."""
    assert call.record is not None
    credit = call.record
    if credit["status"] != "FINAL" or credit["type"] not in ("CREDIT", "ONE_OFF_CREDIT") or not credit.get("credit"):
        raise Problem("illegal_transition", f"cannot refund a {credit['type']} invoice while {credit['status']}; "
                      "only a FINAL credit invoice of another is refunded", resource="invoice", id=credit["id"])
    if credit["paid"]:
        raise Problem("illegal_transition", "cannot refund a credit invoice twice", resource="invoice", id=credit["id"])
    original = credit["credit"]["original_invoice_id"]
    wanted = left = -owed_by(credit)
    for payment in reversed(tx.find("payment", invoice_id=original, result="AUTHORIZED")):
        part = min(left, left_of(payment).quantity)
        if part > 0:
            give_back(tx, payment, part)
            left -= part
    if left == wanted:
        raise Problem("cannot_process", "nothing was paid that could be given back", resource="invoice", id=credit["id"])
    tx.update("invoice", credit["id"], {"paid_by_hand": money.text(left - wanted)})
    return settle(tx, credit["id"])
