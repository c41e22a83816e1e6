"""Worlds that were kept, held against the document they are now played by: what of them it has no place for.

1. A record that does not fit is told of and stays as it is; nothing here changes a world.
2. A folder kept for one document is not played by another that has no place for what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.engine.plans import Script
from understudy.exact import read
from understudy.world.journal import Unkept
from understudy.world.rows import misfit
from understudy.world.store import Query, Store
from understudy.world.world import World
from understudy.world.worlds import Worlds


@dataclass(frozen=True, slots=True)
class Document:
    """A document as a folder remembers it: its title, its file, and a digest of what it says."""

    title: str
    file: str
    digest: str
    script: Script

    def value(self) -> dict[str, str]:
        """As it stands in the folder's manifest."""
        return {"title": self.title, "file": self.file, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit: `where` is the world (or WORLD/SNAPSHOT) with the record, or the resource, in it."""

    where: str
    message: str


def judge(document: Document, kept_for: Mapping[str, Any] | None, worlds: Worlds, folder: str) -> tuple[Misfit, ...]:
    """What of kept worlds does not fit a document that says something else now than when they were kept.

    Raises Unkept where it is another document, by its title, and something does not fit.
    """
    note_private(document.script, worlds)
    if kept_for is None or kept_for.get("digest") == document.digest:
        return ()
    found = tuple(misfit for where, world in _all(worlds) for misfit in _misfits(where, world, document.script))
    if found and kept_for.get("title") != document.title:
        raise Unkept(folder, _refusal(document, kept_for, found))
    return found


def _refusal(document: Document, kept_for: Mapping[str, Any], found: tuple[Misfit, ...]) -> str:
    lines = [
        f'was kept for another document, "{kept_for.get("title")}" ({kept_for.get("file")}); this one is "{document.title}" ({document.file}). '
        "Name another folder with --data, or serve that document again; nothing was changed. What does not fit:",
        *(f"{one.where}: {one.message}" for one in found[:5]),
    ]
    return "\n  ".join(lines if len(found) <= 5 else [*lines, f"and {len(found) - 5} more"])


def _all(worlds: Worlds) -> Iterator[tuple[str, World]]:
    for world in worlds:
        yield world.name, world
        yield from ((f"{world.name}/{name}", saved) for name, saved in worlds.saved(world.name).items())


def note_private(script: Script, worlds: Worlds) -> None:
    """Let each kind know of private fields that its kept records have: what is kept is then not what leaves."""
    for _, world in _all(worlds):
        for resource, fields in world.store.learned():
            if resource in script.behaviour.resources:
                script.kind(resource).note(fields)


def _misfits(where: str, world: World, script: Script) -> Iterator[Misfit]:
    for resource in world.store.resources():
        if resource not in script.behaviour.resources:
            count = world.store.count(resource)
            yield Misfit(f"world {where}, {resource}", f"the document has no such resource; {count} of its records are kept and cannot be asked for")
        else:
            yield from _wrong(where, world.store, resource, script)


def _wrong(where: str, store: Store, resource: str, script: Script) -> Iterator[Misfit]:
    kind = script.kind(resource)
    for row in store.select(Query(resource, descending=False)).rows:
        record = read(row)
        fault = misfit(script, kind, record)
        if fault is not None:
            place, message = fault
            at = f" at {place.removeprefix('/').replace('/', '.')}" if place else ""
            yield Misfit(f"world {where}, {resource} {record.get(kind.resource.id_field)}{at}", message)
