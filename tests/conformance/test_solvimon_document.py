"""The bundled Solvimon document as a document: a valid OpenAPI 3.1, whose examples and whose guide's bodies fit it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).parents[2] / "openapi" / "solvimon.yaml"
URI = "urn:solvimon"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON = "application/json"

Operation = Mapping[str, Any]


@cache
def document() -> Any:
    """The document, parsed once."""
    return yaml.load(FILE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def registry() -> Registry[Any]:
    """Where `$ref` looks: the document under one address."""
    return Registry().with_resource(URI, DRAFT202012.create_resource(document()))


def operations() -> Iterator[tuple[str, Operation]]:
    """Every operation as `POST /v1/meters` and what the document says of it."""
    for path, item in document()["paths"].items():
        for method in METHODS:
            if path.startswith("/") and method in item:
                yield f"{method.upper()} {path}", item[method]


def resolved(part: Any) -> Any:
    """A part of the document, or what it refers to."""
    while "$ref" in part:
        part = registry().resolver(URI).lookup(part["$ref"]).contents
    return part


def violations(call: str, body: Any) -> list[str]:
    """What the request schema of an operation has against a body."""
    method, _, path = call.partition(" ")
    place = path.replace("~", "~0").replace("/", "~1")
    pointer = f"{URI}#/paths/{place}/{method.lower()}/requestBody/content/application~1json/schema"
    validator = Draft202012Validator({"$ref": pointer}, registry=registry())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


OPERATIONS = list(operations())
NAMED = [pytest.param(call, operation, id=call) for call, operation in OPERATIONS]
WITH_BODY = [pytest.param(call, operation, id=call) for call, operation in OPERATIONS if "requestBody" in operation]


# --- the document ------------------------------------------------------------------------------------------------


def test_the_document_is_a_valid_openapi_3_1_document() -> None:
    """OpenAPI 3.1.0, as openapi-spec-validator reads it."""
    validator = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not installed: the second opinion is missing")
    assert document()["openapi"].startswith("3.1.")
    validator.validate(document(), cls=validator.OpenAPIV31SpecValidator)


def test_no_two_operations_have_the_same_id() -> None:
    """OpenAPI 3.1.0, Operation Object: an operationId is unique among all operations; ours has one on each."""
    assert OPERATIONS
    counted = Counter(operation.get("operationId") for _, operation in OPERATIONS)
    assert [name for name, count in counted.items() if count > 1 or name is None] == []


# --- what every operation declares -------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "operation"), NAMED)
def test_every_operation_says_that_a_missing_key_is_refused(call: str, operation: Operation) -> None:
    """A key that is missing or refused: 401, in the shape of every error."""
    refusal = resolved(operation["responses"]["401"])
    assert resolved(refusal["content"][JSON]["schema"])["required"] == ["type", "code", "message"], call


@pytest.mark.parametrize(("call", "operation"), NAMED)
def test_every_response_carries_a_request_id(call: str, operation: Operation) -> None:
    """Every answer names its request in the header X-REQUEST-ID."""
    without = [status for status, response in operation["responses"].items() if "X-REQUEST-ID" not in resolved(response).get("headers", {})]
    assert without == [], call


# --- what may be sent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "operation"), WITH_BODY)
def test_every_request_body_has_an_example_that_its_schema_allows(call: str, operation: Operation) -> None:
    """An example is what a reader copies: it has to be taken."""
    content = resolved(operation["requestBody"])["content"][JSON]
    examples = [content["example"]] if "example" in content else [resolved(one)["value"] for one in content.get("examples", {}).values()]
    assert examples, f"{call} has no example"
    assert [violations(call, example) for example in examples] == [[]] * len(examples)


VALUE, PROPERTY, METER = "metv_owDe9k0tsIY5LkBAel1P", "metp_owDe9k0tsIY5LkBAel1X", "metr_kwDeeN0tv5UDtxADed1o"
CALCULATION, CATEGORY = "mvca_AwDeeF0tu31PTQAbeN1t", "proc_iwDeeN0tvaMQ3nAies1C"
PRODUCT, ITEM = "prod_jwDeAN0tsJCV11BBeT1h", "proi_jwDeAN0tsJCV11BBeT1h"
PLAN, VERSION = "ppla_RwDeAC0tsJAiH2BOeq1d", "ppve_gwDeep0tDRcSvkAfeN1Z"


def price(quantity: Any, currency: str) -> list[dict[str, Any]]:
    """The bands of one price."""
    return [{"amount": {"quantity": quantity, "currency": currency}}]


def pricing(name: str, *configs: Mapping[str, Any]) -> dict[str, Any]:
    """The guide's pricing of its one item."""
    return {"pricing_plan_version_id": VERSION, "name": name, "product_ids": [PRODUCT], "items": [{"product_item_ids": [ITEM], "configs": [*configs]}]}


def where(name: str, country: str) -> dict[str, Any]:
    """The guide's condition on the country."""
    return {"name": name, "meter_properties": [{"id": PROPERTY, "value": country, "comparator": "EQUALS"}]}


FLAT = {"type": "FLAT", "order": 1, "bands": price("0.50", "EUR")}

