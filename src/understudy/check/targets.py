"""What is checked: an application in process, or whatever listens at a URL. Requests go out here and nowhere else.

1. The one file that meets httpx. No request is judged here, and no secret is printed.
2. A target that is down, slow, closes connections or asks for patience gives an `Answer` with a `fault`, never an exception.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from understudy.check.steps import Answer, Wire

OTHER = "-other"
"""What stands behind the name of a world for the name of the other one beside it."""
PATIENCE = 3
"""How often a request that was answered 429 or 503 with Retry-After is sent again."""


class Target(Protocol):
    """Something that answers requests. `reset` puts it back to its beginning, or says that it cannot (False)."""

    name: str
    resets: bool

    def send(self, wire: Wire) -> Answer: ...
    def send_together(self, wires: Sequence[Wire]) -> list[Answer]: ...
    def reset(self) -> bool: ...
    def idle(self, seconds: float) -> None: ...
    def close(self) -> None: ...


# --- in process ---------------------------------------------------------------------------------------------------


class InProcess:
    """An ASGI application, called without a socket. `begin` puts it back to its beginning."""

    def __init__(self, app: Any, begin: Any = None, name: str = "the stand-in", headers: Mapping[str, str] | None = None, stop: Any = None) -> None:
        self.name = name
        self.stands_in = False  # a stand-in of ours: it has a clock to turn, and worlds
        self._stop = stop
        self.app = app
        self._begin = begin
        self.resets = begin is not None
        self._headers = tuple((headers or {}).items())
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)  # of a target that nobody closes, as in a parametrized test

    def beside(self, good: Mapping[str, str]) -> dict[str, str]:
        """What leads to another world of the same stand-in."""
        return {**good, "understudy-world": f"check{OTHER}"}

    def send(self, wire: Wire) -> Answer:
        """One request."""
        return self._loop.run_until_complete(_asgi(self.app, wire, self._headers))

    def send_together(self, wires: Sequence[Wire]) -> list[Answer]:
        """Several at once."""

        async def all_of_them() -> list[Answer]:
            return list(await asyncio.gather(*(_asgi(self.app, wire, self._headers) for wire in wires)))

        return self._loop.run_until_complete(all_of_them())

    def reset(self) -> bool:
        """Back to the beginning."""
        if self._begin is not None:
            self.run(_within(self._begin))
        return self.resets

    def idle(self, seconds: float) -> None:
        """Let the application do what it does by itself."""
        self._loop.run_until_complete(asyncio.sleep(seconds))

    def run(self, what: Any) -> Any:
        """Do something within the application's event loop."""
        return self._loop.run_until_complete(what)

    def close(self) -> None:
        """Let the application end what it does by itself, and let go of the event loop."""
        if self._stop is not None:
            self._loop.run_until_complete(self._stop())
        self._loop.close()


async def _within(what: Any) -> None:
    """Do something while the event loop runs: what an application sends by itself is begun there."""
    what()


