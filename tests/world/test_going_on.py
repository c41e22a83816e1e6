"""A list gone on with from a record: behind it or before it, whatever came and went meanwhile."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.world.store import Change, Query, Store


def store_of(values: list[int]) -> Store:
    """A record for each value, `n` its value, ids in order of creation."""
    store = Store()
    store.commit([Change("thing", f"t{at}", None, {"id": f"t{at}", "n": value}) for at, value in enumerate(values)])
    return store


def ids(store: Store, **asked: object) -> list[str]:
    """The ids a query gives."""
    return [orjson.loads(row)["id"] for row in store.select(Query("thing", **asked)).rows]  # type: ignore[arg-type]


@given(values=st.lists(st.integers(0, 3), min_size=1, max_size=12), limit=st.integers(1, 5), order=st.sampled_from([None, "n"]), down=st.booleans())
def test_going_on_behind_each_last_record_walks_the_whole_list(values: list[int], limit: int, order: str | None, down: bool) -> None:
    """By creation or by a field, up or down: no record is missed, none comes twice."""
    store = store_of(values)
    whole = ids(store, order_by=order, descending=down)
    seen = ids(store, order_by=order, descending=down, limit=limit)
    while len(seen) < len(whole):
        seen += ids(store, order_by=order, descending=down, limit=limit, after=seen[-1])
    assert seen == whole


@given(values=st.lists(st.integers(0, 3), min_size=1, max_size=12), limit=st.integers(1, 5), at=st.integers(0, 11), down=st.booleans())
def test_going_back_ends_right_before_the_record(values: list[int], limit: int, at: int, down: bool) -> None:
    """The last `limit` records before it, in the list's own order."""
    store = store_of(values)
    whole = ids(store, order_by="n", descending=down)
    at %= len(whole)
    assert ids(store, order_by="n", descending=down, limit=limit, before=whole[at]) == whole[max(0, at - limit) : at]


def test_a_record_that_is_not_in_the_list_is_a_key_error() -> None:
    """It was deleted, or the filter leaves it out."""
    store = store_of([1, 2])
    with pytest.raises(KeyError):
        ids(store, after="gone")
    with pytest.raises(KeyError):
        ids(store, after="t0", equals=(("n", frozenset({2})),))
