"""A fault as JSON: read strictly, written back as it was, refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.faults.fault import ANSWERS, Fault, read, write

ROWS: list[dict[str, Any]] = [
    {"status": 503},
    {"operation": "createOrder", "status": 429, "retry_after": 5},
    {"operation": ["POST /orders", "GET /orders/*"], "status": 500, "body": {"a": 1}, "headers": {"x-a": "b"}, "carried_out": True},
    {"match_headers": {"x-client": "shop-*"}, "answer": "reset", "carried_out": True, "times": 1},
    {"delay": {"min": 0.1, "max": 0.5}, "rate": 0.25, "after": 3},
    {"delay": {"mean": 0.1, "deviation": 0.5}, "bytes_per_second": 100},
    {"delay": {"p50": 0.1, "p99": 2.0}, "answer": "truncated"},
    {"status": 502, "body": "<html>bad gateway</html>", "answer": "malformed"},
    {"stale": 2, "rate": 0.5},
    {"event": "ORDER.*", "webhook": "twice"},
    {"webhook": "late", "delay": 3600.0},
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_is_written_as_it_was_read(row: dict[str, Any]) -> None:
    """What is as by default is left out."""
    named = {"id": "F1", **row}
    assert write(read(named)) == named


WRONG: list[tuple[Any, str]] = [
    ([], "a fault is an object"),
    ({}, "a fault does something"),
    ({"times": 2}, "a fault does something"),
    ({"status": 503, "statsu": 1}, "unknown: statsu; a fault has operation,"),
    ({"status": 99}, "status: must be an HTTP status from 200 to 599"),
    ({"status": 600}, "status: must be"),
    ({"status": "503"}, "status: must be"),
    ({"status": True}, "status: must be"),
    ({"status": 503.0}, "status: must be"),
    ({"status": 503, "rate": 1.5}, "rate: must be a probability from 0 to 1"),
    ({"status": 503, "rate": -0.1}, "rate: must be"),
    ({"status": 503, "rate": float("nan")}, "rate: must be"),
    ({"status": 503, "times": 0}, "times: must be a whole number from 1"),
    ({"status": 503, "times": 10**30}, "times: must be"),
    ({"status": 503, "after": -1}, "after: must be a whole number from 0"),
    ({"delay": -1}, "delay: must be a number of seconds from 0"),
    ({"delay": float("nan")}, "delay: must be"),
    ({"delay": float("inf")}, "delay: must be"),
    ({"delay": 1e300}, "delay: must be"),
    ({"delay": 301}, "delay: must be up to 300 seconds"),
    ({"delay": "1s"}, "delay: must be"),
    ({"delay": True}, "delay: must be"),
    ({"delay": {"min": 2, "max": 1}}, "delay: must be of max at least min"),
    ({"delay": {"p50": 0, "p99": 1}}, "delay: must be of p99 at least p50, which is above 0"),
    ({"delay": {"min": 1}}, "delay: must be"),
    ({"delay": {"mean": 1, "deviation": float("nan")}}, "delay: must be"),
    ({"answer": "explode"}, "answer: must be one of reset, empty, truncated, malformed"),
    ({"answer": ["reset"]}, "answer: must be one of"),
    ({"bytes_per_second": 0}, "bytes_per_second: must be"),
    ({"stale": 0}, "stale: must be a number of writes from 1"),
    ({"stale": 10**6}, "stale: must be"),
    ({"status": 503, "operation": 5}, "operation: must be an operationId"),
    ({"status": 503, "operation": []}, "operation: must be"),
    ({"status": 503, "operation": "x" * 501}, "operation: must be"),
    ({"status": 503, "match_headers": ["a"]}, "match_headers: must be an object"),
    ({"status": 503, "match_headers": {"a b": "c"}}, 'match_headers: must be an object of headers and their texts; "a b"'),
    ({"status": 503, "headers": {"a": "b\r\nc: d"}}, 'headers: must be an object of headers and their texts; "a"'),
    ({"status": 503, "headers": {"Content-Length": "5"}}, "headers: must be headers of the answer"),
    ({"status": 503, "headers": {"a": 5}}, "headers: must be"),
    ({"status": 503, "retry_after": -1}, "retry_after: must be"),
    ({"status": 503, "carried_out": "yes"}, "carried_out: must be true or false"),
    ({"status": 503, "answer": "reset"}, "answer: nothing of a status is seen"),
    ({"answer": "empty", "bytes_per_second": 5}, "bytes_per_second: nothing comes"),
    ({"stale": 1, "status": 503}, "stale: needs an answer"),
    ({"body": {}}, "a fault does something"),
    ({"delay": 1, "body": {}}, "status: must be there for body"),
    ({"delay": 1, "retry_after": 3}, "status: must be there"),
    ({"status": 204, "body": {}}, "body: an answer of this status has none"),
    ({"delay": 1, "carried_out": False}, "carried_out: what is answered here comes of carrying"),
    ({"event": "A.*"}, "webhook: say what becomes of"),
    ({"event": "A.*", "status": 500}, "webhook: say what becomes of"),
    ({"webhook": "twice", "operation": "POST /a"}, "webhook: goes with event; operation"),
    ({"webhook": "twice", "status": 500}, "webhook: goes with event, after"),
    ({"webhook": "late"}, "delay: must be a number of seconds of the world's clock"),
    ({"webhook": "late", "delay": 0.5}, "delay: must be a number of seconds of the world's clock"),
    ({"webhook": "lost", "delay": 5}, "delay: goes with webhook only where it comes late"),
    ({"webhook": "eaten"}, "webhook: must be one of lost, twice, late"),
    ({"status": 503, "body": "x" * 1_000_001}, "body: must be a JSON value of up to"),
    ({"status": 503, "id": "a/b"}, "id: must be up to 60 letters"),
    ({"status": 503, "id": 5}, "id: must be"),
]


@pytest.mark.parametrize(("row", "message"), WRONG, ids=[f"{row}"[:60] for row, _ in WRONG])
def test_what_is_wrong_is_said_with_what_would_be_right(row: Any, message: str) -> None:
    """One field at a time."""
    with pytest.raises(ValueError) as raised:
        read({"id": "F1", **row} if isinstance(row, dict) else row)
    assert str(raised.value).startswith(message)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(ANSWERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("min", "max", "p50", "x-a")) | st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*Fault.__dataclass_fields__, "other"]), ANYTHING))
def test_whatever_comes_is_a_fault_or_refused(row: dict[str, Any]) -> None:
    """And what is a fault is written as JSON that is the same fault."""
    try:
        fault = read(row)
    except ValueError:
        return
    assert read(write(fault)) == fault
