"""Wallets: what is granted, used, reserved, expired and left, as laws and over the engine."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.laws import LAW
from solvimon.worlds import amount
from understudy_solvimon import periods, wallets
from understudy_solvimon.wallets import Grant, Use

START = periods.instant("2025-05-01T00:00:00Z")


def day(number: int) -> Any:
    """A moment so many days after the beginning."""
    return START + timedelta(days=number)


# Grants (quantity, first day, last day), uses (quantity, from, to, settled), the day asked of, what is there and what of it is open.
LEFT: list[tuple[str, list[tuple[int, int, int | None]], list[tuple[int, int, int, bool]], int, int, int]] = [
    ("N17: 100 available, 10 used, 90 left", [(100, 0, None)], [(10, 0, 30, True)], 40, 90, 90),
    ("what is reserved is there, and not open", [(100, 0, None)], [(10, 0, 30, False)], 20, 100, 90),
    ("a grant that has not begun", [(100, 10, None)], [], 9, 0, 0),
    ("on the day it begins", [(100, 10, None)], [], 10, 100, 100),
    ("the day before it expires", [(100, 0, 10)], [], 9, 100, 100),
    ("on the day it expires", [(100, 0, 10)], [], 10, 0, 0),
    ("what was used of it does not expire", [(100, 0, 10), (50, 0, None)], [(60, 0, 5, True)], 10, 50, 50),
    ("the one that expires first is used first", [(50, 0, None), (50, 0, 10)], [(60, 0, 5, True)], 10, 40, 40),
    ("then the oldest", [(50, 1, None), (50, 0, None)], [(60, 1, 5, True)], 5, 40, 40),
    ("no more than there is", [(50, 0, None)], [(60, 0, 5, True)], 5, 0, 0),
    ("not of what had expired before the use began", [(50, 0, 10)], [(60, 10, 20, True)], 5, 50, 50),
    ("of what expires within it", [(50, 0, 10)], [(20, 5, 20, True)], 5, 30, 30),
]


@pytest.mark.parametrize(("why", "grants", "uses", "at", "there", "left"), LEFT, ids=[row[0] for row in LEFT])
def test_what_is_left_of_a_wallet(why: str, grants: list[Any], uses: list[Any], at: int, there: int, left: int) -> None:
    """Each case says its reason."""
    made = [Grant(Fraction(quantity), day(start), None if end is None else day(end)) for quantity, start, end in grants]
    taken = [Use(Fraction(quantity), day(start), day(end), settled) for quantity, start, end, settled in uses]
    found = wallets.balance(made, taken, day(at))
    assert (found.balance, found.open) == (there, left), why


_days = st.integers(0, 60)
_grants = st.lists(st.builds(lambda quantity, start, length: Grant(Fraction(quantity), day(start), None if length == 0 else day(start + length)),
                             st.integers(0, 200), _days, st.integers(0, 40)), max_size=6)
_uses = st.lists(st.builds(lambda quantity, start, length, settled: Use(Fraction(quantity), day(start), day(start + length), settled),
                           st.integers(0, 120), _days, st.integers(1, 31), st.booleans()), max_size=8)


@LAW
@given(_grants, _uses, st.integers(0, 120))
def test_what_was_granted_is_used_or_expired_or_there(grants: list[Grant], uses: list[Use], at: int) -> None:
    """Wallet balance = grants - consumption - expiry, and none of them is ever below zero."""
    found = wallets.balance(grants, uses, day(at))
    assert found.granted == sum(grant.quantity for grant in grants if grant.start <= day(at))
    assert found.granted - found.used - found.expired == found.balance
    assert min(found.used, found.reserved, found.expired, found.balance, found.open) >= 0


@LAW
@given(_grants, _uses, _days, st.integers(1, 31))
def test_what_is_available_can_be_used_and_no_more(grants: list[Grant], uses: list[Use], start: int, length: int) -> None:
    """After taking all of it nothing is available for the same time."""
    there = wallets.available(grants, uses, day(start), day(start + length))
    more = [*uses, Use(there, day(start), day(start + length))]
    assert wallets.available(grants, more, day(start), day(start + length)) == 0


# --- over the engine --------------------------------------------------------------------------------------------------


def world(config: Record | None = None, overage: str | None = None, grants: Record | None = None) -> tuple[Bench, dict[str, Record]]:
    """Seconds of computing priced in credits, perhaps with a price for more, perhaps with credits in a monthly fee."""
    bench = Bench()
    made = worlds.catalogue(bench)
    made["credits"] = bench.make("credit_type", reference="lookups", name="Lookups", status="ACTIVE")
    made["kind"] = bench.make("wallet_type", reference="lookups", name="Lookups", type="CREDIT", status="ACTIVE",
                              credit={"grant_type": "CREDITS", "credits_grant": {"credit_type_id": made["credits"]["id"]}})
    worlds.price(bench, made, "Computing", config or {"type": "FLAT", "bands": [{"credits": credits(made, "1"), "block_size": {"number": "30"}}]})
    if overage is not None:
        item = worlds.item(bench, made, "lookup", "CREDITS", credits={"credit_type_id": made["credits"]["id"]})
        worlds.price(bench, made, "Further lookups", worlds.flat(overage), item=item)
    if grants is not None:
        fee = worlds.item(bench, made, "fee", "RECURRING")
        row = {"wallet_type_id": made["kind"]["id"], "credits_grant": {"credits": credits(made, "100")}, **grants}
        worlds.price(bench, made, "Fee", worlds.flat("10.00", wallet_grants=[row]), item=fee)
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench)
    return bench, made


def credits(made: dict[str, Record], quantity: str) -> Record:
    """So many credits."""
    return {"quantity": quantity, "credit_type_id": made["credits"]["id"]}


def filled(bench: Bench, made: dict[str, Record], quantity: str = "100", **members: Any) -> Record:
    """A wallet with credits granted by hand."""
    wallet = bench.make("wallet", reference="acme-lookups", wallet_type_id=made["kind"]["id"], customer_id=made["customer"]["id"], status="ACTIVE")
    bench.call("create_wallet_grant", grant(bench, made, wallet, quantity, **members))
    return wallet


def grant(bench: Bench, made: dict[str, Record], wallet: Record, quantity: str, **members: Any) -> Record:
    """The body of a grant."""
    return {"customer_id": made["customer"]["id"], "billing_entity_id": made["entity"]["id"], "wallet_id": wallet["id"],
            "grant_credits": credits(made, quantity), **members}


def held(bench: Bench, wallet: Record, at: str | None = None) -> tuple[str, str, str]:
    """Balance, reserved, open."""
    said = bench.call("wallet_balance", {"balance_at": at} if at else {}, wallet)
    return tuple(said[f"{name}balance"]["credits"]["quantity"] for name in ("", "reserved_", "open_"))  # type: ignore[return-value]


PRICED = [
    ("1 credit per 30 s (N20): 300 s are 10", {"type": "FLAT", "bands": [{"credits": "1", "block_size": {"number": "30"}}]}, "300", "10"),
    ("a block begun is a block: 301 s are 11", {"type": "FLAT", "bands": [{"credits": "1", "block_size": {"number": "30"}}]}, "301", "11"),
    ("1.5 credits per 50 s (N20): 200 s are 6", {"type": "FLAT", "bands": [{"credits": "1.5", "block_size": {"number": "50"}}]}, "200", "6"),
    ("half a credit each", {"type": "FLAT", "bands": [{"credits": "0.5"}]}, "3", "1.5"),
]


@pytest.mark.parametrize(("why", "config", "seconds", "used"), PRICED, ids=[row[0] for row in PRICED])
def test_usage_priced_in_credits_bills_nothing_and_draws_on_the_wallet(why: str, config: Record, seconds: str, used: str) -> None:
    """The line costs nothing and says what was used, available and left; reserved until FINAL, gone then."""
    bench, made = world()
    bands = [{**band, "credits": credits(made, band["credits"])} for band in config["bands"]]
    bench, made = world({**config, "bands": bands})
    wallet = filled(bench, made)
    bench.call("init_subscription", worlds.init("entity_NL"))
    bench.call("ingest", worlds.event("evt_20250506_001", seconds))
    (invoice,) = bench.all("invoice")
    (line,) = invoice["periods"][0]["groups"][0]["lines"]
    said = {name.partition("_")[0]: value["quantity"] for name, value in line["details"]["wallet_balance_details"].items()}
    left = str(float(Fraction(100) - Fraction(used))).removesuffix(".0")
    assert said == {"used": used, "left": left, "available": "100"}
    assert (invoice["total_amount"], line["amount_including_tax"]) == (amount("0.00"), amount("0.00"))
    assert held(bench, wallet) == ("100", used, left)
    bench.advance("2025-06-06T08:00:00Z")
    assert held(bench, wallet) == (left, "0", left)


def test_more_usage_takes_the_place_of_what_was_reserved() -> None:
    """Not on top of it; voiding releases it."""
    bench, made = world()
    wallet = filled(bench, made)
    subscription = bench.call("init_subscription", worlds.init("entity_NL"))["pricing_plan_subscription"]
    for index in range(3):
        bench.call("ingest", worlds.event(f"evt_2025050{index}_001", "300"))
        bench.all("invoice")
    assert held(bench, wallet) == ("100", "30", "70")
    bench.fire("subscription", subscription["id"], "void")
    assert held(bench, wallet) == ("100", "0", "100")


def test_subscriptions_that_combine_draw_on_one_wallet_one_after_the_other() -> None:
    """70 of 100 for the first, 30 left for the second, which lacks 40; reading again changes nothing, no id either."""
    bench, made = world(overage="0.20")
    wallet = filled(bench, made)
    for reference in ("first", "second"):
        bench.call("init_subscription", worlds.init("entity_NL", reference=reference, combine=True))
    for index, subscription in enumerate(bench.all("subscription")):
        row = worlds.event(f"evt_2025050{index}_001", "2100")
        bench.call("ingest", {**row, "pricing_plan_subscription_id": subscription["id"]})
    (invoice,) = bench.all("invoice")
    assert invoice["total_amount"]["quantity"] == "8.00"
    assert held(bench, wallet) == ("100", "100", "0")
    kept = dict(bench.rows["wallet_use"])
    bench.call("refresh_invoice", {}, invoice)
    assert (bench.rows["wallet_use"], bench.all("invoice")[0]["total_amount"]["quantity"]) == (kept, "8.00")


def test_what_no_wallet_covers_is_billed_at_the_price_of_a_credit_or_said() -> None:
    """10 credits, 4 there: 6 at 0.20; without a price, a flaw."""
    for overage, total, flaws in (("0.20", "1.20", 0), (None, "0.00", 1)):
        bench, made = world(overage=overage)
        filled(bench, made, "4")
        bench.call("init_subscription", worlds.init("entity_NL"))
        bench.call("ingest", worlds.event("evt_20250506_001", "300"))
        (invoice,) = bench.all("invoice")
        assert (invoice["total_amount"]["quantity"], len(invoice["validation_result"])) == (total, flaws)


def test_credits_granted_later_are_used_by_the_open_invoice() -> None:
    """The draft is priced anew."""
    bench, made = world(overage="0.20")
    bench.call("init_subscription", worlds.init("entity_NL"))
    bench.call("ingest", worlds.event("evt_20250506_001", "300"))
    assert bench.all("invoice")[0]["total_amount"]["quantity"] == "2.00"
    filled(bench, made, "7")
    assert bench.all("invoice")[0]["total_amount"]["quantity"] == "0.60"


def test_a_plan_grants_with_its_fee_each_period_and_lets_it_expire() -> None:
    """100 credits a month that expire after a month: never more than 100, the unused ones gone."""
    for policy, expected in (({"expiry_policy": {"expiry_period": {"type": "MONTH", "value": 1}}}, ["90", "100", "100"]), ({}, ["90", "190", "290"])):
        bench, _ = world(grants=policy)
        bench.call("init_subscription", worlds.init("entity_NL"))
        bench.call("ingest", worlds.event("evt_20250506_001", "300"))
        (wallet,) = bench.all("wallet")
        assert wallet["reference"] == "acme-001-lookups"
        bench.all("invoice")
        seen = [held(bench, wallet)[2]]
        for moment in ("2025-06-06T09:00:00Z", "2025-07-06T09:00:00Z"):
            bench.advance(moment)
            seen.append(held(bench, wallet)[2])
        assert seen == expected


def test_balances_can_be_asked_of_any_time_and_of_all_wallets() -> None:
    """Before the grant, while it holds good, after it has expired."""
    bench, made = world()
    wallet = filled(bench, made, start_at="2025-06-01T00:00:00Z", expire_at="2025-07-01T00:00:00Z")
    assert [held(bench, wallet, at)[0] for at in ("2025-05-31T23:59:59Z", "2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z")] == ["0", "100", "0"]
    answer = bench.call("customer_wallet_balances", {"balance_at": "2025-06-02T00:00:00Z"}, made["customer"])
    assert [row["wallet_id"] for row in answer["wallet_balances"]] == [wallet["id"]]


# --- topped up --------------------------------------------------------------------------------------------------------


def topped_up(name: str) -> tuple[Bench, Record]:
    """A wallet of 25 with a top-up of 100 for 10.00 below 20, of which 10 are used by a FINAL invoice."""
    bench, made = world()
    wallet = filled(bench, made, "25")
    method = bench.make("payment_method", customer_id=made["customer"]["id"], integration_reference=name)
    bench.call("create_auto_top_up", {"wallet_id": wallet["id"], "payment_method_id": method["id"], "threshold": {"credits": credits(made, "20")},
                                      "top_up": {"credits": credits(made, "100")}, "price": amount("10.00")})
    bench.call("init_subscription", worlds.init("entity_NL"))
    bench.call("ingest", worlds.event("evt_20250506_001", "300"))
    assert bench.all("payment") == []
    bench.advance("2025-06-06T08:00:00Z")
    return bench, wallet


def test_a_wallet_that_is_low_is_topped_up_when_it_is_paid_for() -> None:
    """25 - 10 is below 20: charged 10.00, granted 100; refused: not; delayed: when it settles."""
    bench, wallet = topped_up("authorised")
    assert held(bench, wallet)[0] == "115"
    assert [one["amount"] for one in bench.all("payment")] == [amount("10.00")]
    assert bench.all("wallet_grant")[-1]["paid_amount"] == amount("10.00")
    bench, wallet = topped_up("declined")
    assert held(bench, wallet)[0] == "15"
    bench, wallet = topped_up("delayed_P2D")
    assert held(bench, wallet)[0] == "15"
    bench.advance("2025-06-08T08:00:00Z")
    assert held(bench, wallet)[0] == "115"


def test_an_auto_top_up_fills_at_once_what_is_low_already_and_stops_when_told() -> None:
    """Created over 15; deactivated after."""
    bench, made = world()
    wallet = filled(bench, made, "15")
    method = bench.make("payment_method", customer_id=made["customer"]["id"], integration_reference="authorised")
    body = {"wallet_id": wallet["id"], "payment_method_id": method["id"], "threshold": {"credits": credits(made, "20")},
            "top_up": {"credits": credits(made, "100")}, "price": amount("10.00")}
    made_config = bench.call("create_auto_top_up", body)
    assert held(bench, wallet)[0] == "115"
    assert bench.fire("auto_top_up", made_config["id"], "deactivate")["status"] == "INACTIVE"
    assert refused(bench, "create_auto_top_up", {**body, "threshold": {"amount": amount("5.00")}}).field == "threshold"


WRONG = [
    ({"expire_at": "2025-05-06T10:30:00Z"}, "expire_at"),
    ({"grant_credits": {"quantity": "1", "credit_type_id": "ctyp_other"}}, "grant_credits.credit_type_id"),
    ({"customer_id": "cust_other"}, "customer_id"),
    ({"wallet_id": "wall_other"}, "wallet_id"),
]


@pytest.mark.parametrize(("members", "field"), WRONG)
def test_grants_that_fit_nothing_are_refused_by_field(members: Record, field: str) -> None:
    """Another kind of credits, a customer or wallet that is not there, an end before its beginning."""
    bench, made = world()
    wallet = filled(bench, made)
    assert refused(bench, "create_wallet_grant", {**grant(bench, made, wallet, "1"), **members}).field == field
