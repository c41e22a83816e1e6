"""Receivers of webhooks on loopback that behave as a test tells them, good or bad; nothing here waits for time to pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return orjson.loads(self.body)


Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Received], Awaitable[bool]]
"""Answers a request; whether the connection goes on."""


def answering(status: int = 200, body: bytes = b"ok", headers: str = "") -> Behave:
    """A receiver that answers."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received) -> bool:
        writer.write(f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body)
        return True

    return behave


def saying(octets: bytes) -> Behave:
    """A receiver that says this, whatever it is, and closes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received) -> bool:
        writer.write(octets)
        return False

    return behave


def hanging(octets: bytes = b"") -> Behave:
    """A receiver that says this and then nothing until the sender goes away."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received) -> bool:
        writer.write(octets)
        await reader.read()
        return False

    return behave


def resetting() -> Behave:
    """A receiver that resets the connection."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received) -> bool:
        writer.transport.abort()
        return False

    return behave


def endless(head: bytes) -> Behave:
    """A receiver whose answer has no end."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received) -> bool:
        writer.write(head)
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except OSError:
            return False

    return behave


@dataclass
class Receiver:
    """What came, and how the next one is answered: the first of `script`, and at its end `behave`."""

    behave: Behave = field(default_factory=answering)
    script: list[Behave] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hooks"

    def types(self) -> list[str]:
        """The types of what came, in order."""
        return [one.json["type"] for one in self.received]

    async def came(self, number: int) -> None:
        """Wait until so many requests are here whole."""
        while len(self.received) < number:
            self._came.clear()
            await self._came.wait()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while (received := await read(reader)) is not None:
                self.received.append(received)
                self._came.set()
                behave = self.script.pop(0) if self.script else self.behave
                if not await behave(reader, writer, received):
                    break
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def read(reader: asyncio.StreamReader) -> Received | None:
    """One request; None where the sender went away."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, target, _ = first.split(" ")
    return Received(method, target, headers, body)


@asynccontextmanager
async def receiver(*script: Behave, behave: Behave | None = None, **tls: Any) -> AsyncIterator[Receiver]:
    """One on a free port, its connections closed in the end."""
    one = Receiver(behave or answering(), list(script))
    serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving[task] = writer
        await one(reader, writer)
        del serving[task]

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for writer in serving.values():
            writer.transport.abort()
        await asyncio.gather(*serving)
        await server.wait_closed()
