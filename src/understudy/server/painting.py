"""Colours on a terminal, and text that can do a terminal no harm."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

_CODES = {"green": "32", "yellow": "33", "red": "31", "cyan": "36", "dim": "2", "bold": "1"}


COLOURS = ("auto", "always", "never")
"""What `--color` takes."""


def in_colour(stream: TextIO, asked: str = "auto") -> bool:
    """Whether to paint: as asked, else where a stream is a terminal and the person has not asked for none (no-color.org)."""
    if asked != "auto":
        return asked == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, coloured: bool) -> str:
    """The text in a colour, where there are colours."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if coloured else text


def printable(text: str, longest: int = 200) -> str:
    """Text from outside in printable signs, cut where it is long."""
    short = text if len(text) <= longest else f"{text[:longest]}…"
    return short if short.isprintable() else "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in short)


def colour_of(status: int | None) -> str:
    """Green for what was taken, yellow for what was refused, red for the rest."""
    return {2: "green", 3: "cyan", 4: "yellow"}.get((status or 0) // 100, "red")


def waiting(stream: TextIO) -> tuple[Callable[[str], None], Callable[[], None]]:
    """What tells a person at a terminal what is being done, in a line of its own, and what takes that line away; elsewhere nothing does."""
    if not stream.isatty():
        return lambda doing: None, lambda: None

    def tell(doing: str) -> None:
        stream.write(f"\r\x1b[K{printable(doing, 70)} …")
        stream.flush()

    def clear() -> None:
        stream.write("\r\x1b[K")
        stream.flush()

    return tell, clear
