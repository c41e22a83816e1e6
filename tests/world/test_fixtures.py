"""Fixtures: the bundled worlds hold what they promise, and whatever cannot be played is named with its file and place."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from support.asgi import Client
from support.guides import TUTORIAL
from understudy.durations import format_instant, parse_instant
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.clock import Clock
from understudy.world.fixtures import FixtureFault, play, read_fixture
from understudy.world.sources import Unreadable
from understudy.world.stage import Stage
from understudy.world.world import World

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = sorted(path.stem for path in (ROOT / "fixtures" / "solvimon").glob("*.yaml"))
NOW = parse_instant("2025-05-06T10:30:00Z")
STATES = {"DRAFT", "ACTIVE", "CANCELLED", "VOID", "ARCHIVED"}


def opened(fixture: str) -> Theatre:
    """The bundled sandbox in a fixture; one that says no time of its own begins at the tutorial's."""
    return open_theatre(Options(fixture=fixture, now=NOW if fixture == "default" else None))


def bytes_of(sandbox: Theatre, world: str = "default") -> bytes:
    """Every record of a world, encoded."""
    return sandbox.worlds.get(world).store.dump_json()


@pytest.fixture(scope="module")
def saas() -> Theatre:
    """The small company's world."""
    return opened("saas")


# --- the bundled ones -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_fixture_plays_and_plays_the_same_again(name: str) -> None:
    """No call is refused; two builds give the same bytes and the same events."""
    first, second = opened(name), opened(name)
    assert bytes_of(first) == bytes_of(second)
    assert list(first.worlds.prepared.events) == list(second.worlds.prepared.events)


def test_the_tutorial_fixture_is_what_its_calls_lead_to() -> None:
    """Record for record, byte for byte, ids included; its warnings aside, no other call was made."""
    sandbox = opened("default")
    call, ids = Client(App(sandbox)), {}
    for step in TUTORIAL:
        method, target = step.target(ids)
        answer = call(method, target, step.body(ids) if step.body else None)
        if step.save:
            ids[step.save] = answer.json["id"]
    assert bytes_of(opened("tutorial")) == bytes_of(sandbox)


def test_the_tutorial_fixture_shows_the_invoice_the_tutorial_promises() -> None:
    """DRAFT, 2.50 EUR, one line of five."""
    (invoice,) = Client(App(opened("tutorial"))).get("/v1/invoices?customer_reference=acme-001").json["data"]
    assert (invoice["status"], invoice["total_amount"]) == ("DRAFT", {"quantity": "2.50", "currency": "EUR"})
    assert [line["quantity"] for line in invoice["line_items"]] == ["5"]


def rows(sandbox: Theatre, path: str) -> list[dict[str, Any]]:
    """All records a collection lists, page by page."""
    call, found, pages = Client(App(sandbox)), [], 1
    more = "&" if "?" in path else "?"
    while True:
        page = call.get(f"{path}{more}page={pages}&limit=50").json["data"]
        found += page
        if len(page) < 50:
            return found
        pages += 1


def test_saas_ends_at_its_instant_and_stands_still(saas: Theatre) -> None:
    """So that what a test reads of it is the same every day."""
    clock = saas.worlds.prepared.clock
    assert (format_instant(clock.now()), clock.frozen) == ("2025-03-05T12:00:00Z", True)


def test_saas_is_played_without_a_warning(saas: Theatre) -> None:
    """No field or parameter the document does not know, no line that could not be billed."""
    script, warned = saas.script, []
    stage = Stage(script, observe=lambda _, entry: warned.extend(entry.warnings))
    settings = {**script.behaviour.settings, **saas.fixture.settings}
    play(saas.fixture, stage, World("again", Clock(saas.fixture.now, frozen=True), 0, settings, script.behaviour.id_length))
    assert warned == []


def test_saas_has_three_plans_and_twenty_five_customers(saas: Theatre) -> None:
    """Each plan with an ACTIVE version; customers in many countries and time zones, each with someone to write to."""
    plans, customers, contacts = (rows(saas, f"/v1/{name}") for name in ("pricing-plans", "customers", "contacts"))
    assert len(plans) == 3
    assert all("ACTIVE" in [info["status"] for info in plan["pricing_plan_version_infos"]] for plan in plans)
    assert len(customers) == 25
    assert len({customer["timezone"] for customer in customers}) > 15
    assert {contact["customer_id"] for contact in contacts} == {customer["id"] for customer in customers}


