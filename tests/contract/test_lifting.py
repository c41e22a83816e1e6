"""Swagger 2.0 read as OpenAPI 3.0."""

from __future__ import annotations

from contract.made import URI, refused, send
from understudy.contract.contract import Contract
from understudy.contract.values import Schema

SWAGGER = {
    "swagger": "2.0",
    "host": "api.example.com",
    "basePath": "/v1",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "parameters": {"Limit": {"name": "limit", "in": "query", "type": "integer", "maximum": 10}, "Pet": {"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}}},
    "responses": {"Gone": {"description": "gone", "schema": {"$ref": "#/definitions/Pet"}}},
    "definitions": {"Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "x-nullable": True}, "id": {"type": "integer", "readOnly": True}}}},
    "securityDefinitions": {"basic": {"type": "basic"}, "oauth": {"type": "oauth2", "flow": "accessCode", "tokenUrl": "/t", "authorizationUrl": "/a", "scopes": {}}},
    "paths": {
        "/pets": {
            "get": {
                "parameters": [{"$ref": "#/parameters/Limit"}, {"name": "ids", "in": "query", "type": "array", "items": {"type": "integer"}, "collectionFormat": "pipes"}, {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"}],
                "responses": {"200": {"description": "ok", "schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}, "examples": {"application/json": []}}, "410": {"$ref": "#/responses/Gone"}},
                "security": [{"basic": []}, {"oauth": ["x"]}],
            },
            "post": {"parameters": [{"$ref": "#/parameters/Pet"}], "responses": {"201": {"description": "made"}}},
        },
        "/pets/{id}/photo": {
            "parameters": [{"name": "id", "in": "path", "required": True, "type": "integer"}],
            "post": {"parameters": [{"name": "caption", "in": "formData", "type": "string", "required": True}, {"name": "photo", "in": "formData", "type": "file"}], "consumes": ["multipart/form-data"], "responses": {}},
        },
    },
}


def swagger() -> Contract:
    """The document above."""
    return Contract.of([(URI, SWAGGER)])


def test_operations_stand_under_the_base_path() -> None:
    """`host`, `basePath` and `schemes` are servers."""
    assert [one.key for one in swagger().operations] == ["GET /v1/pets", "POST /v1/pets", "POST /v1/pets/{id}/photo"]


def test_nothing_in_a_sound_document_is_a_fault() -> None:
    """References into definitions, parameters and responses still lead somewhere."""
    assert swagger().check() == []


def test_collection_formats_are_styles() -> None:
    """pipes, multi and plain parameters."""
    taken = send(swagger(), "GET", "/v1/pets", b"limit=3&ids=1|2&tags=a&tags=b")
    assert taken.query == {"limit": 3, "ids": [1, 2], "tags": ["a", "b"]}
    assert refused(swagger(), "GET", "/v1/pets", b"limit=11").field == "limit"


def test_body_parameter_is_the_request_body() -> None:
    """Also behind a reference; readOnly and x-nullable count."""
    assert send(swagger(), path="/v1/pets", body={"name": None, "id": 5}).body == {"name": None}
    assert refused(swagger(), path="/v1/pets", body={}).field == "name"


def test_form_parameters_are_one_body() -> None:
    """formData becomes an object; files are text or bytes in it."""
    body = b'--b\r\nContent-Disposition: form-data; name="caption"\r\n\r\nhello\r\n--b\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n\xff\r\n--b--\r\n'
    taken = send(swagger(), path="/v1/pets/7/photo", headers=[(b"content-type", b"multipart/form-data; boundary=b")], body=body)
    assert taken.path == {"id": 7}
    assert taken.body == {"caption": "hello", "photo": "ÿ"}


def test_responses_and_security_are_in_the_newer_words() -> None:
    """schema and examples go below a media type; basic is http, accessCode is authorizationCode."""
    listed = swagger().operations[0]
    assert listed.responses["200"].examples["application/json"]["example"] == []
    assert listed.security is not None
    assert listed.security[0][0].scheme["scheme"] == "basic"
    assert "authorizationCode" in listed.security[1][0].scheme["flows"]
    assert isinstance(listed.responses["410"].content["application/json"], Schema)
