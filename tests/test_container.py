"""The Containerfile and the workflows of the README, read and tried as far as that goes without an engine or a runner."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.served import SOURCE, served
from understudy.cli import _parser
from understudy.server.ports import bound

ROOT = Path(__file__).resolve().parents[1]
CONTAINERFILE = ROOT / "Containerfile"
TEXT = CONTAINERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
WORKFLOWS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(jobs:.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)]


def instruction(word: str) -> list[str]:
    """What stands behind each instruction of a kind."""
    return re.findall(rf"^{word} +(.*)$", TEXT, re.MULTILINE)


def test_all_that_the_package_is_made_of_is_copied() -> None:
    """Each source is there, is not ignored, and none that the build needs is left out."""
    copied = {name for line in instruction("COPY") if not line.startswith("--from") for name in line.split()[:-1]}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "openapi", "fixtures", "src"}
    assert all((ROOT / name).exists() for name in copied)
    ignore = (ROOT / ".dockerignore").read_text().split()
    assert ignore[0] == "*" and copied == {line[1:] for line in ignore if line.startswith("!")}


def test_it_runs_as_a_user_that_is_not_root_and_can_write_its_data() -> None:
    """Told before the command is."""
    assert instruction("USER") == ["understudy"] and "useradd --uid 10001" in TEXT and "chown understudy /data" in TEXT
    assert TEXT.index("USER understudy") < TEXT.index("ENTRYPOINT")


def test_its_command_is_one_and_takes_what_is_written_behind_it() -> None:
    """Bound to every address of the container: elsewhere than there nobody could reach it."""
    words = json.loads(instruction("ENTRYPOINT")[0])
    asked = _parser().parse_args([*words[1:], "their-api.yaml", "--data", "/data"])
    assert words[0] == "understudy" and asked.host == "0.0.0.0" and asked.spec == ["their-api.yaml"]
    assert instruction("EXPOSE") == [str(asked.port)]
    for line in re.findall(r"^#\s+podman run .*?understudy (--fixture.*|their-api.*)$", TEXT, re.MULTILINE):
        _parser().parse_args([*words[1:], *shlex.split(line)])


def test_its_health_check_passes_while_it_serves_and_fails_when_it_does_not() -> None:
    """Run as it is written, on another port."""
    check = json.loads(instruction("HEALTHCHECK")[0].partition("CMD")[2])
    with served("--host", "0.0.0.0") as running:
        words = [sys.executable, *(word.replace("4010", str(running.port)) for word in check[1:])]
        assert subprocess.run(words, check=False, timeout=30).returncode == 0
    assert subprocess.run(words, check=False, timeout=30, capture_output=True).returncode == 1


def steps() -> list[Any]:
    """Every step of every workflow."""
    return [step for one in WORKFLOWS for job in one["jobs"].values() for step in job["steps"]]


def test_each_command_of_the_workflows_is_one() -> None:
    """Every option is there."""
    found = [line for step in steps() for line in step.get("run", "").splitlines() if line.startswith("understudy ")]
    assert len(found) >= 2
    for line in found:
        _parser().parse_args(shlex.split(re.sub(r" >.*| &$", "", line))[1:])


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="curl or bash is not on this machine")
@pytest.mark.skipif(sys.platform != "linux", reason="a port that is bound twice")
def test_the_workflow_waits_until_it_is_served(tmp_path: Path) -> None:
    """The step as a runner has it, then a call; what it logs is what is uploaded."""
    (step,) = [step["run"] for step in steps() if "requests.jsonl &" in step.get("run", "")]
    shutil.copy(ROOT / "openapi" / "petstore.yaml", tmp_path / "openapi.yaml")
    mine = bound("127.0.0.1", 0)  # nobody else is given this port meanwhile
    port = mine.getsockname()[1]
    command = tmp_path / "understudy"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m understudy.cli "$@"\n')
    command.chmod(0o755)
    lines = f"{step.replace('4010', str(port))}\ncurl -s -o pets.json localhost:{port}/pets\nkill $!\nwait $!"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    with mine:
        done = subprocess.run(["bash", "-c", lines], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 143, done.stderr
    assert json.loads((tmp_path / "pets.json").read_text()) is not None
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert kinds == ["start", "request"]
