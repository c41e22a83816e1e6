"""The document's callbacks: sent to the URL a request names, once, when it was answered; retried as any delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from support.receiving import Receiver, answering
from support.telling import Control, play
from understudy.durations import parse_instant
from understudy.theatre import Options, Theatre, open_theatre

JOB = {"type": "object", "required": ["callback_url"], "properties": {
    "id": {"type": "string", "readOnly": True}, "callback_url": {"type": "string"}, "size": {"type": "integer"}}}  # fmt: skip
TOLD = {"type": "object", "required": ["id", "progress"], "additionalProperties": False, "properties": {
    "id": {"type": "string"}, "progress": {"type": "integer", "minimum": 7}, "size": {"type": "integer"}}}  # fmt: skip
JSON = "application/json"
SPEC: dict[str, Any] = {
    "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
    "paths": {
        "/jobs": {
            "get": {"responses": {"200": {"description": "all", "content": {JSON: {"schema": {"type": "array", "items": JOB}}}}}},
            "post": {
                "requestBody": {"content": {JSON: {"schema": JOB}}},
                "responses": {"201": {"description": "made", "content": {JSON: {"schema": JOB}}}},
                "callbacks": {"done": {"$ref": "#/components/callbacks/done"}, "x": {"{$request.query.none}": {"post": {"responses": {}}}}},
            },
        },
        "/jobs/{id}": {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                       "get": {"responses": {"200": {"description": "one", "content": {JSON: {"schema": JOB}}}}}},
    },
    "components": {"callbacks": {"done": {"{$request.body#/callback_url}?job={$response.body#/id}": {
        "put": {"requestBody": {"content": {JSON: {"schema": TOLD}}}, "responses": {"200": {"description": "ok"}}}}}}},
}  # fmt: skip


@pytest.fixture
def sandbox(tmp_path: Path) -> Theatre:
    """A document with a callback and no behaviour file."""
    path = tmp_path / "jobs.json"
    path.write_bytes(orjson.dumps(SPEC))
    return open_theatre(Options(spec=str(path), now=parse_instant("2025-05-06T10:30:00Z")))


def test_a_callback_goes_where_the_request_says(sandbox: Theatre) -> None:
    """With its own method, in the shape the document gives it; until it is taken."""

    async def story(call: Control, one: Receiver) -> None:
        made = await call("POST", "/jobs", {"callback_url": one.url, "size": 3})
        await call.rest()
        await call.control("POST", "/clock", {"advance": "PT5S"})
        assert [(got.method, got.target) for got in one.received] == [("PUT", f"/hooks?job={made['id']}")] * 2
        assert one.received[0].json == {"id": made["id"], "progress": 7, "size": 3}
        (delivery,) = (await call.control("GET", "/deliveries"))["deliveries"]
        assert (delivery["type"], delivery["state"]) == ("done", "delivered")
        assert [row["kind"] for row in (await call.control("GET", "/endpoints"))["endpoints"]] == ["callback"]

    play(sandbox, story, answering(500))


def test_a_callback_to_a_place_that_is_not_allowed_is_not_sent(sandbox: Theatre) -> None:
    """And says so in its attempt."""

    async def story(call: Control, one: Receiver) -> None:
        await call("POST", "/jobs", {"callback_url": "http://internal.example/"})
        await call.rest()
        (delivery,) = (await call.control("GET", "/deliveries"))["deliveries"]
        assert "--allow-host internal.example" in delivery["attempts"][0]["error"]
        await call("GET", "/jobs")

    play(sandbox, story)


def test_callbacks_are_lines_of_what_is_understood(sandbox: Theatre) -> None:
    """Never guess in silence."""
    notes = [note for note in sandbox.script.behaviour.notes if note.subject == "POST /jobs" and "done" in note.finding]
    assert [note.convention for note in notes] == ["the operation's callbacks"]
