"""Laws of one record: what was written is read, what was not sent stays, what was deleted is gone."""

from __future__ import annotations

import re
from typing import Any

from understudy.check.claims import Claim, status
from understudy.check.laws.law import Law
from understudy.check.session import LEAST, Impossible, Record, Session
from understudy.check.steps import ABSENT, Ref
from understudy.check.subjects import Subject
from understudy.check.walking import whole
from understudy.contract.values import Schema

GONE = [404, 410]
HIDDEN = re.compile("secret|password|passphrase|private_key|cvc|cvv|(^|_)token$|(^|_)pin$", re.IGNORECASE)
"""What is written and not shown again, or shown with stars."""
SEGURA = "metamorphic relations (Segura et al., TSE 2018)"
CRUD = "create, read, update and delete agree (RESTler, EvoMaster F900 to F909)"


def volatile(subject: Subject) -> list[str]:
    """Properties that may differ between two looks at a record in which nothing was written."""
    return [name for name in subject.own if any(word in name.lower() for word in ("etag", "last_seen", "accessed", "age"))]


def kept(subject: Subject, sent: Any, kind: str = "create") -> dict[str, Any]:
    """What of a body must come back: properties the record shows and the server does not answer for; of an effect nothing is known."""
    if subject.api.is_effect(subject.operations.get(kind)) or (kind == "create" and subject.api.is_effect(subject.operations.get("upsert"))):
        return {}
    read = subject.read
    shown = set(read.properties) if read else set()
    derived = {name.partition(".")[0] for name in subject.resource.derived} | set(subject.resource.by_key)
    written = subject.written(kind)[0]
    found = {name: value for name, value in sent.items() if name in shown and name not in subject.own and name not in derived and not HIDDEN.search(name)}
    return {name: value for name, value in found.items() if subject.said or written is None or read is None or _alike(subject, written, name, read.properties[name])}


def _alike(subject: Subject, written: Schema, name: str, read: Schema) -> bool:
    """Whether a property is written and read in the same shape: where that is not so, what comes back is not what was sent."""
    contract = subject.api.contract
    sent = contract.shape(written, "request").properties.get(name)
    if sent is None:
        return False
    one, other = contract.shape(sent, "request"), contract.shape(read, "response")
    if one.properties or other.properties or "object" in one.types | other.types:
        return bool(sent.value == read.value)
    if one.items is not None and other.items is not None:
        return bool(one.items.value == other.items.value)
    return bool(one.types & other.types) or one.types == other.types


def echo(s: Session, subject: Subject) -> None:
    """What a create was sent is in its answer and in what is read."""
    for _ in range(2):
        made = s.create(subject)
        operation = s.api.by_key[s.steps[made.step].operation]
        for name, value in kept(subject, made.sent).items():
            s.claim("holds", f"{name} was sent and did not come back as sent", at=operation, mark=name, got=made.ref(name), sent=value,
                    given=[Claim("among", {"value": status(made.step), "options": ["2xx"]}, "it was created")])


def available(s: Session, subject: Subject) -> None:
    """A created record is read as it was answered; a Location leads to it."""
    made = s.create(subject)
    reply = s.get(made)
    operation = s.operation(subject, "retrieve")
    if not s.claim("among", "a created record cannot be read", at=operation, mark="status", value=status(reply.step), options=["2xx"],
                   given=[Claim("there", {"value": made.id}, "it was created")]):
        return
    s.claim("same", "a created record is read otherwise than it was answered", at=operation, mark="body", left=made.ref(), right=Ref(reply.step, made.inside),
            ignoring=volatile(subject))
    for name, value in kept(subject, made.sent).items():
        s.claim("holds", f"{name} was sent and is not read as sent", at=operation, mark=name, got=Ref(reply.step, (*made.inside, name)), sent=value)
    location = Ref(made.step, ("location",), "headers")
    if s.answers[made.step].headers.get("location"):  # type: ignore[union-attr]
        found = s.send(s.step(operation, subject, made, url=location))
        s.claim("among", "the Location of a created record leads nowhere", at=operation, mark="location", value=status(found.step), options=["2xx"])


