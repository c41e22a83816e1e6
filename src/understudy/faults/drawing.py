"""Chance that is the same every time: drawn from a world's seed, a fault's id and how many it has met.

Nothing here knows what is drawn for; the same arguments give the same number on every machine and Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from hashlib import blake2b

from understudy.faults.fault import LONGEST, Delay, Fault

_Z99 = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


def draw(seed: int, id: str, what: str, number: int) -> float:
    """A number from 0 up to 1 that looks drawn by chance."""
    return int.from_bytes(blake2b(f"{seed} {id} {what} {number}".encode(), digest_size=6).digest()) / 2**48


def strikes(fault: Fault, seed: int, met: int, struck: int) -> bool:
    """Whether a fault strikes the `met`-th that it could (from 1), having struck `struck` times before."""
    if met <= fault.after or (fault.times is not None and struck >= fault.times):
        return False
    return fault.rate >= 1 or draw(seed, fault.id, "rate", met) < fault.rate


def seconds(delay: Delay | None, seed: int, id: str, met: int) -> float:
    """How long the delay is this time: from 0 to `LONGEST`."""
    if delay is None:
        return 0.0
    drawn = _SHAPES[delay.shape](delay.first, delay.second, lambda what: draw(seed, id, what, met))
    return min(max(drawn, 0.0), LONGEST)


Drawn = Callable[[str], float]


def _normal(drawn: Drawn) -> float:
    """A standard normal number (Box and Muller 1958)."""
    return math.sqrt(-2 * math.log(1 - drawn("delay"))) * math.cos(2 * math.pi * drawn("angle"))


_SHAPES: Mapping[str, Callable[[float, float, Drawn], float]] = {
    "fixed": lambda first, second, drawn: first,
    "uniform": lambda least, most, drawn: least + drawn("delay") * (most - least),
    "normal": lambda mean, deviation, drawn: mean + deviation * _normal(drawn),
    "lognormal": lambda median, p99, drawn: median * math.exp(_normal(drawn) * math.log(p99 / median) / _Z99),
}
