"""The worlds of one server: each begun from the fixture when first named, all forks of one prepared world.

Nothing here answers requests or keeps records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy.world.world import World

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a world may be called."""


class Worlds:
    """Named worlds; `prepared` is what a new one begins as."""

    def __init__(self, prepared: World, most: int = 10_000) -> None:
        self.prepared = prepared
        self.most = most
        self._worlds: dict[str, World] = {}

    def __iter__(self) -> Iterator[World]:
        return iter(self._worlds.values())

    def get(self, name: str) -> World:
        """The world of a name, begun now if it is new. Raises ValueError for a name that is none, or too many worlds."""
        world = self._worlds.get(name)
        return world if world is not None else self.begin(name, self.prepared)

    def begin(self, name: str, source: World) -> World:
        """Begin a world from another, in the place of one of the same name."""
        if not NAME.fullmatch(name):
            raise ValueError(f'"{name[:120]}" cannot name a world; use up to 100 letters, digits, dots, dashes and underscores')
        if len(self._worlds) >= self.most and name not in self._worlds:
            raise ValueError(f"there are {self.most} worlds already; end one first")
        world = self._worlds[name] = source.fork(name)
        return world

    def find(self, name: str) -> World | None:
        """The world of a name, None where it was never begun."""
        return self._worlds.get(name)

    def end(self, name: str) -> bool:
        """Forget a world; whether there was one."""
        return self._worlds.pop(name, None) is not None
