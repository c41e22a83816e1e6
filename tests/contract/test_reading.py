"""From path items to operations."""

from __future__ import annotations

from typing import Any

import pytest

from contract.made import URI, contract, document
from understudy.contract.contract import Contract
from understudy.contract.reading import base_paths, url_path

REF_PARAMETER = {"$ref": "#/components/parameters/Limit"}
COMPONENTS = {
    "parameters": {"Limit": {"name": "limit", "in": "query", "schema": {"type": "integer"}}},
    "responses": {"Gone": {"description": "gone", "content": {"application/json; charset=utf-8": {"schema": {"type": "null"}}}}},
    "requestBodies": {"Thing": {"required": True, "content": {"Application/JSON": {"schema": {"type": "object"}}}}},
    "pathItems": {"Shared": {"get": {"operationId": "shared"}}},
    "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
}


def read(paths: Any, **more: Any) -> Contract:
    """A contract with the components above."""
    return contract(paths, components=COMPONENTS, **more)


def test_references_to_parameters_bodies_responses_and_path_items_are_followed() -> None:
    """Wherever OpenAPI allows a Reference Object."""
    asked = read(
        {
            "/a": {"$ref": "#/components/pathItems/Shared"},
            "/b": {"post": {"parameters": [REF_PARAMETER], "requestBody": {"$ref": "#/components/requestBodies/Thing"}, "responses": {"410": {"$ref": "#/components/responses/Gone"}}}},
        }
    )
    shared, posted = asked.operations
    assert shared.operation_id == "shared"
    assert posted.parameters[0].name == "limit"
    assert posted.body is not None and list(posted.body.content) == ["application/json"]
    assert list(posted.responses["410"].content) == ["application/json"]
    assert asked.faults == []


def test_operation_parameters_override_those_of_the_path_item() -> None:
    """By name and location (OpenAPI 3.1, Operation Object)."""
    item = {"parameters": [REF_PARAMETER, {"name": "id", "in": "path", "required": True, "schema": {}}], "get": {"parameters": [{"name": "limit", "in": "query", "required": True, "schema": {"type": "string"}}]}}
    parameters = read({"/a/{id}": item}).operations[0].parameters
    assert [(one.name, one.required) for one in parameters] == [("limit", True), ("id", True)]


@pytest.mark.parametrize("name", ["Accept", "content-type", "AUTHORIZATION"])
def test_header_parameters_with_a_meaning_of_their_own_are_ignored(name: str) -> None:
    """OpenAPI 3.1, Parameter Object, name."""
    assert read({"/a": {"get": {"parameters": [{"name": name, "in": "header", "schema": {}}]}}}).operations[0].parameters == ()


@pytest.mark.parametrize(
    ("location", "style", "explode"), [("query", "form", True), ("path", "simple", False), ("header", "simple", False), ("cookie", "form", True)]
)
def test_style_and_explode_have_the_defaults_of_their_location(location: str, style: str, explode: bool) -> None:
    """OpenAPI 3.1, Parameter Object, style and explode."""
    one = read({"/{a}": {"get": {"parameters": [{"name": "a", "in": location, "required": True, "schema": {}}]}}}).operations[0].parameters[0]
    assert (one.style, one.explode) == (style, explode)


def test_query_and_additional_operations_are_operations() -> None:
    """OpenAPI 3.2, Path Item Object."""
    asked = read({"/a": {"query": {}, "additionalOperations": {"COPY": {}}}}, version="3.2.0")
    assert [one.method for one in asked.operations] == ["QUERY", "COPY"]
    assert asked.match("COPY", "/a")[0].key == "COPY /a"


@pytest.mark.parametrize(
    ("url", "variables", "bases"),
    [
        ("https://api.example.com", {}, [""]),
        ("https://api.example.com/v1/", {}, ["/v1"]),
        ("/v1", {}, ["/v1"]),
        ("./", {}, [""]),
        ("https://{region}.example.com/{base}", {"region": {"default": "eu"}, "base": {"default": "v2", "enum": ["v1", "v2"]}}, ["/v2", "/v1"]),
        ("{scheme}://h/a", {"scheme": {"default": "https"}}, ["/a"]),
        ("{root}/a", {"root": {"default": "https://h"}}, ["/a"]),
    ],
)
def test_base_paths_come_from_the_servers(url: str, variables: Any, bases: list[str]) -> None:
    """The path part of the URL, for each value of its variables, the default first."""
    assert list(base_paths(url, variables)) == bases


