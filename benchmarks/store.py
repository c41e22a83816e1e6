"""What the store costs: microseconds for each operation, at several sizes, and bytes kept for each record.

Run `python benchmarks/store.py [SIZE ...]`. Each figure is the median of many calls, or for what happens once the time
it took, so a busy machine shows in the second kind only. Nothing is asserted.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from understudy.world.store import Change, Query, Store

SIZES = (100, 1_000, 10_000, 100_000)
CALLS = 2_000
PAGE = 50


def id_of(number: int) -> str:
    """An id of 25 letters and digits."""
    return f"cust_customerNo{number:010d}"


def record(number: int) -> dict[str, Any]:
    """A customer of 15 fields and 500 bytes; a reference for every four, three states, names in no order."""
    return {
        "object_type": "CUSTOMER",
        "id": id_of(number),
        "reference": f"customer-{number}",
        "status": ("DRAFT", "ACTIVE", "ARCHIVED")[number % 3],
        "name": f"{number * 2_654_435_761 % 2**32:08x} Limited",
        "parent_customer_id": id_of(number // 4),
        "email": f"billing{number}@example.com",
        "address": {"line1": "1 Main Street", "city": "Utrecht", "postal_code": "3511", "country": "NL"},
        "currency": "EUR",
        "timezone": "Europe/Amsterdam",
        "tags": ["a", "b"],
        "custom_fields": [{"key": "segment", "value": "smb"}],
        "created_at": "2025-05-06T00:00:00Z",
        "updated_at": "2025-05-06T00:00:00Z",
        "vat_number": None,
    }


def changes(start: int, stop: int) -> Iterator[Change]:
    """The changes that make these records."""
    for number in range(start, stop):
        made = record(number)
        yield Change("customer", made["id"], None, made)


def filled(size: int) -> Store:
    """A store of `size` records, with the indexes asked for when it is empty."""
    store = Store()
    for field in ("reference", "parent_customer_id", "status"):
        store.prepare("customer", field)
    for change in changes(0, size):
        store.commit([change])
    return store


def median(call: Callable[[Any], object], arguments: list[Any]) -> float:
    """Microseconds of one call."""
    taken = []
    for argument in arguments:
        start = time.perf_counter_ns()
        call(argument)
        taken.append(time.perf_counter_ns() - start)
    return statistics.median(taken) / 1_000


def mean(call: Callable[[Any], object], arguments: list[Any]) -> float:
    """Microseconds of one call, over all of them together: for calls shorter than reading the time."""
    start = time.perf_counter_ns()
    for argument in arguments:
        call(argument)
    return (time.perf_counter_ns() - start) / len(arguments) / 1_000


def once(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1_000_000


def overhead(size: int) -> float:
    """Bytes kept for each record beyond its JSON, all indexes included."""
    gc.collect()
    tracemalloc.start()
    store = filled(size)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    own = sum(len(row) for row in store.select(Query("customer")).rows)
    return (kept - own) / size


def figures(size: int) -> dict[str, float]:
    """All rows of the table for one size."""
    store = filled(size)
    numbers = [index * 7_919 % size for index in range(CALLS)]
    ids = [id_of(number) for number in numbers]
    offsets = [Query("customer", offset=number, limit=PAGE) for number in numbers]
    active = [Query("customer", (("status", frozenset({"ACTIVE"})),), offset=n // 3, limit=PAGE) for n in numbers]
    named = [Query("customer", order_by="name", offset=number, limit=PAGE) for number in numbers]
    both = [
        Query("customer", (("status", frozenset({"ACTIVE"})),), order_by="name", offset=n // 3, limit=PAGE)
        for n in numbers
    ]
    table: dict[str, float] = {}
    table["get"] = mean(lambda id: store.get("customer", id), ids)
    table["find, 1 record"] = mean(lambda n: store.find("customer", "reference", f"customer-{n}"), numbers)
    table["find, 4 records"] = mean(
        lambda n: store.find("customer", "parent_customer_id", id_of(n // 4)), numbers
    )
    table["page of 50, newest first, any offset"] = median(store.select, offsets)
    table["page of 50, one status"] = median(store.select, active)
    table["make an index by name (ms, once)"] = once(lambda: store.select(named[0]))
    table["page of 50, by name"] = median(store.select, named)
    table["make an index by status and name (ms, once)"] = once(lambda: store.select(both[0]))
    table["page of 50, one status, by name"] = median(store.select, both)
    forked: list[Store] = []
    table["fork (ms)"] = once(lambda: forked.append(store.fork()))
    more = [[change] for change in changes(size, size + CALLS)]
    table["commit after fork, 5 indexes: first (ms)"] = once(lambda: forked[0].commit(more[0]))
    table["commit after fork, 5 indexes: median"] = median(forked[0].commit, more[1:])
    plain = filled(size)
    table["insert, 3 indexes"] = median(plain.commit, more)
    table["update of one indexed field"] = median(plain.commit, [[_archived(n)] for n in range(size, size + CALLS)])
    table["delete"] = median(plain.commit, [[Change("customer", c[0].id, {}, None)] for c in more])
    return table


def _archived(number: int) -> Change:
    before = record(number)
    return Change("customer", before["id"], before, {**before, "status": "RETIRED"})


def main(sizes: list[int]) -> None:
    """Print the table."""
    columns = {size: figures(size) for size in sizes}
    for size in sizes:
        columns[size]["bytes beyond JSON, 3 indexes"] = overhead(size)
    print(f"{'microseconds, unless said':46}" + "".join(f"{size:>11,}" for size in sizes))
    for name in columns[sizes[0]]:
        print(f"{name:46}" + "".join(f"{columns[size][name]:>11.2f}" for size in sizes))
    print(f"(encoding one record of {len(orjson.dumps(record(1)))} bytes is part of a commit: "
          f"{mean(orjson.dumps, [record(1)] * CALLS):.2f})")  # fmt: skip


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(SIZES))
