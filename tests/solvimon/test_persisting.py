"""What the running period takes over, set by hand (persist-data)."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused


def running(config: Record, persist: bool = False, amounts: bool = False) -> tuple[Bench, dict[str, Record], str]:
    """A subscription to one metered price in May; the price's config."""
    bench = Bench("2025-05-06T00:00:00Z")
    made = worlds.catalogue(bench)
    if amounts:
        spent = bench.make("meter_value", reference="spent", name="Spent", type="AMOUNT", status="ACTIVE")
        bench.change("meter", made["meter"]["id"], meter_values=[{"id": spent["id"], "required": True}])
        bench.change("meter_value_calculation", made["calculation"]["id"], meter_value_id=spent["id"])
    bench.change("meter_value_calculation", made["calculation"]["id"], persist=persist)
    made["pricing"] = worlds.price(bench, made, "Each", config)
    worlds.subscribe(bench, made)
    return bench, made, made["pricing"]["items"][0]["configs"][0]["id"]


def billed(bench: Bench, months: int = 1) -> list[str]:
    """The totals of so many months, from the first."""
    bench.advance(f"2025-{5 + months:02}-05T00:00:00Z")
    return [one["total_amount"]["quantity"] for one in bench.all("invoice")][:months]


VOLUME = {"default_included_volume": {"number": "100", "reset_type": "ROLLOVER"}}

# The price, whether its usage persists, what is set, what is used in May, and what May and June come to.
CASES: list[tuple[str, Record, bool, Record, str, list[str]]] = [
    ("nothing set: 10 at 1.00, then nothing", worlds.flat("1"), False, {}, "10", ["10.00", "0.00"]),
    ("usage that persists: 40 before and 10 now, and again in June", worlds.flat("1"), True, {"persist_usage": "40"}, "10", ["50.00", "50.00"]),
    ("what is left of the volume: 25 more are free", worlds.flat("1", **VOLUME), False, {"persist_included_volume": "25"}, "130", ["5.00", "0.00"]),
    ("the same as a volume to set", worlds.flat("1", **VOLUME), False, {"set_rollover_volume": True, "included_volume": {"number": "25"}}, "130", ["5.00", "0.00"]),
    ("a volume that is not to be set", worlds.flat("1", **VOLUME), False, {"included_volume": {"number": "25"}}, "130", ["30.00", "0.00"]),
    ("nothing of it is to persist", worlds.flat("1", **VOLUME), False, {"persist_rollover_volume": False}, "130", ["30.00", "0.00"]),
]


@pytest.mark.parametrize(("why", "config", "persist", "body", "used", "expected"), CASES, ids=[row[0] for row in CASES])
def test_what_is_set_counts_from_the_running_period_on(why: str, config: Record, persist: bool, body: Record, used: str, expected: list[str]) -> None:
    """Each case says its reason."""
    bench, made, id = running(config, persist)
    bench.call("ingest", worlds.event("evt_20250506_001", used, at=None))
    if body:
        bench.call("persist_data", {"pricing_item_config_id": id, "pricing_plan_subscription_id": made["subscription"]["id"], **body})
    assert billed(bench, 2) == expected, why


def test_what_was_bought_before_can_be_left_behind() -> None:
    """A block of 2000 at 2000.00, 800 of it used in May; in June 1000 more fit into it, unless nothing of it is to persist."""
    block = {"type": "FLAT_TOP_UP", "bands": [{"amount": worlds.amount("2000"), "block_size": {"number": "2000"}}]}
    for body, expected in (({}, "0.00"), ({"persist_charged_volume": False}, "2000.00")):
        bench, made, id = running(block)
        bench.call("ingest", worlds.event("evt_20250506_001", "800", at=None))
        bench.advance("2025-06-10T00:00:00Z")
        bench.call("ingest", worlds.event("evt_20250610_001", "1000", at=None))
        if body:
            bench.call("persist_data", {"pricing_item_config_id": id, "pricing_plan_subscription_id": made["subscription"]["id"], **body})
        assert billed(bench, 2)[1] == expected


def test_amounts_persist_in_their_currency() -> None:
    """10 % of 40.00 from before and of 10.00 now."""
    bench, made, id = running({"type": "FLAT", "bands": [{"percentage": "10"}]}, persist=True, amounts=True)
    event: Any = worlds.event("evt_20250506_001", at=None)
    event["meter_values"] = [{"reference": "spent", "amount": worlds.amount("10.00")}]
    bench.call("ingest", event)
    bench.call("persist_data", {"pricing_item_config_id": id, "customer_reference": "acme-001", "persist_usage": "40"})
    assert billed(bench) == ["5.00"]
    assert made["subscription"]["billing_currency"] == "EUR"


def test_it_needs_a_subscription_that_bills_and_a_config_of_it() -> None:
    """By field."""
    bench, made, id = running(worlds.flat("1"))
    assert refused(bench, "persist_data", {"pricing_item_config_id": id}).field == "pricing_plan_subscription_id"
    assert refused(bench, "persist_data", {"pricing_item_config_id": "pico_none", "customer_reference": "acme-001"}).field == "pricing_item_config_id"
    wrong = {"pricing_item_config_id": id, "customer_reference": "acme-001", "persist_usage": "many"}
    assert refused(bench, "persist_data", wrong).field == "persist_usage"
    worlds.customer(bench, "other")
    assert refused(bench, "persist_data", {"pricing_item_config_id": id, "customer_reference": "other"}).field == "customer_id"
    bench.call("cancel_subscription", {"type": "NOW"}, made["subscription"])
    assert refused(bench, "persist_data", {"pricing_item_config_id": id, "pricing_plan_subscription_id": made["subscription"]["id"]}).kind == "illegal_transition"
