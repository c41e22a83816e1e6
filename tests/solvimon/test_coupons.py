"""Coupons, promotion codes and the discounts of schedules, over the engine."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.worlds import amount, flat

MONTHS = ("2025-06-06T08:00:00Z", "2025-07-06T08:00:00Z", "2025-08-06T08:00:00Z", "2025-09-06T08:00:00Z")


def world(price: str = "100.00", **plan: Any) -> tuple[Bench, dict[str, Record]]:
    """A plan of one recurring price, its version active, the customer there; nobody subscribed yet."""
    bench = Bench()
    made = worlds.catalogue(bench, **plan)
    made["item"] = worlds.item(bench, made, "monthly_fee", "RECURRING")
    worlds.price(bench, made, "Monthly fee", flat(price), item=made["item"])
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench)
    return bench, made


def coupon(bench: Bench, discount: Record | None = None, duration: str = "FOREVER", **members: Any) -> Record:
    """A coupon, active unless said otherwise; 10 % for ever."""
    period = members.pop("period", None)
    return bench.make("coupon", **{
        "name": "Ten", "reference": "TEN", "status": "ACTIVE", "discount": discount or {"type": "PERCENTAGE", "percentage": "10"},
        "duration": {"type": duration, **({"period": period} if period else {})}, **members})


def subscribe(bench: Bench, **schedule: Any) -> Record:
    """The subscription, its schedule as said."""
    body = worlds.init("entity_NL")
    body["pricing_plan_schedules"][0].update(schedule)
    answer: Record = bench.call("init_subscription", body)
    return answer


def totals(bench: Bench) -> list[str]:
    """What the invoices come to, in order."""
    return [one["total_amount"]["quantity"] for one in bench.all("invoice")]


def bill(bench: Bench, *moments: str) -> list[str]:
    """The totals after turning the clock; the last invoice is of the period that runs by then."""
    for moment in moments:
        bench.advance(moment)
    return totals(bench)


DURATIONS = [
    ("FOREVER", None, ["90.00", "90.00", "90.00", "90.00", "90.00"]),
    ("ONE_TIME", None, ["90.00", "100.00", "100.00", "100.00", "100.00"]),
    ("PERIOD", {"type": "MONTH", "value": 3}, ["90.00", "90.00", "90.00", "100.00", "100.00"]),
    ("PERIOD", {"type": "DAY", "value": 1}, ["90.00", "100.00", "100.00", "100.00", "100.00"]),
    ("PERIOD", {"type": "DAY", "value": 32}, ["90.00", "90.00", "100.00", "100.00", "100.00"]),
]


@pytest.mark.parametrize(("duration", "period", "expected"), DURATIONS)
def test_a_coupon_lasts_as_long_as_it_says(duration: str, period: Record | None, expected: list[str]) -> None:
    """Every invoice, the first one, or those whose periods begin within its time."""
    bench, _ = world()
    made = coupon(bench, duration=duration, period=period)
    subscribe(bench, coupon_ids=[made["id"]])
    assert bill(bench, *MONTHS) == expected


DISCOUNTS = [
    ({"type": "PERCENTAGE", "percentage": "12.5"}, "87.50"),
    ({"type": "AMOUNT", "amount": amount("30.00")}, "70.00"),
    ({"type": "AMOUNT", "amount": amount("130.00")}, "0.00"),
    ({"type": "PERCENTAGE", "percentage": "10", "condition": {"comparator": "GREATER_THAN", "value": {"amount": amount("100.00")}}}, "100.00"),
    ({"type": "PERCENTAGE", "percentage": "10", "condition": {"comparator": "LESS_THAN_OR_EQUALS", "value": {"amount": amount("100.00")}}}, "90.00"),
]


@pytest.mark.parametrize(("discount", "total"), DISCOUNTS)
def test_what_a_coupon_takes(discount: Record, total: str) -> None:
    """A share, an amount, never below zero, and only where its condition holds."""
    bench, _ = world()
    subscribe(bench, coupon_ids=[coupon(bench, discount)["id"]])
    assert totals(bench) == [total]


def test_an_amount_in_another_currency_is_converted_or_left_out() -> None:
    """By the setting exchange_rates; without a rate, with a warning."""
    for rates, total in (({"USD": {"EUR": "0.9"}}, "91.00"), ({}, "100.00")):
        bench, _ = world()
        bench.settings["exchange_rates"] = rates
        subscribe(bench, coupon_ids=[coupon(bench, {"type": "AMOUNT", "amount": amount("10.00", "USD")})["id"]])
        assert totals(bench) == [total]
        assert bool(rates) != any("no exchange rate" in said for said in bench.warnings)


def test_a_coupon_of_another_product_takes_nothing_and_of_this_item_all() -> None:
    """limited_to."""
    bench, made = world()
    other = bench.make("product", category_id=made["category"]["id"], name="Other", reference="other", product_type="DEFAULT")
    first = coupon(bench, limited_to={"product_ids": [other["id"]]})
    second = coupon(bench, {"type": "PERCENTAGE", "percentage": "50"}, reference="HALF", limited_to={"product_item_ids": [made["item"]["id"]]})
    subscribe(bench, coupon_ids=[first["id"], second["id"]])
    assert totals(bench) == ["50.00"]


def test_free_usage_is_a_discount_on_the_metered_line() -> None:
    """5 employees at 0.50; a coupon gives 2 of them: 1.00 off."""
    bench = Bench()
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Receipts", flat("0.50"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    worlds.customer(bench)
    usage = {"type": "USAGE", "usage": {"meter_value_id": made["value"]["id"], "number": "2"}}
    subscribe(bench, coupon_ids=[coupon(bench, usage)["id"]])
    bench.call("ingest", worlds.event("evt_20250506_001"))
    assert totals(bench) == ["1.50"]


def test_a_discount_line_says_where_it_comes_from() -> None:
    """Type DISCOUNT, the coupon's data, the item of the line before it; the invoice names coupon and code."""
    bench, _ = world()
    made = coupon(bench)
    code = bench.call("create_promotion_code", {"coupon_id": made["id"], "code": "SUMMER25", "status": "ACTIVE"})
    subscribe(bench, promotion_codes=["SUMMER25"])
    (invoice,) = bench.all("invoice")
    revenue, discount = invoice["periods"][0]["groups"][0]["lines"]
    assert (revenue["type"], discount["type"], discount["discount_type"]) == ("REVENUE", "DISCOUNT", "COUPON")
    assert discount["coupon_data"] == {"coupon_id": made["id"], "promotion_code_id": code["id"]}
    assert (discount["amount_excluding_tax"], discount["product_items"]) == (amount("-10.00"), revenue["product_items"])
    assert invoice["coupons"] == [{"coupon_id": made["id"], "coupon_name": "Ten"}]
    assert invoice["promotion_codes"][0]["promotion_code_details"] == {"promotion_code_id": code["id"], "code": "SUMMER25"}
    assert [line["description"] for line in invoice["line_items"]] == ["Monthly fee", "Ten"]


