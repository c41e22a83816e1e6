"""Small documents made in a test and played at once: no file but the one the test writes, no behaviour but the inferred one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.asgi import Client
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

Json = dict[str, Any]


def content(schema: Any, media: str = "application/json") -> Json:
    """What is declared for one media type."""
    return {media: {"schema": schema}}


def answer(status: int, schema: Any = None, **more: Any) -> Json:
    """One declared response."""
    return {str(status): {"description": "An answer", **({} if schema is None else {"content": content(schema)}), **more}}


def takes(schema: Any, media: str = "application/json") -> Json:
    """A declared body."""
    return {"requestBody": {"required": True, "content": content(schema, media)}}


def things(record: Any, **paths: Any) -> Json:
    """A document with a collection of things of this schema; `paths` are joined to its paths and replace them."""
    one = {"parameters": [{"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {
            "/things": {
                "get": {"responses": answer(200, {"type": "array", "items": record})},
                "post": {**takes(record), "responses": answer(201, record) | answer(400) | answer(409)},
            },
            "/things/{thing_id}": {
                **one,
                "get": {"responses": answer(200, record) | answer(404)},
                "patch": {**takes({"type": "object"}), "responses": answer(200, record) | answer(404) | answer(422)},
                "delete": {"responses": answer(204) | answer(404)},
            },
            **paths,
        },
    }


def thing(**properties: Any) -> Json:
    """A record's schema with a readOnly id."""
    return {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "readOnly": True}, "name": {"type": "string"}, **properties}}


def played(document: Json, folder: Path, **options: Any) -> Client:
    """A client of a document."""
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    return Client(App(open_theatre(Options(spec=str(path), **options))), {})
