"""Which headers go on: laws over any headers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from understudy.proxy import hops

NAMES = st.sampled_from([b"accept", b"x-own", b"content-length", b"cookie", b"set-cookie", b"via", *sorted(hops.HOP_BY_HOP), *sorted(hops.OURS)])
VALUES = st.sampled_from([b"1", b"x-own", b"close, cookie", b"gzip", b"br;q=1, gzip", b"content-length"])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=12)


@given(HEADERS)
def test_nothing_of_a_connection_goes_on(headers: list[tuple[bytes, bytes]]) -> None:
    """RFC 9110 section 7.6.1: neither the headers it names nor those that `Connection` names."""
    kept = {name for name, _ in hops.without_hops(headers)}
    assert not kept & (hops.HOP_BY_HOP | (hops.named(headers) - {b"content-length"}))


@given(HEADERS)
def test_what_goes_on_goes_on_as_it_came(headers: list[tuple[bytes, bytes]]) -> None:
    """In its order, repeated headers too; doing it twice is doing it once."""
    kept = hops.without_hops(headers)
    left = iter(headers)
    assert all(one in left for one in kept)
    assert hops.without_hops(kept) == kept


@given(HEADERS)
def test_a_request_goes_out_with_one_host_and_one_framing(headers: list[tuple[bytes, bytes]]) -> None:
    """RFC 9112 sections 3.2 and 6.3: whatever came in."""
    names = [name for name, _ in hops.outgoing(headers, b"api.example", b"understudy")]
    assert names.count(b"host") == 1
    assert not (b"transfer-encoding" in names and b"content-length" in names)
    assert b"expect" not in names
    assert names.count(b"via") == 1


@given(HEADERS)
def test_only_codings_that_can_be_read_are_asked_for(headers: list[tuple[bytes, bytes]]) -> None:
    """What cannot be read cannot be judged."""
    asked = [value for name, value in hops.outgoing(headers, b"h", b"v") if name == b"accept-encoding"]
    assert all(part.partition(b";")[0].strip() in hops.READABLE for value in asked for part in value.split(b","))
    assert len(asked) == (1 if any(name == b"accept-encoding" for name, _ in headers) else 0)
