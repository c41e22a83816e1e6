"""The faults of one world: armed and disarmed, and striking what they are aimed at; all of it is held, counts too.

What a fault makes of an answer is not known here, nor how that is carried.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from understudy.engine.plans import Script
from understudy.faults import fault as faults
from understudy.faults.aim import NOTHING, Aim, Target
from understudy.faults.aiming import aim, check
from understudy.faults.drawing import seconds, strikes
from understudy.faults.fault import Fault
from understudy.faults.spoiling import Struck
from understudy.webhooks.matching import like
from understudy.webhooks.retrying import DUE, Delivery
from understudy.world.counting import Count
from understudy.world.counting import write as written
from understudy.world.holdings import Put

if TYPE_CHECKING:
    from datetime import datetime

    from understudy.engine.decide import Circumstances
    from understudy.world.world import World

MOST = 200
"""Faults a world can have."""


# --- armed and disarmed -----------------------------------------------------------------------------------------------


def arm(script: Script, world: World, row: Mapping[str, Any], id: str | None = None) -> Fault:
    """Have a fault in a world from now on, in the place of an earlier one of its id; its counts begin anew.

    Without an `id`, here or in the row, it gets the next free one of `F1`, `F2`, … Raises ValueError that says what is
    wrong with the row and what would be right; Problem `unavailable` where it cannot be kept.
    """
    held = world.held["faults"]
    named = id or (row.get("id") if isinstance(row, Mapping) else None) or _free(held)
    own = {name: value for name, value in row.items() if name not in Count._fields} if isinstance(row, Mapping) else row
    fault = faults.read({**own, "id": named} if isinstance(own, Mapping) else own)
    check(script, fault)
    if fault.id not in held and len(held) >= MOST:
        raise ValueError(f"there are {MOST} faults already; remove one first")
    world.put(Put("struck", fault.id, None), Put("faults", fault.id, fault))  # the last one says what changed
    if fault.stale:
        aimed(script, world)  # so that what is written from now on is remembered
    return fault


def _free(held: Iterable[str]) -> str:
    taken = set(held)
    return next(name for number in range(1, len(taken) + 2) if (name := f"F{number}") not in taken)


def disarm(world: World, id: str | None = None) -> int:
    """Have a fault no more, or none at all; how many there were of them. Raises Problem `unavailable`."""
    gone = [key for key in world.held["faults"] if id in (None, key)]
    if gone:
        world.put(*(Put("struck", key, None) for key in gone), *(Put("faults", key, None) for key in gone))
    return len(gone)


def shown(world: World, fault: Fault) -> dict[str, Any]:
    """A fault as the control plane prints it."""
    return {**faults.write(fault), **written(count_of(world, fault.id))}


def count_of(world: World, id: str) -> Count:
    """How often a fault could have struck, and did."""
    count: Count | None = world.held["struck"].get(id)
    return count or Count()


def aimed(script: Script, world: World) -> Aim:
    """What the faults of a world may strike, made anew where they changed."""
    if world.aim is None:
        held = [fault for _, fault in world.held["faults"].items()]
        world.aim = aim(script, held) if held else NOTHING
        world.past = deque(world.past, world.aim.depth)
    return world.aim


# --- struck -----------------------------------------------------------------------------------------------------------


def strike(world: World, targets: Iterable[Target], path: str, sent: Mapping[bytes, bytes]) -> Struck | None:
    """What strikes a request, counted: delays add up, and the first fault that decides the answer is the last."""
    counts: list[Put] = []
    ids: list[str] = []
    delay, pace = 0.0, None
    decided = None
    for id, only in targets:
        fault: Fault = world.held["faults"][id]
        if (only is not None and only != path) or not _matches(fault, sent):
            continue
        count = _counted(world, fault, counts)
        if count is None:
            continue
        ids.append(id)
        delay += seconds(fault.delay, world.seed, id, count.met)
        pace = fault.bytes_per_second if pace is None else min(pace, fault.bytes_per_second or pace)
        if fault.decides:
            decided = fault
            break
    if counts:
        world.put(*counts)
    return Struck(tuple(ids), min(delay, faults.LONGEST), pace, decided) if ids else None


def strike_delivery(script: Script, world: World, delivery: Delivery) -> Fault | None:
    """The fault that strikes a delivery before it is first tried, counted. Raises Problem `unavailable`."""
    if delivery.attempts or delivery.state != DUE:
        return None
    for id in aimed(script, world).deliveries:
        fault: Fault = world.held["faults"][id]
        counts: list[Put] = []
        hit = like(delivery.type, fault.event or "*") and _counted(world, fault, counts) is not None
        if counts:
            world.put(*counts)
        if hit:
            return fault
    return None


def _counted(world: World, fault: Fault, counts: list[Put]) -> Count | None:
    """One more that a fault meets: `counts` is told; the count where it strikes. One that has struck its times meets no more."""
    before = count_of(world, fault.id)
    if fault.times is not None and before.struck >= fault.times:
        return None
    hit = strikes(fault, world.seed, before.met + 1, before.struck)
    count = Count(before.met + 1, before.struck + hit)
    counts.append(Put("struck", fault.id, count))
    return count if hit else None


def _matches(fault: Fault, sent: Mapping[bytes, bytes]) -> bool:
    for name, pattern in fault.match_headers:
        value = sent.get(name.encode())
        if value is None or not like(value.decode("latin-1"), pattern):
            return False
    return True


# --- what was before --------------------------------------------------------------------------------------------------


def circumstances(world: World, now: datetime, writes: int) -> Circumstances:
    """What a decision depends on, the records being as they were so many writes ago, or as far back as is remembered."""
    if not writes or not world.past:
        return world.circumstances(now)
    return world.circumstances_of(world.past[-min(writes, len(world.past))], now)
