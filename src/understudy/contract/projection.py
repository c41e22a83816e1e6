"""A record reduced to what a schema declares, at every depth.

1. The record is not changed; where nothing is to be left out the very same object is returned.
2. writeOnly properties are left out (OpenAPI 3.1: they are not part of a response).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from understudy.contract.cleaning import SCALARS
from understudy.contract.shapes import Shape, Shapes
from understudy.contract.values import Schema

Project = Callable[[Any], Any]
UNKNOWN: Final = object()


class Level(NamedTuple):
    """What is known of one level: projections of properties (None: keep as it is), and the rest."""

    known: Mapping[str, Project | None]
    closed: bool
    rest: Project | None
    patterns: tuple[tuple[re.Pattern[str], Project | None], ...]
    item: Project | None
    mark: str | None
    branches: Mapping[str, Projection]


class Projection:
    """Projects values of one schema; its level is made when a value first comes."""

    __slots__ = ("_level", "_projections", "_schema")

    def __init__(self, projections: Projections, schema: Schema) -> None:
        self._projections = projections
        self._schema = schema
        self._level: Level | None = None

    @property
    def level(self) -> Level:
        """The level, made when first needed."""
        if self._level is None:
            self._level = self._projections.level(self._schema)
        return self._level

    def __call__(self, value: Any) -> Any:
        """The value without what the schema does not declare; the same object if there is nothing to leave out."""
        level = self._level or self.level
        kind = type(value)
        if kind is dict:
            return object_of(level, value)
        if kind is list and level.item is not None:
            return items_of(level.item, value)
        return value


def object_of(level: Level, value: dict[str, Any]) -> dict[str, Any]:
    """One object; rebuilt only if something goes or changes."""
    known = level.known
    if level.mark is not None and isinstance(mark := value.get(level.mark), str) and mark in level.branches:
        known = {**known, **level.branches[mark].level.known}
    changes: dict[str, Any] | None = None
    for name, one in value.items():
        project = known.get(name, UNKNOWN)
        if project is None:
            continue
        kept = project(one) if project is not UNKNOWN else strange(level, name, one)  # type: ignore[operator]
        if kept is not one:
            changes = changes or {}
            changes[name] = kept
    if changes is None:
        return value
    merged = {**value, **changes}
    return {name: one for name, one in merged.items() if one is not UNKNOWN}


def strange(level: Level, name: str, value: Any) -> Any:
    """A field that is not declared by name: its value, projected if it has a schema; UNKNOWN when it goes."""
    for pattern, project in level.patterns:
        if pattern.search(name):
            return project(value) if project is not None else value
    if level.rest is not None:
        return level.rest(value)
    return UNKNOWN if level.closed else value


def items_of(project: Project, value: list[Any]) -> list[Any]:
    """A list; the same one if no item changes."""
    kept = [project(one) for one in value]
    return value if all(new is old for new, old in zip(kept, value, strict=True)) else kept


class Projections:
    """The projections of one contract."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._made: dict[str, Projection | None] = {}

    def of(self, schema: Schema) -> Project:
        """The projection of a schema; the identity where everything stays."""
        return self._of(schema) or same

    def _of(self, schema: Schema | None) -> Projection | None:
        if schema is None:
            return None
        schema = self._shapes.target(schema)
        if schema.uri not in self._made:
            keeps_all = is_open(self._shapes.shape(schema, "response"))
            self._made[schema.uri] = None if keeps_all else Projection(self, schema)
        return self._made[schema.uri]

    def level(self, schema: Schema) -> Level:
        """All a projection needs to know of its schema."""
        shape = self._shapes.shape(schema, "response")
        shown = {name: one for name, one in shape.properties.items() if name not in shape.write_only}
        mark, branches = shape.discriminator or (None, {})
        return Level(
            known={name: self._of(one) for name, one in shown.items()},
            closed=(bool(shape.properties) and not isinstance(shape.additional, Schema)) or shape.additional is False,
            rest=self._of(shape.additional) if isinstance(shape.additional, Schema) else None,
            patterns=tuple(self._patterns(shape)),
            item=self._of(shape.items),
            mark=mark,
            branches={value: made for value, one in branches.items() if (made := self._of(one)) is not None},
        )

    def hides(self, schema: Schema) -> bool:
        """Whether a property of a part, however deep, is writeOnly; the schema's own are seen without looking for them."""
        pending, seen = list(parts_of(self._shapes.shape(schema, "response"))), set[str]()
        while pending:
            part = self._shapes.target(pending.pop())
            if part.uri in seen:
                continue
            seen.add(part.uri)
            shape = self._shapes.shape(part, "response")
            if shape.write_only:
                return True
            pending.extend(parts_of(shape))
        return False

    def _patterns(self, shape: Shape) -> list[tuple[re.Pattern[str], Project | None]]:
        found: list[tuple[re.Pattern[str], Project | None]] = []
        for pattern, schema in shape.patterns:
            try:
                found.append((re.compile(pattern), self._of(schema)))
            except re.error:
                found.append((re.compile(""), self._of(schema)))  # unreadable here: keep rather than drop
        return found


def parts_of(shape: Shape) -> Iterator[Schema]:
    """The schemas one level further down."""
    yield from shape.properties.values()
    yield from (schema for _, schema in shape.patterns)
    yield from (one for one in (shape.items, shape.additional) if isinstance(one, Schema))
    yield from shape.discriminator[1].values() if shape.discriminator else ()


def same(value: Any) -> Any:
    """The value as it is."""
    return value


def is_open(shape: Shape) -> bool:
    """Whether values of a shape are kept whole: scalars, and free forms."""
    if shape.types and shape.types <= SCALARS:
        return True
    nested = (shape.properties, shape.items, shape.patterns, shape.discriminator)
    return not any(nested) and shape.additional is True
