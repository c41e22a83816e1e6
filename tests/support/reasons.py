"""Why a failure that stock schemathesis reports is not the stand-in's: rules that read the document and the exchange alone.

1. A rule is a row of `RULES`; each gives a sentence where it is sure, and None where the failure stays the stand-in's.
2. Nothing of the stand-in judges here: schemas are judged by the library `jsonschema`, requests as they were sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
IGNORED = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that OpenAPI says to ignore (3.1, Parameter Object, `in`)."""
STATE = frozenset({"illegal_transition", "already_exists", "dangling_reference", "in_use", "locked", "cannot_process", "unknown_record"})
"""Kinds of refusals that no schema can tell: what is refused fits the schema, and the records do not allow it."""
ROOT = "urn:document"
FORMATS = FormatChecker(["uuid", "ipv4", "ipv6", "date", "email"])


@FORMATS.checks("date-time", ValueError)
def is_instant(value: object) -> bool:
    """An instant of RFC 3339, as far as the library reads it."""
    return not isinstance(value, str) or ("T" in value.upper() and bool(datetime.fromisoformat(value)))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and what it was answered."""

    method: str
    uri: str
    headers: Mapping[str, str]  # by lower-case name
    body: bytes
    status: int
    answer: bytes = b""
    answer_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """What schemathesis says is wrong: the check, its message, the exchange that shows it."""

    check: str
    message: str
    exchange: Exchange
    kind: str = ""  # of the refusal, where the stand-in's log names one of `STATE`
    operation: str = ""  # what schemathesis says it called: `GET /pets`; empty in the stateful phase


class Document:
    """An OpenAPI document in one piece, and the operations in it by path template. `impossible` names those operations
    (`GET /pets`) with an answer no value satisfies, each with the contradiction."""

    def __init__(self, root: Mapping[str, Any], impossible: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.impossible = impossible or {}
        resource = DRAFT202012.create_resource(dict(root))
        self._registry: Registry[Any] = Registry().with_resource(ROOT, resource)
        self.bases = tuple(dict.fromkeys(bases(root)))

    def items(self, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The path items a path may mean, those with the most literal letters first."""
        paths = [(template, item) for template, item in self.root.get("paths", {}).items() if isinstance(item, Mapping)]
        fitting = [(template, item) for template, item in paths if any(fits(base + template, path) for base in self.bases)]
        yield from sorted(fitting, key=lambda one: len(re.sub(r"\{[^}]*\}", "", one[0])), reverse=True)

    def operation(self, exchange: Exchange) -> tuple[str, Mapping[str, Any], Mapping[str, Any]] | None:
        """The template, path item and operation of a request."""
        for template, item in self.items(urlsplit(exchange.uri).path):
            if isinstance(item.get(exchange.method.lower()), Mapping):
                return template, item, item[exchange.method.lower()]
        return None

    def parameters(self, exchange: Exchange) -> Iterator[Mapping[str, Any]]:
        """The parameters of a request's operation, resolved."""
        found = self.operation(exchange)
        for one in (*found[1].get("parameters", ()), *found[2].get("parameters", ())) if found else ():
            yield self.resolved(one)

    def resolved(self, value: Any) -> Any:
        """What a reference within the document leads to."""
        for _ in range(12):
            if not isinstance(value, Mapping) or not str(value.get("$ref", "")).startswith("#"):
                break
            value = self._registry.resolver(ROOT).lookup(value["$ref"]).contents
        return value

    def errors(self, schema: Any, value: Any) -> Iterator[ValidationError]:
        """What is wrong with a value by a schema of the document, inside branches too."""
        anchored = json.loads(json.dumps(schema).replace('"$ref": "#', f'"$ref": "{ROOT}#'))
        pending = list(Draft202012Validator(anchored, registry=self._registry, format_checker=FORMATS).iter_errors(value))
        while pending:
            yield (error := pending.pop())
            pending.extend(error.context or ())

    def valid(self, schema: Any, value: Any) -> bool:
        """Whether a value satisfies a schema of the document."""
        return next(self.errors(schema, value), None) is None

    def schema_of_body(self, exchange: Exchange) -> Any:
        """The schema of the JSON body of a request's operation."""
        found = self.operation(exchange)
        body = self.resolved(found[2].get("requestBody")) if found else None
        content = body.get("content", {}) if isinstance(body, Mapping) else {}
        return self.resolved(next((one.get("schema") for name, one in content.items() if "json" in name), None))

    def taken(self, parameter: Mapping[str, Any], text: str) -> bool:
        """Whether a parameter takes what stands on the wire, read as each type its schema may mean."""
        schema = parameter.get("schema", parameter)
        return any(self.valid(schema, value) for value in readings(text))


