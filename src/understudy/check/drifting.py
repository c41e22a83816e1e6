"""Two implementations in lockstep: the same sequences sent to both, from a fresh start each, and where their answers part.

1. Sequences come from the laws' scenarios as the first side plays them, and from recorded traffic.
2. Each difference is put in a class by asking, of both sides, whether the contract and the laws are kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.check.bodies import Bodies
from understudy.check.claims import Claim, judge
from understudy.check.comparing import Correspondence, Difference
from understudy.check.judging import Judge
from understudy.check.running import GONE_SILENT, LAWS, SILENT, WALKS, Choice
from understudy.check.session import UNREADABLE, Impossible, Recipes, Session
from understudy.check.shrinking import play, without
from understudy.check.steps import Answer, Ref, Step, Unmade, refs, wire
from understudy.check.subjects import Api
from understudy.check.targets import Target
from understudy.check.traffic import Recorded
from understudy.check.traffic import steps as replayed

CLASSES: Mapping[str, str] = {
    "real": "the real one breaks the contract",
    "stand-in": "the stand-in breaks the contract",
    "contract": "both break the contract: suspect the contract",
    "spoken": "both keep the contract, and differ where it speaks",
    "silent": "they differ where the contract is silent",
}
"""Each class of drift. The last is told and does not fail."""
_RANK = {kind: rank for rank, kind in enumerate(CLASSES)}
Credentials = Mapping[str, Mapping[str, str]]
NOT_LOCKSTEP = frozenset({"webhooks", "concurrency", "the clock", "other worlds"})
FEW = 20
"""Walks that are compared."""


@dataclass
class Drift:
    """Differences at one place of one operation, in one class; the smallest sequence that shows it."""

    kind: str
    operation: str
    at: str
    left: Any
    right: Any
    steps: tuple[Step, ...]
    count: int = 1

    @property
    def identity(self) -> str:
        """What a baseline knows it by."""
        return f"{self.kind} | {self.operation} | {self.at}"


@dataclass
class Drifts:
    """What came of it."""

    left: str
    right: str
    seed: int = 1
    found: dict[str, Drift] = field(default_factory=dict)
    covered: set[str] = field(default_factory=set)
    uncovered: list[str] = field(default_factory=list)
    calls: int = 0
    sequences: int = 0
    seconds: float = 0.0
    first: float | None = None
    stopped: str | None = None

    def failing(self, known: Iterable[str] = ()) -> list[Drift]:
        """Those that are not silent and not known."""
        return [one for one in self.found.values() if one.kind != "silent" and one.identity not in set(known)]


@dataclass
class Lockstep:
    """A run: `left` is the stand-in (or what is taken for it), `right` the real one."""

    api: Api
    left: Target
    right: Target
    credentials: tuple[Credentials, Credentials]
    seed: int = 1
    max_time: float | None = None
    choice: Choice = field(default_factory=Choice)
    traffic: Sequence[Sequence[Recorded]] = ()
    first_only: bool = False

    def __post_init__(self) -> None:
        self._judge = Judge(self.api.contract)
        self._recipes = Recipes(number=self.seed * 1000)
        self._start = time.perf_counter()
        self.report = Drifts(self.left.name, self.right.name, self.seed)
        self._unanswered = 0  # sequences, one after the other, whose end one side left unanswered

    def all(self) -> Drifts:
        """Every sequence; then every difference made short. A keyboard interrupt ends it with what there is."""
        report = self.report
        try:
            for steps, claims in self._sequences():
                self._compare(steps, claims)
                if self._is_over():
                    break
            if not self.first_only and self._unanswered < SILENT:
                for one in report.found.values():
                    one.steps = self._shortest(one)
        except KeyboardInterrupt:
            report.stopped = "interrupted"
        report.uncovered = sorted(operation.key for operation in self.api.contract.operations if operation.key not in report.covered)
        report.seconds = time.perf_counter() - self._start
        return report

    def _is_over(self) -> bool:
        late = self.max_time is not None and time.perf_counter() - self._start > self.max_time
        if late:
            self.report.stopped = f"after {self.max_time:g} s, as asked"
        if self._unanswered >= SILENT:
            self.report.stopped = GONE_SILENT
        return late or self._unanswered >= SILENT or (self.first_only and bool(self.report.failing()))

    # --- sequences -----------------------------------------------------------------------------------------------

    def _sequences(self) -> Iterator[tuple[tuple[Step, ...], list[Claim]]]:
        """Recorded traffic, then walks and the scenarios of the laws as the first side plays them."""
        for some in self.traffic:
            self.left.reset()
            yield tuple(replayed(some, self.api, self._asked)), []
        yield from self._scenarios()
        if self.choice.wants(WALKS):
            yield from self._walks()

    def _asked(self, step: Step, answers: Sequence[Answer | None]) -> Answer | None:
        """What the first side answers to a recorded request whose answer was not kept."""
        with suppress(Unmade):
            return self.left.send(wire(step, answers, self.credentials[0]))
        return None

    def _walks(self) -> Iterator[tuple[tuple[Step, ...], list[Claim]]]:
        from understudy.check import walks  # Hypothesis: a quarter of a second

        taken: list[Session] = []
        walks.walk(lambda: walks.begun(self._session(WALKS.name), over=self._is_over()), lambda stage: taken.append(stage.session), self.seed, FEW)
        for session in taken:
            yield tuple(session.steps), session.claims

    def _scenarios(self) -> Iterator[tuple[tuple[Step, ...], list[Claim]]]:
        for law in LAWS:
            if {law.tag, law.name} & NOT_LOCKSTEP or not self.choice.wants(law):
                continue
            for subject in self.api.subjects.values():
                if law.concerns(subject):
                    session = self._session(law.name)
                    with suppress(Impossible, *UNREADABLE):  # as far as it comes
                        law.check(session, subject)
                    yield tuple(session.steps), session.claims

    def _session(self, law: str) -> Session:
        self.left.reset()
        return Session(self.api, self.left, self._judge, Bodies(self.api.contract), self._recipes, self.credentials[0], law, self.choice.allowed(self.api))

    # --- comparing -----------------------------------------------------------------------------------------------

    def _compare(self, steps: tuple[Step, ...], claims: Sequence[Claim]) -> None:
        self.report.sequences += 1
        left, right = self._played(steps)
        for index, difference in self._differences(steps, left, right):
            kind = self._class(steps, index, difference, left, right, claims)
            one = Drift(kind, difference.operation, difference.at, difference.left, difference.right, steps[: index + 1])
            place = f"{one.operation} | {one.at}"
            known = self.report.found.setdefault(place, one)
            known.count += known is not one
            if (_RANK[kind], len(one.steps)) < (_RANK[known.kind], len(known.steps)):
                self.report.found[place] = replace(one, count=known.count)
            if self.report.first is None and kind != "silent":
                self.report.first = time.perf_counter() - self._start

    def _played(self, steps: Sequence[Step]) -> tuple[list[Answer | None], list[Answer | None]]:
        left, right = play(self.left, steps, self.credentials[0]), play(self.right, steps, self.credentials[1])
        self.report.calls += 2 * len(steps)
        silent = any(side and side[-1] is not None and side[-1].status == 0 for side in (left, right))
        self._unanswered = self._unanswered + 1 if silent else 0
        self.report.covered |= {step.operation for step, one, other in zip(steps, left, right, strict=False) if one and other}
        return left, right

    def _differences(self, steps: Sequence[Step], left: Sequence[Answer | None], right: Sequence[Answer | None]) -> Iterator[tuple[int, Difference]]:
        """The differences of two runs; a sequence is left at the first different status, as what follows only follows."""
        known = Correspondence(self.api)
        for index, step in enumerate(steps):
            one, other = left[index], right[index]
            if one is None or other is None:
                return
            for difference in known.differences(step, one, other):
                yield index, difference
                if difference.at == "status":
                    return

    def _class(self, steps: Sequence[Step], index: int, difference: Difference, left: Sequence[Answer | None], right: Sequence[Answer | None], claims: Sequence[Claim]) -> str:
        broken = [self._breaks(steps, index, answers, claims) for answers in (left, right)]
        if all(broken):
            return "contract"
        if any(broken):
            return "stand-in" if broken[0] else "real"
        return "spoken" if difference.spoken else "silent"

    def _breaks(self, steps: Sequence[Step], index: int, answers: Sequence[Answer | None], claims: Sequence[Claim]) -> bool:
        """Whether a side breaks the contract in this answer, or a law by it."""
        answer = answers[index]
        operation = self.api.by_key.get(steps[index].operation)
        if answer is not None and next(self._judge.breaches(operation, index, answer), None) is not None:
            return True
        return any(judge(claim, answers) is False for claim in claims if any(ref.step == index for ref in _refs(claim)))

    # --- the smallest ----------------------------------------------------------------------------------------------

    def _shortest(self, drift: Drift, most: int = 60) -> tuple[Step, ...]:
        """Without the steps it does not need."""
        if not (self.left.resets and self.right.resets):
            return drift.steps
        steps, index, tries = drift.steps, len(drift.steps) - 2, 0
        while index >= 0 and tries < most:
            tries += 1
            fewer, _ = without(steps, Claim("fails", {}, ""), [index])
            if all(ref.step >= 0 for step in fewer for ref in refs(step)) and self._shows(fewer, drift):
                steps = tuple(fewer)
            index -= 1
        return steps

    def _shows(self, steps: Sequence[Step], drift: Drift) -> bool:
        left, right = self._played(steps)
        return any(at == len(steps) - 1 and one.operation == drift.operation and one.at == drift.at for at, one in self._differences(steps, left, right))


def _refs(claim: Claim) -> list[Ref]:
    return [*refs(dict(claim.values)), *(ref for one in claim.given for ref in _refs(one))]
