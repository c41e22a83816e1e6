"""Records cut to a size a page can show at once: what stands in a row, and what of a large record is left out.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

TEXT = 160
"""Characters of a text in a row."""

FEW = 4
"""Fields of an object that stands whole in a row."""

COLUMNS = 60
"""Fields of a row."""

LONG = 2_000
"""Characters of a text in a large record."""

MANY = 50
"""Items of an array, and three times as many fields of an object, in a large record."""

DEEP = 12
"""How far down a large record is shown."""

BUDGET = 2_000
"""Values of a large record that are shown in all."""


class Cut(NamedTuple):
    """What was left out: where (the dotted field), and how much there is in all."""

    field: str
    of: int


def row(record: dict[str, Any]) -> dict[str, Any]:
    """A record's own fields, each short; of what is large only its size."""
    return {name: _short(value) for name, value in list(record.items())[:COLUMNS]}


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT else f"{value[:TEXT]}…"
    if isinstance(value, dict):
        plain = len(value) <= FEW and not any(isinstance(one, dict | list) for one in value.values())
        return {name: _short(one) for name, one in value.items()} if plain else {"…": len(value)}
    return {"…": len(value)} if isinstance(value, list) else value


def shortened(record: dict[str, Any]) -> tuple[dict[str, Any], list[Cut]]:
    """A large record with its long texts and arrays cut, and what was left out of it."""
    cuts: list[Cut] = []
    left = [BUDGET]
    return _cut(record, "", 0, cuts, left), cuts


def _cut(value: Any, at: str, depth: int, cuts: list[Cut], left: list[int]) -> Any:
    left[0] -= 1
    if isinstance(value, str):
        if len(value) > LONG:
            cuts.append(Cut(at, len(value)))
        return value[:LONG]
    if not isinstance(value, dict | list):
        return value
    most = 0 if depth >= DEEP or left[0] <= 0 else MANY if isinstance(value, list) else 3 * MANY
    if len(value) > most:
        cuts.append(Cut(at, len(value)))
    parts = ((name, _cut(part, f"{at}.{name}" if at else name, depth + 1, cuts, left)) for name, part in _parts(value, most))
    return dict(parts) if isinstance(value, dict) else [part for _, part in parts]


def _parts(value: Any, most: int) -> Iterator[tuple[str, Any]]:
    items = value.items() if isinstance(value, dict) else ((str(number), part) for number, part in enumerate(value))
    return (pair for pair, _ in zip(items, range(most), strict=False))
