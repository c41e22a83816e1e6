"""One level of a schema with its references and combinations resolved: which types, which properties, which items.

1. A shape is for reading a value's structure, not for judging it: unions are joined, so a shape may be wider than its schema.
2. Only one level is looked at; the properties of a shape are schemas to ask again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from understudy.contract.combining import combined
from understudy.contract.documents import Documents, Unresolvable, escape
from understudy.contract.keywords import TYPES
from understudy.contract.values import Schema

MAX_DEPTH = 12
OBJECT_WORDS = frozenset({"properties", "additionalProperties", "patternProperties", "required", "minProperties"})
ARRAY_WORDS = frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"})


class Missing:
    """The absence of a value where null is one."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Shape:
    """What one level of a schema declares. `types` is empty when it does not say; `sure` names the properties that are
    declared whatever branch of a union applies; `items` is the schema of all items, `prefix` of the first ones."""

    types: frozenset[str] = frozenset()
    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    write_only: frozenset[str] = frozenset()
    items: Schema | None = None
    enum: tuple[Any, ...] | None = None
    default: Any = MISSING
    format: str | None = None
    pattern: str | None = None
    additional: bool | Schema = True
    title: str | None = None
    patterns: tuple[tuple[str, Schema], ...] = ()
    prefix: tuple[Schema, ...] = ()
    sure: frozenset[str] = frozenset()
    branches: tuple[Schema, ...] = ()
    discriminator: tuple[str, Mapping[str, Schema]] | None = None
    is_read_only: bool = False
    is_write_only: bool = False


EMPTY = Shape()


