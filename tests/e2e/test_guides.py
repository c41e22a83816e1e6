"""The vendor's five pages, call by call over real HTTP, against a stand-in started as a user starts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.guides import CLONE, FIRST_REQUEST, QUERIES, TUTORIAL, Step, usage
from support.served import Served, served

NOW = "2025-05-06T10:30:00Z"
EUR = "EUR"


@pytest.fixture
def sandbox() -> Iterator[Served]:
    """`understudy serve --now 2025-05-06T10:30:00Z`."""
    with served("--now", NOW) as running:
        yield running


def walk(sandbox: Served, steps: tuple[Step, ...]) -> dict[str, str]:
    """Make the calls; every answer has the status and the fields the guide shows."""
    ids: dict[str, str] = {}
    for step in steps:
        method, target = step.target(ids)
        status, headers, answer = sandbox(method, target, step.body(ids) if step.body else None)
        assert status == step.status, (step.call, answer)
        assert headers["x-request-id"].startswith("reqr_")
        for name, value in step.shows.items():
            assert answer[name] == value, (step.call, name, answer)
        if step.save:
            ids[step.save] = answer["id"]
    return ids


def invoices(sandbox: Served) -> list[dict[str, Any]]:
    """The guide's last call: the customer's invoices."""
    status, _, answer = sandbox("GET", "/v1/invoices?customer_reference=acme-001")
    assert status == 200, answer
    data: list[dict[str, Any]] = answer["data"]
    return data


def test_first_request_guide_creates_finds_and_activates_a_customer(sandbox: Served) -> None:
    """Send your first API request: an empty list, a draft, found by its reference, active; without a key 401."""
    walk(sandbox, FIRST_REQUEST)
    status, _, page = sandbox("GET", "/v1/customers?reference=superstore-001")
    assert [one["status"] for one in page["data"]] == ["ACTIVE"]
    assert page["data"][0]["organization"]["tax_id"] == "368807022"
    status, _, refused = sandbox("GET", "/v1/customers", headers={"X-API-KEY": ""})
    assert (status, refused["code"]) == (401, "UNAUTHORISED")


def test_tutorial_ends_with_the_documented_invoice(sandbox: Served) -> None:
    """Configure your first meters and prices: one DRAFT invoice of 2.50 EUR, exactly as the page prints it."""
    walk(sandbox, TUTORIAL)
    (invoice,) = invoices(sandbox)
    assert invoice["id"].startswith("inv_")
    assert invoice["status"] == "DRAFT"
    assert invoice["customer_reference"] == "acme-001"
    assert invoice["billing_period_start"] == "2025-05-06T00:00:00Z"
    assert invoice["billing_period_end"] == "2025-06-06T00:00:00Z"
    assert invoice["total_amount"] == {"quantity": "2.50", "currency": EUR}
    (line,) = invoice["line_items"]
    shown = {"product_item_reference": "reimbursed_amount", "description": "Registered employees – by country", "quantity": "5",
             "unit_price": {"quantity": "0.50", "currency": EUR}, "total": {"quantity": "2.50", "currency": EUR}}
    assert {name: line[name] for name in shown} == shown


def test_usage_events_are_added_to_the_draft_and_counted_once(sandbox: Served) -> None:
    """A further event of 3 makes 4.00 EUR; the same reference again changes nothing."""
    walk(sandbox, TUTORIAL)
    for _ in range(2):
        status, _, answer = sandbox("POST", "/v1/ingest/meter-data", usage("evt_20250506_002", "3"))
        assert status == 201, answer
        assert invoices(sandbox)[0]["total_amount"] == {"quantity": "4.00", "currency": EUR}


def test_invoice_is_final_after_period_and_grace_and_the_next_draft_is_open(sandbox: Served) -> None:
    """At the period's end the next draft opens; 8 hours later the first invoice is FINAL and takes no more usage."""
    walk(sandbox, TUTORIAL)
    sandbox("POST", "/_understudy/clock", {"now": "2025-06-06T07:59:59Z"})
    assert sorted(one["status"] for one in invoices(sandbox)) == ["DRAFT", "DRAFT"]
    status, _, turned = sandbox("POST", "/_understudy/clock", {"now": "2025-06-06T08:00:00Z"})
    assert status == 200
    assert "INVOICE.STATUS_TO_FINAL" in [event for due in turned["due"] for event in due["events"]]
    by_status = {one["status"]: one for one in invoices(sandbox)}
    assert by_status["FINAL"]["total_amount"] == {"quantity": "2.50", "currency": EUR}
    assert by_status["FINAL"]["invoice_number"]
    assert by_status["DRAFT"]["billing_period_start"] == "2025-06-06T00:00:00Z"
    assert len(by_status) == 2


def test_version_is_locked_once_active_and_can_be_cloned(sandbox: Served) -> None:
    """An active version refuses changes to itself and its pricings; a copy of it starts as a draft with the same pricings."""
    ids = walk(sandbox, TUTORIAL)
    status, _, refused = sandbox("PATCH", f"/v1/pricings/{ids['pricing']}", {"name": "Other"})
    assert (status, refused["code"]) == (409, "INVALID_OPERATION")
    clone = walk_one(sandbox, CLONE, ids)
    assert clone["status"] == "DRAFT"
    _, _, version = sandbox("GET", f"/v1/pricing-plan-versions/{clone['id']}")
    names = {pricing["name"] for category in version["pricing_categories"] for pricing in category["pricings"]}
    assert names == {"Receipt scanning – per receipt", "Registered employees – by country"}


def walk_one(sandbox: Served, step: Step, ids: dict[str, str]) -> dict[str, Any]:
    """One call after others."""
    method, target = step.target(ids)
    status, _, answer = sandbox(method, target, step.body(ids) if step.body else None)
    assert status == step.status, answer
    result: dict[str, Any] = answer
    return result


@pytest.mark.parametrize("target", QUERIES)
def test_query_parameter_page_calls_are_answered(sandbox: Served, target: str) -> None:
    """Query Parameters: the three requests the page shows, as they are written there."""
    status, _, page = sandbox("GET", target)
    assert status == 200, page
    assert set(page) == {"data", "page", "limit", "total_number_of_pages", "links"}


def test_links_repeat_the_request_and_are_null_where_there_is_no_page(sandbox: Served) -> None:
    """Pages of two among eight: the links of page 2 are those the page prints, on this host."""
    for number in range(8):
        sandbox("POST", "/v1/customers", {"reference": f"customer-{number}", "type": "ORGANIZATION", "email": "a@example.com",
                                          "organization": {"legal_name": f"Customer {number}"}})
    _, _, page = sandbox("GET", "/v1/customers?page=2&limit=2")
    base = f"{sandbox.base}/v1/customers"
    assert page["total_number_of_pages"] == 4
    assert page["links"] == {"first": f"{base}?page=1&limit=2", "previous": f"{base}?page=1&limit=2",
                             "current": f"{base}?page=2&limit=2", "next": f"{base}?page=3&limit=2"}
    assert [one["reference"] for one in page["data"]] == ["customer-5", "customer-4"]
    _, _, first = sandbox("GET", "/v1/customers?limit=2")
    assert first["links"]["previous"] is None
    _, _, last = sandbox("GET", "/v1/customers?page=4&limit=2")
    assert last["links"]["next"] is None
