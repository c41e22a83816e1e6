"""Cases worked out by hand or taken from the vendor's pages: `cases/*.yaml`, each with its reasoning as `why`.

A band is written `0.10 <= 100` (a price per unit up to a bound), `25 per 100` (by the block), `8% <= 1000`, `0.10 +2`
(a fixed part beside), `fixed 25`, `5 at least 3` or `at most`. The tables know nothing of the code; this file only
carries what they say to the bench and compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from solvimon import worlds
from solvimon.bench import Bench, Record
from understudy_solvimon import conditions, money, periods

FOLDER = Path(__file__).parent / "cases"


def table(name: str) -> list[Any]:
    """A table's cases, named by their reasoning."""
    rows = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert len({row["why"] for row in rows}) == len(rows), "two cases give the same reason"
    return [pytest.param(row, id=re.sub(r"\W+", "-", row["why"])[:90]) for row in rows]


# --- reading a band ---------------------------------------------------------------------------------------------------

_BAND = re.compile(
    r"(?P<fixed>fixed )?(?P<price>-?[\d.]+)(?P<percent>%)?( per (?P<block>[\d.]+))?( \+(?P<plus>[\d.]+))?"
    r"( at least (?P<least>[\d.]+))?( at most (?P<most>[\d.]+))?( min (?P<floor>[\d.]+))?( max (?P<cap>[\d.]+))?( <= (?P<top>[\d.]+))?"
)


def band(text: str, currency: str = "EUR", measured: bool = False) -> Record:
    """A band of the API from its short form; bounds of amounts where what is measured is one."""
    found = _BAND.fullmatch(str(text))
    assert found, text
    said = found.groupdict()
    row: Record = {"percentage": said["price"]} if said["percent"] else {
        "fixed_amount" if said["fixed"] else "amount": worlds.amount(said["price"], currency)}
    for name, field in (("plus", "fixed_amount"), ("floor", "minimum_amount"), ("cap", "maximum_amount")):
        row |= {field: worlds.amount(said[name], currency)} if said[name] else {}
    for name, field in (("least", "minimum_number"), ("most", "maximum_number")):
        row |= {field: said[name]} if said[name] else {}
    for name, field in (("block", "block_size"), ("top", "tier_top_bound")):
        row |= {field: {"amount": worlds.amount(said[name], currency)} if measured else {"number": said[name]}} if said[name] else {}
    return row


def config(case: Record, row: Record, number: int, made: dict[str, Record]) -> Record:
    """A config of the API from its short form."""
    bands = [band(one, row.get("currency", case.get("currency", "EUR")), case.get("amounts", False)) for one in row.get("bands", ())]
    more = {field: value for field, value in row.items() if field not in ("kind", "bands", "where", "tiering", "currency", "split")}
    for field, name in (("where", "conditions"), ("tiering", "tiering_conditions")):
        if row.get(field):
            more[name] = {"expression": _expression(made, row[field])} if isinstance(row[field], dict) and field == "tiering" else _conditions(made, row[field])
    if row.get("split"):
        more["split_pricing"] = {"meter_properties": [{"id": made["property"]["id"]}]}
    return {"type": row.get("kind", "FLAT"), **({"bands": bands} if bands else {}), "order": number, **more}


def _conditions(made: dict[str, Record], said: Any) -> Record:
    if isinstance(said, str):
        return {"meter_properties": [{"id": made["property"]["id"], "value": said, "comparator": "EQUALS"}]}
    if isinstance(said, list):
        return {"meter_properties": [{"id": made["property"]["id"], "values": said, "comparator": "IN"}]}
    return {"meter_properties": [{"id": made["property"]["id"], **said}]}


def _expression(made: dict[str, Record], said: Record) -> Record:
    return {"operator": "AND", "operands": [{"meter_property": {"id": made["property"]["id"], **said}}]}


# --- worlds of a case -------------------------------------------------------------------------------------------------


def world(case: Record) -> tuple[Bench, dict[str, Record]]:
    """The guide's world with the case's prices, subscribed as the case says."""
    bench = Bench(case.get("now", "2025-05-06T10:30:00Z"), **{"events_ahead": "P400D", **case.get("settings", {})})
    made = worlds.catalogue(bench, case.get("calculation", "SUM"), **case.get("plan", {}))
    if case.get("amounts"):
        bench.rows["meter_value"].clear()
        _measure_amounts(bench, made)
    if case.get("persist"):
        bench.change("meter_value_calculation", made["calculation"]["id"], persist=True)
    for number, row in enumerate(case.get("items", ())):
        made[f"item{number}"] = worlds.item(bench, made, f"item_{number}", row["model"], **row.get("fields", {}))
    priced = [config(case, row, place + 1, made) for place, row in enumerate(case.get("prices", ()))]
    if priced:
        pricing = worlds.price(bench, made, "Usage", *priced)
        made |= {f"usage{place}": one for place, one in enumerate(pricing["items"][0]["configs"])}
    for number, row in enumerate(case.get("items", ())):
        _price_item(bench, made, case, row, number)
    if case.get("customer"):
        made["given"] = case["customer"]
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench, zone=case.get("zone", "UTC"), **case.get("customer", {}))
    body = worlds.init("entity_NL", case.get("start", "2025-05-06T00:00:00Z"), **case.get("subscription", {}))
    body["pricing_plan_schedules"][0] |= _of_schedule(made, case.get("schedule", {}))
    made["init"] = bench.call("init_subscription", body)
    made["subscription"] = made["init"]["pricing_plan_subscription"]
    return bench, made


