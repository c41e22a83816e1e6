"""Any document becomes a stateful stand-in by itself: the pet shop, and real documents where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.asgi import Answer, Client
from understudy.behaviour.roles import is_modelled
from understudy.cli import main
from understudy.engine.plans import Script
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

ROOT = Path(__file__).resolve().parents[2]
PETSTORE = ROOT / "openapi" / "petstore.yaml"
SHARED = ROOT.parent / "shared" / "contracts"
REAL = {
    "catalogue": SHARED / "paypal" / "catalogs_products_v1.json",
    "subscriptions": SHARED / "paypal" / "billing_subscriptions_v1.json",
    "droplets": SHARED / "digitalocean" / "DigitalOcean-public.v2.yaml",
}


def client(path: Path) -> tuple[Client, Script]:
    """A document, played without keys."""
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside this checkout")
    sandbox = open_theatre(Options(spec=str(path), open=True))
    return Client(App(sandbox), {}), sandbox.script


# --- the pet shop ------------------------------------------------------------------------------------------------


@pytest.fixture
def shop() -> Client:
    """The pet shop by inference alone."""
    return client(PETSTORE)[0]


def pet(shop: Client, **fields: Any) -> Any:
    """A pet, made."""
    answer = shop.post("/pets", {"name": "Rex", "species": "cat", **fields})
    assert answer.status == 201, answer.body
    return answer.json


def test_what_is_created_is_found_listed_filtered_changed_deleted_and_gone(shop: Client) -> None:
    """The life of a record, on the document's own paths and status codes."""
    owner = shop.post("/owners", {"name": "Ann", "email": "ann@shop.nl"}).json
    mine, other = pet(shop, owner_id=owner["id"]), pet(shop, name="Tom")
    assert shop.get(f"/pets/{mine['id']}").json == mine
    assert {row["id"] for row in shop.get("/pets").json["pets"]} == {mine["id"], other["id"]}
    assert shop.get(f"/pets?owner_id={owner['id']}").json["pets"] == [mine]
    changed = shop.patch(f"/pets/{mine['id']}", {"name": "Max"})
    assert changed.json == {**mine, "name": "Max"} == shop.get(f"/pets/{mine['id']}").json
    assert shop("DELETE", f"/owners/{owner['id']}").status == 409
    assert shop("DELETE", f"/pets/{mine['id']}").status == 204
    gone = shop.get(f"/pets/{mine['id']}")
    assert gone.status == 404 and gone.json["message"]
    assert shop("DELETE", f"/owners/{owner['id']}").status == 204


def test_adopting_moves_the_pet_and_only_once(shop: Client) -> None:
    """The verb's usual state; a second time is a conflict."""
    made = pet(shop)
    assert made["status"] == "available"
    assert shop.post(f"/pets/{made['id']}/adopt").json["status"] == "adopted"
    assert shop.post(f"/pets/{made['id']}/adopt").status == 409
    assert [row["id"] for row in shop.get("/pets?status=adopted").json["pets"]] == [made["id"]]


def test_pages_together_are_the_list(shop: Client) -> None:
    """As the document's own parameters cut it."""
    made = [pet(shop)["id"] for _ in range(5)]
    pages = [shop.get(f"/pets?page={page}&per_page=2").json for page in (1, 2, 3)]
    assert [len(page["pets"]) for page in pages] == [2, 2, 1] and {page["total"] for page in pages} == {5}
    assert sorted(row["id"] for page in pages for row in page["pets"]) == sorted(made)


def test_an_owner_who_is_not_there_is_refused(shop: Client) -> None:
    """A reference must lead somewhere, where the document has a status to say so."""
    assert shop.post("/pets", {"name": "Rex", "species": "cat", "owner_id": "nobody"}).status == 404


# --- real documents ----------------------------------------------------------------------------------------------


def test_a_product_of_the_catalogue_lives() -> None:
    """PayPal's catalogue: its own id form, a JSON Patch that answers 204."""
    call, _ = client(REAL["catalogue"])
    made = call.post("/v1/catalogs/products", {"name": "Video Streaming Service", "type": "SERVICE", "description": "Series"})
    assert made.status == 201, made.body
    where = f"/v1/catalogs/products/{made.json['id']}"
    assert call.get(where).json["name"] == "Video Streaming Service"
    assert call.patch(where, [{"op": "replace", "path": "/description", "value": "Films"}]).status == 204
    assert call.get(where).json["description"] == "Films"
    assert made.json["id"] in {row["id"] for row in call.get("/v1/catalogs/products?page_size=20").json["products"]}


