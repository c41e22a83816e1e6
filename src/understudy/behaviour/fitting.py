"""Whether a behaviour file still fits its document: what it names and the document does not have, and the other way round.

1. What contradicts itself is an error; what the document does not have is a warning, since one file may serve several
   documents and outlive versions of each, and an effect or a private field may stand behind it.
2. Only states are left out (`without_lost_states`): no answer could show them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from understudy.behaviour.envelopes import listing, unwrapped
from understudy.behaviour.inference import infer
from understudy.behaviour.looking import Look
from understudy.behaviour.model import Behaviour, Lifecycle, Lists, Resource
from understudy.behaviour.naming import singular
from understudy.behaviour.roles import Role, assign, bare, bare_key, is_modelled
from understudy.contract.values import Fault, Operation, Schema

if TYPE_CHECKING:
    from understudy.contract.contract import Contract

_READING = ("retrieve", "singleton", "create", "upsert", "update", "replace")
_LOST = "the document no longer has"
_WRITING = frozenset({"update", "replace", "upsert"})
_NAMING = frozenset({"retrieve", "update", "replace", "delete", "action"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A behaviour file beside a changed document: operations it does not know, what has changed, rows that hang in the air."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    orphaned: tuple[str, ...] = ()

    @property
    def unfit(self) -> bool:
        """Whether the file says what the document does not bear out."""
        return bool(self.changed or self.orphaned)

    def tells(self, fault: Fault) -> bool:
        """Whether a fault of `fit` is told here already."""
        return _said(fault) in self.changed or _said(fault) in self.orphaned


def fit(behaviour: Behaviour, contract: Contract, roles: Mapping[str, Role]) -> list[Fault]:
    """Everything in a behaviour that its document does not bear out, in the order of the file. `where` is a JSON pointer."""
    played = _Played(contract, behaviour, roles)
    return [*_lost_rules(behaviour, contract.operations), *_idle_rules(behaviour, contract.operations, roles), *_lost_resources(behaviour, played)]


def compare(behaviour: Behaviour, contract: Contract, inferred: Behaviour | None = None) -> Comparison:
    """What a new version of the document means for a behaviour file (read alone, nothing inferred) written for an older one.

    `inferred`: what is inferred of the document, where that is known already.
    """
    roles = assign(contract.operations, behaviour)
    now = inferred if inferred is not None else infer(contract)
    faults = fit(behaviour, contract, roles)
    lost = [fault for fault in faults if fault.message.startswith(_LOST)]
    changed = [*_changed(behaviour, now), *(_said(fault) for fault in faults if fault not in lost)]
    new = _new(behaviour, now, contract.operations, roles)
    return Comparison(tuple(new), tuple(changed), tuple(_said(fault) for fault in lost))


def _said(fault: Fault) -> str:
    return f"{fault.where.partition('#/')[2]}: {fault.message}"


def _new(old: Behaviour, now: Behaviour, operations: Sequence[Operation], roles: Mapping[str, Role]) -> Iterator[str]:
    """Operations the file says nothing of, and what they would be by inference alone."""
    known = {bare_key(key) for key in old.operations}
    fresh = assign(operations, now)
    for operation in operations:
        role = fresh[operation.key]
        if roles[operation.key].resource is None and bare_key(operation.key) not in known:
            yield (
                f"{operation.key}: {role.kind} {role.resource or ''}".rstrip()
                if is_modelled(role, now)
                else f"{operation.key}: not modelled"
            )


def _changed(old: Behaviour, now: Behaviour) -> Iterator[str]:
    places = {bare(path): one for one in now.resources.values() for path in one.collections}
    for resource in old.resources.values():
        fresh = next((places[bare(path)] for path in resource.collections if bare(path) in places), None)
        if fresh is None:
            continue
        for word in ("id_field", "key", "wrap", "singleton"):
            mine, theirs = getattr(resource, word), getattr(fresh, word)
            if mine != theirs and theirs is not None:
                yield f"{resource.name}: {word} is {mine} in the file, {theirs} by the document"
        yield from _changed_states(resource, fresh)


def _changed_states(resource: Resource, fresh: Resource) -> Iterator[str]:
    if resource.lifecycle and fresh.lifecycle and resource.lifecycle.field == fresh.lifecycle.field:
        for state in (one for one in fresh.lifecycle.table if one not in resource.lifecycle.table):
            yield f"{resource.name}: the document knows the state {state}, the file does not"


# --- operations --------------------------------------------------------------------------------------------------


def _lost_rules(behaviour: Behaviour, operations: Iterable[Operation]) -> Iterator[Fault]:
    known = {bare_key(operation.key): operation.key for operation in operations}
    for key, rule in behaviour.operations.items():
        if bare_key(key) not in known:
            yield Fault(
                f"#/operations/{_escape(key)}", f"{_LOST} {bare_key(key)}{_nearest(bare_key(key), known)}", "warning"
            )
        if rule.resource is not None and rule.resource not in behaviour.resources:
            yield Fault(f"#/operations/{_escape(key)}/resource", f'no resource is called "{rule.resource}"')


def _idle_rules(behaviour: Behaviour, operations: Iterable[Operation], roles: Mapping[str, Role]) -> Iterator[Fault]:
    """Rules whose role cannot be played: it needs a resource, or a parameter that names a record."""
    rules = {bare_key(key): key for key, rule in behaviour.operations.items() if rule.role not in (None, "example", "effect")}
    for operation in operations:
        key, role = rules.get(bare_key(operation.key)), roles[operation.key]
        resource = behaviour.resources.get(role.resource or "")
        if key is not None and role.resource is None:
            yield Fault(f"#/operations/{_escape(key)}/resource", f'must be named for "{role.kind}": this path belongs to no resource')
        elif key is not None and role.kind in _NAMING and role.id_parameter is None and resource is not None and not resource.singleton:
            yield Fault(f"#/operations/{_escape(key)}/role", f'"{role.kind}" needs a record, and no parameter of {operation.path} names one')


def _nearest(key: str, known: Mapping[str, str]) -> str:
    found = get_close_matches(key, known, n=1)
    return f"; the nearest is {known[found[0]]}" if found else ""


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


# --- resources ---------------------------------------------------------------------------------------------------


class _Played:
    """The operations that play for each resource, and what its records look like."""

    def __init__(self, contract: Contract, behaviour: Behaviour, roles: Mapping[str, Role]) -> None:
        self.look = Look(contract)
        self.behaviour = behaviour
        self.operations = contract.operations
        self.roles = roles
        self.paths = {bare(one.path) for one in contract.operations}
        self.paths |= {path.rpartition("/")[0] for path in self.paths if path.endswith("/{}")}

    def of(self, name: str, kinds: Iterable[str]) -> Iterator[Operation]:
        """The operations with one of these roles for a resource, by the order of the roles."""
        for kind in kinds:
            for operation in self.operations:
                role = self.roles[operation.key]
                if role.resource == name and role.kind == kind:
                    yield operation

    def record(self, resource: Resource) -> Mapping[str, Schema]:
        """The properties of a resource's records: what any of its operations or a row of its list shows."""
        found: dict[str, Schema] = {}
        for operation in self.of(resource.name, (*_READING, "list")):
            schema = self.look.answer(operation)
            rows = self.roles[operation.key].kind == "list"
            for name, part in self._shown(schema, resource, rows).items() if schema else ():
                found.setdefault(name, part)
        return found

    def _shown(self, schema: Schema, resource: Resource, rows: bool) -> Mapping[str, Schema]:
        found = listing(self.look, schema, singular(resource.name)) if rows else None
        return self.look.shape(found.record if found else self._inner(schema, resource)).properties

    def _inner(self, schema: Schema, resource: Resource) -> Schema:
        shape = self.look.shape(schema)
        if resource.wrap in shape.properties:
            return shape.properties[str(resource.wrap)]
        return unwrapped(self.look, schema, singular(resource.name))[0] if resource.wrap else schema

    def writes(self, name: str, field: str) -> bool:
        """Whether the body of some update declares a field."""
        bodies = (self.look.request(operation) for operation in self.of(name, _WRITING))
        shapes = [self.look.shape(body, "request") for body in bodies if body is not None]
        return any(field in shape.properties and field not in shape.read_only for shape in shapes)


