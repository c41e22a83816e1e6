"""One request with its answer, as it went by: the value everything here looks at.

Pure. Bodies are octets as they were meant, any content coding undone; None is what was too long to keep, or unreadable.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.check.steps import ABSENT, Answer

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """`target` is path and query as sent; header names are in lower case; `began` is seconds since 1970, `seconds` how long it took.

    `started` and `ended` are places in the order in which requests came and answers were complete. `status` 0: there was
    no answer, and `fault` says why.
    """

    number: int
    method: str
    target: str
    sent: Pairs
    body: bytes | None
    status: int
    got: Pairs
    answer: bytes | None
    began: float = 0.0
    seconds: float = 0.0
    started: int = 0
    ended: int = 0
    fault: str | None = None

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, still encoded."""
        return self.target.partition("?")[2]

    @property
    def ok(self) -> bool:
        """Whether the answer is a 2xx."""
        return 200 <= self.status < 300

    @property
    def asked(self) -> Any:
        """The request's body as a JSON value; ABSENT where it is none."""
        return value_of(self.body)

    @property
    def value(self) -> Any:
        """The answer's body as a JSON value; ABSENT where it is none."""
        return value_of(self.answer)

    def header(self, name: str) -> str | None:
        """A header of the request."""
        return next((value for key, value in self.sent if key == name), None)

    def reply(self) -> Answer:
        """The answer as checks read it, its body parsed once for all of them."""
        return Parsed(self.status, dict(self.got), self.answer or b"", self.fault, self.seconds, self.value)


@dataclass(frozen=True, slots=True)
class Parsed(Answer):
    """An answer whose body was parsed already."""

    parsed: Any = ABSENT

    @property
    def value(self) -> Any:
        """The body as a JSON value; ABSENT where it is none."""
        return self.parsed


def value_of(data: bytes | None) -> Any:
    """Octets as a JSON value; ABSENT where they are none."""
    try:
        return json.loads(data) if data else ABSENT
    except (ValueError, RecursionError):
        return ABSENT


def media_of(headers: Sequence[tuple[str, str]] | Mapping[str, str]) -> str:
    """The media type of a message, without parameters, in lower case."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return next((value for name, value in pairs if name == "content-type"), "").partition(";")[0].strip().lower()


def decoded(data: bytes | None, codings: str, most: int) -> bytes | None:
    """A body without its content coding (RFC 9110 section 8.4); None where it cannot be undone, or is longer than `most` octets."""
    for coding in reversed([one.strip().lower() for one in codings.split(",") if one.strip()]):
        if data is None:
            return None
        if coding != "identity":
            data = _inflated(data, coding, most)
    return data


def _inflated(data: bytes, coding: str, most: int) -> bytes | None:
    wanted = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}.get(coding, ())  # deflate: zlib's, or bare as some send it
    for bits in wanted:
        machine = zlib.decompressobj(bits)
        try:
            found = machine.decompress(data, most + 1)
        except zlib.error:
            continue
        return found if len(found) <= most and machine.eof else None
    return None
