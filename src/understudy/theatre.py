"""The composition root: what is understood of documents, and a fixture, become a stage with worlds.

Everything is wired here and nowhere else; nothing is decided here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, cast

from understudy.contract.values import Fault
from understudy.engine.plans import Script
from understudy.exact import write
from understudy.problems import Problem
from understudy.understanding import Options, Understood, Unplayable, understand
from understudy.webhooks.payloads import QUANTITIES as PAYLOAD
from understudy.webhooks.payloads import Payloads, check_template
from understudy.webhooks.rules import rules_of
from understudy.world import sources
from understudy.world.clock import Clock
from understudy.world.fixtures import EMPTY, Fixture, play, read_fixture
from understudy.world.judging import Document, note_private
from understudy.world.keeping import Folder
from understudy.world.mirroring import QUANTITIES as SHOWN
from understudy.world.post import Post
from understudy.world.stage import Reply, Request, Stage
from understudy.world.world import World
from understudy.world.worlds import Worlds

__all__ = ["Beginning", "Options", "Theatre", "Unplayable", "open_theatre"]


class Beginning(NamedTuple):
    """Where a world may begin; what is None is as the theatre was opened with."""

    fixture: str | None = None  # its name or file
    now: datetime | None = None
    running: bool | None = None
    seed: int | None = None


_BEGINNING = Beginning()


@dataclass(slots=True)
class Theatre:
    """A stage with its worlds: `answer` plays a request in one of them."""

    stage: Stage
    worlds: Worlds
    title: str
    fixture: Fixture
    understood: Understood
    folder: Folder | None = None  # where worlds are kept, if they are
    prepare: Callable[..., World] | None = None  # a world at the begin of another fixture, by name, and at another time: see `Beginning`
    prepared: dict[Beginning, World] = field(default_factory=dict)  # those asked for so far
    post: Post = field(default=cast("Post", None))  # how its worlds tell others what happened; by default of the prepared one

    def __post_init__(self) -> None:
        post = self.post or self.worlds.prepared.post
        assert post is not None
        self.post = post
        self.worlds.connect(post)

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
        return self.worlds.begin(name, self.worlds.beginning(name) if fixture is None else self.of_fixture(fixture))

    def of_fixture(self, name: str) -> World:
        """A world as a fixture of the document begins. Raises sources.Unreadable, or FixtureFault."""
        return self.worlds.prepared if name == self.fixture.name else self.beginning(Beginning(name))

    def beginning(self, asked: Beginning) -> World:
        """A world as it begins there, prepared once. Raises as `of_fixture`, and ValueError."""
        if asked == _BEGINNING or self.prepare is None:
            return self.worlds.prepared
        if asked not in self.prepared:
            told = {name: value for name, value in asked._asdict().items() if value is not None and name != "fixture"}
            self.prepared[asked] = self.prepare(asked.fixture, **told)
        return self.prepared[asked]


    def restage(self, new: Theatre) -> None:
        """Play what another theatre plays, in the worlds there are; what watches and sends goes on doing so. Raises OSError."""
        if self.folder is not None:
            self.folder.restaged(document_of(new.understood))
        new.stage.observe, new.post.ring = self.stage.observe, self.post.ring
        note_private(new.script, self.worlds)
        self.worlds.restage(new.worlds.prepared, new.post)
        self.stage, self.post, self.prepare, self.prepared = new.stage, new.post, new.prepare, {}
        self.title, self.fixture, self.understood = new.title, new.fixture, new.understood


_BUNDLED = Options()


Tell = Callable[[str], None]
"""Told what is being done, for somebody who waits."""


def open_theatre(options: Options = _BUNDLED, tell: Tell = lambda doing: None) -> Theatre:
    """Load, check and wire a sandbox. Raises Unplayable with every fault found, or sources.Unreadable, or FixtureFault."""
    tell(f"reading {', '.join(options.specs) or 'the bundled document'}")
    understood = understand(options)
    stage = Stage(understood.script, open=options.open, keys=options.keys, strict_auth=options.strict_auth)
    fixture, post = _fixture(options.fixture, understood.fixtures), _post(understood)
    tell(f"playing the fixture {fixture.name}")
    worlds = Worlds(_prepare(stage, fixture, options, post), options.most, options.idle)

    def prepare(name: str | None, **told: Any) -> World:
        own = replace(options, **told)
        return _prepare(stage, fixture if name is None else _fixture(name, understood.fixtures), own, post)

    return Theatre(stage, worlds, understood.title, fixture, understood, _folder(options, worlds, understood, tell), prepare, post=post)


def _post(understood: Understood) -> Post:
    """How worlds tell others what happened. Raises Unplayable."""
    behaviour, where = understood.script.behaviour, f"{understood.where}: webhooks"
    try:
        rules = rules_of(behaviour.webhooks)
        named = [behaviour.resources[row.resource] for row in (rules.endpoints, rules.deliveries) if row is not None]
        check_template(rules.payload, PAYLOAD, "payload")
        check_template(rules.deliveries.fields if rules.deliveries is not None else {}, SHOWN, "deliveries/fields")
        check_template(rules.endpoints.box if rules.endpoints is not None else {}, SHOWN, "endpoints/box")
        mirrored = named[-1] if rules.deliveries is not None else None
        rules = rules if mirrored is None or mirrored.id_prefix is None else replace(rules, prefix=mirrored.id_prefix)
        post = Post(rules, Payloads(understood.script.contract, rules, behaviour))
    except KeyError as fault:
        raise Unplayable([Fault(where, f"no resource is called {fault}")]) from None
    except (ValueError, TypeError) as fault:
        raise Unplayable([Fault(where, str(fault))]) from None
    if rules.signing not in post.profiles:
        raise Unplayable([Fault(where, f'no signing profile is called "{rules.signing}"; there are {", ".join(post.profiles)}')])
    return post


def _folder(options: Options, worlds: Worlds, understood: Understood, tell: Tell) -> Folder | None:
    """The folder worlds are kept in, what it holds put in its place. Raises Unkept."""
    if options.data is None:
        return None
    tell(f"opening {options.data}")
    folder = Folder(Path(options.data), tell=tell)
    folder.attach(worlds, document_of(understood))
    return folder


def document_of(understood: Understood) -> Document:
    """What is played, as worlds that were kept are held against it."""
    return Document(understood.title, understood.where, _digest(understood), understood.script)


def _digest(understood: Understood) -> str:
    """Changes when a document does, or what of the behaviour kept records depend on."""
    told = [
        [one.name, one.id_field, one.key, sorted(one.lifecycle.table) if one.lifecycle else None]
        for one in understood.script.behaviour.resources.values()
    ]
    return blake2b(write([[one.value for one in understood.documents], told]), digest_size=16).hexdigest()


def _prepare(stage: Stage, fixture: Fixture, options: Options, post: Post) -> World:
    """The world every other begins as: the fixture's calls played, then the clock turned to where it is to start."""
    frozen = options.now is not None or fixture.now is not None
    start = fixture.now or options.now
    settings = {**stage.script.behaviour.settings, **fixture.settings}
    world = World("prepared", Clock(start, frozen=frozen), options.seed, settings, stage.script.behaviour.id_length)
    world.post = post
    if fixture is EMPTY and any(resource.given for resource in stage.script.behaviour.resources.values()):
        stage.found(world)
    play(fixture, stage, world)
    if options.now is not None and options.now > world.clock.now():
        stage.advance(world, options.now)
    if options.faults:
        _arm(stage, world, options.faults)
    if options.running:
        world.clock.run()
    elif options.running is False:
        world.clock.freeze()
    return world


def _arm(stage: Stage, world: World, rows: Iterable[Any]) -> None:
    """Have a world begin with faults. Raises ValueError."""
    from understudy.world.faulting import arm  # only where there are faults

    for number, row in enumerate(rows, 1):
        try:
            arm(stage.script, world, row)
        except ValueError as fault:
            raise ValueError(f"fault {number} of those given: {fault}") from None


def _fixture(named: str | None, folders: Sequence[Path]) -> Fixture:
    """A fixture by file, or by name among those that belong to the documents; `default` if there is one."""
    if named is not None and (os.sep in named or named.endswith((".yaml", ".yml", ".json"))):
        path = Path(named)
        return read_fixture(sources.read(path), path.stem, named)
    name = named or "default"
    for folder in folders:
        path = folder / f"{name}.yaml"
        if path.is_file():
            return read_fixture(sources.read(path), name, str(path))
    if named in (None, "empty"):
        return EMPTY
    raise sources.Unreadable(name, f"no such fixture; there are {', '.join(fixture_names(folders)) or 'none'} and empty")


def fixture_names(folders: Iterable[Path]) -> Iterable[str]:
    """The fixtures of some folders, by name."""
    return sorted({path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.yaml")})
