"""A call in the same process at little more than the cost of its answer: no sockets, no event loop, no client library.

1. The usual call (a path, a JSON body, the sandbox's own key) goes straight to the stage; whatever else is asked goes the
   whole way of a request, limits and control plane included. Both answer alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from understudy.exact import read, write
from understudy.server.carrying import ENDS
from understudy.world.stage import Headers, Reply

USUAL = re.compile(r'(/(?!_understudy|_world/)[!-"$->@-~]{0,4000})(?:\?([!-"$-~]{0,4000}))?')
"""A target that needs no quoting and no choice: path, query."""

UNSENT: Any = object()
"""Stands for a body that is not sent; None is JSON's null."""


class Refused(AssertionError):
    """An answer that is no success where one was needed; the message has its reason."""


class Answer:
    """What was answered: `status_code`, `headers` by lower-case name, `content` (bytes), `text`, `json()`; and the `reason` it was answered so.

    `seconds`: how late it came where a fault delays it; nobody waited for that.
    """

    __slots__ = ("_headers", "content", "reason", "seconds", "status_code")

    def __init__(self, status: int, headers: Headers, content: bytes, reason: str, seconds: float = 0.0) -> None:
        self.status_code = status
        self._headers = headers
        self.content = content
        self.reason = reason
        self.seconds = seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; of a header sent twice the last."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status_code < 300

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()

    def json(self) -> Any:
        """The content as a JSON value. Raises ValueError where it is none."""
        return read(self.content)

    def good(self) -> Answer:
        """Itself, where it is a success. Raises Refused with the reason where it is not."""
        if not self.is_success:
            raise Refused(f"{self.status_code} {_phrase(self.status_code)}: {self.reason}\n{self.text[:1000]}")
        return self

    def __repr__(self) -> str:
        return f"<Answer {self.status_code} {_phrase(self.status_code)}: {self.reason}>"


def answer_of(reply: Reply, reason: str) -> Answer:
    """A reply as an answer. Raises ConnectionError where a fault cuts it off."""
    carried = reply.carried
    if carried is None:
        return Answer(reply.status, reply.headers, reply.body, reason)
    if carried.cut is not None:
        raise ENDS[carried.cut](f"{reason} ({carried.cut})")
    return Answer(reply.status, reply.headers, reply.body, reason, carried.seconds(len(reply.body)))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


# --- what is sent ------------------------------------------------------------------------------------------------


def target_of(path: str, params: Mapping[str, Any] | None) -> bytes:
    """The target as it goes over the wire: what is percent-encoded stays so, the rest is where it must be. Raises ValueError."""
    if not path.startswith("/"):
        raise ValueError(f'"{path[:200]}" is no path; it begins with a slash, such as /customers')
    head, _, query = path.partition("?")
    more = urlencode({name: _plain(value) for name, value in params.items() if value is not None}, doseq=True) if params else ""
    joined = "&".join(part for part in (quote(query, safe="=&;:@!$'()*+,/?%-._~[]"), more) if part)
    return (quote(head, safe="/%:@!$&'()*+,;=~-._") + (f"?{joined}" if joined else "")).encode()


def _plain(value: Any) -> Any:
    """As JSON has it, where Python writes it otherwise."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def body_of(value: Any) -> bytes:
    """A JSON body. Raises TypeError for what is no JSON value."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return write(value)  # an integer beyond 64 bits; of what is no JSON value it says so


def headers_of(usual: Mapping[bytes, bytes], own: Mapping[str, str | None] | None, typed: bool) -> Headers:
    """The headers of a call: the usual ones, those given in their place; one given as None is left out."""
    sent: dict[bytes, bytes] = {**usual, **({b"content-type": b"application/json"} if typed else {})}
    for name, value in (own or {}).items():
        key = name.lower().encode("latin-1")
        if value is None:
            sent.pop(key, None)
        else:
            sent[key] = value.encode("latin-1")
    return list(sent.items())
