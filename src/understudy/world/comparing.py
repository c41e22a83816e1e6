"""What became of a world: records created, changed field by field and deleted, and events since another moment of it.

Only what differs is looked at: parts that two forks still share are passed over unread. Nothing here changes a world.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from understudy.durations import format_instant
from understudy.exact import read, write
from understudy.world.holdings import HOLDINGS
from understudy.world.store import Store
from understudy.world.world import Recorded, World

Value = Any
_ABSENT: Any = object()


def compare(before: World, after: World) -> dict[str, Any]:
    """How `after` differs from `before`, as JSON values."""
    created, changed, deleted = [], [], []
    for resource, id in _differing(before.store, after.store):
        old, new = before.store.get(resource, id), after.store.get(resource, id)
        named = {"resource": resource, "id": id}
        if old is None and new is not None:
            created.append({**named, "record": read(new)})
        elif new is None and old is not None:
            deleted.append({**named, "record": read(old)})
        elif old is not None and new is not None and old != new:
            changed.append({**named, "fields": list(fields(read(old), read(new)))})
    return {
        "now": {"from": format_instant(before.clock.now()), "to": format_instant(after.clock.now())},
        "created": created,
        "changed": changed,
        "deleted": deleted,
        "held": dict(_held(before, after)),
        "events": [described(kept) for kept in after.events.since(_common(before, after))],
    }


def described(kept: Recorded) -> dict[str, Any]:
    """An event as the control plane prints it."""
    return {
        "number": kept.number,
        "at": format_instant(kept.at),
        "type": kept.event.type,
        "request_id": kept.cause,
        "data": read(kept.event.data),
    }


def _differing(before: Store, after: Store) -> Iterator[tuple[str, str]]:
    for resource in sorted({*before.resources(), *after.resources()}):
        for id in after.differing(before, resource):
            yield resource, id


def _held(before: World, after: World) -> Iterator[tuple[str, Any]]:
    """The holdings that are compared and differ, by name: rows by key as JSON."""
    for name, holding in HOLDINGS.items():
        told: dict[str, list[Any]] = {"created": [], "changed": [], "deleted": []}
        for key in after.held[name].differing(before.held[name]) if holding.compared else ():
            old, new = (None if value is None else holding.write(value) for value in (before.held[name].get(key), after.held[name].get(key)))
            if old is None and new is not None:
                told["created"].append({"key": key, "row": new})
            elif new is None and old is not None:
                told["deleted"].append({"key": key, "row": old})
            elif old != new:
                told["changed"].append({"key": key, "fields": list(fields(old, new))})
        if any(told.values()):
            yield name, told


def _common(before: World, after: World) -> int:
    """How many events the two have in common: both logs begin as the same one."""
    pairs = zip(before.events, after.events, strict=False)
    return next((number for number, (old, new) in enumerate(pairs) if old != new), min(len(before.events), len(after.events)))


def fields(before: Value, after: Value, at: str = "") -> Iterator[dict[str, Any]]:
    """Each dotted field that differs, `from` and `to`; a side that has no such field is left out."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from fields(before.get(name, _ABSENT), after.get(name, _ABSENT), f"{at}{name}.")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from fields(old, new, f"{at}{index}.")
    elif before is _ABSENT or after is _ABSENT or write(before) != write(after):
        sides = {"from": before, "to": after}
        yield {"field": at[:-1], **{side: value for side, value in sides.items() if value is not _ABSENT}}
