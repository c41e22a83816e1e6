"""A model of an API's records, fed with every request and its answer: what must be so after all that was seen.

1. It sends nothing: walks, schemathesis and recorded traffic feed it. What it expects it yields as claims.
2. It knows what answers told it, no more: after what may change more than it says (a domain function, a reaction, the
   deletion of what others refer to) it forgets all that may have changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from understudy.check.claims import Claim, status
from understudy.check.laws.records import kept, volatile
from understudy.check.steps import Answer, Ref, Step, Unmade, at, resolve
from understudy.check.subjects import Api, Filter, Subject
from understudy.contract.values import Operation, Schema

LOST = [404, 410]
READS = frozenset({"retrieve", "list", "search"})
MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it went out, and its answer. `index` is where it stands among the steps; `keyed`: it had an idempotency key."""

    index: int
    operation: Operation
    parameters: Mapping[str, Any]
    query: tuple[tuple[str, Any], ...]
    body: Any
    answer: Answer
    keyed: bool = False

    @property
    def accepted(self) -> Claim:
        """That it was."""
        return Claim("among", {"value": status(self.index), "options": ["2xx"]}, "it was accepted")


def exchanged(api: Api, operation: Operation, steps: Sequence[Step], answers: Sequence[Answer | None], index: int) -> Exchange | None:
    """A step as it went out; None where that is not known."""
    step, answer = steps[index], answers[index]
    if answer is None or step.url is not None:
        return None
    with suppress(Unmade):
        sent = [resolve(value, answers) for value in (dict(step.parameters), [[name, value] for name, value in step.query], step.body)]
        rule = api.behaviour.idempotency
        keyed = rule is not None and any(name.lower() == rule.header.lower() for name in step.headers)
        return Exchange(index, operation, sent[0], tuple((name, value) for name, value in sent[1]), sent[2], answer, keyed)
    return None


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be so: a claim, the law it stands for, and a mark that tells it from others of that law at the operation."""

    law: str
    operation: Operation
    mark: str
    claim: Claim


@dataclass
class Known:
    """A record: where it was last seen whole, what accepted requests have sent since, and whether it is gone."""

    subject: Subject
    id: str
    parents: Mapping[str, str]
    made: Claim
    seen: Ref | None
    value: Mapping[str, Any]
    since: dict[str, tuple[Any, Claim]] = field(default_factory=dict)
    gone: Claim | None = None
    whole: bool = False  # it was read, so that all of it was seen
    then: int = -1  # how many writes had been accepted when it was seen

    def state(self) -> tuple[Any, list[Claim]]:
        """The state it must be in, and on what grounds; None where that is not known."""
        field = self.subject.state_field
        if field in self.since:
            value, given = self.since[str(field)]
            return value, [given]
        if field is None or self.seen is None or _moves_by_itself(self.subject):
            return None, []
        value = self.value.get(field)
        return value, [Claim("equal", {"left": self.seen.below(field), "right": value}, f"it was {value}")]

    def named(self, key: str) -> str | None:
        """Its other key, as it must be now."""
        value = self.since[key][0] if key in self.since else self.value.get(key)
        return str(value) if value is not None else None

    def is_at(self, ref: Ref | None, value: Mapping[str, Any], *, then: int | None = None) -> None:
        """It was seen there, or nothing of it is known any more; read, so that all of it was seen, after so many accepted writes."""
        self.seen, self.value, self.whole, self.then = ref, value, then is not None, -1 if then is None else then
        self.since.clear()


def _moves_by_itself(subject: Subject) -> bool:
    """Whether something beside requests moves it: a timer, or an effect of another record's."""
    lifecycle = subject.resource.lifecycle
    return lifecycle is None or bool(lifecycle.timers)


