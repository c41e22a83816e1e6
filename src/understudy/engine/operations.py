"""What each kind of operation does: a table from kind to function, each taking a scene to an outcome.

1. A function here knows resources and records; it does not know HTTP, files or vendors.
2. State changes go through the scene's transaction; nothing else is touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import orjson

from understudy.behaviour.model import Search
from understudy.engine import lists
from understudy.engine.kinds import Kind, Record
from understudy.engine.outcomes import Call, Outcome, encode
from understudy.engine.plans import Plan, Script
from understudy.engine.transaction import Transaction
from understudy.problems import Problem


class Page(Protocol):
    """A page as a view gives it."""

    @property
    def total(self) -> int: ...
    @property
    def rows(self) -> Sequence[bytes]: ...
    @property
    def offset(self) -> int: ...


Select = Callable[..., Page]
"""Runs a query on the committed records: select(resource, filters, order_by, descending, window)."""


class Scene(NamedTuple):
    """One operation being played: the script, the plan, the call and the transaction it works in."""

    script: Script
    plan: Plan
    call: Call
    tx: Transaction
    select: Select

    @property
    def kind(self) -> Kind:
        """The resource of the operation; there is one for every role but `example`."""
        assert self.plan.kind is not None
        return self.plan.kind


# --- finding the record ----------------------------------------------------------------------------------------


def named(scene: Scene) -> Record:
    """The record the path names, by id or alternate key. Raises Problem `unknown_record`."""
    kind, parameter = scene.kind, scene.plan.role.id_parameter
    id = str(scene.call.path.get(parameter, "")) if parameter else ""
    record = scene.tx.get(kind.name, id)
    if record is None and kind.resource.key is not None and kind.resource.key_in_path:
        record = scene.tx.by_key(kind.name, id)
    if record is None or not _belongs(scene, record):
        raise Problem("unknown_record", f'the requested {kind.name} "{id}" could not be found', resource=kind.name, id=id, location="path")
    return record


def _belongs(scene: Scene, record: Record) -> bool:
    return all(
        str(record.get(field)) == str(scene.call.path[parameter])
        for parameter, field in scene.plan.role.parents.items()
        if parameter in scene.call.path
    )


def _parents(scene: Scene) -> dict[str, Any]:
    """The fields a new record takes from its path. Raises Problem `unknown_record` for a parent that is not there."""
    found = {}
    for parameter, field in scene.plan.role.parents.items():
        if parameter not in scene.call.path:
            continue
        value = scene.call.path[parameter]
        target = scene.kind.resource.refers_to.get(field)
        if target is not None:
            parent = scene.tx.get(target, str(value)) or scene.tx.by_key(target, value)
            if parent is None:
                raise Problem("unknown_record", f'the requested {target} "{value}" could not be found', resource=target, id=str(value), location="path")
            value = parent[scene.script.kind(target).resource.id_field]
        found[field] = value
    return found


def _id(scene: Scene, record: Mapping[str, Any]) -> str:
    return str(record[scene.kind.resource.id_field])


# --- answering -------------------------------------------------------------------------------------------------


def answer(scene: Scene, record: Record, reason: str) -> Outcome:
    """A record as the successful answer, as far as the document declares it."""
    plan = scene.plan
    if plan.media_type is None:
        return Outcome(plan.status, b"", None, reason)
    body: Any = scene.kind.public(_expanded(scene, record))
    if scene.kind.resource.wrap:
        body = {scene.kind.resource.wrap: body}
    if plan.lists.expand and scene.call.query.get(plan.lists.expand):
        judge(scene, body)
    return Outcome(plan.status, encode(body), plan.media_type, reason)


def judge(scene: Scene, body: Any) -> None:
    """Hold an answer that is not a record as kept against the document. Raises Problem `contract_broken`."""
    if scene.plan.schema is not None:
        broken = scene.script.contract.validator(scene.plan.schema, "response").first(body)
        if broken is not None:
            raise Problem("contract_broken", f"the stand-in's own answer breaks the document at {broken.field or 'the top'}: {broken.message}")


def after(scene: Scene, record: Record, reason: str) -> Outcome:
    """Let the reactions run, then answer with the record as it has become."""
    scene.tx.settle()
    return answer(scene, scene.tx.latest(scene.kind.name, _id(scene, record)) or record, reason)


def _expanded(scene: Scene, record: Record) -> Record:
    asked = scene.call.query.get(scene.plan.lists.expand) if scene.plan.lists.expand else None
    if not asked:
        return record
    record = dict(record)
    for name in asked:
        _expand(scene, record, str(name))
    return record


def _expand(scene: Scene, record: Record, name: str) -> None:
    """Put the object beside its id: `customer_id` or `customer` gives `customer`, `product_ids` gives `products`."""
    for field, target in scene.kind.resource.refers_to.items():
        stem = re.sub(r"_ids?$", "", field)
        sibling = f"{stem}s" if field.endswith("_ids") else stem
        if name not in (field, sibling):
            continue
        other = scene.script.kind(target)
        value = record.get(field)
        if isinstance(value, list):
            found = (scene.tx.get(target, str(id)) for id in value)
            record[sibling] = [other.public(part) for part in found if part is not None]
        elif value is not None:
            part = scene.tx.get(target, str(value))
            if part is not None:
                record[sibling] = other.public(part)


# --- the table -------------------------------------------------------------------------------------------------


def retrieve(scene: Scene) -> Outcome:
    """Answer with the record the path names; as it is kept, where all of it may leave and nothing is to be added."""
    plan = scene.plan
    if plan.verbatim and not scene.kind.mixed and not (plan.lists.expand and scene.call.query.get(plan.lists.expand)):
        id = scene.call.path[plan.role.id_parameter]
        kept = scene.tx.kept(scene.kind.name, id)
        if kept is not None:
            return Outcome(plan.status, kept, plan.media_type, f"{scene.kind.name} {id} as it is")
    record = named(scene)
    return answer(scene, record, f"{scene.kind.name} {_id(scene, record)} as it is")


def create(scene: Scene) -> Outcome:
    """Make a record of what the client sent."""
    body = _object(scene.call.body)
    if scene.plan.role.parents:
        body = {**body, **_parents(scene)}
    record = scene.tx.create(scene.kind.name, body)
    return after(scene, record, f"{scene.kind.name} {_id(scene, record)} created")


def update(scene: Scene) -> Outcome:
    """Change what was sent and only that; objects merge, arrays are replaced (RFC 7396, without its deletion by null)."""
    record = named(scene)
    _, changed = _merged(scene.kind, record, _object(scene.call.body))
    scene.tx.update(scene.kind.name, _id(scene, record), changed)
    return after(scene, record, f"{scene.kind.name} {_id(scene, record)} updated")


def replace(scene: Scene) -> Outcome:
    """Put what was sent in the place of what the client may set; the server's own fields stay."""
    record = named(scene)
    body = _object(scene.call.body)
    kept = {field: value for field, value in record.items() if field in _own_fields(scene)}
    machine = scene.kind.resource.lifecycle
    target = body.pop(machine.field, None) if machine else None
    scene.tx.replace(scene.kind.name, _id(scene, record), {**kept, **{k: v for k, v in body.items() if k not in kept}})
    if machine and target is not None:
        scene.tx.update(scene.kind.name, _id(scene, record), {machine.field: target})
    return after(scene, record, f"{scene.kind.name} {_id(scene, record)} replaced")


