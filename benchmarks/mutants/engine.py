"""Bugs planted in the stand-in's own engine, by the operators of `automatic.py`: what `understudy check` and the engine's tests see of them.

    python benchmarks/mutants/engine.py --sample 60 --seed 1 [--tests]

Each mutant is played in a process of its own, over the pet shop (inferred) and the order desk's document (with a behaviour
file); seen: a finding that the engine as it is does not have, or no answer at all. Of what is not seen some change nothing
that can be seen; nobody has looked which.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from automatic import mutants

HOME = Path(__file__).resolve().parents[2]
MODULES = ("operations", "lists", "filtering", "transaction", "outcomes", "guarding", "refusing", "answering", "completing", "keeping", "searching", "ordering", "conditions", "decide")
SPECS = (HOME / "openapi" / "petstore.yaml", HOME / "benchmarks" / "mutants" / "reference.yaml")
LONGEST = 120


class Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """One module, with another source."""

    def __init__(self, name: str, path: str, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, fullname, path=None, target=None):  # type: ignore[no-untyped-def]
        """Only that one."""
        return importlib.util.spec_from_loader(fullname, self, origin=self.path) if fullname == self.name else None

    def get_filename(self, fullname: str) -> str:
        """Where it would be."""
        return self.path

    def get_data(self, path: str) -> bytes:
        """Its source."""
        return self.source.encode()

    def path_stats(self, path):  # type: ignore[no-untyped-def]
        """No cache of it is good."""
        raise OSError


def found() -> list[str]:
    """What `check` finds now, over both documents."""
    from understudy.check import opening
    from understudy.check.running import Choice, Options, Run
    from understudy.theatre import Options as Playing
    from understudy.understanding import understand

    identities = []
    for spec in SPECS:
        playing = Playing(spec=str(spec), keys=frozenset({"k_test"}) if "reference" in spec.name else frozenset())
        api = opening.api_of(understand(playing))
        _, target = opening.stand_in(playing)
        credentials = opening.credentials(api, "k_test")
        credentials["other"] = target.beside(credentials.get("good", {}))
        report = Run(api, target, Options(choice=Choice(without_laws=("webhooks",)), credentials=credentials, shrink=False, max_time=LONGEST / 4)).all()
        target.close()
        identities += ["|".join(one.identity) for one in report.findings]
    return identities


def played(name: str, path: Path, source: str) -> tuple[list[str] | None, float]:
    """What is found with a module changed; None where nothing could be played."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
        file.write(source)
    start = time.perf_counter()
    try:
        done = subprocess.run([sys.executable, __file__, "--play", name, str(path), file.name], capture_output=True, text=True, timeout=LONGEST, check=False,
                              env={**os.environ, "PYTHONPATH": str(HOME / "src"), "PYTHONWARNINGS": "ignore"})
        return (json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else None), time.perf_counter() - start
    except subprocess.TimeoutExpired:
        return None, time.perf_counter() - start
    finally:
        os.unlink(file.name)


def tested(path: Path, source: str) -> bool:
    """Whether the engine's tests fail with a module changed. In a copy of the sources."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cp", "-r", str(HOME / "src"), str(HOME / "tests"), str(HOME / "openapi"), str(HOME / "fixtures"), str(HOME / "pyproject.toml"), str(HOME / "benchmarks"), folder], check=True)
        (Path(folder) / path.relative_to(HOME)).write_text(source, encoding="utf-8")
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "tests/engine"], cwd=folder, capture_output=True, timeout=600, check=False,
                              env={**os.environ, "PYTHONPATH": f"{folder}/src:{folder}/tests"})
        return done.returncode != 0


def main(arguments: list[str]) -> int:
    """Play a sample; print a line for each that is not seen, and how many are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tests", action="store_true", help="run the engine's tests on those that check does not see")
    parser.add_argument("--play", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.play:
        name, path, file = options.play
        sys.meta_path.insert(0, Changed(name, path, Path(file).read_text(encoding="utf-8")))
        print(json.dumps(found()))
        return 0
    every = [(f"understudy.engine.{name}", path, what, source) for name in MODULES if (path := HOME / "src" / "understudy" / "engine" / f"{name}.py").exists()
             for what, source in mutants(path.read_text(encoding="utf-8"))]
    first = every[0][1]
    known, _ = played(every[0][0], first, first.read_text(encoding="utf-8"))
    assert known is not None
    seen, by_tests, times = 0, 0, []
    for name, path, what, source in random.Random(options.seed).sample(every, min(options.sample, len(every))):
        got, seconds = played(name, path, source)
        times.append(seconds)
        if got is None or set(got) - set(known):
            seen += 1
        elif options.tests and tested(path, source):
            by_tests += 1
            print(f"only by tests: {name} {what}", flush=True)
        else:
            print(f"not seen: {name} {what}", flush=True)
    print(f"{len(times)} of {len(every)} mutants of {len(MODULES)} modules: check sees {seen}{f', the tests of the engine {by_tests} more' if options.tests else ''}; {sum(times) / len(times):.1f} s each")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
