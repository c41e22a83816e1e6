"""The document as frozen values: what an operation takes and gives, and where in the document each part stands.

Nothing here reads a file, compiles a schema or judges a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema and its address: `uri` is absolute (`understudy:0#/components/schemas/Customer`), `value` its JSON."""

    uri: str
    value: Any  # Mapping[str, Any] or bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as OpenAPI 3 has it; `location` is path, query, querystring, header or cookie."""

    name: str
    location: str
    required: bool
    schema: Schema | None
    style: str
    explode: bool
    media_type: str | None = None  # set where the parameter is declared with `content` instead of `schema`
    allow_reserved: bool = False
    description: str = ""
    allow_empty: bool = False  # allowEmptyValue
    uri: str = ""  # address of the parameter object


@dataclass(frozen=True, slots=True)
class Body:
    """A request body: media type (lower case, without parameters) to schema."""

    required: bool
    content: Mapping[str, Schema | None]
    encoding: Mapping[str, Mapping[str, Any]]  # media type -> property -> encoding object


@dataclass(frozen=True, slots=True)
class Response:
    """One declared response; `status` is `200`, `2XX` or `default`."""

    status: str
    content: Mapping[str, Schema | None]
    examples: Mapping[str, Any]  # media type -> the media type object, for declared examples
    headers: Mapping[str, Schema | None]
    required_headers: frozenset[str]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One security scheme an alternative asks for, resolved: `scheme` is the Security Scheme Object."""

    name: str
    scheme: Mapping[str, Any]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path item, with what it inherits from the path item and the document."""

    key: str  # "POST /v1/customers": method, blank, path template with the server's base path in front; unique
    method: str  # upper case
    path: str
    operation_id: str | None
    summary: str
    tags: tuple[str, ...]
    deprecated: bool
    parameters: tuple[Parameter, ...]
    body: Body | None
    responses: Mapping[str, Response]
    security: tuple[tuple[Requirement, ...], ...] | None  # alternatives of combinations; None: nothing asked
    uri: str  # address of the operation object
    raw: Mapping[str, Any]  # the operation object itself: callbacks, links, x-extensions
    document: str = ""  # URI of the document it is served from, which may have it from another file

    def response(self, status: int) -> Response | None:
        """The declared response that covers a status: exact, then range, then default (OpenAPI 3.1, Responses Object)."""
        return (
            self.responses.get(str(status)) or self.responses.get(f"{status // 100}XX") or self.responses.get("default")
        )


@dataclass(frozen=True, slots=True)
class Webhook:
    """An entry of the document's `webhooks`: its name and what is posted."""

    name: str
    method: str
    body: Body | None
    uri: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Callback:
    """A request the document says is sent when an operation was called: where to is a runtime expression."""

    name: str
    expression: str
    method: str
    body: Body | None
    uri: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document: where (file and JSON pointer), what, and what would be right."""

    where: str
    message: str
    severity: str = "error"  # "error": not served; "warning": served as far as it can be
