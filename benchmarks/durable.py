"""What keeping worlds costs: POST at 32 clients in memory and on disk, opening again, forks and snapshots, waits, a million records.

    python benchmarks/durable.py [--requests 2000] [--rounds 9] [--records 100000] [--million]

Rates are requests in a second of the wall's time, the servers in processes of their own, rounds taking turns. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import resource
import selectors
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import answering as wire
from store import changes, id_of

from understudy.engine.decide import Changed, Decision, Event
from understudy.engine.outcomes import kept
from understudy.world.clock import Clock
from understudy.world.keeping import Folder
from understudy.world.world import World
from understudy.world.worlds import Worlds

wire.CONNECTIONS = 32


def rates(requests: int, rounds: int) -> None:
    """POST rates of the three ways to keep."""
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        ways = {"in memory": [], "commit": ["--data", one], "relaxed": ["--data", two, "--durability", "relaxed"]}
        servers = {}
        for name, options in ways.items():
            port = wire.free_port()
            servers[name] = wire.Server([sys.executable, "-m", "understudy.cli", "serve", "--port", str(port), "--quiet", *options], port)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        try:
            for number in range(rounds):
                for name, server in servers.items():
                    messages = [wire.message("POST", "/v1/customers", wire.customer(number * requests + at)) for at in range(requests)]
                    start = time.perf_counter()
                    closed_loop(server, messages)
                    taken[name].append(requests / (time.perf_counter() - start))
        finally:
            for server in servers.values():
                server.stop()
    base = statistics.median(taken["in memory"])
    for name, got in taken.items():
        print(f"POST, 32 clients, {name:10} {statistics.median(got):8,.0f} a second   {statistics.median(got) / base:4.2f} of in memory")


def closed_loop(server: Any, messages: list[bytes]) -> None:
    """Each client sends its next request as soon as its last is answered."""
    waiting, rest = selectors.DefaultSelector(), iter(messages)
    for connection in server.connections:
        waiting.register(connection, selectors.EVENT_READ)
        connection.sendall(next(rest))
    under_way = len(server.connections)
    while under_way:
        for key, _ in waiting.select():
            status, body = server._read(key.fileobj)
            assert status == 201, body
            following = next(rest, None)
            if following is None:
                under_way -= 1
                waiting.unregister(key.fileobj)  # type: ignore[arg-type]
            else:
                key.fileobj.sendall(following)  # type: ignore[union-attr]


def filled(worlds: Worlds, records: int) -> World:
    """A world with so many records, each with its event."""
    world = worlds.get("default")
    circumstances = world.circumstances(world.clock.now())
    for change in changes(0, records):
        encoded = kept(change.after)  # of which its event is told, as by a request
        made = Changed(change.resource, change.id, None, dict(change.after or {}), encoded)
        world.commit(Decision(None, (made,), (Event("CUSTOMER.CREATED", "customer", change.id, encoded),), (), ()), circumstances)
    return world


def opened(path: str) -> tuple[Folder, Worlds]:
    """A folder with its worlds."""
    worlds = Worlds(World("prepared", Clock(frozen=True), 0, {}))
    folder = Folder(Path(path))
    folder.attach(worlds)
    return folder, worlds


def timed(what: str, call: Any) -> Any:
    """Print how long a call took, in milliseconds, and how much of that this process was at work."""
    start, worked = time.perf_counter(), time.process_time()
    result = call()
    print(f"{what:52} {(time.perf_counter() - start) * 1000:10.1f} ms   {(time.process_time() - worked) * 1000:10.1f} ms of CPU")
    return result


def folders(records: int) -> None:
    """Opening, forks and snapshots of a world of this many records."""
    with TemporaryDirectory() as path:
        folder, worlds = opened(path)
        timed(f"{records:,} commits to the journal, relaxed", lambda: filled(worlds, records))
        timed("  waiting for the disk", folder.sync)
        folder.release()
        folder, worlds = timed("  opening again, all in the journal", lambda: opened(path))
        folder.close()
        folder, worlds = timed("  opening again, all in the world's file", lambda: opened(path))
        world = worlds.get("default")
        timed("  fork", lambda: (worlds.begin("other", world), folder.sync()))
        timed("  snapshot", lambda: (worlds.save(world, "moment"), folder.sync()))
        folder.release()


def waits(records: int) -> None:
    """The longest waits of four clients while so many records are written into the world's file anew, and afterwards."""
    with TemporaryDirectory() as path:
        folder, worlds = opened(path)
        filled(worlds, records)
        folder.release()
        port = wire.free_port()
        server = wire.Server([sys.executable, "-m", "understudy.cli", "serve", "--port", str(port), "--quiet", "--data", path], port)
        try:
            during: list[float] = []
            posts = (wire.message("POST", "/v1/customers", wire.customer(number)) for number in count(1_000_000))
            server.ask(next(posts))  # makes the index of references, and finds the journal long
            start = time.perf_counter()
            while generation(path) == 1 and time.perf_counter() - start < 120:
                during += taken(server, posts)
            print(f"{records:,} records written into the file anew: {time.perf_counter() - start:.1f} s beside requests")
            for when, got in (("meanwhile", during), ("afterwards", [one for _ in range(len(during) // 4 + 1) for one in taken(server, posts)])):
                ordered = sorted(got)
                print(f"  POST {when:10}  median {statistics.median(ordered):5.1f} ms  99 in 100 {ordered[len(ordered) * 99 // 100]:5.1f} ms  longest {ordered[-1]:5.1f} ms")
        finally:
            server.stop()


def generation(path: str) -> int:
    """Of the files that count in a folder."""
    return int(json.loads(Path(path, "understudy.json").read_text())["generation"])


def taken(server: Any, posts: Iterator[bytes]) -> list[float]:
    """Milliseconds of four requests sent at once."""
    got, start = [], time.perf_counter()
    for connection in server.connections[:4]:
        connection.sendall(next(posts))
    for connection in server.connections[:4]:
        assert server._read(connection)[0] == 201
        got.append((time.perf_counter() - start) * 1000)
    return got


def million() -> None:
    """A million records in one world."""
    world = timed("a million records, in memory", lambda: filled(Worlds(World("prepared", Clock(frozen=True), 0, {})), 1_000_000))
    print(f"{'  most memory':52} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:10,.0f} MB")
    timed("  1,000 reads", lambda: [world.store.get("customer", id_of(n * 997)) for n in range(1_000)])


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    rates(options.requests, options.rounds)
    folders(options.records)
    waits(options.records)
    if options.million:
        subprocess.run([sys.executable, "-c", "import durable; durable.million()"], cwd=Path(__file__).parent, check=True)


if __name__ == "__main__":
    main()
