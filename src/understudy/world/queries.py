"""What may be asked of a table, and how it is answered: from one index where one will do, else by reading candidates.

1. Cost of a page: O(log n + page) where equality and order make one index, at any offset; else O(candidates).
2. Both ways give the same answer. An index is made when a query first wants it, up to a limit for each table.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple, cast

from understudy.world.indexes import Entries, Entry, Index, bounds, key_of, keys_at, position, rank_at
from understudy.world.tables import LivingTable

INDEXES = 32  # indexes a table may have; beyond, a query reads the records instead
COMBINED = 8  # of them over more than one field
FEW = 32  # so many candidates are rather read than given an index of their own
MERGED = 16  # groups of an index that one query may take together

Group = tuple[Entries, int, int]  # the entries from one position to another
Test = Callable[[dict[str, Any]], bool]


class Query(NamedTuple):
    """Which records, in which order, and which part of them. Field paths are dotted.

    `equals`: each field has one of the values; through an array, any element has; None stands for missing as well.
    `ranges`: each field lies from low to high, both included, None for no bound; null never does. Through an array,
    the first element counts, as it does for `order_by`.
    `where`: any further test of the decoded record.
    Without `order_by`, creation order; it also settles ties, in the same direction.
    """

    resource: str
    equals: tuple[tuple[str, frozenset[Any]], ...] = ()
    ranges: tuple[tuple[str, Any, Any], ...] = ()
    where: Test | None = None
    order_by: str | None = None
    descending: bool = True
    offset: int = 0
    limit: int | None = None
    after: str | None = None  # the id of the record the part begins behind; which must be among them
    before: str | None = None  # the id of the record the part ends before, `limit` records at the most


class Page(NamedTuple):
    """The part asked for, as the very bytes kept, where it begins, and how many records there are in all."""

    total: int
    rows: list[bytes]
    offset: int = 0


def select(table: LivingTable, query: Query) -> Page:
    """A page of a table's records. Raises KeyError for a record to begin behind or end before that is not among them."""
    if query.after is not None or query.before is not None:
        query = _placed(table, query)
    page = _select(table, query)
    return Page(page.total, page.rows, query.offset) if query.offset else page


def _placed(table: LivingTable, query: Query) -> Query:
    """The query with its place as an offset: O(log n) in an index's order, else O(candidates)."""
    if query.after is not None:
        return query._replace(offset=_place(table, query, query.after) + 1, after=None)
    stop = _place(table, query, str(query.before))
    start = 0 if query.limit is None else max(0, stop - query.limit)
    return query._replace(offset=start, limit=stop - start, before=None)


def _place(table: LivingTable, query: Query, id: str) -> int:
    """How many records come before one, in the query's order."""
    serial = table.records.serial(id)
    groups = _groups(table, query)
    if groups is not None and len(groups) == 1 and query.order_by is None:
        entries, low, high = groups[0]
        at = position(entries, serial)
        if not low <= at < high or entries[at : at + 1] != [serial]:
            raise KeyError(id)
        return high - 1 - at if query.descending else at - low
    serials = _read(table, query)
    if serial not in serials:
        raise KeyError(id)
    return serials.index(serial)


def _select(table: LivingTable, query: Query) -> Page:
    groups = _groups(table, query)
    if groups is None:
        serials = _read(table, query)
        start, stop = _window(0, len(serials), query.offset, query.limit)
        return Page(len(serials), _picked(table, serials[start:stop]))
    if len(groups) == 1:
        return _one(table, groups[0], query)
    return _merged(table, groups, query)


def find(table: LivingTable, field: str, value: Any) -> list[str]:
    """The ids of the records whose `field` has `value`, in creation order."""
    index = index_for(table, (field,), None)
    if index is None:
        serials = _read(table, Query(table.name, ((field, cast("frozenset[Any]", [value])),), descending=False))
    else:
        serials = index.entries(key_of(value))[:]
    if not serials:
        return []
    return [row[1] for row in table.records.rows(serials)]


def index_for(table: LivingTable, fields: tuple[str, ...], order: str | None) -> Index | None:
    """The index over `fields` (sorted by name) and `order`, made now if need be; None where the table has its fill."""
    found = table.indexes.get((fields, order))
    if found is not None:
        return found
    if len(table.indexes) >= INDEXES:
        return None
    if _is_combined(fields, order) and sum(_is_combined(*key) for key in table.indexes) >= COMBINED:
        return None
    return table.index(fields, order)


def _is_combined(fields: tuple[str, ...], order: str | None) -> bool:
    return len(fields) + (order is not None) > 1


# --- from one index --------------------------------------------------------------------------------------------


def _groups(table: LivingTable, query: Query) -> list[Group] | None:
    """The parts of one index that hold just what is asked for, in order; None where no index does."""
    equals, order = query.equals, query.order_by
    if query.where is not None or any(field != order for field, _, _ in query.ranges) or len(query.ranges) > 1:
        return None
    if not equals and order is None:
        return [(table.records.serials, 0, len(table.records))]
    if len(equals) > 1:
        equals = tuple(sorted(equals, key=_field))
    fields = tuple(map(_field, equals))
    if len(set(fields)) < len(fields) or prod(len(values) for _, values in equals) > MERGED:
        return None
    index = _worthwhile(table, fields, query)
    if index is None:
        return None
    groups = [_group(index.entries(key), query) for key in _keys(equals)]
    return _disjoint(index, groups)


