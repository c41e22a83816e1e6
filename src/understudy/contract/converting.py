"""Schema Objects of any OpenAPI version said in JSON Schema Draft 2020-12, one addressable unit at a time.

1. A unit is the schema at one address; its references are rewritten to the names of other units and listed in `needs`.
2. Direction counts: in a request a `required` readOnly property is not required, in a response a writeOnly one is not.
3. A keyword that does not hold what it should is left out and becomes a Fault: the rest of the schema still counts.
4. Only what can refuse a value is kept; descriptions, examples and titles stay in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from understudy.contract.documents import Documents, Unresolvable, escape
from understudy.contract.keywords import INTEGER_RANGES, LISTS, MAPS, PLAIN, SINGLE, TYPES, is_names, is_schema
from understudy.contract.values import Fault

BUNDLE = "understudy:schemas"
DISCRIMINATOR = "x-understudy-discriminator"
HIDDEN = {"request": "readOnly", "response": "writeOnly"}
MAX_DEPTH = 32
BUILT_ON = re.compile("(/allOf/[0-9]+)+$")
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unit:
    """A converted schema: the names and addresses of the units it refers to, its number of nodes, whether it may be cut."""

    schema: dict[str, Any] | bool
    needs: Mapping[str, str]
    weight: int
    whole: bool  # looks across references (unevaluated…, $dynamicRef), so none of them may be put off


class Converter:
    """Converts schemas for one direction; units are kept, so a shared schema is converted once."""

    def __init__(self, documents: Documents, direction: str, faults: list[Fault]) -> None:
        self._documents = documents
        self._hidden = HIDDEN[direction]
        self._faults = faults
        self._names: dict[str, str] = {}
        self._units: dict[str, Unit] = {}
        self._reached: dict[tuple[str, str], frozenset[str]] = {}

    def name(self, address: str) -> str:
        """The name a unit has within a bundle's `$defs`."""
        return self._names.setdefault(address, f"u{len(self._names)}")

    def addresses(self) -> Mapping[str, str]:
        """The addresses of the units that have a name, by name."""
        return {name: address for address, name in self._names.items()}

    def unit(self, address: str) -> Unit:
        """The converted schema at an address. Raises Unresolvable."""
        found = self._units.get(address)
        if found is None:
            found = self._units[address] = self.convert(address, self._documents.at(address))
        return found

    def convert(self, address: str, value: Any) -> Unit:
        """Convert a schema that stands, or is thought to stand, at an address."""
        walk = Walk(self, self._documents, self._hidden, self._documents.dialect(address) == "3.0")
        schema = walk.schema(value, address, NONE)
        return Unit(schema, walk.needs, walk.weight, walk.whole)

    def reached(self, place: str, word: str, branches: list[Any]) -> frozenset[str]:
        """The addresses of the schemas that judge the same value as the branches of a schema's union."""
        if (place, word) not in self._reached:
            self._reached[place, word] = frozenset(self._reach(place, {word: branches}))
        return self._reached[place, word]

    def _reach(self, place: str, node: Any) -> set[str]:
        found: set[str] = set()
        pending = [(place, node)]
        while pending:
            for address, one in beside(self._documents, *pending.pop()):
                if address not in found:
                    found.add(address)
                    pending.append((address, one))
        return found

    def fault(self, where: str, message: str) -> None:
        """Note one thing wrong with the document, once."""
        fault = Fault(where, message, "warning")
        if fault not in self._faults:
            self._faults.append(fault)


