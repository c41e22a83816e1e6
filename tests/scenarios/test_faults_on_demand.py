"""Faults in a world, as a client of the control plane and of the API meets them; nothing here waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.asgi import Answer, Client
from support.sketches import TEXT, played, shape
from understudy.engine.decide import Decision
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.faulting import arm, disarm

CONTROL = "/_understudy/faults"
CUSTOMER = {"reference": "acme", "type": "ORGANIZATION", "email": "a@acme.example", "timezone": "Europe/London", "organization": {"legal_name": "Acme"}}


def fail(call: Client, **row: Any) -> str:
    """Have a fault; its id."""
    made = call.post(CONTROL, row)
    assert made.status == 200, made.body
    return str(made.json["id"])


def reason(call: Client) -> str:
    """Why the last request was answered so."""
    return str(call.get("/_understudy/requests").json["requests"][-1]["reason"])


def count(call: Client, id: str) -> tuple[int, int]:
    """How many requests a fault met and struck."""
    row = call.get(f"{CONTROL}/{id}").json
    return row["met"], row["struck"]


# --- when --------------------------------------------------------------------------------------------------------


def test_the_first_requests_pass_then_so_many_fail_then_all_is_well(call: Client) -> None:
    """`after` and `times`, exactly; a fault that has struck its times meets no more."""
    id = fail(call, operation="GET /v1/customers", status=503, after=2, times=3)
    assert [call.get("/v1/customers").status for _ in range(8)] == [200, 200, 503, 503, 503, 200, 200, 200]
    assert count(call, id) == (5, 3)


def test_only_the_operation_and_the_path_that_are_meant_are_struck(call: Client) -> None:
    """Others know nothing of it."""
    call.post("/v1/customers", CUSTOMER)
    fail(call, operation="GET /v1/customers/acme", status=500)
    assert call.get("/v1/customers/acme").status == 500
    assert call.get("/v1/customers/other").status == 404
    assert call.get("/v1/customers").status == 200


@pytest.mark.parametrize(("sent", "status"), [({"X-Client": "shop-7"}, 503), ({"X-Client": "desk"}, 200), ({}, 200)])
def test_only_requests_with_the_header_are_struck(call: Client, sent: dict[str, str], status: int) -> None:
    """The others are not even counted."""
    id = fail(call, match_headers={"x-client": "shop-*"}, status=503)
    assert call.get("/v1/customers", headers=sent).status == status
    assert count(call, id) == ((1, 1) if status == 503 else (0, 0))


def test_a_rate_is_drawn_from_the_seed(bundled: Theatre, call: Client) -> None:
    """The same world, the same requests: the same ones fail; the counts tell how many."""
    runs = []
    for _ in range(2):
        bundled.worlds.begin("default", bundled.worlds.prepared)
        id = fail(call, operation="GET /v1/customers", status=503, rate=0.4)
        runs.append([call.get("/v1/customers").status for _ in range(50)])
    assert runs[0] == runs[1] and {*runs[0]} == {200, 503}
    assert count(call, id) == (50, runs[0].count(503))


def test_each_world_has_its_own_and_a_fork_goes_on_from_its_origin(call: Client) -> None:
    """Counts too; a snapshot puts them back; a reset ends them."""
    id = fail(call, status=503, after=1)
    statuses = lambda world: [call.get("/v1/customers", headers={"Understudy-World": world}).status for _ in range(2)]  # noqa: E731
    call.post("/_understudy/snapshots", {"name": "before"})
    assert statuses("default") == [200, 503]
    call.post("/_understudy/worlds", {"name": "fork", "from": "default"})
    assert statuses("fork") == [503, 503] and statuses("other") == [200, 200]
    call.post("/_understudy/snapshots/before/restore")
    assert count(call, id) == (0, 0) and statuses("default") == [200, 503]
    held = call.get("/_understudy/diff").json["held"]["faults"]
    assert [row["key"] for row in held["created"]] == [id]
    call.post("/_understudy/reset")
    assert call.get(CONTROL).json == {"faults": []} and statuses("default") == [200, 200]


def test_delays_add_up_and_the_first_that_decides_is_the_last(bundled: Theatre, call: Client) -> None:
    """A fault behind one that decides is not met."""
    slow, broken, never = fail(call, delay=0.25), fail(call, delay=0.5, status=503, times=1), fail(call, status=418)
    got = call.get("/v1/customers")
    assert got.status == 503 and got.headers["understudy-fault"] == f"{slow}, {broken}"
    assert reason(call) == f"fault {slow}, {broken}: 0.750 s late, status 503; not carried out"
    assert count(call, never) == (0, 0)
    assert call.get("/v1/customers").status == 418


def test_fixtures_are_played_untouched_and_their_faults_strike_from_then_on(tmp_path: Path) -> None:
    """A fixture may hold faults by id; what is exported loads again."""
    fixture = tmp_path / "broken.yaml"
    fixture.write_text("calls:\n  - POST /v1/meter-values: {reference: v, name: V, type: NUMBER}\nfaults:\n  slow: {operation: POST /v1/*, status: 503, times: 1}\n")
    call = Client(App(open_theatre(Options(fixture=str(fixture)))))
    body = {"reference": "w", "name": "W", "type": "NUMBER"}
    assert [call.post("/v1/meter-values", body).status for _ in range(2)] == [503, 201]
    assert call.get("/_understudy/export").json["faults"] == {"slow": {"id": "slow", "operation": "POST /v1/*", "status": 503, "times": 1}}


def test_a_fault_of_a_fixture_that_names_nothing_is_told_when_it_is_loaded(tmp_path: Path) -> None:
    """With its place."""
    fixture = tmp_path / "broken.yaml"
    fixture.write_text("faults:\n  slow: {operation: POST /v1/custmers, status: 503}\n")
    with pytest.raises(Exception, match=r"broken.yaml#/faults/slow: operation: nothing here is called \"POST /v1/custmers\"; the nearest is"):
        open_theatre(Options(fixture=str(fixture)))


# --- what --------------------------------------------------------------------------------------------------------

DECLARED = {
    "/pets": {
        "post": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": shape(("name",), name=TEXT)}}},
            "responses": {
                "201": {"description": "", "content": {"application/json": {"schema": shape(("name",), name=TEXT, id=TEXT)}}},
                "429": {"description": "", "headers": {"X-RateLimit-Limit": {"schema": {"type": "integer", "example": 100}}},
                        "content": {"application/json": {"schema": shape(("error", "code"), error=TEXT, code={"type": "integer", "example": 7})}}},
            },
        },
        "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": shape((), name=TEXT, id=TEXT)}}}}}},
    },
    "/pets/{id}": {"get": {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}],
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": shape((), name=TEXT, id=TEXT)}}}, "404": {"description": ""}},
    }},
}  # fmt: skip


@pytest.fixture
def pets(tmp_path: Path) -> Client:
    """A shop whose document says how it refuses."""
    return played(tmp_path, DECLARED)


def names(pets: Client) -> list[str]:
    """Of the pets there are."""
    return [pet["name"] for pet in pets.get("/pets").json]


def test_a_status_is_answered_as_the_document_declares_it(pets: Client) -> None:
    """Body, headers; a 429 says when to come again."""
    fail(pets, operation="POST /pets", status=429, retry_after=7, times=1)
    got = pets.post("/pets", {"name": "Ann"})
    assert got.status == 429 and got.json == {"error": "fault F1, on demand", "code": 7}
    assert (got.headers["retry-after"], got.headers["x-ratelimit-limit"]) == ("7", "100")
    assert got.headers["understudy-fault"] == "F1" and names(pets) == []


@pytest.mark.parametrize(("row", "media", "body"), [
    ({"status": 502, "body": "<html>bad gateway"}, "text/plain; charset=utf-8", b"<html>bad gateway"),
    ({"status": 503, "body": {"down": True}}, "application/json", b'{"down":true}'),
    ({"status": 503, "body": "<p>", "headers": {"Content-Type": "text/html"}}, "text/html", b"<p>"),
    ({"status": 503}, "application/problem+json", b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"fault F1, on demand"}'),
])  # fmt: skip
def test_a_body_is_ones_own_or_problem_details(pets: Client, row: dict[str, Any], media: str, body: bytes) -> None:
    """Text as it is, else JSON; where the document declares nothing, RFC 9457."""
    fail(pets, **row)
    got = pets.get("/pets")
    assert (got.status, got.headers["content-type"], got.body) == (row["status"], media, body)
    assert got.headers["content-length"] == str(len(body))


def test_a_request_can_be_carried_out_and_its_answer_lost(pets: Client) -> None:
    """What tells whether a client may send it again; the log says what it would have been told."""
    fail(pets, operation="POST /pets", status=500, times=1)
    fail(pets, operation="POST /pets", status=500, carried_out=True, times=1)
    assert [pets.post("/pets", {"name": "Ann"}).status for _ in range(2)] == [500, 500]
    assert names(pets) == ["Ann"]
    log = [row["reason"] for row in pets.get("/_understudy/requests").json["requests"]]
    assert log[0] == "fault F1: status 500; not carried out"
    assert log[1].startswith("fault F2: status 500; carried out (201 ") and log[1].endswith(", the answer lost")


def test_a_retry_with_its_idempotency_key_gets_the_answer_that_was_lost(call: Client) -> None:
    """And the record is made once; without the key, twice."""
    fail(call, operation="POST /v1/customers", answer="reset", carried_out=True, times=1)
    with pytest.raises(ConnectionResetError):
        call.post("/v1/customers", CUSTOMER, headers={"Idempotency-Key": "one"})
    again = call.post("/v1/customers", CUSTOMER, headers={"Idempotency-Key": "one"})
    assert again.status == 201 and [row["id"] for row in call.get("/v1/customers").json["data"]] == [again.json["id"]]
    assert call.post("/v1/customers", CUSTOMER).status != 201


@pytest.mark.parametrize(("answer", "raised"), [("reset", ConnectionResetError), ("empty", ConnectionAbortedError), ("truncated", ConnectionError)])
def test_in_process_what_ends_a_connection_is_raised(call: Client, answer: str, raised: type[Exception]) -> None:
    """And the log tells that nothing came."""
    fail(call, operation="GET /v1/customers", answer=answer, times=1)
    with pytest.raises(raised, match=f"fault F1: {answer}"):
        call.get("/v1/customers")
    last = call.get("/_understudy/requests").json["requests"][-1]
    assert (last["status"], last["reason"].split(";")[0]) == {
        "reset": (0, "fault F1: connection reset"), "empty": (0, "fault F1: closed without an answer"), "truncated": (200, "fault F1: truncated body"),
    }[answer]  # fmt: skip
    assert call.get("/v1/customers").status == 200


def test_a_malformed_body_is_no_json_and_as_long_as_it_says(call: Client) -> None:
    """Of an answer, and of a fault's own."""
    fail(call, answer="malformed", times=1)
    fail(call, answer="malformed", status=500, times=1)
    for status in (200, 500):
        got = call.get("/v1/customers")
        assert got.status == status and got.headers["content-length"] == str(len(got.body))
        with pytest.raises(json.JSONDecodeError):
            json.loads(got.body)


