"""Small documents for the tests of the contract, and ways to ask them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from understudy.contract.contract import Accepted, Contract
from understudy.contract.values import Schema
from understudy.problems import Problem

URI = "file:///made.yaml"
JSON = [(b"content-type", b"application/json")]


def document(paths: Any = None, schemas: Any = None, version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    """A document with some paths and component schemas."""
    made = {"openapi": version, "info": {"title": "made", "version": "1"}, "paths": paths or {}, **more}
    if schemas is not None:
        made.setdefault("components", {})["schemas"] = schemas
    return made


def contract(paths: Any = None, schemas: Any = None, version: str = "3.1.0", *, strict: Any = False, **more: Any) -> Contract:
    """A contract of one such document."""
    return Contract.of([(URI, document(paths, schemas, version, **more))], strict=strict)


def operation(parameters: Any = None, body: Any = None, method: str = "post", path: str = "/x", **more: Any) -> dict[str, Any]:
    """Paths with a single operation; `body` is a schema, or a whole requestBody when it has `content`."""
    made: dict[str, Any] = {"responses": {"200": {"description": "fine"}}}
    if parameters is not None:
        made["parameters"] = parameters
    if body is not None:
        is_body = isinstance(body, dict) and "content" in body
        made["requestBody"] = body if is_body else {"required": True, "content": {"application/json": {"schema": body}}}
    return {path: {method: {**made, **more}}}


def send(
    asked: Contract, method: str = "POST", path: str = "/x", query: bytes = b"", headers: Any = None, body: Any = b""
) -> Accepted:
    """What the contract makes of a request; a body that is not bytes is sent as JSON."""
    if not isinstance(body, bytes):
        body, headers = orjson.dumps(body), JSON if headers is None else headers
    found, path_params = asked.match(method, path)
    return asked.accept(found, path_params, query, headers or [], body)


def refused(asked: Contract, *args: Any, **request: Any) -> Problem:
    """The problem a request is refused with."""
    with pytest.raises(Problem) as raised:
        send(asked, *args, **request)
    return raised.value


def schema(asked: Contract, name: str) -> Schema:
    """A component schema."""
    address = f"{URI}#/components/schemas/{name}"
    return Schema(address, asked.documents.at(address))


def only(value: Any, version: str = "3.1.0", others: Any = None) -> tuple[Contract, Schema]:
    """A contract with one component schema, and that schema."""
    asked = contract(schemas={"It": value, **(others or {})}, version=version)
    return asked, schema(asked, "It")
