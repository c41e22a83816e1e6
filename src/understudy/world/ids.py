"""Fresh ids from a seed and a counter: the same seed and the same calls give the same ids."""

from __future__ import annotations

import string
from hashlib import blake2b

_LETTERS = (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode()
_TABLE = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))


class Ids:
    """`ids("cust")` is `cust_` and `length` letters and digits; `count` is how many were given so far."""

    __slots__ = ("_key", "_length", "count")

    def __init__(self, seed: int, count: int = 0, length: int = 20) -> None:
        self._key = b"%d" % seed
        self._length = length
        self.count = count

    def __call__(self, prefix: str | None) -> str:
        """The next id; without a prefix, letters and digits alone."""
        self.count += 1
        digest = blake2b(b"%d" % self.count, digest_size=self._length, key=self._key)
        name = digest.digest().translate(_TABLE).decode()
        return f"{prefix}_{name}" if prefix else name
