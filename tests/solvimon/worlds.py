"""Small worlds to bill in: the guide's own, and one with any price to choose."""

from __future__ import annotations

from typing import Any

from solvimon.bench import Bench, Record

COUNTRIES = ["CAN", "DNK", "FIN", "GBR", "IRL", "JPN", "NOR", "SWE", "USA"]


def amount(quantity: str, currency: str = "EUR") -> dict[str, str]:
    """The API's shape of money."""
    return {"quantity": quantity, "currency": currency}


def flat(quantity: str, currency: str = "EUR", **more: Any) -> Record:
    """A FLAT config of one price."""
    return {"type": "FLAT", "bands": [{"amount": amount(quantity, currency)}], **more}


def entity(bench: Bench, country: str = "NL") -> Record:
    """A billing entity."""
    return bench.make("billing_entity", reference=f"entity_{country}", registered_address={"country": country})


def tutorial(bench: Bench) -> dict[str, Record]:
    """The guide "Configure your first meters and prices", up to and with its subscription, call by call."""
    made: dict[str, Record] = {"entity": entity(bench)}
    made["value"] = bench.make("meter_value", reference="employee_count", name="Employee Count", type="NUMBER", status="ACTIVE")
    made["property"] = bench.make("meter_property", reference="employee_country", name="Employee Country", type="ENUM",
                                  status="ACTIVE", enum_values=COUNTRIES)
    made["meter"] = bench.make(
        "meter", reference="meter_registered_employee", name="registered_employees",
        meter_values=[{"id": made["value"]["id"], "reference": "Employee count", "required": True}],
        meter_properties=[{"id": made["property"]["id"], "reference": "Employee type", "required": True}])
    made["calculation"] = bench.make(
        "meter_value_calculation", reference="mvc_employee_count_sum", calculation_type="SUM", persist=False,
        meter_id=made["meter"]["id"], meter_value_id=made["value"]["id"])
    made["category"] = bench.make("product_category", name="ExpenseIt products", reference="expenseit_products",
                                  tax_category="STANDARD")
    made["product"] = bench.make("product", category_id=made["category"]["id"], name="Receipt Scanning",
                                 reference="receipt_scanning", product_type="DEFAULT", tax_category="STANDARD")
    made["item"] = bench.make(
        "product_item", product_id=made["product"]["id"], name="Reimbursed amount", reference="reimbursed_amount",
        model_type="USAGE_BASED", tax_category="STANDARD",
        usage_based={"meter_value_calculation_id": made["calculation"]["id"]})
    made["plan"] = bench.make("pricing_plan", reference="default_pricing", name="Default Pricing Plan",
                              amount_type="EXCLUDING_TAX", pricing_currencies=["EUR", "USD"])
    made["version"] = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"], "version": 1, "status": "DRAFT"})
    price(bench, made, "Receipt scanning – per receipt", flat("0.50", order=1))
    price(bench, made, "Registered employees – by country",
          flat("0.50", order=1, conditions=where(made, "DEU", "Germany")),
          flat("0.40", "USD", order=2, conditions=where(made, "USA", "United States")))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = bench.make("customer", reference="acme-001", type="ORGANIZATION", email="billing@acme.com",
                                  status="DRAFT", timezone="Europe/London", organization={"legal_name": "ACME Corp"})
    bench.fire("customer", made["customer"]["id"], "activate")
    made["init"] = bench.call("init_subscription", init("entity_NL"))
    return made


def price(bench: Bench, made: dict[str, Record], name: str, *configs: Record) -> Record:
    """A pricing of the world's item by these configs."""
    pricing: Record = bench.call("create_pricing", {
        "pricing_plan_version_id": made["version"]["id"], "name": name, "product_ids": [made["product"]["id"]],
        "items": [{"product_item_ids": [made["item"]["id"]], "configs": list(configs)}]})
    return pricing


def where(made: dict[str, Record], value: str, name: str) -> Record:
    """The guide's condition: the country equals a value."""
    return {"name": name, "meter_properties": [{"id": made["property"]["id"], "value": value, "comparator": "EQUALS"}]}


def init(entity: str, start: str = "2025-05-06T00:00:00Z", **subscription: Any) -> Record:
    """The guide's body for `/init`."""
    return {
        "pricing_plan_subscription": {"reference": "acme-001-sub", "customer_reference": "acme-001",
                                      "billing_entity_reference": entity, "billing_currency": "EUR",
                                      "billing_time": "EXACT", **subscription},
        "pricing_plan_schedules": [
            {"pricing_plan_version_selector": {"pricing_plan_reference": "default_pricing"}, "start_at": start}],
    }


def event(reference: str, number: str = "5", country: str = "GBR", at: str | None = "2025-05-06T10:31:00Z") -> Record:
    """The guide's usage event; without `at`, of now."""
    return {
        "meter_reference": "meter_registered_employee", "customer_reference": "acme-001", "reference": reference,
        **({"timestamp": at} if at else {}),
        "meter_values": [{"reference": "employee_count", "number": number}],
        "meter_properties": [{"reference": "employee_country", "value": country}],
    }
