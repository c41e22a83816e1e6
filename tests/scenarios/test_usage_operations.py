"""Usage beyond ingesting, over the API: traces, costs, meters that grow, processing anew, what is carried over, on demand."""

from __future__ import annotations

from typing import Any

import pytest

from support.asgi import Client
from understudy.server.app import App
from understudy.theatre import Theatre


@pytest.fixture
def call(bundled: Theatre) -> Client:
    """A client of the tutorial's world: one customer subscribed at 0.50 EUR an employee, five employees used."""
    bundled.reset("default", "tutorial")
    return Client(App(bundled))


def event(reference: str, number: str = "4", **more: Any) -> dict[str, Any]:
    """A usage event of the tutorial's customer."""
    return {"meter_reference": "meter_registered_employee", "customer_reference": "acme-001", "reference": reference,
            "meter_values": [{"reference": "employee_count", "number": number}],
            "meter_properties": [{"reference": "employee_country", "value": "GBR"}], **more}


def draft(call: Client) -> dict[str, Any]:
    """The open invoice."""
    (invoice,) = call.get("/v1/invoices?include_lines=true").json["data"]
    assert isinstance(invoice, dict)
    return invoice


def test_an_events_trace_leads_to_its_invoice(call: Client) -> None:
    """Calculation, item, subscription, price and invoice of a booked event; by both paths."""
    made = call.post("/v1/events/ingest", event("evt_traced_01")).json
    trace = call.get(f"/v1/events/{made['id']}/event_trace")
    assert trace.status == 200, trace.body
    assert trace.json == call.get(f"/v1/ingest/meter-data/{made['id']}/event_trace").json
    (link,) = trace.json["links"]
    assert link["invoice_id"] == draft(call)["id"]
    assert link["pricing_item_config_id"] == draft(call)["periods"][0]["groups"][0]["lines"][0]["pricing_item_config_id"]


def test_a_calculated_event_is_priced_and_not_kept(call: Client) -> None:
    """POST /events/calculate: what it would cost, and nothing else changes."""
    before = draft(call)
    answer = call.post("/v1/events/calculate", event("evt_not_kept_1"))
    assert answer.status == 201, answer.body
    assert answer.json["type"] == "CALCULATION"
    assert answer.json["cost_prediction"]["details"][0]["amount_excluding_tax"] == {"quantity": "2.00", "currency": "EUR"}
    assert draft(call) == before
    assert call.get("/v1/events?reference=evt_not_kept_1").json["data"] == []


def test_an_ingested_event_may_say_what_it_costs(call: Client) -> None:
    """cost_prediction=true; where it goes nowhere, the prediction failed."""
    made = call.post("/v1/events/ingest?cost_prediction=true", event("evt_costs_0001")).json
    assert made["cost_prediction"]["details"][0]["amount_including_tax"]["quantity"] == "2.00"
    other = call.post("/v1/events/ingest?cost_prediction=true", event("evt_nowhere_01", timestamp="2025-01-01T00:00:00Z")).json
    assert other["cost_prediction"]["response"] == "FAILED"


def test_a_dynamic_event_makes_the_meter_it_names(call: Client) -> None:
    """Dynamic meter creation: ACTIVE, named by the reference, an AMOUNT where one was sent, a STRING property, not required."""
    body = {**event("evt_dynamic_01"), "meter_reference": "payments",
            "meter_values": [{"reference": "volume", "amount": {"quantity": "5.00", "currency": "EUR"}}],
            "meter_properties": [{"reference": "method", "value": "card", "dynamic_validation_settings": {"type": "ENUM"}}]}
    assert call.post("/v1/events/ingest?meter_validation=DYNAMIC", body).status == 201
    meter = call.get("/v1/meters/payments").json
    assert meter["status"] == "ACTIVE"
    assert [part["required"] for part in meter["meter_values"] + meter["meter_properties"]] == [False, False]
    assert call.get("/v1/meter-values/volume").json["type"] == "AMOUNT"
    again = {**body, "reference": "evt_dynamic_02", "meter_properties": [{"reference": "method", "value": "iban"}]}
    assert call.post("/v1/events/ingest?meter_validation=DYNAMIC", again).status == 201
    assert call.get("/v1/meter-properties/method").json["enum_values"] == ["card", "iban"]


