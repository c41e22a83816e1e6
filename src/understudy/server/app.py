"""HTTP in and out: the last place that knows ASGI. A request becomes a `Request`, a `Reply` becomes a response.

1. What a request means is decided by the stage; the control plane is a Starlette application of its own.
2. Limits on size and length are kept here, before anything is read into memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.problems import Problem
from understudy.server.carrying import CUTTER, Sleep, carry
from understudy.server.desk.streaming import Streams
from understudy.server.posting import Poster
from understudy.server.sending import Sender
from understudy.server.syncing import Syncer
from understudy.theatre import Theatre
from understudy.world.stage import Headers, Reply, Request
from understudy.world.world import World

CONTROL = "/_understudy"
WORLD = "/_world/"
LONGEST_PATH = 8_192
LARGEST_HEADERS = 65_536
LARGEST_BODY = 10_000_000
"""Octets: of path with query, of all headers together, of a body."""

_UNDONE = b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the disk did not take the change; nothing was changed"}\n'
_NAME_HEADER = b"understudy-world"


class Arrival(NamedTuple):
    """A request whose head is here: where it goes, and what is wrong with it already."""

    world: World
    prefix: str
    path: str
    sent: Mapping[bytes, bytes]
    key: tuple[str, bytes] | None  # the idempotency key it holds while it is received
    concurrent: bool  # another request holds that key
    refusal: Problem | None


class App:
    """The ASGI application: a stage's worlds on the document's own paths, the control plane under `/_understudy`.

    `sleep` is for servers that are not our own: answers that are to come late do. Without it nothing waits in process.
    """

    def __init__(self, sandbox: Theatre, *, world_per_key: bool = False, origins: tuple[str, ...] = (), body_limit: int = LARGEST_BODY, relaxed: bool = False,
                 poster: Poster | None = None, sleep: Sleep | None = None) -> None:
        self.sandbox = sandbox
        self._sleep = sleep
        self.syncer = None if sandbox.folder is None else Syncer(sandbox.folder, relaxed=relaxed)
        self.sender = None if poster is None else Sender(sandbox, poster, on_disk=None if self.syncer is None else self.syncer.on_disk)
        self.body_limit = body_limit
        self.streams = Streams()
        self.reloader: Any = None  # reads anew what is played, where that can be: see `server.reloading`
        self._world_per_key = world_per_key
        self._origins = frozenset(origin.encode() for origin in origins)
        self._receiving: set[tuple[str, bytes]] = set()
        self.restaged()

    def restaged(self) -> None:
        """Know of what is played what is needed before a request is; afterwards it is asked of the sandbox."""
        rule = self.sandbox.script.behaviour.idempotency
        self._key_header = rule.header.encode() if rule else b""

    @cached_property
    def _control(self) -> ASGIApp:
        from understudy.server.control import control_plane  # 40 ms with its routing: not before somebody steers

        return control_plane(self.sandbox, self.sender, self.streams, lambda: self.reloader)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's request, or the server's life cycle messages."""
        if scope["type"] == "http":
            if scope["path"].startswith(CONTROL):
                await self._control(scope, receive, send if self.syncer is None else _held(self.syncer, send))
            else:
                await self._play(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)

    async def _play(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrival = self.arrive(scope)
        try:
            body = None if arrival.refusal else await _read(receive, self.body_limit)
        except Problem as problem:
            arrival = arrival._replace(refusal=problem)
            body = None
        finally:
            self.leave(arrival)
        if body is None and arrival.refusal is None:
            return  # the client went away
        reply = self.reply(scope, arrival, body or b"")
        if reply.pending is not None:
            reply = await self.asked(scope, arrival, reply)
        if self.syncer is not None and self.syncer.holds(arrival.world.mark) and not await self.syncer.on_disk():
            reply = self.unkept(scope, arrival)
        if reply.carried is not None:
            await carry(reply, send, self._sleep, scope.get("extensions", {}).get(CUTTER))
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    # --- the parts of it that need no waiting --------------------------------------------------------------------

    def arrive(self, scope: Scope) -> Arrival:
        """Take a request's head in: its world is chosen, its lengths are looked at, its idempotency key is held."""
        sent: dict[bytes, bytes] = dict(scope["headers"])
        try:
            world, prefix, path = self._choose(scope, sent)
        except ValueError as fault:
            problem = Problem("invalid_field", str(fault), field="Understudy-World", location="header")
            return self._nameless(scope, sent, problem)
        except Problem as problem:
            return self._nameless(scope, sent, problem)
        refusal = _wrong_with(scope, sent, self.body_limit)
        if self._key_header not in sent or refusal is not None:
            return Arrival(world, prefix, path[:LONGEST_PATH], sent, None, False, refusal)
        key = (world.name, sent[self._key_header])
        concurrent = key in self._receiving
        self._receiving.add(key)
        return Arrival(world, prefix, path, sent, None if concurrent else key, concurrent, None)

    def _nameless(self, scope: Scope, sent: Mapping[bytes, bytes], problem: Problem) -> Arrival:
        return Arrival(self.sandbox.worlds.prepared.fork("nameless"), "", scope["path"][:LONGEST_PATH], sent, None, False, problem)

    def leave(self, arrival: Arrival) -> None:
        """Free what a request held while it was received."""
        if arrival.key is not None:
            self._receiving.discard(arrival.key)

    def reply(self, scope: Scope, arrival: Arrival, body: bytes) -> Reply:
        """Answer a request that is here whole, or as much of it as is wanted where it is refused."""
        world, prefix, path, sent, _, concurrent, refusal = arrival
        host = sent.get(b"host")
        origin = f"{scope['scheme']}://{host.decode('latin-1')}" if host is not None else "http://localhost"
        request = Request(scope["method"], path, scope["query_string"][:LONGEST_PATH], scope["headers"], body, sent, origin, prefix, concurrent)
        return self._dressed(scope, arrival, self.sandbox.stage.answer(world, request, refusal))

    async def asked(self, scope: Scope, arrival: Arrival, reply: Reply) -> Reply:
        """The answer to a request that has something sent first."""
        pending = reply.pending
        if pending is None or self.sender is None:
            return reply
        return self._dressed(scope, arrival, pending.answer(await self.sender.ask(pending.world, pending.asking)))

    def _dressed(self, scope: Scope, arrival: Arrival, reply: Reply) -> Reply:
        refusal = arrival.refusal
        headers = reply.headers
        if self._origins:
            headers = headers + self._cross_origin(scope)
        if refusal is not None:
            headers = [*headers, (b"connection", b"close")]  # what is left of it must not be taken for the next request
        if headers is reply.headers and scope["method"] != "HEAD":
            return reply
        return reply._replace(headers=headers, body=b"" if scope["method"] == "HEAD" else reply.body)

    def unkept(self, scope: Scope, arrival: Arrival) -> Reply:
        """The answer in the place of one that tells of what could not be brought to disk."""
        return self.reply(scope, arrival._replace(refusal=Problem("unavailable", "the disk did not take the change; nothing was changed")), b"")

    def _choose(self, scope: Scope, sent: Mapping[bytes, bytes]) -> tuple[World, str, str]:
        """The request's world, what of the path chose it, and the rest of the path. Raises ValueError for a name that is none."""
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1")
        if path.startswith(WORLD):
            name, slash, rest = path[len(WORLD):].partition("/")
            return self.sandbox.worlds.get(name), WORLD + name, slash + rest
        if _NAME_HEADER in sent:
            return self.sandbox.worlds.get(sent[_NAME_HEADER].decode("latin-1")), "", path
        if self._world_per_key:
            return self.sandbox.worlds.get(_world_of(sent)), "", path
        return self.sandbox.worlds.get("default"), "", path

    def _cross_origin(self, scope: Scope) -> Headers:
        """What a browser needs to let a page of an allowed origin read the answer (the Fetch standard, CORS protocol)."""
        asked = {name: value for name, value in scope["headers"] if name in (b"origin", b"access-control-request-method", b"access-control-request-headers")}
        origin = asked.get(b"origin")
        if origin is None or not (origin in self._origins or b"*" in self._origins):
            return [(b"vary", b"origin")]
        allowed = [(b"access-control-allow-origin", origin), (b"vary", b"origin"), (b"access-control-expose-headers", b"*")]
        if b"access-control-request-method" in asked:
            allowed.append((b"access-control-allow-methods", asked[b"access-control-request-method"]))
            allowed.append((b"access-control-allow-headers", asked.get(b"access-control-request-headers", b"*")))
        return allowed


def _held(syncer: Syncer, send: Send) -> Send:
    """A `send` that waits for the disk before it lets a response begin."""

    undone = False

    async def held(message: MutableMapping[str, Any]) -> None:
        nonlocal undone
        starts = message["type"] == "http.response.start"
        undone = undone or (starts and not await syncer.on_disk())
        if not undone:
            await send(message)
        elif starts:
            head = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(_UNDONE))]
            await send({"type": "http.response.start", "status": 503, "headers": head})
            await send({"type": "http.response.body", "body": _UNDONE})

    return held


