"""One scenario against a target: requests made of subjects and records, kept as steps, with claims about their answers.

1. A law speaks to a target through a `Session` only, so whatever it found can be sent again as steps.
2. How records are made is learned once for a run (`Recipes`) and then used by all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.behaviour.model import Resource
from understudy.check.bodies import Bodies
from understudy.check.claims import Claim, is_there, judge, status
from understudy.check.findings import Finding
from understudy.check.inbox import RECEIVE
from understudy.check.judging import Judge
from understudy.check.steps import ABSENT, Answer, Ref, Step, Unmade, refs, wire
from understudy.check.subjects import Api, Subject, json_media
from understudy.check.targets import Target
from understudy.contract.values import Operation, Schema

MOST_OPTIONAL = 24
"""Optional properties that are tried one by one."""


class Impossible(Exception):
    """A scenario cannot be set up on this target: what is to be looked at is not covered, which is no finding."""


UNREADABLE = (TypeError, KeyError, ValueError, AttributeError, RecursionError)
"""What reading an answer may raise where it is nothing like what the document has."""


@dataclass(slots=True)
class Recipes:
    """What a run has learned of making records: which kind of body is taken, and the number of the next one."""

    chosen: dict[str, int] = field(default_factory=dict)
    ways: dict[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # subject -> state -> triggers that lead there
    refused: dict[str, frozenset[str]] = field(default_factory=dict)  # subject -> properties with which a create is not taken
    number: int = 0

    def next(self) -> int:
        """A number no body had."""
        self.number += 1
        return self.number


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a step, and where it stands."""

    step: int
    answer: Answer

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return self.answer.ok

    @property
    def status(self) -> int:
        """Its status."""
        return self.answer.status

    @property
    def value(self) -> Any:
        """Its body."""
        return self.answer.value


@dataclass(frozen=True, slots=True)
class Record:
    """A record as an answer shows it; `sent` is the body it was made of."""

    subject: Subject
    step: int
    inside: tuple[str | int, ...]
    value: Mapping[str, Any]
    sent: Mapping[str, Any]
    parents: Mapping[str, Any]

    def ref(self, *path: str | int) -> Ref:
        """A place in it."""
        return Ref(self.step, (*self.inside, *path))

    @property
    def id(self) -> Ref:
        """Where its id stands."""
        return self.ref(self.subject.id_field)

    @property
    def state(self) -> Any:
        """The state it was in when it was seen."""
        return self.value.get(self.subject.state_field) if self.subject.state_field else None


