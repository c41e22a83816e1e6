"""httpx clients whose requests are answered in this process, without an event loop or a socket.

httpx is met here alone; it is the user's to install.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from understudy.inprocess.house import House
from understudy.world.stage import Reply


class Transport(httpx.BaseTransport):
    """Carries the requests of a client to a world."""

    def __init__(self, house: House, world: str) -> None:
        self._house = house
        self._world = world

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return _response(self._house.exchange(self._world, request.method, request.url.raw_path, request.headers.raw, request.read()), request)


class AsyncTransport(httpx.AsyncBaseTransport):
    """The same for an asynchronous client."""

    def __init__(self, house: House, world: str) -> None:
        self._house = house
        self._world = world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = await request.aread()
        return _response(await self._house.exchange_async(self._world, request.method, request.url.raw_path, request.headers.raw, body), request)


def _response(reply: Reply, request: httpx.Request) -> httpx.Response:
    return httpx.Response(reply.status, headers=reply.headers, stream=httpx.ByteStream(reply.body), request=request)


def client(house: House, world: str, headers: Mapping[str, str]) -> httpx.Client:
    """A client of a world."""
    return httpx.Client(transport=Transport(house, world), base_url="http://localhost", headers=dict(headers))


def async_client(house: House, world: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    """An asynchronous client of a world."""
    return httpx.AsyncClient(transport=AsyncTransport(house, world), base_url="http://localhost", headers=dict(headers))
