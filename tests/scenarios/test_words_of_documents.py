"""Words of OpenAPI and JSON Schema that few documents use, each seen at work from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.inline import Json, answer, played, takes, thing, things
from support.asgi import Client
from support.served import served
from understudy.contract.contract import Contract
from understudy.theatre import Options, Unplayable, open_theatre
from understudy.understanding import understand

TEXT = {"type": "string"}


def with_schemas(record: Any, version: str = "3.1.0", **schemas: Any) -> Json:
    """The collection of things with component schemas."""
    return {**things(record), "openapi": version, "components": {"schemas": schemas}}


def made(call: Client, body: Any) -> Any:
    """A thing that was taken as it was sent."""
    done = call.post("/things", body)
    assert done.status == 201, done.body
    assert call.get(f"/things/{done.json['id']}").json == done.json
    return done.json


def refused(call: Client, body: Any, field: str) -> None:
    """A thing that was refused for one of its fields."""
    done = call.post("/things", body)
    assert done.status == 400 and field in json.dumps(done.json), done.body


# --- where a document is served ----------------------------------------------------------------------------------


def test_server_variables_are_served_with_each_of_their_values(tmp_path: Path) -> None:
    """The default first, in what the stand-in prints; every value of the enum is the same API."""
    server = {"url": "https://{region}.example/{stage}/api", "variables": {
        "region": {"default": "eu", "enum": ["eu", "us"]}, "stage": {"default": "live", "enum": ["live", "test"]}}}  # fmt: skip
    call = played({**things(thing()), "servers": [server]}, tmp_path)
    one = call.post("/live/api/things", {"name": "a"}).json
    assert call.get(f"/test/api/things/{one['id']}").json == one
    assert call.get("/other/api/things").status == 404 and call.get("/things").status == 404


def test_a_path_and_an_operation_may_have_servers_of_their_own(tmp_path: Path) -> None:
    """The nearest counts (OpenAPI 3.1, Operation Object, servers)."""
    document = {**things(thing()), "servers": [{"url": "/v1"}]}
    document["paths"]["/status"] = {"servers": [{"url": "/ops"}], "get": {"responses": answer(200)}, "put": {"servers": [{"url": "/admin"}], "responses": answer(200)}}
    call = played(document, tmp_path)
    assert [call.get(path).status for path in ("/v1/things", "/ops/status", "/v1/status")] == [200, 200, 404]
    assert call("PUT", "/admin/status").status == 200 and call("PUT", "/ops/status").status == 405


# --- references --------------------------------------------------------------------------------------------------


def test_schemas_are_reached_by_anchor_and_id(tmp_path: Path) -> None:
    """`$anchor`, `$id`, and a relative reference within a schema that has an `$id` (JSON Schema 2020-12 section 8.2)."""
    tag = {"$anchor": "tag", "type": "string", "maxLength": 3}
    place = {"$id": "https://example.com/schemas/place", "type": "object", "required": ["city"], "properties": {"city": {"$ref": "#/$defs/city"}},
             "$defs": {"city": {"type": "string", "minLength": 2}}}
    record = thing(tag={"$ref": "#tag"}, place={"$ref": "https://example.com/schemas/place"}, town={"$ref": "https://example.com/schemas/place#/$defs/city"})
    call = played(with_schemas(record, Tag=tag, Place=place), tmp_path)
    made(call, {"tag": "abc", "place": {"city": "Rome"}, "town": "Bonn"})
    refused(call, {"tag": "abcd"}, "tag")
    refused(call, {"place": {"city": "R"}}, "place")
    refused(call, {"town": "B"}, "town")


def test_a_dynamic_reference_means_what_whoever_refers_to_it_says(tmp_path: Path) -> None:
    """`$dynamicRef` and `$dynamicAnchor`: a tree whose children are trees of the stricter kind."""
    tree = {"$id": "https://example.com/tree", "$dynamicAnchor": "node", "type": "object",
            "properties": {"data": TEXT, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}}}
    strict = {"$id": "https://example.com/strict", "$dynamicAnchor": "node", "$ref": "tree", "required": ["data"]}
    call = played(with_schemas(thing(loose={"$ref": "https://example.com/tree"}, strict={"$ref": "https://example.com/strict"}), Tree=tree, Strict=strict), tmp_path)
    made(call, {"loose": {"children": [{}]}, "strict": {"data": "a", "children": [{"data": "b"}]}})
    refused(call, {"strict": {"data": "a", "children": [{"children": []}]}}, "strict")


def test_a_schema_may_refer_to_itself(tmp_path: Path) -> None:
    """Circles end where the value does, and examples as early as they can."""
    node = {"type": "object", "properties": {"label": TEXT, "next": {"$ref": "#/components/schemas/Node"}}}
    call = played(with_schemas(thing(chain={"$ref": "#/components/schemas/Node"}), Node=node), tmp_path)
    made(call, {"chain": {"label": "a", "next": {"next": {"label": "c"}}}})
    refused(call, {"chain": {"next": {"next": {"label": 7}}}}, "chain/next/next/label")


def test_a_document_is_known_by_the_name_it_gives_itself(tmp_path: Path) -> None:
    """OpenAPI 3.2, `$self`: references by that name, and relative ones to files that lie beside it."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "colour.json").write_text(json.dumps({"Colour": {"type": "string", "enum": ["red"]}}))
    record = thing(colour={"$ref": "parts/colour.json#/Colour"}, size={"$ref": "https://example.com/api/things.json#/components/schemas/Size"},
                   kind={"$ref": "/api/things.json#/components/schemas/Size"})
    document = {**with_schemas(record, "3.2.0", Size={"type": "string", "enum": ["small"]}), "$self": "https://example.com/api/things.json"}
    call = played(document, tmp_path)
    made(call, {"colour": "red", "size": "small", "kind": "small"})
    for field in ("colour", "size", "kind"):
        refused(call, {field: "other"}, field)


