"""A report for people and for machines: on the console, as JUnit, SARIF, one HTML page, JSON Lines.

Nothing here is written anywhere; every form is a text. No secret is in any: headers with keys are shown by their names alone.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from understudy import __version__
from understudy.check.findings import Finding
from understudy.check.running import LAWS, Report
from understudy.check.scripts import Credentials, script
from understudy.check.steps import ABSENT, Answer, Joined, Ref, Step, text


@dataclass(frozen=True, slots=True)
class Context:
    """What a report is made with: where the target is, and how keys are sent (their values are never shown)."""

    url: str
    credentials: Credentials

    def script(self, report: Report, finding: Finding) -> str:
        """The finding's script."""
        return script(finding, self.url, self.credentials, report.laws.get(finding.law, ""))


# --- for people ---------------------------------------------------------------------------------------------------------


def console(report: Report, context: Context, *, scripts: bool = True) -> str:
    """All of it for a terminal: findings first, then what was looked at, then the verdict."""
    lines: list[str] = []
    for number, finding in enumerate(report.findings, 1):
        lines += [f"{number}. {finding.law}: {finding.message}", f"   at {finding.operation}", f"   the law: {_says(finding.law)} ({report.laws.get(finding.law, 'the contract')})"]
        lines += [f"   {line}" for line in story(finding)]
        if not finding.reproduced:
            lines.append("   (a fresh start did not show it again: it depends on what went before, or on chance)")
        if scripts:
            lines += ["", *context.script(report, finding).splitlines(), ""]
    return "\n".join([*lines, *table(report), "", verdict(report)])


def _says(law: str) -> str:
    return next((one.says for one in LAWS if one.name == law), law)


def story(finding: Finding) -> Iterator[str]:
    """The steps in a line each."""
    for index, step in enumerate(finding.steps):
        answer = finding.answers[index] if index < len(finding.answers) else None
        body = "" if step.body is ABSENT else " " + json.dumps(shown(step.body), ensure_ascii=False)
        body = f" {step.raw!r}" if step.raw is not None else body
        at_once = " (at once)" if step.together else ""
        yield f"{index}  {step.method} {address(step)}{_cut(body, 160)}{at_once} -> {_answered(answer)}"


def address(step: Step) -> str:
    """Path and query as people read them."""
    if step.url is not None:
        return str(shown(step.url))
    path = step.path
    for name, value in step.parameters.items():
        path = path.replace(f"{{{name}}}", str(shown(value)))
    query = "&".join(f"{name}={shown(value)}" for name, value in step.query)
    return f"{path}?{query}" if query else path


