"""What is said of a behaviour laid over what is known of it already: inferred, then inside a document, then in a file.

1. A file beside one of several documents speaks for that document alone: its resources, its lists, its errors.
2. Nothing here is read from a file or judged against a document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from understudy.behaviour.model import Behaviour, Resource
from understudy.behaviour.reading import read_behaviour
from understudy.behaviour.roles import bare
from understudy.contract.values import Fault

SHARED = ("auth", "idempotency", "response_headers", "version", "ids", "effects", "webhooks")
"""What all documents of one server have in common: their files may not say different things of it."""


def layered(behaviour: Behaviour, data: Mapping[str, Any]) -> Behaviour:
    """A behaviour with what a file (its form checked) says on top."""
    return read_behaviour(data, without(behaviour, data))


def layered_for(behaviour: Behaviour, data: Mapping[str, Any], document: str, paths: Collection[str]) -> Behaviour:
    """The same where the file speaks for one of several documents, with these bare paths."""
    own = {name: one for name, one in behaviour.resources.items() if any(bare(path) in paths for path in one.collections)}
    rest = behaviour.resources.keys() - own.keys()
    taken = {*own, *(data.get("resources") or {})}
    names = {name: _free(name, {*taken, *rest}) if name in taken else name for name in rest}
    known = {names.get(name, name): _renamed(one, names) for name, one in behaviour.resources.items()}
    told = layered(replace(behaviour, resources={name: known[name] for name in own}), data)
    lists, search = (told.lists if "lists" in data else None), (told.search if "search" in data else None)
    resources = {
        name: replace(one, lists=one.lists or lists, search=one.search or search) for name, one in told.resources.items()
    }
    errors = {**behaviour.errors_by_document, document: told.errors} if "errors" in data else behaviour.errors_by_document
    return replace(
        told,
        resources={**{name: one for name, one in known.items() if name not in own}, **resources},
        lists=behaviour.lists,
        search=behaviour.search,
        errors=behaviour.errors,
        errors_by_document=errors,
        assumed=(*behaviour.assumed, *told.assumed),
    )


def _free(name: str, taken: Collection[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _renamed(resource: Resource, names: Mapping[str, str]) -> Resource:
    """A resource of another document, or one that refers to such, under names that are free."""
    return replace(
        resource,
        name=names.get(resource.name, resource.name),
        refers_to={field: names.get(target, target) for field, target in resource.refers_to.items()},
        locked_by={field: names.get(target, target) for field, target in resource.locked_by.items()},
    )


def disagreements(said: Mapping[str, Mapping[str, Any]]) -> list[Fault]:
    """What the files of several documents (place -> data) may say only once, and say differently."""
    faults, first = [], dict[tuple[str, str], tuple[str, Any]]()
    for where, data in said.items():
        shared = [("", word, data[word]) for word in SHARED if word in data]
        named = [("resources/", name, None) for name, row in data.get("resources", {}).items() if row and "collection" in row]
        for part, word, value in (*shared, *named):
            there, other = first.setdefault((part, word), (where, value))
            if there != where and (part or other != value):
                hint = "call one of them otherwise" if part else "say it once, in a file given with --behaviour"
                faults.append(Fault(f"{where}#/{part}{word}", f"{there} speaks of this too, and the documents share it: {hint}"))
    return faults


def without(behaviour: Behaviour, data: Mapping[str, Any]) -> Behaviour:
    """A behaviour without the resources that a file describes from its collection on: such a row stands for itself."""
    rows = {name: row for name, row in data.get("resources", {}).items() if row and "collection" in row}
    told = read_behaviour({"resources": rows}).resources.values()
    taken = {bare(path) for resource in told for path in resource.collections}
    kept = {
        name: one
        for name, one in behaviour.resources.items()
        if name not in rows and not taken & set(map(bare, one.collections))
    }
    gone = behaviour.resources.keys() - kept.keys()
    notes = tuple(note for note in behaviour.notes if note.subject not in gone)
    return replace(behaviour, resources={name: _unlinked(one, kept, data) for name, one in kept.items()}, notes=notes)


def _unlinked(resource: Resource, kept: Mapping[str, Resource], data: Mapping[str, Any]) -> Resource:
    """A resource without references to those that are gone."""
    known = {*kept, *data.get("resources", {})}
    refers_to = {field: target for field, target in resource.refers_to.items() if target in known}
    by_key = {field: id_field for field, id_field in resource.by_key.items() if id_field in refers_to}
    return replace(resource, refers_to=refers_to, by_key=by_key)
