"""Unknown and readOnly fields left out, defaults filled in."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.made import contract, operation, refused, send

ADDRESS = {"type": "object", "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "NL"}}}
CUSTOMER = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "organization": {"type": "string"},
        "status": {"type": "string", "default": "DRAFT"},
        "address": {"$ref": "#/components/schemas/Address"},
        "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Address"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object"},
        "map": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Address"}},
        "parent": {"$ref": "#/components/schemas/Customer"},
    },
}
SCHEMAS = {"Address": ADDRESS, "Customer": CUSTOMER}


def clean(body: Any, schema: Any = None, schemas: Any = None, **how: Any) -> Any:
    """What is accepted of a body."""
    asked = contract(operation(body=schema or {"$ref": "#/components/schemas/Customer"}, method=how.pop("method", "post")), {**SCHEMAS, **(schemas or {})}, **how)
    return send(asked, "PATCH" if "patch" in asked.operations[0].key.lower() else "POST", body=body)


def test_unknown_fields_are_left_out_at_every_depth() -> None:
    """Each with a warning that names the field and the nearest known one."""
    taken = clean({"organisation": "x", "address": {"cty": "a", "country": "B"}, "lines": [{"country": "C"}, {"country": "D", "zzz": 1}], "status": "S"})
    assert taken.body == {"address": {"country": "B"}, "lines": [{"country": "C"}, {"country": "D"}], "status": "S"}
    assert taken.warnings == (
        "address.cty: unknown, taken and left out; nearest known name: city",
        "lines.1.zzz: unknown, taken and left out",
        "organisation: unknown, taken and left out; nearest known name: organization",
    )


def test_read_only_fields_are_left_out() -> None:
    """At every depth, with a warning."""
    taken = clean({"id": "1", "parent": {"id": "2", "status": "S"}, "status": "S"})
    assert taken.body == {"parent": {"status": "S"}, "status": "S"}
    assert taken.warnings == ("parent.id: read only, taken and left out", "id: read only, taken and left out")


COUNTED = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "perhaps": {"type": ["integer", "null"]},
        "ratio": {"type": "number"},
        "inner": {"type": "object", "properties": {"count": {"$ref": "#/components/schemas/Count"}}},
        "list": {"type": "array", "items": {"type": "integer"}},
        "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Counted"}},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"count": 2.0, "perhaps": -3.0}, {"count": 2, "perhaps": -3}),
        ({"perhaps": None}, {"perhaps": None}),
        ({"inner": {"count": 1e3}}, {"inner": {"count": 1000}}),
        ({"list": [1.0, 2, 3.0]}, {"list": [1, 2, 3]}),
        ({"rows": [{"count": 4.0}]}, {"rows": [{"count": 4}]}),
        ({"map": {"a": 5.0, "b": 6}}, {"map": {"a": 5, "b": 6}}),
        ({"ratio": 2.0}, {"ratio": 2.0}),
    ],
)
def test_whole_numbers_are_integers_where_the_schema_says_integer(sent: Any, taken: Any) -> None:
    """2.0 is an integer (JSON Schema 2020-12, section 4.2.3): what works with it gets one, at every depth; a number stays as it came."""
    body = clean(sent, {"$ref": "#/components/schemas/Counted"}, {"Counted": COUNTED, "Count": {"type": "integer"}}).body
    assert repr(body) == repr(taken)


def test_defaults_are_filled_in_where_there_is_an_object() -> None:
    """At every level that is there, and told apart from what was sent."""
    taken = clean({"address": {}, "lines": [{}]})
    assert taken.body == {"address": {"country": "NL"}, "lines": [{"country": "NL"}], "status": "DRAFT"}
    assert taken.defaulted == ("address.country", "lines.0.country", "status")


def test_partial_change_has_no_defaults() -> None:
    """What a PATCH does not mention stays as it is (RFC 7396)."""
    assert clean({"organization": "x"}, method="patch").body == {"organization": "x"}


def test_maps_and_free_forms_keep_what_they_hold() -> None:
    """`additionalProperties` with a schema, and objects without properties; the values of a map are cleaned."""
    taken = clean({"labels": {"any": "x"}, "free": {"a": {"b": 1}}, "map": {"k": {"cty": 1, "country": "B"}}, "status": "S"})
    assert taken.body == {"labels": {"any": "x"}, "free": {"a": {"b": 1}}, "map": {"k": {"country": "B"}}, "status": "S"}


def test_pattern_properties_are_known() -> None:
    """A field whose name matches is no stranger."""
    schema = {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x-": {}}}
    assert clean({"a": 1, "x-b": 2, "c": 3}, schema).body == {"a": 1, "x-b": 2}


@pytest.mark.parametrize("word", ["oneOf", "anyOf", "allOf"])
def test_fields_of_every_branch_are_known(word: str) -> None:
    """The union of the branches' properties."""
    schema = {"type": "object", "properties": {"own": {}}, word: [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}]}
    body = {"own": 1, "a": 2, "b": 3, "c": 4}
    if word != "oneOf":
        assert clean(body, schema).body == {"own": 1, "a": 2, "b": 3}
    else:
        assert clean({"own": 1, "b": 3, "c": 4}, schema).body == {"own": 1, "b": 3}


