"""Moments of a world through the control plane: saved, gone back to, branched from, compared, written down and loaded again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.asgi import Client
from understudy.durations import parse_instant
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.fixtures import FixtureFault
from understudy.world.rows import export

NOW = parse_instant("2025-05-06T10:30:00Z")


@pytest.fixture
def sandbox(bundled: Theatre) -> Theatre:
    """The bundled sandbox with no world but a fresh default one."""
    for world in list(bundled.worlds):
        bundled.worlds.end(world.name)
    return bundled


@pytest.fixture
def call(sandbox: Theatre) -> Client:
    """A client of it."""
    return Client(App(sandbox))


def control(call: Client, method: str, path: str, body: Any = None, world: str = "default", status: int = 200) -> Any:
    """One control request."""
    answer = call(method, f"/_understudy{path}", body, headers={"Understudy-World": world})
    assert answer.status == status, answer.body
    return answer.json


def customer(call: Client, reference: str, world: str = "default") -> str:
    """The id of a new customer."""
    body = {"reference": reference, "type": "ORGANIZATION", "email": "a@example.com", "timezone": "Europe/Amsterdam", "organization": {"legal_name": "A"}}
    answer = call.post("/v1/customers", body, headers={"Understudy-World": world})
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def references(call: Client, world: str = "default") -> set[str]:
    """The customers of a world."""
    return {row["reference"] for row in call.get("/v1/customers", headers={"Understudy-World": world}).json["data"]}


def test_a_restored_world_is_as_it_was_saved_ids_and_clock_included(call: Client) -> None:
    """What is made after going back has the id that was made after saving."""
    customer(call, "kept")
    control(call, "POST", "/snapshots", {"name": "before"})
    first = customer(call, "lost")
    control(call, "POST", "/clock", {"advance": "P1D"})
    control(call, "POST", "/snapshots/before/restore")
    assert references(call) == {"kept"}
    assert control(call, "GET", "/clock")["now"] == "2025-05-06T10:30:00Z"
    assert customer(call, "again") == first


def test_the_snapshots_of_a_world_are_its_own(call: Client) -> None:
    """Two tests may use the same name for theirs; they go with their world."""
    customer(call, "a", "one")
    control(call, "POST", "/snapshots", {"name": "start"}, "one")
    control(call, "POST", "/snapshots", {"name": "start"}, "two")
    control(call, "POST", "/snapshots/start/restore", world="one")
    assert (references(call, "one"), references(call, "two")) == ({"a"}, set())
    assert [one["name"] for one in control(call, "GET", "/snapshots", world="two")["snapshots"]] == ["start"]
    control(call, "DELETE", "/worlds/two")
    assert control(call, "GET", "/snapshots", world="two")["snapshots"] == []


@pytest.mark.parametrize("source", ["one", "one/start"])
def test_a_world_begins_as_another_or_as_a_snapshot_and_goes_its_own_way(call: Client, source: str) -> None:
    """Nothing done to either is seen in the other."""
    customer(call, "a", "one")
    control(call, "POST", "/snapshots", {"name": "start"}, "one")
    control(call, "POST", "/worlds", {"name": "two", "from": source})
    customer(call, "b", "one")
    customer(call, "c", "two")
    assert (references(call, "one"), references(call, "two")) == ({"a", "b"}, {"a", "c"})


def test_a_world_begins_as_a_fixture_or_is_reset_to_one(call: Client) -> None:
    """By the name of a fixture of the document."""
    control(call, "POST", "/worlds", {"name": "t", "from": "tutorial"})
    control(call, "POST", "/reset", {"fixture": "tutorial"}, "u")
    assert references(call, "t") == references(call, "u") == {"acme-001"}
    control(call, "POST", "/reset", {}, "u")
    assert references(call, "u") == set()


@pytest.mark.parametrize("name", ["nowhere", "../openapi/solvimon", "/etc/passwd", "a.yaml", "x/y"])
def test_what_is_no_world_snapshot_or_fixture_is_a_404(call: Client, name: str) -> None:
    """No file is read because a request names it."""
    assert "there is no" in control(call, "POST", "/worlds", {"name": "x", "from": name}, status=404)["detail"]
    assert "there is no" in control(call, "POST", "/reset", {"fixture": name}, status=404)["detail"]
    control(call, "GET", f"/diff?from={name}", status=404)


def test_a_diff_tells_what_was_created_changed_field_by_field_deleted_and_recorded(call: Client) -> None:
    """And nothing of what stayed."""
    kept, changed, gone = (customer(call, name) for name in ("kept", "changed", "gone"))
    control(call, "POST", "/snapshots", {"name": "before"})
    assert control(call, "GET", "/diff?from=before") | {"now": 0} == {
        "world": "default", "since": "before", "now": 0, "created": [], "changed": [], "deleted": [], "held": {}, "events": []
    }
    created = customer(call, "created")
    assert call.patch(f"/v1/customers/{changed}", {"email": "b@example.com"}).status == 200
    assert call("DELETE", f"/v1/customers/{gone}").status in (200, 204)
    told = control(call, "GET", "/diff?from=before")
    assert [row["id"] for row in told["created"]] == [created]
    assert [row["id"] for row in told["deleted"]] == [gone]
    (row,) = told["changed"]
    assert row["id"] == changed
    assert {"field": "email", "from": "a@example.com", "to": "b@example.com"} in row["fields"]
    assert {one["field"] for one in row["fields"]} <= {"email", "updated_at"}
    assert [event["type"].split(".")[0] for event in told["events"]] == ["CUSTOMER"] * len(told["events"])
    assert kept not in json.dumps(told)


def test_a_diff_without_a_snapshot_is_since_the_fixture(call: Client) -> None:
    """All that a test run did."""
    made = customer(call, "a", "one")
    assert [row["id"] for row in control(call, "GET", "/diff", world="one")["created"]] == [made]


def test_an_exported_world_loads_again_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """Record for record, private fields and time included; the next id is the one the world itself would give."""
    first = open_theatre(Options(fixture="saas"))
    call = Client(App(first))
    path = tmp_path / "exported.json"
    path.write_text(json.dumps(control(call, "GET", "/export")))
    second = open_theatre(Options(fixture=str(path)))
    one, two = (sandbox.worlds.get("default") for sandbox in (first, second))
    assert {name: one.store.count(name) for name in one.store.resources()} == {name: two.store.count(name) for name in two.store.resources()}
    assert export(one)["records"] == export(two)["records"]
    assert customer(call, "next") == customer(Client(App(second)), "next")
    later = [control(Client(App(sandbox)), "POST", "/clock", {"advance": "P2M"})["due"] for sandbox in (first, second)]
    assert later[0] == later[1]


CUSTOMER = {"object_type": "CUSTOMER", "id": "cust_ABCDEFGHIJKLMNOPQRST", "reference": "a", "status": "ACTIVE", "created_at": "2025-05-06T00:00:00Z", "updated_at": "2025-05-06T00:00:00Z", "type": "ORGANIZATION", "email": "a@example.com", "timezone": "Europe/Amsterdam"}


@pytest.mark.parametrize(
    ("records", "place", "message"),
    [
        ({"martian": []}, "#/records/martian", "unknown resource"),
        ({"customer": {}}, "#/records/customer", "a list"),
        ({"customer": [3]}, "#/records/customer/0", "an object"),
        ({"customer": [{}]}, "#/records/customer/0/id", "its id"),
        ({"customer": [{**CUSTOMER, "email": 3}]}, "#/records/customer/0/email", ""),
        ({"customer": [{**CUSTOMER, "status": "ASLEEP"}]}, "#/records/customer/0/status", "ACTIVE"),
        ({"customer": [{**CUSTOMER, "parent_customer_id": "cust_2"}]}, "#/records/customer/0/parent_customer_id", 'no customer "cust_2"'),
    ],
)
def test_records_the_document_forbids_are_named_with_file_and_place(tmp_path: Path, records: Any, place: str, message: str) -> None:
    """Each fault by itself."""
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"records": records}))
    with pytest.raises(FixtureFault) as caught:
        open_theatre(Options(fixture=str(path), now=NOW))
    assert str(caught.value).startswith(f"{path}{place}")
    assert message in str(caught.value)


def test_all_faults_of_the_records_are_told_at_once(tmp_path: Path) -> None:
    """A line for each."""
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"records": {"martian": [], "customer": [3, {}]}}))
    with pytest.raises(FixtureFault) as caught:
        open_theatre(Options(fixture=str(path), now=NOW))
    assert len(str(caught.value).splitlines()) == 3
