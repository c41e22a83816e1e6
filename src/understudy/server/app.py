"""HTTP in and out: the last place that knows ASGI. A request becomes a `Request`, a `Reply` becomes a response.

1. What a request means is decided by the stage; the control plane is a Starlette application of its own.
2. Limits on size and length are kept here, before anything is read into memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import blake2b
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.problems import Problem
from understudy.sandbox import Sandbox
from understudy.server.control import control_plane
from understudy.world.stage import Headers, Reply, Request
from understudy.world.world import World

CONTROL = "/_understudy"
WORLD = "/_world/"
LONGEST_PATH = 8_192
LARGEST_HEADERS = 65_536
LARGEST_BODY = 10_000_000
"""Octets: of path with query, of all headers together, of a body."""

_NAME_HEADER = b"understudy-world"


class App:
    """The ASGI application: a stage's worlds on the document's own paths, the control plane under `/_understudy`."""

    def __init__(self, sandbox: Sandbox, *, world_per_key: bool = False, origins: tuple[str, ...] = (), body_limit: int = LARGEST_BODY) -> None:
        self.sandbox = sandbox
        self._control: ASGIApp = control_plane(sandbox)
        self._world_per_key = world_per_key
        self._origins = frozenset(origin.encode() for origin in origins)
        self._limit = body_limit
        self._receiving: set[tuple[str, bytes]] = set()
        rule = sandbox.script.behaviour.idempotency
        self._key_header = rule.header.encode() if rule else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's request, or the server's life cycle messages."""
        if scope["type"] == "http":
            if scope["path"].startswith(CONTROL):
                await self._control(scope, receive, send)
            else:
                await self._play(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)

    async def _play(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent: dict[bytes, bytes] = dict(scope["headers"])
        try:
            world, prefix, path = self._choose(scope, sent)
        except ValueError as fault:
            problem = Problem("invalid_field", str(fault), field="Understudy-World", location="header")
            await self._refuse(scope, send, self.sandbox.worlds.prepared.fork("nameless"), problem)
            return
        key = self._reserve(world, sent) if self._key_header in sent else None
        try:
            _check_lengths(scope, sent)
            body = await _read(receive, sent.get(b"content-length"), self._limit)
        except Problem as problem:
            await self._refuse(scope, send, world, problem)
            return
        finally:
            if key is not None:
                self._receiving.discard(key)
        if body is not None:  # else the client went away
            concurrent = key is None and self._key_header in sent
            origin = f"{scope['scheme']}://{sent[b'host'].decode('latin-1')}" if b"host" in sent else "http://localhost"
            request = Request(scope["method"], path, scope["query_string"], scope["headers"], body, sent, origin, prefix, concurrent)
            await self._send(scope, send, self.sandbox.stage.answer(world, request))

    async def _refuse(self, scope: Scope, send: Send, world: World, problem: Problem) -> None:
        """Answer a request that was not read whole; what is left of it must not be taken for the next one."""
        request = Request(scope["method"], scope["path"][:LONGEST_PATH], b"", [], b"", {})
        reply = self.sandbox.stage.answer(world, request, problem)
        await self._send(scope, send, Reply(reply.status, [*reply.headers, (b"connection", b"close")], reply.body))

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

    def _reserve(self, world: World, sent: Mapping[bytes, bytes]) -> tuple[str, bytes] | None:
        """Hold the request's idempotency key while it is received; None where another request holds it."""
        key = (world.name, sent[self._key_header])
        if key in self._receiving:
            return None
        self._receiving.add(key)
        return key

    async def _send(self, scope: Scope, send: Send, reply: Reply) -> None:
        headers = reply.headers + self._cross_origin(scope) if self._origins else reply.headers
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

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


def _check_lengths(scope: Scope, sent: Mapping[bytes, bytes]) -> None:
    if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > LONGEST_PATH:
        raise Problem("path_too_long", f"the path may have up to {LONGEST_PATH} octets, query included")
    if sum(map(len, sent.values())) <= LONGEST_PATH and len(scope["headers"]) < 100:
        return
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        raise Problem("headers_too_large", f"the headers may have up to {LARGEST_HEADERS} octets together")
    for name, value in scope["headers"]:
        if len(value) > LONGEST_PATH:
            raise Problem("headers_too_large", f"a header may have up to {LONGEST_PATH} octets", field=name.decode("latin-1")[:80], location="header")


async def _read(receive: Receive, length: bytes | None, limit: int) -> bytes | None:
    """The whole body; None when the client went away. Raises Problem `too_large` as soon as that is known."""
    if length is not None and length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
    return b"".join(parts)


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
