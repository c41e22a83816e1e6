"""`check` and `drift` against targets that are no good: down, slow, no API, impatient, gone in the middle, behind certificates nobody knows."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from check.desk import HOME
from understudy.check.steps import Wire
from understudy.check.targets import Remote
from understudy.cli import main

PETSTORE = str(HOME.parents[1] / "openapi" / "petstore.yaml")
COMMANDS = ("check", "drift")
Answering = Callable[[BaseHTTPRequestHandler, int], None]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the folder the tests are run in."""
    monkeypatch.chdir(tmp_path)


@contextmanager
def listening(answer: Answering, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that lets a function answer each request, told how many came before."""
    count = iter(range(10**6))

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            answer(self, next(count))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(status: int, body: bytes, **headers: str) -> Answering:
    """The same answer to everything."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": "application/json", **{key.replace("_", "-"): one for key, one in headers.items()}}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def breaks(handler: BaseHTTPRequestHandler, number: int) -> None:
    """Half an answer, and the connection is closed."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"half": ')
    handler.close_connection = True


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("answer", "said"), [
    (says(200, b"<html>", Content_Type="text/html"), "answers /owners with a web page (200), not with the API"),
    (says(301, b"", Location="https://elsewhere.example/"), "redirects /owners to https://elsewhere.example/; give that address as --url"),
    (says(429, b"", Retry_After="0"), "asks to be left alone (429), even after the time it said; --rate N asks more slowly"),
    (breaks, "cannot be reached: RemoteProtocolError: peer closed connection"),
])
def test_what_is_no_api_ends_with_2_and_says_why(command: str, answer: Answering, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For both commands, in one line."""
    with listening(answer) as url:
        assert main([command, PETSTORE, "--url", url]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_target_that_is_down_is_told(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing listens there."""
    assert main([command, PETSTORE, "--url", "http://127.0.0.1:9"]) == 2
    assert "http://127.0.0.1:9 cannot be reached: ConnectError" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_target_that_never_answers_is_not_waited_for(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As long as --timeout says, and no longer."""
    done = threading.Event()
    with listening(lambda handler, number: done.wait(60) and None) as url:
        try:
            assert main([command, PETSTORE, "--url", url, "--timeout", "0.2"]) == 2
        finally:
            done.set()
    assert "cannot be reached: no answer within 0.2 s" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_target_that_goes_away_ends_the_run_and_leaves_its_report(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After three scenarios without an answer; what was found until then is kept."""

    def once(handler: BaseHTTPRequestHandler, number: int) -> None:
        (says(200, b"[]") if number < 2 else breaks)(handler, number)

    with listening(once) as url:
        assert main([command, PETSTORE, "--url", url, *(["--layers", "laws"] if command == "check" else []), "--report", f"jsonl:{tmp_path / 'r'}"]) == 1
    rows = [json.loads(line) for line in (tmp_path / "r").read_text().splitlines()]
    assert any(row.get("stopped") == "as the target no longer answers" for row in rows)
    assert "as the target no longer answers" in capsys.readouterr().out


@pytest.mark.parametrize("after", ["0", "Thu, 01 Jan 2015 00:00:00 GMT"])
def test_the_time_a_target_asks_for_is_given(after: str) -> None:
    """429 and 503 with Retry-After, in seconds or as a date (RFC 9110 section 10.2.3)."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        (says(429 if number else 503, b"", Retry_After=after) if number < 2 else says(200, b"{}"))(handler, number)

    with listening(answer) as url:
        target = Remote(url)
        found = target.send(Wire("GET", "/", (), b""))
        target.close()
    assert found.status == 200


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Somebody who signs certificates, and whom nobody knows."""
    return trustme.CA()


@contextmanager
def signed(authority: trustme.CA, answer: Answering) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with listening(answer, context) as url:
        yield url


@pytest.mark.parametrize("command", COMMANDS)
def test_a_certificate_nobody_knows_is_refused_and_can_be_made_known(command: str, authority: trustme.CA, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--ca FILE` names its authority, `--insecure` takes any; then it is looked at like any other target."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with signed(authority, says(200, b"<html>", Content_Type="text/html")) as url:
        assert main([command, PETSTORE, "--url", url]) == 2
        assert "its certificate is not trusted; --ca FILE names its authority, --insecure takes any" in capsys.readouterr().err
        for known in (["--ca", "ca.pem"], ["--insecure"]):
            assert main([command, PETSTORE, "--url", url, *known]) == 2
            assert "with a web page" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("arguments", "files", "said"), [
    (("x.yaml",), {"x.yaml": "openapi: 3.1.0\npaths: [\n"}, "x.yaml"),
    (("x.yaml",), {"x.yaml": "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {/a: {get: {responses: {'200': {$ref: '#/nowhere'}}}}}\n"}, "#/nowhere"),
    (("none.yaml",), {}, "none.yaml"),
    ((PETSTORE, "--behaviour", "b.yaml"), {"b.yaml": "understudy: 1\nresources: {pet: {colour: red}}\n"}, "colour"),
    ((PETSTORE, "--config", "u.toml"), {"u.toml": "[check\n"}, "u.toml"),
    ((PETSTORE, "--config", "u.toml"), {"u.toml": "[check]\nsede = 1\n[drift]\nsede = 1\n"}, '"sede" is no setting'),
    ((PETSTORE, "--ca", "ca.pem"), {"ca.pem": "no certificate\n"}, "--ca ca.pem: no certificates in it; it is a file in PEM form"),
    ((PETSTORE, "--ca", "none.pem"), {}, "--ca none.pem: No such file or directory"),
])
def test_documents_and_settings_with_errors_end_with_2(command: str, arguments: tuple[str, ...], files: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each error with its place; no request is sent."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main([command, *arguments, "--url", "http://127.0.0.1:9"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", ["junit", "sarif", "html", "jsonl"])
def test_ctrl_c_leaves_a_valid_report(command: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In every form, with what there is until then."""
    import xml.etree.ElementTree as ET

    from understudy.check import drifting, running

    def interrupt(session: object, subject: object) -> None:
        raise KeyboardInterrupt

    laws = (running.LAWS[0], running.Law("stop", interrupt, "it", "is", frozenset({"create"})))
    monkeypatch.setattr(running, "LAWS", laws)
    monkeypatch.setattr(drifting, "LAWS", laws)
    with listening(says(200, b"[]")) as url:
        main([command, PETSTORE, "--url", url, *(["--layers", "laws"] if command == "check" else []), "--report", f"{form}:r"])
    text = (tmp_path / "r").read_text(encoding="utf-8")
    assert "interrupted" in capsys.readouterr().out
    {"junit": ET.fromstring, "sarif": json.loads, "html": lambda one: one.index("</html>"), "jsonl": lambda one: [json.loads(line) for line in one.splitlines()]}[form](text)