def test_latency_in_process_is_told_and_not_waited_for(call: Client) -> None:
    """The longest there is costs no time here."""
    fail(call, delay=300)
    got = call.get("/v1/customers")
    assert got.status == 200 and got.headers["understudy-fault"] == "F1"
    assert reason(call).startswith("fault F1: 300.000 s late; ")


def test_stale_reads_answer_as_before_the_last_writes(pets: Client) -> None:
    """Lists and records, as many writes back as said; writes are as ever."""
    fail(pets, stale=1)
    made = [pets.post("/pets", {"name": name}).json["id"] for name in ("Ann", "Bea")]
    assert names(pets) == ["Ann"]
    assert [pets.get(f"/pets/{id}").status for id in made] == [200, 404]
    pets("PUT", f"{CONTROL}/F1", {"stale": 2})
    pets.post("/pets", {"name": "Cid"})
    assert names(pets) == ["Ann"]
    assert reason(pets).startswith("fault F1: read as before the last 2 writes; ")
    pets("DELETE", CONTROL)
    assert sorted(names(pets)) == ["Ann", "Bea", "Cid"]


def test_wait_is_how_late_the_answer_is_to_come(call: Client) -> None:
    """A preference like any other: applied where it can be, else passed over; beside respond-async it is the client's own bound."""
    got = call.get("/v1/customers", headers={"Prefer": "wait=2.5"})
    assert (got.headers["preference-applied"], got.headers["vary"]) == ("wait=2.5", "Prefer")
    assert reason(call).startswith("as the client preferred: 2.500 s late; ") and "understudy-fault" not in got.headers
    for prefer in ("wait=301", "wait=soon", "wait=-1", "wait", "wait=1e3", "respond-async, wait=10"):
        assert "preference-applied" not in call.get("/v1/customers", headers={"Prefer": prefer}).headers


