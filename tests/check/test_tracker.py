"""A second implementation nobody wrote for the engine: whole-number ids, Link headers, merge patches, entity tags. Laws and lockstep hold there too."""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from check.desk import HOME, told
from understudy.check.drifting import Lockstep
from understudy.check.opening import credentials, read_api
from understudy.check.running import Choice, Options, Report, Run
from understudy.check.targets import InProcess

SPEC, KEY = str(HOME / "tracker.yaml"), "t_test"
SOURCE = (HOME / "tracker.py").read_text(encoding="utf-8")
SAMPLE = {
    "finishing sets no time": "lifecycle", "a put keeps what was not sent": "replace", "labels are joined": "read your writes",
    "a project goes though tasks are in it": "in use", "the count is the page's": "counts in headers", "the next link repeats one": "links to pages",
    "the last link leads behind the end": "links to pages", "a next link forgets the filter": "links to filtered pages", "a search looks at the beginning only": "search",
    "an unknown field is taken": "invalid creates", "true is a number": "invalid creates", "If-Match is not looked at": "lost updates",
}
"""A planted bug, and the law it breaks."""


def bugs() -> Any:
    """The module of planted bugs and harmless variants."""
    sys.path.insert(0, str(HOME))
    try:
        import tracker_planted as found
    finally:
        sys.path.remove(str(HOME))
    return found


ALL = {one.what: one for one in (*bugs().PLANTED, *bugs().BENIGN)}


def tracker(source: str = SOURCE) -> Any:
    module = types.ModuleType("tracker_under_test")
    exec(compile(source, "tracker", "exec"), module.__dict__)
    return module.Tracker()


def checked(source: str, spec: str, *laws: str) -> Report:
    api, app = read_api(spec), tracker(source)
    target = InProcess(app, app.reset)
    try:
        return Run(api, target, Options(1, choice=Choice(laws=laws, without_laws=("walks",)), credentials=credentials(api, KEY), first_only=bool(laws), shrink=False)).all()
    finally:
        target.close()
        app.db.close()


def test_nothing_is_found_with_or_without_a_behaviour_file(tmp_path: Path) -> None:
    """No law is broken by it."""
    assert told(checked(SOURCE, SPEC)) == []
    assert told(checked(SOURCE, str(shutil.copy(SPEC, tmp_path / "tracker.yaml")))) == []


@pytest.mark.parametrize(("what", "law"), SAMPLE.items())
def test_a_planted_bug_is_found(what: str, law: str) -> None:
    """By the law it breaks."""
    assert checked(ALL[what].planted(SOURCE), SPEC, law).findings


@pytest.mark.parametrize("what", ["ids begin at a thousand", "revisions in steps of ten", "links with a host", "ties the other way round", "time stamps with an offset"])
def test_what_breaks_nothing_is_no_drift(what: str) -> None:
    """Numbers are matched as ids, counters and ties are let be."""
    api, apps = read_api(SPEC), [tracker(), tracker(ALL[what].planted(SOURCE))]
    targets, given = [InProcess(app, app.reset) for app in apps], credentials(read_api(SPEC), KEY)
    try:
        found = Lockstep(api, targets[0], targets[1], (given, given), choice=Choice(laws=("records", "lists"))).all()
    finally:
        for target, app in zip(targets, apps, strict=True):
            target.close()
            app.db.close()
    assert [one.identity for one in found.failing()] == []
