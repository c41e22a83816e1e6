"""Deliveries to receivers that are functions of this process, called in the thread that asks for what is due.

1. A handler runs outside every event loop and with nothing held: it may use a test client, a database of its thread,
   or call the sandbox again.
2. Where nobody asks (a server sends by itself), it is called in a thread of the event loop's.
3. Every other URL goes its way over the network.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from understudy.server.posting import Headers, Poster
from understudy.webhooks.retrying import Answer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Posted:
    """A delivery as its receiver gets it: the header names in lower case."""

    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Handler = Callable[[Posted], Any]
"""Its answer: a status, None for 200, or an object with a `status_code`. What it raises is an answer of 500."""


class _Here(threading.local):
    """What goes on in a thread."""

    handing = False


_here = _Here()


def is_handing() -> bool:
    """Whether a handler is being called in this thread: what waits for all deliveries would wait for itself."""
    return _here.handing


@dataclass(slots=True)
class Waiting:
    """A delivery that waits for its handler to be called."""

    handler: Handler
    posted: Posted
    answer: Future[Answer]

    def hand_over(self) -> None:
        """Call the handler here and now."""
        if not self.answer.set_running_or_notify_cancel():
            return
        answer = Answer(500, None, response="interrupted")
        try:
            answer = answered(self.handler, self.posted)
        finally:  # a test that is ended in here ends, but nothing waits for it
            self.answer.set_result(answer)


    def hand_over_alone(self) -> None:
        """The same in a thread of nobody's: what would end a test ends nothing there."""
        with suppress(BaseException):
            self.hand_over()


class Doors(Poster):
    """See the module. `at_once` are handlers of our own that neither wait nor fail, by URL; `asked` are others'."""

    def __init__(self, *, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self.at_once: dict[str, Callable[[Headers, bytes, str], Answer]] = {}
        self.asked: dict[str, Handler] = {}
        self._waiting: deque[Waiting] = deque()
        self._came = threading.Condition()
        self._pumps = 0

    async def post(self, url: str, headers: Headers, body: bytes, method: str = "POST") -> Answer:
        """Send one request, or hand it over; what came of it."""
        if url in self.at_once:
            return self.at_once[url](headers, body, method)
        if url not in self.asked:
            return await super().post(url, headers, body, method)
        posted = Posted(method, url, urlsplit(url).path or "/", {name.lower(): value for name, value in headers}, body)
        one = Waiting(self.asked[url], posted, Future())
        with self._came:
            pumped = self._pumps > 0
            if pumped:
                self._waiting.append(one)
                self._came.notify_all()
        if not pumped:
            await asyncio.get_running_loop().run_in_executor(None, one.hand_over_alone)
        return await asyncio.wrap_future(one.answer)

    def pump(self, begin: Callable[[], Future[T]]) -> T:
        """Begin something, and call handlers in this thread until it is done; its result, or what it raises."""
        with self._came:
            self._pumps += 1
        try:
            future = begin()
            future.add_done_callback(self._done)
            while (one := self._next(future)) is not None:
                one.hand_over()
        finally:
            with self._came:
                self._pumps -= 1
                left = [] if self._pumps else list(self._waiting)
                self._waiting = self._waiting if self._pumps else deque()
            for one in left:  # of another world, while nobody asks any more
                one.hand_over()
        return future.result()

    def _next(self, future: Future[Any]) -> Waiting | None:
        with self._came:
            self._came.wait_for(lambda: self._waiting or future.done())
            return self._waiting.popleft() if self._waiting else None

    def _done(self, _: Future[Any]) -> None:
        with self._came:
            self._came.notify_all()


def answered(handler: Handler, posted: Posted) -> Answer:
    """What a handler says of a delivery."""
    before, _here.handing = _here.handing, True
    try:
        said = handler(posted)
    except Exception as fault:
        return Answer(500, None, response=f"{type(fault).__name__}: {fault}"[:1000])
    finally:
        _here.handing = before
    status = getattr(said, "status_code", said)
    if status is None:
        return Answer(200)
    return Answer(status) if isinstance(status, int) else Answer(None, f"the handler answered {said!r}, which is no status")
