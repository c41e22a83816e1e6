"""Who watches a world is told that something changed: each change once, nothing queued, and no server kept from stopping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from typing import Any

import pytest

from support.asgi import Client
from understudy.server.app import App
from understudy.server.asked import Refused
from understudy.server.desk import streaming
from understudy.server.desk.streaming import Streams
from understudy.theatre import Theatre


class Watcher:
    """A client of a stream. It reads what is sent, or does not (`reads`)."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.leaves = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.put_nowait(message)
        await self.reads.wait()

    async def news(self) -> dict[str, Any]:
        """The next message that tells something."""
        while True:
            body = (await self.sent.get()).get("body", b"")
            if body.startswith(b"data: "):
                return dict(json.loads(body[6:]))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds are looked at as often as can be."""
    monkeypatch.setattr(streaming, "BEAT", 0.001)


@asynccontextmanager
async def watching(streams: Streams, theatre: Theatre, world: str = "watched", method: str = "GET") -> AsyncIterator[tuple[Watcher, asyncio.Task[None]]]:
    """Somebody who watches a world, gone at the end."""
    watcher = Watcher()
    task = asyncio.ensure_future(streams.stream(theatre, world)({"type": "http", "method": method}, watcher.receive, watcher.send))
    try:
        yield watcher, task
    finally:
        watcher.leaves.set()
        await task


def test_a_change_is_told_and_what_stays_is_not(bundled: Theatre) -> None:
    """First how the world stands, then each change, however it came about."""

    async def story() -> None:
        streams = Streams()
        async with watching(streams, bundled) as (watcher, _):
            assert (await watcher.news())["requests"] == 0
            bundled.stage.advance(bundled.worlds.get("watched"), bundled.worlds.get("watched").clock.now())
            bundled.worlds.save(bundled.worlds.get("watched"), "moment")
            assert (await watcher.news())["world"] == "watched"
            world = bundled.worlds.begin("watched", bundled.worlds.prepared)
            await watcher.news()
            world.clock.run()
            assert (await watcher.news())["mode"] == "running"
            bundled.worlds.end("watched")
            assert (await watcher.news())["ended"]
        assert not streams.open

    asyncio.run(story())


def test_what_is_read_anew_is_told_so(bundled: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another script is played in the same worlds: who shows what it knew of the one before has to ask again."""

    async def story() -> None:
        async with watching(Streams(), bundled) as (watcher, _):
            assert not (await watcher.news())["anew"]
            monkeypatch.setattr(bundled.stage, "script", copy(bundled.stage.script))
            assert (await watcher.news())["anew"]

    asyncio.run(story())


def test_a_request_is_told(bundled: Theatre) -> None:
    """Whoever made it."""

    async def story() -> None:
        async with watching(Streams(), bundled) as (watcher, _):
            await watcher.news()
            await asyncio.to_thread(lambda: Client(App(bundled)).get("/v1/customers", headers={"Understudy-World": "watched"}))
            assert (await watcher.news())["requests"] == 1

    asyncio.run(story())
    bundled.worlds.end("watched")


def test_a_server_that_stops_ends_every_stream(bundled: Theatre) -> None:
    """At once, and the answer is whole; one that does not read holds nothing up."""

    async def story() -> None:
        streams = Streams()
        async with watching(streams, bundled) as (watcher, task):
            await watcher.news()
            streams.close()
            await task
            assert [watcher.sent.get_nowait()["body"] for _ in range(watcher.sent.qsize())][-1] == b""
            assert not streams.open

    asyncio.run(story())


def test_a_client_that_does_not_read_holds_up_nobody(bundled: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is queued for it, and the server stops all the same."""
    monkeypatch.setattr(streaming, "PATIENCE", 0.001)

    async def story() -> None:
        streams = Streams()
        async with watching(streams, bundled) as (watcher, task):
            await watcher.news()
            watcher.reads.clear()
            bundled.worlds.begin("watched", bundled.worlds.prepared)
            await watcher.news()
            for _ in range(50):
                bundled.worlds.begin("watched", bundled.worlds.prepared)
                await asyncio.sleep(0)
            assert watcher.sent.empty()
            streams.close()
            await task

    asyncio.run(story())


def test_only_so_many_may_watch(bundled: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused with the reason."""
    monkeypatch.setattr(streaming, "MOST", 1)

    async def story() -> None:
        streams = Streams()
        async with watching(streams, bundled) as (watcher, _):
            await watcher.news()
            with pytest.raises(Refused, match="are watching already"):
                streams.stream(bundled, "watched")

    asyncio.run(story())


def test_a_head_request_ends(call: Client) -> None:
    """It asks what would come, not to watch."""
    answer = call("HEAD", "/_understudy/stream")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")
