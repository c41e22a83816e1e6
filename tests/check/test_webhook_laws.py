"""Laws of webhooks: bugs of a sender are found through a receiver that was started for the run."""

from __future__ import annotations

import types
from typing import Any

import pytest

from check.desk import KEY, SOURCE, SPEC, planted, told
from understudy.check.inbox import Inbox
from understudy.check.opening import credentials, read_api
from understudy.check.running import Choice, Options, Run
from understudy.check.targets import InProcess

BUGS = {bug.what: bug for bug in planted().PLANTED}


def found(source: str, *, patience: float = 10.0) -> list[str]:
    """What the laws of webhooks find, with all the time a delivery that must come may need."""
    module: Any = types.ModuleType("desk_that_sends")
    exec(compile(source, "desk", "exec"), module.__dict__)
    app, api = module.Desk(), read_api(SPEC)
    target = Inbox(InProcess(app, app.reset), patience)
    try:
        report = Run(api, target, Options(credentials=credentials(api, KEY), choice=Choice(laws=("webhooks",)), shrink=False)).all()
    finally:
        target.close()
    return told(report)


def test_a_good_sender_breaks_no_law() -> None:
    """Each fact once to each endpoint, in order, valid, signed; none for what was refused."""
    assert found(SOURCE) == []


@pytest.mark.parametrize("what", ["no event for an action", "a signature of other bytes", "inactive endpoints are told too", "event ids repeat"])
def test_a_sender_with_a_bug_is_found(what: str) -> None:
    """What never comes is waited for a short while only: it never comes."""
    assert found(BUGS[what].planted(SOURCE), patience=0.3)
