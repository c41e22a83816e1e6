"""What is shown when a server starts, above all a first call that works."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from support.asgi import Client
from support.sketches import TEXT, answer, collection, shape
from understudy.server.app import App
from understudy.server.greeting import facts, greeting, shown
from understudy.server.trying import HEALTH
from understudy.theatre import Options, Theatre, open_theatre

BASE = "http://localhost:4010"


def tried(sandbox: Theatre) -> tuple[str, int]:
    """The path of the first call that is shown, and the status it gets."""
    words = shlex.split(dict(greeting(sandbox, BASE))["try"])
    assert words[0] == "curl" and words[1].startswith(BASE)
    headers = dict(word.split(": ", 1) for flag, word in zip(words[2::2], words[3::2], strict=True) if flag == "-H")
    target = words[1].removeprefix(BASE)
    return target, Client(App(sandbox), {}).get(target, headers=headers).status


def made(folder: Path, paths: Any, **more: Any) -> Theatre:
    """A sandbox of a document of these paths."""
    spec = folder / "made.json"
    spec.write_text(json.dumps({"openapi": "3.1.0", "info": {"title": "made", "version": "1"}, "paths": paths, **more}))
    return open_theatre(Options(spec=str(spec)))


@pytest.mark.parametrize("options", [Options(), Options(fixture="tutorial"), Options(keys=frozenset({"s3cret 'x'"})), Options(open=True)])
def test_the_first_call_works_in_the_bundled_sandbox(options: Options) -> None:
    """Whatever the fixture and the keys."""
    assert tried(open_theatre(options))[1] == 200


SCHEMES = {
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "api key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    "mutual": {"type": "mutualTLS"},
}


@pytest.mark.parametrize("name", SCHEMES)
def test_the_first_call_carries_the_credentials_the_document_asks_for(name: str, tmp_path: Path) -> None:
    """Each kind of security scheme (OpenAPI 3.1, Security Scheme Object)."""
    paths = collection("/pets", shape(id=TEXT, name=TEXT))
    sandbox = made(tmp_path, paths, security=[{name: []}], components={"securitySchemes": {name: SCHEMES[name]}})
    target, status = tried(sandbox)
    assert target.startswith("/pets") and status == 200


def test_parameters_that_are_needed_are_filled_in(tmp_path: Path) -> None:
    """From the document's examples."""
    paths = {"/search": {"get": {**answer(shape(hits=TEXT)), "parameters": [
        {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 3, "example": "a b"}}]}}}  # fmt: skip
    assert tried(made(tmp_path, paths)) == ("/search?q=a+b", 200)


def test_what_can_only_be_written_to_is_asked_for_its_health(tmp_path: Path) -> None:
    """A document without a single GET."""
    paths = {"/sum": {"post": answer(shape(total=TEXT), body=shape(a=TEXT))}}
    assert tried(made(tmp_path, paths)) == (HEALTH, 200)


def test_trying_leaves_no_trace() -> None:
    """No request in the log, no world begun."""
    sandbox = open_theatre(Options())
    greeting(sandbox, BASE)
    assert not sandbox.worlds.get("default").requests and len(list(sandbox.worlds)) == 1


def test_it_names_the_resources_and_where_the_desk_is(tmp_path: Path) -> None:
    """A dozen by name, of the others the number."""
    paths: dict[str, Any] = {}
    for letter in "abcdefghijklmno":
        paths |= collection(f"/{letter}{letter}as", shape(id=TEXT, name=TEXT))
    sandbox = made(tmp_path, paths)
    text = shown(sandbox.title, greeting(sandbox, BASE))
    assert "  base URL   http://localhost:4010\n" in text and "  desk       http://localhost:4010/_understudy/desk\n" in text
    assert "15 resources" in text and " and 3 more\n" in text
    assert len(facts(sandbox, BASE)["resources"]) == 15
