"""Documents that change while they are played: the worlds go on, what no longer fits is told, what is broken changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.asgi import Client
from support.served import Served, served
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

PETSTORE = Path(__file__).resolve().parents[2] / "openapi" / "petstore.yaml"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The pet shop's document, to be edited."""
    return Path(shutil.copy(PETSTORE, tmp_path / "shop.yaml"))


def put(path: Path, text: str) -> None:
    """Write a file in one piece: whoever looks sees the one before, or this one."""
    passing = path.with_name(".passing")
    passing.write_text(text)
    passing.replace(path)


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    """Another version of a file."""
    document = yaml.safe_load(path.read_text())
    change(document)
    put(path, yaml.safe_dump(document, sort_keys=False))


def reload(running: Served) -> tuple[int, Any]:
    """Have it read anew, and wait for that."""
    status, _, told = running("POST", "/_understudy/reload")
    return status, told


def made(running: Served, **more: Any) -> Any:
    """A pet, made now."""
    status, _, pet = running("POST", "/pets", {"name": "Rex", "species": "cat", **more})
    assert status == 201, pet
    return pet


def test_the_worlds_go_on(spec: Path) -> None:
    """Records, clock, endpoints, events and the request log of every world; what is new can be called at once."""
    with served(str(spec), "--now", "2025-01-01T00:00:00Z") as running:
        pet = made(running)
        running("POST", "/_understudy/clock", {"advance": "P1D"})
        endpoint = running("POST", "/_understudy/endpoints", {"url": "http://127.0.0.1:1/"})[2]["id"]
        assert running("GET", "/toys")[0] == 404
        edit(spec, lambda one: one["paths"].update({"/toys": one["paths"]["/owners"]}))
        status, told = reload(running)
        assert status == 200 and told["operations"] == 12 and told["misfits"] == []
        assert running("GET", "/toys")[0] == 200
        assert running("GET", f"/pets/{pet['id']}")[2] == pet
        assert running("GET", "/_understudy/clock")[2]["now"] == "2025-01-02T00:00:00Z"
        assert [one["id"] for one in running("GET", "/_understudy/endpoints")[2]["endpoints"]] == [endpoint]
        assert made(running)["id"] != pet["id"]
        assert len(running("GET", "/_understudy/requests")[2]["requests"]) >= 5


def test_what_no_longer_fits_is_told_and_stays(spec: Path) -> None:
    """A record that the edited document forbids; a resource it does not have."""
    with served(str(spec)) as running:
        pet = made(running)
        text = spec.read_text()
        spec.write_text(text.replace("cat", "lynx"))
        status, told = reload(running)
        assert status == 200 and told["misfit_count"] == 1 and pet["id"] in told["misfits"][0]["where"]
        assert running("GET", "/pets")[0] == 200
        spec.write_text(text)
        assert reload(running)[1]["misfit_count"] == 0
        assert running("GET", f"/pets/{pet['id']}")[2] == pet


@pytest.mark.parametrize("text", ["openapi: 3.1.0\npaths: [", "hello", "", "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {/pets: {get: 3}}\n"])
def test_what_is_broken_changes_nothing(spec: Path, text: str) -> None:
    """All that is wrong is told, and the one before goes on."""
    with served(str(spec)) as running:
        pet = made(running)
        spec.write_text(text)
        status, told = reload(running)
        assert status == 422 and "what is played stays as it was" in told["detail"] and "shop.yaml" in told["detail"]
        assert running("GET", f"/pets/{pet['id']}")[2] == pet
        shutil.copy(PETSTORE, spec)
        assert reload(running)[0] == 200


def test_a_file_that_changes_is_read_by_itself(spec: Path) -> None:
    """The document, a behaviour file that comes, what is broken meanwhile: a line each, for people or for programs."""
    with served(str(spec), "--reload", "--log", "json") as running:
        assert running.process.stdout is not None
        edit(spec, lambda one: one["paths"].update({"/toys": one["paths"]["/owners"]}))
        told = json.loads(running.process.stdout.readline())
        assert (told["kind"], told["reloaded"], told["operations"]) == ("reload", True, 12)
        beside = spec.with_name("shop.behaviour.yaml")
        put(beside, "resources: {pet: {collection: /pets, id: beast}}\n")
        assert json.loads(running.process.stdout.readline())["reloaded"]
        assert made(running)["id"].startswith("beast_")
        assert json.loads(running.process.stdout.readline())["kind"] == "request"
        put(beside, "resources: 7\n")
        told = json.loads(running.process.stdout.readline())
        assert not told["reloaded"] and "shop.behaviour.yaml" in told["faults"][0]["where"]
        beside.unlink()
        assert json.loads(running.process.stdout.readline())["reloaded"]
        assert "_" not in made(running)["id"] or not made(running)["id"].startswith("beast_")


def test_no_request_is_lost_meanwhile(spec: Path) -> None:
    """Four clients ask all the while that it is read anew, over and over."""
    with served(str(spec), "--quiet") as running, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(lambda: [running("GET", "/pets")[0] for _ in range(60)]) for _ in range(4)]
        assert {reload(running)[0] for _ in range(5)} == {200}
        assert {status for one in asked for status in one.result()} == {200}


def test_a_folder_is_opened_again_by_the_document_it_was_last_played_by(spec: Path, tmp_path: Path) -> None:
    """Worlds that were begun before and after, with what is in them."""
    data = ["--data", str(tmp_path / "kept")]
    with served(str(spec), *data) as running:
        pet = made(running)
        edit(spec, lambda one: one["info"].update(title="Another name for it"))
        assert reload(running)[0] == 200
        later = made(running)
        running("POST", "/_understudy/worlds", {"name": "b"})
        assert running("POST", "/pets", {"name": "Tom", "species": "cat"}, {"Understudy-World": "b"})[0] == 201
    with served(str(spec), *data) as running:
        assert [running("GET", f"/pets/{one['id']}")[2] for one in (pet, later)] == [pet, later]
        assert len(running("GET", "/pets", headers={"Understudy-World": "b"})[2]) > 0
        assert running("GET", "/_understudy/health")[2]["document"] == "Another name for it"


def test_only_a_server_reads_anew() -> None:
    """An application in somebody's process has nothing to read: 409 says so."""
    answer = Client(App(open_theatre(Options()))).post("/_understudy/reload", {})
    assert answer.status == 409 and "understudy serve" in answer.json["detail"]
