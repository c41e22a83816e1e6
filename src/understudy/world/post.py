"""From a commit to what its receivers are owed: rows to be held with it, so that state and deliveries are one write.

1. One `Post` serves every world of a script; whom to ring when something falls due is told it by who sends.
2. Nothing here sends, and nothing waits for what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
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
        """What is held because of a decision: endpoints its records make, deliveries of its events.

        An endpoint is told nothing of the commit that makes it, nor of the one that takes it away.
        """
        endpoints = list(self._endpoints(world, decision.changes)) if self.rules.endpoints is not None and decision.changes else []
        if not decision.events or not (world.outbox.audience or any(event.to is not None for event in decision.events)):
            return endpoints
        gone = {put.key for put in endpoints if put.value is None}
        return [*endpoints, *self._deliveries(world, decision.events, now, gone)]

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

    def _deliveries(self, world: World, events: Sequence[Event], now: datetime, gone: set[str]) -> Iterator[Put]:
        number, first = len(world.held["deliveries"]), len(world.events) + 1
        stem = stem_of(world, self.rules.prefix)
        for at, event in enumerate(events, first):
            if event.to is not None:
                yield from _known(world, event.to)
                told = [Told(callback_id(event.to), event.type)]
            else:
                told = world.outbox.audience.told(event.type)
            for endpoint, type in told:
                if endpoint not in gone:
                    number += 1
                    id = f"{stem}{number:08d}"
                    yield Put("deliveries", id, Delivery(number, id, endpoint, at, type, now, DUE, now))


def stem_of(world: World, prefix: str) -> str:
    """What the ids of a world's deliveries begin with."""
    return f"{prefix}_{fresh(world.seed, 0, None, None, world.id_length)[: max(world.id_length - DIGITS, 0)]}"


def callback_id(to: Target) -> str:
    """The endpoint of a callback: one for each method and URL."""
    return f"callback_{blake2b(f'{to.method} {to.url}'.encode(), digest_size=10).hexdigest()}"


def _known(world: World, to: Target) -> Iterator[Put]:
    id = callback_id(to)
    if id not in world.held["endpoints"]:
        yield Put("endpoints", id, Endpoint(id, to.url, kind="callback", method=to.method))

