"""The sandbox's webhooks: who is told, how it is signed, tried again, tested and sent again; the guide told to a receiver."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.guides import TUTORIAL
from support.receiving import Receiver, answering, receiver
from support.telling import Control, play
from understudy.theatre import Options, Theatre, open_theatre

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)


@pytest.fixture
def sandbox(bundled: Theatre) -> Iterator[Theatre]:
    """The bundled one, put back to its fixture."""
    bundled.reset("default")
    yield bundled
    bundled.post.ring = lambda world: None


async def subscribed(call: Control, one: Receiver, **more: Any) -> Any:
    """A webhook that tells the receiver."""
    return await call("POST", "/v1/webhooks", {"url": one.url, "name": "n", "reference": "my-hooks", **more})


CUSTOMER = {"reference": "globex", "type": "ORGANIZATION", "email": "a@b.example", "organization": {"legal_name": "G"}}


def genuine(secrets: list[str], headers: dict[str, str], body: bytes, now: datetime) -> bool:
    """The documented recipe, as a receiver would write it: HMAC-SHA256 of `{timestamp}.{payload}`, no older than 5 minutes."""
    stamp = headers["x-payload-signature-timestamp"]
    if abs(now - datetime.fromisoformat(stamp)) > timedelta(minutes=5):
        return False
    given = [pair.partition("=")[2].lower() for pair in headers["x-payload-signature"].split(",") if pair.startswith("v1=")]
    return any(hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest() in given for secret in secrets)


def test_a_secret_is_shown_once_and_signs(sandbox: Theatre) -> None:
    """In the answer that makes the webhook; no list, event, record or later answer holds it."""

    async def story(call: Control, one: Receiver) -> None:
        await subscribed(call, one, reference="audit", signing_protocol="HmacSHA256")
        made = await subscribed(call, one)
        secret = made["secret_key"]
        assert len(secret) >= 32
        await call("POST", "/v1/customers", CUSTOMER)
        await call.rest()
        for got in (await call("GET", f"/v1/webhooks/{made['id']}"), await call("GET", "/v1/webhooks"), await call.control("GET", "/events"),
                    await call.control("GET", "/endpoints"), await call("PATCH", f"/v1/webhooks/{made['id']}", {"name": "other"})):
            assert secret.encode() not in orjson.dumps(got)
            assert b"secrets" not in orjson.dumps(got)
        told = [got for got in one.received if genuine([secret], got.headers, got.body, datetime.now(UTC))]
        assert [got.json["type"] for got in told] == ["CUSTOMER.CREATED"]
        payload = told[0].json
        assert (payload["created_at"], payload["environment"], payload["data"]["reference"]) == ("2025-05-06T10:30:00Z", "TEST", "globex")
        assert payload["original_request_id"].startswith("reqr_")

    play(sandbox, story)


def test_a_secret_of_ones_own_is_taken_and_kept_apart(sandbox: Theatre, tmp_path: Path) -> None:
    """Also by an update; and what was put away does not come out after a restart."""

    async def story(call: Control, one: Receiver) -> None:
        made = await subscribed(call, one, secret_key="my-own-secret")
        assert made["secret_key"] == "my-own-secret"
        changed = await call("PATCH", f"/v1/webhooks/{made['id']}", {"secret_key": "another-one"})
        assert changed["secret_key"] == "another-one"
        await call("POST", "/v1/customers", CUSTOMER)
        await call.rest()
        assert genuine(["another-one"], one.received[-1].headers, one.received[-1].body, datetime.now(UTC))
        for path in (f"/v1/webhooks/{made['id']}", "/v1/webhooks"):
            assert b"another" not in orjson.dumps(await call("GET", path))

    async def later(call: Control, one: Receiver) -> None:
        listed = await call("GET", "/v1/webhooks")
        assert [row["reference"] for row in listed["data"]] == ["my-hooks"]
        assert b"secret" not in orjson.dumps(listed)
        assert b"another" not in orjson.dumps(await call("GET", f"/v1/webhooks/{listed['data'][0]['id']}"))

    for part in (story, later):
        opened = open_theatre(Options(now=NOW, data=str(tmp_path / "data")))
        play(opened, part)
        assert opened.folder is not None
        opened.folder.close()


def test_both_secrets_sign_for_a_day_after_a_roll(sandbox: Theatre) -> None:
    """On the world's clock; after it only the new one; a secret taken away signs along for a day, then nothing is signed."""

    async def story(call: Control, one: Receiver) -> None:
        made = await subscribed(call, one, included_actions=["CUSTOMER.CREATED"])
        rolled = await call("PATCH", f"/v1/webhooks/{made['id']}/secret-key", {})
        assert rolled["secret_key"] != made["secret_key"]
        assert (rolled["secret_rolled_at"], rolled["previous_signing_protocol"]) == ("2025-05-06T10:30:00Z", "HmacSHA256")

        async def signed() -> list[str]:
            number = len(one.received)
            await call("POST", "/v1/customers", {**CUSTOMER, "reference": f"c{number}"})
            await call.rest()
            got = one.received[number]
            return [name for name, secret in (("old", made["secret_key"]), ("new", rolled["secret_key"]))
                    if "x-payload-signature" in got.headers and genuine([secret], got.headers, got.body, datetime.now(UTC))]

        assert await signed() == ["old", "new"]
        await call.control("POST", "/clock", {"advance": "PT23H59M59S"})
        assert await signed() == ["old", "new"]
        await call.control("POST", "/clock", {"advance": "PT1S"})
        assert await signed() == ["new"]
        gone = await call("DELETE", f"/v1/webhooks/{made['id']}/secret-key")
        assert "signing_protocol" not in gone
        assert await signed() == ["new"]
        await call.control("POST", "/clock", {"advance": "P1D"})
        assert await signed() == []

    play(sandbox, story)


