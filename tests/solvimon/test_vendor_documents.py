"""The vendor's four documents served together, with the behaviour file that was written for the bundled one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.asgi import Client
from support.guides import CLONE, FIRST_REQUEST, QUERIES, TUTORIAL, Step, usage
from understudy.contract.values import Schema
from understudy.problems import Problem
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT.parent / "shared" / "solvimon" / "contracts"
DOCUMENTS = tuple(str(FOLDER / f"{name}.yml") for name in ("configuration", "event", "identity", "transaction"))
BEHAVIOUR = str(ROOT / "openapi" / "solvimon.behaviour.yaml")
NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)

INSTEAD = {"POST /v1/pricing-plan-versions/{version}/activate": Step(
    "PATCH /v1/pricing-plan-versions/{version}", lambda _: {"status": "ACTIVE"}, shows={"status": "ACTIVE"})}  # fmt: skip
"""What these documents declare in place of a call of the guides: a version is activated by changing its status."""


@pytest.fixture(scope="module")
def vendor() -> Theatre:
    """The four documents, opened once."""
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER.name} is not beside this checkout")
    return open_theatre(Options(spec=DOCUMENTS, behaviour=BEHAVIOUR, now=NOW))


@pytest.fixture
def asked(vendor: Theatre) -> Client:
    """A client of them, in a world of its own."""
    vendor.reset("default")
    return Client(App(vendor))


def declared(vendor: Theatre, method: str, path: str, status: int) -> frozenset[str]:
    """The fields a document declares of an answer."""
    contract = vendor.script.contract
    response = contract.match(method, path)[0].response(status)
    schema: Schema | None = response.content.get("application/json") if response else None
    return frozenset(contract.shape(schema, "response").properties) if schema else frozenset()


def walk(vendor: Theatre, asked: Client, steps: tuple[Step, ...]) -> dict[str, str]:
    """Make the calls of a guide; each answer is valid, and shows what the guide does of what its document declares."""
    ids: dict[str, str] = {}
    for step in (INSTEAD.get(one.call, one) for one in steps):
        method, target = step.target(ids)
        answer = asked(method, target, step.body(ids) if step.body else None)
        assert answer.status == step.status, (step.call, answer.body)
        shown = declared(vendor, method, target.partition("?")[0], step.status)
        assert answer.json.keys() <= shown, step.call
        for name in step.shows.keys() & shown:
            assert answer.json[name] == step.shows[name], (step.call, name, answer.body)
        if step.save:
            ids[step.save] = answer.json["id"]
    return ids


def test_every_call_of_the_guides_is_declared(vendor: Theatre) -> None:
    """But for those that have a stand-in above, which are not."""
    for step in (*FIRST_REQUEST, *TUTORIAL, CLONE):
        method, target = step.target({"version": "ppve_1"})
        if step.call in INSTEAD:
            with pytest.raises(Problem, match="nothing at"):
                vendor.script.contract.match(method, target)
        else:
            vendor.script.contract.match(method, target.partition("?")[0])


def test_the_first_request_works_as_the_guide_shows_it(vendor: Theatre, asked: Client) -> None:
    """An empty list, a draft, found by its reference, active; without a key 401; another version is refused."""
    walk(vendor, asked, FIRST_REQUEST)
    (found,) = asked.get("/v1/customers?reference=superstore-001").json["data"]
    assert found["status"] == "ACTIVE"
    refused = asked.get("/v1/customers", headers={"X-API-KEY": ""})
    assert (refused.status, refused.json["code"]) == (401, "UNAUTHORISED")
    assert asked.get("/v2/customers").json["code"] == "UNSUPPORTED_VERSION"


def test_the_tutorial_ends_with_the_documented_invoice(vendor: Theatre, asked: Client) -> None:
    """Customer and plan stand in one document, the usage event in another, the invoice in a third: 2.50, then 4.00, then FINAL."""
    ids = walk(vendor, asked, TUTORIAL)
    assert total(asked, ids) == [("DRAFT", "2.50")]
    assert asked.post("/v1/ingest/meter-data", usage("evt_20250506_002", "3")).status == 201
    assert total(asked, ids) == [("DRAFT", "4.00")]
    asked.post("/_understudy/clock", {"now": "2025-06-06T08:00:00Z"})
    assert sorted(total(asked, ids)) == [("DRAFT", "0.00"), ("FINAL", "4.00")]


def total(asked: Client, ids: dict[str, str]) -> list[tuple[str, str]]:
    """Status and amount of a customer's invoices."""
    page = asked.get(f"/v1/invoices?customer_id={ids['customer']}")
    assert page.status == 200, page.body
    return [(one["status"], one["invoice_amount_including_tax"]["quantity"]) for one in page.json["data"]]


