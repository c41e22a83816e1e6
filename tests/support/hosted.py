"""A web server of a few pages on the loopback interface, for documents that are fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Page = tuple[int, Mapping[str, str], bytes | Iterator[bytes]]


@dataclass
class Host:
    """What is served by path, and what was asked for."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    base: str = ""

    def put(self, path: str, body: str | bytes, kind: str = "application/yaml", status: int = 200, **headers: str) -> str:
        """Serve a page; its address."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = (status, {"Content-Type": kind, "Content-Length": str(len(data)), **headers}, data)
        return self.base + path


@contextmanager
def hosted() -> Iterator[Host]:
    """A host on a free port of 127.0.0.1, gone at the end."""
    host = Host()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(host))
    server.daemon_threads = False  # closing the server waits for its threads
    host.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(host: Host) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            status, headers, body = host.pages.get(self.path, (404, {"Content-Type": "text/plain", "Content-Length": "0"}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            self._write(body)

        def _write(self, body: bytes | Iterator[bytes]) -> None:
            try:
                for part in (body,) if isinstance(body, bytes) else body:
                    self.wfile.write(part)
            except OSError:
                pass  # the reader had enough

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    return Handler
