"""Webhooks as a test asks for them: nothing is slept for, the clock is the world's, receivers are functions of the test."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.guides import TUTORIAL
from understudy import Sandbox
from understudy.inprocess.doors import Posted
from understudy.server.receiving import NotReceived

ACME = {"reference": "acme", "type": "ORGANIZATION", "email": "a@acme.example", "organization": {"legal_name": "Acme"}}
HOOKS = "https://shop.example/hooks"


@pytest.fixture(scope="module")
def first() -> Iterator[Sandbox]:
    """The sandbox without a server: handlers are called in the thread that asks."""
    with Sandbox(fixture="tutorial") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    """One with a server, which sends by itself."""
    with Sandbox(fixture="tutorial") as sandbox:
        assert sandbox.url
        yield sandbox


def hooked(sandbox: Sandbox) -> Sandbox:
    """With an endpoint made through the API, whose URL is nowhere."""
    sandbox.post("/v1/webhooks", {"name": "Shop", "reference": "shop-hooks", "url": HOOKS, "included_actions": ["CUSTOMER.CREATED"]}).good()
    return sandbox


@pytest.fixture
def quiet(first: Sandbox) -> Iterator[Sandbox]:
    """A world without a server."""
    with first.world() as sandbox:
        yield hooked(sandbox)


@pytest.fixture
def lively(served: Sandbox) -> Iterator[Sandbox]:
    """A world with one."""
    with served.world() as sandbox:
        yield hooked(sandbox)


def test_the_guide_is_heard_from_the_first_meter_value_to_the_final_invoice(first: Sandbox) -> None:
    """Each event once, in order, verified, though nobody listened while they happened; a month goes by and nobody sleeps."""
    with first.world(fixture="default", now="2025-05-06T10:30:00Z") as sandbox:
        ids: dict[str, str] = {}
        for step in TUTORIAL:
            method, target = step.target(ids)
            answer = sandbox.call(method, target, step.body(ids)).good() if step.body else sandbox.call(method, target).good()
            ids |= {step.save: answer.json()["id"]} if step.save else {}
        assert sandbox.webhooks.received()[0].type == "METER_VALUE.CREATED"
        assert sandbox.webhooks.received("INVOICE.STATUS_TO_FINAL") == []
        told = sandbox.clock.advance("P1M")
        (invoice,) = sandbox.webhooks.wait_for("INVOICE.STATUS_TO_FINAL")
        assert invoice.json()["data"]["total_amount"] == {"quantity": "2.50", "currency": "EUR"}
        assert [row["type"] for row in told if "delivery" in row][-1] == "INVOICE.STATUS_TO_FINAL"
        events = [kept.event.type for kept in sandbox.theatre.worlds.get(sandbox.name).events]
        assert [one.type for one in sandbox.webhooks.received()] == events[events.index("METER_VALUE.CREATED") :]
        assert {one.verdict for one in sandbox.webhooks.received()} == {"verified"}


def test_a_receiver_that_fails_is_tried_again_by_the_schedule(sandbox: Sandbox) -> None:
    """Two minutes later, then four; the later event waits behind the earlier one."""
    sandbox.webhooks.answer(500, 503, 200)
    sandbox.post("/v1/customers", ACME).good()
    sandbox.post("/v1/customers/acme/activate").good()
    with pytest.raises(NotReceived, match=r"CUSTOMER\.CREATED answered 500"):
        sandbox.webhooks.wait_for("CUSTOMER.*")
    sandbox.clock.advance("2m")
    assert [one.status for one in sandbox.webhooks.every()] == [500, 503] and sandbox.webhooks.received() == []
    told = [(row["at"], row["type"], row["status"]) for row in sandbox.clock.advance("4m")]
    assert told[0] == ("2025-05-06T10:36:00Z", "CUSTOMER.CREATED", 200)
    assert [one.type for one in sandbox.webhooks.received("CUSTOMER.*")] == [type for _, type, _ in told]


def test_it_is_signed_as_asked(sandbox: Sandbox) -> None:
    """By the API's own scheme, by another, by none."""
    assert sandbox.webhooks.secret
    sandbox.webhooks.sign("standard-webhooks")
    sandbox.post("/v1/customers", ACME).good()
    (one,) = sandbox.webhooks.received()
    assert one.verdict == "verified" and "webhook-signature" in one.headers
    sandbox.webhooks.sign("none")
    sandbox.delete("/v1/customers/acme").good()
    assert sandbox.webhooks.received()[-1].verdict == "unsigned" and sandbox.webhooks.secret is None
    with pytest.raises(KeyError):
        sandbox.webhooks.sign("acme")


