"""Several schemas that apply to one value, as one schema that refers to them all.

1. A combination stands nowhere in a document; its address is made of its parts' addresses.
2. Of any document there are finitely many, however it refers to itself: a combination of combinations is made flat, what
   adds nothing is left out, and what is nested deeper than NESTED is widened to "any of them".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from understudy.contract.values import Schema

NESTED = 2


@dataclass(frozen=True, slots=True)
class Combined(Schema):
    """Schemas of which all or any hold (`word`: allOf, anyOf)."""

    word: str = ""
    parts: tuple[Schema, ...] = ()


def combined(schemas: Iterable[Schema], word: str) -> Schema | None:
    """Some schemas as one; None of none."""
    given = list(schemas)
    parts = _simplified(_flat(given, word))
    if len(parts) < 2:
        return parts[0] if parts else None
    if all(one.value == parts[0].value for one in parts):
        return parts[0]
    if any(isinstance(one, Combined) for one in given):  # the same whichever way it came about
        parts.sort(key=lambda one: one.uri)
    if max(map(_depth, parts)) >= NESTED:
        return combined([leaf for one in parts for leaf in _leaves(one)], "anyOf")
    others = "&".join(one.uri for one in parts[1:])
    return Combined(f"{parts[0].uri}##{word}={others}", {word: [_as_ref(one) for one in parts]}, word, tuple(parts))


def _flat(schemas: Iterable[Schema], word: str) -> list[Schema]:
    """Those of a combination of the same kind in its place; each once."""
    parts = [part for one in schemas for part in (one.parts if isinstance(one, Combined) and one.word == word else (one,))]
    return list({one.uri: one for one in parts}.values())


def _simplified(parts: list[Schema]) -> list[Schema]:
    """Without what another part makes needless: A and (A or B) is A, and so is A or (A and B)."""
    uris = {one.uri for one in parts}
    return [one for one in parts if not (isinstance(one, Combined) and any(part.uri in uris for part in one.parts))]


def _depth(schema: Schema) -> int:
    return 1 + max(map(_depth, schema.parts)) if isinstance(schema, Combined) else 0


def _leaves(schema: Schema) -> Iterator[Schema]:
    if not isinstance(schema, Combined):
        yield schema
    else:
        for part in schema.parts:
            yield from _leaves(part)


def _as_ref(schema: Schema) -> Any:
    """A schema as a reference to its address; one that was itself combined has none, and stands as it is."""
    return schema.value if isinstance(schema, Combined) else {"$ref": schema.uri}
