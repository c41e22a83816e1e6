"""A fault: which requests or deliveries it may strike, how often, and what becomes of those it strikes.

1. A row is flat JSON, read strictly: what is unknown, of a wrong type or contradicts itself is a ValueError in words.
2. Whether there is such an operation is `aiming`'s to say; chance is `drawing`'s. Nothing here counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from understudy.exact import read as read_json
from understudy.exact import write as write_json
from understudy.webhooks.recording import sendable

LONGEST = 300.0
"""Seconds an answer can be delayed at most."""
LATEST = 366 * 86_400
"""Seconds of the world's clock a webhook can come late at most."""
MOST = 1_000_000_000
"""Of requests, times, octets a second: as far as anything here counts."""
DEEPEST = 1_000
"""Writes that a stale read can lie back at most."""

ANSWERS = ("reset", "empty", "truncated", "malformed")
"""The connection is reset in place of an answer, or closed without an octet; half the answer comes; what comes is no JSON."""
WEBHOOKS = ("lost", "twice", "late")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
Pairs = tuple[tuple[str, str], ...]


class Delay(NamedTuple):
    """How long: `shape` says what the two numbers of seconds mean."""

    shape: str  # fixed, uniform, normal, lognormal
    first: float  # the delay itself, the least, the mean, the median
    second: float = 0.0  # nothing, the most, the standard deviation, the 99th percentile


@dataclass(frozen=True, slots=True)
class Fault:
    """See the module. Empty `operation`: every one; `event` is set where it strikes deliveries instead."""

    id: str
    operation: tuple[str, ...] = ()
    match_headers: Pairs = ()
    event: str | None = None
    after: int = 0  # the first so many are let pass
    times: int | None = None  # it strikes at most so often
    rate: float = 1.0  # of the rest, with this probability
    delay: Delay | None = None
    status: int | None = None
    body: bytes | None = None  # JSON
    headers: Pairs = ()
    retry_after: int | None = None  # seconds
    answer: str | None = None
    bytes_per_second: int | None = None
    stale: int = 0  # writes
    carried_out: bool | None = None
    webhook: str | None = None

    @property
    def done(self) -> bool:
        """Whether the request is carried out, whatever the client is told."""
        if self.carried_out is not None:
            return self.carried_out
        return self.status is None and self.answer not in ("reset", "empty")

    @property
    def decides(self) -> bool:
        """Whether it changes what is answered, not only how fast it comes."""
        return self.status is not None or self.answer is not None or bool(self.stale)


# --- as JSON ----------------------------------------------------------------------------------------------------------


def write(fault: Fault) -> dict[str, Any]:
    """As JSON, without what is as by default."""
    row = {name: _WRITTEN.get(name, _same)(getattr(fault, name)) for name in _READERS if getattr(fault, name) != _DEFAULTS[name]}
    return {"id": fault.id, **row}


def read(row: Mapping[str, Any]) -> Fault:
    """And back. Raises ValueError that names the field, what is wrong with it and what would be right."""
    if not isinstance(row, Mapping):
        raise ValueError('a fault is an object such as {"operation": "POST /orders", "status": 503, "times": 2}')
    strange = [str(name) for name in row if name not in _READERS and name != "id"]
    if strange:
        raise ValueError(f"unknown: {', '.join(sorted(strange))[:200]}; a fault has {', '.join(_READERS)}")
    id = row.get("id")
    if not isinstance(id, str) or not NAME.fullmatch(id):
        raise ValueError("id: must be up to 60 letters, digits, dots, dashes and underscores")
    found = {name: _field(name, value) for name, value in row.items() if name != "id" and value is not None}
    fault = Fault(id, **found)
    for wrong, message in _CONTRADICTIONS:
        if wrong(fault):
            raise ValueError(message)
    return fault


def _field(name: str, value: Any) -> Any:
    try:
        return _READERS[name](value)
    except ValueError as fault:
        raise ValueError(f"{name}: must be {fault}") from None


def _same(value: Any) -> Any:
    return value


# --- the fields -------------------------------------------------------------------------------------------------------


