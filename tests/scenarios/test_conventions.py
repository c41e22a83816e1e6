"""Conventions of other people's APIs, each in a small made-up document: what a client expects of them is what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.asgi import Client
from support.sketches import NUMBER, TEXT, answer, collection, played, shape, some

ITEM = shape(id=TEXT, name=TEXT)


def made(call: Client, path: str, *names: str, **more: Any) -> list[Any]:
    """Records made one after the other, by their names."""
    answers = [call.post(path, {"name": name, **more}) for name in names]
    assert {one.status for one in answers} <= {200, 201}, answers
    return [one.json for one in answers]


# --- keys --------------------------------------------------------------------------------------------------------


def test_a_record_is_found_by_its_other_key(tmp_path: Path) -> None:
    """`{id_or_slug}`: either names it, for reading, changing and deleting."""
    record = shape(("slug",), id=TEXT, slug=TEXT, name=TEXT)
    call = played(tmp_path, collection("/projects", record, parameter="id_or_slug"))
    one = call.post("/projects", {"slug": "apollo", "name": "Apollo"}).json
    assert call.get(f"/projects/{one['id']}").json == one == call.get("/projects/apollo").json
    assert call.patch("/projects/apollo", {"name": "Moon"}).json["name"] == "Moon" == call.get(f"/projects/{one['id']}").json["name"]
    assert call("DELETE", "/projects/apollo").status == 204 and call.get(f"/projects/{one['id']}").status == 404


def test_a_name_the_client_chose_is_the_key(tmp_path: Path) -> None:
    """`/buckets/{name}` without any id: the name is it, and a second one of that name is refused."""
    call = played(tmp_path, collection("/buckets", shape(("name",), name=TEXT, region=TEXT), parameter="name"))
    call.post("/buckets", {"name": "logs", "region": "eu"})
    assert call.get("/buckets/logs").json == {"name": "logs", "region": "eu"}
    assert call.post("/buckets", {"name": "logs", "region": "us"}).status in (400, 409, 422)
    assert [one["region"] for one in call.get("/buckets").json] == ["eu"]


def test_a_nested_name_is_unique_within_its_parent_only(tmp_path: Path) -> None:
    """Two owners may each have a `default`; neither list shows the other's."""
    paths = collection("/owners", ITEM) | collection("/owners/{owner_id}/boards", shape(("name",), name=TEXT, colour=TEXT), parameter="name")
    call = played(tmp_path, paths)
    ann, bob = made(call, "/owners", "Ann", "Bob")
    for owner, colour in ((ann, "red"), (bob, "blue")):
        assert call.post(f"/owners/{owner['id']}/boards", {"name": "default", "colour": colour}).status == 201
    assert call.get(f"/owners/{ann['id']}/boards/default").json["colour"] == "red"
    assert call.get(f"/owners/{bob['id']}/boards").json == [{"name": "default", "colour": "blue"}]
    assert call("DELETE", f"/owners/{ann['id']}/boards/default").status == 204
    assert call.get(f"/owners/{ann['id']}/boards").json == [] and call.get(f"/owners/{bob['id']}/boards/default").status == 200
    assert call.get("/owners/nobody/boards").status == 404


def test_a_thing_there_is_one_of_is_changed_and_stays(tmp_path: Path) -> None:
    """`/settings`: read, changed in part; no list and no id."""
    settings = shape(theme=TEXT, size=NUMBER)
    call = played(tmp_path, {"/settings": {"get": answer(settings), "patch": answer(settings, body=settings), "put": answer(settings, body=settings)}})
    assert call.get("/settings").status == 200
    assert call.patch("/settings", {"theme": "dark"}).json["theme"] == "dark"
    assert call.patch("/settings", {"size": 3}).json | {"theme": "dark", "size": 3} == call.get("/settings").json
    assert call("PUT", "/settings", {"theme": "light"}).json == call.get("/settings").json == {"theme": "light"}


def test_a_post_on_an_item_changes_it(tmp_path: Path) -> None:
    """Update by POST, what was not sent stays."""
    record = shape(id=TEXT, name=TEXT, email=TEXT)
    item = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}], "get": answer(record), "post": answer(record, body=record)}
    call = played(tmp_path, {"/people": {"post": answer(record, body=record), "get": answer(some(record))}, "/people/{id}": item})
    one = call.post("/people", {"name": "Ann", "email": "ann@example.com"}).json
    assert call.post(f"/people/{one['id']}", {"name": "Anna"}).json == {**one, "name": "Anna"} == call.get(f"/people/{one['id']}").json
    assert call.post("/people/none", {"name": "x"}).status == 404


