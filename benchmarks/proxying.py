"""What a request through the proxy costs: how long its client waits for one after the other, and CPU of the process, both in microseconds.

    python benchmarks/proxying.py [--rounds 5] [--requests 1000]

The stand-in (the bundled sandbox) is the real API. Three proxies take turns: one that judges before the answer leaves and says so in
a header, one that judges afterwards (--no-headers), one that also records.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from answering import Server, customer, free_port, message

ROOT = Path(__file__).resolve().parents[1]
RECORDS = 50


def proxy(to: int, *more: str) -> Server:
    """A proxy in a process of its own."""
    port = free_port()
    return Server([sys.executable, "-m", "understudy.cli", "proxy", "--to", f"http://127.0.0.1:{to}", "--port", str(port), "--quiet", *more], port)


def waited(server: Server, one: bytes) -> float:
    """How long a client waits for one answer."""
    begin = time.perf_counter()
    server.ask(one)
    return (time.perf_counter() - begin) * 1e6


def measure(rounds: int, requests: int) -> None:
    """Print the table."""
    port = free_port()
    real = Server([sys.executable, "-m", "understudy.cli", "serve", "--port", str(port), "--quiet"], port)
    with tempfile.TemporaryDirectory() as folder:
        fronts = {"judged before": proxy(port), "judged after": proxy(port, "--no-headers"), "recorded too": proxy(port, "--record", f"{folder}/a.har")}
        servers = {"the stand-in": real, **fronts}
        try:
            stored = [json.loads(real.ask(message("POST", "/v1/customers", customer(number)))[1])["id"] for number in range(RECORDS)]
            fresh = iter(range(RECORDS, 10_000_000))
            kinds = {
                "GET by id": lambda: ([message("GET", f"/v1/customers/{stored[i % RECORDS]}") for i in range(requests)], 200),
                "page of 50": lambda: ([message("GET", "/v1/customers?limit=50")] * (requests // 10), 200),
                "POST": lambda: ([message("POST", "/v1/customers", customer(next(fresh))) for _ in range(requests)], 201),
            }
            for kind, make in kinds.items():
                costs: dict[str, list[float]] = {name: [] for name in servers}
                waits: dict[str, list[float]] = {name: [] for name in servers}
                for _ in range(rounds):
                    for name, server in servers.items():
                        costs[name].append(server.cost(*make()))
                        waits[name] += [waited(server, one) for one in make()[0][: requests // 10]]
                print(kind, *(f"  {name:14} waits {statistics.median(waits[name]):7.0f} us, CPU {statistics.median(some):7.0f} us" for name, some in costs.items()), sep="\n")
        finally:
            for server in servers.values():
                server.stop()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000)
    options = parser.parse_args()
    measure(options.rounds, options.requests)


if __name__ == "__main__":
    main()
