"""What the Desk asks: records by pages, one record with what may be done, an operation's form, a request as curl."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.asgi import Client
from support.sketches import NUMBER, TEXT, collection, played, shape
from understudy.server.app import App
from understudy.server.desk import records as desk_records
from understudy.theatre import Options, open_theatre


@pytest.fixture(scope="module")
def tutorial() -> Client:
    """The bundled sandbox where the guide ends."""
    return Client(App(open_theatre(Options(fixture="tutorial"))))


@pytest.fixture
def notes(tmp_path: Path) -> Client:
    """A document of notes, in which a record may hold anything."""
    return played(tmp_path, collection("/notes", shape(id=NUMBER, title=TEXT, text=TEXT, deep={}, rows={}, nest={})))


def one(client: Client, resource: str) -> Any:
    """The newest record of a resource, as the Desk shows it."""
    id = client.get(f"/_understudy/records/{resource}?limit=1").json["records"][0]["id"]
    return client.get(f"/_understudy/records/{resource}/{id}").json


def test_records_come_by_pages_newest_first(notes: Client) -> None:
    """`offset` and `limit`, with the number of all."""
    for number in range(5):
        notes.post("/notes", {"id": number + 1, "title": f"note {number + 1}"})
    page = notes.get("/_understudy/records/note?offset=1&limit=2").json
    assert (page["total"], [row["record"]["title"] for row in page["records"]]) == (5, ["note 4", "note 3"])


@pytest.mark.parametrize("text", ["needle", "NEEDLE", 'a "quote"', "back\\slash", "ünï", "<b>", "[a-z]"])
def test_text_is_found_anywhere_in_a_record(notes: Client, text: str) -> None:
    """As it was written, large or small letters; it is no pattern."""
    notes.post("/notes", {"id": 1, "title": "hay", "deep": {"in": [f"the needle, {text}"]}})
    notes.post("/notes", {"id": 2, "title": "hay"})
    assert [row["id"] for row in notes.get(f"/_understudy/records/note?search={quote(text)}").json["records"]] == ["1"]


def test_a_search_has_pages_too(notes: Client) -> None:
    """The total is that of what was found."""
    for number in range(6):
        notes.post("/notes", {"id": number + 1, "title": "odd" if number % 2 else "even"})
    page = notes.get("/_understudy/records/note?search=odd&offset=1&limit=1").json
    assert (page["total"], [row["id"] for row in page["records"]]) == (3, ["4"])


def test_records_are_picked_by_state_and_by_a_field(tutorial: Client) -> None:
    """`state` by the lifecycle's field, `field` and `value` by any other."""
    assert tutorial.get("/_understudy/records/customer?state=ACTIVE").json["total"] == 1
    assert tutorial.get("/_understudy/records/customer?state=ARCHIVED").json["total"] == 0
    customer = one(tutorial, "customer")
    assert tutorial.get(f"/_understudy/records/subscription?field=customer_id&value={customer['id']}").json["total"] == 1


def test_a_record_tells_where_it_may_go_and_by_which_call(tutorial: Client) -> None:
    """Operations of its lifecycle lead to a state, or to none from this one; paths are filled in."""
    shown = one(tutorial, "customer")
    moves = {call["trigger"]: (call["to"], call["method"], call["path"]) for call in shown["calls"] if "trigger" in call}
    assert shown["state"] == "ACTIVE"
    assert moves["archive"] == ("ARCHIVED", "POST", f"/v1/customers/{shown['id']}/archive")
    assert moves["activate"][0] is None


def test_a_record_is_linked_both_ways(tutorial: Client) -> None:
    """To what it refers to, field by field, and from what refers to it."""
    invoice, customer = one(tutorial, "invoice"), one(tutorial, "customer")
    assert invoice["links"]["customer_id"] == {"resource": "customer", "id": customer["id"]}
    assert {"resource": "invoice", "field": "customer_id", "total": 1} in customer["referrers"]


