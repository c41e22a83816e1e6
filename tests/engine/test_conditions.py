"""ETag, If-Match and If-None-Match where a document declares them (RFC 9110 section 13), by a document made up for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.inline import Json, answer, played, takes, thing, things
from support.asgi import Answer, Client

ETAG = {"headers": {"ETag": {"schema": {"type": "string"}}}}
THING = thing(size={"type": "integer"})


def asks(*names: str, required: bool = False) -> list[Json]:
    """Header parameters."""
    return [{"name": name, "in": "header", "required": required, "schema": {"type": "string"}} for name in names]


def document(*, required: bool = False, failed: str = "412", tag: Any = None, more: Json | None = None) -> Json:
    """Things with tags: `failed` is the status of a precondition that does not hold."""
    tagged = ETAG if tag is None else {"headers": {"ETag": {"schema": tag}}}
    change = answer(200, THING, **tagged) | answer(404) | answer(int(failed)) | (more or {})
    row = {
        "parameters": [{"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "get": {"parameters": asks("If-None-Match"), "responses": answer(200, THING, **tagged) | answer(304, **ETAG) | answer(404)},
        "patch": {"parameters": asks("If-Match", required=required), **takes(THING), "responses": change},
        "put": {"parameters": asks("If-Match", "if-none-match"), **takes(THING), "responses": answer(200, THING, **tagged) | answer(201, THING, **tagged) | answer(412)},
        "delete": {"parameters": asks("If-Match"), "responses": answer(204) | answer(404) | answer(412)},
    }
    every = {
        "get": {"parameters": asks("If-None-Match"), "responses": answer(200, {"type": "array", "items": THING}, **ETAG) | answer(304)},
        "post": {**takes(THING), "responses": answer(201, THING, **tagged)},
    }
    return things(THING, **{"/things": every, "/things/{thing_id}": row})


@pytest.fixture
def call(tmp_path: Path) -> Client:
    """The document, played."""
    return played(document(), tmp_path)


def made(call: Client) -> tuple[str, Answer]:
    """The path of a new thing, and the answer."""
    reply = call.post("/things", {"name": "a"})
    assert reply.status == 201
    return f"/things/{reply.json['id']}", reply


def test_every_answer_that_shows_a_record_carries_the_same_strong_tag(call: Client) -> None:
    """Made of the record, so it changes with it and only then; in quotes, as section 8.8.3 has it."""
    path, first = made(call)
    tag = first.headers["etag"]
    assert tag[0] == tag[-1] == '"'
    assert len(tag) > 10
    assert call.get(path).headers["etag"] == tag
    changed = call.patch(path, {"name": "b"})
    assert changed.headers["etag"] == call.get(path).headers["etag"] != tag
    assert call.patch(path, {"name": "a"}).headers["etag"] == tag


def test_tags_are_the_same_in_every_run(tmp_path: Path, call: Client) -> None:
    """Nothing random is in them."""
    (tmp_path / "again").mkdir()
    assert made(call)[1].headers["etag"] == made(played(document(), tmp_path / "again"))[1].headers["etag"]


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_change_that_builds_on_an_older_record_is_refused_and_changes_nothing(call: Client, method: str) -> None:
    """412; with the present tag, or any, it is done: of two who read the same, one must read again."""
    path, first = made(call)
    old = {"If-Match": first.headers["etag"]}
    body = None if method == "DELETE" else {"name": "c"}
    now = call.patch(path, {"name": "b"}, headers=old).headers["etag"]
    refused = call(method, path, body, headers=old)
    assert refused.status == 412
    assert "If-Match" in refused.json["detail"]
    assert now in refused.json["detail"]
    assert (call.get(path).json["name"], call.get(path).headers["etag"]) == ("b", now)
    assert call(method, path, body, headers={"If-Match": f'"other", {now}'}).status in (200, 204)


@pytest.mark.parametrize(("given", "holds"), [("*", True), ('W/{tag}', False), ("{bare}", True), ('"x"', False), ("", False), ('"x", "y"', False)])
def test_if_match_compares_strongly(call: Client, given: str, holds: bool) -> None:
    """Section 13.1.1: a weak tag never matches, `*` matches what is there; a tag without its quotes is understood."""
    path, first = made(call)
    tag = first.headers["etag"]
    sent = given.format(tag=tag, bare=tag.strip('"'))
    assert call.patch(path, {"name": "b"}, headers={"If-Match": sent}).status == (200 if holds else 412)


@pytest.mark.parametrize(("given", "status"), [("{tag}", 304), ("W/{tag}", 304), ('"x", {tag}', 304), ("*", 304), ('"x"', 200)])
def test_a_read_of_what_the_client_has_is_not_modified(call: Client, given: str, status: int) -> None:
    """304 without a body, with the tag (section 15.4.5); the comparison is weak."""
    path, first = made(call)
    reply = call.get(path, headers={"If-None-Match": given.format(tag=first.headers["etag"])})
    assert reply.status == status
    assert reply.headers["etag"] == first.headers["etag"]
    assert (reply.body == b"") is (status == 304)
    assert ("content-length" in reply.headers) is (status == 200)


def test_a_list_that_did_not_change_is_not_modified(call: Client) -> None:
    """Its tag is made of the answer."""
    path, _ = made(call)
    tag = call.get("/things").headers["etag"]
    assert call.get("/things", headers={"If-None-Match": tag}).status == 304
    call.patch(path, {"name": "b"})
    again = call.get("/things", headers={"If-None-Match": tag})
    assert again.status == 200
    assert again.headers["etag"] != tag


@pytest.fixture
def keyed(tmp_path: Path) -> Client:
    """The same without POST: a PUT makes what is not there."""
    told = document()
    del told["paths"]["/things"]["post"]
    return played(told, tmp_path)


def test_if_none_match_with_a_star_makes_only_what_is_not_there(keyed: Client) -> None:
    """Section 13.1.2: the guard against making over what another made."""
    call = keyed
    new = {"If-None-Match": "*"}
    first = call("PUT", "/things/mine", {"name": "a"}, headers=new)
    assert first.status == 201
    second = call("PUT", "/things/mine", {"name": "b"}, headers=new)
    assert second.status == 412
    assert call.get("/things/mine").json["name"] == "a"
    assert call("PUT", "/things/mine", {"name": "b"}).status == 200


def test_if_match_makes_nothing_new(keyed: Client) -> None:
    """Where there is no record, nothing matches; where the operation makes none anyway, that there is none is said."""
    call = keyed
    assert call("PUT", "/things/mine", {"name": "a"}, headers={"If-Match": "*"}).status == 412
    assert call.patch("/things/mine", {"name": "a"}, headers={"If-Match": "*"}).status == 404
    assert call.get("/things").json == []


@pytest.mark.parametrize("required", [True, False])
def test_a_change_without_a_precondition_is_428_where_that_is_declared(tmp_path: Path, required: bool) -> None:
    """RFC 6585 section 3; whether the header is declared as required or the status alone says so."""
    call = played(document(required=required, more=answer(428)), tmp_path)
    path, first = made(call)
    refused = call.patch(path, {"name": "b"})
    assert refused.status == 428
    assert "If-Match" in refused.body.decode()
    assert call.get(path).json["name"] == "a"
    assert call.patch(path, {"name": "b"}, headers={"If-Match": first.headers["etag"]}).status == 200


def test_a_required_precondition_without_that_status_is_a_missing_parameter(tmp_path: Path) -> None:
    """As any other."""
    call = played(document(required=True, more=answer(400)), tmp_path)
    assert call.patch(made(call)[0], {"name": "b"}).status == 400


def test_the_nearest_declared_status_stands_for_412(tmp_path: Path) -> None:
    """A document that knows only 409."""
    call = played(document(failed="409"), tmp_path)
    path, _ = made(call)
    assert call.patch(path, {"name": "b"}, headers={"If-Match": '"old"'}).status == 409


def test_a_tag_has_the_form_its_schema_asks_for(tmp_path: Path) -> None:
    """Without quotes, where quotes are forbidden."""
    call = played(document(tag={"type": "string", "pattern": "^[0-9a-f]+$"}), tmp_path)
    path, first = made(call)
    assert first.headers["etag"].isalnum()
    assert call.patch(path, {"name": "b"}, headers={"If-Match": first.headers["etag"]}).status == 200
    assert call.patch(path, {"name": "c"}, headers={"If-Match": first.headers["etag"]}).status == 412


def test_nothing_of_it_happens_where_the_document_says_nothing_of_it(tmp_path: Path) -> None:
    """No header is sent, and none is looked at."""
    call = played(things(THING), tmp_path)
    path, first = made(call)
    assert "etag" not in first.headers
    assert call.patch(path, {"name": "b"}, headers={"If-Match": '"old"'}).status == 200
    assert call.get(path, headers={"If-None-Match": "*"}).status == 200
