"""A world as a file that plain TinyDB opens: its records by resource, and tables of its own that begin with `_`.

1. `_world` says the format and where the world stands; `_events`, `_timers` and a table for each of `HOLDINGS` hold the rest.
2. What events and pinned answers carry is JSON as text there: it is kept and given back octet for octet.
3. Nothing here opens a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain, islice, zip_longest
from typing import Any

import orjson

from understudy.durations import format_instant
from understudy.engine.decide import Event, Timer
from understudy.exact import read
from understudy.world.clock import Clock, instant
from understudy.world.holdings import HOLDINGS, hold, rows, taken
from understudy.world.journal import Unkept
from understudy.world.store import Store
from understudy.world.world import Recorded, World

FORMAT = 1
"""Of the files written here; a greater one is of a later version and not read."""

Value = dict[str, Any]


SLICE = 256
"""Rows encoded at once."""


def dump(world: World, wall: Callable[[], float] = time.time) -> bytes:
    """A world as the contents of its file."""
    return b"".join(slices(world, wall))


def slices(world: World, wall: Callable[[], float] = time.time) -> Iterator[bytes]:
    """The same in parts, each of which takes about a millisecond."""
    yield b'{"_world":%s' % orjson.dumps({"1": _standing(world, wall)})
    yield from _table("_events", ((kept.number, _event(kept)) for kept in world.events))
    yield from _table("_timers", enumerate(map(timer_value, world.waiting()), 1))
    for name in HOLDINGS:
        yield from _table(f"_{name}", enumerate(({**row, "key": key} for key, row in rows(name, world.held[name])), 1))
    for name, documents in world.store.documents():
        yield from _table(name, documents)
    yield b"}"


def _table(name: str, documents: Iterable[tuple[int, Any]]) -> Iterator[bytes]:
    head, rest = b",%s:{" % orjson.dumps(name), iter(documents)
    while part := {str(number): document for number, document in islice(rest, SLICE)}:
        yield head + orjson.dumps(part)[1:-1]
        head = b","
    yield head + b"}" if head != b"," else b"}"


def load(data: bytes, where: str, wall: Callable[[], float] = time.time) -> World:
    """The world of a file. Raises Unkept where the contents are none that `dump` makes."""
    tables = _tables(data, where)
    standing = _own(tables, where)
    try:
        world = World(standing["name"], clock_of(standing["clock"], wall), standing["seed"], standing["settings"], standing["id_length"])
        world.count, world.replies, world.request_count = standing["ids"], standing["replies"], standing["requests"]
        world.keys = None if standing["keys"] is None else frozenset(standing["keys"])
        events = tables.pop("_events", {}).values()
        for row in tables.pop("_timers", {}).values():
            world.wait(timer_of(row))
        hold(world.held, taken(tables))
        world.aim = None if len(world.held["faults"]) else world.aim
        world.store = Store.load(tables)
        for number, row in enumerate(events, 1):
            world.events.append(_recorded(number, row, world.store))
        world.told = standing.get("told", len(world.events))
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        said = f"lacks {fault}" if isinstance(fault, KeyError) else str(fault)
        raise Unkept(where, f"is damaged: {said}") from None
    return world


def alike(one: World, other: World) -> bool:
    """Whether two worlds hold the same, whatever their clocks show."""
    return all(first == second for first, second in zip_longest(_contents(one), _contents(other)))


def _contents(world: World) -> Iterator[bytes]:
    standing = {**_standing(world, float), "clock": world.clock.frozen, "requests": 0}
    return chain((orjson.dumps(standing),), islice(slices(world, float), 1, None))


def _tables(data: bytes, where: str) -> Value:
    if not data.strip():
        raise Unkept(where, "is empty; restore it from a copy, or remove the whole folder to begin anew")
    try:
        tables = read(data)
    except orjson.JSONDecodeError as fault:
        raise Unkept(f"{where}:{fault.lineno}:{fault.colno}", f"is damaged: {fault.msg}") from None
    if not isinstance(tables, dict):
        raise Unkept(where, "is no world: the top is no object")
    return tables


def _own(tables: Value, where: str) -> Value:
    table = tables.pop("_world", None)
    standing = table.get("1") if isinstance(table, dict) else None
    if not isinstance(standing, dict) or not isinstance(standing.get("format"), int):
        raise Unkept(where, "is no world: it has no table _world that says its format")
    check_format(standing["format"], where)
    return standing


def check_format(format: int, where: str) -> None:
    """Refuse what a later version wrote. Raises Unkept."""
    if format > FORMAT:
        raise Unkept(where, f"is of format {format}; this version reads up to {FORMAT} and left it alone: use a newer understudy")


# --- parts ------------------------------------------------------------------------------------------------------------


def _standing(world: World, wall: Callable[[], float]) -> Value:
    return {
        "format": FORMAT, "name": world.name, "seed": world.seed, "id_length": world.id_length, "settings": dict(world.settings),
        "told": world.told, "ids": world.count, "replies": world.replies, "requests": world.request_count,
        "keys": None if world.keys is None else sorted(world.keys), "clock": clock_value(world.clock.now(), world.clock.frozen, wall),
    }  # fmt: skip


def clock_value(now: datetime, frozen: bool, wall: Callable[[], float]) -> Value:
    """Where a clock stands, and by the machine's time since when."""
    return {"now": format_instant(now), "frozen": frozen, "wall": wall()}


def clock_of(value: Mapping[str, Any], wall: Callable[[], float]) -> Clock:
    """The clock, which if it runs ran on while nobody looked."""
    gone = 0 if value["frozen"] else max(0, int(wall() - value["wall"]))
    return Clock(instant(value["now"]) + timedelta(seconds=gone), frozen=value["frozen"])


def _event(kept: Recorded) -> Value:
    event = kept.event
    return {
        "type": event.type, "at": format_instant(kept.at), "resource": event.resource, "id": event.id, "cause": kept.cause,
        "data": event.data.decode(), "previous": None if event.previous is None else event.previous.decode(),
    }  # fmt: skip


def _recorded(number: int, row: Value, store: Store) -> Recorded:
    previous = row["previous"]
    data: bytes = row["data"].encode()
    own = store.get(row["resource"], row["id"])
    if own is not None and own == data:
        data = own  # one copy of what both show
    event = Event(row["type"], row["resource"], row["id"], data, None if previous is None else previous.encode())
    return Recorded(number, instant(row["at"]), event, row["cause"])


def timer_value(timer: Timer) -> Value:
    """A timer as JSON."""
    return {"at": format_instant(timer.at), "resource": timer.resource, "id": timer.id, "trigger": timer.trigger, "field": timer.field}


def timer_of(row: Value) -> Timer:
    """And back."""
    return Timer(instant(row["at"]), row["resource"], row["id"], row["trigger"], row["field"])
