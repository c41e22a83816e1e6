"""Faults on a real connection: what comes over the socket, and that nobody else waits for it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.hosting import serving
from support.served import Served, served
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

HEAD = b"Host: localhost\r\nX-API-KEY: k\r\n"
LIST = b"GET /v1/customers HTTP/1.1\r\n" + HEAD + b"\r\n"
OLD = b"GET /v1/customers HTTP/1.0\r\n" + HEAD + b"\r\n"
CUSTOMER = {"reference": "acme", "type": "ORGANIZATION", "email": "a@acme.example", "timezone": "Europe/London", "organization": {"legal_name": "Acme"}}
CONTROL = "/_understudy/faults"


@pytest.fixture(scope="module", params=["in memory", "kept"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server whose answers go at once, and one whose answers wait for the disk."""
    kept = ["--data", str(tmp_path_factory.mktemp("kept") / "data")] if request.param == "kept" else []
    with served("--now", "2025-05-06T10:30:00Z", *kept) as running:
        yield running


@pytest.fixture
def sandbox(server: Served) -> Served:
    """Without the faults of other tests."""
    assert server("DELETE", CONTROL)[0] == 200
    return server


def fail(sandbox: Served, **row: Any) -> None:
    """Have a fault."""
    status, _, said = sandbox("POST", CONTROL, {"operation": "* /v1/customers*", **row})
    assert status == 200, said


