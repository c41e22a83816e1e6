"""`understudy webhooks listen`: a receiver for a person to look at, with a file for what came.

1. A delivery is in the file before it is answered; where the disk does not take it, the sender hears 503.
2. What is passed on goes to one URL, as it came, and its answer comes back.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.server import given
from understudy.server.asking import NotDone, ask
from understudy.server.hooking import telling
from understudy.server.painting import colour_of, in_colour, paint, printable
from understudy.server.posting import Poster
from understudy.server.receiving import Door, Receiver, Reply
from understudy.webhooks.recording import Recorded, line_of
from understudy.webhooks.replaying import HOP
from understudy.webhooks.signing import PROFILES, BadSecret, Profile


def listen(asked: argparse.Namespace) -> int:
    """Listen until interrupted; the exit status (0: stopped, 2: could not listen)."""
    try:
        receiver, forward = _receiver(asked), _forward(asked)
        with _until_stopped(), _door(asked.port) as door, _subscribed(asked, receiver, door.getsockname()[1]), _recording(asked.record) as write:
            receiver.observe = Shown(in_colour(sys.stdout), write).show
            _greet(asked, receiver)
            _run(Door(receiver, forward), door)
    except (given.Misgiven, NotDone, BadSecret) as fault:
        return given.failed(fault)
    return 0


def _receiver(asked: argparse.Namespace) -> Receiver:
    wrong = [status for status in asked.status if not 200 <= status <= 599]
    if wrong:
        raise given.Misgiven(f"--status {wrong[0]}: answer from 200 to 599")
    profile = given.profile(asked.profile) if asked.profile else PROFILES["none"]
    secrets = given.secrets(asked.secret)
    if profile.header and not secrets and not asked.subscribe:
        raise given.Misgiven(f"--profile {profile.name}: with which secret? give --secret env:NAME or file:PATH, or set {given.VARIABLE}")
    return Receiver(profile, secrets if profile.header or asked.subscribe else (), tuple(asked.status), given.tolerance(asked.tolerance), most=0)


def _forward(asked: argparse.Namespace) -> Callable[[Recorded], Any] | None:
    if asked.forward is None:
        return None
    return Forward(given.url("--forward", asked.forward, asked.allow_host), Poster(asked.allow_host, timeout=30.0, kept=1_000_000))


@dataclass(frozen=True, slots=True)
class Forward:
    """Passes deliveries on to a URL, with the headers and the body they came with."""

    url: str
    poster: Poster

    async def __call__(self, one: Recorded) -> Reply:
        """The answer there; 502 where there is none."""
        headers = [(name, value) for name, value in one.headers.items() if name not in HOP]
        answer = await self.poster.post(self.url, headers, one.body, one.method)
        self.poster.close()
        if answer.status is None or answer.error is not None:
            return Reply(502, (answer.error or "").encode(), "text/plain; charset=utf-8", answer.error)
        return Reply(answer.status, answer.response.encode(), answer.media_type or "application/octet-stream")


# --- what it needs while it runs ---------------------------------------------------------------------------------


@contextmanager
def _until_stopped() -> Iterator[None]:
    """However it is stopped, what was begun is ended; Ctrl-C is the usual end. uvicorn raises what stopped it again when it is done."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    except KeyboardInterrupt:
        print()
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _door(port: int) -> Iterator[socket.socket]:
    if not 0 <= port <= 65_535:
        raise given.Misgiven(f"cannot listen on port {port}: ports go from 1 to 65535; try --port 0 for any free one")
    try:
        door = socket.create_server(("127.0.0.1", port), backlog=256)
    except OSError as fault:
        raise given.Misgiven(f"cannot listen on port {port}: {fault.strerror}; try --port 0 for any free one") from None
    with door:
        yield door


@contextmanager
def _recording(name: str | None) -> Iterator[Callable[[bytes], None]]:
    """A function that appends a line to a file in one piece; a line that was torn before is ended first."""
    if name is None:
        yield lambda line: None
        return
    try:
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as fault:
        raise given.Misgiven(f"--record {name}: {fault.strerror}") from None
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            os.write(file, b"\n")
        yield lambda line: _append(file, line)
    finally:
        os.close(file)


