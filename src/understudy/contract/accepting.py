"""What a request means to an operation: parameters and body read, coerced, judged and cleaned.

1. Each operation gets a plan, made on its first request and kept by the contract; a request then only looks things up.
2. A refusal is a Problem that names the field; what is taken but left out becomes a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from understudy.contract import bodies, parameters
from understudy.contract.bodies import Part
from understudy.contract.cleaning import Cleaner, Cleaners, Note
from understudy.contract.parameters import Coerce, Coercion, Pair
from understudy.contract.schemas import Schemas, Validator
from understudy.contract.shapes import MISSING
from understudy.contract.values import Body, Operation, Parameter, Schema
from understudy.contract.violations import MISSING as REQUIRED
from understudy.contract.violations import Violation, nearest_name, shown
from understudy.problems import Problem

Headers = Sequence[tuple[bytes, bytes]]
KNOWN_MEDIA = 64  # Content-Type values remembered for an operation
NOTHING: Mapping[str, Any] = {}


class Accepted(NamedTuple):
    """What an operation is given. Every value is a JSON value; `headers` go by lower-case name; `body` is None without
    one; `warnings` are for the request log; `defaulted` names the body's fields (dotted) that the client did not send."""

    path: dict[str, Any]
    query: dict[str, Any]
    headers: dict[str, Any]
    cookies: dict[str, Any]
    body: Any
    warnings: tuple[str, ...]
    defaulted: tuple[str, ...] = ()


Accept = Callable[[Mapping[str, str], bytes, Headers, bytes], Accepted]


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


# plans ---------------------------------------------------------------------------------------------------------------


class Planner:
    """Makes the plans of one contract's operations."""

    def __init__(self, coercion: Coercion, schemas: Schemas, cleaners: Mapping[str, Cleaners], strict: bool) -> None:
        self._coercion = coercion
        self._schemas = schemas
        self._cleaners = cleaners  # "whole" for bodies that are a record, "partial" for those that change some of one
        self._strict = strict

    def plan(self, operation: Operation) -> Accept:
        """The function that accepts requests of an operation."""
        located: dict[str, list[Field]] = {}
        for parameter in operation.parameters:
            located.setdefault(parameter.location, []).append(self.field(parameter))
        path = PathPlan(located["path"]) if "path" in located else None
        query = QueryPlan(located.get("query", []), located.get("querystring", []), keys(operation), self._strict)
        headers = located.get("header", ())
        cookies = located.get("cookie", ())
        body = self._body(operation)

        def accept(path_params: Mapping[str, str], raw_query: bytes, raw_headers: Headers, raw_body: bytes) -> Accepted:
            warnings: list[str] = []
            defaulted: list[str] = []
            return Accepted(
                path.read(path_params) if path is not None else dict(path_params),
                query.read(raw_query, warnings) if raw_query or query.fields else {},
                read_headers(headers, raw_headers) if headers else {},
                read_cookies(cookies, raw_headers) if cookies else {},
                body(raw_headers, raw_body, warnings, defaulted) if raw_body or body is not ignored else None,
                tuple(warnings),
                tuple(defaulted),
            )

        return accept

    def field(self, parameter: Parameter) -> Field:
        """A parameter, ready to be read."""
        shape = self._coercion.shape(parameter.schema)
        kind = "json" if parameter.media_type else kind_of(shape.types, parameter.style)
        schema = parameter.schema
        return Field(
            name=parameter.name.lower() if parameter.location == "header" else parameter.name,
            location=parameter.location,
            required=parameter.required,
            kind=kind,
            style=parameter.style,
            explode=parameter.explode,
            coerce=None if kind == "json" else self._coercion.whole(schema),
            validator=self._schemas.validator(schema) if schema is not None else None,
            default=shape.default,
            allow_empty=parameter.allow_empty,
            properties=frozenset(shape.properties),
        )

    def _body(self, operation: Operation) -> ReadBody:
        if operation.body is None:
            return ignored
        return BodyPlan(operation.body, self, self._strict, "partial" if operation.method == "PATCH" else "whole").read

    def media(self, kind: str, body: Body, declared: str, extent: str) -> Media:
        """How bodies of one media type are read, judged and cleaned."""
        schema = body.content[declared]
        how, read = bodies.reader(kind)
        if how in ("form", "multipart"):
            form = self._form(schema, body.encoding.get(declared, NOTHING))
            return Media(form.reader(how, read), self._validator(schema), self._cleaners[extent].cleaner(schema))
        judged = how in ("json", "text") or (how == "bytes" and schema is not None and is_text(kind))
        coerce = self._coercion.scalar(schema) if how == "text" else None
        reading = coerced(read, coerce) if coerce is not None else read
        cleaner = self._cleaners[extent].cleaner(schema) if how == "json" else None
        return Media(reading, self._validator(schema) if judged else None, cleaner)

    def _validator(self, schema: Schema | None) -> Validator | None:
        return self._schemas.validator(schema) if schema is not None else None

    def _form(self, schema: Schema | None, encoding: Mapping[str, Any]) -> Form:
        shape = self._coercion.shape(schema)
        fields = [
            self.field(form_parameter(name, one, encoding.get(name, NOTHING), self._coercion.shape(one).types))
            for name, one in shape.properties.items()
        ]
        rest = self._coercion.whole(shape.additional) if isinstance(shape.additional, Schema) else None
        return Form(fields, rest)


