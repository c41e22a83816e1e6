"""Billing periods as records: planned, begun, ended, one after the other on the clock, each with its invoice.

1. PLANNED begins at `start_at` and RUNNING ends at `end_at`, by timer; what is due at once happens at once.
2. The end of one period plans the next; nothing looks further ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from understudy_solvimon import periods
from understudy_solvimon.sandbox.booking import book_waiting
from understudy_solvimon.sandbox.invoices import open_advance_invoice, open_invoice, period_over, void_invoice
from understudy_solvimon.sandbox.rhythms import border_after, period_from
from understudy_solvimon.sandbox.terms import Record, when, zone_of

if TYPE_CHECKING:
    from understudy.engine.transaction import Happening, Transaction


def account_zone(tx: Transaction, subscription: Mapping[str, Any]) -> ZoneInfo:
    """The time zone of the customer a subscription bills."""
    return zone_of(tx.get("customer", str(subscription.get("customer_id"))) or {})


def plan_period(tx: Transaction, subscription: Record, at: datetime, previous: Record | None = None) -> None:
    """Plan the period from a moment on, unless the subscription ends before it."""
    ends = when(subscription, "ends_at")
    if ends is not None and ends <= at:
        return
    period = period_from(subscription, account_zone(tx, subscription), at)
    tx.create("billing_period", {
        "pricing_plan_subscription_id": subscription["id"],
        "customer_id": subscription["customer_id"],
        "start_at": periods.stamp(at),
        "end_at": periods.stamp(period.end),
        "whole_start_at": periods.stamp(period.whole_start),
        "whole_end_at": periods.stamp(period.whole_end),
        "previous_id": previous["id"] if previous else None,
        "stale": False,
        "closed": False,
    })


def period_planned(tx: Transaction, change: Happening) -> None:
    """Begin a period whose time has come already."""
    period = tx.get("billing_period", change.id)
    if period is not None and period["status"] == "PLANNED" and periods.instant(period["start_at"]) <= tx.now:
        tx.fire("billing_period", change.id, "begin")


def period_begun(tx: Transaction, change: Happening) -> None:
    """Activate the subscription, open the period's invoice, book the events that waited; end it where it is over."""
    period = tx.get("billing_period", change.id)
    if period is None or period["status"] != "RUNNING":
        return
    subscription = tx.need("subscription", period["pricing_plan_subscription_id"])
    if subscription["status"] == "DRAFT":
        tx.fire("subscription", subscription["id"], "activate")
        subscription = tx.update("subscription", subscription["id"], {"activated_at": tx.stamp})
    tx.update("billing_period", change.id, {"running_for": subscription["id"]})
    if period["previous_id"] is None:
        open_advance_invoice(tx, period, subscription)
    open_invoice(tx, tx.need("billing_period", change.id), subscription)
    book_waiting(tx, subscription["id"])
    if periods.instant(period["end_at"]) <= tx.now:
        tx.fire("billing_period", change.id, "end")


def period_ended(tx: Transaction, change: Happening) -> None:
    """Close the period's invoice for usage in time, start its grace, and plan the next period."""
    period = tx.update("billing_period", change.id, {"running_for": None})
    period_over(tx, period)
    subscription = tx.need("subscription", period["pricing_plan_subscription_id"])
    if subscription["status"] not in ("VOID", "ARCHIVED"):
        plan_period(tx, subscription, periods.instant(period["end_at"]), period)


def recut_period(tx: Transaction, subscription: Record, period: Record) -> None:
    """Give a running period the end that the subscription's own end, or a schedule that realigns, leaves it."""
    whole, start = periods.instant(period["whole_end_at"]), periods.instant(period["start_at"])
    border = border_after(subscription, start) or whole
    ends = when(subscription, "ends_at")
    end = periods.stamp(start if ends is not None and ends < start else min(whole, border))
    tx.update("billing_period", period["id"], {"end_at": end, "stale": True})


def end_where_over(tx: Transaction, period_id: str) -> None:
    """End a running period whose end was moved to the past."""
    period = tx.need("billing_period", period_id)
    if period["status"] == "RUNNING" and periods.instant(period["end_at"]) <= tx.now:
        tx.fire("billing_period", period_id, "end")


def resume_after(tx: Transaction, subscription: Record, last: Record) -> None:
    """Plan on from the last period that ended, for a subscription that goes on after all."""
    plan_period(tx, subscription, periods.instant(last["end_at"]), last)


def stop_billing(tx: Transaction, subscription: Record, at: datetime) -> None:
    """Let billing end at a moment: at once, or at the end of a shortened period."""
    period = tx.first("billing_period", running_for=subscription["id"])
    if period is None:
        if at <= tx.now:
            unplan_period(tx, subscription["id"])
        return
    recut_period(tx, subscription, period)
    if at <= tx.now:
        tx.fire("billing_period", period["id"], "end")


def unplan_period(tx: Transaction, subscription_id: str) -> None:
    """Drop a period that has not begun."""
    for period in tx.find("billing_period", pricing_plan_subscription_id=subscription_id):
        if period["status"] == "PLANNED":
            tx.delete("billing_period", period["id"])


def void_periods(tx: Transaction, subscription_id: str) -> None:
    """Stop a subscription's periods and void their invoices, except those that are FINAL."""
    unplan_period(tx, subscription_id)
    for period in tx.find("billing_period", pricing_plan_subscription_id=subscription_id):
        if period["status"] == "RUNNING":
            tx.fire("billing_period", period["id"], "void")
            tx.update("billing_period", period["id"], {"running_for": None, "stale": False})
        void_invoice(tx, str(period.get("invoice_id")))