def listed(s: Session, subject: Subject) -> None:
    """A created record is in the list, once, and as it is read."""
    made = s.create(subject)
    other = s.create(subject)
    found = whole(s, subject)
    operation = s.operation(subject, "list")
    for record in (made, other):
        s.claim("lists", "a created record is not in the list exactly once", at=operation, items=found.items, key=subject.id_field, value=record.id, given=found.ended)
    if "retrieve" not in subject.operations:
        return
    reply = s.get(made)
    if reply.ok:
        s.claim("item_agrees", "the list shows a record otherwise than it is read", at=operation, items=found.items, key=subject.id_field,
                record=Ref(reply.step, made.inside), ignoring=volatile(subject))


def repeatable(s: Session, subject: Subject) -> None:
    """Reading changes nothing: the same answer twice, even with a list between."""
    made = s.create(subject)
    first = s.get(made)
    if "list" in subject.operations:
        whole(s, subject)
    second = s.get(made)
    s.claim("equal", "reading a record twice gives two answers", at=s.operation(subject, "retrieve"), left=Ref(first.step), right=Ref(second.step),
            given=[Claim("among", {"value": status(first.step), "options": ["2xx"]}, "it was read")])


def distinct(s: Session, subject: Subject) -> None:
    """Two creates make two records."""
    one, other = s.create(subject), s.create(subject)
    s.claim("differ", "two creates gave the same id", at=s.api.by_key[s.steps[other.step].operation], left=one.id, right=other.id)


# --- update -----------------------------------------------------------------------------------------------------------


def updates(s: Session, subject: Subject) -> None:
    """An update changes what was sent and only that; nobody else's record changes."""
    schema, _ = subject.written("update")
    if schema is None:
        raise Impossible("an update has no body")
    record, bystander = s.create(subject), s.create(subject)
    shape = s.api.contract.shape(schema, "request")
    held = {subject.id_field, subject.state_field, *subject.resource.refers_to, *subject.resource.by_key}
    names = [name for name in shape.properties if name not in shape.read_only and name not in held]
    base = {name: value for name, value in record.value.items() if name in shape.required}
    for name in names:
        before = s.again(record)
        for _ in range(2):
            value = s.bodies.other(shape.properties[name], s.recipes.next(), name, before.value.get(name))
            if value is not ABSENT and s.bodies.is_valid(schema, {**base, name: value}):
                _updated(s, before, {**base, name: value})
                before = s.again(record)
    if not s.api.reacts(subject):
        _untouched(s, bystander)


