"""Fixtures for tests of more than one part."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

import hypothesis
import pytest

from support.asgi import Client
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre

pytest_plugins = ("pytester", "understudy.pytest_plugin")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # processes begun here are to be interrupted all the same

hypothesis.settings.register_profile("suite", deadline=None)  # how long a case takes says how busy the machine is
hypothesis.settings.load_profile("suite")

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def bundled() -> Theatre:
    """The bundled sandbox, prepared once; tests take worlds of it."""
    return open_theatre(Options(now=NOW))


@pytest.fixture
def call(bundled: Theatre) -> Client:
    """A client of the bundled sandbox, in which no world was begun yet."""
    for name in [world.name for world in bundled.worlds]:
        bundled.worlds.end(name)
    return Client(App(bundled))