def test_children_of_a_discriminated_parent_are_known() -> None:
    """Schemas that build on it with allOf, chosen by the discriminator (OpenAPI 3.1, Discriminator Object)."""
    schemas = {
        "Pet": {"type": "object", "properties": {"kind": {"type": "string"}}, "discriminator": {"propertyName": "kind"}},
        "Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"lives": {}}}]},
        "Dog": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"bark": {}}}]},
    }
    pet = {"$ref": "#/components/schemas/Pet"}
    assert clean({"kind": "Cat", "lives": 9, "bark": 1}, pet, schemas).body == {"kind": "Cat", "lives": 9}
    assert clean({"kind": "Eel", "lives": 9}, pet, schemas).body == {"kind": "Eel"}


def test_value_is_judged_before_it_is_cleaned() -> None:
    """A readOnly field of the wrong type is refused, not overlooked."""
    asked = contract(operation(body={"$ref": "#/components/schemas/Customer"}), SCHEMAS)
    assert refused(asked, body={"id": 5}).field == "id"


def test_default_its_own_schema_forbids_is_not_filled_in() -> None:
    """It would make a valid body invalid."""
    assert clean({}, {"type": "object", "properties": {"a": {"type": "string", "default": 5}}}).body == {}


def test_defaults_are_not_shared_between_requests() -> None:
    """A list or object is copied."""
    asked = contract(operation(body={"type": "object", "properties": {"a": {"type": "array", "default": []}}}))
    send(asked, body={}).body["a"].append(1)
    assert send(asked, body={}).body == {"a": []}


def test_strict_contract_refuses_unknown_fields() -> None:
    """With the field and the nearest known name."""
    asked = contract(operation(body={"$ref": "#/components/schemas/Customer"}), SCHEMAS, strict=True)
    problem = refused(asked, body={"parent": {"organisation": "x"}})
    assert (problem.kind, problem.field) == ("unknown_field", "parent.organisation")
    assert "organization" in problem.message


NAMES = st.sampled_from(["city", "country", "status", "zzz", "id"])
BODY = st.recursive(st.dictionaries(NAMES, st.text(max_size=2), max_size=3), lambda inner: st.builds(lambda a, b, c: {**a, "parent": b, "lines": [c]}, inner, inner, st.dictionaries(NAMES, st.text(max_size=2), max_size=2)), max_leaves=4)
ASKED = contract(operation(body={"$ref": "#/components/schemas/Customer"}), SCHEMAS)


@settings(max_examples=100, deadline=None)
@given(BODY)
def test_cleaning_twice_is_cleaning_once(body: dict[str, Any]) -> None:
    """What was accepted is accepted again as it is, without a warning."""
    once = send(ASKED, body=body).body
    again = send(ASKED, body=deepcopy(once))
    assert (again.body, again.warnings, again.defaulted) == (once, (), ())
