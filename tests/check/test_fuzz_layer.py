"""Stock schemathesis as a layer of `understudy check`."""

from __future__ import annotations

import pytest

from understudy.check import opening
from understudy.check.fuzzing import fuzz
from understudy.understanding import Options, understand

# schemathesis leaves the streams of its event loop's thread to the collector
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


def test_scenarios_begin_over_a_large_document() -> None:
    """Of 250 operations too: their transitions are more than Hypothesis looks at by itself, and one call would be all."""
    options = Options(fixture="tutorial")
    api = opening.api_of(understand(options))
    _, target = opening.stand_in(options)
    try:
        found = fuzz(api, target, opening.credentials(api, None)["good"], phases=("stateful",), examples=2)
    finally:
        target.close()
    assert found.ended
    assert found.findings == []
    assert found.calls >= 5
