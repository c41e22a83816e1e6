"""Invoice dates that a schedule realigns: the running period ends where it begins, and the rhythm counts from there."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused

REALIGN = "realign_invoice_date_to_pricing_plan_schedule_start_at"


def begun(advance: bool = False, **subscription: Any) -> tuple[Bench, dict[str, Record], Record]:
    """A fee of 31.00 a month since 1 May, in the customer's London time taken as UTC, and its only schedule."""
    bench = Bench("2025-05-01T00:00:00Z")
    made = worlds.catalogue(bench)
    fee = worlds.flat("31.00", billing_in_advance=True) if advance else worlds.flat("31.00")
    worlds.price(bench, made, "Fee", fee, item=worlds.item(bench, made, "fee", "RECURRING"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench, zone="UTC")
    answer = bench.call("init_subscription", worlds.init("entity_NL", "2025-05-01T00:00:00Z", **subscription))
    return bench, made, answer["pricing_plan_schedules"][0]


def billed(bench: Bench) -> list[tuple[str, str, str]]:
    """What each invoice is from, to and of."""
    return [(one["billing_period_start"][5:10], one["billing_period_end"][5:10], one["total_amount"]["quantity"]) for one in bench.all("invoice")]


@pytest.mark.parametrize(("realign", "expected"), [
    (True, [("05-01", "05-21", "20.00"), ("05-21", "06-21", "31.00"), ("06-21", "07-21", "31.00")]),
    (None, [("05-01", "06-01", "31.00"), ("06-01", "07-01", "31.00"), ("07-01", "08-01", "31.00")]),
])
def test_a_schedule_that_realigns_cuts_the_period_and_begins_another(realign: bool | None, expected: list[Any]) -> None:
    """From 21 May: twenty of May's 31 days, then months from the 21st; without it, two parts of each day's month."""
    bench, _, schedule = begun()
    bench.call("copy_schedule", {"start_at": "2025-05-21T00:00:00Z", **({REALIGN: realign} if realign else {})}, schedule, set_previous_end_at=True)
    bench.advance("2025-07-05T00:00:00Z")
    assert billed(bench) == expected
    infos = bench.all("subscription")[0]["pricing_plan_schedule_infos"]
    assert [row.get(REALIGN) for row in infos] == [None, realign]


def test_a_migration_realigns_too_and_a_copy_of_it_does_not() -> None:
    """Asked for once, it holds for that schedule alone."""
    bench, made, schedule = begun()
    moved = bench.call("migrate_schedule", {"start_at": "2025-05-11T00:00:00Z", "pricing_plan_version_id": made["version"]["id"], REALIGN: True}, schedule)
    bench.call("copy_schedule", {"start_at": "2025-06-20T00:00:00Z"}, moved, set_previous_end_at=True)
    bench.advance("2025-07-12T00:00:00Z")
    assert [row[:2] for row in billed(bench)] == [("05-01", "05-11"), ("05-11", "06-11"), ("06-11", "07-11"), ("07-11", "08-11")]


def test_what_was_billed_in_advance_is_made_up_for() -> None:
    """31.00 for May at its beginning; cut to ten days, 21.00 of it are taken back where the next month is billed."""
    bench, _, schedule = begun(advance=True)
    bench.call("copy_schedule", {"start_at": "2025-05-11T00:00:00Z", REALIGN: True}, schedule, set_previous_end_at=True)
    bench.advance("2025-05-12T00:00:00Z")
    assert [one["total_amount"]["quantity"] for one in bench.all("invoice")][:2] == ["31.00", "10.00"]


def test_a_realignment_in_the_past_of_the_running_period_ends_it_at_once() -> None:
    """On 20 May a schedule from the 11th: May's part is over, the month from the 11th runs."""
    bench, _, schedule = begun()
    bench.advance("2025-05-20T00:00:00Z")
    bench.call("copy_schedule", {"start_at": "2025-05-11T00:00:00Z", REALIGN: True}, schedule, set_previous_end_at=True)
    assert billed(bench) == [("05-01", "05-11", "10.00"), ("05-11", "06-11", "31.00")]


def test_one_that_is_taken_away_again_leaves_the_period_whole() -> None:
    """Deleted before it begins."""
    bench, _, schedule = begun()
    other = bench.call("copy_schedule", {"start_at": "2025-05-21T00:00:00Z", REALIGN: True}, schedule, set_previous_end_at=True)
    bench.drop("schedule", other["id"])
    bench.change("schedule", schedule["id"], end_at=None)
    bench.advance("2025-06-01T00:00:00Z")
    assert billed(bench)[0] == ("05-01", "06-01", "31.00")


def test_the_preview_shows_the_periods_realigned() -> None:
    """As they will be billed."""
    bench, _, schedule = begun()
    bench.call("copy_schedule", {"start_at": "2025-05-21T00:00:00Z", REALIGN: True}, schedule, set_previous_end_at=True)
    answer = bench.call("preview_invoices", {"pricing_plan_subscription_id": schedule["pricing_plan_subscription_id"], "invoices_per_schedule": 2})
    shown = [(one["billing_period_start"][5:10], one["total_amount"]["quantity"]) for info in answer["invoice_infos"] for one in info["invoices"]]
    assert shown == [("05-01", "20.00"), ("05-21", "31.00"), ("06-21", "31.00")]


def test_periods_of_the_calendar_are_not_realigned() -> None:
    """The reference: only for EXACT."""
    bench, _, schedule = begun(billing_time="CALENDAR")
    problem = refused(bench, "copy_schedule", {"start_at": "2025-05-21T00:00:00Z", REALIGN: True}, schedule, set_previous_end_at=True)
    assert (problem.kind, problem.field) == ("cannot_process", REALIGN)
