"""`understudy webhooks listen` in a process of its own, on a free port, as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from support.served import SOURCE

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""Out of the Standard Webhooks specification; in the process it is the variable SECRET."""
BODY = b'{"type": "ORDER.PAID", "amount": 10}'


class Listening:
    """The process, and what it said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port = 0

    def line(self) -> str:
        """The next line it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def __call__(self, body: bytes = BODY, headers: dict[str, str] | None = None, method: str = "POST") -> tuple[int, bytes]:
        """One delivery: status and body of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, "/hooks", body, headers or {})
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def stop(self, how: int = signal.SIGINT) -> int:
        """Its exit status."""
        self.process.send_signal(how)
        self.process.communicate(timeout=30)
        return self.process.returncode


@contextmanager
def listener(*arguments: str, **environment: str) -> Iterator[Listening]:
    """`understudy webhooks listen` on a free port, stopped at the end."""
    command = [sys.executable, "-m", "understudy.cli", "webhooks", "listen", "--port", "0", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(SOURCE), "SECRET": SECRET, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables) as process:
        one = Listening(process)
        try:
            said = one.line()
            assert said.startswith("listening  http://127.0.0.1:"), said + (process.stdout.read() if process.stdout else "")
            one.port = int(said.split(":")[2].split("/")[0])
            yield one
        finally:
            process.terminate()
            process.wait(30)
