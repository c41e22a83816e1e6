"""A resource on its way from a document to the model, with what has been found out about it so far.

Nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from understudy.behaviour.candidates import Candidate
from understudy.behaviour.looking import Look
from understudy.behaviour.model import Note
from understudy.contract.values import Operation


@dataclass(slots=True)
class Draft:
    """One resource on its way, and what has been found out about it."""

    name: str
    candidate: Candidate
    look: Look
    scopes: frozenset[str]
    notes: list[Note] = field(default_factory=list)
    idle: list[tuple[Operation, str]] = field(default_factory=list)  # actions that move no state

    def say(self, finding: str, convention: str) -> None:
        """Leave a note about this resource."""
        self.notes.append(Note(self.name, finding, convention))
