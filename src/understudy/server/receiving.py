"""A receiver of deliveries: it verifies, answers, remembers, and can be asked what came.

1. One object for a test in the same process, for `understudy webhooks listen`, and for a sender without a network (`take`).
2. What came is kept before it is answered: a sender that hears 2xx may forget it.
3. Waiting is told, never polled: `wait_for` returns when the delivery is kept.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson

from understudy.webhooks.matching import fits
from understudy.webhooks.recording import Recorded, id_of, judge, type_of
from understudy.webhooks.signing import PROFILES, Profile, sign

LARGEST = 10_000_000
"""Octets of a body that are taken."""
MOST_IDS = 100_000
"""Ids that are known again."""


class NotReceived(AssertionError):
    """What was waited for did not come; the message says what did."""


@dataclass(slots=True)
class Receiver:
    """An endpoint's other side. `statuses`: how deliveries are answered, one after the other, the last one from then on."""

    profile: Profile = PROFILES["none"]
    secrets: tuple[str, ...] = ()
    statuses: Sequence[int] = (200,)
    tolerance: timedelta | None = None  # how old a signature may be; None: as the scheme has it
    url: str = ""  # where it listens, if it does
    observe: Callable[[Recorded, int], None] | None = None  # told of each delivery and how many of its id came before
    most: int | None = None  # how many deliveries are remembered, the newest; None: all
    kept: list[Recorded] = field(default_factory=list)
    _seen: Counter[str] = field(default_factory=Counter)
    _answered: Iterator[int] = field(default_factory=count)
    _came: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        """A secret that is none is refused at once. Raises BadSecret."""
        self.trust(self.profile, self.secrets)

    def trust(self, profile: Profile, secrets: tuple[str, ...]) -> None:
        """Believe what is signed so from now on. Raises BadSecret."""
        sign(profile, secrets, "", datetime.fromtimestamp(0, UTC), b"")
        self.profile, self.secrets = profile, secrets

    def take(self, headers: Mapping[str, str], body: bytes, now: datetime, method: str = "POST", path: str = "/") -> Recorded:
        """A delivery handed over: verified, answered and kept; its `status` is the answer."""
        judged = self.judged(headers, body, now, method, path)
        return self.keep(replace(judged, status=self.status_for(judged)))

    def judged(self, headers: Mapping[str, str], body: bytes, now: datetime, method: str = "POST", path: str = "/") -> Recorded:
        """What is to be thought of a delivery, before it is answered."""
        lower = {name.lower(): value for name, value in headers.items()}
        one = Recorded(now, method, path, lower, body, profile=self.profile.name, id=id_of(self.profile, lower, body), type=type_of(body))
        verdict, _, reason = judge(self.profile, self.secrets, one, now, self.tolerance)
        return replace(one, verdict=verdict, reason=reason)

    def status_for(self, judged: Recorded) -> int:
        """The answer: 401 to what is not believed, else the next of `statuses`."""
        if judged.verdict == "refused":
            return 401
        return self.statuses[min(next(self._answered), len(self.statuses) - 1)]

    def keep(self, one: Recorded) -> Recorded:
        """Remember a delivery with its answer, and tell who waits. Raises what `observe` raises: then it is not kept."""
        with self._came:
            if self.observe is not None:
                self.observe(one, self._seen[one.id] if one.id else 0)
            self._remember(one)
            self._came.notify_all()
        return one

    def _remember(self, one: Recorded) -> None:
        self.kept.append(one)
        if self.most is not None:
            del self.kept[: len(self.kept) - self.most]
        if len(self._seen) >= MOST_IDS:
            self._seen.clear()
        if one.id:
            self._seen[one.id] += 1

    def received(self, pattern: str = "*") -> list[Recorded]:
        """Those believed and answered 2xx so far whose type fits `pattern` (`*` stands for anything), in the order they came."""
        with self._came:
            return self._fitting(pattern)

    def wait_for(self, pattern: str = "*", times: int = 1, seconds: float = 10.0) -> list[Recorded]:
        """`received(pattern)` as soon as there are so many. Raises NotReceived after `seconds`."""
        with self._came:
            if not self._came.wait_for(lambda: len(self._fitting(pattern)) >= times, seconds):
                came = [f"{one.type or one.path} answered {one.status or one.error}" for one in self.kept[-10:]]
                raise NotReceived(f"{times} of {pattern} did not come within {seconds:g} s; what came: {', '.join(came) or 'nothing'}")
            return self._fitting(pattern)

    def answer(self, *statuses: int) -> None:
        """How deliveries are answered from now on, one after the other, the last one from then on; none: 200."""
        with self._came:
            self.statuses, self._answered = statuses or (200,), count()

    def clear(self) -> None:
        """Forget what came; the answers begin anew."""
        with self._came:
            self.kept.clear()
            self._seen.clear()
            self._answered = count()

    def _fitting(self, pattern: str) -> list[Recorded]:
        return [one for one in self.kept if one.verdict != "refused" and one.passed and fits(one.type or "", pattern)]


# --- over HTTP ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the receiver, or of the one it forwards to."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    error: str | None = None  # why there is no answer of the one it forwards to


Forward = Callable[[Recorded], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Door:
    """The receiver as an ASGI application; with `forward` the answer is another's."""

    receiver: Receiver
    forward: Forward | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            body = await _body(receive)
        except EOFError:
            return  # it broke off: nothing was delivered, nobody hears an answer
        reply = await self._reply(scope, body) if body is not None else _said(413, f"at most {LARGEST} octets are taken")
        headers = [(b"content-type", reply.content_type.encode("latin-1", "replace")), (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

    async def _reply(self, scope: Any, body: bytes) -> Reply:
        target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        judged = self.receiver.judged(_headers(scope["headers"]), body, self.now(), scope["method"], target)
        reply = await self._answer(judged)
        try:
            self.receiver.keep(replace(judged, status=None if reply.error else reply.status, error=reply.error))
        except OSError as fault:
            return _said(503, f"it could not be recorded: {fault.strerror}; send it again")
        return reply

    async def _answer(self, judged: Recorded) -> Reply:
        if judged.verdict == "refused":
            return _said(self.receiver.status_for(judged), judged.reason or "not believed")
        if self.forward is not None:
            return await self.forward(judged)
        status = self.receiver.status_for(judged)
        return Reply(status) if status == 204 else _said(status, judged.verdict)


def _said(status: int, message: str) -> Reply:
    return Reply(status, orjson.dumps({"message": message}))


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """A header sent several times is one with its values joined (RFC 9110 section 5.3)."""
    found: dict[str, str] = {}
    for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw):
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _body(receive: Any) -> bytes | None:
    """The whole body, or None when it is too large: the rest is read and forgotten, so that the answer is heard. Raises EOFError."""
    read = bytearray()
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError
        part = message.get("body", b"")
        size += len(part)
        if size <= LARGEST:
            read += part
        if not message.get("more_body"):
            return bytes(read) if size <= LARGEST else None


@contextmanager
def serving(app: Any, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The URL at which an ASGI application listens, in a thread of its own, while the block runs."""
    import uvicorn  # 75 ms: not for those who hand deliveries over without a network

    door = socket.create_server((host, port), backlog=256)
    config = uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{door.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(60)
        door.close()


@contextmanager
def listening(receiver: Receiver | None = None, host: str = "127.0.0.1", port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens while the block runs; its `url` says where."""
    receiver = receiver or Receiver()
    with serving(Door(receiver), host, port) as url:
        receiver.url = url
        yield receiver
