"""Small documents for tests, said in a few words: paths, schemas, and a contract of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.behaviour.inference import infer
from understudy.behaviour.model import Behaviour, Lists
from understudy.contract.contract import Contract

ID = {"id": {"type": "string"}}
WIDGET: dict[str, Any] = {"type": "object", "properties": {**ID, "name": {"type": "string"}}}
STRING = {"type": "string"}


def answer(schema: Any, status: str = "200", **more: Any) -> dict[str, Any]:
    """An operation that answers a JSON value of this schema; None: it answers nothing."""
    content = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {"responses": {status: {"description": "", **content, **more}}}


def taking(body: Any, schema: Any = None, status: str = "200") -> dict[str, Any]:
    """An operation with a JSON body."""
    return {**answer(schema, status), "requestBody": {"content": {"application/json": {"schema": body}}}}


def query(*names: str, **schemas: Any) -> list[dict[str, Any]]:
    """Query parameters: strings by name, or with a schema."""
    plain = [{"name": name, "in": "query", "schema": STRING} for name in names]
    return plain + [{"name": name, "in": "query", "schema": schema} for name, schema in schemas.items()]


def rows(schema: Any, prop: str = "data", **siblings: Any) -> dict[str, Any]:
    """The schema of an envelope around an array."""
    return {"type": "object", "properties": {prop: {"type": "array", "items": schema}, **siblings}}


def document(paths: Mapping[str, Any], **components: Any) -> dict[str, Any]:
    """A whole document of these paths; components are schemas."""
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": dict(paths), "components": {"schemas": components}}


def contract(paths: Mapping[str, Any], webhooks: Mapping[str, Any] | None = None, **components: Any) -> Contract:
    """The contract of a document of these paths."""
    whole = document(paths, **components)
    return Contract.of([("understudy:test", {**whole, "webhooks": webhooks} if webhooks else whole)])


def inferred(paths: Mapping[str, Any], **components: Any) -> Behaviour:
    """What is inferred of a document of these paths."""
    return infer(contract(paths, **components))


def crud(record: Any = WIDGET, path: str = "/widgets", parameter: str = "id", envelope: Any = None, parameters: Any = ()) -> dict[str, Any]:
    """The six usual operations on one collection."""
    listing = {**answer(envelope or rows(record)), "parameters": list(parameters)}
    item = f"{path}/{{{parameter}}}"
    return {
        path: {"get": listing, "post": taking(record, record, "201")},
        item: {
            "parameters": [{"name": parameter, "in": "path", "required": True, "schema": STRING}],
            "get": answer(record),
            "patch": taking(record, record),
            "delete": answer(None, "204"),
        },
    }


def acting(path: str, *verbs: str) -> dict[str, Any]:
    """A POST after an item for each verb."""
    return {f"{path}/{verb}": {"post": answer(None, "204")} for verb in verbs}


def lists_of(behaviour: Behaviour, name: str = "widget") -> Lists:
    """How a resource's list works."""
    lists = behaviour.resources[name].lists
    assert lists is not None
    return lists


def said(behaviour: Behaviour, subject: str) -> str:
    """Everything noted about a subject, as one text."""
    return "\n".join(f"{note.finding} ({note.convention})" for note in behaviour.notes if note.subject == subject)
