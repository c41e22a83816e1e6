"""Subscriptions: begun, billed period by period, changed, cancelled, voided, copied."""

from __future__ import annotations

import itertools
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.worlds import amount, event, init
from understudy.problems import Problem
from understudy_solvimon import periods

MONTH = {"type": "MONTH", "value": 1}


def ready(**settings: Any) -> tuple[Bench, dict[str, Record]]:
    """The guide's world with one price, its version active and its customer, but no subscription yet."""
    bench = Bench(**settings)
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Per receipt", worlds.flat("0.50"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench)
    return bench, made


def begun(start: str = "2025-05-06T00:00:00Z", now: str = "2025-05-06T10:30:00Z", **subscription: Any) -> tuple[Bench, Record]:
    """The same, subscribed."""
    bench, _ = ready()
    bench.now = bench.now.__class__.fromisoformat(now)
    answer = bench.call("init_subscription", init("entity_NL", start, **subscription))
    return bench, answer["pricing_plan_subscription"]


def spans(bench: Bench) -> list[tuple[str, str, str]]:
    """State, first day and the day after the last of every invoice, as the customer in London counts them."""
    return [(one["status"], day(one["billing_period_start"]), day(one["billing_period_end"])) for one in bench.all("invoice")]


def day(stamp: str) -> str:
    """The date of a time stamp in London."""
    return periods.instant(stamp).astimezone(ZoneInfo("Europe/London")).date().isoformat()


def totals(bench: Bench) -> list[str]:
    """The total of every invoice."""
    return [one["total_amount"]["quantity"] for one in bench.all("invoice")]


# --- init -------------------------------------------------------------------------------------------------------------


def test_init_answers_with_subscription_schedules_and_first_invoice() -> None:
    """The same keys as were sent, and the invoice."""
    bench, _ = ready()
    answer = bench.call("init_subscription", init("entity_NL"))
    subscription = answer["pricing_plan_subscription"]
    assert (subscription["status"], subscription["billing_time"], subscription["billing_period"]) == ("ACTIVE", "EXACT", MONTH)
    assert subscription["activated_at"] == "2025-05-06T10:30:00Z"
    (schedule,) = answer["pricing_plan_schedules"]
    assert (schedule["start_at"], schedule["type"]) == ("2025-05-06T00:00:00Z", "DEFAULT")
    assert subscription["pricing_plan_schedule_infos"][0]["id"] == schedule["id"]
    assert answer["invoice"]["status"] == "DRAFT"


def test_init_takes_the_only_billing_entity_there_is() -> None:
    """Named by nobody; with a second one, it must be."""
    bench, _ = ready()
    body = init("entity_NL")
    del body["pricing_plan_subscription"]["billing_entity_reference"]
    assert bench.call("init_subscription", body)["pricing_plan_subscription"]["billing_entity_reference"] == "entity_NL"
    worlds.entity(bench, "DE")
    problem = refused(bench, "init_subscription", {**body, "pricing_plan_subscription": {**body["pricing_plan_subscription"], "reference": "b"}})
    assert (problem.kind, problem.field) == ("cannot_process", "pricing_plan_subscription.billing_entity_reference")


def test_init_may_bring_its_customer() -> None:
    """Created in the same call, and active."""
    bench, _ = ready()
    body = init("entity_NL")
    del body["pricing_plan_subscription"]["customer_reference"]
    answer = bench.call("init_subscription", {**body, "customer": {"reference": "new-003", "type": "INDIVIDUAL"}})
    assert (answer["customer"]["reference"], answer["customer"]["status"]) == ("new-003", "ACTIVE")
    assert answer["pricing_plan_subscription"]["customer_reference"] == "new-003"


def altered(path: str, value: Any) -> Record:
    """The guide's body with one value replaced, or left out."""
    body: Any = init("entity_NL")
    place: Any = body
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return dict(body)


