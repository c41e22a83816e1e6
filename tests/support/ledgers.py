"""Receivers of somebody's own, with and without a planted fault: they add up amounts and tell the sum."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Ledger:
    """Adds each delivery's amount to a sum that GET tells. `forgets`: it does not know what it has seen; `falls`: it falls over it."""

    forgets: bool = False
    falls: bool = False
    seen: list[str] = field(default_factory=list)
    total: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        body = (await receive()).get("body", b"")
        status, answer = (200, {"total": self.total, "by": "amount"}) if scope["method"] == "GET" else self.take(json.loads(body))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def take(self, event: dict[str, Any]) -> tuple[int, Any]:
        """A delivery's effect, once; or, by a planted fault, each time."""
        known = event["id"] in self.seen
        if known and self.falls:
            return 500, {"error": "unique constraint failed: events.id"}
        if not known or self.forgets:
            self.seen.append(event["id"])
            self.total += event["amount"]
        return 200, {}
