"""From what happened to what receivers are owed: rows to be held, so that who is told is as lasting as what is told.

1. One `Post` serves every world of a script; whom to ring when something falls due is told it by who sends.
2. An event and who is told of it are one write: the events not told yet are an outbox already, since nobody can come to
   be told, or cease to be, before they were handed out. So a request does not wait while many endpoints are told.
3. Nothing here sends, and nothing waits for what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from understudy.engine.decide import Changed, Decision, Event, Target
from understudy.engine.naming import fresh
from understudy.webhooks.endpoints import Endpoint, endpoint_of
from understudy.webhooks.matching import Told
from understudy.webhooks.payloads import Fact, Payloads
from understudy.webhooks.profiles import PROFILES, Profile, profile_of
from understudy.webhooks.retrying import DUE, Delivery
from understudy.webhooks.rules import Rules
from understudy.world.holdings import Held, Put
from understudy.world.outbox import Outbox

if TYPE_CHECKING:
    from understudy.world.world import World

DIGITS = 8
"""Digits of a delivery's number at the end of its id."""


class Post:
    """How worlds tell. `ring` is called with a world in which something is due, or was changed that decides what is."""

    def __init__(self, rules: Rules, payloads: Payloads) -> None:
        self.rules = rules
        self.payloads = payloads
        self.profiles: Mapping[str, Profile] = {**PROFILES, **{name: profile_of(row) for name, row in rules.profiles.items()}}
        self.ring: Callable[[World], None] = lambda world: None

    def outbox(self, held: Mapping[str, Held]) -> Outbox:
        """What a world owes that holds this."""
        return Outbox(held, self.rules.ordered, self.rules.aliases)

    def payload(self, delivery: Delivery, event: Event, at: datetime, cause: str | None, *, previous: bool) -> bytes:
        """What a delivery carries. Raises ValueError where the document allows no such thing."""
        return self.payloads.body(Fact(delivery.id, event.type, delivery.type, at, event.data, event.previous, cause), previous=previous)

    # --- a commit ------------------------------------------------------------------------------------------------

    def rows(self, world: World, decision: Decision, now: datetime) -> Sequence[Put]:
        """What is held with a decision. Deliveries follow it (`told`), unless it changes who is told, or names a callback.

        An endpoint is told nothing of the commit that makes it, nor of the one that takes it away.
        """
        if self._is_usual(decision):
            return ()
        endpoints = list(self._endpoints(world, decision.changes)) if self.rules.endpoints is not None else []
        if not endpoints and all(event.to is None for event in decision.events):
            return ()
        gone = {put.key for put in endpoints if put.value is None}
        own = [(at, now, event) for at, event in enumerate(decision.events, len(world.events) + 1)]
        return [*self._deliveries(world, [*_untold(world), *own], gone), *endpoints]

    def _is_usual(self, decision: Decision) -> bool:
        """Whether a decision touches no record that is an endpoint and names no receiver of its own."""
        for event in decision.events:
            if event.to is not None:
                return False
        rows = self.rules.endpoints
        if rows is not None:
            for change in decision.changes:
                if change.resource == rows.resource:
                    return False
        return True

    def told(self, world: World) -> Sequence[Put]:
        """The deliveries of what happened since somebody was last told."""
        return list(self._deliveries(world, _untold(world), frozenset()))

    def _endpoints(self, world: World, changes: Sequence[Changed]) -> Iterator[Put]:
        rows = self.rules.endpoints
        assert rows is not None
        for change in changes:
            if change.resource != rows.resource:
                continue
            known = world.held["endpoints"].get(change.id)
            made = None if change.after is None else endpoint_of(change.after, change.id, rows, self.rules.signing)
            if made != known:
                yield Put("endpoints", change.id, made)

    def _deliveries(self, world: World, events: Iterable[tuple[int, datetime, Event]], gone: Collection[str]) -> Iterator[Put]:
        number, audience = len(world.held["deliveries"]), world.owed.audience
        stem = stem_of(world.seed, world.id_length, self.rules.prefix)
        for at, now, event in events:
            if event.to is not None:
                yield from _known(world, event.to)
                told = [Told(callback_id(event.to), event.type)]
            else:
                told = audience.told(event.type)
            for endpoint, type in told:
                if endpoint not in gone:
                    number += 1
                    id = f"{stem}{number:08d}"
                    yield Put("deliveries", id, Delivery(number, id, endpoint, at, type, now, DUE, now))


def _untold(world: World) -> list[tuple[int, datetime, Event]]:
    return [(kept.number, kept.at, kept.event) for kept in world.events.since(world.told)]


@lru_cache(maxsize=1024)
def stem_of(seed: int, length: int, prefix: str) -> str:
    """What the ids of a world's deliveries begin with."""
    return f"{prefix}_{fresh(seed, 0, None, None, length)[: max(length - DIGITS, 0)]}"


def callback_id(to: Target) -> str:
    """The endpoint of a callback: one for each method and URL."""
    return f"callback_{blake2b(f'{to.method} {to.url}'.encode(), digest_size=10).hexdigest()}"


def _known(world: World, to: Target) -> Iterator[Put]:
    id = callback_id(to)
    if id not in world.held["endpoints"]:
        yield Put("endpoints", id, Endpoint(id, to.url, kind="callback", method=to.method))