def _field(condition: tuple[str, frozenset[Any]]) -> str:
    return condition[0]


def _worthwhile(table: LivingTable, fields: tuple[str, ...], query: Query) -> Index | None:
    order = query.order_by
    if (fields, order) not in table.indexes and fields and _is_combined(fields, order):
        narrowest = _narrowest(table, query)
        if narrowest is not None and _size(narrowest) <= FEW:
            return None
    return index_for(table, fields, order)


def _keys(equals: tuple[tuple[str, frozenset[Any]], ...]) -> list[Hashable]:
    keys = [set(map(key_of, values)) for _, values in equals]
    return list(keys[0]) if len(keys) == 1 else list(product(*keys))


def _group(entries: Entries, query: Query) -> Group:
    if not query.ranges:
        return entries, 0, len(entries)
    before, after = bounds(*query.ranges[0][1:])
    low = position(entries, before)
    return entries, low, max(low, position(entries, after))


def _one(table: LivingTable, group: Group, query: Query) -> Page:
    entries, low, high = group
    if query.descending:
        stop, start = (high - end for end in _window(0, high - low, query.offset, query.limit))
    else:
        start, stop = _window(low, high, query.offset, query.limit)
    found = entries[start:stop]
    if query.order_by is None:
        rows = [row[2] for row in table.records.rows(found)]
    else:
        rows = _picked(table, [entry[2] for entry in found])
    if query.descending:
        rows.reverse()
    return Page(high - low, rows)


def _window(low: int, high: int, offset: int, limit: int | None) -> tuple[int, int]:
    start = min(low + max(offset, 0), high)
    return start, high if limit is None else min(start + max(limit, 0), high)


def _merged(table: LivingTable, groups: list[Group], query: Query) -> Page:
    """A page of several groups without a record in common: each contributes no more than lies before its end."""
    total = sum(high - low for _, low, high in groups)
    start, stop = _window(0, total, query.offset, query.limit)
    pool: list[Entry] = []
    for entries, low, high in groups:
        pool += entries[max(low, high - stop) : high] if query.descending else entries[low : min(high, low + stop)]
    pool.sort(reverse=query.descending)
    found = pool[start:stop]
    return Page(total, _picked(table, found if query.order_by is None else [entry[2] for entry in found]))


def _disjoint(index: Index, groups: list[Group]) -> list[Group]:
    """The groups without any record twice; through an array a record may stand in several."""
    if len(groups) == 1 or not index.spread:
        return groups
    united: set[Entry] = set()
    for entries, low, high in groups:
        united.update(entries[low:high])
    return [(sorted(united), 0, len(united))]


# --- by reading ------------------------------------------------------------------------------------------------


def _read(table: LivingTable, query: Query) -> list[int]:
    """The serial numbers of all records asked for, in order, by reading the candidates."""
    tests = _tests(query)
    rank = rank_at(query.order_by) if query.order_by is not None else lambda record: (0, 0)
    candidates = table.decoded(_candidates(table, query))
    found = [(*rank(record), serial) for serial, record in candidates if all(test(record) for test in tests)]
    found.sort(reverse=query.descending)
    return [entry[2] for entry in found]


def _candidates(table: LivingTable, query: Query) -> list[int]:
    """The serial numbers that the narrowest condition leaves over, ascending."""
    narrowest = _narrowest(table, query)
    if narrowest is None:
        return table.records.serials[:]
    entries = [entry for held, low, high in narrowest for entry in held[low:high]]
    return sorted({entry if type(entry) is int else entry[2] for entry in entries})


def _narrowest(table: LivingTable, query: Query) -> list[Group] | None:
    """The groups of the condition that leaves the fewest records over; None without such a condition."""
    return min(_narrowed(table, query), key=_size, default=None)


def _narrowed(table: LivingTable, query: Query) -> Sequence[list[Group]]:
    """For each condition that an index knows, the groups that satisfy it."""
    found = []
    for field, values in query.equals:
        index = index_for(table, (field,), None)
        if index is not None:
            held = [index.entries(key) for key in set(map(key_of, values))]
            found.append([(entries, 0, len(entries)) for entries in held])
    for field, low, high in query.ranges:
        index = index_for(table, (), field)
        if index is not None:
            entries = index.entries(())
            before, after = (position(entries, probe) for probe in bounds(low, high))
            found.append([(entries, before, max(before, after))])
    return found


def _size(groups: list[Group]) -> int:
    return sum(high - low for _, low, high in groups)


def _tests(query: Query) -> list[Test]:
    tests = [_equal(field, values) for field, values in query.equals]
    tests += [_between(field, low, high) for field, low, high in query.ranges]
    return tests if query.where is None else [*tests, query.where]


def _equal(field: str, values: frozenset[Any]) -> Test:
    keys, wanted = keys_at(field), set(map(key_of, values))
    return lambda record: not wanted.isdisjoint(keys(record))


def _between(field: str, low: Any, high: Any) -> Test:
    rank, (before, after) = rank_at(field), bounds(low, high)
    return lambda record: before <= (*rank(record), 0) < after


def _picked(table: LivingTable, serials: list[int]) -> list[bytes]:
    return [row[2] for row in table.records.picked(serials)]
