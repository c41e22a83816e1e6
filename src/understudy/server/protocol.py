"""uvicorn's HTTP protocol with a short way for the usual request: here whole, answered at once, written in one piece.

1. Answers come of the same `App` methods as by the ASGI way; nothing but the carrying differs.
2. Whatever is not usual (the control plane, upgrades, `Expect`, HTTP/1.0, pipelining behind a slow answer, a client that
   does not read) goes uvicorn's own way: a task, `receive` and `send` for each request cost more than most answers.
"""

from __future__ import annotations

import sys
from socket import socket
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from understudy.problems import Problem
from understudy.server.app import CONTROL, App, Arrival
from understudy.server.carrying import CUTTER, Carrying, Held, end
from understudy.server.desk.streaming import Streams
from understudy.server.doorman import Doorman
from understudy.server.syncing import Syncer
from understudy.world.stage import Reply

if TYPE_CHECKING:
    from understudy.faults.spoiling import Carried

_CONTROL = CONTROL.encode()

SMALL = 8_192
"""Octets of a body that is rather copied behind its head than sent as a piece of its own."""

PATIENCE = 2.0
"""Seconds a refused client has to stop sending."""


class Server(uvicorn.Server):
    """uvicorn's, which begins to tell endpoints what they are owed once it listens, and ends that first.

    `app` is the stand-in, whatever stands in front of it in the configuration.
    """

    def __init__(self, config: uvicorn.Config, app: App, tls: SSLContext | None = None) -> None:
        super().__init__(config)
        self._doorman = None
        if tls is not None and sys.platform == "win32":  # its event loop cannot wait for a socket to be read from
            config.load()
            config.ssl = tls
        elif tls is not None:
            self._doorman = Doorman(self._protocol, tls)
        self._sender = app.sender
        self._reloader = app.reloader
        self._streams: Streams = app.streams

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, then send."""
        await super().startup(sockets if self._doorman is None else [])
        if self._doorman is not None:
            self._doorman.open(sockets or [])
        if self._reloader is not None:
            self._reloader.watch()
        if self._sender is not None:
            self._sender.start()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let nobody watch any more, send no more, then listen no more."""
        if self._doorman is not None:
            self._doorman.close()
        if self._reloader is not None:
            self._reloader.stop()
        self._streams.close()
        if self._sender is not None:
            await self._sender.stop()
        await super().shutdown(sockets)

    def _protocol(self) -> Any:
        make: Any = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def of_this_process(app: App) -> uvicorn.Server:
    """A server in an event loop that others run, which says nothing and starts or stops no sender."""
    return uvicorn.Server(uvicorn.Config(
        app, http=Protocol, ws="none", proxy_headers=False, log_config=None, access_log=False, server_header=False, date_header=False,
        lifespan="off", timeout_keep_alive=600, timeout_graceful_shutdown=1,
    ))  # fmt: skip


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._app: App = self.config.app  # type: ignore[assignment]
        self._arrival: Arrival | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._lasting = True
        self._ending = False
        self._rests = False  # nothing is asked or answered
        self._since = 0.0  # when it began to rest, on the loop's clock

    def on_headers_complete(self) -> None:
        """Take the head in, the short way where it is a usual one."""
        if not self._usual():
            scope: Any = self.scope
            scope["extensions"] = {CUTTER: self}
            super().on_headers_complete()
            return
        url = httptools.parse_url(self.url)
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["path"] = url.path.decode("latin-1")
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        self._lasting = self.parser.should_keep_alive()
        self._parts, self._size = [], 0
        self._arrival = self._app.arrive(scope)
        if self._arrival.refusal is not None:
            self._answer(b"")

    def _usual(self) -> bool:
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.pipeline
            and not self.expect_100_continue
            and not self.flow.write_paused
            and not self.url.startswith(_CONTROL)
            and self.url.startswith(b"/")
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
        )

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body; refuse the request as soon as it is too large."""
        arrival = self._arrival
        if arrival is None:
            if self.cycle is not None:
                super().on_body(body)
            return
        self._size += len(body)
        if self._size > self._app.body_limit:
            self._arrival = arrival._replace(refusal=Problem("too_large", f"a body may have up to {self._app.body_limit} octets"))
            self._answer(b"")
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Answer a request that is here whole."""
        if self._arrival is not None:
            self._answer(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))
        elif self._ending:
            self.transport.close()
        elif self.cycle is not None:
            super().on_message_complete()

    def _unset_keepalive_if_required(self) -> None:
        """Something came: the connection is in use. The timer is let run on, which costs less than to stop and start it."""
        self._rests = False

    def on_response_complete(self) -> None:
        """An answer is out: what waits behind it is begun, else the connection rests."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._rests, self._since = True, self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has rested long enough; look again later at one that has not."""
        rested = self.loop.time() - self._since if self._rests else 0.0
        if rested >= self.timeout_keep_alive:
            self.timeout_keep_alive_task = None
            self.transport.close()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive - rested, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free what a request held that never came whole."""
        if self._arrival is not None:
            self._app.leave(self._arrival)
            self._arrival = None
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)

    def _answer(self, body: bytes) -> None:
        arrival = self._arrival
        assert arrival is not None
        self._arrival = None
        if arrival.key is not None:
            self._app.leave(arrival)
        reply = self._app.reply(self.scope, arrival, body)  # type: ignore[arg-type]
        syncer = self._app.syncer
        if reply.pending is not None and self._app.sender is not None:
            self._wait(arrival, reply)
        elif syncer is not None and syncer.holds(arrival.world.mark):
            self._hold(arrival, reply, syncer)
        else:
            self._write(arrival, reply, self._lasting and arrival.refusal is None)

    def _hold(self, arrival: Arrival, reply: Reply, syncer: Syncer) -> None:
        """Write the reply when what it tells of is on disk; what comes behind it on this connection waits its turn."""
        held, scope, lasting = Held(), self.scope, self._lasting and arrival.refusal is None
        self.cycle = held  # type: ignore[assignment]

        def release(good: bool) -> None:
            held.response_complete = True
            if held.disconnected or self.transport.is_closing():
                return
            if good:
                self._write(arrival, reply, lasting and held.keep_alive)
            else:
                refused = arrival._replace(refusal=Problem("unavailable", "not kept"))
                self._write(refused, self._app.unkept(scope, arrival), False)  # type: ignore[arg-type]

        syncer.then(release)

    def _wait(self, arrival: Arrival, reply: Reply) -> None:
        """Write the reply when what it asked to be sent was; what comes behind it on this connection waits its turn."""
        held, scope, lasting = Held(), self.scope, self._lasting
        self.cycle = held  # type: ignore[assignment]

        async def wait() -> None:
            final = await self._app.asked(scope, arrival, reply)  # type: ignore[arg-type]
            syncer = self._app.syncer
            if syncer is not None and syncer.holds(arrival.world.mark) and not await syncer.on_disk():
                final = self._app.unkept(scope, arrival)  # type: ignore[arg-type]
            held.response_complete = True
            if not held.disconnected and not self.transport.is_closing():
                self._write(arrival, final, lasting and held.keep_alive)

        task = self.loop.create_task(wait())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _write(self, arrival: Arrival, reply: Reply, lasting: bool) -> None:
        head = [STATUS_LINE[reply.status or 502]]
        for name, value in reply.headers:
            head += (name, b": ", value, b"\r\n")
        head.append(b"\r\n" if lasting or arrival.refusal is not None else b"connection: close\r\n\r\n")
        if reply.carried is not None:
            self._carry(reply.carried, b"".join(head), reply.body, lasting)
            return
        if len(reply.body) <= SMALL:
            head.append(reply.body)
            self.transport.write(b"".join(head))
        else:
            self.transport.writelines((b"".join(head), reply.body))
        if lasting:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        if arrival.refusal is None:
            self.transport.close()
        else:  # closed at once, what the client is still sending would reset the connection before it reads the answer
            self._ending = True
            self.loop.call_later(PATIENCE, self.transport.close)

    def _carry(self, carried: Carried, head: bytes, body: bytes, lasting: bool) -> None:
        """Write an answer that a fault or the client wants otherwise; what comes behind it on this connection waits its turn."""

        def done() -> None:
            if lasting:
                self.on_response_complete()
            else:
                self.server_state.total_requests += 1
                self.transport.close()

        carrying = Carrying(self.transport, carried, head, body, done)
        self.cycle = carrying  # type: ignore[assignment]
        carrying.begin()

    def cut(self, how: str) -> None:
        """End the connection of a request that goes uvicorn's own way."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        end(self.transport, how)
