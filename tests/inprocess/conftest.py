"""One sandbox for the module's tests, and worlds of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from understudy import Sandbox

NOW = "2025-05-06T10:30:00Z"


@pytest.fixture(scope="package")
def first() -> Iterator[Sandbox]:
    """The bundled sandbox at the guide's end."""
    with Sandbox(fixture="tutorial") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(first: Sandbox) -> Iterator[Sandbox]:
    """A world of it."""
    with first.world() as world:
        yield world