def test_tax_is_of_what_is_left() -> None:
    """100.00, 10 % off, 21 %: 90.00 and 18.90."""
    bench, _ = world()
    bench.settings["tax_rates"] = {"NL": "21"}
    subscribe(bench, coupon_ids=[coupon(bench)["id"]])
    (invoice,) = bench.all("invoice")
    assert invoice["tax_summary"] == {"base_amount": amount("90.00"), "tax_amount": amount("18.90"), "total_amount": amount("108.90"), "country_code": "NL"}


# --- schedules --------------------------------------------------------------------------------------------------------

LEVELS = [
    ("totals", None), ("pricings", "pricing"), ("products", "product"), ("product_items", "item"), ("product_categories", "category"),
]


@pytest.mark.parametrize(("level", "of"), LEVELS)
def test_a_schedule_lowers_at_every_level(level: str, of: str | None) -> None:
    """By ids; totals need none."""
    bench, made = world()
    made["pricing"] = next(one for one in bench.all("pricing"))
    ids = {"ids": [made[of]["id"]]} if of else {}
    subscribe(bench, discount={level: [{"percentage": "25", **ids}]})
    assert totals(bench) == ["75.00"]


def test_narrow_discounts_come_before_wide_ones_and_coupons_last() -> None:
    """100 - 20 (its item) = 80, less 10 % of the total = 72, less the coupon's 10 % = 64.80."""
    bench, made = world()
    subscribe(bench, coupon_ids=[coupon(bench)["id"]], discount={
        "totals": [{"percentage": "10"}], "product_items": [{"amount": amount("20.00"), "ids": [made["item"]["id"]]}]})
    assert totals(bench) == ["64.80"]


def test_a_discount_counts_for_the_periods_that_begin_while_it_runs() -> None:
    """From the second period to the third."""
    bench, _ = world()
    subscribe(bench, discount={"totals": [{"percentage": "10", "start_at": "2025-06-01T00:00:00Z", "end_at": "2025-08-05T00:00:00Z"}]})
    assert bill(bench, *MONTHS) == ["100.00", "90.00", "90.00", "100.00", "100.00"]


# --- redeeming --------------------------------------------------------------------------------------------------------


