"""A server that owes deliveries, as a process: killed while its receiver fails, started again, it delivers what it owed, in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.hooks import Hooks, hooking
from support.killing import OPTIONS, customer
from support.served import Served, served


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    """One on a free port."""
    with hooking() as server:
        yield server


def tell(running: Served, *references: str) -> None:
    """Make customers."""
    for reference in references:
        assert running("POST", "/v1/customers", customer(reference))[0] == 201


def turn(running: Served, length: str) -> list[Any]:
    """Turn the clock; what was tried."""
    status, _, answer = running("POST", "/_understudy/clock", {"advance": length})
    assert status == 200, answer
    return [row for row in answer["due"] if "delivery" in row]


def states(running: Served) -> list[str]:
    """Of all deliveries, in order."""
    return [row["state"] for row in running("GET", "/_understudy/deliveries")[2]["deliveries"]]


def test_a_killed_and_restarted_server_delivers_what_it_owed_in_order(tmp_path: Path, hooks: Hooks) -> None:
    """Nothing that was taken is sent again after its attempt was kept; the schedule goes on where it was."""
    data = str(tmp_path / "data")
    with served("--data", data, *OPTIONS) as running:
        made = running("POST", "/v1/webhooks", {"url": hooks.url, "name": "n", "reference": "rr", "included_actions": ["CUSTOMER.CREATED"]})
        assert made[0] == 201
        tell(running, "a")
        turn(running, "PT1S")
        hooks.status = 500
        tell(running, "b", "c", "d")
        turn(running, "PT3M")
        assert states(running) == ["delivered", "failing", "due", "due"]
        running.process.kill()
        running.process.wait(10)
    before = [got["data"]["reference"] for got in hooks.came]
    assert before == ["a", "b", "b"]
    with served("--data", data, *OPTIONS) as running:
        assert states(running) == ["delivered", "failing", "due", "due"]
        hooks.status = 200
        tried = turn(running, "PT3M")
        assert [row["at"] for row in tried] == ["2025-05-06T10:36:01Z"] * 3
        assert states(running) == ["delivered"] * 4
    assert [got["data"]["reference"] for got in hooks.came[3:]] == ["b", "c", "d"]


def test_a_running_clock_delivers_by_itself(hooks: Hooks) -> None:
    """Nobody has to ask."""
    with served("--clock", "running", "--quiet") as running:
        status, _, made = running("POST", "/_understudy/endpoints", {"url": hooks.url, "types": ["CUSTOMER.CREATED"]})
        assert status == 200, made
        tell(running, "a")
        turn(running, "PT0S")
        assert [got["data"]["reference"] for got in hooks.came] == ["a"]
        status, _, tested = running("POST", "/v1/webhooks/test-connection", {"url": hooks.url, "name": "n", "reference": "rr"})
        assert (status, tested) == (200, {"successful": True, "message": "it answered 200"})
