"""Log, rows and map: as list and dict, but for forking."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.world import layers
from understudy.world.layers import BLOCK, LayeredMap, Log, Rows


class TestLog:
    @pytest.mark.parametrize("length", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
    def test_a_log_reads_as_the_list_of_what_was_appended(self, length: int) -> None:
        """Also at the edges of its blocks."""
        log, model = Log(range(length)), list(range(length))
        assert (len(log), list(log), log[:], log[-3:], log[::2]) == (length, model, model, model[-3:], model[::2])
        assert [log[index] for index in range(length)] == model

    @given(st.integers(0, 40), st.integers(-50, 50), st.integers(-50, 50), st.sampled_from([1, 2, -1, -3]))
    def test_slices_are_those_of_a_list(self, length: int, start: int, stop: int, step: int) -> None:
        """Negative, crossed and far-off bounds included."""
        assert Log(range(length))[start:stop:step] == list(range(length))[start:stop:step]

    def test_append_answers_the_index(self) -> None:
        """So that the item can be found again."""
        log = Log("ab")
        assert (log.append("c"), log[2], log[-1]) == (2, "c", "c")

    @pytest.mark.parametrize("index", [2, -3, BLOCK])
    def test_an_index_beyond_the_end_is_an_index_error(self, index: int) -> None:
        """As for a list."""
        with pytest.raises(IndexError):
            Log("ab")[index]

    @pytest.mark.parametrize("start", [-1, 0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 9 * BLOCK])
    def test_since_gives_the_items_from_an_index_on(self, start: int) -> None:
        """What a reader has not seen yet."""
        assert list(Log(range(2 * BLOCK)).since(start)) == list(range(max(start, 0), 2 * BLOCK))

    def test_appending_does_not_disturb_one_who_reads(self) -> None:
        """A reader gets what there was when it began."""
        log = Log([1, 2])
        reader = log.since(0)
        log.append(3)
        assert list(reader) == [1, 2]

    def test_each_side_of_a_fork_goes_on_by_itself(self) -> None:
        """The items so far are common, the next ones are not."""
        one = Log(range(BLOCK + 3))
        other = one.fork()
        one.append(-1)
        other.append(-2)
        third = other.fork()
        other.append(-3)
        assert (one[BLOCK + 2 :], other[BLOCK + 2 :], third[BLOCK + 2 :]) == (
            [BLOCK + 2, -1],
            [BLOCK + 2, -2, -3],
            [BLOCK + 2, -2],
        )


class TestRows:
    def test_blocks_without_a_value_are_given_back(self) -> None:
        """However many were made and deleted, only living ones take room."""
        rows: Rows[str] = Rows()
        for serial in range(10 * BLOCK):
            rows.set(serial, "value")
            if serial >= 5:
                rows.clear(serial - 5)
        assert len(rows._spine) <= 2
        assert rows.many(range(10 * BLOCK - 5, 10 * BLOCK)) == ["value"] * 5

    def test_a_number_far_off_takes_one_block(self) -> None:
        """As a damaged file might hold one."""
        rows: Rows[str] = Rows()
        rows.set(10**15, "far")
        assert (rows.get(10**15), rows.get(10**15 - 1), rows.get(3), len(rows._spine)) == ("far", None, None, 1)


class TestLayeredMap:
    def test_keys_keep_the_order_in_which_they_came(self) -> None:
        """A new value leaves a key in its place; a key that comes again comes last."""
        held = LayeredMap([("b", 1), ("a", 2), ("c", 3)])
        held.set("b", 4)
        held.delete("a")
        held.set("a", 5)
        assert (list(held), held.items()) == (["b", "c", "a"], [("b", 4), ("c", 3), ("a", 5)])

    def test_a_missing_key_is_none_to_get_and_a_key_error_to_index_and_delete(self) -> None:
        """As for a dict."""
        held = LayeredMap([("a", 1)])
        assert (held.get("a"), held["a"], held.get("b"), "a" in held, "b" in held, len(held)) == (
            1,
            1,
            None,
            True,
            False,
            1,
        )
        for refused in (held.__getitem__, held.delete):
            with pytest.raises(KeyError):
                refused("b")

    def test_serial_numbers_are_never_used_twice(self) -> None:
        """Whoever kept a number finds that row or none."""
        held = LayeredMap([("a", 1)])
        gone = held.serial("a")
        held.delete("a")
        held.set("a", 2)
        assert (held.row(gone), held.row(held.serial("a"))) == (None, (2, "a", 2))

    @given(
        st.lists(
            st.tuples(st.sampled_from(["set", "delete", "fork", "swap"]), st.integers(0, 15), st.integers()),
            max_size=80,
        )
    )
    def test_it_agrees_with_a_dict_across_forks(self, steps: list[tuple[str, int, int]]) -> None:
        """Any mixture of writes, forks, and going on with either side."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(layers, "_SHIFT", 2)
            patched.setattr(layers, "_WITHIN", 3)
            sides: list[tuple[LayeredMap[int, int], dict[int, int]]] = [(LayeredMap(), {})]
            for verb, key, value in steps:
                held, model = sides[-1]
                if verb == "set":
                    held.set(key, value)
                    model[key] = value
                elif verb == "delete" and key in model:
                    held.delete(key)
                    del model[key]
                elif verb == "fork":
                    sides.append((held.fork(), dict(model)))
                elif verb == "swap":
                    sides.insert(0, sides.pop())
            for held, model in sides:
                assert held.items() == list(model.items())
                assert {key: held.get(key) for key in range(16)} == {key: model.get(key) for key in range(16)}

    def test_a_fork_keeps_nothing_of_the_other_side_alive(self) -> None:
        """What one side alone holds goes when that side goes, at once."""

        class Value:
            pass

        one: LayeredMap[str, Value] = LayeredMap([("common", Value())])
        other = one.fork()
        own = Value()
        watched = weakref.ref(own)
        one.set("own", own)
        gc.disable()
        try:
            del own, one
            assert watched() is None
        finally:
            gc.enable()
        assert list(other) == ["common"]
