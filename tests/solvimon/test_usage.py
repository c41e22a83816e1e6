"""Usage events: taken in, matched, deduplicated, deleted; what they cost to book."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.laws import LAW
from solvimon.worlds import event
from understudy_solvimon import money


def billed(bench: Bench) -> list[tuple[str, str]]:
    """Quantity and total of every line of every invoice."""
    return [(row["quantity"], row["total"]["quantity"]) for invoice in bench.all("invoice") for row in invoice["line_items"]]


def priced(calculation: str = "SUM", **settings: Any) -> tuple[Bench, dict[str, Record]]:
    """The guide's world with one price of 0.50 EUR."""
    bench = Bench(**settings)
    made = worlds.catalogue(bench, calculation)
    worlds.price(bench, made, "Per receipt", worlds.flat("0.50"))
    worlds.subscribe(bench, made)
    return bench, made


# --- taking in --------------------------------------------------------------------------------------------------------


def test_event_is_kept_with_what_it_names_resolved() -> None:
    """Customer and meter by id and reference both, a time in UTC, not deleted, processed."""
    bench, made = priced()
    kept = bench.call("ingest", {**event("evt_20250506_001"), "timestamp": "2025-05-06T12:31:00+02:00"})
    assert (kept["customer_id"], kept["meter_id"]) == (made["customer"]["id"], made["meter"]["id"])
    assert (kept["customer_reference"], kept["meter_reference"]) == ("acme-001", "meter_registered_employee")
    assert (kept["timestamp"], kept["deleted"], kept["type"]) == ("2025-05-06T10:31:00Z", False, "INGEST")
    assert kept["processed_details"] == {"type": "DEFAULT"}


def test_event_may_name_customer_and_meter_by_id() -> None:
    """Either name will do."""
    bench, made = priced()
    body = {**event("evt_20250506_001"), "customer_id": made["customer"]["id"], "meter_id": made["meter"]["id"]}
    kept = bench.call("ingest", {name: value for name, value in body.items() if name not in ("customer_reference", "meter_reference")})
    assert kept["customer_reference"] == "acme-001"
    assert billed(bench) == [("5", "2.50")]


def test_event_without_time_happens_now() -> None:
    """timestamp defaults to now."""
    bench, _ = priced()
    assert bench.call("ingest", event("evt_20250506_001", at=None))["timestamp"] == "2025-05-06T10:30:00Z"


def test_the_same_reference_again_does_nothing() -> None:
    """Ingest twice is once: the first event's body comes back, whatever the second says."""
    bench, _ = priced()
    first = bench.call("ingest", event("evt_20250506_001"))
    assert bench.call("ingest", event("evt_20250506_001", "99", "USA")) == first
    assert billed(bench) == [("5", "2.50")]
    assert len(bench.all("usage_event")) == 1


def test_batch_is_taken_whole_and_duplicates_within_it_once() -> None:
    """All or none; the answer has one entry for each event sent."""
    bench, _ = priced()
    answer = bench.call("ingest_batch", {"meter_datas": [event("evt_20250506_001"), event("evt_20250506_002", "3"), event("evt_20250506_001")]})
    assert [row["reference"] for row in answer["meter_datas"]] == ["evt_20250506_001", "evt_20250506_002", "evt_20250506_001"]
    assert billed(bench) == [("8", "4.00")]


def changed(**fields: Any) -> Record:
    """The guide's event, with fields replaced, or left out where None."""
    body = {**event("evt_20250506_009"), **fields}
    return {name: value for name, value in body.items() if value is not None}


