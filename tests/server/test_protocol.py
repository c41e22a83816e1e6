"""HTTP as it comes over a socket: in pieces, in rows, half, too long; each served right and in order."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from support.served import Served, served

HEAD = b"Host: localhost\r\nX-API-KEY: k\r\n"


@pytest.fixture(scope="module", params=["in memory", "kept"])
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all of these, and one whose replies wait for the disk; each test makes records of its own."""
    kept = ["--data", str(tmp_path_factory.mktemp("kept") / "data")] if request.param == "kept" else []
    with served("--now", "2025-05-06T10:30:00Z", *kept) as running:
        yield running


class Wire:
    """A socket to write octets to and read responses from."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.rest = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        """Send each part in a segment of its own."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            self.socket.sendall(part)

    def read(self, body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """The next response."""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0)) if body else 0
        while len(self.rest) < length:
            self.rest += self._more()
        content, self.rest = self.rest[:length], self.rest[length:]
        return int(lines[0].split(" ")[1]), headers, content

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        return data

    def closed(self) -> bool:
        """Whether the server ended the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def wire(sandbox: Served) -> Iterator[Wire]:
    """A connection."""
    with Wire(sandbox.port) as one:
        yield one


def post(reference: str, *extra: bytes) -> tuple[bytes, bytes]:
    """Head and body of a creation."""
    body = json.dumps({"reference": reference, "name": "V", "type": "NUMBER"}).encode()
    head = b"POST /v1/meter-values HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n" + b"".join(extra)
    return head + b"Content-Length: %d\r\n\r\n" % len(body), body


def test_many_requests_share_a_connection_in_order(wire: Wire) -> None:
    """Keep-alive, and requests sent in a row before any answer is read."""
    wire.send(b"".join(b"GET /v1/meter-values/none-%d HTTP/1.1\r\n" % n + HEAD + b"\r\n" for n in range(5)))
    for n in range(5):
        status, _, body = wire.read()
        assert status == 404
        assert f"none-{n}".encode() in body


def test_writes_sent_in_a_row_are_answered_in_order(wire: Wire) -> None:
    """Also where each answer waits for the disk, with reads and the control plane in between."""
    writes = [b"".join(post(f"row-{n}")) for n in range(4)]
    reads = [b"GET /v1/meter-values/row-%d HTTP/1.1\r\n" % n + HEAD + b"\r\n" for n in range(4)]
    wire.send(b"".join(write + read + b"GET /_understudy/clock HTTP/1.1\r\n" + HEAD + b"\r\n" for write, read in zip(writes, reads, strict=True)))
    for n in range(4):
        for status in (201, 200):
            got, _, body = wire.read()
            assert (got, json.loads(body)["reference"]) == (status, f"row-{n}")
        assert wire.read()[0] == 200


def test_a_client_that_leaves_before_its_answer_disturbs_nobody(sandbox: Served, wire: Wire) -> None:
    """What it sent was done."""
    with Wire(sandbox.port) as leaving:
        leaving.send(b"".join(post("left")))
    for _ in range(2_000):  # until the server has read it
        wire.send(b"GET /v1/meter-values/left HTTP/1.1\r\n" + HEAD + b"\r\n")
        status = wire.read()[0]
        if status == 200:
            break
    assert status == 200


def test_the_control_plane_and_the_api_take_turns_on_one_connection(wire: Wire) -> None:
    """Both ways through the server answer in the order asked."""
    wire.send(b"GET /v1/customers HTTP/1.1\r\n" + HEAD + b"\r\n", b"GET /_understudy/clock HTTP/1.1\r\n" + HEAD + b"\r\n", b"GET /v1/nothing HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert [wire.read()[0] for _ in range(3)] == [200, 200, 404]


def test_a_body_may_come_in_pieces(wire: Wire) -> None:
    """By length, octet after octet, and chunked."""
    head, body = post("pieces")
    wire.send(head[:30], head[30:], *(body[i : i + 7] for i in range(0, len(body), 7)))
    assert wire.read()[0] == 201
    head, body = post("chunked")
    head = head.split(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n"
    wire.send(head, b"%x\r\n" % 10 + body[:10] + b"\r\n", b"%x\r\n" % (len(body) - 10) + body[10:] + b"\r\n", b"0\r\n\r\n")
    assert wire.read()[0] == 201


def test_head_has_the_length_and_no_body(wire: Wire) -> None:
    """The next response begins right behind it."""
    wire.send(b"HEAD /v1/customers HTTP/1.1\r\n" + HEAD + b"\r\n")
    status, headers, _ = wire.read(body=False)
    assert status == 200
    assert int(headers["content-length"]) > 0
    wire.send(b"GET /v1/nothing HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert wire.read()[0] == 404


def test_connection_close_and_http_1_0_are_honoured(sandbox: Served) -> None:
    """The answer comes whole, then the connection ends."""
    for request in (b"GET /v1/customers HTTP/1.1\r\nConnection: close\r\n" + HEAD + b"\r\n", b"GET /v1/customers HTTP/1.0\r\n" + HEAD + b"\r\n"):
        with Wire(sandbox.port) as one:
            one.send(request)
            assert one.read()[0] == 200
            assert one.closed()


def test_expect_100_continue_is_answered(wire: Wire) -> None:
    """A client that asks first is told to go on."""
    head, body = post("asks-first", b"Expect: 100-continue\r\n")
    wire.send(head)
    assert wire.socket.recv(100).startswith(b"HTTP/1.1 100")
    wire.send(body)
    assert wire.read()[0] == 201


def test_a_body_declared_too_large_is_refused_before_it_is_sent(wire: Wire) -> None:
    """413 in the vendor's shape, from the head alone."""
    wire.send(b"POST /v1/meter-values HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\nContent-Length: 10000001\r\n\r\n")
    status, headers, body = wire.read()
    assert (status, headers["connection"]) == (413, "close")
    assert json.loads(body)["code"] == "BAD_REQUEST"


