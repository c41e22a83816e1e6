"""Stock schemathesis, all of its checks and phases, finds nothing over the bundled documents; and what is broken it finds.

A small part with fixed seeds. The whole of it is `benchmarks/conformance.py`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.fuzzing import HEAVY, KEY, RULES, fuzz
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world import sources

OPENAPI = Path(__file__).parents[2] / "openapi"
NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
# schemathesis leaves the streams of its event loop's thread to the collector
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

Message = dict[str, Any]
Change = Callable[[str, str, int, Any], tuple[int, Any]]


def solvimon(fixture: str) -> Theatre:
    """The bundled sandbox on a clock that stands still."""
    return open_theatre(Options(fixture=fixture, now=NOW, keys=frozenset({KEY})))


def petstore() -> Theatre:
    """A document that is understood by inference alone."""
    return open_theatre(Options(spec=str(OPENAPI / "petstore.yaml"), now=NOW))


def document(name: str) -> Mapping[str, Any]:
    """A bundled document, parsed."""
    read: Mapping[str, Any] = sources.read(OPENAPI / f"{name}.yaml")
    return read


# --- nothing is found -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("phases", "examples", "exclude", "least"), [
    # A case of a heavy one takes up to four seconds to make; their examples are played by the guides' test and the document's.
    (("examples",), 1, HEAVY, 100),
    # Coverage of the heavy ones takes a minute each; of the others, those left out here are shaped like those that stay.
    (("coverage",), 1, f"{HEAVY}|^/v1/(meter|customers|billing-entities|product|features|pricing-plan|events|ingest|coupons|promotion|credit-types|wallet|auto-top-up|payment|invoices/\\{{id\\}}/(lines|add-line|delete-line))", 2_000),
    (("fuzzing",), 2, None, 300),
    (("stateful",), 25, None, 100),
])
def test_solvimon_keeps_its_document(phases: tuple[str, ...], examples: int, exclude: str | None, least: int) -> None:
    """No failure, no error; and so many cases were really run, most of them not turned away at the door."""
    sandbox = solvimon("tutorial")
    verdict = fuzz(document("solvimon"), App(sandbox), examples=examples, settings=RULES, phases=phases, exclude=exclude,
                   reset=lambda: sandbox.reset("default"))
    assert verdict.summary() == ""
    assert verdict.calls >= least
    assert verdict.statuses[200] + verdict.statuses[201] >= least / 20


def test_petstore_keeps_its_document() -> None:
    """The same of a document without a behaviour file, all phases."""
    sandbox = petstore()
    verdict = fuzz(document("petstore"), App(sandbox), examples=15, reset=lambda: sandbox.reset("default"))
    assert verdict.summary() == ""
    assert verdict.calls >= 300


# --- what is broken is found ------------------------------------------------------------------------------------------


def broken(app: App, change: Change) -> Callable[..., Awaitable[None]]:
    """The application with its JSON answers changed: given method, path, status and value; gives status and value."""

    async def play(scope: Message, receive: Any, send: Any) -> None:
        start: Message = {}

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body = message.get("body", b"")
            status, value = change(scope["method"], scope["path"], start["status"], json.loads(body) if body else None)
            encoded = b"" if value is None else json.dumps(value).encode()
            headers = [(name, text) for name, text in start["headers"] if name.lower() != b"content-length"]
            await send({**start, "status": status, "headers": [*headers, (b"content-length", str(len(encoded)).encode())]})
            await send({"type": "http.response.body", "body": encoded})

        await app(scope, receive, changed if scope["type"] == "http" else send)

    return play


def _loses_a_field(method: str, path: str, status: int, value: Any) -> tuple[int, Any]:
    lost = method == "GET" and path.startswith("/pets") and status == 200 and "species" in value
    return status, {name: part for name, part in value.items() if name != "species"} if lost else value


def _falls_over(method: str, path: str, status: int, value: Any) -> tuple[int, Any]:
    return (500, {"message": "no"}) if path == "/owners" and method == "POST" and status == 201 else (status, value)


def _forgets(method: str, path: str, status: int, value: Any) -> tuple[int, Any]:
    return (404, {"message": "no such pet"}) if method == "GET" and path.startswith("/pets/") else (status, value)


def _takes_anything(method: str, path: str, status: int, value: Any) -> tuple[int, Any]:
    taken = {"id": "1", "name": "Rex", "species": "dog", "status": "available", "created_at": "2025-05-06T00:00:00Z"}
    return (201, taken) if method == "POST" and path == "/pets" and status == 400 else (status, value)


def _refuses_all(method: str, path: str, status: int, value: Any) -> tuple[int, Any]:
    return (400, {"message": "no"}) if method == "POST" and path == "/pets" else (status, value)


def _is_undeclared(method: str, path: str, status: int, value: Any) -> tuple[int, Any]:
    return (202, value) if method == "GET" and path == "/pets" and status == 200 else (status, value)


@pytest.mark.parametrize(("change", "phase", "check"), [
    (_loses_a_field, "stateful", "response_schema_conformance"),
    (_forgets, "stateful", "ensure_resource_availability"),
    (_falls_over, "fuzzing", "not_a_server_error"),
    (_is_undeclared, "fuzzing", "status_code_conformance"),
    (_takes_anything, "coverage", "negative_data_rejection"),
    (_refuses_all, "coverage", "positive_data_acceptance"),
])
def test_a_broken_application_is_caught(change: Change, phase: str, check: str) -> None:
    """Each check speaks up where the application breaks what it judges: the silence above means something."""
    found: set[str] = set()
    for seed in range(1, 6):  # a chain of calls that shows it is not in every seed's walk
        sandbox = petstore()
        verdict = fuzz(document("petstore"), broken(App(sandbox), change), seed=seed, examples=100 if phase == "stateful" else 30, phases=(phase,),
                       reset=partial(sandbox.reset, "default"))
        found |= {name for name, _, _ in verdict.failures}
        if check in found:
            break
    assert check in found
