"""Hypothesis as a generator for checking: what it draws depends on the seed alone, and it looks at all it may draw from.

Its two habits that stand in the way are no settings, so they are set aside while something is drawn; the version that
comes with the pinned schemathesis is the one tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.strategies._internal.strategies import SampledFromStrategy


@contextmanager
def by_seed_alone() -> Iterator[None]:
    """Draw by the seed, and from everything.

    1. Hypothesis mixes constants found in the modules that happen to be loaded into what it draws: another process, or
       another order of tests, would send other requests with the same seed.
    2. Of what a step of a scenario could be it looks at the first 10,000 only; a document of 250 operations has more
       transitions than that, and those that can begin a scenario stand last: none would ever begin, in silence.
    """
    found, most = providers._get_local_constants, SampledFromStrategy._MAX_FILTER_CALLS
    nothing = Constants()
    providers._get_local_constants = lambda: nothing
    providers.CONSTANTS_CACHE.cache.clear()
    SampledFromStrategy._MAX_FILTER_CALLS = 1_000_000
    try:
        yield
    finally:
        providers._get_local_constants, SampledFromStrategy._MAX_FILTER_CALLS = found, most
        providers.CONSTANTS_CACHE.cache.clear()
