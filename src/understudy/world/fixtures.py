"""A fixture is a world on file: a start time, settings, and the calls that make its records.

Ids are never written by hand: they come of playing the calls, and a call names an earlier one's answer as `${name.id}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from understudy.durations import parse_duration, parse_instant
from understudy.world.stage import Reply, Request, Stage
from understudy.world.world import World

_NAMED = re.compile(r"\$\{([A-Za-z_]\w*)((?:\.\w+)*)\}")
_CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")


class FixtureFault(Exception):
    """Something in a fixture that cannot be played: `where` is the file and the place in it."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")


@dataclass(frozen=True, slots=True)
class Fixture:
    """A named world as written: `steps` are calls, turns of the clock, in order."""

    name: str
    where: str
    now: datetime | None
    settings: Mapping[str, Any]
    keys: frozenset[str] | None
    steps: tuple[Mapping[str, Any], ...]


EMPTY = Fixture("empty", "", None, {}, None, ())


def read_fixture(data: Any, name: str, where: str) -> Fixture:
    """A fixture from the JSON value of its file. Raises FixtureFault."""
    if not isinstance(data, Mapping):
        raise FixtureFault(where, "a fixture is an object with now, settings, keys and calls")
    strange = data.keys() - {"now", "settings", "keys", "calls", "about"}
    if strange:
        raise FixtureFault(where, f"unknown: {', '.join(sorted(strange))}; a fixture has about, now, settings, keys and calls")
    try:
        now = parse_instant(str(data["now"])) if "now" in data else None
    except ValueError as fault:
        raise FixtureFault(f"{where}#/now", str(fault)) from None
    keys = frozenset(map(str, data["keys"])) if "keys" in data else None
    return Fixture(name, where, now, data.get("settings") or {}, keys, tuple(data.get("calls") or ()))


def play(fixture: Fixture, stage: Stage, world: World) -> None:
    """Bring a fresh world to where the fixture's calls lead. Raises FixtureFault that names the call."""
    world.keys = fixture.keys
    answers: dict[str, Any] = {}
    for index, step in enumerate(fixture.steps):
        where = f"{fixture.where}#/calls/{index}"
        if "advance" in step:
            _turn(stage, world, str(step["advance"]), where)
        else:
            _call(stage, world, step, answers, where)
    world.requests.clear()


def _turn(stage: Stage, world: World, length: str, where: str) -> None:
    try:
        stage.advance(world, parse_duration(length).after(world.clock.now()))
    except ValueError as fault:
        raise FixtureFault(where, str(fault)) from None


def _call(stage: Stage, world: World, step: Mapping[str, Any], answers: dict[str, Any], where: str) -> None:
    line, body = _line(step, where)
    method, _, target = str(_filled(line, answers, where)).partition(" ")
    path, _, query = target.partition("?")
    reply = stage.answer(world, _request(method, path, query, _filled(body, answers, where), _key(stage, world)))
    if reply.status >= 400:
        raise FixtureFault(where, f"{line} was refused with {reply.status}: {reply.body.decode()[:500]}")
    if "as" in step:
        answers[step["as"]] = orjson.loads(reply.body)


def _line(step: Mapping[str, Any], where: str) -> tuple[str, Any]:
    for key, body in step.items():
        if _CALL.fullmatch(key):
            return key, body
    raise FixtureFault(where, "a step is `advance: P1M` or a call such as `POST /v1/customers: {...}`")


def _key(stage: Stage, world: World) -> bytes:
    accepted = world.keys or (stage.auth.keys if stage.auth else None) or ("fixture",)
    return min(accepted).encode()


def _request(method: str, path: str, query: str, body: Any, key: bytes) -> Request:
    headers = [(b"x-api-key", key), (b"authorization", b"Bearer " + key)]
    if body is not None:
        headers.append((b"content-type", b"application/json"))
    return Request(method, path, query.encode(), headers, orjson.dumps(body) if body is not None else b"")


def _filled(value: Any, answers: Mapping[str, Any], where: str) -> Any:
    """The value with every `${name.path}` replaced by what the call of that name was answered."""
    if isinstance(value, str):
        return _NAMED.sub(lambda match: str(_named(match, answers, where)), value)
    if isinstance(value, Mapping):
        return {key: _filled(part, answers, where) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, answers, where) for part in value]
    return value


def _named(match: re.Match[str], answers: Mapping[str, Any], where: str) -> Any:
    value: Any = answers.get(match[1])
    for step in _steps(match[2]):
        value = value[int(step)] if isinstance(value, list) else (value or {}).get(step)
    if value is None:
        raise FixtureFault(where, f"{match[0]} names nothing answered so far; named are {', '.join(answers) or 'none'}")
    return value


def _steps(path: str) -> Iterator[str]:
    return (step for step in path.split(".") if step)


__all__ = ["EMPTY", "Fixture", "FixtureFault", "Reply", "play", "read_fixture"]
