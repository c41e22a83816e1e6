"""Claims: what a predicate holds of answers, and what it says nothing of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.check.claims import PREDICATES, Claim, judge
from understudy.check.steps import Answer, Joined, Ref, Step, Unmade, wire


def answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(value).encode())


@pytest.mark.parametrize(("predicate", "values", "verdict"), [
    ("among", {"value": 404, "options": ["4xx"]}, True),
    ("among", {"value": 200, "options": [201]}, False),
    ("equal", {"left": 1, "right": 1.0}, True),
    ("equal", {"left": True, "right": 1}, False),
    ("equal", {"left": "2025-05-06T10:30:00Z", "right": "2025-05-06T12:30:00.000+02:00"}, True),
    ("holds", {"got": {"a": 1, "b": [{"c": 1, "d": 2}]}, "sent": {"b": [{"c": 1}]}}, True),
    ("holds", {"got": {"a": 1}, "sent": {"a": 1, "b": None}}, True),
    ("holds", {"got": {"a": [1, 2]}, "sent": {"a": [1]}}, False),
    ("unchanged", {"before": {"a": 1}, "after": {"a": 1, "b": 2}, "ignoring": []}, False),
    ("ordered", {"items": [{"n": 9}, {"n": 10}], "field": "n", "down": False}, True),
    ("ordered", {"items": [{"n": "10"}, {"n": "9"}], "field": "n", "down": True}, False),
    ("ordered", {"items": [{"n": "b"}, {"n": None}, {"n": "C"}], "field": "n", "down": False}, True),
    ("sound", {"items": [{"n": 3}], "field": "n", "word": "gt", "bound": 3}, False),
    ("complete", {"items": [], "whole": [{"id": 1, "n": 3}], "key": "id", "tests": [["n", "equals", 3]]}, False),
    ("follows", {"value": None, "whole": [1, 2, 3], "upto": 2}, False),
    ("page_count", {"value": 0, "whole": [], "limit": 3}, True),
    ("one_wins", {"statuses": [201, 409, 409]}, True),
    ("quiet", {"text": "no such order", "pattern": "Traceback"}, True),
    ("ordered", {"items": "not a list", "field": "n", "down": False}, None),
])
def test_a_predicate_holds_or_not(predicate: str, values: dict[str, Any], verdict: bool | None) -> None:
    """Each is a function of plain values; None where it has nothing to say."""
    assert PREDICATES[predicate](**values) is verdict


def test_a_claim_says_nothing_where_its_condition_does_not_hold() -> None:
    """So no shorter sequence of steps can break it for another reason."""
    claim = Claim("equal", {"left": Ref(1, ("state",)), "right": "paid"}, "", (Claim("equal", {"left": Ref(0, ("state",)), "right": "placed"}, ""),))
    assert judge(claim, [answer({"state": "placed"}), answer({"state": "draft"})]) is False
    assert judge(claim, [answer({"state": "draft"}), answer({"state": "draft"})]) is None
    assert judge(claim, [answer({"state": "placed"})]) is None


def test_pages_are_joined_as_far_as_they_were_asked_for() -> None:
    """A page that was never asked for is no hole."""
    items = Joined((Ref(0, ("data",)), Ref(5, ("data",))))
    assert judge(Claim("at_least", {"items": items, "least": 1}, ""), [answer({"data": [1]})]) is True


def test_a_step_takes_what_it_needs_from_earlier_answers() -> None:
    """Ids, cursors and links are never copied; without them a step cannot be made."""
    step = Step("", "GET", "/orders/{id}", {"id": Ref(0, ("id",))}, (("cursor", Ref(0, ("next",))),), {"If-Match": Ref(0, ("etag",), "headers")})
    made = wire(step, [answer({"id": "a/b", "next": "x=="}, etag="7")], {"good": {"x-key": "k"}})
    assert (made.target, dict(made.headers)) == ("/orders/a%2Fb?cursor=x%3D%3D", {"x-key": "k", "if-match": "7"})
    with pytest.raises(Unmade):
        wire(step, [answer({"id": "a"})], {})
