"""Discounts on draft lines.

Nothing here reads a record or remembers what was used up: the terms hold what a discount may still take.
"""

from __future__ import annotations

from dataclasses import dataclass

from understudy_solvimon.charges import DraftLine, Scope, Terms


@dataclass(frozen=True, slots=True)
class Discount:
    """One discount and what it is aimed at."""

    scope: Scope


def discounted(drafts: tuple[DraftLine, ...], terms: Terms) -> tuple[DraftLine, ...]:
    """The draft lines with the terms' discounts."""
    return drafts
