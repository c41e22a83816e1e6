"""What worlds owe their receivers, sent: taken when due, signed, posted, and the attempt kept before it is believed.

1. Each endpoint is told one thing at a time, in order; what one receiver does holds up no other.
2. An attempt is made when what it tells of is on disk, and its outcome counts once it is kept. A crash in between sends
   it again: at least once.
3. When something is tried next is decided in `webhooks`; how a request is carried in `posting`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson

from understudy.engine.decide import Event
from understudy.engine.outcomes import Asking, Told
from understudy.faults.aim import NOTHING
from understudy.problems import Problem
from understudy.server.posting import Poster
from understudy.theatre import Theatre
from understudy.webhooks.endpoints import Endpoint, endpoint_of
from understudy.webhooks.retrying import GIVEN_UP, LATE, Answer, Attempt, Delivery, attempted, given_up
from understudy.webhooks.signing import BadSecret, sign
from understudy.world.holdings import Put
from understudy.world.mirroring import payload
from understudy.world.post import stem_of
from understudy.world.world import World

if TYPE_CHECKING:
    from understudy.faults.fault import Fault

AGENT = "understudy"
MOST = 256
"""Requests on the way at once."""
MOST_EACH = 32
"""Of these to one host and port, so that one that hangs leaves room for others."""

Headers = tuple[tuple[str, str], ...]


class Tried(NamedTuple):
    """An attempt as the clock call tells it; `attempt` is None where the delivery was given up."""

    at: datetime
    delivery: Delivery
    attempt: Attempt | None


class Gate:
    """Lets only so many things be under way, and of one kind."""

    def __init__(self, most: int = MOST, each: int = MOST_EACH) -> None:
        self._room = most
        self._each = each
        self._under_way: dict[Any, int] = {}
        self._waiting: dict[Any, deque[Callable[[], None]]] = {}

    def enter(self, kind: Any, begin: Callable[[], None]) -> None:
        """Begin now, or when there is room."""
        if self._room > 0 and self._under_way.get(kind, 0) < self._each:
            self._begin(kind, begin)
        else:
            self._waiting.setdefault(kind, deque()).append(begin)

    def leave(self, kind: Any) -> None:
        """One of a kind is done."""
        self._room += 1
        self._under_way[kind] -= 1
        if not self._under_way[kind]:
            del self._under_way[kind]
        chosen = next((one for one in (kind, *self._waiting) if one in self._waiting and self._under_way.get(one, 0) < self._each), None)
        if chosen is not None:
            begin = self._waiting[chosen].popleft()
            if not self._waiting[chosen]:
                del self._waiting[chosen]
            self._begin(chosen, begin)

    def _begin(self, kind: Any, begin: Callable[[], None]) -> None:
        self._room -= 1
        self._under_way[kind] = self._under_way.get(kind, 0) + 1
        begin()


class Sender:
    """Sends for all worlds of a sandbox. `on_disk` waits until what was decided is kept; `wall` is the machine's time."""

    def __init__(self, sandbox: Theatre, poster: Poster, *, on_disk: Callable[[], Awaitable[bool]] | None = None, wall: Callable[[], float] = time.time) -> None:
        self.sandbox = sandbox
        self.poster = poster
        self._on_disk = on_disk
        self._wall = wall
        self.observe: Callable[[World, Tried], None] | None = None
        self._gate = Gate()
        self._rung: dict[World, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._flights: dict[World, int] = {}
        self._quiet: dict[World, list[asyncio.Future[None]]] = {}
        self._wakers: dict[World, asyncio.TimerHandle] = {}
        self._turning: WeakKeyDictionary[World, asyncio.Lock] = WeakKeyDictionary()
        self._tried: dict[World, list[Tried]] = {}
        self._closed = False

    # --- the server's life ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Send what is owed from before, and from now on what falls due."""
        self.sandbox.post.ring = self.ring
        for world in self.sandbox.worlds:
            self.ring(world)

    async def stop(self) -> None:
        """Send nothing more. What is on the way is given up here and will be sent again."""
        self._closed = True
        self.sandbox.post.ring = lambda world: None
        for handle in self._wakers.values():
            handle.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.poster.close()
        await asyncio.sleep(0)  # what was closed is told so

    # --- what is due ---------------------------------------------------------------------------------------------

    def ring(self, world: World) -> None:
        """See to a world when what is under way now is done: nobody waits for it."""
        if world not in self._rung and not self._closed:
            self._rung[world] = None
            asyncio.get_running_loop().call_soon(self._see_to, world)

    def _see_to(self, world: World) -> None:
        self._rung.pop(world, None)
        if self._closed or self.sandbox.worlds.find(world.name) is not world:
            self._hush(world)
            return
        try:
            now = self.sandbox.stage.settle(world)
        except Problem as problem:
            logging.getLogger("understudy").error("%s: what fell due is put off: %s", world.name, problem.message)
            return
        for delivery in world.outbox.take(now):
            self._begin(world, delivery)
        self._hush(world)
        self._wake(world, now)

    def _wake(self, world: World, now: datetime) -> None:
        """Look again when the next thing falls due on a clock that runs."""
        handle = self._wakers.pop(world, None)
        if handle is not None:
            handle.cancel()
        if world.clock.frozen or not (world.outbox.audience or world.outbox.next_due):
            return
        times = [at for at in (world.outbox.next_due, world.next_due) if at is not None]
        if times:
            seconds = min(max((min(times) - now).total_seconds(), 0) + 0.001, 86_400.0)
            self._wakers[world] = asyncio.get_running_loop().call_later(seconds, self.ring, world)

    def _begin(self, world: World, delivery: Delivery) -> None:
        endpoint: Endpoint = world.held["endpoints"][delivery.endpoint]
        self._flights[world] = self._flights.get(world, 0) + 1
        kind = "/".join(endpoint.url.split("/", 3)[:3])  # scheme, host and port

        def go() -> None:
            task = asyncio.get_running_loop().create_task(self._carry(world, delivery, endpoint, kind))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._gate.enter(kind, go)

    async def _carry(self, world: World, delivery: Delivery, endpoint: Endpoint, kind: str) -> None:
        try:
            if self._on_disk is None or await self._on_disk():
                await self._try(world, delivery, endpoint)
        except Problem as problem:
            logging.getLogger("understudy").error("%s: an attempt is not kept: %s", delivery.id, problem.message)
        finally:
            world.owed.free(delivery)
            self._gate.leave(kind)
            self._flights[world] -= 1
            self._see_to(world)

    async def _try(self, world: World, delivery: Delivery, endpoint: Endpoint) -> None:
        """One attempt by the schedule, or giving up."""
        now = world.clock.now()
        if given_up(delivery, self.sandbox.post.rules, now):
            self._keep(world, delivery._replace(state=GIVEN_UP, next_at=None), Tried(now, delivery, None))
            return
        fault = self._struck(world, delivery) if world.aim is not NOTHING else None
        if fault is not None and fault.webhook == "lost":
            lost = Attempt(now, None, f"fault {fault.id}: lost on its way", 0, "", "first")
            after = delivery._replace(state=GIVEN_UP, next_at=None, attempts=(lost,))
            self._keep(world, after, Tried(now, after, lost))
        elif fault is not None and fault.delay is not None:
            world.put(Put("deliveries", delivery.id, delivery._replace(state=LATE, next_at=now + timedelta(seconds=int(fault.delay.first)))))
        else:
            why = "retry" if any(one.why == "first" for one in delivery.attempts) else "first"
            tried = await self.attempt(world, delivery, endpoint, why)
            if fault is not None:
                await self.attempt(world, tried.delivery, endpoint, "duplicate")

    def _struck(self, world: World, delivery: Delivery) -> Fault | None:
        """The fault that strikes a delivery that is about to be tried. Raises Problem."""
        from understudy.world.faulting import strike_delivery  # only where there are faults

        return strike_delivery(self.sandbox.script, world, delivery)

    async def resend(self, world: World, delivery: Delivery, why: str = "resend", to: str | None = None, *, stale: bool = False) -> Tried:
        """Send a delivery once more now, to its endpoint or elsewhere. Raises Problem where what came of it cannot be kept."""
        endpoint: Endpoint = world.held["endpoints"][delivery.endpoint]
        if to is not None:
            return await self.attempt(world, delivery, endpoint, why, to, stale=stale)
        while not world.owed.hold(delivery):
            await self.rest(world)
        try:
            return await self.attempt(world, world.held["deliveries"][delivery.id], endpoint, why, stale=stale)
        finally:
            world.owed.free(delivery)
            self.ring(world)

    async def ask(self, world: World, asking: Asking) -> Told:
        """Send what the answer to a request waits for."""
        try:
            return await _ASKED[asking.what](self, world, asking)
        except Problem as problem:
            return Told(False, problem.message)

    async def _test(self, world: World, asking: Asking) -> Told:
        """A test of an endpoint, stored or not: it is no delivery, nothing of it is kept."""
        post, now = self.sandbox.post, world.clock.now()
        rows = post.rules.endpoints
        endpoint = None if rows is None else endpoint_of(asking.record, asking.id, rows, post.rules.signing)
        if endpoint is None:
            return Told(False, "it has no URL")
        delivery = Delivery(0, f"{stem_of(world.seed, world.id_length, post.rules.prefix)}{0:08d}", endpoint.id, 0, asking.type, now, "due", None)
        event = Event(asking.type, None, None, orjson.dumps({}))
        try:
            body = post.payload(delivery, event, now, None, previous=False)
            headers = self.headers(world, delivery, endpoint, body, now)
        except ValueError as fault:
            return Told(False, str(fault))
        return _told(await self.poster.post(endpoint.url, (*self._common(endpoint, delivery, None), *headers), body, endpoint.method))

    async def _head(self, world: World, asking: Asking) -> Told:
        """What an endpoint has failed to take."""
        head = world.outbox.head(asking.id)
        if head is None or not head.attempts:
            return Told(False, "nothing is held back for it")
        return _of_attempt(await self.resend(world, head))

    async def _resent(self, world: World, asking: Asking) -> Told:
        """A delivery once more."""
        delivery: Delivery | None = world.held["deliveries"].get(asking.id)
        if delivery is None or delivery.endpoint not in world.held["endpoints"]:
            return Told(False, "its endpoint is gone")
        return _of_attempt(await self.resend(world, delivery))

    # --- one attempt ---------------------------------------------------------------------------------------------

    async def attempt(self, world: World, delivery: Delivery, endpoint: Endpoint, why: str, to: str | None = None, stale: bool = False) -> Tried:
        """Send a delivery once and keep what came of it. Raises Problem where that cannot be kept."""
        now = world.clock.now()
        try:
            body = self.body(world, delivery, endpoint)
            headers = self.headers(world, delivery, endpoint, body, now, stale=stale)
        except ValueError as fault:
            body, headers, answer = b"", (), Answer(None, f"not sent: {fault}")
        else:
            answer = await self.poster.post(to or endpoint.url, (*self._common(endpoint, delivery, to), *headers), body, endpoint.method)
        attempt = Attempt(now, answer.status, answer.error, answer.milliseconds, answer.response, why, to, headers)
        held: Delivery = world.held["deliveries"][delivery.id]
        after = attempted(held, attempt, self.sandbox.post.rules, answer.retry_after)
        tried = Tried(now, after, attempt)
        self._keep(world, after, tried, disable=endpoint if after.state == "disabled" and held.pending else None)
        return tried

    def _keep(self, world: World, after: Delivery, tried: Tried, disable: Endpoint | None = None) -> None:
        rows = [Put("deliveries", after.id, after)]
        if disable is not None and disable.kind != "record":
            rows.insert(0, Put("endpoints", disable.id, disable._replace(active=False)))
        world.put(*rows)
        if disable is not None and disable.kind == "record":
            self.sandbox.stage.disable(world, disable.id)
        if world in self._tried:
            self._tried[world].append(tried._replace(delivery=after))
        if self.observe is not None:
            self.observe(world, tried._replace(delivery=after))

    def body(self, world: World, delivery: Delivery, endpoint: Endpoint) -> bytes:
        """What a delivery carries. Raises ValueError where the document allows no such thing."""
        return payload(world, delivery, endpoint)

    def headers(self, world: World, delivery: Delivery, endpoint: Endpoint, body: bytes, now: datetime, *, stale: bool = False) -> Headers:
        """What a delivery is signed with; `stale`: as it would have been long ago. Raises ValueError for a secret that is none."""
        post = self.sandbox.post
        profile = post.profiles[endpoint.signing]
        at = now if post.rules.stamped == "world" else datetime.fromtimestamp(int(self._wall()), UTC)
        try:
            return tuple(sign(profile, endpoint.signing_keys(now), delivery.id, at - 2 * profile.tolerance if stale else at, body))
        except BadSecret as fault:
            raise ValueError(f"it cannot be signed: {fault}") from None

    def _common(self, endpoint: Endpoint, delivery: Delivery, to: str | None) -> Headers:
        attempt = str(len(delivery.attempts) + 1)
        own = (("content-type", "application/json"), ("user-agent", AGENT), ("understudy-delivery", delivery.id), ("understudy-attempt", attempt))
        return own if to is not None else (*own, *endpoint.headers)

    # --- time ----------------------------------------------------------------------------------------------------

    async def advance(self, world: World, until: datetime) -> list[Any]:
        """Turn a world's clock to an instant: what falls due on the way happens at its own time, timers and attempts in order.

        Answers when all of it has been tried; what a receiver does within an attempt sees the clock at its time. Raises
        ValueError as `Stage.advance`, and Problem.
        """
        lock = self._turning.setdefault(world, asyncio.Lock())
        async with lock:
            happened: list[Any] = []
            self.sandbox.stage.check_ahead(world, until)
            self._tried[world] = []
            try:
                await self._go_on(world, until, happened)
            finally:
                del self._tried[world]
        return happened

    async def _go_on(self, world: World, until: datetime, happened: list[Any]) -> None:
        stage = self.sandbox.stage
        await self.rest(world)
        self._tried[world].clear()  # what was due before is no part of it
        while (at := _earliest(world.next_due, world.outbox.next_due)) is not None and at <= until:
            happened += stage.fire(world, at)
            due = world.outbox.next_due
            if due is not None and due <= at:
                if at > world.clock.now():
                    world.clock.set(at)
                await self.rest(world)
            happened += sorted(self._tried[world], key=lambda tried: (tried.at, tried.delivery.number))
            self._tried[world].clear()
        happened += stage.advance(world, max(until, world.clock.now()))
        self.ring(world)

    async def rest(self, world: World) -> None:
        """Wait until nothing that is due is left to try."""
        self._see_to(world)
        while self._flights.get(world, 0):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._quiet.setdefault(world, []).append(future)
            await future

    def _hush(self, world: World) -> None:
        """Tell who waits for it that nothing is on the way any more."""
        if not self._flights.get(world, 0):
            self._flights.pop(world, None)
            for future in self._quiet.pop(world, ()):
                if not future.done():
                    future.set_result(None)


_ASKED: Mapping[str, Callable[[Sender, World, Asking], Awaitable[Told]]] = {
    "test": Sender._test, "head": Sender._head, "resend": Sender._resent,
}  # fmt: skip


def _told(answer: Answer) -> Told:
    return Told(answer.good, answer.error or f"it answered {answer.status}")


def _of_attempt(tried: Tried) -> Told:
    attempt = tried.attempt
    assert attempt is not None
    return Told(attempt.good, attempt.error or f"it answered {attempt.status}")


def _earliest(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)
