"""The file a session is kept in: an HTTP Archive that is whole after every exchange, so a kill at any time leaves a valid one.

Each entry is written over the file's tail together with a new tail, in one write. What is written is decided elsewhere.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from understudy.proxy.har import HEAD, TAIL, Unread, read
from understudy.proxy.redacting import last_placeholder


class Record:
    """An archive being written. Raises OSError, or Unread for a file that is there and none of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.placeholders = 0
        fresh = not path.exists() or path.stat().st_size == 0
        text = HEAD + TAIL if fresh else self._older(path.read_text(encoding="utf-8"))
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        if fresh:
            self._file.write(text.encode())
        self._end = len(text.encode()) - len(TAIL)

    def _older(self, text: str) -> str:
        if not text.startswith('{"log"') or not text.endswith(TAIL):
            raise Unread(f"{self.path}: there is a file already, and not one this command wrote; name another")
        found, _ = read(text)
        self.count, self.placeholders = len(found), last_placeholder([text])
        return text

    def add(self, entry: dict[str, Any]) -> None:
        """Write one more entry. Raises OSError; the file then holds what it held before, or more."""
        text = (",\n" if self.count else "") + json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
        data = text.encode("utf-8", "replace")
        whole = data + TAIL.encode()
        self._file.seek(self._end)
        if self._file.write(whole) != len(whole):
            self._file.seek(self._end)
            self._file.write(TAIL.encode())
            self._file.truncate()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += len(data)
        self.count += 1

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
