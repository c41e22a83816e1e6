"""An application that sends, called within one event loop, with a receiver on loopback: a story of a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from support.asgi import Answer, _call
from support.receiving import Receiver, receiver
from understudy.server.app import App
from understudy.server.posting import Poster
from understudy.theatre import Theatre
from understudy.world.world import World


class Control:
    """Calls one application within a story."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """One call; under `/_understudy` where it begins with it."""
        target, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": target,
            "raw_path": target.encode(), "query_string": query.encode(), "root_path": "", "server": ("localhost", 80), "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"x-api-key", b"any")],
        }  # fmt: skip
        answer: Answer = await _call(self.app, scope, b"" if body is None else orjson.dumps(body))
        assert answer.status in (status, 201 if status == 200 else status), answer.body
        return answer.json if answer.body else None

    async def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """One call of the control plane."""
        return await self(method, f"/_understudy{path}", body, status)

    @property
    def world(self) -> World:
        """The default one."""
        return self.app.sandbox.worlds.get("default")

    async def rest(self) -> None:
        """Wait until nothing that is due is left to try."""
        assert self.app.sender is not None
        await self.app.sender.rest(self.world)


def play(sandbox: Theatre, story: Callable[[Control, Receiver], Awaitable[None]], *script: Any) -> None:
    """A story with an application that sends, and a receiver."""

    async def whole() -> None:
        app = App(sandbox, poster=Poster())
        assert app.sender is not None
        app.sender.start()
        try:
            async with receiver(*script) as one:
                await story(Control(app), one)
        finally:
            await app.sender.stop()

    asyncio.run(whole())
