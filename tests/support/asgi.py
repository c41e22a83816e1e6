"""Call an ASGI application in process, without a socket or a thread."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as a test reads it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as a JSON value."""
        return json.loads(self.body)


@dataclass
class Client:
    """Sends requests to an application; `headers` go with each."""

    app: Any
    headers: dict[str, str] = field(default_factory=lambda: {"X-API-KEY": "key"})

    def __call__(self, method: str, target: str, body: Any = None, *, headers: dict[str, str] | None = None, raw: bytes | None = None) -> Answer:
        """One request: a JSON body, or `raw` octets; a header of None is left out."""
        path, _, query = target.partition("?")
        typed = {"content-type": "application/json"} if body is not None or raw is not None else {}
        sent = {name.lower(): value for part in ({"host": "localhost"}, self.headers, typed, headers or {}) for name, value in part.items()}
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode("latin-1", "replace"), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value is not None],
            "server": ("localhost", 80), "client": ("127.0.0.1", 1),
        }
        return asyncio.run(_call(self.app, scope, data))

    def get(self, target: str, **more: Any) -> Answer:
        """GET."""
        return self("GET", target, **more)

    def post(self, target: str, body: Any = None, **more: Any) -> Answer:
        """POST."""
        return self("POST", target, body, **more)

    def patch(self, target: str, body: Any = None, **more: Any) -> Answer:
        """PATCH."""
        return self("PATCH", target, body, **more)


async def _call(app: Any, scope: dict[str, Any], data: bytes) -> Answer:
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
