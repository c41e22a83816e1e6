"""One level of a schema, resolved."""

from __future__ import annotations

from typing import Any

import pytest

from contract.made import URI, only
from understudy.contract.shapes import MISSING, Shape

OTHERS = {
    "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "readOnly": True}, "kind": {"type": "string"}}},
    "Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}, {"properties": {"a": {}}}]},
}


def shape(node: Any, version: str = "3.1.0", direction: str = "request") -> Shape:
    """The shape of a component schema."""
    asked, it = only(node, version, OTHERS)
    return asked.shape(it, direction)


@pytest.mark.parametrize(
    ("node", "version", "types"),
    [
        ({"type": "string"}, "3.1.0", {"string"}),
        ({"type": ["string", "null"]}, "3.1.0", {"string", "null"}),
        ({"type": "string", "nullable": True}, "3.0.3", {"string", "null"}),
        ({"properties": {}}, "3.1.0", {"object"}),
        ({"items": {}}, "3.1.0", {"array"}),
        ({}, "3.1.0", set()),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "3.1.0", {"string", "integer"}),
        ({"allOf": [{"type": ["string", "null"]}, {"type": "string"}]}, "3.1.0", {"string"}),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, "3.1.0", {"integer"}),
        ({"anyOf": [{"type": "string"}, {}]}, "3.1.0", set()),
        ({"$ref": "#/components/schemas/Base"}, "3.1.0", {"object"}),
        (True, "3.1.0", set()),
    ],
)
def test_types_are_those_a_schema_names_or_shows(node: Any, version: str, types: set[str]) -> None:
    """Empty where it does not say."""
    assert shape(node, version).types == types


def test_all_of_and_references_are_joined() -> None:
    """Properties, required, readOnly of all parts."""
    found = shape({"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["name"], "properties": {"name": {}}}]}, direction="response")
    assert set(found.properties) == {"id", "kind", "name"}
    assert found.required == {"id", "name"} and found.read_only == {"id"}


def test_read_only_is_not_required_in_a_request() -> None:
    """And stays a property."""
    found = shape({"$ref": "#/components/schemas/Base"})
    assert found.required == frozenset() and "id" in found.properties


def test_union_has_the_properties_of_every_branch() -> None:
    """Required is what all of them require; sure is what stands outside."""
    node = {"properties": {"own": {}}, "oneOf": [{"required": ["a", "c"], "properties": {"a": {}, "c": {}}}, {"required": ["c"], "properties": {"b": {}, "c": {}}}]}
    found = shape(node)
    assert set(found.properties) == {"own", "a", "b", "c"}
    assert found.required == {"c"} and found.sure == {"own"}
    assert len(found.branches) == 2


def test_property_declared_twice_is_both() -> None:
    """A combination of its schemas, which can be asked and compiled again."""
    asked, it = only({"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"maxLength": 1}}}]})
    both = asked.shape(it, "request").properties["a"]
    assert asked.shape(both, "request").types == {"string"}
    assert not asked.validator(both, "request").is_valid("ab")
    assert asked.validator(both, "request").is_valid("a")


def test_details_of_one_level_are_at_hand() -> None:
    """Items, enum, default, format, pattern, additional, title."""
    found = shape({"title": "T", "type": "array", "items": {"type": "string"}, "default": [], "format": "f", "pattern": "p", "enum": [[]], "additionalProperties": False})
    assert (found.title, found.default, found.format, found.pattern, found.enum, found.additional) == ("T", [], "f", "p", ([],), False)
    assert found.items is not None and found.items.uri == f"{URI}#/components/schemas/It/items"
    assert shape({}).default is MISSING and not MISSING
    assert shape({"const": 1}).enum == (1,)


def test_schema_that_contains_itself_has_a_shape() -> None:
    """A circle of allOf ends."""
    assert set(shape({"$ref": "#/components/schemas/Loop"}).properties) == {"a"}


def test_broken_reference_has_an_open_shape() -> None:
    """What cannot be followed declares nothing."""
    assert shape({"$ref": "#/nowhere"}) == Shape()
