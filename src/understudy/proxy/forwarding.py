"""The way to the real API: one request out, its answer's head back, its body as it comes. Requests go to one origin and nowhere else.

1. The one file that meets httpcore: connections are kept, TLS is verified, no proxy of the environment is used, no redirect followed.
2. Headers and octets go as they are given; what becomes of them is decided elsewhere.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

CONNECTIONS = 1000
KEPT = 100
"""Connections at once, and kept open while nothing is asked."""
LASTING = 15.0
"""Seconds an unused connection is kept."""
AGAIN = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"})
"""What may be sent twice (RFC 9110 section 9.2.2)."""


class Unreached(Exception):
    """There is no answer: the status to say so with (RFC 9110 sections 15.6.3 and 15.6.5), and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the real API is. `base` stands before every path that does not begin with it."""

    scheme: str
    host: str
    port: int
    base: str

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin a person named. Raises ValueError."""
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise ValueError(f'--to "{url}": write the address of the real API as http://HOST:PORT or https://HOST, with its base path if it has one')
        return cls(parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/"))

    @property
    def shown(self) -> str:
        """Scheme and authority (RFC 9110 section 4.3.1)."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    def target(self, path: bytes) -> bytes:
        """A path and query as the origin has them."""
        base = self.base.encode()
        return path if not base or path == base or path.startswith((base + b"/", base + b"?")) else base + path


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificates count: those of the system, one's own authority, or any."""

    authority: str | None = None  # a file of PEM certificates
    anything: bool = False

    def context(self) -> ssl.SSLContext:
        """For TLS. Raises OSError or ssl.SSLError for a file that is none."""
        context = ssl.create_default_context(cafile=self.authority)
        if self.anything:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Upstream:
    """The real API."""

    def __init__(self, origin: Origin, trust: Trust = Trust(), timeout: float = 30.0) -> None:
        self.origin = origin
        self._timeout = timeout
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust.context() if origin.scheme == "https" else None, max_connections=CONNECTIONS, max_keepalive_connections=KEPT, keepalive_expiry=LASTING
        )

    async def open(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: AsyncIterable[bytes] | None) -> Coming:
        """Send a request; the answer when its head is here. Raises Unreached."""
        url = httpcore.URL(scheme=self.origin.scheme.encode(), host=self.origin.host.encode(), port=self.origin.port, target=self.origin.target(target))
        times: dict[str, Any] = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        request = httpcore.Request(method, url, headers=headers, content=body, extensions={"timeout": times})
        try:
            return Coming(await self._sent(request, may_repeat=body is None and method in AGAIN), times)
        except httpcore.TimeoutException as fault:
            raise Unreached(504, self._late(fault)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as fault:
            raise Unreached(502, self._why(fault)) from None

    async def _sent(self, request: httpcore.Request, *, may_repeat: bool) -> httpcore.Response:
        try:
            return await self._pool.handle_async_request(request)
        except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
            if not may_repeat:  # a kept connection may have been closed just then
                raise
        return await self._pool.handle_async_request(request)

    def _late(self, fault: Exception) -> str:
        what = "no connection" if isinstance(fault, httpcore.ConnectTimeout | httpcore.PoolTimeout) else "no answer"
        return f"{what} from {self.origin.shown} within {self._timeout:g} s; --timeout waits longer"

    def _why(self, fault: Exception) -> str:
        words = str(fault) or type(fault).__name__
        if "CERTIFICATE_VERIFY_FAILED" in words:
            return f"the certificate of {self.origin.shown} is not trusted ({words.partition('failed: ')[2] or words}); --ca FILE names its authority, --insecure takes any"
        if isinstance(fault, httpcore.ConnectError):
            return f"{self.origin.shown} cannot be reached: {words}"
        return f"{self.origin.shown} closed the connection, or answered what is no HTTP: {words}"

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


class Coming:
    """An answer whose head is here."""

    def __init__(self, response: httpcore.Response, times: dict[str, Any]) -> None:
        self.status: int = response.status
        self.headers: list[tuple[bytes, bytes]] = list(response.headers)
        self._response = response
        self._times = times

    def wait_for_ever(self) -> None:
        """Let its body pause as long as it likes: a stream of events has no end."""
        self._times["read"] = None

    async def parts(self) -> AsyncIterator[bytes]:
        """Its body. Raises Unreached where it breaks off."""
        try:
            async for part in self._response.aiter_stream():
                yield part
        except httpcore.TimeoutException:
            raise Unreached(504, "the answer paused for too long in the middle") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as fault:
            raise Unreached(502, f"the answer broke off: {fault}") from None

    async def close(self) -> None:
        """Let go of it; a connection whose answer was not read to its end is closed."""
        await self._response.aclose()
