"""The laws as tests of pytest: one for each law and resource, with the finding and its script where one is broken."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.check.opening import credentials, read_api
from understudy.check.reports import story
from understudy.check.running import Choice, Options, Run
from understudy.check.scripts import script
from understudy.check.shrinking import shrunk
from understudy.check.targets import InProcess, Manners, Remote, Target


@dataclass(frozen=True)
class Case:
    """A law for a resource. Call it in a test: it passes, is skipped where it cannot be looked at, or fails with the script."""

    name: str
    play: Callable[[], None]

    def __call__(self) -> None:
        """Hold the target to it."""
        self.play()

    def __str__(self) -> str:
        return self.name


def laws(
    spec: str | None = None, *, app: Any = None, url: str | None = None, behaviour: str | None = None, reset: Any = None,
    key: str | None = None, key_env: str | None = None, only: tuple[str, ...] = (), without: tuple[str, ...] = (), seed: int = 1,
) -> Callable[[Any], Any]:
    """The laws of a document, as a decorator that gives a test one `law` after the other: of an ASGI application (`app`), or of what listens at `url`.

    `reset` puts the target back to its beginning: a function for `app`, a path to post to for `url`.

        @understudy.laws("openapi.yaml", app=app, reset=app.reset)
        def test_contract(law):
            law()
    """
    import pytest  # comes with the tests of whoever uses this

    api = read_api(spec, behaviour)
    given = credentials(api, key or (os.environ.get(key_env) if key_env else None))
    target: Target = InProcess(app, reset, name="the application") if app is not None else Remote(str(url), Manners(reset=reset))
    run = Run(api, target, Options(seed, choice=Choice(laws=only, without_laws=without), credentials=given, clean=not target.resets))
    cases = list(_cases(run, target, given, url or "http://localhost:8000"))
    return pytest.mark.parametrize("law", cases, ids=str)


def _cases(run: Run, target: Target, given: Mapping[str, Mapping[str, str]], url: str) -> Iterator[Case]:
    for law, subject in run.scenarios():
        def play(law: Any = law, subject: Any = subject) -> None:
            _hold(run, target, given, url, law, subject)

        yield Case(f"{law.name} - {subject.name}", play)


def _hold(run: Run, target: Target, given: Mapping[str, Mapping[str, str]], url: str, law: Any, subject: Any) -> None:
    import pytest  # as above

    before = len(run.report.uncovered)
    session = run.scenario(law, subject)
    if session.findings:
        found = [shrunk(finding, target, given) for finding in session.findings]
        parts = [f"{one.law}: {one.message}\n  at {one.operation}\n" + "\n".join(f"  {line}" for line in story(one)) + f"\n\n{script(one, url, given)}" for one in found]
        pytest.fail("\n\n".join(parts), pytrace=False)
    if len(run.report.uncovered) > before:
        pytest.skip(run.report.uncovered[-1].reason)
