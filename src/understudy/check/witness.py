"""Somebody else's traffic, judged as it comes: each answer by the universal laws, all together by the model of what was seen.

1. It sends nothing. What it finds is a finding like any other: the requests so far are its steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from understudy.check.claims import Claim, judge
from understudy.check.findings import Finding
from understudy.check.judging import Judge
from understudy.check.model import Model, exchanged
from understudy.check.steps import Step
from understudy.check.subjects import Api
from understudy.check.traffic import Recorded, Thread
from understudy.contract.values import Operation

LONGEST = 3000
"""Requests that are remembered; then it begins anew."""


class Witness:
    """Judges requests in the order they were made; one at a time, of one client."""

    def __init__(self, api: Api, judge: Judge | None = None) -> None:
        self.api = api
        self.claims = 0
        self._judge = judge or Judge(api.contract)
        self.begin_anew()

    def begin_anew(self) -> None:
        """What was seen no longer counts: the target was put back to its beginning."""
        self._model, self._thread, self._steps = Model(self.api), Thread(self.api), list[Step]()

    def see(self, one: Recorded) -> Iterator[Finding]:
        """A request with its answer; what is found by it."""
        if len(self._steps) >= LONGEST:
            self.begin_anew()
        step = self._thread.step(one)
        self._steps.append(step)
        self._thread.take(one.answer)
        operation, index = self.api.by_key.get(step.operation), len(self._steps) - 1
        if operation is None or one.answer is None:
            return
        for breach in self._judge.breaches(operation, index, one.answer):
            yield self._finding(breach.law, operation, breach.key, breach.claim)
        yield from self._expected(operation, index)

    def _expected(self, operation: Operation, index: int) -> Iterator[Finding]:
        answers = self._thread.answers
        exchange = exchanged(self.api, operation, self._steps, answers, index)
        for one in self._model.observe(exchange) if exchange is not None else ():
            self.claims += 1
            if judge(one.claim, answers) is False:
                yield self._finding(one.law, one.operation, one.mark, one.claim)

    def _finding(self, law: str, operation: Operation, key: str, claim: Claim) -> Finding:
        return Finding(law, operation.key, key, claim.says, tuple(self._steps), tuple(self._thread.answers), claim)
