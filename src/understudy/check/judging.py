"""What every answer must be, whatever was asked: declared in status, media type and shape, and silent about the inside.

1. Bodies are judged by `jsonschema`, whose mistakes are not those of the validator the stand-in uses.
2. What is wrong with a body is put as a claim about one place and one keyword, so that it can be shown without the document.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import jsonschema
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from understudy.check.claims import Claim, status
from understudy.check.steps import ABSENT, Answer, Ref
from understudy.contract.contract import Contract
from understudy.contract.values import Operation, Schema

LEAK = (
    r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+|\bat [\w$.]+\([\w]+\.(?:java|kt|scala):\d+\)|\bat .+ \(?/[^)]+\.[jt]s:\d+"
    r"|SQLSTATE|SELECT .+ FROM |sqlite3?\.|psycopg|site-packages|node_modules|goroutine \d+ \["
)
"""Words that stand in a stack trace or a query and in no refusal meant for a client."""
OPEN_STATUSES = frozenset({401, 403, 405, 406, 413, 414, 415, 429, 431})
"""Statuses of HTTP itself that few documents declare: they are no finding."""
WORTH_NAMING = frozenset({"type", "required", "enum", "const", "pattern", "format", "minimum", "maximum", "minLength", "maxLength",
                          "additionalProperties", "minItems", "maxItems", "uniqueItems", "multipleOf"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Breach:
    """A universal law broken by one answer."""

    law: str
    key: str
    claim: Claim


class Judge:
    """The universal laws of one contract. `direction`: whose bodies are judged, the answers' (response) or the requests'."""

    def __init__(self, contract: Contract, direction: str = "response") -> None:
        self._contract = contract
        self._hidden = "writeOnly" if direction == "response" else "readOnly"
        self._registry: Registry[Any] = Registry(retrieve=self._retrieve)  # type: ignore[call-arg]
        self._resources: dict[str, Resource[Any]] = {}
        self._validators: dict[str, Draft202012Validator] = {}

    def breaches(self, operation: Operation | None, step: int, answer: Answer, read: bool = True) -> Iterator[Breach]:
        """What an answer breaks. `operation` None: the request matched no operation on purpose."""
        for law in (_answers, _falls_over, _is_declared, _leaks, _says_its_status):
            yield from law(operation, step, answer)
        if operation is not None and answer.body and read:
            yield from self._shape(operation, step, answer)

    def asked(self, operation: Operation, media: str, value: Any) -> Iterator[tuple[str, str]]:
        """What is wrong with the JSON body of a request: a key for its place and keyword, and words."""
        content = operation.body.content if operation.body is not None else {}
        schema = next((one for declared, one in content.items() if "json" in declared and _covers(declared, media)), None)
        for claim, key in self._errors(schema, value, 0) if schema is not None else ():
            yield key, claim.says

    # bodies --------------------------------------------------------------------------------------------------------

    def _shape(self, operation: Operation, step: int, answer: Answer) -> Iterator[Breach]:
        response = operation.response(answer.status)
        if response is None:
            return
        for name in sorted({name.lower() for name in response.required_headers} - answer.headers.keys()):
            yield Breach("declared headers", name, Claim("there", {"value": Ref(step, (name,), "headers")}, f"{name} is required of this answer, and missing"))
        media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.content and not any(_covers(declared, media) for declared in response.content):
            says = f"the media type is {media or 'not said'}, of those declared: {', '.join(response.content)}"
            yield Breach("declared media type", "media type", Claim("quiet", {"text": Ref(step, ("content-type",), "headers"), "pattern": f"^{re.escape(media)}"}, says))
            return
        schema = schema_of(operation, answer)
        if schema is not None:
            yield from self._value(schema, step, answer)

    def _value(self, schema: Schema, step: int, answer: Answer) -> Iterator[Breach]:
        value = answer.value
        if value is ABSENT:
            yield Breach("declared shape", "JSON", Claim("there", {"value": Ref(step)}, "the body is no JSON"))
            return
        for claim, key in self._errors(schema, value, step):
            yield Breach("declared shape", key, claim)

    def _errors(self, schema: Schema, value: Any, step: int) -> Iterator[tuple[Claim, str]]:
        seen = set()
        for found in self._wrong(schema, value):
            error = found if found.validator in WORTH_NAMING or not found.context else best_match([found]) or found
            claim, key = _as_claim(error, step, found)
            if key not in seen:
                seen.add(key)
                yield claim, key

    def _wrong(self, schema: Schema, value: Any) -> list[jsonschema.ValidationError]:
        """What is wrong with a value; nothing where the schema refers to what this judge cannot find, which is no fault of the answer."""
        try:
            return list(self.validator(schema).iter_errors(value))
        except Unresolvable:
            return []

    def validator(self, schema: Schema) -> Draft202012Validator:
        """The second opinion on a schema."""
        found = self._validators.get(schema.uri)
        if found is None:
            referred = schema.value if "##" in schema.uri or not schema.uri else {"$ref": schema.uri}
            found = self._validators[schema.uri] = JUDGE(referred, registry=self._registry, format_checker=FORMATS)
        return found

    def _retrieve(self, uri: str) -> Resource[Any]:
        try:
            document = self._contract.documents.document(uri)
        except KeyError:
            raise NoSuchResource(uri) from None
        if uri not in self._resources:
            self._resources[uri] = self._resource(uri, document)
        return self._resources[uri]

    def _resource(self, uri: str, document: Any) -> Resource[Any]:
        older = self._contract.documents.dialect(uri) == "3.0"
        return DRAFT202012.create_resource(_seen(_newer(document) if older else document, self._hidden))


def schema_of(operation: Operation, answer: Answer) -> Schema | None:
    """What the document says of an answer's JSON body, if it does."""
    response = operation.response(answer.status)
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = response.content if response is not None else {}
    return next((one for declared, one in content.items() if "json" in declared and _covers(declared, media)), None)


