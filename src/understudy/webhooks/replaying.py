"""A recorded series sent again: in which order, when, how often; and what to think of the answers.

1. The plan is a function of the deliveries, the options and the seed: the same three give the same sends.
2. Nothing here sends, signs or waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from understudy.webhooks.profiles import Profile
from understudy.webhooks.recording import LEFT_OUT, Recorded
from understudy.webhooks.retrying import Answer

VERDICTS = ("fixed", "regressed", "still failing", "still passing", "passing", "failing")
"""Of a send against its previous attempt; the last two where that one's outcome is not known."""

HOP = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "proxy-authenticate",
    "proxy-authorization", "te", "trailer", "upgrade", "expect", "accept-encoding",
})  # fmt: skip
"""Headers that belong to one connection and are not passed on (RFC 9110 section 7.6.1), and those each client writes itself."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is done to the series on its way."""

    duplicate: float = 0.0  # the probability that a delivery is sent twice
    drop: float = 0.0  # the probability that a send is left out
    shuffle: int = 0  # each send may come this many places early or late
    real: bool = False  # at the pace it was received, rather than at once
    stale: bool = False  # signed too long ago: to be refused
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """One request of a replay."""

    number: int  # from 1, in the order sent
    delivery: Recorded
    line: int  # the delivery's place in the series, from 1
    after: float  # seconds after the replay's start, not earlier
    again: bool = False  # the same delivery was sent before in this replay
    stale: bool = False


def plan(series: Sequence[Recorded], options: Options) -> list[Send]:
    """What is sent, in order."""
    lines = list(_chosen(len(series), options))
    lines = [line for _, line in sorted(enumerate(lines), key=lambda placed: placed[0] + _shift(placed[0], options))]
    times = sorted(series[line].received_at.timestamp() for line in lines)
    sends: list[Send] = []
    seen: set[int] = set()
    for number, (line, time) in enumerate(zip(lines, times, strict=True), 1):
        after = time - times[0] if options.real else 0.0
        sends.append(Send(number, series[line], line + 1, after, line in seen, options.stale))
        seen.add(line)
    return sends


def dropped(series: Sequence[Recorded], sends: Iterable[Send]) -> list[int]:
    """The places, from 1, of deliveries that are not sent at all."""
    return sorted(set(range(1, len(series) + 1)) - {send.line for send in sends})


def _chosen(count: int, options: Options) -> Iterable[int]:
    for line in range(count):
        copies = 2 if _draw(options.seed, "duplicate", line) < options.duplicate else 1
        yield from (line for copy in range(copies) if _draw(options.seed, f"drop {copy}", line) >= options.drop)


def _shift(place: int, options: Options) -> float:
    """How far a send moves back. Of two sends `shuffle` or more places apart the first stays first."""
    return _draw(options.seed, "shuffle", place) * (options.shuffle + 1) if options.shuffle else 0.0


def _draw(seed: int, what: str, index: int) -> float:
    """A number from 0 up to 1 that looks drawn by chance and is the same on every machine and Python."""
    return int.from_bytes(blake2b(f"{seed} {what} {index}".encode(), digest_size=6).digest()) / 2**48


def headers_of(send: Send, profile: Profile, signature: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers to send: those recorded, without what belongs to a connection or was left out, signed anew by `signature`."""
    new = list(signature)
    gone = {name.lower() for name, _ in new} | HOP
    if new:
        gone |= {profile.header.lower(), profile.stamp_header.lower()}
    return [(name, value) for name, value in send.delivery.headers.items() if name.lower() not in gone and value != LEFT_OUT] + new


# --- verdicts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """A send with its answer and its verdict."""

    send: Send
    answer: Answer
    verdict: str
    reason: str | None = None


def taken(send: Send, answer: Answer) -> bool:
    """Whether the receiver did what is right: took a delivery (2xx), or refused one signed too long ago (4xx)."""
    return 400 <= (answer.status or 0) < 500 and answer.error is None if send.stale else answer.good


def verdict(before: bool | None, now: bool) -> str:
    """Of a send, from how the attempt before went and how this one did."""
    return {
        (True, True): "still passing", (True, False): "regressed", (False, True): "fixed", (False, False): "still failing",
        (None, True): "passing", (None, False): "failing",
    }[before, now]  # fmt: skip


def judged(send: Send, answer: Answer, earlier: Mapping[int, bool], changed: str | None = None) -> Result:
    """A send's result.

    `earlier`: how the sends of this replay went, by their delivery's place: a delivery sent again is held against the first.
    `changed`: what a second sending of the same delivery changed in the receiver's state; nothing may.
    """
    good = taken(send, answer)
    if send.stale:
        return Result(send, answer, verdict(True, good), None if good else _stale_reason(answer))
    before = earlier.get(send.line, send.delivery.passed) if send.again else send.delivery.passed
    if changed is not None:
        return Result(send, answer, "regressed", f"sent twice, it counted twice: {changed}")
    said = verdict(before, good)
    return Result(send, answer, said, "a duplicate was not taken" if said == "regressed" and send.again else None)


def _stale_reason(answer: Answer) -> str | None:
    return "taken although it was signed too long ago" if answer.good else None


def difference(before: Any, now: Any, where: str = "$") -> str | None:
    """The first place where two JSON values differ, as `$.total: 100 -> 200`; None where they are equal."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [*before, *(name for name in now if name not in before)]
        inner = (difference(before.get(name, _ABSENT), now.get(name, _ABSENT), f"{where}.{name}") for name in names)
        return next((found for found in inner if found), None)
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        inner = (difference(one, other, f"{where}[{index}]") for index, (one, other) in enumerate(zip(before, now, strict=True)))
        return next((found for found in inner if found), None)
    if before == now and isinstance(before, bool) == isinstance(now, bool):
        return None
    return f"{where}: {_short(before)} -> {_short(now)}"


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def _short(value: Any) -> str:
    text = f"a list of {len(value)}" if isinstance(value, list) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# --- what is told ------------------------------------------------------------------------------------------------


def told(result: Result) -> dict[str, Any]:
    """A result as a line of a report."""
    send, before = result.send, result.send.delivery
    row = {
        "number": send.number,
        "line": send.line,
        "id": before.id,
        "type": before.type,
        "again": send.again or None,
        "stale": send.stale or None,
        "previous": _outcome(before.status, before.error),
        "now": {**_outcome(result.answer.status, result.answer.error), "duration_ms": result.answer.milliseconds},
        "verdict": result.verdict,
        "reason": result.reason,
    }
    return {name: value for name, value in row.items() if value is not None}


def _outcome(status: int | None, error: str | None) -> dict[str, Any]:
    return {"error": error} if error else {"status": status} if status is not None else {}


def summary(results: Sequence[Result], left_out: int = 0, torn: int = 0, complete: bool = True) -> dict[str, Any]:
    """The last line of a report: how many of each verdict."""
    counts = Counter(result.verdict for result in results)
    return {
        "sent": len(results),
        "again": sum(result.send.again for result in results),
        "dropped": left_out,
        "torn": torn,
        **{name: counts[name] for name in VERDICTS if counts[name] or name in VERDICTS[:4]},
        "complete": complete,
    }
