"""The parts of a world: none of them is forgotten when it forks, is saved, is written down, is read again or is compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from understudy.world.clock import Clock
from understudy.world.comparing import compare
from understudy.world.fixtures import FixtureFault, read_fixture
from understudy.world.holdings import HOLDINGS, Holding, Put
from understudy.world.keeping import Folder
from understudy.world.rows import export
from understudy.world.world import World
from understudy.world.worldfile import dump, load
from understudy.world.worlds import Worlds

NOON = datetime(2025, 5, 6, 12, tzinfo=UTC)

TOLD = {"name", "clock", "seed", "settings", "id_length", "store", "count", "replies", "keys", "events", "told", "held", "_timers"}
"""What the table in `holdings` tells of."""
DERIVED = {"_waiting", "_ticket", "_stem", "_outbox", "aim"}
"""What follows of these."""
PASSING = {"requests", "request_count", "keeper", "mark", "post", "past", "version"}
"""What each world begins anew."""

SAMPLES: dict[str, tuple[Any, Any]] = {
    "granted": (
        {"kind": "access", "number": 1, "client": "shop", "subject": "ann", "redirect": "", "challenge": "", "nonce": "", "used": False,
         "scopes": ["pets:read"], "until": "2025-05-06T12:00:00Z"},
        {"kind": "refresh", "number": 2, "client": "shop", "subject": "ann", "redirect": "http://localhost", "challenge": "S256:x", "nonce": "n",
         "used": True, "scopes": [], "until": None},
    ),
    "pinned": (
        {"fingerprint": "00ff", "at": "2025-05-06T12:00:00Z", "status": 201, "body": "e30=", "media_type": None, "reason": "r", "headers": {}},
        {"fingerprint": "00fe", "at": "2025-05-06T12:00:00Z", "status": 200, "body": "", "media_type": "a/b", "reason": "", "headers": {"a": "b"}},
    ),
    "endpoints": (
        {"id": "a", "url": "http://localhost/", "include": ["A.*"], "exclude": [], "active": True, "previous": False, "signing": "none",
         "secrets": [{"key": "k", "until": "2025-05-06T12:00:00Z"}, {"key": "l", "until": None}], "headers": [["x", "y"]], "kind": "control",
         "method": "POST", "description": ""},
        {"id": "a", "url": "http://localhost/b", "include": [], "exclude": ["A.B"], "active": False, "previous": True, "signing": "none",
         "secrets": [], "headers": [], "kind": "record", "method": "PUT", "description": "d"},
    ),
    "deliveries": (
        {"number": 1, "id": "m_1", "endpoint": "a", "event": 1, "type": "A.B", "at": "2025-05-06T12:00:00Z", "state": "due",
         "next_at": "2025-05-06T12:00:00Z", "attempts": []},
        {"number": 1, "id": "m_1", "endpoint": "a", "event": 1, "type": "A.B", "at": "2025-05-06T12:00:00Z", "state": "delivered", "next_at": None,
         "attempts": [{"at": "2025-05-06T12:00:00Z", "status": 200, "error": None, "milliseconds": 3, "response": "ok", "why": "first", "url": None,
                       "headers": [["x", "y"]]}]},
    ),
    "faults": (
        {"id": "a", "operation": ["POST /a", "b"], "match_headers": {"x-a": "*"}, "after": 1, "times": 2, "rate": 0.5, "delay": {"p50": 0.1, "p99": 2.0},
         "status": 503, "body": {"a": [1]}, "headers": {"x-b": "c"}, "retry_after": 3, "bytes_per_second": 10, "carried_out": True},
        {"id": "b", "event": "A.*", "delay": 60.0, "webhook": "late"},
    ),
    "struck": ({"met": 2, "struck": 1}, {"met": 3, "struck": 1}),
    "made_up": ({"n": 1}, {"n": 2, "key_of": "it"}),
}
"""Two rows of each holding, as JSON."""


@pytest.fixture(params=[*HOLDINGS, "made_up"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each holding there is, and one of a test's own: a row of the table is all it takes."""
    if request.param == "made_up":
        monkeypatch.setitem(HOLDINGS, "made_up", Holding(dict, lambda row: {"n": row["n"], **row}, compared=True, exported=True))
    assert request.param in SAMPLES, f"give two rows of {request.param} in SAMPLES"
    return str(request.param)


def rows(name: str) -> tuple[Any, Any]:
    """The two of a holding."""
    one, two = SAMPLES[name]
    return HOLDINGS[name].read(one), HOLDINGS[name].read(two)


def fresh(called: str = "prepared") -> World:
    """An empty world at noon."""
    return World(called, Clock(NOON, frozen=True), 0, {})


def shown(world: World, name: str) -> dict[str, Any]:
    """The rows of a holding as JSON."""
    return {key: HOLDINGS[name].write(value) for key, value in world.held[name].items()}


