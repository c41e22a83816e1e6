"""Which sites of a document are resources: what their records look like, and what can be done to them.

1. A site becomes a resource only where records can come about; a view of nothing is not modelled, and the reason is kept.
2. Operations on a resource's paths that do not do what their method promises are `excluded`, each with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from understudy.behaviour.envelopes import Listing, listing, unwrapped
from understudy.behaviour.looking import Look, identity, is_array, is_object
from understudy.behaviour.naming import ID_FIELDS, Words
from understudy.behaviour.records import Identity, identity_of
from understudy.behaviour.sites import Site, parameters
from understudy.contract.values import Operation, Schema

if TYPE_CHECKING:
    from understudy.contract.shapes import Shape

_ALIASES = frozenset((
    "me", "self", "current", "default", "latest", "mine", "my", "last", "first",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A site that is a resource."""

    site: Site
    name: Words
    record: Shape  # the read schema, joined with what create and list answer
    schemas: frozenset[str]  # addresses of the record's schemas
    identity: Identity
    wrap: str | None = None
    request_wrap: str | None = None
    listing: Listing | None = None
    creates: bool = False
    upserts: bool = False
    put_creates: bool = False
    singleton: bool = False
    excluded: tuple[tuple[Operation, str], ...] = ()
    views: tuple[Site, ...] = ()  # further sites that show or make the same records

    @property
    def made(self) -> bool:
        """Whether some operation makes records."""
        return self.creates or self.upserts or self.put_creates

    @property
    def sites(self) -> tuple[Site, ...]:
        """The resource's own site and its views."""
        return (self.site, *self.views)

    @property
    def answering(self) -> Iterator[Operation]:
        """The operations whose answers show records."""
        for site in self.sites:
            for operations in (site.items, site.operations):
                yield from (one for method, one in operations.items() if method in ("GET", "POST"))


@dataclass(frozen=True, slots=True)
class _Record:
    shape: Shape
    schemas: frozenset[str]
    wrap: str | None


def candidate(look: Look, site: Site) -> Candidate | str:
    """The resource a site is, or the reason why it is none."""
    if not site.name or site.above.endswith("{}{}"):
        return "the path ends in no word"
    get = site.operations.get("GET")
    answer = look.answer(get) if get else None
    found = listing(look, answer, site.name) if answer else None
    if site.items or found is not None:
        return _collection(look, site, found)
    return _singleton(look, site, answer)


# --- collections -------------------------------------------------------------------------------------------------


def _collection(look: Look, site: Site, found: Listing | None) -> Candidate | str:
    record = _record(look, site, found)
    if record is None:
        return "no answer shows a record: an object with properties"
    own = identity_of(item_parameters(site), record.shape, site.name)
    creates = _creates(look, site, record)
    upserts = "PUT" in site.operations and _carries(look, site.operations["PUT"], own, site.name)
    replaces = "PUT" in site.items and _overlaps(look, site.items["PUT"], record, site.name)
    made = Candidate(
        site=site,
        name=site.name,
        record=record.shape,
        schemas=record.schemas,
        identity=own,
        wrap=record.wrap,
        request_wrap=_request_wrap(look, site),
        listing=found,
        creates=creates,
        upserts=upserts,
        put_creates=replaces and not creates and not upserts,
    )
    return _viable(replace(made, excluded=tuple(_excluded(look, made, record))))


def _viable(made: Candidate) -> Candidate | str:
    site = made.site
    if not site.items and not (made.listing and made.creates):
        return "a list whose records nothing makes or changes" if made.listing else "no path names one of them"
    if made.made or (not site.nested and made.listing is not None and "GET" in site.items):
        return made
    return "no operation makes one and no list shows them all, so there is nothing to keep"


def _record(look: Look, site: Site, found: Listing | None) -> _Record | None:
    schemas: list[Schema] = []
    wrap: str | None = None
    for operation in _reading(site):
        answer = look.answer(operation)
        if answer is None:
            continue
        inner, around = unwrapped(look, answer, site.name)
        shape = look.shape(inner)
        if not is_object(shape) or is_array(shape) or not shape.properties:
            if operation is site.items.get("GET"):
                return None
            continue
        if schemas and not _alike(look.shape(schemas[0]), shape):
            continue
        schemas.append(inner)
        wrap = wrap or around
    if found is not None:
        schemas.append(found.record)
    shapes = [look.shape(schema) for schema in schemas]
    if not any(shape.properties for shape in shapes):
        return None
    return _Record(_united(shapes), frozenset(identity(schema) for schema in schemas), wrap)


def _alike(one: Shape, other: Shape) -> bool:
    """Whether two answers show the same record: they share the id, or half of the smaller one's properties."""
    shared = one.properties.keys() & other.properties.keys()
    return not shared.isdisjoint(ID_FIELDS) or 2 * len(shared) >= min(len(one.properties), len(other.properties))


def _reading(site: Site) -> Iterator[Operation]:
    """The operations that answer a record, the most telling first: retrieve, else create, else update."""
    own = [site.items.get("GET"), site.operations.get("POST"), *(site.items.get(method) for method in ("PATCH", "PUT"))]
    present = [operation for operation in own if operation is not None]
    return iter(present[:2] if "GET" in site.items else present[:1])


def _united(shapes: list[Shape]) -> Shape:
    properties: dict[str, Schema] = dict(shapes[0].properties)
    for shape in shapes[1:]:
        for name, part in shape.properties.items():
            properties.setdefault(name, part)
    return replace(shapes[0], properties=properties)