# --- pages -------------------------------------------------------------------------------------------------------


def follow(call: Client, target: str, read: Any, field: str | None = "data") -> list[list[str]]:
    """The names on each page; `read(answer)` gives the next target, or None."""
    pages: list[list[str]] = []
    following: str | None = target
    while following is not None:
        got = call.get(following)
        assert got.status == 200 and len(pages) < 9, got.body
        pages.append([row["name"] for row in (got.json if field is None else got.json[field])])
        following = read(got)
    return pages


WHOLE = some(ITEM)
NAMES = ("a", "b", "c", "d", "e")


def envelope(**more: Any) -> Any:
    """The rows under `data`, and what else a page says."""
    return shape(data=WHOLE, **more)


PAGED: dict[str, Any] = {
    "page": (envelope(total=NUMBER, page=NUMBER), {"page": NUMBER, "per_page": NUMBER}, "page=1&per_page=2",
             lambda got: f"/items?page={got.json['page'] + 1}&per_page=2" if got.json["page"] * 2 < got.json["total"] else None),
    "offset": (envelope(total=NUMBER, offset=NUMBER), {"offset": NUMBER, "limit": NUMBER}, "offset=0&limit=2",
               lambda got: f"/items?limit=2&offset={got.json['offset'] + 2}" if got.json["offset"] + 2 < got.json["total"] else None),
    "cursor": (envelope(next_cursor={"type": ["string", "null"]}), {"cursor": TEXT, "limit": NUMBER}, "limit=2",
               lambda got: f"/items?limit=2&cursor={got.json['next_cursor']}" if got.json.get("next_cursor") else None),
    "token": (envelope(nextPageToken=TEXT), {"pageToken": TEXT, "maxResults": NUMBER}, "maxResults=2",
              lambda got: f"/items?maxResults=2&pageToken={got.json['nextPageToken']}" if got.json.get("nextPageToken") else None),
    "starting_after": (envelope(has_more={"type": "boolean"}), {"starting_after": TEXT, "ending_before": TEXT, "limit": NUMBER}, "limit=2",
                       lambda got: f"/items?limit=2&starting_after={got.json['data'][-1]['id']}" if got.json["has_more"] else None),
    "next link": (envelope(links=shape(next={"type": ["string", "null"]})), {"page": NUMBER, "per_page": NUMBER}, "per_page=2&page=1",
                  lambda got: (got.json["links"].get("next") or "").removeprefix("http://localhost") or None),
}  # fmt: skip


@pytest.mark.parametrize("style", PAGED)
def test_pages_follow_each_other_until_there_is_none(tmp_path: Path, style: str) -> None:
    """Each style by its own words: together the pages are the list, each record once, in one order."""
    listed, query, first, following = PAGED[style]
    call = played(tmp_path, collection("/items", ITEM, listed, query))
    made(call, "/items", *NAMES)
    pages = follow(call, f"/items?{first}", following)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(name for page in pages for name in page) == sorted(NAMES)


def test_a_bare_array_is_paged_by_the_header_link(tmp_path: Path) -> None:
    """RFC 8288: `next` leads on until the last page has none; `first` and `last` stand there; other parameters stay."""
    headers = {"Link": {"schema": TEXT}}
    call = played(tmp_path, collection("/items", ITEM, WHOLE, {"page": NUMBER, "per_page": NUMBER, "name": TEXT}, headers=headers))
    made(call, "/items", *NAMES)

    def links(got: Any) -> dict[str, str]:
        return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', got.headers.get("link", ""))}

    pages = follow(call, "/items?per_page=2&page=1", lambda got: links(got).get("next", "").removeprefix("http://localhost") or None, None)
    assert [len(page) for page in pages] == [2, 2, 1] and sorted(name for page in pages for name in page) == sorted(NAMES)
    first = links(call.get("/items?per_page=2&page=2"))
    assert first == {rel: f"http://localhost/items?per_page=2&page={page}" for rel, page in (("first", 1), ("prev", 1), ("next", 3), ("last", 3))}
    assert "name=a" in links(call.get("/items?name=a&per_page=1&page=1"))["first"]


