"""The laws find what is broken, and nothing where nothing is: over an implementation that shares no line with the engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from check.desk import HOME, KEY, SOURCE, SPEC, checked, desk, planted, told
from support.hosting import serving
from understudy.check.opening import credentials, read_api, stand_in
from understudy.check.running import LAWS, Options, Run
from understudy.check.scripts import script
from understudy.understanding import Options as Playing

BUGS = {bug.what: bug for bug in planted().PLANTED}
EACH = {
    "a draft can be paid": "lifecycle", "a placed order cannot be cancelled": "lifecycle", "a refused action stamps the order": "lifecycle",
    "the note of a placed order is locked": "locked", "a patch resets what was not sent": "update", "an update of one customer renames all": "update",
    "a deleted order is read": "deleted is gone", "a page by number leaves one out": "pages", "has_more is false on the last but one page": "page metadata",
    "cursors are offsets and shift when orders are added": "stable pages", "min_total is exclusive": "filters", "a cursor forgets the filter": "filtered pages",
    "the total is sorted as text": "order", "another body is done": "idempotency key, other request",
    "a refused request uses its key up": "idempotency key after a refusal", "a reference may come twice": "uniqueness", "a comment under another order": "parents",
    "a refused update is half done": "all or nothing", "no key is asked for to read": "keys are asked for",
    "a paid order shows a word the document does not know": "lifecycle", "the total of an updated order is old": "computed values",
}
"""A planted bug of each kind, and the law it breaks."""


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    """No law is broken by the reference, with its behaviour file."""
    report = checked(desk())
    assert told(report) == []
    assert [f"{one.law} {one.subject}: {one.reason}" for one in report.uncovered if "webhook" not in one.law + one.subject and one.law not in ("in use", "other worlds")] == []
    assert report.calls > 1000


def test_nothing_is_found_by_inference_alone(tmp_path: Path) -> None:
    """What was only inferred makes no false alarm."""
    bare = shutil.copy(HOME / "reference.yaml", tmp_path / "desk.yaml")
    assert told(checked(desk(), str(bare), seed=3)) == []


def test_the_stand_in_keeps_its_laws() -> None:
    """The stand-in of a document that is inferred keeps every law."""
    spec = str(HOME.parents[1] / "openapi" / "petstore.yaml")
    api, (_, target) = read_api(spec), stand_in(Playing(spec=spec))
    report = Run(api, target, Options()).all()
    target.close()
    assert told(report) == []


@pytest.mark.parametrize(("what", "law"), EACH.items())
def test_a_planted_bug_is_found(what: str, law: str) -> None:
    """Each kind of bug breaks its law."""
    assert checked(desk(BUGS[what].planted(SOURCE)), SPEC, law, first_only=True).findings


def test_a_finding_is_short_and_its_steps_show_it_again() -> None:
    """Of hundreds of requests only those are left that are needed; the reference keeps the same claim."""
    report = checked(desk(BUGS["a draft can be paid"].planted(SOURCE)), SPEC, "lifecycle", shrink=True)
    finding = next(one for one in report.findings if one.key == "draft pay refused")
    assert [step.operation for step in finding.steps] == ["POST /customers", "POST /orders", "GET /orders/{order_id}", "POST /orders/{order_id}/pay"]


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="scripts need bash and curl")
@pytest.mark.parametrize(("what", "law"), [("a draft can be paid", "lifecycle"), ("a cursor leaves one out", "pages"), ("the version is missing", "read your writes")])
def test_a_script_fails_on_the_bug_and_passes_on_the_reference(what: str, law: str) -> None:
    """The script of a finding ends with 1 where the bug is, and with 0 where it is not."""
    bug, good = desk(BUGS[what].planted(SOURCE)), desk()
    report = checked(bug, SPEC, law, first_only=True, shrink=True)
    text = script(report.findings[0], "http://localhost:1", credentials(read_api(SPEC), KEY))
    assert KEY not in text
    assert [ended(text, app) for app in (bug, good)] == [1, 0]


def ended(text: str, app: object) -> int:
    """The exit status of a script against an application that was just begun."""
    app.reset()  # type: ignore[attr-defined]
    with serving(app) as port:
        found = subprocess.run(["bash", "-c", text], env={**os.environ, "URL": f"http://127.0.0.1:{port}", "API_KEY": KEY}, capture_output=True, timeout=60, check=False)
    return found.returncode


def test_every_law_says_what_it_is_and_where_it_comes_from() -> None:
    """The table of laws is for people."""
    assert len({law.name for law in LAWS}) == len(LAWS)
    assert all(law.says and law.source and law.tag for law in LAWS)
