"""Effects of payments: charged with the simulated provider, recorded, given back, taken back by the payer.

1. Whatever becomes of a payment, its invoice's amounts follow (`settling`).
2. A charge a final invoice makes by itself is tried again by the dunning schedule where it is refused (`dunning`).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import money, payments
from understudy_solvimon.money import Money
from understudy_solvimon.sandbox.dunning import charge_ended
from understudy_solvimon.sandbox.lists import paged
from understudy_solvimon.sandbox.prepaid import pay_from_wallets
from understudy_solvimon.sandbox.provider import CHARGED, charge
from understudy_solvimon.sandbox.settling import check_payable, mark_paid, open_of, settle
from understudy_solvimon.sandbox.terms import Record, body_of, missing, needed

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

# --- recorded ---------------------------------------------------------------------------------------------------------


def create_payment(tx: Transaction, call: Call) -> Record:
    """Record a payment made elsewhere; of an invoice, all that is open unless an amount is said."""
    body: Record = body_of(call)
    if body.get("invoice_id") is not None:
        invoice = tx.need("invoice", body["invoice_id"], "invoice_id")
        check_payable(invoice)
        body = {"customer_id": invoice["customer_id"], "amount": _open_amount(invoice), **body}
        _check_currency(invoice, body["amount"])
    return tx.create("payment", {"timestamp": tx.stamp, **_accepted(tx, body)})


def _accepted(tx: Transaction, body: Record) -> Record:
    """A payment's values with the acceptor its reference names; a name nobody knows is kept, with a warning."""
    reference = body.get("payment_acceptor_reference")
    if reference is None or body.get("payment_acceptor_id") is not None:
        return body
    acceptor = tx.by_key("payment_acceptor", reference)
    if acceptor is None:
        tx.warn(f"payment_acceptor_reference: there is no payment acceptor {reference}")
        return body
    return {**body, "payment_acceptor_id": acceptor["id"]}


def _open_amount(invoice: Mapping[str, Any]) -> Record:
    return money.amount(max(open_of(invoice), money.ZERO), invoice["billing_currency"])


def _check_currency(invoice: Mapping[str, Any], amount: Mapping[str, Any], place: str = "amount.currency") -> None:
    if amount["currency"] != invoice["billing_currency"]:
        raise Problem("cannot_process", f"must be {invoice['billing_currency']}, as the invoice is", field=place, location="body")


def payment_saved(tx: Transaction, change: Happening) -> None:
    """A payment came to be or became something else: its invoice follows, and the dunning of it."""
    payment = tx.need("payment", change.id)
    reason = payment.get("reason_to_come")
    if payment["result"] == payments.REFUSED and reason is not None:
        payment = tx.update("payment", change.id, {"result_details": {"reason": reason, "code": reason}, "reason_to_come": None})
    payment_changed(tx, change)
    charge_ended(tx, payment)


def payment_changed(tx: Transaction, change: Happening) -> None:
    """What was given back of a payment is open again."""
    invoice = tx.need("payment", change.id).get("invoice_id")
    if invoice:
        settle(tx, invoice)


def invoice_payments(tx: Transaction, call: Call) -> Record:
    """An invoice's payments, newest first."""
    assert call.record is not None
    public = tx.kind("payment").public
    return paged(call, [public(payment) for payment in reversed(tx.find("payment", invoice_id=call.record["id"]))])


# --- charged ----------------------------------------------------------------------------------------------------------


