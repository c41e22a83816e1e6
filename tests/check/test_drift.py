"""Two implementations in lockstep: nothing where they agree, the place and the class where they do not."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from check.desk import HOME, KEY, SOURCE, SPEC, desk, planted
from support.hosting import serving
from understudy.check.drifting import Drifts, Lockstep
from understudy.check.opening import credentials, read_api
from understudy.check.running import Choice
from understudy.check.steps import Answer, Ref
from understudy.check.targets import InProcess
from understudy.check.traffic import from_har, recorded, steps
from understudy.cli import main
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
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


@pytest.mark.parametrize("what", ["longer ids", "time stamps with fractions"])
def test_what_a_server_may_choose_is_no_drift(what: str) -> None:
    """Ids in filters of walks too, and the order of what was made within one second."""
    variant = next(one for one in harmless() if one.what == what)
    assert [one.identity for one in lockstep(variant.planted(SOURCE), "lists", "walks").failing()] == []


def harmless() -> Any:
    """Variants of the desk that break nothing."""
    sys.path.insert(0, str(HOME))
    try:
        import benign
    finally:
        sys.path.remove(str(HOME))
    return benign.BENIGN


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
    made = from_har(json.dumps({"log": {"entries": entries}}), read_api(SPEC))
    assert made[1].operation == "GET /customers/{customer_id}"
    assert made[1].parameters == {"customer_id": Ref(0, ("id",))}
    with pytest.raises(ValueError, match="neither an HTTP Archive nor a log of requests"):
        from_har("{}", read_api(SPEC))


def test_a_log_of_requests_is_a_sequence_too() -> None:
    """Of a stand-in, whole, or a line for each; where no answers were kept, asking gives them."""
    rows = [{"request": "POST /customers", "headers": {"content-type": "application/json", "idempotency-key": "k"}, "body": '{"email": "a@b.c"}'},
            {"method": "GET", "path": "/customers/cus_1", "status": 200}]
    asked = Answer(201, {}, b'{"id": "cus_1"}')
    for text in (json.dumps({"requests": rows}), "\n".join(json.dumps(row) for row in rows)):
        made = list(steps(recorded(text), read_api(SPEC), lambda step, answers: asked))
        assert made[0].body == {"email": "a@b.c"}
        assert dict(made[0].headers) == {"idempotency-key": "k"}
        assert made[1].parameters == {"customer_id": Ref(0, ("id",))}
    with pytest.raises(ValueError, match="was kept in part only"):
        recorded(json.dumps({"requests": [{**rows[0], "cut": True}]}))


def played(tmp_path: Path, *changes: tuple[str, str]) -> App:
    """The pet store, or one whose document says something else."""
    text = Path(PETSTORE).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "second.yaml"
    path.write_text(text, encoding="utf-8")
    return App(open_theatre(Options(spec=str(path), now=NOW)))


@pytest.mark.parametrize(("change", "place"), [
    (("maxLength: 100", "maxLength: 10"), "POST /owners | status"),
    (("per_page", "size"), "GET /pets | "),
])
def test_between_two_versions_of_a_stand_in_the_change_is_named(change: tuple[str, str], place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """One side plays a changed document: what changed is among the drift, with its operation; unchanged, there is none."""
    monkeypatch.chdir(tmp_path)
    for app, status in ((played(tmp_path), 0), (played(tmp_path, change), 1)):
        with serving(app) as port:
            assert main(["drift", PETSTORE, "--url", f"http://127.0.0.1:{port}", "--report", "junit:drift.xml", "--report", "jsonl:drift.jsonl", "--report", "html:d.html", "--law", "limits", "--law", "pages",
                         "--report", "sarif:d.sarif", "--update-baseline", "--baseline", f"known-{status}.json"]) == 0
    places = [one.partition(" | ")[2] for one in json.loads(Path("known-1.json").read_text())["drift"]]
    assert json.loads(Path("known-0.json").read_text()) == {"drift": []}
    assert any(one.startswith(place) for one in places), places
    assert int(ET.parse("drift.xml").getroot().get("failures", "0")) >= 1
    rows = [json.loads(line) for line in Path("drift.jsonl").read_text().splitlines()]
    assert any(one["type"] == "finding" and one["law"].startswith("drift: ") for one in rows)
    assert capsys.readouterr().out


def test_the_log_of_a_running_stand_in_is_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked of it is asked of both sides again; a URL without one is said."""
    monkeypatch.chdir(tmp_path)
    with serving(played(tmp_path)) as port:
        url = f"http://127.0.0.1:{port}"
        owner = httpx.post(f"{url}/owners", json={"name": "Ada", "email": "ada@example.com"}).json()
        assert httpx.get(f"{url}/owners/{owner['id']}").status_code == 200
        assert main(["drift", PETSTORE, "--url", url, "--traffic", url, "--law", "ids are distinct", "--include", "/owners*"]) == 0
        assert "no drift" in capsys.readouterr().out
        assert main(["drift", PETSTORE, "--url", url, "--traffic", "http://127.0.0.1:9"]) == 2
        assert "no stand-in tells its requests there" in capsys.readouterr().err


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
