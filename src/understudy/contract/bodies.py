"""Bodies out of their media types: JSON, forms, multipart, text, bytes.

1. A reader turns bytes into a JSON value or raises a Problem; schemas are not looked at here.
2. The table READERS says which media types can be read; the rest are taken as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from understudy.contract.parameters import Pair, pairs
from understudy.exact import read
from understudy.problems import Problem

MAX_NESTING = 200  # deeper bodies are refused; the decoder itself stops at 1024
Reader = Callable[[bytes, str], Any]  # body, the whole Content-Type value
PARAMETER = re.compile(r';\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^;\s]*)')


def malformed(message: str) -> Problem:
    """The problem of a body that is not what its media type says."""
    return Problem("malformed_request", message, location="body")


# JSON ----------------------------------------------------------------------------------------------------------------


def read_json(body: bytes, content_type: str = "") -> Any:
    """A JSON value (RFC 8259). Numbers beyond a double, lone surrogates and deep nesting are refused."""
    try:
        value = read(body)
    except orjson.JSONDecodeError as error:
        raise malformed(explained(error, body)) from None
    if len(body) > MAX_NESTING and body.count(b"[") + body.count(b"{") > MAX_NESTING and depth(value) > MAX_NESTING:
        raise malformed(f"body is nested too deeply (maximum allowed: {MAX_NESTING} levels)")
    return value


def explained(error: orjson.JSONDecodeError, body: bytes) -> str:
    """What the decoder says, with line and column."""
    if not body.strip():
        return "body is not valid JSON: it is empty"
    reason = str(error.msg)
    if "recursion" in reason.lower() or "depth" in reason.lower():
        return f"body is nested too deeply (maximum allowed: {MAX_NESTING} levels)"
    return f"body is not valid JSON: {reason} (line {error.lineno}, column {error.colno})"


def depth(value: Any) -> int:
    """The levels of nesting of a JSON value, found level by level."""
    level, found = [value], 0
    while level:
        found += 1
        level = [one for node in level for one in children(node) if isinstance(one, (dict, list))]
        if found > MAX_NESTING:
            break
    return found


def children(node: Any) -> Any:
    """The values directly inside a value."""
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


# text and bytes ------------------------------------------------------------------------------------------------------


def read_text(body: bytes, content_type: str) -> str:
    """Text in the charset the Content-Type names, UTF-8 without one."""
    charset = parameters(content_type).get("charset", "utf-8")
    try:
        return body.decode(charset)
    except (UnicodeDecodeError, LookupError):
        raise malformed(f"body is not text in {charset}") from None


def read_bytes(body: bytes, content_type: str) -> str:
    """Bytes as a JSON value: the text they are, else one character for each byte."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


# forms ---------------------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One part of a multipart body."""

    name: str
    filename: str | None
    content_type: str
    value: bytes


def read_form(body: bytes, content_type: str) -> list[Pair]:
    """The pairs of an application/x-www-form-urlencoded body."""
    return pairs(body, "body")


def read_multipart(body: bytes, content_type: str) -> list[Part]:
    """The named parts of a multipart body (RFC 2046 section 5.1, RFC 7578)."""
    boundary = parameters(content_type).get("boundary")
    if not boundary:
        raise malformed("the Content-Type of a multipart body names its boundary")
    mark = b"--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise malformed(f'body does not hold the boundary "{boundary}" at its end')
    return [part for piece in pieces[1:-1] if (part := read_part(piece)) is not None]


def read_part(piece: bytes) -> Part | None:
    """One part, or None where nothing stands between two boundaries, as clients write a form without fields."""
    if not piece:
        return None
    head, blank, value = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise malformed("a part of the body has no blank line after its headers")
    headers = {}
    for line in head.split(b"\r\n"):
        name, _, text = line.partition(b":")
        headers[name.strip().lower()] = read_bytes(text.strip(), "")
    disposition = parameters(headers.get(b"content-disposition", ""))
    if "name" not in disposition:
        raise malformed("a part of the body has no name in its Content-Disposition")
    kind = headers.get(b"content-type", "text/plain").partition(";")[0].strip().lower()
    return Part(disposition["name"], disposition.get("filename"), kind, value)


def parameters(header: str) -> Mapping[str, str]:
    """The parameters of a header value such as Content-Type (RFC 9110 section 5.6.6)."""
    found = {}
    for name, value in PARAMETER.findall(header):
        found[name.lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
    return found


# which reader --------------------------------------------------------------------------------------------------------

READERS: Mapping[str, tuple[str, Reader]] = {
    "application/json": ("json", read_json),
    "application/x-www-form-urlencoded": ("form", read_form),
    "multipart/form-data": ("multipart", read_multipart),
    "multipart/mixed": ("multipart", read_multipart),
}
"""Media type -> how its value is made into fields, and the function that reads it."""


def reader(media_type: str) -> tuple[str, Reader]:
    """The reader of a media type; +json is JSON, text is text, anything else bytes."""
    if media_type in READERS:
        return READERS[media_type]
    if media_type.endswith("+json") or media_type == "text/json":
        return READERS["application/json"]
    if is_markup(media_type):
        return ("xml", read_bytes)  # by its schema, where it has one: markup.py
    return ("text", read_text) if media_type.startswith("text/") else ("bytes", read_bytes)


def is_markup(media_type: str) -> bool:
    """Whether a media type is XML (RFC 7303)."""
    return media_type in ("application/xml", "text/xml") or media_type.endswith("+xml")


def declared_for(media_type: str, content: Mapping[str, Any]) -> str | None:
    """The declared media type or range that covers one, most specific first (OpenAPI 3.1, Request Body Object)."""
    for key in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        if key in content:
            return key
    return "*" if "*" in content else None
