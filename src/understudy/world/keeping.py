"""Worlds kept in a folder: a TinyDB file for each, and one journal of what happened since these files were written.

1. The journal is written before anything changes in memory; what cannot be written does not happen.
2. `understudy.json` names the journal that goes with the files. Writing the files anew: each as `NAME.json.<generation>`,
   then `understudy.json`, which decides, then each takes its place. Whatever a crash leaves behind is settled at the next opening.
3. One process at a time: the file `lock` is locked while the folder is open (flock).
"""

from __future__ import annotations

import gc
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from understudy.engine.decide import Circumstances, Decision
from understudy.problems import Problem
from understudy.world import journal as journals
from understudy.world.entries import clock_entry, commit_entry, play, put_entry
from understudy.world.holdings import Put
from understudy.world.journal import Appended, File, Journal, Unkept
from understudy.world.world import World
from understudy.world.worldfile import FORMAT, check_format, dump, load
from understudy.world.worlds import Worlds

try:
    import fcntl
except ImportError:  # Windows has no flock
    fcntl = None  # type: ignore[assignment]

MANIFEST = "understudy.json"
SMALLEST = 16 * 2**20
"""Octets a journal may have before the world files are written anew, however small these are."""

PREPARED = "prepared.json"
_PENDING = re.compile(r"(.+\.json)\.(\d+)")
_JOURNAL = re.compile(r"journal\.(\d+)")


