"""Receivers that do what no receiver should: each connection is played by a function over the bare socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Play = Callable[[socket.socket], None]


@contextmanager
def playing(play: Play) -> Iterator[str]:
    """A URL at which each connection is played, one after the other, until the block ends."""
    door = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(door, play), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}/hooks"
    finally:
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a connection
        door.close()
        thread.join(10)


def _serve(door: socket.socket, play: Play) -> None:
    while True:
        try:
            connection, _ = door.accept()
        except OSError:
            return
        with suppress(OSError), connection:
            play(connection)


def request_of(connection: socket.socket) -> bytes:
    """The whole request: head, and as many octets of body as it announces."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def resetting(connection: socket.socket) -> None:
    """Reads the request and breaks the connection (SO_LINGER of nought sends RST)."""
    request_of(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
