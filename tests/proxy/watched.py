"""A target of `check` that lets a watcher see what goes to it and comes back, as a proxy in between would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from check.desk import KEY, SPEC, desk
from understudy.check.opening import credentials, read_api
from understudy.check.running import Choice, Options, Run
from understudy.check.steps import Answer, Wire
from understudy.check.targets import InProcess
from understudy.proxy.exchanges import Exchange
from understudy.proxy.watching import Violation, Watcher


class Between:
    """In process, with a watcher between."""

    def __init__(self, inner: InProcess, watcher: Watcher) -> None:
        self.inner, self.watcher = inner, watcher
        self.name, self.resets = inner.name, inner.resets
        self.seen: list[tuple[Exchange, list[Violation]]] = []
        self.begun: list[int] = []
        self.events = 0

    def send(self, wire: Wire) -> Answer:
        """One request, watched."""
        return self.send_together([wire], self.inner.send(wire))[0]

    def send_together(self, wires: Sequence[Wire], *known: Answer) -> list[Answer]:
        """Several at once: all begin before the first ends."""
        first, self.events = self.events, self.events + len(wires)
        numbers = [len(self.seen) + index for index in range(len(wires))]
        for number, wire in zip(numbers, wires, strict=True):
            self.watcher.begins(number, wire.method, wire.target.partition("?")[0])
        answers = list(known) or self.inner.send_together(wires)
        for index, (wire, answer) in enumerate(zip(wires, answers, strict=True)):
            self.events += 1
            one = Exchange(
                numbers[index], wire.method, wire.target, tuple((name.lower(), value) for name, value in wire.headers), wire.body, answer.status,
                tuple(answer.headers.items()), answer.body, started=first + index, ended=self.events, fault=answer.fault,
            )  # fmt: skip
            self.seen.append((one, [*self.watcher.judge(one), *(found for _, violations in self.watcher.confirm() for found in violations)]))
        return answers

    def reset(self) -> bool:
        """Another world begins: what was known of the last one is nothing to it."""
        from understudy.proxy.memory import Memory

        self.watcher.memory = Memory(self.watcher.api)
        self.begun.append(len(self.seen))
        return self.inner.reset()

    def idle(self, seconds: float) -> None:
        """Wait."""
        self.inner.idle(seconds)

    def close(self) -> None:
        """Let go."""
        self.inner.close()


def watched(app: Any, spec: str = SPEC, *laws: str) -> Between:
    """What `check` asks of an application, seen by a watcher."""
    api = read_api(spec)
    between = Between(InProcess(app, app.reset), Watcher(api, "the desk"))
    try:
        Run(api, between, Options(1, choice=Choice(laws=laws), credentials=credentials(api, KEY), shrink=False)).all()
    finally:
        between.close()
    return between


def side(between: Between, *sides: str) -> list[str]:
    """A line for each thing that was found on some sides."""
    return sorted({f"{found.law}: {found.message}" for _, violations in between.seen for found in violations if found.side in sides})


__all__ = ["Between", "desk", "side", "watched"]
