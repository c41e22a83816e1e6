"""Parameters out of a request: path, query, headers and cookies, read, coerced and judged.

1. A field is a parameter made ready once; reading it only looks things up.
2. A refusal is a Problem that names the parameter; a query parameter nobody declared is a warning, or refused when strict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from understudy.contract import bodies, parameters
from understudy.contract.parameters import Coerce, Pair
from understudy.contract.schemas import Validator
from understudy.contract.shapes import MISSING
from understudy.contract.violations import MISSING as REQUIRED
from understudy.contract.violations import Violation, nearest_name, shown
from understudy.problems import Problem

Headers = Sequence[tuple[bytes, bytes]]

KNOWN_QUERIES = 256
SHORT = 512
"""Query strings an operation remembers what they come to, and how long such a one may be."""


class Field(NamedTuple):
    """One parameter, ready to be read; `kind` is scalar, array, object or json."""

    name: str
    location: str
    required: bool
    kind: str
    style: str
    explode: bool
    coerce: Coerce | None
    validator: Validator | None
    default: Any
    allow_empty: bool
    properties: frozenset[str]

    def settle(self, raw: Any) -> Any:
        """The value of what was read: coerced and judged. Raises Problem."""
        if raw == "" and self.allow_empty:
            return raw
        value = self.coerce(raw) if self.coerce is not None else raw
        if self.validator is not None and not self.validator.is_valid(value):
            self.refuse(raw, value)
        return value

    def refuse(self, raw: Any, value: Any) -> None:
        """Raise the Problem of a value its schema forbids; what could not be coerced is shown."""
        assert self.validator is not None
        violation = self.validator.first(value)
        if violation is not None:
            raise refusal(violation, self.location, self.name, value if isinstance(value, str) else None)

    def missing(self) -> Problem:
        """The Problem of a required parameter that is not there."""
        return Problem("missing_field", REQUIRED, field=self.name, location=self.location)


def refusal(violation: Violation, location: str, root: str = "", text: str | None = None) -> Problem:
    """The Problem a violation becomes; `root` is the parameter it lies in, `text` what it was on the wire."""
    field = ".".join(filter(None, (root, violation.field))) or "body"
    message = violation.message
    if text is not None and violation.keyword == "type":
        message = message.removesuffix("a string") + shown(text)
    kind = "missing_field" if violation.message == REQUIRED else "invalid_field"
    return Problem(kind, message, field=field, location=location, extra={"keyword": violation.keyword})


def kind_of(types: frozenset[str], style: str) -> str:
    """What a parameter is made of on the wire."""
    if style == "deepObject" or ("object" in types and "array" not in types):
        return "object"
    return "array" if "array" in types else "scalar"


# path, headers, cookies ----------------------------------------------------------------------------------------------


class PathPlan(NamedTuple):
    """Path parameters: already decoded, still in their style."""

    fields: list[Field]

    def read(self, raw: Mapping[str, str]) -> dict[str, Any]:
        """The values of the path parameters. Raises Problem."""
        values: dict[str, Any] = dict(raw)
        for field in self.fields:
            if field.name in raw:
                values[field.name] = field.settle(unstyled(field, raw[field.name]))
        return values


def unstyled(field: Field, value: str) -> Any:
    """A value in a single place, out of its style."""
    if field.kind == "json":
        return parameters.from_json(value, field.name, field.location)
    style = parameters.SINGLE_STYLES.get(field.style)
    return value if style is None else style(value, field.name, field.kind, field.explode)


class HeaderPlan:
    """The header parameters of an operation."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._wanted = {field.name.encode("latin-1", "replace"): field.name for field in fields}
        self._nothing: dict[str, Any] | None = None

    def read(self, raw: Headers) -> dict[str, Any]:
        """Declared headers by lower-case name. Raises Problem."""
        given: dict[str, list[str]] = {}
        for name, value in raw:
            if name in self._wanted:
                given.setdefault(self._wanted[name], []).append(header_text(value))
        return self._settle(given) if given or self._nothing is None else dict(self._nothing)

    def _settle(self, given: Mapping[str, list[str]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field in self._fields:
            found = given.get(field.name)
            if found is None:
                absent(field, values)
            elif len(found) > 1 and field.kind == "scalar":
                raise repeated(field)
            else:
                values[field.name] = field.settle(unstyled(field, ",".join(found)))
        if not given:
            self._nothing = values  # what no header at all comes to: defaults alone
        return values


def header_text(value: bytes) -> str:
    """A header value as text: UTF-8 where it is, else Latin-1 (RFC 9110 section 5.5)."""
    return bodies.read_bytes(value.strip(), "")


def read_cookies(fields: Sequence[Field], raw: Headers) -> dict[str, Any]:
    """Declared cookies by name. Raises Problem."""
    given: dict[str, list[Pair]] = {}
    for name, value in raw:
        if name.lower() == b"cookie":
            for one in value.split(b";"):
                for pair in parameters.pairs(one.strip(), "cookie"):
                    given.setdefault(pair[0], []).append(pair)
    values: dict[str, Any] = {}
    for field in fields:
        found = given.get(field.name) or exploded(field, given)
        if not found:
            absent(field, values)
        else:
            values[field.name] = field.settle(from_pairs(field, found))
    return values


def absent(field: Field, values: dict[str, Any]) -> None:
    """A parameter that is not there: its default, nothing, or a Problem."""
    if field.required:
        raise field.missing()
    if field.default is not MISSING:
        values[field.name] = field.default


def repeated(field: Field) -> Problem:
    """The Problem of a single value given more than once."""
    return Problem("invalid_field", "value must be given once only", field=field.name, location=field.location)


# query ---------------------------------------------------------------------------------------------------------------


class QueryPlan:
    """The query parameters of an operation."""

    def __init__(self, fields: list[Field], known: frozenset[str], strict: bool) -> None:
        self.fields = fields
        self._names = {field.name: field for field in fields}
        self._aliases = {name: field for field in fields for name in spread(field)}
        self._deep = {field.name: field for field in fields if field.kind == "object"}
        self._known = known
        self._strict = strict
        self._known_queries: dict[bytes, tuple[dict[str, Any], tuple[str, ...]]] = {}

    def read(self, query: bytes, warnings: list[str]) -> dict[str, Any]:
        """The values of the query parameters. Raises Problem."""
        known = self._known_queries.get(query)
        if known is None:
            known = self._read(query)
            if len(query) <= SHORT:
                if len(self._known_queries) >= KNOWN_QUERIES:
                    self._known_queries.clear()
                self._known_queries[query] = known
        values, said = known
        if said:
            warnings.extend(said)
        return dict(values)

    def _read(self, query: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The values of a query not met before, and what is to be said about it."""
        warnings: list[str] = []
        given: dict[str, list[Pair]] = {}
        for pair in parameters.pairs(query, "query"):
            field = self._names.get(pair[0]) or self._find(pair[0], warnings)
            if field is not None:
                given.setdefault(field.name, []).append(pair)
        values: dict[str, Any] = {}
        for field in self.fields:
            found = given.get(field.name)
            if found is None:
                absent(field, values)
            else:
                values[field.name] = field.settle(from_pairs(field, found))
        return values, tuple(warnings)

    def _find(self, name: str, warnings: list[str]) -> Field | None:
        """The field a name belongs to that is not its own: `filter[a]`, or a property of an exploded object."""
        field = self._aliases.get(name) or self._deep.get(name.partition("[")[0])
        if field is None and name not in self._known:
            self._unknown(name, warnings)
        return field

    def _unknown(self, name: str, warnings: list[str]) -> None:
        near = nearest_name(name, self._names)
        hint = f"; nearest known name: {near}" if near else ""
        if self._strict:
            raise Problem("unknown_field", f"query parameter is not known{hint}", field=name, location="query")
        warnings.append(f"{name}: unknown query parameter, ignored{hint}")


class WholeQuery(NamedTuple):
    """OpenAPI 3.2, `in: querystring`: the query is one value of a media type, read as a body of that type is."""

    field: Field
    read_as: bodies.Reader

    def read(self, query: bytes, warnings: list[str]) -> dict[str, Any]:
        """The value, by the parameter's name. Raises Problem."""
        values: dict[str, Any] = {}
        if query:
            values[self.field.name] = self.field.settle(self.read_as(query, ""))
        else:
            absent(self.field, values)
        return values


def spread(field: Field) -> frozenset[str]:
    """The names under which the properties of an exploded form object travel."""
    return (
        field.properties
        if field.kind == "object" and field.style in ("form", "cookie") and field.explode
        else frozenset()
    )


def exploded(field: Field, given: Mapping[str, list[Pair]]) -> list[Pair]:
    """The pairs that are properties of an exploded object."""
    return [pair for name in spread(field) for pair in given.get(name, ())]


def from_pairs(field: Field, found: list[Pair]) -> Any:
    """The raw value of a field out of the pairs that belong to it. Raises Problem."""
    return BY_KIND[field.kind](field, found)


def scalar_from(field: Field, found: list[Pair]) -> Any:
    """One value, given once."""
    if len(found) > 1:
        raise repeated(field)
    return found[0][1]


def json_from(field: Field, found: list[Pair]) -> Any:
    """One value that is JSON."""
    return parameters.from_json(scalar_from(field, found), field.name, field.location)


def array_from(field: Field, found: list[Pair]) -> Any:
    """Repeated pairs when exploded, else the parts of one."""
    if field.explode and field.style in ("form", "cookie"):
        return [value for _, value, _ in found]
    if len(found) > 1:
        if field.style in ("form", "cookie"):
            raise repeated(field)
        return [value for _, value, _ in found]
    _, value, raw = found[0]
    return parameters.delimited(value, raw, field.style, field.location)


def object_from(field: Field, found: list[Pair]) -> Any:
    """Bracketed names, properties by their own names, or `a,1,b,2` in one value."""
    steps = [parameters.bracketed(name) for name, _, _ in found]
    if any(step is not None for step in steps):
        entries = [(step[1:], pair[1]) for step, pair in zip(steps, found, strict=True) if step is not None]
        return parameters.nest(entries)
    if spread(field) and found[0][0] != field.name:
        return parameters.nest([([name], value) for name, value, _ in found])
    value = scalar_from(field, found)
    if value.startswith("{"):
        return parameters.from_json(value, field.name, field.location)
    parts = parameters.delimited(value, found[0][2], field.style, field.location)
    return parameters.or_text(parameters.flat_object(parts), value)


BY_KIND: Mapping[str, Callable[[Field, list[Pair]], Any]] = {
    "scalar": scalar_from,
    "json": json_from,
    "array": array_from,
    "object": object_from,
}
