"""What a wallet holds: grants that begin and expire, and what was taken of them, replayed in order.

1. A use takes of the grant that expires first, then of the oldest (assumed), of those that hold good within its stretch.
2. At any time: granted = used + expired + balance; the balance is open but for what running invoices have reserved.
3. Credits and money are the same here: exact numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from understudy_solvimon.money import ZERO

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grant:
    """So much, from `start` until `end`, excluded; without an end, for ever."""

    quantity: Fraction
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """So much for what was used from `start` to `end`; reserved until it is `settled`."""

    quantity: Fraction
    start: datetime
    end: datetime
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of everything granted by some time."""

    granted: Fraction
    used: Fraction
    reserved: Fraction
    expired: Fraction

    @property
    def balance(self) -> Fraction:
        """What is there, reserved or not."""
        return self.granted - self.used - self.expired

    @property
    def open(self) -> Fraction:
        """What is there and not reserved."""
        return self.balance - self.reserved


def balance(grants: Sequence[Grant], uses: Iterable[Use], at: datetime) -> Balance:
    """The balance at a time, after all uses."""
    used, reserved = _taken(grants, uses)
    begun = [index for index, grant in enumerate(grants) if grant.start <= at]
    over = [index for index in begun if (grants[index].end or _NEVER) <= at]
    return Balance(
        sum((grants[index].quantity for index in begun), ZERO),
        sum((used[index] for index in begun), ZERO),
        sum((reserved[index] for index in begun), ZERO),
        sum((grants[index].quantity - used[index] - reserved[index] for index in over), ZERO),
    )


def available(grants: Sequence[Grant], uses: Iterable[Use], start: datetime, end: datetime) -> Fraction:
    """What can still be taken for a stretch of time."""
    used, reserved = _taken(grants, uses)
    return sum((grants[index].quantity - used[index] - reserved[index] for index in _usable(grants, start, end)), ZERO)


def _taken(grants: Sequence[Grant], uses: Iterable[Use]) -> tuple[list[Fraction], list[Fraction]]:
    """What was taken of each grant: settled, and reserved."""
    used, reserved = [ZERO for _ in grants], [ZERO for _ in grants]
    for use in uses:
        wanted = use.quantity
        for index in _usable(grants, use.start, use.end):
            part = min(wanted, grants[index].quantity - used[index] - reserved[index])
            (used if use.settled else reserved)[index] += part
            wanted -= part
    return used, reserved


def _usable(grants: Sequence[Grant], start: datetime, end: datetime) -> list[int]:
    """The grants that hold good within a stretch, the first to expire first."""
    fitting = [index for index, grant in enumerate(grants) if grant.start < end and (grant.end or _NEVER) > start]
    return sorted(fitting, key=lambda index: (grants[index].end or _NEVER, grants[index].start, index))
