"""Worked examples that are about time and pages: the grace of an invoice (N21) and the pages of a list (N23)."""

from __future__ import annotations

from support.asgi import Client


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
