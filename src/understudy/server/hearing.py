"""Webhooks for a test in the same process: an endpoint of a world that is told without a network, a thread or a sleep.

1. What is due is handed over when it is asked for: who calls the sandbox waits for nobody.
2. It goes the way of every delivery: signed, verified, each attempt kept, retried by the schedule on the world's clock.
3. Not beside a server of the same sandbox, which sends what is due by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from understudy.durations import parse_duration, parse_instant
from understudy.server.deliveries import shown_tried
from understudy.server.posting import Headers, Poster
from understudy.server.receiving import Receiver
from understudy.server.sending import Sender, Tried
from understudy.theatre import Theatre
from understudy.webhooks.endpoints import Endpoint, Secret
from understudy.webhooks.recording import Recorded
from understudy.webhooks.retrying import Answer
from understudy.webhooks.signing import new_secret
from understudy.world.holdings import Put
from understudy.world.world import World

URL = "http://in-process.localhost/"


@contextmanager
def hearing(
    sandbox: Theatre, world: str = "default", *, types: Collection[str] = (), signing: str | None = None, statuses: Sequence[int] = (200,)
) -> Iterator[Hearing]:
    """An endpoint of a world while the block runs; it is `sandbox.webhooks` too.

    `types`: what it is told of, `*` standing for anything; none: everything. `signing`: a scheme's name, by default as the
    behaviour file has it. `statuses`: how it answers, one after the other, the last one from then on. Raises KeyError
    for a scheme that is not known.
    """
    one = Hearing(sandbox, world, tuple(types), signing or sandbox.post.rules.signing, statuses)
    sandbox.webhooks = one
    try:
        yield one
    finally:
        sandbox.webhooks = None
        one.close()


class Hearing:
    """See `hearing`. What came is in `receiver`, whose `statuses` and `kept` may be looked at and changed."""

    def __init__(self, sandbox: Theatre, world: str, types: tuple[str, ...], signing: str, statuses: Sequence[int]) -> None:
        profile = sandbox.post.profiles[signing]
        secret = new_secret(profile, blake2b(f"in-process {world}".encode(), digest_size=24).digest()) if profile.header else None
        self.receiver = Receiver(profile, (secret,) if secret else (), statuses, url=URL)
        self._sandbox = sandbox
        self._world = sandbox.worlds.get(world)
        self._poster = Handing(self.receiver, self._time)
        self._sender = Sender(sandbox, self._poster)
        self._id = f"endpoint_in_process_{len(self._world.held['deliveries'])}"
        self._world.put(Put("endpoints", self._id, Endpoint(self._id, URL, types, signing=signing, secrets=(Secret(secret),) if secret else ())))
        self._loop = asyncio.new_event_loop()

    def received(self, pattern: str = "*") -> list[Recorded]:
        """What is due is delivered; those taken so far whose type fits, in the order they came. Raises LookupError."""
        self._deliver()
        return self.receiver.received(pattern)

    def wait_for(self, pattern: str = "*", times: int = 1) -> list[Recorded]:
        """`received(pattern)`, of which there must be so many: nothing else is under way. Raises NotReceived, LookupError."""
        self._deliver()
        return self.receiver.wait_for(pattern, times, seconds=0)

    def advance(self, to: str) -> list[dict[str, Any]]:
        """Turn the world's clock by a duration or to an instant: what falls due happens in order, attempts too; all of it is told.

        Raises ValueError for a time that is none or is past, LookupError.
        """
        world = self._living()
        until = parse_instant(to) if to[:1].isdigit() and "-" in to else parse_duration(to).after(world.clock.now())
        happened = self._loop.run_until_complete(self._sender.advance(world, until))
        return [shown_tried(one) if isinstance(one, Tried) else one.describe() for one in happened]

    def close(self) -> None:
        """Be told nothing more."""
        world = self._sandbox.worlds.find(self._world.name)
        if world is self._world and self._id in world.held["endpoints"]:
            world.put(Put("endpoints", self._id, None))
        self._poster.close()
        self._loop.run_until_complete(asyncio.sleep(0))  # what was closed is told so
        self._loop.close()

    def _deliver(self) -> None:
        self._loop.run_until_complete(self._sender.rest(self._living()))

    def _living(self) -> World:
        if self._sandbox.worlds.find(self._world.name) is not self._world:
            raise LookupError(f"the world {self._world.name} was put back or ended since; begin to hear it again")
        return self._world

    def _time(self) -> datetime:
        """The time by which signatures are judged: whose time they carry."""
        return self._world.clock.now() if self._sandbox.post.rules.stamped == "world" else datetime.now(UTC)


class Handing(Poster):
    """Hands over what is for the receiver of this process; the rest goes its way."""

    def __init__(self, receiver: Receiver, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._receiver = receiver
        self._now = now

    async def post(self, url: str, headers: Headers, body: bytes, method: str = "POST") -> Answer:
        """What came of it."""
        if url != URL:
            return await super().post(url, headers, body, method)
        return Answer(self._receiver.take(dict(headers), body, self._now(), method).status)
