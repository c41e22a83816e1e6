"""Validators, compiled when first asked for and kept: one per schema and direction.

1. The only file that meets jsonschema_rs.
2. A schema and what it refers to are compiled together while that is small; beyond, a part is put off until a value
   gets there and then shared, so that documents in which everything refers to everything cost what is used of them.
3. A schema that cannot be compiled loses the keyword that stands in the way, and is listed as a Fault.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonschema_rs

from understudy.contract.converting import BUNDLE, Converter, Unit
from understudy.contract.documents import Documents, Unresolvable
from understudy.contract.values import Fault, Schema
from understudy.contract.violations import MISSING, Explainer, Unknown, Violation, not_among

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEFERRED = "x-understudy-deferred"
WHOLE = 500  # nodes of schema compiled in one piece
PART = 150  # nodes compiled at once where the whole is larger


def is_base64(text: str) -> bool:
    """Format `byte` (OpenAPI 3.0 section Data Types): base64 of RFC 4648 section 4."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


FORMATS: dict[str, Callable[..., bool]] = {"byte": is_base64}


class Validator:
    """A compiled schema. `is_valid(value)` is the fast question; the others say what is wrong."""

    __slots__ = ("_compiled", "_explainer", "is_valid")

    def __init__(self, compiled: jsonschema_rs.Validator, explainer: Explainer) -> None:
        self._compiled = compiled
        self._explainer = explainer
        self.is_valid: Callable[[Any], bool] = compiled.is_valid

    def first(self, value: Any) -> Violation | None:
        """The first violation, or None when the value is valid."""
        try:
            self._compiled.validate(value)
        except jsonschema_rs.ValidationError as error:
            return self._explainer.explain(error)
        return None

    def violations(self, value: Any) -> list[Violation]:
        """Every violation, in the order of the schema."""
        return [self._explainer.explain(error) for error in self._compiled.iter_errors(value)]


