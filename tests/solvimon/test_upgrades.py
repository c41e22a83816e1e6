"""A subscription in the place of another, and what a template would be for a customer, shown beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused

FROM = "upgraded_from_pricing_plan_subscription_id"


def begun(**config: Any) -> tuple[Bench, dict[str, Record]]:
    """A fee of 31.00 a month since 1 May, in UTC."""
    bench = Bench("2025-05-01T00:00:00Z")
    made = worlds.catalogue(bench)
    made["fee"] = worlds.price(bench, made, "Fee", worlds.flat("31.00", **config), item=worlds.item(bench, made, "fee", "RECURRING"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench, zone="UTC")
    made["old"] = bench.call("init_subscription", worlds.init("entity_NL", "2025-05-01T00:00:00Z"))["pricing_plan_subscription"]
    return bench, made


def upgraded(bench: Bench, made: dict[str, Record], at: str, **subscription: Any) -> Record:
    """Another subscription to the same plan in the place of the first."""
    body = worlds.init("entity_NL", at, reference="better", **{FROM: made["old"]["id"], **subscription})
    answer: Record = bench.call("init_subscription", body)["pricing_plan_subscription"]
    return answer


def billed(bench: Bench, id: str) -> list[tuple[str, str, str]]:
    """From, to and how much, of a subscription's invoices."""
    rows = [one for one in bench.all("invoice") if one["pricing_plan_subscription_ids"] == [id]]
    return [(one["billing_period_start"][5:10], one["billing_period_end"][5:10], one["total_amount"]["quantity"]) for one in rows]


def test_an_upgrade_ends_the_other_where_it_begins() -> None:
    """From 21 May: twenty of May's 31 days of the old one, months from the 21st of the new one; each names the other."""
    bench, made = begun()
    new = upgraded(bench, made, "2025-05-21T00:00:00Z")
    old = bench.read("subscription", made["old"]["id"])
    assert (old["status"], old["inactive_periods"]) == ("CANCELLED", [{"type": "UPGRADE", "start_at": "2025-05-21T00:00:00Z"}])
    assert (old["upgraded_to_pricing_plan_subscription_id"], new[FROM]) == (new["id"], old["id"])
    bench.advance("2025-06-22T00:00:00Z")
    assert billed(bench, old["id"]) == [("05-01", "05-21", "20.00")]
    assert billed(bench, new["id"]) == [("05-21", "06-21", "31.00"), ("06-21", "07-21", "31.00")]


def test_an_upgrade_now_ends_the_other_now_and_makes_up_for_what_was_billed_in_advance() -> None:
    """On 11 May: 31.00 was billed at the beginning, 21.00 of it comes back."""
    bench, made = begun(billing_in_advance=True)
    bench.advance("2025-05-11T00:00:00Z")
    upgraded(bench, made, "2025-05-11T00:00:00Z")
    assert [row[2] for row in billed(bench, made["old"]["id"])] == ["31.00", "-21.00"]


def test_one_that_is_put_off_moves_the_end_with_it_and_one_that_is_dropped_leaves_the_other_whole() -> None:
    """Before it begins."""
    bench, made = begun()
    new = upgraded(bench, made, "2025-05-11T00:00:00Z")
    (schedule,) = bench.all("schedule", pricing_plan_subscription_id=new["id"])
    bench.call("update_schedule", {"start_at": "2025-05-21T00:00:00Z"}, schedule)
    assert bench.read("subscription", made["old"]["id"])["inactive_periods"] == [{"type": "UPGRADE", "start_at": "2025-05-21T00:00:00Z"}]
    bench.drop("subscription", new["id"])
    old = bench.read("subscription", made["old"]["id"])
    assert (old["status"], old["inactive_periods"], old["upgraded_to_pricing_plan_subscription_id"]) == ("ACTIVE", [], None)
    bench.advance("2025-06-01T00:00:00Z")
    assert billed(bench, old["id"])[0] == ("05-01", "06-01", "31.00")


def test_an_upgrade_of_what_is_not_there_or_of_another_customer_is_refused() -> None:
    """By its field; and one that begins in what is billed already."""
    bench, made = begun()
    worlds.customer(bench, "other")
    for changes in ({FROM: "ppsu_none"}, {"customer_reference": "other"}):
        body = worlds.init("entity_NL", "2025-05-21T00:00:00Z", reference="better", **{FROM: made["old"]["id"], **changes})
        assert refused(bench, "init_subscription", body).field.endswith(FROM)
    bench.advance("2025-06-10T00:00:00Z")
    body = worlds.init("entity_NL", "2025-05-21T00:00:00Z", reference="better", **{FROM: made["old"]["id"]})
    assert refused(bench, "init_subscription", body).kind == "locked"