def test_a_plan_is_deactivated_and_activated_again() -> None:
    """PayPal's plans: actions that answer 204 move the state."""
    call, _ = client(REAL["subscriptions"])
    cycle = {"tenure_type": "REGULAR", "sequence": 1, "frequency": {"interval_unit": "MONTH", "interval_count": 1}}
    made = call.post("/v1/billing/plans", {"product_id": "PROD-6XB24663H4094933M", "name": "Basic", "billing_cycles": [cycle],
                                           "payment_preferences": {"auto_bill_outstanding": True}})  # fmt: skip
    assert made.status in (200, 201), made.body
    where = f"/v1/billing/plans/{made.json['id']}"
    first = call.get(where).json["status"]
    verb = "deactivate" if first == "ACTIVE" else "activate"
    assert call.post(f"{where}/{verb}").status == 204
    assert call.get(where).json["status"] != first


def test_a_droplets_key_is_wrapped_and_has_a_number() -> None:
    """DigitalOcean's SSH keys: `{"ssh_key": {"id": 1, …}}`, listed bare with a count in `meta`."""
    call, _ = client(REAL["droplets"])
    made = call.post("/v2/account/keys", {"public_key": "ssh-rsa AAAA me@here", "name": "mine"})
    assert made.status == 201, made.body
    key = made.json["ssh_key"]
    assert isinstance(key["id"], int) and call.get(f"/v2/account/keys/{key['id']}").json["ssh_key"] == key
    listed = call.get("/v2/account/keys").json
    assert listed["ssh_keys"] == [key] and listed["meta"]["total"] == 1
    assert call("DELETE", f"/v2/account/keys/{key['id']}").status == 204


@pytest.mark.parametrize("name", ["catalogue", "subscriptions"])
def test_whatever_is_created_by_the_smallest_body_is_found_again(name: str) -> None:
    """For every modelled create without a parent: the answer is valid, and the record is there under its id."""
    call, script = client(REAL[name])
    tried = [found for operation in script.contract.operations if (found := _created(call, script, operation)) is not None]
    assert tried and all(tried)


def _created(call: Client, script: Script, operation: Any) -> bool | None:
    role = script.roles[operation.key]
    if role.kind != "create" or "{" in operation.path or not is_modelled(role, script.behaviour):
        return None
    schema = next(iter(operation.body.content.values()))
    made = call.post(operation.path, script.contract.example(schema, "request"))
    plan = script.plan(operation)
    assert made.status == plan.status, made.body
    assert plan.schema is None or script.contract.validator(plan.schema, "response").is_valid(made.json)
    return _found(call, made, f"{operation.path}/{made.json.get(plan.kind.resource.id_field) if plan.kind else ''}")


def _found(call: Client, made: Answer, where: str) -> bool:
    again = call.get(where)
    return again.status == 200 and again.json["id"] == made.json["id"]


# --- inspect -----------------------------------------------------------------------------------------------------


def test_inspect_says_what_is_understood_and_prints_a_file_that_says_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The report, and a behaviour file with which the document plays as without."""
    assert main(["inspect", str(PETSTORE)]) == 0
    assert "10 operations: 10 modelled" in capsys.readouterr().out
    assert main(["inspect", "--yaml", str(PETSTORE)]) == 0
    file = tmp_path / "shop.behaviour.yaml"
    file.write_text(capsys.readouterr().out)
    sandbox = open_theatre(Options(spec=str(PETSTORE), behaviour=str(file)))
    assert sandbox.script.behaviour.resources == open_theatre(Options(spec=str(PETSTORE))).script.behaviour.resources
    assert main(["diagram", str(PETSTORE)]) == 0
    assert "available --> adopted: adopt" in capsys.readouterr().out


def test_a_broken_document_is_refused_with_all_its_faults(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit status 2, each fault with its place."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        "openapi: 3.1.0\ninfo: {title: Broken, version: '1'}\npaths:\n  /a:\n    get:\n      responses:\n        '200': {description: a,"
        " content: {application/json: {schema: {$ref: '#/components/schemas/None'}}}}\n  /b:\n    get:\n      responses:\n        '200':"
        " {description: b, content: {application/json: {schema: {$ref: '#/components/schemas/Nobody'}}}}\n"
    )
    assert main(["inspect", str(broken)]) == 2
    said = capsys.readouterr().err
    assert "/components/schemas/None" in said and "/components/schemas/Nobody" in said
