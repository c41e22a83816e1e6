"""What the billing rules refuse, as a value any caller can render.

Nothing here knows requests, records or an engine: a refusal names a field within what was judged and says what would
be right.
"""

from __future__ import annotations


class Refusal(ValueError):
    """A value the rules of billing do not allow. `field` is a dotted path within the value judged, "" for all of it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message

    def under(self, place: str) -> Refusal:
        """The same refusal, seen from the value that holds this one at `place`."""
        return Refusal(".".join(part for part in (place, self.field) if part), self.message)
