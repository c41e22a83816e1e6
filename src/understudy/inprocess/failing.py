"""A fault of a sandbox's world, as a test has it: set, looked at, ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from understudy.inprocess.house import House
from understudy.world.faulting import arm, count_of, disarm
from understudy.world.world import World

WHAT = frozenset({"status", "answer", "delay", "bytes_per_second", "stale", "webhook"})
"""What may become of an answer or a webhook; where nothing is said, a status."""
STATUS = 503


class Failing:
    """See `Sandbox.fail`. It ends with its `with` block, by `end`, or where the world goes back to before it."""

    def __init__(self, house: House, find: Callable[[], World], row: Mapping[str, Any]) -> None:
        self._house = house
        self._find = find
        with house.baton:
            self.id = arm(house.theatre.script, find(), row if WHAT & row.keys() else {**row, "status": STATUS}).id

    @property
    def met(self) -> int:
        """How many requests or deliveries it looked at."""
        with self._house.baton:
            return count_of(self._find(), self.id).met

    @property
    def struck(self) -> int:
        """How many of them it struck."""
        with self._house.baton:
            return count_of(self._find(), self.id).struck

    def end(self) -> None:
        """Have it no more; a second time does nothing."""
        with self._house.baton:
            disarm(self._find(), self.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