def item_parameters(site: Site) -> tuple[str, ...]:
    """The names that the last path parameter has over the operations on items, GET's first."""
    ordered = sorted(site.items.values(), key=lambda operation: operation.method != "GET")
    verbs = [
        parameters(operation.path.partition("}:")[0] + "}" if "}:" in operation.path else operation.path)
        for operation in site.verbs.values()
    ]
    names = [parameters(operation.path)[-1] for operation in ordered]
    return tuple(dict.fromkeys([*names, *(found[-1] for found in verbs if found)]))


def _creates(look: Look, site: Site, record: _Record) -> bool:
    operation = site.operations.get("POST")
    if operation is None:
        return False
    read_elsewhere = "GET" in site.items or "GET" in site.operations
    return _overlaps(look, operation, record, site.name) or (
        read_elsewhere and _answers(look, operation, record, site.name)
    )


def _overlaps(look: Look, operation: Operation, record: _Record, name: Words) -> bool:
    """Whether a body is an object that shares a property with the record, or an open one."""
    body = _body(look, operation, name)
    if body is None or is_array(body):
        return False
    return bool(body.properties.keys() & record.shape.properties.keys()) or (
        not body.properties and "object" in body.types
    )


def _body(look: Look, operation: Operation, name: Words) -> Shape | None:
    schema = look.request(operation)
    return look.shape(unwrapped(look, schema, name, "request")[0], "request") if schema else None


def _answers(look: Look, operation: Operation, record: _Record, name: Words) -> bool:
    """Whether an answer is the record: its schema, or half of its properties."""
    answer = look.answer(operation)
    if answer is None:
        return False
    inner, _ = unwrapped(look, answer, name)
    shared = look.shape(inner).properties.keys() & record.shape.properties.keys()
    return identity(inner) in record.schemas or 2 * len(shared) > len(record.shape.properties)


def _carries(look: Look, operation: Operation, own: Identity, name: Words) -> bool:
    body = _body(look, operation, name)
    return body is not None and bool(body.properties.keys() & {own.field, own.key})


def _request_wrap(look: Look, site: Site) -> str | None:
    for operation in (site.operations.get("POST"), site.items.get("PUT"), site.items.get("PATCH")):
        schema = look.request(operation) if operation else None
        if schema is not None:
            return unwrapped(look, schema, site.name, "request")[1]
    return None


# --- what does not do what its method says -----------------------------------------------------------------------


def _excluded(look: Look, made: Candidate, record: _Record) -> Iterator[tuple[Operation, str]]:
    site = made.site
    for method, operation in site.operations.items():
        reason = {
            "GET": None if made.listing else "its answer lists no records",
            "POST": None if made.creates else "its body and its answer are not the record's",
            "PUT": None if made.upserts else "its body names no record, so it is no upsert",
        }.get(method)
        if reason:
            yield operation, reason
    for method, operation in site.items.items():
        reason = _unusual(look, site, method, operation, record)
        if reason:
            yield operation, reason


def _unusual(look: Look, site: Site, method: str, operation: Operation, record: _Record) -> str | None:
    if method == "POST" and site.items.keys() & {"PATCH", "PUT"}:
        return "POST on an item beside PATCH or PUT is not its update"
    if method in ("POST", "PUT", "PATCH") and not _overlaps(look, operation, record, site.name):
        if is_patch(look, operation):
            return None
        return "its body has nothing of the record"
    return None


def is_patch(look: Look, operation: Operation) -> bool:
    """Whether a body is a JSON Patch (RFC 6902): an array of objects with `op` and `path`."""
    schema = look.request(operation)
    shape = look.shape(schema, "request") if schema else None
    items = look.shape(shape.items, "request") if shape and shape.items and is_array(shape) else None
    return items is not None and {"op", "path"} <= items.properties.keys()


# --- singletons --------------------------------------------------------------------------------------------------


def _singleton(look: Look, site: Site, answer: Schema | None) -> Candidate | str:
    if answer is None:
        return "nothing reads what it may keep"
    if site.word.lower() in _ALIASES:
        return f'"{site.word}" is another name of some record'
    inner, wrap = unwrapped(look, answer, site.name)
    shape = look.shape(inner)
    record = _Record(shape, frozenset({identity(inner)}), wrap)
    writers = [method for method in ("PUT", "PATCH", "POST") if method in site.operations]
    fitting = [method for method in writers if _overlaps(look, site.operations[method], record, site.name)]
    if not shape.properties or not fitting:
        return "nothing changes what it answers" if shape.properties else "its answer is no object with properties"
    excluded = [
        (one, "it does not change what GET answers")
        for method, one in site.operations.items()
        if method not in ("GET", *fitting)
    ]
    return Candidate(
        site=site,
        name=site.name,
        record=shape,
        schemas=record.schemas,
        identity=identity_of((), shape, site.name),
        wrap=wrap,
        request_wrap=_singleton_wrap(look, site, fitting[0]),
        singleton=True,
        excluded=tuple(excluded),
    )


def _singleton_wrap(look: Look, site: Site, method: str) -> str | None:
    schema = look.request(site.operations[method])
    return unwrapped(look, schema, site.name, "request")[1] if schema else None


def reasons(sites: Iterable[Site], refused: Mapping[str, str]) -> dict[str, str]:
    """Why each operation of the refused sites is not modelled, by operation key."""
    return {
        operation.key: refused[site.path]
        for site in sites
        if site.path in refused
        for operation in (*site.operations.values(), *site.items.values())
    }
