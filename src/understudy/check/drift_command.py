"""`understudy drift`: the stand-in, or another URL, and a real implementation in lockstep; the report, the baseline, the exit status.

Exit status 0: no drift that is new; 1: drift; 2: it could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from understudy.check import opening
from understudy.check.command import _could_not, _form
from understudy.check.drift_reports import reported, told
from understudy.check.drifting import Lockstep
from understudy.check.reaching import reach, remote
from understudy.check.reports import FORMS, Context
from understudy.check.running import Choice
from understudy.check.settings import Misconfigured, from_files, joined, secret
from understudy.check.steps import Wire
from understudy.check.targets import Remote, Target
from understudy.check.traffic import Recorded, recorded
from understudy.understanding import Options as Playing
from understudy.understanding import Unplayable, understand
from understudy.world.fixtures import FixtureFault
from understudy.world.sources import Unreadable


def drift(options: argparse.Namespace) -> int:
    """Run the command."""
    try:
        return _drift(joined(options, from_files(Path.cwd(), "drift", options.config)))
    except Misconfigured as fault:
        return _could_not(str(fault))
    except Unplayable as fault:
        return _could_not("\n".join(f"{one.where}: {one.message}" for one in fault.faults))
    except (Unreadable, FixtureFault, LookupError, ValueError) as fault:
        return _could_not(str(fault))


def _drift(options: argparse.Namespace) -> int:
    if not options.url:
        raise Misconfigured("--url is missing: the address of the real implementation")
    reports = [_form(one) for one in options.report]
    known = _baseline(options.baseline) if not options.update_baseline else set()
    playing = Playing(spec=options.spec or None, behaviour=options.behaviour, fixture=options.fixture)
    api = opening.api_of(understand(playing))
    traffic = [_traffic(one) for one in options.traffic]
    key = secret(options.key_env, options.key_file)
    right = remote(options, options.url)
    left: Target = remote(options, options.against) if options.against else opening.stand_in(playing)[1]
    try:
        for one in (right, left):
            if isinstance(one, Remote):
                reach(one, api)
                if options.reset is None:
                    one.take_world(f"drift-{os.getpid()}")
        reads = not right.local and not options.allow_writes
        choice = Choice(tuple(options.include), tuple(options.exclude), tuple(options.law), tuple(options.without_law), tuple(options.tag), reads_only=reads)
        good = opening.credentials(api, key)
        own = good if options.against else opening.credentials(api, None)
        report = Lockstep(api, left, right, (own, good), 1 if options.seed is None else options.seed, options.max_time, choice, traffic).all()
    finally:
        left.close()
        right.close()
    for form, path in reports:
        Path(path).write_text(FORMS[form](reported(report, known, api.title), Context(options.url, good)), encoding="utf-8")
    print("\n".join(told(report, known)))
    if options.baseline and options.update_baseline:
        Path(options.baseline).write_text(json.dumps({"drift": sorted(one.identity for one in report.failing())}, indent=1) + "\n", encoding="utf-8")
        return 0
    return 1 if report.failing(known) else 0


def _traffic(source: str) -> list[Recorded]:
    """The requests of a file, or of the log of a stand-in that listens at a URL. Raises Misconfigured."""
    try:
        return recorded(_log_at(source) if source.startswith(("http://", "https://")) else Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise Misconfigured(f"--traffic {source}: {getattr(fault, 'strerror', None) or fault}") from None


def _log_at(url: str) -> str:
    """The log of a running stand-in, or of one of its worlds (`URL/_world/NAME`). Raises ValueError."""
    base, _, world = url.rstrip("/").partition("/_world/")
    server = Remote(base)
    try:
        answer = server.send(Wire("GET", f"/_understudy/requests?whole=true{f'&world={world}' if world else ''}", (), b""))
    finally:
        server.close()
    if not answer.ok:
        raise ValueError(f"no stand-in tells its requests there ({answer.fault or answer.status})")
    return answer.body.decode("utf-8", "replace")


def _baseline(path: str | None) -> set[str]:
    """Drift that is known. Raises Misconfigured."""
    if path is None:
        return set()
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))["drift"]
        return {str(one) for one in found}
    except FileNotFoundError:
        raise Misconfigured(f"--baseline {path}: no such file; write it with --update-baseline") from None
    except (ValueError, KeyError, TypeError):
        raise Misconfigured(f'--baseline {path}: not a baseline; it holds {{"drift": [...]}}') from None
