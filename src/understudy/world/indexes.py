"""Indexes over records: equality by hash, order and ranges by sorted entries, both in one structure.

1. An index is named by the fields it compares and the field it orders by. `((), None)` would be creation order itself,
   `(("status",), None)` finds by status in creation order, `((), "name")` orders all records by name, and
   `(("status",), "name")` orders those of one status by name.
2. A field is a dotted path. A path through an array means any of its elements for equality and the first of them for
   order and ranges; where nothing is reached, the value is null.
3. Order is total: numbers, then strings, then false and true, then objects by their JSON, then null and missing.
   Time stamps are strings. Ties go by creation.
4. Nothing here decides how a query is answered.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import product
from typing import Any, cast

import orjson

from understudy.world.parts import BUCKET, SPAN, Buckets, Part, Run, part

Record = Mapping[str, Any]
Entry = Any  # a serial number or, in an ordered index, (rank, value, serial number)
Entries = Run[Entry] | list[Entry]  # ascending

_NUMBER, _STRING, _BOOLEAN, _OBJECT, _NULL = range(5)
_NOTHING: list[Any] = []
_BITS: Mapping[bool, bytes] = {False: b"false", True: b"true"}


def key_of(value: Any) -> Hashable:
    """What equal JSON values have in common: 1 and 1.0 are equal, 1 and true are not, objects by what is in them."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return cast("Hashable", value)
    rank, key = _ranked(value)
    return None if rank == _NULL else _BITS[key] if rank == _BOOLEAN else cast("Hashable", key)


def rank_of(value: Any) -> tuple[int, Any]:
    """The place of a JSON value in the total order: its kind's rank, then what is compared among its kind."""
    if type(value) is str:
        return _STRING, value
    return _ranked(value)


def _ranked(value: Any) -> tuple[int, Any]:
    if isinstance(value, str):
        return _STRING, str.__str__(value)  # the text itself, whatever a subclass prints as
    if isinstance(value, bool):
        return _BOOLEAN, value
    if isinstance(value, int | float):
        # RFC 8259 section 6: JSON has no NaN and no infinities; the encoder writes null for them.
        return (_NUMBER, value) if math.isfinite(value) else (_NULL, 0)
    if value is None:
        return _NULL, 0
    return _encoded(value)


def _encoded(value: Any) -> tuple[int, Any]:
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _OBJECT, repr(value).encode()
    # What the encoder knows beyond JSON (dates, enums, UUIDs) is what it becomes.
    return (_OBJECT, encoded) if encoded[:1] in b"{[" else _ranked(orjson.loads(encoded))


def values_at(path: str) -> Callable[[Record], list[Any]]:
    """A function that answers all values a record has at `path`, in their order, at least one: null for none."""
    names = path.split(".")

    def read(record: Record) -> list[Any]:
        found: list[Any] = [record]
        for name in names:
            found = [item[name] for item in found if isinstance(item, Mapping) and name in item]
            if any(isinstance(item, list | tuple) for item in found):
                found = _flat(found)
        return found or [None]

    return read


def keys_at(path: str) -> Callable[[Record], tuple[Hashable, ...]]:
    """A function that answers the distinct keys of a record's values at `path`."""
    read = values_at(path)

    def keys(record: Record) -> tuple[Hashable, ...]:
        value = record.get(path)
        if type(value) is str:
            return (value,)
        return tuple(dict.fromkeys(map(key_of, read(record))))

    return keys if "." not in path else lambda record: tuple(dict.fromkeys(map(key_of, read(record))))


def rank_at(path: str) -> Callable[[Record], tuple[int, Any]]:
    """A function that answers the place of a record in the order by `path`."""
    read = values_at(path)

    def rank(record: Record) -> tuple[int, Any]:
        value = record.get(path)
        return (_STRING, value) if type(value) is str else rank_of(read(record)[0])

    return rank if "." not in path else lambda record: rank_of(read(record)[0])


