"""What was understood of a document, as text for people: each operation's role, each resource's tables, and why.

1. What is said of a resource comes from the behaviour; the reasons come from its notes, and are `file` where a file said so.
2. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from understudy.behaviour.drawing import diagram
from understudy.behaviour.model import Behaviour, Lifecycle, Lists, Note, Resource
from understudy.behaviour.roles import Role, assign, is_modelled
from understudy.behaviour.writing import to_yaml_data
from understudy.contract.values import Operation

if TYPE_CHECKING:
    from understudy.contract.contract import Contract

__all__ = ["diagram", "explain", "summary", "to_yaml_data"]


def explain(behaviour: Behaviour, contract: Contract) -> str:
    """The report: a summary, every resource with its operations and tables, what is not modelled, and why."""
    roles = assign(contract.operations, behaviour)
    notes = _by_subject(behaviour.notes)
    played = _by_resource(contract.operations, roles, behaviour)
    lines = [summary(behaviour, contract), *_noted(notes.get("document", ()))]
    for name, resource in behaviour.resources.items():
        lines += ["", *_resource(resource, behaviour, played.get(name, ()), roles), *_noted(notes.get(name, ()))]
    lines += _not_modelled(contract.operations, roles, behaviour, notes)
    return "\n".join(lines) + "\n"


def summary(behaviour: Behaviour, contract: Contract) -> str:
    """`107 operations: 81 modelled, 26 not modelled`."""
    roles = assign(contract.operations, behaviour)
    modelled = sum(is_modelled(role, behaviour) for role in roles.values())
    return f"{len(roles)} operations: {modelled} modelled, {len(roles) - modelled} not modelled"


def _by_subject(notes: Iterable[Note]) -> dict[str, list[Note]]:
    found: dict[str, list[Note]] = {}
    for note in notes:
        found.setdefault(note.subject, []).append(note)
    return found


def _by_resource(
    operations: Iterable[Operation], roles: Mapping[str, Role], behaviour: Behaviour
) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        role = roles[operation.key]
        if role.resource is not None and is_modelled(role, behaviour):
            found.setdefault(role.resource, []).append(operation)
    return found


def _noted(notes: Iterable[Note]) -> Iterator[str]:
    for note in notes:
        yield f"  - {note.finding} ({note.convention})"


# --- one resource ------------------------------------------------------------------------------------------------


def _resource(
    resource: Resource, behaviour: Behaviour, operations: Sequence[Operation], roles: Mapping[str, Role]
) -> Iterator[str]:
    where = ", ".join(resource.collections) or "no path: effects alone make and read it"
    yield f"{resource.name}{' (a singleton)' if resource.singleton else ''}  {where}"
    yield from _operations(operations, roles)
    listed = any(roles[one.key].kind in ("list", "search") for one in operations)
    for label, text in _facts(resource, (resource.lists or behaviour.lists) if listed else None):
        yield f"  {label + ':':<12} {text}"


def _operations(operations: Iterable[Operation], roles: Mapping[str, Role]) -> Iterator[str]:
    rows = [(one.method, one.path, _part(roles[one.key]), roles[one.key].convention) for one in operations]
    method, path, part = (max((len(row[place]) for row in rows), default=0) for place in range(3))
    for row in rows:
        yield f"  {row[0]:<{method}} {row[1]:<{path}}  {row[2]:<{part}}  ({row[3]})"


def _part(role: Role) -> str:
    return f"{role.kind} {role.trigger}" if role.kind in ("action", "effect") and role.trigger else role.kind


def _facts(resource: Resource, lists: Lists | None) -> Iterator[tuple[str, str]]:
    yield "id", _id(resource)
    if resource.key:
        yield "key", f"{resource.key}, unique{', also in paths' if resource.key_in_path else ''}"
    if resource.lifecycle:
        yield "lifecycle", _begins(resource.lifecycle)
        for state, row in resource.lifecycle.table.items():
            yield f"  {state}", ", ".join(f"{trigger} -> {to}" for trigger, to in row.items()) or "final"
    if lists is not None:
        yield "paging", _paging(lists)
    for field, target in resource.refers_to.items():
        yield "refers to", f"{target} by {field}"
    for field, id_field in resource.by_key.items():
        yield "refers to", f"{resource.refers_to[id_field]} by its key in {field}, kept as {id_field}"
    for fact, event in resource.events.items():
        yield "event", f"{event} when {fact}"


def _id(resource: Resource) -> str:
    form = resource.id_form or "letters and digits"
    return f"{resource.id_field}, {f'{resource.id_prefix} and ' if resource.id_prefix else ''}{form}"


def _begins(lifecycle: Lifecycle) -> str:
    return f"{lifecycle.field}, begins as {' or '.join(lifecycle.initial)}"


def _paging(lists: Lists) -> str:
    named = [name for name in (lists.page, lists.offset, lists.cursor, lists.before, lists.limit) if name]
    most = f", at most {lists.max_limit}" if lists.max_limit else ""
    size = f", {lists.default_limit} at a time{most}" if lists.limit or lists.style != "none" else ""
    names = f" ({', '.join(named)})" if named else ""
    return f"{lists.style}{names}{size}, records {_place(lists)}"


def _place(lists: Lists) -> str:
    if lists.key_map:
        return f"by {lists.key_map}"
    return f"in {lists.items}" if lists.items else "as a bare array"


# --- the rest ----------------------------------------------------------------------------------------------------


def _not_modelled(
    operations: Iterable[Operation], roles: Mapping[str, Role], behaviour: Behaviour, notes: Mapping[str, list[Note]]
) -> Iterator[str]:
    left = [operation for operation in operations if not is_modelled(roles[operation.key], behaviour)]
    if left:
        yield ""
        yield "not modelled: answered with an example of what the document declares"
    for operation in left:
        reason = next((note.convention for note in notes.get(operation.key, ())), roles[operation.key].convention)
        yield f"  {operation.key}  ({reason})"