SUB, ROW = "pricing_plan_subscription", "pricing_plan_schedules.0"
SELECTOR = f"{ROW}.pricing_plan_version_selector"
REFUSED: list[tuple[str, Any, str, str]] = [
    (f"{SUB}.customer_reference", "nobody", "dangling_reference", f"{SUB}.customer_reference"),
    (f"{SUB}.customer_reference", None, "missing_field", f"{SUB}.customer_reference"),
    (f"{SUB}.billing_entity_reference", "nobody", "dangling_reference", f"{SUB}.billing_entity_reference"),
    (f"{SUB}.billing_period", {"type": "MONTH", "value": 0}, "invalid_field", f"{SUB}.billing_period.value"),
    ("pricing_plan_schedules", [], "missing_field", "pricing_plan_schedules"),
    (f"{ROW}.start_at", None, "missing_field", f"{ROW}.start_at"),
    (f"{ROW}.start_at", "soon", "invalid_field", f"{ROW}.start_at"),
    (f"{ROW}.end_at", "2025-05-06T00:00:00Z", "cannot_process", f"{ROW}.end_at"),
    (SELECTOR, {"pricing_plan_reference": "nothing"}, "dangling_reference", f"{SELECTOR}.pricing_plan_reference"),
    (SELECTOR, {}, "missing_field", SELECTOR),
    (SELECTOR, {"pricing_plan_reference": "default_pricing", "type": "VERSION", "version": 9}, "dangling_reference", SELECTOR),
]


@pytest.mark.parametrize(("path", "value", "kind", "field"), REFUSED)
def test_init_refuses_what_does_not_fit_by_its_whole_path(path: str, value: Any, kind: str, field: str) -> None:
    """Nothing is kept of a refused call."""
    bench, _ = ready()
    problem = refused(bench, "init_subscription", altered(path, value))
    assert (problem.kind, problem.field) == (kind, field)


def test_init_wants_an_active_customer() -> None:
    """Activate them before creating subscriptions."""
    bench, _ = ready()
    bench.make("customer", reference="draft-1", type="ORGANIZATION")
    problem = refused(bench, "init_subscription", altered(f"{SUB}.customer_reference", "draft-1"))
    assert (problem.kind, problem.field) == ("illegal_transition", f"{SUB}.customer_reference")


def test_init_wants_a_billing_entity() -> None:
    """Required before any invoice can be generated."""
    bench, made = ready()
    bench.rows["billing_entity"].clear()
    problem = refused(bench, "init_subscription", altered(f"{SUB}.billing_entity_reference", None))
    assert (problem.kind, made["entity"]["reference"]) == ("cannot_process", "entity_NL")


def test_latest_is_the_highest_active_version() -> None:
    """A newer draft does not count; a version may be named by number or id."""
    bench, made = ready()
    draft = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"]})
    assert bench.call("init_subscription", init("entity_NL"))["pricing_plan_schedules"][0]["pricing_plan_version_id"] == made["version"]["id"]
    named = {"pricing_plan_reference": "default_pricing", "type": "VERSION", "version": 2}
    assert refused(bench, "init_subscription", altered(SELECTOR, named)).kind == "illegal_transition"
    body = altered(SELECTOR, None)
    body["pricing_plan_schedules"][0]["pricing_plan_version_id"] = draft["id"]
    assert refused(bench, "init_subscription", body).field == f"{ROW}.pricing_plan_version_id"
    bench.fire("pricing_plan_version", draft["id"], "activate")
    body["pricing_plan_subscription"]["reference"] = "second"
    assert bench.call("init_subscription", body)["pricing_plan_schedules"][0]["pricing_plan_version_id"] == draft["id"]


def test_a_plan_without_an_active_version_is_not_found() -> None:
    """RESOURCE_NOT_FOUND."""
    bench, made = ready()
    bench.make("pricing_plan", reference="empty_plan")
    problem = refused(bench, "init_subscription", altered(SELECTOR, {"pricing_plan_reference": "empty_plan"}))
    assert (problem.kind, problem.field, made["plan"]["reference"]) == ("dangling_reference", SELECTOR, "default_pricing")


