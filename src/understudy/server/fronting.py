"""An application of any kind, listening until it is interrupted: uvicorn without what the stand-in alone needs.

What the application answers, and what is done when it ended, is not known here.
"""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from understudy.server.app import App

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application (ASGI specification 3.0)."""


def run(app: Application, listening: socket.socket, stand_in: App | None, ended: Callable[[], Awaitable[None]]) -> None:
    """Listen until SIGINT or SIGTERM; `ended` is awaited in the server's own event loop. `stand_in`: the one behind it, if there is one."""
    import uvicorn  # 75 ms: not before the options are known to be good

    from understudy.server.protocol import Server  # imports uvicorn

    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(
        _ending(app, ended), http="httptools", ws="none", proxy_headers=False, log_level="error", access_log=False, server_header=False, date_header=False, lifespan="on",
        timeout_keep_alive=600, timeout_graceful_shutdown=3,
    )  # fmt: skip
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises what stopped it again when it is done: the end of the session comes after
    try:
        (uvicorn.Server(config) if stand_in is None else Server(config, stand_in)).run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # how a session ends
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_news(record: logging.LogRecord) -> bool:
    """An answer left unfinished on purpose, so that the client sees that it broke off, is none."""
    return "without completing response" not in record.getMessage()


def _ending(app: Application, ended: Callable[[], Awaitable[None]]) -> Application:
    async def ending(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await ended()
        await send({"type": "lifespan.shutdown.complete"})

    return ending
