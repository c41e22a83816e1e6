"""What of a behaviour file its document does not bear out."""

from __future__ import annotations

from typing import Any

import pytest
from behaviour_sketches import STRING, acting, contract, crud

from understudy.behaviour.fitting import compare, fit
from understudy.behaviour.inference import infer
from understudy.behaviour.reading import read_behaviour
from understudy.behaviour.roles import assign
from understudy.behaviour.writing import to_yaml_data

RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {"id": STRING, "status": {**STRING, "enum": ["open", "paid"], "readOnly": True}, "customer_id": STRING, "name": STRING},
}
SHOP = contract({**crud(RECORD, "/orders"), **acting("/orders/{id}", "pay")})
CYCLE = {"field": "status", "open": {"pay": "paid"}, "paid": {}}


def faults(**data: Any) -> list[tuple[str, str]]:
    """Where and how severe the misfits of a file are."""
    behaviour = read_behaviour(data)
    return [(fault.where, fault.severity) for fault in fit(behaviour, SHOP, assign(SHOP.operations, behaviour))]


def order(**row: Any) -> list[tuple[str, str]]:
    """The misfits of a file with one resource."""
    return faults(resources={"order": {"collection": "/orders", **row}})


def test_a_file_that_fits_has_no_faults() -> None:
    """States of the enum, triggers of operations, fields of the record."""
    assert order(lifecycle=CYCLE, key="name") == []


@pytest.mark.parametrize(
    ("data", "where", "severity"),
    [
        ({"operations": {"POST /orders/{id}/pai": {"effect": "x"}}}, "#/operations/POST ~1orders~1{id}~1pai", "warning"),
        ({"operations": {"GET /orders": {"resource": "ordre"}}}, "#/operations/GET ~1orders/resource", "error"),
        ({"resources": {"order": {"collection": "/v1/ordres"}}}, "#/resources/order/collection", "warning"),
        ({"operations": {"GET /orders": {"role": "list"}}}, "#/operations/GET ~1orders/resource", "error"),
        ({"resources": {"order": {"collection": "/orders"}}, "operations": {"POST /orders": {"role": "update"}}}, "#/operations/POST ~1orders/role", "error"),
        ({"resources": {"order": {"collection": "/orders"}}, "lists": {"items": "page.rows"}}, "#/lists/items", "warning"),
    ],
)  # fmt: skip
def test_what_the_document_does_not_have_is_found(data: dict[str, Any], where: str, severity: str) -> None:
    """Operations and collections may belong to another document of the file; a lost resource is a mistake."""
    assert faults(**data) == [(where, severity)]


def test_the_nearest_operation_is_named() -> None:
    """What would have been right."""
    behaviour = read_behaviour({"operations": {"POST /orders/{id}/pai": {"effect": "x"}}})
    assert "the nearest is POST /orders/{id}/pay" in fit(behaviour, SHOP, assign(SHOP.operations, behaviour))[0].message


@pytest.mark.parametrize(
    ("row", "where", "severity"),
    [
        ({"key": "reference"}, "key", "warning"), ({"refers_to": {"shop_id": "order"}}, "refers_to", "warning"),
        ({"id_field": "number"}, "id_field", "warning"),
        ({"lifecycle": {**CYCLE, "open": {"pay": "settled"}, "settled": {}}}, "lifecycle/settled", "warning"),
        ({"lifecycle": {**CYCLE, "open": {"pay": "paid", "print": "paid"}}}, "lifecycle", "warning"),
        ({"lifecycle": {**CYCLE, "field": "phase"}}, "lifecycle/field", "warning"),
    ],
)  # fmt: skip
def test_what_the_record_does_not_show_is_found(row: dict[str, Any], where: str, severity: str) -> None:
    """A field may be private; a state outside the enum can never be answered."""
    assert (f"#/resources/order/{where}", severity) in order(**row)


@pytest.mark.parametrize("more", [{"timers": {"print": "due_at"}}, {"writable": True}])
def test_a_trigger_may_be_fired_by_other_than_an_operation(more: dict[str, Any]) -> None:
    """A timer, or an update of the state."""
    assert order(lifecycle={**CYCLE, "open": {"pay": "paid", "print": "paid"}, **more}) == []


class TestComparison:
    OLD = read_behaviour(to_yaml_data(infer(SHOP)))

    def test_the_same_document_brings_nothing(self) -> None:
        """Nothing new, changed or orphaned."""
        found = compare(self.OLD, SHOP)
        assert (found.new, found.changed, found.orphaned) == ((), (), ())

    def test_new_operations_changed_states_and_orphaned_rows_are_told_apart(self) -> None:
        """A later version of the document."""
        record = {**RECORD, "properties": {**RECORD["properties"], "status": {**STRING, "enum": ["open", "paid", "void"], "readOnly": True}}}
        later = contract({**crud(record, "/orders"), **acting("/orders/{id}", "pay", "void"), **crud(path="/shops")})
        found = compare(self.OLD, later)
        assert "POST /shops: create shop" in found.new
        assert "order: the document knows the state void, the file does not" in found.changed
        gone = contract(crud(path="/shops"))
        assert compare(self.OLD, gone).orphaned == ("resources/order/collection: the document no longer has /orders",)