@dataclass
class Session:
    """A scenario being played."""

    api: Api
    target: Target
    judge: Judge
    bodies: Bodies
    recipes: Recipes
    credentials: Mapping[str, Mapping[str, str]]
    law: str = ""
    allowed: frozenset[str] = frozenset()  # operation keys that may be called; empty: all
    steps: list[Step] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    judged: Counter[tuple[str, str]] = field(default_factory=Counter)
    made: list[Record] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)  # every one, kept or not
    watch: Callable[[Session, Operation, int], None] | None = None  # told of each step that was answered
    _known: dict[str, Record] = field(default_factory=dict)
    _making: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)  # what could not be made, so that it is not tried for each record again
    _group: int = 0

    # --- requests ------------------------------------------------------------------------------------------------

    def send(self, step: Step, *, read: bool = True) -> Reply:
        """Send a request; what any answer must be is judged at once. Raises Impossible where it cannot be put together."""
        self._permit(step)
        try:
            out = wire(step, self.answers, self.credentials)
        except Unmade as fault:
            raise Impossible(str(fault)) from None
        answer = self.target.send(out)
        return self._kept(step, answer, read)

    def send_together(self, steps: Sequence[Step]) -> list[Reply]:
        """Send several at once."""
        self._group += 1
        grouped = [_together(step, self._group) for step in steps]
        answers = self.target.send_together([wire(step, self.answers, self.credentials) for step in grouped])
        return [self._kept(step, answer, True) for step, answer in zip(grouped, answers, strict=True)]

    def _permit(self, step: Step) -> None:
        if self.allowed and step.operation and step.operation not in self.allowed:
            raise Impossible(f"{step.operation} may not be called")

    def _kept(self, step: Step, answer: Answer, read: bool) -> Reply:
        self.steps.append(step)
        self.answers.append(answer)
        index = len(self.steps) - 1
        operation = self.api.by_key.get(step.operation)
        for breach in () if step.method == RECEIVE else self.judge.breaches(operation, index, answer, read):
            self._find(breach.law, step.operation or f"{step.method} {step.path}", breach.key, breach.claim, index)
        self.judged["declared shape", step.operation] += 1
        if self.watch is not None and operation is not None and step.credentials == "good":
            self.watch(self, operation, index)
        if answer.status == 0:
            raise Impossible(f"no answer: {answer.fault}")
        return Reply(index, answer)

    # --- claims --------------------------------------------------------------------------------------------------

    def claim(self, predicate: str, says: str, *, at: Operation | None, mark: str = "", given: Sequence[Claim] = (), **values: Any) -> bool:
        """Hold the answers to a claim. False where it is broken, which is then a finding."""
        return self.hold(self.law, at, mark or predicate, Claim(predicate, values, says, tuple(given)))

    def hold(self, law: str, at: Operation | None, mark: str, one: Claim) -> bool:
        """As `claim`, of any law."""
        verdict = judge(one, self.answers)
        self.claims.append(one)
        label = at.key if at is not None else "-"
        if verdict is not None:
            self.judged[law, label] += 1
        if verdict is False:
            self._find(law, label, mark, one, len(self.steps) - 1)
        return verdict is not False

    def _find(self, law: str, operation: str, key: str, claim: Claim, last: int) -> None:
        claim = replace(claim, given=(*claim.given, *self._circumstances(claim)))
        finding = Finding(law, operation, key, claim.says, tuple(self.steps[: last + 1]), tuple(self.answers[: last + 1]), claim)
        if all(one.identity != finding.identity for one in self.findings):
            self.findings.append(finding)

    def _circumstances(self, claim: Claim) -> list[Claim]:
        """That what the claim reads was answered as it was: of an answer of another kind it says nothing."""
        steps = dict.fromkeys(ref.step for ref in refs(dict(claim.values)) if ref.part != "status" and ref.step < len(self.answers))
        known = [(step, answer) for step in steps if (answer := self.answers[step]) is not None]
        return [Claim("among", {"value": status(step), "options": [answer.status]}, f"it was answered {answer.status}") for step, answer in known if answer.status]

    # --- records -------------------------------------------------------------------------------------------------

    def operation(self, subject: Subject, kind: str) -> Operation:
        """A subject's operation. Raises Impossible where there is none."""
        found = subject.operations.get(kind)
        if found is None or (self.allowed and found.key not in self.allowed):
            raise Impossible(f"{subject.name} has no {kind}, or it may not be called")
        return found

    def create(self, subject: Subject, changes: Mapping[str, Any] | None = None, *, n: int | None = None, headers: Mapping[str, Any] | None = None) -> Record:
        """A new record. Raises Impossible where the target takes none of the bodies the document allows."""
        if not {"create", "upsert"} & subject.operations.keys():
            raise Impossible(f"nothing creates a {subject.name}")
        refusals = []
        known = self.recipes.chosen.get(subject.name)
        for recipe in range(len(RECIPES)) if known is None else (known,):
            body = self.body(subject, recipe, n, changes)
            reply = self.send(self.creation(subject, body, headers))
            record = self.record(subject, reply, body) if reply.ok else None
            if record is not None:
                self.recipes.chosen[subject.name] = recipe
                if known is None and recipe:
                    self._widen(subject, recipe)
                return record
            refusals.append(f"{reply.status} {reply.answer.body[:120].decode('utf-8', 'replace')}")
        raise Impossible(f"no {subject.name} could be made: {refusals[-1]}")

    def _widen(self, subject: Subject, recipe: int) -> None:
        """Where a full body is not taken: find out which of the properties it has more are refused, and send the others from now on."""
        full, least = self.body(subject, 0), self.body(subject, recipe)
        more = [name for name in full if name not in least][:MOST_OPTIONAL]
        taken = {name for name in more if self.send(self.creation(subject, {**self.body(subject, recipe), name: full[name]})).ok}
        if taken:
            self.recipes.refused[subject.name] = frozenset(full) - frozenset(least) - taken
            self.recipes.chosen[subject.name] = 0 if self.send(self.creation(subject, self.body(subject, 0))).ok else recipe

    def creation(self, subject: Subject, body: Mapping[str, Any], headers: Mapping[str, Any] | None = None) -> Step:
        """The request that makes a record of a body."""
        kind = "create" if "create" in subject.operations else "upsert"
        operation = self.operation(subject, kind)
        wrap = subject.written(kind)[1]
        return self.step(operation, subject, body={wrap: dict(body)} if wrap else dict(body), headers=headers)

    def record(self, subject: Subject, reply: Reply, sent: Mapping[str, Any] = {}) -> Record | None:
        """The record an answer shows, if it does."""
        value = reply.value
        inside: tuple[str | int, ...] = ()
        wrap = subject.resource.wrap
        if isinstance(value, dict) and wrap in value and isinstance(value[wrap], dict):
            value, inside = value[wrap], (str(wrap),)
        if not isinstance(value, dict) or not is_there(value.get(subject.id_field)):
            return None
        record = Record(subject, reply.step, inside, value, sent, self.steps[reply.step].parameters)
        if sent:
            self.made.append(record)
        return record

    def body(self, subject: Subject, recipe: int, n: int | None = None, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A body that makes a record, what it refers to made before."""
        schema, _ = subject.written("create" if "create" in subject.operations else "upsert")
        if schema is None:
            return dict(changes or {})
        number = self.recipes.next() if n is None else n
        held = {subject.state_field, subject.id_field, *self.recipes.refused.get(subject.name, ())} - {None}
        body: dict[str, Any] = RECIPES[recipe](self.bodies, schema, number, frozenset(map(str, held)))
        self._refer(subject, schema, body)
        return {**body, **(changes or {})}

    def _refer(self, subject: Subject, schema: Schema, body: dict[str, Any]) -> None:
        required = self.api.contract.shape(schema, "request").required
        row = subject.resource
        for key_field, id_field in row.by_key.items():
            if key_field in body and key_field != id_field:  # both may be sent: they name the same record
                body[key_field] = self._key_of(row.refers_to[id_field])
        for path, resource in row.refers_to.items():
            _put(body, path.split("."), lambda resource=resource: self._reference(subject, resource), drop=path not in required)

    def _reference(self, subject: Subject, resource: str) -> Any:
        if resource == subject.name or resource not in self.api.subjects:
            return ABSENT
        try:
            return self.dependency(resource).id
        except Impossible:
            return ABSENT

    def _key_of(self, resource: str) -> Any:
        record = self.dependency(resource)
        return record.ref(record.subject.resource.key or record.subject.id_field)

    def dependency(self, resource: str) -> Record:
        """A record for others to refer to, made when first needed. Raises Impossible."""
        if resource not in self._known:
            subject = self.api.subjects.get(resource)
            if subject is None or resource in self._making or resource in self._failed:
                raise Impossible(f"nothing makes a {resource} that does not need one")
            self._making.add(resource)
            try:
                self._known[resource] = self._made_or_found(subject)
            except Impossible:
                self._failed.add(resource)
                raise
            finally:
                self._making.discard(resource)
        return self._known[resource]

    def forget_references(self) -> None:
        """Let records made from now on refer to others than those before."""
        self._known.clear()

    def _made_or_found(self, subject: Subject) -> Record:
        try:
            return self.create(subject)
        except Impossible as fault:
            reply = self.send(self.step(self.operation(subject, "list"), subject))
            items = items_path(subject)
            rows = reply.value if not items else _at(reply.value, items)
            if reply.ok and isinstance(rows, list) and rows and isinstance(rows[0], dict):
                return Record(subject, reply.step, (*items, 0), rows[0], {}, {})
            raise Impossible(str(fault)) from None

    # --- steps ---------------------------------------------------------------------------------------------------

    def step(self, operation: Operation, subject: Subject, record: Record | None = None, **more: Any) -> Step:
        """A request to an operation, its path filled in."""
        role = self.api.roles[operation.key]
        parameters: dict[str, Any] = {}
        for name, at in role.parents.items():
            parameters[name] = record.parents[name] if record is not None and name in record.parents else self._parent(subject.resource, at)
        if role.id_parameter and record is not None:
            parameters[role.id_parameter] = record.id
        if "{version}" in operation.path and self.api.behaviour.version:
            parameters["version"] = self.api.behaviour.version
        return Step(operation.key, operation.method, operation.path, {**parameters, **more.pop("parameters", {})},
                    media=json_media(operation), **{name: value for name, value in more.items() if value is not None})

    def _parent(self, resource: Resource, at: str) -> Any:
        target = resource.refers_to.get(at)
        if target is None:
            raise Impossible(f'what "{at}" of {resource.name} refers to is not known')
        return self.dependency(target).id

    def get(self, record: Record) -> Reply:
        """Read a record."""
        return self.send(self.step(self.operation(record.subject, "retrieve"), record.subject, record))

    def bound(self, value: Any, resource: str | None = None) -> Any:
        """A value, or where it came from if it is the id of a record that was made here: another target gives another.

        A number is an id only where the resource it names is known.
        """
        return next((record.id for record in self.made if record.value.get(record.subject.id_field) == value
                     and (isinstance(value, str) or record.subject.name == resource)), value)

    def again(self, record: Record) -> Record:
        """A record as it is now. Raises Impossible where it cannot be read."""
        found = self.record(record.subject, reply := self.get(record))
        if found is None:
            raise Impossible(f"GET of a {record.subject.name} answers {reply.status}")
        return Record(record.subject, found.step, found.inside, found.value, record.sent, record.parents)

    def change(self, record: Record, body: Mapping[str, Any], kind: str = "update", **more: Any) -> Reply:
        """Update or replace a record."""
        operation = self.operation(record.subject, kind)
        wrap = record.subject.written(kind)[1]
        return self.send(self.step(operation, record.subject, record, body={wrap: dict(body)} if wrap else dict(body), **more))

    def delete(self, record: Record) -> Reply:
        """Delete a record."""
        return self.send(self.step(self.operation(record.subject, "delete"), record.subject, record))

    def act(self, record: Record, trigger: str, **more: Any) -> Reply:
        """Fire a trigger; with the least body the operation takes."""
        operation = record.subject.actions[trigger]
        if self.allowed and operation.key not in self.allowed:
            raise Impossible(f"{operation.key} may not be called")
        return self.send(self.step(operation, record.subject, record, body=self.action_body(operation), **more))

    def action_body(self, operation: Operation) -> Any:
        """The body of an action: the document's example where it takes one, else none."""
        content = operation.body.content if operation.body else {}
        schema = next((one for media, one in content.items() if "json" in media and one is not None), None)
        if schema is None:
            return None
        example = self.api.contract.example(schema, "request")
        return example if isinstance(example, dict) else {}


RECIPES = (Bodies.full, Bodies.declared, Bodies.least)
"""The bodies tried to make a record, in this order."""
LEAST = RECIPES.index(Bodies.least)


def items_path(subject: Subject) -> tuple[str, ...]:
    """Where the records stand in a list's answer."""
    return tuple(subject.lists.items.split(".")) if subject.lists.items else ()


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _together(step: Step, group: int) -> Step:
    return replace(step, together=group)


def _put(body: Any, path: Sequence[str], make: Any, *, drop: bool) -> None:
    """Put a reference where the body has a value for it; what cannot be made is left out where it may be."""
    head, rest = path[0], path[1:]
    if head == "*":
        for index, one in enumerate(body) if isinstance(body, list) else ():
            if rest:
                _put(one, rest, make, drop=False)
            elif (value := make()) is not ABSENT:
                body[index] = value
        return
    if not isinstance(body, dict) or head not in body:
        return
    if rest:
        _put(body[head], rest, make, drop=False)
        return
    value = make()
    if value is not ABSENT:
        body[head] = [value] if isinstance(body[head], list) else value
    elif drop:
        del body[head]
