"""What any store must do: each test runs on a fresh store, on a fork, on one loaded from a dump."""

from __future__ import annotations

import datetime
import enum
import gc
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest

from understudy.engine.decide import Decision
from understudy.problems import Problem
from understudy.world.clock import Clock
from understudy.world.entries import commit_entry, play
from understudy.world.store import Change, Changed, Page, Query, Store, trimmed
from understudy.world.world import World
from understudy.world.worlds import Worlds

NOW = datetime.datetime(2025, 5, 6, tzinfo=datetime.UTC)


def _fork() -> Store:
    store = Store()
    store.prepare("customer", "status")
    return store.fork()


def _side_of_a_fork() -> Store:
    store = Store()
    kept = store.fork()
    store.commit([create("x", status="ACTIVE")])
    assert kept.count("customer") == 0
    store.commit([delete("x")])
    return store


class Kept(Store):
    """The store of a world that is made again of its journal's entries, as after a crash; a second one judges commits first."""

    __slots__ = ("_judge", "_worlds")

    def __init__(self) -> None:
        self._worlds = Worlds(World("prepared", Clock(NOW, frozen=True), 0, {}))
        super().__init__(self._worlds.get("default").store.database)
        self._judge = Store()

    def commit(self, changes: Sequence[Changed]) -> None:
        """Judge the changes, write them down, and do what the writing says."""
        self._judge.commit(changes)
        world = self._worlds.get("default")
        entry = commit_entry(world, Decision(None, tuple(changes), (), (), ()), world.circumstances(NOW), None, None)  # type: ignore[arg-type]
        play(orjson.loads(orjson.dumps(entry)), self._worlds, lambda: 0.0)


