"""What billing cannot do is refused in the vendor's shape, by the field's whole path, with what would be right; nothing is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from support.asgi import Answer, Client
from understudy.server.app import App
from understudy.theatre import Theatre

Body = dict[str, Any]


@pytest.fixture
def call(bundled: Theatre) -> Client:
    """A client of the tutorial's world."""
    bundled.reset("default", "tutorial")
    return Client(App(bundled))


def eur(quantity: str, currency: str = "EUR") -> Body:
    """Money."""
    return {"quantity": quantity, "currency": currency}


def band(top: str | None = None, price: str = "1", **more: Any) -> Body:
    """A band, perhaps with a bound."""
    return {"amount": eur(price), **({"tier_top_bound": {"number": top}} if top else {}), **more}


def draft(call: Client) -> str:
    """A draft version of the tutorial's plan."""
    plan = call.get("/v1/pricing-plans/default_pricing").json
    version = call.post("/v1/pricing-plan-versions", {"pricing_plan_id": plan["id"]}).json
    assert version["status"] == "DRAFT"
    return str(version["id"])


def price(call: Client, config: Body, **item: Any) -> Answer:
    """A pricing of the tutorial's item with one config, on a draft version."""
    product, sold = call.get("/v1/products/receipt_scanning").json, call.get("/v1/product-items/reimbursed_amount").json
    return call.post("/v1/pricings", {
        "pricing_plan_version_id": draft(call), "product_ids": [product["id"]], "name": "P",
        "items": [{"product_item_ids": [sold["id"]], "configs": [config], **item}]})


def refused(answer: Answer, field: str, word: str, code: str | None = None) -> None:
    """The vendor's shape, the field's path, and a word of what would be right."""
    assert answer.status in (400, 404, 409), answer.body
    problem = answer.json
    assert problem["type"] == "INVALID_REQUEST"
    assert problem["field"] == field, problem
    assert word in problem["message"], problem
    assert code is None or problem["code"] == code


@pytest.mark.parametrize(("bands", "field", "word"), [
    ([band("100"), band("100"), band()], "bands.1.tier_top_bound", "must be above 100"),
    ([band("100"), band("50"), band()], "bands.1.tier_top_bound", "must be above 100"),
    ([band(), band()], "bands.0.tier_top_bound", "overlap"),
    ([band("100"), band("200")], "bands.1.tier_top_bound", "no price"),
])
def test_bands_leave_no_gap_and_do_not_overlap(call: Client, bands: list[Body], field: str, word: str) -> None:
    """Every quantity has one price."""
    refused(price(call, {"type": "TIERED", "bands": bands}), f"items.0.configs.0.{field}", word)


def test_prices_are_in_the_plans_currencies(call: Client) -> None:
    """A band in yen on a plan of euros and dollars; and by currency, one that the plan does not have, or has twice."""
    refused(price(call, {"type": "FLAT", "bands": [{"amount": eur("1", "JPY")}]}), "items.0.configs.0.bands.0.amount.currency", "plan's currencies")
    one = {"currency": "EUR", "configs": [{"type": "FLAT", "bands": [band()]}]}
    foreign = {**one, "currency": "JPY"}
    refused(price(call, {"type": "FLAT", "bands": [band()]}, pricing_currency_configs=[foreign]),
            "items.0.pricing_currency_configs.0.currency", "plan's currencies")
    refused(price(call, {"type": "FLAT", "bands": [band()]}, pricing_currency_configs=[one, one]),
            "items.0.pricing_currency_configs.1.currency", "twice")


def test_a_subscriptions_prices_are_in_the_plans_currencies(call: Client) -> None:
    """pricing_currency of a schedule."""
    answer = call.post("/v1/pricing-plan-subscriptions/init", {
        "pricing_plan_subscription": {"reference": "yen", "customer_reference": "acme-001", "billing_entity_reference": "default_entity"},
        "pricing_plan_schedules": [{"pricing_plan_version_selector": {"pricing_plan_reference": "default_pricing"},
                                    "start_at": "2025-05-06T00:00:00Z", "pricing_currency": "JPY"}]})
    refused(answer, "pricing_plan_schedules.0.pricing_currency", "plan's currencies")
    assert [row["reference"] for row in call.get("/v1/pricing-plan-subscriptions").json["data"]] == ["acme-001-sub"]


