"""CPU microseconds a request costs a server with faults for other operations, as a ratio to one without any.

    python benchmarks/faults.py [--rounds 15] [--requests 1000] [--faults 100]

Three servers in processes of their own take turns: without faults, with faults for other operations, and with one that
looks at every request, counts it and lets it pass. Each figure is the median over the rounds of the ratio within a round,
with the first and third quartile.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys

from answering import Server, customer, free_port, message

CASES = ("none", "for other operations", "for this one, let pass")


def measure(rounds: int, requests: int, count: int) -> None:
    """Print a table: a line for each kind of request."""
    servers = {case: _server() for case in CASES}
    try:
        for _ in range(count):
            _fail(servers["for other operations"], operation="DELETE /v1/customers/*", status=503)
        _fail(servers["for this one, let pass"], operation="* /v1/customers*", status=503, after=10**9)
        ids = {case: [json.loads(one.ask(message("POST", "/v1/customers", customer(number)))[1])["id"] for number in range(100)] for case, one in servers.items()}
        fresh = itertools.count(1000)
        kinds = {
            "GET by id": lambda case: ([message("GET", f"/v1/customers/{ids[case][n % 100]}") for n in range(requests)], 200),
            "POST": lambda case: ([message("POST", "/v1/customers", customer(next(fresh))) for _ in range(requests)], 201),
        }
        spent: dict[tuple[str, str], list[float]] = {}
        for number, (kind, case) in itertools.product(range(rounds), itertools.product(kinds, CASES)):
            spent.setdefault((kind, case), []).append(servers[case].cost(*kinds[kind](case)))
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr)
        print(file=sys.stderr)
        for kind in kinds:
            base = spent[kind, "none"]
            told = [f"none {statistics.median(base):.1f} us"]
            for case in CASES[1:]:
                low, middle, high = statistics.quantiles((own / other for own, other in zip(spent[kind, case], base, strict=True)), n=4)
                told.append(f"{case} {middle:.2f} ({low:.2f} to {high:.2f})")
            print(f"{kind:10}  {';  '.join(told)}")
    finally:
        for one in servers.values():
            one.stop()


def _server() -> Server:
    port = free_port()
    return Server([sys.executable, "-m", "understudy.cli", "serve", "--port", str(port), "--quiet"], port)


def _fail(server: Server, **row: object) -> None:
    status, said = server.ask(message("POST", "/_understudy/faults", row))
    assert status == 200, said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=100, help="how many for other operations")
    asked = parser.parse_args()
    measure(asked.rounds, asked.requests, asked.faults)
