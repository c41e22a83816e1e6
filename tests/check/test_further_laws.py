"""Laws of expansions, cursors, tags, other worlds, the clock and what is the server's: each finds its bug, in the stand-in of a small document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from check.desk import HOME, SPEC, checked, desk, told
from understudy.check.judging import UNIVERSAL
from understudy.check.laws.catalogue import HELD, LEFT_OUT
from understudy.check.opening import read_api, stand_in
from understudy.check.reports import Context, console
from understudy.check.running import LAWS, Choice, Options, Report, Run
from understudy.cli import main
from understudy.theatre import Options as Playing

PETSTORE = str(HOME.parents[1] / "openapi" / "petstore.yaml")
TAGGED = """
openapi: 3.1.0
info: {title: Notes, version: "1"}
paths:
  /notes:
    get:
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses: {"200": {description: all, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Note"}}}}}}
    post:
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Note"}}}}
      responses: {"201": {description: made, headers: {ETag: {required: true, schema: {type: string}}}, content: {application/json: {schema: {$ref: "#/components/schemas/Note"}}}}}
  /notes/{note_id}:
    parameters: [{name: note_id, in: path, required: true, schema: {type: string}}]
    get:
      parameters: [{name: If-None-Match, in: header, schema: {type: string}}]
      responses:
        "200": {description: it, headers: {ETag: {schema: {type: string}}}, content: {application/json: {schema: {$ref: "#/components/schemas/Note"}}}}
        "304": {description: as it was, headers: {ETag: {schema: {type: string}}}}
        "404": {description: none, content: {application/json: {schema: {type: object}}}}
    patch:
      parameters: [{name: If-Match, in: header, schema: {type: string}}]
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Note"}}}}
      responses:
        "200": {description: it, headers: {ETag: {schema: {type: string}}}, content: {application/json: {schema: {$ref: "#/components/schemas/Note"}}}}
        "404": {description: none, content: {application/json: {schema: {type: object}}}}
        "412": {description: changed meanwhile, content: {application/json: {schema: {type: object}}}}
components:
  schemas:
    Note:
      type: object
      required: [text]
      properties: {id: {type: string, readOnly: true}, text: {type: string, maxLength: 80}, created_at: {type: string, format: date-time, readOnly: true}}
"""
Message = dict[str, Any]
Change = Callable[[Message, Message], None]


def run(spec: str, *laws: str, coming: Change = lambda scope, _: None, going: Change = lambda scope, _: None) -> Report:
    """Some laws over the stand-in of a document, whose requests and answers are changed on the way."""
    api, (_, target) = read_api(spec), stand_in(Playing(spec=spec))
    inner = target.app

    async def changed(scope: Message, receive: Any, send: Any) -> None:
        async def sent(message: Message) -> None:
            going(scope, message)
            await send(message)

        coming(scope, {})
        await inner(scope, receive, sent)

    target.app = changed
    try:
        return Run(api, target, Options(1, choice=Choice(laws=laws), credentials={"other": target.beside({})}, shrink=False)).all()
    finally:
        target.close()


@pytest.fixture
def notes(tmp_path: Path) -> str:
    """A document with tags."""
    (tmp_path / "notes.yaml").write_text(TAGGED, encoding="utf-8")
    return str(tmp_path / "notes.yaml")


NEW = ("tags stay", "lost updates", "what is the server's", "other worlds", "the clock", "refusals alike", "unknown parameters")


def test_nothing_is_found_where_nothing_is_wrong(notes: str) -> None:
    """The stand-in keeps them, and each was looked at."""
    report = run(notes, *NEW)
    assert told(report) == []
    assert {law for law, _ in report.judged} >= set(NEW)


def without(name: bytes) -> Change:
    """Requests lose a header."""
    def change(scope: Message, _: Message) -> None:
        scope["headers"] = [one for one in scope["headers"] if one[0] != name]
    return change


def another_world(scope: Message, _: Message) -> None:
    """Every request goes to one world."""
    without(b"understudy-world")(scope, _)


def no_tag(scope: Message, message: Message) -> None:
    """A create answers without its tag."""
    if scope["method"] == "POST" and message["type"] == "http.response.start":
        message["headers"] = [one for one in message["headers"] if one[0].lower() != b"etag"]


def still(scope: Message, _: Message) -> None:
    """The clock cannot be turned: who tries is told that it was."""
    if scope["path"] == "/_understudy/clock":
        scope.update(method="GET")


@pytest.mark.parametrize(("law", "coming", "going", "says"), [
    ("lost updates", without(b"if-match"), None, "a change under an old ETag is answered 200"),
    ("tags stay", without(b"if-none-match"), None, "If-None-Match with the record's own ETag is answered 200"),
    ("other worlds", another_world, None, "retrieve of another world's record is answered 200"),
    ("the clock", still, None, "created_at is the same though the clock was turned"),
    ("tags stay", None, no_tag, "etag is required of this answer, and missing"),
])
def test_each_finds_its_bug(law: str, coming: Change | None, going: Change | None, says: str, notes: str) -> None:
    """Where the stand-in's requests or answers are changed on the way."""
    nothing: Change = lambda scope, _: None  # noqa: E731
    assert any(says in one for one in told(run(notes, law, coming=coming or nothing, going=going or nothing)))


def test_what_is_the_servers_and_is_taken_is_found(notes: str) -> None:
    """An implementation that merges whatever a client sends."""
    stored: dict[str, Message] = {}

    async def merging(scope: Message, receive: Any, send: Any) -> None:
        body = json.loads((await receive()).get("body") or b"{}")
        id = scope["path"].rpartition("/")[2]
        if scope["method"] == "POST":
            id = f"n{len(stored)}"
            stored[id] = {"id": id, "created_at": "2025-01-01T00:00:00Z", **body}
        elif scope["method"] == "PATCH":
            stored[id].update(body)
        value = json.dumps(stored.get(id, {})).encode()
        await send({"type": "http.response.start", "status": 201 if scope["method"] == "POST" else 200, "headers": [(b"content-type", b"application/json"), (b"etag", b"x")]})
        await send({"type": "http.response.body", "body": value})

    merging.reset = stored.clear  # type: ignore[attr-defined]
    assert any("created_at is the server's, and an update set it" in one for one in told(checked(merging, notes, "what is the server's")))


def test_another_worlds_key_is_in_no_script_nor_report(notes: str) -> None:
    """It is asked for, as the first one is."""
    report = run(notes, "other worlds", coming=another_world)
    good, other = {"authorization": "Bearer s3cret-one"}, {"authorization": "Bearer s3cret-two"}
    text = console(report, Context("http://localhost:1", {"good": good, "other": other}))
    assert "s3cret" not in text
    assert "$OTHER_KEY" in text
    assert "$API_KEY" in text


def test_the_desk_keeps_them_too() -> None:
    """An implementation of its own, with a behaviour file."""
    assert told(checked(desk(), SPEC, *NEW, "foreign cursors")) == []


def test_what_is_known_of_apis_is_looked_at_or_left_out_for_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Every law stands in the table, every name in the table is a law; what is left out is told."""
    named = {law for laws in HELD.values() for law in laws}
    assert named == {law.name for law in LAWS} | set(UNIVERSAL)
    assert all(LEFT_OUT.values())
    assert main(["check", "--list-laws"]) == 0
    said = capsys.readouterr().out
    assert "left out" in said
    assert "other worlds" in said
