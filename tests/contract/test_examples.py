"""One valid value for a schema, always the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.made import only
from contract.test_schemas import NODE
from understudy.contract.patterns import sample

OTHERS = {
    "Node": {"type": "object", "required": ["next"], "properties": {"next": {"oneOf": [{"$ref": "#/components/schemas/Node"}, {"type": "null"}]}}},
    "List": {"type": "object", "required": ["of"], "properties": {"of": {"type": "array", "items": {"$ref": "#/components/schemas/List"}}}},
    "Endless": {"type": "object", "required": ["more"], "properties": {"more": {"$ref": "#/components/schemas/Endless"}}},
    "Cat": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
}


def example(node: Any, direction: str = "response", version: str = "3.1.0") -> Any:
    """The example of a component schema; it must be valid."""
    asked, it = only(node, version, OTHERS)
    value = asked.example(it, direction)
    assert asked.validator(it, direction).is_valid(value), value
    assert asked.unexampled == []
    return value


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"type": "string", "example": "e", "default": "d"}, "e"),
        ({"type": "string", "examples": ["one", "two"]}, "one"),
        ({"type": "string", "default": "d", "enum": ["a", "d"]}, "d"),
        ({"enum": ["a", "b"]}, "a"),
        ({"enum": [None, "b"]}, "b"),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"type": "string"}, ""),
        ({"type": "string", "minLength": 3}, "aaa"),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "minimum": 5, "multipleOf": 4}, 8),
        ({"type": "integer", "minimum": 1, "multipleOf": 0.5}, 1),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.0625),
        ({"type": "number", "minimum": 0.1, "multipleOf": 0.01}, 0.1),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 0),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [0, 1, 2]),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True}, ["a", "b"]),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True}, [True, False]),
        ({"type": "array", "contains": {"const": 7}}, [7]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": "b"}], "minItems": 2}, [1, "b"]),
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {}}}, {"a": 0}),
        ({"type": "object", "required": ["x"]}, {"x": ""}),
        ({"type": "object", "minProperties": 1, "properties": {"a": {"type": "integer"}}}, {"a": 0}),
        ({"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}}, {"key1": 0, "key2": 0}),
        ({"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^[A-Z]{3}$"}, "additionalProperties": {"type": "integer"}}, {"AAA": 0}),
        ({"type": "object", "minProperties": 1, "patternProperties": {"^x-[0-9]$": {"const": 1}}, "additionalProperties": False}, {"x-0": 1}),
        ({"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"]}, "properties": {"a": {"type": "integer"}, "b": {"const": "B"}}}, {"a": 0, "b": "B"}),
        ({"type": "object", "required": ["a"], "properties": {"a": {"const": 1}, "b": {"const": 2}}, "if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}}, {"a": 1, "b": 2}),
        ({"type": "string", "not": {"const": ""}}, "b"),
        ({"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 9, "multipleOf": 5}]}, 5),
        ({"oneOf": [{"type": "string", "maxLength": 0}, {"type": "string"}]}, None),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}], "type": "integer"}, 0),
        ({"$ref": "#/components/schemas/Node"}, {"next": None}),
        ({"$ref": "#/components/schemas/List"}, {"of": []}),
        ({"oneOf": [{"$ref": "#/components/schemas/Cat"}], "discriminator": {"propertyName": "kind", "mapping": {"puss": "Cat"}}}, {"kind": "puss"}),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000000"),
        ({"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"}, "AA0"),
        ({"type": "string", "pattern": "^[a-z]+$", "minLength": 4}, "aaaa"),
        (True, {}),
    ],
)
def test_example_is_the_declared_or_the_smallest_valid_value(node: Any, value: Any) -> None:
    """In the order: declared, default, enum, made."""
    found = example(node)
    assert found == value or value is None


@pytest.mark.parametrize("name", ["date-time", "date", "time", "duration", "uuid", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "json-pointer", "byte", "regex", "uri-template"])
def test_formats_have_distinct_valid_values(name: str) -> None:
    """One, and as many as a set needs."""
    example({"type": "string", "format": name})
    assert len(set(example({"type": "array", "items": {"type": "string", "format": name}, "minItems": 3, "uniqueItems": True}))) == 3


def test_direction_decides_what_is_in_it() -> None:
    """readOnly is not sent, writeOnly is not answered."""
    node = {"type": "object", "required": ["id", "secret"], "properties": {"id": {"type": "integer", "readOnly": True}, "secret": {"type": "string", "writeOnly": True}}}
    assert example(node, "request") == {"secret": ""}
    assert example(node, "response") == {"id": 0}


def test_nullable_30_schema_prefers_a_value() -> None:
    """null is the last resort."""
    assert example({"type": "integer", "nullable": True}, version="3.0.3") == 0


def test_invalid_declared_example_is_passed_over_with_a_warning() -> None:
    """A valid one is made instead, and the place is listed."""
    asked, it = only({"type": "integer", "example": "seven"})
    assert asked.example(it, "response") == 0
    assert asked.faults[0].where == f"{it.uri}/example" and asked.faults[0].severity == "warning"


@pytest.mark.parametrize("node", [{"$ref": "#/components/schemas/Endless"}, {"type": "string", "not": {}}, {"type": "integer", "minimum": 5, "maximum": 4}, False])
def test_schema_without_valid_value_is_listed(node: Any) -> None:
    """The best there is, nonetheless."""
    asked, it = only(node, others=OTHERS)
    asked.example(it, "response")
    assert [fault.where for fault in asked.unexampled] == [it.uri]


def test_example_is_the_callers_to_keep() -> None:
    """Changing it changes nothing else."""
    asked, it = only({"type": "array", "example": [1]})
    asked.example(it, "response").append(2)
    assert asked.example(it, "response") == [1]


@settings(max_examples=150, deadline=None)
@given(NODE)
def test_example_is_valid_or_listed(node: Any) -> None:
    """Never wrong in silence."""
    asked, it = only(node)
    value = asked.example(it, "response")
    assert asked.validator(it, "response").is_valid(value) or asked.unexampled


PATTERNS = [
    r"^[A-Z]{3}$", r"^\d{4}-\d{2}$", r"^(cat|dog)s?$", r"^[^a]$", r"^\w+@\w+\.\w{2,}$", r"^\p{Lu}\p{L}*$", r"^(?<year>\d{2})$", r"a.c", r"^[\S\s]{2,4}$",
    r"^(?:[a-f0-9]{2}:){5}[a-f0-9]{2}$", r"^\/x\/$", r"^[\u4e00-\u9fa5]+$", r"^$", r"^-?\d+(\.\d+)?$", r"^cust_[A-Za-z0-9]{20}$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_sample_matches_its_pattern(pattern: str) -> None:
    """Also where the words are ECMA 262's."""
    asked, it = only({"type": "string", "pattern": pattern})
    assert asked.validator(it, "request").is_valid(next(sample(pattern)))


@given(st.integers(0, 30), st.integers(0, 30))
def test_sample_keeps_to_lengths_where_it_can(low: int, more: int) -> None:
    """A repetition is lengthened as far as needed."""
    text = next(sample("^[a-z]*$", low, low + more))
    assert low <= len(text) <= low + more and re.match("^[a-z]*$", text)


def test_unreadable_pattern_has_no_sample() -> None:
    """Nothing is proposed."""
    assert list(sample("([")) == []
