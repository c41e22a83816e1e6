"""A year of the fixture `saas`, invoice by invoice, against the naive reckoning of `naive.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from solvimon.naive import Subscriber, Use, invoice, months, use_of
from solvimon.standards import breaches
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.stage import Request

HEADERS = ((b"x-api-key", b"key"), (b"content-type", b"application/json"))
END = datetime(2026, 1, 10, tzinfo=UTC)
ENDED = {
    "olivarte": "2025-02-01T00:00:00+01:00", "solrente": "2025-02-01T00:00:00+00:00", "tuihome": "2025-02-14T09:30:00+00:00",
    "kasseikoerier": "2025-07-01T00:00:00+02:00",
}
"""The cancellations that the fixture tells of."""


class Company:
    """The fixture's world and calls to it."""

    def __init__(self) -> None:
        self.sandbox: Theatre = open_theatre(Options(fixture="saas"))
        self.world = self.sandbox.worlds.get("default")

    def __call__(self, method: str, target: str, body: Any = None) -> Any:
        path, _, query = target.partition("?")
        data = b"" if body is None else json.dumps(body).encode()
        reply = self.sandbox.answer(Request(method, path, query.encode(), HEADERS, data, dict(HEADERS)))
        assert reply.status < 300, (target, reply.body)
        return json.loads(reply.body)

    def document(self, target: str) -> bytes:
        """What is answered that is no JSON."""
        reply = self.sandbox.answer(Request("GET", target, b"", HEADERS, b"", dict(HEADERS)))
        assert reply.status == 200 and isinstance(reply.body, bytes), (target, reply.body)
        return reply.body

    def every(self, target: str) -> Iterator[dict[str, Any]]:
        """All records of a list, page by page."""
        page, pages = 1, 1
        while page <= pages:
            answer = self("GET", f"{target}{'&' if '?' in target else '?'}page={page}&limit=50")
            pages = answer.get("total_number_of_pages", 1)
            yield from answer["data"]
            page += 1

    def turn(self, to: datetime) -> None:
        """Turn the clock."""
        self.sandbox.stage.advance(self.world, to)


@pytest.fixture(scope="module")
def company() -> Company:
    """The company, with usage of every week from March to December, and the clock in the next January."""
    call = Company()
    customers = [row["customer_reference"] for row in call.every("/v1/pricing-plan-subscriptions") if row["status"] in ("ACTIVE", "DRAFT", "CANCELLED")]
    for month in range(3, 13):
        for week, day in enumerate((7, 14, 21, 26)):
            at = datetime(2025, month, day, 12, tzinfo=UTC)
            call.turn(at)
            rows = [row for place, customer in enumerate(sorted(customers)) for row in weekly(customer, place, month, week, at)]
            for first in range(0, len(rows), 50):
                call("POST", "/v1/events/ingest-batch", {"meter_datas": rows[first:first + 50]})
    call.turn(END)
    return call


def weekly(customer: str, place: int, month: int, week: int, at: datetime) -> Iterator[dict[str, Any]]:
    """A customer's usage of one week: different for each, the same in each run."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    base = {"customer_reference": customer, "timestamp": stamp}
    for operation, workspace, number in (("VERIFY", "shop", 97 * place + 31 * month + 11 * week), ("ROUTE", "web", 13 * place * month + week),
                                         ("GEOCODE", f"team-{(place + month) % 3}", 1000 * place + 500 * week)):
        yield {**base, "meter_reference": "api_calls", "reference": f"{customer}-{operation}-{month}-{week}",
               "meter_values": [{"reference": "calls", "number": str(number)}],
               "meter_properties": [{"reference": "operation", "value": operation}, {"reference": "workspace", "value": workspace}]}
    yield {**base, "meter_reference": "map_storage", "reference": f"{customer}-storage-{month}-{week}",
           "meter_values": [{"reference": "stored_gb", "number": f"{place * 20 + month + week}.5"}]}


def subscribers(call: Company) -> list[Subscriber]:
    """Who is billed in that year, read from the records; a void subscription and one never begun are not."""
    zones = {row["id"]: (row["reference"], row["timezone"]) for row in call.every("/v1/customers")}
    plans = {row["id"]: row["reference"] for row in call.every("/v1/pricing-plans")}
    entities = {row["id"]: row for row in call.every("/v1/billing-entities")}
    found = []
    for row in call.every("/v1/pricing-plan-subscriptions"):
        reference, zone = zones[row["customer_id"]]
        if reference in ("cafeipe", "papirovna"):
            continue
        schedule = row["pricing_plan_schedule_infos"][0]
        country = entities[row["billing_entity_id"]]["registered_address"]["country"]
        end = datetime.fromisoformat(ENDED[reference]) if reference in ENDED else None
        found.append(Subscriber(
            reference, plans[schedule["pricing_plan_id"]], zone, datetime.fromisoformat(schedule["start_at"].replace("Z", "+00:00")), end,
            row["billing_currency"], row.get("sales_tax_percentage") or ("21" if country == "NL" else "0"),
            20 if reference == "kestrelpine" else 5, row["billing_time"] == "CALENDAR"))
    return found


def uses(call: Company) -> list[Use]:
    """Every usage event that was sent."""
    meters = {row["id"]: row["reference"] for row in call("GET", "/v1/meters")["data"]}
    return [use_of(row, meters) for row in call.every("/v1/events?order_direction=asc")]


def test_every_invoice_of_a_year_is_what_the_naive_reckoning_says(company: Company) -> None:
    """Twenty-two subscribers, three plans, five currencies, the calendar and the day of the start: each total, to the cent."""
    events = uses(company)
    expected: dict[tuple[str, str], Decimal] = {}
    for who in subscribers(company):
        for number, (start, end, part) in enumerate(months(who, END)):
            stamp = start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            expected[who.customer, stamp] = invoice(who, events, start, end, part, number == 0)
    billed = {
        (row["customer_reference"], row["billing_period_start"]): Decimal(row["total_amount"]["quantity"])
        for row in company.every("/v1/invoices") if row["type"] == "STANDARD" and row["customer_reference"] != "cafeipe"
    }
    assert len(expected) > 200
    assert billed == expected


def test_all_invoices_of_the_year_are_final_but_those_that_run_or_are_held(company: Company) -> None:
    """One is held by hand since February; the month of January 2026 is open."""
    states: dict[str, int] = {}
    for row in company.every("/v1/invoices"):
        if row["type"] == "STANDARD" and row["billing_period_end"] <= "2026-01-09T00:00:00Z":
            states[row["status"]] = states.get(row["status"], 0) + 1
    assert states.pop("FINAL") > 180
    assert states == {"DRAFT": 1, "VOID": 1}


def test_every_invoice_of_the_year_is_a_valid_ubl_document(company: Company) -> None:
    """In every currency and state, by the schemas that OASIS published."""
    invoices = [row["id"] for row in company.every("/v1/invoices")]
    assert len(invoices) > 200
    assert [(id, found) for id in invoices if (found := breaches(company.document(f"/v1/invoices/{id}/ubl21")))] == []
