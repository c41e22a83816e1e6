"""Contract and behaviour compiled together, operation by operation, when first asked for.

1. A `Script` is what one server plays; it holds no state of any world.
2. Effects are found here by name and nowhere else imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.behaviour.model import Behaviour, Lists, Resource
from understudy.behaviour.roles import Role, assign, bare_key
from understudy.contract.contract import Contract
from understudy.contract.values import Operation, Schema
from understudy.engine.kinds import Kind, compile_kind
from understudy.engine.lists import Paging, compile_paging
from understudy.engine.transaction import Reaction

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one operation is played."""

    operation: Operation
    role: Role
    kind: Kind | None
    lists: Lists
    paging: Paging
    status: int
    media_type: str | None  # of the successful answer; None: it has no body
    schema: Schema | None  # of the successful answer
    answers_record: bool  # the successful answer is the resource's record
    effect: Callable[..., Any] | None
    keyed: bool  # an idempotency key makes repeating it safe
    guarded: bool  # a key of the API is needed
    verbatim: bool  # a record may be answered as it is kept: named by the path alone, in no wrapping
    refreshed: bool  # values of the resource are computed when it is read


class Script:
    """A contract with the behaviour that goes with it: `plan(operation)` and `kind(resource)` are compiled lazily."""

    def __init__(self, contract: Contract, behaviour: Behaviour, effects: Mapping[str, Callable[..., Any]]) -> None:
        self.contract = contract
        self.behaviour = behaviour
        self.roles = assign(contract.operations, behaviour)
        self._effects = effects
        self._plans: dict[str, Plan] = {}
        self._kinds: dict[str, Kind] = {}
        self._by_role = _index(contract, self.roles)
        self.reactions: Mapping[str, tuple[Reaction, ...]] = {
            key: tuple(self._effect(name) for name in names) for key, names in behaviour.reactions.items()
        }
        self.refreshes = {key: tuple(self._effect(name) for name in names) for key, names in behaviour.refreshes.items()}

    def _effect(self, name: str) -> Callable[..., Any]:
        try:
            return self._effects[name]
        except KeyError:
            raise LookupError(f'the behaviour file names the effect "{name}", which {self.behaviour.effects} does not have') from None

    def kind(self, name: str) -> Kind:
        """A resource, compiled. Raises LookupError for a name the behaviour does not have."""
        kind = self._kinds.get(name)
        if kind is None:
            resource = self.behaviour.resources[name]
            kind = self._kinds[name] = compile_kind(resource, self._read_schema(resource), self.contract)
        return kind

    def plan(self, operation: Operation) -> Plan:
        """How an operation is played."""
        plan = self._plans.get(operation.key)
        if plan is None:
            plan = self._plans[operation.key] = self._compile(operation)
        return plan

    def operation(self, kind: str, resource: str) -> Operation | None:
        """The first operation that plays this role for this resource."""
        return self._by_role.get((kind, resource))

    def _compile(self, operation: Operation) -> Plan:
        role = self.roles[operation.key]
        resource = self.behaviour.resources.get(role.resource) if role.resource else None
        kind = self.kind(resource.name) if resource else None
        status, media_type, schema = success(operation)
        shape = self.contract.shape(schema, "response") if schema else None
        lists = resource.lists if resource and resource.lists else self.behaviour.lists
        declared = frozenset(shape.properties) if shape and shape.properties else None
        return Plan(
            operation,
            role,
            kind,
            lists,
            self._paging(operation, lists, kind, declared),
            status,
            media_type,
            schema,
            bool(kind and kind.schema and shape and self._same(kind.schema, schema)),
            self._effect(role.effect) if role.effect else None,
            self._keyed(operation),
            self._guarded(operation),
            bool(role.id_parameter and not role.parents and resource and not resource.wrap and media_type),
            bool(role.resource in self.behaviour.refreshes),
        )

    def _paging(self, operation: Operation, lists: Lists, kind: Kind | None, declared: frozenset[str] | None) -> Paging:
        asked = [parameter.name for parameter in operation.parameters if parameter.location == "query"]
        known = (kind.declared if kind else None) or frozenset()
        return compile_paging(lists, asked, known, declared, kind.resource.id_field if kind else "id")

    def _keyed(self, operation: Operation) -> bool:
        rule = self.behaviour.idempotency
        return rule is not None and operation.method in rule.methods and not _named(operation, rule.exempt)

    def _guarded(self, operation: Operation) -> bool:
        auth = self.behaviour.auth
        return auth is not None and operation.security != () and not _named(operation, auth.exempt)

    def _same(self, one: Schema, other: Schema | None) -> bool:
        if other is None:
            return False
        return one.uri == other.uri or one.value == other.value

    def _read_schema(self, resource: Resource) -> Schema | None:
        for role in ("retrieve", "singleton", "create", "upsert", "update", "replace", "effect"):
            operation = self._by_role.get((role, resource.name))
            if operation is not None:
                schema = success(operation)[2]
                if schema is not None:
                    return schema
        return self._item_schema(resource)

    def _item_schema(self, resource: Resource) -> Schema | None:
        operation = self._by_role.get(("list", resource.name))
        schema = success(operation)[2] if operation else None
        if schema is None:
            return None
        shape = self.contract.shape(schema, "response")
        items = (resource.lists or self.behaviour.lists).items
        if items and items in shape.properties:
            shape = self.contract.shape(shape.properties[items], "response")
        return shape.items


def _named(operation: Operation, keys: frozenset[str]) -> bool:
    """Whether a behaviour file's list of operations names this one, whatever version segment either is written with."""
    own = bare_key(operation.key)
    return any(bare_key(key) == own for key in keys)


def _index(contract: Contract, roles: Mapping[str, Role]) -> dict[tuple[str, str], Operation]:
    index: dict[tuple[str, str], Operation] = {}
    for operation in contract.operations:
        role = roles[operation.key]
        if role.resource:
            index.setdefault((role.kind, role.resource), operation)
    return index


def success(operation: Operation) -> tuple[int, str | None, Schema | None]:
    """Status, media type and schema of the answer a good request gets: the first declared 2xx, JSON where there is a choice."""
    for status in sorted(operation.responses):
        if status[0] == "2" or status == "default":
            response = operation.responses[status]
            code = int(status) if status.isdigit() else 200
            media = next((name for name in response.content if "json" in name), next(iter(response.content), None))
            return code, media, response.content.get(media) if media else None
    return 200, None, None
