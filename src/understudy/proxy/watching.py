"""Every exchange held to the document and to the laws: what breaks them, for the header of its answer and for the report.

1. Pure: exchanges come in, violations come out. Nothing of a secret stays in what comes out.
2. The verdict on a body is that of `jsonschema`. Where the compiled validator has nothing against one, that verdict is asked for later
   (`confirm`), so that an answer need not wait for it.
3. The report is the one of `check`, so that every form of it is written by the same functions.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from understudy.check.claims import Claim, judge
from understudy.check.findings import Finding
from understudy.check.judging import Judge, schema_of
from understudy.check.running import Report
from understudy.check.steps import ABSENT, Answer, Step
from understudy.check.subjects import Api
from understudy.problems import Problem
from understudy.proxy.exchanges import Exchange, media_of
from understudy.proxy.laws import PASSIVE
from understudy.proxy.memory import Memory, Place
from understudy.proxy.moments import SAFE, Moment, matched, moment
from understudy.proxy.redacting import Redactor, declared

OPERATION, REQUEST = "declared operation", "declared request"
OWN: Mapping[str, str] = {
    OPERATION: "OpenAPI, Paths Object: the document lists what may be asked",
    REQUEST: "OpenAPI, Operation Object: every request is valid by its parameters and body",
}
"""The laws of requests, and where each comes from; those of answers are `check`'s."""
MOST = 500
"""Findings that are told in full; of more the number is kept."""
LONGEST_HEADER = 4_000
REMEMBERED = 20_000
"""Bodies that are known to have been judged."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one exchange. `side` is request, response, or law."""

    side: str
    law: str
    message: str


@dataclass
class Watched(Report):
    """What came of a session: the report of `check`, with how often each finding was seen."""

    times: dict[tuple[str, str, str], int] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)  # why a body was not judged, and how often

    @property
    def laws(self) -> Mapping[str, str]:
        """Every law with its source."""
        return {**super().laws, **OWN}


