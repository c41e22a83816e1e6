"""What a law is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from understudy.check.session import Session
from understudy.check.subjects import Subject

Check = Callable[[Session, Subject], None]


@dataclass(frozen=True, slots=True)
class Law:
    """A property. `needs` are kinds of operations a subject must have; `writes` says what it does beyond reading:
    nothing, create (and update), or delete."""

    name: str
    check: Check
    says: str
    source: str
    needs: frozenset[str] = frozenset()
    applies: Callable[[Subject], bool] = field(default=lambda subject: True)
    tag: str = "records"

    def concerns(self, subject: Subject) -> bool:
        """Whether a subject has what the law is about."""
        have = set(subject.operations) | ({"create"} if "upsert" in subject.operations else set()) | ({"action"} if subject.actions else set())
        return self.needs <= have and self.applies(subject)
