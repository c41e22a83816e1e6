"""What may be called: for a record the operations that act on it, each with its path; for an operation what it takes.

1. A page makes these calls itself, as any client: nothing is called here.
2. A path parameter nobody can know beforehand stays as it is written, in braces.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from understudy.behaviour.roles import Role
from understudy.contract.values import Operation, Parameter
from understudy.engine.guarding import guard_of
from understudy.engine.kinds import Kind
from understudy.engine.plans import Script
from understudy.server.asked import Refused, world_of
from understudy.theatre import Theatre
from understudy.world.world import World

ANY = "desk"
"""The key sent where any is good."""

_PARAMETER = re.compile(r"\{([^{}]*)\}")


def calls_on(script: Script, kind: Kind, id: str, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations that act on one record. Those of its lifecycle say where they lead, None where its state refuses them."""
    lifecycle = kind.resource.lifecycle
    row = lifecycle.table.get(str(kind.state(record)), {}) if lifecycle is not None else {}
    for operation in script.contract.operations:
        role = script.roles[operation.key]
        if role.resource != kind.name or role.id_parameter is None or role.kind == "example":
            continue
        moves = {} if lifecycle is None or role.trigger not in lifecycle.triggers() else {"trigger": role.trigger, "to": row.get(role.trigger or "")}
        yield {**_named(operation, role), **moves, "path": _filled(script, operation, role, id, record)}


def _named(operation: Operation, role: Role) -> dict[str, Any]:
    body = operation.body
    return {"key": operation.key, "kind": role.kind, "method": operation.method, "summary": operation.summary[:200],
            "takes": "nothing" if body is None else "body" if body.required else "maybe"}


def _filled(script: Script, operation: Operation, role: Role, id: str, record: Mapping[str, Any]) -> str:
    known: dict[str, Any] = {name: record.get(field) for name, field in role.parents.items()}
    return _path(script, operation, {**known, role.id_parameter or "": id})


def _path(script: Script, operation: Operation, known: Mapping[str, Any]) -> str:
    """An operation's path with the parameters that are known in their places."""
    every = {"version": script.behaviour.version, **known}
    return _PARAMETER.sub(lambda found: quote(str(every[found[1]]), safe="") if every.get(found[1]) is not None else found[0], operation.path)


# --- one operation -----------------------------------------------------------------------------------------------


def operation(sandbox: Theatre, request: Request, body: Any) -> Any:
    """What one operation takes, by `key` (`POST /v1/orders`): its parameters, an example of its body, the headers it is sent with."""
    key = request.query_params.get("key", "")
    found = next((one for one in sandbox.script.contract.operations if one.key == key), None)
    if found is None:
        raise Refused(404, f'the document has no operation "{key[:200]}"')
    script = sandbox.script
    headers, query = credentials(sandbox, world_of(sandbox, request), found)
    return {
        **_named(found, script.roles[found.key]), "path": _path(script, found, {}), "resource": script.roles[found.key].resource,
        "parameters": [_parameter(script, one) for one in found.parameters if one.location in ("path", "query", "header")],
        "body": _body(script, found), "headers": headers, "query": query,
    }  # fmt: skip


def _parameter(script: Script, one: Parameter) -> dict[str, Any]:
    example = script.contract.example(one.schema, "request") if one.schema is not None and one.required else None
    return {"name": one.name, "in": one.location, "required": one.required, "example": example, "description": one.description[:300]}


def _body(script: Script, found: Operation) -> dict[str, Any] | None:
    """What is sent: JSON where it may be."""
    if found.body is None or not found.body.content:
        return None
    media_type, schema = next(((name, one) for name, one in found.body.content.items() if "json" in name), next(iter(found.body.content.items())))
    example = script.contract.example(schema, "request") if schema is not None else None
    return {"media_type": media_type if "*" not in media_type else "application/json", "required": found.body.required, "example": example}


def credentials(sandbox: Theatre, world: World, found: Operation) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and query parameters that say who asks, as an operation wants it said."""
    stage = sandbox.stage
    auth, keys = stage.auth, world.keys or stage.keys
    if auth is not None:
        key = min(keys or auth.keys or {ANY})
        return ({auth.headers[0]: key} if auth.headers else {"authorization": f"Bearer {key}"} if auth.bearer else {}), {}
    said = [_said(one.scheme, min(keys or {ANY})) for one in next(iter(guard_of(found)), ())] if not stage.open else []
    return {name: value for place, name, value in said if place == "header"}, {name: value for place, name, value in said if place == "query"}


def _said(scheme: Mapping[str, Any], key: str) -> tuple[str, str, str]:
    """Where a security scheme has its credential, and what it is (OpenAPI 3.1, Security Scheme Object)."""
    if scheme.get("type") == "apiKey":
        return str(scheme.get("in")), str(scheme.get("name")).lower(), key
    basic = str(scheme.get("scheme")).lower() == "basic"
    return "header", "authorization", f"Basic {b64encode(f'{key}:{key}'.encode()).decode()}" if basic else f"Bearer {key}"


# --- all of it ---------------------------------------------------------------------------------------------------


def model(sandbox: Theatre, request: Request, body: Any) -> Any:
    """What is played: resources with their lifecycles, references and operations, and the events there are."""
    script = sandbox.script
    own: dict[str, list[dict[str, Any]]] = {}
    for one in script.contract.operations:
        role = script.roles[one.key]
        if role.resource is not None and role.id_parameter is None and role.kind not in ("list", "search", "example"):
            own.setdefault(role.resource, []).append({**_named(one, role), "path": _path(script, one, {})})
    return {
        "title": sandbox.title, "event_types": list(script.event_types()), "operations": [one.key for one in script.contract.operations],
        "resources": [_resource(resource, own.get(name, [])) for name, resource in script.behaviour.resources.items()],
    }  # fmt: skip


def _resource(resource: Any, calls: list[dict[str, Any]]) -> dict[str, Any]:
    lifecycle = resource.lifecycle
    return {
        "name": resource.name, "internal": resource.internal, "singleton": resource.singleton, "id_field": resource.id_field, "key": resource.key,
        "collections": list(resource.collections), "refers_to": dict(resource.refers_to), "paper": bool(resource.view), "calls": calls,
        "lifecycle": None if lifecycle is None else {
            "field": lifecycle.field, "initial": list(lifecycle.initial), "timers": dict(lifecycle.timers), "given": list(lifecycle.given),
            "writable": lifecycle.writable, "table": {state: dict(row) for state, row in lifecycle.table.items()},
        },
    }  # fmt: skip
