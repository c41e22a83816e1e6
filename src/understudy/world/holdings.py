"""What a world holds beside records, events, timers and clock: tables of rows by key, each of them one row of `HOLDINGS`.

1. Such a row is all that a new table needs: it is then forked, saved, put back, written into the journal and the world's
   file, compared and exported with everything else, and `World.put` or a commit's `put` are the only ways to change it.
2. What is held is frozen: forks share it.
3. Nothing here opens a file or knows what the rows are for.

Where each part of a world is looked after:

| part          | lives in             | a fork            | world file | journal          | diff          | export        |
|---------------|----------------------|-------------------|------------|------------------|---------------|---------------|
| records       | `World.store`        | shares, O(1)      | by resource| `commit`         | field by field| `records`     |
| events        | `World.events`       | shares, O(1)      | `_events`  | `commit`         | those since   | no            |
| timers        | `World._timers`      | copies            | `_timers`  | `commit`, `fire` | no            | of records    |
| clock         | `World.clock`        | stands as it does | `_world`   | `clock`, `begin` | `now`         | `now`         |
| ids, replies  | `count`, `replies`   | goes on from them | `_world`   | `commit`         | no            | `ids`         |
| keys, settings| `keys`, `settings`   | the same          | `_world`   | `begin`          | no            | by name       |
| a holding     | `World.held[name]`   | `Holding.begin`   | `_name`    | `commit`, `put`  | `compared`    | `exported`    |
| aim           | `World.aim`          | shares            | no: it follows of the holding `faults`                        |
| past          | `World.past`         | begins anew       | no         | no               | no            | no            |
| told          | `World.told`         | goes on from it   | `_world`   | `put`, `commit`  | no            | no            |
| outbox        | `World.outbox`       | copies what is due| no: it follows of the holdings `endpoints` and `deliveries`   |
| request log   | `World.requests`     | begins anew       | no         | no               | no            | no            |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from understudy.webhooks import endpoints, retrying
from understudy.world import counting, granting, pinning
from understudy.world.layers import LayeredMap

Row = dict[str, Any]
Held = LayeredMap[str, Any]
"""The rows of one holding by key, in the order the keys came."""


@dataclass(frozen=True, slots=True)
class Holding:
    """How rows of one kind are kept.

    `write` gives a row as a JSON object without a field `key`; `read` makes it again, of a damaged one it raises
    KeyError, TypeError or ValueError. `begin` makes what a fork or snapshot holds of what is held now. Rows that are
    `compared` are part of a diff; those `exported` stand in a fixture file under the holding's name, by key, which where
    they are `keyed` is their `id` as well.
    """

    write: Callable[[Any], Row]
    read: Callable[[Row], Any]
    begin: Callable[[Held], Held] = LayeredMap.fork
    compared: bool = False
    exported: bool = False
    keyed: bool = False


def _written_fault(fault: Any) -> Row:
    from understudy.faults.fault import write  # only where there are faults

    return write(fault)


def _read_fault(row: Row) -> Any:
    from understudy.faults.fault import read  # as above

    return read(row)


HOLDINGS: dict[str, Holding] = {
    "pinned": Holding(pinning.write, pinning.read),
    "endpoints": Holding(endpoints.write, endpoints.read, compared=True, exported=True),
    "deliveries": Holding(retrying.write, retrying.read, compared=True),
    "granted": Holding(granting.write, granting.read),
    "faults": Holding(_written_fault, _read_fault, compared=True, exported=True, keyed=True),
    "struck": Holding(counting.write, counting.read),
}
"""By name: that of the table in a world's file (`_name`) and in `World.held`."""

UNTOLD = frozenset({"pinned", "faults", "struck"})
"""Holdings of which nobody who is told of events need know."""


class Put(NamedTuple):
    """One row to be held in the place of the one of that key, or no more (`value` is None)."""

    holding: str
    key: str
    value: Any


def nothing() -> dict[str, Held]:
    """What a new world holds."""
    return {name: LayeredMap() for name in HOLDINGS}


def begun(held: Mapping[str, Held]) -> dict[str, Held]:
    """What a fork of a world holds that holds this."""
    return {name: holding.begin(held[name]) for name, holding in HOLDINGS.items()}


def hold(held: Mapping[str, Held], put: Iterable[Put]) -> None:
    """Have these rows in what is held."""
    for name, key, value in put:
        if value is not None:
            held[name].set(key, value)
        elif key in held[name]:
            held[name].delete(key)


# --- as JSON ------------------------------------------------------------------------------------------------------------


def written(put: Iterable[Put]) -> list[tuple[str, str, Row | None]]:
    """Rows as a journal's entry tells them."""
    return [(name, key, None if value is None else HOLDINGS[name].write(value)) for name, key, value in put]


def again(rows: Iterable[tuple[str, str, Row | None]]) -> tuple[Put, ...]:
    """And back. Raises KeyError, TypeError or ValueError."""
    return tuple(Put(name, key, None if row is None else HOLDINGS[name].read(row)) for name, key, row in rows)


def taken(tables: dict[str, Any]) -> Iterator[Put]:
    """The rows of a world's file, whose tables are taken out of `tables`. Raises KeyError, TypeError or ValueError."""
    for name in HOLDINGS:
        for row in tables.pop(f"_{name}", {}).values():
            yield from again([(name, row["key"], {field: value for field, value in row.items() if field != "key"})])


def rows(name: str, held: Held) -> Iterator[tuple[str, Row]]:
    """The rows of one holding by key."""
    return ((key, HOLDINGS[name].write(value)) for key, value in held.items())


def exported(held: Mapping[str, Held]) -> dict[str, dict[str, Row]]:
    """What of it stands in a fixture file: the holdings that have any rows."""
    return {name: dict(rows(name, held[name])) for name, holding in HOLDINGS.items() if holding.exported and len(held[name])}
