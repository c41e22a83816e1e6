"""What the proxy passes on, over real HTTP: octets as they are, whatever either side does."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from http.client import HTTPConnection, IncompleteRead
from typing import Any

import pytest
import trustme
import uvicorn

from proxy.fronts import PETSTORE, fronting, scripted
from support.hosting import serving
from understudy.proxy.forwarding import Origin, Trust
from understudy.server.app import App
from understudy.theatre import Options, open_theatre


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An answer as a server writes it."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]).encode() + body


def sized(body: bytes, media: str = "application/json", *headers: str, status: str = "200 OK") -> bytes:
    """One with its length."""
    return answer(body, f"Content-Type: {media}", f"Content-Length: {len(body)}", *headers, status=status)


def violations(response: Any) -> list[tuple[str, str]]:
    """What the header says is wrong: side and law."""
    return [(one["in"], one["law"]) for one in json.loads(response.getheader("Understudy-Violations", "[]"))]


PAGE = b'{"owners":[],"total":0,"page":1}'


def test_a_stand_in_behind_it_answers_as_without_it() -> None:
    """Status, headers and body are those of the real API, with who answered beside them; nothing is wrong with them."""
    with serving(App(open_theatre(Options(spec=PETSTORE)))) as port, fronting(f"http://127.0.0.1:{port}") as front:
        made, body = front("POST", "/owners", json.dumps({"name": "Ada", "email": "ada@x.org"}), {"Content-Type": "application/json"})
        read, again = front("GET", f"/owners/{json.loads(body)['id']}")
        assert (made.status, read.status, body) == (201, 200, again)
        assert (made.getheader("Understudy-Answered"), violations(made), violations(read)) == ("upstream", [], [])
        assert front.proxy.watcher.report.times == {}


def test_headers_go_on_but_for_those_of_a_connection() -> None:
    """RFC 9110 section 7.6.1: hop-by-hop headers stay, the Host is the real one, no X-Forwarded unless asked for."""
    said = sized(PAGE, "application/json", "Keep-Alive: timeout=5", "X-Own: 1", "Set-Cookie: a=1", "Set-Cookie: b=2")
    with scripted(said) as (url, heard), fronting(url) as front:
        response, _ = front("GET", "/owners?q=%2F+a", headers={"Connection": "x-mine", "X-Mine": "1", "X-Theirs": "2", "Accept-Encoding": "br, gzip;q=0.5", "TE": "trailers", "Proxy-Authorization": "Basic eA=="})
    head = heard[0].decode().split("\r\n")
    sent = {line.partition(":")[0].lower(): line.partition(": ")[2] for line in head[1:] if line}
    assert head[0] == "GET /owners?q=%2F+a HTTP/1.1"
    assert (sent["host"], sent["x-theirs"], sent["accept-encoding"], sent["via"]) == (url[7:], "2", "gzip;q=0.5", "1.1 understudy")
    assert not {"connection", "x-mine", "te", "proxy-authorization", "x-forwarded-for"} & sent.keys()
    assert (response.getheader("X-Own"), response.getheader("Keep-Alive")) == ("1", None)
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_who_asks_is_told_where_that_was_asked_for() -> None:
    """--forwarded."""
    with scripted(sized(PAGE)) as (url, heard), fronting(url, forwarded=True) as front:
        front("GET", "/owners")
    assert b"x-forwarded-for: 127.0.0.1" in heard[0].lower()
    assert f"x-forwarded-host: 127.0.0.1:{front.port}".encode() in heard[0].lower()


@pytest.mark.parametrize(("said", "status", "body", "wrong"), [
    (sized(PAGE), 200, PAGE, []),
    (answer(b"10\r\n" + PAGE[:16] + b"\r\n10\r\n" + PAGE[16:] + b"\r\n0\r\n\r\n", "Content-Type: application/json", "Transfer-Encoding: chunked"), 200, PAGE, []),
    (answer(PAGE, "Content-Type: application/json"), 200, PAGE, []),
    (sized(gzip.compress(PAGE), "application/json", "Content-Encoding: gzip"), 200, gzip.compress(PAGE), []),
    (sized(gzip.compress(b'{"owners":3}'), "application/json", "Content-Encoding: gzip"), 200, gzip.compress(b'{"owners":3}'), [("response", "declared shape")] * 2),
    (sized(b"<html>busy</html>", "text/html"), 200, b"<html>busy</html>", [("response", "declared media type")]),
    (sized(b"{", "application/json"), 200, b"{", [("response", "declared shape")]),
    (answer(b"", status="204 No Content"), 204, b"", [("response", "declared status")]),
    (answer(b"", "ETag: \"1\"", status="304 Not Modified"), 304, b"", [("response", "declared status")]),
    (sized(b"", "text/plain", "Location: http://elsewhere.example/", status="302 Found"), 302, b"", [("response", "declared status")]),
    (sized(b'{"message":"no"}', status="500 Internal Server Error"), 500, b'{"message":"no"}', [("response", "no server error")]),
], ids=["plain", "chunked", "until it closes", "gzip", "gzip, wrong", "HTML", "half JSON", "204", "304", "a redirect", "500"])  # fmt: skip
def test_answers_of_all_kinds(said: bytes, status: int, body: bytes, wrong: list[tuple[str, str]]) -> None:
    """The octets arrive as they were sent, no redirect is followed, and what is wrong is said; text that is no JSON streams, and is judged in the report."""
    with scripted(said) as (url, _), fronting(url) as front:
        response, got = front("GET", "/owners")
    assert (response.status, got) == (status, body)
    told = [(found.law) for found in front.proxy.watcher.report.findings]
    assert told == [law for _, law in wrong]
    if "json" in (response.getheader("Content-Type") or "") or not body:
        assert violations(response) == wrong


def test_a_head_request_is_answered_without_a_body() -> None:
    """RFC 9110 section 9.3.2: as the GET would be, its length included."""
    with scripted(sized(b"", "application/json").replace(b"Content-Length: 0", b"Content-Length: 32")) as (url, _), fronting(url) as front:
        response, body = front("HEAD", "/owners")
    assert (response.status, response.getheader("Content-Length"), body) == (200, "32", b"")
    assert front.proxy.watcher.report.findings == []


def test_a_large_body_goes_through_both_ways() -> None:
    """Ten megabytes up and down, unchanged; longer than what is kept, so it is not judged, which is said."""
    large = bytes(range(256)) * 40_000
    with scripted(sized(large, "application/octet-stream")) as (url, heard), fronting(url, kept=1000) as front:
        response, body = front("POST", "/owners", large, {"Content-Type": "application/octet-stream"})
    assert (response.status, body == large, heard[0].endswith(large)) == (200, True, True)
    assert sum(front.proxy.watcher.report.unjudged.values()) == 1


def test_a_body_of_unknown_length_is_sent_on_in_chunks() -> None:
    """RFC 9112 section 7.1."""
    with scripted(sized(PAGE)) as (url, heard), fronting(url) as front:
        front("POST", "/owners", iter([b'{"name": ', b'"Ada"}']), {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, chunked=True)
    assert b"transfer-encoding: chunked" in heard[0].lower()
    assert b"content-length" not in heard[0].lower()
    assert heard[0].endswith(b"0\r\n\r\n")


def test_a_client_that_waits_for_100_is_told_to_go_on() -> None:
    """RFC 9110 section 10.1.1: the body is then passed on."""
    with scripted(sized(PAGE)) as (url, heard), fronting(url) as front, socket.create_connection(("127.0.0.1", front.port), 30) as client:
        client.sendall(b"POST /owners HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"{}")
        said = b""
        while part := client.recv(65536):
            said += part
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert b"expect" not in heard[0].lower()
    assert heard[0].endswith(b"\r\n\r\n{}")


def test_an_answer_that_breaks_off_breaks_off_for_the_client_too() -> None:
    """Half a body is never passed on as a whole one."""
    with scripted(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf") as (url, _), fronting(url) as front, pytest.raises(IncompleteRead):
        front("GET", "/owners")
    assert [found.law for found in front.proxy.watcher.report.findings] == ["an answer"]


@pytest.mark.parametrize(("said", "why"), [
    (b"", "closed the connection"),
    (b"what is this\r\n\r\n", "answered what is no HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"half\"", "broke off"),
])  # fmt: skip
def test_no_answer_is_said_as_a_bad_gateway(said: bytes, why: str) -> None:
    """RFC 9110 section 15.6.3, with a problem (RFC 9457) that says what and where."""
    with scripted(said) as (url, _), fronting(url) as front:
        response, body = front("POST", "/owners", b"{}", {"Content-Type": "application/json"})
    problem = json.loads(body)
    assert (response.status, response.getheader("Content-Type"), problem["status"]) == (502, "application/problem+json", 502)
    assert why in problem["detail"]
    assert problem["upstream"] == f"{url}/owners"


def test_nobody_there_is_a_bad_gateway() -> None:
    """A connection that is refused."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with fronting(f"http://127.0.0.1:{port}") as front:
        response, body = front("GET", "/owners")
    assert (response.status, "cannot be reached" in json.loads(body)["detail"]) == (502, True)


