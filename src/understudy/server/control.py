"""The control plane: worlds, clock, reset, request log, model, as JSON under `/_understudy`; never part of the contract.

1. Every answer is JSON, but for the Desk's page and its stream; every refusal is problem details (RFC 9457) that says what
   would be right.
2. Who may ask at all is decided in `origins`, before anything else is looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from functools import partial
from inspect import isawaitable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy import __version__
from understudy.durations import format_instant, parse_duration, parse_instant
from understudy.engine.refusing import TITLES
from understudy.exact import write
from understudy.problems import Problem
from understudy.server.asked import CAREFUL, Refused
from understudy.server.asked import chosen as _chosen
from understudy.server.asked import number as _number
from understudy.server.asked import only as _only
from understudy.server.asked import world_of as _world
from understudy.server.deliveries import CALLS, Call, Desk, shown_tried
from understudy.server.desk.opening import calls as desk_calls
from understudy.server.desk.streaming import Streams
from understudy.server.faults import CALLS as FAULTS
from understudy.server.origins import refusal
from understudy.server.requested import request_whole, requests
from understudy.server.sending import Sender, Tried
from understudy.theatre import Theatre
from understudy.world.comparing import compare
from understudy.world.fixtures import FixtureFault
from understudy.world.rows import export
from understudy.world.sources import Unreadable
from understudy.world.world import LOGGED, World
from understudy.world.worlds import NAME

Handler = Callable[[Request], Awaitable[Response]]
LARGEST = 1_000_000
PAGE = "/_understudy/desk"


def control_plane(sandbox: Theatre, sender: Sender | None = None, streams: Streams | None = None, reloader: Callable[[], Any] = lambda: None) -> ASGIApp:
    """The application under `/_understudy` for a sandbox; without a sender nothing that is owed to endpoints is sent.

    `streams`: who watches, for whoever is to end that; `reloader`: what reads anew what is played, once it is there.
    """
    desk = Desk(sandbox, sender)
    calls: list[tuple[str, str, Callable[[Theatre, Request, Any], Any]]] = [
        ("GET", "/health", health),
        ("GET", "/worlds", worlds),
        ("POST", "/worlds", begin_world),
        ("POST", "/reset", reset),
        ("GET", "/snapshots", snapshots),
        ("POST", "/snapshots", save_snapshot),
        ("POST", "/snapshots/{name}/restore", restore),
        ("GET", "/diff", diff),
        ("GET", "/export", export_world),
        ("GET", "/clock", clock),
        ("POST", "/clock", partial(turn_clock, sender)),
        ("POST", "/reload", partial(reload, reloader)),
        ("GET", "/requests", requests),
        ("GET", "/requests/{number}", request_whole),
        ("DELETE", "/worlds/{name}", end_world),
        *((method, path, partial(_of_desk, desk, call)) for method, path, call in CALLS),
        *FAULTS,
        *desk_calls(streams or Streams()),
    ]
    paths: dict[str, dict[str, Callable[[Theatre, Request, Any], Any]]] = {}
    for method, path, call in calls:
        paths.setdefault(path, {})[method] = call
    routes = [Route(f"/_understudy{path}", _endpoint(sandbox, table), methods=None) for path, table in paths.items()]
    hosts = sender.poster.hosts if sender is not None else ()
    return _guarded(Starlette(routes=routes, exception_handlers={404: _unknown(sorted({path for _, path, _ in calls}))}), hosts)


def _guarded(app: ASGIApp, hosts: Collection[str]) -> ASGIApp:
    """An application that answers only those who may ask."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        said = refusal(scope, hosts, page=scope["path"] == PAGE)
        await (app if said is None else _problem(403, said))(scope, receive, send)

    return guarded


def _endpoint(sandbox: Theatre, table: dict[str, Callable[[Theatre, Request, Any], Any]]) -> Any:
    """One endpoint for each path, as an ASGI application: it decides the method itself, so 405 has the whole Allow."""

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        call = table.get("GET" if request.method == "HEAD" else request.method)
        response: ASGIApp
        if call is None:
            response = _problem(405, f"use {' or '.join(table)} here", {"Allow": ", ".join(table)})
        else:
            response = await _answered(sandbox, request, call)
        await response(scope, receive, send)

    class Endpoint:
        """Starlette gives every method to an endpoint that is no function."""

        __call__ = staticmethod(endpoint)

    return Endpoint()