def test_saas_has_subscriptions_in_every_state(saas: Theatre) -> None:
    """DRAFT ones begin later."""
    subscriptions = rows(saas, "/v1/pricing-plan-subscriptions")
    assert {one["status"] for one in subscriptions} == STATES
    drafts = {one["id"] for one in subscriptions if one["status"] == "DRAFT"}
    starts = [one["start_at"] for one in rows(saas, "/v1/pricing-plan-schedules") if one["pricing_plan_subscription_id"] in drafts]
    assert len(starts) == len(drafts) and min(starts) > "2025-03-05T12:00:00Z"


def test_saas_has_invoices_paid_and_not_final_and_not(saas: Theatre) -> None:
    """One DRAFT for each period that runs, one held, one void, one credit; months apart."""
    invoices = rows(saas, "/v1/invoices")
    kinds = Counter((one["status"], one["payment_status"]) for one in invoices)
    assert kinds["FINAL", "PAID"] > 10 and kinds["FINAL", "UNPAID"] > 10 and kinds["DRAFT", "UNPAID"] > 10 and kinds["VOID", "UNPAID"] == 1
    assert [one["customer_reference"] for one in invoices if one["on_hold"]] == ["harborloom"]
    assert [one["status"] for one in invoices if one["type"] == "CREDIT"] == ["FINAL"]
    assert not [one for one in invoices if one.get("validation_result")]
    assert {"EUR", "USD", "GBP", "CAD", "JPY"} == {one["total_amount"]["currency"] for one in invoices}


def test_saas_bills_all_of_its_usage(saas: Theatre) -> None:
    """Every usage event found its subscription and its price; two months and the beginning of a third."""
    events = rows(saas, "/v1/events")
    assert {event["processed_details"]["type"] for event in events} == {"DEFAULT"}
    assert {event["timestamp"][:7] for event in events} == {"2025-01", "2025-02", "2025-03"}
    assert len(events) > 150


@pytest.mark.parametrize(("customer", "total", "lines"), [
    ("brightfold", "37.39", {"platform_fee": "35.09", "call_volume": "2.30"}),
    ("pinewharf", "388.80", {"call_volume": "186.80", "storage": "28.00", "seats": "75.00", "platform_fee": "99.00"}),
    ("lumenkraft", "2467.94", {"platform_fee": "490.00", "support": "200.00", "onboarding": "1500.00", "workspaces": "54.00", "storage": "40.00"}),
])
def test_saas_prices_january_as_its_plans_say(saas: Theatre, customer: str, total: str, lines: dict[str, str]) -> None:
    """By hand: 29 + 21 %, 379 x 0.005 + 21 %; 10,000 x 0.004 + 40,000 x 0.003 + 13,400 x 0.002; a twelfth of 2,400."""
    *_, january = rows(saas, f"/v1/invoices?customer_reference={customer}")
    assert january["total_amount"] == {"quantity": total, "currency": "EUR"}
    found = {line["product_item_reference"]: line["total"]["quantity"] for line in january["line_items"]}
    assert lines.items() <= found.items()


# --- against the document ---------------------------------------------------------------------------------------------


@cache
def document() -> dict[str, Any]:
    """The bundled document, read by nothing of ours."""
    found: dict[str, Any] = json.loads(json.dumps(yaml.load((ROOT / "openapi" / "solvimon.yaml").read_text(encoding="utf-8"), Loader=Plain)))
    return found


class Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML whose time stamps stay text and whose only booleans are true and false, as the core schema has it."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith("timestamp") and not (tag.endswith("bool") and first not in "tTfF")]
    for first, rules in Plain.yaml_implicit_resolvers.items()
}


