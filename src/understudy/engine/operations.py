"""What each kind of operation does: a table from kind to function, each taking a scene to an outcome.

1. A function here knows resources and records; it does not know HTTP, files or vendors.
2. State changes go through the scene's transaction; nothing else is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from understudy.engine import lists
from understudy.engine.answering import (
    NOT_MODELLED,
    after,
    answer,
    answer_value,
    example_of,
    expanded,
    fresh,
    not_modelled,
)
from understudy.engine.dressing import inner
from understudy.engine.filtering import Filters
from understudy.engine.kinds import WITHIN, Kind, Record
from understudy.engine.outcomes import Outcome, encode
from understudy.engine.patching import merge_patched, patched
from understudy.engine.scenes import Scene, id_of, named, parents, the_one
from understudy.engine.searching import SEARCHES
from understudy.exact import read
from understudy.problems import Problem


def retrieve(scene: Scene) -> Outcome:
    """Answer with the record the path names; as it is kept, where all of it may leave and nothing is to be added."""
    plan = scene.plan
    if plan.verbatim and not scene.kind.mixed and not (plan.lists.expand and scene.call.query.get(plan.lists.expand)):
        id = scene.call.path[str(plan.role.id_parameter)]
        kept = scene.tx.kept(scene.kind.name, id)
        if kept is not None:
            return Outcome(plan.status, kept, plan.media_type, f"{scene.kind.name} {id} as it is")
    record = named(scene)
    return answer(scene, record, f"{scene.kind.name} {id_of(scene, record)} as it is")


def create(scene: Scene) -> Outcome:
    """Make a record of what the client sent."""
    body = _sent(scene)
    if scene.plan.role.parents:
        body = {**body, **parents(scene)}
    record = scene.tx.create(scene.kind.name, body)
    return after(scene, record, f"{scene.kind.name} {id_of(scene, record)} created")


# --- changing --------------------------------------------------------------------------------------------------


def update(scene: Scene) -> Outcome:
    """Change what was sent and only that; objects merge, arrays are replaced (RFC 7396)."""
    record = _present(scene)
    id = id_of(scene, record)
    if isinstance(scene.call.body, list):
        _put(scene, record, _kept_apart(scene, record, patched(scene.kind.public(record), scene.call.body)))
    elif scene.plan.clears:
        _put(scene, record, merge_patched(record, _settable(scene)))
    else:
        scene.tx.update(scene.kind.name, id, _merged(scene.kind, record, _settable(scene)))
    return after(scene, record, f"{scene.kind.name} {id} updated")


def _settable(scene: Scene) -> Record:
    """What was sent but for a record's id, its type and its time stamps, which stay whatever a document lets a client send."""
    row = scene.kind.resource
    fixed = (row.id_field, row.object_field if row.object_type is not None else None, *row.stamps.values())
    return {name: value for name, value in _sent(scene).items() if name not in fixed}


def _present(scene: Scene) -> Record:
    """The record to change; a singleton nobody has written to begins now."""
    record = named(scene)
    kind = scene.kind
    if kind.resource.singleton and not scene.tx.exists(kind.name, id_of(scene, record)):
        return scene.tx.create(kind.name, {kind.resource.id_field: record[kind.resource.id_field], **parents(scene)}, record)
    return record


def _kept_apart(scene: Scene, record: Record, shown: Record) -> Record:
    """A changed record with the private fields it had before, and its own id."""
    private = {} if scene.kind.declared is None else {name: part for name, part in record.items() if name not in scene.kind.declared}
    return {**private, **shown, scene.kind.resource.id_field: record[scene.kind.resource.id_field]}


def replace(scene: Scene) -> Outcome:
    """Put what was sent in the place of what the client may set; the server's own fields stay."""
    try:
        record = _present(scene)
    except Problem as problem:
        if problem.kind != "unknown_record" or scene.plan.made is None:
            raise
        return _made(scene)
    body = _sent(scene)
    own = _own_fields(scene) | _unsettable(scene, record)
    kept = {field: value for field, value in record.items() if field in own}
    _put(scene, record, {**kept, **{field: value for field, value in body.items() if field not in kept or field == scene.kind.state_field}})
    return after(scene, record, f"{scene.kind.name} {id_of(scene, record)} replaced")