def test_a_receiver_knows_the_sender_as_it_was_told(sandbox: Theatre) -> None:
    """Basic authentication, a key in a header of one's own or in X-API-KEY, or nothing."""

    async def story(call: Control, one: Receiver) -> None:
        for number, (more, header, value) in enumerate([
            ({"authentication_type": "PASSWORD", "username": "me", "password": "pw"}, "authorization", "Basic bWU6cHc="),
            ({"authentication_type": "API_KEY", "api_header_field": "X-Mine", "api_key": "k1"}, "x-mine", "k1"),
            ({"authentication_type": "API_KEY", "api_key": "k2"}, "x-api-key", "k2"),
            ({"username": "me", "password": "pw"}, "authorization", "Basic bWU6cHc="),
            ({"authentication_type": "NONE", "api_key": "k3"}, "x-api-key", None),
        ]):  # fmt: skip
            made = await subscribed(call, one, included_actions=["CUSTOMER.CREATED"], **more)
            await call("POST", "/v1/customers", {**CUSTOMER, "reference": f"c{number}"})
            await call.rest()
            assert one.received[-1].headers.get(header) == value
            await call("DELETE", f"/v1/webhooks/{made['id']}")

    play(sandbox, story)


def test_included_and_excluded_actions_and_other_names(sandbox: Theatre) -> None:
    """None named: all; an inactive webhook is told nothing; previous data where it is wanted."""

    async def story(call: Control, one: Receiver) -> None:
        made = await subscribed(call, one, excluded_actions=["CUSTOMER.UPDATED"], include_previous_data=True)
        customer = await call("POST", "/v1/customers", CUSTOMER)
        await call("POST", f"/v1/customers/{customer['id']}/activate")
        await call.rest()
        assert one.types() == ["CUSTOMER.CREATED", "CUSTOMER.STATUS_TO_ACTIVE"]
        assert "previous_data" not in one.received[0].json
        assert (one.received[1].json["previous_data"]["status"], one.received[1].json["data"]["status"]) == ("DRAFT", "ACTIVE")
        await call("PATCH", f"/v1/webhooks/{made['id']}", {"active": False})
        await call("PATCH", f"/v1/customers/{customer['id']}", {"email": "c@d.example"})
        await call.rest()
        assert len(one.received) == 2

    play(sandbox, story)


def test_a_webhook_is_tested_before_and_after_it_is_made(sandbox: Theatre) -> None:
    """Signed and with its authentication; what came of it is the answer, and nothing of it is kept."""

    async def story(call: Control, one: Receiver) -> None:
        body = {"url": one.url, "name": "n", "reference": "r", "secret_key": "s3cret", "api_key": "k", "authentication_type": "API_KEY"}
        assert await call("POST", "/v1/webhooks/test-connection", body) == {"successful": True, "message": "it answered 200"}
        assert one.received[0].headers["x-api-key"] == "k"
        assert genuine(["s3cret"], one.received[0].headers, one.received[0].body, datetime.now(UTC))
        assert (await call("GET", "/v1/webhooks"))["data"] == []
        made = await call("POST", "/v1/webhooks", body)
        assert await call("POST", f"/v1/webhooks/{made['id']}/send-test") == {"successful": False, "message": "it answered 503"}
        away = await call("POST", "/v1/webhooks/test-connection", {**body, "url": "https://webhook.site"})
        assert not away["successful"]
        assert "--allow-host webhook.site" in away["message"]
        assert (await call.control("GET", "/deliveries"))["deliveries"] == []

    play(sandbox, story, answering(200), answering(503))


