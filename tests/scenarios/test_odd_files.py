"""Documents, behaviour files and overlays with something odd anywhere: understood or refused, never a traceback, a 500 or a hang."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.asgi import Client
from support.mutating import mutants
from understudy import inspecting
from understudy.contract.contract import Contract
from understudy.server.app import App
from understudy.theatre import Options, Unplayable, open_theatre
from understudy.understanding import understand

OPENAPI = Path(__file__).resolve().parents[2] / "openapi"
PETSTORE = yaml.safe_load((OPENAPI / "petstore.yaml").read_text())
PET = {"type": "object", "required": ["name"], "discriminator": "kind", "properties": {
    "id": {"type": "integer", "format": "int64"}, "name": {"type": "string"}, "kind": {"type": "string", "enum": ["a", "b"]}}}  # fmt: skip
SWAGGER: dict[str, Any] = {
    "swagger": "2.0", "info": {"title": "S", "version": "1"}, "host": "x.example", "basePath": "/v2", "schemes": ["https"],
    "consumes": ["application/json"], "produces": ["application/json"], "security": [{"key": []}],
    "securityDefinitions": {"key": {"type": "apiKey", "name": "k", "in": "header"},
                            "oa": {"type": "oauth2", "flow": "accessCode", "authorizationUrl": "https://a", "tokenUrl": "https://b", "scopes": {"r": "read"}}},
    "parameters": {"limit": {"name": "limit", "in": "query", "type": "integer"}, "body": {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/Pet"}}},
    "responses": {"none": {"description": "no", "schema": {"$ref": "#/definitions/Error"}}},
    "definitions": {"Pet": PET, "Error": {"type": "object", "properties": {"message": {"type": "string"}}}},
    "paths": {
        "/pets": {
            "parameters": [{"$ref": "#/parameters/limit"}],
            "get": {"parameters": [{"name": "tag", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"}],
                    "responses": {"200": {"description": "ok", "schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}, "headers": {"X-N": {"type": "integer"}}}}},
            "post": {"parameters": [{"$ref": "#/parameters/body"}], "responses": {"201": {"description": "ok", "schema": {"$ref": "#/definitions/Pet"}}}},
        },
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "type": "integer"}],
            "get": {"responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Pet"}}, "404": {"$ref": "#/responses/none"}}},
            "put": {"consumes": ["application/x-www-form-urlencoded"], "parameters": [{"name": "name", "in": "formData", "type": "string"}],
                    "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Pet"}}}},
        },
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of parses and judgements is kept here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def tried(folder: Path, document: Any, said: str, **options: Any) -> None:
    """Explain a document and call each of its operations, unless it is refused."""
    spec = folder / "document.json"
    spec.write_text(json.dumps(document))
    asked = Options(spec=str(spec), open=True, **options)
    try:
        understood = understand(asked, Contract.check)
        assert inspecting._report(understood) and inspecting._as_file(understood)
    except Unplayable as fault:
        assert fault.faults, said
    try:
        sandbox = open_theatre(asked)
    except Unplayable:
        return
    call = Client(App(sandbox), {})
    for operation in sandbox.script.contract.operations:
        answer = call(operation.method, re.sub(r"\{.*?\}", "1", operation.path), {"name": "Rex"} if operation.body else None)
        assert b"the stand-in failed" not in answer.body, (said, operation.key, answer.body)


@pytest.mark.parametrize(("document", "seed"), [(PETSTORE, 1), (PETSTORE, 2), (SWAGGER, 3), (SWAGGER, 4)])
def test_an_odd_document_is_understood_or_refused(tmp_path: Path, document: Any, seed: int) -> None:
    """Thirty of each."""
    for said, changed in mutants(document, seed, 30):
        tried(tmp_path, changed, said)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_odd_behaviour_file_is_taken_or_refused(tmp_path: Path, seed: int) -> None:
    """What `inspect --yaml` prints, with more said of it."""
    written = yaml.safe_load(inspecting._as_file(understand(Options(spec=str(OPENAPI / "petstore.yaml")))))
    bundled = yaml.safe_load((OPENAPI / "solvimon.behaviour.yaml").read_text())
    written.update({word: bundled[word] for word in ("auth", "errors", "search", "settings", "ids", "response_headers", "version")})
    written["idempotency"] = {"header": "Key", "window": "1h"}
    written["resources"]["pet"].update({"locked": {"states": ["adopted"], "except": ["name"]}, "deletable": "available", "defaults": {"x": 1}, "events": "PET"})
    for said, changed in mutants(written, seed, 30):
        file = tmp_path / "odd.behaviour.yaml"
        file.write_text(json.dumps(changed))
        tried(tmp_path, PETSTORE, said, behaviour=str(file))


def test_an_odd_overlay_is_applied_or_refused(tmp_path: Path) -> None:
    """Its form, its targets, its updates."""
    overlay = {"overlay": "1.1.0", "info": {"title": "o", "version": "1"}, "extends": "document.json", "actions": [
        {"target": "$.info", "description": "d", "update": {"title": "x"}}, {"target": "$.paths.*", "remove": False, "update": {"get": {"tags": ["x"]}}},
        {"target": "$.paths['/pets']", "copy": "$.paths['/owners']"}, {"target": "$..deprecated", "remove": True}]}  # fmt: skip
    for said, changed in mutants(overlay, 5, 40):
        file = tmp_path / "odd.overlay.json"
        file.write_text(json.dumps(changed))
        tried(tmp_path, PETSTORE, said, overlays=(str(file),))