REFUSED: list[tuple[Record, str, str]] = [
    (changed(meter_reference="nothing"), "dangling_reference", "meter_reference"),
    (changed(meter_reference=None), "missing_field", "meter_reference"),
    (changed(customer_reference="nobody"), "dangling_reference", "customer_reference"),
    (changed(customer_reference=None), "missing_field", "customer_reference"),
    (changed(reference=None), "missing_field", "reference"),
    (changed(timestamp="2025-05-06T11:00:01Z"), "invalid_field", "timestamp"),
    (changed(timestamp="yesterday"), "invalid_field", "timestamp"),
    (changed(meter_values=[]), "cannot_process", "meter_values"),
    (changed(meter_values=[{"reference": "employee_count", "number": "five"}]), "cannot_process", "meter_values.0.number"),
    (changed(meter_values=[{"reference": "employee_count", "number": 5}]), "cannot_process", "meter_values.0.number"),
    (changed(meter_values=[{"reference": "hours", "number": "5"}]), "cannot_process", "meter_values.0.reference"),
    (changed(meter_properties=[]), "cannot_process", "meter_properties"),
    (changed(meter_properties=[{"reference": "employee_country", "value": "DEU"}]), "cannot_process", "meter_properties.0.value"),
    (changed(pricing_plan_subscription_reference="nothing"), "dangling_reference", "pricing_plan_subscription_reference"),
    (changed(customer_id="cust_nobody"), "dangling_reference", "customer_id"),
]


@pytest.mark.parametrize(("body", "kind", "field"), REFUSED)
def test_events_that_do_not_fit_are_refused_by_field(body: Record, kind: str, field: str) -> None:
    """Alone, and in a batch with the place in it; a bad one fails the whole batch."""
    bench, _ = priced()
    problem = refused(bench, "ingest", body)
    assert (problem.kind, problem.field) == (kind, field)
    batch = {"meter_datas": [event("evt_20250506_001"), event("evt_20250506_002"), event("evt_20250506_003"), body]}
    assert refused(bench, "ingest_batch", batch).field == f"meter_datas.3.{field}"
    assert billed(bench) == []


def test_half_an_hour_ahead_is_the_most_unless_set_otherwise() -> None:
    """At most 30 minutes ahead of the clock; `events_ahead` says how far."""
    bench, _ = priced()
    assert bench.call("ingest", event("evt_20250506_001", at="2025-05-06T11:00:00Z"))
    patient, _ = priced(events_ahead="PT4H")
    assert patient.call("ingest", event("evt_20250506_001", at="2025-05-06T14:30:00Z"))


@pytest.mark.parametrize(("trigger", "takes"), [(None, True), ("activate", True), ("archive", False)])
def test_meters_take_events_while_draft_or_active(trigger: str | None, takes: bool) -> None:
    """The guide's meter is never activated."""
    bench, made = priced()
    if trigger:
        bench.fire("meter", made["meter"]["id"], trigger)
    if takes:
        assert bench.call("ingest", event("evt_20250506_001"))
    else:
        assert refused(bench, "ingest", event("evt_20250506_001")).kind == "illegal_transition"


# --- what calculations make of them -----------------------------------------------------------------------------------


CALCULATED = [
    ("SUM", [("5", "GBR"), ("3", "USA")], [("8", "4.00")]),
    ("MAX", [("5", "GBR"), ("3", "USA")], [("5", "2.50")]),
    ("MIN", [("5", "GBR"), ("3", "USA")], [("3", "1.50")]),
    ("AVERAGE", [("5", "GBR"), ("3", "USA"), ("2", "USA")], [("3.333333333333", "1.67")]),
    ("UNIQUE", [("5", "GBR"), ("3", "USA"), ("2", "USA")], [("2", "1.00")]),
    ("SUM", [("5", "GBR"), ("-5", "GBR")], []),
    ("SUM", [("0", "GBR")], []),
]


@pytest.mark.parametrize(("calculation", "events", "expected"), CALCULATED)
def test_calculations_make_one_quantity_of_a_periods_events(
    calculation: str, events: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    """At 0.50 EUR each; nothing used, no line."""
    bench, _ = priced(calculation)
    for index, (number, country) in enumerate(events):
        bench.call("ingest", event(f"evt_20250506_{index:03}", number, country))
    assert billed(bench) == expected


# --- matching ---------------------------------------------------------------------------------------------------------


def details(event: Record) -> str | None:
    """Why an event went nowhere."""
    variant: str | None = event["processed_details"].get("not_matched", {}).get("variant")
    return variant


def test_first_config_that_matches_takes_the_event() -> None:
    """By order; the most specific first, the open one last."""
    bench = Bench()
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "By country", worlds.flat("9", order=3), worlds.flat("2", order=1, conditions=worlds.where(made, "USA", "us")),
                 worlds.flat("5", order=2, conditions=worlds.where(made, "USA", "again")))
    worlds.subscribe(bench, made)
    bench.call("ingest", event("evt_20250506_001", "1", "USA"))
    bench.call("ingest", event("evt_20250506_002", "1", "GBR"))
    assert sorted(billed(bench)) == [("1", "2.00"), ("1", "9.00")]