def test_conditions_are_on_required_properties(call: Client) -> None:
    """A property that the meter does not ask for cannot choose a price, split it or pick its tier."""
    made = call.post("/v1/meter-properties", {"reference": "plan_tier", "name": "Tier", "type": "STRING", "status": "ACTIVE"}).json
    leaf = {"id": made["id"], "value": "gold", "comparator": "EQUALS"}
    flat = {"type": "FLAT", "bands": [band()]}
    refused(price(call, {**flat, "conditions": {"meter_properties": [leaf]}}), "items.0.configs.0.conditions.meter_properties.0.id", "required property")
    refused(price(call, {**flat, "split_pricing": {"meter_properties": [{"id": made["id"]}]}}),
            "items.0.configs.0.split_pricing.meter_properties.0.id", "required property")


def test_a_draft_plan_takes_no_subscription(call: Client) -> None:
    """By its version's id, by its number, and a plan that has no active version."""
    body: Body = {"pricing_plan_subscription": {"reference": "early", "customer_reference": "acme-001", "billing_entity_reference": "default_entity"}}
    schedule = {"start_at": "2025-05-06T00:00:00Z"}
    id = draft(call)
    by_id = call.post("/v1/pricing-plan-subscriptions/init", {**body, "pricing_plan_schedules": [{**schedule, "pricing_plan_version_id": id}]})
    refused(by_id, "pricing_plan_schedules.0.pricing_plan_version_id", "DRAFT", "INVALID_OPERATION")
    call.post("/v1/pricing-plans", {"reference": "bare", "name": "Bare", "pricing_currencies": ["EUR"]})
    none = call.post("/v1/pricing-plan-subscriptions/init", {**body, "pricing_plan_schedules": [
        {**schedule, "pricing_plan_version_selector": {"pricing_plan_reference": "bare"}}]})
    refused(none, "pricing_plan_schedules.0.pricing_plan_version_selector", "no such version", "RESOURCE_NOT_FOUND")


def event(number: Any) -> Body:
    """The tutorial's usage event with a quantity."""
    return {"meter_reference": "meter_registered_employee", "customer_reference": "acme-001", "reference": "evt_odd_number",
            "meter_values": [{"reference": "employee_count", "number": number}],
            "meter_properties": [{"reference": "employee_country", "value": "GBR"}]}


@pytest.mark.parametrize("number", ["9" * 40, "0." + "1" * 40, "1e5", "NaN", "Infinity", "", " 5", "0x1F", "٥", 5, None, "--1"])
def test_quantities_that_are_no_decimal_numbers_are_refused(call: Client, number: Any) -> None:
    """Forty digits, exponents, other scripts, numbers where a string belongs."""
    answer = call.post("/v1/ingest/meter-data", event(number))
    assert answer.status == 400, answer.body
    assert answer.json["field"].startswith("meter_values.0")


def test_negative_quantities_are_taken_off(call: Client) -> None:
    """A correction: what was counted too much is sent with the sign turned."""
    assert call.post("/v1/ingest/meter-data", event("-2")).status == 201
    (invoice,) = call.get("/v1/invoices").json["data"]
    assert invoice["total_amount"]["quantity"] == "1.50"


def test_a_negative_bound_or_block_is_refused(call: Client) -> None:
    """A tier ends above nothing, a block holds something."""
    assert price(call, {"type": "TIERED", "bands": [band("-5"), band()]}).status == 400
    assert price(call, {"type": "FLAT", "bands": [band(block_size={"number": "0"})]}).status == 400