class Watcher:
    """Holds what goes by to an API. `laws` and `without` are shell patterns on the names of laws."""

    def __init__(self, api: Api, target: str, laws: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> None:
        self.api = api
        self.report = Watched(api.title, target, 0)
        self.redactor = Redactor(declared(api.contract))
        self.memory = Memory(api)
        self._laws, self._without = laws, without
        self._answers, self._requests = Judge(api.contract), Judge(api.contract, "request")
        self._seen: dict[tuple[str, int, bytes], None] = {}
        self._later: list[tuple[str, Exchange, Callable[[], Iterator[Finding]]]] = []

    def begins(self, number: int, method: str, path: str) -> None:
        """A request is on its way; what it may change is not relied on until it is answered."""
        if method in SAFE:
            return
        self.memory.begins(number, self._place(method, path))

    def _place(self, method: str, path: str) -> Place | None:
        """The record a request is about; None where that cannot be told."""
        try:
            operation, parameters = matched(self.api, method, path)
        except Problem:
            return None
        role = self.api.roles[operation.key]
        id = parameters.get(role.id_parameter or "")
        if role.effect is not None or role.resource is None:
            return None
        return (role.resource, id) if id is not None else (role.resource, "")

    def judge(self, one: Exchange) -> list[Violation]:
        """What is wrong with an exchange."""
        now = moment(self.api, one)
        self.report.calls += 1
        found = [*self._asked(now), *self._answered(now), *self._lawful(now)]
        self.memory.ends(now)
        return self._all(one, found)

    def _all(self, one: Exchange, found: list[tuple[str, Finding]]) -> list[Violation]:
        if not found:
            return []
        self.redactor.exchange(one)  # its secrets are known from here on
        return [self._taken(side, finding) for side, finding in found]

    def confirm(self) -> list[tuple[Exchange, list[Violation]]]:
        """What `jsonschema` has against bodies that were let pass, where it has something."""
        later, self._later = self._later, []
        told = [(one, self._all(one, [(side, finding) for finding in ask()])) for side, one, ask in later]
        return [(one, violations) for one, violations in told if violations]

    def loses(self, one: Exchange) -> None:
        """A request whose answer nobody saw."""
        self.memory.ends(moment(self.api, one))

    def skips(self, why: str) -> None:
        """Something was not looked at, or not kept."""
        self.report.unjudged[why] = self.report.unjudged.get(why, 0) + 1

    def _wants(self, law: str) -> bool:
        named = not self._laws or any(fnmatch.fnmatch(law, one) for one in self._laws)
        return named and not any(fnmatch.fnmatch(law, one) for one in self._without)

    def _taken(self, side: str, finding: Finding) -> Violation:
        clean = self._clean(finding)
        known = self.report.times.get(clean.identity, 0)
        self.report.times[clean.identity] = known + 1
        if not known and len(self.report.findings) < MOST:
            self.report.findings.append(clean)
        return Violation(side, clean.law, clean.message)

    # --- the request ---------------------------------------------------------------------------------------------------

    def _asked(self, now: Moment) -> Iterator[tuple[str, Finding]]:
        problem = now.refused
        if now.operation is None:
            if problem is not None and self._wants(OPERATION):
                yield "request", _finding(OPERATION, now, problem.kind, f"{problem.message} (answered {now.answer.status})")
            return
        if not self._wants(REQUEST):
            return
        self.report.judged[REQUEST, now.operation.key] += 1
        body = now.exchange.asked
        if problem is not None and (problem.location != "body" or body is ABSENT):
            at = f"{problem.location} {problem.field}: " if problem.field else ""
            yield "request", _finding(REQUEST, now, f"{problem.location} {problem.field} {problem.kind}", f"{at}{problem.message}")
        if body is not ABSENT and problem is None:
            self._later.append(("request", now.exchange, lambda: self._body(now, body)))
        elif body is not ABSENT:
            yield from (("request", finding) for finding in self._body(now, body))

    def _body(self, now: Moment, body: Any) -> Iterator[Finding]:
        assert now.operation is not None
        for key, says in self._requests.asked(now.operation, media_of(now.exchange.sent), body):
            yield _finding(REQUEST, now, f"body {key}", f"body {says}")

    # --- the answer ----------------------------------------------------------------------------------------------------

    def _answered(self, now: Moment) -> Iterator[tuple[str, Finding]]:
        if now.operation is None:
            return
        self.report.judged["declared shape", now.operation.key] += 1
        read = now.exchange.answer is not None and now.exchange.method != "HEAD"
        if not read and now.exchange.method != "HEAD" and now.answer.status:
            self.skips("bodies too long, or in a content coding that is not read here")
        clear = read and self._is_clear(now)
        yield from (("response", finding) for finding in self._breaches(now, read and not clear))
        if clear and self._is_news(now):
            self._later.append(("response", now.exchange, lambda: (one for one in self._breaches(now, True) if one.law == "declared shape")))

    def _is_clear(self, now: Moment) -> bool:
        """Whether the compiled validator has nothing against an answer's body."""
        schema = schema_of(now.operation, now.answer) if now.operation is not None else None
        return schema is not None and now.answer.value is not ABSENT and self.api.contract.validator(schema, "response").is_valid(now.answer.value)

    def _is_news(self, now: Moment) -> bool:
        """Whether this body was not judged before: what is asked for again and again is often the same."""
        key = now.name, now.answer.status, blake2b(now.answer.body, digest_size=16).digest()
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True

    def _breaches(self, now: Moment, read: bool) -> Iterator[Finding]:
        for breach in self._answers.breaches(now.operation, 0, now.answer, read):
            if self._wants(breach.law):
                yield Finding(breach.law, now.name, breach.key, breach.claim.says, (now.step,), (now.answer,), breach.claim)

    def _lawful(self, now: Moment) -> Iterator[tuple[str, Finding]]:
        if now.answer.status == 0:
            return
        for law in PASSIVE:
            for held in law(now, self.memory):
                if not self._wants(held.law):
                    continue
                steps, answers = (*(one.step for one in held.earlier), now.step), (*(one.answer for one in held.earlier), now.answer)
                verdict = judge(held.claim, answers)
                self.report.judged[held.law, now.name] += verdict is not None
                if verdict is False:
                    yield "law", Finding(held.law, now.name, held.key, held.claim.says, steps, answers, held.claim)

    # --- without secrets -----------------------------------------------------------------------------------------------

    def _clean(self, finding: Finding) -> Finding:
        steps = tuple(self._step(one) for one in finding.steps)
        answers = tuple(self._answer(one) for one in finding.answers)
        claim = replace(finding.claim, says=self.redactor.text(finding.claim.says), values={name: self._part(name, one) for name, one in finding.claim.values.items()})
        return replace(finding, message=self.redactor.text(finding.message), key=self.redactor.text(finding.key), steps=steps, answers=answers, claim=claim)

    def _part(self, name: str, value: Any) -> Any:
        return self.redactor.value(value) if isinstance(value, str | dict | list) else value

    def _step(self, step: Step) -> Step:
        clean = self.redactor
        query = tuple((name, clean.value(value, name)) for name, value in step.query)
        parameters = {name: clean.value(value, name) for name, value in step.parameters.items()}
        body = step.body if step.body is ABSENT else clean.value(step.body)
        return replace(step, query=query, parameters=parameters, body=body, raw=clean.body(step.raw, step.media), path=clean.target(step.path))

    def _answer(self, answer: Answer | None) -> Answer | None:
        if answer is None:
            return None
        headers = dict(self.redactor.headers(tuple(answer.headers.items())))
        return Answer(answer.status, headers, self.redactor.body(answer.body, media_of(headers)) or b"", answer.fault, answer.seconds)


def _finding(law: str, now: Moment, key: str, says: str) -> Finding:
    return Finding(law, now.name, key, says, (now.step,), (now.answer,), Claim("fails", {"value": False}, says))


def header(violations: list[Violation]) -> bytes:
    """The header that tells a client what is wrong with its exchange: a JSON list, cut to whole entries where it grows too long."""
    rows: list[str] = []
    size = 2
    for one in violations:
        row = json.dumps({"in": one.side, "law": one.law, "message": one.message[:300]})
        size += len(row) + 2
        if size > LONGEST_HEADER:
            rows.append(json.dumps({"in": "law", "law": "", "message": f"and {len(violations) - len(rows)} more; see the report"}))
            break
        rows.append(row)
    return f"[{', '.join(rows)}]".encode("ascii")
