"""Worlds in a folder: opened again they are as they were, whatever happened to the process or the disk in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.asgi import Client
from support.places import CUSTOMER, Place, many_things
from understudy.durations import parse_instant
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.files import write as _real_write
from understudy.world.journal import Unkept
from understudy.world.keeping import Folder
from understudy.world.stage import Request


@pytest.fixture
def place(bundled: Theatre, tmp_path: Path) -> Iterator[Place]:
    """A new folder."""
    made = Place(bundled, tmp_path / "data")
    yield made
    made.folder.release()


def test_a_folder_opened_again_holds_what_was_kept_in_it(place: Place) -> None:
    """From the journal after a crash, from the files after a stop: worlds, snapshots, clocks, events, timers, keys."""
    many_things(place)
    before = place.state()
    assert {"default", "one", "one/before", "two", "three", "saas"} == set(before)
    place.again()
    assert place.state() == before
    place.folder.close()
    place.open()
    assert place.state() == before


def test_a_world_opened_again_goes_on_with_ids_nobody_has(place: Place) -> None:
    """And answers an idempotency key as it did."""
    place.customer("a", **{"Idempotency-Key": "k"})
    place.again()
    assert place.customer("a", **{"Idempotency-Key": "k"}) == 201
    assert place.customer("b") == 201
    assert len(place.call.get("/v1/customers").json["data"]) == 2


def test_a_running_clock_runs_on_while_nobody_looks(place: Place) -> None:
    """By the machine's time; a frozen one stands."""
    place.control("POST", "/clock", {"mode": "running"}, "runs")
    place.customer("a", "stands")
    place.wall += 3600
    place.again()
    clocks = {world.name: world.clock.now() for world in place.sandbox.worlds}
    assert clocks["stands"] == parse_instant("2025-05-06T10:30:00Z")
    assert clocks["runs"] >= parse_instant("2025-05-06T11:30:00Z")


def journal(place: Place) -> Path:
    """The journal's file."""
    assert place.folder.journal is not None
    return place.folder.journal.segments[-1].path


@pytest.mark.parametrize("tail", [b'{"crc":"0000', b'{"crc":"00000000","entry":{"n":4}}\n', b"\0\0\0", b"\n", b'{"crc"'])
def test_a_torn_last_entry_is_dropped_and_written_over(place: Place, tail: bytes) -> None:
    """What stands before it is kept; what comes after it too."""
    place.customer("a")
    before = place.state()
    place.folder.release()
    path = next(place.path.glob("journal.*"))
    path.write_bytes(path.read_bytes() + tail)
    place.open()
    assert place.state() == before
    place.customer("b")
    after = place.state()
    place.again()
    assert place.state() == after


@pytest.mark.parametrize("cut", range(1, 400, 37))
def test_a_last_entry_cut_anywhere_is_dropped_whole(place: Place, cut: int) -> None:
    """No half of a commit is ever seen."""
    place.customer("a")
    before = place.state()
    place.customer("b")
    place.folder.release()
    path = next(place.path.glob("journal.*"))
    path.write_bytes(path.read_bytes()[:-cut])
    place.open()
    assert place.state() == before


def test_a_damaged_entry_with_whole_ones_that_came_after_it_was_on_disk_is_named(place: Place) -> None:
    """File and line; nothing is overwritten."""
    for reference in "abc":
        place.customer(reference)
    place.folder.release()
    path = next(place.path.glob("journal.*"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"example", b"exbmple") + b"".join(lines[2:]))
    damaged = path.read_bytes()
    with pytest.raises(Unkept, match=r"journal\.1:2: this entry is damaged"):
        place.open()
    assert path.read_bytes() == damaged
    path.write_bytes(b"".join(lines))
    place.open()


def test_a_full_disk_is_a_503_that_changes_nothing_and_passes(place: Place) -> None:
    """In memory and on disk; without a restart."""
    place.customer("a")
    before = place.state()
    place.disk.room = 100
    assert place.customer("b") == 503
    assert place.customer("b", "new") == 503
    assert place.customer("b", **{"Idempotency-Key": "k"}) == 503
    assert place.control("POST", "/clock", {"advance": "P1D"}) == 503
    assert place.control("POST", "/snapshots", {"name": "x"}) == 503
    assert place.control("POST", "/worlds", {"name": "x"}) == 503
    assert place.control("DELETE", "/worlds/default") == 503
    assert len(place.call.get("/v1/customers").json["data"]) == 1
    assert place.state() == before
    place.disk.room = None
    assert place.customer("b", **{"Idempotency-Key": "k"}) == 201
    after = place.state()
    place.again()
    assert place.state() == after


def test_what_the_disk_did_not_take_in_the_end_is_undone(place: Place) -> None:
    """503 where the wait for the disk fails; memory goes back to what is there."""
    place.customer("a")
    before = place.state()
    place.disk.failing = True
    assert place.customer("b") == 503
    assert place.control("POST", "/clock", {"advance": "P1D"}) == 503
    asked = {"x-api-key": "k", "content-type": "application/json"}
    sent = {name.encode(): value.encode() for name, value in asked.items()}
    body = orjson.dumps({**CUSTOMER, "reference": "b"})
    assert place.sandbox.answer(Request("POST", "/v1/customers", b"", list(sent.items()), body, sent)).status == 503
    assert place.state() == before
    place.disk.failing = False
    assert place.customer("b") == 201
    after = place.state()
    place.again()
    assert place.state() == after


def test_a_timer_that_could_not_be_kept_still_falls_due(place: Place) -> None:
    """Once there is room, at its own time."""
    place.control("POST", "/reset", {"fixture": "saas"})
    due = place.control("GET", "/clock")["next_due"]
    assert due is not None
    place.disk.room = 0
    assert place.control("POST", "/clock", {"advance": "P2M"}) == 503
    assert place.control("GET", "/clock")["next_due"] == due
    place.disk.room = None
    assert place.control("POST", "/clock", {"advance": "P2M"})["due"][0]["at"] == due


@pytest.mark.parametrize("step", range(12))
def test_writing_the_files_anew_may_be_interrupted_anywhere(place: Place, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next opening finds the same worlds."""
    many_things(place)
    before = place.state()
    counted: list[int] = []

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            counted.append(1)
            if len(counted) > step:
                raise KeyboardInterrupt  # the process ends here
            return real(*arguments)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", failing(Path.replace))
        patched.setattr("understudy.world.files.write", failing(_real_write))
        with suppress(KeyboardInterrupt):
            place.folder.compact()
    place.again()
    assert place.state() == before


def test_a_second_opening_is_refused(place: Place) -> None:
    """With the process that has it."""
    with pytest.raises(Unkept, match="in use by another understudy"):
        Folder(place.path)


def test_open_sandbox_keeps_what_python_asks_for(tmp_path: Path) -> None:
    """`Options(data=...)` is `--data`."""
    options = Options(now=parse_instant("2025-05-06T10:30:00Z"), data=str(tmp_path / "data"))
    first = open_theatre(options)
    assert Client(App(first)).post("/v1/customers", {**CUSTOMER, "reference": "a"}).status == 201
    assert first.folder is not None
    first.folder.release()
    second = open_theatre(options)
    assert second.worlds.get("default").store.count("customer") == 1
    assert second.folder is not None
    second.folder.release()
