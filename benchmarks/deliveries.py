"""What telling receivers costs: a signed delivery at 16 in flight, a request whose commit emits, 100,000 due at 10,000 endpoints.

    python benchmarks/deliveries.py [--deliveries 16000] [--requests 4000] [--endpoints 10000]

CPU microseconds of this process; the receiver is a process of its own that answers 204. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import orjson
import uvloop

from understudy.engine.decide import Decision, Event
from understudy.server.posting import Poster
from understudy.server.sending import Sender
from understudy.theatre import Options, Theatre, open_theatre
from understudy.webhooks.endpoints import Endpoint, Secret
from understudy.world.holdings import Put
from understudy.world.stage import Request
from understudy.world.world import World

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
SINK = """
import asyncio, sys
class Sink(asyncio.Protocol):
    def connection_made(self, transport): self.transport, self.rest = transport, b""
    def data_received(self, data):
        self.rest += data
        while b"\\r\\n\\r\\n" in self.rest:
            head, _, body = self.rest.partition(b"\\r\\n\\r\\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\\r\\n")[0])
            if len(body) < length: break
            self.rest = body[length:]
            self.transport.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def sink() -> Iterator[str]:
    """A receiver's URL."""
    with subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/hooks"
        finally:
            process.kill()


def customer(number: int) -> bytes:
    """A customer as the API takes it."""
    return orjson.dumps({"reference": f"c-{number}", "type": "ORGANIZATION", "email": "a@example.com", "timezone": "Europe/Amsterdam",
                         "organization": {"legal_name": "A"}})


def made(sandbox: Theatre, world: World, number: int) -> None:
    """One customer through the API."""
    body = customer(number)
    headers = [(b"content-type", b"application/json"), (b"x-api-key", b"k"), (b"host", b"localhost")]
    reply = sandbox.stage.answer(world, Request("POST", "/v1/customers", b"", headers, body, dict(headers)))
    assert reply.status == 201, reply.body


def subscribe(world: World, number: int, url: str, *types: str) -> None:
    """Endpoints that are told."""
    for at in range(number):
        world.put(Put("endpoints", f"e{at}", Endpoint(f"e{at}", url, types, signing="solvimon", secrets=(Secret("s" * 64),))))


def signed(count: int, url: str, flights: int = 16) -> None:
    """A delivery: its payload made and judged, signed, posted, its attempt kept, the next one taken."""
    taken = []
    for _ in range(3):
        sandbox = open_theatre(Options(now=NOW))
        world = sandbox.worlds.get("default")
        subscribe(world, flights, url, "CUSTOMER.CREATED")
        for number in range(count // flights):
            made(sandbox, world, number)

        async def send(sandbox: Theatre = sandbox, world: World = world) -> float:
            sender = Sender(sandbox, Poster())
            before = time.process_time()
            sender.start()
            await sender.rest(world)
            spent = time.process_time() - before
            await sender.stop()
            return spent

        spent = uvloop.run(send())
        done = [one for _, one in world.held["deliveries"].items()]
        assert {one.state for one in done} == {"delivered"}
        taken.append(spent / len(done) * 1e6)
    print(f"signed delivery, {flights} in flight       {statistics.median(taken):8.1f} µs")


def emitting(count: int, url: str) -> None:
    """A POST whose commit emits one event: nobody subscribed, one endpoint, ten; nothing is sent meanwhile."""
    sandbox = open_theatre(Options(now=NOW))
    ways = {name: sandbox.worlds.get(name) for name in ("none", "one", "ten")}
    subscribe(ways["one"], 1, url, "CUSTOMER.*")
    subscribe(ways["ten"], 10, url, "CUSTOMER.*")
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for block in range(20):
        for name, world in ways.items():
            before = time.process_time()
            for number in range(count // 20):
                made(sandbox, world, block * count + number)
            spent[name].append((time.process_time() - before) / (count // 20) * 1e6)
    base = statistics.median(spent["none"])
    for name, got in spent.items():
        print(f"POST, endpoints told: {name:5}          {statistics.median(got):8.1f} µs   {statistics.median(got) / base:4.2f}")


def many(endpoints: int, url: str) -> None:
    """Ten events for each of many endpoints: kept, then taken one after the other as they fall due."""
    sandbox = open_theatre(Options(now=NOW))
    world = sandbox.worlds.get("default")
    size, before = memory(), time.process_time()
    for at in range(endpoints):
        world.put(Put("endpoints", f"e{at}", Endpoint(f"e{at}", url, ("CUSTOMER.*",) if at % 2 else (), signing="solvimon", secrets=(Secret(f"s{at}"),))))
    print(f"{endpoints:,} endpoints, for each             {(time.process_time() - before) / endpoints * 1e6:8.1f} µs")
    before = time.process_time()
    for _ in range(10):
        world.commit(Decision(None, (), (Event("CUSTOMER.CREATED", None, None, b"{}"),), (), ()), world.circumstances(NOW))
    print(f"an event kept                         {(time.process_time() - before) / 10 * 1e6:8.1f} µs")
    assert world.outbox.next_due == NOW
    due = len(world.held["deliveries"])
    print(f"{due:,} deliveries made, for each       {(time.process_time() - before) / due * 1e6:8.1f} µs   {(memory() - size) / due:6.2f} KB with their endpoints")
    before = time.process_time()
    fork = world.fork("fork")
    print(f"fork of a world that owes them        {(time.process_time() - before) * 1e6:8.1f} µs")
    assert fork.outbox.next_due == NOW
    before, number = time.process_time(), 0
    while taken := world.outbox.take(NOW):
        for delivery in taken:
            world.put(Put("deliveries", delivery.id, delivery._replace(state="delivered", next_at=None)))
            world.outbox.free(delivery)
            number += 1
    assert number == due
    print(f"taken when due and settled, for each  {(time.process_time() - before) / due * 1e6:8.1f} µs")


def memory() -> float:
    """Kilobytes of this process at its largest."""
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=16_000)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--endpoints", type=int, default=10_000)
    asked = parser.parse_args()
    with sink() as url:
        many(asked.endpoints, url)
        signed(asked.deliveries, url)
        emitting(asked.requests, url)


if __name__ == "__main__":
    main()
