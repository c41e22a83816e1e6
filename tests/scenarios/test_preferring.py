"""`Prefer: code=…, example=…, dynamic=…` as Prism's users know them, read as RFC 7240 writes the header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.asgi import Answer, Client
from support.sketches import TEXT, played, shape

PET = shape(("name",), name={**TEXT, "example": "Rex"}, id=TEXT)
GONE = {"description": "", "content": {"application/json": {"schema": shape(("message",), message=TEXT), "examples": {"gone": {"value": {"message": "it left"}}}}}}
FOUND = {"description": "", "content": {"application/json": {"schema": PET, "examples": {
    "cat": {"value": {"name": "Tom"}}, "dog": {"summary": "a good one", "value": {"name": "Bello"}}, "wrong": {"value": {"name": 5}}}}}}  # fmt: skip
PATHS = {
    "/pets/{id}": {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}],
        "get": {"responses": {"200": FOUND, "404": GONE, "5XX": {"description": ""}}},
    },
    "/pets": {"post": {"requestBody": {"required": True, "content": {"application/json": {"schema": PET}}}, "responses": {"201": {"description": "", "content": {"application/json": {"schema": PET}}}, "409": GONE}}},
}  # fmt: skip


@pytest.fixture
def call(tmp_path: Path) -> Client:
    """A shop with one pet, `1`."""
    client = played(tmp_path, PATHS)
    client.post("/pets", {"id": "1", "name": "Ann"})
    return client


def prefer(call: Client, *values: str, target: str = "/pets/1") -> Answer:
    """A GET with these preferences."""
    return call.get(target, headers={"Prefer": ", ".join(values)})


@pytest.mark.parametrize(("asked", "status", "body", "applied"), [
    ("code=404", 404, {"message": "it left"}, "code=404"),
    ("code=404, example=gone", 404, {"message": "it left"}, "code=404, example=gone"),
    ("example=dog", 200, {"name": "Bello"}, "example=dog"),
    ('Example = "dog"', 200, {"name": "Bello"}, "example=dog"),
    ("code=200", 200, {"name": "Tom"}, "code=200"),
    ("dynamic=true", 200, {"name": "Rex"}, "dynamic=true"),
    ("code=200, dynamic=true", 200, {"name": "Rex"}, "code=200, dynamic=true"),
    ("dynamic=false", 200, {"name": "Tom"}, "dynamic=false"),
    ("respond-async, wait=100, code=404; foo=bar", 404, {"message": "it left"}, "code=404"),
])  # fmt: skip
def test_a_preference_chooses_among_what_the_operation_declares(call: Client, asked: str, status: int, body: Any, applied: str) -> None:
    """The answer says which were applied, and that it varies with the header."""
    got = prefer(call, asked)
    assert got.status == status and got.json == body
    assert got.headers["preference-applied"] == applied and got.headers["vary"] == "Prefer"


def test_a_status_without_a_body_is_answered_without_one(call: Client) -> None:
    """A range covers it."""
    got = prefer(call, "code=503")
    assert got.status == 503 and got.body == b""


@pytest.mark.parametrize("asked", ["code=418", "code=abc", "example=horse", "example=wrong", "code=404, example=dog", "handling=lenient", "", "=", 'code="'])
def test_what_cannot_be_had_is_left_alone(call: Client, asked: str) -> None:
    """RFC 7240 section 2: a preference that cannot be met is ignored; the pet is answered as it is."""
    got = prefer(call, asked)
    assert got.status == 200 and got.json["name"] == "Ann" and "preference-applied" not in got.headers


def test_a_preferred_answer_changes_nothing(call: Client) -> None:
    """The request is judged all the same, and its answer stands in for what would have been done."""
    assert call.post("/pets", {"id": "2", "name": "Bob"}, headers={"Prefer": "code=409"}).status == 409
    assert call.get("/pets/2").status == 404
    assert call.post("/pets", {"id": "2"}, headers={"Prefer": "code=201"}).status == 400
