"""What the calls of the control plane have in common: which world is asked for, what a body may hold, how to refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understudy.theatre import Theatre
from understudy.world.world import World
from understudy.world.worlds import SHARED

if TYPE_CHECKING:
    from starlette.requests import Request

CAREFUL = {"x-content-type-options": "nosniff", "cache-control": "no-store", "cross-origin-resource-policy": "same-origin", "referrer-policy": "no-referrer"}
"""What goes with every answer: it is read as what it is, by nobody else, and not kept."""


class Refused(Exception):
    """A control request that cannot be done: status and what would be right."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def world_of(sandbox: Theatre, request: Request) -> World:
    """The world a control request concerns."""
    return sandbox.worlds.get(chosen(request))


def chosen(request: Request) -> str:
    """Its name."""
    return request.headers.get("understudy-world") or request.query_params.get("world") or SHARED


def number(request: Request, name: str, default: int) -> int:
    """A query parameter that is a number from 0. Raises Refused."""
    text = request.query_params.get(name, str(default))
    if not text.isdigit() or len(text) > 12:
        raise Refused(400, f"{name} is a number from 0")
    return int(text)


def only(body: dict[str, Any], *known: str) -> None:
    """Refuse a body that holds something else. Raises Refused."""
    strange = body.keys() - set(known)
    if strange:
        allowed = f"; this call takes {', '.join(known)}" if known else "; this call takes nothing"
        raise Refused(400, f"unknown: {', '.join(sorted(strange))[:200]}{allowed}")
