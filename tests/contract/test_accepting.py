"""What a request means to an operation: parameters, bodies, refusals, warnings."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.made import JSON, contract, operation, refused, send
from understudy.contract.contract import Contract

INTEGERS = {"type": "array", "items": {"type": "integer"}}
POINT = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "boolean"}}}


def parameter(location: str, schema: Any, **more: Any) -> Contract:
    """A contract whose operation has one parameter `p`."""
    one = {"name": "p", "in": location, "schema": schema, **more}
    return contract(operation([one], method="get", path="/x/{p}" if location == "path" else "/x"))


def query(schema: Any, raw: str, **more: Any) -> Any:
    """The value of a query parameter `p`."""
    return send(parameter("query", schema, **more), "GET", query=raw.encode()).query.get("p", "absent")


@pytest.mark.parametrize(
    ("schema", "raw", "value"),
    [
        ({"type": "string"}, "p=a+b%20c%C3%A9", "a b cé"),
        ({"type": "string"}, "p=", ""),
        ({"type": "string"}, "p=12", "12"),
        ({"type": "integer"}, "p=-12", -12),
        ({"type": "integer"}, "p=12.0", 12),
        ({"type": "number"}, "p=1.5e3", 1500.0),
        ({"type": "boolean"}, "p=true", True),
        ({"type": ["integer", "null"]}, "p=null", None),
        ({"type": ["string", "null"]}, "p=null", "null"),
        ({"type": ["string", "integer"]}, "p=7", 7),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, "p=x", "x"),
        ({"enum": [1, 2]}, "p=2", 2),
        ({"$ref": "#/components/schemas/none"}, "p=2", "2"),
        (INTEGERS, "p=1&p=2", [1, 2]),
        (INTEGERS, "p=1", [1]),
        ({"type": "integer", "default": 5}, "", 5),
        ({"type": "integer"}, "", "absent"),
        ({}, "p=1", "1"),
    ],
)
def test_query_value_is_coerced_by_its_schema(schema: Any, raw: str, value: Any) -> None:
    """Strings become what the schema asks for; what it does not ask for stays a string."""
    assert query(schema, raw) == value
    assert type(query(schema, raw)) is type(value)


@pytest.mark.parametrize(
    ("schema", "style", "explode", "raw", "value"),
    [
        (INTEGERS, "form", False, "p=1,2", [1, 2]),
        (INTEGERS, "form", False, "p=1%2C2", [1, 2]),
        ({"type": "array"}, "form", False, "p=a,b%2Cc", ["a", "b,c"]),
        (INTEGERS, "form", False, "p=", []),
        (INTEGERS, "spaceDelimited", False, "p=1%202", [1, 2]),
        (INTEGERS, "spaceDelimited", False, "p=1+2", [1, 2]),
        (INTEGERS, "pipeDelimited", False, "p=1|2", [1, 2]),
        (INTEGERS, "pipeDelimited", False, "p=1%7C2", [1, 2]),
        (INTEGERS, "pipeDelimited", True, "p=1&p=2", [1, 2]),
        (POINT, "form", True, "x=1&y=true", {"x": 1, "y": True}),
        (POINT, "form", False, "p=x,1,y,true", {"x": 1, "y": True}),
        (POINT, "deepObject", True, "p[x]=1&p%5By%5D=true", {"x": 1, "y": True}),
        ({"type": "object", "properties": {"a": POINT, "b": INTEGERS}}, "deepObject", True, "p[a][x]=1&p[b][]=1&p[b][]=2", {"a": {"x": 1}, "b": [1, 2]}),
        ({"type": "object", "properties": {"b": INTEGERS}}, "deepObject", True, "p[b][1]=2&p[b][0]=1", {"b": [1, 2]}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "deepObject", True, "p[k]=3", {"k": 3}),
    ],
)
def test_query_styles(schema: Any, style: str, explode: bool, raw: str, value: Any) -> None:
    """OpenAPI 3.1, Style Examples; encoded separators are taken as separators when there are no plain ones."""
    assert query(schema, raw, style=style, explode=explode) == value


@pytest.mark.parametrize(
    ("schema", "style", "explode", "raw", "value"),
    [
        ({"type": "integer"}, "simple", False, "5", 5),
        (INTEGERS, "simple", False, "1,2", [1, 2]),
        (POINT, "simple", False, "x,1,y,true", {"x": 1, "y": True}),
        (POINT, "simple", True, "x=1,y=true", {"x": 1, "y": True}),
        ({"type": "integer"}, "label", False, ".5", 5),
        (INTEGERS, "label", False, ".1,2", [1, 2]),
        (INTEGERS, "label", True, ".1.2", [1, 2]),
        (POINT, "label", True, ".x=1.y=true", {"x": 1, "y": True}),
        ({"type": "integer"}, "matrix", False, ";p=5", 5),
        (INTEGERS, "matrix", False, ";p=1,2", [1, 2]),
        (INTEGERS, "matrix", True, ";p=1;p=2", [1, 2]),
        (POINT, "matrix", True, ";x=1;y=true", {"x": 1, "y": True}),
        (POINT, "matrix", False, ";p=x,1,y,true", {"x": 1, "y": True}),
    ],
)
def test_path_styles(schema: Any, style: str, explode: bool, raw: str, value: Any) -> None:
    """OpenAPI 3.1, Style Examples."""
    asked = parameter("path", schema, style=style, explode=explode, required=True)
    assert send(asked, "GET", f"/x/{raw}").path == {"p": value}


def test_headers_and_cookies_are_read_where_declared() -> None:
    """By lower-case name; lists separated by commas; a repeated header is one list."""
    declared = [
        {"name": "X-Ids", "in": "header", "schema": INTEGERS},
        {"name": "X-One", "in": "header", "required": True, "schema": {"type": "integer"}},
        {"name": "sid", "in": "cookie", "schema": {"type": "integer"}},
    ]
    asked = contract(operation(declared, method="get"))
    headers = [(b"x-ids", b"1, 2"), (b"x-ids", b"3"), (b"x-one", b" 7 "), (b"cookie", b"a=b; sid=9"), (b"x-other", b"z")]
    taken = send(asked, "GET", headers=headers)
    assert (taken.headers, taken.cookies) == ({"x-ids": [1, 2, 3], "x-one": 7}, {"sid": 9})
    assert (refused(asked, "GET").kind, refused(asked, "GET").field, refused(asked, "GET").location) == ("missing_field", "x-one", "header")


def test_parameter_declared_with_content_is_json() -> None:
    """OpenAPI 3.1, Parameter Object, content."""
    asked = contract(operation([{"name": "p", "in": "query", "content": {"application/json": {"schema": POINT}}}], method="get"))
    assert send(asked, "GET", query=b"p=" + quote('{"x": 1}').encode()).query == {"p": {"x": 1}}
    assert refused(asked, "GET", query=b"p={").kind == "invalid_field"


def test_whole_query_string_is_one_value() -> None:
    """OpenAPI 3.2, `in: querystring`: as a form, or as JSON."""
    form = {"name": "q", "in": "querystring", "content": {"application/x-www-form-urlencoded": {"schema": POINT}}}
    text = {"name": "q", "in": "querystring", "content": {"application/json": {"schema": POINT}}}
    assert send(contract(operation([form], method="get"), version="3.2.0"), "GET", query=b"x=1&y=true").query == {"q": {"x": 1, "y": True}}
    assert send(contract(operation([text], method="get"), version="3.2.0"), "GET", query=b"%7B%22x%22%3A1%7D").query == {"q": {"x": 1}}


@pytest.mark.parametrize(
    ("schema", "raw", "kind", "field", "message"),
    [
        ({"type": "integer"}, "p=abc", "invalid_field", "p", 'value must be an integer, not "abc"'),
        ({"type": "integer"}, "p=1_0", "invalid_field", "p", 'value must be an integer, not "1_0"'),
        ({"type": "integer"}, "p=" + "9" * 5000, "invalid_field", "p", None),
        ({"type": "number"}, "p=1e400", "invalid_field", "p", None),
        ({"type": "number"}, "p=NaN", "invalid_field", "p", None),
        ({"type": "boolean"}, "p=yes", "invalid_field", "p", 'value must be true or false, not "yes"'),
        ({"type": "integer", "maximum": 3}, "p=4", "invalid_field", "p", "value is too large (4, maximum allowed: 3)"),
        ({"type": "integer"}, "p=1&p=2", "invalid_field", "p", "value must be given once only"),
        (INTEGERS, "p=1&p=x", "invalid_field", "p.1", None),
        ({"type": "string"}, "p=%ff", "malformed_request", None, None),
        ({"type": "string"}, "p=%zz", "malformed_request", None, None),
    ],
)
def test_bad_query_value_is_refused_by_name(schema: Any, raw: str, kind: str, field: str | None, message: str | None) -> None:
    """The problem names the parameter and shows what was sent."""
    problem = refused(parameter("query", schema), "GET", query=raw.encode())
    assert (problem.kind, problem.field) == (kind, field)
    assert message is None or problem.message == message


def test_required_parameter_that_is_absent_is_missing() -> None:
    """In the words of a missing body field."""
    problem = refused(parameter("query", {"type": "string"}, required=True), "GET")
    assert (problem.kind, problem.field, problem.location, problem.message) == ("missing_field", "p", "query", "value required, but not set")


def test_empty_value_is_taken_where_allowed() -> None:
    """allowEmptyValue."""
    assert query({"type": "integer"}, "p=", allowEmptyValue=True) == ""


def test_unknown_query_parameter_is_a_warning_unless_strict() -> None:
    """With the nearest known name; names that carry an API key are known."""
    key = {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "key"}}}
    paths = operation([{"name": "limit", "in": "query", "schema": {}}], method="get", security=[{"k": []}])
    taken = send(contract(paths, components=key), "GET", query=b"limt=1&key=s")
    assert taken.warnings == ("limt: unknown query parameter, ignored; nearest known name: limit",)
    assert refused(contract(paths, components=key, strict=True), "GET", query=b"limt=1").kind == "unknown_field"


def test_name_with_brackets_is_a_name() -> None:
    """`statuses[]` is declared, and sent, with its brackets."""
    asked = contract(operation([{"name": "s[]", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}], method="get"))
    assert send(asked, "GET", query=b"s[]=a&s%5B%5D=b").query == {"s[]": ["a", "b"]}


# bodies --------------------------------------------------------------------------------------------------------------

THING = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "tags": {"type": "array", "maxItems": 2, "items": {"type": "object", "required": ["k"]}}}}


def test_body_is_read_judged_and_handed_on() -> None:
    """A JSON value; its charset parameter does not matter."""
    asked = contract(operation(body=THING))
    assert send(asked, body={"name": "a"}).body == {"name": "a"}
    assert send(asked, body=b'{"name":"a"}', headers=[(b"content-type", b"Application/JSON; charset=utf-8")]).body == {"name": "a"}


@pytest.mark.parametrize(
    ("body", "headers", "kind", "field"),
    [
        (b"", JSON, "missing_field", "body"),
        (b"{}", JSON, "missing_field", "name"),
        (b"[]", JSON, "invalid_field", "body"),
        (b'{"name":1}', JSON, "invalid_field", "name"),
        (b'{"name":"a","tags":[{"k":1},{}]}', JSON, "missing_field", "tags.1.k"),
        (b'{"name":"a"}', [], "unsupported_media_type", "content-type"),
        (b'{"name":"a"}', [(b"content-type", b"text/plain")], "unsupported_media_type", "content-type"),
        (b"{", JSON, "malformed_request", None),
        (b"\xff", JSON, "malformed_request", None),
        (b'{"name":"\\ud800"}', JSON, "malformed_request", None),
        (b'{"name":"\x00"}', JSON, "malformed_request", None),
        (b'{"name":NaN}', JSON, "malformed_request", None),
        (b'{"name":1e400}', JSON, "malformed_request", None),
        (b'{"name":' + b"[" * 300 + b"]" * 300 + b"}", JSON, "malformed_request", None),
        (b"[" * 100_000, JSON, "malformed_request", None),
        (b" ", JSON, "malformed_request", None),
    ],
)
def test_bad_body_is_refused(body: bytes, headers: Any, kind: str, field: str | None) -> None:
    """Each a problem of the right kind that names the field."""
    problem = refused(contract(operation(body=THING)), headers=headers, body=body)
    assert (problem.kind, problem.field) == (kind, field)


def test_json_error_says_line_and_column() -> None:
    """So that it is found in a long body."""
    assert "line 2, column 3" in refused(contract(operation(body=THING)), headers=JSON, body=b'{"name":\n  x}').message


def test_unsupported_media_type_names_what_is_declared() -> None:
    """In the message and as a fact for the renderer."""
    problem = refused(contract(operation(body=THING)), headers=[(b"content-type", b"text/csv")], body=b"a")
    assert "application/json" in problem.message and problem.extra["accept"] == ("application/json",)


def test_body_nobody_declared_is_ignored_with_a_warning() -> None:
    """And one that is not required may be absent."""
    assert send(contract(operation()), body=b"x").warnings == ("body: this operation takes none, ignored",)
    optional = {"content": {"application/json": {"schema": THING}}}
    assert send(contract(operation(body=optional))).body is None


@pytest.mark.parametrize(
    ("declared", "sent", "body", "value"),
    [
        ("application/*", "application/json", b"[1]", [1]),
        ("*/*", "application/json", b"[1]", [1]),
        ("application/merge-patch+json", "application/merge-patch+json", b"[1]", [1]),
        ("text/plain", "text/plain; charset=latin-1", b"\xe9", "é"),
        ("text/plain", "text/plain", b"12", "12"),
        ("application/octet-stream", "application/octet-stream", b"\xff\x00", "ÿ\x00"),
        ("image/png", "image/png", b"\x89PNG", "\x89PNG"),
        ("application/xml", "application/xml", b"<a/>", "<a/>"),
    ],
)
def test_media_types_have_their_readers(declared: str, sent: str, body: bytes, value: Any) -> None:
    """Ranges are declared, types are sent; every value is a JSON value."""
    asked = contract(operation(body={"content": {declared: {}}}))
    assert send(asked, headers=[(b"content-type", sent.encode())], body=body).body == value


FORM = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}, "at": POINT, "csv": INTEGERS, "raw": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}
ENCODING = {"csv": {"style": "form", "explode": False}}


def form(body: bytes) -> Any:
    """The value of a form body."""
    declared = {"content": {"application/x-www-form-urlencoded": {"schema": FORM, "encoding": ENCODING}}}
    return send(contract(operation(body=declared)), headers=[(b"content-type", b"application/x-www-form-urlencoded")], body=body).body


def test_form_fields_are_read_like_query_parameters() -> None:
    """Repeated names, brackets, encodings, JSON in a field."""
    assert form(b"n=5&tags=a&tags=b&at[x]=1&at[y]=true&csv=1,2&raw=%7B%22a%22%3A%201%7D") == {
        "n": 5,
        "tags": ["a", "b"],
        "at": {"x": 1, "y": True},
        "csv": [1, 2],
        "raw": {"a": 1},
    }
    assert form(b"n=5&tags[]=a&tags[]=b") == {"n": 5, "tags": ["a", "b"]}
    assert form(b"n=5&tags[0]=a") == {"n": 5, "tags": ["a"]}


def multipart(body: bytes, content_type: bytes = b"multipart/form-data; boundary=b") -> Any:
    """The contract and request of a multipart body."""
    declared = {"content": {"multipart/form-data": {"schema": FORM}}}
    return contract(operation(body=declared)), {"headers": [(b"content-type", content_type)], "body": body}


def part(name: str, value: bytes, more: str = "") -> bytes:
    """One part."""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


@pytest.mark.parametrize("node", [{"type": "object"}, {"type": "string", "format": "binary"}])
def test_a_multipart_body_without_parts_is_an_empty_form(node: Any) -> None:
    """As clients write one without fields; also where the document calls the whole body a string."""
    declared = {"content": {"multipart/form-data": {"schema": node}}}
    request = {"headers": [(b"content-type", b"multipart/form-data; boundary=b")], "body": b"--b\r\n--b--\r\n"}
    assert send(contract(operation(body=declared)), **request).body == {}


def test_multipart_fields_are_read() -> None:
    """Text, JSON, repeated parts, files."""
    body = part("n", b"5") + part("tags", b"a") + part("tags", b"b") + part("at", b'{"x":1}', "\r\nContent-Type: application/json") + b"--b--\r\n"
    asked, request = multipart(body)
    assert send(asked, **request).body == {"n": 5, "tags": ["a", "b"], "at": {"x": 1}}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"n=5", b"multipart/form-data; boundary=b"),
        (part("n", b"5"), b"multipart/form-data; boundary=b"),
        (part("n", b"5") + b"--b--", b"multipart/form-data"),
        (b"--b\r\nX: y\r\n\r\n5\r\n--b--", b"multipart/form-data; boundary=b"),
        (b"--b\r\nX: y--b--\r\n--b--", b"multipart/form-data; boundary=b"),
    ],
)
def test_broken_multipart_is_malformed(body: bytes, content_type: bytes) -> None:
    """No boundary, no end, no name, no headers."""
    asked, request = multipart(body, content_type)
    assert refused(asked, **request).kind == "malformed_request"


def test_many_content_types_are_not_all_remembered() -> None:
    """A client cannot fill the memory with parameters of its media type."""
    asked = contract(operation(body=THING))
    for number in range(200):
        assert send(asked, headers=[(b"content-type", b"application/json; x=%d" % number)], body=b'{"name":"a"}').body


# laws ----------------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUE = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8)
ANYTHING = contract(operation(body={}))
LISTS = {style: parameter("query", {"type": "array", "items": {"type": "integer"}}, style=style, explode=explode) for style, explode in (("form", False), ("spaceDelimited", False), ("pipeDelimited", False))}
SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


@settings(max_examples=100, deadline=None)
@given(VALUE)
def test_any_json_value_a_schema_allows_is_accepted_unchanged(value: Any) -> None:
    """Whatever it holds, NUL included."""
    assert send(ANYTHING, headers=JSON, body=orjson.dumps(value)).body == value


@given(st.sampled_from(sorted(LISTS)), st.lists(st.integers(), max_size=5), st.booleans())
def test_list_styles_come_back_as_they_went(style: str, values: list[int], encoded: bool) -> None:
    """With the separator encoded or not."""
    raw = SEPARATORS[style].join(map(str, values))
    sent = quote(raw, safe="" if encoded else ",|-").encode()
    assert send(LISTS[style], "GET", query=b"p=" + sent).query == {"p": values}


@given(st.dictionaries(TEXT.filter(lambda name: name and not set(name) & set("[]")), st.integers(), max_size=4))
def test_deep_objects_come_back_as_they_went(value: dict[str, int]) -> None:
    """Names of any characters but brackets."""
    asked = DEEP
    sent = "&".join(f"p[{quote(name, safe='')}]={number}" for name, number in value.items()).encode()
    taken = send(asked, "GET", query=sent).query
    assert taken == ({"p": value} if value else {})


DEEP = parameter("query", {"type": "object", "additionalProperties": {"type": "integer"}}, style="deepObject")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_no_bytes_whatever_bring_the_contract_down(query: bytes, body: bytes) -> None:
    """Accepted, or refused with a Problem."""
    from understudy.problems import Problem

    for headers in (JSON, [(b"content-type", b"application/x-www-form-urlencoded")], [(b"content-type", b"multipart/form-data; boundary=b")]):
        try:
            send(ROBUST, query=query, headers=headers, body=body)
        except Problem as problem:
            assert problem.kind in ("malformed_request", "invalid_field", "missing_field")


ROBUST = contract(
    operation(
        [{"name": "p", "in": "query", "schema": FORM, "style": "deepObject"}, {"name": "q", "in": "query", "schema": INTEGERS}],
        {"content": {kind: {"schema": FORM} for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")}},
    )
)