def _own_fields(scene: Scene) -> set[str]:
    """The fields of a record that are the server's: what the request's schema does not know."""
    row = scene.kind.resource
    own = {row.id_field, *row.stamps.values(), *row.parents.values()}
    if row.lifecycle:
        own.add(row.lifecycle.field)
    if row.object_type is not None:
        own.add("object_type")
    if scene.kind.schema is not None:
        own |= scene.script.contract.shape(scene.kind.schema, "response").read_only
    return own


def upsert(scene: Scene) -> Outcome:
    """Update the record with the same id or key, or create one."""
    body = _object(scene.call.body)
    row = scene.kind.resource
    found = scene.tx.by_key(scene.kind.name, body[row.key]) if row.key and body.get(row.key) is not None else None
    if found is None:
        return create(scene)
    _, changed = _merged(scene.kind, found, body)
    scene.tx.update(scene.kind.name, _id(scene, found), changed)
    return after(scene, found, f"{scene.kind.name} {_id(scene, found)} found by its {row.key} and updated")


def delete(scene: Scene) -> Outcome:
    """Remove the record; nothing may refer to it."""
    record = named(scene)
    _check_unused(scene, _id(scene, record))
    scene.tx.delete(scene.kind.name, _id(scene, record))
    outcome = answer(scene, record, f"{scene.kind.name} {_id(scene, record)} deleted")
    scene.tx.settle()
    return outcome if scene.plan.answers_record or not outcome.body else _example(scene, outcome.reason)


