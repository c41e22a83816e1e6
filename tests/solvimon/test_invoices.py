"""Invoices by hand: held, finalised, locked, paid, credited, made alone."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.worlds import amount, event
from understudy.problems import Problem


def world(**settings: Any) -> tuple[Bench, Record]:
    """The guide's world with its invoice of 2.50 EUR."""
    bench = Bench(**settings)
    worlds.tutorial(bench)
    bench.call("ingest", event("evt_20250506_001"))
    return bench, bench.all("invoice")[0]


def final(**settings: Any) -> tuple[Bench, Record]:
    """The same, FINAL."""
    bench, invoice = world(**settings)
    bench.call("update_invoice", {"status": "FINAL"}, invoice)
    return bench, bench.all("invoice")[0]


def status(bench: Bench, id: str) -> str:
    """An invoice's state as it is kept."""
    return str(bench.read("invoice", id)["status"])


# --- the clock and the hold -------------------------------------------------------------------------------------------


def test_a_hold_stops_the_grace_and_lifting_it_starts_eight_hours_again() -> None:
    """N21: hold removed at H, FINAL at H + 8 h."""
    bench, invoice = world()
    bench.advance("2025-06-06T07:00:00Z")
    bench.call("update_invoice", {"on_hold": True}, invoice)
    bench.advance("2025-06-20T00:00:00Z")
    assert status(bench, invoice["id"]) == "DRAFT"
    bench.call("update_invoice", {"on_hold": False}, invoice)
    bench.advance("2025-06-20T07:59:59Z")
    assert status(bench, invoice["id"]) == "DRAFT"
    bench.advance("2025-06-20T08:00:00Z")
    assert status(bench, invoice["id"]) == "FINAL"


def test_a_hold_within_the_period_delays_nothing_once_lifted_in_time() -> None:
    """The grace begins at the end of the period."""
    bench, invoice = world()
    bench.call("update_invoice", {"on_hold": True}, invoice)
    bench.call("update_invoice", {"on_hold": False}, invoice)
    bench.advance("2025-06-06T08:00:00Z")
    assert status(bench, invoice["id"]) == "FINAL"


def test_the_grace_is_as_long_as_it_is_set() -> None:
    """grace_period."""
    bench, invoice = world(grace_period="PT1H")
    bench.advance("2025-06-06T01:00:00Z")
    assert status(bench, invoice["id"]) == "FINAL"


def test_finalised_by_hand_it_is_numbered_and_current() -> None:
    """PATCH status FINAL, with usage not yet computed; the period runs on without it."""
    bench, invoice = world()
    bench.call("ingest", event("evt_20250506_002", "3"))
    kept = bench.call("update_invoice", {"status": "FINAL"}, invoice)
    assert (kept["status"], kept["invoice_number"], kept["total_amount"]["quantity"]) == ("FINAL", "INV-000001", "4.00")
    late = bench.call("ingest", event("evt_20250506_003"))
    assert late["processed_details"]["not_matched"]["variant"] == "INVOICE_FINAL"
    assert bench.all("invoice")[0]["total_amount"]["quantity"] == "4.00"


def test_usage_after_an_early_end_goes_on_the_next_invoice_where_set() -> None:
    """It waits for the next period, and is priced there."""
    bench, invoice = world(put_after_invoice_final_on_next_invoice=True)
    bench.call("update_invoice", {"status": "FINAL"}, invoice)
    bench.call("ingest", event("evt_20250506_003"))
    bench.advance("2025-06-06T00:00:00Z")
    assert [one["total_amount"]["quantity"] for one in bench.all("invoice")] == ["2.50", "2.50"]


DATES = [
    ({}, "2025-06-06T00:00:00Z", "2025-07-06T00:00:00Z"),
    ({"invoice_date_determination_type": "AT_END_OF_BILLING_PERIOD"}, "2025-06-05T00:00:00Z", "2025-07-05T00:00:00Z"),
    ({"invoice_date_determination_type": "WHEN_INVOICE_GOES_TO_FINAL"}, "2025-06-06T08:00:00Z", "2025-07-06T08:00:00Z"),
    ({"due_date_configuration": {"type": "PERIOD_AFTER_INVOICE_DATE", "period": {"type": "MONTH", "value": 1}}},
     "2025-06-06T00:00:00Z", "2025-07-06T00:00:00Z"),
    ({"due_date_configuration": {"type": "END_OF_THE_MONTH"}}, "2025-06-06T00:00:00Z", "2025-06-29T23:00:00Z"),
]


