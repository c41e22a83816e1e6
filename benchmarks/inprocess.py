"""A world for a test, and a call in the same process, against what the engine itself costs and what kept clients cost.

    python benchmarks/inprocess.py [--rounds 9] [--calls 1000] [--examples]

All ways take turns within each round, each in a world of its own begun for it, so that a noisy machine disturbs all
alike; figures are processor time, medians over rounds, ratios of the medians. The engine's own cost is `Stage.answer` with
a request made beforehand; what a call adds is all that lies between a path with a body and an answer with a status.
`--examples` also runs the suite in tests/examples and prints what its slowest tests cost, each its call alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "src")  # in the place of this folder, whose requests.py would be taken for the library

from understudy import Sandbox  # noqa: E402
from understudy.world.stage import Request  # noqa: E402

KEY = {b"host": b"localhost", b"x-api-key": b"any"}
TYPED = {**KEY, b"content-type": b"application/json"}
Ask = tuple[str, str, Callable[[int], Any]]  # a method, a path, and a body by number


def customer(number: int) -> Any:
    """A body of about fifteen fields."""
    return {
        "reference": f"bench-{number}", "type": "ORGANIZATION", "email": "billing@bench.example", "timezone": "Europe/Berlin", "locale": "de-DE",
        "organization": {"legal_name": "Bench GmbH", "tax_id": "368807022", "registered_address": {
            "line1": "Deichstieg 4", "city": "Hamburg", "postal_code": "20459", "country": "DE"}},
    }  # fmt: skip


def engine(sandbox: Sandbox, ask: Ask, calls: int) -> Callable[[], None]:
    """The stage alone."""
    method, target, body = ask
    path, _, query = target.partition("?")
    world, answer = sandbox.theatre.worlds.get(sandbox.name), sandbox.theatre.stage.answer
    sent = KEY if method == "GET" else TYPED
    ready = [Request(method, path, query.encode(), list(sent.items()), b"" if method == "GET" else orjson.dumps(body(n)), sent) for n in range(calls)]

    def play() -> None:
        for one in ready:
            answer(world, one)

    return play


def call(sandbox: Sandbox, ask: Ask, calls: int) -> Callable[[], None]:
    """`Sandbox.call`."""
    method, path, body = ask

    def play() -> None:
        if method == "GET":
            for _ in range(calls):
                sandbox.call(method, path)
        else:
            for number in range(calls):
                sandbox.call(method, path, body(number))

    return play


def encoded(sandbox: Sandbox, ask: Ask, calls: int) -> Callable[[], None]:
    """The engine, with the bodies encoded while it is measured, as every client must."""
    method, path, body = ask
    world, answer = sandbox.theatre.worlds.get(sandbox.name), sandbox.theatre.stage.answer
    head = list(TYPED.items())

    def play() -> None:
        for number in range(calls):
            answer(world, Request(method, path, b"", head, orjson.dumps(body(number)), TYPED))

    return play if method != "GET" else engine(sandbox, ask, calls)


def client(sandbox: Sandbox, ask: Ask, calls: int) -> Callable[[], None]:
    """httpx over our own transport."""
    method, path, body = ask
    http = sandbox.client

    def play() -> None:
        for number in range(calls):
            http.request(method, path, json=None if method == "GET" else body(number))

    return play


def transport(sandbox: Sandbox, ask: Ask, calls: int) -> Callable[[], None]:
    """httpx over its own ASGITransport."""
    method, path, body = ask

    async def story() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://localhost", headers=sandbox.headers) as http:
            for number in range(calls):
                await http.request(method, path, json=None if method == "GET" else body(number))

    return lambda: asyncio.run(story())


WAYS = {"engine": engine, "engine, encoding": encoded, "Sandbox.call": call, "Sandbox.client (httpx)": client, "httpx.ASGITransport": transport}
SLOW = ("Sandbox.client (httpx)", "httpx.ASGITransport")


def spent(play: Callable[[], None]) -> float:
    """Seconds of processor time."""
    gc.collect()
    begun = time.process_time()
    play()
    return time.process_time() - begun


def measure(first: Sandbox, ask: Ask, rounds: int, calls: int) -> dict[str, float]:
    """Microseconds a call by each way."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds + 1):
        for name, way in WAYS.items():
            times = calls // 10 if name in SLOW else calls
            with first.fork() as sandbox:
                cost = spent(way(sandbox, ask, times)) / times * 1e6
            if number:  # the first round warms
                found[name].append(cost)
    return {name: statistics.median(costs) for name, costs in found.items()}


def worlds(first: Sandbox, rounds: int, calls: int) -> tuple[float, float]:
    """Microseconds to begin a world, and to begin and end one: as tests do it, one after the other."""
    begun, both = [], []
    for _ in range(rounds + 1):
        gc.collect()
        beginning, whole = 0.0, time.process_time()
        for _ in range(calls):
            at = time.process_time()
            one = first.world()
            beginning += time.process_time() - at
            one.close()
        begun.append(beginning / calls * 1e6)
        both.append((time.process_time() - whole) / calls * 1e6)
    return statistics.median(begun[1:]), statistics.median(both[1:])


class Stopwatch:
    """A plugin of pytest that measures what each test's call costs."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Processor time of all threads."""
        begun = time.process_time()
        try:
            return (yield)
        finally:
            self.spent[item.name] = time.process_time() - begun


def examples() -> None:
    """The tests of tests/examples by what they cost."""
    watch = Stopwatch()
    with redirect_stdout(StringIO()):
        status = pytest.main(["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml"), str(ROOT / "tests" / "examples")], plugins=[watch])
    slowest = sorted(watch.spent.items(), key=lambda one: -one[1])
    print(f"\ntests/examples: exit status {int(status)}, {len(slowest)} tests, median {statistics.median(watch.spent.values()) * 1e3:.0f} ms; the slowest")
    for name, seconds in slowest[:4]:
        print(f"  {seconds * 1e3:5.0f} ms  {name}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--examples", action="store_true")
    asked = parser.parse_args()
    for fixture in ("tutorial", "saas"):
        with Sandbox(fixture=fixture) as first:
            one, both = worlds(first, asked.rounds, asked.calls)
            print(f"a world of the fixture {fixture}: {one:.0f} µs; begun and ended {both:.0f} µs")
    with Sandbox(fixture="default", now="2025-05-06T10:30:00Z") as first:
        for number in range(1000):
            first.post("/v1/customers", {**customer(number), "reference": f"kept-{number}"}).good()
        id = first.get("/v1/customers/kept-7").json()["id"]
        asks: dict[str, Ask] = {
            "GET by id": ("GET", f"/v1/customers/{id}", customer), "page of 50": ("GET", "/v1/customers?limit=50", customer), "POST, validated": ("POST", "/v1/customers", customer)}
        print(f"\n{'µs a call, of 1,000 records':28}" + "".join(f"{name:>26}" for name in WAYS))
        for name, ask in asks.items():
            costs = measure(first, ask, asked.rounds, asked.calls)
            own = costs["engine"]
            print(f"{name:28}" + "".join(f"{f'{cost:.1f}  ({cost / own:.2f})':>26}" for cost in costs.values()), flush=True)
    if asked.examples:
        examples()


if __name__ == "__main__":
    main()
