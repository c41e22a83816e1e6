"""Replies that wait for the disk: several waits at once, each reply let go only when all before it is on disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from understudy.server.syncing import AT_ONCE, ENOUGH, Syncer
from understudy.world.keeping import Folder


class Disk:
    """Stands for a journal and its folder: each wait lasts until a test ends it, well or not."""

    path = "data"
    full = resting = False

    def __init__(self) -> None:
        self.journal = self
        self.written = self.durable = 0
        self.gates: list[tuple[threading.Event, list[bool]]] = []
        self.slots: list[int] = []
        self.begun = asyncio.Semaphore(0)
        self.loop = asyncio.get_running_loop()
        self.recovered = 0

    def mark(self) -> int:
        return self.written

    def sync(self, mark: int, slot: int = 0) -> int:
        gate: tuple[threading.Event, list[bool]] = (threading.Event(), [])
        self.gates.append(gate)
        self.slots.append(slot)
        self.loop.call_soon_threadsafe(self.begun.release)
        assert gate[0].wait(60)
        if not gate[1][0]:
            raise OSError(5, "Input/output error")
        return mark

    def end(self, number: int, good: bool = True) -> None:
        self.gates[number][1].append(good)
        self.gates[number][0].set()

    def reached(self, mark: int) -> None:
        self.durable = max(mark, self.durable)

    def recover(self) -> None:
        self.written = self.durable
        self.recovered += 1

    def renewed(self) -> None:
        return None


class Clients:
    """Replies that wait, and what they were told, in turn."""

    def __init__(self, disk: Disk) -> None:
        self.disk, self.syncer = disk, Syncer(cast(Folder, disk))
        self.told: list[tuple[int, bool]] = []
        self.changed = asyncio.Condition()

    def reply(self, count: int = 1) -> None:
        """So many replies, each of an entry of its own."""
        for _ in range(count):
            self.disk.written += 1
            number = self.disk.written
            assert self.syncer.holds(number)
            self.syncer.then(lambda good, number=number: self._tell(number, good))

    def _tell(self, number: int, good: bool) -> None:
        self.told.append((number, good))

    async def told_of(self, count: int) -> list[tuple[int, bool]]:
        """What so many of them were told."""
        async with asyncio.timeout(60):
            while len(self.told) < count:
                await asyncio.sleep(0)
        return self.told


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run it on a loop of its own."""
    asyncio.run(story)


def test_replies_that_come_together_wait_for_the_disk_once() -> None:
    """Group commit."""

    async def story() -> None:
        clients = Clients(Disk())
        clients.reply(5)
        await clients.disk.begun.acquire()
        clients.disk.end(0)
        assert await clients.told_of(5) == [(number, True) for number in range(1, 6)]
        assert len(clients.disk.gates) == 1
        assert not clients.syncer.holds(5)

    run(story())


def test_enough_replies_begin_another_wait_beside_those_under_way() -> None:
    """On a descriptor that no other uses, and no more than there are; fewer wait for the first to end."""

    async def story() -> None:
        clients = Clients(Disk())
        for _ in range(AT_ONCE):
            clients.reply(ENOUGH)
            await clients.disk.begun.acquire()
        clients.reply(ENOUGH)
        for _ in range(10):
            await asyncio.sleep(0)
        assert clients.disk.slots == list(range(AT_ONCE))
        clients.disk.end(0)
        await clients.disk.begun.acquire()
        assert clients.disk.slots[-1] == 0
        clients.reply(ENOUGH - 1)
        for number in range(1, AT_ONCE + 1):
            clients.disk.end(number)
        await clients.disk.begun.acquire()
        clients.disk.end(AT_ONCE + 1)
        assert all(good for _, good in await clients.told_of(ENOUGH * (AT_ONCE + 2) - 1))

    run(story())


def test_a_later_wait_that_ends_first_lets_nobody_go() -> None:
    """What came before it may not be on disk."""

    async def story() -> None:
        clients = Clients(Disk())
        for _ in range(2):
            clients.reply(ENOUGH)
            await clients.disk.begun.acquire()
        later = clients.syncer._flights[1].future
        clients.disk.end(1)
        await asyncio.wait([later])
        for _ in range(10):
            await asyncio.sleep(0)
        assert clients.told == []
        assert clients.disk.durable == 0
        clients.disk.end(0)
        assert [number for number, good in await clients.told_of(2 * ENOUGH) if good] == list(range(1, 2 * ENOUGH + 1))

    run(story())


@pytest.mark.parametrize("first", [0, 1])
def test_a_wait_that_fails_undoes_what_came_after_it(first: int) -> None:
    """Whichever ends first, the good one too; what goes on afterwards is kept."""

    async def story() -> None:
        clients = Clients(Disk())
        for _ in range(2):
            clients.reply(ENOUGH)
            await clients.disk.begun.acquire()
        clients.reply()
        futures = [flight.future for flight in clients.syncer._flights]
        for number in (first, 1 - first):
            clients.disk.end(number, good=number == 1)
            await asyncio.wait([futures[number]])
        assert await clients.told_of(2 * ENOUGH + 1) == [(number, False) for number in range(1, 2 * ENOUGH + 2)]
        assert (clients.disk.recovered, clients.disk.written) == (1, 0)
        clients.reply()
        await clients.disk.begun.acquire()
        clients.disk.end(2)
        assert (await clients.told_of(2 * ENOUGH + 2))[-1] == (1, True)

    run(story())
