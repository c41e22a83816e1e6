"""What becomes of a delivery: retries by the schedule, giving up, being settled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from understudy.webhooks.retrying import Attempt, Delivery, attempted, given_up, read, write
from understudy.webhooks.rules import rules_of

START = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
DOCUMENTED = rules_of({"schedule": ["2m", "4m", "8m", "16m", "32m", "1h", "2h", "4h", "8h"], "give_up": "7d", "ordered": True})


def delivery() -> Delivery:
    """One that is due."""
    return Delivery(1, "msg_1", "e", 1, "A.B", START, "due", START)


def attempt(at: datetime, status: int | None = 500, why: str = "retry", url: str | None = None) -> Attempt:
    """One that came to a status."""
    return Attempt(at, status, None if status else "timeout", 1, "", why, url)


def walked() -> tuple[list[timedelta], Delivery]:
    """When attempts are made of a delivery that never succeeds, from its first on; and what it ends as."""
    one, times, why = delivery(), [], "first"
    while one.next_at is not None and not given_up(one, DOCUMENTED, one.next_at):
        times.append(one.next_at - START)
        one, why = attempted(one, attempt(one.next_at, why=why), DOCUMENTED), "retry"
    return times, one


def test_the_documented_schedule_is_kept_to_the_second() -> None:
    """2m, 4m, 8m, 16m, 32m, 1h, 2h, 4h, 8h after one another, then every 8h; given up 7 days after the first attempt."""
    times, last = walked()
    minutes = [int(time.total_seconds()) // 60 for time in times]
    assert minutes[:10] == [0, 2, 6, 14, 30, 62, 122, 242, 482, 962]
    assert minutes[10:] == list(range(962 + 480, 7 * 1440, 480))
    assert all(time.total_seconds() % 60 == 0 for time in times)
    assert last.next_at == START + timedelta(days=7)
    assert given_up(last, DOCUMENTED, last.next_at)


def test_a_receiver_may_ask_to_be_left_alone_for_longer() -> None:
    """Retry-After puts the next attempt off, never forward and never beyond giving up."""
    first = attempt(START, 503, "first")
    for asked, minutes in ((timedelta(seconds=5), 2), (timedelta(minutes=7), 7), (timedelta(days=90), 7 * 1440)):
        assert attempted(delivery(), first, DOCUMENTED, asked).next_at == START + timedelta(minutes=minutes)


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (204, "delivered"), (299, "delivered"), (302, "failing"), (199, "failing"),
                                               (400, "failing"), (410, "disabled"), (500, "failing"), (None, "failing")])
def test_any_2xx_is_success_and_a_410_the_end(status: int | None, state: str) -> None:
    """Redirects fail, and so does what gave no answer."""
    after = attempted(delivery(), attempt(START, status, "first"), DOCUMENTED)
    assert after.state == state
    assert (after.next_at is None) == (state != "failing")


def test_an_attempt_on_request_leaves_the_schedule_alone() -> None:
    """It settles a delivery where it succeeds at its endpoint; sent elsewhere or failing it changes nothing but the list."""
    failing = attempted(delivery(), attempt(START, why="first"), DOCUMENTED)
    later = START + timedelta(seconds=30)
    for status, url in ((500, None), (200, "http://localhost/other"), (410, None)):
        after = attempted(failing, attempt(later, status, "resend", url), DOCUMENTED)
        assert (after.state, after.next_at, len(after.attempts)) == ("failing", failing.next_at, 2)
    assert attempted(failing, attempt(later, 200, "resend"), DOCUMENTED).state == "delivered"
    again = attempted(attempted(failing, attempt(later, 200, "resend"), DOCUMENTED), attempt(later, 500, "replay"), DOCUMENTED)
    assert again.state == "delivered"


def test_a_delivery_is_read_as_it_was_written() -> None:
    """With its attempts."""
    one = attempted(delivery(), attempt(START, why="first")._replace(headers=(("x", "y"),)), DOCUMENTED)
    assert read(write(one)) == one
