"""Drafts changed by hand: lines added and taken away, refreshed, begun anew, previewed, given back."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.worlds import amount, event
from understudy.problems import Problem


def world(**settings: Any) -> tuple[Bench, dict[str, Record]]:
    """The guide's world with its draft of 2.50 EUR."""
    bench = Bench(**settings)
    made = worlds.tutorial(bench)
    bench.call("ingest", event("evt_20250506_001"))
    (made["invoice"],) = bench.all("invoice")
    return bench, made


def one_off(bench: Bench, **body: Any) -> Record:
    """A one-off invoice without lines."""
    made: Record = bench.call("create_invoice", {"type": "ONE_OFF", "customer_reference": "acme-001", **body})
    return made


def line(quantity: str = "12.50", volume: str | None = "2", **members: Any) -> Record:
    """A line of a name of its own."""
    return {"pricing_name": "Setup", "pricing_type": "FLAT", "pricing_band": {"amount": amount(quantity)},
            **({"volume": {"number": volume}} if volume else {}), **members}


# The lines, the settings, the invoice's own members, what it comes to, and why.
LINES: list[tuple[str, list[Record], Record, Record, str]] = [
    ("two at 12.50", [line()], {}, {}, "25.00"),
    ("one, where no volume is said", [line(volume=None)], {}, {}, "12.50"),
    ("a fixed price counts once", [line(pricing_type="FIXED")], {}, {}, "12.50"),
    ("a block costs whole: 250 units in blocks of 100", [line("1.00", "250", pricing_band={"amount": amount("1.00"), "block_size": {"number": "100"}})], {}, {}, "3.00"),
    ("a deduction takes away", [line(), line("5.00", "1", product_item_type="DEDUCTION")], {}, {}, "20.00"),
    ("with tax by the entity's country", [line()], {"tax_rates": {"NL": "21"}}, {}, "30.25"),
    ("with the tax said on the invoice", [line()], {"tax_rates": {"NL": "21"}}, {"sales_tax_percentage": "8.875"}, "27.22"),
    ("prices with tax", [line("99.00", "1")], {"tax_rates": {"NL": "21"}}, {"pricing_amount_type": "INCLUDING_TAX"}, "99.00"),
    ("in another currency, converted", [line("10.00", "1", pricing_band={"amount": amount("10.00", "USD")})], {"exchange_rates": {"USD": {"EUR": "0.92"}}}, {}, "9.20"),
    ("by the entity's reference before its country", [line()], {"tax_rates": {"NL": "21", "entity_NL": "9"}}, {}, "27.25"),
    ("a one-off credit is negative", [line()], {}, {"type": "ONE_OFF_CREDIT"}, "-25.00"),
]


@pytest.mark.parametrize(("why", "lines", "settings", "members", "total"), LINES, ids=[row[0] for row in LINES])
def test_added_lines_are_priced_and_taxed(why: str, lines: list[Record], settings: Record, members: Record, total: str) -> None:
    """Each case says its reason."""
    bench, _ = world(**settings)
    invoice = one_off(bench, **members)
    for row in lines:
        invoice = bench.call("add_line", row, invoice)
    assert invoice["total_amount"]["quantity"] == total, why


def test_a_line_of_an_item_has_its_name_and_category() -> None:
    """And its own id, dates and period."""
    bench, made = world(tax_rates={"NL": "21"})
    exempt = worlds.item(bench, made, "stamps", "ONE_OFF", )
    bench.change("product_item", exempt["id"], tax_category="EXEMPT")
    row = {"product_item_id": exempt["id"], "pricing_type": "FLAT", "pricing_band": {"amount": amount("3.00")},
           "start_at": "2025-05-01T00:00:00Z", "end_at": "2025-06-01T00:00:00Z"}
    invoice = bench.call("add_line", row, one_off(bench))
    (period,) = invoice["periods"]
    (shown,) = period["groups"][0]["lines"]
    assert (shown["description"], shown["product_items"][0]["reference"]) == ("stamps", "stamps")
    assert (invoice["total_amount"]["quantity"], shown["tax_categories"][0]["category"]) == ("3.00", "EXEMPT")
    assert (period["start_at"], period["end_at"]) == ("2025-05-01T00:00:00Z", "2025-06-01T00:00:00Z")


