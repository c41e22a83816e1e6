"""The calls of the vendor's five guide pages, in the guides' order, with what the guides say comes back.

A body is a function of the answers so far: `ids["meter"]` is the id the guide tells the reader to save.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Ids = Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One call: `save` names the id of its answer, `shows` are fields of it that the guide promises."""

    call: str
    body: Callable[[Ids], Any] | None = None
    save: str | None = None
    status: int = 200
    shows: Mapping[str, Any] = field(default_factory=dict)

    def target(self, ids: Ids) -> tuple[str, str]:
        """Method and path with ids filled in."""
        method, _, path = self.call.partition(" ")
        return method, path.format(**ids)


VALUE = {"reference": "employee_count", "name": "Employee Count", "type": "NUMBER",
         "description": "The number of employees registered by the platform", "status": "ACTIVE"}
PROPERTY = {"reference": "employee_country", "name": "Employee Country", "type": "ENUM",
            "description": "Country where the employee is based.", "status": "ACTIVE",
            "enum_values": ["CAN", "DNK", "FIN", "GBR", "IRL", "JPN", "NOR", "SWE", "USA"]}
ACME = {"reference": "acme-001", "type": "ORGANIZATION", "email": "billing@acme.com", "status": "DRAFT", "timezone": "Europe/London",
        "organization": {"legal_name": "ACME Corp", "registered_address": {
            "line1": "123 Business St", "city": "London", "postal_code": "SW1A 1AA", "country": "GB"}}}
SUPERSTORE = {"reference": "superstore-001", "type": "ORGANIZATION", "email": "invoices@superstore.de", "roles": ["DEFAULT"],
              "status": "DRAFT", "timezone": "Europe/Berlin",
              "organization": {"legal_name": "SuperStore GmbH", "tax_ids": [{"id": "368807022", "type": "GENERIC_TAX_ID"}],
                               "registered_address": {"line1": "Hasengarten 14", "city": "Berlin", "postal_code": "79341", "state": "", "country": "DE"}}}


def _condition(ids: Ids, name: str, country: str, order: int, quantity: str, currency: str) -> dict[str, Any]:
    return {"type": "FLAT", "order": order,
            "conditions": {"name": name, "meter_properties": [{"id": ids["property"], "value": country, "comparator": "EQUALS"}]},
            "bands": [{"amount": {"quantity": quantity, "currency": currency}}]}


def _pricing(ids: Ids, name: str, configs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"pricing_plan_version_id": ids["version"], "name": name, "product_ids": [ids["product"]],
            "items": [{"product_item_ids": [ids["item"]], "configs": configs}]}


def usage(reference: str, number: str, country: str = "GBR", timestamp: str = "2025-05-06T14:30:00Z") -> dict[str, Any]:
    """The guide's usage event, with these few things of one's own."""
    return {"meter_reference": "meter_registered_employee", "customer_reference": "acme-001", "reference": reference, "timestamp": timestamp,
            "meter_values": [{"reference": "employee_count", "number": number}],
            "meter_properties": [{"reference": "employee_country", "value": country}]}


FIRST_REQUEST = (
    Step("GET /v1/customers", shows={"data": [], "page": 1}),
    Step("POST /v1/customers", lambda _: SUPERSTORE, status=201, shows={"object_type": "CUSTOMER", "status": "DRAFT", "roles": ["DEFAULT"]}),
    Step("GET /v1/customers?reference=superstore-001"),
    Step("POST /v1/customers/superstore-001/activate", lambda _: {}, shows={"status": "ACTIVE"}),
)

