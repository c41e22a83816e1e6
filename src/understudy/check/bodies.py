"""Bodies to send: valid by the document, all different, with every value recognisable; and bodies wrong in exactly one place.

1. Deterministic: the number of a body decides its values. A value is judged by the document's schema before it is used.
2. No reference to another record is filled in here, and nothing is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from understudy.check.steps import ABSENT
from understudy.contract.contract import Contract
from understudy.contract.shapes import Shape
from understudy.contract.values import Schema

START = datetime(2025, 1, 1, tzinfo=UTC)
DEEPEST = 4
MARK = "understudy"


@dataclass(frozen=True, slots=True)
class Bodies:
    """Makes bodies of one contract. `mark` stands in every name, so that what a run has made can be recognised."""

    contract: Contract
    mark: str = MARK

    def full(self, schema: Schema, n: int, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Every property a client may write but those `without`, each with its own value."""
        shape = self.contract.shape(schema, "request")
        made = {name: self.value(one, n, name) for name, one in shape.properties.items() if name not in shape.read_only and name not in without}
        return {name: value for name, value in made.items() if value is not ABSENT}

    def least(self, schema: Schema, n: int, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Only what is required."""
        required = self.contract.shape(schema, "request").required
        return {name: value for name, value in self.full(schema, n, without).items() if name in required}

    def declared(self, schema: Schema, n: int, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The document's own example, its strings made different where the schema lets them."""
        example = self.contract.example(schema, "request")
        shape = self.contract.shape(schema, "request")
        if not isinstance(example, dict):
            return {}
        body = {}
        for name, value in example.items():
            one = shape.properties.get(name)
            if name not in without and name not in shape.read_only:
                body[name] = self._text(one, self.contract.shape(one, "request"), n, name, value) if one is not None and isinstance(value, str) else value
        return body

    def is_valid(self, schema: Schema, value: Any) -> bool:
        """Whether the document lets it be sent."""
        return self.contract.validator(schema, "request").is_valid(value)

    def other(self, schema: Schema, n: int, name: str, than: Any) -> Any:
        """A value for a schema that is not the one given; ABSENT where none is found."""
        for turn in range(8):
            value = self.value(schema, n + turn, name)
            if value is not ABSENT and value != than:
                return value
        return ABSENT

    def value(self, schema: Schema, n: int, name: str, depth: int = 0) -> Any:
        """The n-th value for a schema; ABSENT where none is found."""
        shape = self.contract.shape(schema, "request")
        made = self._made(schema, shape, n, name, depth)
        if made is not ABSENT and self.is_valid(schema, made):
            return made
        example = self.contract.example(schema, "request")
        return example if self.is_valid(schema, example) else ABSENT

    def _made(self, schema: Schema, shape: Shape, n: int, name: str, depth: int) -> Any:
        if shape.enum:
            options = [one for one in shape.enum if one is not None]
            return options[n % len(options)] if options else None
        for kind, make in _MAKERS.items():
            if kind in shape.types:
                return make(self, schema, shape, n, name, depth)
        return ABSENT

    def _object(self, schema: Schema, shape: Shape, n: int, name: str, depth: int) -> Any:
        if depth > DEEPEST or shape.branches or not shape.properties:
            return ABSENT
        wanted = [one for one in shape.properties if one not in shape.read_only]
        made = {one: self.value(shape.properties[one], n, one, depth + 1) for one in wanted}
        return {one: value for one, value in made.items() if value is not ABSENT}

    def _array(self, schema: Schema, shape: Shape, n: int, name: str, depth: int) -> Any:
        if shape.items is None or depth > DEEPEST:
            return ABSENT
        least = schema.value.get("minItems", 1) if isinstance(schema.value, dict) else 1
        for count in (2, max(1, min(least, 5))):
            made = [self.value(shape.items, n + turn, name, depth + 1) for turn in range(count)]
            if ABSENT not in made and (count == 1 or (not any(isinstance(one, dict) for one in made) and self.is_valid(schema, made))):
                return made
        return ABSENT if ABSENT in made else made

    def _number(self, schema: Schema, shape: Shape, n: int, name: str, depth: int) -> Any:
        """Numbers whose order as text is not their order as numbers."""
        low, high = limits(schema)
        low = low if low is not None else (1 if high is None or high >= 1 else high - 50)
        span = (high - low) if high is not None else 5000
        most = max(1, min(span, (9, 99, 5000)[n % 3]))
        step = (n * 7 + crc32(name.encode()) % 97 + 2) % (int(most) + 1) if span >= 1 else 0
        exact = low + step
        return int(exact) if "integer" in shape.types or float(exact).is_integer() else exact

    def _string(self, schema: Schema, shape: Shape, n: int, name: str, depth: int) -> Any:
        return self._text(schema, shape, n, name, None)

    def _text(self, schema: Schema, shape: Shape, n: int, name: str, example: Any) -> Any:
        if shape.enum:
            return example if example is not None else shape.enum[n % len(shape.enum)]
        guessed = shape.format or next((word for word in ("email", "url", "uri") if word in name.lower()), "")
        candidates = [*_FORMATS.get(guessed, _words)(self, n, name), *(_words(self, n, name) if shape.format is None else ())]
        if shape.format is None or example is None or not self.is_valid(schema, candidates[0]):
            if example is None:
                example = self.contract.example(schema, "request")
            candidates += [one for one in _like(str(example), n) if one != example]
        return next((one for one in candidates if self.is_valid(schema, one)), example if example is not None else ABSENT)


def limits(schema: Schema) -> tuple[Any, Any]:
    """The least and the greatest number a schema's own words allow; None: no bound."""
    value = schema.value if isinstance(schema.value, dict) else {}
    low, high = value.get("minimum"), value.get("maximum")
    over, under = value.get("exclusiveMinimum"), value.get("exclusiveMaximum")
    if isinstance(over, int | float) and not isinstance(over, bool):
        low = over + 1 if low is None else max(low, over + 1)
    if isinstance(under, int | float) and not isinstance(under, bool):
        high = under - 1 if high is None else min(high, under - 1)
    return low, high


def _words(bodies: Bodies, n: int, name: str) -> Iterator[str]:
    """Text that sorts neither as it was made nor its other way round, in two kinds of capitals."""
    letter = "mdtbkzfqhw"[n % 10]
    yield f"{letter}{n} {bodies.mark} {name}"
    yield f"{letter}{n}-{bodies.mark}"
    yield f"{bodies.mark}{n}"
    yield f"{letter}{n}"
    yield f"{n}"


def _like(example: str, n: int) -> Iterator[str]:
    """Text like an example: other digits, other letters at its end."""
    digits = re.sub(r"\d+(?=\D*$)", lambda found: str(n + 10 ** (len(found[0]) - 1)).zfill(len(found[0]))[-len(found[0]):], example)
    yield digits
    yield f"{example}-{n}"
    yield f"{example}{n}"
    letters = "".join(chr(97 + n // 26**place % 26) for place in range(3))
    yield example[:-3] + letters
    yield example[:-3] + letters.upper()
    yield example[:-2] + f"{n:02}"[-2:]


def _moment(n: int) -> datetime:
    return START + timedelta(days=(n * 37) % 365, hours=n % 24)


_FORMATS: dict[str, Callable[[Bodies, int, str], Iterator[str]]] = {
    "date-time": lambda bodies, n, name: iter((f"{_moment(n):%Y-%m-%dT%H:%M:%SZ}",)),
    "date": lambda bodies, n, name: iter((f"{_moment(n):%Y-%m-%d}",)),
    "email": lambda bodies, n, name: iter((f"{bodies.mark}.{n}@example.com",)),
    "uri": lambda bodies, n, name: iter((f"https://example.com/{bodies.mark}/{n}",)),
    "url": lambda bodies, n, name: iter((f"https://example.com/{bodies.mark}/{n}",)),
    "uuid": lambda bodies, n, name: iter((f"00000000-0000-4000-8000-{n:012x}",)),
    "hostname": lambda bodies, n, name: iter((f"{bodies.mark}-{n}.example.com",)),
    "ipv4": lambda bodies, n, name: iter((f"192.0.2.{n % 250}",)),
}

_MAKERS: dict[str, Callable[..., Any]] = {
    "object": Bodies._object,
    "array": Bodies._array,
    "string": Bodies._string,
    "boolean": lambda bodies, schema, shape, n, name, depth: n % 2 == 0,
    "integer": Bodies._number,
    "number": Bodies._number,
}


# --- wrong in one place ---------------------------------------------------------------------------------------------


def wrong(contract: Contract, schema: Schema, body: dict[str, Any], *, strictly: bool = False) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Bodies that break the schema in one top-level property each: the property, what is wrong, the body.

    `strictly`: also with values that many servers read as the type they should have, and with a property nobody declared.
    """
    shape = contract.shape(schema, "request")
    judge = contract.validator(schema, "request")
    for name in sorted(shape.required):
        if name in body and not judge.is_valid(lacking := {key: value for key, value in body.items() if key != name}):
            yield name, "missing", lacking
    for name, one in shape.properties.items():
        if name in shape.read_only:
            continue
        for what, value in (*_wrongs(contract, one), *_padded(contract, one, body.get(name)), *(_near(shape_of(contract, one)) if strictly else ())):
            broken = {**body, name: value}
            if not judge.is_valid(broken):
                yield name, what, broken
    if strictly and not judge.is_valid(further := {**body, UNKNOWN: "1"}):
        yield UNKNOWN, "unknown", further


def _own(contract: Contract, schema: Schema) -> dict[str, Any]:
    """The keywords of a schema, where it refers to another those of that one."""
    own = contract.documents.follow(schema.uri, schema.value)[1] if isinstance(schema.value, dict) and schema.uri and "##" not in schema.uri else schema.value
    return own if isinstance(own, dict) else {}


def _padded(contract: Contract, schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    """A good text made one sign too long, in front or behind; a good list with one item too many."""
    own = _own(contract, schema)
    most = own.get("maxLength")
    if isinstance(value, str) and isinstance(most, int) and len(value) < most < 5000:
        padding = "a" * (most + 1 - len(value))
        yield from (("too long in front", padding + value), ("too long behind", value + padding))
    most = own.get("maxItems")
    if isinstance(value, list) and value and isinstance(most, int) and most < 200 and not own.get("uniqueItems"):
        yield "too many", (value * (most + 1))[: most + 1]


UNKNOWN = "understudy_unknown"
"""A property no document declares."""


def shape_of(contract: Contract, schema: Schema) -> Shape:
    """What may be sent."""
    return contract.shape(schema, "request")


def _near(shape: Shape) -> Iterator[tuple[str, Any]]:
    """Values of another type that a careless reader takes for the right one."""
    if shape.types & {"integer", "number"}:
        yield from (("a flag", True), ("a number as text", "7"))
    if shape.types & {"integer"} and "number" not in shape.types:
        yield "a fraction", 1.5
    if "boolean" in shape.types:
        yield from (("a flag as text", "true"), ("a number for a flag", 1))
    if "string" in shape.types and not shape.types & {"integer", "number"}:
        yield "a number for text", 7


def _wrongs(contract: Contract, schema: Schema) -> Iterator[tuple[str, Any]]:
    shape = contract.shape(schema, "request")
    own = _own(contract, schema)
    yield "of another type", {"understudy": True} if "object" not in shape.types else "understudy"
    if shape.enum:
        yield "not in the enum", "no-such-value"
    low, high = limits(Schema("", own))
    if low is not None:
        yield "below the minimum", low - 1
    if high is not None:
        yield "above the maximum", high + 1
    if isinstance(own.get("minLength"), int) and own["minLength"] > 0:
        yield "too short", "a" * (own["minLength"] - 1)
    if isinstance(own.get("maxLength"), int) and own["maxLength"] < 5000:
        yield "too long", "a" * (own["maxLength"] + 1)
    if own.get("pattern"):
        yield "not of the pattern", "\u00a7 \u00a7"
    if own.get("format") in ("date-time", "date", "uuid", "email"):
        yield "not of the format", "not of the format"
    if isinstance(own.get("minItems"), int) and own["minItems"] > 0:
        yield "too few", []
    if "null" not in shape.types and shape.types:
        yield "null", None
    if shape.items is not None and shape.types <= {"array"}:
        yield from ((f"with an item {what}", [value]) for what, value in _wrongs(contract, shape.items) if not isinstance(value, list))


def edges(contract: Contract, schema: Schema, body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Bodies at the very limit of what the schema allows, in one top-level property each."""
    shape = contract.shape(schema, "request")
    judge = contract.validator(schema, "request")
    for name, one in shape.properties.items():
        own = contract.documents.follow(one.uri, one.value)[1] if one.uri and "##" not in one.uri else one.value
        if name in shape.read_only or name not in body or not isinstance(own, dict):
            continue
        low, high = limits(Schema("", own))
        found = [(what, value) for what, value in (("the minimum", low), ("the maximum", high)) if value is not None and abs(value) < 10**9]
        if "format" not in own and isinstance(own.get("maxLength"), int) and own["maxLength"] <= 2000 and "enum" not in own:
            found.append(("the longest", "a" * own["maxLength"]))
        if "format" not in own and isinstance(own.get("minLength"), int) and own["minLength"] <= 2000:
            found += [("the shortest", text) for text in (("a" * own["minLength"]), ("http://" + "a" * own["minLength"])[: own["minLength"]])[:: 1 if own.get("pattern") else 2]]
        elif "format" not in own and "enum" not in own and isinstance(body[name], str):
            found.append(("the shortest", ""))
        found += [("the most", value) for value in _fullest(own, body[name])] + [(f"an item at {what}", [value]) for what, value in _items(contract, one, body[name])]
        if isinstance(own.get("enum"), list):
            found += [(f"{value!r}", value) for value in own["enum"] if value is not None]
        for what, value in found:
            if value != body[name] and judge.is_valid({**body, name: value}):
                yield name, what, {**body, name: value}


def _fullest(own: dict[str, Any], value: Any) -> list[Any]:
    """A list, and a text, of as many parts as are allowed."""
    items, length = own.get("maxItems"), own.get("maxLength")
    if isinstance(value, list) and value and isinstance(items, int) and items < 200 and not own.get("uniqueItems"):
        return [(value * items)[:items]]
    if isinstance(value, str) and isinstance(length, int) and len(value) < length < 2000:
        return [value + "a" * (length - len(value)), "a" * (length - len(value)) + value][: 1 if "format" not in own else 2]
    return []


def _items(contract: Contract, schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    """Items of a list of texts or numbers at their limits."""
    items = contract.shape(schema, "request").items
    if items is None or not isinstance(value, list):
        return
    own = _own(contract, items)
    if isinstance(own.get("minLength"), int) and own["minLength"] < 100:
        yield "its shortest", "a" * own["minLength"]
    if isinstance(own.get("maxLength"), int) and own["maxLength"] < 2000:
        yield "its longest", "a" * own["maxLength"]
    low, high = limits(Schema("", own))
    yield from ((what, bound) for what, bound in (("its minimum", low), ("its maximum", high)) if bound is not None)