def _wrong_with(scope: Scope, sent: Mapping[bytes, bytes], body_limit: int) -> Problem | None:
    """What the head alone shows to be too long."""
    length = sent.get(b"content-length")
    if length is not None and length.isdigit() and int(length[:20]) > body_limit:
        return _too_large(body_limit)
    if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > LONGEST_PATH:
        return Problem("path_too_long", f"the path may have up to {LONGEST_PATH} octets, query included")
    if sum(map(len, sent.values())) <= LONGEST_PATH and len(scope["headers"]) < 100:
        return None
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        return Problem("headers_too_large", f"the headers may have up to {LARGEST_HEADERS} octets together")
    for name, value in scope["headers"]:
        if len(value) > LONGEST_PATH:
            where = name.decode("latin-1")[:80]
            return Problem("headers_too_large", f"a header may have up to {LONGEST_PATH} octets", field=where, location="header")
    return None


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when the client went away. Raises Problem `too_large` as soon as that is known."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return part if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Problem:
    return Problem("too_large", f"a body may have up to {limit} octets")


def _world_of(sent: Mapping[bytes, bytes]) -> str:
    """The name of the world of a request's key; without one, the default world's."""
    key = sent.get(b"x-api-key") or sent.get(b"authorization")
    return f"key-{blake2b(key, digest_size=10).hexdigest()}" if key else "default"


async def _live(receive: Receive, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
