"""What would keep a server from starting, or make it slow: looked for one by one, each with what to do.

1. A check is a row of `CHECKS`: it yields findings and raises nothing; what one finds keeps no other from being made.
2. Nothing is served and nothing is changed; what is looked at is what `serve` would use, with the same arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from understudy import __version__
from understudy.engine.guarding import guard_of
from understudy.inspecting import findings as unanswerable
from understudy.server import certifying, ports
from understudy.server.certifying import Uncertified
from understudy.server.painting import in_colour, paint
from understudy.server.serving import options_of
from understudy.theatre import Theatre, Unplayable, document_of, open_theatre
from understudy.world.files import read_manifest
from understudy.world.fixtures import FixtureFault
from understudy.world.journal import Unkept
from understudy.world.keeping import examined
from understudy.world.sources import Unreadable, cache_folder

OK, WARN, FAIL = "ok", "warn", "fail"
_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}
MOST = 20
"""Faults of one kind that are told one by one."""
ROOM = 100 * 2**20
"""Octets a disk should have left."""
LIBRARIES = ("starlette", "uvicorn", "httptools", "jsonschema", "jsonschema-rs", "orjson", "tinydb", "PyYAML")
EXTRAS = {"check": "schemathesis", "proxy": "httpcore", "tls": "trustme"}
"""An extra, and what it brings."""


class Finding(NamedTuple):
    """What was found of something: `level` is ok, warn or fail; `do` says what would be right."""

    level: str
    about: str
    message: str
    do: str = ""


class Patient:
    """What is asked for, and what comes of it, once somebody wants to know."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked

    @cached_property
    def played(self) -> Theatre | tuple[Finding, ...]:
        """What would be played, or why nothing can be."""
        try:
            return open_theatre(replace(options_of(self.asked), data=None))
        except Unplayable as fault:
            told = [Finding(FAIL, "document", f"{one.where}: {one.message}") for one in fault.faults]
            more = [Finding(FAIL, "document", f"and {len(told) - MOST} faults more", "see them all: understudy inspect")] if len(told) > MOST else []
            return (*told[:MOST], *more)
        except FixtureFault as fault:
            return (Finding(FAIL, "fixture", str(fault), "a fixture is calls that succeed; see fixtures/ for some"),)
        except Unreadable as fault:
            about = "fixture" if fault.where.startswith(self.asked.fixture or "\0") else "document"
            return (Finding(FAIL, about, str(fault)),)
        except (LookupError, ValueError, OSError) as fault:
            return (Finding(FAIL, "arguments", str(fault)),)


Check = Callable[[Patient], Iterator[Finding]]


def doctor(asked: argparse.Namespace) -> int:
    """Print what was found; the exit status (0: nothing fails, 1: something does)."""
    patient = Patient(asked)
    found = [finding for check in CHECKS for finding in check(patient)]
    good = all(one.level != FAIL for one in found)
    if asked.json:
        print(json.dumps({"good": good, "version": __version__, "findings": [one._asdict() for one in found]}, indent=2, ensure_ascii=False))
    else:
        colour = in_colour(sys.stdout)
        print("\n".join(_line(one, colour) for one in found))
    return 0 if good else 1


def _line(one: Finding, colour: bool) -> str:
    advice = f"\n{'':16} → {one.do}" if one.do else ""
    return f"{paint(f'{one.level:4}', _COLOURS[one.level], colour)}  {one.about:10} {one.message}{advice}"


# --- this machine ------------------------------------------------------------------------------------------------


def _python(patient: Patient) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding(OK if good else FAIL, "python", f"{version}, understudy {__version__}", "" if good else "use Python 3.11 or later")