def authorize_payment(tx: Transaction, call: Call) -> Record:
    """Charge a method, stored or named by the provider's token, here and now."""
    body: Record = body_of(call)
    acceptor = tx.need("payment_acceptor", body["payment_acceptor_id"], "payment_acceptor_id")
    invoice = tx.need("invoice", body["invoice_id"], "invoice_id") if body.get("invoice_id") else None
    if invoice is not None:
        check_payable(invoice)
    amount = body.get("amount") or (_open_amount(invoice) if invoice else None)
    if amount is None:
        raise missing("amount", "required: how much to charge, unless an invoice_id says it")
    if invoice is not None:
        _check_currency(invoice, amount)
    method = tx.need("payment_method", body["payment_method_id"], "payment_method_id") if body.get("payment_method_id") else None
    customer = body.get("customer_id") or (invoice or {}).get("customer_id") or (method or {}).get("customer_id")
    if customer is not None:
        tx.need("customer", customer, "customer_id")
    payment = charge(tx, method or {"integration_reference": token_of(body)}, money.money(amount), {
        "customer_id": customer, "invoice_id": (invoice or {}).get("id"), "payment_acceptor_id": acceptor["id"],
        "reference": body.get("reference"), "context": {"type": "DIRECT"}})
    return _answer(tx, payment, method)


def token_of(body: Mapping[str, Any]) -> str:
    """The provider's token in a request, wherever the provider has it."""
    stripe, adyen = body.get("stripe") or {}, body.get("adyen") or {}
    return str(stripe.get("confirmation_token_id") or (adyen.get("payment_method") or {}).get("token") or "")


def _answer(tx: Transaction, payment: Record, method: Record | None) -> Record:
    waits = payment["result"] == payments.PENDING and payment.get("action")
    status = "ACTION_REQUIRED" if waits else "FAILURE" if payment["result"] == payments.REFUSED else "SUCCESS"
    action = {"action": {"url": f"https://pay.example/{payment['id']}", "method": "GET"}} if waits else {}
    shown = {"payment_method": tx.kind("payment_method").public(method)} if method else {}
    return {"payment": tx.kind("payment").public(payment), "status": status, **shown, **action}


def verify_payment(tx: Transaction, call: Call) -> Record:
    """The payer did what a payment waits for, or gave up: `paym_…` or `paym_…:refused` as the redirect's result."""
    said = str(needed(body_of(call), "adyen.redirect_result", "what the provider's page answered with"))
    id, _, ending = said.partition(":")
    payment = tx.need("payment", id, "adyen.redirect_result")
    fired = tx.fire("payment", payment["id"], "refuse" if ending.lower() == "refused" else "settle")
    return {"payment_status": fired["result"]}


def pay_invoice(tx: Transaction, call: Call) -> Record:
    """Pay all that is open of a FINAL invoice: with the stored method where there is one, else by a word."""
    assert call.record is not None
    invoice = call.record
    check_payable(invoice)
    left = pay_from_wallets(tx, invoice)
    method = stored_method(tx, invoice)
    if left > 0 and method is not None:
        charge(tx, method, Money(left, invoice["billing_currency"]), {
            "customer_id": invoice["customer_id"], "invoice_id": invoice["id"], "context": {"type": "PAY_INVOICE"}})
    tx.settle()
    invoice = tx.need("invoice", invoice["id"])
    return mark_paid(tx, invoice, True) if (method is None or left <= 0) and not invoice["paid"] else invoice


def stored_method(tx: Transaction, invoice: Mapping[str, Any]) -> Record | None:
    """The method an invoice is paid with: its subscription's, else the customer's default one."""
    for id in invoice.get("pricing_plan_subscription_ids") or ():
        named = (tx.get("subscription", id) or {}).get("payment_method_id")
        method = tx.get("payment_method", str(named))
        if method is not None and method["status"] == "ACTIVE":
            return method
    known = tx.find("payment_method", customer_id=invoice["customer_id"], is_default=True)
    return next((method for method in known if method["status"] == "ACTIVE"), None)


# --- given back -------------------------------------------------------------------------------------------------------


def refund_payment(tx: Transaction, call: Call) -> Record:
    """Give back a payment, all that is left of it or a part."""
    assert call.record is not None
    said = body_of(call).get("amount")
    left = left_of(call.record)
    wanted = left if said is None else money.money(said)
    if wanted.currency != left.currency:
        raise Problem("cannot_process", f"must be {left.currency}, as the payment is", field="amount.currency", location="body")
    if wanted.quantity > left.quantity:
        raise Problem("cannot_process", f"must be at most {money.text(left.quantity)}, which is left of the payment",
                      field="amount.quantity", location="body")
    return _modified(tx, give_back(tx, call.record, wanted.quantity))