async def _asgi(app: Any, wire: Wire, more: Sequence[tuple[str, str]]) -> Answer:
    """One request to an ASGI application; what it raises is an answer with status 500, as a server would make of it."""
    path, _, query = wire.target.partition("?")
    headers = [("host", "localhost"), *more, *wire.headers, *([("content-length", str(len(wire.body)))] if wire.body else [])]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": wire.method, "scheme": "http",
        "path": httpx.URL(f"http://localhost{path}").path, "raw_path": path.encode("ascii", "replace"), "query_string": query.encode("ascii", "replace"),
        "root_path": "", "headers": [(name.lower().encode("latin-1"), value.encode("utf-8")) for name, value in headers],
        "server": ("localhost", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    sent: list[Mapping[str, Any]] = []
    coming = [{"type": "http.request", "body": wire.body, "more_body": False}]

    async def receive() -> Mapping[str, Any]:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    start = time.perf_counter()
    try:
        await app(scope, receive, send)
    except Exception as fault:
        if not sent:
            return Answer(500, {}, b"", f"the application raised {type(fault).__name__}: {fault}")
    seconds = time.perf_counter() - start
    if not sent:
        return Answer(0, {}, b"", "the application gave no answer", seconds)
    named = {bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1") for name, value in sent[0].get("headers", ())}
    return Answer(sent[0]["status"], named, b"".join(message.get("body", b"") for message in sent[1:]), None, seconds)


# --- over HTTP ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Manners:
    """How a URL is treated: seconds to wait for an answer, requests in a second at most, whether its certificate counts."""

    timeout: float = 10.0
    rate: float | None = None
    verify: ssl.SSLContext | bool = True
    reset: str | None = None  # posted to before each scenario
    headers: Mapping[str, str] | None = None


class Remote:
    """Whatever listens at a URL. Its path, if it has one, stands before every path of the document."""

    def __init__(self, url: str, manners: Manners = Manners()) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f'"{url}" is no HTTP address; write it as http://HOST:PORT')
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.base = parts.path.rstrip("/")
        self.name = url.rstrip("/")
        self.local = is_loopback(parts.hostname)
        self.resets = manners.reset is not None
        self.stands_in = False
        self._manners = manners
        self._next = 0.0
        self._reset = manners.reset
        self._world: str | None = None
        limits = httpx.Limits(max_connections=40, keepalive_expiry=4)
        self._client = httpx.Client(timeout=manners.timeout, verify=manners.verify, limits=limits, trust_env=not self.local, headers=manners.headers)

    def take_world(self, name: str) -> bool:
        """Where a stand-in listens: speak to a world of its own from now on, which can be put back to its beginning. False: none does."""
        try:
            found = self._client.get(self.url + "/_understudy/health")
            is_stand_in = found.status_code == 200 and isinstance(found.json(), dict) and "worlds" in found.json()
        except (httpx.HTTPError, ValueError):
            return False
        if is_stand_in:
            self._client.headers["Understudy-World"] = name
            self._reset, self.resets, self._world, self.stands_in = "/_understudy/reset", True, name, not self.base
        return is_stand_in

    def beside(self, good: Mapping[str, str]) -> dict[str, str]:
        """What leads to another world of the same stand-in."""
        return {**good, "understudy-world": f"{self._world}{OTHER}"}

    def send(self, wire: Wire) -> Answer:
        """One request; again where the target asks to wait (RFC 9110 section 10.2.3, RFC 6585 section 4)."""
        answer = self._once(wire)
        for _ in range(PATIENCE):
            wait = _asked_to_wait(answer)
            if wait is None:
                return answer
            time.sleep(min(wait, 30))
            answer = self._once(wire)
        return answer

    def send_together(self, wires: Sequence[Wire]) -> list[Answer]:
        """Several at once, each on a connection of its own."""
        with ThreadPoolExecutor(len(wires)) as threads:
            return list(threads.map(self.send, wires))

    def reset(self) -> bool:
        """Ask the target to begin anew, where it was said how."""
        if self._reset is None:
            return False
        target = httpx.URL(self.url + self.base + "/").join(self._reset)
        try:
            return self._client.post(target, json={} if self._world else None).is_success
        except httpx.HTTPError:
            return False

    def idle(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the connections; a world of one's own ends."""
        if self._world is not None:
            with suppress(httpx.HTTPError):
                self._client.delete(f"{self.url}/_understudy/worlds/{self._world}")
                self._client.delete(f"{self.url}/_understudy/worlds/{self._world}{OTHER}")
        self._client.close()

    def _once(self, wire: Wire) -> Answer:
        self._keep_pace()
        start = time.perf_counter()
        target = wire.target if self.base and wire.target.startswith(self.base + "/") else self.base + wire.target
        try:
            request = self._client.build_request(wire.method, self.url + target, headers=list(wire.headers), content=wire.body or None)
            response = self._client.send(request)
        except httpx.RemoteProtocolError:
            return self._again(wire, target, start)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as fault:
            return Answer(0, {}, b"", _said(fault, self._manners.timeout), time.perf_counter() - start)
        return _answer(response, start)

    def _again(self, wire: Wire, target: str, start: float) -> Answer:
        """Once more where a kept connection was closed just then; only what may be sent twice (RFC 9110 section 9.2.2)."""
        if wire.method not in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            return Answer(0, {}, b"", "the connection was closed without an answer", time.perf_counter() - start)
        try:
            return _answer(self._client.request(wire.method, self.url + target, headers=list(wire.headers), content=wire.body or None), start)
        except httpx.HTTPError as fault:
            return Answer(0, {}, b"", _said(fault, self._manners.timeout), time.perf_counter() - start)

    def _keep_pace(self) -> None:
        if self._manners.rate is None:
            return
        now = time.monotonic()
        at = max(now, self._next)
        self._next = at + 1 / self._manners.rate
        time.sleep(at - now)


def _answer(response: httpx.Response, start: float) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, response.content, None, time.perf_counter() - start)


def _asked_to_wait(answer: Answer) -> float | None:
    """Seconds a target asks to be left alone for, where it does."""
    after = answer.headers.get("retry-after", "")
    if answer.status not in (429, 503) or not (after or answer.status == 429):
        return None
    if after.replace(".", "", 1).isdigit():
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except ValueError:
        return 1.0


def _said(fault: Exception, timeout: float) -> str:
    if isinstance(fault, httpx.TimeoutException):
        return f"no answer within {timeout:g} s"
    if "CERTIFICATE_VERIFY_FAILED" in str(fault):
        return "its certificate is not trusted; --ca FILE names its authority, --insecure takes any"
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
