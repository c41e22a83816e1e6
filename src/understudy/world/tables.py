"""TinyDB with living tables: records kept encoded, changed in place, found by index.

1. To read, these are plain TinyDB tables: `search`, `get`, `all`, `len` and iteration see the living records.
2. TinyDB's own ways to write are refused. Records change through the store's commit alone, where ids, presence and
   indexes are looked after; TinyDB would read and write all tables for each change.
3. Nothing here reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from io import UnsupportedOperation
from typing import Any, NoReturn, cast

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from understudy.exact import read
from understudy.world.indexes import Index, Record
from understudy.world.layers import LayeredMap

Records = LayeredMap[str, bytes]

_REFUSAL = "records change through Store.commit, which keeps ids and indexes right; TinyDB's tables are for reading"


class Documents(Mapping[str, dict[str, Any]]):
    """The records of a table as TinyDB reads them: by document id (the serial number), decoded when asked."""

    __slots__ = ("_records",)

    def __init__(self, records: Records) -> None:
        self._records = records

    def __getitem__(self, doc_id: str) -> dict[str, Any]:
        row = self._records.row(int(doc_id)) if doc_id.isdecimal() else None
        if row is None:
            raise KeyError(doc_id)
        return cast("dict[str, Any]", read(row[2]))

    def __iter__(self) -> Iterator[str]:
        return map(str, self._records.serials[:])

    def __len__(self) -> int:
        return len(self._records)


class LivingStorage(Storage):
    """A TinyDB storage whose tables are containers in memory. It is never written as a whole."""

    def __init__(self, records: dict[str, Records]) -> None:
        self.records = records

    def read(self) -> dict[str, dict[str, Any]]:
        """The tables that hold records."""
        held = {name: Documents(records) for name, records in self.records.items() if len(records)}
        return cast("dict[str, dict[str, Any]]", held)

    def write(self, data: dict[str, dict[str, Any]]) -> NoReturn:
        """Refuse: UnsupportedOperation, as TinyDB itself answers for a file opened to read."""
        raise UnsupportedOperation(_REFUSAL)


class LivingTable(Table):
    """A TinyDB table changed in place: O(log n) for each change and each index, at any size."""

    def __init__(self, storage: LivingStorage, name: str, **kwargs: Any) -> None:
        # No query cache: TinyDB empties it at its own writes, and there are none.
        super().__init__(storage, name, **{**kwargs, "cache_size": 0})
        self.records: Records = storage.records.setdefault(name, LayeredMap())
        self.indexes: dict[tuple[tuple[str, ...], str | None], Index] = {}
        self.fields: set[str] = set()
        """Of the records that were read from where they had been kept."""

    def __len__(self) -> int:
        return len(self.records)

    def apply(self, id: str, encoded: bytes | None, old: Record | None, new: Record | None) -> None:
        """Make (`old` is None), change or delete (`new` is None) a record; its presence has been checked."""
        if old is None:
            assert encoded is not None and new is not None
            self.insert_record(id, encoded, new)
        elif encoded is None or new is None:
            self._remove_record(id, old)
        else:
            self._replace_record(id, encoded, old, new)

    def insert_record(self, id: str, encoded: bytes, record: Record, serial: int | None = None) -> None:
        """Put a new record at the end of creation order, under the next document id or `serial`, which is greater."""
        number = self.records.append(id, encoded, serial)
        for index in self.indexes.values():
            index.add(record, number)

    def index(self, fields: tuple[str, ...], order: str | None) -> Index:
        """The index over `fields` (sorted by name) and `order`, made now if there is none."""
        index = self.indexes.get((fields, order))
        if index is None:
            index = Index(fields, order)
            index.fill(self.decoded(self.records.serials[:]))
            self.indexes[fields, order] = index
        return index

    def decoded(self, serials: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The records at ascending `serials`, decoded one by one."""
        rows = self.records.rows(serials)
        return ((serial, read(row[2])) for serial, row in zip(serials, rows, strict=True))

    def forked(self, storage: LivingStorage) -> LivingTable:
        """A second table over `storage`, which holds a fork of the records, with the same indexes."""
        other = LivingTable(storage, self.name)
        other.indexes = {key: index.fork() for key, index in self.indexes.items()}
        other.fields = self.fields
        return other

    def _replace_record(self, id: str, encoded: bytes, old: Record, new: Record) -> None:
        serial = self.records.set(id, encoded)
        for index in self.indexes.values():
            index.move(old, new, serial)

    def _remove_record(self, id: str, old: Record) -> None:
        serial = self.records.delete(id)
        for index in self.indexes.values():
            index.remove(old, serial)

    def _update_table(self, updater: Callable[[dict[int, Mapping[Any, Any]]], None]) -> NoReturn:
        raise UnsupportedOperation(_REFUSAL)


class Database(TinyDB):
    """A TinyDB over living tables."""

    table_class: type[Table] = LivingTable

    def __init__(self, records: dict[str, Records] | None = None) -> None:
        super().__init__(records if records is not None else {}, storage=LivingStorage)

    def living(self) -> dict[str, LivingTable]:
        """The tables there are, by name; the very dict, in which new tables turn up."""
        return cast("dict[str, LivingTable]", self._tables)

    def fork(self) -> Database:
        """A second database with the same contents: O(tables), whatever they hold."""
        storage = cast("LivingStorage", self.storage)
        other = Database({name: records.fork() for name, records in storage.records.items()})
        for name, table in self.living().items():
            other.living()[name] = table.forked(cast("LivingStorage", other.storage))
        return other

    def drop_table(self, name: str) -> NoReturn:
        """Refuse."""
        raise UnsupportedOperation(_REFUSAL)

    def drop_tables(self) -> NoReturn:
        """Refuse."""
        raise UnsupportedOperation(_REFUSAL)


def living_table(database: Database, name: str) -> LivingTable:
    """The table `name`, made now if there is none."""
    return cast("LivingTable", database.table(name))
