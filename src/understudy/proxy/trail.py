"""Recorded exchanges as evidence: which records were seen when, which were made, in what state each action met them.

Pure. What the evidence says of an API's behaviour is drawn from it elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy.check.steps import ABSENT
from understudy.check.subjects import Api, Subject
from understudy.proxy.exchanges import Exchange
from understudy.proxy.moments import Moment, moment

REFUSED = frozenset({400, 405, 409, 412, 422, 423})
"""Statuses by which a request may be refused for what a record is, rather than for who asks or how often."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record as an exchange showed it. `whole`: by itself, not as a row of a list."""

    number: int
    record: Mapping[str, Any]
    moment: Moment
    whole: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """A request about a record whose state was known: `after` is the state it led to, None where it was refused."""

    number: int
    subject: Subject
    state: str
    trigger: str
    after: str | None


@dataclass
class Trail:
    """All of a session."""

    api: Api
    moments: list[Moment] = field(default_factory=list)
    sightings: dict[tuple[str, str], list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    made: dict[str, list[Moment]] = field(default_factory=lambda: defaultdict(list))

    @property
    def subjects(self) -> Iterator[Subject]:
        """Every resource that was seen."""
        seen = {name for name, _ in self.sightings}
        return (subject for name, subject in self.api.subjects.items() if name in seen)

    def of(self, subject: Subject) -> dict[str, list[Sighting]]:
        """The sightings of each record of a resource."""
        return {id: seen for (name, id), seen in self.sightings.items() if name == subject.name}

    def before(self, subject: Subject, id: str | None, number: int) -> Sighting | None:
        """A record as it was last shown before an exchange; an alternate key names it too."""
        rows = self.sightings.get((subject.name, id or ""), [])
        if not rows and id is not None:
            rows = next((seen for seen in self.of(subject).values() if any(value == id for name, value in seen[-1].record.items() if name != subject.id_field)), [])
        return next((one for one in reversed(rows) if one.number < number), None)

    def after(self, subject: Subject, id: str, number: int) -> Sighting | None:
        """A record as it was first shown at or after an exchange."""
        return next((one for one in self.sightings.get((subject.name, id), []) if one.number >= number), None)

    def actions(self) -> Iterator[Tried]:
        """Every action, update and delete on a record in a known state, taken or refused."""
        for now in self.moments:
            subject = now.subject
            if subject is None or now.safe or now.kind == "create" or self.api.is_effect(now.operation):
                continue
            seen = self.before(subject, now.id, now.exchange.number)
            state = _state(subject, seen.record) if seen is not None else None
            if seen is None or state is None or (not now.ok and (now.answer.status not in REFUSED or now.refused is not None)):
                continue
            trigger = now.trigger if now.kind == "action" and now.trigger else now.kind
            yield Tried(now.exchange.number, subject, state, trigger, self._landed(now, seen) if now.ok else None)

    def _landed(self, now: Moment, seen: Sighting) -> str:
        """The state a record is in after a request that was taken: as answered, else as it was shown next."""
        assert now.subject is not None
        shown = now.state()
        if isinstance(shown, str):
            return shown
        next_ = self.after(now.subject, str(seen.record[now.subject.id_field]), now.exchange.number)
        found = _state(now.subject, next_.record) if next_ is not None else None
        return found if found is not None else ""


def _state(subject: Subject, record: Mapping[str, Any]) -> str | None:
    name = state_field(subject)
    value = record.get(name) if name is not None else None
    return value if isinstance(value, str) else None


def state_field(subject: Subject) -> str | None:
    """The property that holds a record's state: as the behaviour says, else one that is customary."""
    if subject.state_field is not None:
        return subject.state_field
    names = subject.read.properties if subject.read is not None else {}
    return next((name for name in ("status", "state") if name in names), None) if subject.actions else None


def trail(api: Api, exchanges: Sequence[Exchange]) -> Trail:
    """The evidence of a session."""
    found = Trail(api)
    for one in exchanges:
        now = moment(api, one)
        found.moments.append(now)
        if now.subject is None or not now.ok:
            continue
        if now.record is not None:
            is_new = (now.subject.name, now.owner) not in found.sightings  # else it was answered again, or was there
            _see(found, now, now.record, whole=True)
            if now.kind in ("create", "upsert") and isinstance(now.sent, dict) and is_new:
                found.made[now.subject.name].append(now)
        for row in now.rows or ():
            if isinstance(row, dict) and row.get(now.subject.id_field) is not None:
                _see(found, now, row, whole=False)
    return found


def _see(found: Trail, now: Moment, record: Mapping[str, Any], *, whole: bool) -> None:
    assert now.subject is not None
    found.sightings[now.subject.name, str(record[now.subject.id_field])].append(Sighting(now.exchange.number, record, now, whole))


def was_sent(now: Moment, name: str) -> bool:
    """Whether a request's body says something of a property."""
    return isinstance(now.sent, dict) and now.sent.get(name, ABSENT) is not ABSENT