def test_events_of_strangers_and_other_times_are_kept_unmatched() -> None:
    """NOT_MATCHED says why: no subscription, before it began, or nothing in the plan that meters it."""
    bench, made = priced()
    worlds.customer(bench, "other-002")
    assert details(bench.call("ingest", {**event("evt_20250506_001"), "customer_reference": "other-002"})) == "NO_SUBSCRIPTION"
    assert details(bench.call("ingest", event("evt_20250506_002", at="2025-05-05T23:59:59Z"))) == "NO_SUBSCRIPTION"
    bench.make("meter", reference="other_meter", meter_values=made["meter"]["meter_values"], meter_properties=made["meter"]["meter_properties"])
    assert details(bench.call("ingest", {**event("evt_20250506_003"), "meter_reference": "other_meter"})) == "NO_PRODUCT_ITEM"
    assert billed(bench) == []


def test_event_in_the_grace_still_counts_and_after_final_no_more() -> None:
    """A late event for a FINAL invoice is not added."""
    bench, _ = priced()
    bench.advance("2025-06-06T05:00:00Z")
    bench.call("ingest", event("evt_20250506_001", at="2025-06-05T23:59:59Z"))
    bench.call("ingest", event("evt_20250506_002", "1", at="2025-06-06T00:00:00Z"))
    assert billed(bench) == [("5", "2.50"), ("1", "0.50")]
    bench.advance("2025-06-06T08:00:00Z")
    late = bench.call("ingest", event("evt_20250506_003", at="2025-06-05T12:00:00Z"))
    assert details(late) == "INVOICE_FINAL"
    assert billed(bench) == [("5", "2.50"), ("1", "0.50")]


def test_late_events_go_on_the_next_invoice_where_set() -> None:
    """put_after_invoice_final_on_next_invoice."""
    bench, _ = priced(put_after_invoice_final_on_next_invoice=True)
    bench.advance("2025-06-06T08:00:00Z")
    assert details(bench.call("ingest", event("evt_20250506_003", at="2025-06-05T12:00:00Z"))) is None
    assert [invoice["total_amount"]["quantity"] for invoice in bench.all("invoice")] == ["0.00", "2.50"]


def test_event_ahead_of_its_period_waits_for_it() -> None:
    """Ten minutes to midnight, and the event is of tomorrow's period."""
    bench, _ = priced()
    bench.advance("2025-06-05T23:50:00Z")
    bench.call("ingest", event("evt_20250506_001", at="2025-06-06T00:10:00Z"))
    assert billed(bench) == []
    bench.advance("2025-06-06T00:00:00Z")
    assert [invoice["total_amount"]["quantity"] for invoice in bench.all("invoice")] == ["0.00", "2.50"]


def test_event_goes_to_the_latest_of_several_subscriptions_or_to_the_named_one() -> None:
    """fallback LATEST; an event may book itself on one subscription."""
    bench, made = priced()
    bench.call("init_subscription", worlds.init("entity_NL", reference="acme-001-sub-2"))
    bench.call("ingest", event("evt_20250506_001"))
    bench.call("ingest", {**event("evt_20250506_002", "1"), "pricing_plan_subscription_reference": "acme-001-sub"})
    bench.call("ingest", {**event("evt_20250506_003", "1"), "pricing_plan_subscription_id": made["subscription"]["id"]})
    assert [invoice["total_amount"]["quantity"] for invoice in bench.all("invoice")] == ["1.00", "2.50"]


def test_what_no_invoice_can_write_is_left_off_and_said() -> None:
    """Twenty digits of units at twenty digits of money."""
    bench = Bench()
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Dear", worlds.flat("9" * 20))
    worlds.subscribe(bench, made)
    bench.call("ingest", event("evt_20250506_001", "9" * 20))
    assert billed(bench) == []
    assert "more digits" in bench.all("invoice")[0]["validation_result"][0]["details"]


