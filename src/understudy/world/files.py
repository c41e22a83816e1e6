"""The files of a data folder: which of them count, and how new ones take their places all at once.

1. `understudy.json` names the files that count and the journal that goes on from them. New files are written as
   `NAME.json.<generation>`, then `understudy.json`, which decides, then each takes its place. Whatever a crash leaves
   behind is settled at the next opening.
2. What the files say of worlds is not known here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

from understudy.world.journal import Unkept, sync_folder
from understudy.world.worldfile import FORMAT, check_format

MANIFEST = "understudy.json"
AT_ONCE = 2**20
"""Octets written before the disk is waited for: little enough that the journal's own waits stay short."""

_PENDING = re.compile(r"(.+\.json)\.(\d+)")
_JOURNAL = re.compile(r"journal\.(\d+)")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `understudy.json` says.

    The files tell of everything up to the journal's entry `written`; the journal's file of number `generation` and those
    after it tell the rest. `document`: what the worlds are kept for.
    """

    generation: int = 0
    written: int = 0
    files: frozenset[str] = field(default_factory=frozenset)
    document: dict[str, Any] | None = None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder, a new one of an empty folder. Raises Unkept."""
    path = folder / MANIFEST
    if not path.exists():
        _check_empty(folder)
        return Manifest()
    try:
        said = orjson.loads(path.read_bytes())
        if not isinstance(said, dict):
            raise ValueError("the top is no object")
        check_format(said["format"], str(path))
        return Manifest(int(said["generation"]), int(said["written"]), frozenset(_files(said)), said.get("document"))
    except (ValueError, KeyError, TypeError) as fault:
        wrong = f"it lacks {fault}" if isinstance(fault, KeyError) else str(fault)
        raise Unkept(str(path), f"is damaged: {wrong}; restore it from a copy, nothing was changed") from None
    except OSError as fault:
        raise Unkept(str(path), f"cannot be read: {fault.strerror}") from None


def _check_empty(folder: Path) -> None:
    names = [one.name for one in folder.iterdir() if one.name not in ("lock", f"{MANIFEST}.new")]
    others = sorted(name for name in names if not _PENDING.fullmatch(name) and not _JOURNAL.fullmatch(name))
    if set(others) - {"worlds", "snapshots"} or any((folder / "worlds").glob("*.json")):
        raise Unkept(str(folder), f"holds other files ({', '.join(others[:3])}) and no {MANIFEST}; name an empty or a new folder")


def _files(said: dict[str, Any]) -> list[str]:
    """The files a manifest names: none of them outside the folder."""
    files = [str(file) for file in said["files"]]
    if any(".." in file.split("/") or file.startswith("/") or not file.endswith(".json") for file in files):
        raise ValueError("it names a file that is none of its own")
    return files


def settle(folder: Path, manifest: Manifest) -> None:
    """Finish what a crash interrupted: files of this generation take their places, unfinished and outdated ones go."""
    for path in folder.rglob("*.json.*"):
        match = _PENDING.fullmatch(path.name)
        if match is not None and int(match[2]) == manifest.generation:
            path.replace(path.with_name(match[1]))
        elif match is not None:
            path.unlink()
    for path in folder.glob("journal.*"):
        match = _JOURNAL.fullmatch(path.name)
        if match is not None and (int(match[1]) < manifest.generation or not manifest.files):
            path.unlink()


def pending(folder: Path, file: str, generation: int) -> Path:
    """Where a file is written before it takes its place."""
    return folder / f"{file}.{generation}"


def write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file and wait until it is on disk. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = 0
    with open(path, "wb", buffering=0) as file:
        for part in parts:
            waiting += _write_whole(file, part)
            if waiting > AT_ONCE:
                os.fsync(file.fileno())
                waiting = 0
        os.fsync(file.fileno())


def _write_whole(file: FileIO, part: bytes) -> int:
    rest = memoryview(part)
    while rest:
        rest = rest[file.write(rest) or 0 :]
    return len(part)


def decide(folder: Path, manifest: Manifest) -> None:
    """Let these files count from now on. Raises OSError, and then those before still do."""
    for parent in sorted({folder, *_folders(folder, manifest.files)}):
        sync_folder(parent)
    said = {"format": FORMAT, **asdict(manifest), "files": sorted(manifest.files)}
    passing = folder / f"{MANIFEST}.new"
    write(passing, [orjson.dumps(said, option=orjson.OPT_INDENT_2)])
    passing.replace(folder / MANIFEST)
    sync_folder(folder)


def _folders(folder: Path, files: Iterable[str]) -> Iterator[Path]:
    for file in files:
        yield from (parent for parent in (folder / file).parents if parent.is_relative_to(folder) and parent.is_dir())


def place(folder: Path, new: Iterable[str], gone: Iterable[str], generation: int) -> None:
    """Let new files take their places, and remove those that count no more."""
    for file in new:
        pending(folder, file, generation).replace(folder / file)
    for file in gone:
        (folder / file).unlink(missing_ok=True)
