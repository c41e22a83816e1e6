"""Promotion codes made up from a format.

No randomness: the letters come from an id that nothing else has.
"""

from __future__ import annotations

FORMAT = "########"
"""What a code looks like where nothing is said."""

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that are read as others: I, O, 0, 1


def made(format: str, id: str) -> str:
    """A code in a format, each `#` a letter or digit drawn from an id; one without `#` has them behind."""
    source = id.rpartition("_")[2] or "0"
    letters = iter(_LETTERS[ord(source[place % len(source)]) * (place // len(source) + 1) % len(_LETTERS)]
                   for place in range(format.count("#")))
    drawn = "".join(next(letters) if sign == "#" else sign for sign in format)
    return drawn if "#" in format else format + "-" + made("####", source)