def _append(file: int, line: bytes) -> None:
    written = os.write(file, line)
    if written != len(line):
        raise OSError(28, "the disk is full")


@contextmanager
def _subscribed(asked: argparse.Namespace, receiver: Receiver, port: int) -> Iterator[None]:
    """Be an endpoint of a running server meanwhile. Raises NotDone."""
    receiver.url = f"http://127.0.0.1:{port}/"
    if asked.subscribe is None:
        yield
        return
    made = telling("id", ask(asked.subscribe, "POST", "/endpoints", _endpoint(asked, receiver), asked.world), asked.subscribe)
    try:
        receiver.trust(_scheme(asked, receiver, made), receiver.secrets or tuple(filter(None, [made.get("secret")])))
        yield
    finally:
        try:
            ask(asked.subscribe, "DELETE", f"/endpoints/{made['id']}", None, asked.world)
        except NotDone as fault:
            print(f"understudy: still an endpoint of {asked.subscribe} as {made['id']}: {fault}", file=sys.stderr)


def _endpoint(asked: argparse.Namespace, receiver: Receiver) -> dict[str, Any]:
    body: dict[str, Any] = {"url": receiver.url, "description": "understudy webhooks listen"}
    if asked.types:
        body["types"] = asked.types
    if asked.profile:
        body["signing"] = receiver.profile.name
    if receiver.secrets:
        body["secret"] = receiver.secrets[0]
    return body


def _scheme(asked: argparse.Namespace, receiver: Receiver, made: Mapping[str, Any]) -> Profile:
    """How the server signs: as the person said, else as it says."""
    named = str(made.get("signing", "none"))
    if asked.profile or named in PROFILES:
        return receiver.profile if asked.profile else PROFILES[named]
    print(f"understudy: signed as {named}, which only the server's behaviour file knows: not verified; see --profile", file=sys.stderr)
    return PROFILES["none"]


def _run(door: Door, listening: socket.socket) -> None:
    import uvicorn  # 75 ms: not before the arguments are known to be good

    config = uvicorn.Config(door, lifespan="off", log_level="critical", access_log=False, server_header=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listening])


# --- what is seen ------------------------------------------------------------------------------------------------


def _greet(asked: argparse.Namespace, receiver: Receiver) -> None:
    signed = f"signed as {receiver.profile.name}" if receiver.profile.header else "signatures are not looked at; see --profile"
    lines = [f"listening  {receiver.url}  ({signed})"]
    if asked.subscribe:
        lines.append(f"endpoint   of {asked.subscribe}, for {' '.join(asked.types or ['every type'])}, until interrupted")
    if asked.forward:
        lines.append(f"forward    {asked.forward}")
    if asked.record:
        lines.append(f"record     {Path(asked.record).resolve()}")
    print("\n".join(lines), flush=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """Writes each delivery down, then prints a line of it: when, how it was answered, what it is, whether it is believed."""

    colour: bool
    write: Callable[[bytes], None]

    def show(self, one: Recorded, before: int) -> None:
        """One delivery. Raises OSError where it cannot be written down."""
        self.write(line_of(one))
        print(self.line(one, before), flush=True)

    def line(self, one: Recorded, before: int) -> str:
        """What is printed."""
        status = paint(str(one.status or "502"), colour_of(one.status), self.colour)
        name = paint(printable(one.type or f"{one.method} {one.path}", 80), "bold", self.colour)
        verdict = paint(one.verdict, {"verified": "green", "refused": "red", "unsigned": "dim"}[one.verdict], self.colour)
        why = one.error or one.reason
        again = paint(f"  again ({before + 1})", "yellow", self.colour) if before else ""
        size = paint(f"{len(one.body)} B", "dim", self.colour)
        return f"{one.received_at:%H:%M:%S} {status} {name}  {printable(one.id or '', 80) or '-'}  {verdict}{f': {printable(why)}' if why else ''}  {size}{again}"
