"""An API as the laws see it: each resource with its operations, its lists' parameters and what may be sent to it.

1. Read from the contract and the behaviour alone; the engine that plays them is asked nothing.
2. `sure` says what a person wrote down; what was only inferred binds nobody as strictly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from understudy.behaviour.model import Behaviour, Lists, Resource
from understudy.behaviour.roles import Role, assign, bare_key
from understudy.contract.contract import Contract
from understudy.contract.shapes import Shape
from understudy.contract.values import Operation, Schema

BOUNDARIES = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte"}


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter that filters: the record's field it looks at, and how (a word of `claims.accepts`)."""

    parameter: str
    field: str
    word: str
    schema: Schema | None
    of: str | None = None  # the resource whose ids the field holds


@dataclass
class Subject:
    """One resource. `operations` is by kind of role, `actions` by trigger."""

    api: Api
    resource: Resource
    operations: dict[str, Operation] = field(default_factory=dict)
    actions: dict[str, Operation] = field(default_factory=dict)
    said: frozenset[str] = frozenset()  # what a behaviour file says of it: lifecycle, key …

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.resource.name

    @property
    def id_field(self) -> str:
        """The property that holds a record's id."""
        return self.resource.id_field

    @cached_property
    def lists(self) -> Lists:
        """How its collection pages."""
        return self.resource.lists or self.api.behaviour.lists

    @cached_property
    def read(self) -> Shape | None:
        """What a record looks like when it is read."""
        for kind in ("retrieve", "create", "update", "list"):
            operation = self.operations.get(kind)
            schema = self.api.success_schema(operation) if operation else None
            if schema is None:
                continue
            shape = self.api.inside(schema, self.resource.wrap, "response")
            if kind == "list":
                item = self.api.item(schema, self.lists)
                return self.api.contract.shape(item, "response") if item else None
            if self.id_field in shape.properties:
                return shape
        return None

    def written(self, kind: str) -> tuple[Schema | None, str | None]:
        """The schema of the record in a request, and the property of the body that holds it."""
        operation = self.operations.get(kind)
        schema = json_schema(operation)
        if schema is None:
            return None, None
        wrap = self.resource.request_wrap
        shape = self.api.contract.shape(schema, "request")
        if wrap is not None and wrap in shape.properties:
            return shape.properties[wrap], wrap
        return schema, None

    @cached_property
    def state_field(self) -> str | None:
        """The property that holds the lifecycle's state."""
        return self.resource.lifecycle.field if self.resource.lifecycle else None

    @cached_property
    def own(self) -> frozenset[str]:
        """Properties the server answers for: no client may expect them to stay as they were."""
        read = self.read
        names = set(read.read_only) if read else set()
        names |= {*self.resource.stamps.values(), self.id_field}
        if self.state_field:
            names.add(self.state_field)
        if read is not None:
            sent = {name for kind in ("create", "update", "replace") for name in self._accepted(kind)}
            names |= {name for name in read.properties if sent and name not in sent}
        return frozenset(names)

    def _accepted(self, kind: str) -> frozenset[str]:
        schema = self.written(kind)[0]
        shape = self.api.contract.shape(schema, "request") if schema else None
        return frozenset(shape.properties) - shape.read_only if shape else frozenset()

    @cached_property
    def filters(self) -> tuple[Filter, ...]:
        """The parameters of its list that filter by a property of the record."""
        return tuple(self._filters()) if "list" in self.operations and self.read else ()

    def _filters(self) -> Iterator[Filter]:
        lists, read = self.lists, self.read
        assert read is not None
        cutting = {lists.page, lists.limit, lists.offset, lists.cursor, lists.before, lists.order_by, lists.direction, lists.expand}
        for parameter in self.operations["list"].parameters:
            name = parameter.name
            if parameter.location != "query" or name in cutting or name in lists.pairs:
                continue
            if name in lists.bounds:
                at, word = lists.bounds[name]
                if word in BOUNDARIES:
                    yield Filter(name, at, word, parameter.schema, self._target(at))
                continue
            field = lists.filters.get(name) or _named(name, read)
            if field is not None and field in read.properties:
                yield Filter(name, field, "equals", parameter.schema, self._target(field))
            elif self.said and name == lists.search:
                yield Filter(name, "*", "contains", parameter.schema)

    def _target(self, field: str) -> str | None:
        return self.name if field == self.id_field else self.resource.refers_to.get(field)

    @cached_property
    def orders(self) -> tuple[tuple[tuple[tuple[str, str], ...], str, bool], ...]:
        """The orders its list takes: query, field, downwards."""
        return tuple(self._orders()) if "list" in self.operations and self.lists.order_by and self.read else ()

    def _orders(self) -> Iterator[tuple[tuple[tuple[str, str], ...], str, bool]]:
        lists, read = self.lists, self.read
        parameter = next((one for one in self.operations["list"].parameters if one.name == lists.order_by), None)
        if parameter is None or parameter.schema is None or lists.order_by is None or read is None:
            return
        shape = self.api.contract.shape(parameter.schema, "request")
        words = shape.enum or (self.api.contract.shape(shape.items, "request").enum if shape.items else None) or ()
        directed = lists.direction is not None and any(one.name == lists.direction for one in self.operations["list"].parameters)
        for word in dict.fromkeys([*map(str, words), *lists.orders]):
            at, down = _order(lists.orders.get(word, word))
            if at not in read.properties or not _is_scalar(self.api.contract.shape(read.properties[at], "response")):
                continue
            if not directed:
                yield ((lists.order_by, word),), at, down
                continue
            for way in self.api.ways(self, lists.direction or ""):
                yield ((lists.order_by, word), (lists.direction or "", way)), at, way.lower().startswith("d")


