"""The store: a read view of all records, and one atomic commit of changes to them.

1. This is the narrow contract another store (durable, shared) would keep: `get`, `find`, `select`, `count`,
   `resources`, `commit`, `fork`. The tables underneath are TinyDB's; `database` shows them.
2. A record is kept as the bytes it was encoded to and leaves as these bytes.
3. No I/O, no clock, no randomness: the same commits give the same answers in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import orjson

from understudy.engine.outcomes import trimmed
from understudy.exact import read, write
from understudy.problems import Problem
from understudy.world import queries
from understudy.world.indexes import Record
from understudy.world.queries import Page, Query
from understudy.world.tables import Database, LivingTable, living_table

__all__ = ("Change", "Changed", "Page", "Query", "Store", "trimmed")

KEYS = "_keys"  # the table of a dump that holds the ids of records that do not say their own


@dataclass(frozen=True, slots=True)
class Change:
    """One record made (`before` is None), changed, or deleted (`after` is None).

    `after` holds JSON values. `encoded`, where given, must be what it is as JSON, trimmed; it is kept itself, so that an
    event that shows the record whole shares it.
    """

    resource: str
    id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    encoded: bytes | None = None


class Changed(Protocol):
    """What a commit reads of a change; `Change` is one such."""

    @property
    def resource(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def before(self) -> Mapping[str, Any] | None: ...
    @property
    def after(self) -> Mapping[str, Any] | None: ...
    @property
    def encoded(self) -> bytes | None: ...


Step = tuple[LivingTable, str, bytes | None, Record | None, Record | None]
_NOTHING: Record = {}


class Store:
    """Records in memory, by resource. Not for use by several threads at once."""

    __slots__ = ("_tables", "database")

    def __init__(self, database: Database | None = None) -> None:
        self.database = Database() if database is None else database
        """The same records as a TinyDB, for reading."""
        self._tables = self.database.living()

    def get(self, resource: str, id: str) -> bytes | None:
        """A record, or None."""
        table = self._tables.get(resource)
        return None if table is None else table.records.get(id)

    def find(self, resource: str, field: str, value: Any) -> list[str]:
        """The ids of the records whose `field` has `value`, in creation order."""
        table = self._tables.get(resource)
        return [] if table is None else queries.find(table, field, value)

    def select(self, query: Query) -> Page:
        """A page of records."""
        table = self._tables.get(query.resource)
        return Page(0, []) if table is None else queries.select(table, query)

    def count(self, resource: str) -> int:
        """How many records of a resource there are."""
        table = self._tables.get(resource)
        return 0 if table is None else len(table.records)

    def resources(self) -> list[str]:
        """The names of the resources that have records, sorted."""
        return sorted(name for name, table in self._tables.items() if len(table.records))

    def commit(self, changes: Sequence[Changed]) -> None:
        """Apply all changes in turn, or none: O(log n) each.

        Raises Problem `internal_error` where a record to be made is there already, one to be changed or deleted is not,
        or one cannot be encoded as JSON: the caller's fault, never a client's.
        """
        if len(changes) == 1:  # the usual commit
            change = changes[0]
            table = self._table(change.resource)
            LivingTable.apply(*_step(table, change, table.records.get(change.id)))
            return
        steps = self._steps(changes)
        for table, id, encoded, old, new in steps:
            table.apply(id, encoded, old, new)

    def learn(self, resource: str, record: Mapping[str, Any]) -> None:
        """Note which fields a record has that was kept before."""
        fields = self._table(resource).fields
        if not record.keys() <= fields:
            fields.update(record)

    def learned(self) -> Iterator[tuple[str, set[str]]]:
        """The fields that records kept before have or had, by resource."""
        return ((name, table.fields) for name, table in self._tables.items() if table.fields)

    def prepare(self, resource: str, *fields: str, order_by: str | None = None) -> None:
        """Make an index now, rather than when it is first used."""
        queries.index_for(self._table(resource), tuple(sorted(set(fields))), order_by)

    def indexed(self, resource: str, field: str) -> bool:
        """Whether the records with one value of a field are found without reading the others."""
        table = self._tables.get(resource)
        return table is None or ((field,), None) in table.indexes

    def differing(self, other: Store, resource: str) -> list[str]:
        """The ids of the records that may differ from another store's; what two forks still share is passed over unread."""
        mine, theirs = self._tables.get(resource), other._tables.get(resource)
        if mine is None or theirs is None:
            table = mine or theirs
            return [] if table is None else list(table.records)
        return mine.records.differing(theirs.records)

    def fork(self) -> Store:
        """A second store with the same records, whatever their number in no time; each goes on by itself."""
        return Store(self.database.fork())

    def dump(self) -> dict[str, dict[str, dict[str, Any]]]:
        """All records in TinyDB's JSON layout: `{table: {document id: record}}`.

        Records whose `id` is not the id they are kept by are listed in a table of their own, `_keys`.
        """
        return cast("dict[str, dict[str, dict[str, Any]]]", read(self.dump_json()))

    def dump_json(self) -> bytes:
        """The same as JSON, without decoding a record more than once."""
        return orjson.dumps({name: {str(number): document for number, document in documents} for name, documents in self.documents()})

    def documents(self) -> Iterator[tuple[str, Iterator[tuple[int, Any]]]]:
        """The tables of a dump, each with its documents by number; they are to be read in turn, and only once."""
        keys: list[dict[str, Any]] = []
        for name in self.resources():
            yield name, _numbered(self._tables[name], keys)
        if keys:
            yield KEYS, ((number, key) for number, key in enumerate(keys, 1))

    @staticmethod
    def load(mapping: Mapping[str, Any]) -> Store:
        """A store with the contents of a dump, document ids included. Raises ValueError, naming the place."""
        store = Store()
        tables = dict(_tables_of(mapping))
        keys = dict(_keys(tables.pop(KEYS, {})))
        for name, documents in tables.items():
            _fill(store._table(name), documents, keys)
        return store

    def _table(self, resource: str) -> LivingTable:
        try:
            return self._tables[resource]
        except KeyError:
            return living_table(self.database, resource)

    def _steps(self, changes: Sequence[Changed]) -> list[Step]:
        """What to do for several changes, of which later ones may concern the same records as earlier ones."""
        steps: list[Step] = []
        staged: dict[tuple[str, str], bytes | None] = {}
        for change in changes:
            table, place = self._table(change.resource), (change.resource, change.id)
            step = _step(table, change, staged[place] if place in staged else table.records.get(change.id))
            staged[place] = step[2]
            steps.append(step)
        return steps


