"""`understudy check`: options become a run, a run becomes a report and an exit status.

Exit status 0: nothing found; 1: findings; 2: it could not be run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.check import opening
from understudy.check.arguments import NEEDS
from understudy.check.findings import Uncovered
from understudy.check.inbox import Inbox
from understudy.check.judging import UNIVERSAL
from understudy.check.laws.catalogue import LEFT_OUT
from understudy.check.reaching import reach, remote
from understudy.check.reports import FORMS, Context, console
from understudy.check.running import LAWS, Choice, Observe, Options, Report, Run
from understudy.check.scenarios import Scenarios
from understudy.check.settings import Misconfigured, from_files, joined, secret
from understudy.check.subjects import Api
from understudy.check.targets import InProcess, Remote, Target
from understudy.understanding import Options as Playing
from understudy.understanding import Unplayable, understand
from understudy.world import sources
from understudy.world.fixtures import FixtureFault
from understudy.world.sources import Unreadable

COULD_NOT = 2
LAYERS = ("lint", "laws", "fuzz")
FUZZ_TIME = 60.0


def check(options: argparse.Namespace) -> int:
    """Run the command."""
    try:
        options = joined(options, from_files(Path.cwd(), "check", options.config))
        return _check(options)
    except Misconfigured as fault:
        return _could_not(str(fault))
    except Unplayable as fault:
        return _could_not("\n".join(f"{one.where}: {one.message}" for one in fault.faults))
    except (Unreadable, FixtureFault, LookupError, ValueError) as fault:
        return _could_not(str(fault))


def _could_not(words: str) -> int:
    for line in words.splitlines():
        print(f"understudy: {line}", file=sys.stderr)
    return COULD_NOT


def _check(options: argparse.Namespace) -> int:
    reports = [_form(one) for one in options.report]
    choice = _choice(options)
    playing = Playing(spec=options.spec or None, behaviour=options.behaviour, fixture=options.fixture)
    api = opening.api_of(understand(playing))
    key = secret(options.key_env, options.key_file)
    target = _with_receiver(_target(options, playing), api)
    try:
        bare = target.target if isinstance(target, Inbox) else target
        choice = _safely(options, choice, bare)
        credentials = opening.credentials(api, key)
        if isinstance(bare, Remote):
            reach(bare, api)
            if options.reset is None and bare.take_world(f"check-{os.getpid()}") and isinstance(target, Inbox):
                target.resets = True
        if isinstance(bare, InProcess | Remote) and bare.stands_in:
            credentials["other"] = bare.beside(credentials.get("good", {}))
        elif options.other_key_env:
            credentials["other"] = opening.credentials(api, secret(options.other_key_env, None)).get("good", {})
        seed = options.seed if options.seed is not None else 1
        run = Run(api, target, Options(seed, options.max_time, choice, credentials, clean=not target.resets), _progress())
        report = _all(run, options, api, target, credentials)
        report.spec = ", ".join(options.spec or ["the bundled sandbox"])
    finally:
        target.close()
    context = Context(options.url or "http://localhost:4010", credentials)
    for form, path in reports:
        Path(path).write_text(FORMS[form](report, context), encoding="utf-8")
    _clear()
    print(console(report, context, scripts=not options.brief))
    return 1 if report.findings else 0


def _all(run: Run, options: argparse.Namespace, api: Api, target: Target, credentials: dict[str, dict[str, str]]) -> Report:
    """The layers that were asked for."""
    layers = options.layers or list(LAYERS)
    unknown = set(layers) - set(LAYERS)
    if unknown:
        raise Misconfigured(f"--layers {', '.join(sorted(unknown))}: no such layer; there are {', '.join(LAYERS)}")
    if "lint" in layers:
        for fault in api.contract.check():
            print(f"{fault.severity}: {fault.where}: {fault.message}", file=sys.stderr)
    for path in options.scenario:
        run.play(Scenarios(path, _arazzo(path), _arazzo(options.inputs) if options.inputs else {}))
    report = run.all() if "laws" in layers else run.report
    if "fuzz" in layers and report.stopped is None and not (options.law and "fuzz" not in options.layers):
        _fuzz(report, options, api, target, credentials, run.options.choice)
    return report


def _arazzo(path: str) -> Mapping[str, Any]:
    found = sources.read(Path(path))
    return found if isinstance(found, Mapping) else {}


def _fuzz(report: Report, options: argparse.Namespace, api: Api, target: Target, credentials: dict[str, dict[str, str]], choice: Choice) -> None:
    """Add what stock schemathesis finds. Raises Misconfigured where it is not installed."""
    try:
        from understudy.check.fuzzing import INTERRUPTED, LAW, fuzz  # 0.5 s, and it comes with the extra alone
    except ModuleNotFoundError as fault:
        raise Misconfigured(f"{NEEDS} ({fault.name} is missing); or leave it out with --layers lint --layers laws") from None
    left = None if options.max_time is None else max(1.0, options.max_time - report.seconds)
    seconds = min(options.fuzz_time or FUZZ_TIME, left or FUZZ_TIME * 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fuzz(api, target, credentials.get("good", {}), seed=report.seed, seconds=seconds, allowed=choice.allowed(api), workers=options.workers or 1)
    report.findings += found.findings
    report.stopped = found.failed if found.failed == INTERRUPTED else report.stopped
    report.calls += found.calls
    report.seconds += found.seconds
    report.judged[f"{LAW}all checks", "all operations"] += found.calls
    report.judged[f"{LAW}the model", "all operations"] += found.claims
    report.uncovered += [Uncovered(f"{LAW}all checks", label, f"schemathesis could not: {words}") for label, words in found.skipped.items()]
    if not found.ended:
        report.uncovered.append(Uncovered(f"{LAW}all phases", "all", f"schemathesis gave up: {found.failed}" if found.failed else f"it was stopped after {seconds:g} s; --fuzz-time gives it more"))


def _form(text: str) -> tuple[str, str]:
    form, colon, path = text.partition(":")
    if form not in FORMS or not colon or not path:
        raise Misconfigured(f"--report {text}: write FORM:FILE, the forms are {', '.join(FORMS)}")
    if not Path(path).resolve().parent.is_dir():
        raise Misconfigured(f"--report {text}: there is no folder {Path(path).resolve().parent}")
    return form, path


def _choice(options: argparse.Namespace) -> Choice:
    """What is looked at. Raises Misconfigured for a law there is none of."""
    choice = Choice(tuple(options.include), tuple(options.exclude), tuple(options.law), tuple(options.without_law), tuple(options.tag))
    for pattern in (*choice.laws, *choice.without_laws):
        if not any(Choice(laws=(pattern,)).wants(law) for law in LAWS):
            raise Misconfigured(f'no law is called "{pattern}"; the laws are {", ".join(law.name for law in LAWS)}; their tags {", ".join(dict.fromkeys(law.tag for law in LAWS))}')
    return choice


def _target(options: argparse.Namespace, playing: Playing) -> Target:
    """What is checked: the stand-in in process, or a URL."""
    if options.url is None:
        return opening.stand_in(playing)[1]
    return remote(options, options.url)


def _with_receiver(target: Target, api: Api) -> Target:
    """A receiver of webhooks beside a target that can reach this machine, where the API tells of anything."""
    tells = any(subject.resource.events for subject in api.subjects.values())
    return Inbox(target) if tells and getattr(target, "local", True) else target


def _safely(options: argparse.Namespace, choice: Choice, target: Target) -> Choice:
    """Nothing is written to a target that is not this machine unless that was allowed."""
    if not isinstance(target, Remote) or target.local or options.allow_writes:
        return choice
    print("understudy: the target is not this machine: only what reads is sent; --allow-writes lets the rest be sent too", file=sys.stderr)
    return replace(choice, reads_only=True)


# --- progress ----------------------------------------------------------------------------------------------------------------


def _progress() -> Observe | None:
    """A line on the terminal, at most ten times in a second."""
    if not sys.stderr.isatty():
        return None
    last = 0.0

    def tell(what: str, report: Report) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.1:
            last = now
            print(f"\r\033[K{report.calls} calls, {len(report.findings)} findings · {what}", end="", file=sys.stderr, flush=True)

    return tell


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def names() -> Iterator[str]:
    """Every law, a line each."""
    for law in LAWS:
        yield f"{law.name:36} {law.tag:12} {law.says} ({law.source})"
    yield from (f"{name:36} {'every answer':12} {source}" for name, source in UNIVERSAL.items())
    yield "\nknown from the field, and left out:"
    yield from (f"  {what}: {why}" for what, why in LEFT_OUT.items())