@pytest.mark.parametrize("state", ["deprecate", "archive"])
def test_every_item_of_the_plan_must_be_active(state: str) -> None:
    """UNABLE_TO_PROCESS_INSTRUCTIONS, naming the item."""
    bench, made = ready()
    bench.fire("product_item", made["item"]["id"], state)
    problem = refused(bench, "init_subscription", init("entity_NL"))
    assert (problem.kind, problem.id) == ("cannot_process", made["item"]["id"])


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_start_in_the_past_yields_its_past_invoices_in_order() -> None:
    """Three periods over, their grace too: FINAL and numbered in order; the fourth runs."""
    bench, _ = begun("2025-02-01T00:00:00Z")
    assert spans(bench) == [("FINAL", "2025-02-01", "2025-03-01"), ("FINAL", "2025-03-01", "2025-04-01"),
                            ("FINAL", "2025-04-01", "2025-05-01"), ("DRAFT", "2025-05-01", "2025-06-01")]
    assert [one.get("invoice_number") for one in bench.all("invoice")] == ["INV-000001", "INV-000002", "INV-000003", None]


def test_past_invoices_on_hold_wait_for_their_usage() -> None:
    """init_invoice_on_hold is how a past is back-filled; lifting the hold starts the eight hours."""
    bench, _ = begun("2025-04-01T00:00:00Z", init_invoice_on_hold=True)
    bench.call("ingest", event("evt_20250506_001", at="2025-04-15T00:00:00Z"))
    first = bench.all("invoice")[0]
    assert (first["status"], first["on_hold"], first["total_amount"]["quantity"]) == ("DRAFT", True, "2.50")
    bench.call("update_invoice", {"on_hold": False}, first)
    bench.advance("2025-05-06T18:30:00Z")
    assert bench.all("invoice")[0]["status"] == "FINAL"


def test_a_start_too_far_back_is_refused() -> None:
    """Nobody means fifty thousand invoices."""
    bench, _ = ready()
    body = init("entity_NL", "1970-01-01T00:00:00Z", billing_period={"type": "DAY", "value": 1})
    assert refused(bench, "init_subscription", body).field == "start_at"


def test_a_start_in_the_future_activates_when_it_comes() -> None:
    """DRAFT until the first billing period begins."""
    bench, subscription = begun("2025-06-01T00:00:00Z")
    assert (subscription["status"], bench.all("invoice")) == ("DRAFT", [])
    bench.advance("2025-06-01T00:00:00Z")
    assert bench.read("subscription", subscription["id"])["status"] == "ACTIVE"
    assert spans(bench) == [("DRAFT", "2025-06-01", "2025-07-01")]


def test_a_year_goes_by_invoice_by_invoice() -> None:
    """Twelve months, twelve invoices, each begun where the last ended; the day of the start returns after February."""
    bench, _ = begun("2025-01-31T00:00:00Z", now="2025-01-31T09:00:00+00:00")
    bench.advance("2026-01-31T08:00:00Z")
    rows = spans(bench)
    assert [row[0] for row in rows] == ["FINAL"] * 12 + ["DRAFT"]
    assert [row[1] for row in rows[:4]] == ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]
    assert all(one[2] == other[1] for one, other in itertools.pairwise(rows))


def test_one_step_or_many_give_the_same_bytes() -> None:
    """Only what falls due matters, not how the clock was turned."""
    worlds_seen = []
    for stops in (["2025-09-01T00:00:00Z"], ["2025-05-20T00:00:00Z", "2025-06-06T07:00:00Z", "2025-06-06T08:00:00Z", "2025-09-01T00:00:00Z"]):
        bench, _ = begun()
        for stop in stops:
            bench.advance(stop)
        worlds_seen.append({name: rows for name, rows in bench.rows.items() if name in ("invoice", "subscription", "billing_period")})
    assert worlds_seen[0] == worlds_seen[1]


def test_the_other_reading_is_open_in_the_period_and_draft_after_it() -> None:
    """invoice_open_status."""
    bench, _ = ready(invoice_open_status=True)
    answer = bench.call("init_subscription", init("entity_NL"))
    assert answer["invoice"]["status"] == "OPEN"
    bench.advance("2025-06-06T00:00:00Z")
    assert [row[0] for row in spans(bench)] == ["DRAFT", "OPEN"]
    bench.advance("2025-06-06T08:00:00Z")
    assert [row[0] for row in spans(bench)] == ["FINAL", "OPEN"]


