"""JSON with integers of any length: the same value there and back, whatever holds it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.asgi import Client
from understudy.exact import read, write
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

WIDE = st.integers(-(10**40), 10**40)
VALUES = st.recursive(WIDE | st.text() | st.none() | st.floats(allow_nan=False, allow_infinity=False), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(VALUES)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Integers beyond 64 bits too, and digits within text stay text."""
    assert read(write(value)) == value == json.loads(write(value))


@pytest.mark.parametrize("value", ["\ud800", object(), 2**70 * 1.0e300 * 1.0e300])
def test_what_json_has_no_form_for_is_refused_or_null(value: Any) -> None:
    """As the encoder does: TypeError; an infinity is written as null (RFC 8259 section 6)."""
    if isinstance(value, float):
        assert write(value) == b"null"
        return
    with pytest.raises(TypeError):
        write({"n": 2**70, "value": value})


DOCUMENT = {
    "openapi": "3.1.0", "info": {"title": "wide", "version": "1"},
    "paths": {
        "/things": {
            "get": {
                "parameters": [{"name": "weight", "in": "query", "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}}},
            },
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                "responses": {"201": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
            },
        },
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}},
            "patch": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
            },
        },
    },
    "components": {"schemas": {"Thing": {"type": "object", "properties": {
        "id": {"type": "string", "readOnly": True}, "weight": {"type": "integer"}, "name": {"type": "string"}}}}},
}  # fmt: skip


def test_a_wide_integer_is_stored_changed_found_and_kept(tmp_path: Any) -> None:
    """Through create, read, list, filter, a change of another field, a snapshot's difference, and the file of a world."""
    spec = tmp_path / "wide.json"
    spec.write_text(json.dumps(DOCUMENT))
    options = Options(spec=str(spec), open=True, data=str(tmp_path / "data"))
    sandbox = open_theatre(options)
    call = Client(App(sandbox), {})
    wide = 2**64 + 1
    made = call.post("/things", {"weight": wide, "name": "one"})
    assert made.json["weight"] == wide
    where = f"/things/{made.json['id']}"
    assert call.get(where).json["weight"] == wide
    assert call.patch(where, {"name": "two"}).json == {**made.json, "name": "two"} == call.get(where).json
    assert [row["weight"] for row in call.get(f"/things?weight={wide}").json] == [wide] and call.get(f"/things?weight={wide - 1}").json == []
    assert call.get("/_understudy/diff").json["created"][0]["record"]["weight"] == wide
    sandbox.folder.close()
    again = Client(App(open_theatre(options)), {})
    assert again.get(where).json == {**made.json, "name": "two"}
