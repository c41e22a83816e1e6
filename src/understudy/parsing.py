"""A parser of command lines whose refusals are a line: what is wrong, what is nearest to it, and where more is said."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """argparse's, without the whole usage before each error; the parsers of its commands are of this class too."""

    def error(self, message: str) -> NoReturn:
        """Say it and end, with exit status 2."""
        self.exit(2, f"understudy: {message}{self._nearest(message)}; see {self.prog} --help\n")

    def _nearest(self, message: str) -> str:
        """What may have been meant by a word that is none."""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if choice is not None:
            return _near(choice[1], re.findall(r"[\w-]+", choice[2]))
        unknown = re.match(r"unrecognized arguments: (--[^\s=]+)", message)
        return _near(unknown[1], _options(self)) if unknown is not None else ""


def _near(word: str, known: Iterator[str] | list[str]) -> str:
    found = get_close_matches(word, list(known), n=1)
    return f"; the nearest is {found[0]}" if found else ""


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _options(command)
