"""What a world tells others, for a test in the same process: an endpoint of its own, and receivers that are functions.

1. The endpoint hears everything since its world began, however late it is asked for; before that it costs nothing.
2. What is due is delivered when it is asked for, in order, signed and retried as every delivery; nobody sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b

from understudy.inprocess.doors import Handler, is_handing
from understudy.inprocess.house import House
from understudy.server.posting import Headers
from understudy.server.receiving import NotReceived, Receiver
from understudy.server.sending import Sender, Tried
from understudy.webhooks.endpoints import Endpoint, Secret
from understudy.webhooks.matching import fits
from understudy.webhooks.recording import Recorded
from understudy.webhooks.retrying import DUE, Answer, Delivery
from understudy.webhooks.signing import new_secret
from understudy.world.holdings import Put
from understudy.world.post import stem_of
from understudy.world.world import World

__all__ = ["NotReceived", "Webhooks"]

ENDPOINT = "endpoint_in_process"


class Webhooks:
    """The webhooks of a sandbox's world. `url` and `secret` are those of its own endpoint."""

    def __init__(self, house: House, name: str, find: Callable[[], World], since: int) -> None:
        self.url = f"http://in-process.localhost/{name}"
        self._house = house
        self._find = find
        self._since = since
        self._world: World | None = None
        self._random = blake2b(f"in-process {name}".encode(), digest_size=24).digest()
        self._routes: list[str] = []
        self._trust(house.theatre.post.rules.signing)
        self._receiver = Receiver(self._profile, self._secrets, [200], url=self.url)
        house.doors.at_once[self.url] = self._take

    @property
    def secret(self) -> str | None:
        """What deliveries to it are signed with."""
        return self._secrets[0] if self._secrets else None

    def received(self, pattern: str = "*") -> list[Recorded]:
        """Every delivery taken (answered 2xx) since the world began whose type fits `pattern`, what is due now included."""
        self.deliver()
        return self._receiver.received(pattern)

    def wait_for(self, pattern: str = "*", times: int = 1) -> list[Recorded]:
        """`received(pattern)`, of which there must be so many: nothing else is under way. Raises NotReceived, which says what came."""
        self.deliver()
        return self._receiver.wait_for(pattern, times, seconds=0)

    def every(self) -> list[Recorded]:
        """Every attempt that came, those refused or answered otherwise included, each with its verdict."""
        self.deliver()
        return list(self._receiver.kept)

    def answer(self, *statuses: int) -> None:
        """How the endpoint answers what comes from now on: one status after the other, the last one from then on."""
        self.listen()
        self._receiver.answer(*statuses)

    def sign(self, scheme: str) -> None:
        """Have what comes from now on signed by another scheme, by name: `standard-webhooks`, `github`, `none`. Raises KeyError for one not known."""
        with self._house.baton:
            self._trust(scheme)
            self._receiver.trust(self._profile, self._secrets)
            self.listen().put(Put("endpoints", ENDPOINT, self._endpoint))

    def clear(self) -> None:
        """Forget what came so far, what is due now included."""
        self.deliver()
        self._receiver.kept.clear()

    def route(self, url: str, handler: Handler) -> None:
        """Hand what is sent to a URL to a function instead: of method, url, path, headers and body; its answer is a status, or has one.

        It is called in the thread that asks for what is due (`deliver`, `received`, `clock.advance`), outside any event loop;
        with a server also in a thread of its own, when something is sent meanwhile. What it raises is an answer of 500.
        """
        self._house.doors.asked[url] = handler
        self._routes.append(url)

    def deliver(self) -> None:
        """Deliver what is due, to every endpoint of the world. Within a receiver it does nothing: what is due is on its way."""
        world = self.listen()
        if not is_handing():
            self._house.do(self._rest(world))

    async def adeliver(self) -> None:
        """The same, awaited: for receivers in the caller's own event loop."""
        world = self.listen()
        await asyncio.wrap_future(self._house.begin(self._rest(world)))

    def deliveries(self, pattern: str = "*") -> list[Delivery]:
        """What the world owes or owed all its endpoints, in order: each with its state and its attempts."""
        with self._house.baton:
            world = self._find()
            _ = world.outbox  # tells who is to be told of what happened last
            return [one for _, one in world.held["deliveries"].items() if fits(one.type, pattern)]

    def resend(self, delivery: Delivery | Recorded) -> Delivery:
        """Send a delivery once more now; it as it is then. Raises LookupError where its endpoint or itself is gone."""
        world = self.listen()
        held = world.held["deliveries"].get(delivery.id or "")
        if held is None or held.endpoint not in world.held["endpoints"]:
            raise LookupError(f"there is no delivery {delivery.id} any more, or its endpoint is gone")
        tried: Tried = self._house.do(self._sender.resend(world, held))
        return tried.delivery

    # --- the endpoint of its own ---------------------------------------------------------------------------------

    def listen(self) -> World:
        """Hear the world from its beginning, as each call here does; it as it is now."""
        with self._house.baton:
            world = self._find()
            if world is not self._world:
                if self._world is not None:
                    self._receiver.kept.clear()  # it was put back or begun anew, and not by us
                self._begin(world)
                self._world = world
            return world

    @property
    def _sender(self) -> Sender:
        sender = self._house.app.sender
        assert sender is not None
        return sender

    async def _rest(self, world: World) -> None:
        await self._sender.rest(world)

    def _trust(self, scheme: str) -> None:
        self._profile = self._house.theatre.post.profiles[scheme]
        self._secrets = (new_secret(self._profile, self._random),) if self._profile.header else ()

    @property
    def _endpoint(self) -> Endpoint:
        return Endpoint(ENDPOINT, self.url, signing=self._profile.name, secrets=tuple(map(Secret, self._secrets)))

    def _begin(self, world: World) -> None:
        post, known = self._house.theatre.post, world.held["endpoints"].get(ENDPOINT)
        if known is not None and known.url == self.url:
            return
        _ = world.outbox  # those who are there already are told first: deliveries are numbered in the order they are made
        world.put(Put("endpoints", ENDPOINT, self._endpoint))
        if known is not None:  # the world this was forked from hears for itself; what it was told this one was told too
            return
        now, stem, first = world.clock.now(), stem_of(world.seed, world.id_length, post.rules.prefix), len(world.held["deliveries"]) + 1
        missed = [kept for kept in world.events.since(self._since) if kept.event.to is None]
        rows = [Delivery(number, f"{stem}{number:08d}", ENDPOINT, kept.number, kept.event.type, now, DUE, now) for number, kept in enumerate(missed, first)]
        if rows:
            world.put(*(Put("deliveries", row.id, row) for row in rows))

    def _take(self, headers: Headers, body: bytes, method: str) -> Answer:
        return Answer(self._receiver.take(dict(headers), body, self._time(), method).status)

    def _time(self) -> datetime:
        """The time by which signatures are judged: whose time they carry."""
        return self._find().clock.now() if self._house.theatre.post.rules.stamped == "world" else datetime.now(UTC)

    # --- moments -------------------------------------------------------------------------------------------------

    def kept(self) -> tuple[Recorded, ...]:
        """What came so far: what a snapshot remembers."""
        return tuple(self._receiver.kept)

    def go_back(self, kept: tuple[Recorded, ...]) -> None:
        """As if only this had come."""
        self._world = None
        self._receiver.kept[:] = kept

    def close(self) -> None:
        """Hand nothing over any more."""
        self._house.doors.at_once.pop(self.url, None)
        for url in self._routes:
            self._house.doors.asked.pop(url, None)