# --- what is charged beside usage -------------------------------------------------------------------------------------


def charged(model: str, config: Record, start: str = "2025-05-06T00:00:00Z", item: Record | None = None, **subscription: Any) -> Bench:
    """The guide's world with an item of a model beside usage."""
    bench = Bench(start if start > "2025-05-06T10:30:00Z" else "2025-05-06T10:30:00Z")
    made = worlds.catalogue(bench)
    other = worlds.item(bench, made, "platform_fee", model, **(item or {}))
    worlds.price(bench, made, "Fee", config, item=other)
    worlds.subscribe(bench, made, start, **subscription)
    return bench


CALENDAR = {"billing_time": "CALENDAR"}
CHARGED: list[tuple[str, str, Record, Record, str]] = [
    ("a monthly price each month", "RECURRING", worlds.flat("31"), {}, "31.00"),
    ("written as FIXED", "RECURRING", {"type": "FIXED", "bands": [{"fixed_amount": amount("31")}]}, {}, "31.00"),
    ("N12: 150 a month in a quarter", "RECURRING", worlds.flat("150", billing_period=MONTH),
     {"billing_period": {"type": "MONTH", "value": 3}}, "450.00"),
    ("a yearly price, month by month", "RECURRING", worlds.flat("100", billing_period={"type": "YEAR", "value": 1}), {}, "8.33"),
    ("N13: 26 of May's 31 days at 31", "RECURRING", worlds.flat("31"), CALENDAR, "26.00"),
    ("N13: 26/31 of 100 is 83.870…", "RECURRING", worlds.flat("100"), CALENDAR, "83.87"),
    ("EXACT prorates nothing", "RECURRING", worlds.flat("100"), {}, "100.00"),
    ("ten seats at 7", "PER_SEAT", worlds.flat("7", default_seats_value={"number": "10"}), {}, "70.00"),
    ("the guide's word SEATS", "SEATS", worlds.flat("7", default_seats_value={"number": "10"}), {}, "70.00"),
    ("ten seats for 26 of 31 days", "PER_SEAT", worlds.flat("3.10", default_seats_value={"number": "10"}), CALENDAR, "26.00"),
    ("set-up once", "ONE_OFF", worlds.flat("99"), {}, "99.00"),
    ("once, whole, in a stub as well", "ONE_OFF", worlds.flat("99"), CALENDAR, "99.00"),
]


@pytest.mark.parametrize(("why", "model", "config", "terms", "expected"), CHARGED, ids=[case[0] for case in CHARGED])
def test_items_that_are_not_used_are_charged_by_their_model(why: str, model: str, config: Record, terms: Record, expected: str) -> None:
    """Recurring, per seat, once."""
    assert totals(charged(model, config, **terms)) == [expected]


def test_one_off_items_are_charged_once_and_recurring_ones_each_time() -> None:
    """The second invoice has no set-up."""
    for model, expected in (("ONE_OFF", ["99.00", "0.00"]), ("RECURRING", ["99.00", "99.00"])):
        bench = charged(model, worlds.flat("99"))
        bench.advance("2025-06-06T00:00:00Z")
        assert totals(bench) == expected


def test_no_seats_no_line_and_on_demand_never_by_itself() -> None:
    """Nothing to charge is not shown."""
    assert charged("PER_SEAT", worlds.flat("7")).all("invoice")[0]["line_items"] == []
    assert charged("ONE_OFF", worlds.flat("7", on_demand=True)).all("invoice")[0]["line_items"] == []


def test_a_deduction_is_taken_off() -> None:
    """An item of type DEDUCTION is charged with the sign turned."""
    assert totals(charged("RECURRING", worlds.flat("10"), item={"type": "DEDUCTION"})) == ["-10.00"]


def test_included_volume_is_free_each_period() -> None:
    """100 included, 120 used: 20 are billed."""
    bench = Bench()
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Usage", worlds.flat("0.50", default_included_volume={"number": "100"}))
    worlds.subscribe(bench, made)
    bench.call("ingest", event("evt_20250506_001", "120"))
    assert totals(bench) == ["10.00"]