def test_a_slow_api_is_a_gateway_timeout() -> None:
    """RFC 9110 section 15.6.5: within the time given, and what would wait longer."""
    with scripted(b"", hold=threading.Event()) as (url, _), fronting(url, timeout=0.05) as front:
        response, body = front("GET", "/owners")
    assert (response.status, "--timeout waits longer" in json.loads(body)["detail"]) == (504, True)


def test_what_is_no_request_and_answer_is_not_passed_on() -> None:
    """WebSockets: 501. A request that has been here before: 508."""
    with fronting("http://127.0.0.1:9", via=b"understudy-1") as front:
        upgrade, _ = front("GET", "/owners", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x"})
        loop, _ = front("GET", "/owners", headers={"Via": "1.1 other, 1.1 understudy-1"})
    assert (upgrade.status, loop.status) == (501, 508)


def test_a_stream_of_events_goes_through_as_it_comes() -> None:
    """The first event is with the client while the answer has no end yet; the client's going away ends it."""
    hold = threading.Event()
    with scripted(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", hold=hold) as (url, _), fronting(url) as front:
        connection = HTTPConnection("127.0.0.1", front.port, timeout=30)
        connection.request("GET", "/owners")
        response = connection.getresponse()
        assert response.fp.readline()
        connection.close()
        response.close()


def test_certificates_are_looked_at() -> None:
    """An unknown authority is refused and said; --ca names it, --insecure takes any."""
    authority = trustme.CA()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(10)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"32")]})
        await send({"type": "http.response.body", "body": PAGE})

    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
    config.load()
    config.ssl = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(config.ssl)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with authority.cert_pem.tempfile() as pem:
            got = []
            for trust in (Trust(), Trust(authority=pem), Trust(anything=True)):
                with fronting(url, trust=trust) as front:
                    got.append(front("GET", "/owners"))
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
    assert [response.status for response, _ in got] == [502, 200, 200]
    assert "--ca FILE" in json.loads(got[0][1])["detail"]


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://u:p@x", "http://x/?a=1", "http://x/#a", "http://x:99999"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """What would be right is said."""
    with pytest.raises(ValueError):
        Origin.of(url)


