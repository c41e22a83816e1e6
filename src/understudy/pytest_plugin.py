"""The sandbox as a fixture of pytest: `sandbox`, a world for each test, begun in microseconds from one prepared a session.

    @pytest.mark.sandbox(fixture="tutorial")
    def test_customers_may_leave(sandbox):
        sandbox.delete("/v1/customers/acme").good()
        assert sandbox.webhooks.wait_for("CUSTOMER.DELETE")

1. It is loaded with every run of pytest wherever the package is installed: nothing of the engine is imported before a
   test asks for a sandbox.
2. What it does with a world is the sandbox's own; here is only what belongs to pytest.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from understudy.sandbox import Sandbox

DOCUMENTS = ("spec", "behaviour", "overlay", "strict", "keys", "auth", "strict_auth")
"""What is prepared once for each combination."""
BEGINNINGS = ("fixture", "now", "clock", "seed")
"""Where a world of it begins; each is prepared once as well."""
OPTIONS = (*DOCUMENTS, *BEGINNINGS, "server")
FILES = ("spec", "behaviour", "overlay", "fixture")
SHOWN = 20
"""Requests a failing test shows."""

_INI: Mapping[str, tuple[Any, str]] = {
    "spec": ("linelist", "OpenAPI documents the `sandbox` fixture plays: files, folders or URLs; none: the bundled sandbox"),
    "behaviour": ("string", "the behaviour file that goes with them"),
    "overlay": ("linelist", "OpenAPI overlays to change them by"),
    "strict": ("bool", "refuse fields and parameters the documents do not know"),
    "fixture": ("string", "what a world begins with: the name of a fixture, or a file"),
    "now": ("string", "where its clock begins, such as 2025-05-06T10:30:00Z"),
    "clock": ("string", "running or frozen"),
    "seed": ("string", "of ids, a whole number"),
}
_WORLD = pytest.StashKey["Sandbox"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The defaults of a project: `understudy_spec` and so on, in its configuration."""
    for name, (kind, told) in _INI.items():
        parser.addini(f"understudy_{name}", told, type=kind, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line("markers", f"sandbox({', '.join(f'{name}=' for name in OPTIONS)}): what the fixture `sandbox` plays, and where its world begins")


@pytest.fixture(scope="session")
def sandboxes(pytestconfig: pytest.Config) -> Iterator[Callable[..., Sandbox]]:
    """Begin worlds: `sandboxes(fixture="saas")`, with the options of the marker; yours to close. Prepared once a session."""
    families = Families(pytestconfig)
    yield families.begin
    families.close()


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, sandboxes: Callable[..., Sandbox]) -> Iterator[Sandbox]:
    """A world of the project's API for this test alone: an understudy.Sandbox. See the marker `sandbox` for what it plays."""
    with sandboxes(name=request.node.name, beside=request.path.parent, **_asked(request.node)) as world:
        request.node.stash[_WORLD] = world
        yield world


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what its world was asked last, and why it answered so."""
    report = yield
    world = item.stash.get(_WORLD, None)
    if world is not None and report.failed and report.when == "call":
        report.sections.append((f"understudy: the last requests of {world.name}", "\n".join(["it was closed"] if world.closed else _told(world))))
    if world is not None and report.when == "teardown":
        del item.stash[_WORLD]
    return report


class Families:
    """The sandboxes of a session: one for each set of documents, prepared when first asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._root = config.rootpath
        self._defaults = {name: value for name in _INI if (value := config.getini(f"understudy_{name}"))}
        self._first: dict[str, Sandbox] = {}
        self._numbers = count(1)

    def begin(self, *, name: str = "world", beside: Path | None = None, **asked: Any) -> Sandbox:
        """A world as asked for; what is not is as the project has it. Fails the test where that cannot be."""
        strange = [f"{one}=" for one in asked if one not in OPTIONS]
        if strange:
            pytest.fail(f"the marker `sandbox` has no {', '.join(strange)}; it has {', '.join(f'{one}=' for one in OPTIONS)}", pytrace=False)
        told = {**self._defaults, **asked}
        files = [one for one in FILES if one != "fixture" or str(told.get(one)).endswith((".yaml", ".yml", ".json"))]
        told |= {one: self._found(told[one], beside) for one in files if told.get(one) is not None}
        world = _opened(lambda: self._begin(f"{_plain(name)}-{next(self._numbers)}", told))
        if not isinstance(world, str):
            return world
        pytest.fail(f"the sandbox could not be opened: {world}", pytrace=False)

    def _begin(self, name: str, told: Mapping[str, Any]) -> Sandbox:
        from understudy.sandbox import Sandbox  # the whole engine: only for tests that ask for it

        documents = {one: told[one] for one in DOCUMENTS if one in told}
        first = self._first.get(repr(documents))
        if first is None:
            first = self._first[repr(documents)] = Sandbox(**documents)
            gc.collect()
            gc.freeze()  # what was read stays for the session: no test shall wait while the collector looks at all of it again
        begins = {one: told[one] for one in BEGINNINGS if told.get(one) is not None}
        if "seed" in begins:
            begins["seed"] = int(begins["seed"])
        world = first.world(name, **begins)
        if told.get("server"):
            _ = world.url
        return world

    def _found(self, named: Any, beside: Path | None) -> Any:
        """Files as they lie beside the test, else from the root of the project; other names as they are."""
        if isinstance(named, list | tuple):
            return [self._found(one, beside) for one in named]
        if not isinstance(named, str):
            return named
        return next((str(folder / named) for folder in (beside, self._root) if folder is not None and (folder / named).exists()), named)

    def close(self) -> None:
        """End them all."""
        for first in self._first.values():
            first.close()
        if self._first:
            gc.unfreeze()


def _opened(open: Callable[[], Sandbox]) -> Sandbox | str:
    """What was opened, or why it could not be where that is the author's to mend."""
    try:
        return open()
    except ValueError as fault:
        return str(fault)
    except Exception as fault:
        if type(fault).__module__.partition(".")[0] == "understudy":
            return str(fault)
        raise


def _plain(name: str) -> str:
    """A test's name as a world may be called."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:60] or "world"


def _asked(node: pytest.Item) -> dict[str, Any]:
    """What the markers of a test say, those nearest to it first."""
    asked: dict[str, Any] = {}
    for mark in node.iter_markers("sandbox"):
        if mark.args:
            pytest.fail(f"the marker `sandbox` takes its options by name, such as sandbox(spec={mark.args[0]!r})", pytrace=False)
        asked = {**mark.kwargs, **asked}
    return asked


def _told(world: Sandbox) -> Iterator[str]:
    requests = world.requests
    if not requests:
        yield "none was made"
    if len(requests) > SHOWN:
        yield f"({len(requests) - SHOWN} before)"
    for one in requests[-SHOWN:]:
        yield f"{one.status} {one.method} {one.target}  {one.reason}"
        yield from (f"      ! {warning}" for warning in one.warnings)
    yield f"the clock stands at {world.clock.now():%Y-%m-%dT%H:%M:%SZ}" if world.clock.is_frozen else "the clock runs"
