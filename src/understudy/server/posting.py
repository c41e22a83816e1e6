"""One outgoing request at a time over kept connections: POST it, and say within the time given what came of it.

1. It goes where `destinations` lets it and to the very address that was looked at; no redirect is followed, no proxy of
   the environment used, TLS is verified.
2. Whatever a receiver does becomes an `Answer`: nothing of it is raised, read without limit, or waited for without end.
3. What is sent, and why, is not known here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import httptools

from understudy.webhooks.destinations import allowed, reachable
from understudy.webhooks.retrying import Answer

MOST_HEAD = 65_536
MOST_BODY = 65_536
"""Octets of an answer that are read: of its head, of its body. What comes after is not waited for."""
KEPT = 2048
"""Octets of an answer's body that are remembered, unless a poster is told otherwise."""
IDLE = 32
"""Connections kept open for each receiver."""
LONGEST_REST = 10**8
"""Seconds a receiver can ask for at most."""
LASTING = 30.0
"""Seconds an unused connection is kept."""

Headers = Sequence[tuple[str, str]]


class Place(NamedTuple):
    """Where a URL's requests go."""

    tls: bool
    host: str
    port: int
    shown: bytes  # as the Host header has it (RFC 9112 section 3.2)
    target: bytes


class Handle(Protocol):
    """What can be called off."""

    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Handle]
"""Call something in so many seconds."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host."""


@lru_cache(maxsize=4096)
def place_of(url: str) -> Place:
    """The place of a URL that `allowed` found nothing wrong with."""
    parts = urlsplit(url)
    tls, host = parts.scheme == "https", (parts.hostname or "").rstrip(".")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    own = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if tls else 80)
    shown = own if parts.port in (None, 443 if tls else 80) else f"{own}:{port}"
    return Place(tls, host, port, shown.encode(), target.encode())