def test_tax_is_that_of_the_entitys_country_unless_exempt() -> None:
    """tax_rates by country, for STANDARD; sales_tax_percentage on the subscription goes before it."""
    for terms, expected in (({}, "3.03"), ({"sales_tax_percentage": "10"}, "2.75")):
        bench, _ = ready(tax_rates={"NL": "21"})
        bench.call("init_subscription", init("entity_NL", **terms))
        bench.call("ingest", event("evt_20250506_001"))
        assert totals(bench) == [expected]
    exempt, made = ready(tax_rates={"NL": "21"})
    exempt.change("customer", made["customer"]["id"], organization={"legal_name": "ACME", "tax_exempt": True})
    exempt.call("init_subscription", init("entity_NL"))
    exempt.call("ingest", event("evt_20250506_001"))
    assert totals(exempt) == ["2.50"]


def test_an_addon_counts_only_where_it_is_enabled() -> None:
    """product_type ADDON, switched on by enabled_pricings."""
    for enabled, expected in ((False, "0.00"), (True, "9.00")):
        bench = Bench()
        made = worlds.catalogue(bench)
        other = worlds.item(bench, made, "support", "RECURRING")
        addon = bench.call("create_pricing", {
            "pricing_plan_version_id": made["version"]["id"], "name": "Support", "product_type": "ADDON",
            "product_ids": [made["product"]["id"]], "items": [{"product_item_ids": [other["id"]], "configs": [worlds.flat("9")]}]})
        bench.fire("pricing_plan_version", made["version"]["id"], "activate")
        worlds.customer(bench)
        bench.call("init_subscription", {**init("entity_NL"), **({"enabled_pricings": [{"pricing_id": addon["id"]}]} if enabled else {})})
        assert totals(bench) == [expected]


# --- schedules --------------------------------------------------------------------------------------------------------


def two_versions() -> tuple[Bench, dict[str, Record]]:
    """A plan whose first version costs 0.50 a unit and whose second 1.00."""
    bench, made = ready()
    made["second"] = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"]})
    worlds.price(bench, {**made, "version": made["second"]}, "Dearer", worlds.flat("1.00"))
    bench.fire("pricing_plan_version", made["second"]["id"], "activate")
    return bench, made


def row(made: dict[str, Record], version: str, start: str, end: str | None = None) -> Record:
    """A schedule on one of the two versions."""
    return {"pricing_plan_version_id": made[version]["id"], "start_at": start, **({"end_at": end} if end else {})}


def test_schedules_follow_one_another_and_each_prices_its_own_days() -> None:
    """A price change at the turn of a period; the first schedule ends where the second begins."""
    bench, made = two_versions()
    body = {**init("entity_NL"), "pricing_plan_schedules": [row(made, "second", "2025-06-06T00:00:00Z"), row(made, "version", "2025-05-06T00:00:00Z")]}
    answer = bench.call("init_subscription", body)
    assert [(one["start_at"][:10], (one.get("end_at") or "")[:10]) for one in answer["pricing_plan_schedules"]] == [
        ("2025-05-06", "2025-06-06"), ("2025-06-06", "")]
    bench.call("ingest", event("evt_20250506_001"))
    bench.advance("2025-06-10T00:00:00Z")
    bench.call("ingest", event("evt_20250506_002", at="2025-06-07T00:00:00Z"))
    assert totals(bench) == ["2.50", "5.00"]


def test_a_change_within_a_period_makes_two_groups_of_one_invoice() -> None:
    """An event is priced by the schedule of its time."""
    bench, made = two_versions()
    body = {**init("entity_NL"), "pricing_plan_schedules": [row(made, "version", "2025-05-06T00:00:00Z", "2025-05-20T00:00:00Z"),
                                                            row(made, "second", "2025-05-20T00:00:00Z")]}
    bench.call("init_subscription", body)
    bench.advance("2025-05-21T00:00:00Z")
    bench.call("ingest", event("evt_20250506_001", at="2025-05-19T23:59:59Z"))
    bench.call("ingest", event("evt_20250506_002", at="2025-05-20T00:00:00Z"))
    (invoice,) = bench.all("invoice")
    assert [row["total"]["quantity"] for row in invoice["line_items"]] == ["2.50", "5.00"]
    assert [group["start_at"][:10] for group in invoice["periods"][0]["groups"]] == ["2025-05-06", "2025-05-20"]


