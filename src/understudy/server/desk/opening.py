"""The Desk's own calls, and what its page shows first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from understudy.durations import format_instant
from understudy.server.asked import chosen, world_of
from understudy.server.desk.calls import model, operation
from understudy.server.desk.page import document
from understudy.server.desk.records import record, records
from understudy.server.desk.streaming import Stream, Streams, version
from understudy.server.requested import last, shown
from understudy.theatre import Theatre

RECENT = 8
"""Requests that are told with the page."""

NAMES = 500
"""Worlds that are told with the page; of more the number."""


def calls(streams: Streams) -> list[tuple[str, str, Callable[[Theatre, Request, Any], Any]]]:
    """What the control plane offers for the Desk: method, path, call."""
    return [
        ("GET", "/desk", desk),
        ("GET", "/stream", lambda sandbox, request, body: stream(streams, sandbox, request)),
        ("GET", "/model", model),
        ("GET", "/operations", operation),
        ("GET", "/records/{resource}", records),
        ("GET", "/records/{resource}/{id:path}", record),
    ]


def desk(sandbox: Theatre, request: Request, body: Any) -> Response:
    """The page."""
    return document(first(sandbox, request))


def stream(streams: Streams, sandbox: Theatre, request: Request) -> Stream:
    """Messages whenever something changed in a world."""
    return streams.stream(sandbox, chosen(request))


def first(sandbox: Theatre, request: Request) -> dict[str, Any]:
    """What the page shows first: what is played, which worlds there are, how this one stands."""
    world = world_of(sandbox, request)
    names = [one.name for one in sandbox.worlds]
    return {
        "model": model(sandbox, request, None), "fixture": sandbox.fixture.name, "version": version(sandbox.worlds, world), "worlds": names[:NAMES], "world_count": len(names),
        "world": world.describe(), "next_due": None if world.next_due is None else format_instant(world.next_due),
        "requests": world.request_count, "recent": [shown(entry) for entry in last(world.requests, RECENT)],
    }  # fmt: skip
