"""A fixture is a world on file: a start time, settings, and the calls that make its records, or the records as an export lists them.

1. In calls ids are never written by hand: they come of playing them, and a call names an earlier one's answer as `${name.id}`.
2. `each` repeats a call for a list of values, `${each.field}`: text put in place of text, nothing is reckoned here.
3. Every fault names the file and the place in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from understudy.durations import Duration, parse_duration, parse_instant
from understudy.exact import read, write
from understudy.world.holdings import HOLDINGS, Put, again
from understudy.world.rows import put_records
from understudy.world.stage import Reply, Request, Stage
from understudy.world.world import World

_NAMED = re.compile(r"\$\{([A-Za-z_]\w*)((?:\.\w+)*)\}")
_EACH = re.compile(r"\$\{(each)((?:\.\w+)*)\}")
_NAME = re.compile(r"[A-Za-z_]\w*")
_CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
_FIELDS = frozenset({"about", "now", "settings", "keys", "calls", "records", "ids"})
_BESIDE = frozenset({"as", "each", "into"})


class FixtureFault(Exception):
    """Something in a fixture that cannot be played: `where` is the file and the place in it."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where


@dataclass(frozen=True, slots=True)
class Turned:
    """A step that turns the clock: by a length of time, or to an instant."""

    where: str
    to: Duration | datetime


@dataclass(frozen=True, slots=True)
class Called:
    """A step that is a call, once or for `each` value; `into`: one call, whose list of that name is filled by each value."""

    where: str
    line: str
    body: Any
    name: str | None
    each: tuple[Any, ...] | None
    into: str | None


Step = Turned | Called


@dataclass(frozen=True, slots=True)
class Fixture:
    """A named world as written: `steps` are calls, turns of the clock, in order."""

    name: str
    where: str
    now: datetime | None
    settings: Mapping[str, Any]
    keys: frozenset[str] | None
    steps: tuple[Step, ...]
    records: Mapping[str, Any] = field(default_factory=dict)  # by resource, put in place before the steps
    ids: int = 0  # how many ids the world of these records had given
    held: tuple[Put, ...] = ()


EMPTY = Fixture("empty", "", None, {}, None, ())

# --- reading ----------------------------------------------------------------------------------------------------------


def read_fixture(data: Any, name: str, where: str) -> Fixture:
    """A fixture from the JSON value of its file. Raises FixtureFault."""
    if not isinstance(data, Mapping):
        raise FixtureFault(where, "a fixture is an object with now, settings, keys, calls and records")
    beside = {name for name, holding in HOLDINGS.items() if holding.exported}
    strange = data.keys() - _FIELDS - beside
    if strange:
        known = ", ".join(["about", "now", "settings", "keys", "calls", "records", *sorted(beside)])
        raise FixtureFault(where, f"unknown: {', '.join(sorted(map(str, strange)))}; a fixture has {known} and ids")
    now = _instant(data["now"], f"{where}#/now") if "now" in data else None
    settings = _of(Mapping, data.get("settings") or {}, f"{where}#/settings", "an object")
    keys = frozenset(map(str, _of(list, data["keys"], f"{where}#/keys", "a list"))) if "keys" in data else None
    calls = _of(list, data.get("calls") or [], f"{where}#/calls", "a list of steps")
    steps = tuple(_step(part, f"{where}#/calls/{n}") for n, part in enumerate(calls))
    records = _of(Mapping, data.get("records") or {}, f"{where}#/records", "an object of lists, by resource")
    ids = _of(int, data.get("ids", 0), f"{where}#/ids", "a whole number")
    held = tuple(put for name in sorted(beside & data.keys()) for put in _held(name, data[name], f"{where}#/{name}"))
    return Fixture(name, where, now, settings, keys, steps, records, ids, held)


