"""What a record's properties refer to: by the suffix of a name, by the path it is nested in, by the schema it shares.

Only names and one level of the read schema are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.behaviour.looking import Look, identity
from understudy.behaviour.naming import FOREIGN, Words, identifier, plain, singular_word
from understudy.contract.values import Schema

if TYPE_CHECKING:
    from understudy.contract.shapes import Shape

_SHARED = "the property has the resource's own schema"


@dataclass(frozen=True, slots=True)
class Target:
    """A resource that can be referred to: the words of its name, its record's schema addresses, its key."""

    resource: str
    name: Words
    schemas: frozenset[str]
    key: str | None
    id_field: str = "id"


@dataclass(frozen=True, slots=True)
class Reference:
    """A field path that holds the id (or the key) of a resource's record."""

    field: str
    resource: str
    by_key: bool
    convention: str


class Targets:
    """Resources by what a property may call them."""

    def __init__(self, targets: list[Target]) -> None:
        self._by_name: dict[str, list[Target]] = {}
        self._by_schema: dict[str, list[Target]] = {}
        for target in targets:
            names = {"".join(target.name), plain(target.resource)}
            for name in names:
                self._by_name.setdefault(name, []).append(target)
            for address in target.schemas:
                self._by_schema.setdefault(address, []).append(target)

    def named(self, name: Words) -> Target | None:
        """The resource that the longest end of a name means: (parent, customer) -> customer. None where two could be meant."""
        for start in range(len(name)):
            found = self._by_name.get("".join(name[start:]), [])
            if len(found) == 1:
                return found[0]
        return None

    def sharing(self, address: str) -> Target | None:
        """The resource whose records have the schema at this address. None where two have."""
        found = self._by_schema.get(address, [])
        return found[0] if len(found) == 1 else None


def references(look: Look, record: Shape, own: Target, targets: Targets) -> list[Reference]:
    """Every reference of a record, in the order of its properties."""
    return list(_references(look, record, own, targets))


def _references(look: Look, record: Shape, own: Target, targets: Targets) -> Iterator[Reference]:
    for prop, part in record.properties.items():
        if prop in (own.id_field, own.key):
            continue
        found = _by_suffix(look, prop, part, targets) or _by_schema(prop, part, targets)
        if found is not None and not (found.resource == own.resource and found.convention == _SHARED):
            yield found


def _by_suffix(look: Look, prop: str, part: Schema, targets: Targets) -> Reference | None:
    split = identifier(prop)
    if split is None or not split[0] or split[0][0] in FOREIGN:
        return None
    stem, kind = split
    target = targets.named((*stem[:-1], singular_word(stem[-1])))
    if target is None or (kind == "key" and (target.key is None or plain(prop) != "".join(stem) + plain(target.key))):
        return None
    shape = look.shape(part)
    if "array" in shape.types and not shape.properties:
        return Reference(f"{prop}.*", target.resource, kind == "key", "a plural identifier of the resource")
    if shape.properties or (shape.types and not shape.types & {"string", "integer"}):
        return None
    return Reference(prop, target.resource, kind == "key", "named after the resource, with the suffix of an identifier")


def _by_schema(prop: str, part: Schema, targets: Targets) -> Reference | None:
    """`customer` of the customer's own schema, or (expandable) its id or that."""
    value = part.value if isinstance(part.value, dict) else {}
    target = targets.sharing(identity(part)) if "$ref" in value else None
    if target is not None:
        return Reference(f"{prop}.{target.id_field}", target.resource, False, _SHARED)
    branches = [one for word in ("anyOf", "oneOf") for one in value.get(word) or () if isinstance(one, dict)]
    if not any(one.get("type") == "string" for one in branches):
        return None
    for one in branches:
        expanded = targets.sharing(identity(Schema(part.uri, one))) if "$ref" in one else None
        if expanded is not None:
            return Reference(prop, expanded.resource, False, "an id, or the whole record when expanded")
    return None
