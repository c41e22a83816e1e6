"""Containers that fork in O(1): a log, rows by number, and a map in the order of its keys.

1. Both sides of a fork share every part until one of them writes to it; see `parts` for how that is kept apart.
2. What is put in must not be changed afterwards: both sides of a fork hold the same value.
3. Nothing here knows records, resources or indexes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from typing import Any, Generic, TypeVar, overload

from understudy.world.parts import Bucket, Buckets, Part, Run, bucket_of, part

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

BLOCK = 512  # values in one block of a log or of rows; a power of two
_SHIFT = BLOCK.bit_length() - 1
_WITHIN = BLOCK - 1


class Log(Sequence[T]):
    """An append-only sequence: O(1) append, index and fork; a slice is a list."""

    __slots__ = ("_owner", "_size", "_spine")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._owner = object()
        self._spine: Part[Part[T]] = part((), self._owner)
        self._size = 0
        for item in items:
            self.append(item)

    def append(self, item: T) -> int:
        """Put `item` at the end; answers its index."""
        index = self._size
        spine = self._spine
        if spine.owner is not self._owner:
            spine = self._spine = part(spine, self._owner)
        if index & _WITHIN == 0:
            spine.append(part((item,), self._owner))
        else:
            block = spine[-1]
            if block.owner is not self._owner:
                block = spine[-1] = part(block, self._owner)
            block.append(item)
        self._size = index + 1
        return index

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return self._slice(*index.indices(self._size))
        place = index + self._size if index < 0 else index
        if not 0 <= place < self._size:
            raise IndexError(f"index {index} of a log of {self._size}")
        return self._spine[place >> _SHIFT][place & _WITHIN]

    def __iter__(self) -> Iterator[T]:
        return self.since(0)

    def since(self, start: int) -> Iterator[T]:
        """The items from index `start` on, as many as there are now; further appends do not disturb it."""
        first = max(start, 0)
        blocks = self._spine[first >> _SHIFT :]
        return islice(chain.from_iterable(blocks), first & _WITHIN, max(self._size - first, 0) + (first & _WITHIN))

    def fork(self) -> Log[T]:
        """A second log with the same items; each goes on by itself."""
        other: Log[T] = Log.__new__(Log)
        other._spine, other._size = self._spine, self._size
        self._owner, other._owner = object(), object()
        return other

    def _slice(self, start: int, stop: int, step: int) -> list[T]:
        if step != 1:
            return [self[index] for index in range(start, stop, step)]
        return list(islice(self.since(start), max(stop - start, 0)))


class Rows(Generic[T]):
    """Values by serial number: O(1) to read and write; blocks without a value are given back.

    A value is never falsy.
    """

    __slots__ = ("_owner", "_spine")

    def __init__(self) -> None:
        self._owner = object()
        self._spine: Bucket[int, Part[T | None]] = bucket_of({}, self._owner)

    def __getitem__(self, serial: int) -> T:
        """The value at `serial`, which must hold one."""
        return self._spine[serial >> _SHIFT][serial & _WITHIN]  # type: ignore[return-value]

    def get(self, serial: int) -> T | None:
        """The value at `serial`, or None."""
        block = self._spine.get(serial >> _SHIFT, ())
        return block[serial & _WITHIN] if serial & _WITHIN < len(block) else None

    def many(self, serials: Sequence[int]) -> list[T]:
        """The values at ascending `serials`, each of which must hold one."""
        if serials and serials[-1] - serials[0] + 1 == len(serials):
            return self._stretch(serials[0], serials[-1] + 1)
        return self.pick(serials)

    def pick(self, serials: Iterable[int]) -> list[T]:
        """The values at `serials` in any order, each of which must hold one."""
        spine: Any = self._spine
        return [spine[serial >> _SHIFT][serial & _WITHIN] for serial in serials]

    def set(self, serial: int, value: T) -> None:
        """Put `value` at `serial`, over what was there."""
        block = self._owned(serial >> _SHIFT)
        offset = serial & _WITHIN
        if offset < len(block):
            block[offset] = value
        else:
            block.extend([None] * (offset - len(block)))
            block.append(value)

    def clear(self, serial: int) -> None:
        """Take the value at `serial` out."""
        block = self._owned(serial >> _SHIFT)
        block[serial & _WITHIN] = None
        if not any(block):
            del self._spine[serial >> _SHIFT]

    def apart(self, other: Rows[T]) -> Iterator[tuple[T | None, T | None]]:
        """The values of both, side by side, wherever they may differ: blocks that both share are passed over."""
        for number in sorted({*self._spine, *other._spine}):
            mine, theirs = self._spine.get(number, ()), other._spine.get(number, ())
            if mine is not theirs:
                yield from ((one, two) for one, two in zip_longest(mine, theirs) if one is not two)

    def fork(self) -> Rows[T]:
        """Second rows with the same values."""
        other: Rows[T] = Rows.__new__(Rows)
        other._spine = self._spine
        self._owner, other._owner = object(), object()
        return other

    def _owned(self, number: int) -> Part[T | None]:
        if self._spine.owner is not self._owner:
            self._spine = bucket_of(self._spine, self._owner)
        block = self._spine.get(number)
        if block is None or block.owner is not self._owner:
            block = self._spine[number] = part(block or (), self._owner)
        return block

    def _stretch(self, start: int, stop: int) -> list[T]:
        found: list[Any] = []
        while start < stop:
            end = min(stop, (start | _WITHIN) + 1)
            offset = start & _WITHIN
            found += self._spine[start >> _SHIFT][offset : offset + end - start]
            start = end
        return found


class LayeredMap(Generic[K, V]):
    """A map that keeps the order in which its keys came, as dict does, and forks in O(1).

    A row is a key's serial number, the key and its value. Serial numbers count from 1, are never used twice, and let
    other structures refer to rows.
    """

    __slots__ = ("_by_key", "_by_serial", "_next", "serials")

    def __init__(self, items: Iterable[tuple[K, V]] = ()) -> None:
        self._next = 1
        self._by_key: Buckets[K, tuple[int, K, V]] = Buckets()
        self._by_serial: Rows[tuple[int, K, V]] = Rows()
        self.serials: Run[int] = Run()
        """The serial numbers in use, ascending: creation order."""
        for key, value in items:
            self.set(key, value)

    def get(self, key: K) -> V | None:
        """The value of `key`, or None."""
        buckets = self._by_key  # its `get`, written out: this is the store's commonest call
        row = buckets.spine[hash(key) & buckets.mask].get(key)
        return None if row is None else row[2]

    def set(self, key: K, value: V) -> int:
        """Put `value` at `key`: in the place of what was there, else at the end. Answers the serial number."""
        row = self._by_key.get(key)
        if row is None:
            return self.append(key, value)
        self._put((row[0], key, value))
        return row[0]

    def delete(self, key: K) -> int:
        """Take `key` out; answers the serial number it had. KeyError if it is not there."""
        serial = self.serial(key)
        self._by_key.discard(key)
        self._by_serial.clear(serial)
        self.serials.remove(serial)
        return serial

    def append(self, key: K, value: V, serial: int | None = None) -> int:
        """Put a new `key` at the end; answers its serial number: `serial`, greater than all so far, or the next."""
        number = self._next if serial is None else serial
        self._next = number + 1
        row = (number, key, value)
        self._by_key.set(key, row)
        self._by_serial.set(number, row)
        self.serials.add(number)
        return number

    def serial(self, key: K) -> int:
        """The serial number of `key`. KeyError if it is not there."""
        row = self._by_key.get(key)
        if row is None:
            raise KeyError(key)
        return row[0]

    def row(self, serial: int) -> tuple[int, K, V] | None:
        """The row at `serial`, or None."""
        return self._by_serial.get(serial)

    def rows(self, serials: Sequence[int]) -> list[tuple[int, K, V]]:
        """The rows at ascending `serials`, all of them in use."""
        return self._by_serial.many(serials)

    def picked(self, serials: Iterable[int]) -> list[tuple[int, K, V]]:
        """The rows at `serials` in any order, all of them in use."""
        return self._by_serial.pick(serials)

    def items(self) -> list[tuple[K, V]]:
        """All keys and values, in the order of the keys."""
        return [(key, value) for _, key, value in self.rows(self.serials[:])]

    def differing(self, other: LayeredMap[K, V]) -> list[K]:
        """The keys whose rows may differ between two maps, of which one is a fork of the other or both of a third."""
        pairs = chain.from_iterable(self._by_serial.apart(other._by_serial))
        return list(dict.fromkeys(row[1] for row in pairs if row is not None))

    def fork(self) -> LayeredMap[K, V]:
        """A second map with the same contents; each goes on by itself."""
        other: LayeredMap[K, V] = LayeredMap.__new__(LayeredMap)
        other._next, other.serials = self._next, self.serials.fork()
        other._by_key, other._by_serial = self._by_key.fork(), self._by_serial.fork()
        return other

    def __getitem__(self, key: K) -> V:
        row = self._by_key.get(key)
        if row is None:
            raise KeyError(key)
        return row[2]

    def __iter__(self) -> Iterator[K]:
        return (row[1] for row in self.rows(self.serials[:]))

    def __len__(self) -> int:
        return len(self.serials)

    def __contains__(self, key: K) -> bool:
        return self._by_key.get(key) is not None

    def _put(self, row: tuple[int, K, V]) -> None:
        self._by_key.set(row[1], row)
        self._by_serial.set(row[0], row)
