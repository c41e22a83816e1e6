"""The composition root: a document, a behaviour and a fixture become a stage with worlds.

Everything is wired here and nowhere else; nothing is decided here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from understudy.behaviour.fitting import fit
from understudy.behaviour.inference import infer
from understudy.behaviour.model import Behaviour, Resource
from understudy.behaviour.reading import check_form, check_sense, read_behaviour
from understudy.behaviour.roles import bare, bare_key
from understudy.contract.contract import Contract
from understudy.contract.values import Fault
from understudy.engine.plans import Script
from understudy.problems import Problem
from understudy.world import sources
from understudy.world.clock import Clock
from understudy.world.fixtures import EMPTY, Fixture, play, read_fixture
from understudy.world.keeping import Folder
from understudy.world.stage import Reply, Request, Stage
from understudy.world.world import World
from understudy.world.worlds import Worlds

BUNDLED = "solvimon"
"""The sandbox played when no document is named."""


class Unplayable(Exception):
    """Documents, behaviour or fixture with faults: all of them at once, each with its place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(f"{fault.where}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Options:
    """How to play: see `understudy serve --help` for each."""

    spec: str | None = None
    behaviour: str | None = None
    fixture: str | None = None
    now: datetime | None = None
    running: bool | None = None
    seed: int = 0
    strict: bool = False
    open: bool = False
    keys: frozenset[str] | None = None
    most: int = 10_000  # worlds at once
    data: str | None = None  # the folder to keep worlds in
    idle: float | None = None  # seconds after which a world nobody asks for is forgotten


@dataclass(slots=True)
class Sandbox:
    """A stage with its worlds: `answer` plays a request in one of them."""

    stage: Stage
    worlds: Worlds
    title: str
    fixture: Fixture
    where: str
    warnings: tuple[Fault, ...] = ()  # what of the behaviour the document does not bear out
    folder: Folder | None = None  # where worlds are kept, if they are
    prepare: Callable[[str], World] | None = None  # a world at the begin of another fixture, by name
    prepared: dict[str, World] = field(default_factory=dict)  # those asked for so far

    @property
    def script(self) -> Script:
        """What is played."""
        return self.stage.script

    def answer(self, request: Request, world: str = "default") -> Reply:
        """Play a request; where worlds are kept, it is on disk afterwards."""
        reply = self.stage.answer(self.worlds.get(world), request)
        if self.folder is None:
            return reply
        try:
            self.folder.sync()
        except OSError:
            self.folder.recover()
            return self.stage.answer(self.worlds.get(world), request, Problem("unavailable", "the disk did not take the change; nothing was changed"))
        return reply

    def reset(self, name: str, fixture: str | None = None) -> World:
        """Put a world back to the fixture, or to another of the document's. Raises as `of_fixture`."""
        return self.worlds.begin(name, self.worlds.prepared if fixture is None else self.of_fixture(fixture))

    def of_fixture(self, name: str) -> World:
        """A world as a fixture of the document begins. Raises sources.Unreadable, or FixtureFault."""
        if name == self.fixture.name or self.prepare is None:
            return self.worlds.prepared
        if name not in self.prepared:
            self.prepared[name] = self.prepare(name)
        return self.prepared[name]


def open_sandbox(options: Options = Options()) -> Sandbox:
    """Load, check and wire a sandbox. Raises Unplayable with every fault found, or sources.Unreadable, or FixtureFault."""
    understood = understand(options)
    script, spec = understood.script, understood.spec
    stage = Stage(script, open=options.open, keys=options.keys)
    fixture = _fixture(options.fixture, spec)
    worlds = Worlds(_prepare(stage, fixture, options), options.most, options.idle)
    prepare = lambda name: _prepare(stage, _fixture(name, spec), options)  # noqa: E731
    return Sandbox(stage, worlds, understood.title, fixture, str(spec), understood.warnings, _folder(options, worlds), prepare)


def _folder(options: Options, worlds: Worlds) -> Folder | None:
    """The folder worlds are kept in, what it holds put in its place. Raises Unkept."""
    if options.data is None:
        return None
    folder = Folder(Path(options.data))
    folder.attach(worlds)
    return folder


@dataclass(frozen=True, slots=True)
class Understood:
    """A document with its behaviour, before any world; `warnings`: what of the behaviour the document does not bear out."""

    script: Script
    spec: Path
    title: str
    warnings: tuple[Fault, ...]


def understand(options: Options) -> Understood:
    """Load and check a document with its behaviour. Raises as `open_sandbox`."""
    spec = _bundled("openapi") / f"{BUNDLED}.yaml" if options.spec is None else Path(options.spec)
    document = _document(spec)
    contract = _contract(spec, document, options.strict)
    behaviour = _behaviour(spec, document, options.behaviour, contract)
    if options.keys is not None and behaviour.auth is not None:
        behaviour = replace(behaviour, auth=replace(behaviour.auth, keys=options.keys))
    faults = [fault for fault in contract.faults if fault.severity == "error"]
    if faults:
        raise Unplayable(faults)
    script = Script(contract, behaviour, _effects(behaviour))
    warnings = _misfits(script) if options.spec is not None or options.behaviour is not None else ()
    info = document.get("info")
    title = info.get("title") if isinstance(info, Mapping) else None
    return Understood(script, spec, str(title or spec.stem), warnings)


def _misfits(script: Script) -> tuple[Fault, ...]:
    """What of the behaviour the document does not bear out. Raises Unplayable where they contradict each other."""
    faults = fit(script.behaviour, script.contract, script.roles)
    if any(fault.severity == "error" for fault in faults):
        raise Unplayable([fault for fault in faults if fault.severity == "error"])
    return tuple(faults)


def _prepare(stage: Stage, fixture: Fixture, options: Options) -> World:
    """The world every other begins as: the fixture's calls played, then the clock turned to where it is to start."""
    frozen = options.now is not None or fixture.now is not None
    start = fixture.now or options.now
    settings = {**stage.script.behaviour.settings, **fixture.settings}
    world = World("prepared", Clock(start, frozen=frozen), options.seed, settings, stage.script.behaviour.id_length)
    if fixture is EMPTY and any(resource.given for resource in stage.script.behaviour.resources.values()):
        stage.found(world)
    play(fixture, stage, world)
    if options.now is not None and options.now > world.clock.now():
        stage.advance(world, options.now)
    if options.running:
        world.clock.run()
    elif options.running is False:
        world.clock.freeze()
    return world


def _document(spec: Path) -> Mapping[str, Any]:
    document = sources.read(spec)
    if not isinstance(document, Mapping):
        raise sources.Unreadable(str(spec), "not an OpenAPI document: the top is no object")
    return document


def _contract(spec: Path, document: Mapping[str, Any], strict: bool) -> Contract:
    return Contract.of([(spec.resolve().as_uri(), document)], retrieve=sources.retriever(spec.resolve().parent), strict=strict)


# --- behaviour ---------------------------------------------------------------------------------------------------


def _behaviour(spec: Path, document: Mapping[str, Any], named: str | None, contract: Contract) -> Behaviour:
    """What is inferred of a document, with what `x-understudy` in it says on top, and what a behaviour file says on that."""
    inside = document.get("x-understudy")
    said = [] if inside is None else [(f"{spec}#/x-understudy", _formed(inside, f"{spec}#/x-understudy", spec))]
    path = Path(named) if named else spec.with_name(f"{spec.stem}.behaviour.yaml")
    if named or path.is_file():
        said.append((str(path), _formed(sources.read(path), str(path), path)))
    if any("effects" in data for where, data in said if where.endswith("#/x-understudy")):
        raise Unplayable([Fault(f"{spec}#/x-understudy/effects", "no code is run that a document names; name it in a behaviour file")])
    behaviour = _inferred(contract, [data for _, data in said])
    for where, data in said:
        behaviour = read_behaviour(data, without(behaviour, data))
        faults = check_sense(behaviour, where)
        if faults:
            raise Unplayable(faults)
    return behaviour


def _formed(data: Any, where: str, path: Path) -> Mapping[str, Any]:
    """A behaviour's JSON value, its form judged once for each content of its file. Raises Unplayable."""
    faults = sources.judged(path, lambda: check_form(data, where))
    if faults:
        raise Unplayable(faults)
    return cast("Mapping[str, Any]", data)


def _inferred(contract: Contract, said: Sequence[Mapping[str, Any]]) -> Behaviour:
    """What a document lets one understand, where the files leave something of it open: inference costs a moment."""
    told = Behaviour()
    for data in said:
        told = read_behaviour(data, told)
    heads = tuple(f"{bare(path)}/" for resource in told.resources.values() for path in resource.collections)
    rules = {bare_key(key) for key in told.operations}
    left_open = (one for one in contract.operations if not f"{bare(one.path)}/".startswith(heads) and bare_key(one.key) not in rules)
    return infer(contract) if not heads or any(left_open) else Behaviour()


def without(behaviour: Behaviour, data: Mapping[str, Any]) -> Behaviour:
    """A behaviour without the resources that a file describes from its collection on: such a row stands for itself."""
    rows = {name: row for name, row in data.get("resources", {}).items() if row and "collection" in row}
    told = read_behaviour({"resources": rows}).resources.values()
    taken = {bare(path) for resource in told for path in resource.collections}
    kept = {
        name: one
        for name, one in behaviour.resources.items()
        if name not in rows and not taken & set(map(bare, one.collections))
    }
    gone = behaviour.resources.keys() - kept.keys()
    notes = tuple(note for note in behaviour.notes if note.subject not in gone)
    return replace(behaviour, resources={name: _unlinked(one, kept, data) for name, one in kept.items()}, notes=notes)


def _unlinked(resource: Resource, kept: Mapping[str, Resource], data: Mapping[str, Any]) -> Resource:
    """A resource without references to those that are gone."""
    known = {*kept, *data.get("resources", {})}
    refers_to = {field: target for field, target in resource.refers_to.items() if target in known}
    by_key = {field: id_field for field, id_field in resource.by_key.items() if id_field in refers_to}
    return replace(resource, refers_to=refers_to, by_key=by_key)


def _effects(behaviour: Behaviour) -> Mapping[str, Callable[..., Any]]:
    if behaviour.effects is None:
        return {}
    module = import_module(behaviour.effects)
    return {name: value for name, value in vars(module).items() if callable(value) and not name.startswith("_")}


def _fixture(named: str | None, spec: Path) -> Fixture:
    """A fixture by file, or by name among those that belong to the document; `default` if there is one."""
    if named is not None and (os.sep in named or named.endswith((".yaml", ".yml", ".json"))):
        path = Path(named)
        return read_fixture(sources.read(path), path.stem, named)
    folder = _fixtures_of(spec)
    name = named or "default"
    path = folder / f"{name}.yaml"
    if path.is_file():
        return read_fixture(sources.read(path), name, str(path))
    if named in (None, "empty"):
        return EMPTY
    raise sources.Unreadable(name, f"no such fixture; there are {', '.join(fixture_names(folder)) or 'none'} and empty")


def fixture_names(folder: Path) -> Iterable[str]:
    """The fixtures of a folder, by name."""
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder.is_dir() else []


def _fixtures_of(spec: Path) -> Path:
    return spec.parent.parent / "fixtures" / spec.stem


def _bundled(name: str) -> Path:
    """A folder of bundled files: inside the installed package, or at the top of a checkout."""
    inside = Path(str(files("understudy"))) / "bundled" / name
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / name
