"""Two implementations in lockstep: nothing where they agree, the place and the class where they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from check.desk import HOME, KEY, SOURCE, SPEC, desk, planted
from support.hosting import serving
from understudy.check.drifting import Drifts, Lockstep, from_har
from understudy.check.opening import credentials, read_api
from understudy.check.running import Choice
from understudy.check.steps import Ref
from understudy.check.targets import InProcess
from understudy.cli import main

BUGS = {bug.what: bug for bug in planted().PLANTED}
PETSTORE = str(HOME.parents[1] / "openapi" / "petstore.yaml")


def lockstep(source: str, *laws: str) -> Drifts:
    """The reference and another, over the sequences of some laws."""
    api, left, right = read_api(SPEC), desk(), desk(source)
    given = credentials(api, KEY)
    targets = [InProcess(app, app.reset) for app in (left, right)]
    found = Lockstep(api, targets[0], targets[1], (given, given), choice=Choice(laws=laws)).all()
    for target in targets:
        target.close()
    return found


def test_an_implementation_does_not_drift_from_itself() -> None:
    """Ids, times, cursors and secrets are matched: no difference is left, and every operation was reached."""
    found = lockstep(SOURCE.replace("random.Random(7)", "random.Random(8)"), "records", "lists", "lifecycle")
    assert [one.identity for one in found.found.values()] == []
    assert found.uncovered == []


def test_a_transition_one_side_alone_takes_is_named_with_its_smallest_sequence() -> None:
    """The real one breaks a law: its class, its place, and no step too many."""
    found = lockstep(BUGS["a draft can be paid"].planted(SOURCE), "lifecycle")
    drift = found.found["POST /orders/{order_id}/pay | status"]
    assert (drift.kind, drift.left, drift.right) == ("real", 409, 200)
    assert [step.operation for step in drift.steps][-1] == "POST /orders/{order_id}/pay"
    assert len(drift.steps) <= 4


def test_other_words_of_a_refusal_are_no_drift() -> None:
    """A detail is for people."""
    assert lockstep(SOURCE.replace('"this email is taken"', '"somebody else has it"'), "keys", "errors").failing() == []


def test_a_difference_where_the_contract_is_silent_does_not_fail() -> None:
    """A property no document declares is told, in a class of its own."""
    found = lockstep(SOURCE.replace('"has_more": bool(rest), ', '"has_more": bool(rest), "took": 3, '), "pages")
    assert [one.kind for one in found.found.values()] == ["silent"]
    assert found.failing() == []


def test_recorded_traffic_takes_ids_from_the_new_answers() -> None:
    """What an earlier recorded answer gave is a reference to the answer of now."""
    entries = [
        {"request": {"method": "POST", "url": "http://x/customers", "postData": {"mimeType": "application/json", "text": '{"email": "a@b.c", "name": "A"}'}},
         "response": {"content": {"text": '{"id": "cus_000000000001"}'}}},
        {"request": {"method": "GET", "url": "http://x/customers/cus_000000000001?x=1"}, "response": {}},
    ]
    steps = from_har(json.dumps({"log": {"entries": entries}}), read_api(SPEC))
    assert steps[1].operation == "GET /customers/{customer_id}"
    assert steps[1].parameters == {"customer_id": Ref(0, ("id",))}
    with pytest.raises(ValueError, match="no HTTP Archive"):
        from_har("{}", read_api(SPEC))


def test_the_command_fails_on_new_drift_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Drift is exit status 1; once it is in the baseline, 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESK_KEY", KEY)
    bug = BUGS["the total is the page's"].planted(SOURCE)
    with serving(desk()) as good, serving(desk(bug)) as bad:
        arguments = ["drift", SPEC, "--url", f"http://127.0.0.1:{bad}", "--against", f"http://127.0.0.1:{good}", "--reset", "/_reset",
                     "--key-env", "DESK_KEY", "--law", "pages", "--baseline", "known.json"]
        assert main(arguments) == 2
        assert "write it with --update-baseline" in capsys.readouterr().err
        assert main([*arguments, "--update-baseline"]) == 0
        assert main(arguments) == 0
        (tmp_path / "known.json").write_text('{"drift": []}')
        assert main(arguments) == 1
    said = capsys.readouterr().out
    assert "GET /customers  total" in said
    assert KEY not in said


def test_a_missing_url_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and what is missing."""
    assert main(["drift", PETSTORE]) == 2
    assert "--url is missing" in capsys.readouterr().err
