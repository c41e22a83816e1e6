"""An answer on its way that comes late, slowly, not whole or not at all: what a fault, or a client's wish, makes of its carrying.

1. Nothing here waits in a thread or holds up the event loop: what is late is a timer, ended with its connection or the server.
2. By ASGI alone a connection cannot be cut: what serves the application may lend a `Cutter` in the scope's extensions.
   Where there is none, and no `sleep` either, this is one process with its client: nothing waits, and what the network
   would do is raised.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from understudy.faults.spoiling import Carried
    from understudy.world.stage import Reply

CUTTER = "understudy.cutter"
"""The extension of an ASGI scope that can end its connection."""
BEAT = 0.05
"""Seconds between two pieces of a slow body."""
_AT_ONCE = struct.pack("ii", 1, 0)

Sleep = Callable[[float], Awaitable[None]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Cutter(Protocol):
    """Ends the connection of a request: `reset` it, or close it as it is."""

    def cut(self, how: str) -> None: ...


def reset(transport: Any) -> None:
    """End a connection with a TCP reset: closed without lingering (socket(7), SO_LINGER)."""
    own = transport.get_extra_info("socket")
    if own is not None and own.family in (socket.AF_INET, socket.AF_INET6):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()


def end(transport: Any, how: str) -> None:
    """End a connection: `reset` it, or close it as it is."""
    if how == "reset":
        reset(transport)
    else:
        transport.close()


def half(head: bytes, body: bytes) -> bytes:
    """What a truncated answer is: half its body, or half its head where it has none."""
    return head + body[: len(body) // 2] if body else head[: len(head) // 2]


def pieces(body: bytes, pace: int | None) -> Iterator[bytes]:
    """A body as it is sent, one piece a beat; whole where nothing slows it."""
    size = max(len(body), 1) if pace is None else max(int(pace * BEAT), 1)
    return (body[at : at + size] for at in range(0, len(body), size))


def beat(pace: int) -> float:
    """Seconds from one piece to the next."""
    return max(BEAT, 1 / pace)


# --- on a connection of our own -----------------------------------------------------------------------------------


class Held:
    """Stands where uvicorn looks for the answer under way while a reply waits for something."""

    def __init__(self) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.message_event = self

    def set(self) -> None:
        """The connection is gone."""


class Carrying:
    """The same for an answer that takes its time; `done` is called where it came whole.

    uvicorn says by `keep_alive` that the server stops: what is under way is then cut off, not waited for.
    """

    def __init__(self, transport: Any, carried: Carried, head: bytes, body: bytes, done: Callable[[], None]) -> None:
        self.response_complete = False
        self.disconnected = False
        self.message_event = self
        self._transport = transport
        self._carried = carried
        self._head = head
        self._pieces = pieces(body, carried.pace)
        self._half = half(head, body) if carried.cut == "truncated" else b""
        self._done = done
        self._handle: asyncio.TimerHandle | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may go on."""
        return True

    @keep_alive.setter
    def keep_alive(self, _: bool) -> None:
        self.set()
        self._transport.close()

    def set(self) -> None:
        """The connection is gone."""
        if self._handle is not None:
            self._handle.cancel()

    def begin(self) -> None:
        """Set out, when it is time."""
        if self._carried.delay:
            self._later(self._carried.delay, self._go)
        else:
            self._go()

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._handle = asyncio.get_running_loop().call_later(seconds, call)

    def _go(self) -> None:
        if self._transport.is_closing():
            return
        if self._carried.cut is not None:
            if self._half:
                self._transport.write(self._half)
            end(self._transport, self._carried.cut)
            return
        self._transport.write(self._head)
        self._go_on()

    def _go_on(self) -> None:
        if self._transport.is_closing():
            return
        piece = next(self._pieces, None)
        if piece is None:
            self.response_complete = True
            self._done()
            return
        self._transport.write(piece)
        if self._carried.pace is None:
            self._go_on()
        else:
            self._later(beat(self._carried.pace), self._go_on)


# --- by ASGI alone ------------------------------------------------------------------------------------------------


async def carry(reply: Reply, send: Send, sleep: Sleep | None = None, cutter: Cutter | None = None) -> None:
    """Send an answer the way it is carried. In process raises ConnectionError for what ends a connection."""
    carried, sleep = reply.carried, asyncio.sleep if cutter is not None else sleep
    assert carried is not None
    if sleep is not None and carried.delay:
        await sleep(carried.delay)
    if carried.cut in ("reset", "empty"):
        if cutter is None and sleep is not None:  # the nearest that ASGI has to it: an answer that never comes to its body
            await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"1")]})
        _end(carried, sleep, cutter)
        return
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    body = half(b"", reply.body) if carried.cut is not None else reply.body
    for piece in pieces(body, carried.pace):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if sleep is not None and carried.pace is not None:
            await sleep(beat(carried.pace))
    if carried.cut is not None:
        _end(carried, sleep, cutter)
    else:
        await send({"type": "http.response.body", "body": b""})


def _end(carried: Carried, sleep: Sleep | None, cutter: Cutter | None) -> None:
    if cutter is not None:
        cutter.cut(str(carried.cut))
    elif sleep is None:
        raise ENDS[str(carried.cut)](f"fault {carried.fault}: {carried.cut}")


ENDS: dict[str, type[ConnectionError]] = {"reset": ConnectionResetError, "empty": ConnectionAbortedError, "truncated": ConnectionError}
"""What a client in this process gets instead of an answer that is cut off."""
