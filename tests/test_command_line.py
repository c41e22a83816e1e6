"""What `--help` says is so: examples are good commands, and shells complete what the program takes."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from support.served import SOURCE, served
from understudy.cli import _parser, main
from understudy.completion import SHELLS

ROOT = Path(__file__).resolve().parents[1]


def parsers(one: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its commands."""
    yield one
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


def examples() -> list[tuple[str, list[str]]]:
    """Each example of each command's help, as its words."""
    found = []
    for parser in parsers(_parser()):
        for line in re.findall(r"^  (?:\w+=\S+ )?(understudy .*)$", parser.epilog or "", re.MULTILINE):
            words = shlex.split(re.sub(r" [>#|] ?.*", "", line))
            found.append((line, words[1:]))
    return found


@pytest.mark.parametrize("parser", [pytest.param(one, id=one.prog) for one in parsers(_parser())])
def test_each_command_has_examples_and_says_how_it_ends(parser: argparse.ArgumentParser) -> None:
    """In its help; those of a group of commands in one of them at least."""
    text = parser.format_help()
    assert "examples:\n  " in text
    assert "xit status" in text or parser.prog == "understudy webhooks"


@pytest.mark.parametrize(("line", "words"), [pytest.param(*one, id=one[0]) for one in examples()])
def test_each_example_is_a_command(line: str, words: list[str]) -> None:
    """Every word of it is taken."""
    _parser().parse_args(words)


RUN = [words for _, words in examples() if words and words[0] in ("inspect", "diagram", "doctor", "completion")]


