"""What a session teaches: a line for the behaviour file with its evidence, or a doubt that is told and changes nothing.

Pure values; they are drawn in `learning` and `tables`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FEW = 3
"""Observations below which what was learned is said to rest on few."""
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Lesson:
    """`path` in the behaviour file becomes `value`. `seen`: the exchanges that show it; `against`: those that contradict what it was."""

    path: tuple[str, ...]
    value: Any
    seen: tuple[int, ...] = ()
    was: Any = None
    against: tuple[int, ...] = ()
    about: str = ""

    @property
    def comment(self) -> str:
        """Its evidence, in words."""
        parts = [self.about] if self.about else []
        if self.seen:
            few = "; few" if len(self.seen) < FEW else ""
            parts.append(f"{numbers(self.seen)}, none against{few}")
        if self.was is not None:
            parts.append(f"was {self.was if isinstance(self.was, str) else json.dumps(self.was)}" + (f", against it {numbers(self.against)}" if self.against else ""))
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that was seen and cannot be put as a line, or that contradicts itself."""

    about: str
    says: str
    seen: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.about}: {self.says} ({numbers(self.seen)})"


def numbers(seen: Iterable[int]) -> str:
    """Exchanges by their numbers: `exchange 3`, `4 exchanges: 1, 2, 7, 9`."""
    some = sorted(set(seen))
    if len(some) == 1:
        return f"exchange {some[0]}"
    more = ", …" if len(some) > SHOWN else ""
    return f"{len(some)} exchanges: {', '.join(map(str, some[:SHOWN]))}{more}"
