"""The proxy as an ASGI application: a request goes on to the real API, its answer comes back as it is, with what is wrong with it in a header.

1. Small JSON answers are judged before they leave, since headers come first; all others stream, and are judged when they are through.
2. Whatever the real API or the client does, the proxy answers or closes the connection: nothing is raised.
3. No WebSockets, no CONNECT; nothing is fetched but what was asked for.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from understudy.proxy import hops
from understudy.proxy.exchanges import Exchange, Pairs, decoded, media_of
from understudy.proxy.forwarding import Coming, Unreached, Upstream
from understudy.proxy.har import entry
from understudy.proxy.keeping import Record
from understudy.proxy.watching import Violation, Watcher, header
from understudy.server.fronting import Receive, Scope, Send

KEPT = 10_000_000
"""Octets of a body that are kept for judging and recording; longer ones pass, unjudged."""
SMALL = 1_000_000
"""Octets up to which a JSON answer is held back until it is judged."""

Told = Callable[[Exchange, list[Violation]], None]


@dataclass
class Settings:
    """How a proxy behaves. `headers`: judge before the answer leaves, and say in a header what is wrong."""

    via: bytes = b"understudy"
    headers: bool = True
    forwarded: bool = False  # send X-Forwarded-For, -Host and -Proto
    kept: int = KEPT
    small: int = SMALL


@dataclass
class Proxy:
    """In front of one API. `record` keeps what goes by, `told` is called for each exchange."""

    upstream: Upstream
    watcher: Watcher
    settings: Settings = field(default_factory=Settings)
    record: Record | None = None
    told: Told | None = None
    _events: int = 0
    _count: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            return
        passage = Passage(self, scope, receive, send)
        refused = passage.refused()
        if refused is not None:
            await passage.say(*refused)
            return
        await passage.go()

    def event(self) -> int:
        """The next place in the order of what happens."""
        self._events += 1
        return self._events

    def number(self) -> int:
        """The number of the next exchange."""
        self._count += 1
        return self._count

    def judge(self, one: Exchange) -> list[Violation]:
        """What is wrong with an exchange. A fault of the judge's own is no reason to keep an answer back: it is told in the report."""
        try:
            return self.watcher.judge(one)
        except Exception as fault:
            self.watcher.memory.under_way.pop(one.number, None)
            self.watcher.skips(f"not judged: {type(fault).__name__} at {one.method} {one.path}")
            return []

    def confirm(self) -> None:
        """Judge what an answer did not have to wait for."""
        try:
            found = self.watcher.confirm()
        except Exception as fault:
            self.watcher.skips(f"not judged: {type(fault).__name__}")
            return
        for one, violations in found:
            if self.told is not None:
                self.told(one, violations)

    def close(self, one: Exchange, violations: list[Violation]) -> None:
        """An exchange is through."""
        if self.record is not None and one.status:
            try:
                self.record.add(entry(self.watcher.redactor.exchange(one), self.upstream.origin.shown))
            except OSError as fault:
                self.watcher.skips(f"not recorded: {fault.strerror}")
        if self.told is not None:
            self.told(one, violations)


