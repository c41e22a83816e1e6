"""Addresses, references, anchors and documents from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from contract.made import URI
from understudy.contract.documents import Documents, Unresolvable, escape, join

DOCUMENT = {
    "openapi": "3.1.0",
    "components": {
        "schemas": {
            "A": {"$ref": "#/components/schemas/B"},
            "B": {"type": "string"},
            "a/b~c": {"type": "integer"},
            "Anchored": {"$anchor": "here", "type": "number"},
            "Tree": {"$id": "https://example.com/tree", "$defs": {"leaf": {"type": "null"}}, "properties": {"x": {"$ref": "#/$defs/leaf"}}},
            "Self": {"$ref": "#/components/schemas/Self"},
        }
    },
}
ELSEWHERE = {"file:///other/part.json": {"X": {"$ref": "#/Y"}, "Y": {"type": "boolean"}}}


def documents(**more: Any) -> Documents:
    """The document above, with others at hand."""
    return Documents([(URI, {**DOCUMENT, **more})], ELSEWHERE.__getitem__)


@pytest.mark.parametrize(
    ("base", "ref", "address"),
    [
        ("#/x", "#/components/schemas/B", f"{URI}#/components/schemas/B"),
        ("#/x", "#/components/schemas/a~1b~0c", f"{URI}#/components/schemas/a~1b~0c"),
        ("#/x", "#/components/schemas/a~1b%7E0c", f"{URI}#/components/schemas/a~1b~0c"),
        ("#/x", "#here", f"{URI}#/components/schemas/Anchored"),
        ("#/x", "https://example.com/tree", f"{URI}#/components/schemas/Tree"),
        ("#/x", "https://example.com/tree#/$defs/leaf", f"{URI}#/components/schemas/Tree/$defs/leaf"),
        ("#/components/schemas/Tree/properties/x", "#/$defs/leaf", f"{URI}#/components/schemas/Tree/$defs/leaf"),
        ("#/components/schemas/Tree/properties/x", "#", f"{URI}#/components/schemas/Tree"),
        ("#/x", "other/part.json#/Y", "file:///other/part.json#/Y"),
        ("#/x", "./other/part.json", "file:///other/part.json#"),
    ],
)
def test_reference_leads_to_an_address(base: str, ref: str, address: str) -> None:
    """By pointer, anchor, `$id`, or in another document that is retrieved."""
    found = documents()
    assert found.resolve(URI + base, ref) == address
    found.at(address)


@pytest.mark.parametrize("ref", ["#/nothing", "#nowhere", "missing.json", "other/part.json#/Z", "http://[x", 7])
def test_broken_reference_says_where_and_why(ref: Any) -> None:
    """Unresolvable carries the reference and its place."""
    with pytest.raises(Unresolvable) as raised:
        documents().resolve(f"{URI}#/x", ref)
    assert raised.value.where == f"{URI}#/x"


def test_reference_to_itself_is_refused() -> None:
    """A chain of references that never ends is broken, not followed."""
    address = f"{URI}#/components/schemas/Self"
    found = documents()
    with pytest.raises(Unresolvable, match="itself"):
        found.follow(address, found.at(address))


def test_document_is_retrieved_once() -> None:
    """Each document is asked for at most once, however often it is referred to."""
    asked: list[str] = []

    def retrieve(uri: str) -> Any:
        asked.append(uri)
        return {"Y": {}, "Z": {}}

    found = Documents([(URI, DOCUMENT)], retrieve)
    found.resolve(f"{URI}#/a", "p.json#/Y")
    found.resolve(f"{URI}#/b", "p.json#/Z")
    assert asked == ["file:///p.json"]


@pytest.mark.parametrize(
    ("base", "ref", "joined"),
    [
        ("file:///a/b.yaml", "c.yaml", "file:///a/c.yaml"),
        ("https://h/a/b", "../c", "https://h/c"),
        ("understudy:0", "part.yaml", "understudy:part.yaml"),
        ("understudy:dir/a.yaml", "b.yaml#/x", "understudy:dir/b.yaml#/x"),
        ("custom://host/a/b.yaml", "c.yaml", "custom://host/a/c.yaml"),
        ("understudy:0", "https://h/x", "https://h/x"),
    ],
)
def test_uri_references_are_joined_for_any_scheme(base: str, ref: str, joined: str) -> None:
    """RFC 3986 section 5, also where the standard library does not know the scheme."""
    assert join(base, ref) == joined


def test_pointer_steps_are_escaped() -> None:
    """RFC 6901 section 3."""
    assert escape("a/b~c") == "a~1b~0c"
