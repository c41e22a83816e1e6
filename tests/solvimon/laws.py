"""What the laws of billing are tried on: decimal numbers, bands, and how often."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st

from understudy_solvimon.money import Money
from understudy_solvimon.pricing import Band

LAW = settings(max_examples=150, deadline=None, database=None)


def decimals(low: int = 0, high: int = 100_000, places: int = 3) -> st.SearchStrategy[Fraction]:
    """Exact decimal numbers."""
    return st.integers(low * 10**places, high * 10**places).map(lambda units: Fraction(units, 10**places))


def band_lists(fixed: bool = False) -> st.SearchStrategy[list[Band]]:
    """One to four bands that leave no gap: rising tops, the last one open."""
    return st.builds(
        _bands,
        st.lists(st.integers(1, 1000), max_size=3, unique=True).map(sorted),
        st.lists(decimals(0, 100), min_size=4, max_size=4),
        st.just(fixed),
    )


def _bands(tops: list[int], prices: list[Fraction], fixed: bool) -> list[Band]:
    name = "fixed" if fixed else "unit"
    bounds: list[Fraction | None] = [*map(Fraction, tops), None]
    return [Band(**{name: Money(price, "EUR")}, top=top) for top, price in zip(bounds, prices, strict=False)]  # type: ignore[arg-type]
