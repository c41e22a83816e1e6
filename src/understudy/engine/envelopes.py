"""What a list's envelope declares beside the records, looked at once: which parts there are, may be null, must be there.

Nothing here knows a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from understudy.contract.contract import Contract
from understudy.contract.values import Schema

_DEPTH = 4


class Part(NamedTuple):
    """One property of an envelope: whether it must be there, may be null, is text; and its own parts."""

    required: bool
    nullable: bool
    text: bool
    example: Any
    parts: Mapping[str, Part] | None


Envelope = Mapping[str, Part] | None
"""The declared properties by name; None: nothing is declared, so anything may be sent."""


def envelope_of(contract: Contract, schema: Schema | None, depth: int = _DEPTH) -> Envelope:
    """The parts of an answer's schema."""
    if schema is None or not depth:
        return None
    shape = contract.shape(schema, "response")
    if not shape.properties:
        return None
    return {name: _part(contract, part, name in shape.required, depth) for name, part in shape.properties.items()}


def _part(contract: Contract, schema: Schema, required: bool, depth: int) -> Part:
    shape = contract.shape(schema, "response")
    return Part(
        required,
        contract.validator(schema, "response").is_valid(None),
        shape.types - {"null"} == {"string"},
        contract.example(schema, "response") if required else None,
        None if "array" in shape.types else envelope_of(contract, schema, depth - 1),
    )
