"""Append-only files of entries: one JSON line each, with a checksum, so that a torn last one is recognised and dropped.

1. A line is `{"crc":"<CRC-32 of the entry's octets, hexadecimal>","entry":{...}}`; entries are numbered in `n`, and `d`
   says up to which number they were known to be on disk when the entry was written.
2. A journal goes on from one file to the next (`journal.1`, `journal.2`): the numbers of entries go on with it.
3. What the entries mean is not known here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import orjson

from understudy import exact
from understudy.problems import Problem

_HEAD = len(b'{"crc":"00000000","entry":')


class Unkept(Exception):
    """Kept data that cannot be used, or a folder that cannot hold any: `where` is the file with the place in it."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where
        self.message = message


class Appended(Protocol):
    """A file that grows at its end: `File` is the real one, tests have others."""

    def write(self, data: bytes) -> int: ...
    def cut(self, size: int) -> None: ...
    def sync(self, slot: int = 0) -> None: ...
    def close(self) -> None: ...


DESCRIPTORS = 4
"""As many waits for a file may be under way at once."""


class File:
    """A file on disk. Its methods raise OSError as the system calls they are.

    Each wait has a descriptor of its own: a system tells of a failed write once for each (Linux, errseq_t).
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._descriptors = [os.open(path, flags, 0o600) for _ in range(DESCRIPTORS)]

    def write(self, data: bytes) -> int:
        """Append; how many octets found room."""
        return os.write(self._descriptors[0], data)

    def cut(self, size: int) -> None:
        """Take off what lies behind `size` octets."""
        os.ftruncate(self._descriptors[0], size)

    def sync(self, slot: int = 0) -> None:
        """Wait until what was written is on disk; waits under way at once have a `slot` each."""
        getattr(os, "fdatasync", os.fsync)(self._descriptors[slot])

    def close(self) -> None:
        """Close it."""
        for descriptor in self._descriptors:
            os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk. Raises OSError."""
    if sys.platform == "win32":  # a folder cannot be opened there, and its names are written with the file
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Segment:
    """One of the files a journal goes on in; octets behind `size` are of no meaning and go before anything is written."""

    __slots__ = ("durable", "entered", "file", "number", "path", "size")

    def __init__(self, path: Path, number: int, size: int, open: Callable[[Path], Appended]) -> None:
        self.path = path
        self.number = number
        self.file = open(path)
        self.size = size
        self.durable = 0
        self.entered = False  # whether the folder's own entry for it is known to be on disk


Mark = tuple[int, list[tuple[Segment, int]]]
"""How far a journal is written: its last entry, and each file's size."""


