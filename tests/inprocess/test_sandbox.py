"""`understudy.Sandbox` as a user has it: calls, clients, worlds, moments, the clock, the server, and its end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import understudy
from understudy import Sandbox
from understudy.sandbox import Snapshot
from understudy.theatre import Unplayable
from understudy.world.fixtures import FixtureFault
from understudy.world.sources import Unreadable

ACME = {"reference": "acme", "type": "ORGANIZATION", "email": "a@acme.example", "organization": {"legal_name": "Acme"}}
PETS: dict[str, Any] = {
    "openapi": "3.1.0", "info": {"title": "Pets", "version": "1"},
    "components": {"schemas": {"Pet": {"type": "object", "required": ["id", "name"], "properties": {
        "id": {"type": "string", "readOnly": True}, "name": {"type": "string"}}}}},
    "paths": {
        "/pets": {
            "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}}}},
            "post": {"requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
                     "responses": {"201": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}},
        },
        "/pets/{petId}": {
            "parameters": [{"name": "petId", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}},
        },
    },
}  # fmt: skip


class TestCalls:
    """`call` and its five short names."""

    def test_what_is_made_is_there(self, sandbox: Sandbox) -> None:
        """With a good key, as JSON, and with the reason of each answer."""
        made = sandbox.post("/v1/customers", ACME).good()
        assert (made.status_code, made.json()["reference"]) == (201, "acme")
        assert sandbox.get("/v1/customers/acme").json() == made.json()
        assert sandbox.patch("/v1/customers/acme", {"email": "b@acme.example"}).json()["email"] == "b@acme.example"
        assert sandbox.get("/v1/customers", params={"limit": 1}).json()["limit"] == 1
        assert sandbox.get("/v1/customers?limit=1").reason == "1 of 2 customer"
        assert sandbox.delete("/v1/customers/acme").is_success
        assert sandbox.get("/v1/customers/acme").status_code == 404

    def test_an_answer_that_is_no_success_says_why(self, sandbox: Sandbox) -> None:
        """`good` raises with the reason and the body; the answer shows both."""
        refused = sandbox.post("/v1/customers", {"reference": 7})
        assert repr(refused).startswith("<Answer 400 Bad Request: ")
        with pytest.raises(AssertionError, match=r"400 Bad Request: .*reference"):
            refused.good()

    def test_headers_are_ones_own(self, sandbox: Sandbox) -> None:
        """One given as None is left out; a body as it is stays as it is."""
        assert sandbox.get("/v1/customers", headers={"X-API-KEY": None}).status_code == 401
        assert sandbox.call("POST", "/v1/customers", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
        first = sandbox.post("/v1/customers", ACME, headers={"Idempotency-Key": "once"})
        assert sandbox.post("/v1/customers", ACME, headers={"Idempotency-Key": "once"}).json() == first.json()

    @pytest.mark.parametrize("path", ["/v1/customers/ü x", "/v1/customers/%C3%BC", "/v1/customers/a%20b?expand=ü", "/v1/customers/" + "a" * 9000])
    def test_both_ways_of_a_call_answer_as_the_server_does(self, sandbox: Sandbox, path: str) -> None:
        """Whatever stands in a path."""
        own, other = sandbox.get(path), sandbox.client.get(path)
        assert (own.status_code, own.content) == (other.status_code, other.content)

    def test_what_is_no_path_is_said(self, sandbox: Sandbox) -> None:
        """And what is no JSON value."""
        with pytest.raises(ValueError, match="begins with a slash"):
            sandbox.get("v1/customers")
        with pytest.raises(TypeError):
            sandbox.post("/v1/customers", {"when": object()})

    def test_a_body_too_large_is_refused_as_by_the_server(self, sandbox: Sandbox) -> None:
        """By length, before it is looked at."""
        assert sandbox.post("/v1/customers", {"x": "a" * 10_000_001}).status_code == 413

    def test_the_control_plane_is_there_too(self, sandbox: Sandbox) -> None:
        """Of the sandbox's own world."""
        assert sandbox.post("/_understudy/clock", {"advance": "P1D"}).json()["now"] == "2025-05-07T10:30:00Z"
        assert sandbox.clock.now() == datetime(2025, 5, 7, 10, 30, tzinfo=UTC)

    def test_the_log_has_each_request_with_its_reason(self, sandbox: Sandbox) -> None:
        """However it was made."""
        sandbox.get("/v1/customers")
        sandbox.client.get("/v1/customers/nobody")
        told = [(one.method, one.target, one.status) for one in sandbox.requests]
        assert told == [("GET", "/v1/customers", 200), ("GET", "/v1/customers/nobody", 404)]
        assert "nobody" in sandbox.requests[-1].reason