def test_what_takes_long_to_count_is_not_counted_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many records that may refer to one the number is told only once they were asked for by that field."""
    monkeypatch.setattr(desk_records, "COUNTED", 0)
    client = Client(App(open_theatre(Options(fixture="tutorial"))))
    customer = one(client, "customer")
    assert {"resource": "invoice", "field": "customer_id", "total": None} in customer["referrers"]
    client.get(f"/_understudy/records/invoice?field=customer_id&value={customer['id']}")
    known = {(row["resource"], row["field"]): row["total"] for row in one(client, "customer")["referrers"]}
    assert known["invoice", "customer_id"] == 1


def test_what_the_api_does_not_show_the_desk_does_not_show(tutorial: Client) -> None:
    """Private fields stay: a webhook's secrets are kept beside what is shown of it."""
    made = tutorial.post("/v1/webhooks", {"url": "http://localhost:9/", "included_actions": ["INVOICE.STATUS_TO_FINAL"], "authentication_type": "API_KEY", "api_key": "hush-hush"})
    if made.status >= 300:
        made = tutorial.post("/v1/webhooks", tutorial.get(f"/_understudy/operations?key={quote('POST /v1/webhooks')}").json["body"]["example"])
    assert made.status < 300
    shown = one(tutorial, "webhook")
    assert shown["record"].keys() == tutorial.get(f"/v1/webhooks/{shown['id']}").json.keys()
    assert "secrets" not in shown["record"]


def test_a_record_is_shown_as_a_document_where_the_behaviour_says_how(tutorial: Client) -> None:
    """Head, lines and totals by label; a path goes on in the record a field refers to."""
    paper = one(tutorial, "invoice")["paper"]
    head = {row["label"]: row["value"] for row in paper["head"]}
    assert paper["title"] == "Invoice" and head["To"] == tutorial.get("/v1/customers").json["data"][0]["organization"]["legal_name"]
    assert paper["columns"] == ["Description", "Quantity", "Unit price", "Amount"]
    assert paper["totals"][-1]["value"]["currency"] == "EUR"
    assert one(tutorial, "customer")["paper"] is None


def test_a_record_of_five_megabytes_is_cut_until_it_is_asked_for_whole(notes: Client) -> None:
    """Long texts and arrays are cut, each said with its size; a row of it is short."""
    notes.post("/notes", {"id": 1, "title": "large", "text": "x" * 5_000_000, "rows": list(range(9_999)), "deep": {"er": {"rows": [{"a": 1}] * 300}}})
    cut, whole = notes.get("/_understudy/records/note/1"), notes.get("/_understudy/records/note/1?whole=1")
    assert len(cut.body) < 50_000 and cut.json["size"] > 5_000_000
    assert {"field": "text", "of": 5_000_000} in cut.json["cut"] and {"field": "rows", "of": 9_999} in cut.json["cut"]
    assert whole.json["cut"] == [] and len(whole.json["record"]["text"]) == 5_000_000
    assert len(notes.get("/_understudy/records/note").body) < 2_000


def test_a_deep_record_is_shown_as_deep_as_can_be_read(notes: Client) -> None:
    """Nesting beyond a dozen steps is cut; the whole of it can be asked for."""
    nested: Any = "x" * 70_000
    for _ in range(60):
        nested = {"in": nested}
    assert notes.post("/notes", {"id": 1, "title": "deep", "nest": nested}).status == 201
    assert notes.get("/_understudy/records/note/1").json["cut"]


@pytest.mark.parametrize("path", ["/records/nothing", "/records/__class__", "/records/note/nothing", "/records/note/%00", "/records/note/..%2F..%2Fetc", "/operations", "/operations?key=GET%20/none", "/requests/999", "/requests/x"])
def test_what_is_not_there_is_said_so(notes: Client, path: str) -> None:
    """404 with a reason."""
    answer = notes.get(f"/_understudy{path}")
    assert answer.status == 404 and answer.json["detail"]


@pytest.mark.parametrize("asked", ["field=title&value=x", "offset=-1", "offset=x", "limit=99999999999999", "limit=1e3"])
def test_a_page_that_is_none_is_refused(notes: Client, asked: str) -> None:
    """400 with what would be right."""
    assert notes.get(f"/_understudy/records/note?{asked}").status == 400


def test_an_operation_tells_what_it_takes(tutorial: Client) -> None:
    """Its parameters, an example of its body, and the headers that make it heard."""
    form = tutorial.get(f"/_understudy/operations?key={quote('POST /v1/customers')}").json
    assert form["body"]["media_type"] == "application/json" and form["body"]["example"]
    assert form["headers"] == {"x-api-key": "desk"}
    answered = tutorial("POST", form["path"], form["body"]["example"], headers=form["headers"])
    assert answered.status == 201


