"""`understudy webhooks replay`: carry out a plan of `replaying`, one send after the other, and tell what came of each.

1. A result is in the report before the next delivery is sent; interrupted, the report holds what was done and says so.
2. Secrets sign and are never shown or written.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

import orjson

from understudy.durations import parse_instant
from understudy.server import given
from understudy.server.asking import NotDone
from understudy.server.hooking import call, deliveries, delivery
from understudy.server.painting import colour_of, in_colour, paint, printable
from understudy.server.posting import Poster
from understudy.webhooks.matching import fits
from understudy.webhooks.recording import DELIVERY, Recorded, read_lines
from understudy.webhooks.replaying import (
    Options,
    Result,
    Send,
    difference,
    dropped,
    headers_of,
    judged,
    plan,
    summary,
    told,
)
from understudy.webhooks.retrying import Answer
from understudy.webhooks.signing import PROFILES, BadSecret, Profile, sign

STALE_BY = timedelta(hours=1)
"""How much longer ago than its scheme tolerates a stale delivery was signed."""
LONGEST_LINE = 32_000_000
"""Octets of a line of a recording that are read."""
LARGEST_STATE = 16_000_000
"""Octets of what a probe answers that are held against each other."""


def replay(asked: argparse.Namespace) -> int:
    """Replay; the exit status (0: nothing regressed, 1: something did, 2: could not run, 130: interrupted)."""
    try:
        series, torn = _series(asked)
        options = _options(asked)
        sends = plan(series, options)
        carrier = _carrier(asked, series, sends)
        with _report(asked.report, asked.file) as write:
            return _carry_out(asked, carrier, sends, (len(dropped(series, sends)), torn), write)
    except (given.Misgiven, NotDone, BadSecret) as fault:
        return given.failed(fault)


def _carry_out(
    asked: argparse.Namespace, carrier: Carrier, sends: Sequence[Send], missing: tuple[int, int], write: Callable[[Mapping[str, Any]], None]
) -> int:
    results: list[Result] = []
    colour = in_colour(sys.stdout)

    async def all_of_them() -> None:
        async for result in carrier.results(sends):
            results.append(result)
            write(told(result))
            print(_line(result, colour), flush=True)

    complete = False
    with suppress(KeyboardInterrupt):
        asyncio.run(all_of_them())
        complete = True
    sums = summary(results, *missing, complete=complete)
    write({"summary": sums})
    print("\n".join(_table(sums, asked.to, colour)), flush=True)
    return 130 if not complete else 1 if sums["regressed"] else 0


# --- what is replayed --------------------------------------------------------------------------------------------


def _series(asked: argparse.Namespace) -> tuple[list[Recorded], int]:
    """The deliveries to replay and how many lines were torn. Raises Misgiven, NotDone."""
    if asked.file is None and asked.since is None:
        raise given.Misgiven("replay what? name a recording, or --since a moment of the running server's deliveries")
    since = _since(asked.since)
    faults: Sequence[tuple[int | str, str]] = ()
    if asked.file is None:
        found, faults = _of_server(asked)
    else:
        found, faults = _of_file(asked.file)
        found = [one for one in found if since is None or one.received_at >= since]
    for place, fault in faults:
        print(f"understudy: {asked.file or 'delivery'}:{place}: {fault}", file=sys.stderr)
    found = [one for one in found if not asked.type or fits(one.type or "", asked.type)]
    if not found:
        raise given.Misgiven(f"{asked.file or asked.server}: there is no delivery to replay")
    return found, len(faults)


def _since(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError as fault:
        raise given.Misgiven(f"--since: {fault}") from None


def _of_file(name: str) -> tuple[list[Recorded], Sequence[tuple[int, str]]]:
    try:
        with Path(name).open("rb") as file:
            return read_lines(_lines(file))
    except OSError as fault:
        raise given.Misgiven(f"{name}: {fault.strerror}") from None


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; of one that is too long to be a delivery only the beginning, which is none."""
    while line := file.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)