def _made(scene: Scene) -> Outcome:
    """A PUT on an item that is not there makes it, under the id in the path (RFC 9110 section 9.3.4)."""
    assert scene.plan.made is not None
    row = scene.kind.resource
    id = scene.call.path.get(str(scene.plan.role.id_parameter))
    making = scene._replace(plan=scene.plan.made)
    record = scene.tx.create(row.name, {**_sent(scene), **parents(scene), str(row.key) if row.id_field == WITHIN else row.id_field: id})
    return after(making, record, f"{row.name} {id} created")


def _put(scene: Scene, record: Record, whole: Record) -> None:
    """A whole record in the place of another, its state by the lifecycle alone."""
    machine, id = scene.kind.resource.lifecycle, id_of(scene, record)
    target = whole.get(machine.field) if machine else None
    if machine is not None:
        whole = {**whole, machine.field: record.get(machine.field)}
    scene.tx.replace(scene.kind.name, id, whole)
    if machine is not None and target is not None and target != record.get(machine.field):
        scene.tx.update(scene.kind.name, id, {machine.field: target})


def _own_fields(scene: Scene) -> set[str]:
    """The fields of a record that are the server's: what the request's schema does not know."""
    row = scene.kind.resource
    own = {row.id_field, *row.stamps.values(), *row.parents.values()}
    if row.lifecycle:
        own.add(row.lifecycle.field)
    if row.object_type is not None:
        own.add(row.object_field)
    if scene.kind.schema is not None:
        own |= scene.script.contract.shape(scene.kind.schema, "response").read_only
    return own


def _unsettable(scene: Scene, record: Record) -> set[str]:
    """The fields of a record that the operation's body has no property for: nobody can send them, so nobody takes them away."""
    body = scene.plan.operation.body
    schema = next((one for name, one in body.content.items() if "json" in name), None) if body else None
    part = inner(scene.script.contract, schema, scene.plan.unwrap, "request")[0]
    known = scene.script.contract.shape(part, "request").properties if part is not None else {}
    return set(record).difference(known) if known else set()


def upsert(scene: Scene) -> Outcome:
    """Update the record with the same id or key, or create one."""
    body, row = _sent(scene), scene.kind.resource
    above = parents(scene) if row.id_field == WITHIN else {}
    found = scene.tx.by_key(scene.kind.name, body[row.key], above) if row.key and body.get(row.key) is not None else None
    if found is None and scene.kind.chooses and body.get(row.id_field) is not None:
        found = scene.tx.get(scene.kind.name, str(body[row.id_field]))
    if found is None:
        return create(scene)
    scene.tx.update(scene.kind.name, id_of(scene, found), _merged(scene.kind, found, body))
    return after(scene, found, f"{scene.kind.name} {id_of(scene, found)} found by its {row.key or row.id_field} and updated")


def delete(scene: Scene) -> Outcome:
    """Remove the record; nothing may refer to it."""
    record = named(scene)
    if not scene.plan.frees:
        _check_unused(scene, record)
    scene.tx.delete(scene.kind.name, id_of(scene, record))
    outcome = answer(scene, record, f"{scene.kind.name} {id_of(scene, record)} deleted")
    scene.tx.settle()
    return outcome


def _check_unused(scene: Scene, record: Record) -> None:
    id = record[scene.kind.resource.id_field]
    for other in scene.script.behaviour.resources.values():
        for field, target in other.refers_to.items():
            if target != scene.kind.name or other.internal or "*" in field:
                continue
            user = scene.tx.first(other.name, **{field: id})
            if user is not None:
                raise Problem("in_use", f"the {other.name} {user.get(other.id_field)} refers to it by {field}; delete that first",
                              resource=scene.kind.name, id=str(id))


# --- actions ---------------------------------------------------------------------------------------------------


def action(scene: Scene) -> Outcome:
    """Fire the trigger of the same name."""
    record = named(scene)
    role, machine = scene.plan.role, scene.kind.resource.lifecycle
    if machine is not None and role.trigger in machine.triggers():
        moved = scene.tx.fire(scene.kind.name, id_of(scene, record), str(role.trigger))
        return after(scene, moved, f"{role.trigger}: {scene.kind.state(record)} -> {scene.kind.state(moved)}")
    return not_modelled(scene, record)


def effect(scene: Scene) -> Outcome:
    """Run an operation's effect, with the record its path names, if any."""
    assert scene.plan.effect is not None
    call = scene.call
    record = named(scene) if scene.plan.role.id_parameter and scene.plan.kind else None
    result = scene.plan.effect(scene.tx, call._replace(record=record))
    scene.tx.settle()
    if result is None and record is not None:
        result = scene.tx.get(scene.kind.name, id_of(scene, record)) or record
    return answer_value(scene, fresh(scene, result), f"{scene.plan.effect.__name__}")


