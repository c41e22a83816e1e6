"""What was found: the breach of a law, with the steps that show it."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.check.claims import Claim
from understudy.check.steps import Answer, Step


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach. `key` tells apart breaches of one law at one operation; `fault` is said where no claim can be."""

    law: str
    operation: str
    key: str
    message: str
    steps: tuple[Step, ...]
    answers: tuple[Answer | None, ...]
    claim: Claim
    reproduced: bool = True  # the steps, sent again from a fresh start, showed it again

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes two findings the same one."""
        return self.law, self.operation, self.key


@dataclass(frozen=True, slots=True)
class Uncovered:
    """What could not be looked at, and why."""

    law: str
    subject: str
    reason: str