def _libraries(patient: Patient) -> Iterator[Finding]:
    wanted = dict(_wanted())
    for name in LIBRARIES:
        have, least = _version(name), wanted.get(name.lower(), "")
        if have is None:
            yield Finding(FAIL, "libraries", f"{name} is missing", f"pip install '{name}{f'>={least}' if least else ''}'")
        elif least and _numbers(have) < _numbers(least):
            yield Finding(FAIL, "libraries", f"{name} is {have}, {least} or later is needed", f"pip install --upgrade '{name}>={least}'")
    there = [f"{name} {version}" for name in LIBRARIES if (version := _version(name))]
    yield Finding(OK, "libraries", ", ".join(there))
    missing = [extra for extra, module in EXTRAS.items() if find_spec(module) is None]
    yield Finding(OK, "extras", f"not installed: {', '.join(missing)}" if missing else f"installed: {', '.join(EXTRAS)}",
                  f"if you want them: pip install 'understudy[{','.join(missing)}]'" if missing else "")


def _wanted() -> Iterator[tuple[str, str]]:
    """The least version of each library, as the installed package says."""
    try:
        lines = metadata.requires("understudy") or []
    except metadata.PackageNotFoundError:  # run from its sources
        return
    for line in lines:
        name, least, version = line.partition(";")[0].partition(">=")
        if least:
            yield name.strip().lower(), version.strip()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _speed(patient: Patient) -> Iterator[Finding]:
    if sys.platform != "win32" and find_spec("uvloop") is None:
        yield Finding(WARN, "speed", "uvloop is missing: requests take half as long again", "pip install uvloop")
    if find_spec("yaml") is not None and not hasattr(__import__("yaml"), "CSafeLoader"):
        yield Finding(WARN, "speed", "PyYAML is without its C loader: documents in YAML take ten times as long", "pip install --force-reinstall PyYAML")
    folder = cache_folder()
    if not _can_be_written(folder):
        yield Finding(WARN, "speed", f"{folder} cannot be written: large documents are parsed at every start", "let it be written, or set XDG_CACHE_HOME")


def _clock(patient: Patient) -> Iterator[Finding]:
    now = time.time()
    if not 1_735_689_600 < now < 4_102_444_800:  # 2025 to 2100
        yield Finding(WARN, "clock", f"this machine believes it is {time.strftime('%Y-%m-%d', time.gmtime(now))}", "set its clock, or say --now")
    try:
        ZoneInfo("Europe/Amsterdam")
    except ZoneInfoNotFoundError:
        yield Finding(FAIL, "clock", "there are no time zones on this machine", "pip install tzdata")
        return
    yield Finding(OK, "clock", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)))


# --- what is to be played ----------------------------------------------------------------------------------------


def _document(patient: Patient) -> Iterator[Finding]:
    played = patient.played
    if not isinstance(played, Theatre):
        yield from played
        return
    script, understood = played.script, played.understood
    resources = sum(not one.internal for one in script.behaviour.resources.values())
    yield Finding(OK, "document", f"{understood.where}: {len(script.contract.operations)} operations, {resources} resources; fixture {played.fixture.name}")
    for fault in understood.broken[:MOST]:
        yield Finding(WARN, "document", f"{fault.where}: {fault.message}", "mend the reference: what holds it is served as far as it can be")
    left = [key for key, role in script.roles.items() if role.kind == "example"]
    if left:
        yield Finding(OK, "document", f"{len(left)} operations are not modelled and answer examples", "see which: understudy inspect")
    for fault in list(unanswerable(script))[:MOST] if patient.asked.spec else ():
        yield Finding(WARN, "document", f"{fault.where}: {fault.message}")


def _behaviour(patient: Patient) -> Iterator[Finding]:
    if not isinstance(patient.played, Theatre):
        return
    found = patient.played.understood.comparison
    for title, lines in (("orphaned", found.orphaned), ("changed", found.changed)):
        for line in lines[:MOST]:
            yield Finding(WARN, "behaviour", f"{title}: {line}", "edit the behaviour file; understudy inspect says what it knows")
    if found.new:
        yield Finding(OK, "behaviour", f"the file does not speak of {len(found.new)} operations, which are inferred")
    elif not found.unfit:
        yield Finding(OK, "behaviour", "fits the documents")


