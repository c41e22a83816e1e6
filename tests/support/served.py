"""A stand-in in a process of its own, listening on a free port, as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2] / "src"


class Served:
    """Talks to the process over real HTTP."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port = port
        self.process = process
        self.base = f"http://127.0.0.1:{port}"

    def __call__(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None, raw: bytes | None = None) -> tuple[int, dict[str, str], Any]:
        """One request on a connection of its own: status, headers (lower case), JSON or text."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent = {"X-API-KEY": "my-key", **({"Content-Type": "application/json"} if data is not None else {}), **(headers or {})}
        connection.request(method, target, data, sent)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        got = {name.lower(): value for name, value in response.getheaders()}
        return response.status, got, json.loads(text) if "json" in got.get("content-type", "") and text else text.decode()


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    """`understudy serve` with these arguments on a free port, stopped at the end."""
    command = [sys.executable, "-m", "understudy.cli", "serve", "--port", "0", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        try:
            yield Served(_port(process), process)
        finally:
            process.terminate()
            process.wait(10)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "base URL" in line:
            return int(line.rsplit(":", 1)[1])
        if line.startswith('{"kind":"start"'):
            return int(json.loads(line)["url"].rsplit(":", 1)[1])
    raise AssertionError(f"it did not start:\n{said}")