async def resolved(host: str, port: int) -> list[str]:
    """The addresses the system knows for a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Poster:
    """Sends to hosts that are allowed; `later` and `resolve` are the event loop's and the system's unless given."""

    def __init__(self, hosts: Collection[str] = (), *, timeout: float = 10.0, later: Later | None = None, resolve: Resolve = resolved,
                 trust: ssl.SSLContext | None = None, kept: int = KEPT) -> None:
        self.hosts = tuple(hosts)
        self.kept = kept
        self.timeout = timeout
        self._later = later
        self._resolve = resolve
        self._trust = trust
        self._idle: dict[tuple[bool, str, int], list[Connection]] = {}
        self._allowed: Callable[[str], Any] = lru_cache(maxsize=4096)(lambda url: allowed(url, self.hosts))

    async def post(self, url: str, headers: Headers, body: bytes, method: str = "POST") -> Answer:
        """Send one request; what came of it."""
        refusal = self._allowed(url)
        if refusal is not None:
            return Answer(None, f"not sent: {refusal.message}")
        loop = asyncio.get_running_loop()
        began = loop.time()
        exchange = Exchange(loop.create_future(), method)
        handle = (self._later or loop.call_later)(self.timeout, exchange.expire)
        try:
            answer = await self._exchange(place_of(url), headers, body, exchange)
        finally:
            handle.cancel()
            if not exchange.future.done() and exchange.connection is not None:
                exchange.connection.close()  # given up by who asked
        return answer._replace(milliseconds=int((loop.time() - began) * 1000))

    async def _exchange(self, place: Place, headers: Headers, body: bytes, exchange: Exchange) -> Answer:
        request = request_of(place, headers, body, exchange.method)
        key = (place.tls, place.host, place.port)
        connection = self._kept(key)
        if connection is not None:
            connection.begin(exchange, request)
            answer = await exchange.future
            if answer is not STALE:
                return answer
            exchange.again()  # it was closed while it was kept: that says nothing of the receiver (RFC 9112 section 9.3.1)
        opening = asyncio.ensure_future(self._connect(place, exchange))
        exchange.opening = opening
        try:
            connection = await opening
        except asyncio.CancelledError:
            if exchange.future.done():
                return exchange.future.result()
            raise
        except OSError as fault:
            return Answer(None, _said(fault))
        connection.begin(exchange, request)
        return await exchange.future

    # --- connections ---------------------------------------------------------------------------------------------

    def _kept(self, key: tuple[bool, str, int]) -> Connection | None:
        """An idle connection that is still open, the one used last: others may be given up in time."""
        idle = self._idle.get(key, [])
        while idle:
            connection = idle.pop()
            if connection.take():
                return connection
        return None

    async def _connect(self, place: Place, exchange: Exchange) -> Connection:
        """A new connection to the first address that takes one. Raises OSError."""
        loop = asyncio.get_running_loop()
        addresses = await self._addresses(place)
        fault: OSError = OSError("no address is known for it")
        for address in addresses:
            wrong = reachable(place.host, address, self.hosts)
            if wrong is not None:
                raise Refused(f"not sent: {wrong.message}")
            try:
                context = self._context() if place.tls else None
                _, connection = await loop.create_connection(lambda: Connection(self, (place.tls, place.host, place.port)), address, place.port,
                                                             ssl=context, server_hostname=place.host if place.tls else None)
                return connection
            except OSError as failed:
                fault = failed
        raise fault

    async def _addresses(self, place: Place) -> list[str]:
        if ":" in place.host or place.host.replace(".", "").isdigit():
            return [place.host]
        try:
            return await self._resolve(place.host, place.port)
        except OSError as fault:
            raise Refused(f"{place.host} is not known: {fault.strerror or fault}") from None

    def _context(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return self._trust

    def keep(self, connection: Connection) -> None:
        """Keep a connection for later requests."""
        idle = self._idle.setdefault(connection.key, [])
        if len(idle) >= IDLE:
            connection.close()
            return
        idle.append(connection)
        connection.rest(LASTING)

    def forget(self, connection: Connection) -> None:
        """A kept connection is gone."""
        idle = self._idle.get(connection.key, [])
        if connection in idle:
            idle.remove(connection)

    def close(self) -> None:
        """Close what is kept."""
        for idle in self._idle.values():
            for connection in list(idle):
                connection.close()
        self._idle.clear()


class Refused(OSError):
    """A connection that is not to be made: why."""


STALE = Answer(None, "stale")
"""Stands for a kept connection that was closed before anything was answered."""


class Exchange:
    """One request under way: what of its answer is here."""

    __slots__ = ("body", "connection", "error", "future", "headers", "method", "opening", "size")

    def __init__(self, future: asyncio.Future[Answer], method: str) -> None:
        self.future = future
        self.method = method
        self.headers: dict[bytes, bytes] = {}
        self.body: list[bytes] = []
        self.size = 0
        self.error: str | None = None
        self.connection: Connection | None = None
        self.opening: asyncio.Future[Any] | None = None

    def again(self) -> None:
        """Begin anew."""
        self.future = self.future.get_loop().create_future()
        self.connection = None

    def expire(self) -> None:
        """The time is over."""
        connection = self.connection
        begun = connection is not None and connection.status
        self.finish(Answer(None, "timeout: it began to answer, and did not come to the end" if begun else "timeout: no answer"))
        if connection is not None:
            connection.close()
        elif self.opening is not None:
            self.opening.cancel()

    def finish(self, answer: Answer) -> None:
        """Say what came of it, unless that was said."""
        if not self.future.done():
            self.future.set_result(answer)


class Connection(asyncio.Protocol):
    """One connection to a receiver: a request, its answer, the next request."""

    def __init__(self, poster: Poster, key: tuple[bool, str, int]) -> None:
        self.key = key
        self.status = 0
        self._poster = poster
        self._transport: Any = None
        self._exchange: Exchange | None = None
        self._parser: Any = None
        self._read = 0
        self._used = False
        self._resting: Handle | None = None
        self._lasts = False

    def connection_made(self, transport: Any) -> None:
        """It stands."""
        self._transport = transport

    def begin(self, exchange: Exchange, request: bytes) -> None:
        """Send a request."""
        self._exchange, exchange.connection = exchange, self
        self.status, self._read, self._lasts = 0, 0, False
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)

    def take(self) -> bool:
        """Use a kept connection again; whether it is still open."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        return not self._transport.is_closing()

    def rest(self, seconds: float) -> None:
        """Be closed unless used within so many seconds."""
        self._resting = asyncio.get_running_loop().call_later(seconds, self.close)

    def close(self) -> None:
        """End it at once."""
        self._transport.abort()

    # --- what comes ----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Octets of an answer; of one that nobody asked for, the end."""
        if self._exchange is None:
            self.close()
            return
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._finish(Answer(self.status, "it wants to speak another protocol"))
        except httptools.HttpParserError as fault:
            self._finish(Answer(self.status or None, f"not HTTP: {_cause(fault)}"))
        if self._exchange is not None and self.status == 0 and self._read > MOST_HEAD:
            self._finish(Answer(None, f"the head of its answer is longer than {MOST_HEAD} octets"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the answer; of many of one name the last."""
        if self._exchange is not None:
            self._exchange.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The status is known; an interim one is passed over (RFC 9110 section 15.2)."""
        status = self._parser.get_status_code()
        if status >= 200 or status == 101:
            self.status = status
        if self.status and self._exchange is not None and self._exchange.method == "HEAD":
            self._finish(self._answer())

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        exchange = self._exchange
        if exchange is None:
            return
        kept = self._poster.kept
        if exchange.size < kept:
            exchange.body.append(data[: kept - exchange.size])
        exchange.size += len(data)
        if exchange.size > max(kept, MOST_BODY):
            self._finish(self._answer())

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self.status and self._exchange is not None:
            self._lasts = bool(self._parser.should_keep_alive())
            self._finish(self._answer())

    def connection_lost(self, exc: Exception | None) -> None:
        """The receiver closed or reset it."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.finish(self._ended(exchange, exc))
        self._poster.forget(self)

    def eof_received(self) -> bool:
        """An answer without a length ends here (RFC 9112 section 6.3)."""
        exchange = self._exchange
        if exchange is not None and self.status and not {b"content-length", b"transfer-encoding"} & exchange.headers.keys():
            self._finish(self._answer())
        return False

    def _ended(self, exchange: Exchange, fault: Exception | None) -> Answer:
        if self._used and not self._read:
            return STALE
        said = _said(fault) if isinstance(fault, OSError) else "the connection was closed"
        return Answer(self.status or None, f"{said} {'in the midst of the answer' if self._read else 'without an answer'}")

    def _answer(self) -> Answer:
        assert self._exchange is not None
        text = b"".join(self._exchange.body).decode("utf-8", "replace")
        headers = self._exchange.headers
        return Answer(self.status, None, 0, text, retry_after(headers), headers.get(b"content-type", b"").decode("latin-1"))

    def _finish(self, answer: Answer) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.finish(answer)
        if self._lasts:
            self._used = True
            self._poster.keep(self)
        else:
            self.close()


def request_of(place: Place, headers: Headers, body: bytes, method: str) -> bytes:
    """A request's octets. What would end a header early is left out of it."""
    lines = "".join([f"{name}: {value}\r\n" if value.isprintable() else f"{name}: {value.translate(_ENDING)}\r\n" for name, value in headers])
    head = b"%s %s HTTP/1.1\r\nhost: %s\r\ncontent-length: %d\r\n" % (method.encode(), place.target, place.shown, len(body))
    return b"".join((head, lines.encode("latin-1", "replace"), b"\r\n", body))


_ENDING = {0: None, 10: None, 13: None}


def retry_after(headers: Mapping[bytes, bytes]) -> timedelta | None:
    """How long a receiver asks to be left alone: seconds, or a date by its own clock (RFC 9110 section 10.2.3)."""
    text = headers.get(b"retry-after", b"").decode("latin-1").strip()
    if not text:
        return None
    if text.isdigit():
        return timedelta(seconds=min(int(text[:12]), LONGEST_REST))
    own = _date(headers.get(b"date", b"").decode("latin-1")) or datetime.now(UTC)
    until = _date(text)
    return None if until is None else min(max(until - own, timedelta()), timedelta(seconds=LONGEST_REST))


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _said(fault: OSError) -> str:
    if isinstance(fault, Refused):
        return str(fault)
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {fault.verify_message}"
    if isinstance(fault, ssl.SSLError):
        return f"TLS failed: {fault.reason or fault}"
    if isinstance(fault, ConnectionResetError):
        return "the connection was reset"
    if isinstance(fault, ConnectionRefusedError):
        return "nothing listens there"
    return fault.strerror or str(fault) or type(fault).__name__


def _cause(fault: Exception) -> str:
    return str(fault) or type(fault).__name__
