"""understudy: a stand-in for any HTTP API, driven by its OpenAPI document."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.check.pytesting import laws as laws
    from understudy.sandbox import Answer as Answer
    from understudy.sandbox import Sandbox as Sandbox
    from understudy.sandbox import Snapshot as Snapshot

__version__ = "0.1.0"

_HOMES = {
    "Sandbox": "understudy.sandbox",
    "Answer": "understudy.sandbox",
    "Snapshot": "understudy.sandbox",
    "laws": "understudy.check.pytesting",
}


def __getattr__(name: str) -> Any:
    """What is public, imported when it is asked for, with the whole engine: the sandbox, and the laws as tests of pytest."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'understudy' has no attribute {name!r}; it has {', '.join(_HOMES)}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