def _held(name: str, listed: Any, where: str) -> Iterator[Put]:
    for key, row in _of(Mapping, listed, where, "an object of rows, by key").items():
        try:
            own = {"id": str(key)} if HOLDINGS[name].keyed else {}
            yield from again([(name, str(key), {**_of(Mapping, row, f"{where}/{key}", "an object"), **own})])
        except (KeyError, TypeError, ValueError) as fault:
            raise FixtureFault(f"{where}/{key}", f"lacks {fault}" if isinstance(fault, KeyError) else str(fault)) from None


def _of(kind: type, value: Any, where: str, wanted: str) -> Any:
    if not isinstance(value, kind):
        raise FixtureFault(where, f"must be {wanted}")
    return value


def _instant(value: Any, where: str) -> datetime:
    try:
        return parse_instant(str(value))
    except ValueError as fault:
        raise FixtureFault(where, str(fault)) from None


def _length(value: Any, where: str) -> Duration:
    try:
        return parse_duration(str(value))
    except ValueError as fault:
        raise FixtureFault(where, str(fault)) from None


_TURNS: Mapping[str, Callable[[Any, str], Duration | datetime]] = {"advance": _length, "clock": _instant}


def _step(step: Any, where: str) -> Step:
    if not isinstance(step, Mapping) or not step:
        raise FixtureFault(where, _WANTED)
    first = next((name for name in _TURNS if name in step), None)
    if first is not None and len(step) == 1:
        return Turned(where, _TURNS[first](step[first], f"{where}/{first}"))
    lines = [key for key in step if isinstance(key, str) and _CALL.match(key)]
    strange = [str(key) for key in step if key not in _BESIDE and key not in lines]
    if len(lines) != 1 or strange:
        raise FixtureFault(where, f"{_WANTED}, with `as`, `each` or `into` beside it" + (f"; not {', '.join(strange)}" if strange else ""))
    each = tuple(_of(list, step["each"], f"{where}/each", "a list of values")) if "each" in step else None
    called = Called(where, lines[0], step[lines[0]], step.get("as"), each, step.get("into"))
    if called.into is not None and (each is None or not _filling(called)):
        raise FixtureFault(f"{where}/into", "must name a list of the body, and `each` must be there to fill it")
    return called


_WANTED = "a step is `advance: P1M`, `clock: 2025-05-06T10:30:00Z` or one call such as `POST /v1/customers: {...}`"


def _filling(called: Called) -> bool:
    return isinstance(called.body, Mapping) and isinstance(called.body.get(called.into), list)


# --- playing ----------------------------------------------------------------------------------------------------------


def play(fixture: Fixture, stage: Stage, world: World) -> None:
    """Bring a fresh world to where the fixture's records and calls lead. Raises FixtureFault that names the call, or all wrong records."""
    world.keys = fixture.keys
    faults = put_records(fixture.records, fixture.ids, stage.script, world) if fixture.records else ()
    if faults:
        raise FixtureFault(*_all(fixture.where, faults))
    if fixture.held:
        if any(put.holding == "faults" for put in fixture.held):
            _check_faults(fixture, stage)
        world.put(*fixture.held)
    answers: dict[str, Any] = {}
    for step in fixture.steps:
        if isinstance(step, Turned):
            _turn(stage, world, step)
        else:
            for called in _repeated(step):
                _call(stage, world, called, answers)
    world.requests.clear()


def _check_faults(fixture: Fixture, stage: Stage) -> None:
    from understudy.faults.aiming import check  # only where there are faults

    for put in fixture.held:
        try:
            if put.holding == "faults":
                check(stage.script, put.value)
        except ValueError as fault:
            raise FixtureFault(f"{fixture.where}#/faults/{put.key}", str(fault)) from None


