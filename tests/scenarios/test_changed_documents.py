"""A document changes, its behaviour file stays: what no longer fits is told, and the rest goes on being played."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.asgi import Client
from understudy.cli import main
from understudy.server.app import App
from understudy.server.greeting import greeting
from understudy.theatre import Options, open_theatre

PETSTORE: dict[str, Any] = yaml.safe_load((Path(__file__).resolve().parents[2] / "openapi" / "petstore.yaml").read_text())
TOY = {"get": {"responses": {"200": {"description": "all", "content": {"application/json": {"schema": {"type": "array", "items": {
    "type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}}}}}}},
    "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}}}},
             "responses": {"201": {"description": "made", "content": {"application/json": {"schema": {
                 "type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}}}}}}}  # fmt: skip


@pytest.fixture
def spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The pet shop with the behaviour file `inspect --yaml` prints of it."""
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(PETSTORE))
    assert main(["inspect", "--yaml", str(path)]) == 0
    (tmp_path / "shop.behaviour.yaml").write_text(capsys.readouterr().out)
    return path


def later(spec: Path, *changes: str) -> dict[str, Any]:
    """A later version of the document: `toys` come, `adopt` goes, a state is renamed."""
    document = copy.deepcopy(PETSTORE)
    if "toys" in changes:
        document["paths"]["/toys"] = TOY
    if "adopt" in changes:
        del document["paths"]["/pets/{pet_id}/adopt"]
    text = json.dumps(document)
    spec.write_text(text.replace('"adopted"', '"rehomed"') if "state" in changes else text)
    return document


def inspected(spec: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status and report."""
    capsys.readouterr()
    return main(["inspect", str(spec)]), capsys.readouterr().out


def test_the_document_it_was_written_for_brings_nothing(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, and no part of the report speaks of it."""
    status, report = inspected(spec, capsys)
    assert status == 0 and "(new)" not in report and "(orphaned)" not in report and "(changed)" not in report


def test_new_operations_are_told_and_played_by_inference(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file does not speak of them, which is no fault of it: exit status 0."""
    later(spec, "toys")
    status, report = inspected(spec, capsys)
    assert status == 0 and "POST /toys: create toy" in report.partition("(new)")[2]
    call = Client(App(open_theatre(Options(spec=str(spec), open=True))), {})
    made = call.post("/toys", {"name": "Ball"})
    assert call.get("/toys").json == [made.json]


def test_orphaned_lines_are_told_and_the_rest_is_played(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trigger without its operation, a state the document no longer has: exit status 1, and a server that starts all the same."""
    later(spec, "adopt", "state")
    status, report = inspected(spec, capsys)
    assert status == 1
    assert "the document no longer has this state, which is left out" in report.partition("(orphaned)")[2]
    call = Client(App(open_theatre(Options(spec=str(spec), open=True))), {})
    assert call.post("/pets", {"name": "Rex", "species": "cat"}).json["status"] == "available"


def test_the_server_says_so_in_a_line_when_it_starts(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many of each; `inspect` says which."""
    later(spec, "toys", "state")
    (line,) = [text for word, text in greeting(open_theatre(Options(spec=str(spec))), "http://localhost:4010") if word == "behaviour"]
    assert "2 new operations" in line and "orphaned" in line and "understudy inspect" in line


def test_what_is_not_modelled_is_named_in_the_file_that_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that only what comes later is new."""
    path = tmp_path / "rpc.json"
    path.write_text(json.dumps({"openapi": "3.1.0", "info": {"title": "R", "version": "1"}, "paths": {
        "/sum": {"post": {"responses": {"200": {"description": "sum"}}}}, "/toys": TOY}}))  # fmt: skip
    assert main(["inspect", "--yaml", str(path)]) == 0
    (tmp_path / "rpc.behaviour.yaml").write_text(said := capsys.readouterr().out)
    assert yaml.safe_load(said)["operations"] == {"POST /sum": {"role": "example"}}
    status, report = inspected(path, capsys)
    assert status == 0 and "(new)" not in report


@pytest.mark.parametrize(
    ("said", "place", "right"),
    [
        ("operations: {GET /pets: {role: liste}}", "/operations/GET ~1pets/role", "list"),
        ("operations: {GET /pets: {effect: f}}", "/operations/GET ~1pets/effect", "no module is named"),
        ("effects: no.such.module", "/effects", "cannot be imported"),
        ("effects: json\noperations: {GET /pets: {effect: load_}}", "/operations/GET ~1pets/effect", "the nearest is load"),
        ("reactions: {pet.created: f}", "/reactions/pet.created", "no module is named"),
    ],
)  # fmt: skip
def test_what_can_never_be_played_is_found_before_anyone_calls(spec: Path, capsys: pytest.CaptureFixture[str], said: str, place: str, right: str) -> None:
    """A role that is none, a function that is not there: exit status 2, with the place in the file."""
    file = spec.with_name("wrong.yaml")
    file.write_text(said)
    capsys.readouterr()
    assert main(["serve", str(spec), "--behaviour", str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{file}#{place}" in told and right in told


def test_a_file_that_contradicts_itself_is_still_refused(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That is no matter of the document: exit status 2."""
    path = spec.with_name("shop.behaviour.yaml")
    path.write_text(path.read_text() + "\noperations: {GET /pets: {resource: dog}}\n")
    assert main(["inspect", str(spec)]) == 2
    assert 'no resource is called "dog"' in capsys.readouterr().err


def test_references_that_lead_nowhere_are_listed_and_the_rest_is_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server says which when it starts, the first few one by one; `inspect` refuses the document."""
    paths = {f"/x{n}": {"get": {"responses": {"200": {"description": "x", "content": {"application/json": {"schema": {
        "$ref": f"#/components/schemas/None{n}"}}}}}}} for n in range(5)}  # fmt: skip
    path = tmp_path / "broken.json"
    path.write_text(json.dumps({"openapi": "3.1.0", "info": {"title": "B", "version": "1"}, "paths": {"/toys": TOY, **paths}}))
    sandbox = open_theatre(Options(spec=str(path)))
    lines = [text for word, text in greeting(sandbox, "http://localhost:4010") if word == "broken"]
    assert f"{path}#/paths/~1x0/get" in lines[0] and "None0" in lines[0] and "and 2 more" in lines[3]
    call = Client(App(sandbox), {})
    assert call.post("/toys", {"name": "Ball"}).status == 201 and call.get("/x0").status == 200
    assert main(["inspect", str(path)]) == 2
