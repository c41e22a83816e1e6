"""What a request means to an operation: parameters and body read, coerced, judged and cleaned.

1. Each operation gets a plan, made on its first request and kept by the contract; a request then only looks things up.
2. A refusal is a Problem that names the field; what is taken but left out becomes a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from understudy.contract import bodies, parameters
from understudy.contract.cleaning import Cleaner, Cleaners, Note
from understudy.contract.fields import (
    Field,
    HeaderPlan,
    Headers,
    PathPlan,
    QueryPlan,
    WholeQuery,
    kind_of,
    read_cookies,
    refusal,
)
from understudy.contract.forms import Form, form_parameter
from understudy.contract.markup import Markup
from understudy.contract.parameters import Coerce, Coercion
from understudy.contract.schemas import Schemas, Validator
from understudy.contract.values import Body, Operation, Parameter, Schema
from understudy.contract.violations import MISSING as REQUIRED
from understudy.contract.violations import shown
from understudy.problems import Problem

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


# plans ---------------------------------------------------------------------------------------------------------------


class Planner:
    """Makes the plans of one contract's operations."""

    def __init__(self, coercion: Coercion, schemas: Schemas, cleaners: Mapping[str, Cleaners], strict: bool, markup: Markup) -> None:
        self._coercion = coercion
        self._schemas = schemas
        self._cleaners = cleaners  # "whole" for bodies that are a record, "partial" for those that change some of one
        self._strict = strict
        self._markup = markup

    def plan(self, operation: Operation) -> Accept:
        """The function that accepts requests of an operation."""
        located: dict[str, list[Field]] = {}
        for parameter in operation.parameters:
            located.setdefault(parameter.location, []).append(self.field(parameter))
        path = PathPlan(located["path"]) if "path" in located else None
        query = self._query(operation, located)
        headers = HeaderPlan(located["header"]) if "header" in located else None
        cookies = located.get("cookie", ())
        body = self._body(operation)

        def accept(path_params: Mapping[str, str], raw_query: bytes, raw_headers: Headers, raw_body: bytes) -> Accepted:
            warnings: list[str] = []
            defaulted: list[str] = []
            return Accepted(
                path.read(path_params) if path is not None else dict(path_params),
                query(raw_query, warnings),
                headers.read(raw_headers) if headers is not None else {},
                read_cookies(cookies, raw_headers) if cookies else {},
                body(raw_headers, raw_body, warnings, defaulted) if raw_body or body is not ignored else None,
                tuple(warnings),
                tuple(defaulted),
            )

        return accept

    def _query(
        self, operation: Operation, located: Mapping[str, list[Field]]
    ) -> Callable[[bytes, list[str]], dict[str, Any]]:
        for parameter in operation.parameters:
            if parameter.location == "querystring":
                kind = parameter.media_type or "application/x-www-form-urlencoded"
                return WholeQuery(self.field(parameter), self._query_reader(kind, parameter.schema)).read
        return QueryPlan(located.get("query", []), keys(operation), self._strict).read

    def _query_reader(self, kind: str, schema: Schema | None) -> bodies.Reader:
        how, read = bodies.reader(kind)
        if how == "form":
            return self._form(schema, NOTHING).reader(how, read)
        return lambda query, content_type: read(parameters.text(query, "query").encode(), content_type)

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
            kinds = self._coercion.shape(schema).types
            validator = self._validator(schema) if not kinds or "object" in kinds else None  # a form is fields, whatever is declared
            return Media(form.reader(how, read), validator, self._cleaners[extent].cleaner(schema))
        if how == "xml" and schema is not None:
            return Media(self._markup.reader(schema), self._validator(schema), self._cleaners[extent].cleaner(schema))
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
    return kind in ("application/x-ndjson", "application/jsonl", "application/yaml")


def coerced(read: bodies.Reader, coerce: Coerce) -> bodies.Reader:
    """A reader whose text becomes a value of the schema's type."""
    return lambda body, content_type: coerce(read(body, content_type))


def keys(operation: Operation) -> frozenset[str]:
    """Names of query parameters that carry an API key: known, though not among the parameters."""
    return frozenset(
        str(one.scheme.get("name"))
        for alternative in operation.security or ()
        for one in alternative
        if one.scheme.get("type") == "apiKey" and one.scheme.get("in") == "query"
    )


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
        """The plan for a Content-Type not met before; its parameters (a boundary, a charset) do not change the plan."""
        kind = content_type.partition(b";")[0].strip().lower()
        media = self._media.get(kind)
        if media is None:
            media = self._make(kind.decode("latin-1"))
            self._remember(kind, media)
        if b"boundary" not in content_type:
            self._remember(content_type, media)
        return media

    def _remember(self, content_type: bytes, media: Media) -> None:
        if len(self._media) < KNOWN_MEDIA:
            self._media[content_type] = media

    def _make(self, kind: str) -> Media:
        declared = bodies.declared_for(kind, self._body.content) if kind or not self._body.content else None
        if declared is None and self._body.content:
            raise self._unsupported(kind)
        body = self._body if declared is not None else Body(False, {"*/*": None}, {})
        extent = "partial" if "merge-patch" in kind else self._extent  # RFC 7396: what is absent stays as it is
        return self._planner.media(kind, body, declared or "*/*", extent)

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
