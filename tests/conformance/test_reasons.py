"""Why a failure of the fuzzer is not the stand-in's: each rule where it holds, and the nearest case where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.documents import without_dead_links
from support.reasons import Document, Exchange, Failure, fits, in_path, reason

OK = {"responses": {"200": {"description": "fine"}}}


def document(paths: Any, impossible: Any = None, **more: Any) -> Document:
    """A document of some paths."""
    return Document({"openapi": "3.1.0", "info": {"title": "made", "version": "1"}, "paths": paths, **more}, impossible)


def told(check: str, message: str, asked: Document, kind: str = "", operation: str = "", **sent: Any) -> str | None:
    """The first word of the reason a failure has."""
    exchange = Exchange(**{"method": "POST", "uri": "http://host/x", "headers": {}, "body": b"", "status": 400, **sent})
    found = reason(Failure(check, message, exchange, kind, operation), asked)
    return found and found.partition(":")[0]


POSITIVE, NEGATIVE = "positive_data_acceptance", "negative_data_rejection"
HEADERS = document({"/x": {"post": {**OK, "parameters": [
    {"name": "Content-Length", "in": "header", "required": True, "schema": {"type": "number"}},
    {"name": "Accept", "in": "header", "schema": {"enum": ["text/csv"]}},
    {"name": "x-many", "in": "header", "schema": {"type": "array", "items": {"type": "string"}}},
]}}})


@pytest.mark.parametrize(("headers", "message", "word"), [
    ({"content-length": "4", "accept": "*/*"}, "Missing `Content-Length` at header", "header"),
    ({"content-length": "4", "x-unknown": "42"}, "in header - object with unexpected properties", "header"),
    ({"content-length": "4", "x-many": "a,b"}, "parameter `Accept` in header - invalid enum value", "header"),
    ({"content-length": "four"}, "in header - incorrect type", None),
    ({}, "Missing `Content-Length` at header", None),
    ({"content-length": "4"}, "in header - unexpected; in body - incorrect type", None),
])
def test_a_header_that_is_right_as_it_was_sent_breaks_nothing(headers: Any, message: str, word: str | None) -> None:
    """HTTP writes Content-Length, Accept is not the document's to say; a wrong or missing header is a failure all the same."""
    assert told(NEGATIVE, message, HEADERS, headers=headers, status=200) == word


@pytest.mark.parametrize(("required", "body", "word"), [(True, b"", "body"), (False, b"", None), (True, b"{}", None)])
def test_a_request_without_its_required_body_is_no_good_one(required: bool, body: bytes, word: str | None) -> None:
    """Only where the body is required, and nothing was sent."""
    asked = document({"/x": {"post": {**OK, "requestBody": {"required": required, "content": {"application/json": {}}}}}})
    assert told(POSITIVE, "Schema-valid request rejected", asked, body=body) == word


@pytest.mark.parametrize(("status", "answer", "word"), [(204, b"", "empty"), (200, b"", None), (204, b"{}", None)])
def test_an_answer_that_may_not_have_content_has_no_type(status: int, answer: bytes, word: str | None) -> None:
    """`produces` of Swagger 2.0 speaks of all answers at once."""
    asked = document({"/x": {"get": OK}})
    assert told("content_type_conformance", "Missing Content-Type header", asked, method="GET", status=status, answer=answer) == word


@pytest.mark.parametrize(("uri", "word"), [("http://host/v1/x/y", "path"), ("http://host/v1/x/1/y", None), ("http://host/v1/x/", "path")])
def test_a_path_with_an_empty_parameter_is_another_path(uri: str, word: str | None) -> None:
    """A segment that is left out on the way is nothing the stand-in has seen."""
    asked = document({"/x/{id}/y": {"get": OK}, "/x/{id}": {"get": OK}}, servers=[{"url": "https://host/v1"}])
    assert told(POSITIVE, "rejected", asked, operation="GET /x/{id}/y", uri=uri, status=405) == word


@pytest.mark.parametrize(("body", "word"), [
    ({"at": ""}, "format"), ({"at": None}, None), ({"at": "2025-01-01T00:00:00Z", "n": ""}, None), ({"any": ""}, None), ("not JSON", None),
])  # fmt: skip
def test_text_that_is_not_of_its_format_is_no_good_body(body: Any, word: str | None) -> None:
    """Seen by another library than ours; what is wrong in one of several branches only is judged."""
    instant = {"type": ["string", "null"], "format": "date-time"}
    schema = {"properties": {"at": instant, "n": {"type": "number"}, "any": {"anyOf": [instant, {"type": "string"}]}}}
    asked = document({"/x": {"post": {**OK, "requestBody": {"content": {"application/json": {"schema": schema}}}}}})
    assert told(POSITIVE, "rejected", asked, body=json.dumps(body).encode()) == word


