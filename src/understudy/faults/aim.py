"""What a world's faults may strike, as a table that each request asks; of a world without faults it is `NOTHING`.

This is all of faults that is loaded where there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Target(NamedTuple):
    """A fault that may strike an operation; `path` is set where only that one path is meant."""

    id: str
    path: str | None


class Aim(NamedTuple):
    """The faults of a world, in the order they came: those of requests by operation, those of deliveries, how far reads lie back."""

    operations: Mapping[str, tuple[Target, ...]]
    deliveries: tuple[str, ...]
    depth: int


NOTHING = Aim({}, (), 0)
"""Of a world without faults."""