@pytest.mark.parametrize("number", [10**30, -(10**30), 0, -1])
def test_a_page_number_of_any_size_is_a_page(tmp_path: Path, number: int) -> None:
    """Far beyond the list it is empty, before it the first; it is told in the envelope all the same."""
    call = played(tmp_path, collection("/items", ITEM, PAGED["page"][0], PAGED["page"][1]))
    made(call, "/items", *NAMES)
    got = call.get(f"/items?page={number}&per_page=2")
    assert got.status == 200 and len(got.json["data"]) == (2 if number < 2 else 0)
    assert call.get(f"/items?page=1&per_page={number}").status == 200


def test_without_the_header_in_the_document_there_is_none(tmp_path: Path) -> None:
    """What is not declared is not sent."""
    call = played(tmp_path, collection("/items", ITEM, WHOLE, {"page": NUMBER, "per_page": NUMBER}))
    made(call, "/items", *NAMES)
    assert "link" not in call.get("/items?per_page=2").headers and len(call.get("/items?per_page=2").json) == 2


# --- filters, order, search --------------------------------------------------------------------------------------

FILM = shape(id=TEXT, name=TEXT, year=NUMBER, genre=TEXT, tags=some(TEXT))
FILMS = [{"name": "Alien", "year": 1979, "genre": "horror"}, {"name": "Brazil", "year": 1985, "genre": "satire"}, {"name": "Contact", "year": 1997, "genre": "drama"}]
ASKED = {
    "genre": TEXT, "genres": some(TEXT), "year_gte": NUMBER, "year_lt": NUMBER, "min_year": NUMBER, "max_year": NUMBER, "year[gt]": NUMBER,
    "sort": TEXT, "q": TEXT,
}  # fmt: skip


@pytest.mark.parametrize(("query", "names"), [
    ("genre=horror", "Alien"), ("genre=none", ""), ("genres=horror&genres=drama", "Alien Contact"),
    ("year_gte=1985", "Brazil Contact"), ("year_lt=1985", "Alien"), ("min_year=1980&max_year=1990", "Brazil"), ("year[gt]=1985", "Contact"),
    ("sort=year", "Alien Brazil Contact"), ("sort=-year", "Contact Brazil Alien"), ("sort=year:desc", "Contact Brazil Alien"),
    ("q=azi", "Brazil"), ("q=AL", "Alien"), ("genre=horror&year_gte=1980", ""),
])  # fmt: skip
def test_a_list_is_narrowed_ordered_and_searched_by_its_own_words(tmp_path: Path, query: str, names: str) -> None:
    """Equality, plural, bounds at either end, either direction, free text."""
    call = played(tmp_path, collection("/films", FILM, query=ASKED))
    for film in FILMS:
        assert call.post("/films", film).status == 201
    found = [film["name"] for film in call.get(f"/films?{query}").json]
    assert (found if "sort" in query else sorted(found)) == names.split()


# --- media types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "schema", "expected"), [
    ("text/plain", {"type": "string", "example": "hello"}, b"hello"),
    ("text/csv", {"type": "string", "example": "a,b"}, b"a,b"),
    ("application/pdf", {"type": "string", "format": "binary"}, None),
    ("application/hal+json", shape(name={**TEXT, "example": "Rex"}), None),
    ("application/vnd.api+json;version=1", shape(name=TEXT), None),
    ("image/*", {"type": "string", "format": "binary"}, None),
])  # fmt: skip
def test_an_answer_keeps_its_media_type(tmp_path: Path, kind: str, schema: Any, expected: bytes | None) -> None:
    """Whatever it is: text, binary, JSON under another name."""
    call = played(tmp_path, {"/report": {"get": answer(schema, kind=kind)}})
    got = call.get("/report")
    assert got.status == 200 and (kind.endswith("*") or got.headers["content-type"].partition(";")[0] == kind.partition(";")[0])
    assert expected is None or got.body == expected


@pytest.mark.parametrize(("kind", "raw"), [
    ("application/x-www-form-urlencoded", b"name=Rex&size=3"),
    ("application/vnd.shop+json", b'{"name": "Rex", "size": 3}'),
    ("application/json; charset=utf-8", b'{"name": "Rex", "size": 3}'),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nRex\r\n--b\r\nContent-Disposition: form-data; name="size"\r\n\r\n3\r\n--b--\r\n'),
])  # fmt: skip
def test_a_record_is_made_of_any_media_type_its_document_takes(tmp_path: Path, kind: str, raw: bytes) -> None:
    """The numbers in a form are numbers in the record."""
    record = shape(id=TEXT, name=TEXT, size=NUMBER)
    paths = collection("/pets", record, body={"content": {kind.partition(";")[0]: {"schema": record}}})
    call = played(tmp_path, paths)
    one = call("POST", "/pets", raw=raw, headers={"content-type": kind})
    assert one.status == 201 and call.get(f"/pets/{one.json['id']}").json | {"id": ""} == {"id": "", "name": "Rex", "size": 3}
    assert call("POST", "/pets", raw=b"<a/>", headers={"content-type": "application/xml"}).status == 415