def _number(value: Any, least: float, most: float, said: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(said)
    return float(value)


def _whole(least: int, most: int, said: str) -> Callable[[Any], int]:
    def whole(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(said)
        return value

    return whole


def _one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    def one(value: Any) -> str:
        if value not in names or not isinstance(value, str):
            raise ValueError(f"one of {', '.join(names)}")
        return value

    return one


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 500:
        raise ValueError("text of up to 500 letters")
    return value


def _operations(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list | tuple) else [value]
    if not 0 < len(listed) <= 20 or not all(isinstance(one, str) and 0 < len(one) <= 500 for one in listed):
        raise ValueError('an operationId, "POST /orders" in which * stands for anything, or a list of up to 20 of these')
    return () if "*" in listed else tuple(listed)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _pairs(framing: bool) -> Callable[[Any], Pairs]:
    """Headers by name; those that say where a message ends only where they are matched (`framing`)."""

    def pairs(value: Any) -> Pairs:
        if not isinstance(value, Mapping) or len(value) > 50:
            raise ValueError("an object of up to 50 headers")
        for name, text in value.items():
            if not sendable(name, text) or len(text) > 8_000:
                raise ValueError(f'an object of headers and their texts; "{str(name)[:80]}" cannot be one')
            if not framing and name.lower() in ("content-length", "transfer-encoding", "connection"):
                raise ValueError(f"headers of the answer; {name} is the connection's")
        return tuple((str(name).lower(), str(text)) for name, text in value.items())

    return pairs


_SHAPES: Mapping[frozenset[str], tuple[str, str, str]] = {
    frozenset({"min", "max"}): ("uniform", "min", "max"),
    frozenset({"mean", "deviation"}): ("normal", "mean", "deviation"),
    frozenset({"p50", "p99"}): ("lognormal", "p50", "p99"),
}
_DELAY = f"""a number of seconds from 0 to {LATEST} (of an answer up to {LONGEST:.0f}), or {{"min", "max"}}, {{"mean", "deviation"}} or {{"p50", "p99"}}"""


def _delay(value: Any) -> Delay:
    if not isinstance(value, Mapping):
        return Delay("fixed", _number(value, 0, LATEST, _DELAY))
    if frozenset(value) not in _SHAPES:
        raise ValueError(_DELAY)
    shape, one, two = _SHAPES[frozenset(value)]
    first, second = (_number(value[name], 0, LONGEST, _DELAY) for name in (one, two))
    if shape != "normal" and (second < first or (shape == "lognormal" and first <= 0)):
        raise ValueError(f"of {two} at least {one}" + (", which is above 0" if shape == "lognormal" else ""))
    return Delay(shape, first, second)


def _delay_written(delay: Delay) -> Any:
    names = next(((one, two) for shape, one, two in _SHAPES.values() if shape == delay.shape), None)
    return delay.first if names is None else dict(zip(names, delay[1:], strict=True))


def _body(value: Any) -> bytes:
    try:
        encoded = write_json(value)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("a JSON value, or text") from None
    if len(encoded) > 1_000_000:
        raise ValueError("a JSON value of up to 1,000,000 octets")
    return encoded


_COUNT = f"a whole number from 1 to {MOST}"
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "operation": _operations,
    "match_headers": _pairs(framing=True),
    "event": _text,
    "after": _whole(0, MOST, f"a whole number from 0 to {MOST}"),
    "times": _whole(1, MOST, _COUNT),
    "rate": lambda value: _number(value, 0, 1, "a probability from 0 to 1"),
    "delay": _delay,
    "status": _whole(200, 599, "an HTTP status from 200 to 599"),
    "body": _body,
    "headers": _pairs(framing=False),
    "retry_after": _whole(0, 10**8, "a whole number of seconds from 0"),
    "answer": _one_of(ANSWERS),
    "bytes_per_second": _whole(1, MOST, _COUNT),
    "stale": _whole(1, DEEPEST, f"a number of writes from 1 to {DEEPEST}"),
    "carried_out": _truth,
    "webhook": _one_of(WEBHOOKS),
}
_WRITTEN: Mapping[str, Callable[[Any], Any]] = {
    "operation": lambda operations: operations[0] if len(operations) == 1 else list(operations),
    "match_headers": dict, "headers": dict, "delay": _delay_written, "body": read_json,
}  # fmt: skip
_NONE = Fault("")
_DEFAULTS = {name: getattr(_NONE, name) for name in _READERS}


# --- what does not go together ----------------------------------------------------------------------------------------


def _answers(fault: Fault) -> bool:
    return fault.decides or fault.delay is not None or fault.bytes_per_second is not None


_CONTRADICTIONS: tuple[tuple[Callable[[Fault], bool], str], ...] = (
    (lambda one: one.webhook is None and one.event is None and not _answers(one),
     "a fault does something: say delay, status, answer, bytes_per_second, stale or webhook"),
    (lambda one: one.webhook is None and one.event is not None, f"webhook: say what becomes of these events' deliveries: {', '.join(WEBHOOKS)}"),
    (lambda one: one.webhook is not None and bool(one.operation or one.match_headers), "webhook: goes with event; operation and match_headers are of requests"),
    (lambda one: one.webhook is not None and (one.decides or one.bytes_per_second is not None or one.carried_out is not None),
     "webhook: goes with event, after, times, rate and, where it is late, delay; all else is of requests"),
    (lambda one: one.webhook == "late" and (one.delay is None or one.delay.shape != "fixed" or one.delay.first < 1),
     "delay: must be a number of seconds of the world's clock, from 1, for a webhook that comes late"),
    (lambda one: one.webhook in ("lost", "twice") and one.delay is not None, "delay: goes with webhook only where it comes late"),
    (lambda one: one.webhook is None and one.delay is not None and one.delay.first > LONGEST, f"delay: must be up to {LONGEST:.0f} seconds for an answer"),
    (lambda one: one.status is not None and one.answer in ("reset", "empty"), "answer: nothing of a status is seen where the connection is reset or nothing comes"),
    (lambda one: one.answer in ("reset", "empty") and one.bytes_per_second is not None, "bytes_per_second: nothing comes that could be slow"),
    (lambda one: bool(one.stale) and (one.status is not None or one.answer in ("reset", "empty")), "stale: needs an answer in which it is seen"),
    (lambda one: one.status is None and (one.body is not None or bool(one.headers) or one.retry_after is not None),
     "status: must be there for body, headers or retry_after"),
    (lambda one: one.status in (204, 304) and one.body is not None, "body: an answer of this status has none (RFC 9110 section 6.4.1)"),
    (lambda one: one.carried_out is False and one.status is None and one.answer not in ("reset", "empty"),
     "carried_out: what is answered here comes of carrying the request out"),
)  # fmt: skip