def test_a_price_that_does_not_fit_its_calculation_is_left_off_and_said() -> None:
    """A percentage of a number."""
    bench = Bench()
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Share", {"type": "FLAT", "bands": [{"percentage": "5"}]})
    worlds.subscribe(bench, made)
    bench.call("ingest", event("evt_20250506_001"))
    assert billed(bench) == []
    assert "AMOUNT" in bench.all("invoice")[0]["validation_result"][0]["details"]


# --- deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calculation", ["SUM", "MAX", "MIN", "AVERAGE", "UNIQUE"])
@pytest.mark.parametrize("gone", [0, 1, 2])
def test_deleted_event_leaves_the_bill_as_if_it_never_came(calculation: str, gone: int) -> None:
    """Whatever the calculation, whichever event."""
    rows = [("5", "GBR"), ("3", "USA"), ("3", "USA")]
    with_all, _ = priced(calculation)
    without, _ = priced(calculation)
    for index, (number, country) in enumerate(rows):
        with_all.call("ingest", event(f"evt_20250506_{index:03}", number, country))
        if index != gone:
            without.call("ingest", event(f"evt_20250506_{index:03}", number, country))
    deleted = with_all.call("delete_event_by_reference", {"reference": f"evt_20250506_{gone:03}"})
    assert deleted["deleted"] is True
    assert billed(with_all) == billed(without)


def test_the_last_event_deleted_leaves_no_line() -> None:
    """By id, and once more without effect."""
    bench, _ = priced("MAX")
    kept = bench.call("ingest", event("evt_20250506_001"))
    for _ in range(2):
        assert bench.call("delete_event", None, kept)["deleted"] is True
    assert billed(bench) == []
    assert bench.all("usage_bucket") == []


def test_deleting_an_event_of_a_final_invoice_marks_it_and_warns() -> None:
    """FINAL is unchangeable."""
    bench, _ = priced()
    kept = bench.call("ingest", event("evt_20250506_001"))
    bench.advance("2025-06-06T08:00:00Z")
    assert bench.call("delete_event", None, kept)["deleted"] is True
    assert billed(bench) == [("5", "2.50")]
    assert "stays on it" in bench.warnings[-1]


def test_deleting_what_never_came_is_refused() -> None:
    """By its reference."""
    bench, _ = priced()
    assert refused(bench, "delete_event_by_reference", {"reference": "evt_nothing_1"}).field == "reference"


# --- what it costs, and laws ------------------------------------------------------------------------------------------


def reads_of_one_event(before: int) -> int:
    """How many records an event reads, with so many events booked before it."""
    bench, _ = priced("UNIQUE")
    for index in range(before):
        bench.call("ingest", event(f"evt_20250506_{index:05}", str(index), worlds.COUNTRIES[index % 9]))
    bench.reads = 0
    bench.call("ingest", event("evt_20250506_last"))
    return bench.reads


def test_an_event_costs_the_same_with_ten_and_with_a_hundred_before_it() -> None:
    """Buckets are running aggregates: nothing looks back."""
    assert reads_of_one_event(10) == reads_of_one_event(100)


FEW = LAW.__class__(LAW, max_examples=15)
AMOUNTS = st.lists(st.integers(1, 500).map(lambda units: Fraction(units, 10)), min_size=1, max_size=5)


def total(numbers: list[Fraction], calculation: str = "SUM") -> list[tuple[str, str]]:
    """What these events of one country come to."""
    bench, _ = priced(calculation)
    for index, number in enumerate(numbers):
        bench.call("ingest", event(f"evt_20250506_{index:03}", money.text(number)))
    return billed(bench)


@FEW
@given(AMOUNTS, st.sampled_from(["SUM", "MAX", "MIN", "AVERAGE"]), st.randoms(use_true_random=False))
def test_order_of_events_never_matters(numbers: list[Fraction], calculation: str, random: Any) -> None:
    """For the bill as for the aggregate."""
    shuffled = list(numbers)
    random.shuffle(shuffled)
    assert total(numbers, calculation) == total(shuffled, calculation)


@FEW
@given(AMOUNTS)
def test_splitting_an_event_into_parts_with_the_same_sum_changes_no_sum_price(numbers: list[Fraction]) -> None:
    """One event of all, or one of each."""
    assert total(numbers) == total([sum(numbers, Fraction(0))])
