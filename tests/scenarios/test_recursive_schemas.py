"""Schemas that refer to themselves, in the ways of real documents: each is played, none takes for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.inline import Json, played, things
from understudy.contract.combining import Combined, combined
from understudy.contract.contract import Contract
from understudy.contract.values import Schema
from understudy.sandbox import Options
from understudy.understanding import understand

TEXT, COUNT = {"type": "string"}, {"type": "integer"}
ID = {"type": "string", "readOnly": True}


def ref(name: str) -> Json:
    """A reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def child(parent: str, **own: Any) -> Json:
    """A schema that builds on another, with properties of its own, all required."""
    return {"allOf": [ref(parent), {"type": "object", "required": sorted(own), "properties": own}]}


def parent(*children: Any) -> Json:
    """A schema that must be one of those that build on it."""
    return {"type": "object", "required": ["id", "kind"], "properties": {"id": ID, "kind": TEXT}, "oneOf": list(children)}


FAMILIES: dict[str, dict[str, Any]] = {
    "a parent of children that build on it": {"Thing": parent(ref("Cat"), ref("Dog")), "Cat": child("Thing", claws=COUNT), "Dog": child("Thing", bark=TEXT)},
    "with a discriminator": {
        "Thing": {**parent(ref("Cat"), ref("Dog")), "discriminator": {"propertyName": "kind", "mapping": {"cat": "Cat"}}},
        "Cat": child("Thing", claws=COUNT), "Dog": child("Thing", bark=TEXT)},
    "grandchildren": {"Thing": parent(ref("Cat"), ref("Dog")), "Pet": child("Thing"), "Cat": child("Pet", claws=COUNT), "Dog": child("Pet", bark=TEXT)},
    "a child written where it is named": {"Thing": parent(child("Thing", claws=COUNT), child("Thing", bark=TEXT))},
}


@pytest.mark.parametrize("schemas", FAMILIES.values(), ids=FAMILIES.keys())
@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_parent_and_child_that_refer_to_each_other_are_kept_to(schemas: dict[str, Any], version: str, tmp_path: Path) -> None:
    """A validator that took them by the letter would never end; what both ask for still counts."""
    call = played({**things(ref("Thing")), "openapi": version, "components": {"schemas": schemas}}, tmp_path)
    made = call.post("/things", {"kind": "cat", "claws": 3})
    assert made.status == 201 and made.json["claws"] == 3 and made.json["id"]
    assert call.get(f"/things/{made.json['id']}").json == made.json
    refused = [call.post("/things", body).status for body in ({"kind": "cat"}, {"claws": 3}, {"kind": "cat", "claws": "three"}, {"kind": 1, "bark": "a"})]
    assert refused == [400, 400, 400, 400]


LOOPS: dict[str, dict[str, Any]] = {
    "built on itself": {"Thing": {"properties": {"id": TEXT}, "allOf": [ref("Thing")]}},
    "an alias of an alias of itself": {"Thing": ref("Other"), "Other": ref("Thing")},
    "one of itself": {"Thing": {"anyOf": [ref("Thing"), {"type": "object", "properties": {"id": TEXT}}]}},
    "not itself": {"Thing": {"properties": {"id": TEXT}, "not": ref("Thing")}},
}


@pytest.mark.parametrize("schemas", LOOPS.values(), ids=LOOPS.keys())
def test_a_schema_that_is_its_own_condition_asks_for_nothing_by_that(schemas: dict[str, Any], tmp_path: Path) -> None:
    """It has no meaning (JSON Schema, Core, section 9.4.1); the rest of the document is played."""
    call = played({**things(ref("Thing")), "components": {"schemas": schemas}}, tmp_path)
    assert call.post("/things", {"id": "a"}).status == 201 and call.get("/things").status == 200


def test_trees_of_unions_are_understood_at_once(tmp_path: Path) -> None:
    """Kinds of blocks that hold blocks: each property that several kinds share is a schema made of theirs, made of theirs…

    Of such there must be finitely many, and few; a document like this used to take all memory there is.
    """
    kinds = [f"Block{number}" for number in range(12)]
    schemas: Json = {
        kind: {"type": "object", "required": ["kind"], "properties": {
            "kind": {"enum": [kind]}, "meta": {"type": "object", "properties": {"of": {"oneOf": [ref(one) for one in kinds[number:]]}}},
            "nodes": {"type": "array", "items": {"oneOf": [ref(one) for one in kinds[: number + 2]]}}}}
        for number, kind in enumerate(kinds)
    }  # fmt: skip
    record = {"type": "object", "required": ["id", "body"], "properties": {"id": ID, "body": {"oneOf": [ref(one) for one in kinds]}}}
    path = tmp_path / "trees.json"
    path.write_text(json.dumps({**things(record), "components": {"schemas": schemas}}), encoding="utf-8")
    understood = understand(Options(spec=str(path)), Contract.check)
    assert understood.script.behaviour.resources


def test_a_value_is_made_for_branches_that_name_themselves_otherwise_than_the_document_does(tmp_path: Path) -> None:
    """A discriminator without mapping stands for the schema's name; where the property says another value, that one counts."""
    edits, other = ({"type": "object", "required": ["type"], "properties": {"type": {"enum": [name]}}} for name in ("edits", "other"))
    record = {"type": "object", "required": ["id", "of"], "properties": {
        "id": ID, "of": {"oneOf": [ref("Edits"), ref("Other")], "discriminator": {"propertyName": "type"}}}}  # fmt: skip
    call = played({**things(record), "components": {"schemas": {"Edits": edits, "Other": other}}}, tmp_path)
    assert call.get("/things/none", headers={"Prefer": "code=200"}).json["of"] == {"type": "edits"}


# --- combinations ------------------------------------------------------------------------------------------------

A, B, C = (Schema(f"doc#/{name}", {"title": name}) for name in "ABC")


def test_combinations_are_made_flat() -> None:
    """Whichever way they came about."""
    inner = combined([A, B], "anyOf")
    assert inner is not None and combined([inner, C], "anyOf") == combined([C, inner, A], "anyOf")
    assert isinstance(flat := combined([inner, C], "anyOf"), Combined) and flat.parts == (A, B, C)


def test_what_adds_nothing_is_left_out_of_a_combination() -> None:
    """A and (A or B) is A; one schema alone is itself, none is none."""
    either = combined([A, B], "anyOf")
    assert either is not None
    assert combined([A, either], "allOf") == A and combined([A], "allOf") == A and combined([], "allOf") is None


def test_combinations_within_combinations_end() -> None:
    """Beyond a depth they are widened to any of the parts."""
    either, both = combined([A, B], "anyOf"), combined([B, C], "allOf")
    assert either is not None and both is not None
    deep = combined([C, either], "allOf")
    assert deep is not None
    deeper = combined([deep, Schema("doc#/D", {"title": "D"})], "anyOf")
    assert isinstance(deeper, Combined) and not any(isinstance(one, Combined) for one in deeper.parts)
