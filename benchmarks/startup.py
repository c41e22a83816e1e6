"""Seconds from the start of the process to its first answer, and the memory a stored record takes.

    python benchmarks/startup.py [--runs 5] [--records 20000] [SPEC …]

"first" begins without any kept parse of the documents, "again" with one. The memory of a record is the growth of the
server process over many creations, less the record's own JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from answering import ROOT, Server, customer, free_port, message


def first_answer(arguments: list[str], cache: str) -> float:
    """Seconds from fork to the first response, of any status."""
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


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="*", metavar="SPEC")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--records", type=int, default=20_000)
    options = parser.parse_args()
    for spec in options.specs or [None]:
        arguments = [spec] if spec else []
        firsts, agains = [], []
        for _ in range(options.runs):
            with tempfile.TemporaryDirectory() as cache:
                firsts.append(first_answer(arguments, cache))
                agains.append(first_answer(arguments, cache))
        print(json.dumps({"document": spec or "bundled", "first": round(statistics.median(firsts), 3), "again": round(statistics.median(agains), 3)}))
    if not options.specs:
        whole, own = per_record(options.records)
        print(f"memory for each stored record: {whole:,.0f} octets, {own:,.0f} of them its own JSON, {whole - own:,.0f} beyond")


if __name__ == "__main__":
    main()