def test_documents_served_together_find_one_another_by_name(tmp_path: Path) -> None:
    """One names the other by its `$self`, wherever the file lies."""
    parts = {"openapi": "3.2.0", "$self": "https://example.com/shared.json", "info": {"title": "S", "version": "1"}, "paths": {},
             "components": {"schemas": {"Size": {"type": "string", "enum": ["small"]}}}}
    main = things(thing(size={"$ref": "https://example.com/shared.json#/components/schemas/Size"}))
    for name, value in {"parts.json": parts, "main.json": main}.items():
        (tmp_path / name).write_text(json.dumps(value))
    sandbox = open_theatre(Options(spec=(str(tmp_path / "main.json"), str(tmp_path / "parts.json"))))
    assert len(sandbox.script.contract.operations) == 5 and not sandbox.script.contract.check()
    with pytest.raises(Unplayable, match=r"https://example\.com/shared\.json"):
        understand(Options(spec=str(tmp_path / "main.json")), Contract.check)


# --- methods -----------------------------------------------------------------------------------------------------


def searching() -> Json:
    """A 3.2 document: QUERY on the collection, a method of the API's own on the item."""
    document = {**things(thing(colour=TEXT)), "openapi": "3.2.0"}
    query = {"type": "object", "properties": {"colour": TEXT}}
    document["paths"]["/things"]["query"] = {**takes(query), "responses": answer(200, {"type": "array", "items": thing(colour=TEXT)}) | answer(400)}
    document["paths"]["/things/{thing_id}"]["additionalOperations"] = {"LINK": {"responses": answer(200, thing(colour=TEXT))}}
    return document


def test_query_searches_a_collection(tmp_path: Path) -> None:
    """OpenAPI 3.2, Path Item Object, query: a search with a body, which changes nothing."""
    call = played(searching(), tmp_path)
    red, blue = made(call, {"colour": "red"}), made(call, {"colour": "blue"})
    assert call("QUERY", "/things", {"colour": "red"}).json == [red]
    assert {one["id"] for one in call("QUERY", "/things", {}).json} == {red["id"], blue["id"]}
    assert call("QUERY", "/things", {"colour": 7}).status == 400


def test_methods_of_an_api_s_own_are_answered(tmp_path: Path) -> None:
    """OpenAPI 3.2, Path Item Object, additionalOperations; the path's other methods are named where one is not allowed."""
    call = played(searching(), tmp_path)
    one = made(call, {"colour": "red"})
    assert call("LINK", f"/things/{one['id']}").status == 200
    wrong = call("UNLINK", f"/things/{one['id']}")
    assert wrong.status == 405 and "LINK" in wrong.headers["allow"]


def test_such_methods_pass_through_the_server(tmp_path: Path) -> None:
    """As a client on the other side of a socket sends them."""
    path = tmp_path / "search.json"
    path.write_text(json.dumps(searching()))
    with served(str(path)) as running:
        one = running("POST", "/things", {"colour": "red"})[2]
        assert running("QUERY", "/things", {"colour": "red"})[2] == [one]
        assert running("LINK", f"/things/{one['id']}")[0] == 200


# --- parameters --------------------------------------------------------------------------------------------------


def filtered(parameter: Json) -> Json:
    """The collection of things with a parameter on its list."""
    document = things(thing(colour=TEXT, weight={"type": "integer"}))
    document["paths"]["/things"]["get"] = {"parameters": [parameter], "responses": answer(200, {"type": "array", "items": thing()}) | answer(400)}
    return document


def test_a_deep_object_holds_several_values(tmp_path: Path) -> None:
    """`weight[gte]=…` (OpenAPI 3.1, Parameter Object, style deepObject) bounds a field; a value of the wrong type is refused."""
    bounds = {"type": "object", "properties": {"gte": {"type": "integer"}, "lt": {"type": "integer"}}, "additionalProperties": False}
    call = played(filtered({"name": "weight", "in": "query", "style": "deepObject", "explode": True, "schema": bounds}), tmp_path)
    light, heavy = made(call, {"weight": 3}), made(call, {"weight": 30})
    assert [one["id"] for one in call.get("/things?weight[gte]=10").json] == [heavy["id"]]
    assert [one["id"] for one in call.get("/things?weight%5Bgte%5D=1&weight[lt]=10").json] == [light["id"]]
    assert call.get("/things?weight[gte]=much").status == 400


def test_a_cookie_is_a_parameter(tmp_path: Path) -> None:
    """Needed where it is required, and held to its schema."""
    call = played(filtered({"name": "session", "in": "cookie", "required": True, "schema": {"type": "integer"}}), tmp_path)
    assert call.get("/things", headers={"Cookie": "other=x; session=7"}).status == 200
    missing, wrong = call.get("/things"), call.get("/things", headers={"Cookie": "session=x"})
    assert (missing.status, wrong.status) == (400, 400) and "session" in json.dumps([missing.json, wrong.json])
