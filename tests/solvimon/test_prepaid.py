"""Money in wallets pays invoices; plans grant by the price; usage is converted into credits."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.worlds import amount

LATER = "2025-06-06T08:00:00Z"


def world(grants: list[Record] | None = None, fee: str = "100.00", **subscription: Any) -> tuple[Bench, dict[str, Record]]:
    """A monthly fee with 21 % tax, and a type of wallet for money, of which `grants` are granted by hand."""
    bench = Bench(tax_rates={"NL": "21"})
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Fee", worlds.flat(fee), item=worlds.item(bench, made, "fee", "RECURRING"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench)
    made["kind"] = bench.make("wallet_type", reference="balance", name="Balance", type="BALANCE", status="ACTIVE", balance={"default_currency": "EUR"})
    for place, row in enumerate(grants or ()):
        filled(bench, made, made["kind"], f"w{place}", **row)
    made["subscription"] = bench.call("init_subscription", worlds.init("entity_NL", **subscription))["pricing_plan_subscription"]
    return bench, made


def filled(bench: Bench, made: dict[str, Record], kind: Record, reference: str, quantity: str, currency: str = "EUR", **members: Any) -> Record:
    """A wallet with money granted by hand."""
    wallet = bench.make("wallet", reference=reference, wallet_type_id=kind["id"], customer_id=made["customer"]["id"], status="ACTIVE")
    bench.call("create_wallet_grant", {"customer_id": made["customer"]["id"], "billing_entity_id": made["entity"]["id"], "wallet_id": wallet["id"],
                                       "grant_amount": amount(quantity, currency), **members})
    return wallet


def left(bench: Bench, reference: str) -> str:
    """What a wallet holds."""
    (wallet,) = bench.all("wallet", reference=reference)
    return str(bench.call("wallet_balance", {}, wallet)["open_balance"]["amount"]["quantity"])


def first(bench: Bench) -> Record:
    """The first invoice."""
    return bench.all("invoice")[0]


# What wallets hold, what then is paid of 121.00, how, and what each holds in the end.
PAID: list[tuple[str, list[Record], str, str, list[str]]] = [
    ("enough: all of it is paid, with tax", [{"quantity": "500.00"}], "121.00", "PAID", ["379.00"]),
    ("exactly enough", [{"quantity": "121.00"}], "121.00", "PAID", ["0.00"]),
    ("less: a part", [{"quantity": "100.00"}], "100.00", "PARTIALLY_PAID", ["0.00"]),
    ("two wallets: the older first", [{"quantity": "100.00"}, {"quantity": "100.00"}], "121.00", "PAID", ["0.00", "79.00"]),
    ("fractions of a cent stay where they are", [{"quantity": "10.009"}], "10.00", "PARTIALLY_PAID", ["0.01"]),
    ("what has expired pays nothing", [{"quantity": "500.00", "expire_at": "2025-06-06T00:00:00Z"}], "0.00", "UNPAID", ["0.00"]),
    ("what has not begun neither", [{"quantity": "500.00", "start_at": "2025-06-06T08:00:01Z"}], "0.00", "UNPAID", ["0.00"]),
]


@pytest.mark.parametrize(("why", "grants", "paid", "status", "held"), PAID, ids=[row[0] for row in PAID])
def test_money_in_wallets_pays_an_invoice_when_it_becomes_final(why: str, grants: list[Record], paid: str, status: str, held: list[str]) -> None:
    """100.00 and 21 % tax; each case says its reason. Nothing is taken before."""
    bench, _ = world(grants)
    bench.advance("2025-06-06T07:59:59Z")
    assert bench.all("payment") == []
    bench.advance(LATER)
    invoice = first(bench)
    assert (invoice["paid_invoice_amount"]["quantity"], invoice["payment_status"]) == (paid, status), why
    assert [left(bench, f"w{place}") for place in range(len(grants))] == held
    assert sum(name == "INVOICE.PAID" for name, _ in bench.emitted) == (status == "PAID")


def test_a_wallet_of_another_currency_is_left_alone_and_holds_one() -> None:
    """Dollars pay no invoice of euros; euros do not go into a wallet of dollars."""
    bench, made = world()
    kind = bench.make("wallet_type", reference="dollars", name="Dollars", type="BALANCE", status="ACTIVE", balance={"default_currency": "USD"})
    wallet = filled(bench, made, kind, "dollars", "500.00", "USD")
    bench.advance(LATER)
    assert (first(bench)["payment_status"], left(bench, "dollars")) == ("UNPAID", "500.00")
    body = {"customer_id": made["customer"]["id"], "billing_entity_id": made["entity"]["id"], "wallet_id": wallet["id"], "grant_amount": amount("1.00")}
    assert refused(bench, "create_wallet_grant", body).field == "grant_amount.currency"


@pytest.mark.parametrize(("category", "paid"), [("STANDARD", "121.00"), ("EXEMPT", "0.00"), (None, "121.00")])
def test_a_credit_wallet_pays_for_what_is_of_its_tax_category(category: str | None, paid: str) -> None:
    """The reference: "tax_category" of an amount grant says what the wallet can be applied to."""
    bench, made = world()
    said = {"default_currency": "EUR", **({"tax_category": category} if category else {})}
    kind = bench.make("wallet_type", reference="credit", name="Credit", type="CREDIT", status="ACTIVE", credit={"grant_type": "AMOUNT", "amount_grant": said})
    filled(bench, made, kind, "credit", "500.00")
    bench.advance(LATER)
    assert first(bench)["paid_invoice_amount"]["quantity"] == paid


def test_the_stored_method_is_charged_for_the_rest() -> None:
    """100.00 from the wallet, 21.00 from the card; refused, it is dunned for the 21.00 that are open."""
    for name, status, charges in (("authorised", "PAID", [("100.00", "AUTHORIZED"), ("21.00", "AUTHORIZED")]),
                                  ("declined", "PARTIALLY_PAID", [("100.00", "AUTHORIZED"), ("21.00", "REFUSED")])):
        bench, made = world([{"quantity": "100.00"}])
        method = bench.make("payment_method", customer_id=made["customer"]["id"], integration_reference=name)
        bench.change("subscription", made["subscription"]["id"], payment_method_id=method["id"])
        bench.advance(LATER)
        assert first(bench)["payment_status"] == status
        assert [(one["amount"]["quantity"], one["result"]) for one in bench.all("payment")] == charges


def test_what_is_given_back_is_in_the_wallet_again() -> None:
    """A part, then all; the invoice is open by as much."""
    bench, _ = world([{"quantity": "200.00"}])
    bench.advance(LATER)
    (payment,) = bench.all("payment")
    bench.call("refund_payment", {"amount": amount("21.00")}, payment)
    assert (left(bench, "w0"), first(bench)["payment_status"]) == ("100.00", "PARTIALLY_PAID")
    bench.call("reverse_payment", None, bench.all("payment")[0])
    assert (left(bench, "w0"), first(bench)["payment_status"]) == ("200.00", "UNPAID")


def test_an_invoice_can_be_paid_from_a_wallet_that_is_filled_later() -> None:
    """`pay`: the wallet first; what is still open is taken as paid where there is no method."""
    bench, made = world()
    bench.advance(LATER)
    filled(bench, made, made["kind"], "late", "100.00")
    paid = bench.call("pay_invoice", None, first(bench))
    assert (paid["payment_status"], left(bench, "late")) == ("PAID", "0.00")


# --- granted by the price ---------------------------------------------------------------------------------------------


def granted(model: str, row: Record, config: Record | None = None, **item: Any) -> list[Record]:
    """What an item of a model at 40.00 grants into a wallet of its kind, for two months."""
    bench = Bench()
    made = worlds.catalogue(bench)
    credits = bench.make("credit_type", reference="lookups", name="Lookups", status="ACTIVE")
    holds = {"grant_type": "CREDITS", "credits_grant": {"credit_type_id": credits["id"]}} if "credits_grant" in row else {
        "grant_type": "AMOUNT", "amount_grant": {"default_currency": "EUR"}}
    kind = bench.make("wallet_type", reference="kind", name="Kind", type="CREDIT", status="ACTIVE", credit=holds)
    sold = worlds.item(bench, made, "sold", model, **item)
    worlds.price(bench, made, "Sold", worlds.flat("40.00", wallet_grants=[{"wallet_type_id": kind["id"], **row}], **(config or {})), item=sold)
    worlds.subscribe(bench, made)
    bench.advance("2025-06-06T00:00:00Z")
    return [one.get("grant_amount") or one["grant_credits"] for one in bench.all("wallet_grant")]


BY_PRICE: list[tuple[str, str, Record, Record, list[str]]] = [
    ("110 % of a monthly 40.00", "RECURRING", {"amount_grant": {"percentage": "110"}}, {}, ["44.00", "44.00"]),
    ("25 credits a euro of a monthly 40.00", "RECURRING", {"credits_grant": {"conversion": "25"}}, {}, ["1000", "1000"]),
    ("half a credit a euro of three seats", "PER_SEAT", {"credits_grant": {"conversion": "0.5"}}, {"default_seats_value": {"number": "3"}}, ["60", "60"]),
    ("a one-off price, once", "ONE_OFF", {"amount_grant": {"percentage": "50"}}, {}, ["20.00"]),
    ("on demand, not by itself", "ONE_OFF", {"amount_grant": {"percentage": "50"}}, {"on_demand": True}, []),
    ("a third of 40.00 is rounded to the cent", "ONE_OFF", {"amount_grant": {"percentage": "33.333"}}, {}, ["13.33"]),
    ("it is not said how much: nothing, and a warning", "RECURRING", {"amount_grant": {}}, {}, []),
]


@pytest.mark.parametrize(("why", "model", "row", "config", "expected"), BY_PRICE, ids=[row[0] for row in BY_PRICE])
def test_a_plan_grants_by_its_price(why: str, model: str, row: Record, config: Record, expected: list[str]) -> None:
    """`percentage` and `conversion`; each case says its reason."""
    assert [one["quantity"] for one in granted(model, row, config)] == expected, why


def test_what_is_sold_on_demand_grants_when_it_is_charged() -> None:
    """A pack of credits: 1000 for 40.00, and nothing for a preview."""
    bench = Bench()
    made = worlds.catalogue(bench)
    credits = bench.make("credit_type", reference="lookups", name="Lookups", status="ACTIVE")
    kind = bench.make("wallet_type", reference="kind", name="Kind", type="CREDIT", status="ACTIVE",
                      credit={"grant_type": "CREDITS", "credits_grant": {"credit_type_id": credits["id"]}})
    grants = [{"wallet_type_id": kind["id"], "credits_grant": {"credits": {"quantity": "1000", "credit_type_id": credits["id"]}}}]
    pricing = worlds.price(bench, made, "Pack", worlds.flat("40.00", on_demand=True, wallet_grants=grants), item=worlds.item(bench, made, "pack", "ONE_OFF"))
    worlds.subscribe(bench, made)
    body = {"pricing_plan_schedule_id": bench.all("schedule")[0]["id"], "pricing_items": [{"pricing_item_id": pricing["items"][0]["id"]}]}
    bench.call("charge_on_demand", {**body, "preview": True})
    assert bench.all("wallet_grant") == []
    bench.call("charge_on_demand", body)
    assert [one["grant_credits"]["quantity"] for one in bench.all("wallet_grant")] == ["1000"]


# --- conversion -------------------------------------------------------------------------------------------------------


def test_usage_is_converted_into_credits_which_the_line_tells() -> None:
    """300 seconds at a credit per 30 are 10; no wallet has them, so they are billed at 0.20 each."""
    bench = Bench()
    made = worlds.catalogue(bench)
    credits = bench.make("credit_type", reference="lookups", name="Lookups", status="ACTIVE")
    item = worlds.item(bench, made, "computing", "USAGE_BASED_CONVERSION", usage_based={"meter_value_calculation_id": made["calculation"]["id"]})
    worlds.price(bench, made, "Computing", {"type": "FLAT", "conditions": worlds.where(made, "GBR", "Britain"), "bands": [
        {"credits": {"quantity": "1", "credit_type_id": credits["id"]}, "block_size": {"number": "30"}}]}, item=item)
    more = worlds.item(bench, made, "lookup", "CREDITS", credits={"credit_type_id": credits["id"]})
    worlds.price(bench, made, "Further lookups", worlds.flat("0.20"), item=more)
    worlds.subscribe(bench, made)
    bench.call("ingest", worlds.event("evt_20250506_001", "300"))
    (invoice,) = bench.all("invoice")
    lines = [line for group in invoice["periods"][0]["groups"] for line in group["lines"]]
    assert [line["amount_excluding_tax"]["quantity"] for line in lines] == ["0.00", "2.00"]
    (part,) = lines[0]["sub_lines"]
    said = {"credits": {"quantity": "10", "credit_type_id": credits["id"]}, "convert_from_meter_value_id": made["value"]["id"]}
    assert (part["type"], part["details"]["conversion"], lines[0]["details"]["conversion"]) == ("USAGE_BASED_CONVERSION", said, said)
    assert part["usage_based_conversion"]["conditions"]["name"] == "Britain"
