"""Worked examples that are about time and pages: the grace of an invoice (N21), a webhook's attempts (N22), the pages of a list (N23)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from solvimon.bench import behaviour
from support.asgi import Client
from understudy.webhooks.retrying import Attempt, Delivery, attempted, given_up
from understudy.webhooks.rules import rules_of


def test_an_invoice_is_final_eight_hours_after_its_period_or_its_hold(call: Client) -> None:
    """N21: DRAFT at T, FINAL at T + 8 h; a hold lifted at H makes it FINAL at H + 8 h."""
    call.post("/_understudy/reset", {"fixture": "tutorial"})
    (invoice,) = call.get("/v1/invoices").json["data"]
    path = f"/v1/invoices/{invoice['id']}"

    def at(now: str) -> str:
        call.post("/_understudy/clock", {"now": now})
        return str(call.get(path).json["status"])

    assert at("2025-06-06T07:59:59Z") == "DRAFT"
    call.patch(path, {"on_hold": True})
    assert at("2025-06-10T00:00:00Z") == "DRAFT"
    call.patch(path, {"on_hold": False})
    assert at("2025-06-10T07:59:59Z") == "DRAFT"
    assert at("2025-06-10T08:00:00Z") == "FINAL"


def test_a_webhook_that_fails_is_tried_again_by_the_clock_of_the_bundled_file() -> None:
    """N22: after 2, 4, 8, 16, 32 minutes, 1, 2, 4, 8 hours, then every 8 hours; nothing after seven days."""
    rules, begun = rules_of(behaviour().webhooks), datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
    one, waits = Delivery(1, "msg_1", "e", 1, "INVOICE.PAID", begun, "due", begun), []
    for number in range(40):
        at = one.next_at
        if at is None or given_up(one, rules, at):
            break
        one = attempted(one, Attempt(at, 500, None, 1, "", "retry" if number else "first", None), rules)
        waits.append((one.next_at or at) - at)
    assert waits[:10] == [timedelta(minutes=minutes) for minutes in (2, 4, 8, 16, 32, 60, 120, 240, 480, 480)]
    assert begun + sum(waits, timedelta()) == begun + timedelta(days=7)


def test_eighty_entries_make_pages_of_twenty(call: Client) -> None:
    """N23: page 1 holds 1 to 20, page 2 holds 21 to 40, four pages in all, each linked to the next."""
    for number in range(80):
        call.post("/v1/customers", {"reference": f"c{number:02}", "type": "ORGANIZATION", "organization": {"legal_name": "C"}})
    target = "/v1/customers?limit=20&order_by=reference&order_direction=asc"
    first, second = call.get(f"{target}&page=1").json, call.get(f"{target}&page=2").json
    assert [row["reference"] for row in first["data"]] == [f"c{number:02}" for number in range(20)]
    assert [row["reference"] for row in second["data"]] == [f"c{number:02}" for number in range(20, 40)]
    assert first["total_number_of_pages"] == 4
    assert "page=2" in first["links"]["next"] and "page=1" in second["links"]["previous"]
