"""Seconds from the start of the process to its first answer, what the size of a document costs, and the memory of a record.

    python benchmarks/startup.py [--runs 5] [--records 20000] [SPEC …]

"first" begins without any kept parse of the documents, "again" with one; the other two are the processor time of each,
which a busy machine stretches less. Without SPEC: the bundled sandbox, a document of 4 MB and 400 operations (made by
`large.py`), and, where it lies beside the checkout, the largest document of the vendor; then what finding an operation
costs among 10 and 1,000 path items, and a request in a document of ten lines and in the large one. The memory of a record
is the growth of the server process over many creations, less the record's own JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from answering import ROOT, Server, customer, free_port, message
from large import large, small, wide

VENDOR = ROOT.parent / "shared" / "solvimon" / "contracts" / "configuration.yml"


def first_answer(arguments: list[str], cache: str) -> tuple[float, float]:
    """Seconds from fork to the first response, of any status; and of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    elapsed = _first_answer(arguments, cache)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _first_answer(arguments: list[str], cache: str) -> float:
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "XDG_CACHE_HOME": cache}
    begun = time.perf_counter()
    command = [sys.executable, "-m", "understudy.cli", "serve", *arguments, "--port", str(port), "--quiet"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while True:
                try:
                    connection = HTTPConnection("127.0.0.1", port, timeout=10)
                    connection.request("GET", "/v1/customers", headers={"X-API-KEY": "key"})
                    connection.getresponse().read()
                    return time.perf_counter() - begun
                except ConnectionError:
                    time.sleep(0.002)
        finally:
            process.kill()


def resident(pid: int) -> int:
    """Octets of memory a process holds (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def per_record(records: int) -> tuple[float, float]:
    """Octets for each stored record, and of its own JSON."""
    port = free_port()
    server = Server([sys.executable, "-m", "understudy.cli", "serve", "--port", str(port), "--quiet"], port)
    try:
        for number in range(1000):
            server.ask(message("POST", "/v1/customers", customer(number)))
        before = resident(server.process.pid)
        sizes = [len(server.ask(message("POST", "/v1/customers", customer(1000 + number)))[1]) for number in range(records)]
        return (resident(server.process.pid) - before) / records, statistics.mean(sizes)
    finally:
        server.stop()


def made(folder: Path) -> list[str]:
    """The large document, and the vendor's where it is at hand."""
    path = folder / "large.json"
    path.write_text(large())
    return [str(path), *([str(VENDOR)] if VENDOR.is_file() else [])]


def started(spec: str | None, runs: int) -> dict[str, object]:
    """The medians of several starts."""
    found = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as cache:
            found.append([*first_answer([spec] if spec else [], cache), *first_answer([spec] if spec else [], cache)])
    medians = [round(statistics.median(some), 3) for some in zip(*found, strict=True)]
    return {"document": Path(spec).name if spec else "bundled", **dict(zip(("first", "first, cpu", "again", "again, cpu"), medians, strict=True))}


def finding(items: int) -> float:
    """Processor microseconds from a method and a path to the operation."""
    sys.path.insert(0, str(ROOT / "src"))
    from understudy.contract.contract import Contract

    contract = Contract.of([("file:///wide.json", json.loads(wide(items)))])
    paths = [f"/v1/area_{number % 40}/thing_{number}/id{number}/part" for number in range(0, items, max(1, items // 10))]
    return fastest(lambda: [contract.match("GET", path) for path in paths]) / len(paths)


def serving(text: str, folder: Path) -> dict[str, float]:
    """Processor microseconds of the stage for requests to the small resource."""
    from understudy.theatre import Options, open_theatre
    from understudy.world.stage import Request

    path = folder / "served.json"
    path.write_text(text)
    sandbox = open_theatre(Options(spec=str(path)))
    kind = (b"content-type", b"application/json")
    ask = lambda method, target, body=b"": sandbox.answer(Request(method, target, b"", [kind], body, dict([kind])))  # noqa: E731
    one = json.loads(ask("POST", "/v1/pings", b'{"name": "a"}').body)["id"]
    return {"GET by id": round(fastest(lambda: ask("GET", f"/v1/pings/{one}")), 1),
            "list": round(fastest(lambda: ask("GET", "/v1/pings")), 1)}


def fastest(act: Callable[[], object], rounds: int = 40, times: int = 200) -> float:
    """Processor microseconds of one act: the best of many rounds, which other work on the machine disturbs least."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            act()
        found.append(time.process_time() - begun)
    return min(found) / times * 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="*", metavar="SPEC")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--records", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for spec in options.specs or [None, *made(Path(folder))]:
            print(json.dumps(started(spec, options.runs)), flush=True)
        if not options.specs:
            print(json.dumps({"microseconds to find an operation among": {items: round(finding(items), 2) for items in (10, 1000)}}))
            print(json.dumps({"microseconds of a request": {name: serving(text, Path(folder)) for name, text in (("ten lines", small()), ("4 MB", large()))}}))
    if not options.specs:
        whole, own = per_record(options.records)
        print(f"memory for each stored record: {whole:,.0f} octets, {own:,.0f} of them its own JSON, {whole - own:,.0f} beyond")


if __name__ == "__main__":
    main()
