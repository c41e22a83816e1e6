"""A behaviour file becomes a `Behaviour`: its form is checked by its JSON Schema, then its sense, all faults at once.

Nothing here opens a file or looks at a document; whether the file fits its document is judged in `fitting`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from understudy.behaviour.model import (
    QUANTITIES,
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
from understudy.contract.values import Fault
from understudy.durations import parse_duration
from understudy.problems import KINDS

FACTS = frozenset({"created", "updated", "deleted"})
"""What a reaction may hang on beside a resource's triggers."""

_LIFECYCLE_WORDS = frozenset({"field", "initial", "timers", "given", "writable"})


def form() -> bytes:
    """The JSON Schema of behaviour files."""
    return files("understudy.behaviour").joinpath("file.schema.json").read_bytes()


def check_form(data: object, where: str) -> list[Fault]:
    """Judge the form of a behaviour file by its JSON Schema. Each fault names its place as a JSON pointer."""
    from jsonschema import Draft202012Validator  # 60 ms to import: only when a file is first seen or has changed

    found = sorted(Draft202012Validator(json.loads(form())).iter_errors(data), key=lambda error: list(map(str, error.absolute_path)))
    return [
        Fault(f"{where}#/{'/'.join(str(step).replace('~', '~0').replace('/', '~1') for step in error.absolute_path)}", error.message)
        for error in found
    ] or _wrong_window(data, where)


def _wrong_window(data: Any, where: str) -> list[Fault]:
    """A length of time of which the schema knows only that it is text."""
    try:
        parse_duration(data.get("idempotency", {}).get("window", "PT1S"))
    except ValueError as fault:
        return [Fault(f"{where}#/idempotency/window", str(fault))]
    return []


def read_behaviour(data: Mapping[str, Any], base: Behaviour | None = None) -> Behaviour:
    """The behaviour a file says, on top of `base` (what was inferred). The file's form must have been checked."""
    base = base or Behaviour()
    return replace(
        base,
        resources=_resources(data, base),
        lists=_lists(data.get("lists"), base.lists),
        search=_search(data.get("search"), base.search),
        errors=_errors(data["errors"]) if "errors" in data else base.errors,
        auth=_auth(data["auth"]) if "auth" in data else base.auth,
        idempotency=_idempotency(data["idempotency"]) if "idempotency" in data else base.idempotency,
        operations={**base.operations, **{key: Rule(**rule) for key, rule in data.get("operations", {}).items()}},
        effects=data.get("effects", base.effects),
        reactions={**base.reactions, **{key: _names(value) for key, value in data.get("reactions", {}).items()}},
        refreshes={**base.refreshes, **{key: _names(value) for key, value in data.get("refreshes", {}).items()}},
        response_headers=data.get("response_headers", base.response_headers),
        settings={**base.settings, **data.get("settings", {})},
        version=data.get("version", base.version),
        id_length=data.get("ids", {}).get("length", base.id_length),
        webhooks=data.get("webhooks", base.webhooks),
        assumed=tuple(data.get("assumed", ())),
    )


def check_sense(behaviour: Behaviour, where: str) -> list[Fault]:
    """Judge what a schema cannot: unknown states, unreachable states, names of nothing. All faults, in file order."""
    return [Fault(f"{where}#{pointer}", message) for pointer, message in _nonsense(behaviour)]


