"""The control plane's calls about webhooks, against a receiver on loopback."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.receiving import Receiver, answering, receiver
from support.telling import Control, play
from understudy.theatre import Options, Theatre, open_theatre
from understudy.webhooks.signing import PROFILES, verify

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
HOOK = {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}, "responses": {"200": {"description": "ok"}}}}
SPEC: dict[str, Any] = {
    "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
    "paths": {
        "/things": {
            "get": {"responses": {"200": {"description": "all", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}}}},
            "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                     "responses": {"201": {"description": "made", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}},
        },
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"responses": {"200": {"description": "one", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}},
            "delete": {"responses": {"204": {"description": "gone"}}},
        },
    },
    "webhooks": {"thing.created": HOOK, "thing.deleted": HOOK},
    "components": {"schemas": {"Thing": {"type": "object", "required": ["name"], "properties": {
        "id": {"type": "string", "readOnly": True}, "name": {"type": "string"}, "size": {"type": "integer", "maximum": 10}}}}},
}  # fmt: skip


@pytest.fixture
def sandbox(tmp_path: Path) -> Theatre:
    """A document with two webhooks and no behaviour file."""
    path = tmp_path / "things.json"
    path.write_bytes(orjson.dumps(SPEC))
    return open_theatre(Options(spec=str(path), now=NOW))


def test_an_endpoint_is_added_told_and_removed(sandbox: Theatre) -> None:
    """Records made through the API are told as the document's webhooks have it, signed by a secret shown once."""

    async def story(call: Control, one: Receiver) -> None:
        made = await call.control("POST", "/endpoints", {"url": one.url, "types": ["thing.*"], "description": "mine"})
        assert made["secret"].startswith("whsec_")
        thing = await call("POST", "/things", {"name": "a"})
        await call("DELETE", f"/things/{thing['id']}", status=204)
        await call.rest()
        assert [got.json for got in one.received] == [thing, thing]
        for got in one.received:
            verify(PROFILES["standard-webhooks"], [made["secret"]], got.headers, got.body, datetime.now(UTC))
        listed = (await call.control("GET", "/endpoints"))["endpoints"]
        assert [(row["id"], row["url"], row["types"], "secret" in row) for row in listed] == [(made["id"], one.url, ["thing.*"], False)]
        await call.control("DELETE", f"/endpoints/{made['id']}")
        await call("POST", "/things", {"name": "b"})
        await call.rest()
        assert len(one.received) == 2
        await call.control("DELETE", f"/endpoints/{made['id']}", status=404)

    play(sandbox, story)


def test_an_event_of_ones_own_is_checked_against_the_document(sandbox: Theatre) -> None:
    """Its data lies over the document's example; an event no webhook describes is told as it is given."""

    async def story(call: Control, one: Receiver) -> None:
        await call.control("POST", "/endpoints", {"url": one.url, "signing": "none"})
        made = await call.control("POST", "/events", {"type": "thing.created", "data": {"size": 3}})
        assert made["data"]["size"] == 3
        assert [row["type"] for row in made["deliveries"]] == ["thing.created"]
        wrong = await call.control("POST", "/events", {"type": "thing.created", "data": {"size": 30}}, status=400)
        assert "size" in wrong["detail"]
        await call.control("POST", "/events", {"type": "other", "data": {"any": ["thing"]}})
        await call.rest()
        assert one.received[0].json["size"] == 3
        assert one.received[1].json == {"any": ["thing"]}
        assert [row["type"] for row in (await call.control("GET", "/events?type=other"))["events"]] == ["other"]
        await call.control("POST", "/events", {"data": {}}, status=400)

    play(sandbox, story)


def test_deliveries_are_listed_shown_and_sent_again(sandbox: Theatre) -> None:
    """With each attempt, the payload and its headers; to the endpoint or elsewhere."""

    async def story(call: Control, one: Receiver) -> None:
        await call.control("POST", "/endpoints", {"url": one.url})
        for name in "ab":
            await call("POST", "/things", {"name": name})
        await call.rest()
        first, second = (await call.control("GET", "/deliveries?type=thing.*"))["deliveries"]
        assert (first["state"], first["attempts"][0]["status"], first["attempts"][0]["response"]) == ("failing", 500, "no")
        assert (second["state"], second["next_attempt_at"]) == ("delivered", None)
        assert [row["id"] for row in (await call.control("GET", "/deliveries?state=failing"))["deliveries"]] == [first["id"]]
        assert [row["id"] for row in (await call.control("GET", f"/deliveries?after={first['id']}"))["deliveries"]] == [second["id"]]
        whole = await call.control("GET", f"/deliveries/{first['id']}")
        assert orjson.loads(whole["body"])["name"] == "a"
        assert whole["headers"]["webhook-id"] == first["id"]
        async with receiver(answering(418)) as other:
            elsewhere = await call.control("POST", f"/deliveries/{first['id']}/resend", {"to": other.url})
            assert (elsewhere["state"], elsewhere["attempts"][-1]["url"], elsewhere["attempts"][-1]["status"]) == ("failing", other.url, 418)
        again = await call.control("POST", f"/deliveries/{first['id']}/resend")
        assert (again["state"], again["next_attempt_at"], again["attempts"][-1]["why"]) == ("delivered", None, "resend")
        assert one.received[-1].headers["webhook-id"] == first["id"]

    play(sandbox, story, answering(500, b"no"))


