"""Billing periods: half open, in the customer's time zone, tiling time without gap or overlap.

1. EXACT keeps the day and hour of the start; where a month is shorter, its last day, and the day returns after it.
2. CALENDAR breaks at the calendar's own borders (Monday, the first, 1 January); what is cut off at either end is a
   stub, and its fraction is its days over the days of the whole period.
3. Local time decides, so a day is 23 or 25 hours long where the clocks change; every value outside is UTC.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from understudy_solvimon.refusal import Refusal

WHOLE = Fraction(1)
"""All of a price."""
UNITS = ("DAY", "WEEK", "MONTH", "YEAR")
MOST_LENGTHS = 3660
"""The largest value of a length: ten years of days."""
_FIRST_YEAR = 1970
_LAST_DAY = date(9998, 12, 28)
"""Where arithmetic on dates stops instead of failing; no world's clock gets there."""


_OFFSET = re.compile(r"(?:GMT|UTC)([+-])(\d{1,2})(?::?00)?", re.ASCII)
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?"
)


@dataclass(frozen=True, slots=True)
class Length:
    """A number of days, weeks, months or years."""

    unit: str
    value: int

    @property
    def months(self) -> int | None:
        """The length in months, None where it is counted in days."""
        return {"MONTH": self.value, "YEAR": 12 * self.value}.get(self.unit)

    @property
    def days(self) -> int | None:
        """The length in days, None where it is counted in months."""
        return {"DAY": self.value, "WEEK": 7 * self.value}.get(self.unit)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What fixes every billing period of a subscription. `start` is aware; `billing_time` is EXACT or CALENDAR."""

    start: datetime
    length: Length
    zone: ZoneInfo
    billing_time: str = "EXACT"


@dataclass(frozen=True, slots=True)
class Period:
    """From `start`, included, to `end`, excluded. A stub is part of the whole period `whole_start` to `whole_end`."""

    start: datetime
    end: datetime
    whole_start: datetime
    whole_end: datetime


def length(period: Mapping[str, object], field: str = "") -> Length:
    """The value of `{"type": "MONTH", "value": 1}`; the value is 1 where absent. Raises Refusal."""
    unit, value = period.get("type"), period.get("value", 1)
    place = f"{field}." if field else ""
    if unit not in UNITS:
        raise Refusal(f"{place}type", f"must be one of {', '.join(UNITS)}")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_LENGTHS:
        raise Refusal(f"{place}value", f"must be a whole number from 1 to {MOST_LENGTHS}")
    return Length(str(unit), value)


@lru_cache(maxsize=1024)
def zone(name: object) -> ZoneInfo:
    """The time zone of an IANA name or of an offset such as GMT+1; UTC without a name. Raises Refusal for any other."""
    if name is None:
        return ZoneInfo("UTC")
    offset = _OFFSET.fullmatch(str(name))
    try:
        # The Etc zones count hours the other way round (tz database, file `etcetera`).
        return ZoneInfo(f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}" if offset else str(name))
    except (ValueError, OSError, KeyError):
        raise Refusal("timezone", f'"{name}" is no time zone; name one as Europe/Berlin') from None


@lru_cache(maxsize=4096)
def instant(text: str) -> datetime:
    """A time stamp with offset or Z as an aware UTC value. Raises Refusal."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("", "must be a time stamp such as 2025-05-06T00:00:00Z") from None
    if moment.tzinfo is None:
        raise Refusal("", "must say its offset, as in 2025-05-06T00:00:00Z or +02:00")
    if not _FIRST_YEAR <= moment.year <= _LAST_DAY.year:
        raise Refusal("", f"must lie between the years {_FIRST_YEAR} and {_LAST_DAY.year}")
    return moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """An aware value as the API writes it: 2025-05-06T00:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:-6] + "Z"


@lru_cache(maxsize=64)
def duration(text: str) -> timedelta:
    """An exact length of time, written as ISO 8601 does: PT8H, PT30M, P1DT12H, P2W. Raises Refusal."""
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise Refusal("", f'"{text}" is no duration; write PT8H, PT30M or P1D')
    return timedelta(**{name: int(value) for name, value in match.groupdict().items() if value is not None})


def chained(spans: Sequence[tuple[datetime, datetime | None]]) -> list[tuple[datetime, datetime | None]]:
    """Spans that follow one another, in order of start; an open end becomes the next one's start.

    Raises Refusal, its field "{index}.start_at" or "{index}.end_at", where they leave a gap, overlap or are empty.
    """
    order = sorted(range(len(spans)), key=lambda index: spans[index][0])
    result = list(spans)
    for place, index in enumerate(order):
        start, end = spans[index]
        if end is not None and end <= start:
            raise Refusal(f"{index}.end_at", f"must be after start_at, {stamp(start)}")
        if place + 1 < len(order):
            following_index = order[place + 1]
            result[index] = (start, _joined(end, spans[following_index][0], start, following_index))
    return [result[index] for index in order]


def _joined(end: datetime | None, following: datetime, start: datetime, index: int) -> datetime:
    if following == start or (end is not None and following < end):
        raise Refusal(f"{index}.start_at", "overlaps the schedule before it; it must start where that one ends")
    if end is not None and following > end:
        raise Refusal(f"{index}.start_at", f"leaves a gap; it must start at {stamp(end)}, where the one before it ends")
    return following


def later(moment: datetime, by: Length, times: int, zone: ZoneInfo) -> datetime:
    """The moment `times` lengths later at the same local time of day, at the month's last day where it is too short."""
    local = moment.astimezone(zone)
    if by.months is not None:
        day = _months_later(local.date(), by.months * times)
    else:
        day = _days_later(local.date(), (by.days or 0) * times)
    if day == local.date():
        return moment
    return datetime.combine(day, local.time().replace(fold=0), zone).astimezone(UTC)