@pytest.mark.parametrize(("second", "word", "field"), [
    ("2025-06-10T00:00:00Z", "gap", "pricing_plan_schedules.1.start_at"),
    ("2025-06-01T00:00:00Z", "overlaps", "pricing_plan_schedules.1.start_at"),
])
def test_gaps_and_overlaps_between_schedules_are_refused(second: str, word: str, field: str) -> None:
    """Schedules of one subscription may neither overlap nor leave a gap."""
    bench, made = two_versions()
    body = {**init("entity_NL"), "pricing_plan_schedules": [row(made, "version", "2025-05-06T00:00:00Z", "2025-06-06T00:00:00Z"),
                                                            row(made, "second", second)]}
    problem = refused(bench, "init_subscription", body)
    assert problem.field == field
    assert word in problem.message


def test_a_later_schedule_closes_the_open_one_and_reprices_what_it_takes_over() -> None:
    """An upgrade in the middle: events from its start on are booked anew, at its price."""
    bench, made = two_versions()
    subscription = bench.call("init_subscription", {**init("entity_NL"), "pricing_plan_schedules": [row(made, "version", "2025-05-06T00:00:00Z")]})[SUB]
    bench.call("ingest", event("evt_20250506_001", at="2025-05-06T10:35:00Z"))
    bench.advance("2025-05-20T00:00:00Z")
    bench.call("ingest", event("evt_20250506_002", at="2025-05-18T00:00:00Z"))
    assert totals(bench) == ["5.00"]
    bench.call("create_schedule", {**row(made, "second", "2025-05-15T00:00:00Z"), "pricing_plan_subscription_id": subscription["id"]})
    assert totals(bench) == ["7.50"]
    infos = bench.read("subscription", subscription["id"])["pricing_plan_schedule_infos"]
    assert [(info["start_at"][:10], (info.get("end_at") or "")[:10]) for info in infos] == [("2025-05-06", "2025-05-15"), ("2025-05-15", "")]


def test_a_closed_schedule_is_moved_only_where_asked() -> None:
    """set_previous_end_at."""
    bench, made = two_versions()
    rows = [row(made, "version", "2025-05-06T00:00:00Z", "2025-12-06T00:00:00Z")]
    subscription = bench.call("init_subscription", {**init("entity_NL"), "pricing_plan_schedules": rows})[SUB]
    body = {**row(made, "second", "2025-07-06T00:00:00Z"), "pricing_plan_subscription_id": subscription["id"]}
    assert "overlaps" in refused(bench, "create_schedule", body).message
    kept = bench.call("create_schedule", body, set_previous_end_at=True)
    assert kept["start_at"] == "2025-07-06T00:00:00Z"
    assert bench.all("schedule")[0]["end_at"] == "2025-07-06T00:00:00Z"


def test_a_schedule_may_not_reach_back_into_what_is_billed() -> None:
    """Past schedules are locked."""
    bench, made = two_versions()
    subscription = bench.call("init_subscription", {**init("entity_NL"), "pricing_plan_schedules": [row(made, "version", "2025-05-06T00:00:00Z")]})[SUB]
    bench.advance("2025-06-10T00:00:00Z")
    body = {**row(made, "second", "2025-06-01T00:00:00Z"), "pricing_plan_subscription_id": subscription["id"]}
    assert refused(bench, "create_schedule", body).kind == "locked"


def test_migrating_a_schedule_ends_it_on_another_version() -> None:
    """POST …/migrate: start_at is the end of the old schedule."""
    bench, made = two_versions()
    (schedule,) = bench.call("init_subscription", {**init("entity_NL"), "pricing_plan_schedules": [row(made, "version", "2025-05-06T00:00:00Z")]})["pricing_plan_schedules"]
    bench.call("migrate_schedule", row(made, "second", "2025-06-06T00:00:00Z"), schedule)
    assert [one["pricing_plan_version_id"] for one in bench.all("schedule")] == [made["version"]["id"], made["second"]["id"]]


