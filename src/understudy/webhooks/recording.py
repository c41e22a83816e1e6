"""A recorded delivery as one line of JSON, and lines back: what `listen` writes and `replay` reads.

1. A line stands for itself: whoever has it can verify it, and send it again.
2. What could open a door is not kept: credentials in headers are left out, secrets never come here.
3. A line that is torn or strange is a fault with its number; the rest is read.
"""

from __future__ import annotations

import base64
from binascii import Error as NotEncoded
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from understudy.webhooks.signing import Profile, Unverified, verify

LEFT_OUT = "[left out]"
"""Stands for a header's value that is not kept."""

CREDENTIALS = ("authorization", "cookie", "api-key", "api_key", "apikey", "token", "secret", "password")
"""The values of headers with such a word in their name are not kept: they let anyone in who reads the file."""

DELIVERY = "understudy-delivery"
"""The header that holds a delivery's id where the signing scheme has none for it."""

VERDICTS = ("verified", "refused", "unsigned")
_BREAKING = frozenset(map(chr, [*range(9), *range(10, 32), 127]))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A delivery as it was received, what was thought of it, and how it was answered."""

    received_at: datetime  # aware
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    verdict: str = "unsigned"  # verified; refused, see reason; unsigned: there was nothing to verify
    reason: str | None = None
    profile: str = "none"  # the signing scheme it was judged by
    status: int | None = None  # how it was answered; None: not, see error
    error: str | None = None
    id: str | None = None  # stays the same over retries
    type: str | None = None  # of the event in the body

    @property
    def passed(self) -> bool | None:
        """Whether its receiver took it; None where that is not known."""
        return 200 <= self.status < 300 if self.status is not None else False if self.error else None

    def json(self) -> Any:
        """The body as a JSON value. Raises ValueError where it is none."""
        return orjson.loads(self.body)


class Torn(ValueError):
    """A line that holds no recorded delivery; the message says why."""


def judge(
    profile: Profile, secrets: tuple[str, ...], recorded: Recorded, now: datetime, tolerance: Any = None
) -> tuple[str, str | None, str | None]:
    """What is to be thought of a delivery: verdict, and of a refusal the reason in a word and in a sentence."""
    if not profile.header:
        return "unsigned", None, None
    try:
        verify(profile, secrets, recorded.headers, recorded.body, now, tolerance)
    except Unverified as fault:
        return "refused", fault.reason, str(fault)
    return "verified", None, None


def type_of(body: bytes) -> str | None:
    """The event's type: the text `type` at the top of a JSON body, or `event` there."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = [value[name] for name in ("type", "event") if isinstance(value.get(name), str)] if isinstance(value, dict) else []
    return str(found[0]) if found else None


def id_of(profile: Profile, headers: Mapping[str, str], body: bytes) -> str | None:
    """What stays the same over retries: the scheme's id header, else another such header, else the text `id` in a JSON body."""
    for name in (profile.id_header.lower(), "webhook-id", DELIVERY, "x-delivery-id", "x-github-delivery", "idempotency-key"):
        if name and headers.get(name):
            return headers[name]
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


# --- lines -------------------------------------------------------------------------------------------------------


def line_of(one: Recorded) -> bytes:
    """The line, with its end."""
    kept = {name: LEFT_OUT if _opens_doors(name) else value for name, value in one.headers.items()}
    told = {
        "received_at": one.received_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "method": one.method,
        "path": one.path,
        "headers": kept,
        **_written(one.body),
        "verdict": one.verdict,
        "reason": one.reason,
        "profile": one.profile,
        "status": one.status,
        "error": one.error,
        "id": one.id,
        "type": one.type,
    }
    return orjson.dumps({name: value for name, value in told.items() if value is not None}) + b"\n"


def _opens_doors(name: str) -> bool:
    return any(word in name.lower() for word in CREDENTIALS)


def _written(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def read_line(line: bytes) -> Recorded:
    """A line's delivery. Raises Torn."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Torn("not JSON; it was torn, or is no recorded delivery") from None
    if not isinstance(row, dict):
        raise Torn("no JSON object")
    for name, (holds, right) in _RULES.items():
        if name in row and not holds(row[name]):
            raise Torn(f"{name} {right}")
    missing = [name for name in ("received_at", "headers") if name not in row]
    if missing:
        raise Torn(f"{missing[0]} is missing; a recorded delivery has received_at, headers and body")
    optional = {name: row[name] for name in ("verdict", "reason", "profile", "status", "error", "id", "type") if name in row}
    return Recorded(
        datetime.fromisoformat(row["received_at"]), row.get("method", "POST"), row.get("path", "/"), row["headers"], _body(row), **optional
    )


def read_lines(lines: Iterable[bytes]) -> tuple[list[Recorded], list[tuple[int, str]]]:
    """Every delivery of a file, and every line that holds none as (number from 1, why); empty lines are passed over."""
    found: list[Recorded] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(read_line(line))
        except Torn as fault:
            faults.append((number, str(fault)))
    return found, faults


def _body(row: Mapping[str, Any]) -> bytes:
    if "body_base64" in row:
        try:
            return base64.b64decode(row["body_base64"], validate=True)
        except (NotEncoded, ValueError):
            raise Torn("body_base64 is not base64") from None
    if "body" not in row:
        raise Torn("body is missing; a recorded delivery has received_at, headers and body")
    return str(row["body"]).encode()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_instant(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def sendable(name: Any, value: Any) -> bool:
    """Whether a header can go over the wire as it stands (RFC 9110 section 5.5)."""
    if not isinstance(name, str) or not isinstance(value, str) or not name or not name.isascii():
        return False
    token = all(letter.isalnum() or letter in "!#$%&'*+-.^_`|~" for letter in name)
    return token and not _BREAKING & set(value) and all(ord(letter) < 256 for letter in value)


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(sendable(*item) for item in value.items())


def _is_method(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalpha()


_TEXT: tuple[Callable[[Any], bool], str] = (_is_text, "must be text")
_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "received_at": (_is_instant, "must be an instant, such as 2025-05-06T10:30:00.000Z"),
    "method": (_is_method, "must be a method, such as POST"),
    "path": _TEXT,
    "headers": (_are_headers, "must be an object of header names and values that can be sent"),
    "body": _TEXT,
    "body_base64": _TEXT,
    "verdict": (lambda value: value in VERDICTS, f"must be one of {', '.join(VERDICTS)}"),
    "reason": _TEXT,
    "profile": _TEXT,
    "status": (lambda value: isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 999, "must be a status, such as 200"),
    "error": _TEXT,
    "id": _TEXT,
    "type": _TEXT,
}