def test_every_attribute_of_a_world_is_accounted_for() -> None:
    """A new one is added to one of these sets, to the table in `holdings`, and to `fork`; or is a row of HOLDINGS."""
    assert set(vars(fresh())) == TOLD | DERIVED | PASSING


def test_a_row_is_put_replaced_and_taken_out(name: str) -> None:
    """Taking out what is not there is nothing."""
    world, (one, two) = fresh(), rows(name)
    world.put(Put(name, "a", one), Put(name, "b", two))
    world.put(Put(name, "a", two), Put(name, "b", None), Put(name, "c", None))
    assert shown(world, name) == {"a": SAMPLES[name][1]}


def test_a_fork_and_its_origin_go_their_own_ways(name: str) -> None:
    """In both directions."""
    world, (one, two) = fresh(), rows(name)
    world.put(Put(name, "a", one))
    other = world.fork("other")
    begun = shown(other, name)
    other.put(Put(name, "a", two), Put(name, "mine", two))
    world.put(Put(name, "theirs", two))
    assert shown(world, name) == {"a": SAMPLES[name][0], "theirs": SAMPLES[name][1]}
    assert shown(other, name) == {**begun, "a": SAMPLES[name][1], "mine": SAMPLES[name][1]}


def test_a_world_file_gives_the_rows_back_in_their_order(name: str) -> None:
    """And as they were."""
    world, (one, two) = fresh(), rows(name)
    world.put(Put(name, "z", one), Put(name, "a", two))
    again = load(dump(world), "file")
    assert list(shown(again, name).items()) == [("z", SAMPLES[name][0]), ("a", SAMPLES[name][1])]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Folder]]:
    """Folders opened, the last of which is released in the end."""
    opened: list[Folder] = []
    yield opened
    opened[-1].release()


def reopened(places: list[Folder], path: Path) -> Worlds:
    """The worlds of a folder, as a crash left it."""
    if places:
        places[-1].release()
    worlds = Worlds(fresh())
    places.append(Folder(path))
    places[-1].attach(worlds)
    return worlds


def test_the_journal_gives_the_rows_back(name: str, tmp_path: Path, places: list[Folder]) -> None:
    """Those of the world, of its snapshots and of its forks; then once more from the files."""
    worlds, (one, two) = reopened(places, tmp_path / "data"), rows(name)
    world = worlds.get("w")
    world.put(Put(name, "a", one), Put(name, "b", one))
    worlds.save(world, "moment")
    world.put(Put(name, "a", two), Put(name, "b", None))
    worlds.begin("f", world)
    before = {place: shown(worlds.at(list(place)), name) for place in (("w",), ("w", "moment"), ("f",))}
    for _ in range(2):
        worlds = reopened(places, tmp_path / "data")
        assert {place: shown(worlds.at(list(place)), name) for place in before} == before
    assert shown(worlds.at(["w"]), name) == {"a": SAMPLES[name][1]}


def test_a_diff_tells_of_the_rows_that_are_compared(name: str) -> None:
    """By key: created, changed, deleted."""
    before, (one, two) = fresh(), rows(name)
    before.put(Put(name, "gone", one), Put(name, "other", one), Put(name, "same", one))
    after = before.fork("after")
    after.put(Put(name, "gone", None), Put(name, "other", two), Put(name, "new", two), Put(name, "same", one))
    told = compare(before, after)["held"]
    if not HOLDINGS[name].compared:
        assert told == {}
        return
    assert [row["key"] for row in told[name]["created"]] == ["new"]
    assert [row["key"] for row in told[name]["changed"]] == ["other"]
    assert [row["key"] for row in told[name]["deleted"]] == ["gone"]


def test_an_exported_holding_stands_in_the_fixture_and_is_read_from_it(name: str) -> None:
    """One that is not exported is an unknown field there."""
    world, (one, two) = fresh(), rows(name)
    world.put(Put(name, "a", one), Put(name, "b", two))
    written = orjson.loads(orjson.dumps(export(world)))
    if not HOLDINGS[name].exported:
        assert name not in written
        with pytest.raises(FixtureFault, match=f"unknown: {name}"):
            read_fixture({name: {}}, "f", "f.yaml")
        return
    assert written[name] == {"a": SAMPLES[name][0], "b": SAMPLES[name][1]}
    again = fresh()
    again.put(*read_fixture(written, "f", "f.yaml").held)
    assert shown(again, name) == shown(world, name)
    with pytest.raises(FixtureFault, match=f"f.yaml#/{name}/a: must be an object"):
        read_fixture({name: {"a": 1}}, "f", "f.yaml")
    with pytest.raises(FixtureFault, match=f"f.yaml#/{name}/a: (lacks '|a fault does something)"):
        read_fixture({name: {"a": {}}}, "f", "f.yaml")
