"""A delivery and what becomes of it: attempts, the next one's time, giving up.

Nothing here sends or keeps; the same delivery, answer and time give the same delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from understudy.durations import format_instant, parse_instant
from understudy.webhooks.rules import Rules

DUE, FAILING, DELIVERED, GIVEN_UP, DISABLED, LATE = "due", "failing", "delivered", "given_up", "disabled", "late"
STATES = (DUE, DELIVERED, FAILING, GIVEN_UP, DISABLED, LATE)
"""`due`: not tried yet; `failing`: tried, and to be tried again; `disabled`: its endpoint wants nothing any more; `late`: taken
out of its turn by a fault, tried at its own times while others overtake it."""

PENDING = frozenset({DUE, FAILING, LATE})


class Attempt(NamedTuple):
    """One POST of a delivery: when by the world's clock, and what came of it.

    `why` is first, retry, resend, replay or duplicate; `url` is set where it went elsewhere than to the endpoint; `headers` are those
    it was signed with; `response` is the beginning of what was answered.
    """

    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    response: str
    why: str
    url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def good(self) -> bool:
        """Whether the receiver has it: any 2xx."""
        return self.error is None and self.status is not None and 200 <= self.status < 300


class Delivery(NamedTuple):
    """An event for an endpoint. `number` counts deliveries, `event` is the number of the event; `type` the name it is sent under.

    `next_at`: when it is tried next, or given up where that is later than it may be tried; None once it is settled.
    """

    number: int
    id: str
    endpoint: str
    event: int
    type: str
    at: datetime
    state: str
    next_at: datetime | None
    attempts: tuple[Attempt, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether it is still to be tried."""
        return self.state in PENDING


class Answer(NamedTuple):
    """What came of a POST: a status, or an error in words; `retry_after` as the receiver asked."""

    status: int | None
    error: str | None = None
    milliseconds: int = 0
    response: str = ""
    retry_after: timedelta | None = None
    media_type: str = ""  # of the response

    @property
    def good(self) -> bool:
        """Whether it is a 2xx."""
        return self.error is None and self.status is not None and 200 <= self.status < 300


def attempted(delivery: Delivery, attempt: Attempt, rules: Rules, retry_after: timedelta | None = None) -> Delivery:
    """The delivery after one more attempt.

    A resend or replay that fails changes nothing of the schedule; one that succeeds settles the delivery, unless it went
    elsewhere. A 410 says that the endpoint is gone (RFC 9110 section 15.5.11).
    """
    attempts = (*delivery.attempts, attempt)
    scheduled = attempt.why in ("first", "retry")
    if attempt.good and attempt.url is None:
        return delivery._replace(attempts=attempts, state=DELIVERED, next_at=None)
    if not scheduled or not delivery.pending:
        return delivery._replace(attempts=attempts)
    if attempt.status == 410:
        return delivery._replace(attempts=attempts, state=DISABLED, next_at=None)
    state = LATE if delivery.state == LATE else FAILING
    return delivery._replace(attempts=attempts, state=state, next_at=_next(attempts, rules, retry_after))


def _next(attempts: tuple[Attempt, ...], rules: Rules, retry_after: timedelta | None) -> datetime:
    """The next attempt's time by the schedule, later where the receiver asks for it; at most when the delivery is given up."""
    own = [attempt for attempt in attempts if attempt.why in ("first", "retry")]
    delay = rules.schedule[min(len(own), len(rules.schedule)) - 1] if rules.schedule else rules.give_up
    return min(own[-1].at + max(delay, retry_after or timedelta()), own[0].at + rules.give_up)


def given_up(delivery: Delivery, rules: Rules, now: datetime) -> bool:
    """Whether a delivery that falls due is tried no more."""
    first = next((attempt.at for attempt in delivery.attempts if attempt.why == "first"), None)
    return first is not None and now >= first + rules.give_up


# --- as JSON ----------------------------------------------------------------------------------------------------------


def write(delivery: Delivery) -> dict[str, Any]:
    """As it is kept."""
    row = delivery._asdict()
    attempts = [
        {**attempt._asdict(), "at": format_instant(attempt.at), "headers": [list(pair) for pair in attempt.headers]} for attempt in delivery.attempts
    ]
    return {**row, "at": format_instant(delivery.at), "next_at": delivery.next_at and format_instant(delivery.next_at), "attempts": attempts}


def read(row: Mapping[str, Any]) -> Delivery:
    """And back. Raises KeyError, TypeError or ValueError."""
    attempts = tuple(_attempt(one) for one in row["attempts"])
    next_at = parse_instant(row["next_at"]) if row["next_at"] else None
    return Delivery(**{**row, "at": parse_instant(row["at"]), "next_at": next_at, "attempts": attempts})


def _attempt(row: Mapping[str, Any]) -> Attempt:
    headers = tuple((str(name), str(value)) for name, value in row["headers"])
    return Attempt(**{**row, "at": parse_instant(row["at"]), "headers": headers})
