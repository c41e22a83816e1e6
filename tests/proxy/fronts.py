"""A proxy on a free port of this machine, in a thread of its own, and what stands behind it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import uvicorn

from understudy.check.opening import read_api
from understudy.proxy.app import Proxy, Settings
from understudy.proxy.forwarding import Origin, Trust, Upstream
from understudy.proxy.keeping import Record
from understudy.proxy.watching import Watcher
from understudy.server.fronting import _ending

PETSTORE = str(Path(__file__).resolve().parents[2] / "openapi" / "petstore.yaml")


@dataclass
class Front:
    """The proxy, and how to ask it."""

    port: int
    proxy: Proxy

    def __call__(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None, chunked: bool = False) -> tuple[HTTPResponse, bytes]:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, headers or {}, encode_chunked=chunked)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@contextmanager
def fronting(to: str, spec: str = PETSTORE, record: Path | None = None, timeout: float = 10.0, trust: Trust | None = None, **settings: Any) -> Iterator[Front]:
    """A proxy to an address. Connections wait in the socket until it is up: there is nothing to sleep for."""
    origin = Origin.of(to)
    kept = Record(record) if record is not None else None
    watcher = Watcher(read_api(spec), origin.shown)
    proxy = Proxy(Upstream(origin, trust or Trust(), timeout), watcher, Settings(**settings), kept)
    with listening(proxy, proxy.upstream.close) as port:
        yield Front(port, proxy)
    if kept is not None:
        kept.close()


@contextmanager
def listening(app: Any, ended: Any) -> Iterator[int]:
    """The port an application listens on; `ended` is awaited in its event loop at the end."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    server = uvicorn.Server(uvicorn.Config(_ending(app, ended), http="httptools", ws="none", log_level="critical", lifespan="on", server_header=False, date_header=False, timeout_graceful_shutdown=10))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def scripted(*answers: bytes, hold: threading.Event | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request whole, says the next of these octets and closes: its address, and what it was sent.

    With `hold` it says nothing more, and closes nothing, until that is set.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(10)
    heard: list[bytes] = []

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                heard.append(_request(connection))
                connection.sendall(answer)
                if hold is not None:
                    hold.wait(30)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    finally:
        if hold is not None:
            hold.set()
        thread.join(30)
        listener.close()


def _request(connection: socket.socket) -> bytes:
    """A request to the end of its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while (lengths and len(body) < lengths[0]) or (b"chunked" in head.lower() and not body.endswith(b"0\r\n\r\n")):
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body
