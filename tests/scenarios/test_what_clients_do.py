"""What a client may do with records: find them by either name, expand, search, upsert, change, delete; and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from support.asgi import Client
from understudy.server.app import App
from understudy.theatre import Theatre


def value(call: Client, reference: str = "calls", **more: Any) -> Any:
    """A meter value."""
    answer = call.post("/v1/meter-values", {"reference": reference, "name": reference.title(), "type": "NUMBER", **more})
    assert answer.status == 201, answer.body
    return answer.json


def customer(call: Client, reference: str, **more: Any) -> Any:
    """A customer."""
    answer = call.post("/v1/customers", {"reference": reference, "type": "ORGANIZATION", "organization": {"legal_name": reference}, **more})
    assert answer.status == 201, answer.body
    return answer.json


def test_a_record_is_found_by_id_and_by_reference(call: Client) -> None:
    """Both names give the same bytes; the id has the vendor's shape."""
    made = value(call)
    assert made["id"].startswith("metv_")
    assert len(made["id"]) == 25
    assert call.get("/v1/meter-values/calls").body == call.get(f"/v1/meter-values/{made['id']}").body


def test_what_takes_ids_only_is_not_found_by_reference(call: Client) -> None:
    """Contacts are named by id in paths."""
    one = customer(call, "c")
    made = call.post("/v1/contacts", {"reference": "jane", "customer_id": one["id"]})
    assert made.status == 201, made.body
    assert call.get(f"/v1/contacts/{made.json['id']}").status == 200
    assert call.get("/v1/contacts/jane").status == 404


def test_patch_changes_what_was_sent_and_only_that(call: Client) -> None:
    """Objects merge, the rest stays, ids and time stamps are the server's."""
    made = customer(call, "c", email="a@example.com", organization={"legal_name": "C", "registered_address": {"line1": "1", "city": "Utrecht", "country": "NL"}})
    changed = call.patch("/v1/customers/c", {"organization": {"registered_address": {"city": "Rotterdam"}}, "id": "cust_x"}).json
    assert changed["organization"]["registered_address"] == {"line1": "1", "city": "Rotterdam", "country": "NL"}
    assert {**changed, "organization": None} == {**made, "organization": None}


def test_put_on_a_collection_creates_and_then_updates(call: Client) -> None:
    """The same reference is the same record: 201 both times, one record."""
    body = {"reference": "cat", "name": "Cat"}
    first = call("PUT", "/v1/product-categories", body)
    second = call("PUT", "/v1/product-categories", {**body, "name": "Category"})
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] == second.json["id"]
    assert [one["name"] for one in call.get("/v1/product-categories").json["data"]] == ["Category"]


def test_expand_puts_the_record_beside_its_id(call: Client) -> None:
    """`expand[]=meter_value_id` adds `meter_value`, whole; an unknown name is refused."""
    made = value(call)
    meter = call.post("/v1/meters", {"reference": "m", "meter_values": [{"id": made["id"], "reference": "calls", "required": True}]}).json
    body = {"reference": "sum", "calculation_type": "SUM", "meter_id": meter["id"], "meter_value_id": made["id"]}
    calculation = call.post("/v1/meter-value-calculations", body).json
    plain = call.get(f"/v1/meter-value-calculations/{calculation['id']}").json
    wide = call.get(f"/v1/meter-value-calculations/{calculation['id']}?expand[]=meter_value_id").json
    assert "meter_value" not in plain
    assert wide["meter_value"] == made
    assert call.get("/v1/meter-value-calculations?expand[]=meter_value_id").json["data"][0]["meter_value"] == made
    assert call.get(f"/v1/meter-value-calculations/{calculation['id']}?expand[]=nothing").status == 400


