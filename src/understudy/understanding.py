"""From what a person named to what is played: documents, overlays and behaviour become a script, or all that is wrong with them.

No world is begun here, and nothing is decided of what documents mean: that is asked of `contract` and `behaviour`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from understudy.behaviour.fitting import Comparison, compare, fit, without_lost_states
from understudy.behaviour.inference import infer
from understudy.behaviour.layering import disagreements, layered, layered_for
from understudy.behaviour.model import Behaviour
from understudy.behaviour.reading import check_form, check_sense, form, read_behaviour
from understudy.behaviour.roles import bare, bare_key
from understudy.contract.contract import Contract
from understudy.contract.documents import escape
from understudy.contract.values import Fault
from understudy.engine.plans import Script
from understudy.world import sources
from understudy.world.specs import Found, Gathered, gather, read_named

BUNDLED = "solvimon"
"""The sandbox played when no document is named."""

_SUFFIX = ".behaviour.yaml"


class Unplayable(Exception):
    """Documents, behaviour or fixture with faults: all of them at once, each with its place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(f"{fault.where}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Options:
    """How to play: see `understudy serve --help` for each."""

    spec: str | Sequence[str] | None = None  # files, folders, URLs or `-`
    behaviour: str | None = None
    fixture: str | None = None
    now: datetime | None = None
    running: bool | None = None
    seed: int = 0
    strict: bool = False
    open: bool = False
    strict_auth: bool = False  # take no token but those granted here
    keys: frozenset[str] | None = None
    most: int = 10_000  # worlds at once
    data: str | None = None  # the folder to keep worlds in
    idle: float | None = None  # seconds after which a world nobody asks for is forgotten
    overlays: tuple[str, ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()  # rows that every world begins with

    @property
    def specs(self) -> tuple[str, ...]:
        """What was named; nothing: the bundled sandbox."""
        return () if self.spec is None else (self.spec,) if isinstance(self.spec, str) else tuple(self.spec)


@dataclass(frozen=True, slots=True)
class Understood:
    """Documents with their behaviour, before any world; `warnings`: what of the behaviour the documents do not bear out.

    `comparison`: what a behaviour file, if there is one, and the documents do not know of each other.
    """

    script: Script
    title: str
    documents: tuple[Found, ...]
    fixtures: tuple[Path, ...]  # folders that may hold fixtures
    warnings: tuple[Fault, ...]
    comparison: Comparison
    overlaid: tuple[Fault, ...]  # actions of overlays that change nothing
    broken: tuple[Fault, ...]  # references that lead nowhere: what holds one is served as far as it can be
    said: tuple[Mapping[str, Any], ...] = ()  # what people wrote of the behaviour, in documents and files; the rest is inferred

    @property
    def where(self) -> str:
        """The documents as they were named."""
        return ", ".join(one.shown for one in self.documents)


@dataclass(frozen=True, slots=True)
class Saying:
    """What one place says of the behaviour: of one document, or of all (`of` is None). `path`: the file it was read from."""

    where: str
    data: Mapping[str, Any]
    path: Path | None
    of: str | None


def understand(options: Options, look: Callable[[Contract], Iterable[Fault]] = lambda contract: contract.faults) -> Understood:
    """Load and check documents with their behaviour; `look` finds what is wrong with documents.

    Raises Unplayable with every fault found, or sources.Unreadable.
    """
    with _unswept():
        return _understand(options, look)


@contextmanager
def _unswept() -> Iterator[None]:
    """Keep the garbage collector away from a million values that all stay: it takes two thirds of the time of a large YAML file."""
    swept = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if swept:
            gc.enable()


def _understand(options: Options, look: Callable[[Contract], Iterable[Fault]]) -> Understood:
    gathered = gather(options.specs or (str(bundled("openapi") / f"{BUNDLED}.yaml"),))
    overlaid = _overlaid(gathered.documents, options.overlays)
    contract = Contract.of([(one.uri, one.value) for one in gathered.documents], gathered.retrieve, strict=options.strict)
    said, faults = _said(gathered, options)
    effects = _effects(said, faults)
    wrong = [fault for fault in overlaid if fault.severity == "error"]
    _refuse([*gathered.faults, *wrong, *_wrong(contract, look), *faults], gathered.documents)
    behaviour, inferred = _behaviour(contract, said)
    if options.keys is not None and behaviour.auth is not None:
        behaviour = replace(behaviour, auth=replace(behaviour.auth, keys=options.keys))
    script = Script(contract, behaviour, effects)
    told = said if options.specs != () or options.behaviour is not None else []
    script, warnings = _fitted(script, effects, told) if told else (script, ())
    return Understood(
        script,
        ", ".join(dict.fromkeys(map(_title, gathered.documents))),
        gathered.documents,
        _fixtures(gathered.documents, options.behaviour),
        warnings,
        _compared(contract, told, inferred),
        tuple(overlaid),
        tuple(_called_so(contract.broken_references(), gathered.documents)) if options.specs else (),
        tuple(one.data for one in said),
    )


def _overlaid(documents: Sequence[Found], names: Sequence[str]) -> list[Fault]:
    """What is wrong with overlays, each applied to the documents in the order they were named."""
    if not names:
        return []
    from understudy.contract.overlaying import overlay  # only where there is one

    faults: list[Fault] = []
    for name in names:
        try:
            base, data = read_named(name)
            faults += overlay([(one.uri, one.value) for one in documents], data, name, base)
        except sources.Unreadable as fault:
            faults.append(Fault(fault.where, fault.message))
    return faults


def _wrong(contract: Contract, look: Callable[[Contract], Iterable[Fault]]) -> list[Fault]:
    """What is wrong with documents; where something is, all that is."""
    _ = contract.operations  # reads them, and lists what cannot be read
    faults = [fault for fault in look(contract) if fault.severity == "error"]
    return [fault for fault in contract.check() if fault.severity == "error"] if faults else []


def _refuse(faults: Sequence[Fault], documents: Sequence[Found]) -> None:
    """Raise Unplayable where there are faults, each document called as the person did."""
    if faults:
        raise Unplayable(_called_so(faults, documents))


def _called_so(faults: Sequence[Fault], documents: Sequence[Found]) -> list[Fault]:
    """Faults with the names a person gave the documents."""
    return [replace(fault, where=_called(fault.where, documents), message=_called(fault.message, documents)) for fault in faults]


def _called(text: str, documents: Sequence[Found]) -> str:
    for one in documents:
        text = text.replace(one.uri, one.shown)
    return text


def _title(document: Found) -> str:
    info = document.value.get("info")
    title = info.get("title") if isinstance(info, Mapping) else None
    return str(title or Path(document.shown).stem)


def _fixtures(documents: Sequence[Found], behaviour: str | None) -> tuple[Path, ...]:
    """Where fixtures may lie: `fixtures/NAME` beside the folder of the behaviour file called NAME, or of a document."""
    named = [Path(behaviour)] if behaviour is not None else []
    paths = [path.with_name(path.name.removesuffix(_SUFFIX)) for path in named] + [one.path.with_suffix("") for one in documents if one.path]
    return tuple(path.parent.parent / "fixtures" / path.name for path in paths)


def _fitted(script: Script, effects: Effects, said: Sequence[Saying]) -> tuple[Script, tuple[Fault, ...]]:
    """What can be played of a script, and what of its behaviour the documents do not bear out.

    Raises Unplayable where the behaviour contradicts itself.
    """
    faults = [_placed(fault, said) for fault in fit(script.behaviour, script.contract, script.roles)]
    if any(fault.severity == "error" for fault in faults):
        raise Unplayable([fault for fault in faults if fault.severity == "error"])
    if faults:
        behaviour = without_lost_states(script.behaviour, script.contract, script.roles)
        script = Script(script.contract, behaviour, effects)
    return script, tuple(faults)


def _placed(fault: Fault, said: Sequence[Saying]) -> Fault:
    """A fault with the file it stands in, where one speaks of its place."""
    part, _, rest = fault.where.removeprefix("#/").partition("/")
    name = rest.partition("/")[0].replace("~1", "/").replace("~0", "~")
    where = next((one.where for one in reversed(said) if name in (one.data.get(part) or ())), "")
    return replace(fault, where=f"{where}{fault.where}")


# --- behaviour ---------------------------------------------------------------------------------------------------


def _said(gathered: Gathered, options: Options) -> tuple[list[Saying], list[Fault]]:
    """What `x-understudy` in the documents says of the behaviour, then what behaviour files do; and what is wrong with it."""
    faults: list[Fault] = []
    said: list[Saying] = []
    alone = len(gathered.documents) == 1
    for one in gathered.documents:
        of = None if alone else one.uri
        said += _formed(f"{one.shown}#/x-understudy", one.value.get("x-understudy"), None, of, faults)
        path = _beside(one.path) if one.path is not None and options.behaviour is None else None
        if path is not None:
            said += _formed(str(path), _read(path, faults), path, of, faults)
    for path in [Path(options.behaviour)] if options.behaviour is not None else _beside_folders(options.specs):
        said += _formed(str(path), _read(path, faults), path, None, faults)
    inside = [saying for saying in said if saying.path is None and "effects" in saying.data]
    faults += [Fault(f"{one.where}/effects", "no code is run that a document names; name it in a behaviour file") for one in inside]
    return said, faults + disagreements({one.where: one.data for one in said if one.of is not None})


def _beside(path: Path) -> Path | None:
    """The behaviour file of a document or a folder of documents, if there is one."""
    beside = path.with_name(f"{path.stem}{_SUFFIX}")
    return beside if beside.is_file() else None


def _beside_folders(specs: Sequence[str]) -> list[Path]:
    folders = [Path(name).resolve() for name in specs if name != "-" and Path(name).is_dir()]
    return [beside for folder in folders if (beside := _beside(folder)) is not None]


def _read(path: Path, faults: list[Fault]) -> Any:
    try:
        return sources.read(path)
    except sources.Unreadable as fault:
        faults.append(Fault(fault.where, fault.message))
        return None


def _formed(where: str, data: Any, path: Path | None, of: str | None, faults: list[Fault]) -> list[Saying]:
    """What a place says, if anything and in good form; a file's form is judged once for each content."""
    if data is None:
        return []
    wrong = check_form(data, where) if path is None else sources.judged(path, lambda: check_form(data, where), form())
    faults += wrong
    return [] if wrong else [Saying(where, cast("Mapping[str, Any]", data), path, of)]


def _behaviour(contract: Contract, said: Sequence[Saying]) -> tuple[Behaviour, Behaviour | None]:
    """What is inferred with what is said laid over it, and what was inferred, if anything had to be."""
    inferred = infer(contract) if _leaves_open(contract, said) else None
    behaviour = inferred or Behaviour()
    for saying in said:
        if saying.of is None:
            behaviour = layered(behaviour, saying.data)
        else:
            paths = frozenset(bare(one.path) for one in contract.operations if one.document == saying.of)
            behaviour = layered_for(behaviour, saying.data, saying.of, paths)
        faults = check_sense(behaviour, saying.where)
        if faults:
            raise Unplayable(faults)
    return behaviour, inferred


def _leaves_open(contract: Contract, said: Sequence[Saying]) -> bool:
    """Whether what is said leaves something of the documents to be inferred: inference costs a moment."""
    told = _told(said)
    heads = tuple(f"{bare(path)}/" for resource in told.resources.values() for path in resource.collections)
    rules = {bare_key(key) for key in told.operations}
    return not heads or any(
        not f"{bare(one.path)}/".startswith(heads) and bare_key(one.key) not in rules for one in contract.operations
    )


def _told(said: Sequence[Saying]) -> Behaviour:
    """What is said, with nothing inferred below it."""
    told = Behaviour()
    for saying in said:
        told = read_behaviour(saying.data, told)
    return told


def _compared(contract: Contract, said: Sequence[Saying], inferred: Behaviour | None) -> Comparison:
    files_ = [saying for saying in said if saying.path is not None]
    return compare(_told(files_), contract, inferred) if files_ else Comparison()


Effects = Mapping[str, Callable[..., Any]]


def _effects(said: Sequence[Saying], faults: list[Fault]) -> Effects:
    """The functions of the module that is named; what names a module or a function that is not there joins the faults."""
    module = _told(said).effects
    found: Effects = {}
    if module is not None:
        try:
            found = {name: value for name, value in vars(import_module(module)).items() if callable(value) and not name.startswith("_")}
        except ImportError as fault:
            where = next(one.where for one in said if one.data.get("effects") == module)
            return _faulty(faults, Fault(f"{where}#/effects", f"cannot be imported: {fault}"))
    for saying in said:
        for place, name in _named(saying.data):
            if name not in found:
                of = f"{module} has none of this name{_near(name, found)}" if module else "no module is named in `effects`"
                faults.append(Fault(f"{saying.where}#/{place}", f'"{name}" is no effect: {of}'))
    return found


def _faulty(faults: list[Fault], fault: Fault) -> Effects:
    faults.append(fault)
    return {}


def _named(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each effect a file names, with its place."""
    for key, rule in data.get("operations", {}).items():
        if "effect" in rule:
            yield f"operations/{escape(key)}/effect", rule["effect"]
    for part in ("reactions", "refreshes"):
        for key, names in data.get(part, {}).items():
            yield from ((f"{part}/{escape(key)}", name) for name in ([names] if isinstance(names, str) else names))


def _near(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, list(known), n=1)
    return f"; the nearest is {found[0]}" if found else ""


def bundled(name: str) -> Path:
    """A folder of bundled files: inside the installed package, or at the top of a checkout."""
    inside = Path(str(files("understudy"))) / "bundled" / name
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / name
