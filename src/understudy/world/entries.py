"""What a journal's entries say, and doing it again: the same worlds come of the same entries.

Nothing here opens a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from understudy.engine.decide import Changed, Circumstances, Decision, Event
from understudy.engine.outcomes import kept
from understudy.exact import write
from understudy.world import holdings
from understudy.world.clock import instant
from understudy.world.holdings import Put
from understudy.world.world import World
from understudy.world.worldfile import clock_of, clock_value, load, timer_of, timer_value
from understudy.world.worlds import Worlds

Entry = dict[str, Any]


def commit_entry(world: World, decision: Decision, circumstances: Circumstances, cause: str | None, put: Sequence[Put]) -> Entry:
    """A commit: records encoded as they are kept; an event's data is the number of the record it shows, where it shows one whole."""
    encoded = [write(change.after) if change.encoded is None else change.encoded for change in decision.changes]
    entry: Entry = {
        "do": "commit", "world": world.name, "at": circumstances.now, "ids": circumstances.ids.count, "requests": world.request_count,
        "records": [
            (change.resource, change.id, change.before is not None, None if change.after is None else orjson.Fragment(own))
            for change, own in zip(decision.changes, encoded, strict=True)
        ],
    }  # fmt: skip
    if decision.events:
        entry["cause"] = cause
        entry["events"] = [_event(event, encoded) for event in decision.events]
    if decision.timers:
        entry["timers"] = [timer_value(timer) for timer in decision.timers]
    if put:
        entry["put"] = holdings.written(put)
    return entry


def _event(event: Event, encoded: list[bytes]) -> tuple[Any, ...]:
    shown = next((number for number, own in enumerate(encoded) if own is event.data), None)
    data = orjson.Fragment(event.data) if shown is None else shown
    return event.type, event.resource, event.id, data, None if event.previous is None else orjson.Fragment(event.previous), shown is not None


def put_entry(world: World, put: Sequence[Put]) -> Entry:
    """Rows held, or held no more."""
    return {"do": "put", "world": world.name, "put": holdings.written(put)}


def clock_entry(world: World, now: datetime, frozen: bool, wall: Callable[[], float]) -> Entry:
    """A turn of the clock."""
    return {"do": "clock", "world": world.name, "clock": clock_value(now, frozen, wall)}


# --- again ------------------------------------------------------------------------------------------------------------


def play(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    """Do again what an entry says. Raises what comes of an entry that does not fit."""
    _AGAIN[entry["do"]](entry, worlds, wall)


def _world(entry: Mapping[str, Any], worlds: Worlds) -> World:
    world = worlds.find(entry["world"])
    if world is None:
        raise LookupError(f"there is no world {entry['world']}")
    return world


def _commit(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    world = _world(entry, worlds)
    changes = [_change(row, world) for row in entry["records"]]
    events = [_event_of(row, changes) for row in entry["events"]] if "events" in entry else ()
    timers = tuple(map(timer_of, entry["timers"])) if "timers" in entry else ()
    put = holdings.again(entry["put"]) if "put" in entry else ()
    world.request_count = entry["requests"]
    world.take(changes, _at(entry["at"]), entry["ids"], events, entry.get("cause"), timers, put)


def _change(row: list[Any], world: World) -> Changed:
    resource, id, existed, after = row
    if after is None:
        return Changed(resource, id, _BEFORE, None, None)
    world.store.learn(resource, after)
    return Changed(resource, id, _BEFORE if existed else None, after, kept(after))


_BEFORE: dict[str, Any] = {}


def _event_of(row: list[Any], changes: list[Changed]) -> Event:
    type, resource, id, data, previous, shown = row
    own = changes[data].encoded if shown else kept(data)
    assert own is not None
    return Event(type, resource, id, own, None if previous is None else kept(previous))


def _at(text: str) -> datetime:
    return instant(text.replace("+00:00", "Z"))


def _put(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    _world(entry, worlds).put(*holdings.again(entry["put"]))


def _fire(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    if _world(entry, worlds).due(_at(entry["until"])) is None:
        raise LookupError("no timer falls due by then")


def _clock(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    _world(entry, worlds).clock = clock_of(entry["clock"], wall)


def _begin(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    source = load(write(entry["file"]), entry["world"], wall) if entry["from"] is None else worlds.at(entry["from"])
    worlds.begin(entry["world"], source).clock = clock_of(entry["clock"], wall)


def _save(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    worlds.save(_world(entry, worlds), entry["snapshot"])


def _end(entry: Mapping[str, Any], worlds: Worlds, wall: Callable[[], float]) -> None:
    worlds.end(entry["world"])


_AGAIN: Mapping[str, Callable[[Mapping[str, Any], Worlds, Callable[[], float]], None]] = {
    "commit": _commit, "put": _put, "fire": _fire, "clock": _clock, "begin": _begin, "save": _save, "end": _end,
}  # fmt: skip

