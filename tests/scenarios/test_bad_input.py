"""Whatever a client sends, it gets a clear answer in the API's own shape, and what was refused changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.asgi import Answer, Client
from understudy.server.app import App
from understudy.theatre import Options as SandboxOptions
from understudy.theatre import Theatre, open_theatre

GOOD = {"reference": "good", "type": "ORGANIZATION", "email": "a@example.com", "organization": {"legal_name": "Good"}}


def state(call: Client) -> Any:
    """Everything a client can see change."""
    world = call.app.sandbox.worlds.get("default")
    return world.describe(), world.count


def refused(answer: Answer, status: int, field: str | None = None) -> Any:
    """The answer is a refusal in the vendor's shape with this status and field."""
    body = answer.json
    assert answer.status == status, body
    assert set(body) <= {"type", "code", "field", "message", "resource_id", "resource_type"}
    assert body["message"]
    assert body.get("field") == field, body
    assert answer.headers["x-request-id"].startswith("reqr_")
    return body


MALFORMED = {
    "broken JSON": b'{"reference": "x",',
    "not JSON at all": b"<customer/>",
    "a number beyond any": b'{"reference": "x", "type": "ORGANIZATION", "n": 1e400}',
    "NaN": b'{"n": NaN}',
    "half a surrogate pair": b'{"reference": "\\ud800"}',
    "not UTF-8": b'{"reference": "\xff"}',
    "nested a thousand deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "nested two thousand deep": b"[" * 2000 + b"]" * 2000,
    "an array for an object": b"[]",
    "a string for an object": b'"x"',
    "null": b"null",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_is_no_good_json_object_is_refused_and_changes_nothing(call: Client, body: bytes) -> None:
    """400 for each, whatever the fault; the state is as before."""
    before = state(call)
    answer = call("POST", "/v1/customers", raw=body)
    assert answer.status == 400, answer.body
    assert answer.json["code"] in ("BAD_REQUEST", "INVALID_FIELD")
    assert state(call) == before


@pytest.mark.parametrize(("change", "field"), [
    ({"type": "NOBODY"}, "type"),
    ({"type": None}, "type"),
    ({"reference": "two words"}, "reference"),
    ({"reference": "x" * 257}, "reference"),
    ({"reference": 7}, "reference"),
    ({"organization": "ACME"}, "organization"),
    ({"organization": {"legal_name": "x", "registered_address": {"country": "Germany"}}}, "organization.registered_address.country"),
    ({"organization": {"legal_name": "x", "tax_ids": [{"id": "1", "type": "GENERIC_TAX_ID"}, {"id": 2, "type": "GENERIC_TAX_ID"}]}}, "organization.tax_ids.1.id"),
    ({"status": "BUSY"}, "status"),
    ({"roles": "DEFAULT"}, "roles"),
])
def test_a_field_its_schema_forbids_is_named(call: Client, change: dict[str, Any], field: str) -> None:
    """The dotted path goes into objects and arrays; the code is INVALID_FIELD; nothing is created."""
    before = state(call)
    body = refused(call.post("/v1/customers", {**GOOD, **change}), 400, field)
    assert body["code"] == "INVALID_FIELD"
    assert state(call) == before


def test_a_missing_field_is_told_in_the_documented_words(call: Client) -> None:
    """`value required, but not set`, with the path of what is missing."""
    body = refused(call.post("/v1/meter-values", {"reference": "x", "type": "NUMBER"}), 400, "name")
    assert body["message"] == "value required, but not set"


def test_an_empty_body_where_one_is_required_is_refused(call: Client) -> None:
    """No octets are no object."""
    refused(call("POST", "/v1/customers", headers={"content-type": "application/json"}), 400, "body")


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";;;"])
def test_another_media_type_is_refused_and_the_right_one_named(call: Client, media: str) -> None:
    """415 UNSUPPORTED_MEDIA_TYPE."""
    answer = call("POST", "/v1/customers", raw=b"{}", headers={"content-type": media})
    assert (answer.status, answer.json["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "application/json" in answer.json["message"]


def test_a_body_of_more_than_ten_megabytes_is_refused(call: Client) -> None:
    """413, by its declared length or by what arrives."""
    assert call("POST", "/v1/customers", raw=b" " * 10_000_001).status == 413
    assert call("POST", "/v1/customers", raw=b"{}", headers={"content-length": "10000001"}).status == 413


def test_paths_and_headers_beyond_measure_are_refused(call: Client) -> None:
    """414 and 431."""
    assert call.get("/v1/customers/" + "x" * 9000).status == 414
    assert call.get("/v1/customers", headers={"X-Long": "x" * 9000}).status == 431
    assert call.get("/v1/customers", headers={f"X-{number}": "x" * 3000 for number in range(30)}).status == 431


@pytest.mark.parametrize("quantity", [0.5, 1, True, None, "1,50", "0.5 ", "1e3", "NaN", "", "1" * 41])
def test_money_is_a_decimal_string_and_nothing_else(call: Client, quantity: Any) -> None:
    """A number where the exact string belongs is refused by name."""
    body = {"pricing_plan_version_id": "ppve_00000000000000000000", "name": "x", "product_ids": ["prod_00000000000000000000"],
            "items": [{"product_item_ids": ["proi_00000000000000000000"], "configs": [{"type": "FLAT", "bands": [{"amount": {"quantity": quantity, "currency": "EUR"}}]}]}]}
    refused(call.post("/v1/pricings", body), 400, "items.0.configs.0.bands.0.amount.quantity")


@pytest.mark.parametrize("stamp", ["2025-05-06T14:30:00.123Z", "2025-05-06", "2025-05-06T14:30:00", "2025-13-06T14:30:00Z", "2025-02-30T14:30:00Z", "yesterday", 1746541800])
def test_a_time_stamp_with_milliseconds_or_without_offset_is_refused(call: Client, stamp: Any) -> None:
    """ISO 8601 in whole seconds with an offset or Z."""
    event = {"meter_reference": "m", "customer_reference": "c", "reference": "event-00000001", "timestamp": stamp, "meter_values": []}
    refused(call.post("/v1/ingest/meter-data", event), 400, "timestamp")


def test_ids_of_other_resources_are_not_found(call: Client) -> None:
    """A good id of the wrong kind is no id here, in the path or in a body."""
    customer = call.post("/v1/customers", GOOD).json
    value = call.post("/v1/meter-values", {"reference": "v", "name": "V", "type": "NUMBER"}).json
    body = refused(call.get(f"/v1/meter-values/{customer['id']}"), 404)
    assert (body["code"], body["resource_type"]) == ("RESOURCE_NOT_FOUND", "METER_VALUE")
    body = refused(call.post("/v1/contacts", {"reference": "k", "customer_id": value["id"]}), 404, "customer_id")
    assert (body["code"], body["resource_type"], body["resource_id"]) == ("RESOURCE_NOT_FOUND", "CUSTOMER", value["id"])


def test_an_unknown_path_says_so_in_the_vendors_words(call: Client) -> None:
    """Plain text, 404."""
    answer = call.get("/v1/nothing")
    assert (answer.status, answer.body) == (404, b"Page does not exist")


def test_a_method_the_path_does_not_have_is_told_which_it_has(call: Client) -> None:
    """405 with all the path item's methods in Allow (RFC 9110 section 15.5.6), also for a literal path beside a template."""
    assert call("PUT", "/v1/customers/x", {}).headers["allow"] == "GET, DELETE, PATCH" or set(call("PUT", "/v1/customers/x", {}).headers["allow"].split(", ")) == {"GET", "PATCH", "DELETE"}
    assert call.get("/v1/customers/search").headers["allow"] == "POST"


def test_head_and_options_are_answered_as_http_has_them(call: Client) -> None:
    """HEAD is GET without the body, the length kept; OPTIONS names the methods."""
    got, head = call.get("/v1/customers"), call("HEAD", "/v1/customers")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", got.headers["content-length"])
    options = call("OPTIONS", "/v1/customers")
    assert options.status == 204
    assert {"GET", "POST", "PUT"} <= set(options.headers["allow"].split(", "))


def test_an_unknown_field_is_left_out_with_a_warning_that_suggests_the_nearest(call: Client) -> None:
    """Taken, because the schema allows it; not kept; said in the request log."""
    made = call.post("/v1/customers", {**GOOD, "organisation": {"legal_name": "x"}})
    assert made.status == 201
    assert "organisation" not in made.json
    log = call.get("/_understudy/requests").json["requests"][-1]
    assert any("organisation" in warning and "organization" in warning for warning in log["warnings"])


def test_strict_refuses_what_the_document_does_not_know() -> None:
    """`--strict`: the unknown field is an error that names it."""
    strict = Client(App(open_theatre(SandboxOptions(strict=True))))
    refused(strict.post("/v1/customers", {**GOOD, "organisation": {}}), 400, "organisation")
    assert strict.post("/v1/customers", GOOD).status == 201


def test_a_refused_key_is_401_and_a_listed_one_is_let_in() -> None:
    """Any key that is not empty is good until keys are listed; bearer works as the header does."""
    listed = App(open_theatre(SandboxOptions(keys=frozenset({"sk_good"}))))
    assert Client(listed, {"X-API-KEY": "sk_bad"}).get("/v1/customers").json["code"] == "UNAUTHORISED"
    assert Client(listed, {"X-API-KEY": "sk_good"}).get("/v1/customers").status == 200
    assert Client(listed, {"Authorization": "Bearer sk_good"}).get("/v1/customers").status == 200
    assert Client(listed, {}).get("/v1/customers").status == 401


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=1.5", "limit=0", "limit=", "page=1&page=2", "order_direction=up", "order_by=nothing", "page=%ff"])
def test_paging_parameters_that_make_no_sense_are_invalid_fields(call: Client, query: str) -> None:
    """`page` and `limit` are whole numbers from 1."""
    answer = call.get(f"/v1/customers?{query}")
    assert answer.status == 400, answer.body
    assert answer.json["code"] in ("INVALID_FIELD", "BAD_REQUEST")


def test_odd_characters_are_data_like_any_other(call: Client) -> None:
    """A name may hold anything a JSON string may but NUL; it comes back as it went in."""
    name = "U\u202eL 😀 \ufffd \u0001"
    made = call.post("/v1/meter-values", {"reference": "odd", "name": name, "type": "NUMBER"})
    assert made.status == 201
    assert json.loads(call.get("/v1/meter-values/odd").body)["name"] == name


@pytest.mark.parametrize(("change", "field"), [
    ({"reference": "a\u0000b"}, "reference"),
    ({"email": "a\u0000@example.com"}, "email"),
    ({"organization": {"legal_name": "a\u0000"}}, "organization.legal_name"),
    ({"organization": {"legal_name": "x", "registered_address": {"line1": "\u0000", "country": "NL"}}}, "organization.registered_address.line1"),
])
def test_a_nul_character_is_refused_by_name(call: Client, change: dict[str, Any], field: str) -> None:
    """Few data bases and fewer C programs take one."""
    refused(call.post("/v1/customers", {**GOOD, **change}), 400, field)


def test_a_duplicate_reference_is_a_conflict_that_names_the_other(call: Client) -> None:
    """409 RESOURCE_ALREADY_EXISTS on the field, with the id of the one that has it."""
    first = call.post("/v1/customers", GOOD).json
    body = refused(call.post("/v1/customers", GOOD), 409, "reference")
    assert (body["code"], body["resource_id"]) == ("RESOURCE_ALREADY_EXISTS", first["id"])


def test_worlds_with_impossible_names_are_refused(bundled: Theatre) -> None:
    """A name is letters, digits, dots, dashes, underscores: nothing that could leave a folder."""
    client = Client(App(bundled))
    for name in ("../x", "", "a/b", "x" * 101, "\x00"):
        assert client.get("/v1/customers", headers={"Understudy-World": name}).status == 400
