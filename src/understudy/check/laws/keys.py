"""Laws of keys: alternate keys, uniqueness, idempotency keys, and what many at once may do with them."""

from __future__ import annotations

from typing import Any

from understudy.behaviour.model import Idempotency
from understudy.check.claims import Claim, status
from understudy.check.laws.law import Law
from understudy.check.session import Impossible, Record, Session
from understudy.check.steps import Ref, resolve
from understudy.check.subjects import Subject
from understudy.check.walking import Walk, whole

IETF = "draft-ietf-httpapi-idempotency-key-header"
REFUSED = [400, 409, 412, 422]
MANY = 6


def _kind(subject: Subject) -> str:
    return "create" if "create" in subject.operations else "upsert"


def _listed(s: Session, subject: Subject) -> Walk | None:
    """The whole list, where there is one."""
    return whole(s, subject) if "list" in subject.operations else None


def _as_listed(s: Session, subject: Subject, before: Walk | None, says: str, mark: str, given: Claim) -> None:
    """The list holds the records it held before."""
    if before is None:
        return
    after = whole(s, subject)
    s.claim("same_set", says, at=s.operation(subject, _kind(subject)), mark=mark, left=before.items, right=after.items, key=subject.id_field,
            given=[*before.ended, *after.ended, given])


def alternate(s: Session, subject: Subject) -> None:
    """A record by its key is the record by its id."""
    record = s.create(subject)
    key = str(subject.resource.key)
    longer = f"{record.value.get(key)}0"
    if isinstance(record.sent.get(key), str) and _may_be(s, subject, key, longer):
        record = s.create(subject, {key: longer})  # one key is how another begins
    operation = s.operation(subject, "retrieve")
    parameter = s.api.roles[operation.key].id_parameter or ""
    one = s.get(record)
    other = s.send(s.step(operation, subject, parameters={parameter: record.ref(str(subject.resource.key))}))
    s.claim("among", f"a record is not found by its {subject.resource.key}", at=operation, mark="found", value=status(other.step), options=["2xx"],
            given=[Claim("among", {"value": status(one.step), "options": ["2xx"]}, "it is found by its id")])
    s.claim("equal", f"a record by its {subject.resource.key} is not the record by its id", at=operation, mark="same", left=Ref(one.step), right=Ref(other.step),
            given=[Claim("among", {"value": status(other.step), "options": ["2xx"]}, "it is found")])


def _may_be(s: Session, subject: Subject, name: str, value: str) -> bool:
    schema, _ = subject.written(_kind(subject))
    shape = s.api.contract.shape(schema, "request") if schema is not None else None
    return shape is not None and name in shape.properties and s.bodies.is_valid(shape.properties[name], value)


def unique(s: Session, subject: Subject) -> None:
    """A second record with the same key is refused, and nothing is made or changed; so is a change into a taken key."""
    record = s.create(subject)
    combinations = [(subject.resource.key,)] if subject.resource.key else []
    operation = s.operation(subject, "create")
    wrap = subject.written("create")[1]
    for names in [*combinations, *subject.resource.unique]:
        if not all(name in record.sent for name in names):
            continue
        body = {**s.body(subject, s.recipes.chosen.get(subject.name, 0)), **{str(name): record.sent[str(name)] for name in names}}
        before = _listed(s, subject)
        reply = s.send(s.step(operation, subject, body={wrap: body} if wrap else body))
        s.claim("among", f"a second record with the same {' and '.join(map(str, names))} is answered {reply.status}", at=operation, mark=f"{names}", value=status(reply.step),
                options=REFUSED, given=[Claim("there", {"value": record.id}, "the first was made")])
        _as_listed(s, subject, before, "a refused create changed the list", "nothing made", Claim("among", {"value": status(reply.step), "options": ["4xx"]}, "it was refused"))
    _taken(s, subject, record)


def _taken(s: Session, subject: Subject, record: Record) -> None:
    """An update into a key that another record has."""
    key = subject.resource.key
    schema, _ = subject.written("update")
    if not key or schema is None or key not in s.api.contract.shape(schema, "request").properties or "update" not in subject.operations:
        return
    other = s.create(subject)
    reply = s.change(other, {key: record.ref(key)})
    s.claim("among", f"an update into a {key} that is taken is answered {reply.status}", at=s.operation(subject, "update"), mark="update", value=status(reply.step), options=REFUSED)


