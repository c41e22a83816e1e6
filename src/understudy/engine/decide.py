"""The one place that decides: an operation and its call against a view of a world become a decision.

1. Pure: what time it is, which ids come next and what is kept are arguments; a Problem is the only other way out.
2. A decision that would break the document is never made (`contract_broken` instead).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, cast

from understudy.durations import parse_instant
from understudy.engine.answering import NOT_MODELLED, example_of
from understudy.engine.conditions import under_conditions
from understudy.engine.kinds import Kind, Record
from understudy.engine.lacking import lacking
from understudy.engine.operations import TABLE
from understudy.engine.outcomes import Asking, Call, Outcome, kept, trimmed
from understudy.engine.plans import Plan, Script
from understudy.engine.scenes import Scene, Select, named
from understudy.engine.transaction import Happening, Shown, Transaction, View
from understudy.problems import Problem


class Ids(Protocol):
    """Gives fresh ids; `count` is how many were given."""

    count: int

    def __call__(self, prefix: str | None, form: str | None = None, length: int | None = None) -> Any: ...


class Circumstances(NamedTuple):
    """What a decision depends on beside the call: the records, the time, the ids, the settings of one world."""

    view: View
    select: Select
    now: datetime
    ids: Ids
    settings: Mapping[str, Any]
    frozen: bool


class Target(NamedTuple):
    """Where alone an event is told: the URL and method a request named for its callback."""

    url: str
    method: str = "POST"


class Event(NamedTuple):
    """A recorded fact, as its receivers see it: `data` and `previous` are encoded records."""

    type: str
    resource: str | None
    id: str | None
    data: bytes
    previous: bytes | None = None
    to: Target | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """A trigger that falls due by itself, while the record's field still says so."""

    at: datetime
    resource: str
    id: str
    trigger: str
    field: str


class Changed(NamedTuple):
    """One record's change, encoded for the store; None where there is no record."""

    resource: str
    id: str
    before: Record | None
    after: Record | None
    encoded: bytes | None


class Decision(NamedTuple):
    """What a world is to keep, and what the client is told."""

    outcome: Outcome | None
    changes: tuple[Changed, ...]
    events: tuple[Event, ...]
    timers: tuple[Timer, ...]
    warnings: tuple[str, ...]
    asking: Asking | None = None  # what is to be sent before the client is told


def begin(script: Script, circumstances: Circumstances) -> Transaction:
    """A transaction in these circumstances."""
    return Transaction(
        circumstances.view,
        script.kind,
        script.reactions,
        now=circumstances.now,
        ids=circumstances.ids,
        settings=circumstances.settings,
        frozen=circumstances.frozen,
        events=script.event_types,
    )


def decide(script: Script, plan: Plan, call: Call, circumstances: Circumstances) -> Decision:
    """Play one operation. Raises Problem, and then nothing is to be kept."""
    tx = begin(script, circumstances)
    tx.demands = plan.demands
    scene = Scene(script, plan, cast("Kind", plan.kind), call, tx, circumstances.select)
    try:
        play = TABLE[plan.role.kind]
        return conclude(script, tx, play(scene) if plan.conditions is None else under_conditions(scene, play, named))
    except Problem as problem:
        if problem.kind != "contract_broken" or not plan.mended:
            raise
        outcome = example_of(scene, f"not modelled: {problem.message}", {NOT_MODELLED: "the document allows no such answer; see the request log"})
        return Decision(outcome, (), (), (), (problem.message,))
    except KeyError as missing:
        raise lacking(script.contract, plan.operation, call.body, missing) from missing


def found(script: Script, circumstances: Circumstances) -> Decision:
    """The records a world begins with because the document shows them and nothing makes them."""
    tx = begin(script, circumstances)
    for name, resource in script.behaviour.resources.items():
        kind = script.kind(name) if resource.given else None
        if kind is None or not kind.sample():
            continue
        try:
            tx.create(name, _above(tx, kind), kind.sample())
        except Problem as problem:
            tx.warn(f"{name}: {problem.message}")
    return conclude(script, tx, None)


def _above(tx: Transaction, kind: Kind) -> Record:
    """The id an example shows, and the parents a given record has: the first of each that is there."""
    row, sample = kind.resource, kind.sample()
    own = {row.id_field: sample[row.id_field]} if sample.get(row.id_field) else {}
    for field in row.parents.values():
        target = row.refers_to.get(field)
        first = next((after for (name, _), (_, after) in tx.changes.items() if name == target and after), None)
        if first is not None and target is not None:
            own[field] = first[tx.kind(target).resource.id_field]
    return own


