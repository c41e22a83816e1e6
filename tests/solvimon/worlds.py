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


def catalogue(bench: Bench, calculation: str = "SUM", **plan: Any) -> dict[str, Record]:
    """The guide's meter, product and plan with one DRAFT version, call by call; no price yet."""
    made: dict[str, Record] = {"entity": entity(bench)}
    made["value"] = bench.make("meter_value", reference="employee_count", name="Employee Count", type="NUMBER", status="ACTIVE")
    made["property"] = bench.make("meter_property", reference="employee_country", name="Employee Country", type="ENUM",
                                  status="ACTIVE", enum_values=COUNTRIES)
    made["meter"] = bench.make(
        "meter", reference="meter_registered_employee", name="registered_employees",
        meter_values=[{"id": made["value"]["id"], "reference": "Employee count", "required": True}],
        meter_properties=[{"id": made["property"]["id"], "reference": "Employee type", "required": True}])
    source = {"meter_property_id": made["property"]["id"]} if calculation == "UNIQUE" else {"meter_value_id": made["value"]["id"]}
    made["calculation"] = bench.make(
        "meter_value_calculation", reference="mvc_employee_count", calculation_type=calculation, persist=False,
        meter_id=made["meter"]["id"], **source)
    made["category"] = bench.make("product_category", name="ExpenseIt products", reference="expenseit_products",
                                  tax_category="STANDARD")
    made["product"] = bench.make("product", category_id=made["category"]["id"], name="Receipt Scanning",
                                 reference="receipt_scanning", product_type="DEFAULT", tax_category="STANDARD")
    made["item"] = item(bench, made, "reimbursed_amount", "USAGE_BASED",
                        usage_based={"meter_value_calculation_id": made["calculation"]["id"]})
    made["plan"] = bench.make("pricing_plan", **{
        "reference": "default_pricing", "name": "Default Pricing Plan", "amount_type": "EXCLUDING_TAX",
        "pricing_currencies": ["EUR", "USD"], **plan})
    made["version"] = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"], "version": 1, "status": "DRAFT"})
    return made


def item(bench: Bench, made: dict[str, Record], reference: str, model: str, **more: Any) -> Record:
    """A product item of the world's product."""
    return bench.make("product_item", product_id=made["product"]["id"], name=reference.replace("_", " "), reference=reference,
                      model_type=model, tax_category="STANDARD", **more)


def customer(bench: Bench, reference: str = "acme-001", zone: str = "Europe/London", **more: Any) -> Record:
    """The guide's customer, activated."""
    record = bench.make("customer", reference=reference, type="ORGANIZATION", email="billing@acme.com", status="DRAFT",
                        timezone=zone, **{"organization": {"legal_name": "ACME Corp"}, **more})
    return bench.fire("customer", record["id"], "activate")


def subscribe(bench: Bench, made: dict[str, Record], start: str = "2025-05-06T00:00:00Z", **subscription: Any) -> Record:
    """Activate the version and subscribe the guide's customer to it; the answer of `/init`."""
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = customer(bench)
    made["init"] = bench.call("init_subscription", init("entity_NL", start, **subscription))
    made["subscription"] = made["init"]["pricing_plan_subscription"]
    return made["init"]


def tutorial(bench: Bench) -> dict[str, Record]:
    """The guide "Configure your first meters and prices", up to and with its subscription."""
    made = catalogue(bench)
    price(bench, made, "Receipt scanning – per receipt", flat("0.50", order=1))
    price(bench, made, "Registered employees – by country",
          flat("0.50", order=1, conditions=where(made, "DEU", "Germany")),
          flat("0.40", "USD", order=2, conditions=where(made, "USA", "United States")))
    subscribe(bench, made)
    return made


def price(bench: Bench, made: dict[str, Record], name: str, *configs: Record, item: Record | None = None) -> Record:
    """A pricing of the world's item, or of another, by these configs."""
    pricing: Record = bench.call("create_pricing", {
        "pricing_plan_version_id": made["version"]["id"], "name": name, "product_ids": [made["product"]["id"]],
        "items": [{"product_item_ids": [(item or made["item"])["id"]], "configs": list(configs)}]})
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
