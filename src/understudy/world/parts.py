"""The parts that copy-on-write containers are made of: a map of buckets and a sorted run.

1. Every part (a list or dict of bounded size, or the spine that lists the parts) carries an `owner`: the token of the
   one container that may change it in place. Whoever holds another token copies the part first, then changes its copy.
2. A fork hands out two new tokens, so that nothing is owned by either side. There are no layers to look through, no
   parent to keep alive, and a chain of forks of any depth reads as fast as the first container.
3. Nothing here knows what is kept in it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

BUCKET = 170  # entries a bucket may hold before it is split: as many as a dict of 256 slots takes without growing
SPAN = 1024  # entries a part of a run may hold before it is split


class Part(list[T]):
    """A list with an owner."""

    __slots__ = ("owner",)
    owner: object


def part(items: Iterable[T], owner: object) -> Part[T]:
    """A part holding `items`, to be changed by `owner` alone."""
    made = Part(items)
    made.owner = owner
    return made


class Bucket(dict[K, V]):
    """A dict with an owner; `depth` is the number of low hash bits its keys have in common."""

    __slots__ = ("depth", "owner")
    owner: object
    depth: int


def bucket_of(items: Mapping[K, V], owner: object, depth: int = 0) -> Bucket[K, V]:
    """A bucket holding `items`, to be changed by `owner` alone; its keys share `depth` low bits of their hash."""
    made = Bucket(items)
    made.owner = owner
    made.depth = depth
    return made


class Buckets(Generic[K, V]):
    """An unordered map by extendible hashing: the spine is indexed by the low bits of the hash.

    None is not a value: `get` answers it for what is not there.
    """

    __slots__ = ("_made", "mask", "owner", "spine")

    def __init__(self) -> None:
        self.owner = object()
        self.mask = 0
        self._made = 1
        self.spine: Part[Bucket[K, V]] = part([bucket_of({}, self.owner)], self.owner)

    def get(self, key: K) -> V | None:
        """The value of `key`, or None."""
        return self.spine[hash(key) & self.mask].get(key)

    def set(self, key: K, value: V) -> None:
        """Put `value` at `key`, over what was there."""
        held = self.spine[hash(key) & self.mask]
        if held.owner is not self.owner:
            held = self._own(hash(key) & self.mask)
        held[key] = value
        if len(held) > BUCKET:
            self.split(key)

    def discard(self, key: K) -> None:
        """Take `key` out, if it is there."""
        self.bucket(key).pop(key, None)

    def bucket(self, key: K) -> Bucket[K, V]:
        """The bucket of `key`, to be changed in place; once it holds more than BUCKET entries, `split` is due."""
        held = self.spine[hash(key) & self.mask]
        return held if held.owner is self.owner else self._own(hash(key) & self.mask)

    def fork(self) -> Buckets[K, V]:
        """A second map with the same contents."""
        other: Buckets[K, V] = Buckets.__new__(Buckets)
        other.mask, other._made, other.spine = self.mask, self._made, self.spine
        self.owner, other.owner = object(), object()
        return other

    def _own(self, position: int) -> Bucket[K, V]:
        bucket = self.spine[position]
        mine = bucket_of(bucket, self.owner, bucket.depth)
        self._place(mine, position & ((1 << bucket.depth) - 1), 1 << bucket.depth)
        return mine

    def _place(self, bucket: Bucket[K, V], first: int, step: int) -> None:
        if self.spine.owner is not self.owner:
            self.spine = part(self.spine, self.owner)
        for position in range(first, len(self.spine), step):
            self.spine[position] = bucket

    def split(self, key: K) -> None:
        """Part the bucket of `key` in two."""
        position = hash(key) & self.mask
        bucket = self.spine[position]
        bit = 1 << bucket.depth
        if bit > self.mask:
            # Keys that agree in many low bits (multiples of a large power of two) would only make the spine longer.
            if len(self.spine) >= 4 * self._made:
                return
            self.spine = part(self.spine * 2, self.owner)
            self.mask = 2 * self.mask + 1
        halves: tuple[Bucket[K, V], Bucket[K, V]] = (
            bucket_of({}, self.owner, bucket.depth + 1),
            bucket_of({}, self.owner, bucket.depth + 1),
        )
        for held, value in bucket.items():
            halves[hash(held) & bit != 0][held] = value
        for half, first in zip(halves, (position & (bit - 1), position & (bit - 1) | bit), strict=True):
            self._place(half, first, 2 * bit)
        self._made += 1


class Run(Generic[T]):
    """Distinct comparable entries in ascending order: O(log n) to add and take out, any slice by position."""

    __slots__ = ("_firsts", "_size", "_spine", "_starts", "owner")

    def __init__(self, entries: Sequence[T] = (), owner: object = None) -> None:
        """A run of `entries`, which are in order already; `owner` is the container it is part of, if any."""
        self.owner = owner or object()
        parts = [part(entries[at : at + SPAN], self.owner) for at in range(0, len(entries) or 1, SPAN)]
        self._spine = part(parts, self.owner)
        self._firsts: list[Any] = [None, *(held[0] for held in parts[1:])]  # lower bounds; the first is never looked at
        self._starts: list[int] | None = None
        self._size = len(entries)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._spine)

    def __getitem__(self, span: slice) -> list[T]:
        start, stop, _ = span.indices(self._size)
        if start >= stop:
            return []
        at, offset = self._locate(start)
        found: list[T] = self._spine[at][offset : offset + stop - start]
        while len(found) < stop - start:
            at += 1
            found += self._spine[at][: stop - start - len(found)]
        return found

    def position(self, probe: Any) -> int:
        """The number of entries less than `probe`."""
        at = bisect_right(self._firsts, probe, 1) - 1
        return self._before(at) + bisect_left(self._spine[at], probe)

    def add(self, entry: T) -> None:
        """Put `entry`, which is not there yet, in its place."""
        if self._spine.owner is not self.owner:
            self._thaw()
        last: Any = self._spine[-1]
        if last and entry < last[-1]:
            self._squeeze(entry)
        elif len(last) >= SPAN:
            self._insert(len(self._spine), [entry])
        elif last.owner is self.owner:
            last.append(entry)
        else:
            self._owned(len(self._spine) - 1).append(entry)
        self._size += 1

    def remove(self, entry: T) -> None:
        """Take `entry` out. KeyError if it is not there."""
        if self._spine.owner is not self.owner:
            self._thaw()
        at = bisect_right(self._firsts, entry, 1) - 1
        held: Any = self._owned(at)
        offset = bisect_left(held, entry)
        if offset == len(held) or held[offset] != entry:
            raise KeyError(entry)
        del held[offset]
        self._size -= 1
        if at < len(self._spine) - 1:
            self._starts = None
        if not held and len(self._spine) > 1:
            del self._spine[at], self._firsts[at]
            self._starts = None

    def fork(self) -> Run[T]:
        """A second run with the same entries."""
        self.owner = object()
        return self.lent(object())

    def lent(self, owner: object) -> Run[T]:
        """The same entries for another `owner`; this run must not be written to by its present owner any more."""
        other: Run[T] = Run.__new__(Run)
        other.owner, other._size = owner, self._size
        other._spine, other._firsts, other._starts = self._spine, self._firsts, self._starts
        return other

    def _thaw(self) -> None:
        self._spine = part(self._spine, self.owner)
        self._firsts = self._firsts[:]

    def _squeeze(self, entry: Any) -> None:
        at = bisect_right(self._firsts, entry, 1) - 1
        held: Any = self._owned(at)
        held.insert(bisect_left(held, entry), entry)
        self._starts = None
        if len(held) > SPAN:
            self._insert(at + 1, held[SPAN // 2 :])
            del held[SPAN // 2 :]

    def _owned(self, at: int) -> Part[T]:
        held = self._spine[at]
        if held.owner is not self.owner:
            held = self._spine[at] = part(held, self.owner)
        return held

    def _insert(self, at: int, entries: list[T]) -> None:
        self._spine.insert(at, part(entries, self.owner))
        self._firsts.insert(at, entries[0])
        self._starts = None

    def _locate(self, position: int) -> tuple[int, int]:
        last = len(self._spine) - 1
        tail = self._size - len(self._spine[last])
        if position >= tail:
            return last, position - tail
        if position < len(self._spine[0]):
            return 0, position
        self._before(last)
        starts: Any = self._starts
        at = bisect_right(starts, position) - 1
        return at, position - starts[at]

    def _before(self, at: int) -> int:
        if at == 0:
            return 0
        if self._starts is None:
            self._starts = list(accumulate(map(len, self._spine[:-1]), initial=0))
        return self._starts[at]