class Folder:
    """The folder, open: it keeps the `Worlds` it is attached to. Raises Unkept from everything that reads."""

    def __init__(self, path: Path, open: Callable[[Path], Appended] = File, wall: Callable[[], float] = time.time) -> None:
        self.path = path
        self._open = open
        self._wall = wall
        self._lock = _locked(path)
        try:
            self._manifest = self._read_manifest()
            self._settle()
        except OSError as fault:
            os.close(self._lock)
            raise Unkept(str(fault.filename or path), f"cannot be used: {fault.strerror}") from None
        except BaseException:
            os.close(self._lock)
            raise
        self.worlds: Worlds | None = None
        self.journal: Journal | None = None
        self._limit = SMALLEST
        self._dirty: set[str] = set()
        self._gone: set[str] = set()

    # --- opening -------------------------------------------------------------------------------------------------

    def attach(self, worlds: Worlds) -> None:
        """Put the worlds that were kept here into `worlds`, and keep these from now on."""
        try:
            with _uncollected():
                kept = self._load(worlds)
            self.worlds = worlds
            self._dirty |= {PREPARED}
            self._adopt(kept)
            self.compact()
        except OSError as fault:
            self.release()
            raise Unkept(str(fault.filename or self.path), f"cannot be used: {fault.strerror or fault}") from None
        except BaseException:
            self.release()
            raise

    def _load(self, worlds: Worlds) -> Worlds:
        """The worlds as files and journal tell them; the journal is open behind its last whole entry."""
        manifest = self._manifest
        prepared = self._read_world(PREPARED) if PREPARED in manifest["files"] else worlds.prepared
        kept = Worlds(prepared, most=2**62)
        for file in manifest["files"]:
            parts = file.removesuffix(".json").split("/")
            if parts[0] == "worlds":
                kept.put(parts[1], self._read_world(file))
            elif parts[0] == "snapshots":
                kept.put_snapshot(parts[1], parts[2], self._read_world(file))
        self._dirty, self._gone = set(), set()
        path = self._journal_path()
        entries, size = journals.read(path, manifest["written"]) if path.exists() or manifest["files"] else ([], 0)
        for number, entry in enumerate(entries, 1):
            try:
                play(entry, kept, self._wall)
            except (Problem, LookupError, TypeError, ValueError, AttributeError) as fault:
                raise Unkept(f"{path}:{number}", f"does not fit the world files: {fault}") from None
            self._touch(entry)
        if self.journal is not None:
            self.journal.close()
        self.journal = Journal(path, manifest["written"] + len(entries), size, self._open)
        return kept

    def _adopt(self, kept: Worlds) -> None:
        assert self.worlds is not None
        self.worlds.adopt(kept, self)

    def _touch(self, entry: dict[str, Any]) -> None:
        """Note which files an entry leaves out of date."""
        if entry["do"] == "save":
            self._dirty.add(f"snapshots/{entry['world']}/{entry['snapshot']}.json")
        elif entry["do"] == "end":
            ended = {file for file in {*self._manifest["files"], *self._dirty} if file.startswith(f"snapshots/{entry['world']}/")}
            ended.add(f"worlds/{entry['world']}.json")
            self._gone |= ended
            self._dirty -= ended
        else:
            self._dirty.add(f"worlds/{entry['world']}.json")
        self._gone -= self._dirty

    def _read_world(self, file: str) -> World:
        path = self.path / file
        try:
            data = path.read_bytes()
        except OSError as fault:
            raise Unkept(str(path), f"cannot be read: {fault.strerror}") from None
        return load(data, str(path), self._wall)

    def _read_manifest(self) -> dict[str, Any]:
        path = self.path / MANIFEST
        if not path.exists():
            others = sorted(one.name for one in self.path.iterdir() if one.name != "lock" and not _PENDING.fullmatch(one.name) and not _JOURNAL.fullmatch(one.name))
            if set(others) - {"worlds", "snapshots"} or any((self.path / "worlds").glob("*.json")):
                raise Unkept(str(self.path), f"holds other files ({', '.join(others[:3])}) and no {MANIFEST}; name an empty or a new folder")
            return {"format": FORMAT, "generation": 0, "written": 0, "files": []}
        try:
            manifest = orjson.loads(path.read_bytes())
            check_format(manifest["format"], str(path))
            return {"format": FORMAT, "generation": int(manifest["generation"]), "written": int(manifest["written"]), "files": _files(manifest)}
        except (ValueError, KeyError, TypeError) as fault:
            raise Unkept(str(path), f"is damaged: {fault}; restore it from a copy, nothing was changed") from None
        except OSError as fault:
            raise Unkept(str(path), f"cannot be read: {fault.strerror}") from None

    def _settle(self) -> None:
        """Finish what a crash interrupted: files of this generation take their places, unfinished ones of the next go."""
        generation = self._manifest["generation"]
        for path in [*self.path.rglob("*.json.*"), *self.path.glob("journal.*")]:
            match = _PENDING.fullmatch(path.name) or _JOURNAL.fullmatch(path.name)
            if match is None:
                continue
            pending = match.re is _PENDING
            if pending and int(match[2]) == generation:
                path.replace(path.with_name(match[1]))
            elif pending or int(match[1]) != generation:
                path.unlink()

    def _journal_path(self) -> Path:
        return self.path / f"journal.{self._manifest['generation']}"

    # --- keeping: see world.Keeper and worlds.Keeper ------------------------------------------------------------------

    def _append(self, world: World, entry: dict[str, Any]) -> None:
        assert self.worlds is not None
        assert self.journal is not None
        if self.worlds.find(world.name) is not world:
            raise Problem("unavailable", "the world was put back while this request was under way; send it again")
        self._write(entry)
        world.mark = self.journal.written

    def _write(self, entry: dict[str, Any]) -> None:
        assert self.journal is not None
        self.journal.append(entry)
        self._touch(entry)

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
        entry = {**clock_entry(world, world.clock.now(), world.clock.frozen, self._wall), "do": "begin", "from": self.worlds.place(source)}
        if entry["from"] is None:
            entry["file"] = orjson.Fragment(dump(world, self._wall))
        self._write(entry)
        world.mark = self.journal.written

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
        self.journal.reached(self.journal.sync())

    def recover(self) -> None:
        """After a failed sync: go back to what is known to be on disk, journal and memory. Raises OSError, Unkept."""
        assert self.journal is not None
        assert self.worlds is not None
        self.journal.back()
        self._adopt(self._load(self.worlds))

    @property
    def full(self) -> bool:
        """Whether the journal has grown so long that the files are better written anew."""
        return self.journal is not None and self.journal.size > self._limit

    def compact(self) -> None:
        """Write the files that are out of date anew and begin an empty journal. Raises OSError; then all is as it was."""
        assert self.journal is not None
        generation = self._manifest["generation"] + 1
        files = sorted({*self._manifest["files"], *self._dirty} - self._gone)
        manifest = {"format": FORMAT, "generation": generation, "written": self.journal.written, "files": files}
        self._limit = self.journal.size + SMALLEST  # where it fails, it is tried again later
        pending = [(file, self.path / f"{file}.{generation}") for file in sorted(self._dirty)]
        try:
            for file, path in pending:
                _write_file(path, self._contents(file))
            fresh = Journal(self.path / f"journal.{generation}", self.journal.written, 0, self._open)
            try:
                self._decide(manifest)
            except OSError:
                fresh.close()
                raise
        except OSError:
            for path in (*(path for _, path in pending), self.path / f"journal.{generation}"):
                path.unlink(missing_ok=True)
            raise
        old, self.journal, self._manifest = self.journal, fresh, manifest
        old.close()
        self._place(pending, old.path)

    def _place(self, pending: list[tuple[str, Path]], old: Path) -> None:
        for file, path in pending:
            path.replace(self.path / file)
            self._dirty.discard(file)
        for file in self._gone:
            (self.path / file).unlink(missing_ok=True)
        self._gone.clear()
        old.unlink(missing_ok=True)
        self._limit = SMALLEST + sum((self.path / file).stat().st_size for file in self._manifest["files"]) // 8

    def _contents(self, file: str) -> bytes:
        assert self.worlds is not None
        parts = file.removesuffix(".json").split("/")
        world = self.worlds.prepared if parts[0] == "prepared" else None
        if parts[0] == "worlds":
            world = self.worlds.find(parts[1])
        elif parts[0] == "snapshots":
            world = self.worlds.saved(parts[1])[parts[2]]
        assert world is not None
        return dump(world, self._wall)

    def _decide(self, manifest: dict[str, Any]) -> None:
        passing = self.path / f"{MANIFEST}.{manifest['generation']}"
        _sync_folders(self.path, manifest["files"])
        _write_file(passing, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        passing.replace(self.path / MANIFEST)
        _sync_folder(self.path)

    def close(self) -> None:
        """Write everything into the files and let another process have the folder. Raises OSError."""
        try:
            if self.journal is not None and self.journal.size:
                self.compact()
        finally:
            self.release()

    def release(self) -> None:
        """Let another process have the folder, as it is."""
        if self.journal is not None:
            self.journal.close()
            self.journal = None
        os.close(self._lock)


def _files(manifest: dict[str, Any]) -> list[str]:
    """The files a manifest names: none of them outside the folder."""
    files = [str(file) for file in manifest["files"]]
    if any(".." in file.split("/") or file.startswith("/") or not file.endswith(".json") for file in files):
        raise ValueError("it names a file that is none of its own")
    return files


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


def _locked(path: Path) -> int:
    """The folder's lock file, locked. Raises Unkept."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise Unkept(str(path), f"cannot be used as a data folder: {fault.strerror}") from None
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 20).decode("ascii", "replace") or "unknown"
        os.close(descriptor)
        raise Unkept(str(path), f"is in use by another understudy (process {holder}); stop that one or name another folder") from None
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folders(top: Path, files: list[str]) -> None:
    for folder in sorted({top, *_folders(top, files)}):
        _sync_folder(folder)


def _folders(top: Path, files: list[str]) -> Iterator[Path]:
    for file in files:
        yield from (parent for parent in (top / file).parents if parent.is_relative_to(top))


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
