"""httpx clients whose requests are answered in this process, without an event loop or a socket.

httpx is met here alone; it is the user's to install.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from understudy.faults.spoiling import Carried
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
    carried = reply.carried
    if carried is not None:
        _carry(carried, len(reply.body), request)
    return httpx.Response(reply.status, headers=reply.headers, stream=httpx.ByteStream(reply.body), request=request)


def _carry(carried: Carried, size: int, request: httpx.Request) -> None:
    """Raise what httpx would over a network; nobody waits for what comes late."""
    patience = request.extensions.get("timeout", {}).get("read")
    if patience is not None and carried.seconds(size) > patience:
        raise httpx.ReadTimeout("The read operation timed out", request=request)
    if carried.cut is not None:
        kind, said = _CUTS[carried.cut]
        raise kind(said, request=request)


_CUTS: Mapping[str, tuple[type[httpx.TransportError], str]] = {
    "reset": (httpx.ReadError, "Connection reset by peer"),
    "empty": (httpx.RemoteProtocolError, "Server disconnected without sending a response."),
    "truncated": (httpx.RemoteProtocolError, "peer closed connection without sending complete message body"),
}


def client(house: House, world: str, headers: Mapping[str, str]) -> httpx.Client:
    """A client of a world."""
    return httpx.Client(transport=Transport(house, world), base_url="http://localhost", headers=dict(headers))


def async_client(house: House, world: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    """An asynchronous client of a world."""
    return httpx.AsyncClient(transport=AsyncTransport(house, world), base_url="http://localhost", headers=dict(headers))
