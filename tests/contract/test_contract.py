"""The contract as a whole: laziness, checking, real documents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contract.made import URI, contract, document, operation
from understudy.contract.contract import Contract

SHARED = Path(__file__).resolve().parents[3] / "shared"
REAL = sorted([*SHARED.glob("contracts/openapi-3.1/**/*.json"), *SHARED.glob("contracts/paypal/*.json"), *SHARED.glob("solvimon/contracts/*.yml")])
LIGHT = {"jsonschema", "yaml", "difflib", "multipart", "requests", "starlette", "asyncio"}


def test_importing_the_contract_brings_nothing_heavy() -> None:
    """Beyond jsonschema_rs and orjson: start-up time is a feature."""
    script = "import sys; import understudy.contract.contract; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")})
    assert not LIGHT & set(ran.stdout.split())


def test_nothing_is_compiled_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading operations and matching compile no schema."""
    asked = contract(operation(body={"type": "strnig"}))
    asked.match("POST", "/x")
    assert asked.faults == []
    assert asked.check()


def test_check_lists_everything_at_once_with_its_place() -> None:
    """References, schemas, examples, ids, templates."""
    broken = {
        "/a/{id}": {"get": {"operationId": "same", "responses": {"200": {"$ref": "#/nowhere"}}}},
        "/b": {"get": {"operationId": "same", "parameters": [{"name": "x", "in": "path", "required": True, "schema": {"type": "strnig"}}]}},
        "/c": {"post": {"requestBody": {"content": {"application/json": {"schema": {"type": "integer", "example": "no"}}}}, "responses": {"200": {"content": {"application/json": {"schema": {"type": "string", "not": {}}}}}}}},
    }
    faults = contract(broken).check()
    places = {fault.where.removeprefix(URI) for fault in faults}
    assert {
        "#/paths/~1a~1{id}/get/responses/200/$ref",
        "#/paths/~1a~1{id}/get/operationId",
        "#/paths/~1a~1{id}/get",
        "#/paths/~1b/get",
        "#/paths/~1b/get/parameters/0/schema/type",
        "#/paths/~1c/post/requestBody/content/application~1json/schema/example",
        "#/paths/~1c/post/responses/200/content/application~1json/schema",
    } <= places
    assert all(fault.message for fault in faults)
    assert len(faults) == len(set(faults))


def test_values_that_look_like_references_are_left_alone() -> None:
    """`$ref` inside an example or an enum is data."""
    node = {"type": "object", "example": {"$ref": "#/nowhere"}, "properties": {"example": {"$ref": "#/components/schemas/Fine"}}}
    assert contract(schemas={"It": node, "Fine": {}}).check() == []


def large(operations: int, filler: int) -> dict[str, Any]:
    """A document of many operations, with schemas of many properties."""
    schemas = {f"S{i}": {"type": "object", "properties": {f"p{k}": {"type": "string", "description": "x" * 60} for k in range(filler)}} for i in range(operations)}
    paths = {f"/r{i}/{{id}}": {"get": {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}], "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/S{i}"}}}}}}} for i in range(operations)}
    return document(paths, schemas)


def test_large_document_is_matched_without_compiling_it() -> None:
    """Only what is asked for is made."""
    asked = Contract.of([(URI, large(400, 60))])
    found, values = asked.match("GET", "/r399/x")
    assert values == {"id": "x"}
    assert asked._requests._validators == {}
    assert asked.accept(found, values, b"", [], b"").path == {"id": "x"}
    assert len(asked._requests._validators) == 1


def load(path: Path) -> Any:
    """A real document as a JSON value."""
    if path.suffix == ".json":
        return json.loads(path.read_bytes())
    yaml = pytest.importorskip("yaml")
    return json.loads(json.dumps(yaml.load(path.read_bytes(), yaml.CSafeLoader), default=str))


@pytest.mark.skipif(not REAL, reason="the real documents are not beside this checkout")
@pytest.mark.parametrize("path", REAL, ids=lambda path: "-".join(path.parts[-2:]))
def test_real_document_is_read_whole_and_has_valid_examples(path: Path) -> None:
    """Every schema compiles, every example is valid or listed with its place, nothing raises."""
    asked = Contract.of([(path.as_uri(), load(path))])
    faults = asked.check()
    assert asked.operations or asked.webhooks
    assert not [fault for fault in faults if fault.severity == "error"]
    assert not [fault for fault in faults if "cannot be compiled" in fault.message]
