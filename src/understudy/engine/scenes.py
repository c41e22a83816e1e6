"""One operation being played: what it works with, and the records its path names.

Nothing here answers or changes anything but a singleton that begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from understudy.engine.kinds import WITHIN, Kind, Record
from understudy.engine.lists import Asked
from understudy.engine.outcomes import Call
from understudy.engine.plans import Plan, Script
from understudy.engine.transaction import Transaction
from understudy.problems import Problem


class Page(Protocol):
    """A page as a view gives it."""

    @property
    def total(self) -> int: ...
    @property
    def rows(self) -> Sequence[bytes]: ...
    @property
    def offset(self) -> int: ...


Select = Callable[[str, Asked], Page]
"""Runs a query on the committed records of a resource."""


class Scene(NamedTuple):
    """The script, the plan, the call and the transaction an operation works in."""

    script: Script
    plan: Plan
    kind: Kind  # the resource of the operation; every role but `example` and `effect` has one
    call: Call
    tx: Transaction
    select: Select


def named(scene: Scene) -> Record:
    """The record the path names, by id or alternate key, or the only one. Raises Problem `unknown_record`."""
    kind, parameter = scene.kind, scene.plan.role.id_parameter
    if parameter is None and kind.resource.singleton:
        return the_one(scene)
    value = scene.call.path.get(parameter, "") if parameter else ""
    id = str(value)
    record = scene.tx.get(kind.name, id)
    if record is None and kind.resource.key is not None and kind.resource.key_in_path:
        record = scene.tx.by_key(kind.name, value, parents(scene) if kind.resource.id_field == WITHIN else {})
    if record is None or not _belongs(scene, record):
        raise Problem("unknown_record", f'the requested {kind.name} "{id}" could not be found', resource=kind.name, id=id, location="path")
    return record


def _belongs(scene: Scene, record: Record) -> bool:
    return not scene.plan.role.parents or all(str(record.get(field)) == str(value) for field, value in parents(scene).items())


def parents(scene: Scene) -> dict[str, Any]:
    """The fields a record takes from its path. Raises Problem `unknown_record` for a parent that is not there."""
    found = {}
    for parameter, field in scene.plan.role.parents.items():
        if parameter not in scene.call.path:
            continue
        value = scene.call.path[parameter]
        target = scene.kind.resource.refers_to.get(field)
        if target is not None:
            parent = scene.tx.get(target, str(value)) or scene.tx.by_key(target, value)
            if parent is None:
                raise Problem("unknown_record", f'the requested {target} "{value}" could not be found', resource=target, id=str(value), location="path")
            value = parent[scene.script.kind(target).resource.id_field]
        found[field] = value
    return found


def the_one(scene: Scene) -> Record:
    """The record of a singleton, under this path's parents; one that nothing was ever written to is as its example."""
    kind, own = scene.kind, parents(scene)
    id = ".".join([kind.name, *map(str, own.values())])
    record = scene.tx.get(kind.name, id)
    if record is not None:
        return record
    return {**kind.sample(), **kind.resource.defaults, **own, kind.resource.id_field: id}


def id_of(scene: Scene, record: Mapping[str, Any]) -> str:
    """The id a record is kept under."""
    return str(record[scene.kind.resource.id_field])
