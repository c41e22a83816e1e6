"""Which headers go on: what belongs to one connection stays behind, the rest goes through as it came (RFC 9110 section 7.6).

Pure: nothing is sent here, and no body is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Headers = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade", b"trailer"})
"""RFC 9110 section 7.6.1; `Trailer` as well, since trailers are not passed on."""
OURS = frozenset({b"host", b"expect", b"proxy-authorization", b"accept-encoding"})
"""Of a request, what is said anew: `Expect` is answered here, a key for a proxy is nobody else's (RFC 9110 section 11.7.2)."""
READABLE = frozenset({b"gzip", b"x-gzip", b"deflate", b"identity"})
"""Content codings that can be judged here; others are not asked for."""
PSEUDONYM = b"understudy"
ANSWERED, VIOLATIONS = b"understudy-answered", b"understudy-violations"


def named(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The header names that a message says belong to its connection."""
    return frozenset(one.strip().lower() for name, value in headers if name.lower() == b"connection" for one in value.split(b","))


def without_hops(headers: Headers) -> list[tuple[bytes, bytes]]:
    """A message's headers that go on, in their order, repeated ones too. `Content-Length` frames the body, whatever `Connection` says."""
    gone = (HOP_BY_HOP | named(headers)) - {b"content-length"}
    return [(name, value) for name, value in headers if name.lower() not in gone]


def outgoing(headers: Headers, host: bytes, via: bytes, *, forwarded: Headers = ()) -> list[tuple[bytes, bytes]]:
    """The headers of a request as it is passed on. `via`: how we are called in `Via` (RFC 9110 section 7.6.3)."""
    kept = [(name, value) for name, value in without_hops(headers) if name.lower() not in OURS and name.lower() != b"via"]
    came_by = [value for name, value in headers if name.lower() == b"via"]
    chunked = any(name.lower() == b"transfer-encoding" for name, _ in headers)
    if chunked:  # both would be two framings of one message (RFC 9112 section 6.3)
        kept = [(name, value) for name, value in kept if name.lower() != b"content-length"]
    codings = _codings([value for name, value in headers if name.lower() == b"accept-encoding"])
    return [
        (b"host", host),
        *kept,
        *([(b"accept-encoding", codings)] if codings else []),
        *([(b"transfer-encoding", b"chunked")] if chunked else []),
        *forwarded,
        (b"via", b", ".join([*came_by, b"1.1 " + via])),
    ]


def _codings(asked: Sequence[bytes]) -> bytes:
    """What is left of `Accept-Encoding`; nothing where the client said nothing."""
    parts = [part.strip() for value in asked for part in value.split(b",")]
    kept = [part for part in parts if part.partition(b";")[0].strip().lower() in READABLE]
    return b", ".join(kept) if kept else b"identity" if asked else b""


def incoming(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers of an answer as it is passed on; what an inner proxy of this kind said is not repeated."""
    return [(name, value) for name, value in without_hops(headers) if name.lower() not in (ANSWERED, VIOLATIONS)]


def has_body(headers: Headers) -> bool:
    """Whether a request comes with a body (RFC 9112 section 6.3)."""
    said = {name.lower(): value for name, value in headers}
    return b"transfer-encoding" in said or said.get(b"content-length", b"0").strip() not in (b"", b"0")


def is_loop(headers: Headers, via: bytes) -> bool:
    """Whether a request has been here before."""
    return any(via in value.split() or via in value.replace(b",", b" ").split() for name, value in headers if name.lower() == b"via")
