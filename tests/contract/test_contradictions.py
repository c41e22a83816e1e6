"""What no value can satisfy is said with its reason, and nothing is said of what some value satisfies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.made import contract, only, schema

OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("node", "word"),
    [
        ({"additionalProperties": False, "allOf": [OBJECT]}, '"a" is required'),
        ({"type": "null", "oneOf": [{"type": "string"}, {"type": "number"}]}, "no branch"),
        ({"allOf": [{"type": "string"}, {"type": "object"}]}, "several types"),
        ({"type": "object", "properties": {"b": {"enum": []}}, "required": ["b"]}, '"b", which is required'),
        ({"allOf": [{"enum": ["a"]}, {"enum": ["b"]}]}, "none of its values"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength 3 is more than maxLength 2"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "minimum 3"),
        ({"type": "object", "properties": {"c": {"allOf": [{"type": "array"}, {"type": "string"}]}}, "required": ["c"]}, "several types"),
    ],
)
def test_a_schema_no_value_satisfies_is_found_out(node: Any, word: str) -> None:
    """The reason names the property and the words that contradict each other."""
    asked, it = only(node)
    assert word in (asked.contradiction(it) or "")


@pytest.mark.parametrize(
    "node",
    [
        OBJECT,
        {"additionalProperties": False, "allOf": [{**OBJECT, "type": ["object", "null"]}]},
        {"additionalProperties": False, "allOf": [{"properties": {"a": {}}, "required": ["a"]}]},  # anything but an object
        {"additionalProperties": False, "patternProperties": {"^a": True}, "allOf": [OBJECT]},
        {"nullable": True, "allOf": [{"type": "string"}, {"type": "object"}]},
        {"type": "null", "oneOf": [{"type": "string"}, {"type": ["number", "null"]}]},
        {"type": "object", "properties": {"b": False}},
        {"minimum": 3, "maximum": 2},  # a string is neither
        {"type": "object", "properties": {"me": {"$ref": "#/components/schemas/It"}}, "required": ["me"]},  # endless, which is said elsewhere
        {"type": "object", "properties": {"a": {"type": "string", "writeOnly": True}}, "required": ["a"], "allOf": [{"additionalProperties": False}]},
    ],
)
def test_nothing_is_said_where_it_is_not_sure(node: Any) -> None:
    """Null, other types, patterns, and what does not travel in an answer leave a way out."""
    asked, it = only(node)
    assert asked.contradiction(it) is None


def test_it_is_a_finding_of_the_document() -> None:
    """The reason stands where the schema does, without anyone having called the operation."""
    node = {"additionalProperties": False, "allOf": [OBJECT]}
    answer = {"200": {"description": "", "content": {"application/json": {"schema": node}}}}
    asked = contract({"/x": {"get": {"responses": answer}}})
    found = [fault for fault in asked.check() if "no value can satisfy" in fault.message]
    assert len(found) == 1 and found[0].where.endswith("/paths/~1x/get/responses/200/content/application~1json/schema")
    assert '"a" is required, and an `additionalProperties: false` beside it forbids it' in found[0].message


SCALARS: st.SearchStrategy[Any] = st.sampled_from([
    {"type": "string"}, {"type": "integer"}, {"type": "number", "minimum": 1}, {"type": "integer", "maximum": 0}, {"enum": ["a", 1]}, {"enum": [1]}, True,
    {"type": ["string", "null"]}, {"type": "integer", "nullable": True}, {"type": "string", "minLength": 2}, {"type": "string", "maxLength": 1},
])  # fmt: skip
NAMES = st.sampled_from(["a", "b"])
NODES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"allOf": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda parts, kind: {"oneOf": parts, **kind}, st.lists(inner, min_size=1, max_size=2), st.sampled_from([{}, {"type": "object"}, {"type": "string"}])),
        st.builds(
            lambda properties, required, rest: {"type": "object", "properties": properties, "required": sorted(required), **rest},
            st.dictionaries(NAMES, inner, max_size=2), st.sets(NAMES), st.sampled_from([{}, {"additionalProperties": False}]),
        ),
    ),
    max_leaves=6,
)
VALUES = st.recursive(st.sampled_from([None, "", "a", "aa", 0, 1, 2, 1.5, True]), lambda inner: st.dictionaries(NAMES, inner, max_size=2), max_leaves=4)


@given(NODES, st.lists(VALUES, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_value_that_is_valid_refutes_no_contradiction(node: Any, values: list[Any]) -> None:
    """Where a contradiction is said, the compiled schema takes none of the values: soundness."""
    asked = contract(schemas={"It": node})
    it = schema(asked, "It")
    if asked.contradiction(it) is not None:
        assert not any(asked.validator(it, "response").is_valid(value) for value in [*values, asked.example(it, "response")])