def _covers(declared: str, media: str) -> bool:
    declared = declared.partition(";")[0].strip().lower()
    if declared in ("*/*", media):
        return True
    if declared.endswith("/*"):
        return media.startswith(declared[:-1])
    return "json" in declared and media.endswith("+json") and declared == "application/json"


def _as_claim(error: jsonschema.ValidationError, step: int, whole: jsonschema.ValidationError) -> tuple[Claim, str]:
    """A violation as a claim about its place, with the keyword alone for a schema where it can stand alone."""
    path = tuple(error.absolute_path)
    at = ".".join("*" if isinstance(part, int) else part for part in path)
    detail = ""
    if error.validator == "required" and isinstance(error.instance, dict):
        detail = next((name for name in list(error.validator_value) if name not in error.instance), "")  # type: ignore[arg-type]
        rest: Any = {"required": [detail]}
    else:
        rest = {str(error.validator): error.validator_value}
    words = f"{at or 'the body'}: {error.message}"[:300]
    key = f"{at} {error.validator} {detail}".strip()
    if error.validator not in WORTH_NAMING or error.validator == "additionalProperties":
        return Claim("valid", {"value": Ref(step), "schema": _alone(whole)}, words), key
    return Claim("valid", {"value": Ref(step, path), "schema": rest}, words), key


def _alone(error: jsonschema.ValidationError) -> Any:
    return error.schema if "$ref" not in str(error.schema) else False


# --- documents as JSON Schema 2020-12 ---------------------------------------------------------------------------------


