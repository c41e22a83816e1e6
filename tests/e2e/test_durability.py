"""A server that keeps its worlds in a folder, as a process: killed, started twice, given what it cannot read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tinydb import TinyDB

from support.killing import OPTIONS, Promises, check, customer, kill_once
from support.served import SOURCE, served

ROUNDS = 5


def test_a_server_killed_under_load_keeps_all_it_answered(tmp_path: Path) -> None:
    """SIGKILL at random moments: every 2xx is there after the restart, nothing is half written."""
    promises = Promises()
    for seed in range(ROUNDS):
        kill_once(tmp_path / "data", promises, seed)
    with served("--data", str(tmp_path / "data"), *OPTIONS) as running:
        check(running, promises)
    assert promises.answered > 0


def test_a_stopped_server_leaves_a_file_that_plain_tinydb_reads(tmp_path: Path) -> None:
    """One for each world."""
    with served("--data", str(tmp_path / "data"), *OPTIONS) as running:
        assert running("POST", "/v1/customers", customer("a"), {"Understudy-World": "one"})[0] == 201
    with TinyDB(tmp_path / "data" / "worlds" / "one.json", access_mode="r") as database:
        assert [row["reference"] for row in database.table("customer").all()] == ["a"]


def refused(data: Path) -> str:
    """What a server that must not start says on standard error."""
    command = [sys.executable, "-m", "understudy.cli", "serve", "--port", "0", "--data", str(data), *OPTIONS]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE)}, timeout=60, check=False)
    assert done.returncode == 2, done.stdout
    return done.stderr


def test_a_second_process_on_a_folder_is_refused(tmp_path: Path) -> None:
    """By name, and the first goes on."""
    with served("--data", str(tmp_path / "data"), *OPTIONS) as running:
        said = refused(tmp_path / "data")
        assert f"process {running.process.pid}" in said
        assert running("POST", "/v1/customers", customer("a"))[0] == 201


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ('{"customer": {', "is damaged"),
        ('{"customer": {"1": {"id": "a"}}}', "is no world"),
        ('{"_world": {"1": {"format": 99}}}', "is of format 99"),
        ('{"_world": {"1": {"format": 1}}}', "lacks"),
        ("[]", "the top is no object"),
    ],
)
def test_a_file_that_is_no_world_is_named_and_left_alone(tmp_path: Path, text: str, said: str) -> None:
    """Exit status 2, and not an octet is changed."""
    data = tmp_path / "data"
    with served("--data", str(data), *OPTIONS) as running:
        running("POST", "/v1/customers", customer("a"))
    file = data / "worlds" / "default.json"
    file.write_text(text)
    before = {path: path.read_bytes() for path in data.rglob("*.json*")}
    message = refused(data)
    assert str(file) in message
    assert said in message
    assert {path: path.read_bytes() for path in data.rglob("*.json*")} == before


def test_a_newer_folder_and_a_foreign_one_are_refused(tmp_path: Path) -> None:
    """As is a file in the place of the folder."""
    newer, foreign, file = tmp_path / "newer", tmp_path / "foreign", tmp_path / "file"
    newer.mkdir()
    (newer / "understudy.json").write_text(json.dumps({"format": 2, "generation": 1, "written": 0, "files": []}))
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    file.write_text("")
    assert "is of format 2" in refused(newer)
    assert "holds other files (thesis.tex)" in refused(foreign)
    assert "cannot be used as a data folder" in refused(file)
