"""Worlds in a folder: opened again they are as they were, whatever happened to the process or the disk in between."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.asgi import Client
from understudy.durations import parse_instant
from understudy.sandbox import Options, Sandbox, open_sandbox
from understudy.server.app import App
from understudy.world.journal import File, Unkept
from understudy.world.keeping import Folder
from understudy.world.keeping import _write_file as _real_write
from understudy.world.stage import Request
from understudy.world.worldfile import dump
from understudy.world.worlds import Worlds

CUSTOMER = {"type": "ORGANIZATION", "email": "a@example.com", "timezone": "Europe/Amsterdam", "organization": {"legal_name": "A"}}


class Disk:
    """Makes files of which a test says when they are full or fail."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.failing = False

    def __call__(self, path: Path) -> File:
        disk = self

        class Limited(File):
            def write(self, data: bytes) -> int:
                if disk.room is None:
                    return super().write(data)
                if disk.room == 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                taken = super().write(data[: disk.room])
                disk.room -= taken
                return taken

            def sync(self) -> None:
                if disk.failing:
                    raise OSError(errno.EIO, "Input/output error")
                super().sync()

        return Limited(path)


class Place:
    """A folder on a disk of a test's own, opened over the bundled sandbox; `again` is what a restart finds."""

    def __init__(self, bundled: Sandbox, path: Path) -> None:
        self.bundled, self.path, self.disk = bundled, path, Disk()
        self.wall = 1_000_000.0
        self.open()

    def open(self) -> None:
        """Open it."""
        self.folder = Folder(self.path, self.disk, lambda: self.wall)
        worlds = Worlds(self.bundled.worlds.prepared)
        self.folder.attach(worlds)
        self.sandbox = Sandbox(self.bundled.stage, worlds, "", self.bundled.fixture, "", folder=self.folder, prepare=self.bundled.prepare)
        self.call = Client(App(self.sandbox))

    def again(self) -> None:
        """Open it again as after a crash: nothing was written at the end."""
        self.folder.release()
        self.open()

    def state(self) -> dict[str, Any]:
        """All there is to know of all worlds and snapshots."""
        told = {}
        for world in self.sandbox.worlds:
            told[world.name] = orjson.loads(dump(world, lambda: 0))
            for name, saved in self.sandbox.worlds.saved(world.name).items():
                told[f"{world.name}/{name}"] = orjson.loads(dump(saved, lambda: 0))
        for one in told.values():
            del one["_world"]["1"]["requests"]  # refusals are counted, and not kept
        return told

    def customer(self, reference: str, world: str = "default", **headers: str) -> int:
        """Make a customer; the status."""
        return self.call.post("/v1/customers", {**CUSTOMER, "reference": reference}, headers={"Understudy-World": world, **headers}).status

    def control(self, method: str, path: str, body: Any = None, world: str = "default") -> Any:
        """A control request."""
        answer = self.call(method, f"/_understudy{path}", body, headers={"Understudy-World": world})
        return answer.json if answer.status == 200 else answer.status


@pytest.fixture
def place(bundled: Sandbox, tmp_path: Path) -> Iterator[Place]:
    """A new folder."""
    made = Place(bundled, tmp_path / "data")
    yield made
    made.folder.release()


def many_things(place: Place) -> None:
    """Something of everything that is kept."""
    place.customer("a")
    place.customer("b", "one", **{"Idempotency-Key": "k"})
    place.control("POST", "/snapshots", {"name": "before"}, "one")
    place.customer("c", "one")
    place.control("POST", "/clock", {"advance": "P40D"}, "one")
    place.control("POST", "/worlds", {"name": "two", "from": "one/before"})
    place.control("POST", "/worlds", {"name": "three", "from": "one"})
    place.control("POST", "/worlds", {"name": "saas", "from": "saas"})
    place.control("POST", "/clock", {"advance": "P40D"}, "saas")
    place.customer("d", "two")
    place.control("POST", "/snapshots/before/restore", world="one")
    place.customer("e", "four")
    place.control("DELETE", "/worlds/four")


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
    return place.folder.journal.path


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
        patched.setattr("understudy.world.keeping._write_file", failing(_real_write))
        with suppress(KeyboardInterrupt):
            place.folder.compact()
    place.again()
    assert place.state() == before


def test_files_are_written_anew_when_the_journal_is_long(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal begins anew and the worlds stay."""
    place.customer("a")
    first = journal(place)
    place.folder._limit = 1
    place.customer("b")
    place.customer("c")
    assert journal(place) != first
    assert not first.exists()
    before = place.state()
    place.again()
    assert place.state() == before


def test_a_second_opening_is_refused(place: Place) -> None:
    """With the process that has it."""
    with pytest.raises(Unkept, match="in use by another understudy"):
        Folder(place.path)


def test_open_sandbox_keeps_what_python_asks_for(tmp_path: Path) -> None:
    """`Options(data=...)` is `--data`."""
    options = Options(now=parse_instant("2025-05-06T10:30:00Z"), data=str(tmp_path / "data"))
    first = open_sandbox(options)
    assert Client(App(first)).post("/v1/customers", {**CUSTOMER, "reference": "a"}).status == 201
    assert first.folder is not None
    first.folder.release()
    second = open_sandbox(options)
    assert second.worlds.get("default").store.count("customer") == 1
    assert second.folder is not None
    second.folder.release()