def test_a_schedules_end_is_the_subscriptions_end() -> None:
    """No period beyond it; the last one is cut short, and a further schedule takes it up again."""
    bench, made = two_versions()
    rows = [row(made, "version", "2025-05-06T00:00:00Z", "2025-06-20T00:00:00Z")]
    subscription = bench.call("init_subscription", {**init("entity_NL"), "pricing_plan_schedules": rows})[SUB]
    bench.advance("2025-08-01T00:00:00Z")
    assert spans(bench) == [("FINAL", "2025-05-06", "2025-06-06"), ("FINAL", "2025-06-06", "2025-06-20")]
    bench.call("create_schedule", {**row(made, "second", "2025-06-20T00:00:00Z"), "pricing_plan_subscription_id": subscription["id"]})
    assert [row[1:] for row in spans(bench)][2:] == [("2025-06-20", "2025-07-06"), ("2025-07-06", "2025-08-06")]


def test_a_subscription_made_alone_begins_with_its_first_schedule() -> None:
    """POST /pricing-plan-subscriptions, then the schedule."""
    bench, made = ready()
    subscription = bench.call("create_subscription", {"reference": "alone", "customer_reference": "acme-001"})
    assert (subscription["status"], subscription["billing_currency"], bench.all("invoice")) == ("DRAFT", "EUR", [])
    bench.call("create_schedule", {**row(made, "version", "2025-05-06T00:00:00Z"), "pricing_plan_subscription_id": subscription["id"]})
    assert bench.read("subscription", subscription["id"])["status"] == "ACTIVE"


def test_deleting_a_draft_takes_its_schedules_along() -> None:
    """And it never begins."""
    bench, subscription = begun("2025-06-01T00:00:00Z")
    bench.drop("subscription", subscription["id"])
    bench.advance("2025-07-01T00:00:00Z")
    assert (bench.all("schedule"), bench.all("invoice"), bench.all("billing_period")) == ([], [], [])


# --- its end ----------------------------------------------------------------------------------------------------------


def cancel(bench: Bench, subscription: Record, type: str, **more: Any) -> Record:
    """POST …/cancel."""
    record: Record = bench.call("cancel_subscription", {"type": type, **more}, subscription)
    return record


def test_cancelled_now_the_period_ends_now() -> None:
    """One last invoice, cut short; nothing is prorated for EXACT, and no further period begins."""
    bench, subscription = begun()
    bench.call("ingest", event("evt_20250506_001"))
    bench.advance("2025-05-20T12:00:00Z")
    record = cancel(bench, subscription, "NOW")
    assert (record["status"], record["inactive_periods"]) == ("CANCELLED", [{"type": "CANCEL", "start_at": "2025-05-20T12:00:00Z"}])
    bench.advance("2025-09-01T00:00:00Z")
    assert spans(bench) == [("FINAL", "2025-05-06", "2025-05-20")]
    assert totals(bench) == ["2.50"]


ENDS = [
    ("NEXT_BILLING_PERIOD", {}, ["2025-06-06"]),
    ("DATE", {"cancel_at": "2025-06-20T00:00:00Z"}, ["2025-06-06", "2025-06-20"]),
    ("AFTER_INITIAL_TERM", {}, ["2025-06-06", "2025-07-06", "2025-08-06"]),
]


@pytest.mark.parametrize(("type", "more", "ends"), ENDS)
def test_cancelled_later_it_bills_until_then(type: str, more: Record, ends: list[str]) -> None:
    """CANCELLED at once, billed to the date; the term here is a quarter."""
    bench, subscription = begun(initial_term={"type": "MONTH", "value": 3})
    assert cancel(bench, subscription, type, **more)["status"] == "CANCELLED"
    bench.advance("2025-12-01T00:00:00Z")
    assert [row[2] for row in spans(bench)] == ends