class Journal:
    """Entries at the end of the last of some files. `written` and `durable` are the numbers of the last entry written and known to be on disk."""

    def __init__(self, folder: Path, found: Found, open: Callable[[Path], Appended] = File) -> None:
        self._folder = folder
        self._open = open
        self.written = found.written
        self.durable = found.first
        self.segments = [Segment(self.path(number), number, size, open) for number, size in found.sizes]
        self._before = 0  # the last file's size before its last entry
        self._torn = True

    def path(self, number: int) -> Path:
        """Where the file of a number is."""
        return self._folder / f"journal.{number}"

    @property
    def size(self) -> int:
        """Octets of all files."""
        return sum(segment.size for segment in self.segments)

    def append(self, entry: dict[str, Any]) -> int:
        """Write an entry; its number. Raises Problem `unavailable` where the disk takes no more, and then nothing was written."""
        body = orjson.dumps({"n": self.written + 1, "d": self.durable, **entry})
        line = b'{"crc":"%08x","entry":%s}\n' % (crc32(body), body)
        try:
            self._write(line)
        except OSError as fault:
            raise Problem("unavailable", f"the change cannot be kept: {fault.strerror or fault}; nothing was changed") from fault
        self.written += 1
        return self.written

    def take_back(self) -> None:
        """Undo the last `append`, before anything else was appended."""
        self.written -= 1
        self.segments[-1].size = self._before
        self._torn = True
        with suppress(OSError):
            self._mend()

    def _write(self, line: bytes) -> None:
        if self._torn:
            self._mend()
        last = self.segments[-1]
        rest = line
        while rest:
            self._torn = True
            rest = rest[last.file.write(rest) :]
        self._torn = False
        self._before = last.size
        last.size += len(line)

    def _mend(self) -> None:
        for segment in self.segments:
            segment.file.cut(segment.size)
        self._torn = False

    def mark(self) -> Mark:
        """How far it is written."""
        return self.written, [(segment, segment.size) for segment in self.segments]

    def sync(self, mark: Mark, slot: int = 0) -> Mark:
        """Wait until all that was written by then is on disk. May run in other threads, in each with another `slot`. Raises OSError."""
        for segment, size in mark[1]:
            if size > segment.durable:
                segment.file.sync(slot)
            if not segment.entered:
                sync_folder(self._folder)
                segment.entered = True
        return mark

    def reached(self, mark: Mark) -> None:
        """Note what `sync` answered."""
        self.durable, sizes = mark
        for segment, size in sizes:
            segment.durable = max(size, segment.durable)

    def back(self) -> None:
        """Take off all that is not known to be on disk. Raises OSError."""
        for segment in self.segments:
            segment.size = segment.durable
        self.written = self.durable
        self._mend()

    def turn(self) -> int:
        """Go on in a new file; its number. Raises OSError."""
        number = self.segments[-1].number + 1
        segment = Segment(self.path(number), number, 0, self._open)
        segment.file.cut(0)
        self.segments.append(segment)
        return number

    def forget(self, before: int) -> None:
        """Remove the files of lower numbers than `before`; no `sync` may be under way."""
        for segment in [segment for segment in self.segments if segment.number < before]:
            self.segments.remove(segment)
            segment.file.close()
            segment.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files."""
        for segment in self.segments:
            segment.file.close()


@dataclass(slots=True)
class Found:
    """How far a journal's files are good: the number of the last whole entry, and up to which size of each file."""

    first: int
    written: int
    sizes: list[tuple[int, int]]


def read(folder: Path, first: int, generation: int, take: Callable[[dict[str, Any], str], None]) -> Found:
    """Show `take` each entry behind number `first` with its place, in the files from that of `generation` on.

    What follows the last whole entry was never promised to anyone and is left out. Raises Unkept where an entry is
    damaged that was on disk before a later one was written.
    """
    found, lost = Found(first, first, []), ""
    number = generation
    while number == generation or (folder / f"journal.{number}").exists():
        path = folder / f"journal.{number}"
        lines = path.read_bytes().splitlines(keepends=True)
        good = 0 if lost else _take(lines, found, path, take)
        if good < len(lines):
            lost = lost or f"{path}:{good + 1}"
            _check_tail(lines[good:], found.written + 1, lost)
        found.sizes.append((number, sum(map(len, lines[:good]))))
        number += 1
    return found


def _take(lines: list[bytes], found: Found, path: Path, take: Callable[[dict[str, Any], str], None]) -> int:
    """Take the entries of one file in; how many lines are whole entries that follow each other."""
    for number, line in enumerate(lines):
        entry = _entry(line)
        if entry is None or entry["n"] != found.written + 1:
            return number
        take(entry, f"{path}:{number + 1}")
        found.written += 1
    return len(lines)


def _entry(line: bytes) -> dict[str, Any] | None:
    body = line[_HEAD:-2]
    if not line.endswith(b"}\n") or line[:_HEAD] != b'{"crc":"%08x","entry":' % crc32(body):
        return None
    entry = exact.read(body)
    return entry if isinstance(entry, dict) and isinstance(entry.get("n"), int) else None


def _check_tail(lines: list[bytes], lost: int, where: str) -> None:
    if any(entry["d"] >= lost for entry in _whole(lines)):
        raise Unkept(where, "this entry is damaged, and later ones are whole; restore the file from a copy, nothing was changed")


def _whole(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    return (entry for entry in map(_entry, lines) if entry is not None)
