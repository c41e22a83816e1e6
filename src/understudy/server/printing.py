"""What is printed while the server runs: a line for each request with the reason of its answer, and for each attempt to tell an endpoint.

1. A form, text or JSON, is a row of `FORMS`; the fields of JSON are documented in `understudy serve --help` and only ever added to.
2. Text of clients is made printable: nobody steers a terminal from outside.
3. The line is made later, by the outlet; here only what it will need is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

import orjson

from understudy.durations import format_instant
from understudy.server.outlet import Outlet, left_out
from understudy.server.painting import colour_of, paint, printable
from understudy.server.sending import Tried
from understudy.world.stage import Turn
from understudy.world.world import Logged, World
from understudy.world.worlds import SHARED

WIDTH = 40
"""Signs a path may have before it pushes the reason aside."""


class Form(NamedTuple):
    """How lines look: of a request, of an attempt, of anything else (`kind` and facts), and what stands where lines are missing."""

    request: Callable[[bool, float, float, Turn, Logged], str]
    attempt: Callable[[bool, float, World, Tried], str]
    told: Callable[[bool, float, str, Mapping[str, Any]], str]
    left_out: Callable[[int], str]


@dataclass(slots=True)
class Printer:
    """Has lines written in a form, in colour or not. `wall` is the machine's time."""

    outlet: Outlet
    form: Form
    colour: bool = False
    wall: Callable[[], float] = time.time

    def show(self, turn: Turn, entry: Logged) -> None:
        """One request."""
        self.outlet.put(partial(self.form.request, self.colour, self.wall(), time.perf_counter() - turn.begun, turn, entry))

    def tried(self, world: World, tried: Tried) -> None:
        """One attempt to tell an endpoint."""
        self.outlet.put(partial(self.form.attempt, self.colour, self.wall(), world, tried))

    def tell(self, kind: str, **facts: Any) -> None:
        """Anything else: what happened, and its facts; in text form `text` is printed."""
        self.outlet.put(partial(self.form.told, self.colour, self.wall(), kind, facts))


# --- text --------------------------------------------------------------------------------------------------------


def _request(colour: bool, at: float, took: float, turn: Turn, entry: Logged) -> str:
    status = paint(str(entry.status), colour_of(entry.status), colour)
    world = "" if turn.world.name == SHARED else paint(f"[{turn.world.name}] ", "cyan", colour)
    fault = paint(f"[fault: {printable(turn.fault)}] ", "red", colour) if turn.fault else ""
    warned = "".join(f"\n{'':9}{paint('!', 'yellow', colour)} {printable(warning, 500)}" for warning in entry.warnings)
    reason = paint(printable(entry.reason, 500), "dim", colour)
    return f"{_clock(at, colour)} {status} {printable(entry.method, 20):7} {printable(entry.target):{WIDTH}} {world}{fault}{reason}{warned}"


def _attempt(colour: bool, at: float, world: World, tried: Tried) -> str:
    one, attempt = tried.delivery, tried.attempt
    good = attempt is not None and attempt.good
    said = "given up" if attempt is None else f"{attempt.error or attempt.status}, attempt {len(one.attempts)}"
    after = "" if one.next_at is None else f"; next {format_instant(one.next_at)}"
    arrow = paint("→", "green" if good else "yellow", colour)
    return f"{_clock(at, colour)}   {arrow} {printable(one.type)} to {printable(_url(world, tried))}  {paint(printable(said) + after, 'dim', colour)}"


def _told(colour: bool, at: float, kind: str, facts: Mapping[str, Any]) -> str:
    return f"{_clock(at, colour)} {paint(kind, 'bold', colour)} {facts.get('text', '')}"


def _clock(at: float, colour: bool) -> str:
    return _second(int(at), colour)


@lru_cache(4)
def _second(at: int, colour: bool) -> str:
    return paint(time.strftime("%H:%M:%S", time.localtime(at)), "dim", colour)


def _url(world: World, tried: Tried) -> str:
    attempt, endpoint = tried.attempt, world.held["endpoints"].get(tried.delivery.endpoint)
    return attempt.url if attempt is not None and attempt.url is not None else endpoint.url if endpoint is not None else "?"


# --- JSON --------------------------------------------------------------------------------------------------------


def _request_json(colour: bool, at: float, took: float, turn: Turn, entry: Logged) -> str:
    path, _, query = entry.target.partition("?")
    return _line({
        "kind": "request", "time": _instant(at), "world": turn.world.name, "now": format_instant(entry.at), "number": entry.number,
        "method": entry.method, "path": path, "query": query, "operation": turn.operation.key if turn.operation is not None else None,
        "status": entry.status, "reason": entry.reason, "ms": round(took * 1000, 3), "request_id": entry.request_id,
        "warnings": list(entry.warnings), "fault": turn.fault,
    })  # fmt: skip


def _attempt_json(colour: bool, at: float, world: World, tried: Tried) -> str:
    one, attempt = tried.delivery, tried.attempt
    return _line({
        "kind": "delivery", "time": _instant(at), "world": world.name, "now": format_instant(tried.at), "id": one.id, "type": one.type,
        "endpoint": one.endpoint, "url": _url(world, tried), "attempt": len(one.attempts), "status": attempt.status if attempt else None,
        "error": attempt.error if attempt else "given up", "ms": attempt.milliseconds if attempt else 0, "state": one.state,
        "next_at": format_instant(one.next_at) if one.next_at is not None else None,
    })  # fmt: skip


def _told_json(colour: bool, at: float, kind: str, facts: Mapping[str, Any]) -> str:
    return _line({"kind": kind, "time": _instant(at), **{name: value for name, value in facts.items() if name != "text"}})


def _left_out_json(lost: int) -> str:
    return _line({"kind": "left_out", "lines": lost})


def _instant(at: float) -> str:
    return f"{_utc(int(at))}.{int(at % 1 * 1000):03d}Z"


@lru_cache(4)
def _utc(at: int) -> str:
    return format_instant(datetime.fromtimestamp(at, UTC))[:-1]


def _line(value: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # half a surrogate pair, of a target that is no text
        return orjson.dumps({name: one.encode("ascii", "backslashreplace").decode() if isinstance(one, str) else one for name, one in value.items()}).decode()


FORMS: Mapping[str, Form] = {
    "text": Form(_request, _attempt, _told, left_out),
    "json": Form(_request_json, _attempt_json, _told_json, _left_out_json),
}
"""What `--log` takes."""
