"""The world's clock and the control plane around it."""

from __future__ import annotations

from typing import Any

import pytest

from support.asgi import Client


def turn(call: Client, **body: Any) -> Any:
    """Turn the clock."""
    return call.post("/_understudy/clock", body)


def test_a_frozen_clock_stands_until_it_is_turned(call: Client) -> None:
    """Instants and durations, months by the calendar."""
    assert call.get("/_understudy/clock").json["now"] == "2025-05-06T10:30:00Z"
    assert turn(call, advance="P1M").json["now"] == "2025-06-06T10:30:00Z"
    assert turn(call, now="2025-06-30T23:00:00+02:00").json["now"] == "2025-06-30T21:00:00Z"
    assert turn(call, advance="P1M").json["now"] == "2025-07-30T21:00:00Z"
    assert turn(call, advance="2h").json["now"] == "2025-07-30T23:00:00Z"


@pytest.mark.parametrize("body", [
    {}, {"advance": "P1M", "now": "2026-01-01T00:00:00Z"}, {"advance": "a month"}, {"advance": 5}, {"advance": "P99999999999Y"}, {"advance": "P9000Y"},
    {"now": "2020-01-01T00:00:00Z"}, {"now": "tomorrow"}, {"now": "2025-05-07"}, {"mode": "fast"}, {"speed": 2}, {"advance": "-P1D"},
])
def test_a_turn_that_makes_no_sense_is_a_problem_that_says_what_would_be_right(call: Client, body: Any) -> None:
    """400 problem details; the clock does not move and does not go back."""
    answer = call.post("/_understudy/clock", body)
    assert answer.status == 400, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json["detail"]) > 10
    assert call.get("/_understudy/clock").json["now"] == "2025-05-06T10:30:00Z"


def test_reset_puts_records_clock_and_ids_back(call: Client) -> None:
    """The same calls after a reset give the same bytes."""
    body = {"reference": "a", "name": "A", "type": "NUMBER"}
    first = call.post("/v1/meter-values", body)
    turn(call, advance="P1D")
    assert call.post("/_understudy/reset").json["now"] == "2025-05-06T10:30:00Z"
    assert call.get("/v1/meter-values").json["data"] == []
    again = call.post("/v1/meter-values", body)
    assert again.body == first.body


def test_worlds_do_not_see_each_other(call: Client) -> None:
    """By header and by path prefix; links keep the prefix."""
    body = {"reference": "a", "type": "ORGANIZATION", "organization": {"legal_name": "A"}}
    made = call.post("/v1/customers", body, headers={"Understudy-World": "one"}).json
    assert call.get(f"/v1/customers/{made['id']}").status == 404
    assert call.get(f"/_world/one/v1/customers/{made['id']}").json == made
    page = call.get("/_world/one/v1/customers").json
    assert page["links"]["current"] == "http://localhost/_world/one/v1/customers?page=1"


def test_the_request_log_says_why_each_was_answered_so(call: Client) -> None:
    """Refusals carry kind, message and place; good answers what they did."""
    call.get("/v1/customers/none")
    call.post("/v1/meter-values", {"reference": "a", "name": "A", "type": "NUMBER"})
    log = call.get("/_understudy/requests").json["requests"]
    assert log[-2]["reason"] == 'unknown_record: the requested customer "none" could not be found'
    assert log[-1]["reason"].startswith("meter_value metv_")
    assert [entry["status"] for entry in log[-2:]] == [404, 201]


def test_events_are_recorded_in_order_and_none_for_a_refused_request(call: Client) -> None:
    """CREATED, UPDATED, STATUS_TO_…; the type can be asked for with a star."""
    call.post("/v1/meter-values", {"reference": "a", "name": "A", "type": "NUMBER"})
    call.patch("/v1/meter-values/a", {"status": "ACTIVE"})
    call.patch("/v1/meter-values/a", {"status": "DRAFT"})
    events = call.get("/_understudy/events?type=METER_VALUE.*").json["events"]
    assert [event["type"] for event in events] == ["METER_VALUE.CREATED", "METER_VALUE.UPDATED", "METER_VALUE.STATUS_TO_ACTIVE"]


def test_the_control_plane_refuses_pages_of_other_origins_and_foreign_hosts(call: Client) -> None:
    """Origin and Host are checked; a script of a hostile page cannot reset anything."""
    assert call.post("/_understudy/reset", headers={"Origin": "https://evil.example"}).status == 403
    assert call.get("/_understudy/health", headers={"Host": "evil.example"}).status == 403
    assert call.get("/_understudy/health", headers={"Host": "localhost:4010"}).status == 200


def test_an_unknown_control_call_lists_those_there_are(call: Client) -> None:
    """404 and 405 with what would be right."""
    assert "/_understudy/clock" in call.get("/_understudy/nothing").json["detail"]
    assert call.get("/_understudy/reset").headers["allow"] == "POST"
