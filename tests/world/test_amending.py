"""Values put into a YAML text: they are there, and nothing else is changed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from understudy.world.amending import Amendment, Unamended, amended

TEXT = """# head
a: 1  # one
b:
  c: two   # said
  d: {e: 3, f: [4,
       5]}
  # behind

g:
  - h
"""


@pytest.mark.parametrize(("path", "value", "line"), [
    (("a",), 2, "a: 2  # one; why"),
    (("b", "c"), "x", "  c: x   # said; why"),
    (("b", "new"), {"p": "q"}, "  new: {p: q}  # why"),
    (("z", "y", "x"), [1], "    x: [1]  # why"),
    (("b", "c"), "y: no", "  c: 'y: no'   # said; why"),
])  # fmt: skip
def test_a_line_is_changed_or_added_with_its_reason(path: tuple[str, ...], value: Any, line: str) -> None:
    """Where it belongs; every other line stays, comments too."""
    new = amended(TEXT, [Amendment(path, value, "why")])
    assert line in new.splitlines()
    kept = [one for one in TEXT.splitlines() if not one.strip().startswith(f"{path[-1]}:")]
    assert [one for one in new.splitlines() if one in kept] == kept


def test_within_braces_there_is_no_room_for_a_reason() -> None:
    """The value is put all the same."""
    new = amended(TEXT, [Amendment(("b", "d", "e"), 9, "why"), Amendment(("b", "d", "k"), True, "why")])
    assert yaml.safe_load(new)["b"]["d"] == {"e": 9, "f": [4, 5], "k": True}


def test_an_empty_text_and_an_empty_value_take_lines_too() -> None:
    """Nothing, a name without a value, an empty pair of braces."""
    assert amended("", [Amendment(("a", "b"), 1, "c")]) == "a:\n  b: 1  # c\n"
    assert yaml.safe_load(amended("a:\n", [Amendment(("a", "b"), 1, "c")])) == {"a": {"b": 1}}
    assert yaml.safe_load(amended("a: {}\n", [Amendment(("a", "b"), 1, "c")])) == {"a": {"b": 1}}


def test_what_cannot_be_put_is_said() -> None:
    """A text that is no mapping."""
    with pytest.raises(Unamended, match="by hand"):
        amended("- a\n", [Amendment(("b",), 1)])


NAMES = st.sampled_from(["a", "b", "c", "on", "1", "a b"])
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab:#{}'\" ", max_size=6), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=3), VALUES, st.booleans())
def test_any_value_at_any_place_is_read_again(data: dict[str, Any], path: list[str], value: Any, flow: bool) -> None:
    """Whatever stood there, in either style; or it is refused, and then nothing was written."""
    text = yaml.safe_dump(data, default_flow_style=flow)
    try:
        new = yaml.safe_load(amended(text, [Amendment(tuple(path), value, "why")]))
    except Unamended:
        return
    for name in path:
        new = new[name]
    assert new == value
