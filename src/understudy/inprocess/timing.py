"""A world's clock as a test turns it: what falls due on the way happens in order, webhooks included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from understudy.durations import parse_duration, parse_instant
from understudy.inprocess.doors import is_handing
from understudy.inprocess.house import House
from understudy.server.sending import Tried
from understudy.world.world import World

Happened = list[dict[str, Any]]
"""What fell due, in order: `at`, and of a timer `resource`, `id`, `trigger`, `events`; of a delivery `delivery`, `type`, `status`."""


class Clock:
    """The time of a sandbox's world, in whole seconds of UTC. It stands still unless told to run."""

    def __init__(self, house: House, find: Callable[[], World]) -> None:
        self._house = house
        self._find = find

    def now(self) -> datetime:
        """The present instant."""
        with self._house.baton:
            return self._find().clock.now()

    def advance(self, by: str | timedelta) -> Happened:
        """Turn it on by a duration: `P1M`, `2h`, a timedelta. What fell due. Raises ValueError for what is none or goes back."""
        return self.set(self._after(by))

    def set(self, to: str | datetime) -> Happened:
        """Turn it to an instant: `2025-06-06T08:00:00Z`, an aware datetime. What fell due. Raises ValueError as `advance`."""
        until = instant_of(to)
        with self._house.baton:
            world = self._find()
            if not self._house.is_serving and not len(world.held["endpoints"]):
                return _told(self._house.theatre.stage.advance(world, until))
        if is_handing():
            raise RuntimeError("a receiver cannot turn the clock: that waits until everything is delivered, so for the receiver itself")
        return _told(self._house.do(self._advance(world, until)))

    async def aadvance(self, by: str | timedelta) -> Happened:
        """`advance`, awaited: for receivers in the caller's own event loop."""
        with self._house.baton:
            world = self._find()
        return _told(await asyncio.wrap_future(self._house.begin(self._advance(world, self._after(by)))))

    def freeze(self) -> None:
        """Stand still from now on."""
        with self._house.baton:
            self._find().clock.freeze()

    def run(self) -> None:
        """Go on with the machine's time from now on."""
        with self._house.baton:
            world = self._find()
            world.clock.run()
            self._house.theatre.post.ring(world)

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._find().clock.frozen

    @property
    def next_due(self) -> datetime | None:
        """When the next thing of the world itself falls due."""
        return self._find().next_due

    def _after(self, by: str | timedelta) -> datetime:
        if isinstance(by, timedelta):
            return (self.now() + by).replace(microsecond=0)
        duration = parse_duration(by)
        try:
            return duration.after(self.now())
        except (OverflowError, ValueError):
            raise ValueError("the calendar ends before that") from None

    async def _advance(self, world: World, until: datetime) -> list[Any]:
        sender = self._house.app.sender
        assert sender is not None
        return await sender.advance(world, until)


def _told(happened: list[Any]) -> Happened:
    if not any(isinstance(one, Tried) for one in happened):
        return [one.describe() for one in happened]
    from understudy.server.deliveries import shown_tried  # Starlette, 70 ms: only where something was sent

    return [shown_tried(one) if isinstance(one, Tried) else one.describe() for one in happened]


def instant_of(given: str | datetime) -> datetime:
    """An instant in whole seconds of UTC. Raises ValueError for one without a time zone."""
    if isinstance(given, str):
        return parse_instant(given)
    if given.tzinfo is None:
        raise ValueError(f"{given.isoformat()} has no time zone; say which, such as {given.isoformat()}+00:00")
    return given.astimezone(UTC).replace(microsecond=0)