class Shapes:
    """The shapes of one contract, made when first asked for and kept."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._plain: dict[str, Shape] = {}  # whatever the direction, those that no cycle had a say in
        self._cycles = 0  # how often one had

    def shape(self, schema: Schema, direction: str) -> Shape:
        """The shape of a schema; in a request readOnly properties are not required, in a response writeOnly ones."""
        key = (schema.uri, direction)
        found = self._shapes.get(key)
        if found is None:
            plain = self._shape(schema, ())
            hidden = plain.read_only if direction == "request" else plain.write_only
            found = replace(plain, required=plain.required - hidden) if plain.required & hidden else plain
            if schema.uri:
                self._shapes[key] = found
        return found

    def named(self, schema: Schema, word: str) -> Iterator[tuple[str, Schema]]:
        """The schemas in a keyword that holds them by name."""
        place, value = self._documents.referred_map(f"{schema.uri}/{word}", schema.value.get(word))
        for name, one in value.items() if isinstance(value, Mapping) else ():
            yield str(name), Schema(f"{place}/{escape(name)}", one)

    def target(self, schema: Schema) -> Schema:
        """The schema a chain of bare references ends at."""
        for _ in range(MAX_DEPTH):
            if not isinstance(schema.value, Mapping) or "$ref" not in schema.value:
                return schema
            following = self.referred(schema, schema.value["$ref"])
            if following is None:
                return schema
            schema = following
        return schema

    def referred(self, schema: Schema, ref: Any) -> Schema | None:
        """The schema a reference leads to, or None when it leads nowhere."""
        try:
            address = self._documents.resolve(schema.uri, ref)
            return Schema(address, self._documents.at(address))
        except Unresolvable:
            return None

    def _shape(self, schema: Schema, above: tuple[str, ...]) -> Shape:
        """The shape of a schema within others of the same value, whose addresses are `above`."""
        node = schema.value
        if not isinstance(node, Mapping):
            return EMPTY
        if schema.uri in above:
            self._cycles += 1
            return EMPTY
        found = self._plain.get(schema.uri)
        if found is None:
            cycles = self._cycles
            found = self._anew(schema, node, (*above, schema.uri) if schema.uri else above)
            if cycles == self._cycles and schema.uri:
                self._plain[schema.uri] = found
        return found

    def _anew(self, schema: Schema, node: Mapping[str, Any], above: tuple[str, ...]) -> Shape:
        older = self._documents.dialect(schema.uri) == "3.0"
        parts = self._referred_shapes(schema, above)
        if not (older and "$ref" in node):
            parts.append(self._own(schema, node))
            parts += [self._shape(one, above) for one in inside(schema, "allOf")]
            parts += [self._conditional(one, above) for one in conditional(schema)]
            parts += [union([self._shape(one, above) for one in found]) for found in unions(schema) if found and not self._met(found, above)]
        return parts[0] if len(parts) == 1 else joined(parts)

    def _met(self, branches: list[Schema], above: tuple[str, ...]) -> bool:
        """Whether one of the branches is what is being read: a child that builds on the parent whose branch it is meets it."""
        met = any(self.target(one).uri in above for one in branches)
        self._cycles += met
        return met

    def _referred_shapes(self, schema: Schema, above: tuple[str, ...]) -> list[Shape]:
        refs = [schema.value[word] for word in ("$ref", "$dynamicRef", "$recursiveRef") if word in schema.value]
        found = [self.referred(schema, ref) for ref in refs]
        return [self._shape(one, above) for one in found if one is not None]

    def _conditional(self, schema: Schema, above: tuple[str, ...]) -> Shape:
        """What `then` or `else` adds: properties that may be there, nothing that must."""
        shape = self._shape(schema, above)
        return replace(EMPTY, properties=shape.properties, read_only=shape.read_only, write_only=shape.write_only)

    def _own(self, schema: Schema, node: Mapping[str, Any]) -> Shape:
        properties = dict(self.named(schema, "properties"))
        return Shape(
            types=types_of(node),
            properties=properties,
            required=frozenset(name for name in listed(node.get("required")) if isinstance(name, str)),
            read_only=frozenset(name for name, one in properties.items() if self._marked(one, "readOnly", 0)),
            write_only=frozenset(name for name, one in properties.items() if self._marked(one, "writeOnly", 0)),
            items=single(schema, "items"),
            enum=enum_of(node),
            default=node.get("default", MISSING),
            format=node["format"] if isinstance(node.get("format"), str) else None,
            pattern=node["pattern"] if isinstance(node.get("pattern"), str) else None,
            additional=additional(schema, node),
            title=node["title"] if isinstance(node.get("title"), str) else None,
            patterns=tuple(self.named(schema, "patternProperties")),
            prefix=tuple(inside(schema, "prefixItems")),
            sure=frozenset(properties),
            branches=tuple(one for found in unions(schema) for one in found),
            discriminator=self._discriminator(schema, node),
            is_read_only=node.get("readOnly") is True,
            is_write_only=node.get("writeOnly") is True,
        )

    def _marked(self, schema: Schema, word: str, depth: int) -> bool:
        node = schema.value
        if not isinstance(node, Mapping) or depth > MAX_DEPTH:
            return False
        if node.get(word) is True:
            return True
        beside = [self.referred(schema, node["$ref"])] if "$ref" in node else []
        beside += inside(schema, "allOf")
        return any(self._marked(one, word, depth + 1) for one in beside if one is not None)

    # discriminators ----------------------------------------------------------------------------------------------

    def _discriminator(self, schema: Schema, node: Mapping[str, Any]) -> tuple[str, Mapping[str, Schema]] | None:
        """Property name, and the branch for each of its values (OpenAPI 3.1, Discriminator Object)."""
        raw = node.get("discriminator")
        name = raw.get("propertyName") if isinstance(raw, Mapping) else raw
        if not isinstance(name, str):
            return None
        mapping = raw.get("mapping") if isinstance(raw, Mapping) else None
        branches: dict[str, Schema] = {}
        for value, target in mapping.items() if isinstance(mapping, Mapping) else ():
            found = self._mapped(schema, str(target))
            if found is not None:
                branches[str(value)] = found
        taken = {one.uri for one in branches.values()}
        named = [one for group in unions(schema) for one in group if "$ref" in mapping_of(one.value)]
        for one in map(self.target, named) if named else self._children(schema):
            if one.uri not in taken:
                branches.setdefault(one.uri.rpartition("/")[2], one)
        return name, branches

    def _children(self, schema: Schema) -> Iterator[Schema]:
        """The schemas beside this one that build on it with `allOf` (OpenAPI 3.1, Discriminator Object)."""
        home, _, own = schema.uri.rpartition("/")
        try:
            siblings = self._documents.at(home) if home.endswith(("/schemas", "/definitions")) else {}
        except Unresolvable:
            return
        for name, value in siblings.items():
            parents = (one["$ref"] for one in listed(mapping_of(value).get("allOf")) if "$ref" in mapping_of(one))
            if any(str(ref).rpartition("/")[2] == own for ref in parents):
                yield Schema(f"{home}/{escape(name)}", value)

    def _mapped(self, schema: Schema, target: str) -> Schema | None:
        found = self.referred(schema, f"#/components/schemas/{target}") if "/" not in target else None
        found = found or self.referred(schema, target)
        return found and self.target(found)


# reading one schema --------------------------------------------------------------------------------------------------


def listed(value: Any) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def mapping_of(value: Any) -> Mapping[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def inside(schema: Schema, word: str) -> list[Schema]:
    """The schemas in a list keyword."""
    return [Schema(f"{schema.uri}/{word}/{i}", one) for i, one in enumerate(listed(schema.value.get(word)))]


def single(schema: Schema, word: str) -> Schema | None:
    """The schema in a keyword that holds one."""
    value = schema.value.get(word)
    return Schema(f"{schema.uri}/{word}", value) if isinstance(value, Mapping) else None


def unions(schema: Schema) -> list[list[Schema]]:
    """The branches of `oneOf` and of `anyOf`."""
    return [found for word in ("oneOf", "anyOf") if (found := inside(schema, word))]


def conditional(schema: Schema) -> list[Schema]:
    """`then` and `else`, where there are any."""
    return [one for word in ("then", "else") if (one := single(schema, word)) is not None]


def types_of(node: Mapping[str, Any]) -> frozenset[str]:
    """The types a schema names, or shows by the keywords it uses."""
    kinds = node.get("type")
    named = [kinds] if isinstance(kinds, str) else listed(kinds)
    names = {one for one in named if one in TYPES or one == "file"}
    if not names and not any(word in node for word in ("$ref", "allOf", "oneOf", "anyOf", "enum", "const")):
        names = {kind for kind, words in (("object", OBJECT_WORDS), ("array", ARRAY_WORDS)) if words & node.keys()}
    if "file" in names:
        names = {"string"}
    if names and (node.get("nullable") is True or node.get("x-nullable") is True):
        names.add("null")
    return frozenset(names)


def enum_of(node: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The values a schema lists: `const` is an enum of one."""
    if "const" in node:
        return (node["const"],)
    return tuple(node["enum"]) if isinstance(node.get("enum"), list) and node["enum"] else None