def _nonsense(behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    for name, resource in behaviour.resources.items():
        at = f"/resources/{name}"
        yield from _lost_references(at, resource, behaviour)
        if resource.lifecycle:
            yield from _lifecycle_nonsense(f"{at}/lifecycle", resource.lifecycle)
        yield from _unknown_states(at, resource)
        if resource.lists:
            yield from _unknown_quantities(f"{at}/lists/meta", resource.lists.meta)
    yield from _unknown_quantities("/lists/meta", behaviour.lists.meta)
    for kind in behaviour.errors.rows:
        if kind not in KINDS:
            yield f"/errors/kinds/{kind}", f"no problem is of this kind; the kinds are {', '.join(KINDS)}"
    yield from _lost_reactions(behaviour)


def _lost_references(at: str, resource: Resource, behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    for word in ("refers_to", "locked_by"):
        for field, target in getattr(resource, word).items():
            if target not in behaviour.resources:
                yield f"{at}/{word}/{field}", f'no resource is called "{target}"'
    for field, id_field in resource.by_key.items():
        if id_field not in resource.refers_to:
            yield f"{at}/by_key/{field}", f'"{id_field}" is not a field of refers_to'


def _lifecycle_nonsense(at: str, lifecycle: Lifecycle) -> Iterator[tuple[str, str]]:
    states = set(lifecycle.table)
    for state, row in lifecycle.table.items():
        for trigger, target in row.items():
            if target not in states:
                yield f"{at}/{state}/{trigger}", f'leads to the unknown state "{target}"; the states are {", ".join(states)}'
    for state in lifecycle.initial:
        if state not in states:
            yield f"{at}/initial", f'begins in the unknown state "{state}"'
    for trigger in lifecycle.timers:
        if trigger not in lifecycle.triggers():
            yield f"{at}/timers/{trigger}", "no state accepts this trigger"
    for state in states - _reached(lifecycle) - set(lifecycle.given):
        yield f"{at}/{state}", f"no way leads here from {' or '.join(lifecycle.initial)}"


def _reached(lifecycle: Lifecycle) -> set[str]:
    seen: set[str] = set()
    ahead = [*lifecycle.initial, *lifecycle.given]
    while ahead:
        state = ahead.pop()
        if state not in seen:
            seen.add(state)
            ahead.extend(lifecycle.table.get(state, {}).values())
    return seen


def _unknown_states(at: str, resource: Resource) -> Iterator[tuple[str, str]]:
    states = set(resource.lifecycle.table) if resource.lifecycle else set()
    named = {"deletable": resource.deletable or frozenset(), "locked": resource.lock.states if resource.lock else frozenset()}
    for word, some in named.items():
        for state in some - states:
            yield f"{at}/{word}", f'"{state}" is no state of this resource'


def _unknown_quantities(at: str, meta: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in meta.items():
        if isinstance(value, Mapping):
            yield from _unknown_quantities(f"{at}/{name}", value)
        elif not isinstance(value, str) or value not in QUANTITIES:
            yield f"{at}/{name}", f'"{value}" is not known of a page; known are {", ".join(sorted(QUANTITIES))}'


def _lost_reactions(behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    for key in behaviour.reactions:
        name, _, fact = key.partition(".")
        resource = behaviour.resources.get(name)
        if resource is None:
            yield f"/reactions/{key}", f'no resource is called "{name}"'
        elif fact not in FACTS | (resource.lifecycle.triggers() if resource.lifecycle else frozenset()):
            yield f"/reactions/{key}", f'"{fact}" is neither created, updated, deleted nor a trigger of {name}'
    for name in behaviour.refreshes:
        if name not in behaviour.resources:
            yield f"/refreshes/{name}", f'no resource is called "{name}"'


# --- the parts ---------------------------------------------------------------------------------------------------


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _resources(data: Mapping[str, Any], base: Behaviour) -> dict[str, Resource]:
    """What the file says of each resource, on what was inferred; the file's own `lists` count for the inferred ones too."""
    shared = data.get("lists")
    lists = _lists(shared, base.lists)
    inferred = {name: replace(one, lists=_reread(shared, one.lists, base.lists)) for name, one in base.resources.items()}
    named = {
        name: _resource(name, row or {}, inferred.get(name, Resource(name)), lists)
        for name, row in data.get("resources", {}).items()
    }
    return {**inferred, **named}


def _reread(row: Mapping[str, Any] | None, own: Lists | None, shared: Lists) -> Lists | None:
    """An inferred resource's lists with what the file says of all; where records stand elsewhere than usual, they are its own."""
    return _lists(row, own) if own is not None and own.items == shared.items else own


def _resource(name: str, row: Mapping[str, Any], base: Resource, lists: Lists) -> Resource:
    lifecycle = _lifecycle(row["lifecycle"]) if "lifecycle" in row else base.lifecycle
    plain = {
        word: row[word]
        for word in ("id_field", "key", "object_type", "refers_to", "by_key", "locked_by", "stamps", "defaults", "derived",
                     "internal", "singleton", "parents", "id_form", "id_length", "request_wrap", "object_field", "stamp_forms",
                     "put_creates", "key_in_path", "wrap", "view")
        if word in row
    }
    return replace(
        base,
        **plain,
        given=row.get("given", 0),  # not inherited: who describes a resource knows how its records come about
        collections=_names(row.get("collection")) or base.collections,
        id_prefix=row.get("id", base.id_prefix),
        unique=tuple(_names(fields) for fields in row["unique"]) if "unique" in row else base.unique,
        lifecycle=lifecycle,
        lock=_lock(row["locked"]) if "locked" in row else base.lock,
        deletable=frozenset(_names(row["deletable"])) if "deletable" in row else base.deletable,
        events=_events(row["events"], lifecycle) if "events" in row else base.events,
        lists=_lists(row["lists"], base.lists or lists) if "lists" in row else base.lists,
        search=_search(row["search"], base.search or Search()) if "search" in row else base.search,
    )


def _lifecycle(row: Mapping[str, Any]) -> Lifecycle:
    table = {state: dict(cells) for state, cells in row.items() if state not in _LIFECYCLE_WORDS}
    return Lifecycle(
        field=row.get("field", "status"),
        table=table,
        initial=_names(row.get("initial")) or tuple(table)[:1],
        timers=row.get("timers", {}),
        given=_names(row.get("given")),
        writable=row.get("writable", False),
    )


def _lock(row: Mapping[str, Any]) -> Lock:
    return Lock(frozenset(_names(row["states"])), frozenset(_names(row.get("except"))))


def _events(value: str | Mapping[str, str], lifecycle: Lifecycle | None) -> Mapping[str, str]:
    if not isinstance(value, str):
        return value
    facts = {"created": f"{value}.CREATED", "updated": f"{value}.UPDATED", "deleted": f"{value}.DELETE"}
    states = {state: f"{value}.STATUS_TO_{state}" for state in (lifecycle.table if lifecycle else ())}
    return {**facts, **states}


def _lists(row: Mapping[str, Any] | None, base: Lists) -> Lists:
    if row is None:
        return base
    pairs = {name: tuple(parts) for name, parts in row["pairs"].items()} if "pairs" in row else base.pairs
    bounds = {name: tuple(parts) for name, parts in row["bounds"].items()} if "bounds" in row else base.bounds
    filters = {**base.filters, **row.get("filters", {})}
    asked_for = {field: tuple(names) for field, names in row["asked_for"].items()} if "asked_for" in row else base.asked_for
    return replace(base, **{**row, "pairs": pairs, "bounds": bounds, "filters": filters, "asked_for": asked_for})


def _search(row: Mapping[str, Any] | None, base: Search) -> Search:
    return replace(base, **row) if row else base


def _errors(row: Mapping[str, Any]) -> Errors:
    return Errors(
        fields=row.get("fields", {}),
        rows=row.get("kinds", {}),
        wrap=row.get("wrap"),
        media_type=row.get("media_type", "application/json"),
    )


def _auth(row: Mapping[str, Any]) -> Auth:
    return Auth(
        headers=tuple(name.lower() for name in _names(row.get("header"))),
        bearer=row.get("bearer", False),
        keys=frozenset(row["keys"]) if "keys" in row else None,
        exempt=frozenset(row.get("except", ())),
    )


def _idempotency(row: Mapping[str, Any]) -> Idempotency:
    return Idempotency(
        header=row["header"].lower(),
        window=parse_duration(row["window"]).rest,
        replay_header=row.get("replay_header"),
        exempt=frozenset(row.get("except", ())),
        methods=frozenset(row.get("methods", ("POST",))),
        released=frozenset(row.get("released", (400,))),
    )
