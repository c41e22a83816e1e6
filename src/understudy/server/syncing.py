"""Holds replies until what they tell of is on disk: one wait for the disk serves all that came meanwhile (group commit).

1. The disk is waited for in a thread; everything else here runs on the event loop.
2. What was decided and kept is not known here, only up to which entry of the journal a reply depends on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from understudy.world.journal import Mark, Unkept
from understudy.world.keeping import Folder

WITHIN = 0.05
"""Seconds after which what was written begins to go to disk where nobody waits for it (`--durability relaxed`)."""


class Syncer:
    """One for each server. `relaxed`: no reply is held, and all is on disk a moment later."""

    def __init__(self, folder: Folder, *, relaxed: bool = False) -> None:
        self.folder = folder
        self._relaxed = relaxed
        self._busy = False
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
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._start)  # requests that are here already are answered first

    def _start(self) -> None:
        assert self.folder.journal is not None
        served, self._waiting = self._waiting, []
        synced = asyncio.get_running_loop().run_in_executor(None, self.folder.journal.sync)
        synced.add_done_callback(lambda future: self._done(future, served))

    def _done(self, future: asyncio.Future[Mark], served: list[Callable[[bool], None]]) -> None:
        self._busy = False
        good = self._reached(future)
        self._renew()
        if not good:
            served, self._waiting = served + self._waiting, []  # what came meanwhile was undone with the rest
        for call in served:
            call(good)
        if self._waiting:
            self._begin()

    def _reached(self, future: asyncio.Future[Mark]) -> bool:
        log, folder = logging.getLogger("understudy"), self.folder
        assert folder.journal is not None
        try:
            folder.journal.reached(future.result())
        except OSError as fault:
            log.error("%s: %s; going back to what is on disk", folder.path, fault.strerror or fault)
            self._recover()
            return False
        return True

    def _renew(self) -> None:
        """Go on from files that were written anew, and have them written when the journal is long."""
        fault = self.folder.renewed()
        try:
            if self.folder.full:
                self.folder.renew()
        except OSError as refused:
            fault = refused
        if fault is not None:
            logging.getLogger("understudy").warning("%s: the world files stay as they are: %s", self.folder.path, fault.strerror or fault)

    def _recover(self) -> None:
        try:
            self.folder.recover()
        except (OSError, Unkept):
            logging.getLogger("understudy").exception("%s", self.folder.path)
