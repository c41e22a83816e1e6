"""The Desk's page as one document: markup, style, script and what it shows first, so that one request brings it all.

1. The policy names the digest of that style and that script and nothing else: no text of a record can become either.
2. What it shows first stands in it as data, in which no `<` is left: nothing of it can end the element it is in.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

from starlette.responses import Response

from understudy.exact import write
from understudy.server.asked import CAREFUL

PARTS = ("basics", "wire", "values", "diagram", "forms", "records", "papers", "clock", "traffic", "faults", "worlds", "desk")
"""The script's files: parts of one module, one after the other."""


class Page(NamedTuple):
    """The document up to what is shown first, and from there on; the policy it is sent with."""

    head: bytes
    tail: bytes
    policy: str


def document(first: Any) -> Response:
    """The page, which begins with `first`, a JSON value."""
    page = _page()
    data = write(first).replace(b"&", b"\\u0026").replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    headers = {**CAREFUL, "content-security-policy": page.policy, "x-frame-options": "DENY", "cross-origin-opener-policy": "same-origin"}
    return Response(page.head + data + page.tail, 200, headers, media_type="text/html; charset=utf-8")


@cache
def _page() -> Page:
    style, script = _file("style.css"), b"".join(_file(f"script/{name}.js") for name in PARTS)
    whole = _file("page.html").replace(b"/*style*/", style).replace(b"/*script*/", script)
    head, _, tail = whole.partition(b"/*first*/")
    return Page(head, tail, "; ".join(_policy(style, script)))


def _policy(style: bytes, script: bytes) -> tuple[str, ...]:
    """Content Security Policy Level 3; Trusted Types besides: markup cannot be made of text at all."""
    return (
        "default-src 'none'", f"script-src {_digest(script)}", f"style-src {_digest(style)}", "connect-src 'self'", "img-src data:",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
    )  # fmt: skip


def _digest(text: bytes) -> str:
    return f"'sha256-{b64encode(sha256(text).digest()).decode()}'"


def _file(name: str) -> bytes:
    return files("understudy.server.desk").joinpath(name).read_bytes()
