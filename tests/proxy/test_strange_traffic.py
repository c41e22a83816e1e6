"""Traffic of any kind: nothing that goes by stops the proxy, and nothing in a file stops `learn`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.fronts import PETSTORE
from understudy.check.opening import read_api
from understudy.proxy.exchanges import Exchange
from understudy.proxy.fixturing import fixture
from understudy.proxy.har import entry, read
from understudy.proxy.learning import learn
from understudy.proxy.trail import trail
from understudy.proxy.watching import Watcher, header

API = read_api(PETSTORE)
NAMES = st.sampled_from(["id", "name", "email", "status", "owner_id", "created_at", "owners", "pets", "total", "page", "message", "species", "deleted"])
SCALARS = st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False) | st.sampled_from(["a", "own_1", "available", "2025-05-06T10:30:00Z", "", "\u0000", "${x}", "redacted-1"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12)
OWNERS = st.fixed_dictionaries({"id": SCALARS}, optional={"name": SCALARS, "email": SCALARS, "status": SCALARS, "created_at": SCALARS, "owner_id": SCALARS})
BODIES = (VALUES | OWNERS | st.fixed_dictionaries({"owners": st.lists(OWNERS | SCALARS, max_size=3), "total": SCALARS}) | st.fixed_dictionaries({"pets": st.lists(OWNERS, max_size=3)})).map(
    lambda value: json.dumps(value).encode()
) | st.sampled_from([b"", b"{", b"\xff", b"[" * 5000, b"<html>"])
TARGETS = st.sampled_from(["/owners", "/owners/own_1", "/owners/5", "/pets", "/pets/own_1", "/pets/own_1/adopt", "/owners?page=2", "/pets?status=available&owner_id=a", "/pets?per_page=2", "/nowhere", "/owners/%FF", "/owners/%00?%ff=%zz", "/"])
MEDIA = st.sampled_from([(("content-type", "application/json"),), (), (("content-type", "text/html"),), (("content-type", "application/json"), ("link", "<x>; rel=next"))])
ROWS = st.lists(st.tuples(st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"]), TARGETS, MEDIA, BODIES, st.sampled_from([200, 201, 204, 302, 400, 404, 409, 500, 599]), MEDIA, BODIES), max_size=8)


def exchanges(rows: list[Any]) -> list[Exchange]:
    """Rows as they went by."""
    return [Exchange(n + 1, method, target, sent, body, status, got, answer, 1.7e9 + n, 0.1, 2 * n, 2 * n + 1) for n, (method, target, sent, body, status, got, answer) in enumerate(rows)]


@settings(max_examples=150)
@given(ROWS)
def test_whatever_goes_by_is_judged(rows: list[Any]) -> None:
    """No exchange raises; what is said of it fits a header."""
    watcher = Watcher(API, "http://x")
    for one in exchanges(rows):
        watcher.begins(one.number, one.method, one.path)
        assert len(header(watcher.judge(one))) < 5_000
        watcher.confirm()


@settings(max_examples=150)
@given(ROWS)
def test_whatever_was_recorded_is_learned_from(rows: list[Any]) -> None:
    """No record raises; what was written is read again, and a fixture can be written down."""
    text = json.dumps({"log": {"entries": [entry(one, "http://x") for one in exchanges(rows)]}})
    found = trail(API, read(text)[0])
    assert all(str(one) for one in learn(found))
    json.dumps(fixture(found, "it"))


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["log", "entries", "request", "response", "url", "status", "headers", "content", "text", "postData", "name", "value", "startedDateTime", "time"]), inner, max_size=4)))
def test_any_file_is_read_or_refused(value: Any) -> None:
    """With words, never with a fault of the reader's own."""
    for one in (value, {"log": {"entries": [value, {"request": value, "response": value}, {"request": {"url": value}, "response": {"status": value}}]}}):
        try:
            read(json.dumps(one))
        except ValueError as fault:
            assert "no HTTP Archive" in str(fault)
