"""Laws of whole invoices: whatever is used, whenever and in however many parts."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from solvimon import worlds
from solvimon.bench import Bench, Record
from understudy_solvimon import money, periods

LAW = hypothesis_settings(max_examples=20, deadline=None, database=None)
START = "2025-05-06T00:00:00Z"

numbers = st.integers(-20_000, 400_000).map(lambda units: f"{units / 1000:.3f}")
countries = st.sampled_from(worlds.COUNTRIES)
uses = st.lists(st.tuples(numbers, countries, st.integers(0, 85)), max_size=8)
"""A quantity, a country, and how many days after the start."""


def company(**subscription: Any) -> tuple[Bench, dict[str, Record]]:
    """A plan with nearly everything: conditions, tiers with included volume, top-up, fees in arrears and in advance, seats, tax."""
    bench = Bench("2025-05-06T00:00:00Z", events_ahead="P400D", tax_rates={"NL": "21"})
    made = worlds.catalogue(bench)
    tiers = {"type": "TIERED", "bands": [
        {"amount": worlds.amount("0.333"), "tier_top_bound": {"number": "100"}}, {"amount": worlds.amount("0.1")}]}
    worlds.price(bench, made, "Calls", {**worlds.flat("0.125"), "order": 1, "conditions": worlds.where(made, "USA", "USA")},
                 {**tiers, "order": 2, "default_included_volume": {"number": "10", "reset_type": "ROLLOVER"}})
    topped = {"type": "FLAT_TOP_UP", "bands": [{"amount": worlds.amount("7.77"), "block_size": {"number": "50"}}]}
    more = worlds.item(bench, made, "blocks", "USAGE_BASED", usage_based={"meter_value_calculation_id": made["calculation"]["id"]})
    worlds.price(bench, made, "Blocks", topped, item=more)
    for name, model, config in (("fee", "RECURRING", worlds.flat("19.99", billing_in_advance=True)),
                                ("seats", "PER_SEAT", worlds.flat("3.10", default_seats_value={"number": "3"})),
                                ("setup", "ONE_OFF", worlds.flat("49.95"))):
        worlds.price(bench, made, name, config, item=worlds.item(bench, made, name, model))
    worlds.subscribe(bench, made, START, **subscription)
    return bench, made


def sent(use: tuple[str, str, int], reference: str) -> Record:
    """A usage event."""
    number, country, day = use
    return worlds.event(reference, number, country, periods.stamp(periods.instant(START) + timedelta(days=day, hours=1)))


def bills(bench: Bench) -> list[Any]:
    """What every invoice asks for and why, without the ids that tell when something was made."""
    shown = ("status", "type", "billing_period_start", "billing_period_end", "total_amount", "line_items", "tax_summary", "invoice_number")
    return [{name: invoice.get(name) for name in shown} for invoice in bench.all("invoice")]


@LAW
@given(uses, st.sampled_from(["EXACT", "CALENDAR"]))
def test_an_invoice_is_the_sum_of_its_lines_in_both_shapes(events: list[tuple[str, str, int]], time: str) -> None:
    """Guide's items, reference's lines, groups, periods, tax: one total."""
    bench, _ = company(billing_time=time)
    for place, use in enumerate(sorted(events, key=lambda use: use[2])):
        bench.advance(max(periods.stamp(bench.now), sent(use, "x")["timestamp"]))
        bench.call("ingest", sent(use, f"law_event_{place:03}"))
    for invoice in bench.all("invoice"):
        whole = money.money(invoice["total_amount"]).quantity
        assert whole == sum(money.money(item["total"]).quantity for item in invoice["line_items"])
        lines = [line for period in invoice["periods"] for group in period["groups"] for line in group["lines"]]
        assert whole == sum(money.money(line["amount_including_tax"]).quantity for line in lines)
        assert whole == sum(money.money(period["amount_including_tax"]).quantity for period in invoice["periods"])
        summary = invoice["tax_summary"]
        assert money.money(summary["base_amount"]).quantity + money.money(summary["tax_amount"]).quantity == whole


@LAW
@given(uses, st.randoms(use_true_random=False))
def test_order_of_events_never_matters(events: list[tuple[str, str, int]], random: Any) -> None:
    """All sent while the clock stands at the start: in any order, the same invoices in the end."""
    found, named = [], _named(events)
    for _ in range(2):
        bench, _made = company()
        for reference, use in named:
            bench.call("ingest", sent(use, reference))
        bench.advance("2025-09-01T00:00:00Z")
        found.append(bills(bench))
        random.shuffle(named)
    assert found[0] == found[1]


def _named(events: list[tuple[str, str, int]]) -> list[tuple[str, tuple[str, str, int]]]:
    return [(f"law_event_{place:03}", use) for place, use in enumerate(events)]


@LAW
@given(uses)
def test_sent_twice_is_sent_once(events: list[tuple[str, str, int]]) -> None:
    """The same references again, one by one and in a batch, change no byte of any invoice."""
    bench, _ = company()
    rows = [sent(use, reference) for reference, use in _named(events)]
    for row in rows:
        bench.call("ingest", row)
    once = json.dumps(bench.all("invoice"))
    for row in rows:
        bench.call("ingest", row)
    bench.call("ingest_batch", {"meter_datas": rows})
    assert json.dumps(bench.all("invoice")) == once


@LAW
@given(uses, st.lists(st.integers(1, 100), max_size=6))
def test_one_step_or_many_give_the_same_bytes(events: list[tuple[str, str, int]], stops: list[int]) -> None:
    """Turned to autumn at once, or with stops on the way at which everything is read: every record of every invoice."""
    found = []
    for pauses in ([], sorted(stops)):
        bench, _ = company()
        for reference, use in _named(events):
            bench.call("ingest", sent(use, reference))
        for day in pauses:
            bench.advance(periods.stamp(periods.instant(START) + timedelta(days=day)))
            bench.all("invoice")
        bench.advance("2025-09-01T00:00:00Z")
        found.append(json.dumps(bench.all("invoice")))
    assert found[0] == found[1]


@LAW
@given(uses, st.integers(0, 7))
def test_a_deleted_event_was_never_there(events: list[tuple[str, str, int]], which: int) -> None:
    """Sent and deleted while its invoice is open, or never sent: the same invoices in the end."""
    named = _named(events)
    found = []
    for kept in (True, False):
        bench, _ = company()
        for place, (reference, use) in enumerate(named):
            if kept or place != which:
                bench.call("ingest", sent(use, reference))
        if kept and which < len(named):
            bench.call("delete_event_by_reference", {"reference": named[which][0]})
        bench.advance("2025-09-01T00:00:00Z")
        found.append(bills(bench))
    assert found[0] == found[1]


@LAW
@given(uses, st.integers(0, 7))
def test_a_batch_is_its_events_one_by_one(events: list[tuple[str, str, int]], month: int) -> None:
    """What is looked up once for a batch is what each event alone would see: the same events, waiting or booked, and invoices."""
    found = []
    for batch in (True, False):
        bench, _ = company()
        bench.advance(periods.stamp(periods.instant(START) + timedelta(days=10 * month)))
        rows = [sent(use, reference) for reference, use in _named(events)]
        if batch and rows:
            bench.call("ingest_batch", {"meter_datas": rows})
        for row in [] if batch else rows:
            bench.call("ingest", row)
        kept = [(one["reference"], one["processed_details"], one["waits_for"] is None, len(one["bookings"])) for one in bench.all("usage_event")]
        bench.advance("2025-09-01T00:00:00Z")
        found.append((kept, bills(bench)))
    assert found[0] == found[1]


@LAW
@given(numbers, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_splitting_an_event_changes_no_price_of_a_sum(number: str, parts: list[int]) -> None:
    """One event, or several with the same sum: every invoice of the year is the same."""
    whole = money.number(number)
    share = [whole * part / sum(parts) for part in parts[:-1]]
    share.append(whole - sum(share))
    found = []
    for pieces in ([whole], [round(piece, 6) for piece in share]):
        bench, _ = company()
        pieces[-1] = whole - sum(pieces[:-1])
        for place, piece in enumerate(pieces):
            bench.call("ingest", sent((money.text(piece), "GBR", 1), f"law_event_{place:03}"))
        bench.advance("2025-09-01T00:00:00Z")
        found.append([invoice["total_amount"] for invoice in bench.all("invoice")])
    assert found[0] == found[1]


@LAW
@given(uses)
def test_an_invoice_and_its_credit_come_to_nothing(events: list[tuple[str, str, int]]) -> None:
    """Every final invoice taken back whole: in each tax category, each amount and in total nothing is left."""
    bench, _ = company()
    for reference, use in _named(events):
        bench.call("ingest", sent(use, reference))
    bench.advance("2025-07-20T00:00:00Z")
    for invoice in [one for one in bench.all("invoice") if one["status"] == "FINAL" and money.money(one["total_amount"]).quantity > 0]:
        credit = bench.call("credit_invoice", {}, invoice)
        for name in ("total_amount", "invoice_amount_excluding_tax", "invoice_amount_including_tax"):
            assert money.money(credit[name]).quantity == -money.money(invoice[name]).quantity
        left = {row["category"]: row["tax_amount"]["quantity"] for row in invoice["tax_categories"]}
        back = {row["category"]: row["tax_amount"]["quantity"] for row in credit["tax_categories"]}
        assert {name: money.number(value) for name, value in left.items()} == {name: -money.number(value) for name, value in back.items()}
