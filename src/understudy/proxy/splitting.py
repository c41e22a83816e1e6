"""Which of two answers an operation: the stand-in or the real API; every answer says which in a header.

One mechanism for both directions; whose operations are whose is a function of the operation's key.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from understudy.contract.contract import Contract
from understudy.problems import Problem
from understudy.proxy.hops import ANSWERED
from understudy.server.app import CONTROL, WORLD
from understudy.server.fronting import Application, Receive, Scope, Send

Theirs = Callable[[str | None], bool]
"""Whether an operation, by its key, is the real API's; None: one the document does not have."""


def named(patterns: Sequence[str]) -> Callable[[str | None], bool]:
    """Whether an operation is one of those that shell patterns on `METHOD /path` or `/path` mean."""
    return lambda key: key is not None and any(fnmatch.fnmatchcase(key, one) or fnmatch.fnmatchcase(key.partition(" ")[2], one) for one in patterns)


def unmatched(patterns: Sequence[str], contract: Contract) -> list[str]:
    """The patterns that mean no operation."""
    return [one for one in patterns if not any(named([one])(operation.key) for operation in contract.operations)]


class Split:
    """Both behind one address."""

    def __init__(self, contract: Contract, real: Application, stand_in: Application, theirs: Theirs) -> None:
        self._contract, self._real, self._stand_in, self._theirs = contract, real, stand_in, theirs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to one of the two."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._stand_in(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = _without_world(raw.decode("latin-1"))
        if self._theirs(self._key(scope["method"], path)):
            await self._real({**scope, "raw_path": path.encode("latin-1")}, receive, send)
        else:
            await self._stand_in(scope, receive, _telling(send))

    def _key(self, method: str, path: str) -> str | None:
        try:
            return self._contract.match(method, path)[0].key
        except Problem:
            return None


def _without_world(path: str) -> str:
    """A path without what chooses the stand-in's world: the real API has none."""
    if not path.startswith(WORLD):
        return path
    _, slash, rest = path[len(WORLD) :].partition("/")
    return slash + rest


def _telling(send: Send) -> Send:
    async def telling(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (ANSWERED, b"stand-in")]}
        await send(message)

    return telling
