"""JSON values with something odd in one place: what people's files hold when an editor, a template or a merge went wrong."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    None, 7, -1, 1.5, 2**70, "x", "", "é", "\x00", "[", "$", "#/components/schemas/Nobody", [], {}, True, False, ["a"], [{}], [[]], [None], {"a": 1}, {"": ""},
    {"$ref": "#/nothing"}, {"$ref": "#"}, {"$ref": 7}, {"$ref": "http://[x"}, {"type": 7}, {"type": [[]]}, {"type": "object", "properties": []}, {"allOf": "x"},
    {"enum": []}, {"pattern": "["}, {"type": "array", "minItems": 2**40}, {"type": "string", "minLength": 2**40},
)  # fmt: skip


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*here, name)
        yield from places(part, (*here, name))


def mutants(value: Any, seed: int, count: int) -> Iterator[tuple[str, Any]]:
    """So many copies of a value, each with one part taken out or replaced, and which; the same for a seed."""
    chance = random.Random(seed)
    ways = list(places(value))
    short = [way for way in ways if len(way) <= 4]
    for _ in range(count):
        changed = copy.deepcopy(value)
        *way, last = chance.choice(short if chance.random() < 0.4 else ways)
        holder = changed
        for step in way:
            holder = holder[step]
        odd = copy.deepcopy(chance.choice((*ODD, "gone")))
        if odd == "gone":
            del holder[last]
        else:
            holder[last] = odd
        yield f"{[*way, last]} = {odd!r}", changed
