"""`understudy proxy` in a process of its own, on a free port, as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

from support.served import SOURCE


class Running:
    """The process."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def __call__(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """One request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, None if body is None else json.dumps(body), {**sent, **({"Content-Type": "application/json"} if body is not None else {})})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, json.loads(text) if text else None

    def stop(self, how: int = signal.SIGINT) -> tuple[int, str]:
        """Its exit status, and what it said."""
        self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def proxying(to: str, *arguments: str) -> Iterator[Running]:
    """`understudy proxy` on a free port, stopped at the end."""
    command = [sys.executable, "-m", "understudy.cli", "proxy", "--port", "0", "--to", to, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        try:
            yield Running(process, _port(process))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(30)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    said = ""
    port = 0
    for line in process.stdout:
        said += line
        if line.startswith("  proxy "):
            port = int(line.split("http://")[1].split("  ")[0].rsplit(":", 1)[1])
        if line.startswith("  says "):
            return port
    raise AssertionError(f"it did not start:\n{said}")
