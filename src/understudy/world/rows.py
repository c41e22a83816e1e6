"""Records as a fixture lists them: judged one by one, then kept all at once; and a world written down as such a fixture.

1. A record is kept as written, private fields included; nothing is added to it and no effect runs.
2. What is wrong is told all at once, each fault with its place. Nothing is kept of what has a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.durations import format_instant
from understudy.engine.decide import Changed, Decision, timers_of
from understudy.engine.kinds import Kind
from understudy.engine.plans import Script
from understudy.exact import read, write
from understudy.world.holdings import exported
from understudy.world.store import Query
from understudy.world.world import World

Record = dict[str, Any]
Fault = tuple[str, str]
"""A place within the fixture, such as `/records/customer/0`, and what is wrong there."""


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    script: Script
    world: World
    records: dict[tuple[str, str], tuple[str, Record]] = field(default_factory=dict)  # by resource and id: place, record
    keys: set[tuple[str, str]] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)


def put_records(listed: Mapping[str, Any], ids: int, script: Script, world: World) -> list[Fault]:
    """Keep a fixture's records in a world; what is wrong with them, and then none of them is kept.

    `ids` is how many ids the world they come from had given, so that it goes on with others.
    """
    reading = _Reading(script, world)
    for resource, rows in listed.items():
        _read(reading, str(resource), rows)
    for (resource, _), (place, record) in reading.records.items():
        reading.faults.extend(_dangling(reading, script.kind(resource), place, record))
    if not reading.faults:
        _keep(reading, ids)
    return reading.faults


def _read(reading: _Reading, resource: str, rows: Any) -> None:
    place = f"/records/{resource}"
    known = reading.script.behaviour.resources
    if resource not in known:
        reading.faults.append((place, f"unknown resource; there are {', '.join(sorted(known))}"))
    elif not isinstance(rows, list):
        reading.faults.append((place, "must be a list of records"))
    else:
        for number, row in enumerate(rows):
            fault = _put(reading, reading.script.kind(resource), f"{place}/{number}", row)
            if fault is not None:
                reading.faults.append((f"{place}/{number}{fault[0]}", fault[1]))


def _put(reading: _Reading, kind: Kind, place: str, row: Any) -> Fault | None:
    """Take one record in; its fault, if it has one."""
    if not isinstance(row, dict):
        return "", "a record must be an object"
    name = kind.resource.id_field
    if not isinstance(row.get(name), str | int):
        return f"/{name}", "a record must have its id here"
    id = str(row[name])
    if (kind.name, id) in reading.records or reading.world.store.get(kind.name, id) is not None:
        return f"/{name}", f'a second {kind.name} with the id "{id}"'
    fault = _forbidden(reading, kind, row)
    if fault is None:
        reading.records[kind.name, id] = place, row
    return fault


def _forbidden(reading: _Reading, kind: Kind, row: Record) -> Fault | None:
    """What the document or the behaviour forbids of a record beside those read so far."""
    fault = misfit(reading.script, kind, row)
    if fault is not None:
        return fault
    key = kind.resource.key
    value = row.get(key) if key is not None else None
    if value is not None and (kind.name, str(value)) in reading.keys:
        return f"/{key}", f'a second {kind.name} with this {key}, "{value}"'
    if value is not None:
        reading.keys.add((kind.name, str(value)))
    return None


def misfit(script: Script, kind: Kind, row: Record) -> Fault | None:
    """What the document's read schema or the behaviour's lifecycle forbids of a record by itself."""
    machine = kind.resource.lifecycle
    try:
        write(row)
        list(timers_of(kind, row))
    except (TypeError, ValueError) as fault:
        return "", str(fault)
    shown = kind.public(row)
    if not kind.valid(shown) and kind.schema is not None:
        wrong = script.contract.validator(kind.schema, "response").first(shown)
        return "".join(f"/{step}" for step in wrong.path) if wrong else "", f"the document forbids this: {wrong.message if wrong else ''}"
    if machine is not None and row.get(machine.field) not in machine.table:
        return f"/{machine.field}", f"must be one of {', '.join(machine.table)}"
    return None


def _dangling(reading: _Reading, kind: Kind, place: str, record: Record) -> Iterator[Fault]:
    for dotted, target, id in kind.pointers(record):
        if (target, id) not in reading.records and reading.world.store.get(target, id) is None:
            yield f"{place}/{dotted.replace('.', '/')}", f'there is no {target} "{id}"'


def _keep(reading: _Reading, ids: int) -> None:
    world, script = reading.world, reading.script
    changes = tuple(Changed(resource, id, None, record, None) for (resource, id), (_, record) in reading.records.items())
    timers = [timer for change in changes for timer in timers_of(script.kind(change.resource), change.after or {})]
    circumstances = world.circumstances(world.clock.now())
    circumstances.ids.count = max(circumstances.ids.count, ids)
    world.commit(Decision(None, changes, (), tuple(sorted(timers, key=lambda timer: timer.at)), ()), circumstances)


# --- writing ----------------------------------------------------------------------------------------------------------


def export(world: World) -> dict[str, Any]:
    """A world as the JSON value of a fixture file: its records and time; what happened in it is not told."""
    mirror = world.post.rules.deliveries if world.post is not None else None
    listed = {name: _rows(world, name) for name in world.store.resources() if mirror is None or name != mirror.resource}
    written: dict[str, Any] = {"about": f"The world {world.name}, as exported.", "now": format_instant(world.clock.now()), "ids": world.count}
    if world.settings:
        written["settings"] = dict(world.settings)
    if world.keys is not None:
        written["keys"] = sorted(world.keys)
    return {**written, **exported(world.held), "records": listed}


def _rows(world: World, resource: str) -> list[Record]:
    rows: Iterable[bytes] = world.store.select(Query(resource, descending=False)).rows
    return [read(row) for row in rows]
