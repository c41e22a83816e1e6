"""The guide "Configure your first meters and prices" as a story of effects: from its calls to its invoice and beyond."""

from __future__ import annotations

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused


@pytest.fixture
def bench() -> Bench:
    """The guide's world, at the guide's time; its usage event lies four hours ahead."""
    return Bench("2025-05-06T10:30:00Z", events_ahead="PT12H")


def test_guides_invoice_is_one_line_of_five_at_a_half_euro(bench: Bench) -> None:
    """Section 6, N14 and contradiction 4: the conditioned pricing names the line, the unconditioned one below it prices GBR."""
    worlds.tutorial(bench)
    bench.call("ingest", worlds.event("evt_20250506_001", at="2025-05-06T14:30:00Z"))
    (invoice,) = bench.all("invoice")
    shown = {name: invoice[name] for name in (
        "status", "customer_reference", "billing_period_start", "billing_period_end", "total_amount", "line_items")}
    assert shown == {
        "status": "DRAFT",
        "customer_reference": "acme-001",
        "billing_period_start": "2025-05-06T00:00:00Z",
        "billing_period_end": "2025-06-06T00:00:00Z",
        "total_amount": {"quantity": "2.50", "currency": "EUR"},
        "line_items": [{
            "product_item_reference": "reimbursed_amount",
            "description": "Registered employees – by country",
            "quantity": "5",
            "unit_price": {"quantity": "0.50", "currency": "EUR"},
            "total": {"quantity": "2.50", "currency": "EUR"},
        }],
    }


def test_three_more_employees_make_four_euros(bench: Bench) -> None:
    """New usage events continue to be added to the draft."""
    worlds.tutorial(bench)
    bench.call("ingest", worlds.event("evt_20250506_001"))
    bench.call("ingest", worlds.event("evt_20250506_002", "3"))
    (invoice,) = bench.all("invoice")
    assert invoice["total_amount"]["quantity"] == "4.00"
    assert len(invoice["line_items"]) == 1


def test_draft_becomes_final_eight_hours_after_the_period_and_the_next_is_open(bench: Bench) -> None:
    """N21: the period ends at T, FINAL at T + 8 h; one next DRAFT is open from T on."""
    worlds.tutorial(bench)
    bench.call("ingest", worlds.event("evt_20250506_001"))
    bench.advance("2025-06-06T07:59:59Z")
    assert [one["status"] for one in bench.all("invoice")] == ["DRAFT", "DRAFT"]
    bench.advance("2025-06-06T08:00:00Z")
    first, second = bench.all("invoice")
    assert (first["status"], first["invoice_number"], first["updated_to_final_at"]) == ("FINAL", "INV-000001", "2025-06-06T08:00:00Z")
    assert first["total_amount"]["quantity"] == "2.50"
    assert (second["status"], second["billing_period_start"]) == ("DRAFT", "2025-06-06T00:00:00Z")


def test_subscription_is_active_at_once_and_the_catalogue_with_it(bench: Bench) -> None:
    """A start not after now begins; the version's activation has activated the product and item the guide never activates."""
    made = worlds.tutorial(bench)
    assert made["init"]["pricing_plan_subscription"]["status"] == "ACTIVE"
    assert made["init"]["invoice"]["status"] == "DRAFT"
    assert bench.read("product", made["product"]["id"])["status"] == "ACTIVE"
    assert bench.read("product_item", made["item"]["id"])["status"] == "ACTIVE"


def test_a_value_outside_the_enum_in_a_condition_is_warned_of(bench: Bench) -> None:
    """The guide prices DEU, which its property does not list."""
    worlds.tutorial(bench)
    assert any("DEU" in warning for warning in bench.warnings)


def test_without_a_fallback_pricing_the_british_event_is_not_priced() -> None:
    """N15: neither config matches GBR."""
    bench = Bench()
    made: dict[str, Record] = worlds.catalogue(bench)
    worlds.price(bench, made, "By country", worlds.flat("0.50", conditions=worlds.where(made, "USA", "United States")))
    worlds.subscribe(bench, made)
    event = bench.call("ingest", worlds.event("evt_20250506_001"))
    assert event["processed_details"] == {"type": "NOT_MATCHED", "not_matched": {"variant": "NO_PRICE"}}
    assert bench.all("invoice")[0]["line_items"] == []


def test_a_dollar_price_without_a_rate_is_left_out_and_said() -> None:
    """A line is in the billing currency or it is not billed; nothing is converted at an invented rate."""
    bench = Bench()
    worlds.tutorial(bench)
    bench.call("ingest", worlds.event("evt_20250506_001", "3", "USA"))
    (invoice,) = bench.all("invoice")
    assert invoice["line_items"] == []
    assert "exchange rate from USD to EUR" in invoice["validation_result"][0]["details"]


def test_a_dollar_price_is_converted_at_the_rate_that_is_set() -> None:
    """3 x 0.40 USD at 0.92 is 1.104 EUR, rounded once; the price of a unit stays in dollars."""
    bench = Bench(exchange_rates={"USD": {"EUR": "0.92"}})
    worlds.tutorial(bench)
    bench.call("ingest", worlds.event("evt_20250506_001", "3", "USA"))
    bench.call("ingest", worlds.event("evt_20250506_002", "5", "GBR"))
    (invoice,) = bench.all("invoice")
    assert [(row["quantity"], row["unit_price"], row["total"]["quantity"]) for row in invoice["line_items"]] == [
        ("3", {"quantity": "0.40", "currency": "USD"}, "1.10"), ("5", {"quantity": "0.50", "currency": "EUR"}, "2.50")]
    assert invoice["total_amount"] == {"quantity": "3.60", "currency": "EUR"}


def test_with_the_strict_setting_a_draft_item_keeps_the_plan_from_being_subscribed_to() -> None:
    """`/init` refuses with UNABLE_TO_PROCESS_INSTRUCTIONS while an item of the plan is not ACTIVE."""
    bench = Bench(activate_catalogue_with_version=False)
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Per receipt", worlds.flat("0.50"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    worlds.customer(bench)
    problem = refused(bench, "init_subscription", worlds.init("entity_NL"))
    assert (problem.kind, problem.field) == ("cannot_process", "pricing_plan_schedules.0.pricing_plan_version_selector")
    product = bench.read("product", made["product"]["id"])
    bench.call("activate_product", None, product, align_product_item_status=True)
    assert bench.call("init_subscription", worlds.init("entity_NL"))["pricing_plan_subscription"]["status"] == "ACTIVE"
