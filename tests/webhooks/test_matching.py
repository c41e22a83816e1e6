"""Which endpoints are told of which events."""

from __future__ import annotations

import pytest

from understudy.webhooks.endpoints import Endpoint
from understudy.webhooks.matching import Audience, Told, fits


def endpoint(id: str, *include: str, exclude: tuple[str, ...] = (), active: bool = True) -> Endpoint:
    """An endpoint that asks for these types."""
    return Endpoint(id, "http://localhost/", include, exclude, active)


@pytest.mark.parametrize(("type", "pattern", "good"), [
    ("A.B", "A.B", True), ("A.B", "A.C", False), ("A.B", "*", True), ("A.B", "A.*", True), ("AB.C", "A.*", False), ("A.B", "*.B", True),
    ("A.B.C", "A.*.C", True), ("A.C", "A.*.C", False), ("AXBXC", "A*B*C", True), ("AC", "A*C*C", False), ("a.b", "A.*", False), ("", "*", True),
    ("ABAB", "*AB*AB", True), ("AB", "*AB*AB", False),
])  # fmt: skip
def test_a_star_stands_for_anything(type: str, pattern: str, good: bool) -> None:
    """At any place, any number of times; case counts."""
    assert fits(type, pattern) is good


def test_an_endpoint_is_told_what_it_asks_for_once_and_in_the_order_they_came() -> None:
    """By type, by pattern, or everything where it names nothing; what it excludes is left out."""
    audience = Audience([
        endpoint("all"), endpoint("both", "A.B", "A.*", "*"), endpoint("other", "C.*"), endpoint("not", exclude=("A.*",)), endpoint("off", active=False),
    ])
    assert audience.told("A.B") == [Told("all", "A.B"), Told("both", "A.B")]
    assert [told.endpoint for told in audience.told("C.D")] == ["all", "both", "other", "not"]


def test_a_type_may_be_asked_for_by_another_name_and_is_sent_under_it() -> None:
    """The type itself goes before its other names; excluding either excludes it."""
    aliases = {"made.final": "A.FINAL"}
    audience = Audience([endpoint("a", "made.final"), endpoint("b", "A.FINAL"), endpoint("c", "A.FINAL", "made.final"),
                                   endpoint("d", exclude=("made.final",)), endpoint("e", "made.*")], aliases)
    assert audience.told("A.FINAL") == [Told("a", "made.final"), Told("b", "A.FINAL"), Told("c", "A.FINAL")]


def test_what_changes_is_told_otherwise_and_a_fork_keeps_its_own() -> None:
    """An endpoint keeps its place; one that is gone or inactive is told nothing; forks go their own ways, both of them."""
    audience = Audience([endpoint("a", "X*"), endpoint("b", "X*")])
    assert audience.told("X1")
    fork = audience.fork()
    audience.put(endpoint("a", "Y"))
    fork.drop("b")
    fork.put(endpoint("c"))
    assert [one.endpoint for one in audience.told("X1")] == ["b"]
    assert [one.endpoint for one in audience.told("Y")] == ["a"]
    assert [one.endpoint for one in fork.told("X1")] == ["a", "c"]
    audience.put(endpoint("a"))
    assert [one.endpoint for one in audience.told("X1")] == ["a", "b"]
    for id in "ab":
        audience.drop(id)
    assert not audience and audience.told("X1") == []
