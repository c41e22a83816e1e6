"""Overlays: targets, merge rules, and what is said of a file that is wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from understudy.contract.overlaying import overlay

URI = "file:///api/pets.yaml"
FILE = "local.overlay.yaml"
PETS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example"}],
    "paths": {
        "/pets": {"get": {"tags": ["pets"], "parameters": [{"name": "page", "in": "query"}], "x-traits": ["paged"]}, "post": {"deprecated": False}},
        "/owners": {"get": {"tags": ["owners", "people"]}},
    },
}


def applied(*actions: dict[str, Any], version: str = "1.1.0") -> tuple[Any, list[tuple[str, str, str]]]:
    """The document after some actions, and what was wrong with them."""
    document = copy.deepcopy(PETS)
    data = {"overlay": version, "info": {"title": "local", "version": "1"}, "actions": list(actions)}
    faults = overlay([(URI, document)], data, FILE, "file:///api/local.overlay.yaml")
    return document, [(fault.where, fault.message, fault.severity) for fault in faults]


def at(document: Any, *steps: Any) -> Any:
    """A part of a document."""
    for step in steps:
        document = document[step]
    return document


@pytest.mark.parametrize(
    ("action", "place", "value"),
    [
        ({"target": "$", "update": {"info": {"title": "Mine"}}}, ("info",), {"title": "Mine", "version": "1"}),
        ({"target": "$.info", "update": {"contact": {"name": "Ann"}}}, ("info", "contact"), {"name": "Ann"}),
        ({"target": "$.servers", "update": {"url": "/"}}, ("servers",), [{"url": "https://pets.example"}, {"url": "/"}]),
        ({"target": "$.servers", "update": [{"url": "/a"}, {"url": "/b"}]}, ("servers", 2), {"url": "/b"}),
        ({"target": "$.paths.*.get", "update": {"tags": ["x"]}}, ("paths", "/owners", "get", "tags"), ["owners", "people", "x"]),
        ({"target": "$.paths['/pets'].get.parameters[?@.name == 'page']", "update": {"in": "header"}},
         ("paths", "/pets", "get", "parameters", 0), {"name": "page", "in": "header"}),
        ({"target": "$.paths[?@.get['x-traits'][?@ == 'paged']].get", "update": {"parameters": [{"name": "limit", "in": "query"}]}},
         ("paths", "/pets", "get", "parameters", 1), {"name": "limit", "in": "query"}),
        ({"target": "$.info.title", "update": "Other"}, ("info", "title"), "Other"),
        ({"target": "$.paths['/owners']", "remove": True}, ("paths",), {"/pets": PETS["paths"]["/pets"]}),
        ({"target": "$.paths['/owners'].get.tags[*]", "remove": True}, ("paths", "/owners", "get", "tags"), []),
        ({"target": "$.paths['/owners'].get.tags[?@ == 'owners']", "remove": True, "update": "x"}, ("paths", "/owners", "get", "tags"), ["people"]),
        ({"target": "$.paths['/owners']", "copy": "$.paths['/pets']"}, ("paths", "/owners", "post"), {"deprecated": False}),
        ({"target": "$..deprecated", "update": True}, ("paths", "/pets", "post", "deprecated"), True),
    ],
)  # fmt: skip
def test_an_action_changes_what_its_target_selects(action: dict[str, Any], place: tuple[Any, ...], value: Any) -> None:
    """Objects merge, lists grow, plain values are replaced; what is removed is gone, whatever `update` says."""
    document, faults = applied(action)
    assert faults == [] and at(document, *place) == value


def test_actions_see_what_those_before_them_did() -> None:
    """Removed, then made anew; each place gets a copy of its own."""
    document, _ = applied({"target": "$.servers", "remove": True}, {"target": "$", "update": {"servers": []}}, {"target": "$.servers", "update": {"url": "/x"}},
                          {"target": "$.paths.*.get", "update": {"x-note": {"by": "me"}}}, {"target": "$.paths['/pets'].get['x-note']", "update": {"by": "you"}})  # fmt: skip
    assert document["servers"] == [{"url": "/x"}]
    assert document["paths"]["/owners"]["get"]["x-note"] == {"by": "me"}


def test_an_action_that_changes_nothing_is_a_warning() -> None:
    """The overlay may be older than the document, or its path mistaken."""
    _, faults = applied({"target": "$.paths['/cats']", "remove": True}, {"target": "$.info"})
    assert [(where, severity) for where, _, severity in faults] == [(f"{FILE}#/actions/0/target", "warning"), (f"{FILE}#/actions/1", "warning")]
    assert "$.paths['/cats']" in faults[0][1]


@pytest.mark.parametrize(
    ("action", "where", "told"),
    [
        ({"target": "$.info", "update": "x"}, "update", "must be an object"),
        ({"target": "$.info", "update": {"title": {"en": "x"}}}, "update", "title has objects where the document has plain values"),
        ({"target": "$", "update": {"paths": None}}, "update", "paths has plain values where the document has objects"),
        ({"target": "$.info.title", "update": ["x"]}, "update", "must be a plain value"),
        ({"target": "$['info', 'servers']", "update": {}}, "target", "lists and objects"),
        ({"target": "$", "remove": True}, "target", "cannot be removed"),
        ({"target": "$.info", "copy": "$.paths.*"}, "copy", "selects 2 nodes"),
        ({"target": "$.paths[", "update": {}}, "target", "is no JSONPath (RFC 9535)"),
        ({"target": 7, "update": {}}, "target", "is a JSONPath, such as"),
        ({"target": "$.info", "remove": "yes"}, "remove", "true or false, not yes"),
        ({"target": "$.info", "updates": {}}, "updates", "update is"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_action_is_said(action: dict[str, Any], where: str, told: str) -> None:
    """Its place in the file, and what would be right."""
    _, faults = applied(action)
    assert [(place, severity) for place, _, severity in faults] == [(f"{FILE}#/actions/0/{where}", "error")]
    assert told in faults[0][1]


def test_copying_belongs_to_version_1_1() -> None:
    """An overlay of version 1.0 has only `update` and `remove`."""
    _, faults = applied({"target": "$.info", "copy": "$.servers"}, version="1.0.0")
    assert [place for place, _, _ in faults] == [f"{FILE}#/actions/0/copy"]


def test_all_that_is_wrong_with_a_file_is_said_at_once() -> None:
    """And nothing is applied."""
    document = copy.deepcopy(PETS)
    data = {"overlay": 2, "action": [], "actions": [{"target": "$.info", "remove": True}, "x", {"update": {}}]}
    found = [fault.where for fault in overlay([(URI, document)], data, FILE, URI)]
    assert found == [f"{FILE}#{place}" for place in ("/overlay", "/info", "/action", "/actions/1", "/actions/2/target")]
    assert document == PETS
    assert [fault.where for fault in overlay([(URI, document)], ["x"], FILE, URI)] == [f"{FILE}#"]


@pytest.mark.parametrize(("extends", "changed"), [(None, [True, True]), ("pets.yaml", [True, False]), ("https://else.example/owners.yaml", [False, True])])
def test_an_overlay_of_several_documents_is_for_the_one_it_extends(extends: str | None, changed: list[bool]) -> None:
    """By its address, or by its file name; without `extends` for each. An action is in vain only where no document has its target."""
    documents = [(URI, copy.deepcopy(PETS)), ("file:///api/owners.yaml", {"info": {}, "x-own": {}})]
    actions = [{"target": "$.info", "update": {"x-seen": True}}, {"target": "$['x-own', 'paths']", "update": {}}]
    data = {"overlay": "1.0.0", "info": {"title": "x", "version": "1"}, "actions": actions, **({"extends": extends} if extends else {})}
    assert overlay(documents, data, FILE, "file:///api/local.overlay.yaml") == []
    assert ["x-seen" in document["info"] for _, document in documents] == changed


def test_an_overlay_of_another_document_is_refused() -> None:
    """`extends` names what is not there."""
    data = {"overlay": "1.0.0", "info": {"title": "x", "version": "1"}, "extends": "cats.yaml", "actions": [{"target": "$", "update": {}}]}
    (fault,) = overlay([(URI, {}), ("file:///api/owners.yaml", {})], data, FILE, URI)
    assert fault.where == f"{FILE}#/extends" and URI in fault.message