def test_redemptions_are_counted_and_listed() -> None:
    """On the coupon and on the code, once for each subscription."""
    bench, made = world()
    of = coupon(bench)
    code = bench.call("create_promotion_code", {"coupon_id": of["id"], "code": "SUMMER25", "status": "ACTIVE"})
    answer = subscribe(bench, promotion_codes=["SUMMER25"])
    kept = bench.read("coupon", of["id"])
    assert (kept["number_of_redemptions"], bench.read("promotion_code", code["id"])["number_of_redemptions"]) == (1, 1)
    for effect, record in (("coupon_redemptions", kept), ("promotion_code_redemptions", code)):
        page = bench.call(effect, None, record)
        assert [(row["customer_id"], row["pricing_plan_subscription_id"], row["redeemed_at"]) for row in page["data"]] == [
            (made["customer"]["id"], answer["pricing_plan_subscription"]["id"], "2025-05-06T10:30:00Z")]
    assert bench.call("coupon_redemptions", None, kept, customer_id="cust_nobody")["data"] == []


def test_a_coupon_added_later_counts_from_then_on() -> None:
    """The running period is priced anew; those that were billed are not."""
    bench, _ = world()
    answer = subscribe(bench)
    bench.advance("2025-06-10T00:00:00Z")
    made = coupon(bench, duration="ONE_TIME")
    bench.change("schedule", answer["pricing_plan_schedules"][0]["id"], coupon_ids=[made["id"]])
    assert bill(bench, "2025-07-10T00:00:00Z") == ["100.00", "90.00", "100.00"]


REFUSED = [
    ({"status": "DRAFT"}, "illegal_transition", "while DRAFT"),
    ({"start_at": "2025-06-01T00:00:00Z"}, "cannot_process", "from 2025-06-01T00:00:00Z on"),
    ({"end_at": "2025-05-01T00:00:00Z"}, "cannot_process", "until 2025-05-01T00:00:00Z"),
    ({"maximum_redemptions": 1, "number_of_redemptions": 1}, "cannot_process", "1 times"),
]


@pytest.mark.parametrize(("members", "kind", "said"), REFUSED)
def test_a_coupon_that_cannot_be_redeemed_refuses_the_subscription(members: Record, kind: str, said: str) -> None:
    """Only active ones, in their time, as often as they may; nothing is kept."""
    bench, _ = world()
    made = coupon(bench, **members)
    body = worlds.init("entity_NL")
    body["pricing_plan_schedules"][0]["coupon_ids"] = [made["id"]]
    problem = refused(bench, "init_subscription", body)
    assert (problem.kind, problem.field) == (kind, "coupon_ids.0")
    assert said in problem.message


CODES = [("NOBODY", "dangling_reference"), ("MINE", "cannot_process"), ("OFF", "illegal_transition")]


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_a_code_that_is_unknown_or_not_for_this_customer_or_off_is_refused(code: str, kind: str) -> None:
    """limited_to.customer_ids, and the code's own status."""
    bench, _ = world()
    made = coupon(bench)
    other = bench.make("customer", reference="other", type="ORGANIZATION")
    bench.call("create_promotion_code", {"coupon_id": made["id"], "code": "MINE", "status": "ACTIVE", "limited_to": {"customer_ids": [other["id"]]}})
    bench.call("create_promotion_code", {"coupon_id": made["id"], "code": "OFF"})
    body = worlds.init("entity_NL")
    body["pricing_plan_schedules"][0]["promotion_codes"] = [code]
    problem = refused(bench, "init_subscription", body)
    assert (problem.kind, problem.field) == (kind, "promotion_codes.0")


def test_codes_are_made_up_where_none_is_given_and_are_unique() -> None:
    """In the format asked for; the same code twice is refused."""
    bench, _ = world()
    made = coupon(bench)
    drawn = bench.call("create_promotion_code", {"coupon_id": made["id"], "code_format": "SPRING-####"})["code"]
    assert drawn.startswith("SPRING-")
    assert len(drawn) == 11
    assert len(bench.call("create_promotion_code", {"coupon_id": made["id"]})["code"]) == 8
    bench.call("create_promotion_code", {"coupon_id": made["id"], "code": "X"})
    assert refused(bench, "create_promotion_code", {"coupon_id": made["id"], "code": "X"}).kind == "already_exists"


def test_a_window_that_never_opens_is_refused() -> None:
    """end_at after start_at."""
    bench, _ = world()
    made = coupon(bench)
    body = {"coupon_id": made["id"], "start_at": "2025-06-01T00:00:00Z", "end_at": "2025-06-01T00:00:00Z"}
    assert refused(bench, "create_promotion_code", body).field == "end_at"