class Schemas:
    """The validators of one contract for one direction (`request` or `response`)."""

    def __init__(self, documents: Documents, direction: str, faults: list[Fault]) -> None:
        self._documents = documents
        self._faults = faults
        self._converter = Converter(documents, direction, faults)
        self._validators: dict[str, Validator] = {}
        self._keywords = {DEFERRED: deferred_by(self.at)}

    def validator(self, schema: Schema) -> Validator:
        """The validator of a schema; compiled now if it has not been asked for before."""
        found = self._validators.get(schema.uri)
        if found is None:
            found = self._compile(schema.uri, self._unit(schema))
            if schema.uri:
                self._validators[schema.uri] = found
        return found

    def at(self, address: str) -> Validator:
        """The validator of the schema at an address."""
        found = self._validators.get(address)
        return found if found is not None else self.validator(Schema(address, self._documents.at(address)))

    def _unit(self, schema: Schema) -> Unit:
        return self._converter.convert(schema.uri, schema.value)

    # compiling ---------------------------------------------------------------------------------------------------

    def _compile(self, address: str, unit: Unit) -> Validator:
        bundle = self._bundle(unit)
        try:
            compiled = self._compiled(bundle)
        except (jsonschema_rs.ValidationError, ValueError) as error:
            self._faults.append(Fault(address, f"this schema cannot be compiled: {brief(error)}", "warning"))
            bundle = mended(bundle)
            compiled = self._mended(bundle)
        return Validator(compiled, Explainer(bundle, self._branch, self._explain_deferred))

    def _compiled(self, bundle: Any) -> jsonschema_rs.Validator:
        return jsonschema_rs.Draft202012Validator(
            bundle, validate_formats=True, formats=FORMATS, keywords=self._keywords, offline=True
        )

    def _mended(self, bundle: Any) -> jsonschema_rs.Validator:
        try:
            return self._compiled(bundle)
        except (jsonschema_rs.ValidationError, ValueError):
            return self._compiled(True)

    def _bundle(self, unit: Unit) -> Any:
        parts, rest = self._gather(unit)
        if not parts and not rest:
            return unit.schema
        definitions = {name: part.schema for name, part in parts.items()}
        definitions.update((name, {DEFERRED: address}) for name, address in rest.items())
        return {"$schema": DIALECT, "$id": BUNDLE, "allOf": [unit.schema], "$defs": definitions}

    def _gather(self, unit: Unit) -> tuple[dict[str, Unit], dict[str, str]]:
        """The units a schema needs, nearest first, and those that are put off because there are too many."""
        parts = self._reach(unit, WHOLE)
        if parts is None:
            parts = self._reach(unit, PART, cut=True) or {}
        needed: dict[str, str] = dict(unit.needs)
        for part in parts.values():
            needed.update(part.needs)
        return parts, {name: address for name, address in needed.items() if name not in parts}

    def _reach(self, unit: Unit, limit: int, cut: bool = False) -> dict[str, Unit] | None:
        """Units by breadth; None when there are more nodes than the limit, unless they may be cut there."""
        parts: dict[str, Unit] = {}
        pending, weight, whole = list(unit.needs.items()), unit.weight, unit.whole
        for name, address in pending:
            if name in parts:
                continue
            part = self._converter.unit(address)
            whole = whole or part.whole
            if weight + part.weight > limit and not whole:
                if cut:
                    continue
                return None
            parts[name] = part
            weight += part.weight
            pending.extend(part.needs.items())
        return parts

    # explaining --------------------------------------------------------------------------------------------------

    def _explain_deferred(self, address: str, value: Any) -> Violation | None:
        return self.at(address).first(value)

    def _branch(self, address: str, value: Any, branches: Sequence[Any]) -> Any:
        """Which branch a discriminator chooses: an index, None when it does not say, Unknown when it is wrong."""
        discriminator = self._documents.at(address)
        name = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else discriminator
        if not isinstance(name, str):
            return None
        if name not in value:
            return Unknown((name,), MISSING)
        chosen = value[name]
        named = self._named(address, discriminator, branches)
        if isinstance(chosen, str) and chosen in named:
            return named[chosen]
        return Unknown((name,), not_among(list(named), chosen)) if named else None

    def _named(self, address: str, discriminator: Any, branches: Sequence[Any]) -> dict[str, int]:
        """Discriminator value -> index of its branch (OpenAPI 3.1, Discriminator Object: mapping, else schema names)."""
        refs = [one.get("$ref", "") if isinstance(one, Mapping) else "" for one in branches]
        places = {ref.rpartition("/")[2]: index for index, ref in enumerate(refs) if ref}
        named: dict[str, int] = {}
        mapping = discriminator.get("mapping") if isinstance(discriminator, Mapping) else None
        for value, target in mapping.items() if isinstance(mapping, Mapping) else ():
            unit = self._mapped(address, str(target))
            if unit in places:
                named[str(value)] = places[unit]
        mapped = set(named.values())
        for part, index in self._implicit(places):
            if index not in mapped:
                named.setdefault(part, index)
        return named

    def _mapped(self, address: str, target: str) -> str | None:
        for ref in (target, f"#/components/schemas/{target}"):
            try:
                return self._converter.name(self._documents.resolve(address, ref))
            except Unresolvable:
                continue
        return None

    def _implicit(self, places: Mapping[str, int]) -> list[tuple[str, int]]:
        addresses = self._converter.addresses()
        return [(addresses[name].rpartition("/")[2], index) for name, index in places.items() if name in addresses]


def deferred_by(find: Callable[[str], Validator]) -> type:
    """The keyword that stands where a part was put off: it finds the part's own validator when a value gets there."""

    class Deferred:
        def __init__(self, parent: Any, value: Any, path: Any) -> None:
            self._address = value

        def validate(self, instance: Any) -> None:
            if not find(self._address).is_valid(instance):
                raise ValueError(self._address)

    return Deferred


def brief(error: Exception) -> str:
    """The first line of an error's text."""
    return str(error).partition("\n")[0]


def mended(schema: Any) -> Any:
    """A copy without the patterns the regular expression engine refuses."""
    if isinstance(schema, list):
        return [mended(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: mended(one) for name, one in schema.items() if name not in ("enum", "const")}
    kept.update((name, schema[name]) for name in ("enum", "const") if name in schema)
    if isinstance(kept.get("pattern"), str) and not compiles(kept["pattern"]):
        del kept["pattern"]
    if isinstance(kept.get("patternProperties"), dict):
        kept["patternProperties"] = {p: one for p, one in kept["patternProperties"].items() if compiles(p)}
    return kept


def compiles(pattern: str) -> bool:
    """Whether the validator's engine takes a regular expression."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True