def is_text(kind: str) -> bool:
    """Whether a media type without a reader of its own is text all the same."""
    return kind.endswith("+xml") is False and kind in ("application/x-ndjson", "application/jsonl", "application/yaml")


def coerced(read: bodies.Reader, coerce: Coerce) -> bodies.Reader:
    """A reader whose text becomes a value of the schema's type."""
    return lambda body, content_type: coerce(read(body, content_type))


def kind_of(types: frozenset[str], style: str) -> str:
    """What a parameter is made of on the wire."""
    if style == "deepObject" or ("object" in types and "array" not in types):
        return "object"
    return "array" if "array" in types else "scalar"


def form_parameter(name: str, schema: Schema, encoding: Mapping[str, Any], types: frozenset[str]) -> Parameter:
    """A form field as the query parameter it is like (OpenAPI 3.1, Encoding Object)."""
    style = encoding.get("style") or ("deepObject" if "object" in types else "form")
    explode = encoding.get("explode")
    return Parameter(
        name=name,
        location="body",
        required=False,
        schema=schema,
        style=style,
        explode=explode if isinstance(explode, bool) else style == "form",
    )


def keys(operation: Operation) -> frozenset[str]:
    """Names of query parameters that carry an API key: known, though not among the parameters."""
    return frozenset(
        str(one.scheme.get("name"))
        for alternative in operation.security or ()
        for one in alternative
        if one.scheme.get("type") == "apiKey" and one.scheme.get("in") == "query"
    )


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


def read_headers(fields: Sequence[Field], raw: Headers) -> dict[str, Any]:
    """Declared headers by lower-case name. Raises Problem."""
    given: dict[str, list[str]] = {}
    for name, value in raw:
        given.setdefault(name.decode("latin-1").lower(), []).append(header_text(value))
    values: dict[str, Any] = {}
    for field in fields:
        found = given.get(field.name)
        if found is None:
            absent(field, values)
        elif len(found) > 1 and field.kind == "scalar":
            raise repeated(field)
        else:
            values[field.name] = field.settle(unstyled(field, ",".join(found)))
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

    def __init__(self, fields: list[Field], whole: list[Field], known: frozenset[str], strict: bool) -> None:
        self.fields = fields or whole
        self._whole = whole[0] if whole else None
        self._fields = fields
        self._names = {field.name: field for field in fields}
        self._aliases = {name: field for field in fields for name in spread(field)}
        self._deep = {field.name: field for field in fields if field.kind == "object"}
        self._known = known
        self._strict = strict

    def read(self, query: bytes, warnings: list[str]) -> dict[str, Any]:
        """The values of the query parameters. Raises Problem."""
        if self._whole is not None:
            return {self._whole.name: self._read_whole(self._whole, query)}
        given: dict[str, list[Pair]] = {}
        for pair in parameters.pairs(query, "query"):
            field = self._names.get(pair[0]) or self._find(pair[0], warnings)
            if field is not None:
                given.setdefault(field.name, []).append(pair)
        values: dict[str, Any] = {}
        for field in self._fields:
            found = given.get(field.name)
            if found is None:
                absent(field, values)
            else:
                values[field.name] = field.settle(from_pairs(field, found))
        return values

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

    def _read_whole(self, field: Field, query: bytes) -> Any:
        """OpenAPI 3.2, `in: querystring`: the whole query is one value of a media type."""
        return field.settle(parameters.from_json(parameters.text(query, "query"), field.name, "query"))


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


# bodies --------------------------------------------------------------------------------------------------------------

ReadBody = Callable[[Headers, bytes, list[str], list[str]], Any]


def ignored(headers: Headers, body: bytes, warnings: list[str], defaulted: list[str]) -> Any:
    """A body on an operation that declares none."""
    if body:
        warnings.append("body: this operation takes none, ignored")
    return None


class Media(NamedTuple):
    """How bodies of one media type are read, judged and cleaned."""

    read: bodies.Reader
    validator: Validator | None
    cleaner: Cleaner | None