def test_a_static_event_makes_nothing(call: Client) -> None:
    """STATIC is the default: what is not there is refused."""
    assert call.post("/v1/events/ingest", {**event("evt_static_001"), "meter_reference": "payments"}).status in (400, 404)


def test_unmatched_events_are_matched_by_reprocessing(call: Client) -> None:
    """Never billed until reprocessed: the subscription came after its usage."""
    customer = call.post("/v1/customers", {"reference": "late-001", "type": "ORGANIZATION", "status": "ACTIVE", "organization": {"legal_name": "L"}}).json
    call.post("/v1/events/ingest", event("evt_too_early1", customer_reference="late-001"))
    call.post("/v1/pricing-plan-subscriptions/init", {
        "pricing_plan_subscription": {"reference": "late-sub", "customer_reference": "late-001", "billing_entity_reference": "default_entity"},
        "pricing_plan_schedules": [{"pricing_plan_version_selector": {"pricing_plan_reference": "default_pricing"}, "start_at": "2025-05-06T00:00:00Z"}]})
    body = {"type": "NOT_MATCHED", "not_matched": {"customer_id": customer["id"]}}
    done = call.post("/v1/reprocess", body)
    assert done.status == 201, done.body
    assert (done.json["status"], done.json["number_of_events"]) == ("DONE", 1)
    assert call.get(f"/v1/reprocess/{done.json['id']}").json == done.json
    (invoice,) = call.get("/v1/invoices?customer_reference=late-001").json["data"]
    assert invoice["total_amount"]["quantity"] == "2.00"


def test_reprocessing_a_final_invoice_is_refused(call: Client) -> None:
    """FINAL is unchangeable."""
    id = draft(call)["id"]
    call.patch(f"/v1/invoices/{id}", {"status": "FINAL"})
    refused = call.post("/v1/reprocess", {"type": "INVOICE", "invoice": {"invoice_id": id}})
    assert refused.status == 409
    assert refused.json["code"] == "INVALID_OPERATION"


def test_what_is_charged_on_demand_has_an_invoice_of_its_own(call: Client) -> None:
    """Listed by the schedule, charged by its pricing item, previewed without a trace."""
    product = call.get("/v1/products/receipt_scanning").json
    item = call.post("/v1/product-items", {"product_id": product["id"], "reference": "training", "name": "Training", "model_type": "ONE_OFF"}).json
    plan = call.post("/v1/pricing-plans", {"reference": "with_training", "name": "With training", "pricing_currencies": ["EUR"]}).json
    version = call.post("/v1/pricing-plan-versions", {"pricing_plan_id": plan["id"], "version": 1}).json
    priced = call.post("/v1/pricings", {
        "pricing_plan_version_id": version["id"], "name": "Training", "product_ids": [product["id"]],
        "items": [{"product_item_ids": [item["id"]], "configs": [
            {"type": "FLAT", "on_demand": True, "bands": [{"amount": {"quantity": "400", "currency": "EUR"}}]}]}]}).json
    call.post(f"/v1/pricing-plan-versions/{version['id']}/activate")
    made = call.post("/v1/pricing-plan-subscriptions/init", {
        "pricing_plan_subscription": {"reference": "trained", "customer_reference": "acme-001", "billing_entity_reference": "default_entity"},
        "pricing_plan_schedules": [{"pricing_plan_version_id": version["id"], "start_at": "2025-05-06T00:00:00Z"}]}).json
    schedule = made["pricing_plan_schedules"][0]["id"]
    shown = call.get(f"/v1/pricing-plan-schedules/{schedule}/on-demand-pricing-items").json
    assert shown["pricing_categories"][0]["pricings"][0]["items"][0]["id"] == priced["items"][0]["id"]
    body = {"pricing_plan_schedule_id": schedule, "pricing_items": [{"pricing_item_id": priced["items"][0]["id"]}]}
    count = len(call.get("/v1/invoices").json["data"])
    assert call.post("/v1/invoices/charge-on-demand-pricing-items", {**body, "preview": True}).json["total_amount"]["quantity"] == "400.00"
    assert len(call.get("/v1/invoices").json["data"]) == count
    charged = call.post("/v1/invoices/charge-on-demand-pricing-items", {**body, "finalize_immediately": True})
    assert charged.status == 201, charged.body
    assert (charged.json["type"], charged.json["status"], charged.json["total_amount"]["quantity"]) == ("ONE_OFF", "FINAL", "400.00")
    wrong = call.post("/v1/invoices/charge-on-demand-pricing-items", {**body, "pricing_items": [{"pricing_item_id": "prii_none"}]})
    assert wrong.json["field"] == "pricing_items.0.pricing_item_id"