def _step(table: LivingTable, change: Changed, kept: bytes | None) -> Step:
    """What to do for one change to the record `kept`; all that can fail fails here. Raises Problem."""
    if (change.before is None) is not (kept is None):
        raise _refused(change, "there is no such record" if kept is None else "there is such a record already")
    if change.after is None:
        if kept is None:
            raise _refused(change, "a change has a record before or after it, or both")
        return table, change.id, None, read(kept), None
    encoded = trimmed(_encode(change)) if change.encoded is None else change.encoded
    # What is kept is read again: the index holds what the record said then, and `before` may be the caller's to change.
    old = None if kept is None else read(kept) if table.indexes else _NOTHING
    return table, change.id, encoded, old, change.after


def _encode(change: Changed) -> bytes:
    try:
        return write(change.after)
    except TypeError as error:
        raise _refused(change, f"it cannot be encoded as JSON: {error}") from error


def _refused(change: Changed, reason: str) -> Problem:
    verb = "make" if change.before is None else "delete" if change.after is None else "change"
    message = f"cannot {verb} {change.resource} {change.id}: {reason}"
    return Problem("internal_error", message, resource=change.resource, id=change.id)


# --- loading ---------------------------------------------------------------------------------------------------


def _numbered(table: LivingTable, keys: list[dict[str, Any]]) -> Iterator[tuple[int, Any]]:
    """The documents of a table; `keys` gets those that do not say the id they are kept by."""
    serials = table.records.serials
    for start in range(0, len(serials), 256):
        for serial, id, encoded in table.records.rows(serials[start : start + 256]):
            if _own_id(read(encoded)) != id:
                keys.append({"table": table.name, "doc_id": serial, "id": id})
            yield serial, orjson.Fragment(encoded)


def _own_id(record: Any) -> str | None:
    id = record.get("id")
    return str(id) if type(id) is str or type(id) is int else None


def _tables_of(mapping: Any) -> Mapping[str, Any]:
    if not isinstance(mapping, Mapping):
        raise ValueError("a database must be an object of tables")
    for name, documents in mapping.items():
        if not isinstance(documents, Mapping):
            raise ValueError(f"{name}: a table must be an object of documents")
    return mapping


def _keys(documents: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], str]]:
    for number, key in documents.items():
        match key:
            case {"table": str(table), "doc_id": int(doc_id), "id": str(id)}:
                yield (table, doc_id), id
            case _:
                raise ValueError(f"{KEYS}.{number}: must give table, doc_id and id")


def _fill(table: LivingTable, documents: Mapping[str, Any], keys: Mapping[tuple[str, int], str]) -> None:
    last = None
    for serial, place, document in sorted(_documents(table.name, documents), key=_number):
        id = keys.get((table.name, serial)) or _own_id(document)
        if id is None:
            raise ValueError(f"{place}: the document has no `id`, and `{KEYS}` does not give it one")
        if id in table.records:
            raise ValueError(f"{place}: a second document with the id {id}")
        if serial == last:
            raise ValueError(f"{place}: a second document of that number")
        last = serial
        table.insert_record(id, _encoded(place, document), document, serial)
        if not document.keys() <= table.fields:
            table.fields.update(document)


def _number(document: tuple[int, str, dict[str, Any]]) -> int:
    return document[0]


def _encoded(place: str, document: dict[str, Any]) -> bytes:
    try:
        return trimmed(write(document))
    except TypeError as error:
        raise ValueError(f"{place}: cannot be encoded as JSON: {error}") from error


def _documents(name: str, documents: Mapping[str, Any]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    for doc_id, document in documents.items():
        place = f"{name}.{doc_id}"
        if not str(doc_id).isdecimal():
            raise ValueError(f"{place}: a document id must be a whole number")
        if not isinstance(document, dict):
            raise ValueError(f"{place}: a document must be an object")
        yield int(doc_id), place, document