class TestClients:
    """httpx, by itself and in an event loop."""

    def test_httpx_needs_no_server(self, sandbox: Sandbox) -> None:
        """One client for each sandbox; others with headers of their own."""
        assert sandbox.client is sandbox.client
        assert sandbox.client.post("/v1/customers", json=ACME).status_code == 201
        with sandbox.http(Accept="application/json") as other:
            assert other.get("/v1/customers/acme").json()["reference"] == "acme"
            assert other.head("/v1/customers/acme").content == b""

    def test_in_a_running_loop_all_of_it_works(self, sandbox: Sandbox) -> None:
        """As in a notebook or an asynchronous test."""

        async def story() -> None:
            async with sandbox.async_client as client:
                assert (await client.post("/v1/customers", json=ACME)).status_code == 201
                assert (await client.get("/_understudy/clock")).json()["mode"] == "frozen"
            assert sandbox.get("/v1/customers/acme").is_success
            assert [one.type for one in sandbox.webhooks.received()] == ["CUSTOMER.CREATED"]
            sandbox.clock.advance("P1D")
            await sandbox.clock.aadvance("P1D")
            await sandbox.webhooks.adeliver()
            async with httpx.AsyncClient() as real:
                assert (await real.get(f"{sandbox.url}/v1/customers/acme", headers=sandbox.headers)).status_code == 200

        asyncio.run(story())

    def test_it_is_an_asgi_application(self, sandbox: Sandbox) -> None:
        """By itself, and mounted in another."""

        async def story() -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://any.localhost") as client:
                assert (await client.get("/v1/customers", headers=sandbox.headers)).status_code == 200
                assert (await client.get("/_understudy/health")).json()["ready"] is True
            whole = Starlette(routes=[Mount("/billing", app=sandbox)])
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=whole), base_url="http://localhost") as client:
                made = await client.post("/billing/v1/customers", json=ACME, headers=sandbox.headers)
                assert (made.status_code, sandbox.get("/v1/customers/acme").json()) == (201, made.json())

        asyncio.run(story())


class TestWorlds:
    """Several at once, and going back."""

    def test_worlds_do_not_meet(self, sandbox: Sandbox) -> None:
        """Each begins as the first one did, whatever became of that."""
        sandbox.post("/v1/customers", ACME).good()
        with sandbox.world() as other:
            assert other.get("/v1/customers/acme").status_code == 404
            assert other.post("/v1/customers", ACME).is_success
            assert other.name != sandbox.name

    def test_a_fork_goes_on_from_here(self, sandbox: Sandbox) -> None:
        """Records, clock and what was heard; then each its own way."""
        sandbox.post("/v1/customers", ACME).good()
        assert len(sandbox.webhooks.received()) == 1
        sandbox.clock.advance("P1D")
        with sandbox.fork() as other:
            assert other.get("/v1/customers/acme").is_success and other.clock.now() == sandbox.clock.now()
            other.post("/v1/customers/acme/activate").good()
            assert sandbox.get("/v1/customers/acme").json()["status"] == "DRAFT"
            assert len(other.webhooks.received()) == 3 and len(sandbox.webhooks.received()) == 1
            other.reset()
            assert other.get("/v1/customers/acme").json()["status"] == "DRAFT"

    def test_a_world_may_begin_elsewhere(self, sandbox: Sandbox) -> None:
        """Another fixture, time and seed of the same documents; it is there that it goes back to."""
        with sandbox.world("elsewhere", fixture="default", now="2026-01-31T00:00:00Z", seed=7) as other:
            assert other.get("/v1/customers").json()["data"] == []
            other.clock.advance(timedelta(days=1))
            other.reset()
            assert other.clock.now() == datetime(2026, 1, 31, tzinfo=UTC)
            assert other.url.endswith("/_world/elsewhere")
            other.post("/v1/customers", ACME).good()
            other.post("/_understudy/reset", {}).good()
            assert other.get("/v1/customers").json()["data"] == [] and other.clock.now().year == 2026
        with pytest.raises(ValueError, match="the fixture ends at 2025-05-06"):
            sandbox.world(now="2020-01-01T00:00:00Z")
        with pytest.raises(Unreadable, match="no such fixture"):
            sandbox.world(fixture="nowhere")

    def test_a_moment_can_be_gone_back_to(self, sandbox: Sandbox) -> None:
        """Records, clock and webhooks; as often as one likes."""
        sandbox.post("/v1/customers", ACME).good()
        sandbox.webhooks.received()
        moment = sandbox.snapshot()
        assert isinstance(moment, Snapshot)
        for _ in range(2):
            sandbox.delete("/v1/customers/acme").good()
            sandbox.clock.advance("P1Y")
            assert len(sandbox.webhooks.received("CUSTOMER.*")) == 2
            sandbox.restore(moment)
            assert sandbox.get("/v1/customers/acme").is_success and sandbox.clock.now().year == 2025
            assert len(sandbox.webhooks.received("CUSTOMER.*")) == 1
        sandbox.reset()
        assert sandbox.get("/v1/customers/acme").status_code == 404 and sandbox.webhooks.received() == []
        with pytest.raises(LookupError, match="no moment"):
            sandbox.restore("before")


