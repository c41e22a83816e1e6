"""Holds replies until what they tell of is on disk: one wait for the disk serves all that came meanwhile (group commit).

1. The disk is waited for in a thread; everything else here runs on the event loop.
2. What was decided and kept is not known here, only up to which entry of the journal a reply depends on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from understudy.world.journal import DESCRIPTORS, Mark, Unkept
from understudy.world.keeping import Folder

WITHIN = 0.05
"""Seconds after which what was written begins to go to disk where nobody waits for it (`--durability relaxed`)."""

AT_ONCE = DESCRIPTORS
"""Waits for the disk under way at once: a disk that is asked again before it is done takes less time for both."""

ENOUGH = 8
"""Replies that wait before another wait begins beside one that is under way."""


class Flight(NamedTuple):
    """A wait for the disk under way: up to where in the journal, and whom to call then."""

    slot: int
    mark: Mark
    served: list[Callable[[bool], None]]
    future: asyncio.Future[Mark]


class Syncer:
    """One for each server. `relaxed`: no reply is held, and all is on disk a moment later."""

    def __init__(self, folder: Folder, *, relaxed: bool = False) -> None:
        self.folder = folder
        self._relaxed = relaxed
        self._beginning = self._failed = False
        self._flights: deque[Flight] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[Callable[[bool], None]] = []

    def holds(self, mark: int) -> bool:
        """Whether a reply that tells of the journal's entry `mark` must wait; where not, the disk is seen to."""
        journal = self.folder.journal
        if journal is None or mark <= journal.durable:
            return False
        if self._relaxed:
            self.soon()
        return not self._relaxed

    def soon(self) -> None:
        """See that what was written by now goes to disk though no reply waits for it."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WITHIN, self._begin)

    def then(self, call: Callable[[bool], None]) -> None:
        """Call when all that was written by now is on disk (True), or could not be brought there and is undone (False)."""
        self._waiting.append(call)
        self._begin()

    async def on_disk(self) -> bool:
        """The same, to be awaited; at once where nothing waits for the disk."""
        journal = self.folder.journal
        if journal is None or not self.holds(journal.written):
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.then(lambda good: None if future.done() else future.set_result(good))
        return await future

    def _begin(self) -> None:
        self._timer = None
        if not self._beginning and self._room():
            self._beginning = True
            asyncio.get_running_loop().call_soon(self._start)  # requests that are here already are answered first

    def _room(self) -> bool:
        """Whether another wait may begin beside those under way; none does where these must come to an end first."""
        if not self._flights:
            return True
        return len(self._waiting) >= ENOUGH and len(self._flights) < AT_ONCE and not self._failed and not self.folder.resting

    def _start(self) -> None:
        self._beginning = False
        journal = self.folder.journal
        assert journal is not None
        served, self._waiting = self._waiting, []
        slot = min({*range(AT_ONCE)} - {flight.slot for flight in self._flights})
        mark = journal.mark()
        future = asyncio.get_running_loop().run_in_executor(None, journal.sync, mark, slot)
        self._flights.append(Flight(slot, mark, served, future))
        future.add_done_callback(lambda _: self._land())

    def _land(self) -> None:
        """See to the waits that have come to an end, in the order they began: a later one's good end says nothing of an earlier one's."""
        while self._flights and self._flights[0].future.done() and not self._failed:
            flight = self._flights[0]
            if not self._reached(flight):
                self._failed = True
                break
            self._flights.popleft()
            for call in flight.served:
                call(True)
        if self._failed and all(flight.future.done() for flight in self._flights):
            self._undo()
        if not self._flights:
            self._renew()
        if self._waiting:
            self._begin()

    def _reached(self, flight: Flight) -> bool:
        assert self.folder.journal is not None
        try:
            flight.future.result()
        except OSError as fault:
            logging.getLogger("understudy").error("%s: %s; going back to what is on disk", self.folder.path, fault.strerror or fault)
            return False
        self.folder.journal.reached(flight.mark)
        return True

    def _undo(self) -> None:
        """Go back to what is on disk, and say so to all who wait: what came meanwhile is undone with the rest."""
        for flight in self._flights:
            flight.future.exception()  # looked at: the first said enough
        told = [call for flight in self._flights for call in flight.served] + self._waiting
        self._flights.clear()
        self._waiting = []
        self._failed = False
        self._recover()
        for call in told:
            call(False)

    def _renew(self) -> None:
        """Go on from files that were written anew, and have them written when the journal is long."""
        fault = self.folder.renewed()
        try:
            if self.folder.full:
                self.folder.renew()
                self._proceed()
        except OSError as refused:
            fault = refused
        if fault is not None:
            logging.getLogger("understudy").warning("%s: the world files stay as they are: %s", self.folder.path, fault.strerror or fault)

    def _proceed(self) -> None:
        if self.folder.proceed():
            asyncio.get_running_loop().call_later(0.001, self._proceed)

    def _recover(self) -> None:
        try:
            self.folder.recover()
        except (OSError, Unkept):
            logging.getLogger("understudy").exception("%s", self.folder.path)