def shown(value: Any) -> Any:
    """A value with references in it as `$0.id`: of step 0 the id."""
    if isinstance(value, Ref):
        return f"${value.step}" + "".join(f".{part}" for part in value.path)
    if isinstance(value, Joined):
        return [shown(part) for part in value.parts]
    if isinstance(value, dict):
        return {name: shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [shown(part) for part in value]
    return value if isinstance(value, int | float | str | bool) or value is None else text(value)


def _answered(answer: Answer | None) -> str:
    if answer is None:
        return "not sent"
    return answer.fault or "" if answer.status == 0 else f"{answer.status} {_cut(answer.body.decode('utf-8', 'replace'), 200)}"


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def table(report: Report) -> Iterator[str]:
    """Operation × law: how many claims were judged, and what was found."""
    found = Counter((finding.operation, finding.law) for finding in report.findings)
    judged: dict[str, Counter[str]] = {}
    for (law, operation), count in report.judged.items():
        judged.setdefault(operation, Counter())[law] += count
    for finding in report.findings:
        judged.setdefault(finding.operation, Counter()).setdefault(finding.law, 1)
    if judged:
        yield f"{'operation':44} {'claims':>7}  laws, and findings"
    for operation, laws in judged.items():
        bad = ", ".join(f"{law} ({found[operation, law]})" for law in laws if found[operation, law])
        yield f"{_cut(operation, 44):44} {sum(laws.values()):>7}  {len(laws)} laws" + (f"; FOUND: {bad}" if bad else "")
    yield from _uncovered(report)


def _uncovered(report: Report) -> Iterator[str]:
    if not report.uncovered:
        return
    yield ""
    yield "not covered:"
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in report.uncovered:
        reasons.setdefault((one.subject, one.reason), []).append(one.law)
    for (subject, reason), laws in reasons.items():
        yield f"  {subject}: {_cut(reason, 140)} ({_cut(', '.join(laws), 80)})"


def verdict(report: Report) -> str:
    """One line."""
    count = len(report.findings)
    found = "no finding" if not count else "1 finding" if count == 1 else f"{count} findings"
    ended = f"; ended {report.stopped}" if report.stopped else ""
    left = f"; {report.left} records could not be cleaned up" if report.left else ""
    claims = sum(report.judged.values())
    return f"{found}: {report.target}, {report.calls} calls, {claims} claims, {report.seconds:.1f} s, --seed {report.seed}{ended}{left}"


# --- for machines -----------------------------------------------------------------------------------------------------------


def junit(report: Report, context: Context) -> str:
    """JUnit XML: a suite for each operation, a case for each law."""
    cases: dict[str, set[str]] = {}
    for law, operation in [*report.judged, *((finding.law, finding.operation) for finding in report.findings)]:
        cases.setdefault(operation, set()).add(law)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="understudy {report.command}" tests="{sum(map(len, cases.values()))}" failures="{_failed(report)}" time="{report.seconds:.3f}">']
    for operation, laws in cases.items():
        broken = {finding.law for finding in report.findings if finding.operation == operation}
        lines.append(f'<testsuite name={quoteattr(operation)} tests="{len(laws)}" failures="{len(broken)}">')
        for law in sorted(laws):
            lines.append(f"<testcase classname={quoteattr(operation)} name={quoteattr(law)}>")
            lines += [_failure(report, context, finding) for finding in report.findings if finding.operation == operation and finding.law == law][:1]
            lines.append("</testcase>")
        lines.append("</testsuite>")
    return _clean_xml("\n".join([*lines, "</testsuites>", ""]))


def _failed(report: Report) -> int:
    return len({(finding.law, finding.operation) for finding in report.findings})


def _failure(report: Report, context: Context, finding: Finding) -> str:
    return f"<failure message={quoteattr(finding.message)} type={quoteattr(finding.law)}>{escape(context.script(report, finding))}</failure>"


def _clean_xml(words: str) -> str:
    """Without what XML 1.0 cannot hold (section 2.2)."""
    return "".join(one if one in "\t\n\r" or " " <= one <= "\ud7ff" or "\ue000" <= one <= "\ufffd" or one > "\uffff" else "\ufffd" for one in words)


def sarif(report: Report, context: Context) -> str:
    """SARIF 2.1.0: a rule for each law, a result for each finding."""
    rules = [{"id": law, "shortDescription": {"text": _says(law)}, "fullDescription": {"text": source}} for law, source in _rules(report).items()]
    results = [
        {"ruleId": finding.law, "level": "error", "message": {"text": f"{finding.operation}: {finding.message}\n\n{context.script(report, finding)}"},
         "locations": [{"physicalLocation": {"artifactLocation": {"uri": report.spec or "openapi.yaml"}}, "logicalLocations": [{"fullyQualifiedName": finding.operation}]}],
         "partialFingerprints": {"understudy/v1": "|".join(finding.identity)}}
        for finding in report.findings
    ]  # fmt: skip
    run = {"tool": {"driver": {"name": "understudy", "version": __version__, "rules": rules}}, "results": results,
           "invocations": [{"executionSuccessful": report.stopped is None}]}
    return json.dumps({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rules(report: Report) -> Mapping[str, str]:
    """Every law with its source, those of schemathesis, of scenarios and of drift as they were broken."""
    return {**report.laws, **{finding.law: report.laws.get(finding.law, "the contract") for finding in report.findings}}


def jsonl(report: Report, context: Context) -> str:
    """JSON Lines: what was run, each finding, what was not covered, the end."""
    lines: list[Mapping[str, Any]] = [{"type": "run", "version": __version__, "title": report.title, "target": report.target, "seed": report.seed}]
    for finding in report.findings:
        lines.append({"type": "finding", "law": finding.law, "source": report.laws.get(finding.law), "operation": finding.operation, "key": finding.key, "message": finding.message,
                      "reproduced": finding.reproduced, "steps": list(story(finding)), "script": context.script(report, finding)})
    lines += [{"type": "uncovered", "law": one.law, "subject": one.subject, "reason": one.reason} for one in report.uncovered]
    judged = [{"law": law, "operation": operation, "claims": count} for (law, operation), count in report.judged.items()]
    lines.append({"type": "end", "findings": len(report.findings), "calls": report.calls, "seconds": round(report.seconds, 3), "stopped": report.stopped, "judged": judged})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
.bad{color:#a00}.good{color:#060}pre{background:#f5f5f5;padding:.8rem;overflow:auto;font-size:12px}summary{cursor:pointer}"""


def page(report: Report, context: Context) -> str:
    """One HTML page that needs nothing else."""
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>understudy {report.command}: {_h(report.title)}</title><style>{_STYLE}</style>",
             f"<h1>{_h(report.title)}</h1><p class={'bad' if report.findings else 'good'}>{_h(verdict(report))}</p>"]
    for number, finding in enumerate(report.findings, 1):
        steps = "\n".join(story(finding))
        parts.append(f"<section><h2>{number}. {_h(finding.law)}</h2><p>{_h(finding.message)}<br>at <code>{_h(finding.operation)}</code><br>"
                     f"{_h(_says(finding.law))} ({_h(report.laws.get(finding.law, ''))})</p><pre>{_h(steps)}</pre>"
                     f"<details><summary>a script that shows it</summary><pre>{_h(context.script(report, finding))}</pre></details></section>")
    parts += ["<h2>What was looked at</h2><table><tr><th>operation<th>law<th>claims<th>findings</tr>", *_rows(report), "</table>"]
    if report.uncovered:
        parts.append("<h2>Not covered</h2><table><tr><th>law<th>resource<th>why</tr>")
        parts += [f"<tr><td>{_h(one.law)}<td>{_h(one.subject)}<td>{_h(one.reason)}</tr>" for one in report.uncovered]
        parts.append("</table>")
    return "".join(parts) + "</html>\n"


def _rows(report: Report) -> Iterable[str]:
    found = Counter((finding.law, finding.operation) for finding in report.findings)
    for (law, operation), count in sorted(report.judged.items(), key=lambda one: (one[0][1], one[0][0])):
        number = found[law, operation]
        yield f"<tr><td><code>{_h(operation)}</code><td>{_h(law)}<td>{count}<td class={'bad' if number else 'good'}>{number}</tr>"


def _h(words: str) -> str:
    return html.escape(words)


FORMS: Mapping[str, Callable[[Report, Context], str]] = {"junit": junit, "sarif": sarif, "html": page, "jsonl": jsonl}
"""The forms of `--report FORM:FILE`."""
