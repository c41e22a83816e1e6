"""A first call for a person to try: chosen from the contract, with the credentials it needs, and played beforehand.

1. What is shown was answered with a 2xx in a fork of the world it is shown for; nothing of it stays.
2. Where no call of the document can be made of nothing, the control plane's health is asked for.
"""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from understudy.contract.values import Operation, Parameter
from understudy.engine.guarding import Guard, guard_of
from understudy.exact import read
from understudy.theatre import Theatre
from understudy.world.queries import Query
from understudy.world.stage import Request
from understudy.world.world import World

MOST = 12
"""Calls tried, at most."""
ANY = "any"
"""The credential where any is good."""
HEALTH = "/_understudy/health"

_KINDS = ("list", "search", "singleton", "retrieve", "example")
_PARAMETER = re.compile(r"\{([^{}]*)\}")


class Attempt(NamedTuple):
    """A call without a body: its path and query as sent, and its headers."""

    target: str
    headers: Mapping[str, str]

    def curl(self, base: str, authority: str | None = None) -> str:
        """As a command to paste into a shell."""
        words = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers.items()]
        trusted = [f"--cacert {shlex.quote(authority)}"] if authority is not None else []
        return " ".join(["curl", *trusted, _plain(f"{base}{self.target}"), *words])


def first_call(sandbox: Theatre, world: World) -> Attempt:
    """A call that works in a world as it is now."""
    return next((one for one in islice(_candidates(sandbox, world), MOST) if _works(sandbox, world, one)), Attempt(HEALTH, {}))


def _plain(url: str) -> str:
    return url if re.fullmatch(r"[A-Za-z0-9:/._~%=+,@\[\]-]+", url) and "[" not in url else shlex.quote(url)


def _works(sandbox: Theatre, world: World, one: Attempt) -> bool:
    path, _, query = one.target.partition("?")
    headers = [(name.lower().encode(), value.encode()) for name, value in one.headers.items()]
    request = Request("GET", path, query.encode(), headers, b"", dict(headers))
    return 200 <= sandbox.stage.answer(world.fork("tried"), request).status < 300


# --- which -------------------------------------------------------------------------------------------------------


def _candidates(sandbox: Theatre, world: World) -> Iterator[Attempt]:
    """What may be called without a body, the simplest first: lists that hold something, lists, records, anything."""
    script = sandbox.script
    found = [one for one in script.contract.operations if one.method == "GET" and script.roles[one.key].kind in _KINDS]
    for operation in sorted(found, key=lambda one: _rank(sandbox, world, one)):
        path = _path(sandbox, world, operation)
        if path is None:
            continue
        query = _query(sandbox, operation)
        for headers, more in _credentials(sandbox, operation):
            yield Attempt(path + ("?" + urlencode({**query, **more}) if query or more else ""), headers)


def _rank(sandbox: Theatre, world: World, operation: Operation) -> tuple[bool, int, bool, int, int]:
    role = sandbox.script.roles[operation.key]
    required = sum(one.required for one in operation.parameters)
    full = role.resource is not None and world.store.count(role.resource) > 0
    return "{" in operation.path.replace("{version}", ""), required, not full, _KINDS.index(role.kind), operation.path.count("/")


def _path(sandbox: Theatre, world: World, operation: Operation) -> str | None:
    """The path with its parameters filled in, None where one cannot be known."""
    script = sandbox.script
    role = script.roles[operation.key]
    known: dict[str, Any] = {"version": script.behaviour.version} if script.behaviour.version else {}
    if role.resource is not None and world.store.count(role.resource):
        (first,) = world.store.select(Query(role.resource, limit=1)).rows
        record = read(first)
        known |= {name: record.get(field) for name, field in role.parents.items()}
        known[role.id_parameter or ""] = record.get(script.kind(role.resource).resource.id_field)
    elif role.resource is None:
        known |= {one.name: _example(sandbox, one) for one in operation.parameters if one.location == "path" and one.name not in known}
    if any(known.get(name) in (None, "") for name in _PARAMETER.findall(operation.path)):
        return None
    return _PARAMETER.sub(lambda match: quote(str(known[match[1]]), safe=""), operation.path)


def _query(sandbox: Theatre, operation: Operation) -> dict[str, Any]:
    wanted = [one for one in operation.parameters if one.location == "query" and one.required]
    return {one.name: _example(sandbox, one) for one in wanted}


def _example(sandbox: Theatre, one: Parameter) -> Any:
    value = sandbox.script.contract.example(one.schema, "request") if one.schema is not None else None
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str | int | float) else None


# --- credentials ---------------------------------------------------------------------------------------------------


def _credentials(sandbox: Theatre, operation: Operation) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Headers and query parameters that say who asks, in each way an operation takes it."""
    stage = sandbox.stage
    auth = stage.auth
    key = min(stage.keys or (auth.keys if auth is not None else None) or {ANY})
    if auth is not None:
        yield {_written(auth.headers[0]): key} if auth.headers else {"Authorization": f"Bearer {key}"} if auth.bearer else {}, {}
        return
    guard: Guard = () if stage.open else guard_of(operation)
    for alternative in guard[:3] or ((),):
        said = [_said(one.scheme, key) for one in alternative]
        cookies = "; ".join(f"{name}={value}" for place, name, value in said if place == "cookie")
        headers_ = {name: value for place, name, value in said if place == "header"} | ({"Cookie": cookies} if cookies else {})
        yield headers_, {name: value for place, name, value in said if place == "query"}


def _written(name: str) -> str:
    """A header's name as people write it."""
    return name.upper() if name.lower().startswith("x-") else name.title()


def _said(scheme: Mapping[str, Any], key: str) -> tuple[str, str, str]:
    """Where a security scheme has its credential, its name and the credential (OpenAPI 3.1, Security Scheme Object)."""
    if scheme.get("type") == "apiKey":
        return str(scheme.get("in")), str(scheme.get("name")), key
    if scheme.get("type") == "mutualTLS":
        return "none", "", ""
    if scheme.get("type") == "basic" or str(scheme.get("scheme")).lower() == "basic":
        return "header", "Authorization", f"Basic {b64encode(f'{key}:{key}'.encode()).decode()}"
    return "header", "Authorization", f"{'Bearer' if scheme.get('type') != 'http' else str(scheme.get('scheme')).title()} {key}"
