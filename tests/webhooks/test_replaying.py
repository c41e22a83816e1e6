"""The plan of a replay, and its verdicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.webhooks.recording import LEFT_OUT, Recorded
from understudy.webhooks.replaying import (
    VERDICTS,
    Options,
    Result,
    Send,
    difference,
    dropped,
    headers_of,
    judged,
    plan,
    summary,
    told,
    verdict,
)
from understudy.webhooks.retrying import Answer
from understudy.webhooks.signing import PROFILES

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
PROBABILITY = st.floats(0, 1)
OPTIONS = st.builds(Options, PROBABILITY, PROBABILITY, st.integers(0, 6), st.booleans(), st.booleans(), st.integers(0, 99))


def series(count: int) -> list[Recorded]:
    """Deliveries ten seconds apart, each taken."""
    return [Recorded(NOW + timedelta(seconds=10 * place), "POST", "/", {}, b"{}", status=200, id=f"m{place}", type="a") for place in range(count)]


def lines(count: int, **options: Any) -> list[int]:
    """Which deliveries are sent, in order."""
    return [send.line for send in plan(series(count), Options(**options))]


class TestPlan:
    def test_without_options_it_is_the_series(self) -> None:
        """Each once, in order, at once."""
        assert lines(5) == [1, 2, 3, 4, 5]
        assert {send.after for send in plan(series(5), Options())} == {0.0}

    @settings(deadline=None)
    @given(st.integers(0, 20), OPTIONS)
    def test_it_is_a_function_of_series_options_and_seed(self, count: int, options: Options) -> None:
        """Nothing of it is chance."""
        assert plan(series(count), options) == plan(series(count), options)

    @settings(deadline=None)
    @given(st.integers(0, 30), OPTIONS)
    def test_nothing_comes_more_than_twice_and_what_is_left_out_is_told(self, count: int, options: Options) -> None:
        """Every delivery is sent, or named as dropped; the second sending of one is marked."""
        deliveries = series(count)
        sends = plan(deliveries, options)
        counts = Counter(send.line for send in sends)
        assert set(counts.values()) <= {1, 2}
        assert sorted([*counts, *dropped(deliveries, sends)]) == list(range(1, count + 1))
        assert [send.number for send in sends] == list(range(1, len(sends) + 1))
        assert Counter(send.line for send in sends if send.again) == {line: 1 for line, times in counts.items() if times == 2}

    @settings(deadline=None)
    @given(st.integers(1, 40), st.integers(0, 8), st.integers(0, 50))
    def test_a_shuffle_moves_nothing_further_than_asked(self, count: int, window: int, seed: int) -> None:
        """Each keeps within its window of places."""
        moved = lines(count, shuffle=window, seed=seed)
        assert sorted(moved) == list(range(1, count + 1))
        assert all(abs(place - line) <= window for place, line in enumerate(moved, 1))

    def test_a_shuffle_shuffles(self) -> None:
        """Some seed of a few changes the order; another changes it otherwise."""
        assert len({tuple(lines(6, shuffle=3, seed=seed)) for seed in range(9)}) > 3

    def test_probability_one_is_always_and_nought_never(self) -> None:
        """No draw reaches one."""
        assert lines(3, duplicate=1.0) == [1, 1, 2, 2, 3, 3]
        assert lines(3, drop=1.0) == []

    def test_a_probability_is_met_roughly(self) -> None:
        """A quarter of a thousand."""
        assert 200 < len(lines(1000, duplicate=0.25)) - 1000 < 300
        assert 700 < len(lines(1000, drop=0.25)) < 800

    def test_at_real_pace_the_times_stay_those_of_the_series(self) -> None:
        """The first at once, each later one as long after it as it was; shuffled, the times keep their order."""
        assert [send.after for send in plan(series(4), Options(real=True))] == [0.0, 10.0, 20.0, 30.0]
        assert [send.after for send in plan(series(4), Options(real=True, shuffle=3, seed=5))] == [0.0, 10.0, 20.0, 30.0]


class TestHeaders:
    def test_a_new_signature_takes_the_place_of_the_old(self) -> None:
        """What belongs to the old connection goes, what was left out of the recording too, the rest stays."""
        headers = {
            "host": "old", "content-length": "9", "content-type": "application/json", "webhook-signature": "v1,old", "webhook-timestamp": "1",
            "webhook-id": "m1", "authorization": LEFT_OUT, "x-more": "y",
        }  # fmt: skip
        send = Send(1, replace(series(1)[0], headers=headers), 1, 0.0)
        profile = PROFILES["standard-webhooks"]
        new = [("webhook-id", "m1"), ("webhook-timestamp", "2"), ("webhook-signature", "v1,new")]
        assert headers_of(send, profile, new) == [("content-type", "application/json"), ("x-more", "y"), *new]
        assert ("webhook-signature", "v1,old") in headers_of(send, profile, [])


class TestVerdicts:
    @pytest.mark.parametrize(
        ("before", "now", "expected"),
        [(True, True, "still passing"), (True, False, "regressed"), (False, True, "fixed"), (False, False, "still failing"), (None, True, "passing"), (None, False, "failing")],
    )
    def test_each_attempt_is_held_against_the_one_before(self, before: bool | None, now: bool, expected: str) -> None:
        """The whole table."""
        assert verdict(before, now) == expected
        assert expected in VERDICTS

    @pytest.mark.parametrize(("status", "good"), [(200, True), (204, True), (302, False), (400, False), (500, False), (None, False)])
    @pytest.mark.parametrize("before", [200, 500])
    def test_two_hundreds_are_taken_and_nothing_else(self, before: int, status: int | None, good: bool) -> None:
        """A redirect is not followed, so it is not taken."""
        delivery = replace(series(1)[0], status=before)
        assert judged(Send(1, delivery, 1, 0.0), Answer(status), {}).verdict == verdict(before == 200, good)

    def test_an_answer_that_breaks_off_is_none(self) -> None:
        """Its status was heard, its end was not."""
        assert judged(Send(1, series(1)[0], 1, 0.0), Answer(200, "the connection was closed"), {}).verdict == "regressed"

    @pytest.mark.parametrize(("status", "expected"), [(401, "still passing"), (400, "still passing"), (200, "regressed"), (500, "regressed"), (None, "regressed")])
    def test_a_stale_signature_is_to_be_refused(self, status: int | None, expected: str) -> None:
        """Taking it is the fault, falling over it too."""
        result = judged(Send(1, series(1)[0], 1, 0.0, stale=True), Answer(status), {})
        assert result.verdict == expected
        assert (result.reason is not None) is (status == 200)

    def test_a_duplicate_is_held_against_the_first_sending(self) -> None:
        """A second one that is refused is a regression; one after a failure repairs it."""
        again = Send(2, series(1)[0], 1, 0.0, again=True)
        assert judged(again, Answer(500), {1: True}) == Result(again, Answer(500), "regressed", "a duplicate was not taken")
        assert judged(again, Answer(200), {1: False}).verdict == "fixed"
        assert judged(again, Answer(200), {1: True}).verdict == "still passing"

    def test_a_duplicate_that_changes_the_state_is_a_regression_though_it_was_taken(self) -> None:
        """What was changed is said."""
        result = judged(Send(2, series(1)[0], 1, 0.0, again=True), Answer(200), {1: True}, "$.total: 1 -> 2")
        assert (result.verdict, result.reason) == ("regressed", "sent twice, it counted twice: $.total: 1 -> 2")


class TestDifference:
    @pytest.mark.parametrize(
        ("before", "now", "expected"),
        [
            ({"a": {"b": 1}}, {"a": {"b": 2}}, "$.a.b: 1 -> 2"),
            ({"a": 1}, {}, "$.a: 1 -> nothing"),
            ({}, {"a": None}, "$.a: nothing -> None"),
            ([1, 2], [1, 3], "$[1]: 2 -> 3"),
            ([1], [1, 1], "$: a list of 1 -> a list of 2"),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
            (1, True, "$: 1 -> True"),
            (0, 0.0, None),
            ("x" * 99, "", f"$: '{'x' * 59}… -> ''"),
        ],
    )
    def test_the_first_place_is_named(self, before: Any, now: Any, expected: str | None) -> None:
        """By its path; the order of properties means nothing."""
        assert difference(before, now) == expected

    @settings(deadline=None)
    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10))
    def test_equal_values_do_not_differ(self, value: Any) -> None:
        """Whatever they are."""
        assert difference(value, value) is None


class TestTold:
    def test_a_result_is_a_line_of_plain_values(self) -> None:
        """What was sent, how it went before, how now."""
        send = Send(2, series(1)[0], 1, 0.0, again=True)
        assert told(Result(send, Answer(None, "nothing listens there", 3), "regressed", "why")) == {
            "number": 2, "line": 1, "id": "m0", "type": "a", "again": True, "previous": {"status": 200},
            "now": {"error": "nothing listens there", "duration_ms": 3}, "verdict": "regressed", "reason": "why",
        }  # fmt: skip

    def test_the_sums_count_each_verdict(self) -> None:
        """The four verdicts always, those without an earlier attempt when there are any."""
        send = Send(1, series(1)[0], 1, 0.0)
        results = [Result(send, Answer(200), "fixed"), Result(send, Answer(200), "fixed"), Result(send, Answer(500), "failing")]
        assert summary(results, left_out=1, torn=2, complete=False) == {
            "sent": 3, "again": 0, "dropped": 1, "torn": 2, "fixed": 2, "regressed": 0, "still failing": 0, "still passing": 0, "failing": 1, "complete": False,
        }  # fmt: skip
