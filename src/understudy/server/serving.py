"""One server process: from command-line options to a listening uvicorn.

Nothing here answers requests; what a person sees is worded in `greeting` and `printing`.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from socket import socket as Socket
from ssl import SSLContext
from typing import Any

from understudy import __version__
from understudy.durations import parse_instant
from understudy.server import certifying, greeting, ports
from understudy.server.app import App
from understudy.server.certifying import Uncertified
from understudy.server.outlet import Outlet
from understudy.server.painting import in_colour, waiting
from understudy.server.posting import Poster
from understudy.server.printing import FORMS, Printer
from understudy.server.reloading import Reloader
from understudy.theatre import Options, Theatre, Unplayable, open_theatre
from understudy.world.fixtures import FixtureFault
from understudy.world.journal import Unkept
from understudy.world.sources import Unreadable, noted

_EVERY = ("127.0.0.1", "0.0.0.0", "::1", "::", "localhost")
TERMINATED = 143
"""The exit status of a process that was asked to end (128 and the number of SIGTERM)."""


Front = Callable[[App], Any]
"""What stands in front of the stand-in, and passes some requests elsewhere."""


def serve(asked: argparse.Namespace, front: Front | None = None) -> int:
    """Serve until interrupted; the exit status (0: stopped, 2: could not start)."""
    try:
        tls = _tls(asked)
        door, sandbox, files = _opened(asked)
    except Unplayable as fault:
        return _failed(*(f"{one.where}: {one.message}" for one in fault.faults))
    except (Uncertified, ports.Unheard, Unreadable, Unkept, FixtureFault, LookupError, ValueError) as fault:
        return _failed(str(fault))
    with door, _terminable():
        return _play(asked, sandbox, files, door, tls, front)


def _tls(asked: argparse.Namespace) -> SSLContext | None:
    """What HTTPS is spoken with, if it is. Raises Uncertified."""
    if asked.tls_cert or asked.tls_key:
        if not asked.tls_cert or asked.tls:
            raise Uncertified("say either --tls, for a certificate that is made, or --tls-cert FILE --tls-key FILE, for one's own")
        return certifying.given(asked.tls_cert, asked.tls_key or asked.tls_cert)
    return certifying.made([] if asked.host in _EVERY else [asked.host]) if asked.tls else None


@contextmanager
def _terminable() -> Iterator[None]:
    """However it is stopped, what was begun is ended. uvicorn raises what stopped it again when it is done."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _opened(asked: argparse.Namespace) -> tuple[Socket, Theatre, set[Path]]:
    """The socket first: a port that is taken is told before a large document is read."""
    door = ports.bound(asked.host, asked.port)
    tell, clear = waiting(sys.stderr)
    try:
        with noted() as files:
            sandbox = open_theatre(options_of(asked), tell)
        ports.listening(door, asked.host, asked.port)  # not before there is somebody to answer
    except BaseException:
        door.close()
        raise
    finally:
        clear()
    return door, sandbox, files


def _play(asked: argparse.Namespace, sandbox: Theatre, files: set[Path], listening: Socket, tls: SSLContext | None, front: Front | None) -> int:
    poster = Poster(asked.allow_host, timeout=sandbox.post.rules.timeout.total_seconds())
    app = App(sandbox, world_per_key=asked.world_per_key, origins=tuple(asked.cors), relaxed=asked.durability == "relaxed", poster=poster)
    _tell_misfits(sandbox)
    colour = in_colour(sys.stdout, asked.color)
    form = FORMS[asked.log]
    printer = Printer(Outlet(sys.stdout, form.left_out), form, colour)
    _greet(asked, sandbox, _base(asked.host, listening.getsockname()[1], "http" if tls is None else "https"), printer)
    app.reloader = Reloader(app, options_of(asked), printer.tell, files if asked.reload else None)
    if not asked.quiet:
        _print(app, printer)
    try:
        return _run(app, listening, tls, front)
    finally:
        printer.outlet.close()


def _greet(asked: argparse.Namespace, sandbox: Theatre, base: str, printer: Printer) -> None:
    if asked.log == "json":
        printer.tell("start", version=__version__, **greeting.facts(sandbox, base), **({"ca": str(certifying.authority_file())} if asked.tls else {}))
    else:
        text = greeting.shown(sandbox.title, greeting.greeting(sandbox, base, str(certifying.authority_file()) if asked.tls else None), printer.colour)
        printer.outlet.put(lambda: text)


def _base(host: str, port: int, scheme: str = "http") -> str:
    """What clients on this machine call the server."""
    shown = "localhost" if host in _EVERY else f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}"


def _print(app: App, printer: Printer) -> None:
    app.sandbox.stage.observe = printer.show
    assert app.sender is not None
    app.sender.observe = printer.tried


def options_of(asked: argparse.Namespace) -> Options:
    """What the arguments of `serve` ask for. Raises ValueError."""
    return Options(
        spec=tuple(asked.spec) or None,
        overlays=tuple(asked.overlay),
        behaviour=asked.behaviour,
        fixture=asked.fixture,
        now=_instant(asked.now) if asked.now else None,
        running={"running": True, "frozen": False, None: None}[asked.clock],
        seed=asked.seed,
        strict=asked.strict,
        open=asked.no_auth,
        strict_auth=asked.strict_auth,
        keys=frozenset(asked.api_key) if asked.api_key else None,
        most=asked.max_worlds,
        idle=asked.idle,
        data=asked.data,
        faults=tuple(_faults(asked.fault)),
    )


def _faults(given: list[str]) -> Iterator[Any]:
    """The rows of `--fault`. Raises ValueError."""
    if given:
        from understudy.server.given import faults  # only where there are faults

        for text in given:
            yield from faults(text)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as fault:
        raise ValueError(f"--now: {fault}") from None


def _failed(*messages: str) -> int:
    for message in messages:
        print(f"understudy: {message}", file=sys.stderr)
    return 2


def _run(app: App, listening: Socket, tls: SSLContext | None, front: Front | None) -> int:
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
    try:
        Server(config, app, tls).run(sockets=[listening])
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


def _tell_misfits(sandbox: Theatre) -> None:
    """Say which kept records do not fit the document, on standard error."""
    misfits = sandbox.folder.misfits if sandbox.folder is not None else ()
    for one in misfits[:20]:
        print(f"understudy: {one.where}: {one.message}", file=sys.stderr)
    if misfits:
        more = f"{len(misfits) - 20} more, " if len(misfits) > 20 else ""
        print(f"understudy: {more}{len(misfits)} kept records or resources no longer fit the document; they stay as they are", file=sys.stderr)


