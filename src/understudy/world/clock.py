"""A world's time: it runs with the machine's or stands still until turned, and it never goes back by itself.

What falls due when it is turned is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""As far as any clock can be turned."""


@lru_cache(4096)
def instant(text: str) -> datetime:
    """An instant as worlds are written down: always UTC, with a final Z."""
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)


class Clock:
    """`now()` is in whole seconds, UTC. A running clock adds the machine's elapsed time to where it was last set."""

    def __init__(self, start: datetime | None = None, *, frozen: bool = False, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._elapsed = elapsed
        self._base = start or datetime.now(UTC).replace(microsecond=0)
        self._since = elapsed()
        self._passed, self._now = 0, self._base  # whole seconds since then, and the instant they lead to
        self.frozen = frozen
        self.keep: Callable[[datetime, bool], None] | None = None
        """Told where the clock is about to be turned, and whether it will stand still; may refuse by raising Problem."""

    def now(self) -> datetime:
        """The present instant of this world."""
        if self.frozen:
            return self._base
        passed = int(self._elapsed() - self._since)
        if passed != self._passed:
            self._passed, self._now = passed, self._base + timedelta(seconds=passed)
        return self._now

    @property
    def turned_to(self) -> datetime:
        """Where it was last set; from there it runs, or there it stands."""
        return self._base

    def set(self, now: datetime) -> None:
        """Turn the clock to an instant, the mode unchanged."""
        self._turn(now, self.frozen)

    def run(self) -> None:
        """Let time pass from the present instant on."""
        self._turn(self.now(), False)

    def freeze(self) -> None:
        """Stop at the present instant."""
        self._turn(self.now(), True)

    def _turn(self, now: datetime, frozen: bool) -> None:
        if self.keep is not None:
            self.keep(now, frozen)
        self._base, self._since, self.frozen = now, self._elapsed(), frozen
        self._passed, self._now = 0, now

    def fork(self) -> Clock:
        """A clock that reads the same and goes its own way."""
        return Clock(self.now(), frozen=self.frozen, elapsed=self._elapsed)
