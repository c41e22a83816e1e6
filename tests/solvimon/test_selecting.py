"""Which of several subscriptions a usage event goes to, where its customer or the event itself has a selector."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record

PLAN, COUNTRY = "PRICING_PLAN_REFERENCE", "BILLING_ENTITY_REGISTERED_ADDRESS_COUNTRY"


def two() -> tuple[Bench, dict[str, Record], dict[str, str]]:
    """A customer with two subscriptions: the default plan from the Netherlands, and later another plan from Germany."""
    bench = Bench()
    made = worlds.tutorial(bench)
    germany = worlds.entity(bench, "DE")
    plan = bench.make("pricing_plan", reference="metered_de", name="Metered", amount_type="EXCLUDING_TAX", pricing_currencies=["EUR"])
    version = bench.call("create_version", {"pricing_plan_id": plan["id"], "version": 1})
    worlds.price(bench, {**made, "version": version}, "Each", worlds.flat("0.25"))
    bench.fire("pricing_plan_version", version["id"], "activate")
    body = worlds.init(germany["reference"], reference="acme-001-de")
    body["pricing_plan_schedules"][0]["pricing_plan_version_selector"] = {"pricing_plan_reference": "metered_de"}
    other = bench.call("init_subscription", body)["pricing_plan_subscription"]
    return bench, made, {made["subscription"]["id"]: "NL", other["id"]: "DE"}


def taken(bench: Bench, names: dict[str, str], **event: Any) -> str | None:
    """Which of the two takes an event; None where none does."""
    kept = bench.call("ingest", {**worlds.event("evt_20250506_001"), **event})
    period = bench.rows["billing_period"].get(kept["billing_period_id"])
    return names[bench.read("billing_period", kept["billing_period_id"])["pricing_plan_subscription_id"]] if period else None


def rule(field: str, type: str = "EQUALS") -> Record:
    """Compare with what the event brings."""
    return {"field": field, "type": type}


def filtered(field: str, value: str, type: str = "EQUALS") -> Record:
    """Compare with a value."""
    return {"field": field, "type": type, "value": value}


# The customer's selector, the event's, and who takes it.
CASES: list[tuple[str, Record | None, Record | None, str | None]] = [
    ("none says anything: the latest", None, None, "DE"),
    ("a filter of the customer", {"filters": [filtered(COUNTRY, "NL")]}, None, "NL"),
    ("a filter of the event goes before it", {"filters": [filtered(COUNTRY, "NL")]}, {"filters": [filtered(COUNTRY, "DE")]}, "DE"),
    ("a rule of the customer, data of the event", {"rules": [rule(PLAN)]}, {"data": [{"field": PLAN, "value": "default_pricing"}]}, "NL"),
    ("a rule and data of the event alone", None, {"rules": [rule(COUNTRY)], "data": [{"field": COUNTRY, "value": "NL"}]}, "NL"),
    ("two filters are both to hold", {"filters": [filtered(COUNTRY, "NL"), filtered(PLAN, "metered_de")], "fallback": "NONE"}, None, None),
    ("no match falls back to the latest", {"filters": [filtered(COUNTRY, "FR")]}, None, "DE"),
    ("or to none", {"filters": [filtered(COUNTRY, "FR")], "fallback": "NONE"}, None, None),
    ("the event's fallback counts", {"filters": [filtered(COUNTRY, "FR")]}, {"fallback": "NONE"}, None),
    ("a rule without data matches nothing", {"rules": [rule(COUNTRY)], "fallback": "NONE"}, None, None),
    ("not equal", {"filters": [filtered(COUNTRY, "DE", "NOT_EQUALS")]}, None, "NL"),
    ("one of several", {"filters": [filtered(COUNTRY, "FR,NL", "IN")]}, None, "NL"),
    ("a part of it", {"filters": [filtered(PLAN, "default", "CONTAINS")]}, None, "NL"),
]


@pytest.mark.parametrize(("why", "customers", "events", "expected"), CASES, ids=[row[0] for row in CASES])
def test_an_event_goes_where_the_selector_says(why: str, customers: Record | None, events: Record | None, expected: str | None) -> None:
    """Each case says its reason."""
    bench, made, names = two()
    if customers:
        bench.change("customer", made["customer"]["id"], pricing_plan_subscription_selector=customers)
    said = {"pricing_plan_subscription_selector": events} if events else {}
    assert taken(bench, names, **said) == expected, why


def test_a_subscription_that_is_named_needs_no_selector() -> None:
    """The event's own word goes before any rule."""
    bench, made, names = two()
    bench.change("customer", made["customer"]["id"], pricing_plan_subscription_selector={"filters": [filtered(COUNTRY, "DE")], "fallback": "NONE"})
    assert taken(bench, names, pricing_plan_subscription_reference="acme-001-sub") == "NL"


def test_an_event_that_matched_nothing_is_matched_again_by_its_own_selector() -> None:
    """Reprocessed after the customer's selector was widened."""
    bench, made, names = two()
    none = {"filters": [filtered(COUNTRY, "FR")], "fallback": "NONE"}
    bench.change("customer", made["customer"]["id"], pricing_plan_subscription_selector=none)
    assert taken(bench, names, pricing_plan_subscription_selector={"data": [{"field": PLAN, "value": "default_pricing"}]}) is None
    bench.change("customer", made["customer"]["id"], pricing_plan_subscription_selector={"rules": [rule(PLAN)]})
    bench.call("reprocess", {"type": "NOT_MATCHED", "not_matched": {"customer_id": made["customer"]["id"]}})
    (event,) = bench.all("usage_event")
    assert names[bench.read("billing_period", event["billing_period_id"])["pricing_plan_subscription_id"]] == "NL"
