"""Takes connections in for HTTPS, and tells a client that speaks plain HTTP so, where TLS alone would hang up on it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from socket import MSG_PEEK, SHUT_WR, socket
from typing import Any

HANDSHAKE = b"\x16"
"""The first octet of a connection that speaks TLS (RFC 8446 section 5.1)."""
PATIENCE = 60.0
"""Seconds a client has to say its first word."""

_SAID = b"This server speaks HTTPS: write https:// instead of http:// and let the client trust its certificate (curl --cacert FILE).\n"
_PLAIN = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_SAID), _SAID)


class Doorman:
    """At the door of a server: `make` makes the protocol of a connection."""

    def __init__(self, make: Callable[[], asyncio.Protocol], context: ssl.SSLContext) -> None:
        self._make = make
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, sockets: Sequence[socket]) -> None:
        """Take connections in from now on."""
        for one in sockets:
            one.setblocking(False)
            self._begin(self._accept(one))

    def close(self) -> None:
        """Take no more in, and let those go that have said nothing yet."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError:  # gone before it was taken in, or too many are open
                await asyncio.sleep(0.05)
                continue
            connection.setblocking(False)
            self._begin(self._welcome(connection))

    async def _welcome(self, connection: socket) -> None:
        taken = False
        try:
            async with asyncio.timeout(PATIENCE):
                await _readable(connection)
            first = connection.recv(1, MSG_PEEK)
            if first == HANDSHAKE:
                taken = True
                await asyncio.get_running_loop().connect_accepted_socket(self._make, connection, ssl=self._context)
            elif first:
                await _explain(connection)
        except OSError:  # also TimeoutError and ssl.SSLError: it went away, or does not trust the certificate
            pass
        finally:
            if not taken:
                connection.close()


async def _readable(connection: socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection)


async def _explain(connection: socket) -> None:
    """Answer in plain text; closed at once, what the client is still sending would reset the connection before it reads that."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, _PLAIN)
    connection.shutdown(SHUT_WR)
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            while await loop.sock_recv(connection, 65_536):
                pass