def test_what_came_can_be_forgotten_and_a_world_put_back_is_heard_anew(sandbox: Sandbox) -> None:
    """By `clear`; and by whoever resets the world, through the control plane too."""
    sandbox.post("/v1/customers", ACME).good()
    sandbox.webhooks.clear()
    assert sandbox.webhooks.received() == []
    sandbox.post("/v1/customers/acme/activate").good()
    assert len(sandbox.webhooks.received()) == 2
    sandbox.post("/_understudy/reset", {}).good()
    sandbox.post("/v1/customers", ACME).good()
    assert [one.type for one in sandbox.webhooks.received()] == ["CUSTOMER.CREATED"]


class TestRoutes:
    """Functions in the place of a URL."""

    def test_a_function_takes_what_a_url_is_sent(self, quiet: Sandbox) -> None:
        """In the thread that asks, outside any event loop: it may use a database of its thread, or run a loop."""
        database = sqlite3.connect(":memory:")
        database.execute("create table seen (id text, thread int)")

        async def nothing() -> None:
            return None

        def take(posted: Posted) -> int:
            asyncio.run(nothing())
            database.execute("insert into seen values (?, ?)", (posted.headers["understudy-delivery"], threading.get_ident()))
            assert (posted.method, posted.url, posted.path) == ("POST", HOOKS, "/hooks")
            return 204

        quiet.webhooks.route(HOOKS, take)
        quiet.post("/v1/customers", ACME).good()
        quiet.webhooks.deliver()
        assert [thread for _, thread in database.execute("select * from seen")] == [threading.get_ident()]
        (delivery,) = [one for one in quiet.webhooks.deliveries() if one.endpoint.startswith("whk_")]
        assert (delivery.state, delivery.attempts[0].status) == ("delivered", 204)
        database.close()

    @pytest.mark.parametrize(("answer", "status", "said"), [
        (None, 200, None), (503, 503, None), (httpx.Response(202), 202, None), ("yes", None, "is no status"), (ZeroDivisionError("no"), 500, None),
    ])  # fmt: skip
    def test_its_answer_is_a_status_or_has_one(self, quiet: Sandbox, answer: Any, status: int | None, said: str | None) -> None:
        """What it raises is a 500, as of any server; its words are in the attempt."""

        def take(posted: Posted) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        quiet.webhooks.route(HOOKS, take)
        quiet.post("/v1/customers", ACME).good()
        quiet.webhooks.deliver()
        (attempt,) = next(one for one in quiet.webhooks.deliveries() if one.endpoint.startswith("whk_")).attempts
        assert attempt.status == status and (said is None or said in str(attempt.error))
        assert attempt.response == ("ZeroDivisionError: no" if isinstance(answer, Exception) else "")

    @pytest.mark.parametrize("kind", ["quiet", "lively"])
    def test_it_may_call_the_sandbox_and_ask_for_more(self, kind: str, request: pytest.FixtureRequest) -> None:
        """And what that brings about is delivered too."""
        quiet: Sandbox = request.getfixturevalue(kind)

        def take(posted: Posted) -> int:
            assert quiet.post("/v1/customers/acme/activate").is_success
            assert kind == "quiet" or httpx.get(f"{quiet.url}/v1/customers/acme", headers=quiet.headers).json()["status"] == "ACTIVE"
            said.append(quiet.webhooks.received("CUSTOMER.NOBODY"))
            try:
                quiet.clock.advance("P1D")
            except RuntimeError as fault:
                said.append(str(fault))
            return 200

        said: list[Any] = []

        quiet.webhooks.route(HOOKS, take)
        quiet.post("/v1/customers", ACME).good()
        assert [one.type for one in quiet.webhooks.received("*.STATUS_TO_ACTIVE")] == ["CUSTOMER.STATUS_TO_ACTIVE"]
        (taken,) = [one for one in quiet.webhooks.deliveries() if one.endpoint.startswith("whk_")]
        assert taken.state == "delivered", taken.attempts
        assert said == [[], "a receiver cannot turn the clock: that waits until everything is delivered, so for the receiver itself"]

    @pytest.mark.parametrize("raised", [None, ValueError("no"), KeyboardInterrupt()])
    def test_with_a_server_it_is_called_as_well(self, lively: Sandbox, raised: BaseException | None) -> None:
        """By the server itself, in a thread of its own, when nobody asks; whatever it raises, the server goes on."""
        came = threading.Event()

        def take(posted: Posted) -> None:
            came.set()
            if raised is not None:
                raise raised

        lively.webhooks.route(HOOKS, take)
        made = httpx.post(f"{lively.url}/v1/customers", json=ACME, headers=lively.headers)
        assert made.status_code == 201 and came.wait(30)
        lively.webhooks.deliver()
        (taken,) = [one for one in lively.webhooks.deliveries() if one.endpoint.startswith("whk_")]
        assert [one.status for one in taken.attempts] == [500 if raised else 200]

    def test_a_test_that_ends_within_it_ends(self, quiet: Sandbox) -> None:
        """What is no exception of the receiver's goes through, and nothing waits for it."""

        def take(posted: Posted) -> int:
            raise KeyboardInterrupt

        quiet.webhooks.route(HOOKS, take)
        quiet.post("/v1/customers", ACME).good()
        with pytest.raises(KeyboardInterrupt):
            quiet.webhooks.deliver()
        quiet.webhooks.route(HOOKS, lambda posted: 200)
        quiet.webhooks.deliver()
        assert [one.attempts[-1].status for one in quiet.webhooks.deliveries() if one.endpoint.startswith("whk_")] == [500]

    def test_in_a_running_loop_it_is_called_without_one(self, quiet: Sandbox) -> None:
        """The caller's own loop runs on around it where it is awaited."""
        seen: list[str] = []
        quiet.webhooks.route(HOOKS, lambda posted: seen.append(posted.path))

        async def story() -> None:
            quiet.post("/v1/customers", ACME).good()
            await quiet.webhooks.adeliver()

        asyncio.run(story())
        assert seen == ["/hooks"]