@pytest.mark.parametrize(("allow", "word"), [("GET, DELETE", "twins"), ("GET", None), ("GET, DELETE, PUT", None)])
def test_templates_of_one_form_share_what_is_allowed(allow: str, word: str | None) -> None:
    """The methods of both and no other."""
    asked = document({"/x/{id}": {"get": OK}, "/x/{idOrName}": {"delete": OK}, "/x/{id}/y": {"put": OK}})
    sent = {"method": "OPTIONS", "uri": "http://host/x/1", "status": 204, "answer_headers": {"allow": allow}}
    assert told("allow_header_conformance", "Allow header mismatch", asked, **sent) == word


def test_what_is_allowed_on_a_path_of_its_own_is_judged() -> None:
    """One template alone is no twin."""
    asked = document({"/x/{id}": {"get": OK}})
    assert told("allow_header_conformance", "mismatch", asked, uri="http://host/x/1", answer_headers={"allow": "GET"}) is None


def test_an_answer_without_any_valid_value_is_the_documents() -> None:
    """Of that operation, and of none beside it."""
    asked = document({"/x": {"post": OK, "get": OK}}, impossible={"POST /x": "several types"})
    assert told("response_schema_conformance", "violates", asked, status=200) == "contradiction"
    assert told("response_schema_conformance", "violates", asked, status=200, method="GET") is None


@pytest.mark.parametrize(("id", "word"), [("acc-002", "example"), ("acc-003", None), ("00000000-0000-4000-8000-000000000000", None)])
def test_an_example_that_its_own_parameter_refuses_is_the_documents(id: str, word: str | None) -> None:
    """The value stands in the document and does not fit the parameter; a value from elsewhere is the fuzzer's own."""
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    asked = document({"/x/{id}": {"get": {"parameters": [parameter], "responses": {"200": {"content": {"application/json": {"example": {"id": "acc-002"}}}}}}}})
    assert told(POSITIVE, "rejected", asked, method="GET", uri=f"http://host/x/{id}") == word


@pytest.mark.parametrize(("body", "word"), [({"type": "a"}, "overlap"), ({"type": "b", "size": 1}, None), ({"size": 1}, None)])
def test_a_discriminator_chooses_among_overlapping_branches(body: Any, word: str | None) -> None:
    """Where several branches take the body; one that only one of them takes is judged."""
    branches = [{"properties": {"type": {"enum": ["a", "b"]}}}, {"properties": {"type": {"enum": ["a"]}}, "required": ["type"]}]
    schema = {"oneOf": branches, "discriminator": {"propertyName": "type"}}
    asked = document({"/x": {"post": {**OK, "requestBody": {"content": {"application/json": {"schema": schema}}}}}})
    assert told(NEGATIVE, "ambiguous with a sibling `oneOf` branch", asked, body=json.dumps(body).encode(), status=201) == word


@pytest.mark.parametrize(("check", "message", "status", "kind", "word"), [
    (POSITIVE, "rejected", 422, "already_exists", "already_exists"),
    (POSITIVE, "rejected", 422, "", None),
    ("status_code_conformance", "Received: 401 Documented: 200", 401, "", "401"),
    ("status_code_conformance", "Received: 200 Documented: 404", 200, "", "success"),
    ("status_code_conformance", "Received: 200 Documented: 201, 404", 200, "", None),
    ("status_code_conformance", "Received: 500 Documented: 200", 500, "", None),
    ("not_a_server_error", "Server error", 500, "", None),
])
def test_statuses_the_document_does_not_declare_are_its_own(check: str, message: str, status: int, kind: str, word: str | None) -> None:
    """A refusal or an answer there is no status for; a server error never."""
    assert told(check, message, document({"/x": {"post": OK}}), kind, status=status) == word


def test_paths_are_found_by_their_templates() -> None:
    """Under the base path of a server, with several parameters in a segment, the query of a template left out."""
    assert fits("/v1/{a}.{b}?x=1", "/v1/1.2") and not fits("/v1/{a}", "/v1/1/2")
    assert in_path("/x/{id}/y/{of}", "/base/x/1/y/a%20b") == {"id": "1", "of": "a b"}


def test_links_to_nowhere_are_left_out_and_named() -> None:
    """The others stay."""
    links = {"good": {"operationId": "get"}, "far": {"operationRef": "#/paths/~1x/get"}, "dead": {"operationId": "gone"}}
    paths = {"/x": {"get": {"operationId": "get", "responses": {"200": {"description": "", "links": links}}}}}
    made, dead = without_dead_links({"openapi": "3.1.0", "paths": paths})
    assert set(made["paths"]["/x"]["get"]["responses"]["200"]["links"]) == {"good", "far"}
    assert dead == ["GET /x: the link dead leads to no operation"]