@pytest.mark.parametrize(("settings", "date", "due"), DATES)
def test_dates_follow_from_the_period_and_the_terms(settings: dict[str, Any], date: str, due: str) -> None:
    """The invoice is of the period's end, due thirty days later, unless set otherwise; days are the customer's."""
    bench, invoice = world(**settings)
    bench.advance("2025-06-06T08:00:00Z")
    kept = bench.read("invoice", invoice["id"])
    assert (kept["invoice_date"], kept["due_date"]) == (date, due)


# --- the lock ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{"on_hold": True}, {"due_date": "2026-01-01T00:00:00Z"}, {"status": "DRAFT"}, {"footnote": "x"}])
def test_a_final_invoice_is_locked(body: Record) -> None:
    """FINAL is irreversible and unchangeable."""
    bench, invoice = final()
    assert refused(bench, "update_invoice", body, invoice).kind in ("locked", "illegal_transition")


def test_a_few_fields_of_a_final_invoice_may_change() -> None:
    """What others add to it: custom fields, a purchase order number."""
    bench, invoice = final()
    kept = bench.call("update_invoice", {"purchase_order_number": "PO-7"}, invoice)
    assert (kept["purchase_order_number"], kept["status"]) == ("PO-7", "FINAL")


def test_a_draft_takes_changes_and_keeps_them_when_computed_again() -> None:
    """Only what follows from lines is computed."""
    bench, invoice = world()
    bench.call("update_invoice", {"footnote": "Thank you", "due_date": "2025-08-01T00:00:00Z"}, invoice)
    bench.call("ingest", event("evt_20250506_002", "3"))
    (kept,) = bench.all("invoice")
    assert (kept["footnote"], kept["due_date"], kept["total_amount"]["quantity"]) == ("Thank you", "2025-08-01T00:00:00Z", "4.00")


# --- paying -----------------------------------------------------------------------------------------------------------


def test_paid_is_a_flag_with_amounts_beside_the_status() -> None:
    """payment_status PAID, all of it paid, nothing open; told as INVOICE.PAID."""
    bench, invoice = final()
    kept = bench.call("pay_invoice", None, invoice)
    assert (kept["status"], kept["paid"], kept["payment_status"]) == ("FINAL", True, "PAID")
    assert (kept["paid_invoice_amount"], kept["open_invoice_amount"]) == (amount("2.50"), amount("0.00"))
    assert [type for type, _ in bench.emitted] == ["INVOICE.PAID"]


def test_paid_by_hand_is_paid_as_well_and_may_be_taken_back() -> None:
    """PATCH paid."""
    bench, invoice = final()
    assert bench.call("update_invoice", {"paid": True}, invoice)["payment_status"] == "PAID"
    assert bench.call("update_invoice", {"paid": False}, invoice)["payment_status"] == "UNPAID"


def test_drafts_are_not_paid_and_nothing_twice() -> None:
    """Paid status is applied to final invoices."""
    bench, invoice = world()
    assert "while DRAFT" in refused(bench, "pay_invoice", None, invoice).message
    bench.call("update_invoice", {"status": "FINAL"}, invoice)
    bench.call("pay_invoice", None, invoice)
    assert "twice" in refused(bench, "pay_invoice", None, invoice).message


# --- credit -----------------------------------------------------------------------------------------------------------


def test_a_credit_takes_all_back_and_is_linked_both_ways() -> None:
    """Negative amounts, type CREDIT, a DRAFT that becomes FINAL after the grace with a number of its own."""
    bench, invoice = final(tax_rates={"NL": "21"})
    credit = bench.call("credit_invoice", {"note": "our mistake"}, invoice)
    assert (credit["type"], credit["status"], credit["total_amount"]["quantity"]) == ("CREDIT", "DRAFT", "-3.03")
    assert credit["credit"]["original_invoice_info"] == {"id": invoice["id"], "invoice_number": "INV-000001"}
    assert credit["line_items"][0]["total"]["quantity"] == "-3.03"
    original = bench.read("invoice", invoice["id"])
    assert original["linked_invoices"][0]["id"] == credit["id"]
    assert (original["open_invoice_amount"], original["status"]) == (amount("0.00"), "FINAL")
    bench.advance("2025-05-06T18:30:00Z")
    assert bench.read("invoice", credit["id"])["invoice_number"] == "INV-000002"


def part(quantity: str) -> Record:
    """A credit of a part of the first line."""
    return {"periods": [{"period_order": 1, "groups": [{"group_order": 1, "lines": [{"line_order": 1, "amount": amount(quantity)}]}]}]}


def test_credits_add_up_to_the_invoice_and_no_further() -> None:
    """A part, then another, then more than is left."""
    bench, invoice = final()
    for quantity, left in (("1.00", "1.50"), ("1.50", "0.00")):
        bench.call("credit_invoice", part(quantity), invoice)
        assert bench.read("invoice", invoice["id"])["open_invoice_amount"]["quantity"] == left
    assert refused(bench, "credit_invoice", part("0.01"), invoice).kind == "cannot_process"


