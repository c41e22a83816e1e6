"""Filters, order and pages, by tables; and by index and by reading alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from understudy.world import queries
from understudy.world.store import Change, Page, Query, Store

RECORDS: dict[str, dict[str, Any]] = {
    "a": {"status": "ACTIVE", "n": 2, "tags": ["x", "y"], "at": "2025-05-03T00:00:00Z", "owner": {"id": "o1"}},
    "b": {"status": "DRAFT", "n": "2", "tags": [], "at": "2025-05-01T00:00:00Z", "owner": {"id": "o2"}},
    "c": {"status": "ACTIVE", "n": None, "tags": ["y"], "at": "2025-05-02T00:00:00Z"},
    "d": {"status": None, "n": 1.5, "tags": ["z", "x"], "owner": {"id": "o1"}},
    "e": {"status": "ACTIVE", "n": True, "at": "2025-05-03T00:00:00Z", "owner": {"id": "o1"}},
    "f": {"n": 2, "tags": "x", "at": None, "owner": []},
}


@pytest.fixture(params=["by index", "by reading"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Six records; every query answered from an index where one can do, or by reading all there is."""
    monkeypatch.setattr(queries, "FEW", -1)
    if request.param == "by reading":
        monkeypatch.setattr(queries, "INDEXES", 0)
    store = Store()
    store.commit([Change("thing", id, None, {"id": id, **record}) for id, record in RECORDS.items()])
    yield store


def ids(page: Page) -> str:
    """The ids on a page, in one word."""
    return "".join(orjson.loads(row)["id"] for row in page.rows)


def ask(*equals: tuple[str, set[Any]], **rest: Any) -> Query:
    """A query in ascending order, unless it says otherwise."""
    named = tuple((field, frozenset(values)) for field, values in equals)
    return Query("thing", named, **{"descending": False, **rest})


EQUALS = [
    ("abcdef", ()),
    ("ace", (("status", {"ACTIVE"}),)),
    ("abce", (("status", {"ACTIVE", "DRAFT"}),)),
    ("df", (("status", {None}),)),
    ("bdf", (("status", {None, "DRAFT"}),)),
    ("", (("status", {"active"}),)),
    ("", (("status", set()),)),
    ("af", (("n", {2}),)),
    ("af", (("n", {2.0}),)),
    ("b", (("n", {"2"}),)),
    ("e", (("n", {True}),)),
    ("", (("n", {1}),)),
    ("adf", (("tags", {"x"}),)),
    ("acdf", (("tags", {"x", "y"}),)),
    ("be", (("tags", {None}),)),
    ("ade", (("owner.id", {"o1"}),)),
    ("cf", (("owner.id", {None}),)),
    ("ae", (("owner.id", {"o1"}), ("status", {"ACTIVE"}))),
    ("a", (("status", {"ACTIVE"}), ("tags", {"x", "z"}))),
    ("ac", (("status", {"ACTIVE", "DRAFT"}), ("tags", {"x", "y"}))),
    ("ab", (("n", {2, "2"}), ("status", {"ACTIVE", "DRAFT"}), ("owner.id", {"o1", "o2"}))),
    ("a", (("tags", {"x"}), ("tags", {"y"}))),
    ("", (("status", {"ACTIVE"}), ("status", {"DRAFT"}))),
    ("adf", (("tags", {"x", *map(str, range(50))}),)),
    ("abcdef", (("missing", {None}),)),
]


@pytest.mark.parametrize(("found", "equals"), EQUALS)
def test_a_filter_takes_the_records_that_have_one_of_its_values(
    store: Store, found: str, equals: tuple[Any, ...]
) -> None:
    """In creation order, or newest first; in any other order they are the same records."""
    for _ in range(2):
        page = store.select(ask(*equals))
        assert (ids(page), page.total) == (found, len(found))
        assert ids(store.select(ask(*equals, descending=True))) == found[::-1]
        ordered = store.select(ask(*equals, order_by="n"))
        assert ("".join(sorted(ids(ordered))), ordered.total) == (found, len(found))


ORDERS = [
    ("n", "dafbec"),  # numbers, strings, true, null; 2 twice: by creation
    ("at", "bcaedf"),  # null and missing at the end, by creation
    ("status", "acebdf"),
    ("owner.id", "adebcf"),
    ("tags", "afcdbe"),  # by the first element
    ("owner", "adebcf"),  # objects by their JSON; an empty array is null as a missing object is
    ("missing", "abcdef"),
]


@pytest.mark.parametrize(("field", "found"), ORDERS)
def test_order_is_total_and_ties_go_by_creation(store: Store, field: str, found: str) -> None:
    """Downwards is the exact reverse."""
    assert ids(store.select(ask(order_by=field))) == found
    assert ids(store.select(ask(order_by=field, descending=True))) == found[::-1]


