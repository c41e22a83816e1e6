"""`understudy learn`: a record becomes a diff to the behaviour file, and a fixture that was tried out.

Exit status 0: nothing to change, or it was written; 1: there is something to change; 2: it could not be read.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.behaviour.writing import to_yaml_data
from understudy.check import opening
from understudy.check.subjects import Api
from understudy.durations import parse_instant
from understudy.proxy import fixturing
from understudy.proxy.har import Unread, read
from understudy.proxy.learning import learn as learned
from understudy.proxy.lessons import Doubt, Lesson
from understudy.proxy.trail import Trail, trail
from understudy.theatre import Theatre, open_theatre
from understudy.understanding import BUNDLED, Options, Understood, Unplayable, bundled, understand
from understudy.world.amending import Amendment, Unamended, amended
from understudy.world.fixtures import FixtureFault, play, read_fixture
from understudy.world.rows import put_records
from understudy.world.sources import Unreadable, written


def learn(options: argparse.Namespace) -> int:
    """Run the command."""
    try:
        return _learn(options)
    except Unplayable as fault:
        return _failed("\n".join(f"{one.where}: {one.message}" for one in fault.faults))
    except UnicodeDecodeError:
        return _failed(f"{options.file}: no text, so no HTTP Archive")
    except (Unread, Unreadable, Unamended, LookupError, ValueError) as fault:
        return _failed(str(fault))
    except OSError as fault:
        return _failed(f"{fault.filename}: {fault.strerror}")


def _failed(words: str) -> int:
    for line in words.splitlines():
        print(f"understudy: {line}", file=sys.stderr)
    return 2


def _learn(options: argparse.Namespace) -> int:
    playing = Options(spec=tuple(options.spec) or None, behaviour=options.behaviour, overlays=tuple(options.overlay))
    understood = understand(playing)
    exchanges, cut = read(Path(options.file).read_text(encoding="utf-8"))
    if cut:
        print(f"understudy: {options.file}: {cut}", file=sys.stderr)
    found = trail(opening.api_of(understood), exchanges)
    path = _file(options, understood)
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    lessons = _sorted(learned(found))
    new = amended(old or "understudy: 1\n", _amendments(found.api, [one for one in lessons if isinstance(one, Lesson)], old)) if any(isinstance(one, Lesson) for one in lessons) else old
    _tell(found, lessons, path, old, new)
    with tempfile.TemporaryDirectory() as folder:
        if new:
            passing = Path(folder) / path.name
            passing.write_text(new, encoding="utf-8")
            playing = replace(playing, behaviour=str(passing))
            understand(playing)  # before it is written anywhere
        for name, calls in ((options.fixture, True), (options.before, False)):
            if name:
                _fixture(Path(name), found, playing, calls=calls)
    if options.write and new != old:
        _write(options, path, new)
    return 0 if options.write or new == old else 1


def _file(options: argparse.Namespace, understood: Understood) -> Path:
    """The behaviour file that is proposed to. Raises ValueError where there is no one file."""
    if options.behaviour:
        return Path(options.behaviour)
    if not options.spec:
        return bundled("openapi") / f"{BUNDLED}.behaviour.yaml"
    named = [one.path for one in understood.documents]
    if len(named) != 1 or named[0] is None:
        raise ValueError("several documents, or one that is no file here: --behaviour FILE says which behaviour file to propose to")
    return named[0].with_name(f"{named[0].stem}.behaviour.yaml")


def _write(options: argparse.Namespace, path: Path, new: str) -> None:
    if not options.spec and not options.behaviour:
        raise ValueError("the bundled behaviour is not written to; copy the file and name the copy: --behaviour FILE")
    path.write_text(new, encoding="utf-8")
    print(f"written: {path}", file=sys.stderr)


def _sorted(found: Sequence[Lesson | Doubt]) -> list[Lesson | Doubt]:
    """Lines of one place together, in the order they were learned."""
    order = {one.path[:2]: index for index, one in reversed(list(enumerate(found))) if isinstance(one, Lesson)}
    return sorted(found, key=lambda one: order.get(one.path[:2], 0) if isinstance(one, Lesson) else len(found))


def _amendments(api: Api, lessons: Sequence[Lesson], old: str) -> Iterator[Amendment]:
    """The lines; what a file's part takes the place of is written out with it, so that nothing else changes."""
    if any(one.path[0] == "errors" for one in lessons) and not any("errors" in said for said in api.said):
        present = to_yaml_data(api.behaviour).get("errors", {})
        for path, value in _leaves(present, ("errors",)):
            if all(path != one.path for one in lessons):
                yield Amendment(path, value, "as it was")
    for name in dict.fromkeys(one.path[1] for one in lessons if one.path[0] == "resources"):
        given = api.behaviour.resources[name].given
        if given and not any(name in said.get("resources", {}) for said in api.said):
            yield Amendment(("resources", name, "given"), given, "as it was")
    for one in lessons:
        yield Amendment(one.path, _plain(one.value), one.comment)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value and len(path) < 3:
        for name, part in value.items():
            yield from _leaves(part, (*path, str(name)))
    elif value not in ({}, None):
        yield path, value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _tell(found: Trail, lessons: Sequence[Lesson | Doubt], path: Path, old: str, new: str) -> None:
    known = sum(now.operation is not None for now in found.moments)
    print(f"{len(found.moments)} exchanges, {known} of them of the document, {len(found.sightings)} records", file=sys.stderr)
    for one in lessons:
        if isinstance(one, Doubt):
            print(f"not learned: {one}", file=sys.stderr)
    if new == old:
        print("the behaviour is as it was seen: nothing to change", file=sys.stderr)
        return
    shown = str(path)
    before = shown if old else "/dev/null"
    sys.stdout.writelines(difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), before, shown))