def test_faults_in_a_credit_are_named_by_their_whole_path() -> None:
    """Down to the line's amount."""
    bench, invoice = final()
    assert refused(bench, "credit_invoice", part("2.51"), invoice).field == "periods.0.groups.0.lines.0.amount.quantity"


def test_only_final_invoices_that_ask_for_money_are_credited() -> None:
    """No draft, no credit of a credit."""
    bench, invoice = world()
    assert "while DRAFT" in refused(bench, "credit_invoice", {}, invoice).message
    bench.call("update_invoice", {"status": "FINAL"}, invoice)
    credit = bench.call("credit_invoice", {"force_init_on_hold": True}, invoice)
    bench.advance("2025-05-20T00:00:00Z")
    assert (status(bench, credit["id"]), credit["on_hold"]) == ("DRAFT", True)
    bench.call("update_invoice", {"status": "FINAL"}, credit)
    assert refused(bench, "credit_invoice", {}, credit).kind == "illegal_transition"


# --- made alone, put away ---------------------------------------------------------------------------------------------


def test_a_one_off_invoice_is_a_draft_on_hold() -> None:
    """By customer reference; the only billing entity there is; nothing on it yet."""
    bench, _ = world()
    kept = bench.call("create_invoice", {"type": "ONE_OFF", "customer_reference": "acme-001", "footnote": "x"})
    assert (kept["status"], kept["on_hold"], kept["type"], kept["footnote"]) == ("DRAFT", True, "ONE_OFF", "x")
    assert (kept["total_amount"], kept["line_items"], kept["payment_status"]) == (amount("0.00"), [], "UNPAID")
    bench.advance("2025-06-01T00:00:00Z")
    assert status(bench, kept["id"]) == "DRAFT"
    bench.call("update_invoice", {"on_hold": False}, kept)
    bench.advance("2025-06-01T08:00:00Z")
    assert status(bench, kept["id"]) == "FINAL"


@pytest.mark.parametrize(("body", "kind", "field"), [
    ({"type": "ONE_OFF"}, "missing_field", "customer_reference"),
    ({"type": "ONE_OFF", "customer_reference": "nobody"}, "dangling_reference", "customer_reference"),
    ({"type": "ONE_OFF", "customer_reference": "acme-001", "billing_entity_id": "bile_x"}, "dangling_reference", "billing_entity_id"),
])
def test_one_off_invoices_of_nobody_are_refused_by_field(body: Record, kind: str, field: str) -> None:
    """A customer and an entity."""
    bench, _ = world()
    problem = refused(bench, "create_invoice", body)
    assert (problem.kind, problem.field) == (kind, field)


def test_an_archived_invoice_becomes_nothing_else() -> None:
    """Its grace stops, and no usage reaches it."""
    bench, invoice = world()
    bench.advance("2025-06-06T01:00:00Z")
    bench.fire("invoice", invoice["id"], "archive")
    bench.advance("2025-06-07T00:00:00Z")
    assert status(bench, invoice["id"]) == "ARCHIVED"
    with pytest.raises(Problem):
        bench.call("update_invoice", {"status": "FINAL"}, invoice)


def test_reading_computes_again_only_what_is_stale() -> None:
    """Nothing is written by a second read."""
    bench, _ = world()
    facts = len(bench.facts)
    bench.all("invoice")
    assert len(bench.facts) == facts


def test_numbers_run_for_each_billing_entity() -> None:
    """Every entity begins at one."""
    bench, first = final()
    other = worlds.entity(bench, "DE")
    bench.call("init_subscription", worlds.init("entity_DE", reference="acme-001-de"))
    (second,) = [one for one in bench.all("invoice") if one["billing_entity_id"] == other["id"]]
    assert bench.call("update_invoice", {"status": "FINAL"}, second)["invoice_number"] == first["invoice_number"] == "INV-000001"


def test_lines_stand_in_the_order_of_the_plan() -> None:
    """Those of one display_order as the plan was written; a lower display_order comes first."""
    bench = Bench("2025-05-06T00:00:00Z")
    made = worlds.catalogue(bench)
    for name in ("Berries", "Apples", "Cherries", "Dates", "Elderberries"):
        worlds.price(bench, made, name, worlds.flat("1"), item=worlds.item(bench, made, name.lower(), "RECURRING"))
    (last,) = [row for row in bench.all("pricing") if row["name"] == "Elderberries"]
    bench.change("pricing", last["id"], display_order=-1)
    worlds.subscribe(bench, made)
    assert [line["description"] for line in bench.all("invoice")[0]["line_items"]] == ["Elderberries", "Berries", "Apples", "Cherries", "Dates"]