def bounds(low: Any, high: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The probes before and after the entries from `low` to `high`, both included; None is no bound.

    Only values of the bounds' kind lie between them: never null, and nothing at all where the two differ in kind.
    """
    before, after = (rank_of(bound) if bound is not None else None for bound in (low, high))
    if before is None and after is None:
        return (_NUMBER,), (_NULL,)
    if before is None:
        return (after[0],), (*after, math.inf)  # type: ignore[index, misc]
    if after is None:
        return before, (before[0] + 1,)
    return before, (*after, math.inf) if before[0] == after[0] else before


def position(entries: Entries, probe: Any) -> int:
    """The number of entries less than `probe`."""
    return entries.position(probe) if isinstance(entries, Run) else bisect_left(entries, probe)


class Index:
    """The records of one table by the values of `fields`, each group in the order of `order` or of creation.

    `spread`: some record has stood under more than one key, through an array.
    """

    __slots__ = ("_keys", "_postings", "_rank", "fields", "order", "spread")

    def __init__(self, fields: tuple[str, ...], order: str | None) -> None:
        self.fields = fields
        self.order = order
        self.spread = False
        self._keys = _combined(fields)
        self._rank = rank_at(order) if order is not None else None
        self._postings: Buckets[Hashable, Any] = Buckets()

    def fill(self, records: Iterable[tuple[int, Record]]) -> None:
        """Enter all records of a table at once; their serial numbers ascend."""
        groups: dict[Hashable, list[Entry]] = {}
        for serial, record in records:
            keys = self._keys(record)
            self.spread = self.spread or len(keys) > 1
            for key in keys:
                groups.setdefault(key, []).append(self._entry(record, serial))
        for key, entries in groups.items():
            if self._rank is not None:
                entries.sort()
            self._postings.set(key, _packed(entries, self._postings.owner))

    def entries(self, key: Hashable) -> Entries:
        """The entries under `key`: for one field its `key_of`, for several the tuple of theirs, for none ()."""
        held = self._postings.get(key)
        if held is None:
            return _NOTHING
        return held if type(held) is Run or type(held) is Part else [held]

    def add(self, record: Record, serial: int) -> None:
        """Enter a record."""
        keys = self._keys(record)
        entry = serial if self._rank is None else self._entry(record, serial)
        for key in keys:
            self._add(key, entry)
        if len(keys) > 1:
            self.spread = True

    def remove(self, record: Record, serial: int) -> None:
        """Take a record out that was entered with these values."""
        entry = self._entry(record, serial)
        for key in self._keys(record):
            self._remove(key, entry)

    def move(self, old: Record, new: Record, serial: int) -> None:
        """Enter a record with its new values in place of its old ones."""
        before, after = self._keys(old), self._keys(new)
        left, came = self._entry(old, serial), self._entry(new, serial)
        if before == after and left == came:
            return
        for key in before:
            self._remove(key, left)
        for key in after:
            self._add(key, came)
        self.spread = self.spread or len(after) > 1

    def fork(self) -> Index:
        """A second index with the same entries."""
        other = Index.__new__(Index)
        other.fields, other.order, other.spread = self.fields, self.order, self.spread
        other._keys, other._rank, other._postings = self._keys, self._rank, self._postings.fork()
        return other

    def _entry(self, record: Record, serial: int) -> Entry:
        return serial if self._rank is None else (*self._rank(record), serial)

    def _add(self, key: Hashable, entry: Entry) -> None:
        postings = self._postings
        bucket = postings.bucket(key)
        held = bucket.get(key)
        if held is None:
            bucket[key] = entry
            if len(bucket) > BUCKET:
                postings.split(key)
        elif type(held) is Run and held.owner is postings.owner:
            held.add(entry)
        else:
            bucket[key] = _with(held, entry, postings.owner)

    def _remove(self, key: Hashable, entry: Entry) -> None:
        postings = self._postings
        bucket = postings.bucket(key)
        left = _without(bucket[key], entry, postings.owner)
        if left is None:
            del bucket[key]
        else:
            bucket[key] = left


def _combined(fields: tuple[str, ...]) -> Callable[[Record], tuple[Hashable, ...]]:
    if not fields:
        return lambda record: ((),)
    if len(fields) == 1:
        return keys_at(fields[0])
    readers = [keys_at(field) for field in fields]
    return lambda record: tuple(product(*(keys(record) for keys in readers)))


# A posting is the entry itself, a part of up to SPAN entries, or a run: most keys have one entry, and a run for each
# would take ten times the memory.


def _packed(entries: list[Entry], owner: object) -> Any:
    if len(entries) == 1:
        return entries[0]
    return part(entries, owner) if len(entries) <= SPAN else Run(entries, owner)


def _with(held: Any, entry: Entry, owner: object) -> Any:
    if type(held) is Run:
        held = held.lent(owner)
        held.add(entry)
        return held
    if type(held) is not Part:
        held = part((held,), owner)
    elif held.owner is not owner:
        held = part(held, owner)
    insort(held, entry)
    return held if len(held) <= SPAN else Run(held, owner)


def _without(held: Any, entry: Entry, owner: object) -> Any:
    if type(held) is Run:
        held = held if held.owner is owner else held.lent(owner)
        held.remove(entry)
        return held if len(held) else None
    if type(held) is not Part:
        return None
    held = held if held.owner is owner else part(held, owner)
    del held[bisect_left(held, entry)]
    return held or None


def _flat(values: Iterable[Any]) -> list[Any]:
    """The values with arrays replaced by their elements, at any depth, without recursion."""
    found: list[Any] = []
    rest = [iter(values)]
    while rest:
        for value in rest[-1]:
            if isinstance(value, list | tuple):
                rest.append(iter(value))
                break
            found.append(value)
        else:
            rest.pop()
    return found
