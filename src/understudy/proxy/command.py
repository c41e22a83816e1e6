"""`understudy proxy`: options become a listening proxy, a session becomes a report and an exit status.

Exit status 0: nothing was wrong; 1: something was; 2: it could not be run. Nothing is judged here.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.check import opening
from understudy.check.command import _could_not, _form
from understudy.check.reports import FORMS, Context, story, table
from understudy.check.settings import Misconfigured
from understudy.proxy.app import Proxy, Settings
from understudy.proxy.exchanges import Exchange
from understudy.proxy.forwarding import Origin, Trust, Upstream
from understudy.proxy.har import Unread
from understudy.proxy.hops import PSEUDONYM
from understudy.proxy.keeping import Record
from understudy.proxy.splitting import Split, named, unmatched
from understudy.proxy.watching import Violation, Watched, Watcher
from understudy.server import ports
from understudy.server.app import App
from understudy.server.fronting import run
from understudy.server.painting import colour_of, in_colour, paint, printable
from understudy.server.posting import Poster
from understudy.theatre import open_theatre
from understudy.understanding import Options, Unplayable, understand
from understudy.world.fixtures import FixtureFault
from understudy.world.sources import Unreadable


def proxy(options: argparse.Namespace) -> int:
    """Run the command."""
    try:
        return _proxy(options)
    except Unplayable as fault:
        return _could_not("\n".join(f"{one.where}: {one.message}" for one in fault.faults))
    except (Misconfigured, Unreadable, Unread, FixtureFault, LookupError, ValueError) as fault:
        return _could_not(str(fault))
    except ssl.SSLError as fault:
        return _could_not(f"--ca {options.ca}: no file of PEM certificates ({fault.reason or fault})")
    except OSError as fault:
        return _could_not(f"{fault.filename or options.record or options.ca or ''}: {fault.strerror}")


def serve(options: argparse.Namespace, serving: Callable[..., int]) -> int:
    """Run `understudy serve` with the real API behind some operations."""
    try:
        front = passing(options)
        contract = understand(Options(spec=tuple(options.spec) or None, behaviour=options.behaviour, overlays=tuple(options.overlay))).script.contract
        told(options.pass_through, "--pass-through", contract)
    except Unplayable as fault:
        return _could_not("\n".join(f"{one.where}: {one.message}" for one in fault.faults))
    except ssl.SSLError as fault:
        return _could_not(f"--ca {options.ca}: no file of PEM certificates ({fault.reason or fault})")
    except OSError as fault:
        return _could_not(f"{fault.filename or options.ca}: {fault.strerror}")
    except (Misconfigured, Unreadable, ValueError) as fault:
        return _could_not(str(fault))
    return serving(options, front)


def _proxy(options: argparse.Namespace) -> int:
    reports = [_form(one) for one in options.report]
    playing = Options(spec=tuple(options.spec) or None, behaviour=options.behaviour, overlays=tuple(options.overlay), fixture=options.fixture)
    understood = understand(playing)
    api = opening.api_of(understood)
    upstream = upstream_of(options)
    watcher = Watcher(api, upstream.origin.shown, tuple(options.law), tuple(options.without_law))
    listening, record = _bound(options.host, options.port), None
    try:
        record = Record(Path(options.record)) if options.record else None
        watcher.redactor.first = record.placeholders + 1 if record is not None else 1
        settings = Settings(_via(listening), headers=not options.no_headers, forwarded=options.forwarded)
        front = Proxy(upstream, watcher, settings, record, Printer(in_colour(sys.stdout), options.quiet).show)
        app, stand_in = _with_stand_in(options, playing, front)
        _greet(options, watcher, upstream, listening)
        run(app, listening, stand_in, upstream.close)
    finally:
        listening.close()
        if record is not None:
            record.close()
    front.confirm()
    return _reported(watcher.report, reports, upstream)


def upstream_of(options: argparse.Namespace) -> Upstream:
    """The real API as options say. Raises ValueError, ssl.SSLError, OSError."""
    if not 0 < options.timeout < 1e6:
        raise ValueError(f"--timeout {options.timeout:g}: a number of seconds above 0")
    return Upstream(Origin.of(options.to), Trust(options.ca, options.insecure), options.timeout)


def _bound(host: str, port: int) -> socket.socket:
    try:
        door = ports.bound(host, port)
        ports.listening(door, host, port)
    except ports.Unheard as fault:
        raise Misconfigured(str(fault)) from None
    return door


def _via(listening: socket.socket) -> bytes:
    return PSEUDONYM + b"-%d" % listening.getsockname()[1]


def _with_stand_in(options: argparse.Namespace, playing: Options, front: Proxy) -> tuple[Any, Any]:
    """The application, with the stand-in beside the real API where that was asked for. Raises Misconfigured."""
    if not options.stand_in:
        return front, None
    theatre = open_theatre(replace(playing, open=True))
    told(options.stand_in, "--stand-in", theatre.script.contract)
    app = App(theatre, poster=Poster())
    ours = named(options.stand_in)
    return Split(theatre.script.contract, front, app, lambda key: not ours(key)), app


def told(patterns: list[str], option: str, contract: Any) -> None:
    """Refuse patterns that mean nothing. Raises Misconfigured."""
    for one in unmatched(patterns, contract):
        raise Misconfigured(f"{option} '{one}': the document has no such operation; they are called as {contract.operations[0].key if contract.operations else 'GET /path'}")


def passing(options: argparse.Namespace) -> Callable[[App], Any]:
    """What `serve --pass-through` puts in front of the stand-in. Raises ValueError, OSError."""
    upstream = upstream_of(options)

    def front(app: App) -> Split:
        contract = app.sandbox.script.contract
        watcher = Watcher(opening.api_of(app.sandbox.understood), upstream.origin.shown)
        real = Proxy(upstream, watcher, told=Printer(in_colour(sys.stdout), quiet=options.quiet).show)
        return Split(contract, real, app, named(options.pass_through))

    return front


# --- what a person sees -----------------------------------------------------------------------------------------------


def _greet(options: argparse.Namespace, watcher: Watcher, upstream: Upstream, listening: socket.socket) -> None:
    host, port = options.host, listening.getsockname()[1]
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host
    lines = [
        watcher.api.title,
        f"  proxy      http://{shown}:{port}  →  {upstream.origin.shown}{upstream.origin.base}",
        f"  document   {len(watcher.api.contract.operations)} operations, {len(watcher.api.subjects)} resources",
        f"  says       {'in the report alone' if options.no_headers else 'in the header Understudy-Violations'}, and here",
    ]
    lines += [f"  record     {options.record}, without secrets"] if options.record else []
    lines += [f"  stand-in   {', '.join(options.stand_in)}"] if options.stand_in else []
    lines += ["  note       the real API's certificate is not looked at (--insecure)"] if options.insecure else []
    print("\n".join(lines), flush=True)


class Printer:
    """Prints a line for each exchange, and one for each thing wrong with it."""

    def __init__(self, coloured: bool, quiet: bool) -> None:
        self._coloured, self._quiet = coloured, quiet

    def show(self, one: Exchange, violations: list[Violation]) -> None:
        """Print one exchange."""
        if self._quiet and not violations:
            return
        status = paint(str(one.status or "---"), colour_of(one.status or None), self._coloured)
        why = f"  {printable(one.fault)}" if one.fault else ""
        lines = [f"{status} {one.method} {printable(one.path)}  {one.seconds * 1000:.0f} ms{why}"]
        lines += [f"      ! {found.side}: {found.law}: {printable(found.message)}" for found in violations]
        print("\n".join(lines), flush=True)


def _reported(report: Watched, reports: list[tuple[str, str]], upstream: Upstream) -> int:
    """The end of a session: files, words, exit status."""
    context = Context(upstream.origin.shown, {})
    for form, path in reports:
        Path(path).write_text(FORMS[form](report, context), encoding="utf-8")
    print("\n".join(summary(report)), flush=True)
    return 1 if report.times else 0


def summary(report: Watched) -> Iterator[str]:
    """All of it for a terminal."""
    yield ""
    for number, finding in enumerate(report.findings, 1):
        yield f"{number}. {finding.law}: {printable(finding.message, 400)}"
        yield f"   at {finding.operation}, {_times(report.times[finding.identity])} ({report.laws.get(finding.law, 'the contract')})"
        yield from (f"   {printable(line, 400)}" for line in story(finding))
    if len(report.times) > len(report.findings):
        yield f"and {len(report.times) - len(report.findings)} more"
    yield from table(report)
    yield from (f"not looked at: {why}, {_times(count)}" for why, count in report.unjudged.items())
    found = len(report.times)
    what = "nothing wrong" if not found else "1 thing wrong" if found == 1 else f"{found} things wrong"
    yield f"{what}: {report.target}, {report.calls} calls, {sum(report.judged.values())} claims"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
