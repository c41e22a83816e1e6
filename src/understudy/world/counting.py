"""How often a fault could have struck, and did: kept beside the fault, so that chance goes on where it was.

When a fault strikes is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Count(NamedTuple):
    """Requests or deliveries a fault has `met`, and how many of them it `struck`."""

    met: int = 0
    struck: int = 0


def write(count: Count) -> dict[str, Any]:
    """As JSON."""
    return count._asdict()


def read(row: Mapping[str, Any]) -> Count:
    """And back. Raises KeyError or ValueError."""
    count = Count(row["met"], row["struck"])
    if not all(type(one) is int and one >= 0 for one in count):
        raise ValueError("met and struck are whole numbers from 0")
    return count