class BodyPlan:
    """The body of an operation, by media type; a media type's plan is made when a body of it first comes."""

    def __init__(self, body: Body, planner: Planner, strict: bool, extent: str) -> None:
        self._body = body
        self._planner = planner
        self._strict = strict
        self._extent = extent
        self._media: dict[bytes, Media] = {}

    def read(self, headers: Headers, body: bytes, warnings: list[str], defaulted: list[str]) -> Any:
        """The body as a cleaned value. Raises Problem."""
        if not body:
            return self._absent()
        content_type = b""
        for name, value in headers:
            if name == b"content-type":
                content_type = value
                break
        media = self._media.get(content_type) or self._find(content_type)
        value = media.read(body, content_type.decode("latin-1"))
        if media.validator is not None and not media.validator.is_valid(value):
            violation = media.validator.first(value)
            if violation is not None:
                raise refusal(violation, "body")
        if media.cleaner is not None:
            notes: list[Note] = []
            media.cleaner.clean(value, notes)
            if notes:
                self._tell(notes, warnings, defaulted)
        return value

    def _absent(self) -> None:
        if self._body.required:
            raise Problem("missing_field", REQUIRED, field="body", location="body")

    def _find(self, content_type: bytes) -> Media:
        kind = content_type.partition(b";")[0].strip().lower().decode("latin-1")
        declared = bodies.declared_for(kind, self._body.content) if kind or not self._body.content else None
        if declared is None and self._body.content:
            raise self._unsupported(kind)
        body = self._body if declared is not None else Body(False, {"*/*": None}, {})
        extent = "partial" if "merge-patch" in kind else self._extent  # RFC 7396: what is absent stays as it is
        media = self._planner.media(kind, body, declared or "*/*", extent)
        if len(self._media) < KNOWN_MEDIA:
            self._media[content_type] = media
        return media

    def _unsupported(self, kind: str) -> Problem:
        declared = ", ".join(self._body.content)
        given = f"Content-Type {shown(kind)} is not taken" if kind else "Content-Type is not given"
        return Problem(
            "unsupported_media_type",
            f"{given}; this operation takes {declared}",
            field="content-type",
            location="header",
            extra={"accept": tuple(self._body.content)},
        )

    def _tell(self, notes: list[Note], warnings: list[str], defaulted: list[str]) -> None:
        for note in notes:
            if note.kind == "default":
                defaulted.append(note.field)
            elif self._strict and note.kind == "unknown":
                raise Problem("unknown_field", note.warning().partition(": ")[2], field=note.field, location="body")
            else:
                warnings.append(note.warning())


class Form:
    """Form fields, read like query parameters; what is not declared is handed on for the cleaner to judge."""

    def __init__(self, fields: list[Field], rest: Coerce | None) -> None:
        self._fields = {field.name: field for field in fields}
        self._rest = rest

    def reader(self, how: str, read: bodies.Reader) -> bodies.Reader:
        """A reader whose pairs or parts become an object."""
        gather: Callable[[Any], Any] = self._from_pairs if how == "form" else self._from_parts
        return lambda body, content_type: gather(read(body, content_type))

    def _from_pairs(self, found: list[Pair]) -> dict[str, Any]:
        given: dict[str, list[Pair]] = {}
        for pair in found:
            root = pair[0].partition("[")[0]
            name = pair[0] if pair[0] in self._fields or root not in self._fields else root
            given.setdefault(name, []).append(pair)
        return {name: self._value(name, one) for name, one in given.items()}

    def _value(self, name: str, found: list[Pair]) -> Any:
        field = self._fields.get(name)
        if field is None:
            values = [value for _, value, _ in found]
            raw: Any = values[0] if len(values) == 1 else values
            return self._rest(raw) if self._rest is not None else raw
        raw = (
            self._bracketed(field, found)
            if "[" in found[0][0] and field.name != found[0][0]
            else from_pairs(field, found)
        )
        return field.coerce(raw) if field.coerce is not None else raw

    def _bracketed(self, field: Field, found: list[Pair]) -> Any:
        entries = [(steps[1:], value) for name, value, _ in found if (steps := parameters.bracketed(name))]
        return parameters.nest(entries)

    def _from_parts(self, parts: list[Part]) -> dict[str, Any]:
        values: dict[str, list[Any]] = {}
        for part in parts:
            values.setdefault(part.name, []).append(part_value(part, self._fields.get(part.name)))
        return {name: self._joined(self._fields.get(name), found) for name, found in values.items()}

    def _joined(self, field: Field | None, found: list[Any]) -> Any:
        if field is not None and field.kind == "array":
            whole = found[0] if len(found) == 1 and isinstance(found[0], list) else found
            return field.coerce(whole) if field.coerce is not None else whole
        one = found[0] if len(found) == 1 else found
        return field.coerce(one) if field is not None and field.coerce is not None else one


def part_value(part: Part, field: Field | None) -> Any:
    """The value of one part: JSON where it says so or an object is wanted, else its text."""
    wanted = field is not None and field.kind == "object"
    if part.content_type.endswith("json") or (wanted and part.filename is None):
        try:
            return orjson.loads(part.value)
        except orjson.JSONDecodeError:
            if not wanted:
                raise bodies.malformed(f'part "{part.name}" of the body is not valid JSON') from None
    return bodies.read_bytes(part.value, "")