def bases(root: Mapping[str, Any]) -> Iterator[str]:
    """The base paths of a document's servers."""
    for server in root.get("servers", ()):
        url = re.sub(r"\{[^}]*\}", "x", str(server.get("url", "")))
        yield urlsplit(url).path.rstrip("/")
    yield str(root.get("basePath", "")).rstrip("/")


def fits(template: str, path: str) -> bool:
    """Whether a path is one of a template's."""
    parts = re.split(r"\{[^}]*\}", template.partition("?")[0].partition("#")[0])
    return re.fullmatch("[^/]+".join(map(re.escape, parts)), path) is not None


def readings(text: str) -> Iterator[Any]:
    """A text as it stands, as the JSON value it may be, and as a list."""
    yield text
    with suppress(ValueError):
        yield json.loads(text)
    yield text.split(",")


# --- rules -------------------------------------------------------------------------------------------------------


def of_state(failure: Failure, document: Document) -> str | None:
    """A good body that the records do not allow, where the check lets pass 404 and 409 only and the document has neither."""
    if failure.check == "positive_data_acceptance" and failure.kind in STATE:
        return f"{failure.kind}: the document declares {failure.exchange.status} for it and none of the 404 and 409 that the check lets pass"
    return None


def without_success(failure: Failure, document: Document) -> str | None:
    """A request that is answered, where the operation declares no status for that."""
    declared = re.search(r"Documented: .*(\b[23]\d\d|default|[23]XX)", failure.message)
    if failure.check == "status_code_conformance" and failure.exchange.status < 400 and not declared:
        return "success: the operation declares no status for a request that is answered"
    return None


def without_refusal(failure: Failure, document: Document) -> str | None:
    """A request that has to be refused, where the operation declares no status for that."""
    status = failure.exchange.status
    if failure.check == "status_code_conformance" and str(status) in failure.message and 400 <= status < 500:
        return f"{failure.kind or status}: the operation declares no status for a request that has to be refused"
    return None


def as_sent(failure: Failure, document: Document) -> str | None:
    """A header said to be wrong, where each declared one is right as it was sent: HTTP clients write some themselves, a
    number is text on the wire, and a header nobody declared is to be ignored (RFC 9110 section 5.1)."""
    if failure.check not in ("negative_data_rejection", "missing_required_header") or not re.search(r"\b(in|at) header|required '", failure.message):
        return None
    if re.search(r"\b(in|at) (body|query|path|cookie)\b", failure.message):
        return None
    for parameter in document.parameters(failure.exchange):
        name = str(parameter.get("name")).lower()
        if parameter.get("in") != "header" or name in IGNORED:
            continue
        sent = failure.exchange.headers.get(name)
        if parameter.get("required") if sent is None else not document.taken(parameter, sent):
            return None
    return "header: as it was sent, every header the document declares is there and right"


def without_body(failure: Failure, document: Document) -> str | None:
    """A request called good that lacks the body the operation requires."""
    found = document.operation(failure.exchange)
    body = document.resolved(found[2].get("requestBody")) if found else None
    if failure.check == "positive_data_acceptance" and not failure.exchange.body and isinstance(body, Mapping) and body.get("required"):
        return "body: the request was sent without the body that the operation requires"
    return None


def without_content(failure: Failure, document: Document) -> str | None:
    """A 204 that is asked for a Content-Type, as Swagger 2.0's `produces` speaks of all answers at once."""
    if failure.check == "content_type_conformance" and failure.exchange.status in (204, 205, 304) and not failure.exchange.answer:
        return "empty: a 204 has no content, and so no type of it (RFC 9110 section 15.3.5)"
    return None


def elsewhere(failure: Failure, document: Document) -> str | None:
    """A path that is not the called operation's once it is sent: an empty path parameter leaves a segment out."""
    template = failure.operation.partition(" ")[2]
    path = urlsplit(failure.exchange.uri).path
    if template and not any(fits(base + template, path) for base in document.bases):
        return f"path: with an empty parameter the path that was sent is not one of {template}"
    return None


