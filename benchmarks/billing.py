"""What billing costs: a year over many subscriptions, one usage event among few and among many, a draft invoice over many.

    python benchmarks/billing.py [--subscriptions 1000] [--months 12] [--events 100] [--many 100000]

One process, no HTTP: requests go to the stage as the server hands them over, so validation, events and the log are in.
Seconds are of this process's CPU time. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.stage import Request
from understudy.world.world import World

HEADERS = ((b"x-api-key", b"bench"), (b"content-type", b"application/json"))
BATCH = 50


class Played:
    """A world of the bundled sandbox and a way to call it."""

    def __init__(self) -> None:
        self.sandbox: Theatre = open_theatre(Options(now=datetime(2025, 1, 1, tzinfo=UTC)))
        self.world: World = self.sandbox.worlds.get("default")

    def __call__(self, method: str, target: str, body: Any = None) -> Any:
        """One call; its answer must be a success."""
        path, _, query = target.partition("?")
        data = b"" if body is None else orjson.dumps(body)
        reply = self.sandbox.answer(Request(method, path, query.encode(), HEADERS, data, dict(HEADERS)))
        assert reply.status < 300, (method, target, reply.status, reply.body)
        return orjson.loads(reply.body)

    def advance(self, to: datetime) -> int:
        """Turn the clock; how many things fell due."""
        return len(self.sandbox.stage.advance(self.world, to))


def catalogue(call: Played) -> None:
    """A meter, a product with a metered item and a monthly fee, and an active plan."""
    value = call("POST", "/v1/meter-values", {"reference": "calls", "name": "Calls", "type": "NUMBER", "status": "ACTIVE"})
    meter = call("POST", "/v1/meters", {"reference": "calls", "name": "Calls", "status": "ACTIVE",
                                        "meter_values": [{"id": value["id"], "required": True}]})
    total = call("POST", "/v1/meter-value-calculations", {
        "reference": "calls_sum", "calculation_type": "SUM", "persist": False, "meter_id": meter["id"], "meter_value_id": value["id"]})
    category = call("POST", "/v1/product-categories", {"reference": "api", "name": "API", "tax_category": "STANDARD"})
    product = call("POST", "/v1/products", {"reference": "api", "name": "API", "category_id": category["id"], "product_type": "DEFAULT"})
    usage = call("POST", "/v1/product-items", {
        "product_id": product["id"], "reference": "calls", "name": "Calls", "model_type": "USAGE_BASED",
        "usage_based": {"meter_value_calculation_id": total["id"]}})
    fee = call("POST", "/v1/product-items", {"product_id": product["id"], "reference": "fee", "name": "Fee", "model_type": "RECURRING"})
    plan = call("POST", "/v1/pricing-plans", {"reference": "basic", "name": "Basic", "pricing_currencies": ["EUR"]})
    version = call("POST", "/v1/pricing-plan-versions", {"pricing_plan_id": plan["id"], "version": 1})
    bands = [{"amount": _eur("0.10"), "tier_top_bound": {"number": "1000"}}, {"amount": _eur("0.05")}]
    for name, item, config in (("Calls", usage, {"type": "TIERED", "bands": bands}),
                               ("Fee", fee, {"type": "FLAT", "bands": [{"amount": _eur("20")}]})):
        call("POST", "/v1/pricings", {"pricing_plan_version_id": version["id"], "name": name, "product_ids": [product["id"]],
                                      "items": [{"product_item_ids": [item["id"]], "configs": [config]}]})
    call("POST", f"/v1/pricing-plan-versions/{version['id']}/activate")


def _eur(quantity: str) -> dict[str, str]:
    return {"quantity": quantity, "currency": "EUR"}


def subscribe(call: Played, number: int) -> None:
    """A customer with a monthly subscription from the world's first day on."""
    customer = call("POST", "/v1/customers", {"reference": f"c{number}", "type": "ORGANIZATION", "status": "ACTIVE",
                                              "organization": {"legal_name": f"C{number}"}})
    call("POST", "/v1/pricing-plan-subscriptions/init", {
        "pricing_plan_subscription": {"reference": f"s{number}", "customer_id": customer["id"], "billing_currency": "EUR",
                                      "billing_entity_reference": "default_entity", "billing_time": "EXACT"},
        "pricing_plan_schedules": [{"pricing_plan_version_selector": {"pricing_plan_reference": "basic"}, "start_at": "2025-01-01T00:00:00Z"}]})


def event(customer: int, reference: str, at: datetime) -> dict[str, Any]:
    """A usage event."""
    return {"meter_reference": "calls", "customer_reference": f"c{customer}", "reference": f"event-{reference}",
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "meter_values": [{"reference": "calls", "number": "3"}]}


def year(subscriptions: int, months: int, events: int) -> None:
    """Each month: every subscription's events in batches, then the clock to the next month."""
    call = Played()
    catalogue(call)
    start = time.process_time()
    for number in range(subscriptions):
        subscribe(call, number)
    print(f"{subscriptions} subscriptions: {time.process_time() - start:.1f} s to begin", flush=True)
    ingesting = advancing = 0.0
    at = datetime(2025, 1, 1, tzinfo=UTC)
    for month in range(months):
        start = time.process_time()
        for number in range(subscriptions):
            for first in range(0, events, BATCH):
                rows = [event(number, f"{month}-{number}-{index}", at) for index in range(first, min(first + BATCH, events))]
                call("POST", "/v1/events/ingest-batch", {"meter_datas": rows})
        ingesting += time.process_time() - start
        start = time.process_time()
        at = (at + timedelta(days=31)).replace(day=1)
        due = call.advance(at)
        advancing += time.process_time() - start
        print(f"  month {month + 1}: {due} fell due; ingesting {ingesting:.1f} s, advancing {advancing:.1f} s so far", flush=True)
    call.advance(at + timedelta(days=1))
    periods = subscriptions * months
    count = periods * events
    print(f"{periods} periods, {count} events: advancing {advancing:.1f} s, {advancing / periods * 1e6:.0f} us a period; "
          f"ingesting {ingesting:.1f} s, {ingesting / max(count, 1) * 1e6:.0f} us an event")


def one_among(many: int) -> None:
    """What an event and a reading of the draft cost, with ten events in the period and with many."""
    call = Played()
    catalogue(call)
    subscribe(call, 0)
    call.advance(datetime(2025, 1, 20, tzinfo=UTC))
    at = datetime(2025, 1, 10, tzinfo=UTC)
    sent = 0
    for target in (10, 1000, many):
        while sent < target:
            rows = [event(0, f"many-{index}", at) for index in range(sent, min(sent + BATCH, target))]
            call("POST", "/v1/events/ingest-batch", {"meter_datas": rows})
            sent += len(rows)
        single, reading = [], []
        for index in range(200):
            start = time.process_time()
            call("POST", "/v1/ingest/meter-data", event(0, f"one-{target}-{index}", at))
            single.append(time.process_time() - start)
            start = time.process_time()
            (invoice,) = call("GET", "/v1/invoices?customer_reference=c0")["data"]
            reading.append(time.process_time() - start)
        print(f"{target:7} events in the period: one more {sorted(single)[100] * 1e6:6.0f} us, "
              f"reading the draft, which takes it in, {sorted(reading)[100] * 1e3:5.2f} ms ({invoice['total_amount']['quantity']} EUR)", flush=True)
        sent += 0


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscriptions", type=int, default=1000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--many", type=int, default=100_000)
    chosen = parser.parse_args()
    one_among(chosen.many)
    year(chosen.subscriptions, chosen.months, chosen.events)


if __name__ == "__main__":
    main()