# --- templates --------------------------------------------------------------------------------------------------------


def template(bench: Bench, made: dict[str, Record]) -> tuple[Record, Record]:
    """A template of two schedules: a month for the fee and a seat, then the same without end."""
    seat = worlds.item(bench, made, "seat", "PER_SEAT")
    version = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"], "version": 2, "copied_from_pricing_plan_version_id": made["version"]["id"]})
    pricing = worlds.price(bench, {**made, "version": version}, "Seat", worlds.flat("5.00", default_seats_value={"number": "1"}), item=seat)
    bench.fire("pricing_plan_version", version["id"], "activate")
    made["seat_config"] = pricing["items"][0]["configs"][0]
    body = bench.call("create_subscription", {"reference": "template", "type": "TEMPLATE", "billing_currency": "EUR", "billing_entity_reference": "entity_NL"})
    row = {"pricing_plan_subscription_id": body["id"], "pricing_plan_version_id": version["id"]}
    first = bench.call("create_schedule", {**row, "start_at": "2025-01-01T00:00:00Z", "end_at": "2025-02-01T00:00:00Z"})
    bench.call("create_schedule", {**row, "start_at": "2025-02-01T00:00:00Z"})
    return body, first


def shown(answer: Record) -> list[list[str]]:
    """The totals of each schedule's invoices."""
    return [[one["total_amount"]["quantity"] for one in info["invoices"]] for info in answer["invoice_infos"]]


@pytest.mark.parametrize(("wishes", "expected"), [
    ({}, [["36.00"], ["36.00", "36.00"]]),
    ({"customer_details": {"type": "INDIVIDUAL", "timezone": "Europe/Paris"}}, [["36.00"], ["36.00", "36.00"]]),
    ({"customer_details": {"reference": "acme-001"}}, [["36.00"], ["36.00", "36.00"]]),
    ({"pricing_plan_schedule_customizations": [{"seats_values": [{"number": "3"}]}]}, [["46.00"], ["46.00", "46.00"]]),
])
def test_a_template_is_previewed_for_a_customer(wishes: Record, expected: list[list[str]]) -> None:
    """Described, known or anybody; from now on, with what is asked for; and nothing of it is kept."""
    bench, made = begun()
    body, first = template(bench, made)
    for row in wishes.get("pricing_plan_schedule_customizations", ()):
        row["seats_values"][0]["pricing_item_config_id"] = made["seat_config"]["id"]
    before = {name: dict(rows) for name, rows in bench.rows.items()}
    answer = bench.call("preview_invoices", {"template_pricing_plan_subscription_id": body["id"], "invoices_per_schedule": 2, **wishes})
    assert shown(answer) == expected
    assert answer["invoice_infos"][0]["pricing_plan_schedule_id"] == first["id"]
    assert answer["first_invoice"]["billing_period_start"] == "2025-05-01T00:00:00Z"
    assert bench.rows == before


def test_a_preview_of_a_subscription_takes_wishes_for_one_of_its_schedules() -> None:
    """Seats for the running schedule; the subscription itself stays as it is."""
    bench, made = begun()
    (schedule,) = bench.all("schedule")
    wish = {"pricing_plan_schedule_id": schedule["id"], "billing_period": {"type": "MONTH", "value": 1}}
    answer = bench.call("preview_invoices", {"pricing_plan_subscription_id": made["old"]["id"], "pricing_plan_schedule_customizations": [wish]})
    assert shown(answer) == [["31.00"]]
    assert "billing_period" not in bench.read("schedule", schedule["id"])


def test_a_preview_of_nothing_is_refused() -> None:
    """Neither a subscription nor a template; one without schedules."""
    bench, _ = begun()
    assert refused(bench, "preview_invoices", {}).field == "pricing_plan_subscription_id"
    empty = bench.call("create_subscription", {"reference": "empty", "type": "TEMPLATE", "billing_entity_reference": "entity_NL"})
    assert refused(bench, "preview_invoices", {"template_pricing_plan_subscription_id": empty["id"]}).field == "template_pricing_plan_subscription_id"
