"""One request's or one timer's changes to a world, gathered before any is kept: reads see its own writes.

1. Effects change the world through this alone; what they may not do here, they may not do.
2. A state comes from `lifecycle` only; facts are recorded as they happen and reactions run to a fixed point.
3. Nothing is kept until the world commits `changes` and `events`; a Problem drops them all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from understudy.behaviour.model import NOTHING, Lifecycle, Resource
from understudy.durations import format_instant
from understudy.engine import lifecycle
from understudy.engine.kinds import WITHIN, Kind, Record
from understudy.engine.outcomes import Asking, encode
from understudy.exact import read, write
from understudy.problems import Problem

_MISSING = object()
_MOST_FACTS = 1_000_000
"""More facts than any request causes: reactions that feed each other for ever stop here."""


class View(Protocol):
    """What a transaction reads: the committed records of one world."""

    def get(self, resource: str, id: str) -> bytes | None: ...
    def find(self, resource: str, field: str, value: Any) -> list[str]: ...


class Happening(NamedTuple):
    """A fact within a transaction: created, updated, deleted, or a trigger with the state it led to."""

    fact: str
    resource: str
    id: str
    before: Record | None
    after: Record | None
    state: str | None = None


class Shown(NamedTuple):
    """A record, what of it may leave, and that encoded."""

    record: Record
    public: Record
    encoded: bytes


Reaction = Callable[["Transaction", Happening], None]


class Transaction:
    """The work of one request, timer or fixture call. See `View` for what it reads and `Happening` for what it records."""

    __slots__ = ("_facts", "_indexes", "_kind", "_now_text", "_pending", "_react", "_shown", "_view", "asking", "beside", "changes", "demands", "emitted", "events", "frozen", "ids",
                 "now", "settings", "warnings")

    def __init__(
        self,
        view: View,
        kind: Callable[[str], Kind],
        react: Mapping[str, tuple[Reaction, ...]],
        *,
        now: datetime,
        ids: Callable[..., Any],
        settings: Mapping[str, Any],
        frozen: bool = False,
        events: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._view = view
        self._kind = kind
        self._react = react
        self._pending: deque[Happening] = deque()
        self._facts: list[Happening] = []
        self.changes: dict[tuple[str, str], tuple[Record | None, Record | None]] = {}
        self._indexes: dict[tuple[str, str], dict[Any, dict[str, None]]] = {}  # of what was written, where that is much
        self.emitted: list[tuple[str, Any]] = []
        self.now = now
        self._now_text: str | None = None
        self._shown: Shown | None = None
        self.ids = ids
        self.settings = settings
        self.frozen = frozen
        self.events = events  # the types of all events there are
        self.demands = True  # what records refer to must be there
        self.warnings: list[str] = []
        self.asking: Asking | None = None
        self.beside: Mapping[str, Any] = NOTHING  # what the answer holds beside the record

    @property
    def stamp(self) -> str:
        """The present instant as records hold it."""
        if self._now_text is None:
            self._now_text = format_instant(self.now)
        return self._now_text

    # --- reading -------------------------------------------------------------------------------------------------

    def get(self, resource: str, id: str) -> Record | None:
        """A record, as a copy that may be changed freely; None where there is none."""
        change = self.changes.get((resource, id))
        if change is not None:
            return None if change[1] is None else read(write(change[1]))
        kept = self._view.get(resource, id)
        return None if kept is None else read(kept)

    def kept(self, resource: str, id: str) -> bytes | None:
        """A record encoded as it is kept, while nothing in this transaction has touched it; else None."""
        return None if (resource, id) in self.changes else self._view.get(resource, id)

    def exists(self, resource: str, id: str) -> bool:
        """Whether there is such a record."""
        change = self.changes.get((resource, id))
        return change[1] is not None if change is not None else self._view.get(resource, id) is not None

    def need(self, resource: str, id: str, field: str | None = None) -> Record:
        """A record that must be there. Raises Problem `dangling_reference` that names the field."""
        record = self.get(resource, id)
        if record is None:
            raise self.dangling(resource, id, field)
        return record

    def _present(self, resource: str, id: str) -> Record:
        """As `need`, but not a copy of what this transaction wrote: to be read only."""
        change = self.changes.get((resource, id))
        return change[1] if change is not None and change[1] is not None else self.need(resource, id)

    def latest(self, resource: str, id: str) -> Record | None:
        """A record as it stands at the end of a transaction, to be read only."""
        change = self.changes.get((resource, id))
        return change[1] if change is not None else self.get(resource, id)

    def find(self, resource: str, **equals: Any) -> list[Record]:
        """The records whose fields have these values, in order of creation."""
        return [record for id in self._candidates(resource, equals) if (record := self._matching(resource, id, equals))]

    def first(self, resource: str, **equals: Any) -> Record | None:
        """The oldest record whose fields have these values."""
        for id in self._candidates(resource, equals):
            record = self._matching(resource, id, equals)
            if record is not None:
                return record
        return None

    def _candidates(self, resource: str, equals: Mapping[str, Any]) -> Iterator[str]:
        field, value = next(iter(equals.items()))
        kept = self._view.find(resource, field, value)
        yield from kept
        if self.changes:
            seen = set(kept)
            yield from [id for id in self._written(resource, field, value) if id not in seen]

    def _written(self, resource: str, field: str, value: Any) -> Iterable[str]:
        """The records this transaction wrote with a value in a field, and perhaps some that had it and no longer do."""
        if len(self.changes) <= _FEW or not isinstance(value, Hashable):
            return [id for (name, id), (_, after) in self.changes.items() if name == resource and after is not None and after.get(field) == value]
        index = self._indexes.get((resource, field))
        if index is None:
            index = self._indexes[resource, field] = {}
            for (name, id), (_, after) in self.changes.items():
                if name == resource and after is not None:
                    _note(index, after.get(field), id)
        return tuple(index.get(value, ()))

    def _matching(self, resource: str, id: str, equals: Mapping[str, Any]) -> Record | None:
        record = self.get(resource, id)
        if record is None or any(record.get(field) != value for field, value in equals.items()):
            return None
        return record

    def by_key(self, resource: str, key: Any, above: Mapping[str, Any] = NOTHING) -> Record | None:
        """The record with this alternate key, among those below some parents."""
        field = self._kind(resource).resource.key
        return self.first(resource, **{field: key}, **above) if field else None

    # --- changing ------------------------------------------------------------------------------------------------

    def create(self, resource: str, values: Mapping[str, Any], beside: Mapping[str, Any] = NOTHING) -> Record:
        """A new record: id, defaults, time stamps and first state are added. Raises Problem.

        `beside` are values nobody sent, such as an example's: what they refer to need not be there.
        Kinds raised: already_exists, dangling_reference, illegal_transition (a state no record may begin in), locked.
        """
        kind = self._kind(resource)
        row = kind.resource
        id = (values.get(row.id_field) if kind.chooses else None) or self.ids(*kind.ids)
        own = {row.id_field: id} if row.object_type is None else {row.object_field: row.object_type, row.id_field: id}
        record = {**own, **beside, **row.defaults, **values, **own}
        if row.lifecycle is not None:
            record[row.lifecycle.field] = lifecycle.begin(row.lifecycle, record.get(row.lifecycle.field))
        if row.stamps:
            self._stamp(row, record, row.stamps.values())
        if row.by_key:
            self._resolve_keys(kind, record)
        if kind.derived:
            record = kind.derive(record)
        if kind.chooses and not row.internal and self.exists(resource, str(id)):
            raise Problem("already_exists", f'a {resource} with {row.id_field} "{id}" exists already', field=row.id_field, resource=resource, id=str(id))
        self._check(kind, {**beside, row.id_field: id} if beside else None, record)
        if kind.complete is not None:
            record = self._completed(kind, record)
        self._record("created", kind, str(id), None, record)
        return record

    def update(self, resource: str, id: str, values: Mapping[str, Any]) -> Record:
        """Merge values into a record, top level only. Raises Problem (locked, already_exists, dangling_reference …).

        A value for the lifecycle's field moves the record by the trigger that leads there.
        """
        kind = self._kind(resource)
        before = self._present(resource, id)
        after = {**before, **values}
        machine = kind.resource.lifecycle
        target = values.get(machine.field) if machine else None
        if machine is not None and not _free(machine, target):
            after[machine.field] = before.get(machine.field)
        if after != before:
            after = self._write(kind, id, before, after)
        if machine is not None and target is not None and not _free(machine, target):
            trigger = lifecycle.move(machine, str(before[machine.field]), str(target))
            if trigger is not None:
                return self.fire(resource, id, trigger)
        return after

    def replace(self, resource: str, id: str, record: Record) -> Record:
        """Put a whole record in the place of another; the state must not differ. Raises Problem as `update`."""
        before = self.need(resource, id)
        return self._write(self._kind(resource), id, before, record) if record != before else record

    def fire(self, resource: str, id: str, trigger: str) -> Record:
        """Move a record by a trigger of its lifecycle. Raises Problem `illegal_transition`."""
        kind = self._kind(resource)
        machine = kind.resource.lifecycle
        before = self._present(resource, id)
        if machine is None:
            raise Problem("illegal_transition", f"{resource} has no lifecycle, so nothing answers to {trigger}")
        state = _fire(machine, kind.resource, before, trigger)
        after = {**before, machine.field: state}
        self._stamp_update(kind.resource, after)
        self._record(trigger, kind, id, before, after, state)
        return after

    def delete(self, resource: str, id: str) -> Record:
        """Remove a record. Raises Problem: illegal_transition (its state forbids it), locked, in_use."""
        kind = self._kind(resource)
        before = self.need(resource, id)
        state = kind.state(before)
        allowed = kind.resource.deletable
        if allowed is not None and state not in allowed:
            raise Problem("illegal_transition", f"cannot delete while {state}; only {', '.join(sorted(allowed))} may be deleted",
                          resource=resource, id=id)
        self._check_parents_open(kind, before)
        self._record("deleted", kind, id, before, None)
        return before

    def _write(self, kind: Kind, id: str, before: Record, after: Record) -> Record:
        self._resolve_keys(kind, after, before)
        after = kind.derive(after)
        self._check_open(kind, before, after)
        self._check(kind, before, after)
        self._stamp_update(kind.resource, after)
        if kind.complete is not None:
            after = self._completed(kind, after)
        self._record("updated", kind, id, before, after)
        return after

    def _stamp_update(self, row: Resource, record: Record) -> None:
        field = row.stamps.get("updated")
        if field is not None:
            self._stamp(row, record, (field,))

    def _stamp(self, row: Resource, record: Record, fields: Iterable[str]) -> None:
        for field in fields:
            form = row.stamp_forms.get(field) if row.stamp_forms else None
            record[field] = self.stamp if form is None else _STAMPS[form](self.now)

    def kind(self, resource: str) -> Kind:
        """A resource, compiled."""
        return self._kind(resource)

    def _completed(self, kind: Kind, record: Record) -> Record:
        """The record made to fit its read schema, private fields kept beside. Raises Problem `contract_broken`."""
        assert kind.complete is not None
        shown = kind.public(record)
        done = kind.complete(shown)
        if done is None or done.value.get(kind.resource.id_field) != shown.get(kind.resource.id_field):
            raise Problem("contract_broken", f"no {kind.name} that the document allows can be made of this: {kind.violation(shown)}", resource=kind.name)
        self.warnings += (f"{field}: left out or replaced, an answer may not hold it so" for field in done.lost)
        unchanged = done.value is record
        if unchanged:
            return record
        private = {name: value for name, value in record.items() if name not in shown} if shown is not record else {}
        whole: Record = {**private, **done.value}
        return whole

    def _record(self, fact: str, kind: Kind, id: str, before: Record | None, after: Record | None, state: str | None = None) -> None:
        where = (kind.name, id)
        earlier = self.changes.get(where)
        first = earlier[0] if earlier else before
        if first is None and after is None:
            self.changes.pop(where, None)  # made and deleted here: nobody else ever sees it
        else:
            self.changes[where] = (first, after)
        if self._indexes and after is not None:
            for (name, field), index in self._indexes.items():
                if name == kind.name:
                    _note(index, after.get(field), id)
        happening = Happening(fact, kind.name, id, before, after, state)
        self._facts.append(happening)
        if f"{kind.name}.{fact}" in self._react:
            self._pending.append(happening)

    def shown(self, kind: Kind, record: Record) -> Shown:
        """A record as it may leave; the record shown last, which is answered with and then kept, is not made ready twice."""
        last = self._shown
        if last is None or last.record is not record:
            public = kind.public(record)
            last = self._shown = Shown(record, public, encode(public))
        return last

    # --- what must hold ------------------------------------------------------------------------------------------

    def _check(self, kind: Kind, before: Record | None, after: Record) -> None:
        row = kind.resource
        if row.key is not None:
            value = after.get(row.key)
            if value is not None and (before is None or before.get(row.key) != value):
                scope = tuple(row.parents.values()) if row.id_field == WITHIN else ()
                self._check_unique(kind, (*scope, row.key), after)
        for fields in row.unique:
            if before is None or any(before.get(field) != after.get(field) for field in fields):
                self._check_unique(kind, fields, after)
        if kind.references:
            self._check_references(kind, before, after)
        if row.locked_by:
            self._check_parents_open(kind, after)

    def _check_unique(self, kind: Kind, fields: tuple[str, ...], record: Record) -> None:
        first = record.get(fields[0])
        if first is None or (not self.changes and not self._view.find(kind.name, fields[0], first)):
            return  # the usual case, without looking at a record
        equals = {field: record.get(field) for field in fields}
        if None in equals.values():
            return
        other = self.first(kind.name, **equals)
        own = record[kind.resource.id_field]
        if other is not None and other[kind.resource.id_field] != own:
            said = " and ".join(f'{field} "{value}"' for field, value in equals.items())
            raise Problem("already_exists", f"a {kind.name} with {said} exists already", field=fields[-1], resource=kind.name,
                          id=other[kind.resource.id_field])

    def _check_references(self, kind: Kind, before: Record | None, after: Record) -> None:
        known = set(kind.pointers(before)) if before else ()
        for pointer in kind.pointers(after):
            field, target, id = pointer
            if pointer not in known and not self.exists(target, id):
                if self.demands:
                    raise self.dangling(target, id, field)
                self.warn(f'{field}: there is no {target} "{id}"; the operation declares no 404 or 409 to say so')

    def _resolve_keys(self, kind: Kind, record: Record, before: Record | None = None) -> None:
        for field, id_field in kind.resource.by_key.items():
            key = record.get(field)
            if key is None or (before is not None and before.get(field) == key):
                continue
            target = kind.resource.refers_to[id_field]
            other = self.by_key(target, key)
            if other is None and not self.demands:
                continue
            if other is None:
                raise self.dangling(target, str(key), field)
            record[id_field] = other[self._kind(target).resource.id_field]

    def _check_open(self, kind: Kind, before: Record, after: Record) -> None:
        lock = kind.resource.lock
        state = kind.state(before)
        if lock is None or state not in lock.states:
            return
        for field in after.keys() | before.keys():
            if field not in lock.free and before.get(field, _MISSING) != after.get(field, _MISSING):
                free = f"only {', '.join(sorted(lock.free))} may change" if lock.free else "nothing may change"
                raise Problem("locked", f"cannot change {field} while {state}; {free}", field=field, resource=kind.name,
                              id=before[kind.resource.id_field])

    def _check_parents_open(self, kind: Kind, record: Record) -> None:
        for field, target in kind.resource.locked_by.items():
            parent = self.get(target, str(record.get(field)))
            above = self._kind(target)
            lock = above.resource.lock
            if parent is not None and lock is not None and above.state(parent) in lock.states:
                raise Problem("locked", f"the {target} {record[field]} is {above.state(parent)} and locks what belongs to it",
                              field=field, resource=kind.name, id=record.get(kind.resource.id_field))

    def dangling(self, resource: str, id: str, field: str | None) -> Problem:
        """The problem to raise for a reference to a record that is not there."""
        return Problem("dangling_reference", f'the requested {resource} "{id}" could not be found', field=field, resource=resource, id=id)

    # --- telling -------------------------------------------------------------------------------------------------

    def emit(self, type: str, data: Any) -> None:
        """Record an event of the domain beside those that changes make by themselves."""
        self.emitted.append((type, data))

    def ask(self, what: str, *, id: str = "", record: Mapping[str, Any] = NOTHING, type: str = "") -> None:
        """Have something sent before the operation is answered, see `Asking`; its effect runs again with what came of it."""
        self.asking = Asking(what, id, record, type)

    def show_once(self, fields: Mapping[str, Any]) -> None:
        """Have the answer hold fields that the record does not, such as a secret."""
        self.beside = {**self.beside, **fields}

    def new_id(self, resource: str) -> str:
        """A fresh id in the resource's shape."""
        return str(self.ids(*self._kind(resource).ids))

    def warn(self, message: str) -> None:
        """Say something in the request log without refusing."""
        self.warnings.append(message)

    def settle(self) -> None:
        """Let every fact's reactions run, and theirs, until nothing is left to react to."""
        while self._pending:
            happening = self._pending.popleft()
            for reaction in self._react.get(f"{happening.resource}.{happening.fact}", ()):
                reaction(self, happening)
            if len(self._facts) > _MOST_FACTS:
                raise Problem("internal_error", f"reactions to {happening.resource}.{happening.fact} never come to rest")

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Do something for its result alone: what is changed, recorded and said within is taken back at the end."""
        changes, pending = self.changes, self._pending
        facts, emitted, warnings = len(self._facts), len(self.emitted), len(self.warnings)
        self.changes, self._pending, self._indexes = dict(changes), deque(), {}
        try:
            yield
        finally:
            self.changes, self._pending, self._indexes = changes, pending, {}
            del self._facts[facts:], self.emitted[emitted:], self.warnings[warnings:]

    @property
    def facts(self) -> list[Happening]:
        """What happened so far, in order."""
        return self._facts


_FEW = 32
"""So many changes are looked through; among more, what is looked for is found by an index."""


def _note(index: dict[Any, dict[str, None]], value: Any, id: str) -> None:
    if isinstance(value, Hashable):
        index.setdefault(value, {})[id] = None


_STAMPS: Mapping[str, Callable[[datetime], Any]] = {
    "date": lambda now: format_instant(now)[:10],
    "seconds": lambda now: int(now.timestamp()),
    "milliseconds": lambda now: int(now.timestamp()) * 1000,
}


def _free(machine: Lifecycle, target: Any) -> bool:
    """Whether an update may set the state by itself, as the document lets clients write it."""
    return machine.writable and target in machine.table


def _fire(machine: Lifecycle, row: Resource, record: Record, trigger: str) -> str:
    try:
        return lifecycle.fire(machine, str(record[machine.field]), trigger)
    except Problem as problem:
        problem.resource = row.name
        problem.id = record[row.id_field]
        raise