# --- lists -----------------------------------------------------------------------------------------------------


def list_(scene: Scene) -> Outcome:
    """A page of the collection."""
    asked = scene.plan.paging.read(scene.call)
    if scene.plan.role.parents:
        equals, ranges, where = asked.filters
        own = tuple((field, frozenset((value,))) for field, value in parents(scene).items())
        asked = asked._replace(filters=Filters(equals + own, ranges, where))
    return _page(scene, asked)


def _page(scene: Scene, asked: lists.Asked) -> Outcome:
    plan, paging, window = scene.plan, scene.plan.paging, asked.window
    page = scene.select(scene.kind.name, asked)
    if page.offset != window.offset:
        window = window._replace(offset=page.offset)
    rows = _rows(scene, page.rows)
    facts = lists.Facts(paging, scene.call, window, page.total, rows)
    outcome = Outcome(plan.status, lists.envelope(paging, facts), plan.media_type, f"{len(rows)} of {page.total} {scene.kind.name}")
    if plan.mended:
        return _judged(scene, facts, outcome)
    return outcome


def _judged(scene: Scene, facts: lists.Facts, outcome: Outcome) -> Outcome:
    """The page, with links to those around it where the document declares them; an example where it allows no such page."""
    schema = scene.plan.schema
    if schema is not None and not scene.script.contract.validator(schema, "response").is_valid(read(outcome.body)):
        broken = scene.script.contract.validator(schema, "response").first(read(outcome.body))
        said = f"the document allows no such page: {broken.field} {broken.message}" if broken else ""
        return example_of(scene, f"not modelled: {said}", {NOT_MODELLED: said})
    around = lists.links(facts) if scene.plan.lists.link_header else ""
    return outcome._replace(headers={"Link": around}) if around else outcome


def _rows(scene: Scene, rows: Sequence[bytes]) -> Sequence[bytes]:
    """The records as they may leave: the kept bytes, decoded only where fields are private or expanded."""
    rules, dress = scene.plan.lists, scene.plan.rows
    if dress is not None:
        return [encode(dress(expanded(scene, read(row)))) for row in rows]
    left_out = lists.not_asked_for(rules, scene.call.query) if rules.asked_for else ()
    if not scene.kind.mixed and not left_out and not (rules.expand and scene.call.query.get(rules.expand)):
        return rows
    return [encode(lists.without(scene.kind.public(expanded(scene, read(row))), left_out)) for row in rows]


def search(scene: Scene) -> Outcome:
    """A page of the records a search body describes."""
    rules = scene.kind.resource.search or scene.script.behaviour.search
    filters = SEARCHES[rules.style](_object(scene.call.body), scene.kind.declared or frozenset())
    default = rules.default_order if rules.default_order in (scene.kind.declared or ()) else None
    order_by, descending = lists.order(scene.plan.lists, scene.call.query, default, rules.descending)
    return _page(scene, lists.Asked(filters, order_by, descending, scene.plan.paging.window(scene.call.query)))


def singleton(scene: Scene) -> Outcome:
    """The one record of its kind."""
    return answer(scene, the_one(scene), "the one record")


def example(scene: Scene) -> Outcome:
    """A valid, deterministic answer for an operation no convention understands."""
    record = None
    if scene.plan.kind is not None and scene.plan.role.id_parameter:
        record = named(scene)
    return not_modelled(scene, record)


TABLE: Mapping[str, Callable[[Scene], Outcome]] = {
    "list": list_,
    "retrieve": retrieve,
    "create": create,
    "update": update,
    "replace": replace,
    "upsert": upsert,
    "delete": delete,
    "action": action,
    "search": search,
    "effect": effect,
    "singleton": singleton,
    "example": example,
}
"""What plays each kind of role."""


# --- bodies ----------------------------------------------------------------------------------------------------


def _object(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {}


def _sent(scene: Scene) -> dict[str, Any]:
    """What the client sent of the record, out of the property that holds it."""
    body = _object(scene.call.body)
    return body if scene.plan.unwrap is None else _object(body.get(scene.plan.unwrap))


def _merged(kind: Kind, record: Record, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields a body touches, objects merged with the record's. A null the document forbids leaves the value alone."""
    return {field: _merge(record.get(field), value) for field, value in body.items() if value is not None or kind.nullable(field)}


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{field: _merge(old.get(field), value) for field, value in new.items()}}
    return new
