"""Schemas compiled and asked: dialects, directions, formats, references, violations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.made import URI, contract, only, schema
from understudy.contract.violations import Violation


def valid(value: Any, node: Any, version: str = "3.1.0", direction: str = "request", others: Any = None) -> bool:
    """Whether a value is valid for a component schema."""
    asked, it = only(node, version, others)
    return bool(asked.validator(it, direction).is_valid(value))


def first(value: Any, node: Any, version: str = "3.1.0", direction: str = "request", others: Any = None) -> Violation:
    """The first violation of a component schema."""
    asked, it = only(node, version, others)
    found = asked.validator(it, direction).first(value)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("node", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, None, 1),
        ({"type": "string", "enum": ["a"], "nullable": True}, "a", None),  # 3.0.3: an enum without null forbids it
        ({"type": "string", "enum": ["a", None], "nullable": True}, None, "b"),
        ({"$ref": "#/components/schemas/S", "nullable": True}, None, 1),
        ({"allOf": [{"type": "string"}], "nullable": True}, None, 1),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 2, 1),
        ({"type": "integer", "maximum": 1, "exclusiveMaximum": True}, 0, 1),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": False}, 1, 0),
        ({"$ref": "#/components/schemas/S", "maxLength": 1}, "long", 1),
        ({"type": "integer", "format": "int32"}, 2**31 - 1, 2**31),
        ({"type": "integer", "format": "int64"}, 2**63 - 1, 2**63),
        ({"type": "number", "format": "double"}, 1.5, "1.5"),
        ({"type": "string", "format": "byte"}, "YQ==", "a?"),
        ({"type": "string", "format": "binary"}, "\x00ÿ", 1),
        ({"type": "string", "format": "date-time"}, "2025-05-06T00:00:00Z", "2025-05-06"),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000000", "0"),
        ({"type": "file"}, "x", object),
    ],
)
def test_openapi_30_schemas_mean_what_that_version_says(node: Any, good: Any, bad: Any) -> None:
    """nullable, boolean exclusive bounds, siblings of $ref ignored, number and string formats."""
    others = {"S": {"type": "string"}}
    assert valid(good, node, "3.0.3", others=others)
    assert bad is object or not valid(bad, node, "3.0.3", others=others)


@pytest.mark.parametrize(
    ("node", "good", "bad"),
    [
        ({"type": ["string", "null"]}, None, 1),
        ({"type": "string", "nullable": True}, None, 1),  # no word of 3.1, and meant all the same
        ({"$ref": "#/components/schemas/S", "nullable": True}, None, 1),
        ({"type": "string", "enum": ["a"], "nullable": True}, "a", None),
        ({"$ref": "#/components/schemas/S", "maxLength": 1}, "l", "long"),
        ({"exclusiveMinimum": 1}, 2, 1),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}),
        ({"patternProperties": {"^x": {"type": "string"}}}, {"x": "", "y": 1}, {"x": 1}),
        ({"dependentRequired": {"a": ["b"]}}, {"b": 1}, {"a": 1}),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], ["a", 1]),
        ({"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False}, {"a": 1}, {"b": 1}),
        ({"const": {"a": [1]}}, {"a": [1]}, {"a": [2]}),
        ({"contains": {"type": "integer"}, "minContains": 2}, [1, 2], [1, "a"]),
        ({"pattern": "^.{2,3}$"}, "ab", "abcd"),
        ({"pattern": "^.{2}$"}, "ab", "a\n"),
        (True, 1, object),
    ],
)
def test_openapi_31_schemas_are_draft_2020_12(node: Any, good: Any, bad: Any) -> None:
    """Siblings of $ref count there; of the words of 3.0 only `nullable` does."""
    others = {"S": {"type": "string"}}
    assert valid(good, node, others=others)
    assert bad is object or not valid(bad, node, others=others)


def test_draft_7_words_still_count() -> None:
    """Tuples in `items`, `dependencies`."""
    node = {"items": [{"type": "string"}], "additionalItems": False, "dependencies": {"a": ["b"]}}
    assert valid(["a"], node) and not valid(["a", 1], node) and not valid({"a": 1}, node)


HIDDEN = {"type": "object", "required": ["id", "name", "secret"], "properties": {"id": {"type": "string", "readOnly": True}, "name": {}, "secret": {"type": "string", "writeOnly": True}}}


@pytest.mark.parametrize(("direction", "value", "good"), [("request", {"name": 1, "secret": "s"}, True), ("request", {"name": 1, "id": "i"}, False), ("response", {"name": 1, "id": "i"}, True), ("response", {"name": 1, "secret": "s"}, False)])
def test_required_counts_only_in_its_direction(direction: str, value: Any, good: bool) -> None:
    """A required readOnly property is not required of a request, a writeOnly one not of a response."""
    assert valid(value, HIDDEN, direction=direction) is good


@pytest.mark.parametrize(
    "node",
    [
        {"allOf": [HIDDEN]},
        {"allOf": [{"properties": HIDDEN["properties"]}, {"required": HIDDEN["required"]}]},
        {"allOf": [{"$ref": "#/components/schemas/Needs"}, {"properties": HIDDEN["properties"]}]},
        {"required": HIDDEN["required"], "properties": {**HIDDEN["properties"], "id": {"$ref": "#/components/schemas/Id"}}},  # type: ignore[dict-item]
    ],
)
def test_direction_is_seen_across_all_of_and_references(node: Any) -> None:
    """Where `required` stands in one part and readOnly in another."""
    others = {"Needs": {"required": ["id", "name", "secret"]}, "Id": {"type": "string", "readOnly": True}}
    assert valid({"name": 1, "secret": "s"}, node, others=others)
    assert not valid({"name": 1, "secret": "s"}, node, direction="response", others=others)


def test_recursive_schemas_are_compiled_and_asked() -> None:
    """Directly, through others, and through itself alone."""
    others = {"Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "n": {"type": "integer"}}}, "Loop": {"$ref": "#/components/schemas/Loop"}}
    deep: dict[str, Any] = {"n": "x"}
    for _ in range(100):
        deep = {"next": deep}
    assert first(deep, {"$ref": "#/components/schemas/Node"}, others=others).field == ".".join(["next"] * 100 + ["n"])
    assert valid(1, {"$ref": "#/components/schemas/Loop"}, others=others)


def test_dynamic_references_reach_the_outermost_anchor() -> None:
    """Draft 2020-12 section 8.2.3.2: a strict tree built on a loose one is strict at every depth."""
    others = {
        "Tree": {"$id": "https://example.com/tree", "$dynamicAnchor": "node", "type": "object", "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}}},
        "Strict": {"$id": "https://example.com/strict", "$dynamicAnchor": "node", "$ref": "tree", "unevaluatedProperties": False},
    }
    typo = {"children": [{"daat": 1}]}
    assert valid(typo, {"$ref": "#/components/schemas/Tree"}, others=others)
    assert not valid(typo, {"$ref": "#/components/schemas/Strict"}, others=others)


def test_generic_page_takes_the_items_of_its_user() -> None:
    """The other use of `$dynamicRef`: a placeholder filled by whoever refers to it."""
    others = {
        "Page": {"$id": "https://example.com/page", "properties": {"items": {"items": {"$dynamicRef": "#T"}}}, "$defs": {"T": {"$dynamicAnchor": "T", "not": {}}}},
        "Users": {"$id": "https://example.com/users", "$ref": "page", "$defs": {"T": {"$dynamicAnchor": "T", "type": "string"}}},
    }
    assert valid({"items": ["a"]}, {"$ref": "#/components/schemas/Users"}, others=others)
    assert not valid({"items": [1]}, {"$ref": "#/components/schemas/Users"}, others=others)


def crowd(count: int) -> dict[str, Any]:
    """Component schemas that all refer to others, more than are compiled in one piece."""
    return {
        f"S{i}": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}, **{f"p{k}": {"$ref": f"#/components/schemas/S{(i * 7 + k) % count}"} for k in range(8)}}}
        for i in range(count)
    }


def test_schemas_too_large_for_one_piece_judge_alike() -> None:
    """What is put off is judged, and explained, when a value gets there."""
    asked = contract(schemas=crowd(200))
    validator = asked.validator(schema(asked, "S3"), "request")
    value: dict[str, Any] = {"n": 1}
    for _ in range(30):
        value = {"n": 1, "p5": value}
    assert validator.is_valid(value)
    innermost = value
    while "p5" in innermost:
        innermost = innermost["p5"]
    innermost["n"] = "x"
    assert not validator.is_valid(value)
    found = validator.first(value)
    assert found is not None
    assert (found.field, found.message) == (".".join(["p5"] * 30 + ["n"]), "value must be an integer, not a string")


def test_broken_keyword_is_a_fault_and_the_rest_counts() -> None:
    """Each with its place and what would be right."""
    node = {"type": "strnig", "maxLength": "3", "minLength": 2, "required": "a", "properties": {"a": {"$ref": "#/nowhere"}, "b": 7}, "pattern": "([", "anyOf": []}
    asked, it = only(node)
    validator = asked.validator(it, "request")
    assert validator.is_valid("ab") and not validator.is_valid("a")
    places = {fault.where.removeprefix(it.uri) for fault in asked.faults}
    assert {"/type", "/maxLength", "/required", "/properties/a/$ref", "/properties/b", "", "/anyOf"} <= places


def test_validator_is_compiled_once() -> None:
    """Asking again gives the very same one."""
    asked, it = only({"type": "string"})
    assert asked.validator(it, "request") is asked.validator(it, "request")


def test_violations_are_all_of_them() -> None:
    """`first` is one of `violations`."""
    asked, it = only({"required": ["a", "b"], "maxProperties": 0})
    validator = asked.validator(it, "request")
    fields = [one.field for one in validator.violations({"c": 1})]
    assert fields == ["a", "b", ""] or sorted(fields) == ["", "a", "b"]
    assert validator.violations({}) and validator.first({"a": 1, "b": 2}) in validator.violations({"a": 1, "b": 2})


JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6)
NODE = st.recursive(
    st.sampled_from([{}, {"type": "string"}, {"type": "integer"}, {"type": ["null", "boolean"]}, {"minLength": 2}, {"minimum": 3}, {"enum": ["a", 1, None]}]),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=2).map(lambda it: {"type": "object", "properties": it, "required": list(it)[:1]}),
        inner.map(lambda it: {"type": "array", "items": it}),
        st.lists(inner, min_size=1, max_size=2).map(lambda it: {"anyOf": it}),
        st.lists(inner, min_size=1, max_size=2).map(lambda it: {"allOf": it}),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(NODE, JSON)
def test_verdict_is_that_of_a_second_opinion(node: Any, value: Any) -> None:
    """What conversion makes of a schema judges as jsonschema judges the original; a refusal is always explained."""
    from jsonschema import Draft202012Validator  # a second opinion

    asked, it = only(node)
    validator = asked.validator(it, "request")
    assert validator.is_valid(value) is Draft202012Validator(node).is_valid(value)
    assert (validator.first(value) is None) is validator.is_valid(value)
    json.dumps(URI)
