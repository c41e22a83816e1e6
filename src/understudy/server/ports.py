"""Ports: one to listen on, and who has it where it is taken, as far as this machine lets that be known."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 2.0
"""Seconds to find out who listens."""
_LISTENS = "0A"


class Unheard(Exception):
    """Nothing can listen there; the message says what would be right."""


def bound(host: str, port: int) -> socket.socket:
    """A socket with an address, on which nothing listens yet. Raises Unheard."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except (OSError, OverflowError) as fault:
        found.close()
        raise Unheard(why(host, port, fault)) from None
    return found


def listening(found: socket.socket, host: str, port: int) -> None:
    """Let clients connect. Raises Unheard."""
    try:
        found.listen(1024)
    except OSError as fault:  # another process began to listen there since it was bound
        raise Unheard(why(host, port, fault)) from None


def why(host: str, port: int, fault: Exception) -> str:
    """Why nothing can listen there, and what to do."""
    where = f"cannot listen on {host}:{port}: "
    if isinstance(fault, OverflowError):
        return f"{where}ports go from 1 to 65535; try --port 0 for any free port"
    if isinstance(fault, socket.gaierror):
        return f"{where}{host} is no address of this machine; leave --host out for 127.0.0.1, or use 0.0.0.0 for all"
    number = fault.errno if isinstance(fault, OSError) else None
    if number == errno.EADDRINUSE:
        return f"{where}the port is taken{_by(port)}; stop that, or try --port 0 for any free port"
    if number == errno.EACCES:
        return f"{where}ports below 1024 are for privileged processes; try --port 4010, or 0 for any free port"
    if number == errno.EADDRNOTAVAIL:
        return f"{where}{host} is no address of this machine; leave --host out for 127.0.0.1, or use 0.0.0.0 for all"
    return f"{where}{getattr(fault, 'strerror', None) or fault}; try --port 0 for any free port"


def _by(port: int) -> str:
    played, process = title_at(port), holder(port)
    what = f" by another understudy, playing {played}" if played is not None else " by" if process is not None else ""
    return what if process is None else f"{what} {f'({process})' if played is not None else process}"


def title_at(port: int) -> str | None:
    """What an understudy that listens there plays; None where it is none, or says nothing."""
    import json  # with what follows
    from http.client import HTTPConnection, HTTPException  # 15 ms: only where a port is taken

    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/_understudy/health")
        told = json.loads(connection.getresponse().read(100_000))
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    document = told.get("document") if isinstance(told, dict) else None
    return document if isinstance(document, str) else None


def holder(port: int) -> str | None:
    """The process that listens on a port, where the system tells (proc(5)); else None."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(one) in sockets for one in (process / "fd").iterdir()):
                return f"process {process.name}, {(process / 'comm').read_text().strip()}"
        except OSError:  # another user's, or gone
            continue
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in (line.split() for line in lines):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]
