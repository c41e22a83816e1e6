"""Chance that is drawn: the same for the same seed, as often as said, never out of bounds."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.faults.drawing import seconds, strikes
from understudy.faults.fault import LONGEST, Delay, Fault

SEEDS = st.integers(0, 2**63)
NUMBERS = st.floats(0, LONGEST, allow_subnormal=False)


def struck(fault: Fault, seed: int, requests: int) -> list[int]:
    """Which of so many requests a fault strikes, from 1."""
    hits: list[int] = []
    for met in range(1, requests + 1):
        if strikes(fault, seed, met, len(hits)):
            hits.append(met)
    return hits


@given(SEEDS, st.integers(0, 20), st.integers(1, 20), st.floats(0, 1), st.integers(0, 60))
def test_a_fault_strikes_after_the_first_ones_and_at_most_its_times(seed: int, after: int, times: int, rate: float, requests: int) -> None:
    """Exactly, where nothing is left to chance."""
    fault = Fault("F1", after=after, times=times, rate=rate)
    hits = struck(fault, seed, requests)
    assert len(hits) <= times and all(hit > after for hit in hits)
    assert hits == struck(fault, seed, requests)
    if rate == 1:
        assert hits == list(range(after + 1, min(after + times, requests) + 1))
    if rate == 0:
        assert hits == []


@given(SEEDS, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_rate_strikes_all_that_a_lower_one_does(seed: int, one: float, other: float) -> None:
    """Raising it takes nothing away."""
    low, high = sorted((one, other))
    assert set(struck(Fault("F1", rate=low), seed, 50)) <= set(struck(Fault("F1", rate=high), seed, 50))


def test_a_rate_is_what_it_says() -> None:
    """Within what a fair coin does in ten thousand throws."""
    assert 2_800 < len(struck(Fault("F1", rate=0.3), 7, 10_000)) < 3_200
    assert struck(Fault("F1", rate=0.3), 7, 100) != struck(Fault("F2", rate=0.3), 7, 100) != struck(Fault("F2", rate=0.3), 8, 100)


@given(SEEDS, st.integers(1, 1000), st.sampled_from(("fixed", "uniform", "normal")), NUMBERS, NUMBERS)
def test_a_delay_is_never_negative_nor_longer_than_bearable(seed: int, met: int, shape: str, one: float, other: float) -> None:
    """And within its bounds where it has some."""
    low, high = sorted((one, other))
    drawn = seconds(Delay(shape, low, high), seed, "F1", met)
    assert 0 <= drawn <= LONGEST
    assert drawn == seconds(Delay(shape, low, high), seed, "F1", met)
    if shape == "uniform":
        assert low <= drawn <= max(high, low)


@pytest.mark.parametrize(("delay", "median", "high"), [
    (Delay("uniform", 1, 3), 2, 2.98), (Delay("normal", 2, 0.5), 2, 3.16), (Delay("lognormal", 0.1, 2), 0.1, 2), (Delay("lognormal", 1, 1), 1, 1),
])  # fmt: skip
def test_a_distribution_has_the_percentiles_it_names(delay: Delay, median: float, high: float) -> None:
    """The median and the 99th percentile of twenty thousand."""
    drawn = [seconds(delay, 1, "F1", met) for met in range(20_000)]
    cut = statistics.quantiles(drawn, n=100)
    assert cut[49] == pytest.approx(median, rel=0.05) and cut[98] == pytest.approx(high, rel=0.1)