def test_a_body_that_grows_too_large_is_refused_and_the_answer_can_be_read(wire: Wire) -> None:
    """A chunked body without end: 413, although the client is still sending."""
    wire.send(b"POST /v1/meter-values HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    for _ in range(11):
        wire.send(piece)
    assert wire.read()[0] == 413


def test_what_is_no_http_is_a_400(wire: Wire) -> None:
    """And the connection ends."""
    wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    assert wire.read()[0] == 400
    assert wire.closed()


@pytest.mark.parametrize("target", [b"/v1/customers/%ff", b"/v1/customers/%00", b"/v1/customers/%2e%2e%2f", b"//v1//customers", b"/v1/customers?%zz", b"/" + b"a/" * 3000, b"/_world/%2e%2e/v1/customers", b"*"])
def test_strange_targets_get_a_4xx_or_an_answer_never_a_500(sandbox: Served, target: bytes) -> None:
    """Whatever stands in the request line."""
    with Wire(sandbox.port) as one:
        one.send(b"GET " + target + b" HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert one.read()[0] < 500


def test_a_key_is_held_while_its_request_is_coming_in_and_freed_when_the_client_leaves(sandbox: Served, wire: Wire) -> None:
    """422 for a second request meanwhile; after the first has gone for good, the key is free."""
    head, body = post("held", b"Idempotency-Key: held\r\n")
    statuses: list[Any] = []
    with Wire(sandbox.port) as leaving:
        leaving.send(b"GET /v1/nothing HTTP/1.1\r\n" + HEAD + b"\r\n" + head)
        assert leaving.read()[0] == 404  # the head behind it came with it, and has been taken in
        wire.send(head, body)
        assert wire.read()[0] == 422
    for _ in range(2_000):  # until the server has seen that the client left
        wire.send(head, body)
        statuses.append(wire.read()[0])
        if statuses[-1] == 201:
            break
    assert statuses[-1] == 201