def _keys(patient: Patient) -> Iterator[Finding]:
    asked, played = patient.asked, patient.played
    name = asked.key_env
    if name is not None and not os.environ.get(name):
        yield Finding(FAIL, "keys", f"the environment variable {name} is {'empty' if name in os.environ else 'not set'}", f"export {name}=…")
    if not isinstance(played, Theatre):
        return
    auth = played.stage.auth
    guarded = auth is not None or any(guard_of(one) for one in played.script.contract.operations)
    if asked.no_auth or not guarded:
        yield Finding(OK, "keys", "none is asked for")
    else:
        where = f" in {' or '.join(one.upper() for one in auth.headers)}" if auth is not None and auth.headers else ""
        yield Finding(OK, "keys", f"a key is asked for{where}; {'those given are good' if asked.api_key else 'any is good'}")


# --- where ---------------------------------------------------------------------------------------------------------


def _port(patient: Patient) -> Iterator[Finding]:
    asked = patient.asked
    try:
        with ports.bound(asked.host, asked.port) as door:
            ports.listening(door, asked.host, asked.port)
    except ports.Unheard as fault:
        yield Finding(FAIL, "port", str(fault))
        return
    yield Finding(OK, "port", f"{asked.host}:{asked.port} is free" if asked.port else "any free one")


def _certificate(patient: Patient) -> Iterator[Finding]:
    asked = patient.asked
    try:
        if asked.tls_cert or asked.tls_key:
            certifying.given(asked.tls_cert or asked.tls_key, asked.tls_key or asked.tls_cert)
            yield Finding(OK, "HTTPS", f"{asked.tls_cert} can be used")
        elif asked.tls and find_spec("trustme") is None:
            yield Finding(FAIL, "HTTPS", "no certificate can be made", "pip install 'understudy[tls]'")
        elif asked.tls:
            yield Finding(OK, "HTTPS", f"a certificate will be made; clients are to trust {certifying.authority_file()} ({ssl.OPENSSL_VERSION})")
    except Uncertified as fault:
        yield Finding(FAIL, "HTTPS", str(fault))


def _folder(patient: Patient) -> Iterator[Finding]:
    if patient.asked.data is None:
        return
    folder = Path(patient.asked.data)
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    if there == folder and not folder.is_dir():
        yield Finding(FAIL, "folder", f"{folder} is no folder", "name another one with --data")
    elif not _can_be_written(folder):
        yield Finding(FAIL, "folder", f"{there} cannot be written to", f"let it be written: chmod u+w {there}, or name another one")
    else:
        yield from _kept(patient, folder, there)


def _kept(patient: Patient, folder: Path, there: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(there).free
    if free < ROOM:
        yield Finding(WARN, "folder", f"the disk of {there} has {free // 2**20} MB left", "make room: what cannot be written is refused")
    if there != folder or not any(folder.iterdir()):
        yield Finding(OK, "folder", f"{folder} will be made" if there != folder else f"{folder} is empty")
        return
    try:
        document = document_of(patient.played.understood) if isinstance(patient.played, Theatre) else None
        count, misfits = examined(folder, document)
        kept_for = read_manifest(folder).document or {}
    except (Unkept, OSError) as fault:
        yield Finding(FAIL, "folder", str(fault))
        return
    yield Finding(OK, "folder", f"{folder} holds {count} worlds of \"{kept_for.get('title', '')}\"")
    for one in misfits[:MOST]:
        yield Finding(WARN, "folder", f"{one.where}: {one.message}", "it stays as it is; put the world back, or serve the document it was kept for")


def _can_be_written(folder: Path) -> bool:
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


CHECKS: tuple[Check, ...] = (_python, _libraries, _speed, _clock, _port, _certificate, _document, _behaviour, _keys, _folder)
"""In the order they are told."""
