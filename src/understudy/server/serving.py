"""One server process: from command-line options to a listening uvicorn, and what the person at the terminal sees.

Nothing here answers requests.
"""

from __future__ import annotations

import argparse
import gc
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from understudy.durations import format_instant, parse_instant
from understudy.server.app import App
from understudy.server.posting import Poster
from understudy.server.sending import Tried
from understudy.theatre import Options, Theatre, Unplayable, open_theatre
from understudy.world.fixtures import FixtureFault
from understudy.world.journal import Unkept
from understudy.world.sources import Unreadable
from understudy.world.world import Logged, World

SHOWN = 3
"""Broken references that are told one by one when the server starts."""


Front = Callable[[App], Any]
"""What stands in front of the stand-in, and passes some requests elsewhere."""


def serve(asked: argparse.Namespace, front: Front | None = None) -> int:
    """Serve until interrupted; the exit status (0: stopped, 2: could not start)."""
    try:
        sandbox = open_theatre(_options(asked))
    except Unplayable as fault:
        return _failed(*(f"{one.where}: {one.message}" for one in fault.faults))
    except (Unreadable, Unkept, FixtureFault, LookupError, ValueError) as fault:
        return _failed(str(fault))
    try:
        listening = _listen(asked.host, asked.port)
    except OSError as fault:
        return _failed(f"cannot listen on {asked.host}:{asked.port}: {fault.strerror}; try --port 0 for any free port")
    poster = Poster(asked.allow_host, timeout=sandbox.post.rules.timeout.total_seconds())
    app = App(sandbox, world_per_key=asked.world_per_key, origins=tuple(asked.cors), relaxed=asked.durability == "relaxed", poster=poster)
    if not asked.quiet:
        _print(app, Printer(sys.stdout.isatty()))
    _tell_misfits(sandbox)
    _greet(sandbox, asked.host, listening.getsockname()[1])
    return _run(app, listening, front)


def _print(app: App, printer: Printer) -> None:
    app.sandbox.stage.observe = printer.show
    assert app.sender is not None
    app.sender.observe = printer.told


def _options(asked: argparse.Namespace) -> Options:
    return Options(
        spec=tuple(asked.spec) or None,
        overlays=tuple(asked.overlay),
        behaviour=asked.behaviour,
        fixture=asked.fixture,
        now=parse_instant(asked.now) if asked.now else None,
        running={"running": True, "frozen": False, None: None}[asked.clock],
        seed=asked.seed,
        strict=asked.strict,
        open=asked.no_auth,
        strict_auth=asked.strict_auth,
        keys=frozenset(asked.api_key) if asked.api_key else None,
        most=asked.max_worlds,
        idle=asked.idle,
        data=asked.data,
    )


def _failed(*messages: str) -> int:
    for message in messages:
        print(f"understudy: {message}", file=sys.stderr)
    return 2


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening


def _run(app: App, listening: socket.socket, front: Front | None = None) -> int:
    gc.freeze()  # what is loaded stays: the collector need not look at it again
    gc.set_threshold(50_000, 20, 50)
    import uvicorn  # 75 ms: not before the options are known to be good

    from understudy.server.protocol import Protocol, Server  # imports uvicorn

    config = uvicorn.Config(
        app if front is None else front(app),
        http=Protocol if front is None else "httptools",
        proxy_headers=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_keep_alive=600,  # a local client may sleep on a breakpoint
    )
    if app.sandbox.folder is not None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # uvicorn raises what stopped it again when it is done
    try:
        Server(config, app).run(sockets=[listening])
    finally:
        _close(app.sandbox)
    return 0


def _close(sandbox: Theatre) -> None:
    """Leave the world files up to date."""
    try:
        if sandbox.folder is not None:
            sandbox.folder.close()
    except OSError as fault:
        _failed(f"the world files stay as they were: {fault.strerror}; nothing is lost, the journal goes with them")


def _greet(sandbox: Theatre, host: str, port: int) -> None:
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host
    base = f"http://{shown}:{port}"
    world = sandbox.worlds.get("default")
    frozen = "standing still" if world.clock.frozen else "running"
    lines = [
        f"{sandbox.title}",
        f"  base URL   {base}",
        f"  document   {len(sandbox.script.contract.operations)} operations, {_public(sandbox)} resources ({_shortened(sandbox.understood.where)})",
        f"  world      fixture {sandbox.fixture.name}; the clock is {frozen} at {format_instant(world.clock.now())}",
        f"  control    {base}/_understudy/health",
        f"  try        {_first_call(sandbox, base)}",
    ]
    lines += _notes(sandbox)
    print("\n".join(lines), flush=True)


