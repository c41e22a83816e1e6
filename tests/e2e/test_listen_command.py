"""`understudy webhooks listen` in a process of its own: what it shows, records, passes on and answers."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.listeners import BODY, SECRET, listener
from support.rude import playing, resetting
from understudy.cli import main
from understudy.server.receiving import Receiver, listening
from understudy.webhooks.recording import LEFT_OUT, read_lines
from understudy.webhooks.signing import PROFILES, sign

STANDARD = PROFILES["standard-webhooks"]


def signed(id: str = "m1", age: timedelta = timedelta(), body: bytes = BODY) -> dict[str, str]:
    """The headers of a delivery signed so long ago."""
    return dict(sign(STANDARD, [SECRET], id, datetime.now(UTC) - age, body))


def test_each_delivery_is_verified_shown_and_recorded(tmp_path: Path) -> None:
    """A line each: how it was answered, what it is, whether it is believed, whether it came before; in the file, all of it but credentials."""
    file = tmp_path / "today.jsonl"
    with listener("--profile", "standard-webhooks", "--secret", "env:SECRET", "--record", str(file)) as one:
        assert one.line() == f"record     {file}"
        assert one(headers={**signed(), "Authorization": "Basic aHVudGVyMg=="})[0] == 200
        assert one.line()[9:] == "200 ORDER.PAID  m1  verified  36 B"
        assert one(headers=signed())[0] == 200
        assert one.line()[9:] == "200 ORDER.PAID  m1  verified  36 B  again (2)"
        status, said = one(b"{}", signed())
        assert status == 401 and b"no signature in webhook-signature is by the secret" in said
        assert "401 POST /hooks  m1  refused: no signature" in one.line()
        assert one(headers=signed("m2", timedelta(minutes=6)))[0] == 401
        assert "refused: it was signed 36" in one.line()
        assert one.stop() == 0
    text = file.read_bytes()
    found, faults = read_lines(text.splitlines())
    assert faults == [] and SECRET.encode() not in text and b"aHVudGVyMg" not in text
    assert [(each.verdict, each.status, each.id) for each in found] == [("verified", 200, "m1"), ("verified", 200, "m1"), ("refused", 401, "m1"), ("refused", 401, "m2")]
    assert found[0].headers["authorization"] == LEFT_OUT and found[0].body == BODY


def test_a_torn_last_line_is_ended_before_a_new_one(tmp_path: Path) -> None:
    """A recording goes on where it was broken off."""
    file = tmp_path / "today.jsonl"
    file.write_bytes(b'{"received_at": "2025')
    with listener("--record", str(file)) as one:
        one.line()
        one()
        assert one.line()[9:] == "200 ORDER.PAID  -  unsigned  36 B"
    found, faults = read_lines(file.read_bytes().splitlines())
    assert [number for number, _ in faults] == [1] and [each.type for each in found] == ["ORDER.PAID"]


def test_a_delivery_is_passed_on_as_it_came_and_its_answer_comes_back(tmp_path: Path) -> None:
    """Method, headers, body; the signature still verifies there."""
    with listening(Receiver(STANDARD, (SECRET,), statuses=(202, 500))) as behind, listener("--forward", behind.url) as one:
        assert one.line() == f"forward    {behind.url}"
        assert one(headers=signed()) == (202, b'{"message":"verified"}')
        assert one(headers=signed())[0] == 500
        assert [each.verdict for each in behind.kept] == ["verified", "verified"]
        assert behind.kept[0].body == BODY
        assert one(b"", method="HEAD") == (401, b"")


def test_who_does_not_answer_behind_it_is_502(tmp_path: Path) -> None:
    """Recorded with the reason."""
    file = tmp_path / "today.jsonl"
    with playing(resetting) as url, listener("--forward", url, "--record", str(file)) as one:
        one.line()
        one.line()
        assert one() == (502, b"the connection was reset without an answer")
        assert "502 ORDER.PAID  -  unsigned: the connection was reset" in one.line()
    assert json.loads(file.read_text())["error"] == "the connection was reset without an answer"


def test_it_answers_the_statuses_it_was_told() -> None:
    """One after the other, the last one from then on."""
    with listener("--status", "500", "503", "204") as one:
        assert [one()[0] for _ in range(4)] == [500, 503, 204, 204]


def test_colours_and_control_signs_stay_out_of_the_terminal() -> None:
    """Not a terminal: no colours; a type from outside cannot write over the screen."""
    with listener() as one:
        one(b'{"type": "A\\u001b[2J\\r\\nB"}')
        assert one.line()[9:] == "200 A\\x1b[2J\\r\\nB  -  unsigned  27 B"


def test_terminated_it_ends_as_such() -> None:
    """By the signal a service manager sends."""
    with listener() as one:
        assert one.stop(signal.SIGTERM) == 143


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "cannot listen on port 99999"),
        (["--profile", "acme"], "there are none, solvimon"),
        (["--profile", "github"], "--profile github: with which secret?"),
        (["--profile", "own.yaml"], "--profile own.yaml:"),
        (["--secret", "hunter2"], "never the secret itself"),
        (["--status", "99"], "--status 99: answer from 200 to 599"),
        (["--forward", "http://example.com/"], "allow it with --allow-host example.com"),
        (["--record", "no/such/folder"], "--record no/such/folder: No such file"),
        (["--tolerance", "long"], '--tolerance: "long" is not a duration'),
        (["--subscribe", "http://127.0.0.1:1"], "no understudy answers at http://127.0.0.1:1"),
        (["--profile", "standard-webhooks", "--secret", "env:BAD"], "the secret is not base64 after whsec_"),
    ],
)
def test_what_cannot_be_is_said_with_what_would_be_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit status 2, and no secret on the screen."""
    monkeypatch.delenv("UNDERSTUDY_WEBHOOK_SECRET", raising=False)
    monkeypatch.setenv("BAD", "hunter2 §")
    monkeypatch.chdir(tmp_path)
    assert main(["webhooks", "listen", "--port", "0", *arguments]) == 2
    shown: Any = capsys.readouterr()
    assert said in shown.err and "hunter2" not in shown.err + shown.out


def test_a_scheme_of_ones_own_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows as in a behaviour file."""
    scheme = tmp_path / "acme.yaml"
    scheme.write_text("header: X-Acme\nmark: 'v0='\nsigned: 'v0:{timestamp}:{body}'\nstamp_header: X-Acme-Time\n")
    with listener("--profile", str(scheme), "--secret", "env:SECRET") as one:
        assert one(headers={"X-Acme": "v0=00", "X-Acme-Time": "1"})[0] == 401
        assert "refused: it was signed" in one.line()


def test_every_command_shows_examples_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    """In its own help."""
    for command in ("listen", "add", "list", "remove", "trigger", "log", "resend", "replay"):
        with pytest.raises(SystemExit):
            main(["webhooks", command, "--help"])
        shown = capsys.readouterr().out
        assert f"understudy webhooks {command}" in shown.split("examples:")[1] and "exit status:" in shown


def test_without_a_command_it_says_that_one_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, as for any argument that is missing."""
    with pytest.raises(SystemExit) as ended:
        main(["webhooks"])
    assert ended.value.code == 2 and "required: COMMAND" in capsys.readouterr().err
