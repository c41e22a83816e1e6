"""Walks over the whole API keep to a model of its records: nothing where nothing is wrong, and bugs that need several records or a way there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from check.desk import SOURCE, SPEC, checked, desk, planted, told
from understudy.check import running
from understudy.check.claims import judge
from understudy.check.model import Exchange, Model
from understudy.check.opening import read_api
from understudy.check.steps import Answer

BUGS = {bug.what: bug for bug in planted().PLANTED}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_finds_nothing_where_nothing_is_wrong(seed: int) -> None:
    """The order desk, over many walks."""
    report = checked(desk(), SPEC, "walks", seed=seed)
    assert told(report) == []
    assert report.calls > 500
    assert {law for law, _ in report.judged} >= {"read your writes", "update", "lifecycle", "deleted is gone", "created is listed", "reading changes nothing"}


def test_the_same_seed_takes_the_same_walks() -> None:
    """What is drawn depends on the seed alone."""
    def sent(seed: int) -> list[str]:
        app = desk()
        lines: list[str] = []

        async def told_of(scope: Any, receive: Any, send: Any) -> None:
            lines.append(f"{scope['method']} {scope['path']}")
            await app(scope, receive, send)

        told_of.reset = app.reset  # type: ignore[attr-defined]
        checked(told_of, SPEC, "walks", seed=seed)
        return lines

    first = [line.split("/")[1] for line in sent(1)]
    assert first == [line.split("/")[1] for line in sent(1)]
    assert first != [line.split("/")[1] for line in sent(2)]


@pytest.mark.parametrize("what", ["an update of a customer is not kept", "a deleted customer is still there", "a placed order cannot be cancelled",
                                  "a draft can be paid", "a put keeps the old name", "reading counts the version up", "an email may come twice"])
def test_a_walk_finds_bugs_of_every_kind(what: str) -> None:
    """The model of what was written, deleted and moved is not the API's; the finding is made short."""
    report = checked(desk(BUGS[what].planted(SOURCE)), SPEC, "walks", first_only=True, shrink=True)
    assert report.findings
    assert all(finding.reproduced for finding in report.findings)
    assert min(len(finding.steps) for finding in report.findings) <= 6


def test_a_run_that_is_over_ends_its_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent any more, and nothing is raised."""
    monkeypatch.setattr(running.Run, "_is_over", lambda self: True)
    report = checked(desk(), SPEC, "walks")
    assert (report.calls, told(report)) == (0, [])


ORDER = {"id": "ord_1", "reference": "r", "status": "draft", "note": "old", "version": 1}


def broken(*story: tuple[str, int, Any, Any]) -> set[str]:
    """The laws a model says some requests broke: operation, status, answer, body."""
    api = read_api(SPEC)
    model, answers, found = Model(api), [], set[str]()
    for index, (key, status, value, body) in enumerate(story):
        answer = Answer(status, {"content-type": "application/json"}, b"" if value is None else json.dumps(value).encode())
        answers.append(answer)
        parameters = {"order_id": "ord_1"} if "{order_id}" in key else {}
        for one in model.observe(Exchange(index, api.by_key[key], parameters, (), body, answer)):
            if judge(one.claim, answers) is False:
                found.add(one.law)
    return found


MADE = ("POST /orders", 201, ORDER, {"note": "old"})
READ = "GET /orders/{order_id}"


@pytest.mark.parametrize(("story", "laws"), [
    ([MADE, (READ, 200, ORDER, None)], set()),
    ([("POST /orders", 201, {**ORDER, "note": "new"}, {"note": "old"})], {"read your writes"}),
    ([MADE, (READ, 200, {**ORDER, "note": "new"}, None)], {"reading changes nothing"}),
    ([MADE, (READ, 404, None, None)], {"created is available"}),
    ([MADE, ("DELETE /orders/{order_id}", 204, None, None), (READ, 404, None, None)], set()),
    ([MADE, ("DELETE /orders/{order_id}", 204, None, None), (READ, 200, ORDER, None)], {"deleted is gone"}),
    ([MADE, ("DELETE /orders/{order_id}", 204, None, None), ("GET /orders", 200, {"data": [ORDER]}, None)], {"deleted is gone"}),
    ([MADE, ("DELETE /orders/{order_id}", 409, None, None), (READ, 200, ORDER, None)], set()),
    ([MADE, ("PATCH /orders/{order_id}", 200, ORDER, {"note": "new"})], {"update"}),
    ([MADE, ("PATCH /orders/{order_id}", 204, None, {"note": "new"}), (READ, 200, ORDER, None)], {"update"}),
    ([MADE, ("PATCH /orders/{order_id}", 400, None, {"note": "new"}), (READ, 200, ORDER, None)], set()),
    ([MADE, ("POST /orders/{order_id}/pay", 200, {**ORDER, "status": "paid"}, None)], {"lifecycle"}),
    ([MADE, ("POST /orders/{order_id}/place", 204, None, None), (READ, 200, {**ORDER, "status": "placed"}, None)], set()),
    ([MADE, ("POST /orders/{order_id}/place", 204, None, None), (READ, 200, ORDER, None)], {"update"}),
    ([MADE, MADE], {"ids are distinct"}),
    ([("GET /orders", 200, {"data": [ORDER, ORDER]}, None)], {"pages"}),
])
def test_the_model_expects_what_was_seen(story: list[tuple[str, int, Any, Any]], laws: set[str]) -> None:
    """Fed with any traffic, it says what an answer breaks: and nothing where the request was refused."""
    assert broken(*story) == laws
