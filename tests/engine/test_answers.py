"""Which of the declared answers a client gets: keys, Accept, Prefer, links between pages, and what is not modelled."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from engine.inline import answer, played, takes, thing, things
from understudy.engine.negotiating import preferences

TEXT = {"type": "string"}
SCHEMES = {
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "oauth": {"type": "oauth2", "flows": {}},
}
BASIC = "Basic " + base64.b64encode(b"ann:good").decode()


def guarded(*security: dict[str, list[str]]) -> Any:
    """A document that asks for these."""
    return {**things(thing()), "security": list(security), "components": {"securitySchemes": SCHEMES}}


@pytest.mark.parametrize(
    ("scheme", "target", "headers"),
    [
        ("header", "/things", {"X-Key": "good"}),
        ("query", "/things?key=good", {}),
        ("cookie", "/things", {"Cookie": "a=b; session=good"}),
        ("basic", "/things", {"Authorization": BASIC}),
        ("bearer", "/things", {"Authorization": "bearer good"}),
        ("oauth", "/things", {"Authorization": "Bearer good"}),
    ],
)
def test_each_kind_of_security_scheme_is_asked_for(scheme: str, target: str, headers: dict[str, str], tmp_path: Path) -> None:
    """401 with a challenge without it or with an unknown key, 200 with a known one."""
    call = played(guarded({scheme: []}), tmp_path, keys=frozenset({"good"}))
    refused = call.get("/things")
    assert refused.status == 401 and refused.headers["www-authenticate"]
    assert call.get(target, headers=headers).status == 200
    bad = {name: value.replace("good", "bad").replace(BASIC[6:], "eDp5") for name, value in headers.items()}
    assert call.get(target.replace("good", "bad"), headers=bad).status == 401


def test_alternatives_and_combinations_of_schemes(tmp_path: Path) -> None:
    """Any alternative will do, all of a combination must be there, and an empty one asks for nothing."""
    call = played(guarded({"header": [], "query": []}, {"bearer": []}), tmp_path)
    assert call.get("/things", headers={"X-Key": "any"}).status == 401
    assert call.get("/things?key=any", headers={"X-Key": "any"}).status == 200
    assert call.get("/things", headers={"Authorization": "Bearer any"}).status == 200
    assert played(guarded({"header": []}, {}), tmp_path).get("/things").status == 200


def test_an_answer_nobody_declared_is_not_acceptable(tmp_path: Path) -> None:
    """406 only if no declared media type fits."""
    call = played(things(thing()), tmp_path)
    assert call.get("/things", headers={"accept": "text/html, */*;q=0.1"}).status == 200
    assert call.get("/things", headers={"accept": "application/*"}).status == 200
    assert call.get("/things", headers={"accept": "text/html"}).status == 406
    assert call.get("/things", headers={"accept": "application/json;q=0"}).status == 406


def test_a_client_may_prefer_a_status_or_an_example(tmp_path: Path) -> None:
    """RFC 7240: what was applied is said, what cannot be had is left alone."""
    document = things(thing())
    document["paths"]["/things"]["get"]["responses"]["200"]["content"]["application/json"]["examples"] = {"two": {"value": [{"id": "a"}, {"id": "b"}]}}
    call = played(document, tmp_path)
    assert call.get("/things/x", headers={"prefer": "code=200"}).status == 200
    shown = call.get("/things", headers={"prefer": 'example="two"'})
    assert shown.json == [{"id": "a"}, {"id": "b"}] and shown.headers["preference-applied"] == "example=two"
    assert call.get("/things", headers={"prefer": "example=three"}).json == []
    assert call.get("/things", headers={"prefer": "code=999, respond-async"}).status == 200


def test_preferences_are_read_as_the_rfc_writes_them() -> None:
    """RFC 7240 section 2: quoted or not, with parameters, the first of a name counts."""
    assert preferences('code=404; why="a, b", Example="x y", code=200, wait') == {"code": "404", "example": "x y", "wait": ""}


def test_what_no_convention_understands_says_so(tmp_path: Path) -> None:
    """A declared example, and a header that says it is one."""
    shape = {"type": "object", "required": ["sum"], "properties": {"sum": {"type": "integer"}}}
    paths = {"/compute": {"post": {**takes({"type": "object"}), "responses": answer(200, shape)}}}
    got = played(things(thing(), **paths), tmp_path).post("/compute", {})
    assert got.status == 200 and got.headers["understudy-not-modelled"] and isinstance(got.json["sum"], int)


def test_a_header_the_answer_must_carry_is_there(tmp_path: Path) -> None:
    """Required response headers have an example of their schema."""
    document = things(thing())
    document["paths"]["/things"]["get"]["responses"]["200"]["headers"] = {"X-Rate": {"required": True, "schema": {"type": "integer", "minimum": 7}}}
    assert played(document, tmp_path).get("/things").headers["x-rate"] == "7"


def test_a_document_may_not_name_code_to_be_run(tmp_path: Path) -> None:
    """`effects` inside `x-understudy` is refused; the rest of it counts."""
    from understudy.theatre import Unplayable  # as a caller meets it

    with pytest.raises(Unplayable, match="no code is run"):
        played({**things(thing()), "x-understudy": {"understudy": 1, "effects": "os"}}, tmp_path)


def test_what_is_write_only_is_left_out_of_declared_examples(tmp_path: Path) -> None:
    """At any depth; the rest is answered as the document shows it."""
    card = {"type": "object", "required": ["number", "cvc"], "properties": {"number": TEXT, "cvc": {**TEXT, "writeOnly": True}}}
    schema = {"type": "object", "properties": {"by": {"anyOf": [card, {"type": "object", "properties": {"iban": TEXT}}]}}}
    content = {"application/json": {"schema": schema, "example": {"by": {"number": "4242", "cvc": "123"}}}}
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/payment": {"get": {"responses": {"200": {"description": "x", "content": content}}}}}}
    assert played(document, tmp_path).get("/payment").json == {"by": {"number": "4242"}}