def came(port: int, request: bytes) -> tuple[bytes, bool]:
    """What comes until the connection ends, and whether it was reset."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        one.sendall(request)
        data = b""
        try:
            while part := one.recv(65536):
                data += part
        except ConnectionResetError:
            return data, True
        return data, False


@pytest.mark.parametrize("request_line", [LIST, OLD], ids=["the short way", "uvicorn's own way"])
def test_a_reset_is_a_reset_and_an_empty_reply_is_none(sandbox: Served, request_line: bytes) -> None:
    """Of TCP; not an octet comes."""
    fail(sandbox, answer="reset", times=1)
    fail(sandbox, answer="empty", times=1)
    assert came(sandbox.port, request_line) == (b"", True)
    assert came(sandbox.port, request_line) == (b"", False)


@pytest.mark.parametrize("request_line", [LIST, OLD], ids=["the short way", "uvicorn's own way"])
def test_of_a_truncated_answer_half_the_body_comes(sandbox: Served, request_line: bytes) -> None:
    """The head says how long it would have been."""
    fail(sandbox, answer="truncated", status=503, body={"text": "x" * 1000}, times=1)
    data, was_reset = came(sandbox.port, request_line)
    head, _, body = data.partition(b"\r\n\r\n")
    assert b" 503 " in head and b"understudy-fault: F1" in head and not was_reset
    assert b"content-length: 1011" in head and len(body) == 505


def test_a_request_that_is_carried_out_though_the_connection_is_reset(sandbox: Served) -> None:
    """What a client has to reckon with."""
    fail(sandbox, operation="POST /v1/customers", answer="reset", carried_out=True, times=1)
    with httpx.Client(base_url=sandbox.base, headers={"X-API-KEY": "k"}) as client:
        with pytest.raises(httpx.ReadError):
            client.post("/v1/customers", json=CUSTOMER)
        assert client.get("/v1/customers/acme").status_code == 200
        client.delete("/v1/customers/acme")


def test_a_late_answer_comes_late_and_holds_up_nobody(sandbox: Served) -> None:
    """While one waits, another is answered; what comes behind it on its connection waits its turn."""
    fail(sandbox, delay=0.4, match_headers={"x-late": "yes"})
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as one:
        began = time.monotonic()
        one.sendall(b"GET /v1/customers HTTP/1.1\r\nX-Late: yes\r\n" + HEAD + b"\r\nGET /_understudy/health HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert sandbox("GET", "/v1/customers")[0] == 200
        data = b""
        while b"ready" not in data:
            data += one.recv(65536)
        assert time.monotonic() - began >= 0.39
    assert data.index(b"understudy-fault: F1") < data.index(b"ready")


def test_a_client_that_gives_up_was_answered_all_the_same(sandbox: Served) -> None:
    """Its timeout is its own; the log says how late the answer would have been."""
    fail(sandbox, delay=300, times=1)
    with httpx.Client(base_url=sandbox.base, headers={"X-API-KEY": "k"}, timeout=httpx.Timeout(30, read=0.05)) as client, pytest.raises(httpx.ReadTimeout):
        client.get("/v1/customers")
    while not (told := [one for one in sandbox("GET", "/_understudy/requests")[2]["requests"] if "300.000 s late" in one["reason"]]):
        pass  # until the server has read it
    assert (told[0]["status"], told[0]["reason"].split(";")[0]) == (200, "fault F1: 300.000 s late")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_slow_body_comes_piece_by_piece_and_whole(sandbox: Served, version: str) -> None:
    """At the pace that was asked for, and not faster."""
    fail(sandbox, status=200, body="x" * 400, bytes_per_second=1000, times=1)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as one:
        one.sendall(b"GET /v1/customers HTTP/" + version.encode() + b"\r\n" + HEAD + b"Connection: close\r\n\r\n")
        data = b""
        while part := one.recv(65536):
            data += part
    assert data.endswith(b"\r\n\r\n" + b"x" * 400) and time.monotonic() - began >= 0.3


def test_the_wait_a_client_prefers_is_waited(sandbox: Served) -> None:
    """Without any fault; the connection goes on."""
    with httpx.Client(base_url=sandbox.base, headers={"X-API-KEY": "k"}) as client:
        began = time.monotonic()
        got = client.get("/v1/customers", headers={"Prefer": "wait=0.3"})
        assert time.monotonic() - began >= 0.29 and got.headers["preference-applied"] == "wait=0.3"
        assert client.get("/v1/customers").status_code == 200


def test_a_connection_goes_on_after_faults_that_leave_it(sandbox: Served) -> None:
    """Many in a row, of all kinds, on one connection."""
    fail(sandbox, delay={"min": 0, "max": 0.01})
    fail(sandbox, operation="GET /v1/customers", status=503, rate=0.5)
    fail(sandbox, operation="GET /v1/customers", answer="malformed", bytes_per_second=100_000, rate=0.5)
    with httpx.Client(base_url=sandbox.base, headers={"X-API-KEY": "k"}) as client:
        got = [client.get("/v1/customers") for _ in range(20)]
    assert {one.status_code for one in got} == {200, 503} and all("F1" in one.headers["understudy-fault"] for one in got)


def test_a_server_that_stops_does_not_wait_for_late_answers() -> None:
    """It ends them."""
    with served("--now", "2025-05-06T10:30:00Z") as running:
        fail(running, delay=300)
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as one:
            one.sendall(LIST)
            while not running("GET", "/_understudy/requests")[2]["requests"]:
                pass
            running.process.terminate()
            assert one.recv(1) == b""
            assert running.process.wait(60) is not None


# --- another server ----------------------------------------------------------------------------------------------


def nothing_comes(port: int) -> bool:
    """Whether a request gets no whole answer."""
    try:
        httpx.get(f"http://127.0.0.1:{port}/v1/customers", headers={"X-API-KEY": "k"}, timeout=30)
    except httpx.TransportError:
        return True
    return False


@pytest.mark.parametrize("answer", ["reset", "empty", "truncated"])
def test_under_another_server_no_whole_answer_comes(answer: str) -> None:
    """ASGI has no way to cut a connection; a body that never comes whole is the nearest to it."""
    theatre = open_theatre(Options())
    with serving(App(theatre, sleep=asyncio.sleep)) as port:
        httpx.post(f"http://127.0.0.1:{port}{CONTROL}", json={"answer": answer, "times": 1}).raise_for_status()
        assert nothing_comes(port)
        assert not nothing_comes(port)
