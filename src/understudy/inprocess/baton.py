"""One baton for all who touch a theatre: threads that call it, and the thread of the event loop that serves it.

1. Who has the baton may touch worlds; it is held for one step, never while something is waited for.
2. The loop's thread holds it while callbacks run and lays it down only to wait for sockets and timers: so no callback
   of a server, a delivery or the control plane meets a call from another thread, and none of them knows of it.
3. Nothing here knows what the baton is for.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

Baton = threading.RLock


class Passing(selectors.DefaultSelector):
    """A selector that lays the baton down while it waits."""

    def __init__(self, baton: Any) -> None:
        super().__init__()
        self._baton = baton

    def select(self, timeout: float | None = None) -> Any:
        """What is ready; the baton is back when this returns."""
        self._baton.release()
        try:
            return super().select(timeout)
        finally:
            self._baton.acquire()


class Backstage:
    """A thread with an event loop that holds the baton while it works. It begins when it is made and ends with `stop`."""

    def __init__(self, baton: Any) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop(Passing(baton))
        self._thread = threading.Thread(target=_work, args=(self.loop, baton), name="understudy", daemon=True)
        self._thread.start()

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Have something done there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def soon(self, call: Callable[[], Any]) -> None:
        """Have a function called there; nothing happens once it has ended."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(call)

    def is_here(self) -> bool:
        """Whether the caller is that thread."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """End what is under way, then the thread."""
        self.soon(self.loop.stop)
        self._thread.join(60)


def _work(loop: asyncio.AbstractEventLoop, baton: Any) -> None:
    with baton:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            _end(loop)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """As `asyncio.run` does when its work is done."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