def test_broken_server_url_has_no_path() -> None:
    """A URL nobody can read serves at the root."""
    assert url_path("https://[broken") == ""


def test_every_base_path_leads_to_the_operation() -> None:
    """The first is part of its key; the nearest `servers` count."""
    servers = [{"url": "https://a/v1"}, {"url": "https://b/v2"}]
    asked = read({"/x": {"get": {}, "put": {"servers": [{"url": "/own"}]}}}, servers=servers)
    assert [one.key for one in asked.operations] == ["GET /v1/x", "PUT /own/x"]
    assert asked.match("GET", "/v2/x")[0] is asked.operations[0]


def test_several_documents_make_one_contract() -> None:
    """Operations in the order of the documents; of two that say different things at one place the first counts."""
    one, two = document({"/a": {"get": {}}}), document({"/a": {"get": {"deprecated": True}}, "/b": {"get": {}}}, version="3.0.3")
    asked = Contract.of([("file:///one", one), ("file:///two", two)])
    assert [operation.key for operation in asked.operations] == ["GET /a", "GET /b"]
    (fault,) = asked.faults
    assert fault.where == "file:///two#/paths/~1a/get" and "file:///one" in fault.message and "base path" in fault.message


def test_security_is_alternatives_of_combinations() -> None:
    """The operation's own counts before the document's; an empty list asks nothing; an empty object is one alternative."""
    asked = read({"/a": {"get": {}, "put": {"security": []}, "post": {"security": [{"key": []}, {}]}}}, security=[{"key": ["read"]}])
    get, put, post = asked.operations
    assert get.security is not None and get.security[0][0].scopes == ("read",)
    assert put.security is None
    assert post.security is not None and post.security[1] == ()


def test_webhooks_are_read_by_name() -> None:
    """OpenAPI 3.1 `webhooks`, and the `x-webhooks` of 3.0 documents."""
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    more: Any = {"webhooks": {"made": {"post": {"requestBody": body}}}, "x-webhooks": {"gone": {"put": {}}}}
    asked = contract(**more)
    assert [(name, one.method) for name, one in asked.webhooks.items()] == [("made", "POST"), ("gone", "PUT")]


BROKEN: list[tuple[Any, str]] = [
    ({"a": {"get": {}}}, "#/paths/a"),
    ({"/a": {"get": 7}}, "#/paths/~1a/get"),
    ({"/a": {"get": {"parameters": [{"in": "query"}]}}}, "#/paths/~1a/get/parameters/0"),
    ({"/a": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}}, "#/paths/~1a/get/parameters/0/$ref"),
    ({"/a": {"get": {"parameters": {}}}}, "#/paths/~1a/get/parameters"),
    ({"/a": {"get": {"responses": {"200": 3}}}}, "#/paths/~1a/get/responses/200"),
    ({"/a": {"get": {"security": [{"nobody": []}]}}}, "#/paths/~1a/get/security"),
    ({"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": 5}}}}}}, "#/paths/~1a/post/requestBody/content/application~1json/schema"),
]


@pytest.mark.parametrize(("paths", "where"), BROKEN)
def test_what_cannot_be_read_is_a_fault_with_its_place(paths: Any, where: str) -> None:
    """One broken part does not hide the others."""
    asked = read({**paths, "/fine": {"get": {}}})
    assert asked.match("GET", "/fine")
    assert URI + where in [fault.where for fault in asked.faults]


def test_paths_that_are_no_object_are_a_fault() -> None:
    """The document is read for what else it holds."""
    asked = read([1])
    assert asked.operations == ()
    assert [fault.where for fault in asked.faults] == [f"{URI}#/paths"]


def test_document_of_unknown_version_is_a_fault() -> None:
    """A document names its version."""
    asked = Contract.of([(URI, {"paths": {"/a": {"get": {}}}})])
    assert len(asked.operations) == 1
    assert "version" in asked.faults[0].message