def _check_unused(scene: Scene, id: str) -> None:
    for other in scene.script.behaviour.resources.values():
        for field, target in other.refers_to.items():
            if target != scene.kind.name or other.internal or "*" in field:
                continue
            user = scene.tx.first(other.name, **{field: id})
            if user is not None:
                raise Problem("in_use", f"the {other.name} {user[other.id_field]} refers to it by {field}; delete that first",
                              resource=scene.kind.name, id=id)


def action(scene: Scene) -> Outcome:
    """Fire the trigger of the same name."""
    record = named(scene)
    role, machine = scene.plan.role, scene.kind.resource.lifecycle
    if machine is not None and role.trigger in machine.triggers():
        moved = scene.tx.fire(scene.kind.name, _id(scene, record), str(role.trigger))
        return after_action(scene, moved, f"{role.trigger}: {scene.kind.state(record)} -> {scene.kind.state(moved)}")
    return _not_modelled(scene, record)


def after_action(scene: Scene, record: Record, reason: str) -> Outcome:
    """As `after`, where the action answers with the record; else with an example of what it declares."""
    if scene.plan.answers_record or scene.plan.media_type is None:
        return after(scene, record, reason)
    scene.tx.settle()
    return _example(scene, reason)


def effect(scene: Scene) -> Outcome:
    """Run an operation's effect that names no record."""
    return _by_effect(scene, named(scene) if scene.plan.role.id_parameter and scene.plan.kind else None)


def _by_effect(scene: Scene, record: Record | None) -> Outcome:
    assert scene.plan.effect is not None
    call = scene.call
    with_record = Call(call.operation, call.path, call.query, call.headers, call.body, record, call.url, call.raw_query)
    result = scene.plan.effect(scene.tx, with_record)
    scene.tx.settle()
    if result is None and record is not None:
        result = scene.tx.get(scene.kind.name, _id(scene, record)) or record
    return answer_value(scene, _fresh(scene, result), f"{scene.plan.effect.__name__}")


def _fresh(scene: Scene, result: Any) -> Any:
    """The effect's answer after the reactions: a record of the operation's resource is read again, and projected."""
    kind = scene.plan.kind
    if kind is None or not scene.plan.answers_record or not isinstance(result, dict):
        return result
    return kind.public(scene.tx.get(kind.name, str(result.get(kind.resource.id_field))) or result)


def answer_value(scene: Scene, value: Any, reason: str) -> Outcome:
    """Any JSON value as the successful answer, as far as the document declares it."""
    plan = scene.plan
    if plan.media_type is None or plan.schema is None:
        return Outcome(plan.status, b"" if plan.media_type is None else encode(value), plan.media_type, reason)
    if isinstance(value, dict) and not plan.answers_record:
        value = scene.script.contract.project(plan.schema)(value)
    if not plan.answers_record:
        judge(scene, value)
    return Outcome(plan.status, encode(value), plan.media_type, reason)


def list_(scene: Scene) -> Outcome:
    """A page of the collection."""
    paging, query = scene.plan.paging, scene.call.query
    asked = paging.asked(query)
    parents = _parents(scene) if scene.plan.role.parents else None
    if parents:
        own = tuple((field, frozenset((value,))) for field, value in parents.items())
        asked = lists.Filters(asked.equals + own, asked.ranges, asked.where)
    return _page(scene, asked, *paging.order(query))


def _page(scene: Scene, asked: lists.Filters, order_by: str | None, descending: bool) -> Outcome:
    paging = scene.plan.paging
    window = paging.window(scene.call.query)
    page = scene.select(scene.kind.name, asked, order_by, descending, window)
    if page.offset != window.offset:
        window = window._replace(offset=page.offset)
    rows = _rows(scene, page.rows)
    facts = lists.Facts(paging, scene.call, window, page.total, rows)
    return Outcome(scene.plan.status, lists.envelope(paging, facts), scene.plan.media_type,
                   f"{len(rows)} of {page.total} {scene.kind.name}")


def _rows(scene: Scene, rows: Sequence[bytes]) -> Sequence[bytes]:
    """The records as they may leave: the kept bytes, decoded only where fields are private or expanded."""
    rules = scene.plan.lists
    if not scene.kind.mixed and not (rules.expand and scene.call.query.get(rules.expand)):
        return rows
    return [encode(scene.kind.public(_expanded(scene, orjson.loads(row)))) for row in rows]


