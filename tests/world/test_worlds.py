"""Worlds by name: how many, for how long, and what they are called."""

from __future__ import annotations

import pytest

from understudy.world.clock import Clock
from understudy.world.world import World
from understudy.world.worlds import Worlds


class Watch:
    """A machine's clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def prepared() -> World:
    """A world without records."""
    return World("prepared", Clock(frozen=True), 0, {})


def test_no_more_worlds_are_begun_than_allowed() -> None:
    """The refusal says what to do; a world there already may begin anew."""
    worlds = Worlds(prepared(), most=2)
    worlds.get("a"), worlds.get("b")
    with pytest.raises(ValueError, match="end one first"):
        worlds.get("c")
    worlds.begin("a", worlds.prepared)
    worlds.end("b")
    assert worlds.get("c").name == "c"


def test_a_world_nobody_asks_for_is_forgotten_with_its_snapshots() -> None:
    """On the machine's clock; `default`, which everyone shares, stays."""
    watch = Watch()
    worlds = Worlds(prepared(), idle=10, elapsed=watch)
    default, left, used = (worlds.get(name) for name in ("default", "left", "used"))
    worlds.save(left, "moment")
    watch.now = 8
    assert worlds.get("used") is used
    watch.now = 12
    worlds.get("used")
    assert worlds.find("left") is None
    assert worlds.saved("left") == {}
    assert worlds.get("left") is not left
    assert (worlds.get("default"), worlds.get("used")) == (default, used)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 101, "a b", "é"])
def test_a_name_is_letters_digits_dots_dashes_and_underscores(name: str) -> None:
    """It may become the name of a file."""
    worlds = Worlds(prepared())
    with pytest.raises(ValueError, match="cannot name a world"):
        worlds.get(name)
    with pytest.raises(ValueError, match="cannot name a snapshot"):
        worlds.save(worlds.get("fine"), name)
