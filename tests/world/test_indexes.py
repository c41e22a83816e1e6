"""Paths, equality and order of values, and what an index holds."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from understudy.world.indexes import Index, bounds, key_of, keys_at, rank_at, rank_of, values_at

RECORD: dict[str, Any] = {
    "name": "Ann",
    "none": None,
    "address": {"city": "Utrecht", "lines": ["a", "b"]},
    "tags": ["x", "y"],
    "empty": [],
    "nested": [["p"], ["q", ["r"]]],
    "items": [{"price": {"amount": 1}}, {"price": {"amount": 2}}, {"other": 0}, "text"],
    "a.b": "never by a dotted path",
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("name", ["Ann"]),
        ("none", [None]),
        ("missing", [None]),
        ("address.city", ["Utrecht"]),
        ("address.lines", ["a", "b"]),
        ("address.missing", [None]),
        ("name.first", [None]),
        ("tags", ["x", "y"]),
        ("empty", [None]),
        ("nested", ["p", "q", "r"]),
        ("items.price.amount", [1, 2]),
        ("address", [{"city": "Utrecht", "lines": ["a", "b"]}]),
        ("a.b", [None]),
        ("", [None]),
    ],
)
def test_a_path_reaches_all_values_through_objects_and_arrays(path: str, values: list[Any]) -> None:
    """An array stands for its elements; nothing reached is null."""
    assert values_at(path)(RECORD) == values
    assert keys_at(path)(RECORD) == tuple(map(key_of, values))
    assert rank_at(path)(RECORD) == rank_of(values[0])


def test_an_array_nested_a_hundred_thousand_deep_is_read() -> None:
    """Without recursion, so whatever got in can be indexed."""
    value: Any = "deep"
    for _ in range(100_000):
        value = [value]
    assert values_at("field")({"field": value}) == ["deep"]
    while isinstance(value, list):  # taken apart from outside: freeing it in one piece would recurse
        value = value.pop()


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (0.0, -0.0, True),
        (1, True, False),
        (0, False, False),
        (1, "1", False),
        (None, 0, False),
        (None, "", False),
        ("a", "A", False),
        (True, "true", False),
        (math.nan, None, True),
        (math.inf, None, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        (date(2025, 5, 6), "2025-05-06", True),
    ],
)
def test_values_are_equal_as_json_has_it(one: Any, other: Any, equal: bool) -> None:
    """Numbers by value, true is not 1, objects by members, and all else as it is encoded."""
    assert (key_of(one) == key_of(other)) is equal


def test_every_kind_of_value_has_its_place() -> None:
    """Numbers, strings, false and true, objects, null: the whole table."""
    ordered = [
        -(2**63),
        -1.5,
        0,
        1,
        1.5,
        2**64,
        "",
        "10",
        "2025-05-06",
        "2025-05-07",
        "Z",
        "a",
        "é",
        False,
        True,
        {},
        None,
    ]
    assert all(rank_of(lesser) < rank_of(greater) for lesser, greater in pairwise(ordered))
    assert rank_of(math.nan) == rank_of(None)


@pytest.mark.parametrize(
    ("low", "high", "inside", "outside"),
    [
        (1, 3, [1, 2.5, 3], [0.9, 3.1, "2", True, None]),
        ("a", "c", ["a", "bb", "c"], ["A", "ca", 1, None]),
        (2, None, [2, 10**30], [1, "3", None]),
        (None, "m", ["", "m"], ["mm", 1, False]),
        (None, None, [0, "x", True, {}], [None]),
        (1, "z", [], [1, 2, "a", "z", None]),
        (3, 1, [], [1, 2, 3]),
        (False, True, [False, True], [0, 1, "true"]),
    ],
)
def test_a_range_holds_what_lies_between_bounds_of_its_kind(
    low: Any, high: Any, inside: list[Any], outside: list[Any]
) -> None:
    """Both ends included; never null."""
    before, after = bounds(low, high)
    held = [value for value in inside + outside if before <= (*rank_of(value), 7) < after]
    assert held == inside


class TestIndex:
    def test_one_field_lists_serial_numbers_in_creation_order(self) -> None:
        """The answer to equality."""
        index = Index(("status",), None)
        index.fill([(1, {"status": "A"}), (2, {"status": "B"}), (5, {"status": "A"})])
        index.add({"status": "A"}, 9)
        index.move({"status": "B"}, {"status": "A"}, 2)
        index.remove({"status": "A"}, 1)
        assert (list(index.entries("A")), list(index.entries("B"))) == ([2, 5, 9], [])

    def test_an_order_sorts_the_entries_of_each_group(self) -> None:
        """The answer to equality and order at once."""
        index = Index(("status",), "name")
        index.fill([(1, {"status": "A", "name": "z"}), (2, {"status": "A", "name": "y"}), (3, {"status": "B"})])
        index.move({"status": "A", "name": "z"}, {"status": "A", "name": "x"}, 1)
        assert [entry[2] for entry in index.entries("A")] == [1, 2]
        assert [entry[2] for entry in index.entries("B")] == [3]

    def test_no_field_is_one_group_of_all(self) -> None:
        """The answer to order alone."""
        index = Index((), "name")
        index.fill([(1, {}), (2, {"name": "b"}), (3, {"name": 4})])
        assert [entry[2] for entry in index.entries(())] == [3, 2, 1]

    def test_a_record_stands_under_each_element_once(self) -> None:
        """And is taken out from under each."""
        index = Index(("tags",), None)
        assert not index.spread
        index.add({"tags": ["x", "y", "x"]}, 1)
        assert (index.spread, list(index.entries("x")), list(index.entries("y"))) == (True, [1], [1])
        index.remove({"tags": ["x", "y", "x"]}, 1)
        assert [list(index.entries(key)) for key in ("x", "y", None)] == [[], [], []]

    def test_two_fields_stand_under_the_pairs_of_their_keys(self) -> None:
        """Each element of one with each of the other."""
        index = Index(("status", "tags"), None)
        index.add({"status": "A", "tags": ["x", "y"]}, 1)
        assert list(index.entries(("A", "y"))) == [1]
        assert list(index.entries(("A", None))) == []

    @pytest.mark.parametrize("count", [1, 2, 1_024, 1_025, 3_000])
    def test_a_group_of_any_size_grows_forks_and_shrinks_to_nothing(self, count: int) -> None:
        """A single entry, a part, or a run: one behaviour."""
        index = Index(("status",), None)
        for serial in range(count):
            index.add({"status": "A"}, serial)
        other = index.fork()
        other.add({"status": "A"}, count)
        for serial in range(count):
            index.remove({"status": "A"}, serial)
        assert (list(index.entries("A")), list(other.entries("A"))) == ([], list(range(count + 1)))
