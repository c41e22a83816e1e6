"""What a refusal says, and of which field."""

from __future__ import annotations

from typing import Any

import pytest

from contract.made import only
from understudy.contract.violations import MISSING, Violation, listed, nearest_name, shown


def first(value: Any, node: Any, others: Any = None) -> Violation:
    """The first violation of a schema."""
    asked, it = only(node, others=others)
    found = asked.validator(it, "request").first(value)
    assert found is not None
    return found


ROWS: list[tuple[Any, Any, str, str]] = [
    ({"required": ["a"]}, {}, "a", MISSING),
    ({"properties": {"a": {"items": {"required": ["b"]}}}}, {"a": [{"b": 1}, {}]}, "a.1.b", MISSING),
    ({"maxItems": 2}, [1, 2, 3], "", "value holds too many items (3, maximum allowed: 2)"),
    ({"minItems": 1}, [], "", "value holds too few items (0, minimum required: 1)"),
    ({"maxProperties": 0}, {"a": 1}, "", "value holds too many fields (1, maximum allowed: 0)"),
    ({"minProperties": 1}, {}, "", "value holds too few fields (0, minimum required: 1)"),
    ({"type": "string"}, 3, "", "value must be a string, not a number"),
    ({"type": ["null", "string"]}, 3, "", "value must be a string or null, not a number"),
    ({"type": "integer"}, 1.5, "", "value must be an integer, not 1.5"),
    ({"type": "boolean"}, "x", "", "value must be true or false, not a string"),
    ({"enum": ["ACTIVE", "DRAFT"]}, "ACTVE", "", 'value "ACTVE" is not one of ACTIVE, DRAFT; did you mean "ACTIVE"?'),
    ({"enum": ["A", 1, None]}, {}, "", "value {} is not one of A, 1, null"),
    ({"const": 1}, 2, "", "value must be 1, not 2"),
    ({"pattern": "^a$"}, "b", "", 'value "b" does not match the pattern ^a$'),
    ({"format": "date"}, "x", "", 'value "x" is not a valid date, such as 2025-01-01'),
    ({"minLength": 2}, "a", "", "value is too short (1 characters, minimum required: 2)"),
    ({"maxLength": 2}, "abc", "", "value is too long (3 characters, maximum allowed: 2)"),
    ({"minimum": 2}, 1, "", "value is too small (1, minimum allowed: 2)"),
    ({"maximum": 2}, 3, "", "value is too large (3, maximum allowed: 2)"),
    ({"exclusiveMinimum": 2}, 2, "", "value is too small (2, must be above 2)"),
    ({"exclusiveMaximum": 2}, 2, "", "value is too large (2, must be below 2)"),
    ({"multipleOf": 0.01}, 1.005, "", "value 1.005 is not a multiple of 0.01"),
    ({"uniqueItems": True}, [1, 2, 1], "2", "value holds the same item twice (items 0 and 2), and must hold each once"),
    ({"additionalProperties": False, "properties": {"a": {}}}, {"b": 1}, "b", "field is not known here, and no others are allowed"),
    ({"additionalProperties": False}, {"b": 1}, "b", "field is not known here, and no others are allowed"),
    ({"unevaluatedProperties": False}, {"b": 1}, "b", "field is not known here, and no others are allowed"),
    ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2], "", "value holds an item too many: 2"),
    ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "ab", "field name is too long (2 characters, maximum allowed: 1)"),
    ({"contains": {"type": "string"}}, [1], "", "value holds no item, or too few, of the kind that is required"),
    ({"contains": {}, "maxContains": 1}, [1, 2], "", "value holds too many items of one kind"),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "b", MISSING),
    ({"not": {"type": "string"}}, "x", "", 'value "x" is one of those ruled out here'),
    ({"properties": {"a": False}}, {"a": 1}, "a", "no value is allowed here"),
    ({"oneOf": [{"type": "number"}, {"minimum": 1}]}, 2, "", "value fits more than one of the forms allowed here, and must fit exactly one"),
    ({"anyOf": [{"type": "string"}, {"type": "object"}]}, 1, "", "value must be a string or an object, not a number"),
]


@pytest.mark.parametrize(("node", "value", "field", "message"), ROWS)
def test_each_keyword_has_its_words(node: Any, value: Any, field: str, message: str) -> None:
    """The field that is meant, what is wrong, what would be right."""
    found = first(value, node)
    assert (found.field, found.message) == (field, message)


CAT = {"type": "object", "required": ["kind", "lives"], "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}}
DOG = {"type": "object", "required": ["kind", "bark"], "properties": {"kind": {"const": "dog"}, "bark": {"type": "string"}}}


@pytest.mark.parametrize(("value", "field"), [({"kind": "dog"}, "bark"), ({"kind": "cat", "lives": "x"}, "lives"), ({"kind": "cat"}, "lives")])
def test_nearest_branch_speaks(value: Any, field: str) -> None:
    """Without discriminator, a fixed value that fits tells which form was meant."""
    assert first(value, {"oneOf": [CAT, DOG]}).field == field


BY_NAME = {"Cat": {"type": "object", "required": ["lives"]}, "Dog": {"type": "object", "required": ["bark", "tail"]}}
REFS = [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]


@pytest.mark.parametrize(
    ("discriminator", "value", "field", "message"),
    [
        ({"propertyName": "kind"}, {"kind": "Dog"}, "bark", MISSING),
        ({"propertyName": "kind"}, {}, "kind", MISSING),
        ({"propertyName": "kind"}, {"kind": "Dg"}, "kind", 'value "Dg" is not one of Cat, Dog; did you mean "Dog"?'),
        ({"propertyName": "kind", "mapping": {"hound": "#/components/schemas/Dog", "puss": "Cat"}}, {"kind": "hound"}, "bark", MISSING),
        ({"propertyName": "kind", "mapping": {"hound": "#/components/schemas/Dog", "puss": "Cat"}}, {"kind": "puss"}, "lives", MISSING),
    ],
)
def test_discriminator_chooses_the_branch(discriminator: Any, value: Any, field: str, message: str) -> None:
    """By mapping, else by schema name (OpenAPI 3.1, Discriminator Object)."""
    found = first(value, {"oneOf": REFS, "discriminator": discriminator}, BY_NAME)
    assert (found.field, found.message) == (field, message)


def test_branches_that_overlap_are_told_apart_by_their_discriminator() -> None:
    """`oneOf` with a discriminator takes a value that happens to fit two branches."""
    loose = {"A": {"type": "object"}, "B": {"type": "object"}}
    asked, it = only({"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}], "discriminator": {"propertyName": "k"}}, others=loose)
    assert asked.validator(it, "request").is_valid({"k": "A"})


def test_long_values_are_shortened() -> None:
    """A message stays a sentence."""
    assert len(first("x" * 10_000, {"enum": ["a"]}).message) < 120
    assert shown(["y" * 100]).endswith("…")
    assert listed([str(number) for number in range(20)]).endswith("and 8 more")


@pytest.mark.parametrize(("name", "near"), [("organisation", "organization"), ("STATUS", "status"), ("zzz", None), ("x" * 500, None)])
def test_nearest_known_name_is_offered_only_when_near(name: str, near: str | None) -> None:
    """Spelling and case."""
    assert nearest_name(name, ["organization", "status", 3]) == near
