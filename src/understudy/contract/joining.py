"""Operations of several documents at the same place: the same thing said twice is one operation, anything else is refused.

Nothing is merged here: each operation belongs to one document, with that document's components and security schemes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from understudy.contract.documents import Documents, Unresolvable, escape
from understudy.contract.values import Fault, Operation

Place = tuple[str, Any]
"""An address and the value there."""

_WORDS = frozenset({"description", "summary", "tags", "externalDocs", "operationId"})
"""What a document says to people only."""
_NAMES = ("/properties", "/patternProperties", "/$defs", "/mapping", "/headers", "/callbacks")
"""Ends of places whose keys are names somebody chose."""


def colliding(documents: Documents, collisions: Iterable[tuple[Operation, Operation]]) -> Iterator[Fault]:
    """A fault for each operation that stands where another one is served, unless it is the same one in another document."""
    for winner, loser in collisions:
        if winner.document == loser.document:
            yield Fault(loser.uri, f"{loser.key} stands at the same place as {winner.key} ({winner.uri}), which is served")
        elif not same(documents, winner, loser):
            where = "" if winner.key == loser.key else f", there as {winner.key}"
            yield Fault(
                loser.uri,
                f"{loser.key} is also in {winner.document}{where}, and says something else there; "
                "leave one out, or give one of the documents another base path in `servers`",
            )


def same(documents: Documents, one: Operation, other: Operation) -> bool:
    """Whether two operations say the same, with what they inherit from their path items and documents."""
    inherited = all(_inherited(one)[word] == _inherited(other)[word] for word in ("parameters", "security"))
    return inherited and alike(documents, (one.uri, one.raw), (other.uri, other.raw))


def _inherited(operation: Operation) -> Mapping[str, Any]:
    asked = {(one.location, one.name, one.required, one.style, one.explode) for one in operation.parameters}
    return {"parameters": asked, "security": operation.security}


def alike(documents: Documents, one: Place, other: Place) -> bool:
    """Whether two parts of documents say the same, references followed; what is only said to people does not count."""
    seen: set[tuple[str, str]] = set()
    pending = [(one, other)]
    while pending:
        mine, theirs = (_followed(documents, place) for place in pending.pop())
        if (mine[0], theirs[0]) in seen or mine[0] == theirs[0]:
            continue
        seen.add((mine[0], theirs[0]))
        inner = _pairs(mine, theirs)
        if inner is None:
            return False
        pending += inner
    return True


def _followed(documents: Documents, place: Place) -> Place:
    try:
        return documents.follow(*place)
    except Unresolvable:
        return place


def _pairs(mine: Place, theirs: Place) -> list[tuple[Place, Place]] | None:
    """What is left to compare of two values; None where they differ already."""
    (here, one), (there, other) = mine, theirs
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        words = frozenset[str]() if here.endswith(_NAMES) else _WORDS
        names = one.keys() - words
        if names != other.keys() - words:
            return None
        return [((f"{here}/{escape(name)}", one[name]), (f"{there}/{escape(name)}", other[name])) for name in names]
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return None
        return [((f"{here}/{n}", mine), (f"{there}/{n}", theirs)) for n, (mine, theirs) in enumerate(zip(one, other, strict=True))]
    return [] if type(one) is type(other) and one == other else None
