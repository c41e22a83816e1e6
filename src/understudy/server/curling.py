"""A request of the log as a command of curl that makes it again. Pure but for the world it is told of."""

from __future__ import annotations

import shlex
from typing import Any

from understudy.problems import Problem
from understudy.server.desk.calls import credentials
from understudy.theatre import Theatre
from understudy.world.world import SHOWN, Logged, World
from understudy.world.worlds import SHARED

LEFT_OUT = frozenset({
    "host", "connection", "content-length", "accept-encoding", "user-agent", "accept", "origin", "referer", "cookie", "accept-language", "priority",
    "cache-control", "pragma", "dnt", "authorization", "proxy-authorization", "understudy-world",
})  # fmt: skip
"""Headers that carry the request rather than belong to it, and those that may hold somebody's secret."""

_SECRET = ("key", "token", "secret", "password", "signature")


def told(sandbox: Theatre, world: World, entry: Logged, base: str) -> dict[str, Any]:
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
