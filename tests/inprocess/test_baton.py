"""Who has the baton may touch worlds: one thread at a time, the event loop's while its callbacks run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from understudy.inprocess.baton import Backstage, Baton


@pytest.fixture
def stage() -> Iterator[tuple[Backstage, threading.RLock]]:
    """A loop's thread and its baton."""
    baton = Baton()
    backstage = Backstage(baton)
    yield backstage, baton
    backstage.stop()


def test_no_callback_runs_while_another_has_it(stage: tuple[Backstage, threading.RLock]) -> None:
    """What is asked of the loop meanwhile waits, and nothing of it is seen."""
    backstage, baton = stage
    seen: list[str] = []

    async def note() -> None:
        seen.append("loop")

    with baton:
        done = backstage.begin(note())
        seen.append("caller")
    done.result(30)
    assert seen == ["caller", "loop"]


def test_it_is_free_while_the_loop_waits(stage: tuple[Backstage, threading.RLock]) -> None:
    """For a timer, a socket, or another thread: what waits there is woken by who has it."""
    backstage, baton = stage
    woken = asyncio.Event()

    async def wait() -> str:
        await woken.wait()
        return "woken"

    done = backstage.begin(wait())
    with baton:
        backstage.soon(woken.set)
    assert done.result(30) == "woken"


def test_callbacks_have_it(stage: tuple[Backstage, threading.RLock]) -> None:
    """A thread that tries while one runs does not get it."""
    backstage, baton = stage

    async def tried() -> bool:
        got: list[bool] = []
        other = threading.Thread(target=lambda: got.append(baton.acquire(blocking=False)))
        other.start()
        other.join()
        return got[0]

    assert backstage.begin(tried()).result(30) is False


def test_what_is_under_way_ends_with_it() -> None:
    """Cancelled, its last words said; then nothing is done there any more."""
    backstage, ended = Backstage(Baton()), threading.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    begun = backstage.begin(for_ever())
    backstage.begin(asyncio.sleep(0)).result(30)  # it is under way
    backstage.stop()
    assert ended.is_set() and begun.cancelled()
    backstage.soon(lambda: pytest.fail("it is over"))
