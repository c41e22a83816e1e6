"""Faults given when a server starts: as JSON, as a file of one or many, refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.asgi import Client
from understudy.server.app import App
from understudy.server.given import faults
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.faulting import aimed, arm

ONE = {"operation": "GET *", "status": 503}


@pytest.mark.parametrize(("text", "rows"), [
    ('{"operation": "GET *", "status": 503}', [ONE]), (' [{"operation": "GET *", "status": 503}, {"delay": 1}]', [ONE, {"delay": 1}]), ("[]", []),
])  # fmt: skip
def test_json_is_one_fault_or_a_list(text: str, rows: list[Any]) -> None:
    """As it stands in the shell."""
    assert faults(text) == rows


@pytest.mark.parametrize("text", ["operation: GET *\nstatus: 503\n", "- {operation: GET *, status: 503}\n", '{"faults": [{"operation": "GET *", "status": 503}]}'])
def test_a_file_holds_one_a_list_or_what_the_control_plane_printed(tmp_path: Path, text: str) -> None:
    """YAML or JSON."""
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    assert faults(str(file)) == [ONE]


@pytest.mark.parametrize("text", ["{", "[1]", '{"faults": 5}', "/nowhere/faults.yaml", "[" * 100_000])
def test_what_is_none_is_refused(text: str) -> None:
    """With the option's name."""
    with pytest.raises(ValueError, match=r"^--fault "):
        faults(text)


def test_every_world_begins_with_them() -> None:
    """Also after a reset; each counts for itself."""
    call = Client(App(open_theatre(Options(faults=({**ONE, "times": 1},)))))
    for world in ("default", "other", "default"):
        statuses = [call.get("/v1/customers", headers={"Understudy-World": world}).status for _ in range(2)]
        assert statuses == [503, 200]
        call.post("/_understudy/reset", headers={"Understudy-World": world})


def test_one_that_cannot_be_is_told_before_anything_is_served() -> None:
    """Which of them, and why."""
    with pytest.raises(ValueError, match=r"^fault 2 of those given: status: must be"):
        open_theatre(Options(faults=(ONE, {"status": 5})))


def test_what_is_aimed_at_is_found_anew_when_the_documents_change(bundled: Theatre) -> None:
    """A world that is played by another script keeps its faults."""
    world = bundled.worlds.prepared.fork("changing")
    arm(bundled.script, world, ONE)
    before = aimed(bundled.script, world)
    world.restage(bundled.worlds.prepared, bundled.worlds.prepared, alike=True)
    assert world.aim is None and aimed(bundled.script, world) == before