def test_undone_before_its_time_a_cancellation_leaves_no_trace() -> None:
    """ACTIVE again, billing on; once in effect it cannot be undone."""
    bench, subscription = begun()
    cancel(bench, subscription, "DATE", cancel_at="2025-05-20T00:00:00Z")
    assert spans(bench) == [("DRAFT", "2025-05-06", "2025-05-20")]
    record = cancel(bench, subscription, "UNDO")
    assert (record["status"], record["inactive_periods"]) == ("ACTIVE", [])
    bench.advance("2025-06-10T00:00:00Z")
    assert [row[1:] for row in spans(bench)] == [("2025-05-06", "2025-06-06"), ("2025-06-06", "2025-07-06")]
    cancel(bench, subscription, "NOW")
    assert refused(bench, "cancel_subscription", {"type": "UNDO"}, subscription).kind == "illegal_transition"


WRONG_CANCELS = [({"type": "DATE"}, "cancel_at"), ({"type": "DATE", "cancel_at": "2025-05-01T00:00:00Z"}, "cancel_at"),
                 ({"type": "AFTER_INITIAL_TERM"}, "type")]


@pytest.mark.parametrize(("body", "field"), WRONG_CANCELS)
def test_cancellations_without_sense_are_refused_by_field(body: Record, field: str) -> None:
    """No date, a date gone by, a term that is not there."""
    bench, subscription = begun()
    assert refused(bench, "cancel_subscription", body, subscription).field == field


def test_cancelled_before_it_begins_it_never_begins() -> None:
    """No period, no invoice."""
    bench, subscription = begun("2025-06-01T00:00:00Z")
    cancel(bench, subscription, "NOW")
    bench.advance("2025-09-01T00:00:00Z")
    assert bench.all("invoice") == []


def test_void_voids_what_is_not_final() -> None:
    """Wrongfully created: drafts are void, what is FINAL stays and is credited."""
    bench, subscription = begun("2025-04-01T00:00:00Z")
    assert bench.fire("subscription", subscription["id"], "void")["status"] == "VOID"
    assert [row[0] for row in spans(bench)] == ["FINAL", "VOID"]
    bench.advance("2025-09-01T00:00:00Z")
    assert len(bench.all("invoice")) == 2
    assert bench.call("ingest", event("evt_20250506_001", at="2025-05-20T00:00:00Z"))["processed_details"]["type"] == "NOT_MATCHED"


def test_what_bills_cannot_be_archived() -> None:
    """Cancelled and run out, it can."""
    bench, subscription = begun()
    cancel(bench, subscription, "NEXT_BILLING_PERIOD")
    with pytest.raises(Problem, match="bills until"):
        bench.fire("subscription", subscription["id"], "archive")
    bench.advance("2025-06-06T00:00:00Z")
    assert bench.fire("subscription", subscription["id"], "archive")["status"] == "ARCHIVED"


def test_a_copy_is_a_draft_that_bills_once_activated() -> None:
    """Schedules included, under a reference of its own."""
    bench, subscription = begun()
    copy = bench.call("copy_subscription", {"reference": "copy-1"}, subscription)
    assert (copy["status"], copy["reference"], len(bench.all("schedule"))) == ("DRAFT", "copy-1", 2)
    bench.advance("2025-05-10T00:00:00Z")
    assert len(bench.all("invoice")) == 1
    assert bench.change("subscription", copy["id"], status="ACTIVE")["status"] == "ACTIVE"
    assert len(bench.all("invoice")) == 2


def test_a_status_sent_alone_cancels_now_and_takes_it_back_never() -> None:
    """PATCH status CANCELLED is NOW; ACTIVE again is UNDO, with its rule."""
    bench, subscription = begun()
    bench.advance("2025-05-20T00:00:00Z")
    bench.change("subscription", subscription["id"], status="CANCELLED")
    assert spans(bench) == [("DRAFT", "2025-05-06", "2025-05-20")]
    with pytest.raises(Problem, match="in effect"):
        bench.change("subscription", subscription["id"], status="ACTIVE")


def test_a_status_sent_alone_undoes_a_cancellation_to_come() -> None:
    """Before it takes effect."""
    bench, subscription = begun()
    cancel(bench, subscription, "NEXT_BILLING_PERIOD")
    assert bench.change("subscription", subscription["id"], status="ACTIVE")["inactive_periods"] == []
    bench.advance("2025-06-10T00:00:00Z")
    assert len(bench.all("invoice")) == 2
