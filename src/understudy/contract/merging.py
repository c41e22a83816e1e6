"""Everything that applies to one value, gathered from a schema, its references and its `allOf`, for making examples.

1. Constraints of several schemas are joined so that what satisfies the result is likely to satisfy them all.
2. Alternatives (`oneOf`, `anyOf`, `if`) are only collected; which one is taken is decided where examples are made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from understudy.contract.keywords import INTEGER_RANGES, is_count, is_number
from understudy.contract.shapes import Shapes, inside, listed, narrowed, single, types_of
from understudy.contract.values import Schema

MAX_DEPTH = 16


class Closed(NamedTuple):
    """One schema that allows no properties but its own: their names, and the patterns more may fit."""

    names: frozenset[str]
    patterns: tuple[str, ...]


@dataclass(slots=True)
class Merged:
    """The joined constraints. Lists hold what must hold together; `limits` the strictest bounds by keyword."""

    types: list[str] | None = None  # by `type`, or by the keywords used where there is none
    named: frozenset[str] | None = None  # by `type` alone
    enum: list[Any] | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, list[Schema]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    required: dict[str, None] = field(default_factory=dict)
    items: list[Schema] = field(default_factory=list)
    prefix: list[Schema] = field(default_factory=list)
    additional: list[Schema | bool] = field(default_factory=list)
    patterned: list[tuple[str, Schema]] = field(default_factory=list)
    names: list[Schema] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    contains: list[tuple[Schema, int]] = field(default_factory=list)
    groups: list[list[Schema]] = field(default_factory=list)
    conditions: list[tuple[Schema, Schema | None, Schema | None]] = field(default_factory=list)
    dependent: list[tuple[str, list[str]]] = field(default_factory=list)
    dependent_schemas: list[tuple[str, Schema]] = field(default_factory=list)
    unique: bool = False
    declared: list[tuple[str, Any]] = field(default_factory=list)
    fixed: dict[str, str] = field(default_factory=dict)
    marks: list[tuple[str, Mapping[str, Schema]]] = field(default_factory=list)
    hard: bool = False  # holds words whose satisfaction only the validator can judge
    nullable: bool = False  # null may stand in its place, whatever the rest says
    closed: list[Closed] = field(default_factory=list)


STRICTER: Mapping[str, Callable[[Any, Any], Any]] = {
    "minimum": max,
    "exclusiveMinimum": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "minLength": max,
    "maxLength": min,
    "minItems": max,
    "maxItems": min,
    "minProperties": max,
    "maxProperties": min,
    "multipleOf": lambda one, other: one * other if one % other and other % one else max(one, other),
}
"""Bounds, and which of two is the stricter."""

HARD = (
    "not",
    "oneOf",
    "anyOf",
    "if",
    "contains",
    "dependentSchemas",
    "propertyNames",
    "pattern",
    "unevaluatedProperties",
)


class Merger:
    """Gathers for one contract and direction; `hidden` is the word that keeps a property from travelling."""

    def __init__(self, shapes: Shapes, older: Callable[[str], bool], direction: str) -> None:
        self._shapes = shapes
        self._older = older
        self._direction = direction
        self._hidden = "readOnly" if direction == "request" else "writeOnly"

    def merged(self, *schemas: Schema) -> Merged:
        """All that applies to a value that must satisfy some schemas."""
        into = Merged()
        for schema in schemas:
            self.add(into, schema, 0)
        return into

    def add(self, into: Merged, schema: Schema, depth: int) -> None:
        """Join one more schema to what is there."""
        node = schema.value
        if node is False:
            into.enum, into.hard = [], True
        if not isinstance(node, Mapping) or depth > MAX_DEPTH:
            return
        older = self._older(schema.uri)
        into.nullable = into.nullable or node.get("nullable") is True or node.get("x-nullable") is True
        self._declared(into, schema, node)
        for word in ("$ref", "$dynamicRef"):
            target = self._shapes.referred(schema, node[word]) if word in node else None
            if target is not None:
                self.add(into, target, depth + 1)
        if not (older and "$ref" in node):
            self._own(into, schema, node)
            for one in inside(schema, "allOf"):
                self.add(into, one, depth + 1)

    def _own(self, into: Merged, schema: Schema, node: Mapping[str, Any]) -> None:
        into.hard = into.hard or any(word in node for word in HARD)
        self._types(into, node)
        self._values(into, node)
        self._limits(into, node)
        self._object(into, schema, node)
        self._array(into, schema, node)
        into.groups += [found for word in ("oneOf", "anyOf") if (found := inside(schema, word))]
        condition = single(schema, "if")
        if condition is not None:
            into.conditions.append((condition, single(schema, "then"), single(schema, "else")))

    def _declared(self, into: Merged, schema: Schema, node: Mapping[str, Any]) -> None:
        if "example" in node:
            into.declared.append((f"{schema.uri}/example", node["example"]))
        if "x-example" in node:
            into.declared.append((f"{schema.uri}/x-example", node["x-example"]))
        for index, one in enumerate(listed(node.get("examples"))):
            into.declared.append((f"{schema.uri}/examples/{index}", one))
        if "default" in node:
            into.declared.append((f"{schema.uri}/default", node["default"]))

    def _types(self, into: Merged, node: Mapping[str, Any]) -> None:
        found = types_of(node)
        if not found:
            return
        written = node.get("type")
        if written:
            into.named = found if into.named is None else narrowed([into.named, found])
        names = [name for name in written if isinstance(name, str) and name in found] if isinstance(written, list) else sorted(found - {"null"})
        names += [name for name in sorted(found) if name not in names]
        if into.types is None:
            into.types = names
        else:
            wide = set(into.types) | ({"integer"} if "number" in into.types else set())
            kept = [name for name in names if name in wide]
            if "number" in names and "integer" in into.types and "integer" not in kept:
                kept.append("integer")
            into.types = kept

    def _values(self, into: Merged, node: Mapping[str, Any]) -> None:
        values = [node["const"]] if "const" in node else node.get("enum")
        if isinstance(values, list):
            into.enum = values if into.enum is None else [one for one in into.enum if one in values]
        if isinstance(node.get("format"), str):
            into.formats.append(node["format"])
        if isinstance(node.get("pattern"), str):
            into.patterns.append(node["pattern"])

    def _limits(self, into: Merged, node: Mapping[str, Any]) -> None:
        for word, stricter in STRICTER.items():
            value = node.get(word)
            if is_number(value):
                into.limits[word] = stricter(into.limits[word], value) if word in into.limits else value
        for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if node.get(word) is True and is_number(node.get(bound)):
                into.limits[word] = node[bound]
        span = INTEGER_RANGES.get(str(node.get("format")))
        if span is not None:
            into.limits["minimum"] = max(into.limits.get("minimum", span[0]), span[0])
            into.limits["maximum"] = min(into.limits.get("maximum", span[1]), span[1])

    def _object(self, into: Merged, schema: Schema, node: Mapping[str, Any]) -> None:
        for name, one in self._shapes.named(schema, "properties"):
            into.properties.setdefault(name, []).append(one)
        shape = self._shapes.shape(schema, self._direction) if "properties" in node else None
        if shape is not None:
            into.hidden |= shape.read_only if self._direction == "request" else shape.write_only
        into.required.update((name, None) for name in listed(node.get("required")) if isinstance(name, str))
        if "additionalProperties" in node:
            rest = node["additionalProperties"]
            into.additional.append(
                rest if isinstance(rest, bool) else Schema(f"{schema.uri}/additionalProperties", rest)
            )
        patterned = list(self._shapes.named(schema, "patternProperties"))
        into.patterned += patterned
        if node.get("additionalProperties") is False:
            own = frozenset(name for name, _ in self._shapes.named(schema, "properties"))
            into.closed.append(Closed(own, tuple(pattern for pattern, _ in patterned)))
        into.names += [one for one in (single(schema, "propertyNames"),) if one is not None]
        into.dependent_schemas += self._shapes.named(schema, "dependentSchemas")
        dependent = node.get("dependentRequired")
        for name, names in dependent.items() if isinstance(dependent, Mapping) else ():
            into.dependent.append((str(name), listed(names)))
        shown = self._shapes.shape(schema, self._direction).discriminator if "discriminator" in node else None
        if shown is not None:
            into.marks.append(shown)

    def _array(self, into: Merged, schema: Schema, node: Mapping[str, Any]) -> None:
        into.items += [one for one in (single(schema, "items"),) if one is not None]
        into.prefix = into.prefix or inside(schema, "prefixItems")
        into.unique = into.unique or node.get("uniqueItems") is True
        kind = single(schema, "contains")
        if kind is not None:
            least = node.get("minContains", 1)
            into.contains.append((kind, int(least) if is_count(least) else 1))
