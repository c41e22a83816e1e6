"""Fresh ids of one world: a seed and a counter, so the same seed and the same calls give the same ids."""

from __future__ import annotations

from typing import Any

from understudy.engine.naming import fresh


class Ids:
    """`ids("cust")` is `cust_` and `length` letters and digits; `count` is how many were given so far."""

    __slots__ = ("_length", "_seed", "count")

    def __init__(self, seed: int, count: int = 0, length: int = 20) -> None:
        self._seed = seed
        self._length = length
        self.count = count

    def __call__(self, prefix: str | None, form: str | None = None, length: int | None = None) -> Any:
        """The next id."""
        self.count += 1
        return fresh(self._seed, self.count, prefix, form, length or self._length)
