"""Laws of refusals: what the document forbids is refused as it declares, and nothing has changed afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.check.bodies import edges, limits, wrong
from understudy.check.claims import Claim, status
from understudy.check.laws.law import Law
from understudy.check.laws.records import GONE
from understudy.check.session import Impossible, Record, Reply, Session
from understudy.check.steps import ABSENT, Ref, Step
from understudy.check.subjects import Subject
from understudy.check.walking import Walk, whole

REFUSED = ["4xx"]
INVALID = [400, 409, 413, 415, 422]
RFC = "RFC 9110 section 15.5"


def _statuses(s: Session, kind: str, default: Sequence[Any]) -> list[Any]:
    """How a kind of problem is answered: as the behaviour file says, else the usual ways."""
    said = s.api.behaviour.errors.rows.get(kind, {}).get("status")
    if said is None or not any("errors" in data for data in s.api.said):
        return list(default)
    return [said] if isinstance(said, int) else list(said)


def unknown(s: Session, subject: Subject) -> None:
    """A record that is not there is not found, whatever is asked of it."""
    missing = missing_id(s.create(subject).value[subject.id_field])
    for kind in ("retrieve", "delete", "update", *subject.actions):
        operation = subject.operations.get(kind) or subject.actions.get(kind)
        if operation is None:
            continue
        role = s.api.roles[operation.key]
        if role.id_parameter is None:
            continue
        body: Any = {} if operation.body is not None and operation.body.required else None
        reply = s.send(s.step(operation, subject, parameters={role.id_parameter: missing}, body=body))
        options = _statuses(s, "unknown_record", GONE) if body is None else [*_statuses(s, "unknown_record", GONE), 400, 422]
        s.claim("among", f"{kind} of a record that is not there is answered {reply.status}", at=operation, mark=kind, value=status(reply.step), options=options)


def missing_id(id: Any) -> Any:
    """An id of the right form that no record has, made of one that a record has."""
    if isinstance(id, int):
        return id + 1_000_000
    text = str(id)
    swapped = "".join(_swap(one) if index >= len(text) - 8 else one for index, one in enumerate(text))
    return swapped if swapped != text else text + "x"


def _swap(one: str) -> str:
    if one.isdigit():
        return str((int(one) + 5) % 10)
    hexed = "fedcba" if one in "abcdef" else "zyxwvutsrqponmlkjihgfedcba"
    alphabet = "abcdef" if one in "abcdef" else "abcdefghijklmnopqrstuvwxyz"
    lower = one.lower()
    if lower in alphabet:
        other = hexed[alphabet.index(lower)]
        return other.upper() if one.isupper() else other
    return one


def invalid_creates(s: Session, subject: Subject) -> None:
    """A body that breaks the document in one place is refused, and nothing is made."""
    made = s.create(subject)
    kind = "create" if "create" in subject.operations else "upsert"
    schema, wrap = subject.written(kind)
    operation = s.operation(subject, kind)
    if schema is None:
        raise Impossible("a create has no body")
    count = _count(s, subject)
    for name, what, body in wrong(s.api.contract, schema, _plain(s, made), strictly=bool(subject.said)):
        sent = _fresh(s, subject, body, name)
        reply = s.send(s.step(operation, subject, body={wrap: sent} if wrap else sent))
        s.claim("among", f"a create with {name} {what} is answered {reply.status}", at=operation, mark=f"{name} {what}", value=status(reply.step), options=_statuses(s, "invalid_field", INVALID) + [404] * (name in subject.resource.refers_to))
    _no_more(s, subject, count, operation.key)


def _plain(s: Session, record: Record) -> dict[str, Any]:
    """The body a record was made of, with what was referred to in it written out, as schemas judge it."""
    from understudy.check.steps import resolve  # the sent body may hold references

    return dict(resolve(dict(record.sent), s.answers))


def _fresh(s: Session, subject: Subject, body: dict[str, Any], broken: str) -> dict[str, Any]:
    """The body with a key of its own, so that it is not refused for being known already."""
    keys = {subject.resource.key, *(name for names in subject.resource.unique for name in names)} - {None, broken}
    schema, _ = subject.written("create" if "create" in subject.operations else "upsert")
    shape = s.api.contract.shape(schema, "request") if schema is not None else None
    fresh = {str(name): s.bodies.value(shape.properties[str(name)], s.recipes.next(), str(name)) for name in keys if shape and name in body and name in shape.properties}
    references = {name: made for name, resource in subject.resource.refers_to.items() if name in body and name != broken and not isinstance(body[name], list) and (made := s._reference(subject, resource))}
    return {**body, **fresh, **references}


def _count(s: Session, subject: Subject) -> Walk | None:
    return whole(s, subject) if "list" in subject.operations else None


def _no_more(s: Session, subject: Subject, before: Walk | None, label: str) -> None:
    if before is None:
        return
    after = whole(s, subject)
    s.claim("same_set", "refused requests changed the list", at=s.api.by_key[label], mark="nothing made", left=before.items, right=after.items, key=subject.id_field,
            given=[*before.ended, *after.ended])


def invalid_updates(s: Session, subject: Subject) -> None:
    """An update that breaks the document is refused, and the record is as it was."""
    schema, wrap = subject.written("update")
    if schema is None:
        raise Impossible("an update has no body")
    record = s.again(s.create(subject))
    operation = s.operation(subject, "update")
    shape = s.api.contract.shape(schema, "request")
    base = {name: value for name, value in record.value.items() if name in shape.required or (name in shape.properties and name not in shape.read_only and name != subject.state_field)}
    base = {name: value for name, value in base.items() if s.bodies.is_valid(shape.properties[name], value)}
    for name, what, body in wrong(s.api.contract, schema, base, strictly=bool(subject.said)):
        sent = {one: value for one, value in body.items() if one == name or one in shape.required} if what != "missing" else body
        reply = s.send(s.step(operation, subject, record, body={wrap: sent} if wrap else sent))
        s.claim("among", f"an update with {name} {what} is answered {reply.status}", at=operation, mark=f"{name} {what}", value=status(reply.step),
                options=_statuses(s, "invalid_field", INVALID) + [404] * (name in subject.resource.refers_to))
    _as_it_was(s, record, operation.key)


def _as_it_was(s: Session, record: Record, label: str) -> None:
    late = s.get(record)
    s.claim("equal", "refused requests changed the record", at=s.api.by_key[label], mark="untouched", left=record.ref(), right=Ref(late.step, record.inside),
            given=[Claim("among", {"value": status(late.step), "options": ["2xx"]}, "it is there")])


def half_refused(s: Session, subject: Subject) -> None:
    """An update with a good part and a bad part changes neither."""
    schema, wrap = subject.written("update")
    if schema is None:
        raise Impossible("an update has no body")
    shape = s.api.contract.shape(schema, "request")
    record = s.again(s.create(subject))
    operation = s.operation(subject, "update")
    held = {subject.id_field, subject.state_field, subject.resource.key, *subject.resource.refers_to, *subject.resource.by_key}
    good = {name: s.bodies.other(one, s.recipes.next(), name, record.value.get(name)) for name, one in shape.properties.items() if name not in held | shape.read_only}
    good = {name: value for name, value in good.items() if value is not ABSENT}
    for name, what, body in wrong(s.api.contract, schema, good):
        if what in ("missing", "null"):
            continue
        for ordered in (body, dict(reversed(body.items()))):
            reply = s.send(s.step(operation, subject, record, body={wrap: ordered} if wrap else ordered))
            late = s.get(record)
            s.claim("equal", f"an update refused for {name} changed the record", at=operation, mark="half", left=record.ref(), right=Ref(late.step, record.inside),
                    given=[Claim("among", {"value": status(reply.step), "options": REFUSED}, "it was refused")])


def limits_kept(s: Session, subject: Subject) -> None:
    """A value at the very limit of what the document allows is taken, and comes back."""
    made = s.create(subject)
    kind = "create" if "create" in subject.operations else "upsert"
    schema, wrap = subject.written(kind)
    operation = s.operation(subject, kind)
    if schema is None or s.api.roles[operation.key].effect is not None:
        raise Impossible("an effect may refuse more than the document says")
    body = _plain(s, made)
    for name, what, edge in edges(s.api.contract, schema, body):
        if name in subject.resource.refers_to or name == subject.state_field:
            continue
        sent = _fresh(s, subject, edge, name)
        reply = s.send(s.step(operation, subject, body={wrap: sent} if wrap else sent))
        if "errors" in subject.said or subject.said:
            s.claim("among", f"a create with {name} at {what} is answered {reply.status}", at=operation, mark=f"{name} {what}", value=status(reply.step), options=["2xx"])
        if reply.ok and (shown := s.record(subject, reply, sent)) is not None and subject.read is not None and name in subject.read.properties and name not in subject.own:
            s.claim("holds", f"{name} at {what} does not come back as sent", at=operation, mark=f"{name} {what} kept", got=shown.ref(name), sent=sent[name])


def strange_requests(s: Session, subject: Subject) -> None:
    """JSON that is none, another media type, another method: refused as HTTP has it, and nothing is made."""
    kind = "create" if "create" in subject.operations else "upsert"
    operation = s.operation(subject, kind)
    if operation.body is None:
        raise Impossible("a create has no body")
    made = s.create(subject)
    count = _count(s, subject)
    step = s.step(operation, subject, raw=b'{"broken": ')
    reply = s.send(step)
    s.claim("among", f"a body that is no JSON is answered {reply.status}", at=operation, mark="no JSON", value=status(reply.step), options=[400, 415, 422])
    from dataclasses import replace  # of a step, here only

    plain = s.send(replace(step, raw=b"understudy", media="text/plain"))
    s.claim("among", f"a body in text/plain is answered {plain.status}", at=operation, mark="media type", value=status(plain.step), options=[400, 415, 422])
    if "415" in operation.responses:
        good = s.creation(subject, s.body(subject, s.recipes.chosen.get(subject.name, 0)))
        odd = s.send(replace(good, media="text/plain"))
        s.claim("among", f"a body in text/plain is answered {odd.status}", at=operation, mark="other media type", value=status(odd.step), options=["4xx"])
    for kind_of, value in (("a list", []), ("a text", "understudy")):
        odd = s.send(replace(step, raw=None, body=value))
        s.claim("among", f"{kind_of} for a body is answered {odd.status}", at=operation, mark=kind_of, value=status(odd.step), options=[400, 415, 422])
    if operation.body is not None and operation.body.required:
        empty = s.send(replace(step, raw=None))
        s.claim("among", f"no body at all is answered {empty.status}", at=operation, mark="no body", value=status(empty.step), options=[400, 411, 415, 422])
    if made is not None:
        _no_more(s, subject, count, operation.key)


def other_methods(s: Session, subject: Subject) -> None:
    """A method the path does not have is answered 405 with Allow, or 404; it changes nothing."""
    operation = s.operation(subject, "retrieve")
    record = s.again(s.create(subject))
    here = [one for one in s.api.contract.operations if one.path == operation.path]
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        if any(one.method == method for one in here):
            continue
        step = s.step(operation, subject, record)
        reply = s.send(Step("", method, step.path, step.parameters, body={}))
        s.claim("among", f"{method}, which this path does not have, is answered {reply.status}", at=operation, mark=method, value=status(reply.step), options=[405, 404, 501, 403])
        s.claim("there", "a 405 comes without Allow", at=operation, mark="allow", value=Ref(reply.step, ("allow",), "headers"),
                given=[Claim("among", {"value": status(reply.step), "options": [405]}, "")])
    step = s.step(operation, subject, record)
    lost = s.send(Step("", "GET", f"{step.path}/understudy-{s.recipes.next()}/nowhere", step.parameters))
    s.claim("among", f"a path that nobody declared is answered {lost.status}", at=operation, mark="nowhere", value=status(lost.step), options=[404, 400, 401, 403, 410, 501])
    _as_it_was(s, record, operation.key)


def invalid_queries(s: Session, subject: Subject) -> None:
    """A parameter of a list that is none of its values is refused, where the operation has a status for it."""
    operation = s.operation(subject, "list")
    if not {"400", "422", "4XX"} & operation.responses.keys():
        raise Impossible("a list is never refused for its parameters")
    for parameter in operation.parameters:
        shape = s.api.contract.shape(parameter.schema, "request") if parameter.location == "query" and parameter.schema is not None else None
        if shape is None or not (shape.enum or shape.types in ({"integer"}, {"number"}, {"boolean"})):
            continue
        reply = s.send(s.step(operation, subject, query=((parameter.name, "no-such-value"),)))
        s.claim("among", f"{parameter.name}=no-such-value is answered {reply.status}", at=operation, mark=parameter.name, value=status(reply.step), options=INVALID)
        if subject.said and parameter.schema is not None and not shape.enum:
            _bounded(s, subject, parameter.name, limits(parameter.schema))


def _bounded(s: Session, subject: Subject, name: str, bounds: tuple[Any, Any]) -> None:
    """A number of a query is taken at its limits, and refused beyond them."""
    operation = s.operation(subject, "list")
    for bound, step in zip(bounds, (-1, 1), strict=True):
        if bound is None:
            continue
        for value, options in ((bound, ["2xx"]), (bound + step, INVALID)):
            reply = s.send(s.step(operation, subject, query=((name, value),)))
            s.claim("among", f"{name}={value} is answered {reply.status}", at=operation, mark=f"{name} {value}", value=status(reply.step), options=options)


def in_use(s: Session, subject: Subject) -> None:
    """A record that others refer to is deleted as declared, or stays as it was."""
    operation = s.operation(subject, "delete")
    user = next((one for one in s.api.subjects.values() if one is not subject and "create" in one.operations
                 and any(target == subject.name and "." not in name for name, target in one.resource.refers_to.items())), None)
    if user is None:
        raise Impossible(f"nothing refers to a {subject.name}")
    used = s.create(user)
    record = s.again(s.dependency(subject.name))
    s.forget_references()
    other = s.create(user)  # of another one
    reply = s.delete(record)
    late = s.get(record)
    _orphaned(s, subject, used, reply)
    if "retrieve" in user.operations:
        bystander = s.get(other)
        s.claim("among", f"deleting a {subject.name} took a {user.name} of another", at=operation, mark="others of others", value=status(bystander.step), options=["2xx"],
                given=[Claim("among", {"value": status(reply.step), "options": ["2xx", "4xx"]}, "it was asked for")])
    refused = Claim("among", {"value": status(reply.step), "options": ["4xx"]}, "it was refused")
    s.claim("among", f"after a refused delete a {subject.name} is answered {late.status}", at=operation, mark="there", value=status(late.step), options=["2xx"], given=[refused])
    s.claim("equal", f"a refused delete changed the {subject.name}", at=operation, mark="untouched", left=record.ref(), right=Ref(late.step, record.inside), given=[refused])


def _orphaned(s: Session, subject: Subject, used: Record, reply: Reply) -> None:
    """What stood in the path of a deleted record is gone with it; a delete of what others refer to is refused, where a status is said for that."""
    operation = s.operation(subject, "delete")
    retrieve = used.subject.operations.get("retrieve")
    parents = s.api.roles[retrieve.key].parents.values() if retrieve is not None else ()
    if any(used.subject.resource.refers_to.get(at) == subject.name for at in parents):
        orphan = s.get(used)
        s.claim("among", f"a {used.subject.name} is still there without the {subject.name} it belongs to", at=operation, mark="orphan", value=status(orphan.step), options=GONE,
                given=[Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was deleted")])
    elif any("in_use" in data.get("errors", {}).get("kinds", {}) for data in s.api.said):
        s.claim("among", f"deleting a {subject.name} that is in use is answered {reply.status}", at=operation, mark="refused", value=status(reply.step), options=_statuses(s, "in_use", REFUSED))


# --- references ---------------------------------------------------------------------------------------------------------------


def references(s: Session, subject: Subject) -> None:
    """A reference to nothing is refused, and nothing is made."""
    kind = "create" if "create" in subject.operations else "upsert"
    operation = s.operation(subject, kind)
    made = s.create(subject)
    wrap = subject.written(kind)[1]
    count = _count(s, subject)
    for name, resource in subject.resource.refers_to.items():
        target = s.api.subjects.get(resource)
        if name not in made.sent or target is None or "." in name or isinstance(made.sent[name], list):
            continue
        body = {**_fresh(s, subject, _plain(s, made), name), name: missing_id(s.create(target).value[target.id_field])}
        reply = s.send(s.step(operation, subject, body={wrap: body} if wrap else body))
        s.claim("among", f"{name} that refers to nothing is answered {reply.status}", at=operation, mark=name, value=status(reply.step), options=[404, 422, 400, 409])
    _no_more(s, subject, count, operation.key)


def _demanded(subject: Subject) -> bool:
    """References bind where a file says so, or where a create has a status for one that leads nowhere."""
    operation = subject.operations.get("create") or subject.operations.get("upsert")
    sure = "refers_to" in subject.said or bool(operation and {"404", "409"} & set(operation.responses))
    return bool(subject.resource.refers_to) and sure


# --- keys of the API ----------------------------------------------------------------------------------------------------------


def auth(s: Session, subject: Subject) -> None:
    """Without a key, or with a wrong one, nothing is answered and nothing changes."""
    kinds = ["list", "create", "upsert"]
    bodies = {kind: s.body(subject, 0) for kind in kinds[1:] if kind in subject.operations}  # what they refer to is made now
    before = _count(s, subject)
    for kind in kinds:
        operation = subject.operations.get(kind)
        if operation is None or not _guarded(s, subject, operation):
            continue
        body = bodies.get(kind)
        from dataclasses import replace  # of a step, here only

        step = s.step(operation, subject, body=body)
        for credentials in ("none", "wrong"):
            if credentials == "wrong" and "wrong" not in s.credentials:
                continue
            reply = s.send(replace(step, credentials=credentials))
            s.claim("among", f"with {'no' if credentials == 'none' else 'a wrong'} key it is answered {reply.status}", at=operation, mark=f"{kind} {credentials}",
                    value=status(reply.step), options=[401, 403])
    if before is not None:
        _no_more(s, subject, before, next(one.key for kind in kinds if (one := subject.operations.get(kind))))


def _guarded(s: Session, subject: Subject, operation: Any) -> bool:
    rule = s.api.behaviour.auth
    if rule is not None:
        return operation.security != () and not s.api.is_named(operation, rule.exempt)
    return bool(operation.security) and () not in operation.security


def _asks_for_keys(subject: Subject) -> bool:
    return any(_guarded_by(subject, operation) for operation in subject.operations.values())


def _guarded_by(subject: Subject, operation: Any) -> bool:
    return bool(subject.api.behaviour.auth is not None or (operation.security and () not in operation.security))


REFUSALS = (
    Law("unknown records", unknown, "what is not there is not found", RFC, frozenset({"create"}), tag="errors"),
    Law("invalid creates", invalid_creates, "a body that breaks the document is refused, and nothing is made", "OpenAPI, Schema Object; RESTler LeakageRule", frozenset({"create"}), tag="errors"),
    Law("invalid updates", invalid_updates, "an update that breaks the document is refused, and nothing changes", "OpenAPI, Schema Object; EvoMaster F901", frozenset({"create", "retrieve", "update"}), tag="errors"),
    Law("all or nothing", half_refused, "an update is taken whole or not at all", "RFC 5789 section 2", frozenset({"create", "retrieve", "update"}), tag="errors"),
    Law("limits", limits_kept, "what the document just allows is taken", "OpenAPI, Schema Object", frozenset({"create"}), tag="errors"),
    Law("strange requests", strange_requests, "what is no request is refused, and nothing is made", RFC, frozenset({"create"}), tag="errors"),
    Law("other methods", other_methods, "a method that a path does not have is answered 405", "RFC 9110 section 15.5.6", frozenset({"create", "retrieve"}), tag="errors"),
    Law("invalid queries", invalid_queries, "a parameter that is none of its values is refused", "OpenAPI, Parameter Object", frozenset({"list"}), tag="errors"),
    Law("in use", in_use, "a record that others refer to is deleted as declared, or stays", RFC, frozenset({"create", "retrieve", "delete"}), tag="errors"),
    Law("references exist", references, "a reference to nothing is refused", "the behaviour", frozenset({"create"}), _demanded, "errors"),
    Law("keys are asked for", auth, "without a good key nothing is answered", "RFC 9110 section 11", frozenset({"list"}), _asks_for_keys, "auth"),
)