def search(scene: Scene) -> Outcome:
    """A page of the records a search body describes."""
    rules = scene.kind.resource.search or scene.script.behaviour.search
    asked = SEARCHES[rules.style](_object(scene.call.body), scene.kind.declared or frozenset())
    default = rules.default_order if rules.default_order in (scene.kind.declared or ()) else None
    order_by, descending = lists.order(scene.plan.lists, scene.call.query, default, rules.descending)
    return _page(scene, asked, order_by, descending)


def singleton(scene: Scene) -> Outcome:
    """The one record of its kind."""
    record = scene.tx.first(scene.kind.name, **{scene.kind.resource.id_field: scene.kind.name})
    return answer(scene, record, "the one record") if record else _example(scene, "nothing stored yet, so an example")


def example(scene: Scene) -> Outcome:
    """A valid, deterministic answer for an operation no convention understands."""
    record = None
    if scene.plan.kind is not None and scene.plan.role.id_parameter:
        record = named(scene)
    return _not_modelled(scene, record)


def _not_modelled(scene: Scene, record: Record | None) -> Outcome:
    reason = f"not modelled: {scene.plan.role.convention}"
    if record is not None and scene.plan.answers_record:
        return answer(scene, record, reason)
    return _example(scene, reason, {"Understudy-Not-Modelled": scene.plan.role.convention})


def _example(scene: Scene, reason: str, headers: Mapping[str, str] | None = None) -> Outcome:
    plan = scene.plan
    if plan.media_type is None:
        return Outcome(plan.status, b"", None, reason, headers or {})
    value = scene.script.contract.example(plan.schema, "response") if plan.schema else {}
    body = encode(value) if "json" in plan.media_type else value if isinstance(value, bytes) else str(value).encode()
    return Outcome(plan.status, body, plan.media_type, reason, headers or {})


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


# --- bodies ----------------------------------------------------------------------------------------------------


def _object(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {}


def _merged(kind: Kind, record: Record, body: Mapping[str, Any]) -> tuple[Record, dict[str, Any]]:
    """The record with a body merged in, and the fields the body touched. A null the document forbids removes the value."""
    touched = {field: _merge(record.get(field), value) for field, value in body.items() if value is not None or kind.nullable(field)}
    return {**record, **touched}, touched


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{field: _merge(old.get(field), value) for field, value in new.items()}}
    return new


# --- search bodies ---------------------------------------------------------------------------------------------


def _by_properties(body: Mapping[str, Any], known: frozenset[str]) -> lists.Filters:
    return lists.Filters(tuple(
        (field, frozenset(value if isinstance(value, list) else (value,)))
        for field, value in body.items()
        if field in known and not isinstance(value, dict) and value is not None
    ))


def _by_clauses(body: Mapping[str, Any], known: frozenset[str]) -> lists.Filters:
    """Any of the search clauses (text, with wildcards) and all of the filter clauses (values) must hold."""
    texts = [_text_clause(clause) for clause in body.get("search_fields") or ()]
    values = [_value_clause(clause) for word in ("filter_fields", "selection_rule_fields") for clause in body.get(word) or ()]

    def holds(record: dict[str, Any]) -> bool:
        return (not texts or any(text(record) for text in texts)) and all(value(record) for value in values)

    return lists.Filters(where=holds if texts or values else None)


def _text_clause(clause: Mapping[str, Any]) -> Callable[[dict[str, Any]], bool]:
    pattern = re.escape(str(clause.get("value", "")))
    pattern = ("" if not clause.get("wildcard_start") else ".*") + pattern + ("" if not clause.get("wildcard_end") else ".*")
    wanted = re.compile(pattern, (re.IGNORECASE if clause.get("ignore_case") else 0) | re.DOTALL)
    name = clause.get("name")

    def holds(record: dict[str, Any]) -> bool:
        values = [record.get(name)] if name else record.values()
        return any(isinstance(value, str) and wanted.fullmatch(value) for value in values)

    return holds


def _value_clause(clause: Mapping[str, Any]) -> Callable[[dict[str, Any]], bool]:
    name = str(clause.get("name"))
    wanted = {str(value) for value in clause.get("values") or ()} | ({str(clause["value"])} if clause.get("value") is not None else set())
    return lambda record: str(record.get(name)) in wanted if wanted else record.get(name) is None


SEARCHES: Mapping[str, Callable[[Mapping[str, Any], frozenset[str]], lists.Filters]] = {
    "properties": _by_properties,
    "clauses": _by_clauses,
}

__all__ = ["TABLE", "Scene", "Search"]
