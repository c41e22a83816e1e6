"""Granted tokens as rows that a world keeps.

What may be granted is decided elsewhere.
"""

from __future__ import annotations

from typing import Any

from understudy.durations import format_instant
from understudy.engine.granting import Granted
from understudy.world.clock import instant

_PLAIN = ("kind", "number", "client", "subject", "redirect", "challenge", "nonce", "used")


def write(granted: Granted) -> dict[str, Any]:
    """As JSON."""
    told = {name: getattr(granted, name) for name in _PLAIN}
    return {**told, "scopes": list(granted.scopes), "until": None if granted.until is None else format_instant(granted.until)}


def read(row: dict[str, Any]) -> Granted:
    """And back."""
    until = row["until"]
    return Granted(**{name: row[name] for name in _PLAIN}, scopes=tuple(row["scopes"]), until=None if until is None else instant(until))
