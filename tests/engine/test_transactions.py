"""What a transaction finds among the records it has written itself: few are looked through, many found by an index."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inline import thing, things
from understudy.engine.transaction import Transaction
from understudy.theatre import Options, open_theatre

HUE = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Begins a transaction over an empty world of things."""
    path: Path = tmp_path_factory.mktemp("things") / "document.json"
    path.write_text(json.dumps(things(thing(hue=HUE))), encoding="utf-8")
    script = open_theatre(Options(spec=str(path))).script

    class Empty:
        def get(self, resource: str, id: str) -> bytes | None:
            return None

        def find(self, resource: str, field: str, value: Any) -> list[str]:
            return []

    numbers = iter(range(10**9))
    return lambda: Transaction(Empty(), script.kind, {}, now=datetime(2025, 5, 6, tzinfo=UTC), ids=lambda *_: f"id_{next(numbers)}", settings={})


_HUES = st.sampled_from(["red", "blue", 7, None, ["red"]])
_STEPS = st.lists(st.tuples(st.sampled_from(["create", "update", "delete", "find"]), st.integers(0, 60), _HUES), min_size=40, max_size=120)


@settings(max_examples=60, deadline=None, database=None)
@given(_STEPS)
def test_what_was_written_is_found_whatever_came_between(begin: Any, steps: list[tuple[str, int, Any]]) -> None:
    """Created, changed, deleted, in any order: the same as looking at every record; and nothing of what was only tried."""
    tx = begin()
    model: dict[str, Any] = {}
    for what, which, hue in [("create", 0, "red")] * 35 + steps:
        known = list(model)
        if what == "create":
            model[tx.create("thing", {"name": "one", "hue": hue})["id"]] = hue
        elif what == "update" and known:
            id = known[which % len(known)]
            model[id] = tx.update("thing", id, {"hue": hue})["hue"]
        elif what == "delete" and known:
            del model[tx.delete("thing", known[which % len(known)])["id"]]
        assert {one["id"] for one in tx.find("thing", hue=hue)} == {id for id, had in model.items() if had == hue}
        with tx.tried():
            tx.create("thing", {"name": "tried", "hue": hue})
            assert len(tx.find("thing", name="tried")) == 1
        assert tx.find("thing", name="tried") == []
    assert set(model) == {id for _, id in tx.changes} and (None, None) not in tx.changes.values()
