"""Webhooks that are lost, come twice, late or out of order: on demand, by the world's clock, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy import Sandbox
from understudy.world.faulting import arm, count_of
from understudy.world.world import World

CUSTOMER = {"type": "ORGANIZATION", "email": "a@acme.example", "timezone": "Europe/London", "organization": {"legal_name": "Acme"}}


@pytest.fixture(scope="module")
def ordered() -> Iterator[Sandbox]:
    """The bundled sandbox, whose webhooks keep their order."""
    with Sandbox(now="2025-05-06T10:30:00Z") as one:
        yield one


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The same where none waits for another."""
    folder = tmp_path_factory.mktemp("loose")
    source = Path(__file__).resolve().parents[2] / "openapi"
    behaviour = (source / "solvimon.behaviour.yaml").read_text(encoding="utf-8")
    assert "ordered: true" in behaviour
    (folder / "solvimon.behaviour.yaml").write_text(behaviour.replace("ordered: true", "ordered: false"), encoding="utf-8")
    with Sandbox(now="2025-05-06T10:30:00Z", behaviour=str(folder / "solvimon.behaviour.yaml")) as one:
        yield one


@pytest.fixture(params=["ordered", "loose"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A world of each."""
    first: Sandbox = request.getfixturevalue(request.param)
    with first.world() as one:
        yield one


def world_of(sandbox: Sandbox) -> World:
    """The world of a sandbox."""
    return sandbox.theatre.worlds.get(sandbox.name)


def fail(sandbox: Sandbox, **row: Any) -> str:
    """Have a fault; its id."""
    return arm(sandbox.theatre.script, world_of(sandbox), row).id


def make(sandbox: Sandbox, *references: str) -> None:
    """Customers."""
    for reference in references:
        sandbox.post("/v1/customers", {**CUSTOMER, "reference": reference}).good()


def told(sandbox: Sandbox) -> list[str]:
    """The references of the customers that were told of, in the order they came."""
    return [json.loads(one.body)["data"]["reference"] for one in sandbox.webhooks.received("CUSTOMER.CREATED")]


def deliveries(sandbox: Sandbox) -> list[tuple[str, list[Any]]]:
    """State of each, and what came of its attempts."""
    return [(one.state, [attempt.error or attempt.status for attempt in one.attempts]) for one in sandbox.webhooks.deliveries()]


def test_a_lost_webhook_never_comes_and_the_next_one_does(sandbox: Sandbox) -> None:
    """It is given up at once; who asks for it by hand gets it."""
    fail(sandbox, event="CUSTOMER.*", webhook="lost", times=1)
    make(sandbox, "a", "b")
    assert told(sandbox) == ["b"]
    sandbox.clock.advance("P10D")
    assert told(sandbox) == ["b"]
    assert deliveries(sandbox) == [("given_up", ["fault F1: lost on its way"]), ("delivered", [200])]


def test_a_webhook_that_comes_twice_is_the_same_twice(sandbox: Sandbox) -> None:
    """The same id and body: what a receiver has to recognise."""
    fail(sandbox, webhook="twice", after=1, times=1)
    make(sandbox, "a", "b", "c")
    assert told(sandbox) == ["a", "b", "b", "c"]
    one, two = sandbox.webhooks.received()[1:3]
    assert (one.id, one.body) == (two.id, two.body) and two.verdict == "verified"
    assert deliveries(sandbox)[1] == ("delivered", [200, 200])


def test_a_late_webhook_is_overtaken_by_those_behind_it(sandbox: Sandbox) -> None:
    """On the world's clock; also where the API keeps them in order, which is the fault."""
    fail(sandbox, event="*.CREATED", webhook="late", delay=3600, times=1)
    make(sandbox, "a", "b", "c")
    assert told(sandbox) == ["b", "c"] and deliveries(sandbox)[0] == ("late", [])
    sandbox.clock.advance("PT59M")
    assert told(sandbox) == ["b", "c"]
    sandbox.clock.advance("PT1M")
    assert told(sandbox) == ["b", "c", "a"] and deliveries(sandbox)[0] == ("delivered", [200])


def test_a_late_webhook_that_fails_is_tried_again_by_the_schedule(sandbox: Sandbox) -> None:
    """Beside the others, which do not wait for it."""
    fail(sandbox, webhook="late", delay=60, times=1)
    sandbox.webhooks.answer(200, 500, 200)
    make(sandbox, "a", "b")
    assert told(sandbox) == ["b"]
    sandbox.clock.advance("PT1M")
    assert deliveries(sandbox)[0] == ("late", [500])
    make(sandbox, "c")
    sandbox.clock.advance("PT10M")
    assert told(sandbox)[0] == "b" and sorted(told(sandbox)) == ["a", "b", "c"]
    assert deliveries(sandbox)[0] == ("delivered", [500, 200])


def test_a_late_webhook_is_owed_by_a_fork_too(sandbox: Sandbox) -> None:
    """And by a world that is put back to a moment when it was on its way."""
    fail(sandbox, webhook="late", delay=60, times=1)
    make(sandbox, "a", "b")
    assert told(sandbox) == ["b"]
    fork = world_of(sandbox).fork("fork")
    assert fork.owed.next_due is not None
    assert [one.state for one in fork.owed.take(fork.owed.next_due)] == ["late"]


@settings(max_examples=40)
@given(rows=st.lists(st.fixed_dictionaries({"webhook": st.sampled_from(("lost", "twice", "late"))}, optional={
    "rate": st.floats(0, 1), "after": st.integers(0, 2), "times": st.integers(1, 3), "event": st.sampled_from(("*", "CUSTOMER.*", "OTHER"))}), max_size=3),
    count=st.integers(1, 6))  # fmt: skip
def test_each_webhook_comes_once_but_for_the_faults_that_struck(ordered: Sandbox, rows: list[dict[str, Any]], count: int) -> None:
    """Lost ones never, doubled ones twice, late ones in the end: exactly as many as the counts say."""
    names = [f"c{number}" for number in range(count)]
    with ordered.world() as sandbox:
        ids = [fail(sandbox, **row, **({"delay": 60} if row["webhook"] == "late" else {})) for row in rows]
        make(sandbox, *names)
        told(sandbox)
        sandbox.clock.advance("PT1H")
        came = told(sandbox)
        struck = {kind: sum(count_of(world_of(sandbox), id).struck for id, row in zip(ids, rows, strict=True) if row["webhook"] == kind) for kind in ("lost", "twice", "late")}
    assert len(came) == count - struck["lost"] + struck["twice"]
    assert [names.index(name) for name in dict.fromkeys(came)] == sorted(names.index(name) for name in {*came}) or struck["late"]
    assert {*came} <= {*names} and len({*came}) == count - struck["lost"]
