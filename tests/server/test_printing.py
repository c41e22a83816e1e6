"""The lines of the server: for people and for programs."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.asgi import Client
from understudy.faults.spoiling import Struck
from understudy.server.app import App
from understudy.server.painting import in_colour, waiting
from understudy.server.printing import FORMS, Printer
from understudy.theatre import Options, open_theatre
from understudy.world.stage import Turn
from understudy.world.world import Logged

WIDE = {"X-API-KEY": "key"}


class Kept:
    """An outlet that keeps what it is given."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def put(self, make: Callable[[], str]) -> None:
        """One line."""
        self.lines.append(make())


def watching(form: str, colour: bool = False, **options: Any) -> tuple[Client, list[str], Printer]:
    """A client of the bundled sandbox, the lines printed of it, and the printer."""
    sandbox = open_theatre(Options(**options))
    kept = Kept()
    printer = Printer(kept, FORMS[form], colour, wall=lambda: 1_700_000_000.5)  # type: ignore[arg-type]
    sandbox.stage.observe = printer.show
    return Client(App(sandbox), dict(WIDE)), kept.lines, printer


def test_a_request_is_a_line_with_the_reason_of_its_answer() -> None:
    """When, status, method and path in columns, then why; warnings below."""
    call, lines, _ = watching("text")
    call.get("/v1/customers")
    call.get("/v1/customers/none")
    at = time.strftime("%H:%M:%S", time.localtime(1_700_000_000))
    assert lines[0] == f"{at} 200 GET     /v1/customers                            0 of 0 customer"
    assert lines[1].startswith(f"{at} 404 GET     /v1/customers/none                       unknown_record: ")


def test_the_world_is_told_where_it_is_another_one() -> None:
    """And what was done to the answer on purpose."""
    call, lines, printer = watching("text")
    call.get("/v1/customers", headers={"Understudy-World": "b"})
    assert " [b] 0 of 0 customer" in lines[0]
    seen: list[tuple[Turn, Logged]] = []
    call.app.sandbox.stage.observe = lambda turn, entry: seen.append((turn, entry))
    call.get("/v1/customers")
    seen[0][0].struck = Struck(("latency",))
    printer.show(*seen[0])
    assert " [fault: latency] 0 of 0 customer" in lines[1]


def test_what_a_client_sends_cannot_steer_the_terminal() -> None:
    """Escapes are shown, not sent."""
    call, lines, _ = watching("text")
    call.get("/v1/customers?limit=\x1b[2J")
    call.get("/v1/customers?limit=%1B%5B2J%0A")
    assert all(line.isprintable() for line in lines), lines


def test_json_has_the_documented_fields() -> None:
    """One object a line; the fields are those that `serve --help` names, in that order."""
    call, lines, printer = watching("json", fixture="tutorial")
    call.get("/v1/customers?limit=1")
    call.get("/nowhere")
    first, second = map(json.loads, lines)
    assert first["ms"] >= 0 and first.pop("ms") is not None
    assert first == {
        "kind": "request", "time": "2023-11-14T22:13:20.500Z", "world": "default", "now": "2025-05-06T10:30:00Z", "number": first["number"],
        "method": "GET", "path": "/v1/customers", "query": "limit=1", "operation": "GET /v1/customers", "status": 200, "reason": "1 of 1 customer",
        "request_id": first["request_id"], "warnings": [], "fault": None,
    }  # fmt: skip
    assert second["operation"] is None and second["status"] == 404 and second["reason"].startswith("unknown_path")
    printer.tell("start", url="http://localhost:1", text="not for programs")
    assert json.loads(lines[2]) == {"kind": "start", "time": "2023-11-14T22:13:20.500Z", "url": "http://localhost:1"}


def test_a_path_that_is_no_text_is_a_line_too() -> None:
    """Half a surrogate pair is escaped."""
    call, lines, _ = watching("json")
    turn: list[Any] = []
    call.app.sandbox.stage.observe = lambda *seen: turn.extend(seen)
    call.get("/v1/customers")
    lines.append(FORMS["json"].request(False, 0.0, 0.0, turn[0], turn[1]._replace(target="/\ud800")))
    assert json.loads(lines[0])["path"] == "/\\ud800"


@pytest.mark.parametrize(("asked", "terminal", "environment", "coloured"), [
    ("auto", True, {}, True), ("auto", False, {}, False), ("auto", True, {"NO_COLOR": "1"}, False), ("auto", True, {"TERM": "dumb"}, False),
    ("always", False, {"NO_COLOR": "1"}, True), ("never", True, {}, False),
])  # fmt: skip
def test_colours_are_for_terminals_unless_asked_otherwise(asked: str, terminal: bool, environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--color`, then NO_COLOR (no-color.org), then whether it is a terminal."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    assert in_colour(stream, asked) is coloured


def test_a_status_is_painted_by_its_kind() -> None:
    """Green for what was taken, yellow for what was refused."""
    call, lines, _ = watching("text", colour=True)
    call.get("/v1/customers")
    call.get("/nowhere")
    assert "\x1b[32m200\x1b[0m" in lines[0] and "\x1b[33m404\x1b[0m" in lines[1]


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_being_done_is_told_to_a_terminal_alone(terminal: bool, tmp_path: Any) -> None:
    """Reading, playing, opening: in one line, which is taken away."""
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    tell, clear = waiting(stream)
    sandbox = open_theatre(Options(fixture="tutorial", data=str(tmp_path / "kept")), tell)
    clear()
    assert sandbox.folder is not None
    sandbox.folder.close()
    told = stream.getvalue()
    assert (told == "") is not terminal
    assert not terminal or ("playing the fixture tutorial" in told and "opening" in told and told.endswith("\r\x1b[K") and "\n" not in told)
