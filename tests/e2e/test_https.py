"""HTTPS: with a certificate made for this machine, or one's own; what cannot be used is told before anything listens."""

from __future__ import annotations

import json
import ssl
import stat
import sys
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import trustme

from support.served import served
from understudy.cli import main
from understudy.server import certifying
from understudy.server.certifying import Uncertified, authority_file, given, made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The authority is kept in a folder of the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "home"))
    return tmp_path / "home"


def ask(port: int, context: ssl.SSLContext, method: str, target: str, body: Any = None, host: str = "localhost") -> tuple[int, Any]:
    """One request over HTTPS."""
    connection = HTTPSConnection(host, port, timeout=30, context=context)
    connection.request(method, target, None if body is None else json.dumps(body), {"X-API-KEY": "any", "Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_it_is_spoken_with_a_certificate_that_a_client_can_trust() -> None:
    """By name and by address; the control plane, the clock and our own commands too. Who speaks plain HTTP is told so."""
    with served("--tls", "--fixture", "tutorial") as running:
        trusting = ssl.create_default_context(cafile=authority_file())
        status, listed = ask(running.port, trusting, "GET", "/v1/customers")
        assert status == 200 and len(listed["data"]) == 1
        assert ask(running.port, trusting, "GET", "/v1/customers", host="127.0.0.1")[0] == 200
        status, turned = ask(running.port, trusting, "POST", "/_understudy/clock", {"advance": "P1M"})
        assert status == 200 and turned["now"] == "2025-06-06T10:30:00Z"
        assert main(["world", "list", "--url", f"https://localhost:{running.port}"]) == 0
        connection = HTTPConnection("localhost", running.port, timeout=30)
        connection.request("POST", "/v1/customers", json.dumps({"reference": "x" * 100_000}))
        response = connection.getresponse()
        assert response.status == 400 and b"https:// instead of http://" in response.read()
        connection.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(running.port, ssl.create_default_context(), "GET", "/v1/customers")
        assert ask(running.port, trusting, "GET", "/v1/customers")[0] == 200


def test_endpoints_are_told_by_a_server_that_speaks_https() -> None:
    """Webhooks and links know the scheme."""
    with served("--tls", "--fixture", "tutorial") as running:
        trusting = ssl.create_default_context(cafile=authority_file())
        status, made_ = ask(running.port, trusting, "POST", "/_understudy/endpoints", {"url": "http://127.0.0.1:1/"})
        assert status == 200 and ask(running.port, trusting, "POST", "/v1/customers", {"reference": "acme", "type": "ORGANIZATION"})[0] == 201
        status, turned = ask(running.port, trusting, "POST", "/_understudy/clock", {"advance": "PT5M"})
        assert status == 200 and any(one.get("endpoint") == made_["id"] or "attempt" in json.dumps(one) for one in turned["due"])


def test_the_authority_is_made_once_and_kept_for_this_user_alone() -> None:
    """So that a client has to trust it once. What was torn or has expired is made anew."""
    made()
    first = authority_file().read_bytes()
    made(["stand-in.example"])
    assert authority_file().read_bytes() == first and b"PRIVATE KEY" not in first
    if sys.platform != "win32":
        assert stat.S_IMODE(certifying.folder().stat().st_mode) == 0o700
        assert {stat.S_IMODE(one.stat().st_mode) for one in certifying.folder().iterdir()} == {0o600}
    (certifying.folder() / "authority.pem").write_text("torn")
    made()
    assert authority_file().read_bytes() != first


def files(folder: Path, **dates: Any) -> tuple[Path, Path]:
    """A certificate of one's own and its key."""
    leaf = trustme.CA().issue_cert("localhost", **dates)
    certificate, key = folder / "own.pem", folder / "own.key"
    certificate.write_bytes(b"".join(one.bytes() for one in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    return certificate, key


def test_ones_own_certificate_is_taken(tmp_path: Path) -> None:
    """With its key beside it, or in the same file."""
    certificate, key = files(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    given(str(both), str(both))
    trusting = ssl.create_default_context(cafile=certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with served("--tls-cert", str(certificate), "--tls-key", str(key)) as running:
        assert ask(running.port, trusting, "GET", "/_understudy/health")[0] == 200


def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    """Missing, no certificate, another's key, protected, expired, not valid yet."""
    certificate, key = files(tmp_path)
    (tmp_path / "other").mkdir()
    other = files(tmp_path / "other")[1]
    text, locked = tmp_path / "text", tmp_path / "locked"
    text.write_text("hello")
    locked.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n")
    now = datetime.now(UTC)
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir(), new.mkdir()
    gone = files(old, not_before=now - timedelta(days=9), not_after=now - timedelta(days=2))
    soon = files(new, not_before=now + timedelta(days=2), not_after=now + timedelta(days=9))
    for pair, said in {
        (tmp_path / "none", key): "none: No such file",
        (certificate, tmp_path / "none"): "--tls-key .*none: No such file",
        (text, key): "holds no certificate in PEM",
        (certificate, text): "holds no private key in PEM",
        (certificate, other): "is not the key of",
        (certificate, locked): "is protected by a password",
        gone: "has expired",
        soon: "is not valid yet",
    }.items():
        with pytest.raises(Uncertified, match=said):
            given(*map(str, pair))


@pytest.mark.parametrize(("arguments", "said"), [
    (["--tls-cert", "none.pem", "--tls-key", "none.key"], "--tls-cert none.pem: No such file"),
    (["--tls", "--tls-cert", "own.pem"], "say either --tls"),
    (["--tls-key", "own.key"], "say either --tls"),
])  # fmt: skip
def test_it_does_not_start_without_what_it_was_asked_for(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2."""
    assert main(["serve", "--port", "0", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The extra is called by its name."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    assert main(["serve", "--port", "0", "--tls"]) == 2
    assert "pip install 'understudy[tls]'" in capsys.readouterr().err
