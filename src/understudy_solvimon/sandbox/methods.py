"""Effects on payment methods and acceptors: stored with the simulated provider, one default for each customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy_solvimon import payments
from understudy_solvimon.sandbox.lists import paged
from understudy_solvimon.sandbox.paying import token_of
from understudy_solvimon.sandbox.terms import Record, body_of, one_of

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction


def method_saved(tx: Transaction, change: Happening) -> None:
    """A customer has one default method: the last that was made it."""
    method = tx.get("payment_method", change.id)
    if method is None or not method.get("is_default") or (change.before or {}).get("is_default") or not method.get("customer_id"):
        return
    for other in tx.find("payment_method", customer_id=method["customer_id"], is_default=True):
        if other["id"] != method["id"]:
            tx.update("payment_method", other["id"], {"is_default": False})


def tokenize_method(tx: Transaction, call: Call) -> Record:
    """Store a method under the provider's token: SETUP while the payer has something to do, none where it is declined."""
    body: Record = body_of(call)
    tx.need("payment_acceptor", body["payment_acceptor_id"], "payment_acceptor_id")
    customer = tx.need("customer", body["customer_id"], "customer_id")
    token = token_of(body)
    gone = payments.outcome(token, 1)
    if gone.result == payments.REFUSED:
        return {"status": "FAILURE"}
    method = tx.create("payment_method", {
        "customer_id": customer["id"],
        "type": "CARD",
        "status": "SETUP" if gone.action else "ACTIVE",
        "integration_reference": token,
        "integration_details": {"payment_gateway_variant": body["payment_gateway_variant"]},
    })
    if body.get("pricing_plan_subscription_id"):
        subscription = tx.need("subscription", body["pricing_plan_subscription_id"], "pricing_plan_subscription_id")
        tx.update("subscription", subscription["id"], {"payment_method_id": method["id"]})
    action = {"action": {"url": f"https://pay.example/{method['id']}", "method": "GET"}} if gone.action else {}
    return {"payment_method": tx.kind("payment_method").public(method), "status": "ACTION_REQUIRED" if gone.action else "SUCCESS", **action}


def refresh_methods(tx: Transaction, call: Call) -> Record:
    """A customer's methods as the provider has them: those in SETUP are done by now."""
    customer = one_of(tx, "customer", body_of(call), "customer") or {}
    for method in tx.find("payment_method", customer_id=customer.get("id"), status="SETUP"):
        tx.fire("payment_method", method["id"], "activate")
    public = tx.kind("payment_method").public
    return paged(call, [public(method) for method in reversed(tx.find("payment_method", customer_id=customer.get("id")))])


def method_options(tx: Transaction, call: Call) -> list[Record]:
    """The acceptors in use, each with the ways to pay it has."""
    customer = body_of(call).get("customer_id")
    found = tx.find("payment_acceptor", status="ACTIVE")
    open_to = [one for one in found if one.get("customer_id") in (None, customer)]
    public = tx.kind("payment_acceptor").public
    return [{"payment_acceptor": public(one), "options": _options(one)} for one in open_to]


def _options(acceptor: Mapping[str, Any]) -> list[Record]:
    if acceptor["type"] == "PAYMENT_GATEWAY":
        return [{"name": name, "payment_method_variant": variant} for name, variant in _GATEWAY]
    return [{"name": "Bank transfer" if acceptor["type"] == "BANK_ACCOUNT" else "Payment page"}]


_GATEWAY = (("Card", "CARD"), ("Direct debit", "DIRECT_DEBIT"))
