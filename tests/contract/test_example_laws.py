"""The law of examples: whatever a schema asks for that some value satisfies, the example is such a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.made import contract, only, schema
from understudy.contract.keywords import FORMATS

SMALL = st.integers(-20, 20)
WIDE = st.integers(-(2**80), 2**80)


def bounded(draw: Any, numbers: st.SearchStrategy[int]) -> dict[str, Any]:
    """Bounds that leave room, and a step that has a multiple between them."""
    low = draw(numbers)
    step = draw(st.sampled_from([None, 1, 2, 3, 7, 10]))
    high = low + draw(st.integers((step or 1) + 1, 50))
    words = {draw(st.sampled_from(["minimum", "exclusiveMinimum"])): low, draw(st.sampled_from(["maximum", "exclusiveMaximum"])): high}
    kept = {word: value for word, value in words.items() if draw(st.booleans())}
    return {**kept, **({"multipleOf": step} if step else {})}


@st.composite
def integers(draw: Any) -> dict[str, Any]:
    """Of any size."""
    return {"type": "integer", **bounded(draw, draw(st.sampled_from([SMALL, WIDE])))}


@st.composite
def numbers(draw: Any) -> dict[str, Any]:
    """With fractions for steps."""
    words = bounded(draw, SMALL)
    if draw(st.booleans()):
        words["multipleOf"] = draw(st.sampled_from([0.5, 0.25, 0.01, 1.5]))
    return {"type": "number", **words}


@st.composite
def texts(draw: Any) -> dict[str, Any]:
    """By lengths, by format, by pattern, by pattern and length."""
    kind = draw(st.sampled_from(["length", "format", "pattern", "counted"]))
    if kind == "format":
        return {"type": "string", "format": draw(st.sampled_from(sorted(FORMATS)))}
    if kind == "pattern":
        return {"type": "string", "pattern": draw(st.sampled_from(PATTERNS))}
    low = draw(st.integers(0, 12))
    words = {"type": "string", "minLength": low, "maxLength": low + draw(st.integers(0, 5))}
    return words | ({"pattern": draw(st.sampled_from(["^[a-z]*$", "[0-9]*", "^[A-Z_ ]+|x*$"]))} if kind == "counted" else {})


PATTERNS = [
    "^[a-z]{3}-[0-9]{2,4}$", r"^\d+(\.\d{1,2})?$", "^(GET|POST)$", r"^[A-Za-z0-9_-]+$", r"\S+@\S+", "^$", "^cus_[0-9a-f]{24}$", r"^\w+\s\w+$",
    r"^([01]\d|2[0-3]):[0-5]\d$", "^(?!admin)[a-z]+$", r"^[^\s/]{2,}$", "a|b", r"^\+[1-9]\d{1,14}$", r"^\p{L}+$", r"[\u00e9\u4e00]",
]  # fmt: skip

SCALARS = st.one_of(
    integers(), numbers(), texts(), st.just({"type": "boolean"}), st.just({"type": "null"}), st.just({"enum": ["a", 2**70, None]}), st.just({"const": {"a": [1]}}),
    integers().map(lambda one: {**one, "nullable": True}), texts().map(lambda one: {**one, "type": ["string", "null"]}),
)
NAMES = st.sampled_from(["a", "b", "c"])


@st.composite
def arrays(draw: Any, inner: Any) -> dict[str, Any]:
    """Of a length, without repetition, holding what they must contain."""
    kind = draw(st.sampled_from(["plain", "unique", "contains", "tuple"]))
    least = draw(st.integers(0, 3))
    if kind == "unique":  # of items of which there are many
        return {"type": "array", "items": draw(st.sampled_from([{"type": "integer"}, {"type": "string", "format": "uuid"}, {"type": "string"}])), "minItems": least, "uniqueItems": True}
    if kind == "contains":
        most = {"maxContains": least + 1} if draw(st.booleans()) else {}
        return {"type": "array", "contains": {"type": "integer", "minimum": 5}, "minContains": max(1, least), **most}
    if kind == "tuple":
        return {"type": "array", "prefixItems": draw(st.lists(inner, min_size=1, max_size=3)), "items": False, "minItems": 1}
    return {"type": "array", "items": draw(inner), "minItems": least, "maxItems": least + 2}


@st.composite
def objects(draw: Any, inner: Any) -> dict[str, Any]:
    """With required properties, patterns for names, rules that hold under a condition, and nothing left unevaluated."""
    properties = draw(st.dictionaries(NAMES, inner, min_size=1, max_size=3))
    required = [name for name in properties if draw(st.booleans())]
    made: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    kind = draw(st.sampled_from(["plain", "patterned", "conditional", "unevaluated", "dependent", "many", "closed"]))
    if kind == "patterned":
        made |= {"patternProperties": {"^x-": draw(inner)}, "additionalProperties": False, "minProperties": len(properties) + 1}
    elif kind == "conditional":
        made |= {"if": {"required": required}, "then": {"properties": {"then": draw(inner)}, "required": ["then"]}, "else": {"required": ["else"]}}
    elif kind == "unevaluated":
        made = {"allOf": [made, {"properties": {"d": draw(inner)}, "required": ["d"]}], "unevaluatedProperties": False}
    elif kind == "dependent":
        made |= {"dependentRequired": {name: ["e"] for name in properties}, "dependentSchemas": {"e": {"properties": {"e": draw(inner)}}}}
    elif kind == "many":
        made |= {"additionalProperties": draw(inner), "minProperties": len(properties) + 2, "propertyNames": {"pattern": "^[a-z0-9]+$"}}
    elif kind == "closed":
        made["additionalProperties"] = False
    return made


NODES = st.recursive(SCALARS, lambda inner: st.one_of(arrays(inner), objects(inner), st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found})), max_leaves=5)


@given(NODES)
@settings(max_examples=250, deadline=None, derandomize=True)
def test_an_example_satisfies_its_schema(node: Any) -> None:
    """Judged by the compiled schema, in either direction, and the same a second time."""
    asked = contract(schemas={"It": node})
    it = schema(asked, "It")
    for direction in ("request", "response"):
        value = asked.example(it, direction)
        assert asked.validator(it, direction).first(value) is None, (node, value)
        assert contract(schemas={"It": node}).example(it, direction) == value
    assert not asked.unexampled


LOOP = {"$ref": "#/components/schemas/It"}


@pytest.mark.parametrize(
    "node",
    [
        {"type": "object", "properties": {"next": {"anyOf": [LOOP, {"type": "null"}]}}, "required": ["next"]},
        {"type": "object", "properties": {"children": {"type": "array", "items": LOOP}}, "required": ["children"]},
        {"type": "object", "properties": {"next": {**LOOP, "nullable": True}}, "required": ["next"]},
        {"type": "object", "additionalProperties": LOOP},
        {"oneOf": [{"type": "object", "properties": {"not": LOOP}, "required": ["not"]}, {"type": "string"}]},
        {"type": "array", "items": LOOP, "maxItems": 3},
    ],
)
def test_a_cycle_ends_as_early_as_the_schema_allows(node: Any) -> None:
    """By null, by an empty list, by leaving it out, by the branch without it."""
    asked, it = only(node)
    value = asked.example(it, "response")
    assert asked.validator(it, "response").is_valid(value) and len(str(value)) < 60


@pytest.mark.parametrize(
    ("node", "word"),
    [
        ({"type": "object", "properties": {"me": LOOP}, "required": ["me"]}, "no finite value"),
        ({"type": "string", "pattern": "^a$", "minLength": 5}, "no valid example was found"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no value can satisfy"),
        ({"allOf": [{"type": "object"}, {"type": "array"}]}, "no value can satisfy"),
        ({"not": {}}, "no valid example was found"),
    ],
)
def test_what_cannot_be_answered_validly_is_a_finding_before_anyone_asks(node: Any, word: str) -> None:
    """With the place of the schema, at load; the operation is served all the same."""
    answer = {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/It"}}}}}
    asked = contract({"/x": {"get": {"responses": answer}}}, {"It": node})
    found = [fault for fault in asked.check() if word in fault.message]
    assert found and "/paths/~1x/get/responses/200" in found[0].where + "".join(fault.where for fault in found)
    assert all(fault.severity == "warning" for fault in asked.check())
