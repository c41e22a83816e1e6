"""Laws of what is not the client's: properties the server answers for, records of another world, and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from understudy.check.claims import Claim, status
from understudy.check.laws.law import Law
from understudy.check.laws.records import GONE, _other, volatile
from understudy.check.laws.refusals import missing_id
from understudy.check.session import Impossible, Record, Session, items_path
from understudy.check.steps import Ref, Step
from understudy.check.subjects import Subject

OWASP = "OWASP API Security Top 10 (2023)"
FORGED = {"string": "understudy-forged", "integer": 987654, "number": 987654, "boolean": None}
MOMENT = "2001-02-03T04:05:06Z"


def forged(s: Session, subject: Subject) -> None:
    """An update of what is the server's is refused, or sets nothing."""
    schema, _ = subject.written("update")
    if schema is None:
        raise Impossible("an update has no body")
    record = s.again(s.create(subject))
    shape, operation = s.api.contract.shape(schema, "request"), s.operation(subject, "update")
    base = {name: value for name, value in record.value.items() if name in shape.required}
    for name, value in _claimed(subject, record):
        if name in shape.properties and name not in shape.read_only:
            continue
        s.change(record, {**base, name: value})
        late = s.get(record)
        s.claim("differ", f"{name} is the server's, and an update set it", at=operation, mark=name, left=Ref(late.step, (*record.inside, name)), right=value,
                given=[Claim("among", {"value": status(late.step), "options": ["2xx"]}, "it is read")])


def _claimed(subject: Subject, record: Record) -> Iterator[tuple[str, Any]]:
    """Values for what no client may set: an id, the time of creation, a state of the table, and more of the server's."""
    read = subject.read
    lifecycle = subject.resource.lifecycle
    for name in sorted(subject.own)[:8]:
        now = record.value.get(name)
        if lifecycle is not None and name == subject.state_field:
            other = next((state for state in lifecycle.table if state != now), None)
            if other is not None and not lifecycle.writable:
                yield name, other
        elif read is not None and name in read.properties and isinstance(now, str | int) and not isinstance(now, bool):
            kinds = subject.api.contract.shape(read.properties[name], "response").types
            value = MOMENT if isinstance(now, str) and now[4:5] == "-" and "T" in now else next((FORGED[kind] for kind in FORGED if kind in kinds), None)
            if value is not None and value != now:
                yield name, value


def elsewhere(s: Session, subject: Subject) -> None:
    """What was made in one world is neither seen nor touched from another."""
    if "other" not in s.credentials:
        raise Impossible("no key of another world is known; --other-key-env names one")
    record = s.create(subject)
    for kind, operation in [*((kind, subject.operations[kind]) for kind in ("retrieve", "update", "delete") if kind in subject.operations), *subject.actions.items()]:
        if s.api.is_effect(operation) or s.api.roles[operation.key].id_parameter is None:
            continue
        body: Any = _other(s, subject, record) if kind == "update" else s.action_body(operation)
        reply = s.send(replace(s.step(operation, subject, record, body=body), credentials="other"))
        s.claim("not_among", f"{kind} of another world's record is answered {reply.status}", at=operation, mark=kind, value=status(reply.step), options=["2xx"])
    if "list" in subject.operations and not s.api.roles[subject.operations["list"].key].parents:
        operation = s.operation(subject, "list")
        reply = s.send(replace(s.step(operation, subject), credentials="other"))
        s.claim("omits", "a list shows another world's record", at=operation, mark="list", items=Ref(reply.step, items_path(subject)), key=subject.id_field, value=record.id)
    if "retrieve" in subject.operations:
        late = s.get(record)
        s.claim("same", "another world's requests changed a record", at=s.operation(subject, "retrieve"), mark="untouched", left=record.ref(), right=Ref(late.step, record.inside),
                ignoring=volatile(subject))


def clocked(s: Session, subject: Subject) -> None:
    """What is made later is stamped no earlier; on a clock that can be turned, later by what it was turned."""
    name = str(subject.resource.stamps.get("created"))
    first = s.create(subject)
    turned = s.send(Step("", "POST", "/_understudy/clock", body={"advance": "PT1H"})) if getattr(s.target, "stands_in", False) else None
    second = s.create(subject)
    operation = s.api.by_key[s.steps[second.step].operation]
    s.claim("not_before", f"{name} of a later record is before that of an earlier one", at=operation, mark="order", earlier=first.ref(name), later=second.ref(name))
    if turned is not None and turned.ok:
        s.claim("differ", f"{name} is the same though the clock was turned", at=operation, mark="turned", left=first.ref(name), right=second.ref(name),
                given=[Claim("there", {"value": first.ref(name)}, "there is one"), Claim("among", {"value": status(turned.step), "options": ["2xx"]}, "it was turned")])


def alike(s: Session, subject: Subject) -> None:
    """Two refusals for one reason are alike: status, type, title and properties."""
    operation = s.operation(subject, "retrieve")
    parameter = s.api.roles[operation.key].id_parameter or ""
    one = s.create(subject).value[subject.id_field]
    first = missing_id(one)
    replies = [s.send(s.step(operation, subject, parameters={parameter: id})) for id in (first, missing_id(s.create(subject).value[subject.id_field]))]
    refused = [Claim("among", {"value": status(reply.step), "options": GONE}, "it is not there") for reply in replies]
    s.claim("equal", "two records that are not there are answered differently", at=operation, mark="status", left=status(replies[0].step), right=status(replies[1].step))
    for name in ("type", "title", "code"):
        left, right = (Ref(reply.step, (name,)) for reply in replies)
        s.claim("equal", f"two refusals for one reason have another {name}", at=operation, mark=name, left=left, right=right, given=[*refused, Claim("there", {"value": left}, "it is said")])


BOUNDS = (
    Law("what is the server's", forged, "an update sets nothing that is the server's", f"{OWASP}, API3: mass assignment", frozenset({"create", "retrieve", "update"}), tag="records"),
    Law("other worlds", elsewhere, "what is made in one world is neither seen nor touched from another", f"{OWASP}, API1: object level authorization", frozenset({"create"}), tag="auth"),
    Law("the clock", clocked, "what is made later is stamped no earlier", "the clock", frozenset({"create"}), lambda subject: "created" in subject.resource.stamps, "records"),
    Law("refusals alike", alike, "two refusals for one reason are alike", "RFC 9457 section 3.1", frozenset({"create", "retrieve"}), tag="errors"),
)
