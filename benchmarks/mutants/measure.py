"""What is found of bugs in two implementations that share no line with the engine, by each method, as a table.

`python benchmarks/mutants/measure.py [planted|automatic|alarms|benign|scripts] [--of tracker] [--stock] [--every N]`; without
a word all five. Planted bugs take about six minutes of one core without `--stock`, automatic ones a quarter of an hour.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HOME = Path(__file__).resolve().parent
sys.path[:0] = [str(HOME), str(HOME.parents[1] / "src")]

import tracker_planted  # noqa: E402
from automatic import mutants  # noqa: E402
from benign import BENIGN  # noqa: E402
from equivalent import EQUIVALENT  # noqa: E402
from planted import PLANTED, Planted  # noqa: E402

from understudy.check.claims import judge  # noqa: E402
from understudy.check.drifting import Lockstep  # noqa: E402
from understudy.check.inbox import Inbox  # noqa: E402
from understudy.check.opening import credentials, read_api  # noqa: E402
from understudy.check.running import Options, Run  # noqa: E402
from understudy.check.shrinking import play  # noqa: E402
from understudy.check.targets import InProcess  # noqa: E402


@dataclass(frozen=True, slots=True)
class Thing:
    """A reference under measure: its source, its document with and without a behaviour file, its bugs and harmless variants."""

    name: str
    source: str
    key: str
    known: Any
    inferred: Any
    planted: Sequence[Planted]
    benign: Sequence[Planted]
    equivalent: Mapping[str, str]

    def in_process(self, source: str | None = None) -> InProcess:
        """The application of a source, as it was begun. Raises what the source raises."""
        module = types.ModuleType(f"{self.name}_under_measure")
        exec(compile(self.source if source is None else source, self.name, "exec"), module.__dict__)
        app = vars(module)[self.name.title()]()
        return InProcess(app, app.reset)

    def credentials(self) -> dict[str, dict[str, str]]:
        """The headers with its key, and with a wrong one."""
        return credentials(self.known, self.key)


def _thing(name: str, file: str, key: str, *tables: Any) -> Thing:
    bare = Path(tempfile.mkdtemp()) / f"{name}.yaml"  # no behaviour file beside it
    shutil.copy(HOME / f"{file}.yaml", bare)
    return Thing(name, (HOME / f"{file}.py").read_text(encoding="utf-8"), key, read_api(str(HOME / f"{file}.yaml")), read_api(str(bare)), *tables)


THINGS = {"desk": lambda: _thing("desk", "reference", "k_test", PLANTED, BENIGN, EQUIVALENT),
          "tracker": lambda: _thing("tracker", "tracker", "t_test", tracker_planted.PLANTED, tracker_planted.BENIGN, {})}  # fmt: skip


def by_laws(thing: Thing, api: Any, source: str, seed: int = 1) -> float | None:
    """Seconds until the first finding, None without."""
    target = Inbox(thing.in_process(source), longest=0.5)
    report = Run(api, target, Options(seed, credentials=thing.credentials(), first_only=True, shrink=False)).all()
    target.close()
    return report.first


def by_drift(thing: Thing, source: str, seed: int = 1) -> float | None:
    """Seconds until the first drift from the reference, None without."""
    left, right = thing.in_process(), thing.in_process(source)
    given = thing.credentials()
    report = Lockstep(thing.known, left, right, (given, given), seed, first_only=True).all()
    left.close()
    right.close()
    return report.first


def by_stock(thing: Thing, source: str, seed: int = 1) -> float | None:
    """Seconds until stock schemathesis fails, None without."""
    import warnings

    from understudy.check.fuzzing import fuzz

    target = thing.in_process(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fuzz(thing.known, target, thing.credentials()["good"], seed=seed, seconds=60)
    target.close()
    return found.first


METHODS = {
    "stock schemathesis": by_stock,
    "laws, behaviour file": lambda thing, source: by_laws(thing, thing.known, source),
    "laws, inference alone": lambda thing, source: by_laws(thing, thing.inferred, source),
    "drift from the reference": by_drift,
}


@dataclass
class Tally:
    """What each method has found so far."""

    times: dict[str, list[float]]
    kinds: dict[str, Counter[str]]
    missed: list[str]

    def take(self, thing: Thing, kind: str, name: str, source: str, *, first_only: bool) -> list[str]:
        """Run each method on a mutant (or, asked so, those up to the first that finds it); those that found something."""
        seen = []
        for method in self.times:
            try:
                first = METHODS[method](thing, source)
            except Exception:  # a mutant that does not even begin is found by anyone
                first = 0.0
            if first is not None:
                seen.append(method)
                self.times[method].append(first)
                self.kinds[method][kind] += 1
                if first_only:
                    break
        self.missed += [] if seen else [name]
        return seen


def measured(what: str, thing: Thing, sources: list[tuple[str, str, str]], options: argparse.Namespace) -> None:
    """Every method over every mutant (kind, name, source), as a table."""
    names = _methods(options)
    tally = Tally({name: [] for name in names}, {name: Counter() for name in names}, [])
    for kind, name, source in sources:
        seen = tally.take(thing, kind, name, source, first_only=options.first_only)
        if options.verbose:
            print(f"  {kind:12} {name[:70]:70} {', '.join(seen) or 'MISSED'}", flush=True)
    print(f"\n{what} in the {thing.name}: {len(sources)}")
    for method in [] if options.first_only else names:
        kinds = ", ".join(f"{kind} {tally.kinds[method][kind]}/{count}" for kind, count in Counter(kind for kind, _, _ in sources).items())
        share = 100 * len(tally.times[method]) / len(sources)
        print(f"  {method:26} {len(tally.times[method]):4} {share:5.1f} %  median {median(tally.times[method] or [0]):.2f} s  ({kinds})")
    print(f"  {'together':26} {len(sources) - len(tally.missed):4} {100 - 100 * len(tally.missed) / len(sources):5.1f} %")
    for name in tally.missed:
        print(f"  missed: {name}")


def planted(thing: Thing, options: argparse.Namespace) -> None:
    """Bugs planted by hand."""
    sources = [(bug.kind, f"{number} {bug.what}", bug.planted(thing.source)) for number, bug in enumerate(thing.planted)][options.begin :: options.every]
    measured("planted", thing, sources, options)


def automatic(thing: Thing, options: argparse.Namespace) -> None:
    """Bugs made from the syntax tree; those that were argued to change nothing anyone can see are left out."""
    every = [("automatic", what, source) for what, source in mutants(thing.source)]
    sources = [one for one in every if one[1] not in thing.equivalent][options.begin :: options.every]
    print(f"automatic: {len(every)}, of which {len(thing.equivalent)} are equivalent (equivalent.py)")
    measured("automatic", thing, sources, options)


def _methods(options: argparse.Namespace) -> list[str]:
    return [name for name in METHODS if options.stock or name != "stock schemathesis"]


def alarms(thing: Thing, options: argparse.Namespace) -> None:
    """False alarms on the reference."""
    for name, api in (("behaviour file", thing.known), ("inference alone", thing.inferred)):
        wrong = [seed for seed in range(1, options.seeds + 1) if by_laws(thing, api, thing.source, seed) is not None]
        print(f"false alarms on the {thing.name}, {name}: {len(wrong)} of {options.seeds} seeds {wrong or ''}", flush=True)
    drifts = [seed for seed in range(1, options.seeds + 1) if by_drift(thing, thing.source, seed) is not None]
    print(f"false alarms on the {thing.name}, drift from itself: {len(drifts)} of {options.seeds} seeds {drifts or ''}")


def benign(thing: Thing, options: argparse.Namespace) -> None:
    """Variants that break nothing."""
    for name in _methods(options):
        flagged = [variant.what for variant in thing.benign if METHODS[name](thing, variant.planted(thing.source)) is not None]
        print(f"benign variants of the {thing.name} flagged, {name}: {len(flagged)} of {len(thing.benign)} {flagged or ''}", flush=True)


def scripts(thing: Thing, options: argparse.Namespace) -> None:
    """Every reproducer, from a fresh start: broken on its mutant, not broken on the reference."""
    good = wrong = 0
    reference = Inbox(thing.in_process(), longest=0.5)
    given = thing.credentials()
    for bug in thing.planted[options.begin :: options.every]:
        target = Inbox(thing.in_process(bug.planted(thing.source)), longest=0.5)
        for finding in Run(thing.known, target, Options(credentials=given)).all().findings:
            ends = [judge(finding.claim, play(one, finding.steps, given)) for one in (target, reference)]
            if ends[0] is False and ends[1] is not False:
                good += 1
            else:
                wrong += 1
                print(f"  {bug.what}: {finding.law}, {finding.key}: {ends}", flush=True)
        target.close()
    reference.close()
    print(f"reproducers that fail on the mutant and pass on the {thing.name}: {good} of {good + wrong}")


PARTS = {"planted": planted, "automatic": automatic, "alarms": alarms, "benign": benign, "scripts": scripts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--of", choices=THINGS, action="append", help="which reference; without it the desk")
    parser.add_argument("--stock", action="store_true", help="stock schemathesis too: about ten seconds for each mutant")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth mutant")
    parser.add_argument("--begin", type=int, default=0, metavar="N", help="from the Nth on")
    parser.add_argument("--first-only", action="store_true", help="of each mutant, only whether any method finds it")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    for name in options.of or ["desk"]:
        thing = THINGS[name]()
        for part in options.parts or PARTS:
            start = time.perf_counter()
            PARTS[part](thing, options)
            print(f"({time.perf_counter() - start:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
