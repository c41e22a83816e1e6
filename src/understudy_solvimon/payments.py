"""What a simulated payment provider does with a charge, and when the charges of a payment schedule fall due.

1. Nothing is left to chance: how a charge goes is written in the provider's name of the method (see `outcome`).
2. Nothing here knows a record or a clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from understudy_solvimon import money, periods
from understudy_solvimon.refusal import Refusal

AUTHORIZED, REFUSED, PENDING = "AUTHORIZED", "REFUSED", "PENDING"
GENERIC = "GENERIC_DECLINE"
"""Why a charge is refused where no reason is said."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a charge goes: its result at once, why it is refused, and the trigger that moves it `after` a while.

    `action`: the payer has something to do first.
    """

    result: str
    reason: str | None = None
    trigger: str | None = None
    after: timedelta = timedelta()
    action: bool = False


_TIMES = {"ONCE": 1, "TWICE": 2}
_DECLINED = re.compile(r"DECLINED(?:_(?P<times>ONCE|TWICE|[1-9][0-9]?_TIMES))?(?:_(?P<reason>[A-Z][A-Z_]*[A-Z]))?")
_LATER = re.compile(r"(?P<kind>DELAYED|CHARGEBACK)(?:_(?P<after>P[0-9DTWHMS]+))?(?P<declined>_DECLINED(?:_(?P<reason>[A-Z][A-Z_]*[A-Z]))?)?")


def outcome(name: str, attempt: int) -> Outcome:
    """How the `attempt`-th charge of a method goes, by the provider's name of it, in capitals or not.

    `declined`, `declined_insufficient_funds`; `declined_twice_insufficient_funds`, `declined_3_times`: then authorised;
    `action_required`; `delayed_P2D`, `delayed_P2D_declined`; `chargeback_P30D`. Any other name: authorised.
    """
    said = name.upper().replace("-", "_")
    if said.startswith("ACTION_REQUIRED"):
        return Outcome(PENDING, action=True)
    later = _LATER.fullmatch(said)
    if later is not None:
        return _later(later)
    declined = _DECLINED.fullmatch(said)
    if declined is None:
        return Outcome(AUTHORIZED)
    times = declined["times"]
    most = attempt if times is None else _TIMES.get(times) or int(times.partition("_")[0])
    return Outcome(REFUSED, declined["reason"] or GENERIC) if attempt <= most else Outcome(AUTHORIZED)


def _later(found: re.Match[str]) -> Outcome:
    try:
        after = periods.duration(found["after"]) if found["after"] else timedelta(days=1 if found["kind"] == "DELAYED" else 7)
    except Refusal:
        return Outcome(AUTHORIZED)
    if found["kind"] == "CHARGEBACK":
        return Outcome(AUTHORIZED, trigger="charge_back", after=after)
    reason = (found["reason"] or GENERIC) if found["declined"] else None
    return Outcome(PENDING, reason, "refuse" if reason else "settle", after)


# --- payment schedules ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A charge to come: when, and how much."""

    at: datetime
    amount: money.Money


def charges(schedule: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> list[Due]:
    """The charges of a payment schedule that are known from the beginning; of a RECURRING one only the first.

    Raises Refusal: an end before its beginning, installments of less than the smallest unit.
    """
    return list(_KINDS[schedule["type"]](schedule, now, zone))


def _one_off(schedule: Mapping[str, Any], now: datetime, _: ZoneInfo) -> Iterator[Due]:
    yield _due(schedule["one_off"]["charge"], now)


def _installments(schedule: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> Iterator[Due]:
    said = schedule["installments"]
    if said["variant"] == "FIXED":
        yield from sorted((_due(charge, now) for charge in said["fixed"]["charges"]), key=lambda due: due.at)
        return
    whole = money.money(said["total_amount"], "installments.total_amount")
    start = periods.instant(said["interval"]["start_at"]) if said["interval"].get("start_at") else now
    length = periods.length(said["interval"]["period"], "installments.interval.period")
    for index, part in enumerate(parts(whole, said["number_of_installments"])):
        yield Due(periods.later(start, length, index, zone), part)


def parts(whole: money.Money, count: int) -> list[money.Money]:
    """An amount in equal parts of whole units, the odd ones in the first parts. Raises Refusal where a part were nothing."""
    scale = 10 ** money.minor_units(whole.currency)
    units = whole.quantity * scale
    if units.denominator != 1 or units < count:
        raise Refusal("installments.total_amount.quantity", f"must be at least {count} of the currency's smallest unit, and whole ones")
    size, odd = divmod(int(units), count)
    return [money.Money(Fraction(size + (index < odd), scale), whole.currency) for index in range(count)]


def _recurring(schedule: Mapping[str, Any], _: datetime, __: ZoneInfo) -> Iterator[Due]:
    said = schedule["recurring"]
    start = periods.instant(said["start_at"])
    if said.get("end_at") and periods.instant(said["end_at"]) <= start:
        raise Refusal("recurring.end_at", f"must lie after start_at, {said['start_at']}")
    yield Due(start, money.money(said["charge"]["amount"]))


def next_charge(schedule: Mapping[str, Any], index: int, zone: ZoneInfo) -> Due | None:
    """The charge of a RECURRING schedule with this index, from 0; None once it has ended."""
    said = schedule["recurring"]
    at = periods.later(periods.instant(said["start_at"]), periods.length(said["period"]), index, zone)
    ends = periods.instant(said["end_at"]) if said.get("end_at") else None
    return None if ends is not None and ends <= at else Due(at, money.money(said["charge"]["amount"]))


def _due(charge: Mapping[str, Any], now: datetime) -> Due:
    return Due(periods.instant(charge["charge_at"]) if charge.get("charge_at") else now, money.money(charge["amount"]))


_KINDS = {"ONE_OFF": _one_off, "INSTALLMENTS": _installments, "RECURRING": _recurring}
