"""XML bodies: read, judged, kept and answered as the document's XML Objects describe them (OpenAPI 3.1, XML Object)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.made import only
from support.asgi import Answer, Client
from support.sketches import NUMBER, TEXT, collection, played, shape
from understudy.contract.markup import Markup, parsed
from understudy.contract.shapes import Shapes
from understudy.problems import Problem

XML = {"content-type": "application/xml", "accept": "application/xml"}
RECORD = shape(("name",), id=TEXT, name=TEXT, weight={"type": "number"}, tags={"type": "array", "items": TEXT})
RECORD["xml"] = {"name": "pet"}


def in_both(node: Any) -> Any:
    """A document's bodies of JSON in XML too."""
    if isinstance(node, dict):
        both = {"application/xml": node["application/json"]} if "application/json" in node else {}
        return {**{name: in_both(one) for name, one in node.items()}, **both}
    return [in_both(one) for one in node] if isinstance(node, list) else node


@pytest.fixture
def pets(tmp_path: Path) -> Client:
    """A client of a collection that speaks both."""
    return played(tmp_path, in_both(collection("/pets", RECORD)))


def post(call: Client, body: str) -> Answer:
    """An XML body sent."""
    return call.post("/pets", raw=body.encode(), headers=XML)


def test_what_is_sent_in_xml_is_kept_and_read_in_both(pets: Client) -> None:
    """Numbers are numbers, repeated elements a list."""
    made = post(pets, "<pet><name>Rex &amp; co</name><weight>4.5</weight><tags>a</tags><tags>b</tags></pet>")
    assert made.status == 201 and made.headers["content-type"].startswith("application/xml")
    id = made.body.decode().partition("<id>")[2].partition("</id>")[0]
    assert pets.get(f"/pets/{id}").json == {"id": id, "name": "Rex & co", "weight": 4.5, "tags": ["a", "b"]}
    told = pets.get(f"/pets/{id}", headers={"accept": "application/xml"}).body.decode()
    assert told == f'<?xml version="1.0" encoding="UTF-8"?>\n<pet><id>{id}</id><name>Rex &amp; co</name><weight>4.5</weight><tags>a</tags><tags>b</tags></pet>'
    assert f"<pet><id>{id}</id>" in pets.get("/pets", headers={"accept": "text/html, application/xml;q=0.9"}).body.decode()


@pytest.mark.parametrize(("body", "told"), [
    ("<pet><weight>4</weight></pet>", "name"),
    ("<pet><name>Rex</name><weight>heavy</weight></pet>", "weight"),
    ("<pet><name>Rex</name><name>Max</name></pet>", "name"),
    ("<pet><name><first>Rex</first></name></pet>", "name"),
    ("<pet><name>Rex</pet>", "line 1"),
    ("{}", "not valid XML"),
    ("<pet/><pet/>", "not valid XML"),
    ('<!DOCTYPE pet [<!ENTITY a "aaaa">]><pet><name>&a;</name></pet>', "document type"),
    ('<?xml version="1.0" encoding="nonsense"?><pet/>', "not valid XML"),
    ("<a>" * 300 + "</a>" * 300, "nested too deeply"),
])  # fmt: skip
def test_xml_that_is_wrong_is_refused_with_its_place(body: str, told: str, pets: Client) -> None:
    """By the schema as JSON is, or by the grammar with the line."""
    answer = post(pets, body)
    assert answer.status == 400 and told in answer.body.decode()
    assert pets.get("/pets").json == []


FORMS: list[tuple[Any, str, Any]] = [
    ({"properties": {"id": {**NUMBER, "xml": {"attribute": True}}, "name": TEXT}}, '<v id="7"><name>a</name></v>', {"id": 7, "name": "a"}),
    ({"properties": {"name": {**TEXT, "xml": {"name": "title"}}}}, "<v><title>a</title></v>", {"name": "a"}),
    ({"properties": {"all": {"type": "array", "items": {**TEXT, "xml": {"name": "one"}}}}}, "<v><one>a</one><one>b</one></v>", {"all": ["a", "b"]}),
    ({"properties": {"all": {"type": "array", "xml": {"wrapped": True, "name": "some"}, "items": {**NUMBER, "xml": {"name": "one"}}}}},
     "<v><some><one>1</one></some></v>", {"all": [1]}),
    ({"properties": {"all": {"type": "array", "xml": {"wrapped": True}, "items": TEXT}}}, "<v><all></all></v>", {"all": []}),
    ({"properties": {"of": {"type": "object", "properties": {"yes": {"type": "boolean"}}}}}, "<v><of><yes>true</yes></of></v>", {"of": {"yes": True}}),
    ({"xml": {"namespace": "http://example.com/s", "prefix": "s"}, "properties": {"name": TEXT}}, '<s:v xmlns:s="http://example.com/s"><name>a</name></s:v>', {"name": "a"}),
    ({"type": "object", "additionalProperties": NUMBER}, "<v><a>1</a><b>2</b></v>", {"a": 1, "b": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "text", "value"), FORMS)
def test_the_xml_object_says_how_a_value_is_written(schema: Any, text: str, value: Any) -> None:
    """Attributes, names, wrapped and bare lists, namespaces: read and written alike."""
    schema = {"type": "object", **schema, "xml": {"name": "v", **schema.get("xml", {})}}
    contract, it = only(schema, "3.1.0", {})
    markup = Markup(Shapes(contract.documents), "response")
    assert markup.reader(it)(text.encode(), "application/xml") == value
    assert markup.writer(it)(_json(value)).partition(b"\n")[2].decode() == text


VALUES = st.fixed_dictionaries({}, optional={
    "a": st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")), "b": st.integers(-(2**53), 2**53), "c": st.booleans(),
    "d": st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)})  # fmt: skip
KINDS = {"a": TEXT, "b": NUMBER, "c": {"type": "boolean"}, "d": {"type": "array", "items": {"type": "number"}}}


@given(VALUES)
def test_what_is_written_reads_the_same(value: dict[str, Any]) -> None:
    """For any value of a schema."""
    contract, it = only({"type": "object", "properties": KINDS}, "3.1.0", {})
    markup = Markup(Shapes(contract.documents), "response")
    assert markup.reader(it)(markup.writer(it)(_json(value)), "application/xml") == value


@given(st.binary(max_size=60) | st.text("<>/=\"'&;!-[]a :x", max_size=40).map(str.encode))
def test_any_bytes_are_an_element_or_refused(body: bytes) -> None:
    """Nothing else is raised."""
    try:
        assert parsed(body).name
    except Problem as problem:
        assert problem.kind == "malformed_request"


def _json(value: Any) -> bytes:
    from understudy.exact import write

    return write(value)
