"""Which of a customer's subscriptions a usage event may go to, where a selector of the customer or of the event says.

A filter compares what is known of a subscription with a value of its own, a rule with what the event brings (`data`).
What the event's selector leaves out, the customer's says (assumed). Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy_solvimon import conditions, periods
from understudy_solvimon.sandbox.accounts import country_of
from understudy_solvimon.sandbox.terms import Record, when

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction

Selector = Mapping[str, Any]


def selected(tx: Transaction, known: Sequence[Record], customers: Selector | None, events: Selector | None, at: datetime) -> Sequence[Record]:
    """The subscriptions that fit; where none does, all of them (fallback LATEST) or none (NONE)."""
    if not customers and not events:
        return known
    selector = {**(customers or {}), **{name: value for name, value in (events or {}).items() if value is not None}}
    fitting = [one for one in known if _fits(tx, one, selector, at)]
    return fitting or ([] if selector.get("fallback") == "NONE" else known)


def _fits(tx: Transaction, subscription: Record, selector: Selector, at: datetime) -> bool:
    brought = {row["field"]: row["value"] for row in selector.get("data") or ()}
    asked = [(row, row.get("value")) for row in selector.get("filters") or ()]
    asked += [(row, brought.get(row["field"])) for row in selector.get("rules") or ()]
    return all(conditions.compares(row.get("type"), _FIELDS[row["field"]](tx, subscription, at), given) for row, given in asked)


def _country(tx: Transaction, subscription: Record, _: datetime) -> str | None:
    return country_of(tx.get("billing_entity", str(subscription.get("billing_entity_id"))) or {})


def _plan(tx: Transaction, subscription: Record, at: datetime) -> str | None:
    schedule = schedule_at(tx, subscription["id"], at) or {}
    reference: str | None = (tx.get("pricing_plan", str(schedule.get("pricing_plan_id"))) or {}).get("reference")
    return reference


_FIELDS: Mapping[str, Callable[[Transaction, Record, datetime], str | None]] = {
    "BILLING_ENTITY_REGISTERED_ADDRESS_COUNTRY": _country,
    "PRICING_PLAN_REFERENCE": _plan,
}


def schedule_at(tx: Transaction, subscription_id: str, at: datetime) -> Record | None:
    """The schedule that bills at a moment."""
    for schedule in tx.find("schedule", pricing_plan_subscription_id=subscription_id):
        end = when(schedule, "end_at")
        if periods.instant(schedule["start_at"]) <= at and (end is None or at < end):
            return schedule
    return None
