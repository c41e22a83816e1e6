"""One outgoing request, whoever answers."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from support.rude import playing, request_of, resetting, saying, saying_then_waiting, saying_without_end
from understudy.server.outgoing import Outgoing, Response, send

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def sent(url: str, **changes: Any) -> Response:
    """The answer to a POST."""
    return asyncio.run(send(Outgoing(**{"method": "POST", "url": url, "body": b"{}", "seconds": 30.0, **changes})))


class TestWhatIsSent:
    def test_the_request_is_what_was_asked_for(self) -> None:
        """Method, target, headers and body as given; length and host of its own, the connection for this one only."""
        seen: list[bytes] = []

        def play(connection: socket.socket) -> None:
            seen.append(request_of(connection))
            connection.sendall(OK)

        with playing(play) as url:
            got = sent(f"{url}?a=b", headers=[("X-Sig", "v1=ab"), ("Host", "other"), ("content-length", "99")], body=b'{"a":1}')
        assert (got.status, got.body, got.error) == (200, b"hi", None)
        head, _, body = seen[0].partition(b"\r\n\r\n")
        assert body == b'{"a":1}'
        assert head.split(b"\r\n") == [
            b"POST /hooks?a=b HTTP/1.1", b"Host: " + url.split("/")[2].encode(), b"X-Sig: v1=ab", b"Content-Length: 7", b"Connection: close",
        ]  # fmt: skip

    def test_proxies_of_the_environment_are_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing but the URL says where it goes."""
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        with playing(saying(OK)) as url:
            assert sent(url).status == 200

    def test_nothing_goes_where_it_was_not_allowed(self) -> None:
        """Neither to another host nor by another scheme."""
        assert "--allow-host example.com" in (sent("http://example.com/").error or "")
        assert "not file" in (sent("file:///etc/passwd").error or "")

    def test_a_redirect_is_an_answer(self) -> None:
        """It is not followed."""
        with playing(saying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) as url:
            assert sent(url).status == 302


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            (OK, b"hi"),
            (b"HTTP/1.1 200 OK\r\n\r\nhi", b"hi"),
            (b"HTTP/1.0 200 OK\r\n\r\nhi", b"hi"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", b"hi"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"hi"),
            (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, b"hi"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
            (OK + b"more than was announced", b"hi"),
        ],
    )
    def test_every_form_of_answer_is_read(self, answer: bytes, body: bytes) -> None:
        """By length, by chunks, to the end of the connection; after interim ones."""
        with playing(saying(answer)) as url:
            got = sent(url)
        assert (got.status // 100 if got.status else None, got.body, got.error) == (2, body, None)

    def test_no_more_is_read_than_is_of_use(self) -> None:
        """Two gigabytes are cut after the first octets."""
        with playing(saying_without_end(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n", b"x" * 65536)) as url:
            got = sent(url, cap=100)
        assert (got.status, got.body, got.cut) == (200, b"x" * 100, True)

    def test_the_answer_to_head_has_no_body_to_wait_for(self) -> None:
        """Though it announces one."""
        with playing(saying_then_waiting(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")) as url:
            assert sent(url, method="HEAD", body=b"").status == 200


class TestWhatGoesWrong:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (b"", "broke the connection"),
            (b"HTTP/1.1 200 OK\r\nContent-Le", "broke the connection"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", "broke the connection"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", "broke the connection"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "is not HTTP"),
            (b"\0" * 100, "is not HTTP"),
            (b"HTTP/1.1 999999 What\r\n\r\n", "is not HTTP"),
        ],
    )
    def test_a_broken_answer_is_an_error_in_a_sentence(self, answer: bytes, said: str) -> None:
        """Nothing is raised."""
        with playing(saying(answer)) as url:
            got = sent(url)
        assert got.status is None and said in (got.error or "")

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"])
    def test_who_does_not_come_to_an_end_is_left(self, answer: bytes) -> None:
        """The limit is on the whole, not on each octet."""
        with playing(saying_then_waiting(answer)) as url:
            got = sent(url, seconds=0.2)
        assert got.status is None and got.error == "no whole answer within 0.2 s"

    def test_headers_without_end_are_left(self) -> None:
        """After a reasonable length."""
        with playing(saying_without_end(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 8000 + b"\r\n")) as url:
            got = sent(url)
        assert got.status is None and got.error is not None

    def test_a_reset_and_a_closed_port_are_told_apart(self) -> None:
        """By who failed to answer."""
        with playing(resetting) as url:
            assert "broke the connection" in (sent(url).error or "")
        assert sent(url).error == "nothing listens there"

    def test_a_certificate_nobody_vouches_for_is_not_believed(self) -> None:
        """Even on this machine."""
        with playing(saying(OK), tls=True) as url:
            assert "certificate is not good" in (sent(url).error or "")
