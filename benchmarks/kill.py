"""Kill a loaded server with SIGKILL again and again; stop at the first broken promise.

    python benchmarks/kill.py [--rounds 100] [--seed 0]

Each round starts the server on the same folder, looks whether everything that was answered with 2xx is there and nothing
half written, loads it with eight clients and kills it at a random moment. The test suite does five rounds of it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.killing import OPTIONS, Promises, check, kill_once
from support.served import served


def main() -> None:
    """All rounds, and a look at what is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    promises = Promises()
    with TemporaryDirectory() as data:
        for number in range(options.rounds):
            kill_once(Path(data), promises, options.seed + number)
            print(f"round {number + 1}: {promises.answered:,} answers kept so far, {len(promises.kept):,} records", flush=True)
        with served("--data", data, *OPTIONS) as running:
            check(running, promises)
    print(f"{options.rounds} kills, {promises.answered:,} answers with 2xx, none lost, nothing half written")


if __name__ == "__main__":
    main()
