"""Worlds kept in a folder: a TinyDB file for each, and a journal of what happened since these files were written.

1. The journal is written before anything changes in memory; what cannot be written does not happen.
2. Which files count is `files`' to say; writing them anew is `renewing`'s. One process at a time: the folder is locked.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from understudy.engine.decide import Circumstances, Decision
from understudy.problems import Problem
from understudy.world import files
from understudy.world import journal as journals
from understudy.world.clock import Clock
from understudy.world.entries import clock_entry, commit_entry, play, put_entry
from understudy.world.holdings import Put
from understudy.world.journal import Appended, File, Journal, Unkept
from understudy.world.judging import Document, Misfit, judge
from understudy.world.locking import Lock
from understudy.world.renewing import PREPARED, Renewal, begin
from understudy.world.world import World
from understudy.world.worldfile import alike, dump, load
from understudy.world.worlds import Worlds

SMALLEST = 16 * 2**20
"""Octets a journal may have before the world files are written anew, however small these are."""


STEP = 10_000
"""Entries after which somebody who waits is told how many there were."""


class Folder:
    """The folder, open: it keeps the `Worlds` it is attached to. Raises Unkept from everything that reads."""

    def __init__(
        self, path: Path, open: Callable[[Path], Appended] = File, wall: Callable[[], float] = time.time, tell: Callable[[str], None] = lambda doing: None
    ) -> None:  # fmt: skip
        self.path = path
        self._open = open
        self._wall = wall
        self._tell = tell
        self.worlds: Worlds | None = None
        self.journal: Journal | None = None
        self.misfits: tuple[Misfit, ...] = ()
        self._renewal: Renewal | None = None
        self._limit = SMALLEST
        self._dirty: set[str] = set()
        self._gone: set[str] = set()
        self._prepared = True  # whether new worlds begin as the kept file says
        self._lock = Lock(path)
        with self._refusing():
            self._manifest = files.read_manifest(path)
            files.settle(path, self._manifest)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Let another process have the folder where it cannot be used. Raises Unkept."""
        try:
            yield
        except OSError as fault:
            self.release()
            raise Unkept(str(fault.filename or self.path), f"cannot be used: {fault.strerror or fault}") from None
        except BaseException:
            self.release()
            raise

    # --- opening -------------------------------------------------------------------------------------------------

    def attach(self, worlds: Worlds, document: Document | None = None) -> None:
        """Put the worlds that were kept here into `worlds`, and keep these from now on; `misfits` tells what does not fit the document."""
        with self._refusing():
            with _uncollected():
                kept = self._load(worlds)
            if document is not None:
                self.misfits = judge(document, self._manifest.document, kept, str(self.path))
            self.worlds = worlds
            self._adopt(kept)
            self.sync()  # a process that was killed left it to the system to write
            self._begin_with(kept, worlds, document.value() if document is not None else self._manifest.document)

    def _begin_with(self, kept: Worlds, worlds: Worlds, document: dict[str, Any] | None) -> None:
        """Have on disk what the journal's next entries build on: the world that new ones begin as, and the document."""
        assert self.journal is not None
        told, self._manifest = self._manifest.document, replace(self._manifest, document=document)
        self._prepared = PREPARED in self._manifest.files and alike(kept.prepared, worlds.prepared)
        if not self._prepared:
            self._dirty.add(PREPARED)
        if PREPARED not in self._manifest.files or (not self._prepared and self.journal.size < SMALLEST):
            self.compact()
        elif told != document:
            files.decide(self.path, self._manifest)

    def restaged(self, document: Document) -> None:
        """The worlds are played by another document from now on, and new ones begin otherwise. Raises OSError."""
        self._manifest = replace(self._manifest, document=document.value())
        self._prepared = False
        self._dirty.add(PREPARED)
        if self._renewal is None:
            files.decide(self.path, self._manifest)

    def _load(self, worlds: Worlds) -> Worlds:
        """The worlds as files and journal tell them; the journal is open behind its last whole entry."""
        manifest = self._manifest
        prepared = self._read_world(PREPARED) if PREPARED in manifest.files else worlds.prepared
        kept = Worlds(prepared, most=2**62)
        for file in sorted(manifest.files):
            self._tell(f"opening {self.path / file}")
            parts = file.removesuffix(".json").split("/")
            if parts[0] == "worlds":
                kept.put(parts[1], self._read_world(file))
            elif parts[0] == "snapshots":
                kept.put_snapshot(parts[1], parts[2], self._read_world(file))
        self._dirty, self._gone = set(), set()
        found = self._replayed(kept)
        if self.journal is not None:
            self.journal.close()
        self.journal = Journal(self.path, found, self._open)
        return kept

    def _replayed(self, kept: Worlds) -> journals.Found:
        """Do again what the journal's entries tell."""

        count = itertools.count(1)

        def take(entry: dict[str, Any], where: str) -> None:
            if (done := next(count)) % STEP == 0:
                self._tell(f"opening {self.path}: {done:,} entries of the journal")
            self._touch(entry, kept)
            try:
                play(entry, kept, self._wall)
            except (Problem, LookupError, TypeError, ValueError, AttributeError) as fault:
                raise Unkept(where, f"does not fit the world files: {fault}") from None

        manifest = self._manifest
        if not manifest.files:  # not even the first of them was written
            return journals.Found(0, 0, [(manifest.generation, 0)])
        return journals.read(self.path, manifest.written, manifest.generation, take)

    def _adopt(self, kept: Worlds) -> None:
        assert self.worlds is not None
        self.worlds.adopt(kept, self)

    def _touch(self, entry: dict[str, Any], worlds: Worlds) -> None:
        """Note which files an entry that is about to be played leaves out of date."""
        name = entry["world"]
        if entry["do"] == "save":
            self._dirty.add(f"snapshots/{name}/{entry['snapshot']}.json")
        elif entry["do"] == "end":
            ended = {f"worlds/{name}.json", *(f"snapshots/{name}/{saved}.json" for saved in worlds.saved(name))}
            self._gone |= ended
            self._dirty -= ended
        else:
            self._dirty.add(f"worlds/{name}.json")
        self._gone -= self._dirty

    def _read_world(self, file: str) -> World:
        path = self.path / file
        try:
            data = path.read_bytes()
        except OSError as fault:
            raise Unkept(str(path), f"cannot be read: {fault.strerror}") from None
        return load(data, str(path), self._wall)

    # --- keeping: see world.Keeper and worlds.Keeper ------------------------------------------------------------------

    def _append(self, world: World, entry: dict[str, Any]) -> None:
        assert self.worlds is not None
        assert self.journal is not None
        if self.worlds.find(world.name) is not world:
            raise Problem("unavailable", "the world was put back while this request was under way; send it again")
        if self._renewal is not None:
            self._renewal.claim(world)
        self._write(entry)
        world.mark = self.journal.written

    def _write(self, entry: dict[str, Any]) -> None:
        assert self.journal is not None
        assert self.worlds is not None
        self.journal.append(entry)
        self._touch(entry, self.worlds)

    def commits(self, world: World, decision: Decision, circumstances: Circumstances, cause: str | None, put: Sequence[Put]) -> None:
        """A decision is about to be kept in a world."""
        self._append(world, commit_entry(world, decision, circumstances, cause, put))

    def take_back(self, world: World) -> None:
        """The last commit did not happen after all."""
        assert self.journal is not None
        self.journal.take_back()

    def puts(self, world: World, put: Sequence[Put]) -> None:
        """Rows are about to be held, or held no more."""
        self._append(world, put_entry(world, put))

    def fires(self, world: World, until: Any) -> None:
        """The earliest timer is about to fire."""
        self._append(world, {"do": "fire", "world": world.name, "until": until})

    def turns(self, world: World, now: Any, frozen: bool) -> None:
        """A clock is about to be turned."""
        self._append(world, clock_entry(world, now, frozen, self._wall))

    def begins(self, world: World, source: World) -> None:
        """A world is about to begin from another."""
        assert self.worlds is not None
        assert self.journal is not None
        entry = {**clock_entry(world, world.clock.now(), world.clock.frozen, self._wall), "do": "begin", "from": self._place(source)}
        if entry["from"] is None:
            entry["file"] = orjson.Fragment(dump(world, self._wall))
        self._write(entry)
        world.mark = self.journal.written

    def _place(self, source: World) -> list[str] | None:
        """Where the journal's reader finds a world; None where it does not."""
        assert self.worlds is not None
        return None if source is self.worlds.prepared and not self._prepared else self.worlds.place(source)

    def saves(self, world: World, name: str) -> None:
        """A snapshot is about to be taken."""
        self._append(world, {"do": "save", "world": world.name, "snapshot": name})

    def ends(self, name: str) -> None:
        """A world is about to be forgotten."""
        self._write({"do": "end", "world": name})

    def watch(self, world: World) -> None:
        """Keep what happens in a world from now on."""
        world.keeper = self
        world.clock.keep = partial(self.turns, world)

    # --- on disk -------------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Wait until all that was written is on disk. Raises OSError."""
        assert self.journal is not None
        self.journal.reached(self.journal.sync(self.journal.mark()))

    def recover(self) -> None:
        """After a failed sync: go back to what is known to be on disk, journal and memory. Raises OSError, Unkept."""
        assert self.journal is not None
        assert self.worlds is not None
        if self._renewal is not None:
            self._renewal.stop()
            self.renewed()
        self.journal.back()
        self._adopt(self._load(self.worlds))
        self.journal.reached(self.journal.mark())

    @property
    def full(self) -> bool:
        """Whether the journal has grown so long that the files are better written anew."""
        return self._renewal is None and self.journal is not None and self.journal.size > self._limit

    @property
    def resting(self) -> bool:
        """Whether `renewed` has something to see to."""
        return self._renewal is not None and self._renewal.done

    def renew(self) -> None:
        """Begin to write the files that are out of date anew, aside; `proceed`, then `renewed` see to it. Raises OSError."""
        self._begin_renewal().start()

    def proceed(self) -> bool:
        """Do a few milliseconds' worth for the writing under way; whether there is more to do."""
        return self._renewal is not None and self._renewal.proceed()

    def renewed(self) -> OSError | None:
        """If files were written anew, to the end or not, go on from there; what failed. No `sync` may be under way."""
        renewal = self._renewal
        if renewal is None or not renewal.done:
            return None
        assert self.journal is not None
        self._renewal = None
        if renewal.decided:
            self._manifest = replace(renewal.manifest, document=self._manifest.document)
            self._prepared = self._prepared or (PREPARED in renewal.files and PREPARED not in self._dirty)
            self.journal.forget(renewal.manifest.generation)
            self._limit = SMALLEST + renewal.size // 8
        if not renewal.placed:  # the files before still count, or not all have their places: again when the journal has grown
            self._dirty |= renewal.files - self._gone
            self._gone |= renewal.gone - self._dirty
            self._limit = self.journal.size + SMALLEST
        return renewal.fault

    def compact(self) -> None:
        """Write the files that are out of date anew and begin an empty journal, at once. Raises OSError; then all is as it was."""
        if self._renewal is not None:
            self._renewal.join()
            self.renewed()
        self.sync()
        renewal = self._begin_renewal()
        renewal.join()
        renewal.run()
        fault = self.renewed()
        if fault is not None:
            raise fault

    def _begin_renewal(self) -> Renewal:
        assert self.journal is not None
        assert self.worlds is not None
        self._renewal = begin(self.path, self.journal, self._manifest, self.worlds, (self._dirty, self._gone), self._wall)
        self._dirty, self._gone = set(), set()
        return self._renewal

    def close(self) -> None:
        """Write everything into the files and let another process have the folder. Raises OSError."""
        try:
            if self.journal is not None and self.journal.size:
                self.compact()
        finally:
            self.release()

    def release(self) -> None:
        """Let another process have the folder, as it is."""
        if self._renewal is not None:
            self._renewal.stop()
            self._renewal = None
        if self.journal is not None:
            self.journal.close()
            self.journal = None
        self._lock.release()


def examined(path: Path, document: Document | None) -> tuple[int, tuple[Misfit, ...]]:
    """How many worlds a folder keeps, and what of them does not fit a document. Raises Unkept; the folder stays as it is."""
    folder = Folder(path)
    try:
        with folder._refusing():
            kept = folder._load(Worlds(World("none", Clock(), 0, {})))
            return len(list(kept)), () if document is None else judge(document, folder._manifest.document, kept, str(path))
    finally:
        folder.release()


@contextmanager
def _uncollected() -> Iterator[None]:
    """The collector waits: it would look at all that is read again and again, and none of it is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
