"""What two implementations differ in, for people on a terminal, and as a report in the forms of `understudy check`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from understudy.check.claims import Claim, status
from understudy.check.drifting import CLASSES, Drift, Drifts
from understudy.check.findings import Finding, Uncovered
from understudy.check.reports import address, shown
from understudy.check.running import Report
from understudy.check.steps import ABSENT, Ref

LAW = "drift: "


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
           f"{report.left} and {report.right}, {report.sequences} sequences, {report.calls} calls, {report.seconds:.1f} s, --seed {report.seed}{ended}")


def _one(drift: Drift, known: set[str]) -> Iterator[str]:
    old = " (known)" if drift.identity in known else ""
    yield f"  {drift.operation}  {_said(drift)}, {drift.count} times{old}"
    for index, step in enumerate(drift.steps if not old else ()):
        body = "" if step.body is ABSENT else " " + json.dumps(shown(step.body), ensure_ascii=False)
        yield f"    {index}  {step.method} {address(step)}{body}"[:240]


def _said(drift: Drift) -> str:
    return f"{drift.at}: {_value(drift.left)} and {_value(drift.right)}"


def _value(value: object) -> str:
    text = "nothing" if value is ABSENT else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 80 else text[:79] + "…"


# --- for machines -------------------------------------------------------------------------------------------------------


def reported(found: Drifts, known: set[str], title: str) -> Report:
    """As a report of `check`: each drift that is new a finding, what is known, silent or was not reached not covered."""
    report = Report(title, f"{found.left} and {found.right}", found.seed, command="drift")
    report.findings = [_finding(one, found) for one in found.failing(known)]
    report.calls, report.seconds, report.stopped, report.first = found.calls, found.seconds, found.stopped, found.first
    for key in sorted(found.covered):
        report.judged[f"{LAW}in lockstep", key] += 1
    for one in found.found.values():
        if one.kind == "silent" or one.identity in known:
            report.uncovered.append(Uncovered(f"{LAW}{CLASSES[one.kind]}", one.operation, f"{_said(one)}{' (known)' if one.identity in known else ''}"))
    report.uncovered += [Uncovered(f"{LAW}in lockstep", one, "no sequence reached it") for one in found.uncovered]
    return report


def _finding(one: Drift, found: Drifts) -> Finding:
    says = f"{_said(one)} ({found.left} and {found.right})"
    return Finding(f"{LAW}{CLASSES[one.kind]}", one.operation, one.at, says, one.steps, (), _claim(one, says))


def _claim(one: Drift, says: str) -> Claim:
    """That an answer is as the first side gives it, where that can be said of a place: else nothing."""
    last = len(one.steps) - 1
    if one.at == "status":
        return Claim("equal", {"left": status(last), "right": one.left}, says)
    if "*" in one.at or "length" in one.at or one.at.startswith("header ") or not isinstance(one.left, str | int | float | bool):
        return Claim("fails", {"value": None}, says)
    return Claim("equal", {"left": Ref(last, tuple(one.at.split(".")) if one.at != "body" else ()), "right": one.left}, says)