def test_lines_are_replaced_and_taken_away_by_id() -> None:
    """PUT and DELETE on a line."""
    bench, _ = world()
    invoice = bench.call("add_line", line(), one_off(bench))
    id = invoice["periods"][0]["groups"][0]["lines"][0]["id"]

    def on_line(effect: str, body: Any = None) -> Record:
        from understudy.engine.outcomes import Call  # the call has two parameters in its path
        from understudy_solvimon import sandbox

        tx = bench.begin()
        answer: Record = getattr(sandbox, effect)(tx, Call(effect, {"id": invoice["id"], "lineId": id}, {}, {}, body))
        bench.keep(tx)
        return answer

    assert on_line("replace_line", line("1.00", "3"))["total_amount"]["quantity"] == "3.00"
    gone = on_line("delete_line")
    assert (gone["total_amount"]["quantity"], gone["line_items"]) == ("0.00", [])
    with pytest.raises(Problem) as caught:
        on_line("delete_line")
    assert caught.value.kind == "dangling_reference"


def test_a_subscriptions_draft_takes_lines_and_keeps_them_when_computed_again() -> None:
    """2.50 by usage and 25.00 by hand; three more employees; only the added line can go."""
    bench, made = world()
    invoice = bench.call("add_line", line(), made["invoice"])
    bench.call("ingest", event("evt_20250506_002", "3"))
    (kept,) = bench.all("invoice")
    assert (invoice["total_amount"]["quantity"], kept["total_amount"]["quantity"]) == ("27.50", "29.00")
    places = [{"period_order": 1, "groups": [{"group_order": 1, "lines": [{"line_order": 1}]}]}]
    assert "computed from the subscription" in refused(bench, "delete_lines", {"periods": places}, kept).message
    places[0]["period_order"] = 2
    assert bench.call("delete_lines", {"periods": places}, kept)["total_amount"]["quantity"] == "4.00"


WRONG = [
    (line(start_at="2025-06-01T00:00:00Z", end_at="2025-06-01T00:00:00Z"), "cannot_process", "end_at"),
    (line(pricing_band={"amount": amount("1.00", "USD")}), "cannot_process", "pricing_band.amount.currency"),
    (line("999999999999999", "999999999999999"), "cannot_process", "volume"),
    ({**line(), "product_item_id": "proi_none"}, "dangling_reference", "product_item_id"),
]


@pytest.mark.parametrize(("row", "kind", "field"), WRONG)
def test_lines_that_cannot_be_billed_are_refused_by_field(row: Record, kind: str, field: str) -> None:
    """And nothing is kept."""
    bench, _ = world()
    problem = refused(bench, "add_line", row, one_off(bench))
    assert (problem.kind, problem.field) == (kind, field)


def test_final_invoices_and_credits_take_no_lines() -> None:
    """What is FINAL is corrected by a credit."""
    bench, made = world()
    bench.call("update_invoice", {"status": "FINAL"}, made["invoice"])
    assert "while FINAL" in refused(bench, "add_line", line(), made["invoice"]).message
    credit = bench.call("credit_invoice", {}, made["invoice"])
    assert "credit invoice" in refused(bench, "add_line", line(), credit).message


# --- refreshed, begun anew --------------------------------------------------------------------------------------------


def test_a_refresh_takes_over_rates_customer_and_order_number() -> None:
    """Whole, or only what is named."""
    bench, made = world()
    bench.settings["tax_rates"] = {"NL": "21"}
    bench.change("subscription", made["subscription"]["id"], purchase_order_number="PO-1")
    named = bench.call("refresh_invoice", {"type": "PO_NUMBER"}, made["invoice"])
    assert (named["purchase_order_number"], named["total_amount"]["quantity"]) == ("PO-1", "3.03")
    bench.change("customer", made["customer"]["id"], timezone="Europe/Berlin")
    assert bench.call("refresh_invoice", {"types": ["PO_NUMBER"]}, made["invoice"])["timezone"] == "Europe/London"
    assert bench.call("refresh_invoice", {}, made["invoice"])["timezone"] == "Europe/Berlin"


def test_credit_and_copy_leaves_nothing_of_the_first_and_all_of_it_anew() -> None:
    """Invoice + its credit = 0; the copy is a draft on hold with the same lines, which can change."""
    bench, made = world(tax_rates={"NL": "21"})
    bench.call("update_invoice", {"status": "FINAL"}, made["invoice"])
    answer = bench.call("credit_and_copy", {"update_credit_invoice_to_final": True}, made["invoice"])
    first, credit, copy = (bench.read("invoice", answer[f"{name}_invoice_id"]) for name in ("original", "credit", "new"))
    assert [one["total_amount"]["quantity"] for one in (first, credit, copy)] == ["3.03", "-3.03", "3.03"]
    assert [one["status"] for one in (first, credit, copy)] == ["FINAL", "FINAL", "DRAFT"]
    assert (copy["on_hold"], copy["line_items"]) == (True, first["line_items"])
    changed = bench.call("add_line", line("1.00", "1"), copy)
    assert changed["total_amount"]["quantity"] == "4.24"
    places = [{"period_order": 1, "groups": [{"group_order": 1, "lines": [{"line_order": 1}]}]}]
    assert bench.call("delete_lines", {"periods": places}, changed)["total_amount"]["quantity"] == "1.21"