def test_wait_goes_with_other_preferences(pets: Client) -> None:
    """Both are told."""
    got = pets.post("/pets", {"name": "Ann"}, headers={"Prefer": "code=429, wait=1"})
    assert got.status == 429 and got.headers["preference-applied"] == "code=429, wait=1"


# --- the control plane -------------------------------------------------------------------------------------------


def test_faults_are_made_seen_changed_and_removed(call: Client) -> None:
    """One by one or all at once; an id of one's own or the next free one."""
    assert [fail(call, status=503), fail(call, id="mine", status=500), fail(call, delay=1)] == ["F1", "mine", "F2"]
    assert [row["id"] for row in call.get(CONTROL).json["faults"]] == ["F1", "mine", "F2"]
    call.get("/v1/customers")
    changed = call("PUT", f"{CONTROL}/F1", {"status": 502, "operation": "DELETE *"}).json
    assert changed == {"id": "F1", "operation": "DELETE *", "status": 502, "met": 0, "struck": 0} == call.get(f"{CONTROL}/F1").json
    assert call("PUT", f"{CONTROL}/F1", changed).json == changed
    assert call("DELETE", f"{CONTROL}/mine").json == {"removed": "mine"} and call("DELETE", CONTROL).json == {"removed": 2}
    assert call.get(f"{CONTROL}/mine").status == call("DELETE", f"{CONTROL}/mine").status == 404
    assert call("DELETE", CONTROL).json == {"removed": 0}


