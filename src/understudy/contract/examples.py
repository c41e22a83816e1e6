"""One valid value for a schema, always the same: what the document declares, else the smallest there is.

1. Order: `const`, declared example, default, first of the enum, else made: required properties only, fewest items.
2. What is proposed is judged by the compiled schema; a declared example that is refused is passed over, with a warning.
3. A cycle ends where the schema first allows it. Where no valid value is found the best one is given, and listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import islice, product
from typing import Any

from understudy.contract import patterns
from understudy.contract.contradictions import Contradictions
from understudy.contract.keywords import FORMATS
from understudy.contract.merging import Merged, Merger
from understudy.contract.schemas import Schemas
from understudy.contract.shapes import Shapes, mapping_of
from understudy.contract.values import Fault, Schema
from understudy.contract.violations import shown

MAX_DEPTH = 40
MOST_PARTS = 50_000  # values made within one, tries included; what would need more has no example
MAX_NESTED = 6  # groups of branches within branches
TRIES = 24  # combinations of branches looked at for one value
VARIANTS = 12  # further values tried where the smallest is refused
ORDER = ("object", "array", "string", "integer", "number", "boolean", "null")
NOWHERE = object()


class Endless(Exception):
    """The value would have to hold itself."""


class Examples:
    """Makes the examples of one contract for one direction."""

    def __init__(
        self, shapes: Shapes, schemas: Schemas, merger: Merger, faults: list[Fault], unexampled: list[Fault]
    ) -> None:
        self._shapes = shapes
        self._schemas = schemas
        self._merger = merger
        self._faults = faults
        self._unexampled = unexampled
        self._contradictions = Contradictions(shapes, merger)
        self._made: dict[str, Any] = {}
        self._parts: dict[tuple[tuple[str, ...], int], Any] = {}  # values within others that no cycle had a say in
        self._cycles = 0  # how often one had, or the count of parts
        self._left = MOST_PARTS

    def example(self, schema: Schema) -> Any:
        """A value for a schema, the caller's to keep."""
        if schema.uri not in self._made:
            value = self._top(schema)
            if not schema.uri:
                return value
            self._made[schema.uri] = value
        value = self._made[schema.uri]
        return deepcopy(value) if isinstance(value, (dict, list)) else value

    def _top(self, schema: Schema) -> Any:
        validator = self._schemas.validator(schema)
        best: Any = NOWHERE
        self._left = MOST_PARTS
        for variant in range(VARIANTS):
            try:
                value = self.make((schema,), (), variant)
            except Endless:
                if best is not NOWHERE:
                    break
                small = f"no value of {MOST_PARTS:,} parts or fewer" if self._left < 0 else "no finite value"
                self._unexampled.append(Fault(schema.uri, f"{small} can satisfy this schema", "warning"))
                return {}
            if validator.is_valid(value):
                return value
            best = value if best is NOWHERE else best
        contradiction = self._contradictions.of(schema)
        if contradiction is not None:
            self._unexampled.append(Fault(schema.uri, f"no value can satisfy this schema: {contradiction}", "warning"))
            return best
        violation = validator.first(best)
        reason = f"{violation.field or 'value'}: {violation.message}" if violation else "no value was found"
        self._unexampled.append(Fault(schema.uri, f"no valid example was found; {reason}", "warning"))
        return best

    # one value ---------------------------------------------------------------------------------------------------

    def make(self, schemas: Sequence[Schema], stack: tuple[str, ...], variant: int = 0) -> Any:
        """A value that satisfies some schemas together. Raises Endless."""
        self._spend()
        nullable = any(mapping_of(one.value).get("nullable") is True for one in schemas)  # beside a $ref, which is followed now
        schemas = [self._shapes.target(one) for one in schemas]
        uris = tuple(one.uri for one in schemas)
        if (kept := self._parts.get((uris, variant), NOWHERE)) is not NOWHERE:
            return deepcopy(kept)
        cycles = self._cycles
        value = self._anew(schemas, stack, uris, variant, nullable)
        if cycles == self._cycles and all(uris):
            self._parts[uris, variant] = deepcopy(value)
        return value

    def _anew(self, schemas: Sequence[Schema], stack: tuple[str, ...], uris: tuple[str, ...], variant: int, nullable: bool) -> Any:
        """A value that was not made before. Raises Endless."""
        merged = self._merger.merged(*schemas)
        if variant == 0 and (declared := self._declared(merged, schemas)) is not NOWHERE:
            return deepcopy(declared)
        here = stack + uris
        if len(here) > MAX_DEPTH or any(uri in stack for uri in uris):
            self._cycles += 1
            if nullable:
                return None
            raise Endless
        return self._chosen(merged, schemas, here, variant)

    def _spend(self) -> None:
        """Count a part of the value. Raises Endless where there are too many."""
        self._left -= 1
        if self._left < 0:
            self._cycles += 1
            raise Endless

    def _declared(self, merged: Merged, schemas: Sequence[Schema]) -> Any:
        for where, value in merged.declared:
            if self._fits(value, schemas):
                return value
            self._refused(where, value, schemas)
        return NOWHERE

    def _fits(self, value: Any, schemas: Sequence[Schema]) -> bool:
        return all(self._schemas.validator(one).is_valid(value) for one in schemas)

    def _refused(self, where: str, value: Any, schemas: Sequence[Schema]) -> None:
        violations = [self._schemas.validator(one).first(value) for one in schemas]
        violation = next((one for one in violations if one is not None), None)
        if violation is not None:
            place = f"at {violation.field}: " if violation.field else ""
            fault = Fault(where, f"{shown(value)} is not valid here; {place}{violation.message}", "warning")
            if fault not in self._faults:
                self._faults.append(fault)

    def _chosen(self, merged: Merged, schemas: Sequence[Schema], here: tuple[str, ...], variant: int) -> Any:
        """The first value that holds among the branches that could be taken; without branches, the value."""
        first: Any = NOWHERE
        for candidate in islice(self._branched(merged, schemas), TRIES):
            try:
                value = self._settled(candidate, here, variant)
            except Endless:
                continue
            if not merged.hard or self._fits(value, schemas):
                return value
            first = value if first is NOWHERE else first
        if first is NOWHERE:
            raise Endless
        return self._varied(merged, schemas, here, first) if variant == 0 else first

    def _varied(self, merged: Merged, schemas: Sequence[Schema], here: tuple[str, ...], first: Any) -> Any:
        """Another value when the smallest is refused, by a `not` for instance; the smallest when all are."""
        for variant in range(1, VARIANTS):
            for candidate in islice(self._branched(merged, schemas), TRIES):
                try:
                    value = self._settled(candidate, here, variant)
                except Endless:
                    continue
                if self._fits(value, schemas):
                    return value
        return first

    def _branched(self, merged: Merged, schemas: Sequence[Schema], depth: int = 0) -> Iterator[Merged]:
        """The constraints with one branch of each group joined, in the order of the document; groups within branches too."""
        if not merged.groups or depth > MAX_NESTED:
            yield merged
            return
        for branches in product(*merged.groups):
            together = self._merger.merged(*branches)
            joined = self._merger.merged(*schemas, *branches)
            joined.declared = [one for branch in branches for one in self._merger.merged(branch).declared]
            joined.fixed.update(merged.fixed)
            for name, named in merged.marks:
                self._mark(joined, name, named, branches)
            joined.groups = together.groups
            joined.marks = together.marks
            yield from self._branched(joined, (*schemas, *branches), depth + 1)

    def _mark(self, merged: Merged, name: str, named: Mapping[str, Schema], branches: Sequence[Schema]) -> None:
        """Give a discriminator's property the value that stands for the branch taken."""
        taken = {self._shapes.target(one).uri for one in branches}
        value = next((value for value, one in named.items() if one.uri in taken), None)
        if value is not None:
            merged.fixed[name] = value

    def _settled(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        """A value by enum or type; conditions are then looked at, and what they add is joined."""
        for _ in range(len(merged.conditions) + len(merged.dependent_schemas) + 1):
            value = self._plain(merged, here, variant)
            added = [one for one in self._conditional(merged, value) if one is not None]
            if not added:
                return value
            for one in added:
                self._merger.add(merged, one, 0)
        return self._plain(merged, here, variant)

    def _conditional(self, merged: Merged, value: Any) -> list[Schema | None]:
        added: list[Schema | None] = []
        conditions, merged.conditions = merged.conditions, []
        for condition, then, otherwise in conditions:
            added.append(then if self._schemas.validator(condition).is_valid(value) else otherwise)
        waiting = []
        for name, schema in merged.dependent_schemas:
            if isinstance(value, dict) and name in value:
                added.append(schema)
            else:
                waiting.append((name, schema))
        merged.dependent_schemas = waiting
        return added

    def _plain(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        if merged.enum:
            fitting = [one for one in merged.enum if one is not None] or merged.enum
            return deepcopy(fitting[variant % len(fitting)])
        failed: Exception = Endless()
        for name in kinds(merged):
            try:
                return getattr(self, f"_{name}")(merged, here, variant)
            except Endless as error:
                failed = error
        raise failed

    # by type -----------------------------------------------------------------------------------------------------

    def _null(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        return None

    def _boolean(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        return bool((variant + 1) % 2)

    def _integer(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        return int(numeric(merged.limits, Decimal(1), variant))

    def _number(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        value = numeric(merged.limits, None, variant)
        return int(value) if value == value.to_integral_value() else float(value)

    def _string(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        return string(merged, variant)

    def _array(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        items: list[Any] = []
        least = int(merged.limits.get("minItems", 0))
        most = int(merged.limits.get("maxItems", max(least, variant)))
        for kind, count in merged.contains:
            for _ in range(count):
                self._append(items, [kind, *self._item(merged, len(items))], here, merged.unique)
        while len(items) < min(max(least, variant if variant <= 2 else 0), most):
            self._append(items, self._item(merged, len(items)), here, merged.unique)
        return items

    def _item(self, merged: Merged, index: int) -> list[Schema]:
        return [merged.prefix[index]] if index < len(merged.prefix) else merged.items

    def _append(self, items: list[Any], schemas: list[Schema], here: tuple[str, ...], unique: bool) -> None:
        """Add an item; where items must differ, the first variant that is new."""
        self._spend()
        value = self.make(schemas, here) if schemas else {}
        seen = {shown(one, 100_000) for one in items} if unique else ()
        for variant in range(1, len(items) + VARIANTS) if unique else ():
            if shown(value, 100_000) not in seen:
                break
            value = self.make(schemas, here, variant) if schemas else variant
        items.append(value)

    def _object(self, merged: Merged, here: tuple[str, ...], variant: int) -> Any:
        value: dict[str, Any] = {}
        wanted = [name for name in merged.properties if name in merged.required]
        wanted += [name for name in merged.required if name not in merged.properties]
        for name in wanted:
            if name not in merged.hidden:
                self._put(value, name, merged, here, variant)
        for name, names in merged.dependent * 2:
            for one in names if name in value else ():
                self._put(value, one, merged, here, 0)
        self._fill(value, merged, here, variant)
        return value

    def _put(self, value: dict[str, Any], name: str, merged: Merged, here: tuple[str, ...], variant: int) -> None:
        if name in value:
            return
        schemas = self._property(merged, name)
        if name in merged.fixed and self._fits(merged.fixed[name], schemas):
            value[name] = merged.fixed[name]
            return
        value[name] = self.make(schemas, here, variant) if schemas else "" if name not in merged.properties else {}

    def _property(self, merged: Merged, name: str) -> list[Schema]:
        schemas = merged.properties.get(name, []) + [
            one for pattern, one in merged.patterned if patterns.matches(pattern, name)
        ]
        return schemas or [one for one in merged.additional if isinstance(one, Schema)]

    def _fill(self, value: dict[str, Any], merged: Merged, here: tuple[str, ...], variant: int) -> None:
        """More properties until there are enough: declared ones first, then made-up names."""
        least = int(merged.limits.get("minProperties", 0))
        if variant > 2 and not value:
            least = max(least, 1)  # an empty object was refused: try with something in it
        for name in merged.properties:
            if len(value) < least and name not in merged.hidden:
                self._try(value, name, merged, here)
        for name in self._names(merged):
            if len(value) >= least:
                break
            self._try(value, name, merged, here)

    def _try(self, value: dict[str, Any], name: str, merged: Merged, here: tuple[str, ...]) -> None:
        with suppress(Endless):
            self._put(value, name, merged, here, 0)

    def _names(self, merged: Merged) -> Iterator[str]:
        """Names for properties beyond those declared."""
        for pattern, _ in merged.patterned:
            for variant in range(VARIANTS):
                yield from islice(patterns.sample(pattern, 0, None, variant), 1)
        for variant in range(64):
            yield string(self._merger.merged(*merged.names), variant) if merged.names else f"key{variant + 1}"


def kinds(merged: Merged) -> list[str]:
    """The types to try: as written, null last; by the keywords used where none is written."""
    if merged.types is not None:
        return sorted(merged.types, key=lambda name: name == "null") or ["null"]
    if merged.properties or merged.required or merged.additional or merged.patterned:
        return ["object"]
    if merged.items or merged.prefix or merged.contains or "minItems" in merged.limits:
        return ["array"]
    if merged.patterns or merged.formats or "minLength" in merged.limits or "maxLength" in merged.limits:
        return ["string"]
    if any(
        word in merged.limits for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    ):
        return ["number"]
    return list(ORDER)


# numbers -------------------------------------------------------------------------------------------------------------


def numeric(limits: Mapping[str, Any], whole: Decimal | None, variant: int) -> Decimal:
    """The number nearest to zero within bounds and steps; variants go on from there."""
    low, high = bound(limits, "minimum", "exclusiveMinimum"), bound(limits, "maximum", "exclusiveMaximum")
    step = Decimal(str(limits["multipleOf"])) if "multipleOf" in limits else whole
    if step is not None and whole is not None and step != step.to_integral_value():
        step = common(step)
    gap = step or gap_between(low, high)
    start = nearest_to_zero(low, high, step, gap)
    if high is not None and start + gap * variant > high[0]:
        gap = -gap
    return start + gap * variant


def common(step: Decimal) -> Decimal:
    """The smallest whole multiple of a step that is not whole."""
    return next((step * n for n in range(1, 1001) if (step * n) == (step * n).to_integral_value()), Decimal(1))


def bound(limits: Mapping[str, Any], closed: str, open_: str) -> tuple[Decimal, bool] | None:
    """The stricter of two bounds on one side, and whether it is excluded itself."""
    found = [(Decimal(str(limits[word])), word == open_) for word in (closed, open_) if is_plain(limits.get(word))]
    if not found:
        return None
    pick = max if closed == "minimum" else min
    value = pick(one for one, _ in found)
    return value, any(excluded for one, excluded in found if one == value)


def is_plain(value: Any) -> bool:
    """A number, not a boolean of OpenAPI 3.0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def gap_between(low: tuple[Decimal, bool] | None, high: tuple[Decimal, bool] | None) -> Decimal:
    """A step small enough to stay between two bounds."""
    if low is None or high is None or high[0] - low[0] > 4:
        return Decimal(1)
    return (high[0] - low[0]) / 16 or Decimal(1)


def nearest_to_zero(
    low: tuple[Decimal, bool] | None, high: tuple[Decimal, bool] | None, step: Decimal | None, gap: Decimal
) -> Decimal:
    """Zero where it is allowed, else the first number past the bound on its side."""
    if low is not None and (low[0] > 0 or (low[0] == 0 and low[1])):
        return past(low, step, gap, ROUND_CEILING, 1)
    if high is not None and (high[0] < 0 or (high[0] == 0 and high[1])):
        return past(high, step, gap, ROUND_FLOOR, -1)
    return Decimal(0)


def past(limit: tuple[Decimal, bool], step: Decimal | None, gap: Decimal, rounding: str, sign: int) -> Decimal:
    """The first number at a bound, or beyond it when it is excluded, that is a whole number of steps."""
    value, excluded = limit
    if step is None:
        return value + sign * gap if excluded else value
    stepped = (value / step).to_integral_value(rounding) * step
    return stepped + sign * step if excluded and stepped == value else stepped


# strings -------------------------------------------------------------------------------------------------------------


LONGEST = 1_000_000
"""Characters of the longest string made; a schema that wants more has no example, which is told."""


def string(merged: Merged, variant: int) -> str:
    """A string within lengths, of a format, by a pattern; the first proposal that satisfies what can be judged here."""
    shortest, longest = min(int(merged.limits.get("minLength", 0)), LONGEST), merged.limits.get("maxLength")
    longest = int(longest) if longest is not None else None
    first: str | None = None
    for text in islice(strings(merged, shortest, longest, variant), 64):
        fits = shortest <= len(text) and (longest is None or len(text) <= longest)
        if fits and all(patterns.matches(pattern, text) for pattern in merged.patterns):
            return text
        first = text if first is None else first
    return first or ""


def strings(merged: Merged, shortest: int, longest: int | None, variant: int) -> Iterator[str]:
    """Proposals, best first."""
    for name in merged.formats:
        if name in FORMATS:
            yield formatted(name, variant)
    for pattern in merged.patterns:
        yield from patterns.sample(pattern, shortest, longest, variant)
    if merged.formats and merged.formats[0] in LENGTHENED:
        yield LENGTHENED[merged.formats[0]].format("a" * max(1, shortest))
    text = "" if variant == 0 else letters(variant)
    yield text.ljust(shortest, "a") if variant == 0 else text.rjust(shortest, "a")


LENGTHENED = {"uri": "https://example.com/{}", "url": "https://example.com/{}", "email": "{}@example.com"}


def letters(number: int) -> str:
    """1 is b, 2 is c, …, 26 is ba: short strings that differ."""
    text = ""
    while number:
        number, digit = divmod(number, 26)
        text = chr(ord("a") + digit) + text
    return text


def formatted(name: str, variant: int) -> str:
    """The value of a format; variants change a digit or letter that may be changed."""
    text = FORMATS[name]
    if variant == 0:
        return text
    change = CHANGED.get(name)
    return change(variant) if change is not None else text + letters(variant)


CHANGED: Mapping[str, Any] = {
    "date-time": lambda n: f"{2025 + n // 12}-{n % 12 + 1:02}-01T00:00:00Z",
    "date": lambda n: f"{2025 + n // 12}-{n % 12 + 1:02}-01",
    "time": lambda n: f"{n % 24:02}:00:00Z",
    "duration": lambda n: f"P{n + 1}D",
    "uuid": lambda n: f"00000000-0000-4000-8000-{n:012}",
    "email": lambda n: f"user{n}@example.com",
    "idn-email": lambda n: f"user{n}@example.com",
    "hostname": lambda n: f"{letters(n)}.example.com",
    "ipv4": lambda n: f"192.0.2.{n % 250 + 1}",
    "ipv6": lambda n: f"2001:db8::{n + 1:x}",
    "byte": lambda n: ("YQ==", "Yg==", "Yw==", "ZA==")[n % 4],
    "json-pointer": lambda n: f"/{letters(n)}",
    "uri-template": lambda n: f"/{{{letters(n)}}}",
}