async def _answered(sandbox: Theatre, request: Request, call: Callable[[Theatre, Request, Any], Any]) -> ASGIApp:
    try:
        body = await _body(request)
        answer = call(sandbox, request, body)
        answer = await answer if isawaitable(answer) else answer
        return answer if callable(answer) else _json(200, answer)
    except Refused as refused:
        return _problem(refused.status, refused.detail)
    except ValueError as fault:
        return _problem(400, str(fault))
    except Problem as problem:
        return _problem(503, problem.message)


def _unknown(paths: list[str]) -> Any:
    async def unknown(request: Request, _: Exception) -> Response:
        return _problem(404, f"nothing is here; there are {', '.join('/_understudy' + path for path in paths)}")

    return unknown


async def _body(request: Request) -> Any:
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > LARGEST:
            raise Refused(413, f"a control request may have up to {LARGEST} octets")
    if not data:
        return {}
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as fault:
        raise Refused(400, f"not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body must be an object")
    return body


def _json(status: int, value: Any) -> Response:
    return Response(_pretty(value), status, CAREFUL, media_type="application/json")


def _pretty(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return write(value)  # an integer beyond 64 bits


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = {"type": "about:blank", "title": TITLES.get(status, ""), "status": status, "detail": detail}
    return Response(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE), status, {**CAREFUL, **(headers or {})}, media_type="application/problem+json")


# --- the calls -------------------------------------------------------------------------------------------------


def _of_desk(desk: Desk, call: Call, sandbox: Theatre, request: Request, body: Any) -> Any:
    return call(desk, request, body)


def health(sandbox: Theatre, request: Request, body: Any) -> Any:
    """Ready, and what is played."""
    return {
        "ready": True,
        "version": __version__,
        "document": sandbox.title,
        "operations": len(sandbox.script.contract.operations),
        "resources": len(sandbox.script.behaviour.resources),
        "fixture": sandbox.fixture.name,
        "worlds": [world.name for world in sandbox.worlds],
    }


def worlds(sandbox: Theatre, request: Request, body: Any) -> Any:
    """Every world begun so far, or the one called `name`."""
    name = request.query_params.get("name")
    chosen = sandbox.worlds if name is None else filter(None, [sandbox.worlds.find(name)])
    return {"worlds": [world.describe() for world in chosen]}


def begin_world(sandbox: Theatre, request: Request, body: Any) -> Any:
    """Begin a world from the fixture, from another world, from a snapshot (`NAME` of this world's, or `WORLD/NAME`), or another fixture."""
    _only(body, "name", "from")
    if "name" not in body:
        raise Refused(400, 'say {"name": "..."}, and {"from": "a world, a snapshot or a fixture"} to begin as that is')
    source = _source(sandbox, request, str(body["from"])) if "from" in body else sandbox.worlds.prepared
    return sandbox.worlds.begin(str(body["name"]), source).describe()


def _source(sandbox: Theatre, request: Request, named: str) -> World:
    """What a world may begin as, by name. Raises Refused where there is no such thing."""
    own, _, snapshot = named.rpartition("/")
    found = sandbox.worlds.find(named) or sandbox.worlds.saved(own or _chosen(request)).get(snapshot)
    return found if found is not None else _of_fixture(sandbox, named, "world, snapshot or fixture")


def _of_fixture(sandbox: Theatre, named: str, what: str = "fixture") -> World:
    """A fixture of the document by its name; a path is none: nobody may have files read from here."""
    if not NAME.fullmatch(named) or named.endswith((".yaml", ".yml", ".json")):
        raise Refused(404, f'there is no {what} "{named[:200]}"')
    try:
        return sandbox.of_fixture(named)
    except Unreadable as fault:
        raise Refused(404, f'there is no {what} "{named}": {fault}') from None
    except FixtureFault as fault:
        raise Refused(400, str(fault)) from None


def end_world(sandbox: Theatre, request: Request, body: Any) -> Any:
    """Forget a world."""
    name = request.path_params["name"]
    if not sandbox.worlds.end(name):
        raise Refused(404, f'there is no world "{name}"')
    return {"ended": name}


def reset(sandbox: Theatre, request: Request, body: Any) -> Any:
    """Put a world back to the fixture, or to another one, clock included; its snapshots stay."""
    _only(body, "fixture")
    name = _chosen(request)
    source = _of_fixture(sandbox, str(body["fixture"])) if "fixture" in body else sandbox.worlds.beginning(name)
    return sandbox.worlds.begin(name, source).describe()


