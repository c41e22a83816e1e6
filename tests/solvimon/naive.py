"""What the company of the fixture `saas` should bill, reckoned the naive way: from all events to every total, each time anew.

It shares no code with what it judges, and knows the three plans as their price list is printed.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

RATES = {"EUR": "1", "USD": "1.08", "GBP": "0.84", "CAD": "1.55", "JPY": "162.40"}
"""What a euro is, in the fixture's settings."""
FEES = {"starter": 29, "team": 99, "scale": 490}


@dataclass
class Subscriber:
    """Who is billed, by which plan, from when until when, how and in what."""

    customer: str
    plan: str
    zone: str
    start: datetime
    end: datetime | None
    currency: str
    tax: str
    seats: int = 5
    calendar: bool = False


@dataclass
class Use:
    """One usage event."""

    customer: str
    meter: str
    at: datetime
    number: Fraction
    operation: str = ""
    workspace: str = ""


def months(who: Subscriber, until: datetime) -> Iterator[tuple[datetime, datetime, Fraction]]:
    """Each month a subscriber is billed for, with the part of it that counts where the calendar cuts it."""
    zone = ZoneInfo(who.zone)
    first = who.start.astimezone(zone)
    number, start = 0, first
    while start < until and (who.end is None or start < who.end):
        number += 1
        if who.calendar:
            year, month = divmod(first.year * 12 + first.month - 1 + number, 12)
            end = datetime(year, month + 1, 1, tzinfo=zone)
        else:
            year, month = divmod(first.year * 12 + first.month - 1 + number, 12)
            end = datetime(year, month + 1, min(first.day, monthrange(year, month + 1)[1]), first.hour, first.minute, tzinfo=zone)
        part = Fraction(1)
        if who.calendar and start.day != 1:
            days = monthrange(start.year, start.month)[1]
            part = Fraction(days - start.day + 1, days)
        cut = end if who.end is None else min(end, who.end)
        yield start, cut, part
        start = end


def cents(value: Fraction, currency: str) -> Decimal:
    """Half up to the smallest coin; yen have none."""
    unit = Decimal("1") if currency == "JPY" else Decimal("0.01")
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(unit, ROUND_HALF_UP)


def invoice(who: Subscriber, uses: list[Use], start: datetime, end: datetime, part: Fraction, first: bool) -> Decimal:
    """What one month comes to, tax included: each line in euros, exchanged, rounded, taxed and rounded."""
    total = Decimal(0)
    mine = [use for use in uses if use.customer == who.customer and start <= use.at < end]
    for euros in lines(who, mine, part, first):
        net = cents(euros * Fraction(RATES[who.currency]), who.currency)
        total += net + cents(Fraction(net) * Fraction(who.tax) / 100, who.currency)
    return total


def lines(who: Subscriber, uses: list[Use], part: Fraction, first: bool) -> list[Fraction]:
    """The price of every line, in euros, exactly."""
    calls = [use for use in uses if use.meter == "api_calls"]
    stored = [use.number for use in uses if use.meter == "map_storage"]
    peak = max(stored) if stored else Fraction(0)
    found = [Fraction(FEES[who.plan]) * part]
    if who.plan == "starter":
        beyond = sum((use.number for use in calls), Fraction(0)) - 1000
        found.append(max(beyond, Fraction(0)) * Fraction("0.005"))
    if who.plan == "team":
        found.append(who.seats * Fraction(15) * part)
        found.append(in_tiers(sum((use.number for use in calls), Fraction(0))))
        found.append(Fraction(-(-peak // 10)) * 4)
    if who.plan == "scale":
        for price, wanted in (("0.0060", ["ROUTE"]), ("0.0025", ["VERIFY"]), ("0.0018", ["GEOCODE"])):
            found.append(sum((use.number for use in calls if use.operation in wanted), Fraction(0)) * Fraction(price))
        spaces = len({use.workspace for use in calls if use.workspace})
        found.append(Fraction(spaces * (25 if spaces <= 2 else 18)))
        found.append(Fraction((40 if peak > 0 else 0) + (80 if peak > 100 else 0) + (120 if peak > 500 else 0)))
        found.append(Fraction(2400, 12))
        found.append(Fraction(1500 if first else 0))
    return found


def in_tiers(calls: Fraction) -> Fraction:
    """Ten thousand at 0.004, forty thousand more at 0.003, the rest at 0.002."""
    first = min(calls, Fraction(10_000))
    second = min(max(calls - 10_000, Fraction(0)), Fraction(40_000))
    third = max(calls - 50_000, Fraction(0))
    return first * Fraction("0.004") + second * Fraction("0.003") + third * Fraction("0.002")


def use_of(event: dict[str, Any], meters: dict[str, str]) -> Use:
    """An event as the API lists it."""
    said = {row["reference"]: row["value"] for row in event.get("meter_properties") or ()}
    return Use(event["customer_reference"], meters[event["meter_id"]], datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")),
               Fraction(event["meter_values"][0]["number"]), said.get("operation", ""), said.get("workspace", ""))
