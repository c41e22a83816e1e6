"""Receivers that misbehave: each becomes an answer in words, within limits, and holds up nothing else. Time is given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
import trustme

from support.receiving import Behave, Receiver, answering, endless, hanging, receiver, resetting, saying
from understudy.server import posting
from understudy.server.posting import Connection, Poster, place_of, request_of, retry_after
from understudy.webhooks.retrying import Answer


class Watch:
    """The time of a test: what is to happen later happens when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, seconds: float, call: Callable[[], None]) -> Any:
        """Note what is to happen."""
        assert seconds == 10.0
        self.waiting.append(call)
        watch = self

        class Handle:
            """Calls it off."""

            def cancel(self) -> None:
                """Nothing happens."""
                if call in watch.waiting:
                    watch.waiting.remove(call)

        return Handle()

    def over(self) -> None:
        """The time is over."""
        for call in list(self.waiting):
            call()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play a story."""
    asyncio.run(story())


async def posted(behave: Behave, **more: Any) -> tuple[Answer, Receiver]:
    """What comes of one request."""
    poster = Poster(**more)
    async with receiver(behave) as one:
        answer = await poster.post(one.url, (("x-a", "1"),), b"{}")
        poster.close()
        await asyncio.sleep(0)
    return answer, one


@pytest.mark.parametrize(("behave", "status", "error"), [
    (answering(204, b""), 204, None),
    (answering(302, b"", "location: http://localhost:1/\r\n"), 302, None),
    (saying(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), 200, None),
    (saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 OK\r\ncontent-length: 2\r\n\r\nok"), 201, None),
    (resetting(), None, "without an answer"),
    (saying(b""), None, "the connection was closed without an answer"),
    (saying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"), 200, "in the midst of the answer"),
    (saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal"), 200, "in the midst of the answer"),
    (saying(b"nonsense, and nothing but\r\n\r\n"), None, "not HTTP"),
    (saying(b"HTTP/1.1 200 OK\r\ncontent-length: a lot\r\n\r\n"), None, "not HTTP"),
    (saying(b"SSH-2.0-OpenSSH_9.6\r\n"), None, "not HTTP"),
    (endless(b"HTTP/1.1 200 OK\r\ncontent-length: 2147483648\r\n\r\n"), 200, None),
    (endless(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n80000000\r\n"), 200, None),
    (endless(b"HTTP/1.1 200 OK\r\nx: "), None, ""),
], ids=lambda value: None)  # fmt: skip
def test_whatever_a_receiver_says_is_an_answer(behave: Behave, status: int | None, error: str | None) -> None:
    """Its status is known where its head came; no more of it is read than needed."""

    async def story() -> None:
        answer, _ = await posted(behave)
        assert answer.status == status
        assert (answer.error is None) == (error is None)
        assert (error or "") in (answer.error or "")
        assert len(answer.response) <= posting.KEPT
        assert answer.good == (status is not None and status < 300 and error is None)

    run(story)


@pytest.mark.parametrize(("said", "error"), [
    (b"", "timeout: no answer"), (b"HTTP/1.1 200 OK\r\n", "timeout: no answer"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nd", "timeout: it began to answer, and did not come to the end"),
])  # fmt: skip
def test_a_receiver_that_hangs_or_drips_is_left_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch, said: bytes, error: str) -> None:
    """And another one is served meanwhile."""

    async def story() -> None:
        watch, came = Watch(), asyncio.Event()
        poster = Poster(later=watch)

        def on_body(connection: Connection, data: bytes) -> None:
            Connection.original(connection, data)  # type: ignore[attr-defined]
            came.set()

        monkeypatch.setattr(Connection, "original", Connection.on_body, raising=False)
        monkeypatch.setattr(Connection, "on_body", on_body)
        async with receiver(hanging(said)) as slow, receiver() as quick:
            waiting = asyncio.create_task(poster.post(slow.url, (), b"{}"))
            await slow.came(1)
            if said.endswith(b"d"):
                await came.wait()
            assert (await poster.post(quick.url, (), b"{}")).status == 200
            watch.over()
            assert (await waiting).error == error
            poster.close()
        assert not watch.waiting

    run(story)


def test_connections_are_kept_and_one_that_was_closed_meanwhile_is_no_failure() -> None:
    """The request is sent again over a new one, once, where nothing of an answer came."""

    async def story() -> None:
        poster = Poster()
        async with receiver(answering(), answering(), saying(b""), answering(), saying(b""), saying(b"")) as one:
            assert [(await poster.post(one.url, (), b"{}")).status for _ in range(2)] == [200, 200]
            assert one.connections == 1
            assert (await poster.post(one.url, (), b"{}")).status == 200
            assert (one.connections, len(one.received)) == (2, 4)
            assert (await poster.post(one.url, (), b"{}")).status is None
            assert (one.connections, len(one.received)) == (3, 6)
            poster.close()
            await asyncio.sleep(0)

    run(story)


@pytest.mark.parametrize(("url", "hosts", "said"), [
    ("http://example.com/", (), "--allow-host example.com"), ("ftp://localhost/", (), "http"), ("http://me:pw@localhost/", (), "user name"),
    ("http://169.254.169.254/", ("*",), "169.254.169.254"), ("http://10.1.2.3/", ("*",), "10.1.2.3"), ("http://[::ffff:10.1.2.3]/", ("*",), "10.1.2.3"),
    ("http://rebound.example/", ("*",), "10.9.8.7"), ("http://metadata.example/", ("metadata.example",), "169.254.169.254"),
    ("http://nowhere.example/", ("*",), "is not known"),
])  # fmt: skip
def test_a_place_that_is_not_allowed_is_never_connected_to(url: str, hosts: tuple[str, ...], said: str) -> None:
    """Nor one that a name leads to."""
    known = {"rebound.example": ["10.9.8.7"], "metadata.example": ["169.254.169.254"]}

    async def resolve(host: str, port: int) -> list[str]:
        if host not in known:
            raise OSError("no such name")
        return known[host]

    async def story() -> None:
        answer = await Poster(hosts, resolve=resolve).post(url, (), b"{}")
        assert answer.status is None
        assert said in str(answer.error)

    run(story)


def test_nothing_listening_is_said_so() -> None:
    """A port nobody has."""

    async def story() -> None:
        async with receiver() as one:
            url = one.url
        assert (await Poster().post(url, (), b"{}")).error == "nothing listens there"

    run(story)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor asked for."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def story() -> None:
        assert (await posted(answering()))[0].status == 200

    run(story)


def test_certificates_are_verified() -> None:
    """One that nobody vouches for, and one for another name, are refused; a good one is taken."""
    authority = trustme.CA()

    def served_by(*names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        return context

    async def story() -> None:
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        for names, context, error in ((("127.0.0.1",), trust, None), (("127.0.0.1",), None, "certificate"), (("other.example",), trust, "certificate")):
            poster = Poster(trust=context)
            async with receiver(ssl=served_by(*names)) as one:
                answer = await poster.post(one.url.replace("http:", "https:"), (), b"{}")
                assert (answer.status, error or "") == (None if error else 200, error or "")
                assert (error or "") in (answer.error or "")
                poster.close()
                await asyncio.sleep(0)

    run(story)


def test_a_request_is_written_as_rfc_9112_has_it() -> None:
    """Host with a port that is not the scheme's own; nothing ends a header early."""
    written = request_of(place_of("http://[::1]:8080/a?b=c"), (("x-a", "1\r\nx-evil: 2"),), b"body", "POST")
    assert written == b"POST /a?b=c HTTP/1.1\r\nhost: [::1]:8080\r\ncontent-length: 4\r\nx-a: 1x-evil: 2\r\n\r\nbody"
    assert place_of("https://Example.com").shown == b"example.com"


@pytest.mark.parametrize(("headers", "seconds"), [
    ({}, None), ({b"retry-after": b"120"}, 120), ({b"retry-after": b"soon"}, None), ({b"retry-after": b"99999999999999999999"}, 10**8),
    ({b"retry-after": b"Fri, 31 Dec 1999 23:59:59 GMT", b"date": b"Fri, 31 Dec 1999 23:59:00 GMT"}, 59),
    ({b"retry-after": b"Fri, 31 Dec 1999 23:59:59 GMT"}, 0), ({b"retry-after": b"-5"}, None),
])  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[bytes, bytes], seconds: int | None) -> None:
    """By the receiver's own clock, where it tells its time (RFC 9110 section 10.2.3)."""
    assert retry_after(headers) == (None if seconds is None else timedelta(seconds=seconds))