def test_a_failing_webhook_is_in_the_penalty_box_until_it_takes_what_it_is_sent(sandbox: Theatre) -> None:
    """The box tells what is held, how often it was tried, when it is tried next and why; the rest waits behind."""

    async def story(call: Control, one: Receiver) -> None:
        made = await subscribed(call, one, included_actions=["CUSTOMER.CREATED"])
        assert await call("POST", f"/v1/webhooks/{made['id']}/send-penalty-box-payload") == {"successful": False, "message": "nothing is held back for it"}
        for reference in "ab":
            await call("POST", "/v1/customers", {**CUSTOMER, "reference": reference})
        await call.rest()
        await call.control("POST", "/clock", {"advance": "PT2M"})
        boxed = await call("GET", f"/v1/webhooks/{made['id']}")
        data = boxed["penalty_box_data"]
        assert (data["retry_count"], data["retry_at"], data["cause"]) == (2, "2025-05-06T10:36:00Z", "it answered 500")
        assert orjson.loads(data["payload"])["data"]["reference"] == "a"
        waiting = (await call("GET", f"/v1/webhook-events?webhook_id={made['id']}&order_by=created_at&order_direction=asc"))["data"]
        assert [(row["status"], row["attempts"], row.get("response_status")) for row in waiting] == [("PENDING", 2, 500), ("PENDING", 0, None)]
        assert boxed["penalty_box"] == waiting[0]["id"]
        assert await call("POST", f"/v1/webhooks/{made['id']}/send-penalty-box-payload") == {"successful": True, "message": "it answered 200"}
        await call.rest()
        assert [got.json["data"]["reference"] for got in one.received] == ["a", "a", "a", "b"]
        assert "penalty_box" not in await call("GET", f"/v1/webhooks/{made['id']}")
        assert {row["status"] for row in (await call("GET", "/v1/webhook-events?status=SUCCEEDED"))["data"]} == {"SUCCEEDED"}

    play(sandbox, story, answering(500), answering(500))


def test_webhook_events_are_listed_read_and_sent_again(sandbox: Theatre) -> None:
    """As the document has them; sending again is answered when it has been tried."""

    async def story(call: Control, one: Receiver) -> None:
        await subscribed(call, one)
        await call("POST", "/v1/customers", CUSTOMER)
        await call.rest()
        page = await call("GET", "/v1/webhook-events")
        (event,) = page["data"]
        assert event["id"].startswith("whev_")
        assert (event["object_type"], event["type"], event["status"], event["attempts"]) == ("WEBHOOK_EVENT", "CUSTOMER.CREATED", "SUCCEEDED", 1)
        assert event["payload"] == one.received[0].json
        again = await call("POST", f"/v1/webhook-events/{event['id']}/resend")
        assert (again["attempts"], again["status"]) == (2, "SUCCEEDED")
        assert one.received[1].body == one.received[0].body
        assert (await call("GET", f"/v1/webhook-events/{event['id']}"))["attempts"] == 2
        await call("POST", "/v1/webhook-events/whev_nothing/resend", status=404)

    play(sandbox, story)


def test_the_actions_are_those_the_document_describes(sandbox: Theatre) -> None:
    """By kind of record."""

    async def story(call: Control, one: Receiver) -> None:
        listed = {row["object_type"]: row["actions"] for row in (await call("GET", "/v1/webhooks/actions"))["data"]}
        assert {"INVOICE.CREATED", "INVOICE.STATUS_TO_FINAL", "INVOICE.PAID"} <= set(listed["INVOICE"])
        assert listed["METER_VALUE"][0] == "METER_VALUE.CREATED"

    play(sandbox, story)


def test_the_guide_is_told_to_a_receiver_event_by_event(sandbox: Theatre) -> None:
    """From METER_VALUE.CREATED to INVOICE.STATUS_TO_FINAL: each once, in order, genuine by the documented recipe; the end also as invoice.finalized."""

    async def story(call: Control, one: Receiver) -> None:
        made = await subscribed(call, one)
        async with receiver() as other:
            await subscribed(call, other, reference="final", included_actions=["invoice.finalized"])
            first = len((await call.control("GET", "/events"))["events"])
            ids: dict[str, str] = {}
            for step in TUTORIAL:
                method, target = step.target(ids)
                answer = await call(method, target, step.body(ids) if step.body else None, status=step.status)
                if step.save:
                    ids[step.save] = answer["id"]
            await call.control("POST", "/clock", {"advance": "P1M"})
            recorded = (await call.control("GET", f"/events?after={first}"))["events"]
            own = [got for got in one.received if got.json["type"] != "WEBHOOK.CREATED"]
            assert [got.json["type"] for got in own] == [event["type"] for event in recorded]
            assert [got.json["data"] for got in own] == [event["data"] for event in recorded]
            assert (own[0].json["type"], own[-1].json["type"]) == ("METER_VALUE.CREATED", "INVOICE.STATUS_TO_FINAL")
            assert own[-1].json["data"]["total_amount"] == {"quantity": "2.50", "currency": "EUR"}
            assert own[-1].json["created_at"] == "2025-06-06T08:00:00Z"
            assert all(genuine([made["secret_key"]], got.headers, got.body, datetime.now(UTC)) for got in own)
            assert len({got.headers["understudy-delivery"] for got in own}) == len(own)
            assert [(got.json["type"], got.json["data"]["status"]) for got in other.received] == [("invoice.finalized", "FINAL")]

    play(sandbox, story)