TUTORIAL = (
    Step("POST /v1/meter-values", lambda _: VALUE, "value", 201, {**VALUE, "created_at": "2025-05-06T10:30:00Z"}),
    Step("POST /v1/meter-properties", lambda _: PROPERTY, "property", 201, PROPERTY),
    Step("POST /v1/meters", lambda ids: {
        "reference": "meter_registered_employee", "name": "registered_employees", "description": "The amount of employees registered with a customer.",
        "meter_values": [{"id": ids["value"], "reference": "Employee count", "required": True}],
        "meter_properties": [{"id": ids["property"], "reference": "Employee type", "required": True}]}, "meter", 201, {"status": "DRAFT"}),
    Step("POST /v1/meter-value-calculations", lambda ids: {
        "reference": "mvc_employee_count_sum", "calculation_type": "SUM", "meter_id": ids["meter"], "name": "Employee count (sum)",
        "description": "Total registered employees per billing period", "persist": False, "meter_value_id": ids["value"]}, "calculation", 201),
    Step("POST /v1/product-categories", lambda _: {
        "name": "ExpenseIt products", "reference": "expenseit_products", "tax_category": "STANDARD",
        "description": "All products that are offered and developed by ExpenseIt"}, "category", 201),
    Step("POST /v1/products", lambda ids: {
        "category_id": ids["category"], "name": "Receipt Scanning", "reference": "receipt_scanning", "product_type": "DEFAULT",
        "description": "Giving customer employees the possibility to scan receipts.", "tax_category": "STANDARD"}, "product", 201, {"status": "DRAFT"}),
    Step("POST /v1/product-items", lambda ids: {
        "product_id": ids["product"], "name": "Reimbursed amount", "reference": "reimbursed_amount", "description": "Reimbursed amount per scanned receipt",
        "model_type": "USAGE_BASED", "tax_category": "STANDARD", "usage_based": {"meter_value_calculation_id": ids["calculation"]}}, "item", 201),
    Step("POST /v1/pricing-plans", lambda _: {
        "reference": "default_pricing", "name": "Default Pricing Plan", "description": "Standard pricing plan for self-serve customers",
        "amount_type": "EXCLUDING_TAX", "pricing_currencies": ["EUR", "USD"]}, "plan", 201),
    Step("POST /v1/pricing-plan-versions", lambda ids: {"pricing_plan_id": ids["plan"], "version": 1, "status": "DRAFT"}, "version", 201, {"status": "DRAFT"}),
    Step("POST /v1/pricings", lambda ids: _pricing(ids, "Receipt scanning – per receipt", [
        {"type": "FLAT", "order": 1, "bands": [{"amount": {"quantity": "0.50", "currency": "EUR"}}]}]), "pricing", 201),
    Step("POST /v1/pricings", lambda ids: _pricing(ids, "Registered employees – by country", [
        _condition(ids, "Germany", "DEU", 1, "0.50", "EUR"), _condition(ids, "United States", "USA", 2, "0.40", "USD")]), "conditional", 201),
    Step("POST /v1/pricing-plan-versions/{version}/activate", shows={"status": "ACTIVE"}),
    Step("POST /v1/customers", lambda _: ACME, "customer", 201, {"status": "DRAFT"}),
    Step("POST /v1/customers/acme-001/activate", shows={"status": "ACTIVE"}),
    Step("POST /v1/pricing-plan-subscriptions/init", lambda _: {
        "pricing_plan_subscription": {"reference": "acme-001-sub", "customer_reference": "acme-001", "billing_entity_reference": "default_entity",
                                      "billing_currency": "EUR", "billing_time": "EXACT"},
        "pricing_plan_schedules": [{"pricing_plan_version_selector": {"pricing_plan_reference": "default_pricing"}, "start_at": "2025-05-06T00:00:00Z"}]}),
    Step("POST /v1/ingest/meter-data", lambda _: usage("evt_20250506_001", "5"), status=201),
)
"""The long guide, from the first meter value to the usage event; the clone of a version is tried apart."""

CLONE = Step("POST /v1/pricing-plan-versions", lambda ids: {
    "pricing_plan_id": ids["plan"], "version": 2, "status": "DRAFT", "copied_from_pricing_plan_version_id": ids["version"]}, "clone", 201)

QUERIES = (
    "/v1/pricing-plan-subscriptions?start_at=[2023-01-01T00:00:00Z,2023-04-01T00:00:00Z]&status=DRAFT",
    "/v1/pricing-plan-subscriptions?order_by=start_at&order_direction=desc",
    "/v1/customers?page=2&limit=2",
)
"""The page on query parameters."""
