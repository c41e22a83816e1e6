"""What a person types for an event's data, and lines about deliveries."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from understudy.server import painting
from understudy.server.given import Misgiven, secrets
from understudy.server.hooking import _settled, data


class TestData:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (['{"a": {"b": 1}}'], {"a": {"b": 1}}),
            (["[1]"], [1]),
            (["a=b"], {"a": "b"}),
            (["a=1", "b=true", "c=null", 'd="1"', "e=", 'f={"g": [2]}'], {"a": 1, "b": True, "c": None, "d": "1", "e": "", "f": {"g": [2]}}),
            (["a.b=x", "a.c=y=z"], {"a": {"b": "x", "c": "y=z"}}),
            (["a=2025-05-06"], {"a": "2025-05-06"}),
        ],
    )
    def test_it_is_json_or_fields(self, words: list[str], expected: Any) -> None:
        """A value that is JSON is taken as such, anything else as text; dots go within."""
        assert data(words) == expected

    def test_it_may_be_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Or what comes in through a pipe."""
        (tmp_path / "a.json").write_text('{"a": 1}')
        assert data([f"@{tmp_path}/a.json"]) == {"a": 1}
        monkeypatch.setattr("sys.stdin", io.StringIO('{"b": 2}'))
        assert data(["@-"]) == {"b": 2}

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["a"], "--data a: write JSON, @FILE, or KEY=VALUE"),
            (["=1"], "write JSON, @FILE, or KEY=VALUE"),
            (['{"a": '], "--data: not JSON: Expecting value"),
            (["a=1", "a.b=2"], "a has a value of its own already"),
            (["@nowhere.json"], "--data @nowhere.json: No such file"),
        ],
    )
    def test_what_is_none_says_what_would_be(self, words: list[str], said: str) -> None:
        """Before anything is sent."""
        with pytest.raises(Misgiven) as refused:
            data(words)
        assert said in str(refused.value)


class TestFollowing:
    @pytest.mark.parametrize(
        ("states", "expected"),
        [("ddd", None), ("d" * 1000, None), ("d" * 1003, "2"), ("dfd" + "d" * 1003, "0"), ("f" + "d" * 2000, None), ("", None)],
    )
    def test_what_is_settled_and_long_past_is_not_asked_for_again(self, states: str, expected: str | None) -> None:
        """All before it must be settled too; the last page is always looked at."""
        found = [{"id": str(place), "state": {"d": "delivered", "f": "failing"}[state]} for place, state in enumerate(states)]
        assert _settled(found) == expected


class TestSecrets:
    def test_they_are_lines_the_newest_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a file or of a variable; lines of remarks are none."""
        (tmp_path / "secrets").write_text("# invented\nnew\n\nold\n")
        monkeypatch.setenv("BOTH", "new\nold")
        monkeypatch.delenv("UNDERSTUDY_WEBHOOK_SECRET", raising=False)
        assert secrets(f"file:{tmp_path}/secrets") == secrets("env:BOTH") == ("new", "old")
        assert secrets(None) == ()
        monkeypatch.setenv("UNDERSTUDY_WEBHOOK_SECRET", "mine")
        assert secrets(None) == ("mine",)

    def test_an_empty_one_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Said by where it is not."""
        monkeypatch.setenv("EMPTY", "\n# nothing\n")
        with pytest.raises(Misgiven, match="env:EMPTY: there is no secret in it"):
            secrets("env:EMPTY")


class TestColours:
    @pytest.mark.parametrize(("variables", "terminal", "expected"), [({}, True, True), ({"NO_COLOR": "1"}, True, False), ({"NO_COLOR": ""}, True, True), ({}, False, False), ({"TERM": "dumb"}, True, False)])
    def test_they_are_for_terminals_of_people_who_want_them(self, variables: dict[str, str], terminal: bool, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """no-color.org: any text that is not empty asks for none."""
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda: terminal)
        assert painting.in_colour(stream) is expected
        assert painting.paint("x", "green", expected) == ("\x1b[32mx\x1b[0m" if expected else "x")

    def test_text_from_outside_cannot_steer_a_terminal(self) -> None:
        """Signs that are not printable are written out, long texts cut."""
        assert painting.printable("a\x1b[2J\u202e\n") == "a\\x1b[2J\\u202e\\n"
        assert painting.printable("x" * 300) == "x" * 200 + "…"
