"""Buckets and runs: what they hold, and that a fork shares nothing that changes."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator

import pytest

from understudy.world import parts
from understudy.world.parts import Buckets, Run


@pytest.fixture(autouse=True, params=[4, 1024], ids=["tiny parts", "parts as built"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Parts small enough to split and vanish all the time, and as they are."""
    monkeypatch.setattr(parts, "SPAN", request.param)
    monkeypatch.setattr(parts, "BUCKET", min(request.param, parts.BUCKET))
    yield request.param


class TestBuckets:
    def test_what_was_put_in_last_is_what_comes_out(self) -> None:
        """A key has the value it was given last."""
        buckets: Buckets[str, int] = Buckets()
        for number in range(3_000):
            buckets.set(f"key {number % 1_000}", number)
        assert [buckets.get(f"key {number}") for number in range(1_000)] == list(range(2_000, 3_000))

    def test_what_was_never_there_or_was_taken_out_is_none(self) -> None:
        """Taking out what is not there does nothing."""
        buckets: Buckets[str, int] = Buckets()
        buckets.set("here", 1)
        buckets.discard("here")
        buckets.discard("nowhere")
        assert (buckets.get("here"), buckets.get("nowhere")) == (None, None)

    @pytest.mark.parametrize("step", [1, 1_000, 1 << 20, 1 << 40])
    def test_keys_whose_hashes_agree_in_their_low_bits_are_told_apart(self, step: int) -> None:
        """The spine does not grow without end to part keys that it cannot part."""
        buckets: Buckets[int, int] = Buckets()
        for number in range(2_000):
            buckets.set(number * step, number)
        assert [buckets.get(number * step) for number in range(2_000)] == list(range(2_000))
        assert len(buckets.spine) <= 8_000

    def test_neither_side_of_a_fork_sees_what_the_other_writes(self) -> None:
        """Both go on from the same contents."""
        one: Buckets[int, str] = Buckets()
        for number in range(500):
            one.set(number, "before")
        other = one.fork()
        for number in range(0, 1_000, 2):
            one.set(number, "one")
        for number in range(1, 500, 2):
            other.discard(number)
        assert [one.get(n) for n in (0, 1, 998)] == ["one", "before", "one"]
        assert [other.get(n) for n in (0, 1, 998)] == ["before", None, None]


class TestRun:
    def test_entries_are_in_order_whatever_the_order_they_came_in(self) -> None:
        """A run is sorted, and slices are by position."""
        entries = list(range(5_000))
        random.Random(1).shuffle(entries)
        run: Run[int] = Run()
        for entry in entries:
            run.add(entry)
        assert (list(run), len(run)) == (list(range(5_000)), 5_000)
        assert run[2_000:2_050] == list(range(2_000, 2_050))
        assert run[4_990:9_999] == list(range(4_990, 5_000))
        assert run[7:7] == []

    def test_adding_removing_and_slicing_agree_with_a_sorted_list(self) -> None:
        """Chunks split and vanish; nobody can tell."""
        source, run, model = random.Random(2), Run[int](), list[int]()
        for _ in range(6_000):
            entry = source.randrange(900)
            at = bisect_left(model, entry)
            if at < len(model) and model[at] == entry:
                run.remove(entry)
                del model[at]
            else:
                run.add(entry)
                model.insert(at, entry)
            start = source.randrange(len(model) + 1)
            assert run[start : start + 5] == model[start : start + 5]
            assert run.position(entry) == bisect_left(model, entry)
        assert list(run) == model

    def test_a_run_made_of_a_sorted_list_holds_it(self) -> None:
        """The way an index is filled."""
        run = Run(range(3_000))
        run.add(-1)
        assert (run[:3], run[2_998:], len(run)) == ([-1, 0, 1], [2_997, 2_998, 2_999], 3_001)

    def test_removing_what_is_not_there_is_a_key_error(self) -> None:
        """An index that would lose an entry says so."""
        with pytest.raises(KeyError):
            Run([1, 3]).remove(2)

    def test_an_emptied_run_can_be_filled_again(self) -> None:
        """The last part stays, empty."""
        run = Run([1, 2, 3])
        for entry in (1, 3, 2):
            run.remove(entry)
        run.add(5)
        assert (list(run), run.position(9), run[0:1]) == ([5], 1, [5])

    def test_neither_side_of_a_fork_sees_what_the_other_adds_or_removes(self) -> None:
        """Both go on from the same entries."""
        one = Run(range(0, 100, 2))
        other = one.fork()
        third = other.fork()
        one.add(1)
        other.remove(50)
        third.add(200)
        assert list(one) == sorted([*range(0, 100, 2), 1])
        assert list(other) == [entry for entry in range(0, 100, 2) if entry != 50]
        assert list(third) == [*range(0, 100, 2), 200]
