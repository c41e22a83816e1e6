"""Who is billed by whom, and the parts of a billing period that one schedule each bills.

Nothing here prices anything and nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from understudy_solvimon import charges, periods
from understudy_solvimon.periods import Length, Period
from understudy_solvimon.sandbox.rhythms import is_cut_short
from understudy_solvimon.sandbox.terms import Record, when, zone_of

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """Who is billed by whom, and what follows from it. `payer` is whom the invoice goes to."""

    subscription: Record
    customer: Record
    payer: Record
    entity: Record
    zone: ZoneInfo
    currency: str
    length: Length


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a billing period that one schedule bills. `share` is the part of a full price it is charged."""

    period: Period
    schedule: Record
    start: datetime
    end: datetime
    share: Fraction
    first: bool
    amount_type: str


def account_of(tx: Transaction, subscription: Record) -> Account:
    """The account behind a subscription."""
    customer = tx.get("customer", str(subscription.get("customer_id"))) or {}
    forward = subscription.get("forward_customer_id")
    payer = customer if forward is None else tx.get("customer", str(forward)) or customer
    entity = tx.get("billing_entity", str(subscription.get("billing_entity_id"))) or {}
    return Account(subscription, customer, payer, entity, zone_of(customer),
                   subscription["billing_currency"], periods.length(subscription["billing_period"]))


def country_of(entity: Mapping[str, Any]) -> str | None:
    """The country a billing entity is registered in."""
    country: str | None = (entity.get("registered_address") or {}).get("country")
    return country


def period_of(record: Mapping[str, Any]) -> Period:
    """The value of a billing period's record."""
    start, end, first, last = (
        periods.instant(record[field]) for field in ("start_at", "end_at", "whole_start_at", "whole_end_at"))
    return Period(start, end, first, last)


def pieces_of(tx: Transaction, account: Account, period: Period) -> Iterator[Piece]:
    """The parts of a period, one for each schedule that bills in it, in order of creation; a TRIAL bills nothing."""
    for schedule in tx.find("schedule", pricing_plan_subscription_id=account.subscription["id"]):
        starts, ends = periods.instant(schedule["start_at"]), when(schedule, "end_at")
        start = max(starts, period.start)
        end = period.end if ends is None else min(ends, period.end)
        if start >= end or schedule.get("type") == "TRIAL":
            continue
        plan = tx.get("pricing_plan", str(schedule.get("pricing_plan_id"))) or {}
        yield Piece(period, schedule, start, end, share_of(account, period, start, end), starts >= period.start,
                    plan.get("amount_type") or charges.EXCLUDING)


def share_of(account: Account, period: Period, start: datetime, end: datetime) -> Fraction:
    """All of a price, except of a CALENDAR stub, and where schedules change within the period or cut it short (assumed): its days."""
    whole = (start, end) == (period.start, period.end) and not is_cut_short(account.subscription, period)
    if whole and account.subscription.get("billing_time") != "CALENDAR":
        return Fraction(1)
    return periods.fraction(start, end, period, account.zone)


def part_of(account: Account, piece: Piece, start: datetime, end: datetime) -> Fraction:
    """The share of a full price for a part of a piece: all of the piece's, or its days."""
    if (start, end) == (piece.start, piece.end):
        return piece.share
    return periods.fraction(start, end, piece.period, account.zone)