def test_a_period_takes_over_what_it_is_told(call: Client) -> None:
    """persist-data: usage of another system counts before the period, where the calculation persists."""
    calculation = call.get("/v1/meter-value-calculations").json["data"][0]
    call.patch(f"/v1/meter-value-calculations/{calculation['id']}", {"persist": True})
    config = draft(call)["periods"][0]["groups"][0]["lines"][0]["pricing_item_config_id"]
    subscription = call.get("/v1/pricing-plan-subscriptions").json["data"][0]
    answer = call.post("/v1/ingest/persist-data", {
        "pricing_plan_subscription_id": subscription["id"], "pricing_item_config_id": config, "persist_usage": "20"})
    assert answer.status == 201, answer.body
    assert draft(call)["total_amount"]["quantity"] == "12.50"


def test_lists_of_invoices_hold_periods_and_lines_where_asked(call: Client) -> None:
    """include_periods and include_lines; one invoice read by id is always whole."""
    (short,) = call.get("/v1/invoices").json["data"]
    assert "periods" not in short and short["line_items"]
    (middle,) = call.get("/v1/invoices?include_periods=true").json["data"]
    assert "lines" not in middle["periods"][0]["groups"][0]
    assert draft(call)["periods"][0]["groups"][0]["lines"]
    assert call.get(f"/v1/invoices/{short['id']}").json["periods"][0]["groups"][0]["lines"]


def test_subscriptions_are_ordered_by_their_plans_name(call: Client) -> None:
    """order_by pricing_plan_name."""
    page = call.get("/v1/pricing-plan-subscriptions?order_by=pricing_plan_name&order_direction=asc")
    assert page.status == 200
    assert [row["reference"] for row in page.json["data"]] == ["acme-001-sub"]


def test_a_products_items_follow_its_status_where_asked(call: Client) -> None:
    """align_product_item_status on PATCH and DELETE, as on activate."""
    category = call.get("/v1/product-categories").json["data"][0]
    product = call.post("/v1/products", {"category_id": category["id"], "name": "P", "reference": "p", "product_type": "DEFAULT"}).json
    item = call.post("/v1/product-items", {"product_id": product["id"], "reference": "i", "name": "I", "model_type": "RECURRING"}).json
    call.patch("/v1/products/p?align_product_item_status=true", {"status": "ACTIVE"})
    assert call.get(f"/v1/product-items/{item['id']}").json["status"] == "ACTIVE"
    other = call.post("/v1/products", {"category_id": category["id"], "name": "Q", "reference": "q", "product_type": "DEFAULT"}).json
    call.post("/v1/product-items", {"product_id": other["id"], "reference": "j", "name": "J", "model_type": "RECURRING"})
    refused = call("DELETE", "/v1/products/q")
    assert refused.json["code"] == "COULD_NOT_DELETE_RESOURCE"
    assert call("DELETE", "/v1/products/q?align_product_item_status=true").status == 200
    assert call.get("/v1/product-items/j").status == 404


def test_a_hold_is_lifted_and_the_invoice_made_final_in_one_call(call: Client) -> None:
    """The grace that lifting it begins ends with the same change: nothing of it is left, and nothing fails."""
    (invoice,) = call.get("/v1/invoices").json["data"]
    call("PATCH", f"/v1/invoices/{invoice['id']}", {"on_hold": True})
    call.post("/_understudy/clock", {"advance": "P2M"})
    final = call("PATCH", f"/v1/invoices/{invoice['id']}", {"on_hold": False, "status": "FINAL"})
    assert (final.status, final.json["status"], final.json["on_hold"]) == (200, "FINAL", False), final.body