def freed(s: Session, subject: Subject) -> None:
    """The key of a deleted record may be used again, or is refused: it is never answered with the deleted record."""
    record = s.create(subject)
    if not s.delete(record).ok:
        raise Impossible("it cannot be deleted")
    reply = s.send(s.creation(subject, record.sent))
    s.claim("differ", "a create with the key of a deleted record gave the deleted record", at=s.operation(subject, _kind(subject)), left=record.id,
            right=Ref(reply.step, (*record.inside, subject.id_field)), given=[Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was created")])


# --- idempotency keys -----------------------------------------------------------------------------------------------------------


def _rule(s: Session, subject: Subject) -> Idempotency:
    rule = s.api.behaviour.idempotency
    operation = subject.operations.get(_kind(subject))
    if rule is None or operation is None or not s.api.is_keyed(operation):
        raise Impossible("no idempotency key counts here")
    return rule


def _key(s: Session) -> str:
    return f"{s.bodies.mark}-key-{s.recipes.next()}"


def replay(s: Session, subject: Subject) -> None:
    """The same request with the same key is answered as the first time, and done once."""
    rule = _rule(s, subject)
    operation = s.operation(subject, _kind(subject))
    record = s.create(subject, headers={rule.header: _key(s)})
    first = s.steps[record.step]
    before = _listed(s, subject)
    second = s.send(first)
    created = Claim("there", {"value": record.id}, "the first was accepted")
    s.claim("equal", "the same request with the same key is answered with another status", at=operation, mark="status", left=status(record.step), right=status(second.step), given=[created])
    s.claim("equal", "the same request with the same key is answered otherwise", at=operation, mark="body", left=Ref(record.step), right=Ref(second.step), given=[created])
    if rule.replay_header and s.api.said:
        s.claim("there", f"a repeated answer comes without {rule.replay_header}", at=operation, mark="header", value=Ref(second.step, (rule.replay_header.lower(),), "headers"),
                given=[created, Claim("among", {"value": status(second.step), "options": ["2xx"]}, "it was repeated")])
        s.claim("missing", f"a first answer comes with {rule.replay_header}", at=operation, mark="first header", value=Ref(record.step, (rule.replay_header.lower(),), "headers"))
    _as_listed(s, subject, before, "a request repeated with its key was done twice", "once", created)


def mismatch(s: Session, subject: Subject) -> None:
    """Another request with a used key is refused, and not done."""
    rule = _rule(s, subject)
    operation = s.operation(subject, _kind(subject))
    record = s.create(subject, headers={rule.header: _key(s)})
    body = s.body(subject, s.recipes.chosen.get(subject.name, 0))
    if resolve(body, s.answers) == resolve(dict(record.sent), s.answers):
        raise Impossible("only one body is known that it takes")
    before = _listed(s, subject)
    reply = s.send(s.creation(subject, body, headers=dict(s.steps[record.step].headers)))
    created = Claim("there", {"value": record.id}, "the first was accepted")
    s.claim("among", f"another request with a used key is answered {reply.status}", at=operation, mark="status", value=status(reply.step), options=REFUSED, given=[created])
    _as_listed(s, subject, before, "another request with a used key was done", "not done", created)


def separate(s: Session, subject: Subject) -> None:
    """Different keys make different records; a request without a key is not taken for one with."""
    rule = _rule(s, subject)
    operation = s.operation(subject, _kind(subject))
    s.create(subject)
    s.create(subject)  # a second one is taken: where it is not, a key makes no difference
    one = s.create(subject, headers={rule.header: _key(s)})
    body = s.body(subject, s.recipes.chosen.get(subject.name, 0))
    other = s.send(s.creation(subject, body, headers={rule.header: _key(s)}))
    s.claim("among", f"a request with a key of its own is answered {other.status}", at=operation, mark="taken", value=status(other.step), options=["2xx"],
            given=[Claim("there", {"value": one.id}, "one like it was accepted")])
    s.claim("differ", "two keys gave one record", at=operation, mark="keys", left=one.id, right=Ref(other.step, (*one.inside, subject.id_field)))
    if not subject.resource.key and not subject.resource.unique:
        plain = s.creation(subject, one.sent)
        first, second = s.send(plain), s.send(plain)
        s.claim("differ", "two requests without a key gave one record", at=operation, mark="without", left=Ref(first.step, (*one.inside, subject.id_field)),
                right=Ref(second.step, (*one.inside, subject.id_field)), given=[Claim("among", {"value": status(one_.step), "options": ["2xx"]}, "") for one_ in (first, second)])


def unburnt(s: Session, subject: Subject) -> None:
    """A request refused for its body does not use its key up."""
    rule = _rule(s, subject)
    if 400 not in rule.released and 422 not in rule.released:
        raise Impossible("every answer pins its key")
    key = _key(s)
    operation = s.operation(subject, _kind(subject))
    s.create(subject)
    s.create(subject)  # a second one is taken
    bad = s.send(s.creation(subject, {}, headers={rule.header: key}))
    if bad.status not in rule.released:
        raise Impossible(f"an empty body is answered {bad.status}")
    body = s.body(subject, s.recipes.chosen.get(subject.name, 0))
    good = s.send(s.creation(subject, body, headers={rule.header: key}))
    s.claim("among", f"after a refusal its key is answered {good.status}", at=operation, value=status(good.step), options=["2xx"],
            given=[Claim("among", {"value": status(bad.step), "options": sorted(rule.released)}, "it was refused")])


def race_with_key(s: Session, subject: Subject) -> None:
    """Of many requests at once with one idempotency key one is done."""
    rule = _rule(s, subject)
    operation = s.operation(subject, _kind(subject))
    s.create(subject)
    body = s.body(subject, s.recipes.chosen.get(subject.name, 0))
    step = s.creation(subject, body, headers={rule.header: _key(s)})
    before = _listed(s, subject)
    replies = s.send_together([step] * MANY)
    done = [Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was done") for reply in replies if reply.ok][:1]
    if not done:
        raise Impossible(f"it is answered {replies[0].status}")
    inside = (subject.resource.wrap,) if subject.resource.wrap else ()
    s.claim("one_record", "one key, sent many times at once, made several records", at=operation, mark="ids",
            ids=[Ref(reply.step, (*inside, subject.id_field)) for reply in replies if reply.ok])
    if before is not None:
        after = whole(s, subject)
        s.claim("longer", "one key, sent many times at once, was done more than once", at=operation, mark="once", before=before.items, after=after.items, by=1,
                given=[*before.ended, *after.ended, *done])


def race_for_key(s: Session, subject: Subject) -> None:
    """Of many creates at once with one key of the record one wins."""
    if not subject.resource.key:
        raise Impossible("no key is unique")
    record = s.create(subject)
    if subject.resource.key not in record.sent:
        raise Impossible("the key is not sent")
    body = dict(record.sent)
    schema, _ = subject.written("create")
    shape = s.api.contract.shape(schema, "request") if schema else None
    fresh: Any = s.bodies.value(shape.properties[subject.resource.key], s.recipes.next(), subject.resource.key) if shape else None
    step = s.creation(subject, {**body, subject.resource.key: fresh})
    replies = s.send_together([step] * MANY)
    s.claim("one_wins", "of many creates at once with one key not exactly one was accepted", at=s.operation(subject, "create"), statuses=[status(reply.step) for reply in replies],
            given=[Claim("there", {"value": record.id}, "one like them is accepted")])


def _keyed(subject: Subject) -> bool:
    operation = subject.operations.get(_kind(subject))
    return operation is not None and subject.api.is_keyed(operation)


def _has_key(subject: Subject) -> bool:
    return bool(subject.resource.key or subject.resource.unique)


KEYS = (
    Law("alternate key", alternate, "a record by its key is the record by its id", "the behaviour", frozenset({"create", "retrieve"}),
        lambda subject: bool(subject.resource.key and subject.resource.key_in_path), "keys"),
    Law("uniqueness", unique, "a second record with the same key is refused", "the behaviour", frozenset({"create"}), _has_key, "keys"),
    Law("a freed key", freed, "a deleted record does not come back by its key", "RESTler UseAfterFree", frozenset({"create", "delete"}), _has_key, "keys"),
    Law("idempotency key", replay, "a repeated request is answered as the first time and done once", IETF, frozenset({"create"}), _keyed, "idempotency"),
    Law("idempotency key, other request", mismatch, "another request with a used key is refused", IETF, frozenset({"create"}), _keyed, "idempotency"),
    Law("idempotency keys apart", separate, "different keys make different records", IETF, frozenset({"create"}), _keyed, "idempotency"),
    Law("idempotency key after a refusal", unburnt, "a refused request does not use its key up", IETF, frozenset({"create"}), _keyed, "idempotency"),
    Law("a race with one idempotency key", race_with_key, "of many at once one is done", IETF, frozenset({"create"}), _keyed, "concurrency"),
    Law("a race for one key", race_for_key, "of many creates with one key one wins", "the behaviour", frozenset({"create"}), lambda subject: bool(subject.resource.key), "concurrency"),
)

