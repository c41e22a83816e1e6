"""Lines for whoever watches the server, written when answers are on their way and nobody waits for them.

1. Lines that came together leave together; what makes the text is called then, not when a request is answered.
2. A reader that does not read holds up nothing: lines wait up to a limit, then some are left out, and it is said how many.
3. A reader that went away is left in peace.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import Callable
from typing import Any, TextIO

PIECE = 4096
"""Octets a pipe that can be written to takes without waiting (pipe(7), PIPE_BUF)."""
LARGEST = 1_000_000
"""Octets that wait for a reader."""
PATIENCE = 0.1
"""Seconds until a reader that does not read is looked for again."""

Make = Callable[[], str]


def left_out(lost: int) -> str:
    """What stands where lines are missing."""
    return f"... {lost:,} lines are left out here: nobody read them"


class Outlet:
    """One stream's lines. `put` from any request; `close` writes what can be written now."""

    def __init__(self, stream: TextIO, left_out: Callable[[int], str] = left_out, ready: Callable[[], Any] | None = None) -> None:
        self._descriptor = stream.fileno()
        self._encoding = stream.encoding or "utf-8"
        self._left_out = left_out
        self._ready = ready or _writable(self._descriptor)
        self._made: list[Make] = []
        self._bytes = bytearray()
        self._lost = 0
        self._gone = False
        self._set = False  # whether it is already seen to that they are written

    def put(self, make: Make) -> None:
        """Have a line written; without a loop that runs, at once."""
        self._made.append(make)
        if self._set:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write()
            return
        self._set = True
        loop.call_soon(self._later, loop)

    def _later(self, loop: asyncio.AbstractEventLoop) -> None:
        self.write()
        self._set = bool(self._bytes)
        if self._set:
            loop.call_later(PATIENCE, self._later, loop)

    def write(self) -> None:
        """Write as much as the reader takes now."""
        made, self._made = self._made, []
        if self._gone:
            return
        for number, make in enumerate(made):
            if len(self._bytes) > LARGEST:
                self._lost += len(made) - number
                break
            if self._lost:
                self._add(self._left_out(self._lost))
                self._lost = 0
            self._add(make())
        self._drain()

    def _add(self, text: str) -> None:
        self._bytes += f"{text}\n".encode(self._encoding, "backslashreplace")

    def _drain(self) -> None:
        try:
            while self._bytes and self._ready():
                del self._bytes[: os.write(self._descriptor, self._bytes[:PIECE])]
        except OSError:
            self._gone = True
            self._bytes.clear()

    def close(self) -> None:
        """Write what can be written without waiting."""
        self.write()


def _writable(descriptor: int) -> Callable[[], Any]:
    """Whether a write would not wait. Windows tells that of sockets only."""
    if sys.platform == "win32":
        return lambda: True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return lambda: poll.poll(0)