def judge(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator that nobody here wrote, formats checked."""
    return Draft202012Validator({**schema, "components": document()["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER)


def answered(path: str, method: str) -> dict[str, Any] | None:
    """What the document says a success of an operation answers with."""
    operation = document()["paths"].get(path, {}).get(method)
    if operation is None:
        return None
    response = next(said for status, said in operation["responses"].items() if str(status).startswith("2"))
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return schema


def read_schemas(sandbox: Theatre) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every public resource with its collection and the schema it is read by: its GET, else what its creation answers with."""
    for name, resource in sandbox.script.behaviour.resources.items():
        for collection in resource.collections:
            items = [f"{collection}/{{{id}}}" for id in ("id", "idOrReference")]
            schema = next((found for item in items if (found := answered(item, "get"))), None) or answered(collection, "post")
            if schema is not None:
                yield name, collection, schema


@pytest.mark.parametrize("name", ["tutorial", "saas"])
def test_every_record_is_what_the_document_says_it_is(name: str) -> None:
    """Read one by one through the API where it can be, judged by jsonschema; none left out."""
    sandbox = opened(name)
    store, call, seen = sandbox.worlds.get("default").store, Client(App(sandbox)), Counter[str]()
    for resource, collection, schema in read_schemas(sandbox):
        validator = judge(schema)
        for record in store.dump().get(resource, {}).values():
            answer = call.get(f"{collection}/{record['id']}")
            read = answer.json if answer.status == 200 else sandbox.script.contract.project(_read_by(sandbox, collection))(record)
            assert not [f"{resource} {list(fault.path)}: {fault.message}" for fault in validator.iter_errors(read)]
            seen[resource] += 1
    public = {name for name, resource in sandbox.script.behaviour.resources.items() if not resource.internal}
    assert set(seen) == public & set(store.resources())
    assert all(seen[name] % store.count(name) == 0 for name in seen)


def _read_by(sandbox: Theatre, collection: str) -> Any:
    """The contract's own schema of what a creation answers with."""
    operation, _ = sandbox.script.contract.match("POST", collection)
    return operation.responses["201"].content["application/json"]


def test_every_page_is_what_the_document_says_it_is(saas: Theatre) -> None:
    """Lists as a whole, links and counts included, lines of invoices too."""
    call, listed = Client(App(saas)), 0
    for path in document()["paths"]:
        schema = None if "{" in path else answered(path, "get")
        if schema is not None:
            answer = call.get(f"{path}?limit=30")
            assert answer.status == 200, path
            assert not [f"{path} {list(fault.path)}: {fault.message}" for fault in judge(schema).iter_errors(answer.json)]
            listed += 1
    assert listed > 12


# --- steps ------------------------------------------------------------------------------------------------------------

VALUE = "{reference: v, name: V, type: NUMBER, status: ACTIVE}"


def written(folder: Path, text: str) -> Theatre:
    """The bundled sandbox in a fixture written here."""
    path = folder / "made.yaml"
    path.write_text(text, encoding="utf-8")
    return open_theatre(Options(fixture=str(path), now=NOW))


def test_the_clock_is_turned_by_a_length_or_to_an_instant(tmp_path: Path) -> None:
    """`advance` and `clock`."""
    sandbox = written(tmp_path, "now: 2025-01-01T00:00:00Z\ncalls: [{advance: P1M}, {clock: 2025-06-07T08:00:00+02:00}]")
    assert format_instant(sandbox.worlds.prepared.clock.now()) == "2025-06-07T06:00:00Z"


def test_each_plays_a_call_for_every_value_and_names_its_answer(tmp_path: Path) -> None:
    """In path, body and name; answers named so are found by later calls."""
    sandbox = written(tmp_path, """
calls:
  - POST /v1/meter-values: {reference: "${each.of}_${each.n}", name: "${each.of}", type: NUMBER, description: plain}
    as: value_${each.of}
    each: [{of: calls, n: 1}, {of: bytes, n: 2}]
  - PATCH /v1/meter-values/${value_${each}.id}: {description: "was ${value_${each}.description}"}
    each: [calls, bytes]
""")
    found = [(one["reference"], one["description"]) for one in rows(sandbox, "/v1/meter-values")]
    assert found == [("bytes_2", "was plain"), ("calls_1", "was plain")]


def test_into_makes_one_call_whose_list_each_value_fills(tmp_path: Path) -> None:
    """Every row of the list, for every value; the list's other neighbours stay."""
    sandbox = written(tmp_path, """
calls:
  - POST /v1/meter-values: {reference: a, name: A, type: NUMBER}
    as: a
  - POST /v1/meter-values: {reference: b, name: B, type: NUMBER}
    as: b
  - POST /v1/meters:
      reference: m
      name: M
      meter_values: [{id: "${${each}.id}", reference: "${each} once"}, {id: "${${each}.id}", reference: "${each} twice"}]
    into: meter_values
    each: [a, b]
""")
    (meter,) = rows(sandbox, "/v1/meters")
    assert [part["reference"] for part in meter["meter_values"]] == ["a once", "a twice", "b once", "b twice"]


# --- faults -----------------------------------------------------------------------------------------------------------

FAULTS = [
    ("- a\n- b", "", "a fixture is an object"),
    ("just text", "", "a fixture is an object"),
    ("calls: []\nclock: 5\n7: x", "", "unknown: 7, clock; a fixture has about, now, settings, keys, calls, records"),
    ("now: yesterday", "#/now", '"yesterday" is not an instant; write 2025-05-06T10:30:00Z'),
    ("settings: [a]", "#/settings", "must be an object"),
    ("keys: secret", "#/keys", "must be a list"),
    ("calls: {a: b}", "#/calls", "must be a list of steps"),
    ("calls: [5]", "#/calls/0", "a step is"),
    ("calls: [{}]", "#/calls/0", "a step is"),
    ("calls: [{5: x}]", "#/calls/0", "not 5"),
    ("calls: [{as: x}]", "#/calls/0", "a step is"),
    ("calls: [{FETCH /v1/meters: {}}]", "#/calls/0", "not FETCH /v1/meters"),
    ("calls: [{GET /v1/meters: , POST /v1/meters: {}}]", "#/calls/0", "one call"),
    ("calls: [{GET /v1/meters: , repeat: 3}]", "#/calls/0", "not repeat"),
    ("calls: [{advance: P1M, as: x}]", "#/calls/0", "not advance"),
    ("calls: [{advance: a while}]", "#/calls/0/advance", "is not a duration; write P1M"),
    ("calls: [{clock: noon}]", "#/calls/0/clock", "is not an instant"),
    ("calls: [{clock: 2020-01-01T00:00:00Z}]", "#/calls/0", "does not go back"),
    ("calls: [{advance: P9000Y}]", "#/calls/0", ""),
    ("calls: [{GET /v1/meters: , as: two words}]", "#/calls/0/as", "`two words` cannot name an answer"),
    ("calls: [{GET /v1/meters: , as: each}]", "#/calls/0/as", "cannot name an answer"),
    ("calls: [{GET /v1/meters: , each: 3}]", "#/calls/0/each", "must be a list of values"),
    ("calls: [{POST /v1/meters: {}, into: rows, each: [a]}]", "#/calls/0/into", "must name a list of the body"),
    ("calls: [{POST /v1/meters: {rows: []}, into: rows}]", "#/calls/0/into", "`each` must be there"),
    ("calls: [{'GET /v1/meters?a=${each.b}': , each: [{b: 1}, {c: 1}]}]", "#/calls/0/each/1", "${each.b} names nothing known"),
    (f"calls: [{{POST /v1/meter-values: {VALUE}, as: v}}, {{'GET /v1/meter-values/${{w.id}}': }}]", "#/calls/1", "${w.id} names nothing known so far; known are v"),
    (f"calls: [{{POST /v1/meter-values: {VALUE}, as: v}}, {{'GET /v1/meter-values/${{v.id.x}}': }}]", "#/calls/1", "${v.id.x} names nothing"),
    ("calls: [{GET /v1/meters: , as: m}, {'GET /v1/meters/${m.data.0.id}': }]", "#/calls/1", "${m.data.0.id} names nothing"),
    ("calls: [{'GET /v1/meters/${a.b}': }]", "#/calls/0", "known are none"),
    ("calls: [{POST /v1/meter-values: {name: V}}]", "#/calls/0", "POST /v1/meter-values was refused with 400"),
    ("calls: [{POST /v1/meter-values: {name: !!binary aGk=}}]", "#/calls/0", "the body cannot be sent as JSON"),
    ("calls: [{GET /v1/a b: }]", "#/calls/0", "`GET /v1/a b` is no method and path"),
    ("calls: [{GET /v1/nothing: }]", "#/calls/0", "refused with 404: Page does not exist"),
    (f"calls: [{{POST /v1/meter-values: {VALUE}, each: [1, 2]}}]", "#/calls/0/each/1", "refused with 409"),
]


@pytest.mark.parametrize(("text", "place", "message"), FAULTS, ids=[text[:60] for text, _, _ in FAULTS])
def test_what_cannot_be_played_is_named_with_file_and_place(tmp_path: Path, text: str, place: str, message: str) -> None:
    """The file, where in it, and what would be right."""
    with pytest.raises(FixtureFault) as caught:
        written(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'made.yaml'}{place}: ")
    assert caught.value.where == f"{tmp_path / 'made.yaml'}{place}"
    assert message in str(caught.value)


def test_a_fixture_that_is_not_there_is_named_with_those_that_are() -> None:
    """By name; by file, the file."""
    with pytest.raises(Unreadable, match="nowhere: no such fixture; there are default, saas, tutorial and empty"):
        open_theatre(Options(fixture="nowhere"))
    with pytest.raises(Unreadable, match=r"no/such\.yaml: No such file or directory"):
        open_theatre(Options(fixture="no/such.yaml"))


def test_a_fixture_that_is_no_yaml_is_named_with_line_and_column(tmp_path: Path) -> None:
    """By the reader, before it is a fixture."""
    with pytest.raises(Unreadable, match=r"made\.yaml:2:\d+: not YAML"):
        written(tmp_path, "calls:\n  - {a: [}")


def test_a_fixture_of_nothing_is_an_empty_world() -> None:
    """Every part may be left out."""
    fixture = read_fixture({}, "x", "x.yaml")
    assert (fixture.now, fixture.keys, fixture.steps) == (None, None, ())
