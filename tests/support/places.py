"""A data folder on a disk of which a test says when it is full or fails, opened and opened again as after a crash."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import orjson

from support.asgi import Client
from understudy.server.app import App
from understudy.theatre import Theatre
from understudy.world.journal import File
from understudy.world.judging import Document
from understudy.world.keeping import Folder
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

            def sync(self, slot: int = 0) -> None:
                if disk.failing:
                    raise OSError(errno.EIO, "Input/output error")
                super().sync(slot)

        return Limited(path)


class Place:
    """A folder on a disk of a test's own, opened over the bundled sandbox; `again` is what a restart finds."""

    def __init__(self, bundled: Theatre, path: Path) -> None:
        self.bundled, self.path, self.disk = bundled, path, Disk()
        self.wall = 1_000_000.0
        self.open()

    def open(self, document: Document | None = None) -> None:
        """Open it."""
        self.folder = Folder(self.path, self.disk, lambda: self.wall)
        worlds = Worlds(self.bundled.worlds.prepared)
        self.folder.attach(worlds, document)
        self.sandbox = Theatre(self.bundled.stage, worlds, "", self.bundled.fixture, self.bundled.understood, folder=self.folder, prepare=self.bundled.prepare)
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
