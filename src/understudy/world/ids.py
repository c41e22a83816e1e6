"""Fresh ids from a seed and a counter: the same seed and the same calls give the same ids."""

from __future__ import annotations

import string
from hashlib import blake2b

_LETTERS = (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode()
_TABLE = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))


def fresh(seed: int, number: int, prefix: str | None, length: int) -> str:
    """The id with a number: a prefix, `_`, and `length` letters and digits; without a prefix these alone."""
    name = blake2b(b"%d.%d" % (seed, number), digest_size=length).digest().translate(_TABLE).decode()
    return f"{prefix}_{name}" if prefix else name


class Ids:
    """`ids("cust")` is `cust_` and `length` letters and digits; `count` is how many were given so far."""

    __slots__ = ("_length", "_seed", "count")

    def __init__(self, seed: int, count: int = 0, length: int = 20) -> None:
        self._seed = seed
        self._length = length
        self.count = count

    def __call__(self, prefix: str | None) -> str:
        """The next id."""
        self.count += 1
        return fresh(self._seed, self.count, prefix, self._length)