def _of_server(asked: argparse.Namespace) -> tuple[list[Recorded], Sequence[tuple[str, str]]]:
    """What the running server has delivered, and what of it cannot be told any more. Raises NotDone."""
    found, faults = [], []
    for one in deliveries(asked, since=asked.since, type=asked.type):
        if one["url"] is None:
            faults.append((one["id"], "its endpoint is gone, and with it what was sent"))
        elif one["attempts"]:
            found.append(_as_recorded(delivery(asked, one["id"])))
    return found, faults


def _as_recorded(one: Mapping[str, Any]) -> Recorded:
    """A delivery of the control plane as if it had been recorded: how its last attempt went is how it was answered."""
    last = one["attempts"][-1]
    headers = {DELIVERY: one["id"], **{str(name).lower(): str(value) for name, value in dict(one.get("headers") or {}).items()}}
    return Recorded(
        parse_instant(one["created_at"]), "POST", "/", headers, str(one.get("body") or "").encode(),
        status=last.get("status"), error=last.get("error"), id=one["id"], type=one["type"], profile=one["signing"],
    )  # fmt: skip


def _options(asked: argparse.Namespace) -> Options:
    for name in ("duplicate", "drop"):
        if not 0 <= getattr(asked, name) <= 1:
            raise given.Misgiven(f"--{name} {getattr(asked, name)}: a probability from 0 to 1")
    if asked.shuffle < 0 or asked.timeout <= 0:
        raise given.Misgiven("--shuffle is a number of places from 0, --timeout a number of seconds above 0")
    if asked.stale_signature and asked.no_resign:
        raise given.Misgiven("--stale-signature signs, --no-resign does not: give one of them")
    return Options(asked.duplicate, asked.drop, asked.shuffle, asked.speed == "real", asked.stale_signature, asked.seed)


def _carrier(asked: argparse.Namespace, series: Sequence[Recorded], sends: Sequence[Send]) -> Carrier:
    """What sends, checked before anything is sent. Raises Misgiven, BadSecret."""
    to = given.url("--to", asked.to, asked.allow_host)
    probe = given.url("--probe", asked.probe, asked.allow_host) if asked.probe else None
    poster = Poster(asked.allow_host, timeout=asked.timeout, kept=LARGEST_STATE)
    if asked.file is None and not (asked.secret or asked.profile or asked.no_resign or asked.header):
        return Carrier(to, probe, poster=poster, through=partial(_through, asked))
    profile = _profile(asked, series)
    secrets = () if asked.no_resign or not profile.header else given.secrets(asked.secret)
    if profile.header and not secrets and not asked.no_resign:
        raise given.Misgiven(
            f"to sign anew as {profile.name} a secret is needed: --secret env:NAME or file:PATH, or set {given.VARIABLE}; "
            "or --no-resign to send the recorded signatures as they are"
        )
    if asked.stale_signature and not profile.timed:
        raise given.Misgiven(f"--stale-signature: deliveries signed as {profile.name} do not tell when; name a scheme that does with --profile")
    if secrets:
        sign(profile, secrets, "", datetime.now(UTC), b"")
    return Carrier(to, probe, profile, secrets, given.headers(asked.header), poster)


def _profile(asked: argparse.Namespace, series: Sequence[Recorded]) -> Profile:
    """The scheme asked for, or the one all deliveries were recorded with."""
    if asked.profile:
        return given.profile(asked.profile)
    names = sorted({one.profile for one in series})
    if len(names) > 1 or names[0] not in PROFILES:
        raise given.Misgiven(f"recorded as signed by {', '.join(names)}: name one scheme, or your file of it, with --profile")
    return PROFILES[names[0]]