# --- what does not travel ----------------------------------------------------------------------------------------


def test_read_only_and_write_only_hold_at_every_depth(tmp_path: Path) -> None:
    """What only the server writes is not taken from a client; what only a client writes is never shown: in parts of parts too."""
    card = shape(("number",), number={**TEXT, "writeOnly": True}, last4={**TEXT, "readOnly": True}, holder=TEXT)
    record = shape(id={**TEXT, "readOnly": True}, name=TEXT, cards=some(card), main=card)
    call = played(tmp_path, collection("/accounts", record))
    body = {"id": "mine", "name": "Ann", "cards": [{"number": "4111", "last4": "9999", "holder": "Ann"}], "main": {"number": "4222", "holder": "A"}}
    one = call.post("/accounts", body).json
    assert one["id"] != "mine" and one["main"].get("number") is None
    for shown in (one, call.get(f"/accounts/{one['id']}").json, call.get("/accounts").json[0]):
        assert "4111" not in str(shown) and "4222" not in str(shown) and "9999" not in str(shown)
        assert shown["cards"][0]["holder"] == "Ann"


DOG = {"allOf": [{"$ref": "#/components/schemas/Pet"}, shape(("bark",), bark=TEXT)]}
CAT = {"allOf": [{"$ref": "#/components/schemas/Pet"}, shape(("lives",), lives=NUMBER)]}
PET = {**shape(("kind",), id=TEXT, kind=TEXT), "discriminator": {"propertyName": "kind", "mapping": {"dog": "#/components/schemas/Dog", "cat": "Cat"}}}
EITHER = {"oneOf": [{"$ref": "#/components/schemas/Dog"}, {"$ref": "#/components/schemas/Cat"}], "discriminator": PET["discriminator"]}


def test_a_discriminator_says_which_branch_a_body_is_held_to(tmp_path: Path) -> None:
    """By the mapping's value; an unknown value and a missing property of that branch are named."""
    call = played(tmp_path, collection("/pets", EITHER), components={"schemas": {"Pet": PET, "Dog": DOG, "Cat": CAT}})
    dog = call.post("/pets", {"kind": "dog", "bark": "wau"})
    assert dog.status == 201 and call.get(f"/pets/{dog.json['id']}").json["bark"] == "wau"
    assert call.post("/pets", {"kind": "cat", "lives": 9}).json["lives"] == 9
    lacking, unknown = call.post("/pets", {"kind": "cat"}), call.post("/pets", {"kind": "cow"})
    assert lacking.status == 400 and b"lives" in lacking.body
    assert unknown.status == 400 and b"kind" in unknown.body
    assert {pet["kind"] for pet in call.get("/pets").json} == {"dog", "cat"}


@pytest.mark.parametrize("stands", [{"enum": ["all", "public", "private"], "default": "all"}, {"enum": ["any", "public"], "default": "any"}, {"enum": ["ALL", "public"]}])
def test_the_word_for_no_filter_shows_everything(stands: Any, tmp_path: Path) -> None:
    """`visibility=all`, the default besides: what was created is listed; the other values filter."""
    call = played(tmp_path, collection("/repos", shape(id=TEXT, name=TEXT, visibility=TEXT), query={"visibility": {**TEXT, **stands}}))
    one, two = made(call, "/repos", "a", visibility="public") + made(call, "/repos", "b", visibility="secret")
    assert call.get("/repos").json == [two, one] == call.get(f"/repos?visibility={stands['enum'][0]}").json
    assert call.get("/repos?visibility=public").json == [one]


def test_a_word_for_no_filter_that_records_have_is_a_value_like_others(tmp_path: Path) -> None:
    """An audience of `all` is an audience."""
    audience = {**TEXT, "enum": ["all", "staff"]}
    call = played(tmp_path, collection("/notes", shape(id=TEXT, name=TEXT, audience=audience), query={"audience": audience}))
    one, _ = made(call, "/notes", "a", audience="all") + made(call, "/notes", "b", audience="staff")
    assert call.get("/notes?audience=all").json == [one]
