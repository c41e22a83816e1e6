"""Effects on customers: what is derived from what they are told, and what is left of one that is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import periods
from understudy_solvimon.refusal import Refusal

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction


def customer_saved(tx: Transaction, change: Happening) -> None:
    """Warn of a time zone nobody knows."""
    customer = change.after or {}
    if change.before is None or change.before.get("timezone") != customer.get("timezone"):
        _warn_of_zone(tx, customer.get("timezone"))


def _warn_of_zone(tx: Transaction, name: object) -> None:
    try:
        periods.zone(name)
    except Refusal as refusal:
        tx.warn(f"{refusal.message}; bills of this customer follow UTC")


_PERSONAL = ("email", "organization", "individual", "custom_fields", "notification_preferences", "locale")


def forget_customer(tx: Transaction, call: Call) -> dict[str, Any]:
    """Erase a customer's personal data and close it. Refused while a subscription of the customer still bills."""
    assert call.record is not None
    id = call.record["id"]
    for subscription in tx.find("subscription", customer_id=id):
        if subscription.get("status") in ("DRAFT", "ACTIVE"):
            raise Problem("illegal_transition", f"cannot forget a customer whose subscription {subscription['id']} is "
                          f"{subscription['status']}; cancel or void it first", resource="customer", id=id)
    kept = {field: value for field, value in tx.need("customer", id).items() if field not in _PERSONAL}
    tx.replace("customer", id, kept)
    return tx.fire("customer", id, "forget")
