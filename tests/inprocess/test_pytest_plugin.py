"""The fixture `sandbox` in suites of users: each of these writes one and runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SPEC = """
openapi: 3.1.0
info: {title: Pets, version: "1"}
components:
  schemas:
    Pet: {type: object, required: [id, name], properties: {id: {type: string, readOnly: true}, name: {type: string}}}
paths:
  /pets:
    get: {responses: {"200": {description: "", content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Pet"}}}}}}}
    post:
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
      responses: {"201": {description: "", content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}}
  /pets/{petId}:
    parameters: [{name: petId, in: path, required: true, schema: {type: string}}]
    get: {responses: {"200": {description: "", content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}}}
"""
PLUGIN = ("-p", "no:understudy", "-p", "understudy.pytest_plugin", "-p", "no:cacheprovider")
SOURCES = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a document, and the plugin."""
    pytester.makefile(".yaml", pets=SPEC)
    pytester.makeini("[pytest]\nunderstudy_spec = pets.yaml\naddopts = --strict-markers\nfilterwarnings = error\n")
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """The suite, run in this process."""
    return suite.runpytest_inprocess(*PLUGIN, *arguments)


def test_each_test_has_a_world_of_its_own(suite: pytest.Pytester) -> None:
    """However many; the documents are read once."""
    suite.makepyfile("""
        import pytest
        from understudy import Sandbox

        @pytest.mark.parametrize("number", range(10))
        def test_alone(sandbox, number):
            assert isinstance(sandbox, Sandbox) and sandbox.name.startswith("test_alone-")
            sandbox.post("/pets", {"name": "Rex"}).good()
            assert len(sandbox.get("/pets").json()) == 1
            if number:
                assert len([one.name for one in sandbox.theatre.worlds]) == 2
    """)
    run(suite).assert_outcomes(passed=10)


def test_a_failing_test_shows_its_requests_and_why_they_were_answered_so(suite: pytest.Pytester) -> None:
    """The last twenty, with their warnings; a test that passes shows nothing."""
    suite.makepyfile("""
        def test_wrong(sandbox):
            for number in range(25):
                sandbox.get(f"/pets/{number}")
            sandbox.post("/pets", {"name": "Rex", "colour": "red"})
            sandbox.client.post("/pets", json={})
            assert sandbox.get("/pets").json() == []

        def test_right(sandbox):
            sandbox.get("/pets")

        def test_closed(sandbox):
            sandbox.close()
            assert False

        def test_idle(sandbox):
            assert False
    """)
    result = run(suite)
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines([
        "*understudy: the last requests of test_wrong-1*", "(8 before)", "404 GET /pets/8  *", "201 POST /pets  pet * created", "      ! colour: unknown*",
        "400 POST /pets  *name*", "200 GET /pets  1 of 1 pet", "the clock *", "*understudy: the last requests of test_closed-3*", "it was closed",
        "*understudy: the last requests of test_idle-4*", "none was made",
    ])  # fmt: skip
    assert "test_right" not in result.stdout.str()


def test_the_marker_says_what_is_played_and_where_it_begins(suite: pytest.Pytester) -> None:
    """What stands nearest to the test counts; files lie beside it or at the root."""
    suite.makefile(".yaml", one="now: 2030-01-01T00:00:00Z\ncalls:\n  - POST /pets: {name: Rex}\n")
    suite.makepyfile("""
        import pytest
        from urllib.request import urlopen

        pytestmark = pytest.mark.sandbox(now="2026-01-01T00:00:00Z", seed=7)

        def test_module(sandbox):
            assert sandbox.clock.now().year == 2026

        @pytest.mark.sandbox(now="2027-01-01T00:00:00Z")
        def test_nearer(sandbox):
            assert sandbox.clock.now().year == 2027

        @pytest.mark.sandbox(fixture="one.yaml", now=None)
        def test_fixture(sandbox):
            assert [pet["name"] for pet in sandbox.get("/pets").json()] == ["Rex"] and sandbox.clock.now().year == 2030

        @pytest.mark.sandbox(server=True, strict=True)
        def test_server(sandbox):
            assert urlopen(sandbox.url + "/pets").read() == b"[]"
            assert sandbox.post("/pets", {"name": "Rex", "colour": "red"}).status_code == 400

        def test_several(sandbox, sandboxes):
            with sandboxes(now="2028-01-01T00:00:00Z") as other:
                assert other.clock.now().year == 2028 and sandbox.clock.now().year == 2026

        @pytest.fixture(scope="module")
        def shared(sandboxes):
            with sandboxes() as world:
                yield world

        def test_shared(shared):
            shared.post("/pets", {"name": "Rex"}).good()

        def test_shared_still(shared):
            assert len(shared.get("/pets").json()) == 1
    """)
    run(suite).assert_outcomes(passed=7)


@pytest.mark.parametrize(("marker", "said"), [
    ("colour='red'", "*the marker `sandbox` has no colour=; it has spec=, behaviour=*"),
    ("'pets.yaml'", "*takes its options by name, such as sandbox(spec='pets.yaml')*"),
    ("spec='nowhere.yaml'", "*the sandbox could not be opened: nowhere.yaml: No such file*"),
    ("fixture='nowhere'", "*could not be opened: nowhere: no such fixture*"),
    ("now='soon'", "*could not be opened: \"soon\" is not an instant*"),
    ("seed='x'", "*could not be opened: *'x'*"),
])  # fmt: skip
def test_a_marker_that_cannot_be_is_said(suite: pytest.Pytester, marker: str, said: str) -> None:
    """In one line, as an error of the test; the others run."""
    suite.makepyfile(f"""
        import pytest

        @pytest.mark.sandbox({marker})
        def test_wrong(sandbox):
            pass

        def test_right(sandbox):
            pass
    """)
    result = run(suite)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_project_has_defaults(suite: pytest.Pytester) -> None:
    """In its pyproject.toml; the same names."""
    suite.path.joinpath("tox.ini").unlink()
    suite.makepyprojecttoml("""
        [tool.pytest.ini_options]
        understudy_spec = ["pets.yaml"]
        understudy_strict = true
        understudy_now = "2026-01-31T00:00:00Z"
        understudy_seed = "9"
    """)
    suite.makepyfile("""
        def test_default(sandbox):
            assert sandbox.clock.now().isoformat() == "2026-01-31T00:00:00+00:00"
            assert sandbox.post("/pets", {"name": "Rex", "colour": "red"}).status_code == 400
    """)
    run(suite).assert_outcomes(passed=1)


def test_a_fixture_of_the_same_name_is_the_projects_own(suite: pytest.Pytester) -> None:
    """In a module or a conftest; it may build on ours."""
    suite.makeconftest("""
        import pytest

        @pytest.fixture
        def sandbox(sandbox):
            sandbox.post("/pets", {"name": "Rex"}).good()
            return sandbox
    """)
    suite.makepyfile("""
        def test_own(sandbox):
            assert len(sandbox.get("/pets").json()) == 1
    """)
    run(suite).assert_outcomes(passed=1)


def test_several_processes_each_have_a_server(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under pytest-xdist: ports do not meet, nor do worlds."""
    suite.makepyfile("""
        import pytest
        from urllib.request import Request, urlopen

        @pytest.mark.parametrize("number", range(8))
        def test_served(sandbox, number):
            request = Request(sandbox.url + "/pets", b'{"name": "Rex"}', {"content-type": "application/json"})
            assert urlopen(request).status == 201
            assert len(sandbox.get("/pets").json()) == 1
    """)
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = suite.runpytest_subprocess(*PLUGIN, "-p", "xdist", "-n", "2")
    result.assert_outcomes(passed=8)


def test_who_does_not_ask_pays_nothing(suite: pytest.Pytester) -> None:
    """A run of pytest with the plugin and without its fixture imports nothing of the engine, nor any library."""
    suite.makepyfile("""
        import sys

        def test_nothing():
            assert [name for name in sys.modules if name.startswith("understudy")] == ["understudy", "understudy.pytest_plugin"]
            assert not {"starlette", "uvicorn", "orjson", "yaml", "httpx", "asyncio"} & set(sys.modules)
    """)
    command = [sys.executable, "-m", "pytest", *PLUGIN, "-q"]
    environment = {"PYTHONPATH": str(SOURCES), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""}
    done = subprocess.run(command, cwd=suite.path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_in_an_asynchronous_test_it_is_the_same(suite: pytest.Pytester) -> None:
    """Within a running event loop, by whatever runs it."""
    suite.makepyfile("""
        import asyncio

        def test_asynchronous(sandbox):
            async def story():
                async with sandbox.async_client as client:
                    assert (await client.post("/pets", json={"name": "Rex"})).status_code == 201
                assert [one.json()["data"]["name"] for one in sandbox.webhooks.received()] in ([], ["Rex"])
            asyncio.run(story())
    """)
    run(suite).assert_outcomes(passed=1)
