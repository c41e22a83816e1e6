"""understudy: a stand-in for any HTTP API, driven by its OpenAPI document."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`understudy.laws`, the laws as tests of pytest: imported when it is asked for, with the whole engine."""
    if name == "laws":
        return import_module("understudy.check.pytesting").laws
    raise AttributeError(name)