def test_a_copy_can_be_final_at_once() -> None:
    """update_new_invoice_to_final: with the next number."""
    bench, made = world()
    bench.call("update_invoice", {"status": "FINAL"}, made["invoice"])
    answer = bench.call("credit_and_copy", {"update_new_invoice_to_final": True, "update_credit_invoice_to_final": True}, made["invoice"])
    numbers = [bench.read("invoice", answer[f"{name}_invoice_id"])["invoice_number"] for name in ("original", "credit", "new")]
    assert numbers == ["INV-000001", "INV-000002", "INV-000003"]


def test_a_credit_is_given_back_from_what_was_paid() -> None:
    """Paid 2.50 in two payments, 1.00 credited and refunded: the latest payment gives first."""
    bench, made = world()
    bench.call("update_invoice", {"status": "FINAL"}, made["invoice"])
    for quantity in ("2.00", "0.50"):
        bench.call("create_payment", {"invoice_id": made["invoice"]["id"], "external_reference": "X", "amount": amount(quantity), "result": "AUTHORIZED"})
    part = {"periods": [{"period_order": 1, "amount": amount("1.00")}]}
    credit = bench.call("credit_invoice", part, made["invoice"])
    assert refused(bench, "refund_invoice", None, credit).kind == "illegal_transition"
    bench.call("update_invoice", {"status": "FINAL"}, credit)
    kept = bench.call("refund_invoice", None, credit)
    assert (kept["paid"], kept["open_invoice_amount"]) == (True, amount("0.00"))
    assert [(one["result"], one.get("refunded")) for one in bench.all("payment")] == [("AUTHORIZED", "0.5"), ("REFUNDED", "0.5")]
    original = bench.read("invoice", made["invoice"]["id"])
    assert (original["paid_invoice_amount"], original["open_invoice_amount"], original["payment_status"]) == (amount("1.50"), amount("0.00"), "PAID")
    assert "twice" in refused(bench, "refund_invoice", None, credit).message


# --- previewed --------------------------------------------------------------------------------------------------------


def test_a_preview_shows_what_will_be_billed_and_keeps_nothing() -> None:
    """The running period with its usage, then those to come."""
    bench, made = world()
    rows = {name: dict(kept) for name, kept in bench.rows.items()}
    answer = bench.call("preview_invoices", {"pricing_plan_subscription_id": made["subscription"]["id"], "invoices_per_schedule": 3})
    (info,) = answer["invoice_infos"]
    assert [(one["billing_period_start"][:10], one["total_amount"]["quantity"]) for one in info["invoices"]] == [
        ("2025-05-06", "2.50"), ("2025-06-06", "0.00"), ("2025-07-06", "0.00")]
    assert (answer["first_invoice"], bench.rows) == (info["invoices"][0], rows)


def test_a_preview_goes_through_all_schedules_and_prorates_as_billing_does() -> None:
    """A second schedule from July on; what is previewed is what is billed."""
    bench = Bench()
    made = worlds.catalogue(bench)
    fee = worlds.item(bench, made, "fee", "RECURRING")
    worlds.price(bench, made, "Fee", worlds.flat("31.00"), item=fee)
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    worlds.customer(bench, zone="UTC")
    body = worlds.init("entity_NL", billing_time="CALENDAR")
    body["pricing_plan_schedules"][0]["end_at"] = "2025-07-01T00:00:00Z"
    body["pricing_plan_schedules"].append({"pricing_plan_version_selector": {"pricing_plan_reference": "default_pricing"},
                                           "start_at": "2025-07-01T00:00:00Z", "discount": {"totals": [{"percentage": "50"}]}})
    subscription = bench.call("init_subscription", body)["pricing_plan_subscription"]
    answer = bench.call("preview_invoices", {"pricing_plan_subscription_id": subscription["id"], "invoices_per_schedule": 2})
    shown = [one["total_amount"]["quantity"] for info in answer["invoice_infos"] for one in info["invoices"]]
    assert shown == ["26.00", "31.00", "15.50", "15.50"]
    bench.advance("2025-09-02T00:00:00Z")
    assert [one["total_amount"]["quantity"] for one in bench.all("invoice")][:4] == shown


def test_nothing_is_previewed_of_a_subscription_without_schedules() -> None:
    """Said by field."""
    bench, _ = world()
    bare = bench.call("create_subscription", {"reference": "bare", "customer_reference": "acme-001", "billing_entity_reference": "entity_NL"})
    assert refused(bench, "preview_invoices", {"pricing_plan_subscription_id": bare["id"]}).field == "pricing_plan_subscription_id"