@pytest.mark.parametrize(("scheme", "said"), [
    ({"type": "apiKey", "in": "header", "name": "X-Key"}, ({"x-key": "desk"}, {})),
    ({"type": "apiKey", "in": "query", "name": "token"}, ({}, {"token": "desk"})),
    ({"type": "http", "scheme": "bearer"}, ({"authorization": "Bearer desk"}, {})),
    ({"type": "http", "scheme": "basic"}, ({"authorization": "Basic ZGVzazpkZXNr"}, {})),
])  # fmt: skip
def test_calls_say_who_asks_as_the_document_wants_it_said(tmp_path: Path, scheme: Any, said: Any) -> None:
    """By its security schemes; and the call is then let in."""
    paths = collection("/notes", shape(id=NUMBER, title=TEXT))
    document = {"openapi": "3.1.0", "info": {"title": "made", "version": "1"}, "paths": paths, "security": [{"it": []}], "components": {"securitySchemes": {"it": scheme}}}
    (tmp_path / "made.json").write_text(json.dumps(document))
    client = Client(App(open_theatre(Options(spec=str(tmp_path / "made.json")))), {})
    form = client.get(f"/_understudy/operations?key={quote('GET /notes')}").json
    assert (form["headers"], form["query"]) == said
    assert client.get("/notes").status == 401
    assert client.get("/notes" + "".join(f"?{name}={value}" for name, value in form["query"].items()), headers=form["headers"]).status == 200


def test_a_request_is_told_as_a_curl_command(call: Client) -> None:
    """Quoted for a shell, with its body, its world and a key that is good here; never with the client's own."""
    call.post("/v1/customers", {"reference": "it's"}, headers={"Understudy-World": "w", "X-API-KEY": "sk-real", "Authorization": "Bearer real", "Cookie": "real", "Idempotency-Key": "k 1"})
    number = call.get("/_understudy/requests?world=w").json["requests"][-1]["number"]
    told = call.get(f"/_understudy/requests/{number}?world=w")
    words = shlex.split(told.json["curl"])
    assert words[:2] == ["curl", "http://localhost/v1/customers"]
    assert {"understudy-world: w", "x-api-key: desk", "idempotency-key: k 1", "content-type: application/json"} <= set(words)
    assert words[-1] == '{"reference": "it\'s"}'
    assert b"real" not in told.body


def test_a_long_body_is_kept_in_part(call: Client) -> None:
    """What is kept of the last thousand requests is bounded; a command that would send a part is not offered."""
    call.post("/v1/customers", {"reference": "x" * 100_000})
    number = call.get("/_understudy/requests").json["requests"][-1]["number"]
    told = call.get(f"/_understudy/requests/{number}").json
    assert told["cut"] and len(told["body"]) == 16_384 and told["curl"] is None


def test_requests_are_searched_and_the_last_are_taken(call: Client) -> None:
    """`search` in status, method, path and reason; `limit` from the end."""
    for path in ("/v1/customers", "/v1/nothing", "/v1/products"):
        call.get(path)
    assert [one["status"] for one in call.get("/_understudy/requests?search=unknown_path").json["requests"]] == [404]
    assert [one["request"] for one in call.get("/_understudy/requests?limit=1").json["requests"]] == ["GET /v1/products"]
    assert call.get("/_understudy/requests?limit=0").json == {"requests": [], "total": 3}


def test_events_and_deliveries_are_taken_from_the_end(tutorial: Client) -> None:
    """`last` so many, still oldest first."""
    every = tutorial.get("/_understudy/events").json["events"]
    assert tutorial.get("/_understudy/events?last=3").json["events"] == every[-3:]
    assert tutorial.get("/_understudy/deliveries?last=3").json["deliveries"] == tutorial.get("/_understudy/deliveries").json["deliveries"][-3:]


def test_a_difference_may_be_asked_for_in_part(call: Client) -> None:
    """So many of each, and how many there are."""
    call.get("/v1/customers")
    call.post("/_understudy/snapshots", {"name": "before"})
    for number in range(3):
        call.post("/v1/customers", {"reference": f"r{number}", "type": "ORGANIZATION", "organization": {"legal_name": "N"}})
    told = call.get("/_understudy/diff?from=before&limit=1").json
    assert len(told["created"]) == 1 and told["counts"]["created"] == 3


def test_the_model_says_what_is_played(tutorial: Client) -> None:
    """Resources with their lifecycles, and the operations that make records."""
    resources = {row["name"]: row for row in tutorial.get("/_understudy/model").json["resources"]}
    assert resources["customer"]["lifecycle"]["table"]["DRAFT"]["activate"] == "ACTIVE"
    assert any(call["key"] == "POST /v1/customers" for call in resources["customer"]["calls"])
    assert resources["invoice"]["paper"] and not resources["customer"]["paper"]