def test_time_does_not_go_back(call: Client) -> None:
    """Not the clock; a cancellation, a schedule in what is billed; an event before everything is kept unmatched."""
    clock = call.post("/_understudy/clock", {"now": "2025-01-01T00:00:00Z"})
    assert clock.status == 400 and "2025" in clock.json["detail"]
    subscription = call.get("/v1/pricing-plan-subscriptions").json["data"][0]
    path = f"/v1/pricing-plan-subscriptions/{subscription['id']}/cancel"
    refused(call.post(path, {"type": "DATE", "cancel_at": "2025-01-01T00:00:00Z"}), "cancel_at", "past")
    call.post("/_understudy/clock", {"advance": "P2M"})
    late = {"pricing_plan_subscription_id": subscription["id"], "start_at": "2025-05-20T00:00:00Z",
            "pricing_plan_version_selector": {"pricing_plan_reference": "default_pricing"}}
    refused(call.post("/v1/pricing-plan-schedules?set_previous_end_at=true", late), "start_at", "billed already", "INVALID_OPERATION")


def test_an_elective_pricing_must_be_of_the_plan_and_fit_its_group(call: Client) -> None:
    """enabled_pricings names pricings of the version; a group that takes exactly one gets exactly one."""
    product = call.get("/v1/products/receipt_scanning").json
    plan = call.post("/v1/pricing-plans", {"reference": "options", "name": "Options", "pricing_currencies": ["EUR"]}).json
    version = call.post("/v1/pricing-plan-versions", {"pricing_plan_id": plan["id"]}).json
    items = [call.post("/v1/product-items", {"product_id": product["id"], "reference": name, "name": name, "model_type": "RECURRING"}).json
             for name in ("silver", "gold")]
    group = call.post("/v1/pricing-groups", {
        "pricing_plan_version_id": version["id"], "name": "Support", "product_type": "ADDON", "selection_constraint": "EXACTLY_ONE",
        "pricings": [{"product_ids": [product["id"]], "name": item["name"], "items": [
            {"product_item_ids": [item["id"]], "configs": [{"type": "FLAT", "bands": [band()]}]}]} for item in items]}).json
    call.post(f"/v1/pricing-plan-versions/{version['id']}/activate")

    def subscribe(chosen: list[str]) -> Answer:
        return call.post("/v1/pricing-plan-subscriptions/init", {
            "pricing_plan_subscription": {"reference": "optional", "customer_reference": "acme-001", "billing_entity_reference": "default_entity"},
            "pricing_plan_schedules": [{"pricing_plan_version_id": version["id"], "start_at": "2025-05-06T00:00:00Z",
                                        "enabled_pricings": [{"pricing_id": id} for id in chosen]}]})

    ids = [row["id"] for row in group["pricings"]]
    at = "pricing_plan_schedules.0.enabled_pricings"
    refused(subscribe([]), at, "EXACTLY_ONE")
    refused(subscribe(ids), at, "EXACTLY_ONE")
    refused(subscribe(["pric_none"]), f"{at}.0.pricing_id", "no pricing of the plan version", "RESOURCE_NOT_FOUND")
    made = subscribe(ids[:1])
    assert made.status == 200, made.body
    assert made.json["invoice"]["total_amount"]["quantity"] == "1.00"


def test_a_version_put_again_is_the_same_version(call: Client) -> None:
    """PUT: created with its prices, then changed by plan and number; once active it is locked."""
    product, item = call.get("/v1/products/receipt_scanning").json, call.get("/v1/product-items/reimbursed_amount").json
    plan = call.post("/v1/pricing-plans", {"reference": "put", "name": "Put", "pricing_currencies": ["EUR"]}).json

    def body(quantity: str, **more: Any) -> Body:
        return {"pricing_plan_id": plan["id"], "version": 1, **more, "pricing_categories": [{"pricings": [
            {"product_ids": [product["id"]], "name": "Each", "items": [
                {"product_item_ids": [item["id"]], "configs": [{"type": "FLAT", "bands": [band(price=quantity)]}]}]}]}]}

    first = call("PUT", "/v1/pricing-plan-versions", body("1"))
    assert first.status == 201, first.body
    again = call("PUT", "/v1/pricing-plan-versions", body("2", status="ACTIVE"))
    assert (again.status, again.json["id"], again.json["status"]) == (201, first.json["id"], "ACTIVE"), again.body
    (priced,) = again.json["pricing_categories"][0]["pricings"]
    assert priced["items"][0]["configs"][0]["bands"][0]["amount"]["quantity"] == "2"
    assert call("PUT", "/v1/pricing-plan-versions", body("3")).json["code"] == "INVALID_OPERATION"