def left_of(payment: Mapping[str, Any]) -> Money:
    """What of a payment was not given back. Raises Problem where nothing was ever paid."""
    if payment["result"] != payments.AUTHORIZED or not payment.get("amount"):
        raise Problem("illegal_transition", f"cannot give back a payment while {payment['result']}; only an AUTHORIZED one with an amount",
                      resource="payment", id=payment["id"])
    whole = money.money(payment["amount"])
    return Money(whole.quantity - money.number(payment.get("refunded") or "0"), whole.currency)


def give_back(tx: Transaction, payment: Record, amount: Fraction) -> Record:
    """Give back so much of a payment; REFUNDED once nothing is left."""
    left = left_of(payment)
    refunded = money.number(payment.get("refunded") or "0") + amount
    tx.update("payment", payment["id"], {"refunded": money.text(refunded)})
    if amount == left.quantity:
        return tx.fire("payment", payment["id"], "give_back")
    return tx.need("payment", payment["id"])


def reverse_payment(tx: Transaction, call: Call) -> Record:
    """Take back a payment as if it had not been."""
    assert call.record is not None
    return _modified(tx, tx.fire("payment", call.record["id"], "reverse"))


def _modified(tx: Transaction, payment: Record) -> Record:
    return {"payment": tx.kind("payment").public(payment), "status": "SUCCESS"}


# --- by itself --------------------------------------------------------------------------------------------------------


def invoice_final(tx: Transaction, change: Happening) -> None:
    """Pay an invoice that became FINAL: with money in wallets, the rest by its subscription's method, unless its acceptor bars that."""
    invoice = tx.get("invoice", change.id)
    if invoice is None or invoice["type"] not in ("STANDARD", "ONE_OFF") or invoice["paid"] or invoice.get("charged_already"):
        return
    left = pay_from_wallets(tx, invoice)
    subscription = tx.get("subscription", str(invoice.get("pricing_plan_subscription_id"))) or {}
    method = tx.get("payment_method", str(invoice.get("payment_method_id") or subscription.get("payment_method_id")))
    acceptors = [tx.get("payment_acceptor", id) or {} for id in invoice.get("payment_acceptor_ids") or ()]
    barred = any((one.get("payment_gateway") or {}).get("auto_charge_payment_method") is False for one in acceptors)
    if method is None or method["status"] != "ACTIVE" or barred or left <= 0:
        return
    charge(tx, method, Money(left, invoice["billing_currency"]), {
        "customer_id": invoice["customer_id"], "invoice_id": invoice["id"], "context": {"type": CHARGED},
        "payment_acceptor_id": next(iter(invoice.get("payment_acceptor_ids") or ()), None)})


# --- with a subscription ----------------------------------------------------------------------------------------------


def first_method(tx: Transaction, subscription: Record, body: Mapping[str, Any]) -> Record | None:
    """Store the method that comes with a new subscription and let its invoices be charged with it."""
    if body.get("payment_method") is None:
        return None
    values = {field: value for field, value in body["payment_method"].items() if value is not None}
    method = tx.create("payment_method", {"customer_id": subscription.get("customer_id"), **values})
    tx.update("subscription", subscription["id"], {"payment_method_id": method["id"]})
    return method


def first_payment(tx: Transaction, invoice: Record | None, subscription: Record, body: Mapping[str, Any]) -> Record | None:
    """Record the payment that comes with a new subscription; the invoice is FINAL by then."""
    if not body.get("first_payment"):
        return None
    values = {field: value for field, value in body["first_payment"].items() if value is not None}
    of = {} if invoice is None else {"invoice_id": invoice["id"], "amount": _open_amount(invoice)}
    if invoice is not None and values.get("amount"):
        _check_currency(invoice, values["amount"], "first_payment.amount.currency")
    return tx.create("payment", {
        "timestamp": tx.stamp, "customer_id": subscription.get("customer_id"), **of, **_accepted(tx, values),
        "context": {"type": "INIT_PRICING_PLAN_SUBSCRIPTION"}})