def _lost_resources(behaviour: Behaviour, played: _Played) -> Iterator[Fault]:
    for name, resource in behaviour.resources.items():
        at = f"#/resources/{name}"
        missing = [path for path in resource.collections if bare(path) not in played.paths]
        if missing and len(missing) == len(resource.collections):
            yield Fault(f"{at}/collection", f"{_LOST} {' or '.join(missing)}", "warning")
        record = played.record(resource)
        if resource.internal or missing or not record:
            continue
        yield from _lost_fields(at, resource, record)
        yield from _lost_envelopes(resource.lists or behaviour.lists, at if resource.lists else "#", played, name)
        if resource.lifecycle is not None:
            yield from _lost_states(f"{at}/lifecycle", resource, resource.lifecycle, record, played)


def _lost_envelopes(lists: Lists, at: str, played: _Played, name: str) -> Iterator[Fault]:
    """Lists whose answers do not hold the records where the file says they are."""
    for operation in played.of(name, ("list",)):
        schema = played.look.answer(operation)
        if lists.items is not None and schema is not None and lists.items.partition(".")[0] not in played.look.shape(schema).properties:
            yield Fault(f"{at}/lists/items", f'{operation.key} answers without "{lists.items}"', "warning")


def without_lost_states(behaviour: Behaviour, contract: Contract, roles: Mapping[str, Role]) -> Behaviour:
    """The behaviour without states that the document's records cannot be in, and without what leads there."""
    played = _Played(contract, behaviour, roles)
    resources = {
        name: replace(one, lifecycle=_pruned(one.lifecycle, lost))
        if one.lifecycle is not None and (lost := _unknown_states(one.lifecycle, played.record(one), played))
        else one
        for name, one in behaviour.resources.items()
    }
    return replace(behaviour, resources=resources)


