"""The control plane's calls about requests: the last of them with the reason of each answer; one whole, and as a command of curl.

A client's own credentials are kept in the log, and never told.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from understudy.durations import format_instant
from understudy.problems import Problem
from understudy.server.asked import Refused, number, world_of
from understudy.server.desk.calls import credentials
from understudy.theatre import Theatre
from understudy.world.world import LOGGED, SHOWN, Logged, World
from understudy.world.worlds import SHARED

LEFT_OUT = frozenset({
    "host", "connection", "content-length", "accept-encoding", "user-agent", "accept", "origin", "referer", "cookie", "accept-language", "priority",
    "cache-control", "pragma", "dnt", "authorization", "proxy-authorization", "understudy-world",
})  # fmt: skip
"""Headers that carry the request rather than belong to it, and those that may hold somebody's secret."""

_SECRET = ("key", "token", "secret", "password", "signature")


def requests(sandbox: Theatre, request: Request, body: Any) -> Any:
    """The last requests of a world, oldest first, each with why it was answered so: those in which `search` is found, the last
    `limit`; `whole`: with what each carried."""
    world, search = world_of(sandbox, request), request.query_params.get("search", "")
    chosen = [entry for entry in world.requests if search in f"{entry.status} {entry.method} {entry.target} {entry.reason}"]
    some = last(chosen, number(request, "limit", LOGGED))
    whole = request.query_params.get("whole") == "true"
    return {"requests": [{**shown(entry), **(carried(entry) if whole else {})} for entry in some], "total": len(chosen)}


def last(entries: Collection[Logged], most: int) -> list[Logged]:
    """So many of the last requests."""
    return list(entries)[max(len(entries) - most, 0):]


def shown(entry: Logged) -> dict[str, Any]:
    """A request as it is told."""
    said = {"number": entry.number, "at": format_instant(entry.at), "request": f"{entry.method} {entry.target}", "status": entry.status,
            "reason": entry.reason, "request_id": entry.request_id}
    return {**said, "warnings": list(entry.warnings)} if entry.warnings else said


def request_whole(sandbox: Theatre, request: Request, body: Any) -> Any:
    """One request with what it carried, and as a curl command; the credentials in it are those any client of this may use."""
    world, named = world_of(sandbox, request), request.path_params["number"]
    entry = next((one for one in world.requests if str(one.number) == named), None)
    if entry is None:
        raise Refused(404, f"the last {LOGGED} requests of this world do not hold a number {named[:20]}")
    return {**shown(entry), **_carried(sandbox, world, entry, str(request.base_url).rstrip("/"))}


def _carried(sandbox: Theatre, world: World, entry: Logged, base: str) -> dict[str, Any]:
    """What a request carried, and a command that makes it again. `base`: where the stand-in listens."""
    said = carried(entry)
    return {**said, "curl": None if said["cut"] else _curl(sandbox, world, entry, base, said["headers"], said["body"])}


def carried(entry: Logged) -> dict[str, Any]:
    """What a request carried, without credentials. `cut`: of a long body the beginning alone was kept."""
    headers = {name: value for name, value in _sent(entry).items() if _is_shown(name)}
    return {"headers": headers, "body": entry.body.decode("utf-8", "replace"), "cut": len(entry.body) == SHOWN}


def _sent(entry: Logged) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in (entry.sent or {}).items()}


def _is_shown(name: str) -> bool:
    return name not in LEFT_OUT and not name.startswith("sec-") and (name == "idempotency-key" or not any(word in name for word in _SECRET))


def _curl(sandbox: Theatre, world: World, entry: Logged, base: str, headers: dict[str, str], body: str) -> str:
    keys = _credentials(sandbox, world, entry)
    named = {} if world.name == SHARED else {"understudy-world": world.name}
    words = ["curl", *(["-X", entry.method] if entry.method not in ("GET", "POST" if body else "GET") else []), f"{base}{entry.target}"]
    for name, value in {**keys, **named, **headers}.items():
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, *(["--data-binary", body] if body else [])])


def _credentials(sandbox: Theatre, world: World, entry: Logged) -> dict[str, str]:
    """The headers that say who asks: those that are good here, never those that came."""
    try:
        operation, _ = sandbox.script.contract.match(entry.method, entry.target.partition("?")[0])
    except Problem:
        return {}
    return credentials(sandbox, world, operation)[0]
