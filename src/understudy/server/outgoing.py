"""One outgoing request of a person's tool: `listen --forward`, `replay --to`, `replay --probe`.

1. It goes where `destinations` allows and nowhere else: each resolved address is asked for, redirects are not followed, no proxy
   is taken from the environment.
2. It ends: the whole of it takes a limited time, and no more of the answer is read than is of use.
3. Whatever happens is an answer, or an error in one sentence; nothing is raised.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import httptools

from understudy.problems import Problem
from understudy.webhooks.destinations import allowed, reachable

HEAD_CAP = 65_536


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to send, and how long and how much to wait for."""

    method: str
    url: str
    headers: Iterable[tuple[str, str]] = ()
    body: bytes = b""
    hosts: Collection[str] = ()  # what may be called beside this machine
    seconds: float = 10.0  # for all of it
    cap: int = 65_536  # octets of the answer's body that are of use; the rest is not read


@dataclass(slots=True)
class Response:
    """The answer; `error` instead of a status where there was none."""

    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    cut: bool = False  # there was more
    error: str | None = None
    duration_ms: int = 0


async def send(outgoing: Outgoing) -> Response:
    """Send one request and read its answer."""
    began = time.perf_counter()
    problem = allowed(outgoing.url, outgoing.hosts)
    response = Response(error=problem.message) if problem else await _in_time(outgoing)
    response.duration_ms = round((time.perf_counter() - began) * 1000)
    return response


async def _in_time(outgoing: Outgoing) -> Response:
    """Errors in words; the time limit covers resolving, connecting, sending and the last octet."""
    try:
        async with asyncio.timeout(outgoing.seconds):
            return await _exchange(outgoing, urlsplit(outgoing.url))
    except TimeoutError:
        return Response(error=f"no whole answer within {outgoing.seconds:g} s")
    except Problem as problem:
        return Response(error=problem.message)
    except ssl.SSLCertVerificationError as fault:
        return Response(error=f"its certificate is not good: {fault.verify_message}")
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as fault:
        return Response(error=f"what it answered is not HTTP/1.1: {fault}")
    except (OSError, EOFError) as fault:
        return Response(error=_in_words(fault))


def _in_words(fault: Exception) -> str:
    if isinstance(fault, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(fault, ConnectionResetError | BrokenPipeError | EOFError):
        return "it broke the connection before it had answered"
    if isinstance(fault, socket.gaierror):
        return "its name cannot be resolved"
    return str(getattr(fault, "strerror", None) or fault or type(fault).__name__)


async def _exchange(outgoing: Outgoing, parts: SplitResult) -> Response:
    reader, writer = await _connect(parts, outgoing.hosts)
    try:
        writer.write(_request(outgoing, parts))
        return await _read(reader, 0 if outgoing.method == "HEAD" else outgoing.cap)
    finally:
        writer.transport.abort()  # nothing more is wanted, nor waited for


async def _connect(parts: SplitResult, hosts: Collection[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address of the host that may be reached and answers. Raises Problem, OSError."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    fault: Exception = OSError("it has no address")
    for address in (str(one[4][0]) for one in found):
        problem = reachable(host, address, hosts)
        if problem is not None:
            fault = problem
            continue
        try:
            return await asyncio.open_connection(address, port, ssl=secure, server_hostname=host if secure else None, limit=HEAD_CAP)
        except OSError as refused:
            fault = refused
    raise fault


def _request(outgoing: Outgoing, parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = [(name, value) for name, value in outgoing.headers if name.lower() not in ("host", "connection", "content-length")]
    length = [("Content-Length", str(len(outgoing.body)))] if outgoing.body or outgoing.method not in ("GET", "HEAD") else []
    lines = [f"{outgoing.method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in [*given, *length, ("Connection", "close")]]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + outgoing.body


@dataclass(slots=True)
class _Reading:
    """What the parser tells (its own names); an interim answer (RFC 9110 section 15.2) is forgotten when the next begins."""

    response: Response = field(default_factory=Response)
    parser: httptools.HttpResponseParser | None = None
    body: bytearray = field(default_factory=bytearray)
    head: bool = False
    done: bool = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.response.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        assert self.parser is not None
        self.response.status = self.parser.get_status_code()
        self.head = True

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        if self.response.status is not None and self.response.status < 200:
            self.response, self.head = Response(), False
        else:
            self.done = True


async def _read(reader: asyncio.StreamReader, cap: int) -> Response:
    """The answer up to its end or the cap. Raises HttpParserError, EOFError, OSError."""
    told = _Reading()
    told.parser = httptools.HttpResponseParser(told)
    read = 0
    while not told.done:
        data = await reader.read(HEAD_CAP)
        if not data:
            _check_end(told)
            break
        read += len(data)
        try:
            told.parser.feed_data(data)
        except httptools.HttpParserError:
            if not told.done:  # what comes after a whole answer is of no interest
                raise
        if not told.head and read > HEAD_CAP:
            raise OSError("its headers have no end")
        if told.head and (len(told.body) > cap or not cap):
            break
    told.response.body, told.response.cut = bytes(told.body[:cap]), len(told.body) > cap
    told.parser = None
    return told.response


def _check_end(told: _Reading) -> None:
    """An answer without a length lasts until the connection ends (RFC 9112 section 6.3); any other was broken off."""
    names = {name.lower() for name, _ in told.response.headers}
    if not told.head or names & {"content-length", "transfer-encoding"}:
        raise EOFError
