"""Stock schemathesis over the bundled documents, whole: all checks, all phases, several seeds; what it found as a table.

Run `python benchmarks/conformance.py [SEED ...]`; a seed takes about fifteen minutes of one core, most of them spent on
the coverage of bodies that hold prices. Coverage does the same for every seed, so it is run for the first one only.
Ends with 1 where anything was found.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "tests")  # in the place of this folder, whose requests.py would be taken for the library

from support.fuzzing import HEAVY, KEY, PHASES, RULES, Verdict, fuzz  # noqa: E402  # not installed with the package
from understudy.server.app import App  # noqa: E402
from understudy.theatre import Options, open_theatre  # noqa: E402
from understudy.world import sources  # noqa: E402

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
SEEDS = (1, 2, 3)
EXAMPLES: Mapping[str, int] = {"examples": 1, "coverage": 1, "fuzzing": 25, "stateful": 150}
FIXTURES = ("tutorial", "saas", "default")
"""The worlds the seeds begin in, in turn: what a call needs is there in some and not in others."""


@dataclass(frozen=True, slots=True)
class Part:
    """One run: a document, a phase, a seed, the world begun in, and which paths are left to another part."""

    document: str
    phase: str
    seed: int
    fixture: str | None = None
    include: str | None = None
    exclude: str | None = None

    def run(self) -> Verdict:
        """What was found, in a world of its own."""
        spec = ROOT / "openapi" / f"{self.document}.yaml"
        keys = frozenset({KEY}) if self.document == "solvimon" else None
        sandbox = open_theatre(Options(spec=str(spec), fixture=self.fixture, now=NOW, keys=keys))
        settings: Mapping[str, Any] = RULES if self.document == "solvimon" else {}
        return fuzz(sources.read(spec), App(sandbox), seed=self.seed, examples=EXAMPLES[self.phase], settings=settings,
                    phases=(self.phase,), include=self.include, exclude=self.exclude,
                    reset=lambda: sandbox.reset("default"))


def parts(seeds: tuple[int, ...]) -> Iterator[Part]:
    """All runs, the short ones first."""
    for turn, seed in enumerate(seeds):
        for phase in PHASES:
            if phase == "coverage" and turn > 0:
                continue
            yield Part("petstore", phase, seed)
            yield Part("solvimon", phase, seed, FIXTURES[turn % len(FIXTURES)], exclude=HEAVY if phase == "coverage" else None)
    for path in sources.read(ROOT / "openapi" / "solvimon.yaml")["paths"]:
        if re.match(HEAVY, path):  # each by itself: schemathesis keeps what it sent, a gigabyte for each
            yield Part("solvimon", "coverage", seeds[0], FIXTURES[0], include=f"^{re.escape(path)}$")


def line(part: Part, verdict: Verdict, seconds: float) -> str:
    """A row of the table."""
    paths = part.include[5:-1].replace("\\", "") if part.include else "light" if part.exclude else "all"
    statuses = " ".join(f"{status}:{count}" for status, count in sorted(verdict.statuses.items()))
    found = Counter(check for check, _, _ in verdict.failures)
    told = ", ".join(f"{check} {count}" for check, count in found.items()) or "none"
    errors = f", errors {len(verdict.errors)}" if verdict.errors else ""
    return (f"{part.document:9} {part.phase:9} {part.seed:4} {part.fixture or '-':9} {paths:22.22} {verdict.scenarios:9} {verdict.calls:7} "
            f"{seconds:5.0f} s  {told}{errors}  ({statuses})")


def main(arguments: list[str]) -> int:
    """Run all, tell each as it ends."""
    seeds = tuple(int(argument) for argument in arguments) or SEEDS
    print(f"{'document':9} {'phase':9} {'seed':>4} {'world':9} {'paths':22} {'scenarios':>9} {'calls':>7} {'time':>7}  failures (statuses)")
    calls, found = 0, 0
    for part in parts(seeds):
        start = time.perf_counter()
        verdict = part.run()
        calls += verdict.calls
        print(line(part, verdict, time.perf_counter() - start), flush=True)
        if verdict.summary():
            found += 1
            print(f"\n{part}\n{verdict.summary()}\n", flush=True)
    print(f"{calls} calls, {found} of the runs found something")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
