"""`understudy drift`: the stand-in, or another URL, and a real implementation in lockstep; the report, the baseline, the exit status.

Exit status 0: no drift that is new; 1: drift; 2: it could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from understudy.check import opening
from understudy.check.command import GENTLY, _could_not, _reach
from understudy.check.drifting import CLASSES, Drift, Drifts, Lockstep, from_har
from understudy.check.reports import address, shown
from understudy.check.running import Choice
from understudy.check.settings import Misconfigured, from_files, joined, secret
from understudy.check.steps import ABSENT
from understudy.check.targets import Manners, Remote, Target
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
    known = _baseline(options.baseline) if not options.update_baseline else set()
    playing = Playing(spec=options.spec or None, behaviour=options.behaviour, fixture=options.fixture)
    api = opening.api_of(understand(playing))
    traffic = [from_har(Path(one).read_text(encoding="utf-8"), api) for one in options.traffic]
    key = secret(options.key_env, options.key_file)
    right = _remote(options, options.url)
    left: Target = _remote(options, options.against) if options.against else opening.stand_in(playing)[1]
    try:
        for one in (right, left):
            if isinstance(one, Remote):
                _reach(one, api)
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
    print("\n".join(told(report, known)))
    if options.baseline and options.update_baseline:
        Path(options.baseline).write_text(json.dumps({"drift": sorted(one.identity for one in report.failing())}, indent=1) + "\n", encoding="utf-8")
        return 0
    return 1 if report.failing(known) else 0


def _remote(options: argparse.Namespace, url: str) -> Remote:
    remote = Remote(url, Manners(options.timeout or 10.0, options.rate, not options.insecure, options.reset))
    if remote.local or options.rate is not None:
        return remote
    remote.close()
    return Remote(url, Manners(options.timeout or 10.0, GENTLY, not options.insecure, options.reset))


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


def told(report: Drifts, known: set[str]) -> Iterator[str]:
    """All of it for a terminal, the gravest class first, each with its smallest sequence."""
    for kind, says in CLASSES.items():
        some = sorted((one for one in report.found.values() if one.kind == kind), key=lambda one: (len(one.steps), one.identity))
        if some:
            yield f"{says}:"
            for one in some:
                yield from _one(one, known)
            yield ""
    if report.uncovered:
        yield f"not covered: {', '.join(report.uncovered)}"
    new, silent = report.failing(known), [one for one in report.found.values() if one.kind == "silent"]
    old = len(report.failing()) - len(new)
    ended = f"; ended {report.stopped}" if report.stopped else ""
    yield (f"{len(new) or 'no'} drift{f', {old} known' if old else ''}{f', {len(silent)} where the contract is silent' if silent else ''}: "
           f"{report.left} and {report.right}, {report.sequences} sequences, {report.calls} calls, {report.seconds:.1f} s{ended}")


def _one(drift: Drift, known: set[str]) -> Iterator[str]:
    old = " (known)" if drift.identity in known else ""
    yield f"  {drift.operation}  {drift.at}: {_value(drift.left)} and {_value(drift.right)}, {drift.count} times{old}"
    for index, step in enumerate(drift.steps if not old else ()):
        body = "" if step.body is ABSENT else " " + json.dumps(shown(step.body), ensure_ascii=False)
        yield f"    {index}  {step.method} {address(step)}{body}"[:240]


def _value(value: object) -> str:
    text = "nothing" if value is ABSENT else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 80 else text[:79] + "…"
