"""`check` and `drift` where the extra `check` is not installed: what is missing is said, and what can be done without it is done."""

from __future__ import annotations

import subprocess
import sys

import pytest

from check.desk import HOME

PETSTORE = str(HOME.parents[1] / "openapi" / "petstore.yaml")
BLOCKED = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from understudy.cli import main
sys.exit(main({arguments!r}))
"""
FUZZERS = {"schemathesis", "hypothesis", "hypothesis_graphql"}


def without(names: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, in a process in which some libraries cannot be imported."""
    code = BLOCKED.format(names=names, arguments=list(arguments))
    return subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path), "PATH": ""}, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", ["check", "drift"])
def test_without_the_extra_it_is_said_what_to_install(command: str) -> None:
    """In one line, exit status 2, and no traceback."""
    ended = without({*FUZZERS, "httpx"}, command, PETSTORE, "--url", "http://127.0.0.1:9")
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [ended.stderr.strip()]
    assert "pip install 'understudy[check]'" in ended.stderr
    assert "httpx is missing" in ended.stderr


def test_the_laws_need_no_fuzzer() -> None:
    """Without schemathesis the laws are looked at; asked for, its layer says what is missing."""
    ended = without(FUZZERS, "check", PETSTORE, "--layers", "laws", "--law", "pages", "--law", "walks")
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = without(FUZZERS, "check", PETSTORE, "--law", "pages", "--layers", "fuzz")
    assert ended.returncode == 2
    assert "or leave it out with --layers lint --layers laws" in ended.stderr