def test_a_version_is_locked_once_active_and_can_be_cloned(vendor: Theatre, asked: Client) -> None:
    """The rules of the behaviour file hold on the vendor's paths."""
    ids = walk(vendor, asked, TUTORIAL)
    refused = asked.patch(f"/v1/pricings/{ids['pricing']}", {"name": "Other"})
    assert refused.json["code"] == "INVALID_OPERATION" and 400 <= refused.status < 500
    method, target = CLONE.target(ids)
    clone = asked(method, target, CLONE.body(ids) if CLONE.body else None)
    assert (clone.status, clone.json["status"]) == (201, "DRAFT")


@pytest.mark.parametrize("target", QUERIES)
def test_the_page_on_query_parameters_is_answered(asked: Client, target: str) -> None:
    """As it is written there."""
    page = asked.get(target)
    assert page.status == 200 and set(page.json) == {"data", "page", "limit", "total_number_of_pages", "links"}


def test_what_the_file_does_not_speak_of_is_inferred_beside_it(asked: Client) -> None:
    """Quotes are in the configuration document, and in no behaviour file."""
    made = asked.post("/v1/teams", {"name": "Sales", "reference": "sales"})
    assert made.status in (200, 201), made.body
    assert made.json in rows(asked.get("/v1/teams").json)


def rows(page: Any) -> list[Any]:
    """The records of a page, in an envelope or bare."""
    found: list[Any] = page if isinstance(page, list) else page["data"]
    return found


def test_little_of_the_file_hangs_in_the_air(vendor: Theatre) -> None:
    """What these documents do not have is told, and keeps nothing from being served; none of it is of the guides."""
    orphaned = vendor.understood.comparison.orphaned
    assert "operations/POST ~1v1~1events~1ingest-batch" in {line.partition(":")[0] for line in orphaned}
    assert not {line.split("/")[1] for line in orphaned if line.startswith("resources/")} & {
        "meter_value", "meter_property", "meter", "product", "product_item", "pricing_plan", "pricing", "customer", "subscription", "usage_event", "invoice"}
    assert any("/quotes" in line for line in vendor.understood.comparison.new)


def test_what_these_documents_let_a_client_leave_out_is_asked_for(vendor: Theatre, asked: Client) -> None:
    """They require less than the bundled one, not even a body: an effect that needs more refuses, and names the field; nothing fails."""
    contract = vendor.script.contract
    for operation in contract.operations:
        schema = next(iter(operation.body.content.values()), None) if operation.body else None
        if schema is None or vendor.script.roles[operation.key].effect is None:
            continue
        target = operation.path.replace("{version}", "1").replace("{resourceId}", "none").replace("{resourceIdOrReference}", "none")
        full = {name: contract.example(part, "request") for name, part in contract.shape(schema, "request").properties.items()}
        alone = [{name: value} for name, value in full.items()]
        for body in (None, {}, full, *alone, *({**full, name: None} for name in full)):
            answer = asked(operation.method, target, body)
            assert answer.status < 500, (operation.key, body, answer.body)
    refused = asked.post("/v1/invoices/preview", {})
    assert (refused.status, refused.json["field"]) == (400, "pricing_plan_subscription_id")


# --- money in, money out ----------------------------------------------------------------------------------------------


