"""Dunning: a refused charge of a final invoice is tried again by the schedule, until it is paid, cancelled or given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy_solvimon import payments, periods
from understudy_solvimon.money import Money
from understudy_solvimon.sandbox.provider import CHARGED, charge
from understudy_solvimon.sandbox.settling import open_of
from understudy_solvimon.sandbox.terms import Record, judged, setting

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

PENDING, SUCCESSFUL, FAILED, CANCELLED = "PENDING", "SUCCESSFUL", "FAILED", "CANCELLED"


def charge_ended(tx: Transaction, payment: Record) -> None:
    """What follows of a charge that an invoice made by itself, once it is known how it went."""
    if (payment.get("context") or {}).get("type") != CHARGED or not payment.get("invoice_id"):
        return
    if payment["result"] == payments.AUTHORIZED:
        stop(tx, payment["invoice_id"], SUCCESSFUL)
    elif payment["result"] == payments.REFUSED:
        _again(tx, payment)


def _again(tx: Transaction, payment: Record) -> None:
    """Wait for the next attempt, or give up where the schedule has no more."""
    known = tx.get("dunning", payment["invoice_id"])
    attempts = 1 if known is None else known["attempts"] + 1
    delays = setting(tx, "dunning_schedule")
    reason = (payment.get("result_details") or {}).get("reason")
    _note(tx, payment, reason, PENDING if attempts <= len(delays) else FAILED)
    if attempts > len(delays):
        _drop(tx, payment["invoice_id"])
        return
    with judged("settings.dunning_schedule"):
        next_at = periods.stamp(tx.now + periods.duration(str(delays[attempts - 1])))
    if known is None:
        tx.create("dunning", {"id": payment["invoice_id"], "attempts": attempts, "next_at": next_at})
    else:
        tx.fire("dunning", payment["invoice_id"], "wait")
        tx.update("dunning", payment["invoice_id"], {"attempts": attempts, "next_at": next_at})


def dunning_retries(tx: Transaction, change: Happening) -> None:
    """Charge what is still open once more, with the method the subscription has by now."""
    invoice = tx.need("invoice", change.id)
    subscription = tx.get("subscription", str(invoice.get("pricing_plan_subscription_id"))) or {}
    method = tx.get("payment_method", str(subscription.get("payment_method_id")))
    if open_of(invoice) <= 0 or method is None or method["status"] != "ACTIVE":
        stop(tx, change.id, SUCCESSFUL if open_of(invoice) <= 0 else FAILED)
        return
    attempts = tx.need("dunning", change.id)["attempts"]
    delays = setting(tx, "dunning_schedule")
    charge(tx, method, Money(open_of(invoice), invoice["billing_currency"]), {
        "customer_id": invoice["customer_id"], "invoice_id": invoice["id"], "context": {"type": CHARGED},
        "payment_acceptor_id": next(iter(invoice.get("payment_acceptor_ids") or ()), None),
        "dunning_action_details": {"attempt": attempts, "next_attempt_scheduled": attempts < len(delays)}})


def stop(tx: Transaction, invoice_id: str, status: str) -> None:
    """End an invoice's dunning, if there is any."""
    invoice = tx.get("invoice", invoice_id)
    actions = [*((invoice or {}).get("dunning_actions") or ())]
    if any(action["status"] == PENDING for action in actions):
        ended = [{**action, "status": status} if action["status"] == PENDING else action for action in actions]
        tx.update("invoice", invoice_id, {"dunning_actions": ended})
    _drop(tx, invoice_id)


def cancel_dunning(tx: Transaction, call: Call) -> Record:
    """Ask for payment no more."""
    assert call.record is not None
    stop(tx, call.record["id"], CANCELLED)
    return tx.need("invoice", call.record["id"])


def cancel_dunning_of(tx: Transaction, subscription_id: str) -> None:
    """The same for every invoice of a subscription."""
    for invoice in tx.find("invoice", pricing_plan_subscription_id=subscription_id):
        stop(tx, invoice["id"], CANCELLED)


def _drop(tx: Transaction, invoice_id: str) -> None:
    if tx.get("dunning", invoice_id) is not None:
        tx.delete("dunning", invoice_id)


def _note(tx: Transaction, payment: Mapping[str, Any], reason: str | None, status: str) -> None:
    """One dunning action for an invoice, from its first refusal to its end."""
    actions = tx.need("invoice", payment["invoice_id"]).get("dunning_actions") or []
    open_ones = [action for action in actions if action["status"] == PENDING]
    if open_ones:
        changed = [{**action, "status": status, "failure_reason": reason} if action in open_ones else action for action in actions]
    else:
        acceptor = {"payment_acceptor_id": payment["payment_acceptor_id"]} if payment.get("payment_acceptor_id") else {}
        changed = [*actions, {**acceptor, "external_reference": payment["external_reference"], "status": status,
                              "failure_reason": reason, "first_payment_id": payment["id"]}]
    tx.update("invoice", payment["invoice_id"], {"dunning_actions": changed})