def additional(schema: Schema, node: Mapping[str, Any]) -> bool | Schema:
    """What may stand beside the declared properties: anything, nothing, or values of a schema."""
    for word in ("additionalProperties", "unevaluatedProperties"):
        if node.get(word) is False:
            return False
        if isinstance(node.get(word), Mapping) and node[word]:
            return Schema(f"{schema.uri}/{word}", node[word])
    return True


# joining -------------------------------------------------------------------------------------------------------------


def joined(parts: list[Shape]) -> Shape:
    """Shapes that all apply."""
    types = [part.types for part in parts if part.types]
    enums = [part.enum for part in parts if part.enum is not None]
    return Shape(
        types=narrowed(types),
        properties=properties(parts, "allOf"),
        required=frozenset().union(*(part.required for part in parts)),
        read_only=frozenset().union(*(part.read_only for part in parts)),
        write_only=frozenset().union(*(part.write_only for part in parts)),
        items=combined([part.items for part in parts if part.items is not None], "allOf"),
        enum=tuple(one for one in enums[0] if all(one in other for other in enums[1:])) if enums else None,
        default=next((part.default for part in parts if part.default is not MISSING), MISSING),
        format=next((part.format for part in parts if part.format), None),
        pattern=next((part.pattern for part in parts if part.pattern), None),
        additional=next((part.additional for part in parts if part.additional is not True), True),
        title=next((part.title for part in parts if part.title), None),
        patterns=tuple(one for part in parts for one in part.patterns),
        prefix=next((part.prefix for part in parts if part.prefix), ()),
        sure=frozenset().union(*(part.sure for part in parts)),
        branches=tuple(one for part in parts for one in part.branches),
        discriminator=next((part.discriminator for part in parts if part.discriminator), None),
        is_read_only=any(part.is_read_only for part in parts),
        is_write_only=any(part.is_write_only for part in parts),
    )


def union(parts: list[Shape]) -> Shape:
    """Shapes of which one applies: everything any of them declares, required what all of them require."""
    if all(part.types for part in parts):
        types: frozenset[str] = frozenset().union(*(part.types for part in parts))
    else:
        types = frozenset()
    objects = [part for part in parts if part.properties or "object" in part.types] or parts
    enums = [part.enum for part in parts]
    return Shape(
        types=types,
        properties=properties(parts, "anyOf"),
        required=frozenset.intersection(*(part.required for part in objects)),
        read_only=everywhere(parts, "read_only"),
        write_only=everywhere(parts, "write_only"),
        items=combined([part.items for part in parts if part.items is not None], "anyOf"),
        enum=tuple(one for enum in enums if enum for one in enum) if all(enums) else None,
        format=parts[0].format if all(part.format == parts[0].format for part in parts) else None,
        additional=open_to([part.additional for part in objects]),
        patterns=tuple(one for part in parts for one in part.patterns),
        prefix=next((part.prefix for part in parts if part.prefix), ()),
    )


def narrowed(types: list[frozenset[str]]) -> frozenset[str]:
    """The types that satisfy all of several lists; an integer is a number."""
    if not types:
        return frozenset()
    wide = [names | {"integer"} if "number" in names else names for names in types]
    found = frozenset.intersection(*wide)
    return found - {"integer"} if "number" in found else found


def properties(parts: list[Shape], word: str) -> dict[str, Schema]:
    """The properties of several shapes; one that several declare becomes a combination of its schemas."""
    found: dict[str, list[Schema]] = {}
    for part in parts:
        for name, one in part.properties.items():
            found.setdefault(name, []).append(one)
    together = {name: combined(schemas, word) for name, schemas in found.items()}
    return {name: one for name, one in together.items() if one is not None}


def everywhere(parts: list[Shape], word: str) -> frozenset[str]:
    """Names marked in every part that declares them."""
    marked: frozenset[str] = frozenset().union(*(getattr(part, word) for part in parts))
    return frozenset(
        name for name in marked if all(name in getattr(part, word) for part in parts if name in part.properties)
    )


def open_to(additions: list[bool | Schema]) -> bool | Schema:
    """What a union of objects allows beside its properties."""
    return next((one for one in additions if one is not False), False)
