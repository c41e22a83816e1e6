"""Which operation a method and a path mean."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.made import contract
from understudy.contract.contract import Contract
from understudy.contract.matching import split
from understudy.problems import Problem

PATHS = [
    "/customers",
    "/customers/search",
    "/customers/{id}",
    "/customers/{id}/cards/{card}",
    "/customers/me/cards/default",
    "/customers/{id}.json",
    "/customers/{id}:cancel",
    "/v{version}/things/{thing}",
    "/compare/{base}...{head}",
    "/range/{from}-{to}",
    "/{tenant}/status",
]


def of(paths: list[str], methods: tuple[str, ...] = ("get",)) -> Contract:
    """A contract whose path items have the same methods."""
    return contract({path: {method: {"responses": {}} for method in methods} for path in paths})


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/customers", "/customers", {}),
        ("/customers/search", "/customers/search", {}),
        ("/customers/c1", "/customers/{id}", {"id": "c1"}),
        ("/customers/me/cards/default", "/customers/me/cards/default", {}),
        ("/customers/me/cards/other", "/customers/{id}/cards/{card}", {"id": "me", "card": "other"}),
        ("/customers/c1.json", "/customers/{id}.json", {"id": "c1"}),
        ("/customers/c1:cancel", "/customers/{id}:cancel", {"id": "c1"}),
        ("/v2/things/t", "/v{version}/things/{thing}", {"version": "2", "thing": "t"}),
        ("/compare/a..b...c", "/compare/{base}...{head}", {"base": "a..b", "head": "c"}),
        ("/range/1-2-3", "/range/{from}-{to}", {"from": "1", "to": "2-3"}),
        ("/acme/status", "/{tenant}/status", {"tenant": "acme"}),
        ("/customers/a%2Fb", "/customers/{id}", {"id": "a/b"}),
        ("/customers/%C3%A9", "/customers/{id}", {"id": "é"}),
        ("/customers/%73earch", "/customers/search", {}),
    ],
)
def test_most_literal_template_wins_and_values_come_decoded(path: str, template: str, values: dict[str, str]) -> None:
    """Literal segments beat mixed ones, mixed ones beat parameters; a dead end is walked back."""
    operation, found = of(PATHS).match("GET", path)
    assert (operation.path, found) == (template, values)


@pytest.mark.parametrize("path", ["/", "/nothing", "/customers/", "/customers//cards/x", "/customers/c1/cards", "/customers/.json/"])
def test_path_without_item_is_unknown(path: str) -> None:
    """A parameter is never empty, and a slash at the end makes another path."""
    with pytest.raises(Problem) as raised:
        of(PATHS).match("GET", path)
    assert raised.value.kind == "unknown_path"


@pytest.mark.parametrize("path", ["/customers/%ff", "/customers/%C3", "/customers/%zz", "/customers/%"])
def test_bad_percent_encoding_is_malformed(path: str) -> None:
    """Path values are percent-encoded UTF-8."""
    with pytest.raises(Problem) as raised:
        of(PATHS).match("GET", path)
    assert raised.value.kind == "malformed_request"


def test_literal_path_item_decides_its_methods_alone() -> None:
    """A template that has the method does not serve a literal path that lacks it: 405 with the literal's Allow."""
    asked = contract({"/a/search": {"post": {}}, "/a/{id}": {"get": {}, "delete": {}}})
    with pytest.raises(Problem) as raised:
        asked.match("GET", "/a/search")
    assert (raised.value.kind, raised.value.extra["allow"]) == ("method_not_allowed", ("POST",))


def test_templates_that_differ_only_in_names_share_their_methods() -> None:
    """Each operation keeps the parameter names of its own template."""
    asked = contract({"/a/{id}": {"get": {}}, "/a/{key}": {"delete": {}}})
    assert asked.match("GET", "/a/1")[1] == {"id": "1"}
    assert asked.match("DELETE", "/a/1")[1] == {"key": "1"}
    with pytest.raises(Problem) as raised:
        asked.match("PUT", "/a/1")
    assert raised.value.extra["allow"] == ("GET", "DELETE")


def test_operations_at_the_same_place_are_a_fault_and_the_first_is_served() -> None:
    """Two documents with one path and method: the first one counts, the other is listed."""
    asked = contract({"/a/{id}": {"get": {"operationId": "one"}}, "/a/{key}": {"get": {"operationId": "two"}}})
    assert asked.match("GET", "/a/1")[0].operation_id == "one"
    assert any("same place" in fault.message for fault in asked.faults)


@pytest.mark.parametrize(
    ("segment", "literals", "values"),
    [("a-b", ("", "-", ""), ("a", "b")), ("ab", ("", "", ""), ("a", "b")), ("-b", ("", "-", ""), None), ("a-", ("", "-", ""), None), ("x1y2z", ("x", "y", "z"), ("1", "2"))],
)
def test_mixed_segment_is_split_at_its_literals(segment: str, literals: tuple[str, ...], values: tuple[str, ...] | None) -> None:
    """Each parameter is as short as can be, and none is empty."""
    assert split(segment, literals) == values


SEGMENT = st.one_of(st.sampled_from(["a", "b", "c"]), st.sampled_from(["{p}", "{q}"]))
TEMPLATE = st.lists(SEGMENT, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(TEMPLATE, min_size=1, max_size=12, unique=True), st.data())
def test_any_path_made_from_a_template_is_found(templates: list[str], data: st.DataObject) -> None:
    """A filled template is matched by itself, or by one that is as literal or more so at its first difference."""
    template = data.draw(st.sampled_from(templates))
    value = data.draw(st.text(min_size=1, max_size=5).filter(lambda text: text not in (".", "..")))
    path = "/".join(quote(value, safe="") if part.startswith("{") else part for part in template.split("/"))
    operation, _ = of(templates).match("GET", path)
    theirs, ours = operation.path.split("/"), template.split("/")
    first = next((pair for pair in zip(theirs, ours, strict=True) if pair[0][:1] != pair[1][:1]), ("", ""))
    assert not first[0].startswith("{")