def _unknown_states(lifecycle: Lifecycle, record: Mapping[str, Schema], played: _Played) -> tuple[str, ...]:
    part = record.get(lifecycle.field)
    enum = played.look.enum(part) if part is not None else ()
    return tuple(state for state in lifecycle.table if enum and state not in enum)


def _pruned(lifecycle: Lifecycle, lost: Sequence[str]) -> Lifecycle | None:
    """A lifecycle without some of its states; none where no state to begin in is left."""
    table = {
        state: {trigger: target for trigger, target in row.items() if target not in lost}
        for state, row in lifecycle.table.items()
        if state not in lost
    }
    left = replace(lifecycle, table=table, initial=tuple(one for one in lifecycle.initial if one not in lost))
    timers = {trigger: field for trigger, field in lifecycle.timers.items() if trigger in left.triggers()}
    given = tuple(state for state in lifecycle.given if state not in lost)
    return replace(left, timers=timers, given=given) if left.initial else None


def _lost_fields(at: str, resource: Resource, record: Mapping[str, Schema]) -> Iterator[Fault]:
    private = {*resource.parents.values(), *resource.defaults, *resource.derived}
    named = {
        "id_field": (resource.id_field,) if not resource.singleton else (),
        "key": (resource.key,) if resource.key else (),
        "refers_to": tuple(resource.refers_to),
        "by_key": tuple(resource.by_key),
        "lifecycle/field": (resource.lifecycle.field,) if resource.lifecycle else (),
    }
    for word, some in named.items():
        for field in some:
            if field.partition(".")[0] not in record and field not in private:
                yield Fault(f"{at}/{word}", f'the record shows no "{field}": it is kept, and never answered', "warning")


def _lost_states(
    at: str, resource: Resource, lifecycle: Lifecycle, record: Mapping[str, Schema], played: _Played
) -> Iterator[Fault]:
    for state in _unknown_states(lifecycle, record, played):
        known = ", ".join(map(str, played.look.enum(record[lifecycle.field])))
        yield Fault(f"{at}/{state}", f"{_LOST} this state, which is left out; it knows {known}", "warning")
    if played.behaviour.effects is not None or lifecycle.writable or played.writes(resource.name, lifecycle.field):
        return
    fired = {played.roles[operation.key].trigger for operation in played.of(resource.name, ("action", "effect"))}
    for trigger in sorted(lifecycle.triggers() - fired - lifecycle.timers.keys()):
        yield Fault(
            at,
            f'nothing fires "{trigger}": no operation, no timer, no effect and no update of "{lifecycle.field}"',
            "warning",
        )
