"""Where a world's tokens are granted: what `engine.granting` answers, with the rows a world holds.

Nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understudy.engine.granting import METHODS, Asked, Desk, Place, answered, asked
from understudy.engine.guarding import Grants
from understudy.engine.outcomes import Outcome
from understudy.problems import Problem
from understudy.world.holdings import Put

if TYPE_CHECKING:
    from datetime import datetime

    from understudy.world.stage import Request
    from understudy.world.world import World


def visit(place: Place, world: World, request: Request, now: datetime, keys: frozenset[str] | None) -> Outcome:
    """Answer a request to one of the places of OAuth 2; what it grants is held. Raises Problem `method_not_allowed`."""
    allowed = METHODS[place.part]
    if request.method not in allowed:
        raise Problem("method_not_allowed", f"{request.method[:80]} is not allowed here; it takes {', '.join(allowed)}", extra={"allow": allowed})
    told = answered(place, _asked(request), Desk(finder(world), len(world.held["granted"]), world.seed, now, keys))
    if told.rows:
        world.put(*(Put("granted", token, row) for token, row in told.rows))
    return told.outcome


def _asked(request: Request) -> Asked:
    return asked(request.origin + request.prefix, request.query, request.sent, request.body)


def grants(world: World, now: datetime, strict: bool) -> Grants:
    """What is known of tokens in a world."""
    return Grants(finder(world), now, strict)


def finder(world: World) -> Any:
    """The row of a token."""
    return world.held["granted"].get
