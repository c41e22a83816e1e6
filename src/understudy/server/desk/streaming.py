"""Tells who watches a world that something changed in it: server-sent events (HTML standard, section 9.2).

1. It is told that something changed, not what: who watches asks for what it shows. So nothing queues up for one that does
   not read, and however much happens, no more than a few messages a second are sent.
2. Worlds are looked at while somebody watches; what happens in them waits for nobody here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from understudy.durations import format_instant
from understudy.engine.plans import Script
from understudy.problems import Problem
from understudy.server.asked import Refused
from understudy.theatre import Theatre
from understudy.world.world import World
from understudy.world.worlds import Worlds

BEAT = 0.15
"""Seconds between two looks at a world."""

STILL = 100
"""Looks after which a client is told that nothing happened, so that one that is gone is noticed."""

PATIENCE = 0.5
"""Seconds a client has to take the end of a stream."""

MOST = 100
"""Who may watch at once."""

_HEAD = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class Streams:
    """The streams of one server. `close` ends them, so that the server can stop."""

    def __init__(self) -> None:
        self.open: set[asyncio.Future[None]] = set()

    def stream(self, sandbox: Theatre, world: str) -> Stream:
        """A stream of one world. Raises Refused where too many watch."""
        if len(self.open) >= MOST:
            raise Refused(503, f"{MOST} are watching already")
        sandbox.worlds.get(world)
        return Stream(self, sandbox, world)

    def close(self) -> None:
        """End them all."""
        for closing in self.open:
            if not closing.done():
                closing.set_result(None)


class Stream:
    """An answer that goes on until the client goes away or the server stops."""

    def __init__(self, streams: Streams, sandbox: Theatre, world: str) -> None:
        self._streams = streams
        self._sandbox = sandbox
        self._name = world
        self._last = ""
        self._world: World | None = None
        self._script: Script | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is to tell."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
        if scope["method"] != "HEAD":
            loop = asyncio.get_running_loop()
            closing: asyncio.Future[None] = loop.create_future()
            self._streams.open.add(closing)
            gone = loop.create_task(_gone(receive))
            try:
                await self._tell(send, (closing, gone))
            finally:
                self._streams.open.discard(closing)
                gone.cancel()
        with suppress(TimeoutError):  # of a client that does not read: its connection is closed as it is
            await asyncio.wait_for(send({"type": "http.response.body", "body": b""}), PATIENCE)

    async def _tell(self, send: Send, ends: tuple[asyncio.Future[None], ...]) -> None:
        quiet = 0
        while not any(end.done() for end in ends):
            message = self._news()
            quiet = 0 if message else quiet + 1
            if message or quiet >= STILL:
                await _until(send({"type": "http.response.body", "body": message or b":\n\n", "more_body": True}), ends)
                quiet = 0
            await asyncio.wait(ends, timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)

    def _news(self) -> bytes:
        """A message, where something is other than it was."""
        worlds = self._sandbox.worlds
        world = worlds.find(self._name)
        if world is not None:
            with suppress(Problem):  # where the disk does not take what fell due, who asks is told so
                self._sandbox.stage.settle(world)
        seen, script = version(worlds, world), self._sandbox.script
        if seen == self._last and world is self._world and script is self._script:
            return b""
        anew = self._script not in (None, script)
        self._last, self._world, self._script = seen, world, script
        return b"data: %b\n\n" % orjson.dumps({**shown(self._name, world), "version": seen, "anew": anew})


def version(worlds: Worlds, world: World | None) -> str:
    """Another text whenever something is other than it was."""
    if world is None:
        return f"{worlds.version}"
    clock = world.clock
    return f"{worlds.version}.{world.version}.{world.request_count}.{clock.turned_to.timestamp():.0f}.{clock.frozen:d}"


def shown(name: str, world: World | None) -> dict[str, Any]:
    """What a message says of a world; of one that ended only that."""
    if world is None:
        return {"world": name, "ended": True}
    return {"world": name, "now": format_instant(world.clock.now()), "mode": "frozen" if world.clock.frozen else "running",
            "next_due": None if world.next_due is None else format_instant(world.next_due), "requests": world.request_count, "events": len(world.events)}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until(sending: Awaitable[None], ends: tuple[asyncio.Future[None], ...]) -> None:
    """Send, but wait no longer for a client that does not read than until the stream is to end."""
    task = asyncio.ensure_future(sending)
    await asyncio.wait({task, *ends}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    else:
        task.cancel()
