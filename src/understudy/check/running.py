"""A run of the laws over a target: which laws, which operations, in what order, for how long, and what came of it."""

from __future__ import annotations

import fnmatch
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from understudy.check.bodies import MARK, Bodies
from understudy.check.findings import Finding, Uncovered
from understudy.check.judging import UNIVERSAL, Judge
from understudy.check.laws.bounds import BOUNDS
from understudy.check.laws.conditions import CONDITIONS
from understudy.check.laws.keys import KEYS
from understudy.check.laws.law import Law
from understudy.check.laws.lifecycles import LIFECYCLES
from understudy.check.laws.links import LINKS
from understudy.check.laws.lists import LISTS
from understudy.check.laws.queries import QUERIES
from understudy.check.laws.records import RECORDS
from understudy.check.laws.refusals import REFUSALS
from understudy.check.laws.searching import SEARCHING
from understudy.check.laws.webhooks import WEBHOOKS
from understudy.check.scenarios import SCENARIO, Scenarios, played
from understudy.check.session import UNREADABLE, Impossible, Recipes, Record, Session
from understudy.check.shrinking import shrunk
from understudy.check.subjects import Api, Subject
from understudy.check.targets import Target

WALKS = Law("walks", lambda session, subject: None, "a walk over the whole API keeps to a model of its records",
            "model-based testing (Hughes; Hypothesis, stateful tests)", applies=lambda subject: False, tag="walks")
"""No law of one resource: `Run.walk` plays it."""
LAWS: tuple[Law, ...] = (*RECORDS, *LIFECYCLES, *LISTS, *LINKS, *SEARCHING, *QUERIES, *KEYS, *CONDITIONS, *REFUSALS, *BOUNDS, *WEBHOOKS, WALKS)
"""Every law, in the order they are looked at."""
SILENT = 3
"""Scenarios without an answer, one after the other, after which a target is taken to be gone: each may have waited long."""
GONE_SILENT = "as the target no longer answers"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a run looks at. Patterns are shell patterns on operation keys (`POST /orders*`), law names and tags."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    without_laws: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    reads_only: bool = False  # nothing is written
    deletes: bool = True

    def wants(self, law: Law) -> bool:
        """Whether a law is looked at."""
        named = not self.laws or any(fnmatch.fnmatch(law.name, one) or fnmatch.fnmatch(law.tag, one) for one in self.laws)
        return named and not any(fnmatch.fnmatch(law.name, one) or fnmatch.fnmatch(law.tag, one) for one in self.without_laws)

    def allowed(self, api: Api) -> frozenset[str]:
        """The operations that may be called."""
        found = []
        for operation in api.contract.operations:
            named = not self.include or any(_matches(operation.key, one) for one in self.include)
            tagged = not self.tags or bool(set(self.tags) & set(operation.tags))
            spared = self._spared(api, operation.key, operation.method)
            if named and tagged and not spared and not any(_matches(operation.key, one) for one in self.exclude):
                found.append(operation.key)
        return frozenset(found)

    def _spared(self, api: Api, key: str, method: str) -> bool:
        if self.reads_only and method not in ("GET", "HEAD", "OPTIONS"):
            return True
        return not self.deletes and (method == "DELETE" or api.roles[key].kind == "delete")


