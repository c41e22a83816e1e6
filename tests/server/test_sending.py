"""What worlds owe, sent to receivers on loopback: in order, signed, retried on the world's clock, through restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.receiving import answering, hanging, receiver
from understudy.durations import format_instant
from understudy.engine.decide import Decision, Event
from understudy.server.posting import Poster
from understudy.server.sending import Gate, Sender, Tried
from understudy.theatre import Options, Theatre, open_theatre
from understudy.webhooks.endpoints import Endpoint, Secret
from understudy.webhooks.retrying import Delivery
from understudy.webhooks.signing import PROFILES, verify
from understudy.world.holdings import Put
from understudy.world.world import World

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
SPEC: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}
DOCUMENTED = {"schedule": ["2m", "4m", "8m", "16m", "32m", "1h", "2h", "4h", "8h"], "give_up": "7d", "ordered": True}


def sandbox_of(folder: Path, webhooks: dict[str, Any] = DOCUMENTED, data: bool = False) -> Theatre:
    """A sandbox without operations, its webhooks as given, its clock standing still."""
    (folder / "spec.yaml").write_bytes(orjson.dumps(SPEC))
    (folder / "spec.behaviour.yaml").write_bytes(orjson.dumps({"understudy": 1, "webhooks": webhooks}))
    return open_theatre(Options(spec=str(folder / "spec.yaml"), now=NOW, data=str(folder / "data") if data else None))


def tell(world: World, *types: str) -> None:
    """Commit one event of each type, each by itself."""
    for type in types:
        world.commit(Decision(None, (), (Event(type, None, None, orjson.dumps({"type": type})),), (), ()), world.circumstances(world.clock.now()))


def subscribe(world: World, url: str, id: str = "e", **more: Any) -> None:
    """Tell a URL from now on."""
    world.put(Put("endpoints", id, Endpoint(id, url, **more)))


def run(sandbox: Theatre, story: Callable[[Sender, World], Coroutine[Any, Any, None]], **more: Any) -> None:
    """Play a story with a sender that sends."""

    async def whole() -> None:
        sender = Sender(sandbox, Poster(), **more)
        sender.start()
        try:
            await story(sender, sandbox.worlds.get("default"))
        finally:
            await sender.stop()

    asyncio.run(whole())


@pytest.fixture
def sandbox(tmp_path: Path) -> Theatre:
    """One with the documented schedule."""
    return sandbox_of(tmp_path)


def states(world: World) -> list[str]:
    """Of all deliveries, in order."""
    return [one.state for _, one in world.held["deliveries"].items()]


def test_events_are_sent_at_once_in_order_and_signed(sandbox: Theatre) -> None:
    """On a clock that stands still too; over one connection; with an id and the attempt's number."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver() as one:
            subscribe(world, one.url, signing="standard-webhooks", secrets=(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),))
            tell(world, "A", "B", "C")
            await sender.rest(world)
            assert one.types() == ["A", "B", "C"]
            assert one.connections == 1
            for number, got in enumerate(one.received, 1):
                verify(PROFILES["standard-webhooks"], ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], got.headers, got.body, datetime.now(UTC))
                assert got.headers["understudy-delivery"].endswith(f"{number:08d}")
                assert got.headers["webhook-id"] == got.headers["understudy-delivery"]
                assert got.headers["understudy-attempt"] == "1"

    run(sandbox, story)


