"""The control plane's calls about records: those of a resource by pages, searched; one with what it refers to and what may be done.

1. They are shown as the API would show them: private fields stay, values computed when read are computed.
2. Nothing is changed here: what may be done is told as calls of the API.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
from starlette.requests import Request

from understudy.behaviour.model import Resource
from understudy.engine.kinds import Kind
from understudy.exact import read
from understudy.server.asked import Refused, number, world_of
from understudy.server.desk.calls import calls_on
from understudy.server.desk.glances import row, shortened
from understudy.server.desk.papers import paper
from understudy.theatre import Theatre
from understudy.world.store import Query
from understudy.world.world import World

PAGE = 50
MOST = 500
"""Records of one answer, by default and at most."""

WHOLE = 65_536
"""Octets up to which a record is shown whole without being asked to."""

AT_ONCE = 1_000
"""Records searched before others have their turn."""

COUNTED = 10_000
"""Records that are read at once to count those that refer to another."""

LINKS = 500
"""References of one record that are told."""


async def records(sandbox: Theatre, request: Request, body: Any) -> Any:
    """The records of a resource, newest first: `search` finds text anywhere in them, `state` picks by lifecycle,
    `field` with `value` by one that refers to another record, or by the key. What is computed when it is read is, as for a client."""
    world, kind = world_of(sandbox, request), _kind(sandbox, request)
    sandbox.stage.refresh(world, kind.name)
    offset, limit = number(request, "offset", 0), min(number(request, "limit", PAGE), MOST)
    asked = Query(kind.name, tuple(_conditions(kind, request)))
    text = request.query_params.get("search", "").strip()
    if text:
        total, rows = await _found(world, asked, text, offset, limit)
    else:
        page = world.store.select(asked._replace(offset=offset, limit=limit))
        total, rows = page.total, page.rows
    return {"resource": kind.name, "total": total, "offset": offset, "records": [_row(kind, one) for one in rows]}


def _kind(sandbox: Theatre, request: Request) -> Kind:
    name = request.path_params["resource"]
    try:
        return sandbox.script.kind(name)
    except LookupError:
        raise Refused(404, f'no resource is called "{name[:80]}"') from None


def _conditions(kind: Kind, request: Request) -> Iterator[tuple[str, frozenset[Any]]]:
    asked = request.query_params
    if "state" in asked and kind.state_field is not None:
        yield kind.state_field, frozenset({asked["state"]})
    if "field" in asked:
        known = [*fields_to(kind.resource), *([kind.resource.key] if kind.resource.key else [])]
        if asked["field"] not in known:
            raise Refused(400, f"field is one of {', '.join(known)}" if known else f"no field of {kind.name} refers to anything")
        yield asked["field"], either(asked.get("value", ""))


def either(text: str) -> frozenset[Any]:
    """A value that came as text, as it may stand in records: ids may be numbers there."""
    return frozenset({text, int(text)}) if text.isdecimal() and len(text) < 19 else frozenset({text})


def _row(kind: Kind, encoded: bytes) -> dict[str, Any]:
    kept = read(encoded)
    return {"id": str(kept.get(kind.resource.id_field)), "size": len(encoded), "state": kind.state(kept), "record": row(kind.public(kept))}


# --- searching ---------------------------------------------------------------------------------------------------


async def _found(world: World, asked: Query, text: str, offset: int, limit: int) -> tuple[int, list[bytes]]:
    """How many records hold a text, and a page of them. It is looked for in the records as they are kept, unread."""
    pattern = re.compile(re.escape(orjson.dumps(text)[1:-1]), re.IGNORECASE)
    total, rows = 0, []
    async for encoded in _each(world, asked):
        if pattern.search(encoded):
            if offset <= total < offset + limit:
                rows.append(encoded)
            total += 1
    return total, rows


async def _each(world: World, asked: Query) -> AsyncIterator[bytes]:
    """The records asked for, some at a time; in between whoever else asks for something gets it."""
    start, page = 0, world.store.select(asked._replace(limit=AT_ONCE))
    while page.rows:
        for encoded in page.rows:
            yield encoded
        await asyncio.sleep(0)
        start += AT_ONCE
        page = world.store.select(asked._replace(offset=start, limit=AT_ONCE))


# --- one record --------------------------------------------------------------------------------------------------


def record(sandbox: Theatre, request: Request, body: Any) -> Any:
    """One record: as the API shows it, cut where it is large and not `whole` was asked for; its links, its state, what may be done."""
    world, kind, id = world_of(sandbox, request), _kind(sandbox, request), request.path_params["id"]
    sandbox.stage.refresh(world, kind.name)
    encoded = world.store.get(kind.name, id)
    if encoded is None:
        raise Refused(404, f'the world "{world.name}" has no {kind.name} "{id[:200]}"')
    kept = read(encoded)
    public = kind.public(kept)
    shown, cuts = (public, []) if len(encoded) <= WHOLE or "whole" in request.query_params else shortened(public)
    return {
        "id": id, "resource": kind.name, "size": len(encoded), "state": kind.state(kept), "record": shown,
        "cut": [{"field": cut.field, "of": cut.of} for cut in cuts[:LINKS]],
        "links": dict(islice(_links(sandbox, world, kind, kept), LINKS)), "referrers": list(_referrers(sandbox, world, kind.name, id)),
        "calls": list(calls_on(sandbox.script, kind, id, kept)),
        "paper": paper(sandbox.script, world.store, kind, public),
    }  # fmt: skip


def _links(sandbox: Theatre, world: World, kind: Kind, kept: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each reference leads that leads somewhere, by dotted field; one by a key leads where the id beside it does."""
    aliases = {id_field: field for field, id_field in kind.resource.by_key.items()}
    for field, target, id in kind.pointers(kept):
        if world.store.get(target, id) is not None:
            yield field, {"resource": target, "id": id}
            if aliases.get(field) in kept:
                yield aliases[field], {"resource": target, "id": id}


def _referrers(sandbox: Theatre, world: World, name: str, id: str) -> Iterator[dict[str, Any]]:
    """Which records refer to this one, by resource and field: how many, None where that is not known."""
    for other in sandbox.script.behaviour.resources.values():
        if not world.store.count(other.name):
            continue
        for field, target in fields_to(other).items():
            if target == name and (total := _referring(world, other.name, field, id)) != 0:
                yield {"resource": other.name, "field": field, "total": total}


def _referring(world: World, name: str, field: str, id: str) -> int | None:
    """How many records refer to one by a field; None where nobody asked for that before and it takes long to find out."""
    if world.store.count(name) > COUNTED and not world.store.indexed(name, field):
        return None
    return world.store.select(Query(name, ((field, either(id)),), limit=0)).total


def fields_to(resource: Resource) -> dict[str, str]:
    """The fields that refer to other records, as they are asked for: arrays on the way are gone through."""
    return {field.replace(".*", ""): target for field, target in resource.refers_to.items()}
