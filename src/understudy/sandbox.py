"""The composition root: a document, a behaviour and a fixture become a stage with worlds.

Everything is wired here and nowhere else; nothing is decided here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from understudy.behaviour.model import Auth, Behaviour
from understudy.behaviour.reading import check_form, check_sense, read_behaviour
from understudy.contract.contract import Contract
from understudy.contract.values import Fault
from understudy.engine.plans import Script
from understudy.world import sources
from understudy.world.clock import Clock
from understudy.world.fixtures import EMPTY, Fixture, play, read_fixture
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


@dataclass(slots=True)
class Sandbox:
    """A stage with its worlds: `answer` plays a request in one of them."""

    stage: Stage
    worlds: Worlds
    title: str
    fixture: Fixture
    where: str

    @property
    def script(self) -> Script:
        """What is played."""
        return self.stage.script

    def answer(self, request: Request, world: str = "default") -> Reply:
        """Play a request."""
        return self.stage.answer(self.worlds.get(world), request)

    def reset(self, name: str) -> World:
        """Put a world back to the fixture."""
        return self.worlds.begin(name, self.worlds.prepared)


def open_sandbox(options: Options = Options()) -> Sandbox:
    """Load, check and wire a sandbox. Raises Unplayable with every fault found, or sources.Unreadable, or FixtureFault."""
    spec = _bundled("openapi") / f"{BUNDLED}.yaml" if options.spec is None else Path(options.spec)
    contract = _contract(spec, options.strict)
    behaviour = _behaviour(spec, options.behaviour)
    if options.keys is not None:
        behaviour = replace(behaviour, auth=replace(behaviour.auth or Auth(), keys=options.keys))
    faults = [fault for fault in contract.faults if fault.severity == "error"]
    if faults:
        raise Unplayable(faults)
    script = Script(contract, behaviour, _effects(behaviour))
    stage = Stage(script, open=options.open)
    fixture = _fixture(options.fixture, spec)
    title = str(sources.read(spec).get("info", {}).get("title", spec.stem))
    return Sandbox(stage, Worlds(_prepare(stage, fixture, options)), title, fixture, str(spec))


def _prepare(stage: Stage, fixture: Fixture, options: Options) -> World:
    """The world every other begins as: the fixture's calls played, then the clock turned to where it is to start."""
    frozen = options.now is not None or fixture.now is not None
    start = fixture.now or options.now
    settings = {**stage.script.behaviour.settings, **fixture.settings}
    world = World("prepared", Clock(start, frozen=frozen), options.seed, settings, stage.script.behaviour.id_length)
    play(fixture, stage, world)
    if options.now is not None and options.now > world.clock.now():
        stage.advance(world, options.now)
    if options.running:
        world.clock.run()
    elif options.running is False:
        world.clock.freeze()
    return world


def _contract(spec: Path, strict: bool) -> Contract:
    document = sources.read(spec)
    if not isinstance(document, Mapping):
        raise sources.Unreadable(str(spec), "not an OpenAPI document: the top is no object")
    return Contract.of([(spec.resolve().as_uri(), document)], retrieve=sources.retriever(spec.resolve().parent), strict=strict)


def _behaviour(spec: Path, named: str | None) -> Behaviour:
    path = Path(named) if named else spec.with_name(f"{spec.stem}.behaviour.yaml")
    if not named and not path.is_file():
        return Behaviour()
    data = sources.read(path)
    faults = sources.judged(path, lambda: check_form(data, str(path)))
    if faults:
        raise Unplayable(faults)
    behaviour = read_behaviour(data)
    faults = check_sense(behaviour, str(path))
    if faults:
        raise Unplayable(faults)
    return behaviour


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