def snapshots(sandbox: Theatre, request: Request, body: Any) -> Any:
    """The saved moments of a world."""
    saved = sandbox.worlds.saved(_world(sandbox, request).name)
    return {"snapshots": [{**moment.describe(), "name": name} for name, moment in saved.items()]}


def save_snapshot(sandbox: Theatre, request: Request, body: Any) -> Any:
    """Save a world as it is now, in the place of an earlier snapshot of that name."""
    _only(body, "name")
    if "name" not in body:
        raise Refused(400, 'say {"name": "..."}')
    name = str(body["name"])
    return {**sandbox.worlds.save(_world(sandbox, request), name).describe(), "name": name}


def restore(sandbox: Theatre, request: Request, body: Any) -> Any:
    """Put a world back to one of its snapshots, clock and ids included; the snapshot stays."""
    _only(body)
    world = _world(sandbox, request)
    return sandbox.worlds.begin(world.name, _snapshot(sandbox, world, request.path_params["name"])).describe()


def diff(sandbox: Theatre, request: Request, body: Any) -> Any:
    """What became of a world since a snapshot of it; without `from`, since its fixture; with `limit` so many of each, and how many there are."""
    world, name = _world(sandbox, request), request.query_params.get("from")
    before = sandbox.worlds.beginning(world.name) if name is None else _snapshot(sandbox, world, name)
    told = compare(before, world)
    if "limit" in request.query_params:
        most = _number(request, "limit", LOGGED)
        lists = {part: rows for part, rows in told.items() if isinstance(rows, list)}
        told |= {part: rows[:most] for part, rows in lists.items()} | {"counts": {part: len(rows) for part, rows in lists.items()}}
    return {"world": world.name, "since": name, **told}


def _snapshot(sandbox: Theatre, world: World, name: str) -> World:
    saved = sandbox.worlds.saved(world.name)
    if name not in saved:
        raise Refused(404, f'the world "{world.name}" has no snapshot "{name[:200]}"; it has {", ".join(saved) or "none"}')
    return saved[name]


def export_world(sandbox: Theatre, request: Request, body: Any) -> Any:
    """A world as a fixture file."""
    return export(_world(sandbox, request))


async def reload(reloader: Callable[[], Any], sandbox: Theatre, request: Request, body: Any) -> Any:
    """Read documents and behaviour anew and play them in the worlds there are; where they are broken, nothing changes."""
    _only(body)
    one = reloader()
    if one is None:
        raise Refused(409, "there is nothing to read anew: this stand-in was not started by understudy serve")
    answer = await one.reload()
    if not answer["reloaded"]:
        raise Refused(422, "what is played stays as it was: " + "; ".join(f"{one['where']}: {one['message']}" for one in answer["faults"]))
    return answer


def clock(sandbox: Theatre, request: Request, body: Any) -> Any:
    """What time it is in a world, and when the next timer falls due."""
    world = _world(sandbox, request)
    sandbox.stage.settle(world)
    return _clock(world)


async def turn_clock(sender: Sender | None, sandbox: Theatre, request: Request, body: Any) -> Any:
    """Turn a world's clock to an instant or by a duration, or let it run or stand; answers what fell due, in order."""
    _only(body, "now", "advance", "mode")
    if len(body) != 1:
        raise Refused(400, 'say one of {"advance": "P1M"}, {"now": "2025-06-06T08:00:00Z"} or {"mode": "running"}')
    world = _world(sandbox, request)
    if "mode" in body:
        modes = {"running": world.clock.run, "frozen": world.clock.freeze}
        if body["mode"] not in modes:
            raise Refused(400, "mode is running or frozen")
        modes[body["mode"]]()
        sandbox.post.ring(world)
        return _clock(world)
    until = _until(world, body)
    due = sandbox.stage.advance(world, until) if sender is None else await sender.advance(world, until)
    return {**_clock(world), "due": [shown_tried(one) if isinstance(one, Tried) else one.describe() for one in due]}


def _until(world: World, body: dict[str, Any]) -> datetime:
    if "now" in body:
        return parse_instant(str(body["now"]))
    try:
        return parse_duration(str(body["advance"])).after(world.clock.now())
    except OverflowError:
        raise Refused(400, "the calendar ends before that") from None


def _clock(world: World) -> dict[str, Any]:
    return {
        "now": format_instant(world.clock.now()),
        "mode": "frozen" if world.clock.frozen else "running",
        "next_due": format_instant(world.next_due) if world.next_due else None,
        **({} if world.outbox.next_due is None else {"next_delivery": format_instant(world.outbox.next_due)}),
    }
