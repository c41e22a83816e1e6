"""Entitlements: merged by type, checked against their features, looked up of customers and subscriptions."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.worlds import amount
from understudy.problems import Problem
from understudy_solvimon import entitlements
from understudy_solvimon.entitlements import Promise


def promise(type: str, value: Any, replaces: bool = False) -> Promise:
    """A promise of one feature."""
    return Promise("feat_x", "x", type, value, replaces)


MERGED = [
    ("SWITCH", [False, True], True),
    ("SWITCH", [False, False], False),
    ("NUMBER", ["600", "1000"], "1000"),
    ("NUMBER", ["9", "10"], "10"),
    ("AMOUNT", [amount("5.00"), amount("10.00")], amount("10.00")),
    ("AMOUNT", [amount("5.00"), amount("10.00", "USD")], amount("5.00")),
    ("ENUM", [("a",), ("b",), ("a",)], ("a", "b")),
    ("STRING", [("x",), ("y",)], ("x", "y")),
    ("NUMBER", [None, "3"], "3"),
]


@pytest.mark.parametrize(("type", "values", "expected"), MERGED)
def test_of_several_promises_the_better_one_counts(type: str, values: list[Any], expected: Any) -> None:
    """Type by type."""
    assert entitlements.merged(promise(type, value) for value in values) == [promise(type, expected)]


def test_one_that_overrides_takes_the_place_of_those_before_it() -> None:
    """Even with less."""
    assert entitlements.merged([promise("NUMBER", "600"), promise("NUMBER", "5", True)])[0].value == "5"


def world() -> tuple[Bench, dict[str, Record]]:
    """Features of several types, a plan that promises them, an add-on that promises more."""
    bench = Bench()
    made = worlds.catalogue(bench)
    for reference, type, more in (("requests_per_minute", "NUMBER", {}), ("sso", "SWITCH", {}), ("region", "ENUM", {"enum_values": ["eu", "us"]})):
        made[reference] = bench.make("feature", reference=reference, type=type, **more)
    made["pricing"] = bench.call("create_pricing", {
        "pricing_plan_version_id": made["version"]["id"], "name": "Receipts", "product_ids": [made["product"]["id"]],
        "items": [{"product_item_ids": [made["item"]["id"]], "configs": [worlds.flat("0.50")]}],
        "entitlements": [{"feature_reference": "requests_per_minute", "number": "600"}, {"feature_id": made["region"]["id"], "enum": "eu"}]})
    made["addon"] = bench.call("create_pricing", {
        "pricing_plan_version_id": made["version"]["id"], "name": "More", "product_type": "ADDON", "product_ids": [made["product"]["id"]],
        "items": [], "entitlements": [{"feature_reference": "requests_per_minute", "number": "1000"}, {"feature_reference": "region", "enum": "us"}]})
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    made["customer"] = worlds.customer(bench)
    return bench, made


def of(bench: Bench, made: dict[str, Record]) -> dict[str, Any]:
    """A customer's entitlements by feature: what is promised."""
    answer = bench.call("customer_entitlements", None, made["customer"])
    return {row["feature_reference"]: next(value for name, value in row.items() if not name.startswith("feature")) for row in answer["entitlements"]}


def test_a_customer_is_entitled_to_what_its_plan_promises() -> None:
    """The guide's example: requests_per_minute "600"; a list of words in the plural; by subscription as well."""
    bench, made = world()
    assert of(bench, made) == {}
    subscription = bench.call("init_subscription", worlds.init("entity_NL"))["pricing_plan_subscription"]
    assert of(bench, made) == {"requests_per_minute": "600", "region": ["eu"]}
    (own,) = bench.call("subscription_entitlements", None, subscription)["pricing_plan_subscription_entitlements"]
    assert own["pricing_plan_subscription_id"] == subscription["id"]
    assert len(own["entitlements"]) == 2


def test_an_add_on_adds_and_a_schedule_has_the_last_word() -> None:
    """Enabled, the add-on's better promise counts; the schedule's own takes the place of both."""
    bench, made = world()
    body = worlds.init("entity_NL")
    body["pricing_plan_schedules"][0]["enabled_pricings"] = [{"pricing_id": made["addon"]["id"]}]
    bench.call("init_subscription", body)
    assert of(bench, made) == {"requests_per_minute": "1000", "region": ["eu", "us"]}
    (schedule,) = bench.all("schedule")
    bench.change("schedule", schedule["id"], entitlements=[{"feature_reference": "requests_per_minute", "number": "50"}, {"feature_reference": "sso", "switch": True}])
    assert of(bench, made) == {"requests_per_minute": "50", "region": ["eu", "us"], "sso": True}


def test_what_has_ended_entitles_to_nothing() -> None:
    """A cancelled subscription, once its end is there."""
    bench, made = world()
    subscription = bench.call("init_subscription", worlds.init("entity_NL"))["pricing_plan_subscription"]
    bench.call("cancel_subscription", {"type": "NEXT_BILLING_PERIOD"}, subscription)
    assert of(bench, made) != {}
    bench.advance("2025-06-06T00:00:00Z")
    assert of(bench, made) == {}


WRONG = [
    ({"feature_reference": "requests_per_minute", "switch": True}, "cannot_process", "entitlements.0.switch"),
    ({"feature_reference": "requests_per_minute"}, "cannot_process", "entitlements.0.number"),
    ({"feature_reference": "region", "enum": "asia"}, "cannot_process", "entitlements.0.enum"),
    ({"feature_reference": "nothing", "switch": True}, "dangling_reference", "entitlements.0"),
    ({"switch": True}, "cannot_process", "entitlements.0"),
]


@pytest.mark.parametrize(("row", "kind", "field"), WRONG)
def test_a_promise_that_does_not_fit_its_feature_is_refused_by_field(row: Record, kind: str, field: str) -> None:
    """On a pricing as on a schedule."""
    bench, made = world()
    version = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"], "version": 2, "status": "DRAFT"})
    problem = refused(bench, "create_pricing", {"pricing_plan_version_id": version["id"], "product_ids": [made["product"]["id"]], "items": [], "entitlements": [row]})
    assert (problem.kind, problem.field) == (kind, field)
    bench.call("init_subscription", worlds.init("entity_NL"))
    with pytest.raises(Problem) as caught:
        bench.change("schedule", bench.all("schedule")[0]["id"], entitlements=[row])
    assert (caught.value.kind, caught.value.field) == (kind, field)
