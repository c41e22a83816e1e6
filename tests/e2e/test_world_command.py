"""`understudy world ...` against a running server: what a person types and sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.killing import OPTIONS, customer
from support.served import Served, served
from understudy.cli import main


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    """One server for all of these."""
    with served(*OPTIONS) as one:
        yield one


def test_a_world_is_begun_saved_compared_put_back_branched_and_written_down(
    running: Served, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each command does what it says and says what it did."""

    def world(*arguments: str) -> str:
        assert main(["world", *arguments, "--url", running.base]) == 0
        return capsys.readouterr().out

    assert world("new", "w").startswith("w ")
    assert world("snapshot", "w", "before").startswith("before ")
    assert world("diff", "w", "before") == ""
    made = running("POST", "/v1/customers", customer("a"), {"Understudy-World": "w"})[2]
    assert world("diff", "w", "before").splitlines()[0] == f"+ customer {made['id']}"
    assert json.loads(world("diff", "w", "--json"))["created"][0]["id"] == made["id"]
    assert world("fork", "w", "x").startswith("x ")
    running("PATCH", f"/v1/customers/{made['id']}", {"email": "b@example.com"}, {"Understudy-World": "w"})
    world("snapshot", "w", "later")
    running("PATCH", f"/v1/customers/{made['id']}", {"email": "c@example.com"}, {"Understudy-World": "w"})
    assert f'~ customer {made["id"]}\n    email: "b@example.com" -> "c@example.com"' in world("diff", "w", "later")
    world("restore", "w", "before")
    assert world("diff", "w", "before") == ""
    world("export", "x", str(tmp_path / "x.json"))
    assert [row["id"] for row in json.loads((tmp_path / "x.json").read_text())["records"]["customer"]] == [made["id"]]
    assert world("new", "t", "--from", "tutorial").startswith("t ")
    assert {line.split()[0] for line in world("list").splitlines()} >= {"w", "x", "t"}


def test_what_cannot_be_done_is_said_on_standard_error_with_status_2(running: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """By the server, or because there is none."""
    for arguments, said in (
        (["restore", "w", "never", "--url", running.base], 'has no snapshot "never"'),
        (["new", "a b", "--url", running.base], "cannot name a world"),
        (["new", "n", "--from", "nothing", "--url", running.base], 'no world, snapshot or fixture "nothing"'),
        (["fork", "never-begun", "n", "--url", running.base], 'no world, snapshot or fixture "never-begun"'),
        (["snapshot", "w", "a/b", "--url", running.base], "cannot name a snapshot"),
        (["diff", "w", "never", "--url", running.base], 'has no snapshot "never"'),
        (["export", "w", "/nowhere/file.json", "--url", running.base], "/nowhere/file.json: No such file or directory"),
        (["list", "--url", "http://127.0.0.1:1"], "no understudy answers"),
        (["list", "--url", "localhost"], "is no address"),
    ):
        assert main(["world", *arguments]) == 2
        assert said in capsys.readouterr().err
