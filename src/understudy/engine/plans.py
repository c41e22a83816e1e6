"""Contract and behaviour compiled together, operation by operation, when first asked for.

1. A `Script` is what one server plays; it holds no state of any world.
2. Effects are found here by name and nowhere else imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from understudy.behaviour.model import NOTHING, Behaviour, Lists, Resource
from understudy.behaviour.roles import Role, assign, bare_key
from understudy.contract.bodies import is_markup
from understudy.contract.contract import Contract
from understudy.contract.values import Callback, Operation, Response, Schema
from understudy.engine.conditions import Conditions, conditions_of
from understudy.engine.dressing import Dress, dress_of, filling, inner, same
from understudy.engine.envelopes import envelope_of
from understudy.engine.granting import Place, places
from understudy.engine.guarding import Guard, guard_of
from understudy.engine.kinds import WITHIN, Kind, compile_kind
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
    answers_record: bool  # the successful answer is the resource's record, wrapped or not
    effect: Callable[..., Any] | None
    keyed: bool  # an idempotency key makes repeating it safe
    guarded: bool  # a key of the API is needed
    verbatim: bool  # a record may be answered as it is kept: named by the path alone, in no wrapping
    refreshed: bool  # values of the resource are computed when it is read
    dress: Dress | None = None  # makes a record the answer; None: it is
    rows: Dress | None = None  # makes a record a row of this list; None: it is
    unwrap: str | None = None  # the property of the body that holds the record
    clears: bool = False  # null in the body deletes (RFC 7396)
    guard: Guard = ()  # the document's security schemes, where the behaviour says nothing of keys
    demands: bool = True  # what a body refers to must be there
    frees: bool = False  # a record may be deleted while others refer to it
    headers: Mapping[str, str] | None = None  # response headers the document requires
    mended: bool = False  # what cannot be made to fit the document is answered with an example that says so
    conditions: Conditions | None = None  # what the document declares of ETag, If-Match and If-None-Match
    callbacks: tuple[Callback, ...] = ()  # what is sent to those the request names
    made: Plan | None = None  # how the answer looks where a PUT made the record
    written: Callable[[bytes], bytes] | None = None  # makes the answer, JSON until it leaves, what its media type is
    place: Place | None = None  # what grants tokens at the path of this operation


class Script:
    """A contract with the behaviour that goes with it: `plan(operation)` and `kind(resource)` are compiled lazily.

    `mended`: no effect stands behind the behaviour, so what records lack is filled in from the document's examples, and
    what cannot be made to fit the document is answered with an example that says so; `mends` says it of one resource, which
    may be inferred beside others that have effects.
    """

    def __init__(self, contract: Contract, behaviour: Behaviour, effects: Mapping[str, Callable[..., Any]]) -> None:
        self.contract = contract
        self.behaviour = behaviour
        self.mended = behaviour.effects is None
        self.roles = assign(contract.operations, behaviour)
        self._inferred = frozenset(note.subject for note in behaviour.notes)
        self._renewed = frozenset({*behaviour.refreshes, *_mirrors(behaviour)})
        self._effects = effects
        self._event_types: tuple[str, ...] | None = None
        self._plans: dict[str, Plan] = {}
        self.variants: dict[tuple[str, bytes], Plan] = {}  # of plans, by what clients accept
        self._kinds: dict[str, Kind] = {}
        self._by_role = _index(contract, self.roles)
        self.reactions: Mapping[str, tuple[Reaction, ...]] = {
            key: tuple(self._effect(name) for name in names) for key, names in behaviour.reactions.items()
        }
        self.refreshes = {key: tuple(self._effect(name) for name in names) for key, names in behaviour.refreshes.items()}

    def mends(self, resource: str | None) -> bool:
        """Whether no effect stands behind a resource: nothing has any, or it is only inferred."""
        return self.mended or resource in self._inferred

    def _effect(self, name: str) -> Callable[..., Any]:
        try:
            return self._effects[name]
        except KeyError:
            raise LookupError(f'the behaviour file names the effect "{name}", which {self.behaviour.effects} does not have') from None

    def kind(self, name: str) -> Kind:
        """A resource, compiled. Raises LookupError for a name the behaviour does not have."""
        kind = self._kinds.get(name)
        if kind is None:
            resource = self._within(self.behaviour.resources[name])
            kind = self._kinds[name] = compile_kind(resource, self._read_schema(resource), self.contract, mended=self.mends(name))
        return kind

    def _within(self, resource: Resource) -> Resource:
        """A nested record that clients name is kept under an id of its own: the name need only be new to its parent."""
        lists = resource.lists or self.behaviour.lists
        free = self.mends(resource.name) and resource.key is None and not resource.singleton and lists.style not in ("cursor", "after")
        used = any(resource.name in other.refers_to.values() for other in self.behaviour.resources.values())
        if not free or used or not resource.parents or not self._is_sent(resource):
            return resource
        return replace(resource, id_field=WITHIN, key=resource.id_field, key_in_path=True, id_prefix=None, id_form=None, id_length=None)

    def _is_sent(self, resource: Resource) -> bool:
        """Whether who makes a record has to say its id."""
        operation = self._by_role.get(("create", resource.name))
        if operation is None:
            return resource.put_creates
        schema = next((one for name, one in operation.body.content.items() if "json" in name), None) if operation.body else None
        part = inner(self.contract, schema, resource.request_wrap, "request")[0]
        return part is not None and resource.id_field in self.contract.shape(part, "request").required

    def plan(self, operation: Operation) -> Plan:
        """How an operation is played."""
        plan = self._plans.get(operation.key)
        if plan is None:
            plan = self._plans[operation.key] = self._compile(operation)
        return plan


    def event_types(self) -> tuple[str, ...]:
        """Every event there is: those the document describes, else those the behaviour gives a name."""
        if self._event_types is None:
            named = (type for resource in self.behaviour.resources.values() for type in resource.events.values())
            self._event_types = tuple(self.contract.webhooks) or tuple(dict.fromkeys(named))
        return self._event_types

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """What stands at the addresses the document's security schemes name, by path."""
        schemes = {id(one.scheme): one.scheme for operation in self.contract.operations for group in operation.security or () for one in group}
        return places(schemes.values())

    @cached_property
    def bare_keys(self) -> Mapping[str, str]:
        """The bare form of every operation's key, and of the places beside them where tokens are granted."""
        granting = (f"POST {path}" for path, place in self.places.items() if place.part == "token")
        return {key: bare_key(key) for key in (*(one.key for one in self.contract.operations), *granting)}

    def operation(self, kind: str, resource: str) -> Operation | None:
        """The first operation that plays this role for this resource."""
        return self._by_role.get((kind, resource))

    def _compile(self, operation: Operation) -> Plan:
        role = self.roles[operation.key]
        resource = self.behaviour.resources.get(role.resource) if role.resource else None
        making = role.kind in ("create", "upsert")
        plan = self._answering(operation, role, self.kind(resource.name) if resource else None, *success(operation, "201" if making else None))
        if role.kind == "replace" and resource is not None and resource.put_creates:
            return replace(plan, made=self._answering(operation, role, plan.kind, *success(operation, "201")))
        return plan

    def _answering(
        self, operation: Operation, role: Role, kind: Kind | None, status: int, media_type: str | None, schema: Schema | None
    ) -> Plan:
        """How an operation is played, with one of its declared answers."""
        resource = kind.resource if kind else None
        lists = resource.lists if resource and resource.lists else self.behaviour.lists
        part, held = inner(self.contract, schema, resource.wrap if resource else None)
        dress = dress_of(self.contract, kind, schema, resource.wrap if resource else None) if kind and kind.schema and schema else None
        body = operation.body.content if operation.body else {}
        return Plan(
            operation=operation,
            role=self._played(role, media_type),
            kind=kind,
            lists=lists,
            paging=self._paging(operation, lists, kind, schema if role.kind in ("list", "search") else None),
            status=status,
            media_type=media_type,
            schema=schema,
            answers_record=bool(kind and same(kind.schema, part)),
            effect=self._effect(role.effect) if role.effect else None,
            keyed=self._keyed(operation),
            guarded=self._guarded(operation),
            verbatim=bool(role.id_parameter and not role.parents and resource and not held and dress is None and media_type),
            refreshed=role.resource in self._renewed,
            dress=dress,
            rows=self._rows(kind, schema, lists) if role.kind in ("list", "search") and self.mends(role.resource) else None,
            unwrap=self._unwrap(body, resource),
            clears=any("merge-patch" in name for name in body),
            guard=guard_of(operation) if self.behaviour.auth is None else (),
            demands=not self._is_inferred(role) or _declares(operation, "404", "409"),
            frees=self._is_inferred(role) and not _declares(operation, "409"),
            headers=self.required_headers(operation.response(status)) or None,
            callbacks=self.contract.callbacks(operation),
            written=self.contract.markup(schema) if media_type is not None and is_markup(media_type) else None,
            place=self.places.get(operation.path) if operation.method == "POST" else None,
            mended=self.mends(role.resource),
            conditions=conditions_of(self.contract, operation),
        )

    def _is_inferred(self, role: Role) -> bool:
        """Whether a resource is only understood by convention: then it refuses nothing the operation has no status for."""
        return role.resource in self._inferred

    def _played(self, role: Role, media_type: str | None) -> Role:
        """The role, or an example where records cannot be put into the media type."""
        if not self.mends(role.resource) or media_type is None or "json" in media_type or is_markup(media_type) or role.kind in ("delete", "example"):
            return role
        return Role("example", convention=f"answers in {media_type} are examples")

    def _rows(self, kind: Kind | None, schema: Schema | None, lists: Lists) -> Dress | None:
        item = item_schema(self.contract, schema, lists)
        return filling(self.contract, item) if kind is not None and item is not None and not same(item, kind.schema) else None

    def _unwrap(self, body: Mapping[str, Schema | None], resource: Resource | None) -> str | None:
        schema = next((one for name, one in body.items() if "json" in name), None)
        return inner(self.contract, schema, resource.request_wrap if resource else None, "request")[1]

    def required_headers(self, response: Response | None) -> Mapping[str, str]:
        """The headers a response must carry that nothing else gives it, each with an example."""
        if response is None or not response.required_headers:
            return NOTHING
        given = {"content-type", "content-length", *map(str.lower, self.behaviour.response_headers)}
        schemas = {name: response.headers.get(name) for name in response.required_headers if name.lower() not in given}
        return {name: _text(self.contract.example(one, "response")) if one else "" for name, one in sorted(schemas.items())}

    def _paging(self, operation: Operation, lists: Lists, kind: Kind | None, schema: Schema | None) -> Paging:
        asked = [parameter.name for parameter in operation.parameters if parameter.location == "query"]
        known = (kind.declared if kind else None) or frozenset()
        return compile_paging(lists, asked, known, envelope_of(self.contract, schema), kind.resource.id_field if kind else "id")

    def _keyed(self, operation: Operation) -> bool:
        rule = self.behaviour.idempotency
        return rule is not None and operation.method in rule.methods and not _named(operation, rule.exempt)

    def _guarded(self, operation: Operation) -> bool:
        auth = self.behaviour.auth
        return auth is not None and operation.security != () and not _named(operation, auth.exempt)

    def _read_schema(self, resource: Resource) -> Schema | None:
        for role in ("retrieve", "singleton", "create", "upsert", "update", "replace", "effect"):
            operation = self._by_role.get((role, resource.name))
            if operation is not None:
                schema = inner(self.contract, success(operation)[2], resource.wrap)[0]
                if schema is not None and self._is_record(schema, resource):
                    return schema
        operation = self._by_role.get(("list", resource.name))
        return item_schema(self.contract, success(operation)[2], resource.lists or self.behaviour.lists) if operation else None

    def _is_record(self, schema: Schema, resource: Resource) -> bool:
        """Whether a value of a schema can be a record; an effect's answer is taken at its word."""
        shape = self.contract.shape(schema, "response")
        return not self.mends(resource.name) or bool(shape.properties) or "object" in shape.types


