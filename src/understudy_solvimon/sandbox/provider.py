"""The simulated payment provider: charges a method, and does to the payment what the method's name says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy_solvimon import money, payments, periods
from understudy_solvimon.money import Money
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction

CHARGED = "INVOICE"
"""The context of a charge that a final invoice makes by itself, at once or by dunning."""


def charge(tx: Transaction, method: Mapping[str, Any], amount: Money, values: Mapping[str, Any]) -> Record:
    """A payment by a method, as its name says it goes; `values` are further fields of the payment."""
    named = name_of(method)
    attempt = 1 + (len(tx.find("payment", payment_method_id=method["id"])) if method.get("id") else 0)
    gone = payments.outcome(named, attempt)
    stored = {"payment_method_id": method["id"], "payment_method_details": {"type": method.get("type") or "UNKNOWN"}} if method.get("id") else {}
    later = {f"{_FIELDS[gone.trigger]}": periods.stamp(tx.now + gone.after)} if gone.trigger else {}
    details = {"result_details": {"reason": gone.reason, "code": gone.reason}} if gone.result == payments.REFUSED else {}
    return tx.create("payment", {
        "timestamp": tx.stamp,
        "external_reference": "sim" + tx.new_id("payment").rpartition("_")[2],
        "integration_payment_method_reference": named,
        "amount": money.amount(amount.quantity, amount.currency),
        "result": gone.result,
        **stored,
        **details,
        **{field: value for field, value in values.items() if value is not None},
        **later,
        **({"reason_to_come": gone.reason} if gone.reason and not details else {}),
        **({"action": True} if gone.action else {}),
    })


_FIELDS: Mapping[str, str] = {"settle": "settles_at", "refuse": "refuses_at", "charge_back": "charges_back_at"}


def name_of(method: Mapping[str, Any]) -> str:
    """The provider's own name of a method, which says how its charges go."""
    details = method.get("integration_details") or {}
    stripe, adyen = details.get("stripe") or {}, details.get("adyen") or {}
    return str(method.get("integration_reference") or stripe.get("payment_method_id") or adyen.get("recurring_detail_reference") or "")