@pytest.mark.parametrize(
    ("field", "low", "high", "found"),
    [
        ("at", "2025-05-02T00:00:00Z", "2025-05-03T00:00:00Z", "cae"),
        ("at", "2025-05-02", None, "cae"),
        ("at", None, "2025-05-02", "b"),
        ("at", None, None, "bcae"),
        ("n", 1.5, 2, "daf"),
        ("n", None, 1.9, "d"),
        ("n", "0", None, "b"),
        ("n", 1, "z", ""),
        ("n", 3, 1, ""),
        ("n", None, True, "e"),
        ("owner.id", "o1", "o1", "ade"),
        ("tags", "y", "z", "cd"),
    ],
)
def test_a_range_takes_the_records_between_its_bounds(
    store: Store, field: str, low: Any, high: Any, found: str
) -> None:
    """Bounds included, null never; ordered by the same field, by another, and by creation."""
    ranges = ((field, low, high),)
    assert ids(store.select(ask(ranges=ranges, order_by=field))) == found
    assert ids(store.select(ask(ranges=ranges, order_by=field, descending=True))) == found[::-1]
    assert ids(store.select(ask(ranges=ranges))) == "".join(sorted(found))
    page = store.select(ask(ranges=ranges, order_by="missing", offset=1))
    assert (ids(page), page.total) == ("".join(sorted(found))[1:], len(found))
    wanted = "".join(id for id in found if RECORDS[id].get("status") == "ACTIVE")
    assert ids(store.select(ask(("status", {"ACTIVE"}), ranges=ranges, order_by=field))) == wanted


def test_several_ranges_hold_together(store: Store) -> None:
    """All of them, of one field or of two."""
    day = (("at", "2025-05-02", None), ("at", None, "2025-05-02T12:00:00Z"))
    assert ids(store.select(ask(ranges=day))) == "c"
    assert ids(store.select(ask(ranges=(("at", "2025-05-02", None), ("n", 0, 9))))) == "a"


def test_a_test_of_ones_own_holds_with_all_the_rest(store: Store) -> None:
    """It sees the decoded record."""
    query = ask(("status", {"ACTIVE"}), where=lambda record: "tags" in record, order_by="at")
    assert ids(store.select(query)) == "ca"


@pytest.mark.parametrize(
    ("offset", "limit", "found"),
    [
        (0, None, "fedcba"),
        (0, 2, "fe"),
        (1, 2, "ed"),
        (4, 5, "ba"),
        (6, 2, ""),
        (10**30, 2, ""),
        (0, 0, ""),
        (2, 10**30, "dcba"),
        (-5, 1, "f"),
        (0, -1, ""),
    ],
)
def test_a_page_is_a_window_on_the_whole_order(store: Store, offset: int, limit: int | None, found: str) -> None:
    """The total is that of the whole. In every order, filtered or not."""
    page = store.select(Query("thing", offset=offset, limit=limit))
    assert (ids(page), page.total) == (found, 6)
    first, last = max(0, offset), None if limit is None else max(0, offset) + max(0, limit)
    for query, whole in [
        (ask(offset=offset, limit=limit), "abcdef"),
        (ask(order_by="n", offset=offset, limit=limit), "dafbec"),
        (ask(("status", {"ACTIVE", "DRAFT"}), offset=offset, limit=limit), "abce"),
        (ask(("tags", {"x", "y"}), order_by="n", descending=True, offset=offset, limit=limit), "cfad"),
    ]:
        page = store.select(query)
        assert (ids(page), page.total) == (whole[first:last], len(whole))


def test_pages_are_right_after_many_deletes() -> None:
    """No page is short, and none is missed, wherever the gaps are."""
    store = Store()
    store.commit([Change("thing", str(n), None, {"id": str(n), "half": n % 2}) for n in range(5_000)])
    gone = [n for n in range(5_000) if n % 3 == 0 or 1_000 <= n < 3_000]
    store.select(Query("thing", (("half", frozenset({1})),)))
    store.commit([Change("thing", str(n), {}, None) for n in gone])
    left = [str(n) for n in range(4_999, -1, -1) if n not in set(gone)]
    pages = [store.select(Query("thing", offset=offset, limit=50)) for offset in range(0, len(left), 50)]
    assert [orjson.loads(row)["id"] for page in pages for row in page.rows] == left
    assert {page.total for page in pages} == {len(left)}
    odd = store.select(Query("thing", (("half", frozenset({1})),)))
    assert [orjson.loads(row)["id"] for row in odd.rows] == [id for id in left if int(id) % 2]


def test_a_resource_without_records_has_an_empty_page() -> None:
    """No error."""
    assert Store().select(Query("thing", order_by="n")) == Page(0, [])


def test_combined_indexes_are_made_up_to_a_limit() -> None:
    """Queries beyond it, and queries with few candidates, are answered by reading."""
    store = Store()
    store.commit([Change("thing", str(n), None, {"id": str(n), "one": n % 2}) for n in range(200)])
    for number in range(100):
        page = store.select(Query("thing", (("one", frozenset({1})),), order_by=f"f{number}", limit=3))
        assert (page.total, [orjson.loads(row)["id"] for row in page.rows]) == (100, ["199", "197", "195"])
    table = store._tables["thing"]
    assert len(table.indexes) == queries.COMBINED + 1
    store.select(Query("thing", (("id", frozenset({"7"})), ("one", frozenset({1}))), order_by="f99"))
    assert len(table.indexes) == queries.COMBINED + 2