def wrong_format(failure: Failure, document: Document) -> str | None:
    """A body called good with text that is not of its format: a default or an example of the document, or the fuzzer's own
    (it forgets the format beside `type: [string, "null"]`)."""
    schema = document.schema_of_body(failure.exchange)
    if failure.check != "positive_data_acceptance" or schema is None:
        return None
    try:
        value = json.loads(failure.exchange.body)
    except ValueError:
        return None
    for error in document.errors(schema, value):
        if error.validator == "format" and error.parent is None:
            return f"format: {error.instance!r} was sent as a good {error.json_path}, and is no {error.validator_value}"
    return None


def twins(failure: Failure, document: Document) -> str | None:
    """Two templates of one form, which OpenAPI forbids (3.1, Paths Object): what is allowed there is what either takes."""
    path = urlsplit(failure.exchange.uri).path
    together: dict[str, list[Mapping[str, Any]]] = {}
    for template, item in document.items(path):
        together.setdefault(re.sub(r"\{[^}]*\}", "{}", template), []).append(item)
    same = next(iter(together.values()), [])
    methods = {name.upper() for item in same for name in METHODS if name in item}
    allowed = set(re.split(r",\s*", failure.exchange.answer_headers.get("allow", "")))
    if failure.check == "allow_header_conformance" and len(same) > 1 and allowed == methods:
        return "twins: two path templates of the same form, and `Allow` names the methods of both"
    return None


def impossible(failure: Failure, document: Document) -> str | None:
    """An answer whose schema contradicts itself."""
    found = document.operation(failure.exchange)
    why = document.impossible.get(f"{failure.exchange.method} {found[0]}") if found else None
    if failure.check == "response_schema_conformance" and why:
        return f"contradiction: no value satisfies the answer's schema; {why}"
    return None


def wrong_example(failure: Failure, document: Document) -> str | None:
    """A value of the path that is an example of the document and not what its own parameter takes."""
    found = document.operation(failure.exchange)
    if failure.check != "positive_data_acceptance" or failure.exchange.status not in (400, 422) or found is None:
        return None
    sent = dict(parse_qsl(urlsplit(failure.exchange.uri).query)) | in_path(found[0], urlsplit(failure.exchange.uri).path)
    text = json.dumps(document.root)
    for parameter in document.parameters(failure.exchange):
        value = sent.get(str(parameter.get("name"))) if parameter.get("in") in ("path", "query") else None
        if value and not document.taken(parameter, value) and json.dumps(value) in text:
            return f"example: {value} is an example of the document, and not what its own parameter {parameter['name']} takes"
    return None


def in_path(template: str, path: str) -> dict[str, str]:
    """The path parameters of a request by name, whatever base path stands before them."""
    names = re.findall(r"\{([^}]*)\}", template)
    pattern = "([^/]+)".join(map(re.escape, re.split(r"\{[^}]*\}", template.partition("?")[0].partition("#")[0])))
    match = re.search(pattern + "$", path)
    return dict(zip(names, map(unquote, match.groups()), strict=False)) if match else {}


def overlapping(failure: Failure, document: Document) -> str | None:
    """A body that fits several branches of a `oneOf`, of which its discriminator names one that it does fit."""
    found = document.operation(failure.exchange)
    if failure.check != "negative_data_rejection" or "oneOf" not in failure.message or found is None:
        return None
    schema = document.schema_of_body(failure.exchange)
    branches = schema.get("oneOf") if isinstance(schema, Mapping) else None
    name = (schema.get("discriminator") or {}).get("propertyName") if branches else None
    try:
        value = json.loads(failure.exchange.body)
    except ValueError:
        return None
    if name and isinstance(value, Mapping) and name in value and sum(document.valid(one, value) for one in branches or ()) > 1:
        return f"overlap: several branches of a oneOf take this body, and the discriminator {name} chooses among them"
    return None


RULES: tuple[Callable[[Failure, Document], str | None], ...] = (
    elsewhere, of_state, without_success, without_refusal, as_sent, without_body, without_content, twins, impossible, wrong_example, wrong_format, overlapping,
)


def reason(failure: Failure, document: Document) -> str | None:
    """Why a failure is the document's or the fuzzer's, `word: sentence`; None where it is the stand-in's."""
    return next((said for rule in RULES if (said := rule(failure, document)) is not None), None)