def test_coupons_wallets_invoices_and_payments_are_played_over_these_documents(asked: Client) -> None:
    """Each call answers what its document allows, with the numbers of the bundled one."""

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = asked(method, path, body)
        assert answer.status in (200, 201), (method, path, answer.body)
        return answer.json if answer.headers["content-type"] == "application/json" else answer.body

    customer = call("POST", "/v1/customers", {"reference": "acme", "type": "INDIVIDUAL", "status": "ACTIVE"})["id"]
    entity = call("POST", "/v1/billing-entities", {"reference": "nl", "registered_address": {"country": "NL"}})["id"]
    coupon = call("POST", "/v1/coupons", {"name": "Ten", "reference": "TEN", "status": "ACTIVE", "duration": {"type": "FOREVER"},
                                          "discount": {"type": "PERCENTAGE", "percentage": "10"}})["id"]
    assert call("POST", "/v1/promotion-codes", {"coupon_id": coupon, "code": "SUMMER25"})["code"] == "SUMMER25"
    assert call("GET", "/v1/coupons/TEN/redemptions")["data"] == []
    credits = call("POST", "/v1/credit-types", {"reference": "lookups", "status": "ACTIVE"})["id"]
    kind = call("POST", "/v1/wallet-types", {"reference": "lookups", "name": "Lookups", "type": "CREDIT", "status": "ACTIVE",
                                             "credit": {"grant_type": "CREDITS", "credits_grant": {"credit_type_id": credits}}})["id"]
    wallet = call("POST", "/v1/wallets", {"reference": "w", "wallet_type_id": kind, "customer_id": customer, "status": "ACTIVE"})["id"]
    call("POST", "/v1/wallet-grants", {"customer_id": customer, "billing_entity_id": entity, "wallet_id": wallet,
                                       "grant_credits": {"quantity": "100", "credit_type_id": credits}})
    assert call("POST", "/v1/customers/acme/wallets/balance", {})["wallet_balances"][0]["wallet_balance"]["open_balance"]["credits"]["quantity"] == "100"
    invoice = call("POST", "/v1/invoices", {"type": "ONE_OFF", "customer_id": customer, "billing_entity_id": entity})["id"]
    price = {"amount": {"quantity": "50.00", "currency": "EUR"}}
    call("POST", f"/v1/invoices/{invoice}/lines", {"pricing_name": "Setup", "pricing_type": "FIXED", "pricing_band": price})
    call("PATCH", f"/v1/invoices/{invoice}", {"status": "FINAL"})
    assert call("GET", f"/v1/invoices/{invoice}/pdf").startswith(b"%PDF-")
    assert b"<cbc:PayableAmount" in call("GET", f"/v1/invoices/{invoice}/ubl21")
    call("POST", "/v1/payments", {"invoice_id": invoice, "external_reference": "X1", "result": "AUTHORIZED"})
    paid = call("GET", f"/v1/invoices/{invoice}")
    assert (paid["paid"], paid["paid_invoice_amount"]["quantity"]) == (True, "50.00")
    assert len(call("GET", f"/v1/invoices/{invoice}/payments")["data"]) == 1
    method = call("POST", "/v1/payment-methods", {"customer_id": customer, "type": "CARD", "integration_reference": "declined", "reference": "card"})["id"]
    call("POST", "/v1/payment-schedules", {"reference": "once", "customer_id": customer, "billing_entity_id": entity, "payment_method_id": method,
                                           "type": "ONE_OFF", "one_off": {"charge": {"amount": {"quantity": "5.00", "currency": "EUR"}}}})
    assert [one["status"] for one in call("GET", "/v1/payment-requests")["data"]] == ["FAILED"]


# --- null where a value was -------------------------------------------------------------------------------------------

CHANGED = {"customers": "customer", "meters": "meter", "meter-values": "value", "meter-properties": "property", "products": "product",
           "meter-value-calculations": "calculation", "product-items": "item", "product-categories": "category", "pricing-plans": "plan",
           "pricing-plan-versions": "version", "pricings": "pricing", "pricing-plan-subscriptions": "subscription", "invoices": "invoice"}
"""Collections of the tutorial's records, by the names they are saved under."""


@pytest.mark.parametrize("collection", CHANGED)
def test_a_null_never_breaks_what_is_billed(vendor: Theatre, asked: Client, collection: str) -> None:
    """These documents let nearly every field be null: each is set so, then usage comes, months go by, and all is still answered."""
    ids = walk(vendor, asked, TUTORIAL)
    ids["subscription"] = asked.get("/v1/pricing-plan-subscriptions").json["data"][0]["id"]
    ids["invoice"] = asked.get("/v1/invoices").json["data"][0]["id"]
    target = f"/v1/{collection}/{ids[CHANGED[collection]]}"
    schema = next(iter(vendor.script.contract.match("PATCH", target)[0].body.content.values()))  # type: ignore[union-attr]
    for number, name in enumerate(vendor.script.contract.shape(schema, "request").properties):
        assert asked.patch(target, {name: None}).status < 500, name
        assert asked.post("/v1/ingest/meter-data", usage(f"evt_20250506_1{number:02}", "3")).status < 500, name
        assert asked.get("/v1/invoices").status == 200, name
    answer = asked.get(target)
    assert answer.status != 200 or answer.json["id"] == ids[CHANGED[collection]]
    assert asked.post("/_understudy/clock", {"now": "2025-08-06T12:00:00Z"}).status == 200
    assert asked.get("/v1/invoices").status == 200
