"""Walks over the whole API, drawn by Hypothesis as one state machine: what the laws do not think of trying, judged by the model.

1. Only numbers are drawn, and a rule that does not apply does nothing: what is drawn never depends on the target, so the
   same seed takes the same walks.
2. What a walk finds is a finding like a law's: its steps are sent again from a fresh start and made short elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from understudy.check.claims import Claim, accepts, status
from understudy.check.drawing import by_seed_alone
from understudy.check.laws.lifecycles import REFUSED
from understudy.check.laws.records import _other
from understudy.check.laws.refusals import missing_id
from understudy.check.model import Known, Model, exchanged
from understudy.check.session import UNREADABLE, Impossible, Record, Session
from understudy.check.subjects import Subject
from understudy.check.walking import whole
from understudy.contract.values import Operation

WALKS = 60
LONGEST = 24
"""Rules of a walk; each is a request or several."""
MOST_RECORDS = 6
NUMBER = st.integers(min_value=0, max_value=2**16)


@dataclass
class Stage:
    """One walk: a session, the model that watches it, and the records it may use."""

    session: Session
    model: Model
    cast: list[Subject] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    over: bool = False  # the run is: nothing is sent any more

    def pick(self, n: int, *kinds: str) -> tuple[Record, Known] | None:
        """One of the records that have an operation of these kinds, and what is known of it."""
        some = [one for one in self.records if not kinds or (kinds == ("action",) and one.subject.actions) or set(kinds) & one.subject.operations.keys()]
        if not some:
            return None
        record = some[n % len(some)]
        known = self.model.records.get((record.subject.name, str(record.value.get(record.subject.id_field))))
        return (record, known) if known is not None else None


def begun(session: Session, *, over: bool = False) -> Stage:
    """A walk that begins: the model knows nothing, and watches."""
    model = Model(session.api)
    session.watch = watching(model)
    return Stage(session, model, over=over)


def watching(model: Model) -> Callable[[Session, Operation, int], None]:
    """Let a model watch a session: what it expects is held there."""

    def watch(session: Session, operation: Operation, index: int) -> None:
        exchange = exchanged(session.api, operation, session.steps, session.answers, index)
        for one in model.observe(exchange) if exchange is not None else ():
            session.hold(one.law, one.operation, one.mark, one.claim)

    return watch


# --- what a walk may do -------------------------------------------------------------------------------------------------


def create(stage: Stage, who: int, n: int) -> None:
    """Make a record."""
    if len(stage.records) < MOST_RECORDS:
        stage.records.append(stage.session.create(stage.cast[who % len(stage.cast)]))


def read(stage: Stage, who: int, n: int) -> None:
    """Read one."""
    if found := stage.pick(who, "retrieve"):
        stage.session.get(found[0])


def change(stage: Stage, who: int, n: int) -> None:
    """Change a property of one, or put another in its place."""
    found = stage.pick(who, "update", "replace")
    if not found:
        return
    record, s = found[0], stage.session
    if "replace" in record.subject.operations and (n % 2 or "update" not in record.subject.operations):
        s.change(record, s.body(record.subject, s.recipes.chosen.get(record.subject.name, 0)), "replace")
    elif "update" in record.subject.operations:
        body = _other(s, record.subject, record)
        if body is not None:
            s.change(record, body)


def act(stage: Stage, who: int, n: int) -> None:
    """Fire a trigger at one; where the table allows it and nothing else decides, it is taken."""
    found = stage.pick(who, "action")
    if not found:
        return
    record, known = found
    state, given = known.state()
    trigger, alive = _trigger(record.subject, state, n), known.gone is None
    reply = stage.session.act(record, trigger)
    operation, lifecycle = record.subject.actions[trigger], record.subject.resource.lifecycle
    if not alive or lifecycle is None or "lifecycle" not in record.subject.said or stage.session.api.is_effect(operation):
        return
    if isinstance(state, str) and trigger in lifecycle.table.get(state, {}):
        stage.session.hold("lifecycle", operation, f"{state} {trigger} accepted", Claim("not_among", {"value": status(reply.step), "options": REFUSED},
                           f"{trigger} while {state} is answered {reply.status}; it leads to {lifecycle.table[state][trigger]}", (known.made, *given)))


def _trigger(subject: Subject, state: Any, n: int) -> str:
    """One of the triggers; mostly one that its state accepts, so that walks come far."""
    lifecycle = subject.resource.lifecycle
    accepted = [one for one in (lifecycle.table.get(state, {}) if lifecycle is not None and isinstance(state, str) else ()) if one in subject.actions]
    some = accepted if accepted and n % 3 else list(subject.actions)
    return some[n // 3 % len(some)]


def remove(stage: Stage, who: int, n: int) -> None:
    """Delete one, once in a while."""
    if n % 2 and (found := stage.pick(who, "delete")):
        stage.session.delete(found[0])


def enumerate_all(stage: Stage, who: int, n: int) -> None:
    """The whole list holds every record that is there, once, and none that is gone; filtered, those that satisfy the filter."""
    subject = stage.cast[who % len(stage.cast)]
    if "list" not in subject.operations or stage.session.api.roles[subject.operations["list"].key].parents:
        return
    found = whole(stage.session, subject)
    _listed(stage, subject, found.items, found.ended, [])
    filters = [one for one in subject.filters if one.word == "equals" and one.field not in subject.own]
    alive = [one for one in stage.model.alive(subject) if one.seen is not None and not one.since]
    if filters and alive:
        one, known = filters[n % len(filters)], alive[n % len(alive)]
        value = known.value.get(one.field)
        if isinstance(value, str) and value and (one.schema is None or stage.session.api.contract.validator(one.schema, "request").is_valid(value)):
            asked = known.seen.below(one.field) if one.of is not None and known.seen is not None else value  # an id is another one on another side
            some = whole(stage.session, subject, ((one.parameter, asked),))
            _listed(stage, subject, some.items, some.ended, [(one.field, one.word, value)])


def _listed(stage: Stage, subject: Subject, items: Any, ended: Sequence[Claim], tests: list[tuple[str, str, Any]]) -> None:
    operation, key = subject.operations["list"], subject.id_field
    for known in stage.model.records.values():
        if known.subject is not subject or (tests and (known.seen is None or known.since)):
            continue
        id = known.value.get(key)
        given = [*ended, known.made]
        if known.gone is None and all(accepts(word, known.value.get(name), bound) for name, word, bound in tests):
            given += [Claim("equal", {"left": known.seen.below(name), "right": bound}, f"its {name} is {bound}") for name, _, bound in tests if known.seen is not None]
            says = "a record that satisfies a filter is not listed with it" if tests else "a record that is there is not in the list exactly once"
            stage.session.hold("filters" if tests else "created is listed", operation, "walk", Claim("lists", {"items": items, "key": key, "value": id}, says, tuple(given)))
        elif known.gone is not None:
            stage.session.hold("deleted is gone", operation, "walk", Claim("omits", {"items": items, "key": key, "value": id}, "a deleted record is still listed", (*ended, known.gone)))


def stray(stage: Stage, who: int, n: int) -> None:
    """Ask for a record that is not there, in one way or another: it is not found, and nothing has changed."""
    found = stage.pick(who, "retrieve", "delete")
    if not found:
        return
    subject, s = found[0].subject, stage.session
    kinds = [kind for kind in ("retrieve", "delete") if kind in subject.operations]
    operation = subject.operations[kinds[n % len(kinds)]]
    parameter = s.api.roles[operation.key].id_parameter or ""
    reply = s.send(s.step(operation, subject, found[0], parameters={parameter: missing_id(found[0].value[subject.id_field])}))
    s.hold("unknown records", operation, "walk", Claim("not_among", {"value": status(reply.step), "options": ["2xx"]}, "a record that is not there is found"))


def repeat(stage: Stage, who: int, n: int) -> None:
    """Make one again with the key it has: it is refused."""
    found = stage.pick(who, "create")
    if not found or found[1].gone is not None:
        return
    record, s = found[0], stage.session
    key = record.subject.resource.key
    if key and key in record.sent and found[1].named(key) == str(record.sent[key]):
        reply = s.send(s.creation(record.subject, record.sent))
        s.hold("uniqueness", record.subject.operations["create"], "walk", Claim("not_among", {"value": status(reply.step), "options": ["2xx"]},
               f"a second record with the same {key} is made", (found[1].made,)))


RULES: tuple[Callable[[Stage, int, int], None], ...] = (create, read, change, act, remove, enumerate_all, stray, repeat)
"""What a walk may do next."""


def machine(begin: Callable[[], Stage], done: Callable[[Stage], None]) -> type[RuleBasedStateMachine]:
    """The state machine: `begin` gives a fresh start, `done` takes a walk when it has ended."""

    class Walk(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.stage = begin()

        @initialize(one=NUMBER, other=NUMBER)
        def choose(self, one: int, other: int) -> None:
            """Whom the walk is about: two kinds of records, one of them with actions if there are such."""
            subjects = [subject for subject in self.stage.session.api.subjects.values() if {"create", "upsert"} & subject.operations.keys()]
            moved = [subject for subject in subjects if subject.actions] or subjects
            self.stage.cast = [subjects[one % len(subjects)], moved[other % len(moved)]]
            for who in (0, 1):
                self._try(create, who, 0)

        @rule(what=st.sampled_from(RULES), who=NUMBER, n=NUMBER)
        def go(self, what: Callable[[Stage, int, int], None], who: int, n: int) -> None:
            """One thing more."""
            self._try(what, who, n)

        def _try(self, what: Callable[[Stage, int, int], None], who: int, n: int) -> None:
            with suppress(Impossible, *UNREADABLE):
                if not self.stage.over:
                    what(self.stage, who, n)

        def teardown(self) -> None:
            """Everything is read once more."""
            for place in range(len(self.stage.records)):
                self._try(read, place, 0)
            for place in range(len(self.stage.cast)):
                self._try(enumerate_all, place, 0)
            done(self.stage)

    return Walk


def walk(begin: Callable[[], Stage], done: Callable[[Stage], None], number: int, walks: int = WALKS) -> None:
    """Take so many walks, the same ones for the same number."""
    if not any({"create", "upsert"} & subject.operations.keys() for subject in begin().session.api.subjects.values()):
        return
    with by_seed_alone():
        run_state_machine_as_test(
            seed(number)(machine(begin, done)),
            settings=settings(max_examples=walks, stateful_step_count=LONGEST, database=None, deadline=None, phases=[Phase.generate],
                              suppress_health_check=list(HealthCheck), print_blob=False),
        )
