"""The control plane's calls about faults: which there are in a world, one more, one in another's place, one or all no more.

What a fault is and whom it strikes is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from understudy.faults.fault import Fault
from understudy.server.asked import Refused, only, world_of
from understudy.theatre import Theatre
from understudy.world.faulting import arm, disarm, shown
from understudy.world.world import World


def faults(sandbox: Theatre, request: Request, body: Any) -> Any:
    """The faults of a world, in the order they strike, each with how many requests it met and struck."""
    world = world_of(sandbox, request)
    return {"faults": [shown(world, fault) for _, fault in world.held["faults"].items()]}


def add_fault(sandbox: Theatre, request: Request, body: Any) -> Any:
    """One more fault; where the body gives it an id, in the place of the one of that id."""
    world = world_of(sandbox, request)
    return shown(world, arm(sandbox.script, world, body))


def fault(sandbox: Theatre, request: Request, body: Any) -> Any:
    """One fault."""
    world = world_of(sandbox, request)
    return shown(world, _named(world, request))


def put_fault(sandbox: Theatre, request: Request, body: Any) -> Any:
    """A fault of this id, new or in the place of the one there was; its counts begin anew."""
    world, id = world_of(sandbox, request), request.path_params["id"]
    if body.get("id", id) != id:
        raise Refused(400, f'id: must be "{id[:80]}", as in the address, or left out')
    return shown(world, arm(sandbox.script, world, body, id))


def remove_fault(sandbox: Theatre, request: Request, body: Any) -> Any:
    """A fault no more."""
    only(body)
    world = world_of(sandbox, request)
    named = _named(world, request)
    disarm(world, named.id)
    return {"removed": named.id}


def remove_faults(sandbox: Theatre, request: Request, body: Any) -> Any:
    """No fault any more."""
    only(body)
    return {"removed": disarm(world_of(sandbox, request))}


def _named(world: World, request: Request) -> Fault:
    id = request.path_params["id"]
    found: Fault | None = world.held["faults"].get(id)
    if found is None:
        raise Refused(404, f'there is no fault "{id[:80]}"; there are {", ".join(world.held["faults"])[:500] or "none"}')
    return found


CALLS: tuple[tuple[str, str, Callable[[Theatre, Request, Any], Any]], ...] = (
    ("GET", "/faults", faults),
    ("POST", "/faults", add_fault),
    ("DELETE", "/faults", remove_faults),
    ("GET", "/faults/{id}", fault),
    ("PUT", "/faults/{id}", put_fault),
    ("DELETE", "/faults/{id}", remove_fault),
)
