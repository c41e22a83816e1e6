"""The README's suite, run as a reader runs it: `pytest -n 4` against one server, a world for each test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.served import served

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SUITE = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "UNDERSTUDY" in block)


FIXTURE = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "pytest.mark.sandbox" in block)


def test_the_fixture_of_pytest_does_what_is_shown(pytester: pytest.Pytester) -> None:
    """The README's test, run as a reader runs it."""
    pytester.makepyfile(FIXTURE)
    pytester.runpytest_inprocess("-p", "no:understudy", "-p", "understudy.pytest_plugin", "-p", "no:cacheprovider", "--strict-markers").assert_outcomes(passed=1)


def test_four_processes_of_one_suite_do_not_meet(tmp_path: Path) -> None:
    """Forty tests make a customer of the same reference and see no other; afterwards their worlds are gone."""
    (tmp_path / "test_alone.py").write_text(SUITE, encoding="utf-8")
    with served("--fixture", "empty", "--quiet") as running:
        environment = {**os.environ, "UNDERSTUDY": running.base, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "4", "-q", "-p", "no:cacheprovider", "test_alone.py"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "40 passed" in done.stdout
        assert "bringing up nodes" in done.stdout
        worlds = running("GET", "/_understudy/worlds")[2]["worlds"]
        assert [world["name"] for world in worlds] == ["default"]
        assert "customer" not in worlds[0]["records"]