def _matches(key: str, pattern: str) -> bool:
    return fnmatch.fnmatch(key, pattern) or fnmatch.fnmatch(key.partition(" ")[2], pattern)


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes: seconds at most, the seed of everything generated, whether findings are made short."""

    seed: int = 1
    max_time: float | None = None
    choice: Choice = field(default_factory=Choice)
    credentials: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shrink: bool = True
    first_only: bool = False  # stop at the first finding
    clean: bool = False  # delete afterwards what was made


@dataclass
class Report:
    """What came of a run."""

    title: str
    target: str
    seed: int
    findings: list[Finding] = field(default_factory=list)
    uncovered: list[Uncovered] = field(default_factory=list)
    judged: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: int = 0
    seconds: float = 0.0
    stopped: str | None = None  # why it ended before its end
    first: float | None = None  # seconds until the first finding
    left: int = 0  # records that could not be cleaned up
    spec: str = ""  # the document, as it was named
    command: str = "check"

    @property
    def laws(self) -> Mapping[str, str]:
        """Every law with its source."""
        return {**UNIVERSAL, **{law.name: law.source for law in LAWS}}


Observe = Callable[[str, Report], None]


class Run:
    """One run, step by step, so that it can be stopped between scenarios."""

    def __init__(self, api: Api, target: Target, options: Options = Options(), observe: Observe | None = None) -> None:
        self.api = api
        self.target = target
        self.options = options
        self.report = Report(api.title, target.name, options.seed)
        self._observe = observe or (lambda law, report: None)
        self._judge = Judge(api.contract)
        self._recipes = Recipes(number=options.seed * 1000)
        self._bodies = Bodies(api.contract, MARK)
        self._allowed = options.choice.allowed(api)
        self._start = time.perf_counter()
        self._unanswered = 0  # scenarios, one after the other, that ended without an answer

    def all(self) -> Report:
        """Every law that is wanted; then every finding made short. A keyboard interrupt ends it with what there is."""
        try:
            for law, subject in self.scenarios():
                self.scenario(law, subject)
                if self._is_over():
                    break
            else:
                self.walk()
            self._shorten()
        except KeyboardInterrupt:
            self.report.stopped = "interrupted"
        self.report.seconds = time.perf_counter() - self._start
        return self.report

    def scenarios(self) -> Iterator[tuple[Law, Subject]]:
        """What is to be looked at."""
        for law in LAWS:
            if not self.options.choice.wants(law):
                continue
            for subject in self.api.subjects.values():
                if law.concerns(subject):
                    yield law, subject

    def scenario(self, law: Law, subject: Subject) -> Session:
        """One law for one subject, from a fresh start where the target has one."""
        session = self._begun(law.name)
        try:
            law.check(session, subject)
        except Impossible as reason:
            self.report.uncovered.append(Uncovered(law.name, subject.name, str(reason)))
        except UNREADABLE as fault:
            self.report.uncovered.append(Uncovered(law.name, subject.name, f"what came back could not be read: {type(fault).__name__}: {fault}"))
        self._take(session)
        self._observe(f"{law.name} · {subject.name}", self.report)
        return session

    def _begun(self, law: str) -> Session:
        """A session from a fresh start, where the target has one."""
        self.target.reset()
        return self._session(law)

    def _session(self, law: str) -> Session:
        return Session(self.api, self.target, self._judge, self._bodies, self._recipes, self.options.credentials, law, self._allowed)

    def walk(self) -> None:
        """The walks, each from a fresh start."""
        if not self.options.choice.wants(WALKS):
            return
        try:
            from understudy.check import walks  # Hypothesis: a quarter of a second, and it comes with the extra alone
        except ModuleNotFoundError as fault:
            self.report.uncovered.append(Uncovered(WALKS.name, "the API", f"{fault.name} is not installed"))
            return

        def begin() -> walks.Stage:
            over = self._is_over()
            return walks.begun(self._session(WALKS.name) if over else self._begun(WALKS.name), over=over)

        def done(stage: walks.Stage) -> None:
            self._take(stage.session)
            self._observe(WALKS.name, self.report)

        walks.walk(begin, done, self.options.seed)

    def play(self, scenarios: Scenarios) -> None:
        """Every workflow of an Arazzo document, each from a fresh start. Raises scenarios.Unplayable."""
        for name in scenarios.names:
            session = self._begun(f"{SCENARIO}{name}")
            reason = played(scenarios, name, session)
            if reason is not None:
                self.report.uncovered.append(Uncovered(session.law, scenarios.where, reason))
            self._take(session)

    def _take(self, session: Session) -> None:
        report = self.report
        report.calls += len(session.steps)
        report.judged.update(session.judged)
        known = {finding.identity for finding in report.findings}
        new = [finding for finding in session.findings if finding.identity not in known]
        if new and report.first is None:
            report.first = time.perf_counter() - self._start
        report.findings.extend(new)
        last = session.answers[-1] if session.answers else None
        self._unanswered = self._unanswered + 1 if last is not None and last.status == 0 else 0
        if self.options.clean and not self.target.resets:
            report.left += clean(session)

    def _is_over(self) -> bool:
        late = self.options.max_time is not None and time.perf_counter() - self._start > self.options.max_time
        if late:
            self.report.stopped = f"after {self.options.max_time:g} s, as asked"
        if self._unanswered >= SILENT:
            self.report.stopped = GONE_SILENT
        return late or self._unanswered >= SILENT or (self.options.first_only and bool(self.report.findings))

    def _shorten(self) -> None:
        if self.options.shrink and self._unanswered < SILENT:
            self.report.findings[:] = [shrunk(finding, self.target, self.options.credentials) for finding in self.report.findings]


def clean(session: Session) -> int:
    """Delete what a scenario made, the last first; how many could not be."""
    left = 0
    for record in reversed(session.made):
        left += not _deleted(session, record)
    return left


def _deleted(session: Session, record: Record) -> bool:
    try:
        return session.delete(record).status in (200, 202, 204, 404, 410)
    except Impossible:
        return False


def check(api: Api, target: Target, options: Options = Options(), observe: Observe | None = None) -> Report:
    """Hold a target to every law."""
    return Run(api, target, options, observe).all()


def without_reads(choice: Choice) -> Choice:
    """A choice that writes nothing."""
    return replace(choice, reads_only=True)


def only(findings: Sequence[Finding], law: str) -> list[Finding]:
    """The findings of a law."""
    return [finding for finding in findings if finding.law == law]
