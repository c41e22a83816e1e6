"""`understudy completion SHELL`: a script that lets a shell complete commands, options, their values and files.

The parser is taken as it is; nothing here knows a command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

SHELLS = ("bash", "zsh", "fish")

_EXAMPLES = """\
examples:
  eval "$(understudy completion bash)"                                        # in ~/.bashrc
  understudy completion zsh > "${fpath[1]}/_understudy"                       # once, then begin a new shell
  understudy completion fish > ~/.config/fish/completions/understudy.fish     # once

exit status: 0 written"""

_FILES = ("FILE", "SPEC", "HAR")


def add_completion(commands: argparse._SubParsersAction[argparse.ArgumentParser], parser: Callable[[], argparse.ArgumentParser]) -> None:
    """Declare `completion` of what `parser` makes."""
    command = commands.add_parser(
        "completion",
        help="print a script that lets a shell complete commands and options",
        description="Print a script that lets a shell complete commands, options, their values and files.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("shell", choices=SHELLS, help="the shell")
    command.set_defaults(run=lambda options: _write(options.shell, parser()))


def _write(shell: str, parser: argparse.ArgumentParser) -> int:
    import shtab  # 10 ms: where a script is asked for

    for action in _actions(parser):
        named = action.metavar if isinstance(action.metavar, str) else ""
        if "DIR" in named:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif any(word in named for word in _FILES):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(parser, shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What a parser and those of its commands take."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