@pytest.mark.parametrize(("body", "found"), [
    ({}, ["alpha", "beta", "gamma"]),
    ({"search_fields": [{"name": "reference", "value": "alpha"}]}, ["alpha"]),
    ({"search_fields": [{"name": "reference", "value": "A", "wildcard_end": True, "ignore_case": True}]}, ["alpha"]),
    ({"search_fields": [{"name": "reference", "value": "a", "wildcard_start": True}]}, ["alpha", "beta", "gamma"]),
    ({"search_fields": [{"value": "%"}]}, []),
    ({"filter_fields": [{"name": "tax_category", "values": ["EXEMPT", "NO_TAX"]}]}, ["beta", "gamma"]),
    ({"filter_fields": [{"name": "tax_category", "value": "EXEMPT"}], "search_fields": [{"name": "name", "value": "Beta"}]}, ["beta"]),
])
def test_search_finds_by_text_with_wildcards_and_by_values(call: Client, body: Any, found: list[str]) -> None:
    """Any search field and all filter fields; by name upwards."""
    for name, tax in (("gamma", "NO_TAX"), ("alpha", "STANDARD"), ("beta", "EXEMPT")):
        call.post("/v1/product-categories", {"reference": name, "name": name.title(), "tax_category": tax})
    page = call.post("/v1/product-categories/search", body)
    assert page.status == 200, page.body
    assert [one["reference"] for one in page.json["data"]] == found


def test_delete_answers_the_record_and_then_it_is_gone_everywhere(call: Client) -> None:
    """200 with the deleted record; not by id, not by reference, not in the list; its reference is free again."""
    made = value(call)
    assert call("DELETE", "/v1/meter-values/calls").json == made
    assert call.get(f"/v1/meter-values/{made['id']}").status == 404
    assert call.get("/v1/meter-values").json["data"] == []
    assert call("DELETE", "/v1/meter-values/calls").status == 404
    value(call)


def test_what_is_referred_to_cannot_be_deleted(call: Client) -> None:
    """409 COULD_NOT_DELETE_RESOURCE that names who refers to it."""
    category = call.post("/v1/product-categories", {"reference": "cat", "name": "Cat"}).json
    product = call.post("/v1/products", {"reference": "p", "name": "P", "category_id": category["id"]}).json
    answer = call("DELETE", "/v1/product-categories/cat")
    assert (answer.status, answer.json["code"]) == (409, "COULD_NOT_DELETE_RESOURCE")
    assert product["id"] in answer.json["message"]


def test_status_is_moved_by_patch_and_by_action_alike_and_only_as_the_table_says(call: Client) -> None:
    """DRAFT to ACTIVE; not back; the refusal names the state and what it accepts."""
    value(call)
    assert call.patch("/v1/meter-values/calls", {"status": "ACTIVE"}).json["status"] == "ACTIVE"
    answer = call.patch("/v1/meter-values/calls", {"status": "DRAFT"})
    assert (answer.status, answer.json["code"]) == (409, "INVALID_OPERATION")
    assert answer.json["message"] == "cannot become DRAFT while ACTIVE; from ACTIVE it may become DEPRECATED or ARCHIVED"
    customer(call, "c")
    call.post("/v1/customers/c/archive")
    assert call.post("/v1/customers/c/activate").json["message"] == "cannot activate while ARCHIVED; ARCHIVED accepts forget"


def test_an_active_record_is_locked_but_for_its_free_fields(call: Client) -> None:
    """Its type may not change any more, its name may."""
    value(call, status="ACTIVE")
    assert call.patch("/v1/meter-values/calls", {"name": "Other"}).status == 200
    answer = call.patch("/v1/meter-values/calls", {"type": "AMOUNT"})
    assert (answer.status, answer.json["field"]) == (409, "type")


def test_only_origins_asked_for_may_read_from_a_browser(bundled: Theatre) -> None:
    """CORS headers for a listed origin, preflight included; none for others, and none at all by default."""
    app = App(bundled, origins=("https://app.example",))
    client = Client(app)
    good, bad = {"Origin": "https://app.example"}, {"Origin": "https://evil.example"}
    assert client.get("/v1/customers", headers=good).headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in client.get("/v1/customers", headers=bad).headers
    preflight = client("OPTIONS", "/v1/customers", headers={**good, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"})
    assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (204, "POST")
    assert "access-control-allow-origin" not in Client(App(bundled)).get("/v1/customers", headers=good).headers


def test_the_same_calls_give_the_same_bytes_and_another_seed_other_ids(call: Client, bundled: Theatre) -> None:
    """Determinism, ids and request ids included."""
    def run() -> list[bytes]:
        bundled.reset("default")
        answers = [call.post("/v1/meter-values", {"reference": f"v{n}", "name": "V", "type": "NUMBER"}) for n in range(3)]
        answers += [call.get("/v1/meter-values"), call.get("/v1/nothing"), call.post("/v1/customers", {})]
        return [answer.body + str(sorted(answer.headers.items())).encode() for answer in answers]

    assert run() == run()
