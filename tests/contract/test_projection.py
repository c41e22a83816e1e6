"""A record reduced to what a schema declares."""

from __future__ import annotations

from typing import Any

import pytest

from contract.made import contract, schema

SCHEMAS = {
    "Line": {"type": "object", "properties": {"n": {"type": "integer"}}},
    "Thing": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "secret": {"type": "string", "writeOnly": True},
            "line": {"$ref": "#/components/schemas/Line"},
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
            "map": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Line"}},
            "free": {"type": "object"},
            "self": {"$ref": "#/components/schemas/Thing"},
        },
    },
    "Either": {"oneOf": [{"$ref": "#/components/schemas/Line"}, {"$ref": "#/components/schemas/Other"}]},
    "Other": {"type": "object", "properties": {"m": {}}},
    "Free": {"type": "object"},
    "Nothing": {"type": "object", "additionalProperties": False},
    "Patterned": {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x-": {}}},
    "Tagged": {"discriminator": {"propertyName": "k"}, "oneOf": [{"$ref": "#/components/schemas/TagA"}, {"$ref": "#/components/schemas/TagB"}]},
    "TagA": {"type": "object", "properties": {"k": {}, "of": {"$ref": "#/components/schemas/Line"}}},
    "TagB": {"type": "object", "properties": {"k": {}, "of": {"$ref": "#/components/schemas/Other"}}},
}
ASKED = contract(schemas=SCHEMAS)


@pytest.mark.parametrize(
    ("name", "record", "kept"),
    [
        ("Thing", {"id": "1", "_private": 2}, {"id": "1"}),
        ("Thing", {"id": "1", "secret": "s"}, {"id": "1"}),
        ("Thing", {"line": {"n": 1, "x": 2}}, {"line": {"n": 1}}),
        ("Thing", {"lines": [{"n": 1}, {"n": 2, "x": 3}]}, {"lines": [{"n": 1}, {"n": 2}]}),
        ("Thing", {"map": {"k": {"n": 1, "x": 2}}}, {"map": {"k": {"n": 1}}}),
        ("Thing", {"free": {"a": {"b": 1}}}, {"free": {"a": {"b": 1}}}),
        ("Thing", {"self": {"self": {"x": 1, "id": "2"}}}, {"self": {"self": {"id": "2"}}}),
        ("Either", {"n": 1, "m": 2, "x": 3}, {"n": 1, "m": 2}),
        ("Free", {"a": 1}, {"a": 1}),
        ("Nothing", {"a": 1}, {}),
        ("Patterned", {"a": 1, "x-b": 2, "c": 3}, {"a": 1, "x-b": 2}),
        ("Tagged", {"k": "TagA", "of": {"n": 1, "m": 2}}, {"k": "TagA", "of": {"n": 1}}),
        ("Tagged", {"k": "TagB", "of": {"n": 1, "m": 2}}, {"k": "TagB", "of": {"m": 2}}),
    ],
)
def test_only_what_is_declared_is_kept(name: str, record: Any, kept: Any) -> None:
    """At every depth, for records, lists, maps and unions; writeOnly goes."""
    before = repr(record)
    assert ASKED.project(schema(ASKED, name))(record) == kept
    assert repr(record) == before


@pytest.mark.parametrize("record", [{"id": "1", "line": {"n": 1}, "lines": [{"n": 1}]}, {}])
def test_record_without_strangers_is_returned_itself(record: Any) -> None:
    """The very same object: nothing is copied when nothing is left out."""
    assert ASKED.project(schema(ASKED, "Thing"))(record) is record


def test_value_of_another_type_is_left_alone() -> None:
    """Projection does not judge."""
    assert ASKED.project(schema(ASKED, "Thing"))(None) is None
