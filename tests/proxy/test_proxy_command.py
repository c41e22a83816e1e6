"""`understudy proxy` and `understudy serve --pass-through` in processes of their own, as a user starts them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from proxy.fronts import PETSTORE, scripted
from support.proxying import proxying
from support.served import served
from understudy.cli import main

ADA = {"name": "Ada", "email": "ada@x.org"}


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
