"""What an idempotency key was answered, kept to be answered again.

How long it is kept and which answers are is decided elsewhere.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from understudy.durations import format_instant
from understudy.engine.outcomes import Outcome
from understudy.world.clock import instant


@dataclass(frozen=True, slots=True)
class Pinned:
    """The outcome kept for an idempotency key, and of which request it came."""

    fingerprint: bytes
    at: datetime
    outcome: Outcome

    def again(self, header: str | None) -> Outcome:
        """The same outcome, marked as a replay."""
        marked = {**self.outcome.headers, **({header: "true"} if header else {})}
        return self.outcome._replace(headers=marked, reason="replayed for its idempotency key")


def write(pin: Pinned) -> dict[str, Any]:
    """As JSON."""
    outcome = pin.outcome
    return {
        "fingerprint": pin.fingerprint.hex(), "at": format_instant(pin.at), "status": outcome.status,
        "body": b64encode(outcome.body).decode(), "media_type": outcome.media_type, "reason": outcome.reason, "headers": dict(outcome.headers),
    }  # fmt: skip


def read(row: dict[str, Any]) -> Pinned:
    """And back."""
    outcome = Outcome(row["status"], b64decode(row["body"]), row["media_type"], row["reason"], row["headers"])
    return Pinned(bytes.fromhex(row["fingerprint"]), instant(row["at"]), outcome)
