"""`understudy proxy` and `understudy serve --pass-through` in processes of their own, as a user starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from proxy.fronts import PETSTORE, scripted
from support.served import SOURCE, served
from understudy.cli import main

ADA = {"name": "Ada", "email": "ada@x.org"}


class Running:
    """The process."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def __call__(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """One request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, None if body is None else json.dumps(body), {**sent, **({"Content-Type": "application/json"} if body is not None else {})})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, json.loads(text) if text else None

    def stop(self, how: int = signal.SIGINT) -> tuple[int, str]:
        """Its exit status, and what it said."""
        self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def proxying(to: str, *arguments: str) -> Iterator[Running]:
    """`understudy proxy` on a free port, stopped at the end."""
    command = [sys.executable, "-m", "understudy.cli", "proxy", "--port", "0", "--to", to, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        try:
            yield Running(process, _port(process))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(30)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    said = ""
    port = 0
    for line in process.stdout:
        said += line
        if line.startswith("  proxy "):
            port = int(line.split("http://")[1].split("  ")[0].rsplit(":", 1)[1])
        if line.startswith("  says "):
            return port
    raise AssertionError(f"it did not start:\n{said}")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_good_session_ends_well(how: int, tmp_path: Path) -> None:
    """Exit status 0, and a record without the key that was sent."""
    with served(PETSTORE) as real, proxying(real.base, PETSTORE, "--record", str(tmp_path / "a.har")) as front:
        made = front("POST", "/owners", ADA, Authorization="Bearer sk_0123456789abcdef")
        assert (made[0], made[1]["understudy-answered"]) == (201, "upstream")
        assert front("GET", f"/owners/{made[2]['id']}")[0] == 200
        status, said = front.stop(how)
    assert (status, "nothing wrong" in said) == (0, True)
    text = (tmp_path / "a.har").read_text()
    assert "sk_0123456789abcdef" not in text + said
    assert len(json.loads(text)["log"]["entries"]) == 2


def test_a_bad_session_ends_with_1_and_reports(tmp_path: Path) -> None:
    """The forms of `check`."""
    forms = {form: tmp_path / f"r.{form}" for form in ("junit", "sarif", "html", "jsonl")}
    arguments = [part for form, path in forms.items() for part in ("--report", f"{form}:{path}")]
    body = b'{"owners":[]}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    with scripted(answer) as (url, _), proxying(url, PETSTORE, *arguments) as front:
        assert "total" in front("GET", "/owners")[1]["understudy-violations"]
        status, said = front.stop()
    assert (status, "1 thing wrong" in said, "declared shape" in said) == (1, True, True)
    assert all("declared shape" in path.read_text() for path in forms.values())


def test_a_killed_proxy_leaves_a_valid_record(tmp_path: Path) -> None:
    """SIGKILL, at any time after an answer."""
    with served(PETSTORE) as real, proxying(real.base, PETSTORE, "--record", str(tmp_path / "a.har"), "--quiet") as front:
        for _ in range(5):
            front("POST", "/owners", ADA)
        front.stop(signal.SIGKILL)
    assert len(json.loads((tmp_path / "a.har").read_text())["log"]["entries"]) == 5


def test_the_stand_in_answers_some_operations_and_the_real_api_the_rest() -> None:
    """One mechanism, both ways; each answer says who gave it."""
    with served(PETSTORE) as real:
        with proxying(real.base, PETSTORE, "--stand-in", "* /pets*") as front:
            answered = [front("GET", path)[1]["understudy-answered"] for path in ("/owners", "/pets", "/nowhere")]
            assert front("POST", "/pets", {"name": "Tom", "species": "cat"})[0] == 201
            assert front.stop()[0] == 1  # /nowhere is no operation
        assert answered == ["upstream", "stand-in", "upstream"]
        assert real("GET", "/pets")[2]["total"] == 0
        with served(PETSTORE, "--pass-through", "GET /owners", "--to", real.base) as stand_in:
            got = {target: stand_in(method, target, ADA if method == "POST" else None) for method, target in (("POST", "/owners"), ("GET", "/owners"), ("GET", "/pets"))}
            assert got["/owners"][1]["understudy-answered"] == "upstream"
            assert got["/owners"][2]["total"] == 0
            assert got["/pets"][1]["understudy-answered"] == "stand-in"
            assert stand_in("GET", "/_world/mine/owners")[1]["understudy-answered"] == "upstream"


@pytest.mark.parametrize(("arguments", "said"), [
    (["proxy", "--to", "ftp://x", PETSTORE], "write the address of the real API as"),
    (["proxy", "--to", "http://x", PETSTORE, "--report", "pdf:x"], "the forms are"),
    (["proxy", "--to", "http://x", PETSTORE, "--stand-in", "GET /nowhere"], "the document has no such operation"),
    (["proxy", "--to", "https://x", PETSTORE, "--ca", "/nowhere.pem"], "/nowhere.pem"),
    (["proxy", "--to", "https://x", PETSTORE, "--ca", PETSTORE], "PEM certificates"),
    (["proxy", "--to", "http://x", PETSTORE, "--record", "/nowhere/a.har"], "/nowhere/a.har"),
    (["proxy", "--to", "http://x", PETSTORE, "--record", PETSTORE], "name another"),
    (["proxy", "--to", "http://x", PETSTORE, "--timeout", "0"], "a number of seconds"),
    (["proxy", "--to", "http://x", "/nowhere.yaml"], "/nowhere.yaml"),
    (["serve", PETSTORE, "--pass-through", "GET /owners"], "go together"),
    (["serve", PETSTORE, "--to", "http://x"], "go together"),
    (["serve", PETSTORE, "--to", "http://x", "--pass-through", "GET /nowhere"], "the document has no such operation"),
])  # fmt: skip
def test_what_cannot_be_run_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, what is wrong and what would be right."""
    assert main([*arguments, "--port", "0"]) == 2
    assert said in capsys.readouterr().err