def _order(text: str) -> tuple[str, bool]:
    """`-created`, `created:desc`, `created_desc`: the field and whether downwards."""
    if text[:1] in "+-":
        return text[1:], text[0] == "-"
    match = re.fullmatch(r"(.+?)[: ,](asc|desc)(?:ending)?", text, re.IGNORECASE)
    return (match[1], match[2].lower() == "desc") if match else (text, False)


def _named(name: str, read: Shape) -> str | None:
    plain = name.removesuffix("[]")
    if plain in read.properties:
        return plain
    singular = re.sub(r"(?<=s)es$|s$", "", plain)
    return singular if name != plain and singular in read.properties else None


def _is_scalar(shape: Shape) -> bool:
    return not shape.types & {"object", "array"} and not shape.properties


@dataclass
class Api:
    """A contract and its behaviour, arranged for checking. `said` is what behaviour files say, as JSON values."""

    contract: Contract
    behaviour: Behaviour
    title: str
    said: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def roles(self) -> dict[str, Role]:
        """Which part each operation plays, by operation key."""
        return assign(self.contract.operations, self.behaviour)

    @cached_property
    def by_key(self) -> dict[str, Operation]:
        """Operations by their key."""
        return {operation.key: operation for operation in self.contract.operations}

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        """Every resource that some operation reaches."""
        found: dict[str, Subject] = {}
        for operation in self.contract.operations:
            role = self.roles[operation.key]
            if role.resource is None or role.resource not in self.behaviour.resources or not self._reachable(operation, role):
                continue
            resource = self.behaviour.resources[role.resource]
            subject = found.setdefault(role.resource, Subject(self, resource, said=self._said(role.resource)))
            kind, trigger = self.part(operation)
            if kind == "action" and trigger and role.id_parameter:
                subject.actions.setdefault(trigger, operation)
            elif kind not in ("example", "action", "effect"):
                subject.operations.setdefault(kind, operation)
        return found

    def part(self, operation: Operation) -> tuple[str, str | None]:
        """The kind of an operation and its trigger; of an effect those that its path alone says."""
        role, plain = self.roles[operation.key], self._conventional[operation.key]
        return (plain.kind, role.trigger or plain.trigger) if role.kind == "effect" else (role.kind, role.trigger)

    @cached_property
    def _conventional(self) -> dict[str, Role]:
        """The roles that operations have by their paths alone: what an effect is the doing of."""
        return assign(self.contract.operations, replace(self.behaviour, operations={}))

    def reacts(self, subject: Subject) -> bool:
        """Whether domain functions hang on what becomes of a resource: they may change other records too."""
        return any(key.partition(".")[0] == subject.name for key in self.behaviour.reactions)

    def is_effect(self, operation: Operation | None) -> bool:
        """Whether a domain function plays an operation: it may do more than its kind says."""
        return operation is not None and self.roles[operation.key].effect is not None

    def _reachable(self, operation: Operation, role: Role) -> bool:
        """Whether everything its path asks for can be given."""
        asked = set(re.findall(r"\{([^{}]+)\}", operation.path)) - {role.id_parameter, "version"}
        return asked <= set(role.parents)

    def _said(self, name: str) -> frozenset[str]:
        words: set[str] = set()
        for data in self.said:
            row = data.get("resources", {}).get(name)
            words |= set(row) if isinstance(row, Mapping) else set()
            words |= {word for word in ("lists", "errors", "idempotency", "auth", "webhooks") if word in data}
        return frozenset(words)

    def success_schema(self, operation: Operation | None) -> Schema | None:
        """The schema of an operation's good JSON answer."""
        for status in sorted(operation.responses) if operation else ():
            if status[0] == "2":
                content = operation.responses[status].content  # type: ignore[union-attr]
                found = next((schema for media, schema in content.items() if "json" in media and schema is not None), None)
                if found is not None:
                    return found
        return None

    def inside(self, schema: Schema, wrap: str | None, direction: str) -> Shape:
        """The shape of a record, out of the property that holds it."""
        shape = self.contract.shape(schema, direction)
        return self.contract.shape(shape.properties[wrap], direction) if wrap and wrap in shape.properties else shape

    def item(self, schema: Schema, lists: Lists) -> Schema | None:
        """The schema of a list's records."""
        shape = self.contract.shape(schema, "response")
        for part in (lists.items or "").split("."):
            if part in shape.properties:
                shape = self.contract.shape(shape.properties[part], "response")
        return shape.items

    def ways(self, subject: Subject, direction: str) -> list[str]:
        """The words of a direction parameter."""
        parameter = next((one for one in subject.operations["list"].parameters if one.name == direction), None)
        enum = self.contract.shape(parameter.schema, "request").enum if parameter and parameter.schema else None
        words = [str(word) for word in enum or ("asc", "desc")]
        return [word for word in words if word.lower()[:1] in "ad"][:2] or ["asc", "desc"]

    def is_named(self, operation: Operation, keys: frozenset[str]) -> bool:
        """Whether a behaviour's list of operations names this one."""
        return any(bare_key(key) == bare_key(operation.key) for key in keys)

    def is_keyed(self, operation: Operation) -> bool:
        """Whether an idempotency key counts for an operation."""
        rule = self.behaviour.idempotency
        if rule is None or operation.method not in rule.methods or self.is_named(operation, rule.exempt):
            return False
        declared = any(one.location == "header" and one.name.lower() == rule.header for one in operation.parameters)
        return declared or any("idempotency" in data for data in self.said)


def json_schema(operation: Operation | None) -> Schema | None:
    """The schema of an operation's JSON body."""
    if operation is None or operation.body is None:
        return None
    return next((schema for media, schema in operation.body.content.items() if "json" in media), None)


def json_media(operation: Operation) -> str:
    """The media type to send JSON as."""
    content = operation.body.content if operation.body else {}
    return next((media for media in content if "json" in media), "application/json")
