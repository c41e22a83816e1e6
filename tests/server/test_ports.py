"""Where a server can listen, and what is said where it cannot."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from understudy.server.ports import Unheard, bound, holder, listening, title_at


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on, and does not answer on."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one.getsockname()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="which process listens is read from /proc")
def test_a_port_that_is_taken_says_by_whom(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process, where the system tells, and what to do."""
    monkeypatch.setattr("understudy.server.ports.PATIENCE", 0.01)
    assert holder(taken) is not None
    with pytest.raises(Unheard, match=r"the port is taken by process \d+, .+; stop that, or try --port 0"):
        bound("127.0.0.1", taken)


def test_nobody_holds_a_port_nothing_listens_on() -> None:
    """A socket that is bound only."""
    with bound("127.0.0.1", 0) as one:
        assert holder(one.getsockname()[1]) is None and title_at(one.getsockname()[1]) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the second bind is refused already")
def test_a_port_taken_while_it_was_bound_is_told_then() -> None:
    """Two that start at the same time."""
    with bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with bound("127.0.0.1", port) as second:
            listening(first, "127.0.0.1", port)
            with pytest.raises(Unheard, match="the port is taken"):
                listening(second, "127.0.0.1", port)


@pytest.mark.parametrize(("host", "port", "said"), [
    ("192.0.2.1", 0, "192.0.2.1 is no address of this machine"),
    ("127.0.0.1", 70_000, "ports go from 1 to 65535"),
    ("127.0.0.1", -1, "ports go from 1 to 65535"),
    ("not a name", 0, "not a name is no address of this machine"),
])  # fmt: skip
def test_what_is_no_address_says_what_would_be_one(host: str, port: int, said: str) -> None:
    """For people who mistyped."""
    with pytest.raises(Unheard, match=said):
        bound(host, port)