def test_one_delivery_can_be_sent_again(quiet: Sandbox) -> None:
    """As a vendor does who is not sure; one that is gone cannot."""
    taken: list[str] = []
    quiet.webhooks.route(HOOKS, lambda posted: taken.append(posted.headers["understudy-delivery"]))
    quiet.post("/v1/customers", ACME).good()
    quiet.webhooks.deliver()
    (delivery,) = [one for one in quiet.webhooks.deliveries("CUSTOMER.*") if one.endpoint.startswith("whk_")]
    assert len(quiet.webhooks.resend(delivery).attempts) == 2 and taken == [delivery.id, delivery.id]
    quiet.reset()
    with pytest.raises(LookupError, match="there is no delivery"):
        quiet.webhooks.resend(delivery)


def test_a_call_that_waits_for_a_receiver_is_answered(quiet: Sandbox) -> None:
    """As `send-test` does: it says what the receiver answered."""
    quiet.webhooks.route(HOOKS, lambda posted: 200)
    id = quiet.get("/v1/webhooks").json()["data"][0]["id"]
    assert quiet.post(f"/v1/webhooks/{id}/send-test").is_success
    assert quiet.client.post(f"/v1/webhooks/{id}/send-test").is_success

    async def story() -> int:
        async with quiet.async_client as client:
            return (await client.post(f"/v1/webhooks/{id}/send-test")).status_code

    assert asyncio.run(story()) // 100 == 2
