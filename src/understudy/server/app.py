"""HTTP in and out: the last place that knows ASGI. A request becomes a `Request`, a `Reply` becomes a response.

1. What a request means is decided by the stage; the control plane is a Starlette application of its own.
2. Limits on size and length are kept here, before anything is read into memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
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
        self._key_header = rule.header.encode() if rule else None

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
        try:
            world, prefix, path = self._choose(scope)
        except ValueError as fault:
            problem = Problem("invalid_field", str(fault), field="Understudy-World", location="header")
            await self._refuse(scope, send, self.sandbox.worlds.prepared.fork("nameless"), problem)
            return
        headers: Headers = scope["headers"]
        concurrent, key = self._reserve(world, headers)
        try:
            _check_lengths(scope)
            body = await _read(receive, headers, self._limit)
        except Problem as problem:
            await self._refuse(scope, send, world, problem)
            return
        finally:
            if key is not None and not concurrent:
                self._receiving.discard(key)
        if body is not None:  # else the client went away
            request = Request(scope["method"], path, scope["query_string"], headers, body, _origin(scope), prefix, concurrent)
            await self._send(scope, send, self.sandbox.stage.answer(world, request))

    async def _refuse(self, scope: Scope, send: Send, world: World, problem: Problem) -> None:
        """Answer a request that was not read whole; what is left of it must not be taken for the next one."""
        request = Request(scope["method"], scope["path"][:LONGEST_PATH], b"", [], b"")
        reply = self.sandbox.stage.answer(world, request, problem)
        await self._send(scope, send, Reply(reply.status, [*reply.headers, (b"connection", b"close")], reply.body))

    def _choose(self, scope: Scope) -> tuple[World, str, str]:
        """The request's world, what of the path chose it, and the rest of the path. Raises ValueError for a name that is none."""
        path = scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or scope["path"]
        if path.startswith(WORLD):
            name, slash, rest = path[len(WORLD):].partition("/")
            return self.sandbox.worlds.get(name), WORLD + name, slash + rest
        return self.sandbox.worlds.get(self._named(scope["headers"])), "", path

    def _named(self, headers: Headers) -> str:
        key = None
        for name, value in headers:
            if name == _NAME_HEADER:
                return value.decode("latin-1")
            if name in (b"x-api-key", b"authorization"):
                key = value
        if self._world_per_key and key:
            return _world_of(key)
        return "default"

    def _reserve(self, world: World, headers: Headers) -> tuple[bool, tuple[str, bytes] | None]:
        """Whether a request with the same idempotency key is being received, and the key to free afterwards."""
        if self._key_header is None:
            return False, None
        for name, value in headers:
            if name == self._key_header:
                key = (world.name, value)
                if key in self._receiving:
                    return True, key
                self._receiving.add(key)
                return False, key
        return False, None

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


def _check_lengths(scope: Scope) -> None:
    if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > LONGEST_PATH:
        raise Problem("path_too_long", f"the path may have up to {LONGEST_PATH} octets, query included")
    if len(scope["headers"]) > 20 and sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        raise Problem("headers_too_large", f"the headers may have up to {LARGEST_HEADERS} octets together")
    for name, value in scope["headers"]:
        if len(value) > LONGEST_PATH:
            raise Problem("headers_too_large", f"a header may have up to {LONGEST_PATH} octets", field=name.decode("latin-1")[:80], location="header")


async def _read(receive: Receive, headers: Headers, limit: int) -> bytes | None:
    """The whole body; None when the client went away. Raises Problem `too_large` as soon as that is known."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
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


def _origin(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            return f"{scope['scheme']}://{value.decode('latin-1')}"
    host, port = scope.get("server") or ("localhost", None)
    return f"{scope['scheme']}://{host}:{port}" if port else f"{scope['scheme']}://{host}"


def _world_of(key: bytes) -> str:
    return "key-" + blake2b(key, digest_size=10).hexdigest()


async def _live(receive: Receive, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
