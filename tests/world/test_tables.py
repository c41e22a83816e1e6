"""The store as a TinyDB: read with its own query language, written by the store alone."""

from __future__ import annotations

from collections.abc import Callable
from io import UnsupportedOperation
from pathlib import Path
from typing import Any

import pytest
from tinydb import JSONStorage, Query, TinyDB, where
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from understudy.world.store import Change, Store


@pytest.fixture
def store() -> Store:
    """Three customers and an invoice."""
    store = Store()
    statuses = {"a": "ACTIVE", "b": "DRAFT", "c": "ACTIVE"}
    store.commit(
        [Change("customer", id, None, {"id": id, "status": status, "tags": [id]}) for id, status in statuses.items()]
    )
    store.commit([Change("invoice", "i", None, {"id": "i", "total": {"amount": "2.50"}})])
    return store


def test_the_database_is_a_tinydb(store: Store) -> None:
    """Whatever takes one takes ours."""
    assert isinstance(store.database, TinyDB)
    assert store.database.tables() == {"customer", "invoice"}
    assert len(store.database.table("customer")) == 3
    assert len(store.database.table("nothing")) == 0
    assert store.database.tables() == {"customer", "invoice"}


def test_tinydbs_queries_see_the_living_records(store: Store) -> None:
    """The same question after a commit has another answer: nothing stale is kept."""
    customers = store.database.table("customer")
    active = where("status") == "ACTIVE"
    assert [found["id"] for found in customers.search(active)] == ["a", "c"]
    store.commit(
        [
            Change("customer", "b", {}, {"id": "b", "status": "ACTIVE"}),
            Change("customer", "a", {}, None),
            Change("customer", "d", None, {"id": "d", "status": "ACTIVE"}),
        ]
    )
    assert [found["id"] for found in customers.search(active)] == ["b", "c", "d"]
    assert (customers.count(active), len(customers), len(customers.all())) == (3, 3, 3)


def test_every_way_to_read_a_table_works(store: Store) -> None:
    """As its documentation has them."""
    customers = store.database.table("customer")
    first = customers.get(doc_id=1)
    assert isinstance(first, Document)
    assert (first, first.doc_id) == ({"id": "a", "status": "ACTIVE", "tags": ["a"]}, 1)
    assert customers.get(doc_id=99) is None
    assert [found.doc_id for found in customers.get(doc_ids=[3, 1])] == [1, 3]
    draft = customers.get(Query().status == "DRAFT")
    assert draft is not None and draft["id"] == "b"
    assert customers.contains(Query().tags.any(["c"])) and not customers.contains(doc_id=4)
    assert [document["id"] for document in customers] == ["a", "b", "c"]
    assert store.database.table("invoice").search(Query().total.amount.matches(r"2\.5"))
    assert "customer" in repr(customers)


def test_what_is_read_is_a_copy(store: Store) -> None:
    """Changing it changes nothing."""
    customers = store.database.table("customer")
    customers.all()[0]["status"] = "CHANGED"
    assert store.get("customer", "a") == b'{"id":"a","status":"ACTIVE","tags":["a"]}'


WRITES: dict[str, Callable[[TinyDB], Any]] = {
    "insert": lambda database: database.table("customer").insert({"id": "x"}),
    "insert_multiple": lambda database: database.table("customer").insert_multiple([{"id": "x"}]),
    "update": lambda database: database.table("customer").update({"status": "x"}),
    "update_multiple": lambda database: database.table("customer").update_multiple([({"a": 1}, where("id") == "a")]),
    "upsert": lambda database: database.table("customer").upsert({"id": "a"}, where("id") == "a"),
    "remove": lambda database: database.table("customer").remove(doc_ids=[1]),
    "truncate": lambda database: database.table("customer").truncate(),
    "a new table": lambda database: database.table("new", persist_empty=True),
    "the default table": lambda database: database.insert({"id": "x"}),
    "drop_table": lambda database: database.drop_table("customer"),
    "drop_tables": lambda database: database.drop_tables(),
    "the storage": lambda database: database.storage.write({}),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_tinydbs_ways_to_write_are_refused_and_change_nothing(store: Store, write: Callable[[TinyDB], Any]) -> None:
    """The message says where to write instead."""
    before = store.dump()
    with pytest.raises(UnsupportedOperation, match=r"Store\.commit"):
        write(store.database)
    assert store.dump() == before
    store.commit([Change("customer", "y", None, {"id": "y"})])
    assert len(store.database.table("customer")) == 4


def test_a_table_taken_before_its_first_record_is_alive(store: Store) -> None:
    """It need not be asked for again."""
    contacts = store.database.table("contact")
    store.commit([Change("contact", "k", None, {"id": "k"})])
    assert [found["id"] for found in contacts] == ["k"]


def test_the_databases_of_a_fork_are_two(store: Store) -> None:
    """Each shows its own side."""
    other = store.fork()
    other.commit([Change("customer", "a", {}, None)])
    assert (len(store.database.table("customer")), len(other.database.table("customer"))) == (3, 2)


def test_plain_tinydb_opens_and_queries_a_dump(store: Store, tmp_path: Path) -> None:
    """The layout is TinyDB's own, also after deletes."""
    store.commit([Change("customer", "a", {}, None)])
    path = tmp_path / "world.json"
    path.write_bytes(store.dump_json())
    with TinyDB(path, storage=JSONStorage) as database:
        assert database.tables() == {"customer", "invoice"}
        found = database.table("customer").get(doc_id=3)
        assert found is not None and found["id"] == "c"
        assert database.table("customer").insert({"id": "new"}) == 4


def test_what_plain_tinydb_wrote_loads(store: Store) -> None:
    """The way back."""
    database = TinyDB(storage=MemoryStorage)
    database.table("customer").insert_multiple([{"id": "a"}, {"id": 2}])
    loaded = Store.load(database.storage.read() or {})
    assert (loaded.get("customer", "a"), loaded.get("customer", "2")) == (b'{"id":"a"}', b'{"id":2}')
