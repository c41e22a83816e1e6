"""`understudy webhooks replay` against receivers that listen: what a person types, sees and gets back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.ledgers import Ledger
from support.rude import playing, request_of
from support.served import SOURCE
from understudy.cli import main
from understudy.server.receiving import Receiver, listening, serving
from understudy.webhooks.recording import Recorded, line_of
from understudy.webhooks.signing import PROFILES, sign

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
STANDARD = PROFILES["standard-webhooks"]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Run = Callable[..., tuple[int, str, str]]


def delivery(place: int, profile: str = "none", status: int | None = 200) -> Recorded:
    """The place-th of a series, a second after the one before."""
    body = json.dumps({"id": f"evt_{place}", "type": "ORDER.PAID", "amount": 10 * place}).encode()
    at = NOW + timedelta(seconds=place)
    headers = {"content-type": "application/json", "host": "gone", **dict(sign(PROFILES[profile], [SECRET], f"evt_{place}", at, body))}
    return Recorded(at, "POST", "/hooks", headers, body, status=status, id=f"evt_{place}", type="ORDER.PAID", profile=profile)


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., str]:
    """Writes deliveries into a file; bytes as they are."""

    def write(*deliveries: Recorded | bytes) -> str:
        path = tmp_path / "series.jsonl"
        path.write_bytes(b"".join(one if isinstance(one, bytes) else line_of(one) for one in deliveries))
        return str(path)

    return write


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process: exit status, output, errors."""
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.delenv("UNDERSTUDY_WEBHOOK_SECRET", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["webhooks", "replay", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a report."""
    return [json.loads(line) for line in path.read_text().splitlines()]


class TestWhatIsSent:
    def test_a_series_is_signed_anew_and_believed(self, recording: Callable[..., str], replay: Run) -> None:
        """Long after it was recorded, in order, each once, with the ids it had."""
        series = recording(*(delivery(place, "standard-webhooks") for place in (1, 2, 3)))
        with listening(Receiver(STANDARD, (SECRET,))) as receiver:
            status, out, _ = replay(series, "--to", receiver.url, "--secret", "env:SECRET")
        assert status == 0 and "still passing      3" in out
        assert [one.id for one in receiver.received("ORDER.*")] == ["evt_1", "evt_2", "evt_3"]
        assert receiver.kept[0].headers["host"] != "gone"

    def test_without_signing_anew_an_old_signature_is_refused(self, recording: Callable[..., str], replay: Run) -> None:
        """And that is a regression, with exit status 1."""
        series = recording(delivery(1, "standard-webhooks"))
        with listening(Receiver(STANDARD, (SECRET,))) as receiver:
            status, out, _ = replay(series, "--to", receiver.url, "--no-resign")
        assert status == 1 and "401  regressed" in out

    def test_a_receiver_that_takes_stale_signatures_is_caught(self, recording: Callable[..., str], replay: Run) -> None:
        """One that refuses them passes."""
        series = recording(delivery(1, "standard-webhooks"))
        with listening(Receiver(STANDARD, (SECRET,))) as receiver:
            assert replay(series, "--to", receiver.url, "--secret", "env:SECRET", "--stale-signature")[0] == 0
        with listening(Receiver(STANDARD, (SECRET,), tolerance=timedelta.max)) as receiver:
            status, out, _ = replay(series, "--to", receiver.url, "--secret", "env:SECRET", "--stale-signature")
        assert status == 1 and "regressed: taken although it was signed too long ago" in out

    def test_headers_of_ones_own_and_what_was_left_out(self, recording: Callable[..., str], replay: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A credential the recording does not hold is given again, out of a variable."""
        monkeypatch.setenv("KEY", "k-1")
        one = delivery(1)
        with listening() as receiver:
            series = recording(Recorded(NOW, "POST", "/", {**one.headers, "x-api-key": "secret"}, one.body, status=200))
            assert replay(series, "--to", receiver.url, "--header", "X-Mode: test", "--header", "X-Api-Key: env:KEY")[0] == 0
        assert (receiver.kept[0].headers["x-mode"], receiver.kept[0].headers["x-api-key"]) == ("test", "k-1")

    def test_some_are_left_out_moved_and_sent_twice_by_the_seed(self, recording: Callable[..., str], replay: Run) -> None:
        """The same seed sends the same; the table says what was left out."""
        series = recording(*(delivery(place) for place in range(1, 21)))
        orders = []
        for seed in ("4", "4", "5"):
            with listening() as receiver:
                _, out, _ = replay(series, "--to", receiver.url, "--drop", "0.3", "--duplicate", "0.3", "--shuffle", "4", "--seed", seed)
                assert "left out" in out and "of them again" in out
                orders.append([one.id for one in receiver.kept])
        assert orders[0] == orders[1] != orders[2]


class TestVerdicts:
    def test_each_answer_is_held_against_the_one_before(self, recording: Callable[..., str], replay: Run, tmp_path: Path) -> None:
        """Fixed, regressed, still failing, still passing; not known before; and the report has them line by line."""
        befores = (500, 200, 500, 200, None, None)
        with listening(Receiver(statuses=(200, 500, 503, 200, 200, 400))) as receiver:
            series = recording(*(delivery(place, status=status) for place, status in enumerate(befores, 1)))
            status, out, _ = replay(series, "--to", receiver.url, "--report", str(tmp_path / "report.jsonl"))
        assert status == 1
        *results, last = rows(tmp_path / "report.jsonl")
        assert [row["verdict"] for row in results] == ["fixed", "regressed", "still failing", "still passing", "passing", "failing"]
        assert results[1] | {"now": 0} == {"number": 2, "line": 2, "id": "evt_2", "type": "ORDER.PAID", "previous": {"status": 200}, "now": 0, "verdict": "regressed"}
        assert last["summary"] | {"complete": 1} == {
            "sent": 6, "again": 0, "dropped": 0, "torn": 0, "fixed": 1, "regressed": 1, "still failing": 1, "still passing": 1, "passing": 1, "failing": 1, "complete": 1,
        }  # fmt: skip
        assert "regressed          1" in out

    def test_torn_lines_are_named_and_the_rest_is_sent(self, recording: Callable[..., str], replay: Run) -> None:
        """By their numbers in the file."""
        series = recording(delivery(1), line_of(delivery(2))[:40] + b"\n", b"\n", b'{"received_at": 3}\n', delivery(5))
        with listening() as receiver:
            status, out, err = replay(series, "--to", receiver.url)
        assert status == 0 and [one.id for one in receiver.kept] == ["evt_1", "evt_5"]
        assert err.splitlines() == [
            f"understudy: {series}:2: not JSON; it was torn, or is no recorded delivery",
            f"understudy: {series}:4: received_at must be an instant, such as 2025-05-06T10:30:00.000Z",
        ]
        assert "2 torn lines passed over" in out

    def test_a_line_too_long_is_one_fault(self, recording: Callable[..., str], replay: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its rest is passed over; the lines after it keep their numbers."""
        monkeypatch.setattr("understudy.server.replays.LONGEST_LINE", 1000)
        series = recording(delivery(1), b"x" * 2500 + b"\n", b"y" * 999 + b"\n", delivery(4))
        with listening() as receiver:
            _, _, err = replay(series, "--to", receiver.url)
        assert [one.id for one in receiver.kept] == ["evt_1", "evt_4"]
        assert [line.split(":")[2] for line in err.splitlines()] == ["2", "3"]

    def test_who_does_not_answer_has_failed(self, recording: Callable[..., str], replay: Run) -> None:
        """In a word, and the rest is sent."""
        status, out, _ = replay(recording(delivery(1), delivery(2, status=500)), "--to", "http://127.0.0.1:1/")
        assert status == 1 and "nothing listens there  regressed" in out and "nothing listens there  still failing" in out


class TestIdempotency:
    """A receiver that does not know what it has seen is caught by sending everything twice."""

    def test_a_good_receiver_passes(self, recording: Callable[..., str], replay: Run) -> None:
        """Its state is the same after each duplicate."""
        ledger = Ledger()
        with serving(ledger) as url:
            status, out, _ = replay(recording(delivery(1), delivery(2)), "--to", url, "--duplicate", "1", "--probe", url)
        assert (status, ledger.total) == (0, 30) and "4 sent" in out and "2 of them again" in out

    def test_one_that_counts_twice_is_caught_by_its_state(self, recording: Callable[..., str], replay: Run) -> None:
        """It answers 200 to everything; the probe tells what a duplicate changed."""
        ledger = Ledger(forgets=True)
        with serving(ledger) as url:
            series = recording(delivery(1), delivery(2))
            status, out, _ = replay(series, "--to", url, "--duplicate", "1", "--probe", url)
        assert (status, ledger.total) == (1, 60)
        assert "(again)  evt_1  200  regressed: sent twice, it counted twice: $.total: 10 -> 20" in out
        assert "(again)  evt_2  200  regressed: sent twice, it counted twice: $.total: 40 -> 60" in out

    def test_one_that_falls_over_a_duplicate_is_caught_by_its_answer(self, recording: Callable[..., str], replay: Run) -> None:
        """No probe is needed."""
        with serving(Ledger(falls=True)) as url:
            status, out, _ = replay(recording(delivery(1)), "--to", url, "--duplicate", "1")
        assert status == 1 and "(again)  evt_1  500  regressed: a duplicate was not taken" in out

    def test_without_duplicates_none_of_them_is(self, recording: Callable[..., str], replay: Run) -> None:
        """That is why they are rehearsed."""
        for ledger in (Ledger(), Ledger(forgets=True), Ledger(falls=True)):
            with serving(ledger) as url:
                assert replay(recording(delivery(1), delivery(2)), "--to", url, "--probe", url)[0] == 0


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "replay what? name a recording"),
            (["nowhere.jsonl"], "nowhere.jsonl: No such file"),
            (["."], "Is a directory"),
            (["SERIES", "--to", "http://example.com/"], "--to http://example.com/: example.com is not this machine; allow it with --allow-host example.com"),
            (["SERIES", "--probe", "ftp://localhost/"], "--probe ftp://localhost/: must begin with http:// or https://"),
            (["SERIES"], "to sign anew as standard-webhooks a secret is needed"),
            (["SERIES", "--secret", "whsec_abc"], "never the secret itself"),
            (["SERIES", "--secret", "env:NONE"], "there is no such variable"),
            (["SERIES", "--secret", "file:none"], "No such file"),
            (["SERIES", "--secret", "env:NOT_BASE64"], "the secret is not base64 after whsec_"),
            (["SERIES", "--profile", "acme"], "there are none, solvimon, standard-webhooks"),
            (["SERIES", "--no-resign", "--stale-signature"], "give one of them"),
            (["SERIES", "--profile", "none", "--stale-signature"], "do not tell when"),
            (["SERIES", "--duplicate", "2"], "a probability from 0 to 1"),
            (["SERIES", "--no-resign", "--shuffle", "-1"], "a number of places from 0"),
            (["SERIES", "--no-resign", "--since", "yesterday"], "is not an instant"),
            (["SERIES", "--no-resign", "--since", "2031-01-01T00:00:00Z"], "there is no delivery to replay"),
            (["SERIES", "--no-resign", "--type", "USER.*"], "there is no delivery to replay"),
            (["SERIES", "--no-resign", "--header", "X-A"], "write 'Name: value'"),
            (["SERIES", "--no-resign", "--report", "no/such/folder"], "--report no/such/folder: No such file"),
            (["--since", "2025-05-06T00:00:00Z", "--url", "http://127.0.0.1:1"], "no understudy answers at http://127.0.0.1:1"),
        ],
    )
    def test_it_says_what_would_be_right_and_sends_nothing(
        self, arguments: list[str], said: str, recording: Callable[..., str], replay: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Exit status 2, one line, no secret in it."""
        monkeypatch.setenv("NOT_BASE64", "hunter2 hunter2")
        series = recording(delivery(1, "standard-webhooks"))
        with listening() as receiver:
            to = [] if "--to" in arguments else ["--to", receiver.url]
            status, out, err = replay(*(series if one == "SERIES" else one for one in arguments), *to)
        assert (status, out) == (2, "") and said in err and "hunter2" not in err
        assert len(err.splitlines()) == 1 and receiver.kept == []

    def test_a_report_never_takes_the_place_of_the_recording(self, recording: Callable[..., str], replay: Run) -> None:
        """Under whatever name."""
        series = Path(recording(delivery(1)))
        before = series.read_bytes()
        status, _, err = replay(str(series), "--to", "http://127.0.0.1:1/", "--report", f"{series.parent}/../{series.parent.name}/{series.name}")
        assert status == 2 and "that is the recording itself" in err and series.read_bytes() == before

    def test_deliveries_signed_in_several_ways_want_one_scheme(self, recording: Callable[..., str], replay: Run) -> None:
        """Named by the person."""
        series = recording(delivery(1, "standard-webhooks"), delivery(2, "github"))
        _, _, err = replay(series, "--to", "http://127.0.0.1:1/", "--secret", "env:SECRET")
        assert "recorded as signed by github, standard-webhooks: name one scheme" in err


def test_interrupted_it_leaves_a_report_of_what_was_done(recording: Callable[..., str], tmp_path: Path) -> None:
    """Ctrl-C while the second delivery waits for its answer: the first is in the report, and that it is not all."""
    report = tmp_path / "report.jsonl"
    answered: list[bytes] = []
    started = threading.Event()

    def play(connection: Any) -> None:
        answered.append(request_of(connection))
        if len(answered) == 1:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            assert started.wait(60)
            process.send_signal(signal.SIGINT)
            connection.recv(1)

    series = recording(delivery(1), delivery(2), delivery(3))
    with playing(play) as url:
        command = [sys.executable, "-m", "understudy.cli", "webhooks", "replay", series, "--to", url, "--report", str(report), "--timeout", "60"]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        started.set()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "interrupted" in out
    first, last = rows(report)
    assert (first["id"], first["verdict"]) == ("evt_1", "still passing")
    assert last["summary"]["sent"] == 1 and last["summary"]["complete"] is False
