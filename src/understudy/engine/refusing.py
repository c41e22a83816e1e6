"""How a problem looks from outside: status and body, from the errors table and what the operation declares.

Nothing here raises problems or knows why they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.behaviour.model import Errors
from understudy.contract.values import Operation
from understudy.engine.outcomes import Outcome, encode
from understudy.engine.plans import Script
from understudy.problems import KINDS, Problem

TITLES: Mapping[int, str] = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    409: "Conflict", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
    422: "Unprocessable Content", 429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 503: "Service Unavailable",
}
"""Reason phrases (RFC 9110 section 15, RFC 6585)."""


def refuse(script: Script, problem: Problem, operation: Operation | None) -> Outcome:
    """The answer a problem gets: in the shape of the errors table, else as problem details (RFC 9457)."""
    errors = script.behaviour.errors
    row = errors.rows.get(problem.kind, {})
    status = _status(problem, row, operation)
    headers = {"Allow": ", ".join(problem.extra["allow"])} if "allow" in problem.extra else {}
    if "challenge" in problem.extra:
        headers["WWW-Authenticate"] = problem.extra["challenge"]
    if "text" in row:
        return Outcome(status, str(row["text"]).encode(), "text/plain; charset=utf-8", _reason(problem), headers)
    if errors.fields:
        return Outcome(status, encode(_shaped(script, errors, row, problem, status)), errors.media_type, _reason(problem), headers)
    return Outcome(status, encode(_details(problem, status)), "application/problem+json", _reason(problem), headers)


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