def _all(where: str, faults: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The place and message of several faults, a line for each: the first 100."""
    (first, message), rest = faults[0], faults[1:100]
    lines = [message, *(f"{where}#{place}: {wrong}" for place, wrong in rest)]
    more = len(faults) - 100
    return f"{where}#{first}", "\n".join(lines if more <= 0 else [*lines, f"and {more} more"])


def _turn(stage: Stage, world: World, step: Turned) -> None:
    try:
        stage.advance(world, step.to.after(world.clock.now()) if isinstance(step.to, Duration) else step.to)
    except (ValueError, OverflowError) as fault:
        raise FixtureFault(step.where, str(fault)) from None


def _repeated(step: Called) -> Iterator[Called]:
    """The calls a step stands for, `${each}` filled in."""
    if step.each is None:
        yield step
    elif step.into is not None:
        rows = [_filled(row, {"each": value}, f"{step.where}/each/{n}", _EACH)
                for n, value in enumerate(step.each) for row in step.body[step.into]]
        yield Called(step.where, step.line, {**step.body, step.into: rows}, step.name, None, None)
    else:
        for n, value in enumerate(step.each):
            where = f"{step.where}/each/{n}"
            line, body, name = _filled([step.line, step.body, step.name], {"each": value}, where, _EACH)
            yield Called(where, line, body, name, None, None)


def _call(stage: Stage, world: World, step: Called, answers: dict[str, Any]) -> None:
    line = _filled(step.line, answers, step.where)
    if not _CALL.fullmatch(line):
        raise FixtureFault(step.where, f"`{line}` is no method and path")
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    body = _encoded(_filled(step.body, answers, step.where), step.where)
    reply = stage.answer(world, _request(method, path, query, body, _key(stage, world)))
    if reply.status >= 400:
        raise FixtureFault(step.where, f"{line} was refused with {reply.status}: {reply.body.decode()[:500]}")
    if step.name is not None:
        answers[_fit(step.name, step.where)] = _answer(reply, step.where)


def _answer(reply: Reply, where: str) -> Any:
    try:
        return read(reply.body or b"null")
    except orjson.JSONDecodeError:
        raise FixtureFault(f"{where}/as", "the answer is not JSON, so no later call can name it") from None


def _encoded(body: Any, where: str) -> bytes:
    try:
        return b"" if body is None else write(body)
    except TypeError as fault:
        raise FixtureFault(where, f"the body cannot be sent as JSON: {fault}") from None


def _fit(name: str, where: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "each":
        raise FixtureFault(f"{where}/as", f"`{name}` cannot name an answer; use letters, digits and underscores")
    return name


def _key(stage: Stage, world: World) -> bytes:
    accepted = world.keys or (stage.auth.keys if stage.auth else None) or ("fixture",)
    return min(accepted).encode()


def _request(method: str, path: str, query: str, body: bytes, key: bytes) -> Request:
    headers = [(b"x-api-key", key), (b"authorization", b"Bearer " + key)]
    if body:
        headers.append((b"content-type", b"application/json"))
    return Request(method, path, query.encode(), headers, body, dict(headers), own=True)


# --- placeholders -----------------------------------------------------------------------------------------------------


def _filled(value: Any, named: Mapping[str, Any], where: str, pattern: re.Pattern[str] = _NAMED) -> Any:
    """The value with every `${name.path}` in its texts replaced by the text of what is so named; a number of an answer that is all of a text stays one."""
    if isinstance(value, str):
        whole = pattern.fullmatch(value) if pattern is _NAMED else None
        if whole is not None and isinstance(found := _named(whole, named, where), int | float):
            return found
        return pattern.sub(lambda match: str(_named(match, named, where)), value) if "${" in value else value
    if isinstance(value, Mapping):
        return {key: _filled(part, named, where, pattern) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, named, where, pattern) for part in value]
    return value


def _named(match: re.Match[str], named: Mapping[str, Any], where: str) -> Any:
    value: Any = named.get(match[1])
    for step in match[2].split(".")[1:]:
        value = _part(value, step)
    if value is None:
        raise FixtureFault(where, f"{match[0]} names nothing known so far; known are {', '.join(named) or 'none'}")
    return value


def _part(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    return value[int(step)] if isinstance(value, list) and step.isdecimal() and int(step) < len(value) else None


__all__ = ["EMPTY", "Fixture", "FixtureFault", "Reply", "play", "read_fixture"]
