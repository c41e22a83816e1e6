"""What changed between two commits of this project, as `understudy drift` names it: the one of here in process, the other one served.

    python benchmarks/commits.py HEAD~20 [SPEC] [-- options of drift, such as --law lifecycle]

The other commit is checked out into a folder of its own for as long as it takes, and serves the document that it has itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
PATIENCE = 60.0


def main(arguments: list[str]) -> int:
    """Serve the other commit, and compare. The exit status is drift's."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    (revision, *specs), options = arguments[:at], arguments[at + 1 :]
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        subprocess.run(["git", "worktree", "add", "--detach", "-q", f"{folder}/other", revision], cwd=HOME, check=True)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        try:
            return compared(Path(folder) / "other", port, specs, options)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", f"{folder}/other"], cwd=HOME, check=True)


def compared(other: Path, port: int, specs: list[str], options: list[str]) -> int:
    """Drift between here and what another folder serves."""
    understudy = [sys.executable, "-m", "understudy.cli"]
    served = subprocess.Popen([*understudy, "serve", *specs, "--port", str(port), "--now", "2025-05-06T10:30:00Z", "--quiet"], cwd=other, env={**os.environ, "PYTHONPATH": str(other / "src")})
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_understudy/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.2)
        return subprocess.run([*understudy, "drift", *specs, "--url", f"http://127.0.0.1:{port}", *options], cwd=HOME, env={**os.environ, "PYTHONPATH": str(HOME / "src")}, check=False).returncode
    finally:
        served.terminate()
        served.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
