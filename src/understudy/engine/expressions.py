"""Runtime expressions: where a callback goes, from the request and its answer (OpenAPI 3.1.1 section 4.8.20.4).

Nothing here sends; an expression that finds nothing is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from understudy.exact import read, write

_EMBEDDED = re.compile(r"\{(\$[^{}]*)\}")
_SOURCE = re.compile(r"\$(request|response)\.(header|query|path|body)(?:\.(.+)|#(/.*)?)?", re.DOTALL)
_PART = re.compile(r"0|[1-9]\d*")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer: header names in lower case, bodies as JSON values."""

    url: str
    method: str
    path: Mapping[str, Any]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: Any
    status: int
    response_headers: Mapping[str, str]
    response_body: Any


def evaluate(expression: str, exchange: Exchange) -> str | None:
    """The text a callback's key stands for: an expression, or text with expressions in braces. None where one finds nothing."""
    if expression.startswith("$"):
        return _text(_value(expression, exchange))
    found = {one: _text(_value(one, exchange)) for one in _EMBEDDED.findall(expression)}
    if None in found.values():
        return None
    return _EMBEDDED.sub(lambda match: found[match[1]] or "", expression)


def _value(expression: str, exchange: Exchange) -> Any:
    whole = _WHOLE.get(expression)
    if whole is not None:
        return whole(exchange)
    match = _SOURCE.fullmatch(expression)
    if match is None:
        return None
    where, kind, name, pointer = match.groups()
    if kind == "body":
        body = exchange.body if where == "request" else exchange.response_body
        return body if pointer is None else _pointed(body, pointer)
    if name is None:
        return None
    if kind == "header":
        return _header(exchange, where, name.lower())
    return None if where == "response" else _QUERY_OR_PATH[kind](exchange, name)


def _header(exchange: Exchange, where: str, name: str) -> str | None:
    if where == "response":
        return next((value for known, value in exchange.response_headers.items() if known.lower() == name), None)
    value = exchange.headers.get(name.encode("latin-1", "replace"))
    return None if value is None else value.decode("latin-1")


def _pointed(value: Any, pointer: str) -> Any:
    """What a JSON Pointer leads to (RFC 6901), None where there is nothing."""
    for step in (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]):
        if isinstance(value, list):
            value = value[int(step)] if _PART.fullmatch(step) and len(step) < 10 and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else write(value).decode()


_WHOLE: Mapping[str, Callable[[Exchange], Any]] = {
    "$url": lambda exchange: exchange.url,
    "$method": lambda exchange: exchange.method,
    "$statusCode": lambda exchange: exchange.status,
}
_QUERY_OR_PATH: Mapping[str, Callable[[Exchange, str], Any]] = {
    "query": lambda exchange, name: dict(reversed(parse_qsl(exchange.query.decode("utf-8", "replace"), keep_blank_values=True))).get(name),
    "path": lambda exchange, name: exchange.path.get(name),
}


def body_of(encoded: bytes) -> Any:
    """A body as a JSON value, None where it is none."""
    try:
        return read(encoded) if encoded else None
    except ValueError:
        return None