def period_at(rhythm: Rhythm, moment: datetime) -> Period:
    """The billing period that holds a moment; the first one for a moment before the start."""
    return _ALIGNMENTS[rhythm.billing_time](rhythm, max(moment, rhythm.start))


def following(rhythm: Rhythm, period: Period) -> Period:
    """The period that begins where another ends."""
    return period_at(rhythm, period.whole_end)


def series(rhythm: Rhythm) -> Iterator[Period]:
    """Every period from the first, without end."""
    period = period_at(rhythm, rhythm.start)
    while True:
        yield period
        period = following(rhythm, period)


def cut(period: Period, end: datetime | None) -> Period:
    """The part of a period before `end`; all of it where the end lies beyond or is None."""
    if end is None or end >= period.end:
        return period
    return Period(period.start, max(end, period.start), period.whole_start, period.whole_end)


def fraction(start: datetime, end: datetime, period: Period, zone: ZoneInfo) -> Fraction:
    """Local days from start to end over the days of the whole period: what proration charges of a full price.

    A day belongs to the part that begins on it, so that the parts of a period add up to it.
    """
    whole = _days(period.whole_start, period.whole_end, zone)
    return Fraction(_days(start, end, zone), whole) if whole else Fraction(1)


def ratio(period: Period, own: Length, of: Length, zone: ZoneInfo) -> Fraction:
    """How many times one length fits the whole of a period of another: 3 months in a quarter, 1/12 year in a month.

    Days against months are counted from the period's start (assumed).
    """
    if own.months is not None and of.months is not None:
        return Fraction(own.months, of.months)
    if own.days is not None and of.days is not None:
        return Fraction(own.days, of.days)
    priced = of.days or _days(period.whole_start, later(period.whole_start, of, 1, zone), zone)
    return Fraction(_days(period.whole_start, period.whole_end, zone), priced)


def _exact(rhythm: Rhythm, moment: datetime) -> Period:
    index = max(_guess(rhythm, moment), 0)
    while _border(rhythm, index) > moment:
        index -= 1
    while _border(rhythm, index + 1) <= moment:
        index += 1
    start, end = _border(rhythm, index), _border(rhythm, index + 1)
    return Period(start, end, start, end)


def _border(rhythm: Rhythm, index: int) -> datetime:
    return later(rhythm.start, rhythm.length, index, rhythm.zone)


def _guess(rhythm: Rhythm, moment: datetime) -> int:
    months, days = rhythm.length.months, rhythm.length.days
    if months is not None:
        gone = (moment.year - rhythm.start.year) * 12 + moment.month - rhythm.start.month
        return gone // months
    return (moment - rhythm.start).days // (days or 1)


def _calendar(rhythm: Rhythm, moment: datetime) -> Period:
    first, last = _whole(moment.astimezone(rhythm.zone).date(), rhythm.length)
    start, end = _midnight(first, rhythm.zone), _midnight(last, rhythm.zone)
    return Period(max(start, rhythm.start), end, start, end)


_ALIGNMENTS: Mapping[str, Callable[[Rhythm, datetime], Period]] = {"EXACT": _exact, "CALENDAR": _calendar}

_MONDAY = date(1969, 12, 29)


def _whole(day: date, by: Length) -> tuple[date, date]:
    """The calendar's own period around a day: quarters begin in January, weeks on Monday (ISO 8601)."""
    if by.months is not None:
        passed = (day.year - _FIRST_YEAR) * 12 + day.month - 1
        first = _months_later(date(_FIRST_YEAR, 1, 1), passed // by.months * by.months)
        return first, _months_later(first, by.months)
    origin = _MONDAY if by.unit == "WEEK" else date(_FIRST_YEAR, 1, 1)
    size = by.days or 1
    first = origin + timedelta(days=(day - origin).days // size * size)
    return first, _days_later(first, size)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > _LAST_DAY.year:
        return _LAST_DAY
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _days_later(day: date, days: int) -> date:
    return _LAST_DAY if days > (_LAST_DAY - day).days else day + timedelta(days=days)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> int:
    return (end.astimezone(zone).date() - start.astimezone(zone).date()).days