def test_a_failing_delivery_is_retried_by_the_schedule_and_holds_back_the_later_ones(sandbox: Theatre) -> None:
    """To the second on the world's clock; when it succeeds the rest follows in order, at that time."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver(*[answering(500)] * 4) as one, receiver() as other:
            subscribe(world, one.url)
            subscribe(world, other.url, "other")
            tell(world, "A", "B", "C")
            happened: list[Tried] = await sender.advance(world, NOW + timedelta(days=1))
            told = [(int((tried.at - NOW).total_seconds()), tried.delivery.type, tried.delivery.state) for tried in happened if tried.delivery.endpoint == "e"]
            assert told == [(120, "A", "failing"), (360, "A", "failing"), (840, "A", "failing"), (1800, "A", "delivered"), (1800, "B", "delivered"),
                            (1800, "C", "delivered")]
            assert one.types() == ["A"] * 5 + ["B", "C"]
            assert other.types() == ["A", "B", "C"]

    run(sandbox, story)


def test_advancing_seven_days_walks_the_whole_schedule_and_gives_up(sandbox: Theatre) -> None:
    """Then the next one is tried at once, and has seven days of its own."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver(behave=answering(503)) as one:
            subscribe(world, one.url)
            tell(world, "A", "B")
            await sender.rest(world)
            happened: list[Tried] = await sender.advance(world, NOW + timedelta(days=7))
            minutes = [int((tried.at - NOW).total_seconds()) // 60 for tried in happened]
            assert minutes == [2, 6, 14, 30, 62, 122, 242, 482, *range(962, 10080, 480), 10080, 10080]
            assert [tried.delivery.type for tried in happened] == ["A"] * (len(happened) - 1) + ["B"]
            assert happened[-2].attempt is None
            assert states(world) == ["given_up", "failing"]
            assert one.received[-1].headers["understudy-attempt"] == "1"
            assert len(one.received) == len(happened)

    run(sandbox, story)


def test_where_nothing_is_ordered_a_failing_delivery_holds_back_none(tmp_path: Path) -> None:
    """Each is retried on its own."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver(answering(500), answering(200), answering(500)) as one:
            subscribe(world, one.url)
            tell(world, "A", "B", "C")
            await sender.rest(world)
            assert states(world) == ["failing", "delivered", "failing"]
            await sender.advance(world, NOW + timedelta(minutes=2))
            assert one.types() == ["A", "B", "C", "A", "C"]
            assert states(world) == ["delivered"] * 3

    run(sandbox_of(tmp_path, {**DOCUMENTED, "ordered": False}), story)


def test_a_receiver_that_is_gone_is_told_nothing_more_until_it_is_wanted_again(sandbox: Theatre) -> None:
    """410 disables the endpoint; what waits behind is kept, and sent when the endpoint is active again."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver(answering(410)) as one:
            subscribe(world, one.url)
            tell(world, "A", "B")
            await sender.rest(world)
            tell(world, "C")
            await sender.advance(world, NOW + timedelta(days=8))
            assert states(world) == ["disabled", "due"]
            assert one.types() == ["A"]
            assert not world.held["endpoints"]["e"].active
            subscribe(world, one.url)
            await sender.rest(world)
            assert one.types() == ["A", "B"]

    run(sandbox, story)


def test_events_made_by_timers_are_sent_at_their_own_time(sandbox: Theatre) -> None:
    """A receiver that looks at the clock within an attempt sees the attempt's time."""
    seen: list[str] = []

    async def story(sender: Sender, world: World) -> None:
        async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Any) -> bool:
            seen.append(format_instant(world.clock.now()))
            return await answering(500)(reader, writer, received)

        async with receiver(behave=look) as one:
            subscribe(world, one.url)
            tell(world, "A")
            await sender.advance(world, NOW + timedelta(minutes=6))
            assert world.clock.now() == NOW + timedelta(minutes=6)

    run(sandbox, story)
    assert seen == ["2025-05-06T10:30:00Z", "2025-05-06T10:32:00Z", "2025-05-06T10:36:00Z"]


def test_rolled_secrets_sign_along_while_they_last(sandbox: Theatre) -> None:
    """Both signatures until the old secret's time is over, on the world's clock."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver(behave=answering(500)) as one:
            secrets = (Secret("old", NOW + timedelta(hours=24)), Secret("new"))
            subscribe(world, one.url, signing="solvimon", secrets=secrets)
            tell(world, "A")
            await sender.advance(world, NOW + timedelta(hours=25))
            for got, tried in zip(one.received, sender_attempts(world), strict=True):
                marks = got.headers["x-payload-signature"].split(",")
                assert len(marks) == (2 if tried < NOW + timedelta(hours=24) else 1)
                for secret in (["new", "old"] if len(marks) == 2 else ["new"]):
                    verify(PROFILES["solvimon"], [secret], got.headers, got.body, datetime.now(UTC))
            assert {len(got.headers["x-payload-signature"].split(",")) for got in one.received} == {1, 2}

    run(sandbox, story)


def sender_attempts(world: World) -> list[datetime]:
    """When the attempts of the only delivery were made."""
    delivery: Delivery = next(value for _, value in world.held["deliveries"].items())
    return [attempt.at for attempt in delivery.attempts]


def test_what_is_owed_is_sent_after_a_restart_in_order(tmp_path: Path) -> None:
    """As the journal and the files tell it; what was sent before is not sent again."""

    def opened() -> Theatre:
        return sandbox_of(tmp_path, data=True)

    async def before(sender: Sender, world: World) -> None:
        async with receiver(answering(200), behave=answering(500)) as one:
            subscribe(world, one.url)
            tell(world, "A", "B", "C")
            await sender.rest(world)
            assert one.types() == ["A", "B"]

    async def after(sender: Sender, world: World) -> None:
        async with receiver() as one:
            await sender.rest(world)
            subscribe(world, one.url)
            assert states(world) == ["delivered", "failing", "due"]
            await sender.advance(world, NOW + timedelta(minutes=2))
            assert one.types() == ["B", "C"]
            assert [len(value.attempts) for _, value in world.held["deliveries"].items()] == [1, 2, 1]

    first = opened()
    run(first, before)
    assert first.folder is not None
    first.folder.release()  # as a crash leaves it
    second = opened()
    run(second, after)
    assert second.folder is not None
    second.folder.close()
    third = opened()
    assert states(third.worlds.get("default")) == ["delivered"] * 3
    assert third.worlds.get("default").outbox.next_due is None
    assert third.folder is not None
    third.folder.release()


def test_nothing_is_sent_before_it_is_on_disk_and_nothing_after_what_is_not(sandbox: Theatre) -> None:
    """Where the disk does not take it, it is not sent."""
    asked: list[bool] = [False, True]

    async def on_disk() -> bool:
        return asked.pop(0) if asked else True

    async def story(sender: Sender, world: World) -> None:
        async with receiver() as one:
            subscribe(world, one.url)
            tell(world, "A")
            await sender.rest(world)
            assert one.types() == ["A"]
            assert not asked

    run(sandbox, story, on_disk=on_disk)


def test_a_fork_owes_what_the_world_owed_and_a_world_put_back_nothing_of_the_future(sandbox: Theatre) -> None:
    """Also what was on the way when it was forked."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver(behave=answering(500)) as one:
            subscribe(world, one.url)
            tell(world, "A")
            fork = sandbox.worlds.begin("fork", world)
            await sender.rest(world)
            await sender.rest(fork)
            assert one.types() == ["A", "A"]
            sandbox.reset("default")
            await sender.advance(sandbox.worlds.get("default"), NOW + timedelta(days=1))
            assert len(one.received) == 2
            one.behave = answering()
            await sender.advance(fork, NOW + timedelta(minutes=2))
            assert (states(fork), len(one.received)) == (["delivered"], 3)

    run(sandbox, story)


