"""A body made into what the document knows: unknown and readOnly fields left out, defaults filled in, whole numbers made
integers, in one pass.

1. Runs after validation, on a value nobody else holds: it is changed in place.
2. A cleaner is made for a schema when a value first gets there, and kept; recursive schemas are therefore no matter.
3. A free-form object (no properties, or `additionalProperties` with a schema) keeps what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final, NamedTuple

from understudy.contract.shapes import MISSING, Shape, Shapes
from understudy.contract.values import Schema
from understudy.contract.violations import nearest_name

Fill = Callable[[Schema, Any], bool]
UNKNOWN: Final = object()
SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})


class Note:
    """Something left out or filled in: `path` grows from the inside out, `kind` is unknown, read_only or default."""

    __slots__ = ("kind", "known", "path")

    def __init__(self, name: str | int, kind: str, known: Mapping[str, Any]) -> None:
        self.path: list[str | int] = [name]
        self.kind = kind
        self.known = known

    @property
    def field(self) -> str:
        """The dotted path of the field."""
        return ".".join(map(str, reversed(self.path)))

    def warning(self) -> str:
        """What the request log says about it."""
        if self.kind == "read_only":
            return f"{self.field}: read only, taken and left out"
        near = nearest_name(str(self.path[0]), self.known)
        return f"{self.field}: unknown, taken and left out" + (f"; nearest known name: {near}" if near else "")


class Level(NamedTuple):
    """What a cleaner knows about one level: the cleaners of properties (None: nothing to do below), and the rest."""

    known: Mapping[str, Any]
    plain: frozenset[str]  # the known ones with nothing to do
    defaults: tuple[tuple[str, Any], ...]
    read_only: frozenset[str]
    closed: bool  # unknown fields are left out
    rest: Cleaner | None
    patterns: tuple[tuple[re.Pattern[str], Cleaner | None], ...]
    item: Cleaner | None
    prefix: tuple[Cleaner | None, ...]
    mark: str | None  # the discriminator's property
    branches: Mapping[str, Cleaner]
    integers: frozenset[str]  # the properties that hold integers
    counts: bool  # the items are integers
    tallies: bool  # so are the fields that are not declared by name


class Cleaner:
    """Cleans the values of one schema."""

    __slots__ = ("_cleaners", "_level", "_schema")

    def __init__(self, cleaners: Cleaners, schema: Schema) -> None:
        self._cleaners = cleaners
        self._schema = schema
        self._level: Level | None = None

    @property
    def level(self) -> Level:
        """The level, made when first needed."""
        level = self._level
        if level is None:
            level = self._level = self._cleaners.level(self._schema)
        return level

    def clean(self, value: Any, notes: list[Note]) -> None:
        """Clean a value in place; notes say what was left out and filled in."""
        level = self._level or self.level
        kind = type(value)
        if kind is dict:
            clean_object(level, value, notes)
        elif kind is list and (level.item is not None or level.prefix):
            clean_items(level, value, notes)
        elif kind is list and level.counts:
            value[:] = map(whole, value)


def clean_object(level: Level, value: dict[str, Any], notes: list[Note]) -> None:
    """One object: its fields first, then what is missing."""
    known, integers = level.known, level.integers
    if level.mark is not None:
        branch = level.branches.get(mark) if isinstance(mark := value.get(level.mark), str) else None
        if branch is not None:
            known, integers = {**known, **branch.level.known}, integers | branch.level.integers
    for name in integers & value.keys() if integers else ():
        value[name] = whole(value[name])
    strange: list[str] | None = None
    if not value.keys() <= level.plain:
        for name in [name for name in value if name not in level.plain]:
            cleaner = known.get(name, UNKNOWN)
            if cleaner is UNKNOWN:
                strange = strange or []
                strange.append(name)
            elif cleaner is not None:
                before = len(notes)
                cleaner.clean(value[name], notes)
                if len(notes) > before:
                    raise_notes(notes, before, name)
    if strange is not None:
        clean_strange(level, known, value, strange, notes)
    if level.read_only and not level.read_only.isdisjoint(value):
        drop_read_only(level, value, notes)
    for name, default in level.defaults:
        if name not in value:
            value[name] = deepcopy(default) if isinstance(default, (dict, list)) else default
            notes.append(Note(name, "default", {}))


def clean_strange(
    level: Level, known: Mapping[str, Any], value: dict[str, Any], strange: list[str], notes: list[Note]
) -> None:
    """Fields that are not declared by name: kept where the schema has a place for them, else left out."""
    for name in strange:
        matched = [cleaner for pattern, cleaner in level.patterns if pattern.search(name)]
        keepers = matched or ([level.rest] if level.rest is not None else [])
        if not matched and level.closed:
            del value[name]
            notes.append(Note(name, "unknown", known))
        elif not matched and level.tallies:
            value[name] = whole(value[name])
        for cleaner in keepers:
            if cleaner is not None:
                before = len(notes)
                cleaner.clean(value[name], notes)
                raise_notes(notes, before, name)


def whole(number: Any) -> Any:
    """An integer as such: 2.0 is one too (JSON Schema 2020-12, section 4.2.3); anything else as it is."""
    return int(number) if type(number) is float and number.is_integer() else number


def drop_read_only(level: Level, value: dict[str, Any], notes: list[Note]) -> None:
    """Fields only the server sets (OpenAPI 3.1, readOnly)."""
    for name in level.read_only & value.keys():
        del value[name]
        notes.append(Note(name, "read_only", {}))


def clean_items(level: Level, value: list[Any], notes: list[Note]) -> None:
    """The items of an array."""
    for index, one in enumerate(value):
        cleaner = level.prefix[index] if index < len(level.prefix) else level.item
        if cleaner is not None:
            before = len(notes)
            cleaner.clean(one, notes)
            if len(notes) > before:
                raise_notes(notes, before, index)


def raise_notes(notes: list[Note], start: int, name: str | int) -> None:
    """Put one more step in front of the paths of the notes made below."""
    for note in notes[start:]:
        note.path.append(name)


class Cleaners:
    """The cleaners of one contract. `fill` says whether a property's default is filled in; a partial change has none."""

    def __init__(self, shapes: Shapes, fill: Fill) -> None:
        self._shapes = shapes
        self._fill = fill
        self._made: dict[str, Cleaner | None] = {}

    def cleaner(self, schema: Schema | None) -> Cleaner | None:
        """The cleaner of a schema, or None where there is nothing to clean at any depth."""
        if schema is None:
            return None
        schema = self._shapes.target(schema)
        if schema.uri not in self._made:
            shape = self._shapes.shape(schema, "request")
            self._made[schema.uri] = None if is_plain(shape) else Cleaner(self, schema)
        return self._made[schema.uri]

    def level(self, schema: Schema) -> Level:
        """All a cleaner needs to know of its schema."""
        shape = self._shapes.shape(schema, "request")
        known = {name: self.cleaner(one) for name, one in shape.properties.items()}
        rest = self.cleaner(shape.additional) if isinstance(shape.additional, Schema) else None
        mark, branches = shape.discriminator or (None, {})
        return Level(
            known=known,
            plain=frozenset(name for name, cleaner in known.items() if cleaner is None) - shape.read_only,
            defaults=tuple(self._defaults(shape)),
            read_only=shape.read_only,
            closed=bool(shape.properties) and not isinstance(shape.additional, Schema),
            rest=rest,
            patterns=compiled(shape, self),
            item=self.cleaner(shape.items),
            prefix=tuple(self.cleaner(one) for one in shape.prefix),
            mark=mark,
            branches={value: made for value, one in branches.items() if (made := self.cleaner(one)) is not None},
            integers=frozenset(name for name, one in shape.properties.items() if self._is_integer(one)),
            counts=not shape.prefix and self._is_integer(shape.items),
            tallies=isinstance(shape.additional, Schema) and self._is_integer(shape.additional),
        )

    def _is_integer(self, schema: Schema | None) -> bool:
        return schema is not None and self._shapes.shape(schema, "request").types - {"null"} == {"integer"}

    def _defaults(self, shape: Shape) -> list[tuple[str, Any]]:
        """Defaults of the properties that apply in any case, if they are valid themselves."""
        found = []
        for name in shape.properties:
            if name in shape.sure and name not in shape.read_only:
                one = shape.properties[name]
                default = self._shapes.shape(one, "request").default
                if default is not MISSING and self._fill(one, default):
                    found.append((name, default))
        return found


def is_plain(shape: Shape) -> bool:
    """Whether values of a shape hold nothing that could be cleaned: scalars, and free forms."""
    if shape.types and shape.types <= SCALARS:
        return True
    nested = (shape.properties, shape.items, shape.prefix, shape.patterns, shape.discriminator)
    return not any(nested) and not isinstance(shape.additional, Schema)


def compiled(shape: Shape, cleaners: Cleaners) -> tuple[tuple[re.Pattern[str], Cleaner | None], ...]:
    """The patternProperties whose patterns Python's engine reads as well."""
    found = []
    for pattern, schema in shape.patterns:
        try:
            found.append((re.compile(pattern), cleaners.cleaner(schema)))
        except re.error:
            found.append((re.compile(""), cleaners.cleaner(schema)))  # unreadable here: keep rather than drop
    return tuple(found)
