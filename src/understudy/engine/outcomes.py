"""What comes of a request before it is HTTP: a status, a body as bytes, and why it was answered so.

Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from understudy.behaviour.model import NOTHING
from understudy.exact import write


class Told(NamedTuple):
    """What came of something that was sent before an operation is answered: whether the receiver took it, and in words."""

    successful: bool
    message: str


class Asking(NamedTuple):
    """Something to be sent before an operation is answered; the operation is then played again with `Told` in its call.

    `what`: `test` sends an event of `type` to the endpoint that `record` describes, stored or not; `resend` sends the
    delivery `id` again; `head` sends what the endpoint `id` has failed to take.
    """

    what: str
    id: str = ""
    record: Mapping[str, Any] = NOTHING
    type: str = ""


class Call(NamedTuple):
    """What an operation is called with: accepted input, and the record its path names."""

    operation: str
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    headers: Mapping[str, Any]
    body: Any
    record: dict[str, Any] | None = None
    url: str = ""  # scheme, host and path as the client wrote them, for links
    raw_query: bytes = b""  # the query as the client wrote it, for links
    told: Told | None = None  # what came of what the operation asked for when it was first played


class Outcome(NamedTuple):
    """An answer: `body` is encoded, `reason` says in one line why it is this one."""

    status: int
    body: bytes
    media_type: str | None = "application/json"
    reason: str = ""
    headers: Mapping[str, str] = NOTHING


encode = write
"""JSON bytes of a value."""


def kept(value: Any) -> bytes:
    """JSON bytes to be kept."""
    return trimmed(write(value))


def trimmed(encoded: bytes) -> bytes:
    """The same bytes without the room orjson leaves behind what it returns: 4 KB and more, never shrunk (3.13.0;
    home-assistant/core pull request 181245)."""
    return b"".join((encoded, b""))