def test_who_is_told_is_settled_by_what_stood_when_it_happened(tmp_path: Path) -> None:
    """Though it is handed out after the request: endpoints added, changed or removed since count from then on, also after a crash."""
    first = sandbox_of(tmp_path, data=True)
    world = first.worlds.get("default")
    subscribe(world, "http://localhost:1/", "before")
    subscribe(world, "http://localhost:1/", "other", include=("B",))
    tell(world, "A", "B")
    assert len(world.held["deliveries"]) == 0
    fork = first.worlds.begin("fork", world)
    world.put(Put("endpoints", "other", None))
    subscribe(world, "http://localhost:1/", "after")
    tell(world, "C")
    tell(fork, "B")

    def told(sandbox: Theatre) -> list[list[tuple[str, str]]]:
        worlds = [sandbox.worlds.get(name) for name in ("default", "fork")]
        assert all(one.outbox.next_due for one in worlds)
        return [[(value.endpoint, value.type) for _, value in one.held["deliveries"].items()] for one in worlds]

    assert first.folder is not None
    first.folder.release()
    second = sandbox_of(tmp_path, data=True)
    expected = [[("before", "A"), ("before", "B"), ("other", "B"), ("before", "C"), ("after", "C")],
                [("before", "A"), ("before", "B"), ("other", "B"), ("before", "B"), ("other", "B")]]
    assert told(second) == expected
    assert second.folder is not None
    second.folder.close()
    third = sandbox_of(tmp_path, data=True)
    assert told(third) == expected
    assert third.folder is not None
    third.folder.release()


def test_what_is_on_the_way_when_the_server_stops_is_sent_again(sandbox: Theatre) -> None:
    """A receiver that hangs holds up no stopping; nothing of the attempt is kept."""

    async def story(sender: Sender, world: World) -> None:
        async with receiver(hanging()) as one:
            subscribe(world, one.url)
            tell(world, "A")
            sender.ring(world)
            await one.came(1)
            await sender.stop()
            assert states(world) == ["due"]
            again = Sender(sandbox, Poster())
            again.start()
            await again.rest(world)
            await again.stop()
            assert one.types() == ["A", "A"]
            assert states(world) == ["delivered"]

    run(sandbox, story)


def test_a_gate_lets_so_many_of_a_kind_through_and_the_rest_in_turn() -> None:
    """One kind that is slow leaves room for the others."""
    gate, begun = Gate(3, 2), list[str]()
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        gate.enter(name[0], lambda name=name: begun.append(name))  # type: ignore[misc]
    assert begun == ["a1", "a2", "b1"]
    gate.leave("b")
    assert begun[3:] == ["b2"]
    gate.leave("a")
    assert begun[4:] == ["a3"]
    gate.leave("a")
    assert begun[5:] == ["c1"]
