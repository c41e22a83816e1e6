"""A behaviour as the data of a behaviour file: what `read_behaviour` makes the same behaviour of, notes aside.

Only what differs from the default is written, so that a file says what there is to say and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from understudy.behaviour.model import (
    Auth,
    Behaviour,
    Errors,
    Idempotency,
    Lifecycle,
    Lists,
    Lock,
    Resource,
    Rule,
    Search,
)

_PLAIN = ("id_field", "id_form", "id_length", "key", "key_in_path", "wrap", "request_wrap", "object_type", "object_field",
          "refers_to", "by_key", "locked_by", "events", "stamps", "stamp_forms", "defaults", "derived", "parents",
          "put_creates", "given", "internal", "singleton", "view")  # fmt: skip


def to_yaml_data(behaviour: Behaviour) -> dict[str, Any]:
    """The behaviour file's data; `read_behaviour` of it is this behaviour without its notes."""
    resources = {name: _resource(one, behaviour.lists) for name, one in behaviour.resources.items()}
    rows: dict[str, Any] = {
        "effects": behaviour.effects,
        "version": behaviour.version,
        "ids": {"length": behaviour.id_length} if behaviour.id_length != Behaviour().id_length else None,
        "lists": _lists(behaviour.lists, Lists()),
        "search": _changes(behaviour.search, Search()),
        "errors": _errors(behaviour.errors) if behaviour.errors != Errors() else None,
        "auth": _auth(behaviour.auth) if behaviour.auth else None,
        "idempotency": _idempotency(behaviour.idempotency) if behaviour.idempotency else None,
        "response_headers": _data(behaviour.response_headers),
        "settings": _data(behaviour.settings),
        "webhooks": _data(behaviour.webhooks),
        "resources": resources,
        "operations": {key: _rule(rule) for key, rule in behaviour.operations.items()},
        "reactions": {key: list(names) for key, names in behaviour.reactions.items()},
        "refreshes": {key: list(names) for key, names in behaviour.refreshes.items()},
        "assumed": list(behaviour.assumed),
    }
    return {"understudy": 1, **{name: value for name, value in rows.items() if value not in (None, {}, [])}}


def _data(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _data(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_data(one) for one in value]
    return sorted(value) if isinstance(value, (set, frozenset)) else value


def _changes(value: Any, base: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from those of another."""
    pairs = ((one.name, getattr(value, one.name), getattr(base, one.name)) for one in fields(value))
    return {name: _data(mine) for name, mine, other in pairs if mine != other}


def _one_or_many(names: Iterable[str]) -> Any:
    many = list(names)
    return many[0] if len(many) == 1 else many


# --- resources ---------------------------------------------------------------------------------------------------


def _resource(resource: Resource, shared: Lists) -> dict[str, Any]:
    default = Resource(resource.name)
    row: dict[str, Any] = {}
    if resource.collections:
        row["collection"] = _one_or_many(resource.collections)
    if resource.id_prefix is not None:
        row["id"] = resource.id_prefix
    for name in _PLAIN:
        if getattr(resource, name) != getattr(default, name):
            row[name] = _data(getattr(resource, name))
    if resource.unique:
        row["unique"] = [list(combination) for combination in resource.unique]
    if resource.lifecycle is not None:
        row["lifecycle"] = _lifecycle(resource.lifecycle)
    if resource.lock is not None:
        row["locked"] = _lock(resource.lock)
    if resource.deletable is not None:
        row["deletable"] = sorted(resource.deletable)
    if resource.lists is not None:
        row["lists"] = _lists(resource.lists, shared)
    if resource.search is not None:
        row["search"] = _changes(resource.search, Search())
    return row


def _lifecycle(lifecycle: Lifecycle) -> dict[str, Any]:
    row: dict[str, Any] = {"field": lifecycle.field}
    if lifecycle.initial != tuple(lifecycle.table)[:1]:
        row["initial"] = _one_or_many(lifecycle.initial)
    if lifecycle.timers:
        row["timers"] = dict(lifecycle.timers)
    if lifecycle.given:
        row["given"] = _one_or_many(lifecycle.given)
    if lifecycle.writable:
        row["writable"] = True
    return {**row, **{state: dict(cells) for state, cells in lifecycle.table.items()}}


def _lock(lock: Lock) -> dict[str, Any]:
    return {"states": sorted(lock.states), **({"except": sorted(lock.free)} if lock.free else {})}


def _lists(lists: Lists, base: Lists) -> dict[str, Any]:
    row = _changes(lists, base)
    if "filters" in row:  # reading adds filters to the base's
        row["filters"] = {name: target for name, target in lists.filters.items() if base.filters.get(name) != target}
    return row


# --- the rest ----------------------------------------------------------------------------------------------------


def _rule(rule: Rule) -> dict[str, Any]:
    return _changes(rule, Rule())


def _errors(errors: Errors) -> dict[str, Any]:
    row: dict[str, Any] = {"fields": _data(errors.fields), "kinds": _data(errors.rows)}
    if errors.wrap is not None:
        row["wrap"] = errors.wrap
    return {**row, "media_type": errors.media_type}


def _auth(auth: Auth) -> dict[str, Any]:
    row: dict[str, Any] = {"header": _one_or_many(auth.headers), "bearer": auth.bearer, "except": sorted(auth.exempt)}
    return {**row, "keys": sorted(auth.keys)} if auth.keys is not None else row


def _idempotency(rule: Idempotency) -> dict[str, Any]:
    default = Idempotency(rule.header, rule.window)
    row: dict[str, Any] = {"header": rule.header, "window": _window(rule.window)}
    for word, name in (
        ("replay_header", "replay_header"),
        ("methods", "methods"),
        ("except", "exempt"),
        ("released", "released"),
    ):
        if getattr(rule, name) != getattr(default, name):
            row[word] = _data(getattr(rule, name))
    return row


def _window(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    size, unit = next(
        (size, unit) for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")) if seconds % size == 0
    )
    return f"{seconds // size}{unit}"