# --- sending -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Carrier:
    """Sends what was planned to one URL. `secrets` empty: as recorded."""

    to: str
    probe: str | None = None
    profile: Profile = PROFILES["none"]
    secrets: tuple[str, ...] = ()
    headers: Sequence[tuple[str, str]] = ()
    poster: Poster = field(default_factory=Poster)
    through: Callable[[Send], Answer] | None = None  # instead: who sends, and signs with secrets of its own
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _went: dict[int, bool] = field(default_factory=dict)

    async def results(self, sends: Sequence[Send]) -> AsyncIterator[Result]:
        """One after the other, each when its time has come."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for one in sends:
            await asyncio.sleep(max(0.0, began + one.after - loop.time()))
            result = await self._result(one)
            self._went.setdefault(one.line, result.verdict in ("fixed", "still passing", "passing"))
            yield result

    async def _result(self, one: Send) -> Result:
        before = await self._state() if one.again else None
        answer = await self._answer(one)
        changed = difference(before, await self._state()) if one.again else None
        return judged(one, answer, self._went, changed)

    async def _answer(self, one: Send) -> Answer:
        if self.through is not None:
            return await asyncio.to_thread(self.through, one)
        delivery = one.delivery
        at = self.now() - (self.profile.tolerance + STALE_BY if one.stale else timedelta())
        signature = sign(self.profile, self.secrets, delivery.id or f"replay-{one.line}", at, delivery.body) if self.secrets else []
        headers = [*headers_of(one, self.profile, signature), *self.headers]
        answer = await self.poster.post(self.to, headers, delivery.body, delivery.method)
        self.poster.close()  # each send on a connection of its own: what came of it is then beyond doubt
        return answer

    async def _state(self) -> Any:
        """The receiver's state, as far as the probe shows it: its JSON, or how it was answered instead."""
        if self.probe is None:
            return None
        got = await self.poster.post(self.probe, [("accept", "application/json")], b"", "GET")
        self.poster.close()
        if got.status != 200 or got.error:
            return {"status": got.status, "error": got.error}
        try:
            return orjson.loads(got.response)
        except orjson.JSONDecodeError:
            return {"text": got.response}


def _through(asked: argparse.Namespace, one: Send) -> Answer:
    """Have the running server send, which knows the endpoint's secrets. Raises NotDone."""
    body = {"ids": [one.delivery.id], "to": asked.to, "stale_signature": one.stale}
    (row,) = call(asked, "POST", "/deliveries/replay", body, told="replayed")["replayed"]
    attempt = row["attempt"]
    return Answer(attempt.get("status"), attempt.get("error"), attempt.get("duration_ms", 0))


# --- what is told ------------------------------------------------------------------------------------------------


@contextmanager
def _report(name: str | None, recording: str | None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes a line of the report. Raises Misgiven."""
    if name is None:
        yield lambda row: None
        return
    with ExitStack() as opened:
        try:
            if recording is not None and Path(name).exists() and Path(name).samefile(recording):
                raise given.Misgiven(f"--report {name}: that is the recording itself; name another file")
            file = opened.enter_context(Path(name).open("wb", buffering=0))
        except OSError as fault:
            raise given.Misgiven(f"--report {name}: {fault.strerror}") from None
        yield lambda row: _write(file, name, row)


def _write(file: IO[bytes], name: str, row: Mapping[str, Any]) -> None:
    try:
        file.write(orjson.dumps(row) + b"\n")
    except OSError as fault:
        raise given.Misgiven(f"--report {name}: {fault.strerror}") from None


_COLOURS = {"fixed": "green", "still passing": "green", "passing": "green", "still failing": "yellow", "failing": "yellow", "regressed": "red"}


def _line(result: Result, colour: bool) -> str:
    send, answer = result.send, result.answer
    status = paint(printable(str(answer.error or answer.status)), colour_of(None if answer.error else answer.status), colour)
    name = paint(printable(send.delivery.type or send.delivery.path, 80), "bold", colour)
    marks = "".join(f" ({word})" for word, holds in (("again", send.again), ("stale", send.stale)) if holds)
    said = paint(result.verdict, _COLOURS[result.verdict], colour)
    return f"{send.number:>4}  {name}{marks}  {printable(send.delivery.id or '-', 80)}  {status}  {said}{f': {printable(result.reason)}' if result.reason else ''}"


def _table(sums: Mapping[str, Any], to: str, colour: bool) -> Iterator[str]:
    extra = ", ".join(f"{sums[name]} {said}" for name, said in (("again", "of them again"), ("dropped", "left out"), ("torn", "torn lines passed over")) if sums[name])
    yield f"\n{sums['sent']} sent to {to}{f' ({extra})' if extra else ''}{'' if sums['complete'] else '; interrupted'}"
    for name, shade in _COLOURS.items():
        if name in sums:
            yield f"  {name:14}{paint(f'{sums[name]:>6}', shade if sums[name] else 'dim', colour)}"