class Walk:
    """One pass over one unit; gathers what it refers to on the way."""

    def __init__(self, converter: Converter, documents: Documents, hidden: str, older: bool) -> None:
        self._converter = converter
        self._documents = documents
        self._hidden = hidden
        self._older = older
        self._depth = 0
        self.needs: dict[str, str] = {}
        self.weight = 0
        self.whole = False

    def schema(self, node: Any, place: str, drop: frozenset[str]) -> dict[str, Any] | bool:
        """Convert one schema; `drop` holds names that must not be required because a neighbour hides them."""
        self.weight += 1
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            self._converter.fault(place, "a schema is an object")
            return True
        out: dict[str, Any] = {}
        if "$ref" in node:
            self._reference(out, node["$ref"], place, drop)
            if self._older:  # OpenAPI 3.0, Reference Object: what stands beside $ref is ignored; all but null, which is meant
                return self._with_null(out, node)
        if "required" in node or "allOf" in node:
            drop = drop | self._hidden_names(node, place, 0)
        self._keywords(out, node, place, drop)
        return self._finish(out, node)

    def _keywords(self, out: dict[str, Any], node: Mapping[str, Any], place: str, drop: frozenset[str]) -> None:
        for word, value in node.items():
            if word in PLAIN:
                self._plain(out, word, value, place)
            elif word in SINGLE:
                self._single(out, word, value, place, drop)
            elif word in LISTS:
                self._list(out, word, value, place, drop)
            elif word in MAPS:
                self._map(out, word, value, place)
            elif word in SPECIAL:
                SPECIAL[word](self, out, value, place, drop)

    def _plain(self, out: dict[str, Any], word: str, value: Any, place: str) -> None:
        fits, expected = PLAIN[word]
        if word == "pattern" and isinstance(value, str):
            out.update(counted(value))
        elif fits(value):
            out[word] = value
        elif word.startswith("exclusive") and isinstance(value, bool):
            out[word] = value  # settled in _finish, where the bound beside it is known
        else:
            self._converter.fault(f"{place}/{word}", f"`{word}` must be {expected}")

    def _single(self, out: dict[str, Any], word: str, value: Any, place: str, drop: frozenset[str]) -> None:
        if word == "items" and isinstance(value, list):
            self._tuple(out, value, place)
            return
        self.whole = self.whole or word.startswith("unevaluated")
        inherited = drop if word in ("then", "else") else NONE
        out[word] = self.schema(value, f"{place}/{word}", inherited)

    def _tuple(self, out: dict[str, Any], value: list[Any], place: str) -> None:
        """`items` as a list, one schema for each item, as it was before Draft 2020-12."""
        if value:
            out["prefixItems"] = [self.schema(one, f"{place}/items/{index}", NONE) for index, one in enumerate(value)]

    def _list(self, out: dict[str, Any], word: str, value: Any, place: str, drop: frozenset[str]) -> None:
        if not isinstance(value, list) or not value:
            self._converter.fault(f"{place}/{word}", f"`{word}` must be a list of schemas, at least one")
            return
        inherited = NONE if word == "prefixItems" else drop
        out[word] = [self.schema(one, f"{place}/{word}/{index}", inherited) for index, one in enumerate(value)]

    def _map(self, out: dict[str, Any], word: str, value: Any, place: str) -> None:
        place, value = self._documents.referred_map(f"{place}/{word}", value)
        if not isinstance(value, Mapping):
            self._converter.fault(place, f"`{word}` must be an object of schemas")
            return
        out[word] = {str(name): self.schema(one, f"{place}/{escape(name)}", NONE) for name, one in value.items()}

    # references --------------------------------------------------------------------------------------------------

    def _reference(self, out: dict[str, Any], ref: Any, place: str, drop: frozenset[str]) -> None:
        try:
            address = self._documents.resolve(place, ref)
            target = self._documents.at(address)
        except Unresolvable as error:
            self._converter.fault(f"{place}/$ref", str(error))
            return
        if not is_schema(target):
            self._converter.fault(f"{place}/$ref", f'"{ref}" is not a schema')
        elif met := self._met(place, target, address):
            self._inline(out, {word: value for word, value in target.items() if word not in met}, address, drop)
        elif drop and self._depth < MAX_DEPTH and drop & self._required_names(target, address, 0):
            self._inline(out, target, address, drop)
        else:
            name = self._converter.name(address)
            self.needs[name] = address
            out["$ref"] = f"{BUNDLE}#/$defs/{name}"

    def _met(self, place: str, target: Any, address: str) -> tuple[str, ...]:
        """The unions of a parent that lead back to the child that builds on it with `allOf`: the child itself meets them.

        A validator would follow parent and child for ever (JSON Schema Draft 2020-12, Core, section 9.4.1).
        """
        child = BUILT_ON.sub("", place)
        if child == place or not isinstance(target, Mapping):
            return ()
        unions = [word for word in ("oneOf", "anyOf") if isinstance(target.get(word), list)]
        return tuple(word for word in unions if child in self._converter.reached(address, word, target[word]))

    def _inline(self, out: dict[str, Any], target: Any, address: str, drop: frozenset[str]) -> None:
        """A copy of the target instead of a reference: a neighbour hides a property the target requires."""
        self._depth += 1
        out["allOf"] = [self.schema(target, address, drop)]
        self._depth -= 1

    def _dynamic(self, out: dict[str, Any], ref: Any, place: str, drop: frozenset[str]) -> None:
        self.whole = True
        if isinstance(ref, str) and self._documents.embedded(place):
            out["$dynamicRef"] = ref
            return
        self._reference(out, ref, place, drop)
        if "$ref" in out and self._documents.is_dynamic(self._documents.resolve(place, ref)):
            out.pop("$ref")
            out["$dynamicRef"] = f"{BUNDLE}#{ref.partition('#')[2]}"

    def _identity(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        if isinstance(value, str):
            self.whole = True
            out["$id"] = self._documents.identity(place) or value

    def _dynamic_anchor(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        if isinstance(value, str):
            self.whole = True
            out["$dynamicAnchor"] = value

    def _definitions(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        """Definitions are reached by address; only those a `$dynamicRef` may look for are kept where they are."""
        for name, one in value.items() if isinstance(value, Mapping) else ():
            if isinstance(one, Mapping) and "$dynamicAnchor" in one:
                kept = out.setdefault("$defs", {})
                kept[str(name)] = self.schema(one, f"{place}/$defs/{escape(name)}", NONE)

    # words with a meaning of their own ---------------------------------------------------------------------------

    def _type(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        names = value if isinstance(value, list) else [value]
        known = [name for name in dict.fromkeys(map(str, names)) if name in TYPES]
        if len(known) < len(names) and value != "file":
            self._converter.fault(f"{place}/type", f"`type` must be one of {', '.join(TYPES)}, not {value!r}")
        if known:
            out["type"] = known[0] if len(known) == 1 else known

    def _required(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        if is_names(value):
            names = [name for name in dict.fromkeys(value) if name not in drop]
            if names:
                out["required"] = names
        elif not (self._older and isinstance(value, bool)):
            self._converter.fault(f"{place}/required", "`required` must be a list of property names")

    def _format(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        if isinstance(value, str):
            out["format"] = value

    def _additional_items(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        if "items" not in out and is_schema(value):
            out["items"] = self.schema(value, f"{place}/additionalItems", NONE)

    def _dependencies(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        for name, one in value.items() if isinstance(value, Mapping) else ():
            if is_names(one):
                out.setdefault("dependentRequired", {})[str(name)] = one
            else:
                inner = self.schema(one, f"{place}/dependencies/{escape(name)}", NONE)
                out.setdefault("dependentSchemas", {})[str(name)] = inner

    def _discriminator(self, out: dict[str, Any], value: Any, place: str, drop: frozenset[str]) -> None:
        out[DISCRIMINATOR] = f"{place}/discriminator"  # an address: read again only when a branch must be chosen

    def _finish(self, out: dict[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
        for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(out.get(exclusive), bool):
                strict = out.pop(exclusive)
                if strict and bound in out:
                    out[exclusive] = out.pop(bound)
        if out.get("additionalProperties") is False:
            out.setdefault("properties", {})  # without it the validator does not say which field is one too many
        if DISCRIMINATOR in out and "oneOf" in out and "anyOf" not in out:
            out["anyOf"] = out.pop("oneOf")  # the property tells the branches apart, though they may overlap otherwise
        if out.get("format") in INTEGER_RANGES and out.get("type") not in ("string", "array", "object"):
            ranged(out, *INTEGER_RANGES[out["format"]])
        return self._with_null(out, node)

    def _with_null(self, out: dict[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
        """`nullable` counts in a 3.1 document too: it is no word of that version, and who writes it means null.

        An enum without null refuses it (OpenAPI 3.0.3, Schema Object, `nullable`); in answers that is let pass, as
        such enums are mostly incomplete.
        """
        if node.get("nullable") is not True and node.get("x-nullable") is not True:
            return out
        closed = self._hidden == HIDDEN["request"] and "enum" in out and None not in out["enum"]
        return out if closed else nullable(out)

    # what a neighbour hides --------------------------------------------------------------------------------------

    def _hidden_names(self, node: Any, place: str, depth: int) -> frozenset[str]:
        """Names of properties that do not travel in this direction, as seen from a schema, its allOf and references."""
        found: set[str] = set()
        for address, part in self._parts(node, place, depth):
            where, properties = self._documents.referred_map(f"{address}/properties", part.get("properties"))
            for name, one in properties.items() if isinstance(properties, Mapping) else ():
                if self._is_hidden(one, f"{where}/{escape(name)}", 0):
                    found.add(str(name))
        return frozenset(found)

    def _required_names(self, node: Any, place: str, depth: int) -> frozenset[str]:
        parts = self._parts(node, place, depth)
        return frozenset(
            name for _, part in parts if isinstance(part.get("required"), list) for name in part["required"]
        )

    def _parts(self, node: Any, place: str, depth: int) -> list[tuple[str, Mapping[str, Any]]]:
        """A schema and all that applies beside it: through `$ref` and `allOf`."""
        if not isinstance(node, Mapping) or depth > 8:
            return []
        found = [(place, node)]
        if "$ref" in node:
            try:
                address = self._documents.resolve(place, node["$ref"])
                found += self._parts(self._documents.at(address), address, depth + 1)
            except Unresolvable:
                pass
        branches = node.get("allOf")
        for index, one in enumerate(branches if isinstance(branches, list) else ()):
            found += self._parts(one, f"{place}/allOf/{index}", depth + 1)
        return found

    def _is_hidden(self, node: Any, place: str, depth: int) -> bool:
        if not isinstance(node, Mapping):
            return False
        if node.get(self._hidden) is True:
            return True
        if "$ref" not in node and "allOf" not in node:
            return False
        return any(part.get(self._hidden) is True for _, part in self._parts(node, place, depth))


SPECIAL = {
    "type": Walk._type,
    "required": Walk._required,
    "format": Walk._format,
    "additionalItems": Walk._additional_items,
    "dependencies": Walk._dependencies,
    "discriminator": Walk._discriminator,
    "$dynamicRef": Walk._dynamic,
    "$recursiveRef": Walk._reference,
    "$id": Walk._identity,
    "$dynamicAnchor": Walk._dynamic_anchor,
    "$defs": Walk._definitions,
}
"""Keywords that need more than being copied."""


def beside(documents: Documents, place: str, node: Any) -> Iterator[tuple[str, Any]]:
    """The schemas that judge the same value as a schema, one step away: address and value."""
    if not isinstance(node, Mapping):
        return
    if "$ref" in node:
        with suppress(Unresolvable):
            address = documents.resolve(place, node["$ref"])
            yield address, documents.at(address)
    for word in ("allOf", "oneOf", "anyOf"):
        branches = node.get(word)
        yield from ((f"{place}/{word}/{index}", one) for index, one in enumerate(branches if isinstance(branches, list) else ()))
    yield from ((f"{place}/{word}", node[word]) for word in ("not", "if", "then", "else") if word in node)


def ranged(out: dict[str, Any], low: int, high: int) -> None:
    """Add the bounds of an integer format to those a schema has."""
    out["minimum"] = max(low, out["minimum"]) if "minimum" in out else low
    out["maximum"] = min(high, out["maximum"]) if "maximum" in out else high


def nullable(out: dict[str, Any]) -> dict[str, Any]:
    """Let null in as well (OpenAPI 3.0, `nullable`), whatever else the schema says."""
    kinds = out.get("type")
    if kinds is None or any(word in out for word in ("allOf", "anyOf", "oneOf", "not", "$ref", "const", "if")):
        return {"anyOf": [out, {"type": "null"}]} if out else out
    kinds = kinds if isinstance(kinds, list) else [kinds]
    out["type"] = [*kinds, "null"] if "null" not in kinds else kinds
    if "enum" in out and None not in out["enum"]:
        out["enum"] = [*out["enum"], None]
    return out


COUNTED = re.compile(r"\^\.\{(\d+),?(\d*)\}\$")


def counted(pattern: str) -> dict[str, Any]:
    """A pattern in keywords that cost less: `^.{1,262144}$` only limits the length, of text without line ends."""
    found = COUNTED.fullmatch(pattern)
    if found is None:
        return {"pattern": pattern}
    low, high = found.group(1), found.group(2) if "," in pattern else found.group(1)
    also: dict[str, Any] = {"minLength": int(low), "pattern": "^.*$"}
    if high:
        also["maxLength"] = int(high)
    return {"allOf": [also]}
