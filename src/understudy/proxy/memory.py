"""What has been seen of an API's records so far, as far as it can be relied on.

1. Pure. A record is known by the last answer that showed it, and forgotten as soon as something may have changed it unseen.
2. Requests that were under way at the same time have no order: what they touch is not relied on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.check.subjects import Api, Subject
from understudy.proxy.moments import Moment

MOST = 20_000
"""Records, keys and deletions that are remembered, of each so many; the oldest go first."""

Place = tuple[str, str]
"""A resource and the id of a record."""


@dataclass(frozen=True, slots=True)
class Known:
    """A record as `seen` showed it. `made`: the moment of its creation, where that was seen; `number`: the how manieth creation."""

    seen: Moment
    made: Moment | None = None
    number: int = 0

    @property
    def value(self) -> Any:
        """The record."""
        return self.seen.record


@dataclass
class Memory:
    """What has been seen."""

    api: Api
    records: OrderedDict[Place, Known] = field(default_factory=OrderedDict)
    deleted: OrderedDict[Place, Moment] = field(default_factory=OrderedDict)
    named: OrderedDict[tuple[str, tuple[str, ...], tuple[Any, ...]], str] = field(default_factory=OrderedDict)  # by resource and key: id
    keyed: OrderedDict[tuple[str, str], Moment] = field(default_factory=OrderedDict)  # by party and idempotency key
    under_way: dict[int, Place | None] = field(default_factory=dict)  # requests that may change something: by number, what
    touched: dict[Place | None, int] = field(default_factory=dict)  # when the last such request ended, in the order of events
    count: int = 0

    # --- what can be relied on ---------------------------------------------------------------------------------------

    def known(self, now: Moment) -> Known | None:
        """The record a request's path names, as the same party saw it before, if nothing else was at it since."""
        found = self._named(now)
        same = found is not None and found.seen.party == now.party and found.seen.parents == now.parents
        return found if same and found is not None and self.settled(now, found.seen) else None

    def _named(self, now: Moment) -> Known | None:
        if now.subject is None or now.id is None:
            return None
        found = self.records.get((now.subject.name, now.id))
        if found is not None or now.subject.resource.key is None:
            return found
        return self.by_key(now.subject, (now.subject.resource.key,), (now.id,))

    def by_key(self, subject: Subject, fields: tuple[str, ...], values: tuple[Any, ...]) -> Known | None:
        """The record that has these values in the fields of a key."""
        found = self.records.get((subject.name, self.named.get((subject.name, fields, values), "")))
        return found if found is not None and tuple(found.value.get(name) for name in fields) == values else None

    def of(self, resource: str) -> Iterator[Known]:
        """Every known record of a resource, in the order they became known."""
        return (one for (name, _), one in self.records.items() if name == resource)

    def settled(self, now: Moment, before: Moment) -> bool:
        """Whether one moment was over before another began, and nothing was at the record meanwhile that has no order with it."""
        if before.exchange.ended > now.exchange.started:
            return False
        place = (now.subject.name, now.owner) if now.subject is not None and now.owner is not None else None
        mine = {place, None}
        others = [one for number, one in self.under_way.items() if number != now.exchange.number]
        return not any(one in mine for one in others) and all(self.touched.get(one, -1) <= now.exchange.started for one in mine)

    def alone(self, now: Moment) -> bool:
        """Whether nothing that changes anything was under way with it."""
        others = [number for number in self.under_way if number != now.exchange.number]
        return not others and all(end <= now.exchange.started for end in self.touched.values())

    # --- what happens ------------------------------------------------------------------------------------------------

    def begins(self, number: int, place: Place | None) -> None:
        """A request that may change something is on its way."""
        self.under_way[number] = place

    def ends(self, now: Moment) -> None:
        """Take in what a request and its answer tell."""
        place = self.under_way.pop(now.exchange.number, ("", ""))
        if place != ("", ""):
            self.touched[place] = now.exchange.ended
            if len(self.touched) > MOST:
                del self.touched[next(iter(self.touched))]
        if now.subject is None:
            if not now.safe:
                self.records.clear()
            return
        if not now.safe:
            self._changed(now)
        if now.ok and now.kind != "delete":
            self._shown(now)

    def _changed(self, now: Moment) -> None:
        """Something was asked to change: what else it may have changed is forgotten."""
        assert now.subject is not None
        name = now.subject.name
        if now.answer.status == 0 or now.answer.status >= 500:
            self._forget(name, now.id)
        if not now.ok:
            return
        if self.api.is_effect(now.operation) or self.api.reacts(now.subject) or now.kind in ("example", ""):
            for place in [one for one in self.records if one != (name, now.owner)]:
                del self.records[place]
        if now.kind == "delete":
            self._deleted(now)
        elif now.record is None:
            self._forget(name, now.id)

    def _deleted(self, now: Moment) -> None:
        assert now.subject is not None
        known = self._named(now)
        id = str(known.value.get(now.subject.id_field)) if known is not None else now.id
        if id is None:
            return
        self._forget(now.subject.name, id)
        self.deleted[now.subject.name, id] = now
        self._trim(self.deleted)
        for place in [place for place, one in self.records.items() if _refers(one, now.subject.name)]:
            del self.records[place]  # it may have gone with it

    def _forget(self, resource: str, id: str | None) -> None:
        self.records.pop((resource, id or ""), None)

    def _shown(self, now: Moment) -> None:
        if now.record is None or now.subject is None or now.owner is None:
            return
        place = now.subject.name, now.owner
        known = self.records.get(place)
        if known is not None and known.seen.exchange.ended > now.exchange.started:
            if not now.safe:
                self._forget(*place)  # two at once: which of them won is not known
            return
        made = now if now.kind in ("create", "upsert") and known is None else known.made if known is not None else None
        self.count += made is now
        if made is now:
            self.deleted.pop(place, None)
        self.records[place] = replace(known, seen=now) if known is not None else Known(now, made, self.count if made is now else 0)
        self._trim(self.records)
        for fields in combinations(now.subject):
            values = tuple(now.record.get(name) for name in fields)
            if all(isinstance(value, str | int) for value in values):
                self.named[now.subject.name, fields, values] = now.owner
        self._trim(self.named)

    def keeps(self, key: tuple[str, str], now: Moment) -> None:
        """Remember the first request with an idempotency key."""
        self.keyed.setdefault(key, now)
        self._trim(self.keyed)

    @staticmethod
    def _trim(some: OrderedDict[Any, Any]) -> None:
        while len(some) > MOST:
            some.popitem(last=False)


def combinations(subject: Subject) -> list[tuple[str, ...]]:
    """The fields that together name one record of a resource."""
    key = subject.resource.key
    return [*([(key,)] if key is not None else []), *subject.resource.unique]


def _refers(one: Known, resource: str) -> bool:
    subject = one.seen.subject
    return subject is not None and resource in subject.resource.refers_to.values()
