"""An append-only file of entries: one JSON line each, with a checksum, so that a torn last one is recognised and dropped.

1. A line is `{"crc":"<CRC-32 of the entry's octets, hexadecimal>","entry":{...}}`; entries are numbered in `n`, and `d`
   says up to which number they were known to be on disk when the entry was written.
2. What the entries mean is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
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
    def sync(self) -> None: ...
    def close(self) -> None: ...


class File:
    """A file on disk. Its methods raise OSError as the system calls they are."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, data: bytes) -> int:
        """Append; how many octets found room."""
        return os.write(self._descriptor, data)

    def cut(self, size: int) -> None:
        """Take off what lies behind `size` octets."""
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        """Wait until what was written is on disk."""
        getattr(os, "fdatasync", os.fsync)(self._descriptor)

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


class Journal:
    """Entries at the end of a file. `written` and `durable` are the numbers of the last entry written and known to be on disk."""

    def __init__(self, path: Path, written: int, size: int = 0, open: Callable[[Path], Appended] = File) -> None:
        self.path = path
        self.written = self.durable = written
        self.size = self._durable_size = size
        self._file = open(path)
        self._last = size
        self._torn = True  # what lies behind `size`, if anything, is to be cut off first

    def append(self, entry: dict[str, Any]) -> int:
        """Write an entry; its number. Raises Problem `unavailable` where the disk takes no more, and then nothing was written."""
        body = orjson.dumps({"n": self.written + 1, "d": self.durable, **entry})
        line = b'{"crc":"%08x","entry":%s}\n' % (crc32(body), body)
        try:
            self._write(line)
        except OSError as fault:
            raise Problem("unavailable", f"the change cannot be kept: {fault.strerror or fault}; nothing was changed") from fault
        self.size += len(line)
        self.written += 1
        return self.written

    def take_back(self) -> None:
        """Undo the last `append`, before anything else was appended."""
        self.written -= 1
        self.size = self._last
        self._torn = True
        with suppress(OSError):
            self._file.cut(self.size)
            self._torn = False

    def _write(self, line: bytes) -> None:
        if self._torn:
            self._file.cut(self.size)
            self._torn = False
        self._last = self.size
        rest = line
        while rest:
            self._torn = True
            rest = rest[self._file.write(rest) :]
        self._torn = False

    def sync(self) -> tuple[int, int]:
        """Wait until all that was written by now is on disk; its last number and its size. May run in another thread. Raises OSError."""
        reached = self.written, self.size
        self._file.sync()
        return reached

    def reached(self, mark: tuple[int, int]) -> None:
        """Note what `sync` answered."""
        self.durable, self._durable_size = mark

    def back(self) -> None:
        """Take off all that is not known to be on disk. Raises OSError."""
        self._file.cut(self._durable_size)
        self.written, self.size = self.durable, self._durable_size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path, written: int) -> tuple[list[dict[str, Any]], int]:
    """The entries of a file behind number `written`, and the size up to where they are whole.

    What follows the last whole entry was never promised to anyone and is left out. Raises Unkept where an entry is
    damaged that was on disk before a later one was written.
    """
    entries: list[dict[str, Any]] = []
    size = 0
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        entry = _entry(line)
        expected = written + len(entries) + 1
        if entry is None or entry["n"] != expected:
            _check_tail(lines[number + 1 :], expected, f"{path}:{number + 1}")
            break
        entries.append(entry)
        size += len(line)
    return entries, size


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