def _notes(sandbox: Theatre) -> list[str]:
    """What a person should look at, in a line or two."""
    found, understood = sandbox.understood.comparison, sandbox.understood
    parts = {"new operations": found.new, "changed": found.changed, "orphaned lines": found.orphaned}
    lines = []
    if any(parts.values()):
        told = ", ".join(f"{len(some)} {name}" for name, some in parts.items() if some)
        lines.append(f"  behaviour  {told} since the behaviour file was written; see understudy inspect")
    lines += _tokens(sandbox)
    lines += [f"  overlay    {one.where} {one.message}" for one in understood.overlaid]
    lines += [f"  broken     {one.where}: {one.message}" for one in understood.broken[:SHOWN]]
    if len(understood.broken) > SHOWN:
        lines.append(f"  broken     and {len(understood.broken) - SHOWN} more references; see understudy inspect")
    if rest := [one for one in understood.warnings if not found.tells(one)]:
        lines.append(f"  note       {len(rest)} things the document does not bear out; see understudy inspect")
    return lines


def _tokens(sandbox: Theatre) -> list[str]:
    """Where tokens are granted, and which others are taken."""
    stage = sandbox.stage
    where = [path for path, place in sandbox.script.places.items() if place.part == "token"]
    if not where or stage.open:
        return []
    others = "no other is taken" if stage.strict_auth else "any other is taken too" if stage.keys is None else "the keys listed are taken too"
    return [f"  tokens     POST {' or '.join(where[:3])} grants them; {others}{'' if stage.strict_auth else ' (--strict-auth: no other)'}"]


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


def _tell_misfits(sandbox: Theatre) -> None:
    """Say which kept records do not fit the document, on standard error."""
    misfits = sandbox.folder.misfits if sandbox.folder is not None else ()
    for one in misfits[:20]:
        print(f"understudy: {one.where}: {one.message}", file=sys.stderr)
    if misfits:
        more = f"{len(misfits) - 20} more, " if len(misfits) > 20 else ""
        print(f"understudy: {more}{len(misfits)} kept records or resources no longer fit the document; they stay as they are", file=sys.stderr)


def _public(sandbox: Theatre) -> int:
    return sum(not resource.internal for resource in sandbox.script.behaviour.resources.values())


def _first_call(sandbox: Theatre, base: str) -> str:
    auth = sandbox.stage.auth
    header = f" -H '{auth.headers[0].upper()}: {next(iter(auth.keys or ['any']))}'" if auth and auth.headers else ""
    script = sandbox.script
    lists = [one.path.replace("{version}", script.behaviour.version or "1") for one in script.contract.operations if script.roles[one.key].kind == "list"]
    whole = [path for path in lists if "{" not in path]
    chosen = next((path for path in whole if "customer" in path), whole[0] if whole else "/")
    return f"curl {base}{chosen}{header}"


@dataclass(slots=True)
class Printer:
    """Prints a line for each request with the reason of its answer; in colour on a terminal."""

    colour: bool

    def show(self, entry: Logged) -> None:
        """Print one request."""
        print(self._line(entry), flush=True)

    def told(self, world: World, tried: Tried) -> None:
        """Print one attempt to tell an endpoint."""
        one, attempt = tried.delivery, tried.attempt
        said = "given up" if attempt is None else f"{attempt.error or attempt.status}, attempt {len(one.attempts)}"
        after = "" if one.next_at is None else f"; next {format_instant(one.next_at)}"
        url = world.held["endpoints"][one.endpoint].url if attempt is None or attempt.url is None else attempt.url
        print(f" → {one.type} to {_printable(url)}  {_printable(said)}{after}", flush=True)

    def _line(self, entry: Logged) -> str:
        marks: Any = {2: "\x1b[32m", 3: "\x1b[36m", 4: "\x1b[33m", 5: "\x1b[31m"}
        status = f"{marks.get(entry.status // 100, '')}{entry.status}\x1b[0m" if self.colour else str(entry.status)
        reason = f"\x1b[2m{entry.reason}\x1b[0m" if self.colour else entry.reason
        warned = "".join(f"\n      ! {warning}" for warning in entry.warnings)
        return f"{status} {entry.method} {_printable(entry.target)}  {reason}{warned}"


def _printable(text: str) -> str:
    return _shortened(text).encode("ascii", "backslashreplace").decode()