def trigger(script: Script, timer: Timer, circumstances: Circumstances) -> Decision | None:
    """Play a timer that fell due; None where its record no longer waits for it."""
    if timer.resource not in script.behaviour.resources:
        return None  # kept when the document had it
    tx = begin(script, circumstances)
    record = tx.get(timer.resource, timer.id)
    kind = script.kind(timer.resource)
    if record is None or timer not in set(timers_of(kind, record)):
        return None
    tx.fire(timer.resource, timer.id, timer.trigger)
    return conclude(script, tx, None)


def refresh(script: Script, resource: str, circumstances: Circumstances) -> Decision | None:
    """Bring values that are computed when read up to date; None where there is nothing to do for the resource."""
    effects = script.refreshes.get(resource)
    if effects is None:
        return None
    tx = begin(script, circumstances)
    for effect in effects:
        effect(tx)
    return conclude(script, tx, None)


def conclude(script: Script, tx: Transaction, outcome: Outcome | None) -> Decision:
    """Settle a transaction and say what is to be kept. Raises Problem `contract_broken`."""
    tx.settle()
    if not tx.changes and not tx.emitted:
        return Decision(outcome, (), (), (), tuple(tx.warnings), tx.asking)
    changes: list[Changed] = []
    timers: list[Timer] = []
    public: dict[tuple[str, str], bytes | None] = {}
    for (resource, id), (before, after) in tx.changes.items():
        kind = script.kind(resource)
        if after is None:
            changes.append(Changed(resource, id, before, None, None))
            public[resource, id] = None
            continue
        encoded, public[resource, id] = _honoured(kind, tx.shown(kind, after))
        changes.append(Changed(resource, id, before, after, encoded))
        if kind.resource.lifecycle is not None and kind.resource.lifecycle.timers:
            timers.extend(timers_of(kind, after))
    events = _events(script, tx, public)
    return Decision(outcome, tuple(changes), tuple(events), tuple(timers), tuple(tx.warnings), tx.asking)


def _honoured(kind: Kind, shown: Shown) -> tuple[bytes, bytes]:
    """A record encoded to be kept, whole and as it may leave, once it is judged against the document."""
    record, public, encoded = shown
    if not kind.valid(public):
        raise Problem("contract_broken", f"the stand-in's own {kind.name} breaks the document: {kind.violation(public)}",
                      resource=kind.name, id=str(record.get(kind.resource.id_field)))
    leaves = trimmed(encoded)
    return leaves if public is record else kept(record), leaves


def timers_of(kind: Kind, record: Record) -> Iterator[Timer]:
    """The timers that run for a record in its present state."""
    machine = kind.resource.lifecycle
    if machine is None:
        return
    row = machine.table.get(str(record.get(machine.field)), {})
    for name, field in machine.timers.items():
        at = record.get(field)
        if name in row and at:
            yield Timer(parse_instant(str(at)), kind.name, str(record[kind.resource.id_field]), name, field)


def _events(script: Script, tx: Transaction, public: Mapping[tuple[str, str], bytes | None]) -> list[Event]:
    events: list[Event] = []
    told: set[tuple[str, str]] = set()
    for happening in tx.facts:
        kind = script.kind(happening.resource)
        if kind.resource.events:
            _tell(kind, happening, public, told, events)
    for type, data in tx.emitted:
        events.append(Event(type, None, None, kept(data)))
    return events


def _tell(
    kind: Kind, happening: Happening, public: Mapping[tuple[str, str], bytes | None], told: set[tuple[str, str]], events: list[Event]
) -> None:
    """Add the events of one fact: a transition is an update and a state reached; a record's updates in one go are one event."""
    where = (happening.resource, happening.id)
    data = public.get(where)
    if happening.fact == "deleted":
        data = kept(kind.public(happening.before or {}))
    if data is None:
        return  # deleted later in the same transaction: nobody ever saw it
    types = kind.resource.events
    fact = happening.fact if happening.fact in ("created", "deleted") else "updated"
    previous = kept(kind.public(happening.before)) if happening.before is not None and fact == "updated" else None
    if fact in types and (fact != "updated" or where not in told):
        events.append(Event(types[fact], kind.name, happening.id, data, previous))
        told.add(where)
    if happening.state is not None and happening.state in types:
        events.append(Event(types[happening.state], kind.name, happening.id, data, previous))


Play = Callable[[Script, Plan, Call, Circumstances], Decision]