@pytest.mark.parametrize("words", RUN, ids=" ".join)
def test_each_example_that_needs_no_server_does_what_it_says(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With documents of these names in the folder; something is printed."""
    shop = (ROOT / "openapi" / "petstore.yaml").read_text()
    for name in ("their-api.yaml", "catalogue.yaml"):
        (tmp_path / name).write_text(shop)
    (tmp_path / "orders.yaml").write_text(re.sub(r"/(pets|owners)", r"/kept-\1", shop))
    (tmp_path / "local.overlay.yaml").write_text("overlay: 1.0.0\ninfo: {title: T, version: '1'}\nactions: [{target: $.info, update: {title: Local}}]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEY", "secret")
    with redirect_stdout(io.StringIO()) as printed:
        status = main([*words, *(["--port", "0"] if words[0] == "doctor" else [])])
    assert status == 0 and printed.getvalue().strip()


# --- completion --------------------------------------------------------------------------------------------------


def script(shell: str) -> str:
    """What `understudy completion` prints."""
    with redirect_stdout(io.StringIO()) as printed:
        assert main(["completion", shell]) == 0
    return printed.getvalue()


def in_bash(*words: str, cwd: Path | None = None) -> list[str]:
    """What bash offers for the last of some words."""
    quoted = " ".join(map(shlex.quote, words))
    asked = f'COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_LINE={shlex.quote(" ".join(words))}; COMP_POINT=${{#COMP_LINE}}'
    call = 'f=$(complete -p understudy | sed -E "s/.*-F ([^ ]+).*/\\1/"); $f understudy "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"'
    done = subprocess.run(["bash", "--norc", "-c", f'{script("bash")}\n{asked}\n{call}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'],
                          capture_output=True, text=True, check=False, cwd=cwd, timeout=60)  # fmt: skip
    return [line.strip() for line in done.stdout.split("\n") if line.strip()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on this machine")
def test_bash_completes_commands_options_values_and_files(tmp_path: Path) -> None:
    """As somebody at a prompt has it."""
    (tmp_path / "their-api.yaml").write_text("")
    assert in_bash("understudy", "ser") == ["serve"]
    assert {"serve", "inspect", "world", "webhooks", "check", "doctor", "completion"} <= set(in_bash("understudy", ""))
    assert in_bash("understudy", "serve", "--fix") == ["--fixture"]
    assert set(in_bash("understudy", "serve", "--clock", "")) == {"running", "frozen"}
    assert in_bash("understudy", "world", "sna") == ["snapshot"]
    assert in_bash("understudy", "serve", "their", cwd=tmp_path) == ["their-api.yaml"]
    assert in_bash("understudy", "serve", "--behaviour", "their", cwd=tmp_path) == ["their-api.yaml"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_its_script(shell: str) -> None:
    """Its own syntax check, where the shell is on this machine."""
    text = script(shell)
    assert "understudy" in text and "--fixture" in text.replace("l fixture", "--fixture")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    subprocess.run([shell, "-n"], input=text, text=True, check=True, timeout=60)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not on this machine")
def test_zsh_knows_the_command(tmp_path: Path) -> None:
    """The script is a function of its completion system."""
    (tmp_path / "_understudy").write_text(script("zsh"))
    asked = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/dump; echo $_comps[understudy]"
    assert subprocess.run(["zsh", "-f", "-c", asked], capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "_understudy"


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not on this machine")
def test_fish_completes_commands() -> None:
    """As it says itself."""
    asked = f"{script('fish')}\ncomplete -C 'understudy ser'"
    assert "serve" in subprocess.run(["fish", "--no-config", "-c", asked], capture_output=True, text=True, check=True, timeout=60).stdout


# --- doctor ------------------------------------------------------------------------------------------------------


def found(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and findings."""
    with redirect_stdout(io.StringIO()) as printed:
        status = main(["doctor", "--json", "--port", "0", *arguments])
    told = json.loads(printed.getvalue())
    assert told["good"] is (status == 0)
    return status, told["findings"]


def of(level: str, told: tuple[int, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """What is of a level: what it is about, and what is said."""
    return [(one["about"], one["message"]) for one in told[1] if one["level"] == level]


def test_nothing_fails_where_all_is_well() -> None:
    """The bundled sandbox; exit status 0."""
    told = found()
    assert told[0] == 0 and of("fail", told) == []
    assert {"python", "libraries", "clock", "port", "document", "behaviour", "keys"} <= {one["about"] for one in told[1]}


def test_it_finds_the_usual_troubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by what it is about; exit status 1, and one keeps no other from being found."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    broken, file = tmp_path / "broken.yaml", tmp_path / "file"
    broken.write_text("openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {/a: {get: 3}}\n")
    file.write_text("")
    told = found(str(broken), "--data", str(file), "--key-env", "NO_SUCH_KEY", "--tls-cert", "none.pem", "--port", "70000")
    assert told[0] == 1
    assert {about for about, _ in of("fail", told)} == {"port", "HTTPS", "document", "keys", "folder"}
    assert all(one["message"] for one in told[1])
    assert of("fail", found("--fixture", "none")) == [("fixture", "none: no such fixture; there are default, saas, tutorial and empty")]


def test_it_sees_a_port_and_a_folder_in_use(tmp_path: Path) -> None:
    """By a server that runs; and when it is gone, what is in the folder."""
    kept = str(tmp_path / "kept")
    with served("--data", kept) as running:
        told = dict(of("fail", found("--data", kept, "--port", str(running.port))))
        assert "is in use by another understudy" in told["folder"] and "the port is taken" in told["port"]
    told = found("--data", kept)
    assert told[0] == 0 and any("worlds of" in message for about, message in of("ok", told) if about == "folder")
    told = found(str(ROOT / "openapi" / "petstore.yaml"), "--data", kept)
    assert told[0] == 1 and "was kept for another document" in dict(of("fail", told))["folder"]


def test_it_sees_a_behaviour_file_that_no_longer_fits(tmp_path: Path) -> None:
    """A warning: it is played all the same."""
    spec = Path(shutil.copy(ROOT / "openapi" / "petstore.yaml", tmp_path / "shop.yaml"))
    spec.with_name("shop.behaviour.yaml").write_text("operations: {GET /gone: {role: example}}\n")
    told = found(str(spec))
    assert told[0] == 0 and any(about == "behaviour" and "GET /gone" in message for about, message in of("warn", told))


def test_it_is_read_by_people_too() -> None:
    """A line each, what to do below it; the process ends with the status."""
    done = subprocess.run([sys.executable, "-m", "understudy.cli", "doctor", "none.yaml", "--port", "0"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(SOURCE)}, timeout=60)  # fmt: skip
    assert done.returncode == 1 and re.search(r"^fail  document   none.yaml: No such file", done.stdout, re.MULTILINE), done.stdout
