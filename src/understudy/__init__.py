"""understudy: a stand-in for any HTTP API, driven by its OpenAPI document."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`understudy.laws`, the laws as tests of pytest: imported when it is asked for."""
    if name == "laws":
        from understudy.check.pytesting import laws  # the whole engine: not for who wants the version

        return laws
    raise AttributeError(name)
