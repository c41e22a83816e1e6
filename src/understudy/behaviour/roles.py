"""Which part each operation plays for which resource, read from the shape of paths alone.

1. A rule of the behaviour file beats every convention; each decision says which convention made it.
2. No schema is looked at here, so this costs the same for any size of schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from understudy.behaviour.model import NOTHING, Behaviour, Resource
from understudy.contract.values import Operation

_PREFIX = re.compile(r"(?:api|rest|v\d+(?:\.\d+)*|v?\{(?:api_?)?version\})", re.IGNORECASE)
_PARAMETER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Role:
    """What an operation does: `kind` is a row of the engine's table, `trigger` the verb of an action."""

    kind: str
    resource: str | None = None
    trigger: str | None = None
    id_parameter: str | None = None
    parents: Mapping[str, str] = field(default_factory=lambda: NOTHING)  # path parameter -> record field
    effect: str | None = None
    convention: str = "file"


def bare(path: str) -> str:
    """A path without its constant beginning (`/api`, `/v1`, `/v{version}`) and with nameless parameters.

    So `/v1/customers/{id}` and `/v{version}/customers/{resourceIdOrReference}` are both `/customers/{}`.
    """
    segments = path.strip("/").split("/")
    while len(segments) > 1 and _PREFIX.fullmatch(segments[0]):
        segments = segments[1:]
    return "/" + _PARAMETER.sub("{}", "/".join(segments))


def bare_key(key: str) -> str:
    """An operation key in the same bare form: `POST /customers/{}/activate`."""
    method, _, path = key.partition(" ")
    return f"{method} {bare(path)}"


def assign(operations: Iterable[Operation], behaviour: Behaviour) -> dict[str, Role]:
    """A role for every operation, by operation key."""
    collections = {bare(path): resource for resource in behaviour.resources.values() for path in resource.collections}
    rules = {bare_key(key): rule for key, rule in behaviour.operations.items()}
    roles = {}
    for operation in operations:
        role = _conventional(operation, collections)
        rule = rules.get(f"{operation.method} {bare(operation.path)}")
        if rule is not None:
            role = Role(
                kind=rule.role or ("effect" if rule.effect else role.kind),
                resource=rule.resource or role.resource,
                trigger=rule.trigger or role.trigger,
                id_parameter=_last_parameter(operation.path) if "{}" in bare(operation.path) else None,
                parents=role.parents,
                effect=rule.effect,
            )
        roles[operation.key] = role
    return roles


def is_modelled(role: Role, behaviour: Behaviour) -> bool:
    """Whether an operation does what its role says: an example keeps nothing, and an action needs a transition or an effect."""
    if role.kind != "action":
        return role.kind != "example"
    resource = behaviour.resources.get(role.resource or "")
    moved = resource.lifecycle.triggers() if resource is not None and resource.lifecycle is not None else frozenset()
    return role.effect is not None or role.trigger in moved


_COLLECTION = {"GET": "list", "POST": "create", "PUT": "upsert", "QUERY": "search"}
_ITEM = {"GET": "retrieve", "PATCH": "update", "PUT": "replace", "POST": "update", "DELETE": "delete"}
_ACTING = frozenset({"POST", "PUT", "PATCH"})


def _conventional(operation: Operation, collections: Mapping[str, Resource]) -> Role:
    path = bare(operation.path)
    if path in collections:
        return _of_collection(operation, collections[path])
    head, _, last = path.rpartition("/")
    if last == "{}" and head in collections and not collections[head].singleton:
        return _of_item(operation, collections[head])
    return _beyond(operation, head, last, collections)


def _of_collection(operation: Operation, resource: Resource) -> Role:
    parents = _parents(operation, resource)
    if resource.singleton:
        kind = {"GET": "singleton", "PATCH": "update", "PUT": "replace", "POST": "update"}.get(
            operation.method, "example"
        )
        return Role(kind, resource.name, parents=parents, convention="a path without items is a singleton")
    kind = _COLLECTION.get(operation.method, "example")
    return Role(kind, resource.name, parents=parents, convention=f"{operation.method} on a collection")


def _of_item(operation: Operation, resource: Resource) -> Role:
    kind = _ITEM.get(operation.method, "example")
    parameter = _last_parameter(operation.path)
    parents = _parents(operation, resource, parameter)
    return Role(kind, resource.name, None, parameter, parents, convention=f"{operation.method} on an item")


def _beyond(operation: Operation, head: str, last: str, collections: Mapping[str, Resource]) -> Role:
    if last.startswith("{}:") and head in collections:
        return _on_item(operation, collections[head], last[3:], "a verb after a colon")
    if head in collections and operation.method in _ACTING | {"GET"}:
        return _on_collection(operation, collections[head], last)
    item, _, parameter = head.rpartition("/")
    verb = last.replace("-", "_")
    if parameter == "{}" and item in collections and operation.method in _ACTING:
        return _on_item(operation, collections[item], verb, "a verb after an item")
    return Role("example", convention="no convention fits")


def _on_collection(operation: Operation, resource: Resource, last: str) -> Role:
    if last in ("search", "query", "_search"):
        kind = "list" if operation.method == "GET" else "search"
        parents = _parents(operation, resource)
        return Role(kind, resource.name, parents=parents, convention=f"/{last} after a collection")
    return Role(
        "example", resource.name, last.replace("-", "_"), convention="a word after a collection is not modelled"
    )


def _on_item(operation: Operation, resource: Resource, verb: str, convention: str) -> Role:
    kind = "delete" if verb == "delete" and operation.method == "POST" else "action"
    parameter = _last_parameter(operation.path)
    parents = _parents(operation, resource, parameter)
    return Role(kind, resource.name, verb, parameter, parents, convention=convention)


def _parents(operation: Operation, resource: Resource, own: str | None = None) -> Mapping[str, str]:
    """The resource's parents that this path names; a parameter that names the item itself is none of them."""
    if not resource.parents:
        return NOTHING
    named = [name[1:-1] for name in _PARAMETER.findall(operation.path)]
    return {name: resource.parents[name] for name in named if name in resource.parents and name != own}


def _last_parameter(path: str) -> str | None:
    names = _PARAMETER.findall(path)
    return names[-1][1:-1] if names else None
