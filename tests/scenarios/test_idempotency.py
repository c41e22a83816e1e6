"""The idempotency key as documented: 48 hours on the world's clock, replayed, bound to its request, freed by a 400."""

from __future__ import annotations

import asyncio
from typing import Any

from support.asgi import Client

KEY = {"Idempotency-Key": "0001"}
VALUE = {"reference": "calls", "name": "Calls", "type": "NUMBER"}


def test_the_same_request_again_answers_as_the_first_and_does_nothing(call: Client) -> None:
    """One record; the second answer has the same status and body and says that it is a replay."""
    first = call.post("/v1/meter-values", VALUE, headers=KEY)
    again = call.post("/v1/meter-values", VALUE, headers=KEY)
    assert (first.status, first.body) == (again.status, again.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len(call.get("/v1/meter-values").json["data"]) == 1


def test_another_body_under_the_same_key_is_a_conflict(call: Client) -> None:
    """409 IDEMPOTENCY_CHECK_FAILED, and nothing is made."""
    call.post("/v1/meter-values", VALUE, headers=KEY)
    other = call.post("/v1/meter-values", {**VALUE, "reference": "other"}, headers=KEY)
    assert (other.status, other.json["code"]) == (409, "IDEMPOTENCY_CHECK_FAILED")
    assert call.get("/v1/meter-values/other").status == 404


def test_a_400_does_not_pin_the_key(call: Client) -> None:
    """The corrected body may use the same key."""
    assert call.post("/v1/meter-values", {**VALUE, "type": "WORD"}, headers=KEY).status == 400
    assert call.post("/v1/meter-values", VALUE, headers=KEY).status == 201


def test_a_409_is_replayed_like_any_answer(call: Client) -> None:
    """Only a 400 frees the key."""
    call.post("/v1/meter-values", VALUE)
    first = call.post("/v1/meter-values", VALUE, headers=KEY)
    assert first.status == 409
    assert call.post("/v1/meter-values", VALUE, headers=KEY).headers["idempotent-replayed"] == "true"


def test_the_key_is_forgotten_after_48_hours_on_the_worlds_clock(call: Client) -> None:
    """A second before it is replayed; at 48 hours it is a new request."""
    call.post("/v1/meter-values", VALUE, headers=KEY)
    call.post("/_understudy/clock", {"now": "2025-05-08T10:29:59Z"})
    assert call.post("/v1/meter-values", VALUE, headers=KEY).status == 201
    call.post("/_understudy/clock", {"advance": "1s"})
    assert call.post("/v1/meter-values", VALUE, headers=KEY).json["code"] == "RESOURCE_ALREADY_EXISTS"


def test_usage_events_take_no_key(call: Client) -> None:
    """Ingestion is deduplicated by the event's own reference instead."""
    event = {"meter_reference": "none", "customer_reference": "none", "reference": "event-0000001", "meter_values": [{"reference": "x", "number": "1"}]}
    assert "idempotent-replayed" not in call.post("/v1/ingest/meter-data", event, headers=KEY).headers
    assert "idempotent-replayed" not in call.post("/v1/ingest/meter-data", event, headers=KEY).headers


def test_a_second_request_while_the_first_is_still_coming_in_is_422(call: Client) -> None:
    """The key is taken from the moment the first request's head arrives until it is answered."""
    statuses = asyncio.run(_overlapping(call.app))
    assert statuses == [422, 201]


async def _overlapping(app: Any) -> list[int]:
    """Start a request, send a second one whole, then finish the first."""
    finish = asyncio.Event()
    statuses: list[int] = []
    headers = [(b"host", b"localhost"), (b"x-api-key", b"k"), (b"idempotency-key", b"slow"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/meter-values", "raw_path": b"/v1/meter-values", "query_string": b"",
             "scheme": "http", "server": ("localhost", 80), "headers": headers}
    body = b'{"reference": "slow", "name": "Slow", "type": "NUMBER"}'

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def slowly() -> dict[str, Any]:
        await finish.wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def at_once() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    first = asyncio.create_task(app(dict(scope), slowly, send))
    await asyncio.sleep(0)
    await app(dict(scope), at_once, send)
    finish.set()
    await first
    return statuses
