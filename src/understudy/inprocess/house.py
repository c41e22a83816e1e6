"""A theatre with all that lets one process ask it in several ways: by calls, as an ASGI application, over HTTP.

1. Calls are answered in the caller's thread. What has to wait for something (deliveries, a turned clock that sends, the
   control plane) is done by the thread of an event loop, begun when it is first needed: `do` waits for it.
2. Without a server nothing is sent by itself: what is due is delivered when somebody asks for it.
3. Everything is closed by `close`, and at the latest when the process ends.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from understudy.inprocess.baton import Backstage, Baton
from understudy.inprocess.doors import Doors
from understudy.problems import Problem
from understudy.server.carrying import carry
from understudy.theatre import Theatre
from understudy.world.stage import Reply

if TYPE_CHECKING:
    from understudy.server.app import App, Arrival

T = TypeVar("T")

Scope = dict[str, Any]
CONTROL = "/_understudy"
WORLD = "/_world/"
NAME = b"understudy-world"
HOST = "127.0.0.1"


class House:
    """See the module."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre
        self.baton = Baton()
        self.doors = Doors(timeout=theatre.post.rules.timeout.total_seconds())
        self.closed = False
        self._app: App | None = None
        self._backstage: Backstage | None = None
        self._serving: Serving | None = None
        self._end: Any = None

    @property
    def app(self) -> App:
        """The ASGI application of the theatre."""
        with self.baton:
            if self._app is None:
                from understudy.server.app import App  # Starlette, 70 ms: not for plain calls

                self._app = App(self.theatre, poster=self.doors)
            return self._app

    # --- what waits ----------------------------------------------------------------------------------------------

    @property
    def backstage(self) -> Backstage:
        """The thread of the event loop. Raises RuntimeError once this is closed."""
        with self.baton:
            if self.closed:
                raise RuntimeError("this sandbox is closed")
            if self._backstage is None:
                self._backstage = Backstage(self.baton)
                self._end = weakref.finalize(self, _end, self._backstage, self.doors)
            return self._backstage

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Have something done backstage."""
        try:
            return self.backstage.begin(coroutine)
        except RuntimeError:
            coroutine.close()
            raise

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Have something done backstage and wait for it; handlers of deliveries are called in this thread meanwhile."""
        return self.doors.pump(lambda: self.begin(coroutine))

    # --- requests ------------------------------------------------------------------------------------------------

    def exchange(self, world: str, method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Reply:
        """Answer a request as the server would; `target` is as sent, `world` the one meant where it names none."""
        scope = scope_of(world, method, target, headers)
        if is_control(scope):
            return self.do(asked_control(self.app, scope, body))
        reply, arrival = self.play(scope, body)
        return reply if reply.pending is None else self.do(self.app.asked(scope, arrival, reply))

    async def exchange_async(self, world: str, method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Reply:
        """The same, awaited: what waits for something does not hold up the caller's event loop."""
        scope = scope_of(world, method, target, headers)
        if is_control(scope):
            return await asyncio.wrap_future(self.begin(asked_control(self.app, scope, body)))
        reply, arrival = self.play(scope, body)
        return reply if reply.pending is None else await asyncio.wrap_future(self.begin(self.app.asked(scope, arrival, reply)))

    async def asked(self, reply: Reply) -> Reply:
        """The answer to a plain call that has something sent first; to be awaited backstage."""
        pending, sender = reply.pending, self.app.sender
        if pending is None or sender is None:
            return reply
        return pending.answer(await sender.ask(pending.world, pending.asking))

    def play(self, scope: Scope, body: bytes) -> tuple[Reply, Arrival]:
        """Answer a request of the document's own paths, as far as that needs no waiting."""
        app = self.app
        with self.baton:
            arrival = app.arrive(scope)
            app.leave(arrival)
            if len(body) > app.body_limit:
                arrival = arrival._replace(refusal=Problem("too_large", f"a body may have up to {app.body_limit} octets"))
            return app.reply(scope, arrival, body), arrival

    async def answer_asgi(self, world: str, scope: Any, receive: Any, send: Any) -> None:
        """Be an ASGI application whose requests mean a world where they name none."""
        if scope["type"] == "lifespan":
            await live(receive, send)
        elif scope["type"] == "http":
            body = await whole(receive, self.app.body_limit)
            if body is None:
                return  # the client went away
            path = (scope.get("raw_path") or scope["path"].encode()).removeprefix(scope.get("root_path", "").encode())
            target = path + (b"?" + scope["query_string"] if scope["query_string"] else b"")
            reply = await self.exchange_async(world, scope["method"], target, scope["headers"], body)
            if reply.carried is not None:
                await carry(reply, send)
                return
            await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
            await send({"type": "http.response.body", "body": reply.body})

    # --- the server ----------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port of the server, which is started now if it does not run yet; from then on it sends what is due by itself."""
        with self.baton:
            if self._serving is None:
                self._serving = Serving(self)
        return self._serving.port

    @property
    def is_serving(self) -> bool:
        """Whether there is a server."""
        return self._serving is not None

    def close(self) -> None:
        """Stop the server and the thread; a second time does nothing."""
        self.closed = True
        if self._serving is not None:
            self._serving.stop()
            self._serving = None
        if self._end is not None:
            self._end()


def _end(backstage: Backstage, doors: Doors) -> None:
    async def close() -> None:
        doors.close()
        await asyncio.sleep(0)  # what was closed is told so

    backstage.begin(close()).result(60)
    backstage.stop()


class Serving:
    """A uvicorn in the event loop of a house, on a free port of loopback."""

    def __init__(self, house: House) -> None:
        from understudy.server.protocol import of_this_process  # uvicorn, 75 ms: only where a URL is wanted

        self._house = house
        self._app = house.app
        self._door = socket.create_server((HOST, 0), backlog=1024)
        self.port = int(self._door.getsockname()[1])
        self._server = of_this_process(self._app)
        self._done = house.begin(self._serve())

    async def _serve(self) -> None:
        sender, post = self._app.sender, self._house.theatre.post
        backstage = self._house.backstage
        assert sender is not None
        sender.start()
        post.ring = lambda world: backstage.soon(lambda: sender.ring(world))
        try:
            await self._server.serve(sockets=[self._door])
        finally:
            self._door.close()
            await sender.stop()

    def stop(self) -> None:
        """Stop sending, then listening."""
        self._server.should_exit = True
        self._done.result(60)


# --- ASGI --------------------------------------------------------------------------------------------------------


def scope_of(world: str, method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Scope:
    """The ASGI scope of a request; it names the world that is meant where it names none itself."""
    path, _, query = target.partition(b"?")
    sent = [(name.lower(), value) for name, value in headers]
    if not path.startswith(WORLD.encode()) and all(name != NAME for name, _ in sent):
        sent.append((NAME, world.encode()))
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method.upper(), "scheme": "http", "root_path": "",
        "path": unquote(path.decode("latin-1")), "raw_path": path, "query_string": query, "headers": sent,
        "server": ("localhost", 80), "client": (HOST, 0),
    }  # fmt: skip


def is_control(scope: Scope) -> bool:
    """Whether a request is for the control plane."""
    return str(scope["path"]).startswith(CONTROL)


async def whole(receive: Any, limit: int) -> bytes | None:
    """A body, or as much of it as shows that it is too large; None when the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > limit:
            return bytes(body)


async def live(receive: Any, send: Any) -> None:
    """Begin and end with a server."""
    while (message := await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": f"{message['type']}.complete"})


async def asked_control(app: Any, scope: Scope, body: bytes) -> Reply:
    """What an ASGI application answers, whole."""
    messages: list[dict[str, Any]] = []
    came = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return came.pop() if came else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = messages[0]
    return Reply(start["status"], list(start["headers"]), b"".join(message.get("body", b"") for message in messages[1:]))