@pytest.mark.parametrize(("method", "path", "body", "status", "said"), [
    ("POST", "", {"status": 999}, 400, "status: must be an HTTP status"),
    ("POST", "", {"operation": "POST /v1/custmers", "status": 503}, 400, 'the nearest is "POST /v1/customers"'),
    ("POST", "", {"status": 503, "chance": 1}, 400, "unknown: chance; a fault has operation"),
    ("PUT", "/F1", {"id": "F2", "status": 503}, 400, 'id: must be "F1"'),
    ("PUT", "/a%20b", {"status": 503}, 400, "id: must be up to 60 letters"),
    ("GET", "/none", None, 404, 'there is no fault "none"; there are none'),
    ("DELETE", "", {"all": True}, 400, "this call takes nothing"),
    ("PATCH", "", {}, 405, "use GET or POST or DELETE here"),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(call: Client, method: str, path: str, body: Any, status: int, said: str) -> None:
    """In words, with what would be right."""
    got = call(method, f"{CONTROL}{path}", body)
    assert got.status == status and said in got.json["detail"]
    assert call.get(CONTROL).json == {"faults": []}


@pytest.mark.parametrize(("raw", "status"), [
    (b"{", 400), (b"[]", 400), (b"5", 400), (b'{"delay": NaN}', 400), (b'{"delay": 1e999}', 400), (b'{"delay": 123456789012345678901234567890}', 400),
    (b'{"status": 503, "body": "\xff"}', 400), (b'{"status": 503, "body": "' + b"x" * 10_000_000 + b'"}', 413), (b"[" * 100_000, 400),
])  # fmt: skip
def test_what_is_no_fault_at_all_is_refused(call: Client, raw: bytes, status: int) -> None:
    """Whatever its length, depth or encoding."""
    assert call("POST", CONTROL, raw=raw).status == status


def test_there_are_so_many_faults_and_no_more(bundled: Theatre, call: Client) -> None:
    """Two hundred in each world."""
    world = bundled.worlds.get("default")
    for _ in range(200):
        arm(bundled.script, world, {"operation": "DELETE /v1/customers/*", "status": 503})
    assert "there are 200 faults already" in call.post(CONTROL, {"status": 503}).json["detail"]
    assert disarm(world) == 200


ROW = st.fixed_dictionaries({}, optional={
    "status": st.sampled_from((200, 204, 304, 404, 429, 503)), "answer": st.just("malformed"), "delay": st.floats(0, 300), "rate": st.floats(0, 1), "after": st.integers(0, 2),
    "times": st.integers(1, 4), "carried_out": st.booleans(), "stale": st.integers(1, 3), "bytes_per_second": st.integers(1, 100),
    "operation": st.sampled_from(("*", "GET *", "POST /v1/meter-values")), "retry_after": st.integers(0, 9),
})  # fmt: skip


@settings(max_examples=60)
@given(rows=st.lists(ROW, max_size=4), steps=st.lists(st.booleans(), min_size=1, max_size=8))
def test_the_same_world_faults_and_requests_give_the_same_bytes(bundled: Theatre, rows: list[dict[str, Any]], steps: list[bool]) -> None:
    """What was not carried out changed nothing; what was, did; the counts are those of the log."""
    told = [_run(bundled, rows, steps) for _ in range(2)]
    assert told[0] == told[1]


def _run(bundled: Theatre, rows: list[dict[str, Any]], steps: list[bool]) -> list[Any]:
    world = bundled.worlds.begin("law", bundled.worlds.prepared)
    call = Client(App(bundled), {"X-API-KEY": "key", "Understudy-World": "law"})
    for row in rows:
        call.post(CONTROL, row)
    answers: list[Answer] = []
    for number, writes in enumerate(steps):
        before = world.store.count("meter_value")
        answers.append(call.post("/v1/meter-values", {"reference": f"v{number}", "name": "V", "type": "NUMBER"}) if writes else call.get("/v1/meter-values"))
        done = world.requests[-1].reason.startswith("fault") and world.requests[-1].reason.endswith("not carried out")
        assert world.store.count("meter_value") == before + (writes and not done)
    log = [entry.reason for entry in world.requests]
    faults = call.get(CONTROL).json["faults"]
    for fault in faults:
        assert fault["struck"] == sum(fault["id"] in one.removeprefix("fault ").split(":")[0].split(", ") for one in log if one.startswith("fault "))
        assert fault["struck"] <= min(fault["met"], fault.get("times", 10**9))
    return [answers, log, faults]


def test_a_timer_counts_as_a_write_that_reads_lie_behind(bundled: Theatre, call: Client) -> None:
    """Only what changes records does."""
    fail(call, stale=1)
    world = bundled.worlds.get("default")
    assert world.past.maxlen == 1 and not world.past
    call.get("/v1/customers")
    world.commit(Decision(None, (), (), (), ()), world.circumstances(world.clock.now()))
    assert not world.past