# --- fixtures ---------------------------------------------------------------------------------------------------------


def _fixture(path: Path, found: Trail, playing: Options, *, calls: bool) -> None:
    """Write a fixture of what can be played; what cannot is told."""
    value = fixturing.fixture(found, f"{len(found.moments)} recorded exchanges", calls=calls)
    theatre = open_theatre(replace(playing, fixture="empty", now=parse_instant(value["now"])))
    value = _playable(value, theatre, str(path))
    path.write_text(written(value), encoding="utf-8")
    print(f"written: {path}: {sum(map(len, value.get('records', {}).values()))} records, {len(value.get('calls', ()))} calls", file=sys.stderr)


def _playable(value: dict[str, Any], theatre: Theatre, where: str) -> dict[str, Any]:
    """A fixture without the records and calls the stand-in refuses."""
    value = {**value, **({"records": _fitting(value, theatre)} if "records" in value else {})}
    while True:
        try:
            play(read_fixture(value, "learned", where), theatre.stage, theatre.worlds.prepared.fork("learning"))
            return value
        except FixtureFault as fault:
            place = fault.where.rpartition("#/calls/")[2].partition("/")[0]
            if not place.isdecimal():
                raise ValueError(str(fault)) from None
            print(f"left out: {next(iter(value['calls'][int(place)]))}: {str(fault).partition(': ')[2][:300]}", file=sys.stderr)
            value = {**value, "calls": [one for index, one in enumerate(value["calls"]) if index != int(place)]}


def _fitting(value: Mapping[str, Any], theatre: Theatre) -> dict[str, list[Any]]:
    """The records that fit the document and each other."""
    records = {name: list(rows) for name, rows in value["records"].items()}
    while faults := put_records(records, 0, theatre.stage.script, theatre.worlds.prepared.fork("learning")):
        wrong = {tuple(place.split("/")[2:4]): why for place, why in reversed(faults)}
        for (name, index), why in wrong.items():
            print(f"left out: {name} {records[name][int(index)].get(theatre.script.behaviour.resources[name].id_field)}: {why}", file=sys.stderr)
        records = {name: [row for index, row in enumerate(rows) if (name, str(index)) not in wrong] for name, rows in records.items()}
    return records
