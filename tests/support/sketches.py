"""Small documents said in a few words, and a client of what is played of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.asgi import Client
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "integer"}


def shape(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def some(schema: Any) -> dict[str, Any]:
    """The schema of an array."""
    return {"type": "array", "items": schema}


def answer(schema: Any = None, status: str = "200", kind: str = "application/json", headers: Any = None, body: Any = None, query: Any = None, **more: Any) -> dict[str, Any]:
    """An operation: what it answers, the schema of the body it takes, its query parameters by name."""
    content = {} if schema is None else {"content": {kind: {"schema": schema}}}
    response = {"description": "", **content, **({"headers": headers} if headers else {})}
    missing = {"404": {"description": "", "content": {"application/json": {"schema": shape(message=TEXT)}}}}
    taken = {} if body is None else {"requestBody": body if "content" in body else {"content": {"application/json": {"schema": body}}}}
    asked = [{"name": name, "in": "query", "schema": one} for name, one in (query or {}).items()]
    return {"parameters": asked, "responses": {status: response, **missing}, **taken, **more}


def collection(path: str, record: Any, listed: Any = None, query: Any = None, parameter: str = "id", body: Any = None, headers: Any = None) -> dict[str, Any]:
    """The path items of a collection: list, create, read, change, replace, delete."""
    sent = body or record
    placed = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in path.replace("}", "{").split("{")[1::2]]
    own = {"name": parameter, "in": "path", "required": True, "schema": TEXT}
    return {
        path: {"parameters": placed, "get": answer(listed or some(record), query=query, headers=headers), "post": answer(record, "201", body=sent)},
        f"{path}/{{{parameter}}}": {
            "parameters": [*placed, own], "get": answer(record), "patch": answer(record, body={**sent, "required": []} if "properties" in sent else sent),
            "put": answer(record, body=sent), "delete": answer(status="204"),
        },
    }  # fmt: skip


def played(folder: Path, paths: Any, version: str = "3.1.0", **more: Any) -> Client:
    """A client of a document of these paths, without keys. `more` are further parts of the document."""
    document = {"openapi": version, "info": {"title": "made", "version": "1"}, "paths": paths, **more}
    spec = folder / "made.json"
    spec.write_text(json.dumps(document))
    return Client(App(open_theatre(Options(spec=str(spec), open=True))), {})
