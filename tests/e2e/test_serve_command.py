"""`understudy serve` as a person or a program starts it: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.served import SOURCE, served
from understudy.server.ports import bound


def run(*arguments: str, cwd: Path | None = None) -> tuple[int, str]:
    """A command that ends by itself: its exit status and what it says on standard error."""
    command = [sys.executable, "-m", "understudy.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(SOURCE)}, cwd=cwd)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def test_each_line_of_its_log_is_an_object() -> None:
    """The start with the address, each request with its reason, each attempt to tell an endpoint."""
    with served("--log", "json", "--fixture", "tutorial") as running, bound("127.0.0.1", 0) as silent:
        assert running.process.stdout is not None
        nobody = silent.getsockname()[1]
        assert running("GET", "/v1/customers")[0] == 200
        request = json.loads(running.process.stdout.readline())
        assert (request["kind"], request["operation"], request["status"], request["fault"]) == ("request", "GET /v1/customers", 200, None)
        assert running("POST", "/_understudy/endpoints", {"url": f"http://127.0.0.1:{nobody}/"})[0] == 200
        assert running("POST", "/v1/customers", {"reference": "acme", "type": "ORGANIZATION"})[0] == 201
        assert json.loads(running.process.stdout.readline())["status"] == 201
        attempt = json.loads(running.process.stdout.readline())
        assert (attempt["kind"], attempt["type"], attempt["attempt"], attempt["state"]) == ("delivery", "CUSTOMER.CREATED", 1, "failing")


def test_it_serves_on_when_nobody_reads_what_it_prints() -> None:
    """More than a pipe holds."""
    with served("--fixture", "tutorial") as running:
        long = "x" * 1000
        assert {running("GET", f"/v1/{long}{number}")[0] for number in range(300)} == {404}


def test_it_serves_on_when_its_reader_went_away() -> None:
    """As `understudy serve | head` has it."""
    with served("--fixture", "tutorial") as running:
        assert running.process.stdout is not None
        running.process.stdout.close()
        assert {running("GET", "/v1/customers")[0] for _ in range(3)} == {200}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("sent", "data", "status"), [
    (signal.SIGINT, False, 130), (signal.SIGINT, True, 130), (signal.SIGTERM, False, 143), (signal.SIGTERM, True, 143),
])  # fmt: skip
def test_its_exit_status_says_how_it_was_stopped(sent: signal.Signals, data: bool, status: int, tmp_path: Path) -> None:
    """130 interrupted, 143 terminated (128 and the signal's number)."""
    with served(*(["--data", str(tmp_path / "kept")] if data else [])) as running:
        running.process.send_signal(sent)
        assert running.process.wait(20) == status


def test_a_port_that_is_taken_is_exit_status_2() -> None:
    """And the other understudy is called by what it plays."""
    with served() as running:
        status, said = run("serve", "--port", str(running.port))
        assert status == 2 and "the port is taken by another understudy, playing Solvimon billing sandbox" in said


@pytest.mark.parametrize(("arguments", "said"), [
    (["serve", "none.yaml"], "none.yaml"),
    (["serve", "--fixture", "none"], "no such fixture; there are default, saas, tutorial and empty"),
    (["serve", "--now", "yesterday"], '--now: "yesterday" is not an instant; write 2025-05-06T10:30:00Z'),
    (["serve", "--port", "70000"], "ports go from 1 to 65535"),
    (["serve", "--port", "web"], "argument --port: invalid int value: 'web'"),
    (["serve", "--data", "file"], "cannot be used as a data folder"),
    (["serve", "--behaviour", "none.yaml"], "none.yaml"),
    (["serve", "--overlay", "none.yaml"], "none.yaml"),
    (["serve", "empty.yaml"], "empty.yaml"),
    (["serve", "torn.json"], "torn.json"),
    (["serve", "old.json"], "`openapi: 3.0` to `3.2` or `swagger: 2.0`, not 1.2"),
    (["serve", "--fixture", "torn.json"], "torn.json"),
    (["serve", "--host", "192.0.2.1"], "is no address of this machine"),
    (["world", "list", "--url", "http://127.0.0.1:1"], "no understudy answers at http://127.0.0.1:1"),
    (["inspect", "none.yaml"], "none.yaml"),
    (["serv"], "; the nearest is serve; see understudy --help"),
    (["serve", "--portt", "3"], "unrecognized arguments: --portt"),
    (["serve", "--fixtur"], "expected one argument; see understudy serve --help"),
    (["serve", "--api-key", ""], "argument --api-key: is empty"),
    (["serve", "--data", " "], "argument --data: is empty"),
    (["serve", "--cors", "localhost:3000/x"], "write one such as http://localhost:3000"),
    (["serve", "--tls-key", "torn.json"], "say either --tls"),
    (["serve", "http://127.0.0.1:1/openapi.json"], "cannot be reached: Connection refused"),
    (["world"], "the following arguments are required: ACTION; see understudy world --help"),
])  # fmt: skip
def test_what_a_newcomer_gets_wrong_is_told_in_a_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    """Exit status 2, what was wrong and where, and no traceback."""
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "torn.json").write_text('{"openapi": "3.1.0", ')
    (tmp_path / "old.json").write_text('{"swagger": "1.2"}')
    status, told = run(*arguments, *(["--port", "0"] if arguments[0] == "serve" and "--port" not in arguments else []), cwd=tmp_path)
    assert status == 2 and said in told, told
