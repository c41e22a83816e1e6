"""A resource as the engine plays it: its behaviour joined with the document's read schema, compiled once.

Nothing here changes state; a `Kind` answers questions about one record at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from understudy.behaviour.model import Resource
from understudy.contract.contract import Contract
from understudy.contract.values import Schema
from understudy.engine.completing import Complete, completer
from understudy.engine.naming import fresh

Record = dict[str, Any]

ONE = "_one"
"""The private field that a singleton's record is kept under."""

WITHIN = "_within"
"""The private field of the id of a record whose shown id is a name, unique among those of its parent only."""

_OTHER_FORMS = (
    ("integer", None), ("uuid", None), ("hex", 24), ("hex", 32), ("upper", 17), ("lower", 20), ("digits", 10), (None, 10), ("upper", 6),
    ("digits", 4), ("letters", 8), ("letters", 2),
)  # fmt: skip


@dataclass(slots=True)
class Kind:
    """One resource, compiled: what may leave (`declared`, `project`), what must hold (`valid`), what it refers to.

    Only `mixed` changes, once and for good: it remembers that some record holds private fields, so that kept bytes
    are no longer what leaves. Until then lists are put together from kept bytes.
    """

    name: str
    resource: Resource
    schema: Schema | None
    declared: frozenset[str] | None  # the read schema's properties; None: everything may leave
    nullable: Callable[[str], bool]
    valid: Callable[[Any], bool]
    violation: Callable[[Any], str]
    project: Callable[[Record], Record]
    references: tuple[tuple[tuple[str, ...], str], ...]
    derived: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    ids: tuple[Any, ...]  # what a fresh id is asked for with: prefix, and where they are said form and length
    sample: Callable[[], Record]  # an example of a record
    complete: Complete | None = None  # makes records fit the schema; None: effects answer for that
    chooses: bool = False  # the id a record comes with is kept
    mixed: bool = False
    hides: bool = False  # parts of its parts are for requests alone, so no record leaves as it is kept

    @property
    def state_field(self) -> str | None:
        """The field that holds the lifecycle's state, None without a lifecycle."""
        return self.resource.lifecycle.field if self.resource.lifecycle else None

    def state(self, record: Mapping[str, Any]) -> str | None:
        """The record's state, None without a lifecycle."""
        return record.get(self.resource.lifecycle.field) if self.resource.lifecycle else None

    def public(self, record: Record) -> Record:
        """What of a record may leave: private fields, which the document does not declare, stay."""
        if not self.hides and (self.declared is None or record.keys() <= self.declared):
            return record
        self.mixed = True
        return self.project(record)

    def note(self, fields: Set[str]) -> None:
        """Know of the fields that some kept records have."""
        self.mixed = self.mixed or (self.declared is not None and not fields <= self.declared)

    def derive(self, record: Record) -> Record:
        """The record with the fields that repeat others."""
        for path, source in self.derived:
            value = dig(record, source)
            if value is not None:
                record = put(record, path, value)
        return record

    def pointers(self, record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Each reference a record holds: dotted field, resource, id."""
        for path, target in self.references:
            if path[0] not in record:
                continue
            for field, value in walk(record, path):
                if isinstance(value, str | int):
                    yield field, target, str(value)


def compile_kind(resource: Resource, schema: Schema | None, contract: Contract, *, mended: bool = False) -> Kind:
    """Join a resource with its read schema; None where the document shows none (internal resources).

    `mended`: no effect stands behind the resource, so what a record lacks is filled in from the schema's example.
    """
    if resource.singleton and mended:
        resource = replace(resource, id_field=ONE)
    references = tuple((tuple(path.split(".")), target) for path, target in resource.refers_to.items())
    derived = tuple((tuple(path.split(".")), tuple(source.split("."))) for path, source in resource.derived.items())
    if schema is None:
        return Kind(resource.name, resource, None, None, lambda _: True, lambda _: True, lambda _: "", lambda record: record, references, derived,
                    _ids(resource), dict, None, resource.singleton or _chooses(resource, mended=mended))
    shape = contract.shape(schema, "response")
    properties = frozenset(shape.properties) - shape.write_only
    hides = contract.hides(schema)
    validator = contract.validator(schema, "response")

    def nullable(field: str) -> bool:
        part = shape.properties.get(field)
        return part is None or contract.validator(part, "response").is_valid(None)

    return Kind(
        resource.name,
        resource,
        schema,
        properties if properties else None,
        nullable,
        validator.is_valid,
        lambda record: str(validator.first(record)),
        contract.project(schema),
        references,
        derived,
        ids_of(resource, shape.properties.get(resource.id_field), contract) if mended else _ids(resource),
        lambda: _sample(contract, schema),
        completer(contract, schema) if mended else None,
        resource.singleton or _chooses(resource, mended=mended),
        mixed=hides,
        hides=hides,
    )


def _chooses(resource: Resource, *, mended: bool) -> bool:
    """Whether the id a record comes with is kept: of internal records, keys that are ids, and where the document lets one in."""
    return mended or resource.internal or resource.key == resource.id_field


def _sample(contract: Contract, schema: Schema) -> Record:
    value = contract.example(schema, "response")
    return dict(value) if isinstance(value, dict) else {}


def _ids(resource: Resource) -> tuple[Any, ...]:
    if resource.id_form is None and resource.id_length is None:
        return (resource.id_prefix,)
    return resource.id_prefix, resource.id_form, resource.id_length


def ids_of(resource: Resource, part: Schema | None, contract: Contract) -> tuple[Any, ...]:
    """How fresh ids are asked for: as the behaviour says, or the first other way that gives what the id's schema allows."""
    said = _ids(resource)
    if part is None:
        return said
    valid = contract.validator(part, "response").is_valid
    trial = (said, *((prefix, form, length) for prefix in (resource.id_prefix, None) for form, length in _OTHER_FORMS))
    return next((one for one in trial if valid(fresh(0, 1, *one))), said)


def dig(value: Any, path: tuple[str, ...]) -> Any:
    """The value at a field path (a number counts into an array), None where there is none."""
    for step in path:
        if isinstance(value, list):
            value = value[int(step)] if step.isdigit() and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def put(record: Record, path: tuple[str, ...], value: Any) -> Record:
    """The record with a value at a field path, where the objects on the way are there; the rest is shared."""
    if len(path) == 1:
        return {**record, path[0]: value}
    inner = record.get(path[0])
    return {**record, path[0]: put(inner, path[1:], value)} if isinstance(inner, dict) else record


def walk(value: Any, path: tuple[str, ...], at: str = "") -> Iterator[tuple[str, Any]]:
    """Every value at a field path, with its dotted place; `*` goes into each element of an array."""
    if not path:
        if isinstance(value, list):
            for index, element in enumerate(value):
                yield f"{at}{index}", element
        elif value is not None:
            yield at[:-1], value
        return
    step, rest = path[0], path[1:]
    if step == "*":
        if isinstance(value, list):
            for index, element in enumerate(value):
                yield from walk(element, rest, f"{at}{index}.")
    elif isinstance(value, dict) and step in value:
        yield from walk(value[step], rest, f"{at}{step}.")