def item_schema(contract: Contract, schema: Schema | None, lists: Lists) -> Schema | None:
    """The schema of a list's records, at the place in the envelope where `lists` says they are."""
    if schema is None:
        return None
    shape = contract.shape(schema, "response")
    for step in (lists.items or "").split("."):
        if step in shape.properties:
            shape = contract.shape(shape.properties[step], "response")
    if lists.key_map is not None:
        return shape.additional if isinstance(shape.additional, Schema) else None
    return shape.items


def _mirrors(behaviour: Behaviour) -> Iterator[str]:
    """The resources whose records tell of deliveries: they are brought up to date before they are read."""
    for row in (behaviour.webhooks.get("endpoints"), behaviour.webhooks.get("deliveries")):
        if row:
            yield row if isinstance(row, str) else row["resource"]


def _declares(operation: Operation, *statuses: str) -> bool:
    return any(status in operation.responses for status in statuses)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


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


def success(operation: Operation, preferred: str | None = None) -> tuple[int, str | None, Schema | None]:
    """Status, media type and schema of the answer a good request gets: the first declared 2xx, JSON where there is a choice.

    `preferred` is a status that goes before the others where it is declared.
    """
    declared = sorted(operation.responses, key=lambda status: (status != preferred, status == "default", status))
    for status in [one for one in declared if one[0] == "2" or one == "default"] or [one for one in declared if one[0] == "3"]:
        response = operation.responses[status]
        code = int(status) if status.isdigit() else 200 if status == "default" else int(status[0]) * 100
        media = next((name for name in response.content if "json" in name), next(iter(response.content), None))
        return code, _concrete(media), response.content.get(media) if media else None
    return 200, None, None


def _concrete(media: str | None) -> str | None:
    """A media type to answer with: a range such as `*/*` is answered in JSON."""
    return JSON if media is not None and "*" in media else media