def test_a_base_path_stands_before_every_path() -> None:
    """Unless the path begins with it already."""
    origin = Origin.of("https://api.example/v2/")
    assert [origin.target(one) for one in (b"/pets", b"/v2/pets", b"/v2?x=1", b"/v22")] == [b"/v2/pets", b"/v2/pets", b"/v2?x=1", b"/v2/v22"]
    assert (origin.shown, Origin.of("http://[::1]:8080").authority) == ("https://api.example", "[::1]:8080")


def test_what_the_second_judge_alone_objects_to_is_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body the compiled validator lets pass leaves at once; the verdict of jsonschema comes after it."""
    with scripted(sized(b'{"owners":[]}')) as (url, _), fronting(url) as front:
        monkeypatch.setattr(front.proxy.watcher, "_is_clear", lambda now: True)
        response, _ = front("GET", "/owners")
    assert violations(response) == []
    assert [(found.law, front.proxy.watcher.report.times[found.identity]) for found in front.proxy.watcher.report.findings] == [("declared shape", 1)]


def test_a_fault_of_the_judge_keeps_no_answer_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer goes through; that it was not judged is told."""

    def fails(one: Any) -> Any:
        raise RecursionError

    with scripted(sized(PAGE)) as (url, _), fronting(url) as front:
        monkeypatch.setattr(front.proxy.watcher, "judge", fails)
        response, body = front("GET", "/owners")
    assert (response.status, body) == (200, PAGE)
    assert front.proxy.watcher.report.unjudged == {"not judged: RecursionError at GET /owners": 1}