class TestClock:
    """It stands still until turned."""

    def test_what_falls_due_is_told(self, sandbox: Sandbox) -> None:
        """In order, webhooks too where somebody listens."""
        assert sandbox.clock.is_frozen and sandbox.clock.next_due == datetime(2025, 6, 6, tzinfo=UTC)
        assert [one["trigger"] for one in sandbox.clock.advance("P1M")] == ["end", "elapse"]
        sandbox.webhooks.received()
        told = sandbox.clock.set("2025-08-01T00:00:00Z")
        assert [one["status"] for one in told if "delivery" in one and one["type"] == "INVOICE.STATUS_TO_FINAL"] == [200]
        assert sandbox.clock.now() == datetime(2025, 8, 1, tzinfo=UTC)

    @pytest.mark.parametrize(("to", "said"), [("soon", "is not a duration"), (timedelta(days=-1), "does not go back"), ("P9000Y", "beyond|calendar")])
    def test_a_time_that_cannot_be_is_said(self, sandbox: Sandbox, to: Any, said: str) -> None:
        """None, a past one, one beyond the calendar."""
        with pytest.raises(ValueError, match=said):
            sandbox.clock.advance(to)
        with pytest.raises(ValueError, match="has no time zone"):
            sandbox.clock.set(datetime(2025, 6, 1))

    def test_it_can_run(self, sandbox: Sandbox, first: Sandbox) -> None:
        """And stand still again; from the beginning where that is asked for."""
        with first.world(fixture="default") as still, first.world(fixture="default", clock="running") as running:
            assert still.clock.is_frozen and not running.clock.is_frozen
        sandbox.clock.run()
        assert not sandbox.clock.is_frozen
        sandbox.clock.freeze()
        assert sandbox.clock.is_frozen


class TestServer:
    """One for all worlds, in a thread, when a URL is asked for."""

    def test_the_server_and_calls_see_one_world(self, sandbox: Sandbox) -> None:
        """Each what the other did; the key of another world's URL is its own."""
        made = httpx.post(f"{sandbox.url}/v1/customers", json=ACME, headers=sandbox.headers)
        assert sandbox.get("/v1/customers/acme").json() == made.json()
        with sandbox.world() as other:
            assert other.url != sandbox.url
            assert httpx.get(f"{other.url}/v1/customers/acme", headers=sandbox.headers).status_code == 404

    def test_the_first_one_has_a_plain_url(self, first: Sandbox) -> None:
        """As a server's is."""
        assert httpx.URL(first.url).path == "/"
        assert httpx.get(f"{first.url}/_understudy/health").json()["ready"]

    def test_calls_and_requests_at_once_lose_nothing(self, sandbox: Sandbox) -> None:
        """Four threads call, four speak HTTP, on one world: each customer is made once."""
        url, headers = sandbox.url, sandbox.headers

        def here(number: int) -> int:
            return sandbox.post("/v1/customers", {**ACME, "reference": f"here-{number}"}).status_code

        with httpx.Client(base_url=url, headers=headers) as client, ThreadPoolExecutor(8) as pool:
            there = [pool.submit(lambda n: client.post("/v1/customers", json={**ACME, "reference": f"there-{n}"}).status_code, n) for n in range(40)]
            both = [*pool.map(here, range(40)), *(one.result() for one in there)]
        assert set(both) == {201}
        assert len(sandbox.get("/v1/customers?limit=100").json()["data"]) == 81
        assert len(sandbox.requests) == 81

    def test_with_a_server_webhooks_are_sent_and_asked_for_alike(self, sandbox: Sandbox) -> None:
        """What was sent by itself and what is due when one asks."""
        assert sandbox.url
        sandbox.post("/v1/customers", ACME).good()
        httpx.post(f"{sandbox.url}/v1/customers/acme/activate", headers=sandbox.headers).raise_for_status()
        assert sandbox.webhooks.wait_for("CUSTOMER.*", 3)[0].type == "CUSTOMER.CREATED"


