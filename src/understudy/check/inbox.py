"""A target with a receiver of webhooks beside it: what came is asked for like any other answer, by a step of its own.

1. A step with the method `RECEIVE` goes to the receiver: it waits until so many deliveries are here, then a little for more.
2. What came is told as it came; whether it should have is for the laws.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs

from understudy.check.steps import Answer, Wire
from understudy.check.targets import Target
from understudy.server.receiving import Door, Receiver, serving

RECEIVE = "RECEIVE"
LONGEST = 3.0
QUIET = 0.15
STEP = 0.02


class Inbox:
    """A target and the receiver that was started for it. Seconds to wait: `longest` for what is expected, `quiet` for what is not."""

    def __init__(self, target: Target, longest: float = LONGEST) -> None:
        self.target = target
        self.name = target.name
        self.resets = target.resets
        self._longest = longest
        self._receiver = Receiver()
        self._open = ExitStack()
        self.url = self._open.enter_context(serving(Door(self._receiver))).rstrip("/")

    @property
    def stands_in(self) -> bool:
        """Whether the target is a stand-in of ours."""
        return bool(getattr(self.target, "stands_in", False))

    def send(self, wire: Wire) -> Answer:
        """One request, or what came."""
        return self._came(wire) if wire.method == RECEIVE else self.target.send(wire)

    def send_together(self, wires: Sequence[Wire]) -> list[Answer]:
        """Several at once."""
        return self.target.send_together(wires)

    def reset(self) -> bool:
        """Back to the beginning, nothing received."""
        done = self.target.reset()
        self._receiver.clear()
        return done

    def idle(self, seconds: float) -> None:
        """Let the target do what it does by itself."""
        self.target.idle(seconds)

    def close(self) -> None:
        """Stop both."""
        self._open.close()
        self.target.close()

    def _came(self, wire: Wire) -> Answer:
        expected = int(parse_qs(wire.target.partition("?")[2]).get("expect", ["0"])[0])
        until = time.monotonic() + self._longest
        while len(self._receiver.kept) < expected and time.monotonic() < until:
            self.idle(STEP)
        seen, calm = len(self._receiver.kept), 0.0
        while calm < QUIET:
            self.idle(STEP)
            calm = 0.0 if len(self._receiver.kept) > seen else calm + STEP
            seen = len(self._receiver.kept)
        return Answer(200, {"content-type": "application/json"}, json.dumps([_told(one) for one in self._receiver.kept]).encode())


def _told(one: Any) -> dict[str, Any]:
    """A delivery as a JSON value; `raw` is its body in base64, for signatures."""
    try:
        body = json.loads(one.body)
    except ValueError:
        body = None
    return {"path": one.path, "headers": {name.lower(): value for name, value in one.headers.items()}, "body": body, "raw": base64.b64encode(one.body).decode(),
            "at": one.received_at.timestamp()}