class Passage:
    """One request on its way through."""

    def __init__(self, proxy: Proxy, scope: Scope, receive: Receive, send: Send) -> None:
        self.proxy, self.scope = proxy, scope
        self._receive, self._send = receive, send
        self.headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        self.target = raw + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        self.began, self._clock = time.time(), time.perf_counter()
        self._asked = _Kept(proxy.settings.kept)
        self._answer = _Kept(proxy.settings.kept)
        self._gone = False
        self._violations: list[Violation] = []

    def refused(self) -> tuple[int, str] | None:
        """What is not passed on, and why."""
        if any(name == b"upgrade" for name, _ in self.headers) and b"upgrade" in hops.named(self.headers):
            return 501, "this proxy passes requests and answers on, no upgraded connections such as WebSockets"
        if self.scope["method"] == "CONNECT":
            return 501, "this proxy stands in front of one API and opens no tunnels"
        if hops.is_loop(self.headers, self.proxy.settings.via):
            return 508, f"this request has been here before: --to {self.proxy.upstream.origin.shown} leads back to this proxy"
        return None

    async def go(self) -> None:
        """To the real API and back."""
        proxy = self.proxy
        self._number, self._started = proxy.number(), proxy.event()
        proxy.watcher.begins(self._number, self.scope["method"], self._path())
        body = self._body() if hops.has_body(self.headers) else None
        sent = hops.outgoing(self.headers, proxy.upstream.origin.authority.encode(), proxy.settings.via, forwarded=self._forwarded())
        try:
            coming = await proxy.upstream.open(self.scope["method"].encode(), self.target, sent, body)
        except Unreached as fault:
            self._conclude(None, fault.why)
            if not self._gone:
                await self.say(fault.status, fault.why)
            return
        except _Left:
            self._lose()
            return
        try:
            await self._back(coming)
        finally:
            await coming.close()
            proxy.confirm()

    def _path(self) -> str:
        return self.target.partition(b"?")[0].decode("latin-1")

    def _forwarded(self) -> list[tuple[bytes, bytes]]:
        if not self.proxy.settings.forwarded:
            return []
        client = (self.scope.get("client") or ("unknown",))[0]
        host = next((value for name, value in self.headers if name == b"host"), b"")
        return [(b"x-forwarded-for", str(client).encode()), (b"x-forwarded-host", host), (b"x-forwarded-proto", self.scope["scheme"].encode())]

    async def _body(self) -> AsyncIterator[bytes]:
        """The request's body as it comes. Raises _Left."""
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                self._gone = True
                raise _Left
            part = message.get("body", b"")
            if part:
                self._asked.add(part)
                yield part
            if not message.get("more_body"):
                return

    # --- the way back --------------------------------------------------------------------------------------------------

    async def _back(self, coming: Coming) -> None:
        pairs = _pairs(coming.headers)
        media = media_of(pairs)
        if media == "text/event-stream":
            coming.wait_for_ever()
        parts = coming.parts()
        try:
            held = await self._held(coming, parts, media)
            if held is not None:
                self._violations = self._conclude(coming, None)
            await self._begin(coming)
            if held is None:
                await self._stream(coming, parts)
                self._conclude(coming, None)
            else:
                await self._send({"type": "http.response.body", "body": held})
        except Unreached as fault:
            self._conclude(coming, fault.why)
            if not self._begun:
                await self.say(fault.status, fault.why)  # else: left unfinished, the connection is closed, and the client sees it
        except _Left:
            self._lose()

    _begun = False

    async def _held(self, coming: Coming, parts: AsyncIterator[bytes], media: str) -> bytes | None:
        """The whole body of an answer that is judged before it leaves; None for one that is not. What was read of it is in `_first`."""
        self._first = b""
        if self._has_no_body(coming):
            return b""
        if not self.proxy.settings.headers or "json" not in media or _length(coming) > self.proxy.settings.small:
            return None
        async for part in parts:
            self._answer.add(part)
            self._first += part
            if len(self._first) > self.proxy.settings.small:
                return None
        return self._first

    def _has_no_body(self, coming: Coming) -> bool:
        return self.scope["method"] == "HEAD" or coming.status in (204, 304) or _length(coming) == 0

    async def _begin(self, coming: Coming) -> None:
        headers = [*hops.incoming(coming.headers), (hops.ANSWERED, b"upstream")]
        if self._violations:
            headers.append((hops.VIOLATIONS, header(self._violations)))
        self._begun = True
        await self._send({"type": "http.response.start", "status": coming.status, "headers": headers})

    async def _stream(self, coming: Coming, parts: AsyncIterator[bytes]) -> None:
        """The body as it comes; where it may have no end, the client's going away ends it. Raises Unreached, _Left."""
        if self._first:
            await self._send({"type": "http.response.body", "body": self._first, "more_body": True})
        leaving = asyncio.ensure_future(self._left())
        try:
            while (part := await _next(parts, leaving)) is not None:
                self._answer.add(part)
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
        finally:
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving
        await self._send({"type": "http.response.body", "body": b""})

    async def _left(self) -> None:
        """Wait until the client goes away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _conclude(self, coming: Coming | None, fault: str | None) -> list[Violation]:
        """The exchange is known as far as it will be: judge it, keep it."""
        pairs = _pairs(coming.headers) if coming is not None else ()
        coding = next((value for name, value in pairs if name == "content-encoding"), "")
        whole = self._answer.whole if fault is None else None
        answer = decoded(whole, coding, self.proxy.settings.kept) if coding and whole else whole
        one = self._exchange(coming.status if coming is not None and fault is None else 0, pairs, answer, fault)
        violations = self.proxy.judge(one)
        self.proxy.close(one, violations)
        return violations

    def _lose(self) -> None:
        """The client went away: what became of its request is not known."""
        one = self._exchange(0, (), None, "the client went away")
        self.proxy.watcher.loses(one)
        self.proxy.close(one, [])

    def _exchange(self, status: int, pairs: Pairs, answer: bytes | None, fault: str | None) -> Exchange:
        return Exchange(
            self._number, self.scope["method"], self.target.decode("latin-1"), _pairs(self.headers), self._asked.whole, status, pairs, answer,
            self.began, time.perf_counter() - self._clock, self._started, self.proxy.event(), fault,
        )  # fmt: skip

    async def say(self, status: int, why: str) -> None:
        """An answer of the proxy's own (RFC 9457)."""
        titles = {501: "Not Implemented", 502: "Bad Gateway", 504: "Gateway Timeout", 508: "Loop Detected"}
        where = f"{self.proxy.upstream.origin.shown}{self.proxy.upstream.origin.target(self.target).decode('latin-1')}".partition("?")[0]
        body = json.dumps({"type": "about:blank", "title": titles[status], "status": status, "detail": why, "upstream": where}).encode()
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body)), (hops.ANSWERED, b"proxy")]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body})


class _Left(Exception):
    """The client went away."""


class _Kept:
    """A body as it goes by, up to a limit."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        """Some more of it."""
        self._size += len(part)
        if self._size <= self._most:
            self._parts.append(part)
        else:
            self._parts.clear()

    @property
    def whole(self) -> bytes | None:
        """All of it; None where it was too long."""
        return b"".join(self._parts) if self._size <= self._most else None


async def _next(parts: AsyncIterator[bytes], leaving: asyncio.Future[None]) -> bytes | None:
    """The next part, None at the end. Raises _Left when the client goes first."""
    coming: asyncio.Future[Any] = asyncio.ensure_future(_one(parts))
    await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if coming.done():
        part: bytes | None = coming.result()
        return part
    coming.cancel()
    with suppress(asyncio.CancelledError, Unreached):
        await coming
    raise _Left


async def _one(parts: AsyncIterator[bytes]) -> bytes | None:
    return await anext(parts, None)


def _pairs(headers: list[tuple[bytes, bytes]]) -> Pairs:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)


def _length(coming: Coming) -> int:
    """How long the head says the body is; -1 where it does not."""
    said = next((value for name, value in coming.headers if name.lower() == b"content-length"), b"")
    return int(said) if said.isdigit() else -1