class TestDocuments:
    """What is played."""

    def test_a_document_may_be_a_value(self) -> None:
        """As an application has that makes its own; with behaviour to go with it."""
        with Sandbox(PETS, behaviour={"resources": {"pet": {"id": "pet"}}}) as sandbox:
            made = sandbox.post("/pets", {"name": "Rex"}).good().json()
            assert sandbox.get(f"/pets/{made['id']}").json() == made
            assert sandbox.get("/pets").json() == [made]
            assert sandbox.headers == {}

    def test_a_document_may_be_a_path(self, tmp_path: Path) -> None:
        """Or several."""
        (tmp_path / "pets.json").write_bytes(orjson.dumps(PETS))
        with Sandbox(tmp_path / "pets.json") as one, Sandbox([str(tmp_path / "pets.json")]) as other:
            assert one.get("/pets").json() == other.get("/pets").json() == []

    def test_what_is_wrong_with_it_is_all_told(self) -> None:
        """Before anything is served."""
        with pytest.raises(Unplayable, match="openapi"):
            Sandbox({"paths": {}})
        with pytest.raises(Unreadable, match=r"nowhere\.yaml"):
            Sandbox(fixture="nowhere.yaml")
        with pytest.raises(ValueError, match='"running" or "frozen"'):
            Sandbox(clock="fast")
        with pytest.raises((FixtureFault, ValueError)):
            Sandbox(fixture="tutorial", now="1999-01-01T00:00:00Z")

    def test_keys_are_as_asked(self) -> None:
        """Those listed are carried; none where none is asked for."""
        with Sandbox(keys=["sesame"]) as sandbox:
            assert sandbox.headers == {"x-api-key": "sesame"} and sandbox.get("/v1/customers").is_success
            assert sandbox.get("/v1/customers", headers={"X-API-KEY": "open"}).status_code == 401
        with Sandbox(auth=False, strict=True) as sandbox:
            assert sandbox.headers == {} and sandbox.get("/v1/customers").is_success
            assert sandbox.post("/v1/customers", {**ACME, "nickname": "A"}).status_code == 400


class TestEnd:
    """Closing, once, twice, and not at all."""

    def test_closed_twice_is_closed(self, first: Sandbox) -> None:
        """What is asked of it then is refused; its client is closed too."""
        sandbox = first.world()
        client, url = sandbox.client, sandbox.url
        sandbox.close()
        sandbox.close()
        for ask in (lambda: sandbox.get("/v1/customers"), sandbox.clock.now, lambda: sandbox.url, lambda: sandbox.requests, sandbox.reset, sandbox.fork):
            with pytest.raises(RuntimeError, match="closed"):
                ask()
        with pytest.raises(RuntimeError):
            client.get("/v1/customers")
        assert repr(sandbox).endswith("closed>") and url
        assert sandbox.name not in [world.name for world in first.theatre.worlds]

    def test_the_first_ends_the_server(self) -> None:
        """And its thread; an error within the block passes through."""
        before = set(threading.enumerate())
        with pytest.raises(ZeroDivisionError), Sandbox(PETS) as sandbox:
            assert httpx.get(f"{sandbox.url}/pets").status_code == 200
            assert set(threading.enumerate()) - before
            _ = 1 / 0
        assert not [one for one in set(threading.enumerate()) - before if one.name == "understudy"]
        with pytest.raises(RuntimeError, match="closed"):
            _ = sandbox.url

    def test_never_closed_it_ends_with_the_process(self) -> None:
        """A server running, something due, and nothing said about it."""
        story = f"import understudy; s = understudy.Sandbox({PETS!r}); print(s.url); s.webhooks.received(); s.post('/pets', {{'name': 'Rex'}})"
        done = subprocess.run([sys.executable, "-X", "dev", "-c", story], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_importing_it_costs_nothing() -> None:
    """`import understudy` brings neither the engine nor a library; what is public is there when it is asked for."""
    story = "import sys; before = set(sys.modules); import understudy; print(len([m for m in set(sys.modules) - before if 'understudy' in m])); understudy.Sandbox"
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1"
    assert {"Sandbox", "laws"} <= set(dir(understudy))
    with pytest.raises(AttributeError, match="it has Sandbox"):
        _ = understudy.Sandpit


class TestOfUnittest(unittest.TestCase):
    """The same without pytest's fixtures."""

    first: Sandbox

    @classmethod
    def setUpClass(cls) -> None:
        """Prepared once."""
        cls.first = Sandbox(PETS)
        cls.addClassCleanup(cls.first.close)

    def setUp(self) -> None:
        """A world for each."""
        self.sandbox = self.first.world()
        self.addCleanup(self.sandbox.close)

    def test_one(self) -> None:
        """Makes a pet."""
        self.assertEqual(self.sandbox.post("/pets", {"name": "Rex"}).status_code, 201)
        self.assertEqual(len(self.sandbox.get("/pets").json()), 1)

    def test_another(self) -> None:
        """Sees none."""
        self.assertEqual(self.sandbox.get("/pets").json(), [])
