"""Webhooks asked in the same process, as a user's test would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from support.asgi import Client
from support.guides import TUTORIAL
from understudy.server.app import App
from understudy.server.hearing import hearing
from understudy.server.receiving import NotReceived
from understudy.theatre import Options, Theatre, open_theatre

CUSTOMER = {"reference": "acme", "type": "ORGANIZATION", "email": "a@acme.example", "timezone": "Europe/London", "organization": {"legal_name": "Acme"}}


@pytest.fixture(scope="module")
def prepared() -> Theatre:
    """The bundled sandbox at the guide's time."""
    return open_theatre(Options(now=datetime(2025, 5, 6, 10, 30, tzinfo=UTC)))


@pytest.fixture
def sandbox(prepared: Theatre) -> Iterator[Theatre]:
    """Its default world put back to the fixture."""
    prepared.reset("default")
    yield prepared


def test_the_guide_is_heard_from_the_first_meter_value_to_the_final_invoice(sandbox: Theatre) -> None:
    """Each event once, in order, verified; a month goes by in between and nobody sleeps."""
    call = Client(App(sandbox))
    with hearing(sandbox):
        ids: dict[str, str] = {}
        for step in TUTORIAL:
            method, target = step.target(ids)
            answer = call(method, target, step.body(ids) if step.body else None).json
            ids |= {step.save: answer["id"]} if step.save else {}
        assert sandbox.webhooks.received()[0].type == "METER_VALUE.CREATED"
        assert sandbox.webhooks.received("INVOICE.STATUS_TO_FINAL") == []
        told = sandbox.webhooks.advance("P1M")
        (invoice,) = sandbox.webhooks.wait_for("INVOICE.STATUS_TO_FINAL")
        assert json.loads(invoice.body)["data"]["total_amount"] == {"quantity": "2.50", "currency": "EUR"}
        assert [row["type"] for row in told if "delivery" in row][-1] == "INVOICE.STATUS_TO_FINAL"
        events = [kept.event.type for kept in sandbox.worlds.get("default").events]
        assert [one.type for one in sandbox.webhooks.received()] == events[events.index("METER_VALUE.CREATED") :]
        assert {one.verdict for one in sandbox.webhooks.received()} == {"verified"}


def test_a_receiver_that_fails_is_tried_again_by_the_schedule(sandbox: Theatre) -> None:
    """Two minutes later, then four; the later event waits behind the earlier one."""
    call = Client(App(sandbox))
    with hearing(sandbox, statuses=(500, 503, 200)) as webhooks:
        call("POST", "/v1/customers", CUSTOMER)
        call("POST", "/v1/customers/acme/activate")
        with pytest.raises(NotReceived, match=r"CUSTOMER\.CREATED answered 500"):
            webhooks.wait_for("CUSTOMER.*")
        webhooks.advance("2m")
        assert [one.status for one in webhooks.receiver.kept] == [500, 503] and webhooks.received() == []
        told = [(row["at"], row["type"], row["status"]) for row in webhooks.advance("4m")]
        assert told[0] == ("2025-05-06T10:36:00Z", "CUSTOMER.CREATED", 200)
        assert {at for at, _, _ in told} == {"2025-05-06T10:36:00Z"}
        assert [one.type for one in webhooks.received("CUSTOMER.*")] == [type for _, type, _ in told]


def test_it_hears_what_it_asked_for_signed_as_it_asked(sandbox: Theatre) -> None:
    """By type and by scheme; afterwards it is no endpoint any more."""
    call = Client(App(sandbox))
    with hearing(sandbox, types=["*.STATUS_TO_ACTIVE"], signing="standard-webhooks") as webhooks:
        call("POST", "/v1/customers", CUSTOMER)
        call("POST", "/v1/customers/acme/activate")
        (one,) = webhooks.received()
        assert (one.type, one.verdict) == ("CUSTOMER.STATUS_TO_ACTIVE", "verified") and "webhook-signature" in one.headers
        assert len(sandbox.worlds.get("default").held["endpoints"]) == 1
    assert sandbox.webhooks is None and len(sandbox.worlds.get("default").held["endpoints"]) == 0
    with pytest.raises(KeyError), hearing(sandbox, signing="acme"):
        pass


def test_a_world_that_was_put_back_is_not_heard_in_silence(sandbox: Theatre) -> None:
    """It is said that one has to begin again."""
    with hearing(sandbox) as webhooks:
        sandbox.reset("default")
        for ask in (webhooks.received, webhooks.wait_for, lambda: webhooks.advance("1m")):
            with pytest.raises(LookupError, match="put back or ended since"):
                ask()


@pytest.mark.parametrize(("to", "said"), [("soon", '"soon" is not a duration'), ("2025-05-06", "is not an instant"), ("2020-01-01T00:00:00Z", "does not go back")])
def test_a_time_that_cannot_be_is_said(sandbox: Theatre, to: str, said: str) -> None:
    """None, or a past one."""
    with hearing(sandbox) as webhooks, pytest.raises(ValueError, match=said):
        webhooks.advance(to)