def _newer(value: Any) -> Any:
    """An OpenAPI 3.0 document with its schemas as 2020-12 has them: null, exclusive bounds, nothing beside a reference."""
    if isinstance(value, list):
        return [_newer(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get("$ref"), str):
        return {"$ref": value["$ref"]}
    node = {name: _newer(one) for name, one in value.items()}
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        node["type"] = [node["type"], "null"]
        if isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"] = [*node["enum"], None]
    for word, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if node.get(word) is True and limit in node:
            node[word] = node.pop(limit)
        elif isinstance(node.get(word), bool):
            del node[word]
    return node


def _seen(value: Any, word: str) -> Any:
    """A document as one side sees it: what is writeOnly is not required of responses, readOnly not of requests (OpenAPI 3.0, Schema Object)."""
    if isinstance(value, list):
        return [_seen(one, word) for one in value]
    if not isinstance(value, Mapping):
        return value
    node = {name: _seen(one, word) for name, one in value.items()}
    properties, required = node.get("properties"), node.get("required")
    if isinstance(properties, dict) and isinstance(required, list):
        hidden = {name for name, one in properties.items() if isinstance(one, dict) and one.get(word) is True}
        node["required"] = [name for name in required if name not in hidden]
    return node


SPACE = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What `\\s` stands for (ECMA 262 section 22.2.2.9): the standard library's has more."""
_ECMA = {"s": SPACE, "d": "0-9", "w": "A-Za-z0-9_"}


@lru_cache(maxsize=1024)
def ecma(pattern: str) -> re.Pattern[str] | None:
    """A pattern as JSON Schema means it (ECMA 262), for the standard library; None for one that it cannot read."""
    inside, parts = False, []
    for part in re.findall(r"\\.|[^\\]", pattern, re.DOTALL):
        inside = (inside or part == "[") and part != "]"
        kind = _ECMA.get(part[1:].lower()) if part[:1] == "\\" else None
        if kind is not None and (part[1].islower() or not inside):
            parts.append(kind if inside else f"[{'' if part[1].islower() else '^'}{kind}]")
        else:
            parts.append(r"\Z" if part == "$" and not inside else part)
    try:
        return re.compile("".join(parts))
    except re.error:
        return None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    found = ecma(pattern)
    if validator.is_type(instance, "string") and found is not None and not found.search(instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


JUDGE: type[Draft202012Validator] = jsonschema.validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time")
def _is_date_time(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    return re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value) is not None and _is_iso(value[:19])


@FORMATS.checks("date")
def _is_date(value: Any) -> bool:
    return not isinstance(value, str) or (re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None and _is_iso(value))


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return text.endswith(":60")  # a leap second (RFC 3339 section 5.6)
    return True


@FORMATS.checks("uuid")
def _is_uuid(value: Any) -> bool:
    try:
        return not isinstance(value, str) or str(UUID(value)) == value.lower()
    except ValueError:
        return False


@FORMATS.checks("byte")
def _is_base64(value: Any) -> bool:
    try:
        return not isinstance(value, str) or base64.b64decode(value, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


# --- the answer as such -----------------------------------------------------------------------------------------------


def _answers(operation: Operation | None, step: int, answer: Answer) -> Iterator[Breach]:
    if answer.status == 0:
        yield Breach("an answer", "none", Claim("not_among", {"value": status(step), "options": [0]}, f"there was no answer: {answer.fault}"))


def _falls_over(operation: Operation | None, step: int, answer: Answer) -> Iterator[Breach]:
    if answer.status >= 500:
        says = f"the answer is {answer.status}" + (f": {answer.fault}" if answer.fault else "")
        yield Breach("no server error", str(answer.status), Claim("not_among", {"value": status(step), "options": ["5xx"]}, says))


def _is_declared(operation: Operation | None, step: int, answer: Answer) -> Iterator[Breach]:
    if operation is None or answer.status in OPEN_STATUSES or not 100 <= answer.status < 500 or operation.response(answer.status) is not None:
        return
    declared = ", ".join(operation.responses)
    says = f"the status is {answer.status}, of those declared: {declared}"
    yield Breach("declared status", str(answer.status), Claim("not_among", {"value": status(step), "options": [answer.status]}, says))


def _leaks(operation: Operation | None, step: int, answer: Answer) -> Iterator[Breach]:
    if answer.status >= 400 and (found := re.search(LEAK, answer.body.decode("utf-8", "replace"))):
        says = f"the refusal tells of the inside: {found[0][:80]!r}"
        yield Breach("no leak of internals", "leak", Claim("quiet", {"text": Ref(step, (), "text"), "pattern": LEAK}, says))


def _says_its_status(operation: Operation | None, step: int, answer: Answer) -> Iterator[Breach]:
    if answer.status < 400 or "problem+json" not in answer.headers.get("content-type", ""):
        return
    said = answer.value.get("status") if isinstance(answer.value, dict) else None
    if isinstance(said, int) and said != answer.status:
        says = f"the problem says status {said}, the answer has {answer.status} (RFC 9457 section 3.1.2)"
        yield Breach("a problem's status", "status", Claim("equal", {"left": Ref(step, ("status",)), "right": status(step)}, says))


UNIVERSAL: Mapping[str, str] = {
    "an answer": "every request is answered",
    "no server error": "RFC 9110 section 15.6: a 5xx is the server's own fault",
    "declared status": "OpenAPI, Responses Object: the document lists what may come",
    "declared media type": "OpenAPI, Media Type Object",
    "declared headers": "OpenAPI, Header Object: what is required is there",
    "declared shape": "OpenAPI, Schema Object: every body is valid by its schema",
    "no leak of internals": "OWASP API8: no stack trace, path or query reaches a client",
    "a problem's status": "RFC 9457 section 3.1.2",
}
"""The universal laws and where each comes from."""

Rule = Callable[[Operation | None, int, Answer], Iterator[Breach]]
