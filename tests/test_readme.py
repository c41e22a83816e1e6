"""What the README shows is what a reader gets: its calls are made with curl, its answers compared."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.served import served

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
CALLS = re.findall(r"```sh\n(curl .*?)```\n```json\n(.*?)```", README, re.DOTALL)


def within(shown: Any, got: Any, where: str = "") -> None:
    """Every field shown is in the answer, with the same value."""
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert name in got, f"{where}.{name} is not answered"
            within(value, got[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert len(shown) == len(got), f"{where} has {len(got)} elements"
        for index, value in enumerate(shown):
            within(value, got[index], f"{where}.{index}")
    else:
        assert shown == got, where


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_the_six_calls_answer_as_printed() -> None:
    """Six curl calls, in order, against what the README's first command serves."""
    assert len(CALLS) == 6
    with served("--fixture", "tutorial") as running:
        for call, shown in CALLS:
            command = call.replace("localhost:4010", f"127.0.0.1:{running.port}")
            got = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True).stdout
            within(json.loads(shown), json.loads(got), command.split(" -H")[0])


def test_what_is_python_runs() -> None:
    """As it stands."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def parsers(one: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its commands."""
    yield one
    for group in one._subparsers._group_actions if one._subparsers else ():
        for command in (group.choices or {}).values():
            yield from parsers(command)  # type: ignore[arg-type]


def test_every_command_line_option_the_readme_names_is_there() -> None:
    """A name in the README is a name of the program."""
    from understudy.cli import _parser  # the parser alone: no server is started

    helped = "".join(parser.format_help() for parser in parsers(_parser()))
    for option in set(re.findall(r"`(--[a-z-]+)", README)):
        assert option in helped, option
