"""CPU microseconds of the server process for each request, as ratios to a bare ASGI application on the same uvicorn.

    python benchmarks/answering.py [--records 100 100000] [--rounds 5] [--requests 4000]

Both servers run in processes of their own; the rounds take turns between them, so that a noisy machine disturbs both
alike. The cost of a request is the growth of the server's CPU time (user and system) over a round, divided by its requests.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = 16  # requests under way at once
TICKS = os.sysconf("SC_CLK_TCK")

BARE = """
import sys, uvicorn
BODY = b'{"ok":true}'
async def app(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"11")]})
    await send({"type": "http.response.body", "body": BODY})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off", timeout_keep_alive=600, server_header=False, date_header=False)
"""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def cpu(pid: int) -> float:
    """Seconds of CPU a process has used (proc(5), fields utime and stime; schedstat where it is there, for its finer grain)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Server:
    """A server process and `CONNECTIONS` kept-alive connections to it."""

    def __init__(self, command: list[str], port: int) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        self.port = port
        self.connections = [self._connect() for _ in range(CONNECTIONS)]

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def ask(self, message: bytes) -> tuple[int, bytes]:
        """Send one request, read its whole answer."""
        self.connections[0].sendall(message)
        return self._read(self.connections[0])

    def _read(self, connection: socket.socket) -> tuple[int, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _more(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(body) < length:
            body += _more(connection)
        return int(head.split(b" ")[1]), body

    def cost(self, messages: list[bytes], status: int) -> float:
        """CPU microseconds of the process for each of these requests."""
        before = cpu(self.process.pid)
        for start in range(0, len(messages), CONNECTIONS):
            some = list(zip(self.connections, messages[start : start + CONNECTIONS], strict=False))
            for connection, message in some:
                connection.sendall(message)
            for connection, _ in some:
                got, body = self._read(connection)
                assert got == status, (got, body[:300])
        return (cpu(self.process.pid) - before) / len(messages) * 1e6

    def stop(self) -> None:
        """End the process."""
        for connection in self.connections:
            connection.close()
        self.process.terminate()
        self.process.wait()


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def message(method: str, target: str, body: object = None) -> bytes:
    """One HTTP/1.1 request."""
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: key\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data


def customer(number: int) -> dict[str, object]:
    """A body of about fifteen fields."""
    return {
        "reference": f"customer-{number}", "type": "ORGANIZATION", "email": f"billing{number}@example.com", "status": "ACTIVE",
        "timezone": "Europe/Amsterdam", "roles": ["DEFAULT"],
        "organization": {
            "legal_name": f"Customer {number} BV", "tax_ids": [{"id": f"NL{number:09d}", "type": "GENERIC_TAX_ID"}],
            "registered_address": {"line1": "Daalsesingel 51", "city": "Utrecht", "postal_code": "3511 SW", "state": "", "country": "NL"},
        },
    }


def measure(records: int, rounds: int, requests: int) -> None:
    """Print one table: the four kinds of request at this many stored customers."""
    bare_port, port = free_port(), free_port()
    bare = Server([sys.executable, "-c", BARE, str(bare_port)], bare_port)
    real = Server([sys.executable, "-m", "understudy.cli", "serve", "--port", str(port), "--quiet"], port)
    try:
        stored = [json.loads(real.ask(message("POST", "/v1/customers", customer(number)))[1])["id"] for number in range(records)]
        wrong = {**customer(0), "type": "NOBODY"}
        fresh = iter(range(records, 10_000_000))
        plain = [message("GET", "/")] * requests
        kinds = {
            "GET by id": lambda: ([message("GET", f"/v1/customers/{stored[i * 7919 % records]}") for i in range(requests)], 200),
            "page of 50": lambda: ([message("GET", "/v1/customers")] * requests, 200),
            "POST": lambda: ([message("POST", "/v1/customers", customer(next(fresh))) for _ in range(requests)], 201),
            "POST refused": lambda: ([message("POST", "/v1/customers", wrong)] * requests, 400),
        }
        costs: dict[str, list[float]] = {name: [] for name in ("bare", *kinds)}
        for _ in range(rounds):
            costs["bare"].append(bare.cost(plain, 200))
            for name, make in kinds.items():
                costs[name].append(real.cost(*make()))
        base = statistics.median(costs["bare"])
        print(f"\n{records:,} stored records; bare ASGI {base:.0f} us")
        for name in kinds:
            middle = statistics.median(costs[name])
            print(f"  {name:14} {middle:6.0f} us   {middle / base:4.1f} x bare")
    finally:
        bare.stop()
        real.stop()


def main() -> None:
    """Measure at each number of records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[100, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4000)
    options = parser.parse_args()
    for records in options.records:
        measure(records, options.rounds, options.requests)


if __name__ == "__main__":
    main()
