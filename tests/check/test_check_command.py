"""`understudy check` as it is run: exit statuses, reports, settings, targets that are no such thing."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from check.desk import HOME, KEY, SOURCE, SPEC, desk, planted
from support.hosting import serving
from understudy.check.steps import Wire
from understudy.check.targets import Manners, Remote
from understudy.cli import main

PETSTORE = str(HOME.parents[1] / "openapi" / "petstore.yaml")
BUGS = {bug.what: bug for bug in planted().PLANTED}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the folder the tests are run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESK_KEY", KEY)


def run(*arguments: str) -> int:
    return main(["check", "--layers", "laws", *arguments])


def test_nothing_found_is_exit_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    """The stand-in keeps the laws; the seed is told."""
    assert run(PETSTORE, "--law", "pages") == 0
    assert "no finding" in (said := capsys.readouterr().out)
    assert "--seed 1" in said


def test_findings_are_exit_status_1_and_in_every_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug behind a URL is found and told in all forms, and the key in none."""
    forms = {form: tmp_path / f"report.{form}" for form in ("junit", "sarif", "html", "jsonl")}
    with serving(desk(BUGS["a draft can be paid"].planted(SOURCE))) as port:
        url = f"http://127.0.0.1:{port}"
        reports = [part for form, path in forms.items() for part in ("--report", f"{form}:{path}")]
        assert run(SPEC, "--url", url, "--reset", "/_reset", "--key-env", "DESK_KEY", "--law", "lifecycle", *reports) == 1
    said = capsys.readouterr().out
    texts = {form: path.read_text(encoding="utf-8") for form, path in forms.items()}
    assert "pay while draft is answered 200" in said
    assert all("pay while draft is answered 200" in text for text in texts.values())
    assert all(KEY not in text for text in (said, *texts.values()))
    assert ET.fromstring(texts["junit"]).get("failures") == "1"
    assert json.loads(texts["sarif"])["runs"][0]["results"][0]["ruleId"] == "lifecycle"
    assert json.loads(texts["jsonl"].splitlines()[0])["type"] == "run"


def test_what_was_made_is_deleted_afterwards() -> None:
    """A target that cannot be reset is left as it was found, as far as it lets one."""
    app = desk()
    with serving(app) as port:
        assert run(SPEC, "--url", f"http://127.0.0.1:{port}", "--key-env", "DESK_KEY", "--law", "read your writes") == 0
    assert (app.customers, app.orders, app.comments, app.webhooks) == ({}, {}, {}, {})


@pytest.mark.parametrize(("arguments", "said"), [
    (("--law", "no such law"), 'no law is called "no such law"; the laws are read your writes'),
    (("--report", "pdf:x"), "the forms are junit, sarif, html, jsonl"),
    (("--report", "html:/no/such/folder/x"), "there is no folder /no/such/folder"),
    (("--key-env", "NOT_SET_HERE"), "this environment variable is not set"),
    (("--key-file", "not-here"), "--key-file not-here: No such file"),
    (("--layers", "magic"), "there are lint, laws, fuzz"),
    (("--url", "ftp://x"), "write it as http://HOST:PORT"),
    (("--url", "http://127.0.0.1:9"), "cannot be reached"),
    (("--config", "not-here.toml"), "no such file"),
])
def test_what_cannot_be_run_is_exit_status_2(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what was wrong and what would be right."""
    assert main(["check", PETSTORE, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_settings_come_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`[check]` in understudy.toml, or `[tool.understudy.check]` in pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.understudy.check]\nlaw = ["pages"]\nseed = 7\nlayers = ["laws"]\nspec = ["{PETSTORE}"]\n')
    assert main(["check"]) == 0
    assert "--seed 7" in capsys.readouterr().out


def test_every_mistake_of_a_settings_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All at once, each with its place."""
    (tmp_path / "understudy.toml").write_text("[check]\nlaws = 1\nseed = 'x'\ntag = [1]\n")
    assert main(["check", PETSTORE]) == 2
    said = capsys.readouterr().err
    assert '"laws" is no setting' in said
    assert "seed is 'x'; it is a whole number" in said
    assert "tag is a list of strings" in said


def test_an_interrupt_leaves_a_valid_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends the run, not the report."""
    from understudy.check import running

    def interrupt(session: object, subject: object) -> None:
        raise KeyboardInterrupt

    law = running.LAWS[3]
    monkeypatch.setattr(running, "LAWS", (running.LAWS[0], running.Law("stop", interrupt, "it", "is", law.needs)))
    assert run(PETSTORE, "--report", f"jsonl:{tmp_path / 'r'}") == 0
    assert json.loads((tmp_path / "r").read_text().splitlines()[-1])["stopped"] == "interrupted"
    assert "ended interrupted" in capsys.readouterr().out


# --- targets ------------------------------------------------------------------------------------------------------------


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[str]:
    """A server that gives these answers, one after the other, the last one for ever."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("answer", "said"), [
    ((200, {"Content-Type": "text/html"}, b"<html>"), "answers /owners with a web page (200), not with the API"),
    ((302, {"Location": "https://elsewhere.example/"}, b""), "redirects /owners to https://elsewhere.example/"),
])
def test_what_is_no_api_is_said_at_once(answer: tuple[int, dict[str, str], bytes], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A web page or a redirection is no API."""
    with answering(answer) as url:
        assert run(PETSTORE, "--url", url) == 2
    assert said in capsys.readouterr().err


def test_a_target_that_asks_for_patience_is_given_it() -> None:
    """429 with Retry-After: the request is sent again."""
    with answering((429, {"Retry-After": "0"}, b""), (503, {"Retry-After": "0"}, b""), (200, {}, b"{}")) as url:
        target = Remote(url)
        answer = target.send(Wire("GET", "/", (), b""))
        target.close()
    assert answer.status == 200


def test_a_target_that_is_down_gives_an_answer_that_says_so() -> None:
    """No exception, a fault."""
    target = Remote("http://127.0.0.1:9", Manners(timeout=2))
    answer = target.send(Wire("GET", "/", (), b""))
    target.close()
    assert answer.status == 0
    assert answer.fault
