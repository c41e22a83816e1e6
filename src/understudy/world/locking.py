"""A lock on a folder that one process has at a time, and that the system frees when the process ends, however it ends.

What is done while it is held is not known here.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from understudy.world.journal import Unkept

if sys.platform == "win32":
    import msvcrt

    _FAR = 2**30  # a locked octet cannot be read there; the process's number stands before it

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """The lock of a folder, which is made if need be. Raises Unkept where another process has it, or it cannot be had."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as fault:
            raise Unkept(str(folder), f"cannot be used as a data folder: {fault.strerror}") from None
        try:
            _lock(self._descriptor)
        except OSError:
            holder = os.read(self._descriptor, 20).decode("ascii", "replace") or "unknown"
            os.close(self._descriptor)
            message = f"is in use by another understudy (process {holder}); stop that one or name another folder"
            raise Unkept(str(folder), message) from None
        with suppress(OSError):  # a full disk has no room for a number that only a message needs
            os.truncate(self._descriptor, 0)
            os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Let another process have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