def _updated(s: Session, before: Record, body: dict[str, Any]) -> None:
    subject = before.subject
    reply = s.change(before, body)
    if not reply.ok:
        return
    operation = s.operation(subject, "update")
    accepted = [Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was accepted")]
    shown = s.record(subject, reply)
    after = s.get(before)
    seen = Ref(after.step, before.inside)
    for name, value in kept(subject, body, "update").items():
        if shown is not None:
            s.claim("holds", f"an update of {name} is not in its answer", at=operation, mark=f"answer {name}", got=shown.ref(name), sent=value, given=accepted)
        s.claim("holds", f"an update of {name} was accepted and is not read", at=operation, mark=name, got=seen.below(name), sent=value, given=accepted)
    if shown is not None:
        s.claim("same", "the answer to an update differs from what is read", at=operation, mark="agrees", left=shown.ref(), right=seen, ignoring=volatile(subject), given=accepted)
    if s.api.is_effect(operation):
        return
    free = sorted((subject.own - _constant(subject)) | set(body) | _derived(subject))
    s.claim("unchanged", f"an update of {', '.join(body)} changed something else", at=operation, mark="frame", before=before.ref(), after=seen, ignoring=free,
            given=[*accepted, Claim("there", {"value": before.id}, "it was read before")])


def _derived(subject: Subject) -> set[str]:
    return {name.partition(".")[0] for name in subject.resource.derived}


def _constant(subject: Subject) -> set[str]:
    """Properties of the server's that an update may not touch."""
    names = {subject.id_field, subject.resource.stamps.get("created", subject.id_field)}
    if subject.state_field and subject.resource.lifecycle and not subject.resource.lifecycle.timers:
        names.add(subject.state_field)
    return names


def _untouched(s: Session, record: Record) -> None:
    """A record nobody named is as it was when it was made."""
    reply = s.get(record)
    s.claim("same", "a change of one record changed another", at=s.operation(record.subject, "retrieve"), mark="bystander", left=record.ref(),
            right=Ref(reply.step, record.inside), ignoring=volatile(record.subject), given=[Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it is there")])


def replaces(s: Session, subject: Subject) -> None:
    """A PUT of a whole record is read as sent; the same again changes nothing."""
    schema, _ = subject.written("replace")
    if schema is None:
        raise Impossible("a replace has no body")
    record = s.create(subject)
    held = frozenset(name for name in (subject.id_field, subject.state_field) if name)
    body = s.bodies.full(schema, s.recipes.next(), held)
    body |= {name: value for name, value in record.sent.items() if name in subject.resource.refers_to}
    operation = s.operation(subject, "replace")
    reply = s.change(record, body, "replace")
    if not reply.ok:
        raise Impossible(f"a valid replace is answered {reply.status}")
    after = s.get(record)
    given = [Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was accepted")]
    for name, value in kept(subject, body, "replace").items():
        s.claim("holds", f"a replace of {name} was accepted and is not read", at=operation, mark=name, got=Ref(after.step, (*record.inside, name)), sent=value, given=given)
    if subject.said:
        _whole_replaced(s, record, body)
    second = s.change(record, body, "replace")
    again = s.get(record)
    s.claim("among", "the same PUT again is not accepted", at=operation, mark="again", value=status(second.step), options=["2xx"], given=given)
    s.claim("same", "the same PUT again changed something", at=operation, mark="idempotent", left=Ref(after.step, record.inside), right=Ref(again.step, record.inside),
            ignoring=sorted(subject.own), given=given)


def _whole_replaced(s: Session, record: Record, body: dict[str, Any]) -> None:
    """What a PUT leaves out is as it is in a new record that was made without it."""
    subject = record.subject
    least = s.body(subject, LEAST)
    made = s.send(s.creation(subject, least))
    plain = s.record(subject, made, least)
    if plain is None:
        return
    unique = {subject.resource.key, *(name for names in subject.resource.unique for name in names)}
    reply = s.change(record, {name: body.get(name, value) if name in unique else value for name, value in least.items()}, "replace")
    late = s.get(record)
    given = [Claim("among", {"value": status(one.step), "options": ["2xx"]}, "it was accepted") for one in (made, reply)]
    for name in kept(subject, body, "replace").keys() - least.keys():
        s.claim("equal", f"a PUT without {name} leaves it otherwise than a new record without it has it", at=s.operation(subject, "replace"), mark=f"without {name}",
                left=Ref(late.step, (*record.inside, name)), right=plain.ref(name), given=given)
    s.change(record, body, "replace")


def defaults(s: Session, subject: Subject) -> None:
    """A record that is made without a property which the document gives a default has that default."""
    kind = "create" if "create" in subject.operations else "upsert"
    schema, _ = subject.written(kind)
    if schema is None or subject.read is None:
        raise Impossible("a create has no body")
    shape = s.api.contract.shape(schema, "request")
    body = s.body(subject, LEAST)
    reply = s.send(s.creation(subject, body))
    made = s.record(subject, reply, body)
    if made is None:
        raise Impossible(f"a create with what is required alone is answered {reply.status}")
    said = {name: one.value["default"] for name, one in shape.properties.items() if isinstance(one.value, dict) and "default" in one.value}
    for name, value in kept(subject, said, kind).items():
        if name not in body:
            s.claim("holds", f"{name} was not sent, and is not its default", at=s.operation(subject, kind), mark=name, got=made.ref(name), sent=value,
                    given=[Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was created")])


def stamps(s: Session, subject: Subject) -> None:
    """Time stamps never go back: made before updated, updated before updated again; counters of versions rise."""
    record = s.create(subject)
    created, updated = (subject.resource.stamps.get(fact) for fact in ("created", "updated"))
    schema, _ = subject.written("update")
    operation = s.api.by_key[s.steps[record.step].operation]
    if created and updated:
        s.claim("not_before", f"{updated} is before {created}", at=operation, mark="made", earlier=record.ref(created), later=record.ref(updated))
    body = _other(s, subject, record) if schema is not None and "update" in subject.operations else None
    if body is None or "retrieve" not in subject.operations:
        return
    before = s.again(record)
    reply = s.change(before, body)
    after = s.get(record)
    for name in filter(None, (updated, *_versions(subject))):
        given = [Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was accepted")]
        s.claim("not_before", f"{name} went back", at=s.operation(subject, "update"), mark=name, earlier=before.ref(name), later=Ref(after.step, (*record.inside, name)), given=given)
    for name in _versions(subject):
        s.claim("differ", f"{name} is the same after an accepted update", at=s.operation(subject, "update"), mark=f"{name} rises",
                left=before.ref(name), right=Ref(after.step, (*record.inside, name)), given=given)


def _versions(subject: Subject) -> list[str]:
    """Counters of the server's that rise with each write."""
    read = subject.read
    return [name for name in ("version", "revision", "lock_version") if read and name in read.properties and name in subject.own
            and "integer" in subject.api.contract.shape(read.properties[name], "response").types]  # fmt: skip


def _other(s: Session, subject: Subject, record: Record) -> dict[str, Any] | None:
    """A body that changes one property of a record."""
    schema, _ = subject.written("update")
    if schema is None:
        return None
    shape = s.api.contract.shape(schema, "request")
    held = {subject.id_field, subject.state_field, *subject.resource.refers_to, *subject.resource.by_key, subject.resource.key}
    base = {name: value for name, value in record.value.items() if name in shape.required}
    for name, one in shape.properties.items():
        value = s.bodies.other(one, s.recipes.next(), name, record.value.get(name)) if name not in held and name not in shape.read_only else ABSENT
        if value is not ABSENT and s.bodies.is_valid(schema, {**base, name: value}):
            return {**base, name: value}
    return None


def forgets(s: Session, subject: Subject) -> None:
    """What the server computes of a record follows from its values, not from how it came to have them.

    Which properties that are is found out: those in which two records made of the same values agree.
    """
    schema, _ = subject.written("update")
    if schema is None:
        raise Impossible("an update has no body")
    shape = s.api.contract.shape(schema, "request")
    first = s.create(subject)
    unique = {subject.resource.key, *(name for names in subject.resource.unique for name in names)}
    wanted = {name: value for name, value in first.sent.items() if name not in unique and (subject.said or not isinstance(value, str))}
    twin, other = s.create(subject, wanted), s.create(subject)
    body = {name: value for name, value in wanted.items() if name in shape.properties and name not in shape.read_only and name != subject.state_field}
    if set(wanted) - set(body) - set(subject.resource.refers_to) or not body:
        raise Impossible("an update cannot set all that a create can")
    reply = s.change(other, body)
    seen = s.get(other)
    given = [Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was accepted")]
    for name in subject.own - {*subject.resource.stamps.values(), subject.id_field, "version", "revision", "etag"}:
        if name in first.value and "at" not in name.split("_"):
            s.claim("equal", f"{name} differs between two records of the same values, one of them updated to them", at=s.operation(subject, "update"), mark=name,
                    left=first.ref(name), right=Ref(seen.step, (*first.inside, name)),
                    given=[*given, Claim("equal", {"left": first.ref(name), "right": twin.ref(name)}, "two made of the same values agree")])


def nested(s: Session, subject: Subject) -> None:
    """What belongs to one parent is neither listed nor found under another."""
    made = s.create(subject)
    s.forget_references()
    other = s.create(subject)
    apart = [Claim("differ", {"left": made.parents[name], "right": other.parents[name]}, "the parents are two") for name in list(made.parents)[-1:]]
    apart += [Claim("differ", {"left": made.id, "right": other.id}, "they are two")]
    if "list" in subject.operations:
        operation = s.operation(subject, "list")
        step = s.step(operation, subject, other)
        reply = s.send(step)
        rows = Ref(reply.step, tuple(subject.lists.items.split(".")) if subject.lists.items else ())
        s.claim("omits", "a list shows what belongs to another parent", at=operation, mark="list", items=rows, key=subject.id_field, value=made.id, given=apart)
        s.claim("lists", "a list does not show what belongs to its parent", at=operation, mark="own", items=rows, key=subject.id_field, value=other.id, given=apart)
    for kind in ("retrieve", "delete"):
        if kind in subject.operations:
            operation = s.operation(subject, kind)
            parameter = s.api.roles[operation.key].id_parameter or ""
            reply = s.send(s.step(operation, subject, other, parameters={parameter: made.id}))
            s.claim("among", f"{kind} under another parent is answered {reply.status}", at=operation, mark=kind, value=status(reply.step), options=GONE, given=apart)


def _is_nested(subject: Subject) -> bool:
    role = next((subject.api.roles[one.key] for kind, one in subject.operations.items() if kind in ("create", "list")), None)
    return bool(role is not None and role.parents)


# --- delete -----------------------------------------------------------------------------------------------------------


def deleted(s: Session, subject: Subject) -> None:
    """A deleted record is gone everywhere: not read, not listed, not to be changed, deleted or acted on; others stay."""
    record, bystander = s.create(subject), s.create(subject)
    operation = s.operation(subject, "delete")
    reply = s.delete(record)
    if not reply.ok:
        raise Impossible(f"deleting a new {subject.name} is answered {reply.status}")
    given = [Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was deleted")]
    for kind, send in _uses(s, subject, record):
        late = send()
        options = GONE if kind in ("retrieve", "update", "replace", "delete") else [*GONE, 409, 422, 400]
        s.claim("among", f"a deleted record answers {kind} with {late.status}", at=operation, mark=kind, value=status(late.step), options=options, given=given)
    if "list" in subject.operations:
        found = whole(s, subject)
        s.claim("omits", "a deleted record is still listed", at=operation, mark="list", items=found.items, key=subject.id_field, value=record.id, given=[*given, *found.ended])
        s.claim("lists", "deleting one record took another out of the list", at=operation, mark="others", items=found.items, key=subject.id_field, value=bystander.id, given=[*given, *found.ended])
    if "retrieve" in subject.operations:
        other = s.get(bystander)
        s.claim("among", "deleting one record took another", at=operation, mark="bystander", value=status(other.step), options=["2xx"], given=given)
        if s.api.reacts(subject):
            return
        s.claim("same", "deleting one record changed another", at=operation, mark="bystander body", left=bystander.ref(), right=Ref(other.step, bystander.inside),
                ignoring=volatile(subject), given=given)


def _uses(s: Session, subject: Subject, record: Record) -> list[tuple[str, Any]]:
    uses: list[tuple[str, Any]] = []
    if "retrieve" in subject.operations:
        uses.append(("retrieve", lambda: s.get(record)))
    body = _other(s, subject, record) if "update" in subject.operations else None
    if body is not None:
        uses.append(("update", lambda: s.change(record, body)))
    uses += [(trigger, lambda trigger=trigger: s.act(record, trigger)) for trigger in subject.actions]
    uses.append(("delete", lambda: s.delete(record)))
    return uses


def total_follows(s: Session, subject: Subject) -> None:
    """A list is one longer after a create and one shorter after a delete."""
    s.create(subject)  # and with it what it refers to, some of which may be of its own kind
    before = whole(s, subject)
    made = s.create(subject)
    after = whole(s, subject)
    operation = s.operation(subject, "list")
    s.claim("longer", "a create did not make the list one longer", at=operation, mark="create", before=before.items, after=after.items, by=1,
            given=[*before.ended, *after.ended, Claim("there", {"value": made.id}, "it was created")])
    if "delete" not in subject.operations or not (reply := s.delete(made)).ok:
        return
    last = whole(s, subject)
    s.claim("longer", "a delete did not make the list one shorter", at=operation, mark="delete", before=after.items, after=last.items, by=-1,
            given=[*after.ended, *last.ended, Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was deleted")])


RECORDS = (
    Law("read your writes", echo, "what a create was sent is in its answer", CRUD, frozenset({"create"})),
    Law("created is available", available, "a created record is read as it was answered", CRUD, frozenset({"create", "retrieve"})),
    Law("created is listed", listed, "a created record is in the list once, as it is read", CRUD, frozenset({"create", "list"})),
    Law("reading changes nothing", repeatable, "GET is safe", "RFC 9110 section 9.2.1", frozenset({"create", "retrieve"})),
    Law("ids are distinct", distinct, "two creates make two records", CRUD, frozenset({"create"})),
    Law("update", updates, "an update changes what was sent and only that", "RFC 5789 section 2, RFC 7396", frozenset({"create", "retrieve", "update"})),
    Law("replace", replaces, "a PUT is read as sent, and the same again changes nothing", "RFC 9110 sections 9.2.2 and 9.3.4", frozenset({"create", "retrieve", "replace"})),
    Law("defaults", defaults, "what is left out has the document's default", "OpenAPI, Schema Object", frozenset({"create"})),
    Law("time stamps", stamps, "time stamps never go back", "the clock", frozenset({"create"})),
    Law("computed values", forgets, "what is computed follows from a record's values, not from its history", SEGURA, frozenset({"create", "retrieve", "update"})),
    Law("parents", nested, "what belongs to one parent is neither listed nor found under another", "RESTler ResourceHierarchy", frozenset({"create"}), _is_nested),
    Law("deleted is gone", deleted, "a deleted record is gone everywhere, and it alone", CRUD, frozenset({"create", "delete"})),
    Law("lists count", total_follows, "a create makes the list one longer", CRUD, frozenset({"create", "list"})),
)