MAKERS: Mapping[str, Callable[[], Store]] = {
    "in memory": Store,
    "a fork": _fork,
    "forked from": _side_of_a_fork,
    "loaded": lambda: Store.load(Store().dump()),
    "made again of a journal": Kept,
}


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store of each sort."""
    return MAKERS[request.param]()


def create(id: str, resource: str = "customer", /, **fields: Any) -> Change:
    """The change that makes a record."""
    return Change(resource, id, None, {"id": id, **fields})


def delete(id: str, resource: str = "customer") -> Change:
    """The change that deletes one."""
    return Change(resource, id, {}, None)


def update(id: str, **fields: Any) -> Change:
    """The change that gives a record other contents."""
    return Change("customer", id, {}, {"id": id, **fields})


def ids(page: Page) -> list[str]:
    """The ids on a page."""
    return [orjson.loads(row)["id"] for row in page.rows]


class TestGet:
    def test_a_record_comes_back_as_the_bytes_it_was_encoded_to(self, store: Store) -> None:
        """Also where the caller encoded it."""
        store.commit([create("a", name="é"), Change("customer", "b", None, {"id": "b"}, b'{ "id" : "b" }')])
        assert (store.get("customer", "a"), store.get("customer", "b")) == (
            '{"id":"a","name":"é"}'.encode(),
            b'{"id":"b"}' if isinstance(store, Kept) else b'{ "id" : "b" }',  # a file holds what it says, not how it was spaced
        )

    def test_what_is_not_there_is_none(self, store: Store) -> None:
        """Neither a record nor a resource need exist to be asked for."""
        store.commit([create("a")])
        assert (store.get("customer", "b"), store.get("invoice", "a")) == (None, None)

    def test_a_record_belongs_to_its_resource_alone(self, store: Store) -> None:
        """Two resources may use the same id."""
        store.commit([create("a", kind="c"), create("a", "invoice", kind="i")])
        store.commit([delete("a", "invoice")])
        assert (store.get("customer", "a"), store.get("invoice", "a")) == (b'{"id":"a","kind":"c"}', None)


class TestCommit:
    def test_a_change_replaces_the_record_and_keeps_its_place(self, store: Store) -> None:
        """Creation order is the order of creation."""
        store.commit([create("a", n=1), create("b", n=2)])
        store.commit([update("a", n=3)])
        assert (store.get("customer", "a"), ids(store.select(Query("customer")))) == (b'{"id":"a","n":3}', ["b", "a"])

    def test_a_record_made_again_after_its_deletion_is_the_newest(self, store: Store) -> None:
        """It is another record."""
        store.commit([create("a"), create("b")])
        store.commit([delete("a"), create("a")])
        assert ids(store.select(Query("customer"))) == ["a", "b"]

    def test_several_changes_to_one_record_apply_in_turn(self, store: Store) -> None:
        """Each builds on the one before."""
        store.prepare("customer", "status")
        store.commit([create("a", status="A"), update("a", status="B"), create("b", status="A"), delete("b")])
        assert (store.find("customer", "status", "B"), store.find("customer", "status", "A")) == (["a"], [])
        store.commit([delete("a"), create("a", status="C"), update("a", status="D")])
        assert [store.find("customer", "status", status) for status in "BCD"] == [[], [], ["a"]]

    def test_no_changes_are_no_change(self, store: Store) -> None:
        """An empty commit is in order."""
        store.commit([])
        assert store.resources() == []

    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            (create("old"), "cannot make customer old: there is such a record already"),
            (create("new"), "cannot make customer new: there is such a record already"),
            (update("none"), "cannot change customer none: there is no such record"),
            (delete("none"), "cannot delete customer none: there is no such record"),
            (Change("customer", "none", None, None), "a change has a record before or after it, or both"),
            (create("bad", value=object()), "it cannot be encoded as JSON"),
            (create("bad", value="\ud800"), "it cannot be encoded as JSON"),
            (create("bad", value=[2**64, object()]), "it cannot be encoded as JSON"),
            (create("bad", value={"n": 2**64, 1: "number for a name"}), "it cannot be encoded as JSON"),
            (update("old", value={1, 2}), "it cannot be encoded as JSON"),
        ],
    )
    @pytest.mark.parametrize("position", [0, 1, 4])
    def test_one_wrong_change_undoes_the_whole_commit(
        self, store: Store, wrong: Change, reason: str, position: int
    ) -> None:
        """Nothing of it is seen, by id, by index, in a list or in a count."""
        store.commit([create("old", status="A"), create("gone", status="A")])
        store.find("customer", "status", "A")
        before = store.dump()
        changes = [create("new", status="A"), update("old", status="B"), delete("gone"), create("i", "invoice")]
        if wrong.id == "new":
            changes[0:0] = [create("new", status="C")]
        changes.insert(position, wrong)
        with pytest.raises(Problem) as caught:
            store.commit(changes)
        assert (caught.value.kind, store.dump(), store.resources()) == ("internal_error", before, ["customer"])
        assert store.find("customer", "status", "A") == ["old", "gone"]
        assert store.find("customer", "status", "B") == []
        if wrong.id != "new" and position == 0 and not (wrong.id == "old" and wrong.after is None):
            assert reason in caught.value.message

    def test_what_the_caller_does_to_its_dicts_afterwards_does_not_matter(self, store: Store) -> None:
        """Nor does a `before` that is the same dict as `after`."""
        record = {"id": "a", "status": "A"}
        store.prepare("customer", "status")
        store.commit([Change("customer", "a", None, record)])
        record["status"] = "B"
        store.commit([Change("customer", "a", record, record)])
        record["status"] = "C"
        assert [store.find("customer", "status", status) for status in "ABC"] == [[], ["a"], []]

    def test_what_the_encoder_makes_of_a_value_is_what_is_found(self, store: Store) -> None:
        """NaN becomes null, a date a string, a tuple an array, a member of an enumeration its value."""
        store.prepare("customer", "value")
        colour = enum.StrEnum("colour", "RED")
        for id, value in {
            "nan": float("nan"),
            "date": datetime.date(2025, 5, 6),
            "pair": (1, 2),
            "red": colour.RED,
        }.items():
            store.commit([create(id, value=value)])
        assert store.find("customer", "value", "red") == ["red"]
        assert [store.find("customer", "value", value) for value in (None, "2025-05-06", 2)] == [
            ["nan"],
            ["date"],
            ["pair"],
        ]
        store.commit([update(id, value=0) for id in ("nan", "date", "pair", "red")])
        assert store.find("customer", "value", 0) == ["nan", "date", "pair", "red"]


class TestCount:
    def test_records_are_counted_by_resource(self, store: Store) -> None:
        """Resources without records are not mentioned; the others are sorted."""
        store.commit([create("a", "invoice"), create("b"), create("c")])
        assert (store.count("customer"), store.count("contact"), store.resources()) == (2, 0, ["customer", "invoice"])
        store.commit([delete("a", "invoice")])
        assert (store.count("invoice"), store.resources()) == (0, ["customer"])


class TestFind:
    def test_ids_come_in_creation_order_and_follow_every_change(self, store: Store) -> None:
        """The index is made by the first call and kept from then on."""
        store.commit([create(id, status="A") for id in "cab"])
        assert store.find("customer", "status", "A") == ["c", "a", "b"]
        store.commit([update("a", status="B"), create("d", status="A"), delete("c")])
        assert (store.find("customer", "status", "A"), store.find("customer", "status", "B")) == (["b", "d"], ["a"])
        store.commit([update("a", status="A")])
        assert store.find("customer", "status", "A") == ["a", "b", "d"]

    def test_null_and_missing_are_found_as_none(self, store: Store) -> None:
        """And nothing else is."""
        store.commit([create("a", ended=None), create("b"), create("c", ended=""), create("d", ended=0)])
        assert store.find("customer", "ended", None) == ["a", "b"]

    def test_any_element_of_an_array_is_found(self, store: Store) -> None:
        """Along a dotted path too."""
        store.commit([create("a", items=[{"sku": "x"}, {"sku": "y"}]), create("b", items=[{"sku": "y"}])])
        assert (store.find("customer", "items.sku", "y"), store.find("customer", "items.sku", "x")) == (
            ["a", "b"],
            ["a"],
        )

    def test_a_value_that_cannot_be_hashed_is_found(self, store: Store) -> None:
        """Objects are compared by what is in them."""
        store.commit([create("a", owner={"type": "x", "id": 1}), create("b", owner={"type": "y"})])
        assert store.find("customer", "owner", {"id": 1, "type": "x"}) == ["a"]

    def test_nothing_is_found_of_a_resource_without_records(self, store: Store) -> None:
        """No error."""
        assert store.find("invoice", "status", "A") == []

    def test_fields_beyond_the_limit_of_indexes_are_found_by_reading(self, store: Store) -> None:
        """Whoever asks for field after field does not fill the memory."""
        store.commit(
            [Change("customer", "a", None, {"id": "a", **{f"f{n}": n for n in range(100)}}), create("b", f99=99)]
        )
        found = [store.find("customer", f"f{number}", number) for number in range(100)]
        assert found == [["a"]] * 99 + [["a", "b"]]
        assert store.find("customer", "f99", {"not": "there"}) == []


class TestFork:
    def test_each_side_goes_on_by_itself(self, store: Store) -> None:
        """Records, indexes, counts and resources."""
        store.commit([create("a", status="A"), create("b", status="A")])
        store.find("customer", "status", "A")
        other = store.fork()
        store.commit([update("a", status="B"), create("s", status="A")])
        other.commit([delete("a"), create("o", status="A"), create("i", "invoice")])
        assert store.find("customer", "status", "A") == ["b", "s"]
        assert other.find("customer", "status", "A") == ["b", "o"]
        assert (store.resources(), other.resources()) == (["customer"], ["customer", "invoice"])
        assert (ids(store.select(Query("customer"))), ids(other.select(Query("customer")))) == (
            ["s", "b", "a"],
            ["o", "b"],
        )

    def test_a_chain_of_forks_keeps_every_moment(self, store: Store) -> None:
        """As many snapshots as there are steps, each as it was."""
        moments = []
        for number in range(200):
            moments.append(store.fork())
            store = store if number % 2 else store.fork()
            store.commit([create(str(number), parity=number % 2)])
        assert [moment.count("customer") for moment in moments] == list(range(200))
        assert moments[120].find("customer", "parity", 1) == [str(number) for number in range(1, 120, 2)]

    def test_a_store_that_is_dropped_is_gone_at_once(self, store: Store) -> None:
        """Nothing refers back to it, so nothing waits for the collector; its fork goes on."""
        store.commit([create("a", status="A")])
        store.find("customer", "status", "A")
        ended = store.fork()
        watched = weakref.ref(ended.database)
        gc.disable()
        try:
            del ended
            assert watched() is None
        finally:
            gc.enable()
        assert store.count("customer") == 1


class TestDump:
    def test_a_dump_has_tinydbs_layout_and_loads_again(self, store: Store) -> None:
        """Order, ids and document ids survive; the next record is still the newest."""
        store.commit([create("a", n=1), create("b"), create("c"), create("i", "invoice")])
        store.commit([delete("b")])
        dump = store.dump()
        serials = {table: list(documents) for table, documents in dump.items()}
        assert [list(documents.values()) for documents in dump.values()] == [
            [{"id": "a", "n": 1}, {"id": "c"}],
            [{"id": "i"}],
        ]
        again = Store.load(dump)
        again.commit([create("d")])
        assert ids(again.select(Query("customer"))) == ["d", "c", "a"]
        again.commit([delete("d")])
        assert {table: list(documents) for table, documents in again.dump().items()} == serials
        assert orjson.loads(store.dump_json()) == dump

    def test_records_that_do_not_say_their_id_keep_it(self, store: Store) -> None:
        """Another field may be the key, and an id may be a number."""
        store.commit(
            [
                Change("user", "jane", None, {"username": "jane", "id": 7}),
                Change("pet", "10", None, {"id": 10}),
                Change("tag", "x", None, {}),
            ]
        )
        again = Store.load(store.dump())
        assert (again.get("user", "jane"), again.get("pet", "10"), again.get("tag", "x")) == (
            b'{"username":"jane","id":7}',
            b'{"id":10}',
            b"{}",
        )
        assert again.resources() == ["pet", "tag", "user"]

    @pytest.mark.parametrize(
        ("mapping", "place"),
        [
            ([], "a database must be an object of tables"),
            ({"customer": []}, "customer: a table must be an object of documents"),
            ({"customer": {"x": {}}}, "customer.x: a document id must be a whole number"),
            ({"customer": {"-1": {}}}, "customer.-1: a document id must be a whole number"),
            ({"customer": {"1": []}}, "customer.1: a document must be an object"),
            ({"customer": {"1": {"name": "x"}}}, "customer.1: the document has no `id`"),
            ({"customer": {"1": {"id": True}}}, "customer.1: the document has no `id`"),
            ({"customer": {"1": {"id": "a"}, "2": {"id": "a"}}}, "customer.2: a second document with the id a"),
            ({"customer": {"1": {"id": "a"}, "01": {"id": "b"}}}, "customer.01: a second document of that number"),
            ({"customer": {"1": {"id": "a", "n": {2**70}}}}, "customer.1: cannot be encoded as JSON"),
            ({"_keys": {"1": {"table": "customer"}}}, "_keys.1: must give table, doc_id and id"),
            ({"_keys": {"1": []}}, "_keys.1: must give table, doc_id and id"),
        ],
    )
    def test_a_foreign_or_damaged_mapping_is_refused_with_the_place(self, mapping: Any, place: str) -> None:
        """Whoever reads the file can go there."""
        with pytest.raises(ValueError) as caught:
            Store.load(mapping)
        assert str(caught.value).startswith(place)

    def test_documents_are_ordered_by_number_not_by_their_order_in_the_file(self) -> None:
        """TinyDB's order of documents is that of their ids only by custom."""
        store = Store.load({"customer": {"10": {"id": "b"}, "9": {"id": "a"}, "1000000000000": {"id": "c"}}})
        assert ids(store.select(Query("customer", descending=False))) == ["a", "b", "c"]


def test_bytes_that_are_kept_do_not_hold_room_they_do_not_use() -> None:
    """The encoder's results do."""
    encoded = orjson.dumps({"a": 1})
    assert trimmed(encoded) == encoded
    assert trimmed(encoded) is not encoded