@dataclass
class Model:
    """The records of one world."""

    api: Api
    records: dict[tuple[str, str], Known] = field(default_factory=dict)
    writes: int = 0

    @cached_property
    def _parts(self) -> dict[str, tuple[Subject, str]]:
        """Which subject and which kind (or trigger) an operation is."""
        found: dict[str, tuple[Subject, str]] = {}
        for subject in self.api.subjects.values():
            found |= {operation.key: (subject, kind) for kind, operation in subject.operations.items()}
            found |= {operation.key: (subject, "action") for operation in subject.actions.values()}
        return found

    def observe(self, x: Exchange) -> Iterator[Expected]:
        """Take a request and its answer in; what it breaks or keeps. Every claim must be drawn, as it goes on between them."""
        part = self._parts.get(x.operation.key)
        self.writes += x.answer.ok and (part is None or part[1] not in READS)
        if part is None:
            if x.answer.ok and x.operation.method not in ("GET", "HEAD"):
                self.records.clear()  # nobody knows what it did
            return
        subject, kind = part
        play = _PLAYS.get(kind)
        if play is not None:
            yield from play(self, x, subject)
        if x.answer.ok and kind not in READS:
            self._disturbed(x, subject)

    def known(self, subject: Subject, x: Exchange) -> Known | None:
        """The record a path names, by its id or its other key, under its own parents."""
        role = self.api.roles[x.operation.key]
        named = str(x.parameters.get(role.id_parameter or "", ""))
        found = self.records.get((subject.name, named))
        if found is None and subject.resource.key and subject.resource.key_in_path:
            found = next((one for one in self.alive(subject) if one.named(str(subject.resource.key)) == named), None)
        return found if found is not None and all(found.parents.get(name) == str(x.parameters.get(name)) for name in role.parents) else None

    def alive(self, subject: Subject) -> list[Known]:
        """The records of a subject that are there."""
        return [one for one in self.records.values() if one.subject is subject and one.gone is None]

    def _disturbed(self, x: Exchange, subject: Subject) -> None:
        """Forget what an accepted write may have changed beside its own record."""
        if self.api.is_effect(x.operation) or self.api.reacts(subject):
            own = str(x.parameters.get(self.api.roles[x.operation.key].id_parameter or "", ""))
            self.records = {key: one for key, one in self.records.items() if one.gone is not None or key == (subject.name, own) or one.made.values.get("value") == status(x.index)}
        if self._parts[x.operation.key][1] == "delete":
            users = self._users(subject.name)
            self.records = {key: one for key, one in self.records.items() if key[0] not in users or one.gone is not None}

    def _users(self, name: str) -> set[str]:
        """The subjects whose records refer, directly or not, to a subject's: deleting one of these may take them along."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            target = ahead.pop()
            for one in self.api.subjects.values():
                if target in one.resource.refers_to.values() and one.name not in found:
                    found.add(one.name)
                    ahead.append(one.name)
        return found


# --- what each kind of request must have done ---------------------------------------------------------------------------


def shown(subject: Subject, x: Exchange) -> tuple[Ref, dict[str, Any]] | None:
    """Where an answer shows a record of the subject, and the record."""
    value, inside = x.answer.value, ()
    wrap = subject.resource.wrap
    if isinstance(value, dict) and isinstance(value.get(wrap), dict):
        value, inside = value[str(wrap)], (str(wrap),)  # type: ignore[assignment]
    if not x.answer.ok or not isinstance(value, dict) or value.get(subject.id_field) in (None, ""):
        return None
    return Ref(x.index, inside), value


def _sent(subject: Subject, x: Exchange, kind: str) -> dict[str, Any]:
    wrap = subject.written(kind)[1]
    body = x.body.get(wrap) if wrap and isinstance(x.body, dict) else x.body
    if not isinstance(body, dict) or subject.read is None:
        return {}
    return {name: _declared(subject.api, subject.read.properties[name], value) for name, value in kept(subject, body, kind).items()}


def _declared(api: Api, schema: Schema, value: Any) -> Any:
    """A value without what is nowhere declared, which need not be kept."""
    shape = api.contract.shape(schema, "response")
    if isinstance(value, dict) and shape.properties:
        return {name: _declared(api, shape.properties[name], part) for name, part in value.items() if name in shape.properties}
    if isinstance(value, list) and shape.items is not None:
        return [_declared(api, shape.items, part) for part in value]
    return value


def _created(model: Model, x: Exchange, subject: Subject) -> Iterator[Expected]:
    found = shown(subject, x)
    if found is None:
        return
    ref, value = found
    id = str(value[subject.id_field])
    before = model.records.get((subject.name, id))
    if x.keyed and before is not None:
        return  # the answer of the first time
    if before is not None and "create" in subject.operations and subject.operations["create"] is x.operation and before.seen is not None:
        yield Expected("ids are distinct", x.operation, "id", Claim("differ", {"left": before.seen.below(subject.id_field), "right": ref.below(subject.id_field)},
                                                                       "a create answers with the id of another record", (before.made, x.accepted)))
    kind = "create" if subject.operations.get("create") is x.operation else "upsert"
    for name, sent in _sent(subject, x, kind).items():
        yield Expected("read your writes", x.operation, name, Claim("holds", {"got": ref.below(name), "sent": sent}, f"{name} was sent and did not come back as sent", (x.accepted,)))
    parents = {name: str(one) for name, one in x.parameters.items()}
    model.records[subject.name, id] = Known(subject, id, parents, x.accepted, ref, value)


def _read(model: Model, x: Exchange, subject: Subject) -> Iterator[Expected]:
    known = model.known(subject, x)
    if known is None:
        return
    if known.gone is not None:
        yield _not_there(x, known, "read")
        return
    yield Expected("created is available", x.operation, "there", Claim("not_among", {"value": status(x.index), "options": LOST}, "a record that was made is not found", (known.made,)))
    found = shown(subject, x)
    if found is not None:
        yield from _agrees(model, x, known, *found)
        known.is_at(*found, then=model.writes)


def _not_there(x: Exchange, known: Known, done: str) -> Expected:
    assert known.gone is not None
    return Expected("deleted is gone", x.operation, done, Claim("not_among", {"value": status(x.index), "options": ["2xx"]}, f"a deleted record can be {done}", (known.gone,)))


def _agrees(model: Model, x: Exchange, known: Known, ref: Ref, value: Mapping[str, Any], sent: Mapping[str, Any] = {}) -> Iterator[Expected]:
    """A record as it is shown is as it was last seen, but for what was sent since."""
    subject = known.subject
    for name, (one, given) in known.since.items():
        says = f"{name} was changed and is not read as it was changed"
        yield Expected("update", x.operation, name, Claim("holds", {"got": ref.below(name), "sent": one}, says, (given, x.accepted)))
    if known.seen is None or subject.name in model.api.behaviour.refreshes:
        return
    if known.then == model.writes:  # nothing was written at all
        yield Expected("reading changes nothing", x.operation, "nothing", Claim("unchanged", {"before": known.seen, "after": ref, "ignoring": volatile(subject)},
                                                                                  "a record is not as it was, though nothing was written", (known.made, x.accepted)))
        return
    free = {*subject.own, *known.since, *sent, *(name.partition(".")[0] for name in subject.resource.derived)} - {subject.id_field}
    if (field := subject.state_field) and field not in known.since and field not in sent and not _moves_by_itself(subject):
        free.discard(field)
    # A claim that ignores a property hangs on the request that changed it: without that, it says nothing.
    grounds = (known.made, x.accepted, *(one for _, one in known.since.values()))
    sides = {"before": known.seen, "after": ref} if known.whole else {"left": known.seen, "right": ref}  # a create may show more than is read, such as a secret
    yield Expected("reading changes nothing", x.operation, "frame", Claim("unchanged" if known.whole else "same", {**sides, "ignoring": sorted(map(str, free))},
                                                                            "a record is not as it was, though nobody changed it", grounds))


def _changed(model: Model, x: Exchange, subject: Subject) -> Iterator[Expected]:
    known = model.known(subject, x)
    if known is None or not x.answer.ok:
        return
    if known.gone is not None:
        yield _not_there(x, known, "changed")
        return
    kind = next(one for one in ("update", "replace", "upsert") if subject.operations.get(one) is x.operation)
    sent = _sent(subject, x, kind)
    found = shown(subject, x)
    if model.api.is_effect(x.operation):
        known.is_at(None, known.value)
    elif found is None:
        _take(known, x, sent, kind)
    else:
        for name, one in sent.items():
            yield Expected("update", x.operation, f"answer {name}", Claim("holds", {"got": found[0].below(name), "sent": one}, f"a change of {name} is not in its answer", (x.accepted,)))
        body = x.body if isinstance(x.body, dict) else {}
        yield from _agrees(model, x, known, *found, sent=body) if kind == "update" and not known.since else ()
        known.is_at(*found)


def _take(known: Known, x: Exchange, sent: Mapping[str, Any], kind: str) -> None:
    """What was sent is what must be read, where the answer does not show it."""
    if kind != "update":
        known.is_at(None, known.value)
    body = x.body if isinstance(x.body, dict) else {}
    if set(body) - set(sent):
        known.is_at(None, known.value)  # a part of it comes back in a way that is not known
    known.since.update({name: (one, x.accepted) for name, one in sent.items()})


def _deleted(model: Model, x: Exchange, subject: Subject) -> Iterator[Expected]:
    known = model.known(subject, x)
    if known is None or not x.answer.ok or known.gone is not None:
        return
    allowed = subject.resource.deletable
    state, given = known.state()
    if allowed is not None and isinstance(state, str) and state not in allowed:
        yield Expected("deletable", x.operation, state, Claim("not_among", {"value": status(x.index), "options": ["2xx"]}, f"deleting while {state} is accepted", tuple(given)))
    if not model.api.is_effect(x.operation):
        known.gone = x.accepted
    else:
        del model.records[subject.name, known.id]


def _acted(model: Model, x: Exchange, subject: Subject) -> Iterator[Expected]:
    known = model.known(subject, x)
    lifecycle = subject.resource.lifecycle
    if known is None or not x.answer.ok:
        return
    if known.gone is not None:
        yield _not_there(x, known, "acted on")
        return
    trigger = next(name for name, one in subject.actions.items() if one is x.operation)
    state, given = known.state()
    target = None
    if lifecycle is not None and "lifecycle" in subject.said and trigger in lifecycle.triggers() and isinstance(state, str) and state in lifecycle.table:
        target = lifecycle.table[state].get(trigger)
        if target is None:
            says = f"{trigger} while {state} is accepted; {state} accepts {', '.join(lifecycle.table[state]) or 'nothing'}"
            yield Expected("lifecycle", x.operation, f"{state} {trigger}", Claim("not_among", {"value": status(x.index), "options": ["2xx"]}, says, tuple(given)))
    known.is_at(None, known.value)
    if target is not None and not model.api.is_effect(x.operation):
        known.since[str(subject.state_field)] = target, x.accepted
    found = shown(subject, x)
    if found is not None and str(found[1][subject.id_field]) == known.id:
        for name, (to, accepted) in known.since.items():
            if name in found[1]:
                yield Expected("lifecycle", x.operation, f"{state} {trigger} target", Claim("equal", {"left": found[0].below(name), "right": to}, f"{trigger} while {state} does not lead to {to}", (*given, accepted)))
        if subject.read is not None and set(found[1]) >= set(subject.read.required):
            known.is_at(*found)


def _listed(model: Model, x: Exchange, subject: Subject) -> Iterator[Expected]:
    path = tuple(subject.lists.items.split(".")) if subject.lists.items else ()
    rows = at(x.answer.value, path)
    if not x.answer.ok or not isinstance(rows, list):
        return
    items, key = Ref(x.index, path), subject.id_field
    here = {str(row.get(key)) for row in rows[:MOST_ROWS] if isinstance(row, dict)}
    yield Expected("pages", x.operation, "distinct", Claim("distinct", {"items": items, "key": key}, "a page holds a record twice"))
    yield from _asked_for(x, subject, items)
    for id in here:
        known = model.records.get((subject.name, id))
        if known is not None and known.gone is not None:
            yield Expected("deleted is gone", x.operation, "list", Claim("omits", {"items": items, "key": key, "value": _as(rows, key, id)}, "a deleted record is still listed", (known.gone,)))
        elif known is not None and known.seen is not None and subject.name not in model.api.behaviour.refreshes:
            ignoring = sorted({*subject.own, *known.since} - {key})
            yield Expected("created is listed", x.operation, "agrees", Claim("item_agrees", {"items": items, "key": key, "record": known.seen, "ignoring": ignoring},
                                                                              "the list shows a record otherwise than it was last seen", (known.made, *(one for _, one in known.since.values()))))


def _as(rows: list[Any], key: str, id: str) -> Any:
    """An id as the list has it: a number where it is one."""
    return next(row[key] for row in rows if isinstance(row, dict) and str(row.get(key)) == id)


def _is_plain(subject: Subject, one: Filter) -> bool:
    """Whether a filter takes one text and compares it with a text."""
    if one.schema is None or subject.read is None or one.field not in subject.read.properties:
        return False
    shapes = subject.api.contract.shape(one.schema, "request"), subject.api.contract.shape(subject.read.properties[one.field], "response")
    return all("string" in shape.types and "array" not in shape.types for shape in shapes)


def _asked_for(x: Exchange, subject: Subject, items: Ref) -> Iterator[Expected]:
    """A list keeps to what its own query asks for: how many, which, in what order."""
    names = Counter(name for name, _ in x.query)
    query = {name: value for name, value in x.query if names[name] == 1}
    limit = query.get(str(subject.lists.limit))
    if re.fullmatch("[1-9][0-9]{0,5}", str(limit)):
        yield Expected("pages", x.operation, "limit", Claim("at_most", {"items": items, "most": int(str(limit))}, f"a page of {limit} is longer"))
    for one in subject.filters:
        value = query.get(one.parameter)
        if isinstance(value, str) and value and one.word == "equals" and _is_plain(subject, one):
            yield Expected("filters", x.operation, one.parameter, Claim("sound", {"items": items, "field": one.field, "word": "equals", "bound": value},
                                                                         f"{one.parameter}={value} lists a record that does not satisfy it"))
    for asked, name, down in subject.orders:
        if all(query.get(parameter) == value for parameter, value in asked):
            yield Expected("order", x.operation, f"by {name}", Claim("ordered", {"items": items, "field": name, "down": down}, f"ordered by {name}, the list is not"))


_PLAYS: Mapping[str, Callable[[Model, Exchange, Subject], Iterator[Expected]]] = {
    "create": _created, "upsert": _created, "retrieve": _read, "update": _changed, "replace": _changed, "delete": _deleted, "action": _acted, "list": _listed,
}  # fmt: skip
