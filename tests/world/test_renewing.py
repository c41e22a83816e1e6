"""World files written anew beside the requests: nothing waits for it, and whatever interrupts it, nothing is lost."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.places import Place, many_things
from understudy.theatre import Theatre
from understudy.world import files
from understudy.world.journal import Unkept


@pytest.fixture
def place(bundled: Theatre, tmp_path: Path) -> Iterator[Place]:
    """A new folder."""
    made = Place(bundled, tmp_path / "data")
    yield made
    made.folder.release()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No file is written before the gate is open."""
    opened = threading.Event()
    real = files.write

    def write(path: Path, parts: Iterable[bytes]) -> None:
        assert opened.wait(60)
        real(path, parts)

    monkeypatch.setattr("understudy.world.files.write", write)
    yield opened
    opened.set()


def journals(place: Place) -> list[str]:
    """The journal's files."""
    return sorted(path.name for path in place.path.glob("journal.*"))


def ended(place: Place) -> OSError | None:
    """Wait for the writing under way, and go on from it."""
    renewal = place.folder._renewal
    assert renewal is not None
    while place.folder.proceed():
        pass
    renewal.join()
    return place.folder.renewed()


def test_requests_go_on_while_files_are_written(place: Place, gate: threading.Event) -> None:
    """Into the next file of the journal; when all is written, the one before goes."""
    many_things(place)
    place.folder.renew()
    assert place.customer("meanwhile") == 201
    assert place.control("POST", "/snapshots", {"name": "meanwhile"}, "two") != 503
    assert place.control("DELETE", "/worlds/one") == {"ended": "one"}
    assert journals(place) == ["journal.1", "journal.2"]
    before = place.state()
    gate.set()
    assert ended(place) is None
    assert journals(place) == ["journal.2"]
    assert place.state() == before
    place.again()
    assert place.state() == before
    place.folder.close()
    place.open()
    assert place.state() == before
    assert not (place.path / "worlds" / "one.json").exists()


def test_what_is_written_is_how_the_worlds_stood_when_it_began(place: Place, gate: threading.Event) -> None:
    """Though most are looked at later: changed, put back, ended or begun anew meanwhile."""
    many_things(place)
    began = place.state()
    place.folder.renew()
    place.customer("f", "two")
    place.control("POST", "/clock", {"advance": "P40D"}, "saas")
    place.control("POST", "/snapshots/before/restore", world="one")
    place.customer("g", "one")
    place.control("DELETE", "/worlds/three")
    place.customer("h", "three")
    after = place.state()
    gate.set()
    assert ended(place) is None
    for file in sorted((place.path / "worlds").glob("*.json")):
        written = orjson.loads(file.read_bytes())
        del written["_world"]["1"]["requests"]
        written["_world"]["1"]["clock"]["wall"] = 0
        assert written == began[file.stem]
    place.again()
    assert place.state() == after


def test_a_crash_while_files_are_written_leaves_two_journals_that_tell_all(place: Place, gate: threading.Event) -> None:
    """In turn."""
    many_things(place)
    place.folder.renew()
    place.customer("meanwhile")
    before = place.state()
    assert place.folder._renewal is not None
    place.folder._renewal._stopped = True
    gate.set()
    place.again()
    assert len(journals(place)) == 2
    assert place.state() == before
    place.customer("later")
    after = place.state()
    place.again()
    assert place.state() == after


def test_an_entry_torn_in_the_first_of_two_journals_ends_what_is_read(place: Place, gate: threading.Event) -> None:
    """What follows it was promised to nobody, unless it says that the torn one was on disk."""
    place.customer("a")
    before = place.state()
    place.customer("b")
    place.folder.renew()
    assert place.folder._renewal is not None
    place.folder._renewal._stopped = True
    gate.set()
    place.folder.release()
    first, second = (place.path / name for name in journals(place))
    whole = first.read_bytes()
    first.write_bytes(whole[:-3])
    place.open()
    assert place.state() == before
    place.customer("c")
    place.folder.release()
    assert first.read_bytes() != whole
    place.open()
    place.customer("d")
    place.folder.release()
    first.write_bytes(first.read_bytes()[:-3])
    with pytest.raises(Unkept, match=f"{first.name}:[0-9]+: this entry is damaged"):
        place.open()
    assert second.exists()


def test_a_full_disk_while_files_are_written_is_no_harm(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files before and the journal tell all; there is another attempt when the journal has grown."""
    many_things(place)
    before = place.state()

    def full(path: Path, parts: Iterable[bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(next(iter(parts)))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("understudy.world.files.write", full)
        place.folder.renew()
        fault = ended(place)
    assert fault is not None
    assert fault.errno == errno.ENOSPC
    assert not list(place.path.rglob("*.json.*"))
    assert not place.folder.full
    place.customer("after")
    place.folder.renew()
    assert ended(place) is None
    after = place.state()
    assert journals(place) == ["journal.3"]
    place.again()
    assert place.state() == after
    assert after != before


def test_a_place_that_cannot_be_taken_is_taken_later(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next writing, or at the next opening."""
    many_things(place)
    before = place.state()

    def denied(*_: Any) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("understudy.world.files.place", denied)
        place.folder.renew()
        assert ended(place) is not None
    place.folder.renew()
    assert ended(place) is None
    place.again()
    assert place.state() == before


def test_what_a_failing_disk_undoes_is_not_in_the_files(place: Place) -> None:
    """The writing waits for the journal, and ends when it goes back."""
    place.customer("a")
    before = place.state()
    place.disk.failing = True
    world = place.sandbox.worlds.get("default")
    place.sandbox.worlds.save(world, "never")  # written and not yet waited for
    place.folder.renew()
    assert place.customer("b") == 503
    assert place.folder._renewal is None
    assert place.state() == before
    place.disk.failing = False
    place.again()
    assert place.state() == before


def test_files_are_written_anew_when_the_journal_is_long(place: Place) -> None:
    """By the server, once a reply has waited for the disk."""
    place.customer("a")
    place.folder._limit = 1
    place.customer("b")
    assert place.folder._renewal is not None
    place.folder._renewal.join()
    place.customer("c")
    assert journals(place) == ["journal.2"]
    before = place.state()
    place.again()
    assert place.state() == before


def test_a_world_begins_as_it_should_though_the_fixture_changed_behind_a_long_journal(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the new fixture is in the files, the journal holds it with each world."""
    place.customer("a")
    monkeypatch.setattr("understudy.world.keeping.SMALLEST", 1)
    place.bundled = Theatre(
        place.bundled.stage, type(place.sandbox.worlds)(place.bundled.of_fixture("saas")), "", place.bundled.fixture, place.bundled.understood, prepare=place.bundled.prepare
    )
    place.again()
    assert journals(place) == ["journal.1"]
    place.customer("b", "new")
    before = place.state()
    place.again()
    assert place.state() == before
    place.folder.renew()
    assert ended(place) is None
    place.customer("c", "newer")
    after = place.state()
    place.again()
    assert place.state() == after
    assert len(after["newer"]["customer"]) > 20