GUIDE: Mapping[str, tuple[str, Any]] = {
    "1.1": ("POST /v1/meter-values", {
        "reference": "employee_count", "name": "Employee Count", "type": "NUMBER",
        "description": "The number of employees registered by the platform", "status": "ACTIVE"}),
    "1.2": ("POST /v1/meter-properties", {
        "reference": "employee_country", "name": "Employee Country", "type": "ENUM",
        "description": "Country where the employee is based.", "status": "ACTIVE",
        "enum_values": ["CAN", "DNK", "FIN", "GBR", "IRL", "JPN", "NOR", "SWE", "USA"]}),
    "1.3": ("POST /v1/meters", {
        "reference": "meter_registered_employee", "name": "registered_employees",
        "description": "The amount of employees registered with a customer.",
        "meter_values": [{"id": VALUE, "reference": "Employee count", "required": True}],
        "meter_properties": [{"id": PROPERTY, "reference": "Employee type", "required": True}]}),
    "1.4": ("POST /v1/meter-value-calculations", {
        "reference": "mvc_employee_count_sum", "calculation_type": "SUM", "meter_id": METER, "name": "Employee count (sum)",
        "description": "Total registered employees per billing period", "persist": False, "meter_value_id": VALUE}),
    "2.1": ("POST /v1/product-categories", {
        "name": "ExpenseIt products", "reference": "expenseit_products",
        "description": "All products that are offered and developed by ExpenseIt", "tax_category": "STANDARD"}),
    "2.2": ("POST /v1/products", {
        "category_id": CATEGORY, "name": "Receipt Scanning", "reference": "receipt_scanning",
        "description": "Giving customer employees the possibility to scan receipts.", "product_type": "DEFAULT", "tax_category": "STANDARD"}),
    "2.3": ("POST /v1/product-items", {
        "product_id": PRODUCT, "name": "Reimbursed amount", "reference": "reimbursed_amount",
        "description": "Reimbursed amount per scanned receipt", "model_type": "USAGE_BASED", "tax_category": "STANDARD",
        "usage_based": {"meter_value_calculation_id": CALCULATION}}),
    "3.1": ("POST /v1/pricing-plans", {
        "reference": "default_pricing", "name": "Default Pricing Plan", "description": "Standard pricing plan for self-serve customers",
        "amount_type": "EXCLUDING_TAX", "pricing_currencies": ["EUR", "USD"]}),
    "3.2": ("POST /v1/pricing-plan-versions", {"pricing_plan_id": PLAN, "version": 1, "status": "DRAFT"}),
    "3.2, a copy": ("POST /v1/pricing-plan-versions", {
        "pricing_plan_id": PLAN, "version": 2, "status": "DRAFT", "copied_from_pricing_plan_version_id": VERSION}),
    "3.3": ("POST /v1/pricings", pricing("Receipt scanning – per receipt", FLAT)),
    "3.4": ("POST /v1/pricings", pricing(
        "Registered employees – by country", {**FLAT, "conditions": where("Germany", "DEU")},
        {"type": "FLAT", "order": 2, "conditions": where("United States", "USA"), "bands": price("0.40", "USD")})),
    "3.4, several values": ("POST /v1/pricings", pricing(
        "In", {**FLAT, "conditions": {"meter_properties": [{"id": PROPERTY, "values": ["GBR", "IRL"], "comparator": "IN"}]}})),
    "3.4, the guide's spelling of a comparator": ("POST /v1/pricings", pricing(
        "Small", {**FLAT, "conditions": {"meter_properties": [{"id": PROPERTY, "value": "5", "comparator": "LESS_THAN_OR_EQUAL"}]}})),
    "3.4, nested": ("POST /v1/pricings", pricing("Either", {**FLAT, "conditions": {"expression": {"operator": "OR", "operands": [
        {"meter_property": {"id": PROPERTY, "value": "DEU", "comparator": "EQUALS"}},
        {"expression": {"operator": "AND", "operands": [{"meter_property": {"id": PROPERTY, "value": "USA", "comparator": "NOT_EQUALS"}}]}}]}}})),
}  # fmt: skip
"""The bodies of the guide "Configure your first meters and prices", sections 1 to 3, and what its notes describe."""

WRONG: Mapping[str, tuple[str, Any]] = {
    "an amount as a number": ("POST /v1/pricings", pricing("Scanning", {**FLAT, "bands": price(0.50, "EUR")})),
    "a reference with a blank": ("POST /v1/meter-values", {"reference": "employee count", "name": "Employees", "type": "NUMBER"}),
    "a calculation of nothing": ("POST /v1/meter-value-calculations", {"reference": "nothing", "calculation_type": "SUM", "meter_id": METER}),
    "usage without a calculation": ("POST /v1/product-items", {"reference": "scans", "name": "Scans", "product_id": PRODUCT, "model_type": "USAGE_BASED"}),
    "IN without values": ("POST /v1/pricings", pricing("In", {**FLAT, "conditions": {"meter_properties": [{"id": PROPERTY, "value": "GBR", "comparator": "IN"}]}})),
    "a package of no size": ("POST /v1/pricings", pricing("Packages", {**FLAT, "type": "PACKAGE"})),
}  # fmt: skip


@pytest.mark.parametrize("section", GUIDE)
def test_the_guides_request_bodies_are_allowed_as_written(section: str) -> None:
    """Guide "Configure your first meters and prices", sections 1 to 3: the calls in it must work as written."""
    assert violations(*GUIDE[section]) == []


@pytest.mark.parametrize("mistake", WRONG)
def test_what_the_guide_warns_of_is_forbidden_by_the_schema(mistake: str) -> None:
    """The same guide's notes: amounts are strings, references have no white space, usage needs a calculation."""
    assert violations(*WRONG[mistake]) != []
