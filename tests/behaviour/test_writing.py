"""A behaviour as a file's data, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from behaviour_sketches import STRING, acting, crud, inferred, query, rows
from hypothesis import given
from hypothesis import strategies as st

from understudy.behaviour.model import (
    Auth,
    Behaviour,
    Errors,
    Idempotency,
    Lifecycle,
    Lists,
    Lock,
    Resource,
    Rule,
    Search,
)
from understudy.behaviour.reading import check_form, check_sense, read_behaviour
from understudy.behaviour.writing import to_yaml_data

RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {**STRING, "example": "ord_0123456789AB"}, "status": {**STRING, "enum": ["open", "paid", "void"]},
                   "customer_id": STRING, "created": {"type": "integer"}, "object": {"const": "order"}},
}  # fmt: skip
SHOP = {
    **crud(path="/customers", parameter="idOrName", parameters=query("page", limit={"type": "integer", "maximum": 100})),
    **crud(RECORD, "/orders", envelope=rows(RECORD, has_more={"type": "boolean"}), parameters=query("starting_after", "limit", "statuses[]", "created[gte]", "q", "sort")),
    **acting("/orders/{id}", "pay", "void", "print"),
    "/settings": {"get": crud()["/widgets/{id}"]["get"], "put": crud()["/widgets/{id}"]["patch"]},
}  # fmt: skip
FULL = Behaviour(
    resources={
        "order": Resource(
            "order", ("/orders", "/shops/{shop}/orders"), id_prefix="ord", key="number", key_in_path=False, unique=(("a", "b"),),
            lifecycle=Lifecycle("status", {"A": {"go": "B"}, "B": {}, "C": {}}, ("A",), {"go": "due_at"}, ("C",), True),
            lock=Lock(frozenset({"B"}), frozenset({"name"})), deletable=frozenset({"A", "B"}), events={"created": "order.created"},
            search=Search("clauses", "created_at", True), lists=Lists(style="offset", offset="skip", filters={"x": "y", "z": "w"}, pairs={"p": ("a", "b", "c")}),
        ),
        "secret": Resource("secret", internal=True, defaults={"count": 0}),
    },
    lists=Lists(style="page", page="page", limit="limit", items="data", filters={"x": "y"}),
    errors=Errors({"message": "message"}, {"in_use": {"status": 409}}, "error"),
    auth=Auth(("x-key",), True, frozenset({"a"}), frozenset({"GET /ping"})),
    idempotency=Idempotency("idempotency-key", timedelta(minutes=90), "replayed", released=frozenset({400, 422})),
    operations={"POST /orders/{id}/print": Rule(role="action", resource="order", trigger="print", effect="print_it")},
    effects="shop.effects", reactions={"order.go": ("tell", "count")}, refreshes={"order": ("sum_up",)},
    response_headers={"x-request": "req"}, settings={"currency": "EUR"}, version="1", id_length=12, webhooks={"endpoints": "hooks"}, assumed=("all",),
)  # fmt: skip


@pytest.mark.parametrize("behaviour", [Behaviour(), inferred(SHOP), FULL], ids=["nothing", "inferred", "everything"])
def test_reading_what_was_written_gives_the_same_behaviour(behaviour: Behaviour) -> None:
    """Notes aside; through YAML as a file would be."""
    data = yaml.safe_load(yaml.safe_dump(to_yaml_data(behaviour), sort_keys=False))
    assert check_form(data, "file") == []
    assert read_behaviour(data) == replace(behaviour, notes=())


def test_a_saved_file_changes_nothing_of_what_is_inferred() -> None:
    """Reading it on top of the inference it was written from."""
    behaviour = inferred(SHOP)
    assert read_behaviour(to_yaml_data(behaviour), behaviour) == behaviour


def test_what_is_inferred_makes_sense() -> None:
    """It passes the check that files must pass."""
    assert check_sense(inferred(SHOP), "inferred") == []


def test_the_files_own_lists_count_for_inferred_resources() -> None:
    """A file that says how all lists page says it of each."""
    behaviour = read_behaviour({"lists": {"default_limit": 7}}, inferred(SHOP))
    assert {one.lists.default_limit for one in behaviour.resources.values() if one.lists} == {7}


def test_a_resource_the_file_names_begins_empty_unless_it_says_otherwise() -> None:
    """Records that are there from the beginning are a guess for undescribed resources only."""
    base = Behaviour(resources={"region": Resource("region", ("/regions",), given=1)})
    assert read_behaviour({"resources": {"region": {"key": "code"}}}, base).resources["region"].given == 0


@given(st.integers(1, 10_000_000))
def test_every_window_of_whole_seconds_survives(seconds: int) -> None:
    """The shortest form is exact."""
    behaviour = Behaviour(idempotency=Idempotency("k", timedelta(seconds=seconds)))
    assert read_behaviour(to_yaml_data(behaviour)) == behaviour