def test_a_series_is_replayed_with_a_verdict_for_each(sandbox: Theatre) -> None:
    """Against the attempt before; what is signed too long ago is to be refused."""

    async def story(call: Control, one: Receiver) -> None:
        await call.control("POST", "/endpoints", {"url": one.url})
        for name in "abc":
            await call("POST", "/things", {"name": name})
        await call.rest()
        ids = [row["id"] for row in (await call.control("GET", "/deliveries"))["deliveries"]]
        answer = await call.control("POST", "/deliveries/replay", {"since": "2025-05-06T10:30:00Z"})
        assert [(row["id"], row["verdict"]) for row in answer["replayed"]] == list(zip(ids, ["fixed", "regressed", "still passing"], strict=True))
        assert answer["verdicts"] == {"fixed": 1, "regressed": 1, "still passing": 1}
        doubled = await call.control("POST", "/deliveries/replay", {"ids": ids[:1], "duplicate": 1})
        assert [row["again"] for row in doubled["replayed"]] == [False, True]
        stale = await call.control("POST", "/deliveries/replay", {"ids": ids[:1], "stale_signature": True})
        assert stale["replayed"][0]["verdict"] == "regressed"
        assert (await call.control("POST", "/deliveries/replay", {"ids": ids, "drop": 1}))["dropped"] == 3
        for wrong in ({}, {"ids": ids, "since": "x"}, {"since": "soon"}, {"ids": ids, "duplicate": 2}, {"ids": "a"}, {"ids": ids, "seed": "s"}, {"ids": ids, "to": "ftp://x"}):
            await call.control("POST", "/deliveries/replay", wrong, status=400)

    play(sandbox, story, answering(500), answering(200), answering(200), answering(200), answering(500))


def test_turning_the_clock_tells_each_attempt(sandbox: Theatre) -> None:
    """In the same list as the timers, in order; by the schedule of the Standard Webhooks specification where none is declared."""

    async def story(call: Control, one: Receiver) -> None:
        await call.control("POST", "/endpoints", {"url": one.url})
        await call("POST", "/things", {"name": "a"})
        await call.rest()
        clock = await call.control("GET", "/clock")
        assert clock["next_delivery"] == "2025-05-06T10:30:05Z"
        turned = await call.control("POST", "/clock", {"advance": "PT10M"})
        assert [(row["at"], row["state"], row["attempt"], row["status"]) for row in turned["due"]] == [
            ("2025-05-06T10:30:05Z", "failing", 2, 500), ("2025-05-06T10:35:05Z", "delivered", 3, 200)]
        assert "next_delivery" not in turned

    play(sandbox, story, answering(500), answering(500))


@pytest.mark.parametrize(("body", "said"), [
    ({}, "say {"), ({"url": 5}, "say {"), ({"url": "ftp://localhost/"}, "http"), ({"url": "http://user:pw@localhost/"}, "user name"),
    ({"url": "http://example.com/"}, "--allow-host example.com"), ({"url": "http://10.0.0.1/"}, "--allow-host 10.0.0.1"),
    ({"url": "http://localhost/", "types": "a"}, "types: must be a list"), ({"url": "http://localhost/", "signing": "x"}, 'called "x"'),
    ({"url": "http://localhost/", "secret": ""}, "secret"), ({"url": "http://localhost/", "colour": 1}, "unknown: colour"),
])  # fmt: skip
def test_an_endpoint_that_cannot_be_is_refused_with_what_would_be_right(sandbox: Theatre, body: Any, said: str) -> None:
    """Nothing is kept of it."""

    async def story(call: Control, one: Receiver) -> None:
        assert said in (await call.control("POST", "/endpoints", body, status=400))["detail"]
        assert (await call.control("GET", "/endpoints"))["endpoints"] == []

    play(sandbox, story)
