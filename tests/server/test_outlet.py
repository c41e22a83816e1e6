"""Lines for whoever watches: written together, later, and never waited for."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from understudy.server import outlet
from understudy.server.outlet import Outlet
from understudy.server.printing import FORMS


class Watched:
    """Both ends of a pipe: what is written on `stream` is read with `read`."""

    def __init__(self) -> None:
        self.end, write = os.pipe()
        self.stream: TextIO = os.fdopen(write, "w", encoding="ascii")

    def read(self) -> str:
        """What came so far; there must be something."""
        return os.read(self.end, 10_000_000).decode()

    def leave(self) -> None:
        """Read no more."""
        if self.end >= 0:
            os.close(self.end)
        self.end = -1


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A reader."""
    one = Watched()
    yield one
    one.leave()
    one.stream.close()


def test_a_line_is_written_at_once_where_no_loop_runs(watched: Watched) -> None:
    """There is nobody whose answer it could hold up; what the stream's encoding lacks is escaped."""
    Outlet(watched.stream).put(lambda: "one → two")
    assert watched.read() == "one \\u2192 two\n"


def test_lines_are_made_and_written_after_the_answer(watched: Watched) -> None:
    """Nothing is made while a request is being answered."""
    made: list[int] = []

    async def answer() -> None:
        one = Outlet(watched.stream)
        for number in range(3):
            one.put(lambda number=number: made.append(number) or str(number))  # type: ignore[misc]
        assert made == []
        await asyncio.sleep(0)
        assert made == [0, 1, 2]

    asyncio.run(answer())
    assert watched.read() == "0\n1\n2\n"


def test_a_reader_that_does_not_read_holds_up_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines wait, beyond the limit they are left out, and once it reads again it is said how many."""
    monkeypatch.setattr(outlet, "LARGEST", 10_000)
    reads: list[bool] = []
    one = Outlet(watched.stream, FORMS["json"].left_out, lambda: bool(reads))
    for number in range(1000):
        one.put(lambda number=number: f'"{number:97}"')  # type: ignore[misc]  # 100 octets with its end
    reads.append(True)
    one.write()
    assert len(watched.read().splitlines()) == 101
    one.put(lambda: '"last"')
    assert [json.loads(line) for line in watched.read().splitlines()] == [{"kind": "left_out", "lines": 899}, "last"]


def test_a_full_pipe_does_not_stop_the_writer(watched: Watched) -> None:
    """Ten times what the system keeps of it; the test comes to its end."""
    one = Outlet(watched.stream)
    for _ in range(10_000):
        one.put(lambda: "x" * 99)
    assert set(watched.read().strip()) == {"x", "\n"}


def test_a_reader_that_went_away_is_left_in_peace(watched: Watched) -> None:
    """`understudy serve | head` goes on serving."""
    one = Outlet(watched.stream)
    watched.leave()
    for _ in range(3):
        one.put(lambda: "x")
    one.close()