def _measure_amounts(bench: Bench, made: dict[str, Record]) -> None:
    value = bench.make("meter_value", reference="volume", name="Volume", type="AMOUNT", status="ACTIVE")
    bench.change("meter", made["meter"]["id"], meter_values=[{"id": value["id"], "reference": "employee_count", "required": True}])
    bench.change("meter_value_calculation", made["calculation"]["id"], meter_value_id=value["id"])


def _price_item(bench: Bench, made: dict[str, Record], case: Record, row: Record, number: int) -> None:
    one = config(case, {**row.get("config", {}), "bands": row["bands"], "kind": row.get("kind", "FLAT")}, 1, made)
    pricing = bench.call("create_pricing", {
        "pricing_plan_version_id": made["version"]["id"], "name": f"Item {number}", "product_ids": [made["product"]["id"]],
        "display_order": number + 2, **({"product_type": "ADDON"} if row.get("addon") else {}),
        "items": [{"product_item_ids": [made[f"item{number}"]["id"]], "configs": [one]}]})
    made[f"pricing{number}"] = pricing
    made[f"config{number}"] = pricing["items"][0]["configs"][0]


def _of_schedule(made: dict[str, Record], said: Any) -> Any:
    """A schedule's fields, with `$name` for the id of what the world made."""
    if isinstance(said, dict):
        return {name: _of_schedule(made, part) for name, part in said.items()}
    if isinstance(said, list):
        return [_of_schedule(made, part) for part in said]
    if isinstance(said, str) and said.startswith("$"):
        return made[said[1:]]["id"]
    return said


def play(case: Record) -> Bench:
    """A case from its first event to its last moment."""
    bench, made = world(case)
    for place, row in enumerate(case.get("events", ())):
        happening = {"n": str(row)} if not isinstance(row, dict) else row
        at = happening.get("at", case.get("start", "2025-05-06T00:00:00Z"))
        if periods.instant(at) > bench.now:
            bench.advance(at)
        _send(bench, case, f"case_event_{place:03}", happening, at)
    for step in case.get("then", ()):
        _do(bench, made, step)
        if "send" in step:
            _send(bench, case, "case_event_then", step["send"], step["send"]["at"])
    if case.get("until"):
        bench.advance(case["until"])
    return bench


def _send(bench: Bench, case: Record, reference: str, row: Record, at: str) -> None:
    event = worlds.event(reference, str(row["n"]), row.get("country", "GBR"), at)
    if case.get("amounts"):
        event["meter_values"] = [{"reference": "volume", "amount": worlds.amount(str(row["n"]), row.get("currency", case.get("currency", "EUR")))}]
    bench.call("ingest", event)


def _do(bench: Bench, made: dict[str, Record], step: Record) -> None:
    if "at" in step:
        bench.advance(step["at"])
    schedule = made["init"]["pricing_plan_schedules"][0]
    if "cancel" in step:
        bench.call("cancel_subscription", step["cancel"], made["subscription"])
    if "schedule" in step:
        bench.change("schedule", schedule["id"], **_of_schedule(made, step["schedule"]))
    if "copy" in step:
        bench.call("copy_schedule", step["copy"], schedule, set_previous_end_at=True)
    if "delete" in step:
        bench.call("delete_event_by_reference", {"reference": step["delete"]})


def totals(bench: Bench) -> list[str]:
    """The total of every invoice, in order of creation."""
    return [invoice["total_amount"]["quantity"] for invoice in bench.all("invoice")]


# --- the tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [*table("worked"), *table("prices"), *table("plans"), *table("carried")])
def test_what_was_used_and_subscribed_to_costs_what_the_table_says(case: Record) -> None:
    """Every invoice's total, first to last, the open draft included."""
    bench = play(case)
    assert totals(bench) == [str(total) for total in case["totals"]]
    for invoice in bench.all("invoice"):
        shown = sum((money.number(line["total"]["quantity"]) for line in invoice["line_items"]), money.ZERO)
        assert money.number(invoice["total_amount"]["quantity"]) == shown
    if "tax" in case:
        summary = bench.all("invoice")[-1]["tax_summary"]
        assert [summary["base_amount"]["quantity"], summary["tax_amount"]["quantity"]] == case["tax"]
    if "lines" in case:
        assert [line["total"]["quantity"] for line in bench.all("invoice")[-1]["line_items"]] == case["lines"]


@pytest.mark.parametrize("case", table("periods"))
def test_periods_begin_and_end_where_the_table_says(case: Record) -> None:
    """The first borders of a subscription's periods, in the customer's time zone, as UTC."""
    zone = periods.zone(case.get("zone"))
    rhythm = periods.Rhythm(periods.instant(case["start"]), periods.length(case["length"]), zone, case.get("time", "EXACT"))
    assert [*_borders(rhythm, len(case["ends"]))] == case["ends"]


def _borders(rhythm: periods.Rhythm, count: int) -> Iterator[str]:
    for number, period in enumerate(periods.series(rhythm)):
        if number == count:
            return
        yield periods.stamp(period.end)


@pytest.mark.parametrize("case", table("conditions"))
def test_conditions_hold_where_the_table_says(case: Record) -> None:
    """Properties by id; a number is given as one."""
    given = {name: money.number(str(value)) if not isinstance(value, str) else value for name, value in case["given"].items()}
    assert conditions.met(case["conditions"], given) is case["met"]


def test_there_are_at_least_a_hundred_and_fifty_cases() -> None:
    """The tables are the proof: they do not shrink."""
    assert sum(len(table(name)) for name in ("prices", "plans", "carried", "periods", "conditions")) >= 150
