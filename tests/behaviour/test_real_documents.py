"""Real documents, where they are at hand: what is inferred of them makes sense to people who know these APIs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pytest
import yaml

from understudy.behaviour.fitting import compare, fit
from understudy.behaviour.inference import infer
from understudy.behaviour.model import Behaviour
from understudy.behaviour.reading import check_form, check_sense, read_behaviour
from understudy.behaviour.roles import assign, is_modelled
from understudy.behaviour.writing import to_yaml_data
from understudy.contract.contract import Contract

SHARED = Path(__file__).resolve().parents[3] / "shared"
FILES = [
    *sorted(SHARED.glob("contracts/openapi-3.1/**/*.json")),
    *sorted(SHARED.glob("contracts/paypal/*.json")),
    *sorted(SHARED.glob("solvimon/contracts/*.yml")),
]
DIGITALOCEAN = SHARED / "contracts" / "digitalocean" / "DigitalOcean-public.v2.yaml"

pytestmark = pytest.mark.skipif(not FILES, reason="the real documents are not beside this checkout")


def load(path: Path) -> Any:
    """A document as a JSON value."""
    return orjson.loads(path.read_bytes()) if path.suffix == ".json" else yaml.load(path.read_bytes(), yaml.CSafeLoader)


@cache
def contract(path: Path) -> Contract:
    """A document's contract, read once."""
    retrieve: Callable[[str], Any] = lambda uri: load(Path(unquote(urlsplit(uri).path)))  # noqa: E731
    return Contract.of([(path.resolve().as_uri(), load(path))], retrieve)


@cache
def behaviour(path: Path) -> Behaviour:
    """What is inferred of a document, once."""
    return infer(contract(path))


def modelled(path: Path) -> tuple[int, int]:
    """How many operations are modelled, of how many."""
    roles = assign(contract(path).operations, behaviour(path))
    return sum(is_modelled(role, behaviour(path)) for role in roles.values()), len(roles)


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
class TestEveryDocument:
    def test_what_is_inferred_passes_as_a_file(self, path: Path) -> None:
        """Its form, its sense, its way through YAML and back, and that it fits its document."""
        found = behaviour(path)
        data = yaml.safe_load(yaml.safe_dump(to_yaml_data(found), sort_keys=False))
        assert check_form(data, "file") == []
        assert check_sense(found, "file") == []
        assert read_behaviour(data) == replace(found, notes=())
        roles = assign(contract(path).operations, found)
        assert [fault for fault in fit(found, contract(path), roles) if fault.severity == "error"] == []
        assert compare(replace(found, notes=()), contract(path)).orphaned == ()

    def test_it_is_inferred_quickly(self, path: Path) -> None:
        """A quarter of a millisecond for each operation, once its schemas have been seen; three times that for a busy machine."""
        whole = contract(path)
        infer(whole)
        start = process_time()
        infer(whole)
        assert process_time() - start < 0.00075 * max(len(whole.operations), 10)


@pytest.mark.parametrize("service", ["AccountService", "PayoutService", "RecurringService", "BinLookupService", "TerminalAPI-v1"])
def test_procedures_are_not_pretended_to_be_resources(service: str) -> None:
    """RPC-style documents come out as not modelled, and say so first."""
    for path in (one for one in FILES if service in one.parts):
        assert behaviour(path).resources == {}
        assert "no resources" in behaviour(path).notes[0].finding


def of(*parts: str) -> Path:
    """The document with these words in its path."""
    return next(path for path in FILES if all(part in str(path) for part in parts))


def test_plans_and_subscriptions_move_by_their_verbs() -> None:
    """Plans are switched on and off; a subscription is suspended, cancelled, activated; capture and revise move nothing."""
    found = behaviour(of("billing_subscriptions"))
    plan, subscription = found.resources["plan"], found.resources["subscription"]
    assert plan.lifecycle is not None and subscription.lifecycle is not None
    assert plan.lifecycle.table["ACTIVE"] == {"deactivate": "INACTIVE"}
    assert subscription.lifecycle.triggers() == {"activate", "suspend", "cancel"}
    assert subscription.refers_to["plan_id"] == "plan"
    assert found.idempotency is not None and found.idempotency.header == "paypal-request-id"
    assert plan.lists is not None and plan.lists.meta == {"total_items": "total", "total_pages": "pages"}


def test_management_shares_one_resource_under_two_paths() -> None:
    """Stores stand alone and under their merchant; webhooks of companies and of merchants are two things."""
    found = behaviour(of("ManagementService")).resources
    assert set(found["store"].collections) == {"/v1/stores", "/v1/merchants/{merchantId}/stores"}
    assert found["store"].key == "reference"
    assert {"company_webhook", "merchant_webhook"} <= found.keys()
    assert found["merchant_terminal_setting"].singleton


def test_versions_of_one_path_are_one_resource() -> None:
    """`/v9/projects/{idOrName}` and `/v10/projects/{idOrName}/domains`; pages by time, ids with prefixes, milliseconds."""
    found = behaviour(of("vercel.com")).resources
    assert found["project"].key == "name"
    assert found["deployment"].id_prefix == "dpl"
    assert found["deployment"].stamp_forms == {"createdAt": "milliseconds"}
    assert found["deployment"].lists is not None and found["deployment"].lists.cursor == "until"
    assert found["project_domain"].parents["idOrName"] == "projectId"


def test_a_billing_api_is_mostly_modelled() -> None:
    """Keys by reference, lifecycles of twenty resources, references by suffix."""
    path = of("solvimon", "configuration")
    found = behaviour(path).resources
    assert modelled(path)[0] > 0.8 * modelled(path)[1]
    assert found["customer"].key == "reference"
    cycle = found["coupon"].lifecycle
    assert cycle is not None
    assert cycle.triggers() == {"activate", "deactivate", "deprecate", "archive"}
    assert found["pricing_plan_subscription"].refers_to["customer_id"] == "customer"


@pytest.mark.skipif(not DIGITALOCEAN.exists(), reason="its 2,900 files are not beside this checkout")
def test_wrapped_records_and_linked_pages_are_understood() -> None:
    """`{"droplets": […], "links": {"pages": {…}}, "meta": {"total": 1}}` and `{"droplet": {…}}`."""
    found = behaviour(DIGITALOCEAN).resources
    droplet = found["droplet"]
    assert (droplet.wrap, droplet.id_form) == ("droplet", "integer")
    assert droplet.lists is not None
    assert (droplet.lists.items, droplet.lists.style, droplet.lists.limit) == ("droplets", "page", "per_page")
    pages = {"first": "first_url", "prev": "previous_url", "next": "next_url", "last": "last_url"}
    assert droplet.lists.meta == {"links": {"pages": pages}, "meta": {"total": "total"}}
    assert (found["database_config"].wrap, found["database_config"].request_wrap) == ("config", "config")
    assert (found["domain"].id_field, found["record"].wrap) == ("name", "domain_record")
    assert modelled(DIGITALOCEAN)[0] > 350
