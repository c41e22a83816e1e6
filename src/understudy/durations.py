"""Lengths of time as people and ISO 8601 write them, and instants as whole seconds in UTC.

Nothing here reads a clock.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_ISO = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
_SHORT = re.compile(r"(?P<number>\d+)(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = 10_000 * 366


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar months (years are twelve) and an exact rest; added to an instant in that order."""

    months: int = 0
    rest: timedelta = timedelta()

    def after(self, start: datetime) -> datetime:
        """The instant this long after `start`; a month's missing day becomes its last (31 January + P1M = 28 February)."""
        years, month = divmod(start.month - 1 + self.months, 12)
        year = start.year + years
        day = min(start.day, monthrange(year, month + 1)[1])
        return start.replace(year=year, month=month + 1, day=day) + self.rest


def parse_duration(text: str) -> Duration:
    """Read `P1M`, `PT30M`, `P1Y2M3DT4H` (ISO 8601, whole numbers) or the short forms `90s 2m 8h 7d 2w`.

    Raises ValueError with what would be right.
    """
    short = _SHORT.fullmatch(text)
    if short:
        parts = {_UNITS[short["unit"]]: int(short["number"])}
    else:
        match = _ISO.fullmatch(text)
        if match is None or text.endswith(("P", "T")):
            raise ValueError(f'"{text}" is not a duration; write P1M, P7D, PT8H or 30m')
        parts = {name: int(value) for name, value in match.groupdict().items() if value is not None}
    months = parts.pop("years", 0) * 12 + parts.pop("months", 0)
    if max([months, *parts.values()], default=0) > _LONGEST * 86_400:
        raise ValueError(f'"{text}" is longer than any calendar')
    return Duration(months, timedelta(**parts))


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with `Z` or an offset as UTC; fractions of a second are dropped. Raises ValueError."""
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo is None:
            raise ValueError
        return value.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise ValueError(f'"{text}" is not an instant; write 2025-05-06T10:30:00Z') from None


@lru_cache(maxsize=256)
def format_instant(value: datetime) -> str:
    """Write a UTC instant as `2025-05-06T10:30:00Z`."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value.year >= 1000 else value.isoformat()[:19].rjust(19, "0") + "Z"
