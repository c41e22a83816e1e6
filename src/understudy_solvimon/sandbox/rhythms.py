"""A subscription's billing periods as its terms fix them: its rhythm, where a schedule realigns it, and its end.

The rhythm counts from where the subscription begins, or from the last schedule that realigns the invoice date; the
period such a schedule begins in ends there. Nothing here reads or writes a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from understudy_solvimon import periods
from understudy_solvimon.periods import Period, Rhythm
from understudy_solvimon.sandbox.terms import when

REALIGNS = "realign_invoice_date_to_pricing_plan_schedule_start_at"


def period_holding(subscription: Mapping[str, Any], zone: ZoneInfo, at: datetime) -> Period:
    """The billing period a moment falls into."""
    origin = max((start for start in _realigned(subscription) if start <= at), default=periods.instant(subscription["begins_at"]))
    rhythm = Rhythm(origin, periods.length(subscription["billing_period"]), zone, subscription.get("billing_time") or "EXACT")
    return periods.cut(periods.period_at(rhythm, at), border_after(subscription, at))


def period_from(subscription: Mapping[str, Any], zone: ZoneInfo, at: datetime) -> Period:
    """The billing period that begins at a moment, even where the rhythm has changed since, so that periods never overlap."""
    return replace(period_holding(subscription, zone, at), start=at)


def border_after(subscription: Mapping[str, Any], at: datetime) -> datetime | None:
    """Where a period of a moment ends at the latest: at the subscription's end, or where a schedule realigns it."""
    ends = when(subscription, "ends_at")
    return min([start for start in _realigned(subscription) if start > at] + ([] if ends is None else [ends]), default=None)


def is_cut_short(subscription: Mapping[str, Any], period: Period) -> bool:
    """Whether a period ends before its time because something takes its place: a schedule that realigns, or an upgrade."""
    upgrades = [periods.instant(row["start_at"]) for row in subscription.get("inactive_periods") or () if row["type"] == "UPGRADE"]
    return period.end < period.whole_end and period.end in (*_realigned(subscription), *upgrades)


def _realigned(subscription: Mapping[str, Any]) -> list[datetime]:
    rows = subscription.get("pricing_plan_schedule_infos") or ()
    return [periods.instant(row["start_at"]) for row in rows[1:] if row.get(REALIGNS) is True]
