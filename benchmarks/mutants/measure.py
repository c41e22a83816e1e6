"""What is found of bugs planted in an implementation that shares no line with the engine, by each method, as a table.

`python benchmarks/mutants/measure.py [planted|automatic|alarms|benign|scripts|engine] [--stock] [--every N]`; without a
word the first five. Planted bugs take about six minutes of one core without `--stock`, automatic ones fifteen.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import types
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

HOME = Path(__file__).resolve().parent
sys.path[:0] = [str(HOME), str(HOME.parents[1] / "src")]

from automatic import mutants  # noqa: E402
from benign import BENIGN  # noqa: E402
from planted import PLANTED  # noqa: E402

from understudy.check.claims import judge  # noqa: E402
from understudy.check.drifting import Lockstep  # noqa: E402
from understudy.check.inbox import Inbox  # noqa: E402
from understudy.check.opening import credentials, read_api  # noqa: E402
from understudy.check.running import Options, Run  # noqa: E402
from understudy.check.shrinking import play  # noqa: E402
from understudy.check.targets import InProcess  # noqa: E402

SOURCE = (HOME / "reference.py").read_text(encoding="utf-8")
KEY = "k_test"
BARE = Path(tempfile.mkdtemp()) / "desk.yaml"  # no behaviour file beside it
shutil.copy(HOME / "reference.yaml", BARE)
KNOWN, INFERRED = read_api(str(HOME / "reference.yaml")), read_api(str(BARE))


def desk(source: str) -> Any:
    """The application of a source. Raises what the source raises."""
    module = types.ModuleType("desk_under_measure")
    exec(compile(source, "desk", "exec"), module.__dict__)
    return module.Desk()


def in_process(source: str) -> InProcess:
    app = desk(source)
    return InProcess(app, app.reset)


def by_laws(api: Any, source: str, seed: int = 1) -> float | None:
    """Seconds until the first finding, None without."""
    target = Inbox(in_process(source), longest=0.5)
    report = Run(api, target, Options(seed, credentials=credentials(api, KEY), first_only=True, shrink=False)).all()
    target.close()
    return report.first


def by_drift(source: str, seed: int = 1) -> float | None:
    """Seconds until the first drift from the reference, None without."""
    left, right = in_process(SOURCE), in_process(source)
    given = credentials(KNOWN, KEY)
    report = Lockstep(KNOWN, left, right, (given, given), seed, first_only=True).all()
    left.close()
    right.close()
    return report.first


def by_stock(source: str, seed: int = 1) -> float | None:
    """Seconds until stock schemathesis fails, None without."""
    import warnings

    from understudy.check.fuzzing import fuzz

    target = in_process(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fuzz(KNOWN, target, credentials(KNOWN, KEY)["good"], seed=seed, seconds=60)
    target.close()
    return found.first


METHODS = {
    "stock schemathesis": by_stock,
    "laws, behaviour file": lambda source: by_laws(KNOWN, source),
    "laws, inference alone": lambda source: by_laws(INFERRED, source),
    "drift from the reference": by_drift,
}


def measured(what: str, sources: list[tuple[str, str, str]], methods: dict[str, Any], verbose: bool) -> None:
    """Run each method on each mutant (kind, name, source), and print the table."""
    times: dict[str, list[float]] = {name: [] for name in methods}
    found: dict[str, Counter[str]] = {name: Counter() for name in methods}
    total, together, missed = Counter(kind for kind, _, _ in sources), 0, []
    for kind, name, source in sources:
        seen = []
        for method, run in methods.items():
            try:
                first = run(source)
            except Exception:  # a mutant that does not even begin is found by anyone
                first = 0.0
            if first is not None:
                seen.append(method)
                times[method].append(first)
                found[method][kind] += 1
        together += bool(seen)
        if not seen:
            missed.append(name)
        if verbose:
            print(f"  {kind:12} {name[:70]:70} {', '.join(seen) or 'MISSED'}", flush=True)
    print(f"\n{what}: {len(sources)}")
    for method in methods:
        kinds = ", ".join(f"{kind} {found[method][kind]}/{count}" for kind, count in total.items())
        share = 100 * len(times[method]) / len(sources)
        print(f"  {method:26} {len(times[method]):4} {share:5.1f} %  median {median(times[method] or [0]):.2f} s  ({kinds})")
    print(f"  {'together':26} {together:4} {100 * together / len(sources):5.1f} %")
    for name in missed:
        print(f"  missed: {name}")


def planted(options: argparse.Namespace) -> None:
    sources = [(bug.kind, f"{number} {bug.what}", bug.planted(SOURCE)) for number, bug in enumerate(PLANTED)][:: options.every]
    measured("planted", sources, _methods(options), options.verbose)


def automatic(options: argparse.Namespace) -> None:
    sources = [("automatic", what, source) for what, source in mutants(SOURCE)][:: options.every]
    measured("automatic, equivalent ones among them", sources, _methods(options), options.verbose)


def _methods(options: argparse.Namespace) -> dict[str, Any]:
    return {name: run for name, run in METHODS.items() if options.stock or name != "stock schemathesis"}


def alarms(options: argparse.Namespace) -> None:
    """False alarms on the reference."""
    for name, api in (("behaviour file", KNOWN), ("inference alone", INFERRED)):
        wrong = [seed for seed in range(1, options.seeds + 1) if by_laws(api, SOURCE, seed) is not None]
        print(f"false alarms, {name}: {len(wrong)} of {options.seeds} seeds {wrong or ''}", flush=True)
    drifts = [seed for seed in range(1, options.seeds + 1) if by_drift(SOURCE, seed) is not None]
    print(f"false alarms, drift from itself: {len(drifts)} of {options.seeds} seeds {drifts or ''}")


def benign(options: argparse.Namespace) -> None:
    """Variants that break nothing."""
    for name, run in _methods(options).items():
        flagged = [variant.what for variant in BENIGN if run(variant.planted(SOURCE)) is not None]
        print(f"benign variants flagged, {name}: {len(flagged)} of {len(BENIGN)} {flagged or ''}", flush=True)


def scripts(options: argparse.Namespace) -> None:
    """Every reproducer, from a fresh start: broken on its mutant, not broken on the reference."""
    good = wrong = 0
    reference = Inbox(in_process(SOURCE), longest=0.5)
    for bug in PLANTED[:: options.every]:
        target = Inbox(in_process(bug.planted(SOURCE)), longest=0.5)
        given = credentials(KNOWN, KEY)
        for finding in Run(KNOWN, target, Options(credentials=given)).all().findings:
            ends = [judge(finding.claim, play(one, finding.steps, given)) for one in (target, reference)]
            good, wrong = good + (ends[0] is False and ends[1] is not False), wrong + (ends[0] is not False or ends[1] is False)
            if ends[0] is not False or ends[1] is False:
                print(f"  {bug.what}: {finding.law}, {finding.key}: {ends}", flush=True)
        target.close()
    reference.close()
    print(f"reproducers that fail on the mutant and pass on the reference: {good} of {good + wrong}")


PARTS = {"planted": planted, "automatic": automatic, "alarms": alarms, "benign": benign, "scripts": scripts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--stock", action="store_true", help="stock schemathesis too: about ten seconds for each mutant")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth mutant")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        start = time.perf_counter()
        PARTS[part](options)
        print(f"({time.perf_counter() - start:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
