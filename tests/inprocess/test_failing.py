"""`Sandbox.fail`: what goes wrong on purpose, as each kind of client in this process meets it. Nobody waits for anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from understudy import Sandbox

ACME = {"reference": "acme", "type": "ORGANIZATION", "email": "a@acme.example", "organization": {"legal_name": "Acme"}}
LIST = "/v1/customers"


def test_so_many_fail_and_then_they_do_not(sandbox: Sandbox) -> None:
    """503 unless said otherwise; counted; only what is aimed at."""
    fault = sandbox.fail("POST /v1/customers", times=2, retry_after=7)
    refused = [sandbox.post(LIST, ACME) for _ in range(2)]
    assert [one.status_code for one in refused] == [503, 503] and refused[0].headers["retry-after"] == "7"
    assert "fault F1" in refused[0].reason and fault.id == "F1"
    assert sandbox.get(LIST).is_success and sandbox.post(LIST, ACME).status_code == 201
    assert (fault.met, fault.struck) == (2, 2)


def test_it_ends_with_its_block_or_by_word_or_with_the_moment(sandbox: Sandbox) -> None:
    """Twice does nothing."""
    before = sandbox.snapshot()
    with sandbox.fail(status=500) as fault:
        assert sandbox.get(LIST).status_code == 500
    fault.end()
    assert sandbox.get(LIST).is_success
    sandbox.fail("GET /v1/customers", status=429)
    assert sandbox.get(LIST).status_code == 429
    sandbox.restore(before)
    assert sandbox.get(LIST).is_success
    with sandbox.world() as other:
        sandbox.fail()
        assert other.get(LIST).is_success and sandbox.get(LIST).status_code == 503


def test_what_is_late_is_told_and_not_waited_for(sandbox: Sandbox) -> None:
    """A client with less patience gets its time-out."""
    sandbox.fail("GET /v1/customers", delay=30)
    assert sandbox.get(LIST).seconds == 30
    with pytest.raises(httpx.ReadTimeout):
        sandbox.client.get(LIST)
    assert sandbox.client.get(LIST, timeout=60).status_code == 200
    assert sandbox.client.get(LIST, timeout=None).status_code == 200


@pytest.mark.parametrize(("answer", "own", "theirs"), [
    ("reset", ConnectionResetError, httpx.ReadError), ("empty", ConnectionAbortedError, httpx.RemoteProtocolError), ("truncated", ConnectionError, httpx.RemoteProtocolError),
])  # fmt: skip
def test_what_is_cut_off_is_an_error_of_the_connection(sandbox: Sandbox, answer: str, own: type[Exception], theirs: type[Exception]) -> None:
    """As each client says it; `carried_out`, it was done all the same."""
    sandbox.fail("POST /v1/customers", answer=answer, **({} if answer == "truncated" else {"carried_out": True}))
    with pytest.raises(own, match="fault F1"):
        sandbox.post(LIST, ACME)
    with pytest.raises(theirs):
        sandbox.client.post(LIST, json={**ACME, "reference": "acme-2"})

    async def story() -> None:
        async with sandbox.async_client as client:
            with pytest.raises(theirs):
                await client.post(LIST, json={**ACME, "reference": "acme-3"})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://localhost", headers=sandbox.headers) as client:
            with pytest.raises(own):
                await client.post(LIST, json={**ACME, "reference": "acme-4"})

    asyncio.run(story())
    assert [sandbox.get(f"{LIST}/{name}").status_code for name in ("acme", "acme-2", "acme-3", "acme-4")] == [200] * 4


def test_what_comes_is_no_json(sandbox: Sandbox) -> None:
    """Malformed."""
    sandbox.fail("GET /v1/customers", answer="malformed", times=1)
    with pytest.raises(ValueError):
        sandbox.get(LIST).json()
    assert sandbox.get(LIST).json()["page"] == 1


def test_a_webhook_goes_astray(sandbox: Sandbox) -> None:
    """Lost, and twice."""
    sandbox.fail(event="CUSTOMER.CREATED", webhook="lost")
    sandbox.fail(event="CUSTOMER.UPDATED", webhook="twice")
    sandbox.post(LIST, ACME).good()
    sandbox.patch(f"{LIST}/acme", {"email": "b@acme.example"}).good()
    assert [one.type for one in sandbox.webhooks.received("CUSTOMER.*")] == ["CUSTOMER.UPDATED", "CUSTOMER.UPDATED"]


@pytest.mark.parametrize(("what", "said"), [
    ({"operation": "POST /v1/custommers"}, "custommers"), ({"status": 999}, "status"), ({"rate": 2}, "rate"), ({"answer": "lost"}, "answer"), ({"webhook": "gone"}, "webhook"),
])  # fmt: skip
def test_a_fault_that_cannot_be_is_said(sandbox: Sandbox, what: dict[str, Any], said: str) -> None:
    """And nothing fails of it."""
    with pytest.raises(ValueError, match=said):
        sandbox.fail(**what)
    assert sandbox.get(LIST).is_success


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    """One with a server."""
    with Sandbox() as sandbox:
        assert sandbox.url
        yield sandbox


def test_over_http_the_connection_is_cut(served: Sandbox) -> None:
    """As a network would; the next request is answered."""
    served.fail("GET /v1/customers", answer="reset", times=1)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{served.url}{LIST}", headers=served.headers)
    assert httpx.get(f"{served.url}{LIST}", headers=served.headers).status_code == 200
