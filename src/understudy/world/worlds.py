"""The worlds of one server: each begun from the fixture when first named, all forks of one prepared world; and their snapshots.

1. Nothing here answers requests or keeps records.
2. Beginning, saving and going back are forks: O(1), whatever a world holds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from understudy.world.post import Post
from understudy.world.world import World

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a world or a snapshot may be called."""

SHARED = "default"
"""The world of requests that name none; it does not expire."""


class Keeper(Protocol):
    """Writes down what is about to happen to worlds; raises Problem `unavailable` where it cannot be written."""

    def begins(self, world: World, source: World) -> None: ...
    def saves(self, world: World, name: str) -> None: ...
    def ends(self, name: str) -> None: ...
    def watch(self, world: World) -> None: ...


class Worlds:
    """Named worlds; `prepared` is what a new one begins as.

    `most` worlds may be there at once. One that nothing asked for in `idle` seconds of the machine's clock (`elapsed`)
    is forgotten with its snapshots, where `idle` is given.
    """

    def __init__(
        self, prepared: World, most: int = 10_000, idle: float | None = None, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self.prepared = prepared
        self.most = most
        self.idle = idle
        self._elapsed = elapsed
        self._worlds: dict[str, World] = {}
        self._snapshots: dict[str, dict[str, World]] = {}
        self._seen: dict[str, float] = {}
        self.version = 0  # counts worlds begun, saved and ended: who watches sees by it that some were
        self.beginnings: dict[str, World] = {}
        """Worlds that begin elsewhere than at `prepared`, by name."""
        self.keeper: Keeper | None = None
        self.post: Post | None = None
        """What the worlds begun here tell others by."""

    def __iter__(self) -> Iterator[World]:
        return iter(self._worlds.values())

    def get(self, name: str) -> World:
        """The world of a name, begun now if it is new. Raises ValueError for a name that is none, or too many worlds."""
        if self.idle is not None:
            self._expire(name)
        world = self._worlds.get(name)
        return world if world is not None else self.begin(name, self.beginning(name))

    def beginning(self, name: str) -> World:
        """What the world of a name begins as, and goes back to."""
        return self.beginnings.get(name, self.prepared)

    def begin(self, name: str, source: World) -> World:
        """Begin a world from another, in the place of one of the same name. Raises ValueError as `get`."""
        _check_name(name, "a world")
        if len(self._worlds) >= self.most and name not in self._worlds:
            raise ValueError(f"there are {self.most} worlds already; end one first")
        world = source.fork(name)
        if self.keeper is not None:
            self.keeper.begins(world, source)
            self.keeper.watch(world)
        self._worlds[name] = world
        self.version += 1
        self._connect(world)
        if self.idle is not None:
            self._see(name)
        return world

    def connect(self, post: Post) -> None:
        """Have all worlds tell others from now on, those there are and those to be begun."""
        self.post = post
        for world in self:
            self._connect(world)

    def restage(self, prepared: World, post: Post) -> None:
        """Have all worlds played by another script from now on: new ones begin as `prepared`, those there are keep what they hold."""
        before, self.prepared = self.prepared, prepared
        for world in [*self, *(saved for some in self._snapshots.values() for saved in some.values())]:
            world.restage(before, prepared, alike=self.post is not None and self.post.rules == post.rules)
        self.connect(post)

    def _connect(self, world: World) -> None:
        """Have a world tell others from now on; what it owes already is seen to."""
        world.post = self.post
        if self.post is not None:
            self.post.ring(world)

    def find(self, name: str) -> World | None:
        """The world of a name, None where it was never begun."""
        return self._worlds.get(name)

    def end(self, name: str) -> bool:
        """Forget a world and its snapshots; whether there was one."""
        if self.keeper is not None and name in self._worlds:
            self.keeper.ends(name)
        self.version += 1
        self._snapshots.pop(name, None)
        self._seen.pop(name, None)
        self.beginnings.pop(name, None)
        return self._worlds.pop(name, None) is not None

    # --- snapshots -----------------------------------------------------------------------------------------------

    def save(self, world: World, name: str) -> World:
        """Keep a world as it is now, in the place of an earlier snapshot of that name. Raises ValueError for a name that is none."""
        _check_name(name, "a snapshot")
        if self.keeper is not None:
            self.keeper.saves(world, name)
        saved = world.fork(world.name)
        self.version += 1
        self._snapshots.setdefault(world.name, {})[name] = saved
        return saved

    def saved(self, world: str) -> dict[str, World]:
        """The snapshots of a world, by name, in the order they were first taken."""
        return dict(self._snapshots.get(world, {}))

    def forked(self) -> Worlds:
        """All of them as they are now, for somebody who looks at them aside."""
        others = Worlds(self.prepared, self.most)
        for world in self:
            others.put(world.name, world.fork(world.name))
        others._snapshots = {name: dict(some) for name, some in self._snapshots.items()}
        return others

    # --- kept worlds ---------------------------------------------------------------------------------------------

    def put(self, name: str, world: World) -> None:
        """Put a world that was kept elsewhere in its place."""
        self._worlds[name] = world

    def put_snapshot(self, world: str, name: str, saved: World) -> None:
        """The same for a snapshot."""
        self._snapshots.setdefault(world, {})[name] = saved

    def adopt(self, kept: Worlds, keeper: Keeper) -> None:
        """Have these worlds and snapshots in the place of one's own, and have them kept from now on."""
        self._worlds, self._snapshots, self.keeper = kept._worlds, kept._snapshots, keeper
        for world in self:
            keeper.watch(world)
            self._connect(world)
            if self.idle is not None:
                self._see(world.name)

    def place(self, world: World) -> list[str] | None:
        """Where a world is to be found here, for `at`; None for one that is nowhere."""
        if world is self.prepared:
            return []
        if self._worlds.get(world.name) is world:
            return [world.name]
        return next(([world.name, name] for name, saved in self._snapshots.get(world.name, {}).items() if saved is world), None)

    def at(self, place: list[str]) -> World:
        """The world or snapshot at a place. Raises LookupError."""
        if not place:
            return self.prepared
        return self._worlds[place[0]] if len(place) == 1 else self._snapshots[place[0]][place[1]]

    # --- expiry --------------------------------------------------------------------------------------------------

    def _expire(self, wanted: str) -> None:
        """Forget what was idle too long; `_seen` is in the order worlds were last asked for."""
        assert self.idle is not None
        limit = self._elapsed() - self.idle
        for name in [name for name, seen in self._seen.items() if seen < limit]:
            if name != SHARED:
                self.end(name)
        if wanted in self._worlds:
            self._see(wanted)

    def _see(self, name: str) -> None:
        self._seen.pop(name, None)
        self._seen[name] = self._elapsed()


def _check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f'"{name[:120]}" cannot name {what}; use up to 100 letters, digits, dots, dashes and underscores')
