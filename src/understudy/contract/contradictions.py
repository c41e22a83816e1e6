"""Why no value at all can satisfy a schema, where that can be said for sure.

1. Only what is certain is said: None means that no contradiction was seen, not that there is none.
2. Nothing is compiled and no value is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, product

from understudy.contract import patterns
from understudy.contract.merging import Merged, Merger
from understudy.contract.shapes import Shapes
from understudy.contract.values import Schema

MAX_DEPTH = 12
BRANCHES = 64  # combinations of branches looked at; where there are more nothing is said

BOUNDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


class Contradictions:
    """Looks for the contradictions of one contract in one direction."""

    def __init__(self, shapes: Shapes, merger: Merger) -> None:
        self._shapes = shapes
        self._merger = merger

    def of(self, schema: Schema) -> str | None:
        """Why a schema takes no value, or None where that is not known."""
        return self._of((schema,), ())

    def _of(self, schemas: Sequence[Schema], above: tuple[str, ...]) -> str | None:
        targets = [self._shapes.target(one) for one in schemas]
        if len(above) > MAX_DEPTH or any(one.uri in above for one in targets):
            return None
        merged = self._merger.merged(*targets)
        if merged.nullable:
            return None
        here = (*above, *(one.uri for one in targets))
        return self._plain(merged, here) or self._branches(merged, targets, here)

    def _branches(self, merged: Merged, schemas: Sequence[Schema], here: tuple[str, ...]) -> str | None:
        """Every combination of branches contradicts what stands beside them."""
        combinations = list(islice(product(*merged.groups), BRANCHES + 1)) if merged.groups else []
        if not 0 < len(combinations) <= BRANCHES:
            return None
        found = None
        for branches in combinations:
            joined = self._merger.merged(*schemas, *branches)
            found = None if joined.nullable else self._plain(joined, here)
            if found is None:
                return None
        return f"no branch of oneOf or anyOf is left: {found}"

    def _plain(self, merged: Merged, here: tuple[str, ...]) -> str | None:
        if merged.named == frozenset():
            return "it has to be of several types at once"
        if merged.enum == []:
            return "none of its values is left"
        return self._bounds(merged) or (self._object(merged, here) if merged.named == frozenset({"object"}) else None)

    def _bounds(self, merged: Merged) -> str | None:
        for low, high in BOUNDS:
            least, most = merged.limits.get(low), merged.limits.get(high)
            counted = {"minimum": {"integer", "number"}, "minLength": {"string"}, "minItems": {"array"}}.get(low, {"object"})
            if least is not None and most is not None and least > most and (merged.named or {"any"}) <= counted:
                return f"{low} {least} is more than {high} {most}"
        return None

    def _object(self, merged: Merged, here: tuple[str, ...]) -> str | None:
        for name in merged.required:
            if name in merged.hidden:
                continue
            if any(name not in one.names and not matched(one.patterns, name) for one in merged.closed):
                return f'"{name}" is required, and an `additionalProperties: false` beside it forbids it'
            parts = merged.properties.get(name, [])
            found = self._of(parts, here) if parts else None
            if found is not None:
                return f'"{name}", which is required: {found}'
        return None


def matched(known: Iterable[str], name: str) -> bool:
    """Whether a name fits one of some patterns."""
    return any(patterns.matches(pattern, name) for pattern in known)
