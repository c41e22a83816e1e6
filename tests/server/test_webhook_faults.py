"""Webhooks that are lost, come twice, late or out of order: on demand, by the world's clock, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.asgi import Client
from understudy.server.app import App
from understudy.server.hearing import Hearing, hearing
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.faulting import arm, count_of

CUSTOMER = {"type": "ORGANIZATION", "email": "a@acme.example", "timezone": "Europe/London", "organization": {"legal_name": "Acme"}}


@pytest.fixture(scope="module")
def prepared() -> Theatre:
    """The bundled sandbox, whose webhooks keep their order."""
    return open_theatre(Options(now=datetime(2025, 5, 6, 10, 30, tzinfo=UTC)))


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Theatre:
    """The same where none waits for another."""
    folder = tmp_path_factory.mktemp("loose")
    source = Path(__file__).resolve().parents[2] / "openapi"
    behaviour = (source / "solvimon.behaviour.yaml").read_text(encoding="utf-8")
    assert "ordered: true" in behaviour
    (folder / "solvimon.behaviour.yaml").write_text(behaviour.replace("ordered: true", "ordered: false"), encoding="utf-8")
    return open_theatre(Options(now=datetime(2025, 5, 6, 10, 30, tzinfo=UTC), behaviour=str(folder / "solvimon.behaviour.yaml")))


@pytest.fixture(params=["prepared", "loose"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    """Both, the default world put back to the fixture."""
    theatre: Theatre = request.getfixturevalue(request.param)
    theatre.reset("default")
    yield theatre


def fail(sandbox: Theatre, **row: Any) -> str:
    """Have a fault; its id."""
    return arm(sandbox.script, sandbox.worlds.get("default"), row).id


def make(sandbox: Theatre, *references: str) -> None:
    """Customers."""
    call = Client(App(sandbox))
    for reference in references:
        assert call.post("/v1/customers", {**CUSTOMER, "reference": reference}).status == 201


def told(webhooks: Hearing) -> list[str]:
    """The references of the customers that were told of, in the order they came."""
    return [json.loads(one.body)["data"]["reference"] for one in webhooks.received("CUSTOMER.CREATED")]


def deliveries(sandbox: Theatre) -> list[tuple[str, list[Any]]]:
    """State of each, and what came of its attempts."""
    return [(one.state, [attempt.error or attempt.status for attempt in one.attempts]) for _, one in sandbox.worlds.get("default").held["deliveries"].items()]


def test_a_lost_webhook_never_comes_and_the_next_one_does(sandbox: Theatre) -> None:
    """It is given up at once; who asks for it by hand gets it."""
    fail(sandbox, event="CUSTOMER.*", webhook="lost", times=1)
    with hearing(sandbox) as webhooks:
        make(sandbox, "a", "b")
        assert told(webhooks) == ["b"]
        webhooks.advance("P10D")
        assert told(webhooks) == ["b"]
        assert deliveries(sandbox) == [("given_up", ["fault F1: lost on its way"]), ("delivered", [200])]


def test_a_webhook_that_comes_twice_is_the_same_twice(sandbox: Theatre) -> None:
    """The same id and body: what a receiver has to recognise."""
    fail(sandbox, webhook="twice", after=1, times=1)
    with hearing(sandbox) as webhooks:
        make(sandbox, "a", "b", "c")
        assert told(webhooks) == ["a", "b", "b", "c"]
        one, two = webhooks.received()[1:3]
        assert (one.id, one.body) == (two.id, two.body) and two.verdict == "verified"
        assert deliveries(sandbox)[1] == ("delivered", [200, 200])


def test_a_late_webhook_is_overtaken_by_those_behind_it(sandbox: Theatre) -> None:
    """On the world's clock; also where the API keeps them in order, which is the fault."""
    fail(sandbox, event="*.CREATED", webhook="late", delay=3600, times=1)
    with hearing(sandbox) as webhooks:
        make(sandbox, "a", "b", "c")
        assert told(webhooks) == ["b", "c"] and deliveries(sandbox)[0] == ("late", [])
        webhooks.advance("PT59M")
        assert told(webhooks) == ["b", "c"]
        webhooks.advance("PT1M")
        assert told(webhooks) == ["b", "c", "a"] and deliveries(sandbox)[0] == ("delivered", [200])


def test_a_late_webhook_that_fails_is_tried_again_by_the_schedule(sandbox: Theatre) -> None:
    """Beside the others, which do not wait for it."""
    fail(sandbox, webhook="late", delay=60, times=1)
    with hearing(sandbox, statuses=(200, 500, 200)) as webhooks:
        make(sandbox, "a", "b")
        assert told(webhooks) == ["b"]
        webhooks.advance("PT1M")
        assert deliveries(sandbox)[0] == ("late", [500])
        make(sandbox, "c")
        webhooks.advance("PT10M")
        assert told(webhooks)[0] == "b" and sorted(told(webhooks)) == ["a", "b", "c"]
        assert deliveries(sandbox)[0] == ("delivered", [500, 200])


def test_a_late_webhook_is_owed_by_a_fork_too(sandbox: Theatre) -> None:
    """And by a world that is put back to a moment when it was on its way."""
    fail(sandbox, webhook="late", delay=60, times=1)
    with hearing(sandbox) as webhooks:
        make(sandbox, "a", "b")
        assert told(webhooks) == ["b"]
        fork = sandbox.worlds.get("default").fork("fork")
        assert fork.owed.next_due is not None
        assert [one.state for one in fork.owed.take(fork.owed.next_due)] == ["late"]


@settings(max_examples=40)
@given(rows=st.lists(st.fixed_dictionaries({"webhook": st.sampled_from(("lost", "twice", "late"))}, optional={
    "rate": st.floats(0, 1), "after": st.integers(0, 2), "times": st.integers(1, 3), "event": st.sampled_from(("*", "CUSTOMER.*", "OTHER"))}), max_size=3),
    count=st.integers(1, 6))  # fmt: skip
def test_each_webhook_comes_once_but_for_the_faults_that_struck(prepared: Theatre, rows: list[dict[str, Any]], count: int) -> None:
    """Lost ones never, doubled ones twice, late ones in the end: exactly as many as the counts say."""
    prepared.reset("default")
    world = prepared.worlds.get("default")
    ids = [fail(prepared, **row, **({"delay": 60} if row["webhook"] == "late" else {})) for row in rows]
    names = [f"c{number}" for number in range(count)]
    with hearing(prepared) as webhooks:
        make(prepared, *names)
        webhooks.advance("PT1H")
        came = told(webhooks)
    struck = {kind: sum(count_of(world, id).struck for id, row in zip(ids, rows, strict=True) if row["webhook"] == kind) for kind in ("lost", "twice", "late")}
    assert len(came) == count - struck["lost"] + struck["twice"]
    assert [names.index(name) for name in dict.fromkeys(came)] == sorted(names.index(name) for name in {*came}) or struck["late"]
    assert {*came} <= {*names} and len({*came}) == count - struck["lost"]
