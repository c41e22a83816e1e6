"""What inference finds out about records is honoured: ids, stamps, wrapping, patches, and answers that always fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.inline import answer, played, takes, thing, things


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "integer", "readOnly": True}, lambda id: isinstance(id, int)),
        ({"type": "string", "format": "uuid", "readOnly": True}, lambda id: len(id) == 36 and id[14] == "4"),
        ({"type": "string", "pattern": "^PROD-[A-Z0-9]+$", "readOnly": True}, lambda id: id.startswith("PROD-") and "_" not in id),
        ({"type": "string", "maxLength": 6, "readOnly": True}, lambda id: len(id) <= 6),
    ],
    ids=["integer", "uuid", "prefix", "short"],
)
def test_ids_look_as_the_document_says_and_name_their_record(schema: Any, fits: Any, tmp_path: Path) -> None:
    """An integer id is a JSON number; a prefix that ends in a sign takes no underscore."""
    call = played(things(thing(id=schema)), tmp_path)
    made = call.post("/things", {"name": "one"})
    assert made.status == 201 and fits(made.json["id"])
    assert call.get(f"/things/{made.json['id']}").json == made.json


def test_an_id_the_client_may_choose_is_kept_and_may_not_repeat(tmp_path: Path) -> None:
    """Without a readOnly id, what the client names the record by is its id; a second one is already there."""
    call = played(things({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "size": {"type": "integer"}}}), tmp_path)
    assert call.post("/things", {"name": "box", "size": 1}).status == 201
    assert call.get("/things/box").json == {"name": "box", "size": 1}
    assert call.post("/things", {"name": "box"}).status == 409


def test_what_a_record_must_hold_and_nobody_sent_is_filled_in_for_good(tmp_path: Path) -> None:
    """Computed fields are valid and stay as they are, inside objects and arrays too."""
    part = {"type": "object", "required": ["sku", "price"], "properties": {"sku": {"type": "string"}, "price": {"type": "number", "readOnly": True, "minimum": 1}}}
    schema = thing(total={"type": "integer", "minimum": 3, "readOnly": True}, parts={"type": "array", "items": part})
    schema["required"] = ["id", "total"]
    call = played(things(schema), tmp_path)
    made = call.post("/things", {"parts": [{"sku": "a"}]}).json
    assert made["total"] >= 3 and made["parts"][0]["price"] >= 1 and made["parts"][0]["sku"] == "a"
    assert call.get(f"/things/{made['id']}").json == made


@pytest.mark.parametrize(
    ("field", "schema", "expected"),
    [
        ("created", {"type": "integer", "description": "Unix seconds", "readOnly": True}, lambda at: 10**9 < at < 10**10),
        ("created_at", {"type": "integer", "description": "milliseconds", "readOnly": True}, lambda at: at > 10**12),
        ("created_on", {"type": "string", "format": "date", "readOnly": True}, lambda at: len(at) == 10),
    ],
)
def test_time_stamps_have_the_documents_form(field: str, schema: Any, expected: Any, tmp_path: Path) -> None:
    """Seconds, milliseconds, a date."""
    call = played(things(thing(**{field: schema})), tmp_path)
    assert expected(call.post("/things", {"name": "one"}).json[field])


def test_records_are_wrapped_only_where_the_operation_says_so(tmp_path: Path) -> None:
    """`{"thing": {…}}` in and out, bare in the list."""
    record = thing()
    wrapped = {"type": "object", "required": ["thing", "request"], "properties": {"thing": record, "request": {"type": "string", "examples": ["r1"]}}}
    sent = {"type": "object", "required": ["thing"], "properties": {"thing": record}}
    listed = {"type": "object", "required": ["things"], "properties": {"things": {"type": "array", "items": record}}}
    document = things(record)
    document["paths"]["/things"] = {"get": {"responses": answer(200, listed)}, "post": {**takes(sent), "responses": answer(201, wrapped)}}
    document["paths"]["/things/{thing_id}"]["get"]["responses"] = answer(200, wrapped) | answer(404)
    call = played(document, tmp_path)
    made = call.post("/things", {"thing": {"name": "one"}}).json
    assert made["thing"]["name"] == "one" and isinstance(made["request"], str)
    assert call.get(f"/things/{made['thing']['id']}").json["thing"] == made["thing"]
    assert call.get("/things").json == {"things": [made["thing"]]}


def test_a_json_patch_changes_a_record_or_says_which_step_cannot_be_done(tmp_path: Path) -> None:
    """RFC 6902: all steps or none."""
    step = {"type": "object", "required": ["op", "path"], "properties": {"op": {"type": "string"}, "path": {"type": "string"}, "value": {}}}
    document = things(thing(tags={"type": "array", "items": {"type": "string"}}))
    document["paths"]["/things/{thing_id}"]["patch"] |= takes({"type": "array", "items": step}, "application/json-patch+json")
    call = played(document, tmp_path)
    where = f"/things/{call.post('/things', {'name': 'one', 'tags': ['a']}).json['id']}"
    typed = {"content-type": "application/json-patch+json"}
    changed = call.patch(where, [{"op": "replace", "path": "/name", "value": "two"}, {"op": "add", "path": "/tags/-", "value": "b"}], headers=typed)
    assert (changed.status, changed.json["name"], changed.json["tags"]) == (200, "two", ["a", "b"])
    refused = call.patch(where, [{"op": "replace", "path": "/name", "value": "three"}, {"op": "remove", "path": "/nothing"}], headers=typed)
    assert refused.status == 422 and call.get(where).json["name"] == "two"


def test_null_in_a_merge_patch_deletes(tmp_path: Path) -> None:
    """RFC 7396, where the operation takes application/merge-patch+json."""
    document = things(thing(note={"type": "string"}))
    document["paths"]["/things/{thing_id}"]["patch"] |= takes({"type": "object"}, "application/merge-patch+json")
    call = played(document, tmp_path)
    where = f"/things/{call.post('/things', {'name': 'one', 'note': 'x'}).json['id']}"
    changed = call.patch(where, {"note": None}, headers={"content-type": "application/merge-patch+json"})
    assert changed.status == 200 and "note" not in changed.json


def test_a_put_may_make_what_is_not_there(tmp_path: Path) -> None:
    """Where nothing else makes records: 201 the first time, 200 then."""
    record = {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}}}
    document = things(record)
    del document["paths"]["/things"]["post"]
    item = document["paths"]["/things/{thing_id}"]
    item["put"] = {**takes(record), "responses": answer(200, record) | answer(201, record)}
    item["parameters"][0]["name"] = "name"
    document["paths"] = {"/things": document["paths"]["/things"], "/things/{name}": item}
    call = played(document, tmp_path)
    assert call("PUT", "/things/box", {"size": 1}).status == 201
    assert call("PUT", "/things/box", {"size": 2}).status == 200
    assert call.get("/things/box").json["size"] == 2


def test_a_singleton_is_there_from_the_beginning_and_remembers(tmp_path: Path) -> None:
    """One path that answers an object and changes it."""
    record = {"type": "object", "required": ["theme"], "properties": {"theme": {"type": "string", "enum": ["light", "dark"]}}}
    paths = {"/settings": {"get": {"responses": answer(200, record)}, "put": {**takes(record), "responses": answer(200, record)}}}
    call = played(things(thing(), **paths), tmp_path)
    assert call.get("/settings").json == {"theme": "light"}
    assert call("PUT", "/settings", {"theme": "dark"}).json == {"theme": "dark"}
    assert call.get("/settings").json == {"theme": "dark"}


def test_what_nothing_makes_is_there_from_the_beginning(tmp_path: Path) -> None:
    """One record, as the document shows it: listed, retrieved, changed."""
    document = things(thing(name={"type": "string", "examples": ["the only one"]}))
    del document["paths"]["/things"]["post"]
    call = played(document, tmp_path)
    (given,) = call.get("/things").json
    changed = call.patch(f"/things/{given['id']}", {"name": "changed"})
    assert changed.status == 200 and call.get(f"/things/{given['id']}").json["name"] == "changed"


def test_what_cannot_be_answered_is_an_example_that_says_so_and_never_a_500(tmp_path: Path) -> None:
    """A read schema no record fits: the declared example, with a header."""
    document = things(thing())
    unfit = {"allOf": [thing(), {"properties": {"name": {"type": "integer"}}, "required": ["name"]}]}
    document["paths"]["/things/{thing_id}"]["get"]["responses"] = answer(200, unfit) | answer(404)
    call = played(document, tmp_path)
    made = call.post("/things", {"name": "one"})
    assert made.status == 201 and "understudy-not-modelled" in made.headers


def test_what_is_write_only_is_kept_and_never_answered(tmp_path: Path) -> None:
    """OpenAPI 3.1: a writeOnly property may be sent, and stands in no answer."""
    call = played(things(thing(secret={"type": "string", "writeOnly": True})), tmp_path)
    made = call.post("/things", {"name": "one", "secret": "s"})
    assert made.status == 201 and "secret" not in made.json
    assert call.get(f"/things/{made.json['id']}").json == made.json == call.get("/things").json[0]
