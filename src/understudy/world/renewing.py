"""Writing a folder's world files anew beside the requests: from forks, in another thread, a millisecond at a time.

1. The moment it begins, the journal goes on in a new file. Each world is forked then or soon after, a few at a time, and
   always before anything changes in it (`claim`): what is written is how it stood at that moment.
2. `understudy.json` is written last, and decides; until then, and if anything fails, the files before it count.
3. It waits until all that it writes of is on disk in the journal: what a failing disk undoes must not be in the files.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue

from understudy.world import files
from understudy.world.files import Manifest
from understudy.world.journal import Journal
from understudy.world.world import World
from understudy.world.worldfile import slices
from understudy.world.worlds import Worlds

PREPARED = "prepared.json"

SLICE = 20
"""Worlds forked at once: a few milliseconds."""


class _Stopped(Exception):
    """Somebody said `stop`."""


class Renewal:
    """One writing of files. `start` does it aside, `run` at once; afterwards `decided` says whether it came to its end."""

    def __init__(self, folder: Path, journal: Journal, manifest: Manifest, worlds: Mapping[str, World], gone: set[str], wall: Callable[[], float]) -> None:
        self.manifest = manifest
        self.files = frozenset(worlds)
        self.gone = gone
        self._unforked = {id(world): (file, world) for file, world in worlds.items() if file.startswith("worlds/")}
        self._ready: SimpleQueue[tuple[str, World]] = SimpleQueue()
        for file in worlds.keys() - {file for file, _ in self._unforked.values()}:
            self._ready.put((file, worlds[file]))  # nothing changes a snapshot, nor what new worlds begin as
        self.size = 0
        self.decided = self.placed = False
        self.fault: OSError | None = None
        self._folder = folder
        self._journal = journal
        self._wall = wall
        self._rests = False
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def done(self) -> bool:
        """Whether it came to an end, good or bad."""
        return self._thread is None or not self._thread.is_alive()

    def start(self) -> None:
        """Do it in a thread of its own that rests as long as it works."""
        self._rests = True
        self._thread = threading.Thread(target=self.run, name="renewal", daemon=True)
        self._thread.start()

    def claim(self, world: World) -> None:
        """Have a world as it is now, before it changes."""
        found = self._unforked.pop(id(world), None)
        if found is not None:
            self._ready.put((found[0], world.fork(world.name)))

    def proceed(self, most: int = SLICE) -> bool:
        """Have some more of the worlds that nothing changed so far; whether there are others left."""
        for _, world in list(islice(self._unforked.values(), most)):
            self.claim(world)
        return bool(self._unforked)

    def join(self) -> None:
        """Wait for its end."""
        self.proceed(len(self._unforked))
        self._wait()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """Leave it, unless it is decided; wait for that."""
        self._stopped = True
        self._wait()

    def run(self) -> None:
        """Write, decide, and let the new files take their places."""
        generation = self.manifest.generation
        try:
            for file, world in (self._next() for _ in self.files):
                files.write(files.pending(self._folder, file, generation), self._paced(slices(world, self._wall)))
            self._await_journal()
            files.decide(self._folder, self.manifest)
            self.decided = True
            files.place(self._folder, self.files, self.gone, generation)
            self.placed = True
        except _Stopped:
            self._clear()
        except OSError as fault:
            self.fault = fault
            if not self.decided:
                self._clear()

    def _next(self) -> tuple[str, World]:
        while True:
            if self._stopped:
                raise _Stopped
            with suppress(Empty):
                return self._ready.get(timeout=0.05)

    def _paced(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """The parts, none of them before the requests had their turn."""
        since = time.perf_counter()
        for part in parts:
            self.size += len(part)
            yield part
            if self._stopped:
                raise _Stopped
            if self._rests:
                time.sleep(time.perf_counter() - since)
                since = time.perf_counter()

    def _await_journal(self) -> None:
        while self._journal.durable < self.manifest.written:
            if self._stopped:
                raise _Stopped
            time.sleep(0.005)

    def _clear(self) -> None:
        for file in self.files:
            files.pending(self._folder, file, self.manifest.generation).unlink(missing_ok=True)


def begin(
    folder: Path, journal: Journal, manifest: Manifest, worlds: Worlds, changed: tuple[set[str], set[str]], wall: Callable[[], float]
) -> Renewal:
    """What is to be written of the files `changed` (out of date, gone), as of now. Raises OSError."""
    dirty, gone = changed
    found = {file: _world(file, worlds) for file in sorted(dirty)}
    written = journal.written
    counting = frozenset((manifest.files | dirty) - gone)
    return Renewal(folder, journal, replace(manifest, generation=journal.turn(), written=written, files=counting), found, gone, wall)


def _world(file: str, worlds: Worlds) -> World:
    if file == PREPARED:
        return worlds.prepared
    return worlds.at(file.removesuffix(".json").split("/")[1:])
