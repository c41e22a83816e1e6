"""How a problem looks from outside: status and body, from the errors table and what the operation declares.

Nothing here raises problems or knows why they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.behaviour.model import Errors
from understudy.contract.values import Operation, Response, Schema
from understudy.engine.conditions import demanded
from understudy.engine.outcomes import Outcome, encode
from understudy.engine.plans import Script
from understudy.problems import KINDS, Problem

DETAILS = "application/problem+json"

TITLES: Mapping[int, str] = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
    422: "Unprocessable Content", 428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}
"""Reason phrases (RFC 9110 section 15, RFC 6585)."""


def refuse(script: Script, problem: Problem, operation: Operation | None, status: int | None = None) -> Outcome:
    """The answer a problem gets: in the shape of the errors table, else as problem details (RFC 9457).

    `status`: this one, whatever the problem's own would be.
    """
    problem = demanded(problem, operation)
    errors = _errors(script, operation)
    row = errors.rows.get(problem.kind, {})
    status = _status(problem, row, operation) if status is None else status
    headers: dict[str, str] = dict(script.required_headers(operation.response(status) if operation is not None else None))
    if "allow" in problem.extra:
        headers["Allow"] = ", ".join(problem.extra["allow"])
    if "challenge" in problem.extra:
        headers["WWW-Authenticate"] = problem.extra["challenge"]
    if "text" in row:
        return Outcome(status, str(row["text"]).encode(), "text/plain; charset=utf-8", _reason(problem), headers)
    if errors.fields:
        return Outcome(status, encode(_shaped(script, errors, row, problem, status)), errors.media_type, _reason(problem), headers)
    declared = operation.response(status) if operation is not None else None
    media, schema = _json_of(declared)
    if media is not None and schema is None:
        return Outcome(status, encode(_details(problem, status)), media, _reason(problem), headers)
    if media is not None and schema is not None and media != DETAILS:
        return Outcome(status, encode(_synthesised(script, schema, problem, status)), media, _reason(problem), headers)
    if declared is not None and declared.content and DETAILS not in declared.content:
        text = next(iter(declared.content))
        return Outcome(status, problem.message.encode() if media is None else b"{}", media or text, _reason(problem), headers)
    return Outcome(status, encode(_details(problem, status)), DETAILS, _reason(problem), headers)


def _errors(script: Script, operation: Operation | None) -> Errors:
    """The errors table of the document an operation is served from."""
    if operation is None:
        return script.behaviour.errors
    return script.behaviour.errors_by_document.get(operation.document, script.behaviour.errors)


def _json_of(response: Response | None) -> tuple[str | None, Schema | None]:
    """The JSON media type a response declares, problem details first, and its schema."""
    content = response.content if response is not None else {}
    media = DETAILS if DETAILS in content else next((name for name in content if "json" in name), None)
    return media, content.get(media) if media else None


def _synthesised(script: Script, schema: Schema, problem: Problem, status: int) -> Any:
    """A valid body of the declared shape that says what was wrong in its message-like fields."""
    said = _said(problem, status)
    body = script.contract.example(schema, "response")
    told = _filled(script, schema, _tell(body, said), said)
    if not told and script.contract.validator(schema, "response").is_valid(details := _details(problem, status)):
        return details
    return told if script.contract.validator(schema, "response").is_valid(told) else _plain(script, schema, body, problem, status)


def _filled(script: Script, schema: Schema, body: Any, said: Mapping[str, Any], depth: int = 2) -> Any:
    """The body with what it may say of the problem in optional fields too, in objects within it as well."""
    shape = script.contract.shape(schema, "response")
    if not isinstance(body, dict) or not depth:
        return body
    for name, part in shape.properties.items():
        if name in body:
            inner = _filled(script, part, body[name], said, depth - 1)
            body = {**body, name: inner} if inner is not body[name] else body
        elif name.lower() in said and script.contract.validator(part, "response").is_valid(said[name.lower()]):
            body = {**body, name: said[name.lower()]}
        elif name.lower() in ("error", "problem"):
            inner = _filled(script, part, {}, said, depth - 1)
            body = {**body, name: inner} if inner and script.contract.validator(part, "response").is_valid(inner) else body
    return body


def _plain(script: Script, schema: Schema, body: Any, problem: Problem, status: int) -> Any:
    """As much of what was wrong as the shape allows, field by field; the bare example where it allows nothing."""
    if not isinstance(body, dict):
        return body
    valid = script.contract.validator(schema, "response").is_valid
    for name, value in _said(problem, status).items():
        if name in body and valid({**body, name: value}):
            body = {**body, name: value}
    return body


def _tell(value: Any, said: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: said[name.lower()] if name.lower() in said and _alike(part, said[name.lower()]) else _tell(part, said) for name, part in value.items()}
    if isinstance(value, list):
        return [_tell(part, said) for part in value]
    return value


def _alike(old: Any, new: Any) -> bool:
    return type(old) is type(new)


def _said(problem: Problem, status: int) -> dict[str, Any]:
    """What a refusal has to say, by the names such fields go by."""
    words = ("message", "detail", "details", "description", "error_description", "errormessage", "error_message", "reason", "msg", "error")
    field = dict.fromkeys(("field", "pointer", "param", "path", "property"), problem.field) if problem.field else {}
    return {**dict.fromkeys(words, problem.message), **field, "status": status, "statuscode": status, "status_code": status, "title": TITLES.get(status, "")}


def _status(problem: Problem, row: Mapping[str, Any], operation: Operation | None) -> int:
    asked = row.get("status")
    preferred = KINDS[problem.kind] if asked is None else (asked,) if isinstance(asked, int) else tuple(asked)
    if operation is not None:
        for status in preferred:
            if str(status) in operation.responses:
                return int(status)
    return int(preferred[0])


def _reason(problem: Problem) -> str:
    where = f" ({problem.location or 'body'} {problem.field})" if problem.field else ""
    return f"{problem.kind}: {problem.message}{where}"


def _shaped(script: Script, errors: Errors, row: Mapping[str, Any], problem: Problem, status: int) -> dict[str, Any]:
    resource = script.behaviour.resources.get(problem.resource or "")
    known = {
        "kind": problem.kind,
        "message": problem.message,
        "field": problem.field,
        "id": problem.id,
        "object_type": (resource.object_type if resource else None),
        "status": status,
        "title": TITLES.get(status, ""),
    }
    body = {name: value for name, value in row.items() if name not in ("status", "text")}
    body |= {name: known[slot] for name, slot in errors.fields.items() if known[slot] is not None}
    return {errors.wrap: body} if errors.wrap else body


def _details(problem: Problem, status: int) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "about:blank", "title": TITLES.get(status, ""), "status": status, "detail": problem.message}
    if problem.field:
        body["errors"] = [{"detail": problem.message, "pointer": "#/" + problem.field.replace(".", "/"), "in": problem.location or "body"}]
    return body
