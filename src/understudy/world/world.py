"""One isolated sandbox: records, clock, events, timers, request log; and the one place that keeps a decision.

1. `commit` is the only writer of records, events and timers.
2. Nothing here decides what changes; that is the engine's, before.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

from understudy.durations import format_instant
from understudy.engine.decide import Changed, Circumstances, Decision, Event, Timer
from understudy.engine.lists import Asked
from understudy.engine.naming import fresh
from understudy.faults.aim import NOTHING, Aim
from understudy.problems import Problem
from understudy.world import holdings
from understudy.world.clock import Clock
from understudy.world.holdings import UNTOLD, Put
from understudy.world.ids import Ids
from understudy.world.layers import Log
from understudy.world.outbox import Outbox
from understudy.world.post import Post
from understudy.world.store import Page, Query, Store

LOGGED = 1000
"""Requests a world remembers."""

SHOWN = 16_384
"""Octets of a request's body that are remembered."""


class Recorded(NamedTuple):
    """An event as kept: where it stands in the world's series, and when it happened there."""

    number: int
    at: datetime
    event: Event
    cause: str | None  # the request id, None for a timer


class Logged(NamedTuple):
    """A request as remembered: what came, what was answered, and why."""

    number: int
    at: datetime
    method: str
    target: str
    status: int
    reason: str
    warnings: tuple[str, ...]
    request_id: str | None
    sent: Mapping[bytes, bytes] | None = None  # its headers, by lower-case name
    body: bytes = b""  # the first `SHOWN` octets of it


class Keeper(Protocol):
    """Writes down what is about to happen in a world; each method raises Problem `unavailable` where it cannot be written."""

    def commits(self, world: World, decision: Decision, circumstances: Circumstances, cause: str | None, put: Sequence[Put]) -> None: ...
    def take_back(self, world: World) -> None: ...
    def puts(self, world: World, put: Sequence[Put]) -> None: ...
    def fires(self, world: World, until: datetime) -> None: ...


class World:
    """See the module. `name` is how requests choose it."""

    def __init__(self, name: str, clock: Clock, seed: int, settings: Mapping[str, Any], id_length: int = 20) -> None:
        self.name = name
        self.clock = clock
        self.seed = seed
        self.settings = settings
        self.id_length = id_length
        self.store = Store()
        self.count = 0
        self.replies = 0
        self.keys: frozenset[str] | None = None
        self.events: Log[Recorded] = Log()
        self.requests: deque[Logged] = deque(maxlen=LOGGED)
        self.request_count = 0
        self._stem: str | None = None
        self.held = holdings.nothing()
        self.aim: Aim | None = NOTHING  # what its faults may strike; None: to be made anew
        self.past: deque[Store] = deque(maxlen=0)  # the records before the last writes, where a fault has reads lie back
        self._timers: list[tuple[datetime, int, Timer]] = []
        self._waiting: set[Timer] = set()
        self._ticket = itertools.count()
        self.told = 0  # events up to this number were handed out to those who asked for them
        self.post: Post | None = None
        self._outbox: Outbox | None = None
        self.keeper: Keeper | None = None
        self.mark = 0  # of the last entry a keeper made for this world
        self.version = 0  # counts what was kept: who watches sees by it that something was

    # --- deciding ------------------------------------------------------------------------------------------------

    def circumstances(self, now: datetime) -> Circumstances:
        """What a decision in this world depends on."""
        ids = Ids(self.seed, self.count, self.id_length)
        return Circumstances(self.store, partial(_select, self.store), now, ids, self.settings, self.clock.frozen)

    def circumstances_of(self, store: Store, now: datetime) -> Circumstances:
        """The same with other records: those of before."""
        return self.circumstances(now)._replace(view=store, select=partial(_select, store))

    # --- keeping -------------------------------------------------------------------------------------------------

    def commit(self, decision: Decision, circumstances: Circumstances, cause: str | None = None, put: Sequence[Put] = ()) -> None:
        """Keep all that was decided, or nothing; with it rows to be held, such as what an idempotency key was answered. Raises Problem."""
        if self.post is not None and (decision.events or decision.changes):
            own = self.post.rows(self, decision, circumstances.now)
            put = [*put, *own] if own else put
        if self.keeper is not None:
            self.keeper.commits(self, decision, circumstances, cause, put)
        try:
            self.take(decision.changes, circumstances.now, circumstances.ids.count, decision.events, cause, decision.timers, put)
        except Problem:
            if self.keeper is not None:
                self.keeper.take_back(self)
            raise
        if self.post is not None and self.told < len(self.events):
            self.post.ring(self)

    def take(
        self, changes: Sequence[Changed], now: datetime, count: int, events: Sequence[Event] = (), cause: str | None = None,
        timers: Sequence[Timer] = (), put: Sequence[Put] = (),
    ) -> None:  # fmt: skip
        """Have what was decided in memory; `count` ids were given by then. Raises Problem, and then nothing of it happened."""
        if changes:
            self.store.commit(changes)
        self.version += 1
        self.count = count
        for event in events:
            self.events.append(Recorded(len(self.events) + 1, now, event, cause))
        for timer in timers:
            self.wait(timer)
        if put:
            self._hold(put)
        if events and not len(self.held["endpoints"]):
            self.told = len(self.events)

    def put(self, *rows: Put) -> None:
        """Hold rows, or hold them no more, that go with no commit: all of them or none. Raises Problem.

        `unavailable` where they cannot be written down, and where this world was reset or put back meanwhile: it is then
        no longer the one of its name.
        """
        if self.post is not None and self.told < len(self.events) and rows[-1].holding not in UNTOLD:
            self._tell(self.post)
        self._put(rows)

    def _put(self, rows: Sequence[Put]) -> None:
        if self.keeper is not None:
            self.keeper.puts(self, rows)
        self._hold(rows)

    def _hold(self, put: Sequence[Put]) -> None:
        holdings.hold(self.held, put)
        self.version += 1
        if put[-1].holding in UNTOLD:
            if put[-1].holding == "faults":
                self.aim = None
            return
        self.told = len(self.events)
        if self._outbox is not None:
            self._outbox.note(put)
        if self.post is not None:
            self.post.ring(self)

    def _tell(self, post: Post) -> None:
        """Hand out what happened since this was last done."""
        rows = post.told(self)
        if rows:
            self._put(rows)
        self.told = len(self.events)

    @property
    def outbox(self) -> Outbox:
        """What this world owes its receivers; it must have a post. Raises Problem where that cannot be kept."""
        if self.told < len(self.events) and self.post is not None:
            self._tell(self.post)
        return self.owed

    @property
    def owed(self) -> Outbox:
        """The same without what has not been handed out yet."""
        if self._outbox is None:
            assert self.post is not None
            self._outbox = self.post.outbox(self.held)
        return self._outbox

    def remember(self) -> None:
        """Before a write: how the records are, where a fault may answer reads as they were."""
        if self.past.maxlen:
            self.past.append(self.store.fork())

    def request_id(self, prefix: str) -> str:
        """A fresh id for a response: as many letters as there is room for before the request's number of eight digits."""
        if self._stem is None:
            self._stem = fresh(self.seed, 0, None, None, self.id_length)[: self.id_length - 8]
        return f"{prefix}_{self._stem}{self.request_count % 100_000_000:08d}"

    def wait(self, timer: Timer) -> None:
        """Set a timer, unless it is set."""
        if timer not in self._waiting:
            self._waiting.add(timer)
            heapq.heappush(self._timers, (timer.at, next(self._ticket), timer))

    def waiting(self) -> list[Timer]:
        """The timers that are set, in the order they fall due."""
        return [entry[2] for entry in sorted(self._timers, key=lambda entry: entry[:2])]

    # --- time ----------------------------------------------------------------------------------------------------

    def due(self, until: datetime) -> Timer | None:
        """Take the earliest timer that falls due by an instant; those due together come in the order they were set."""
        if not self._timers or self._timers[0][0] > until:
            return None
        if self.keeper is not None:
            self.keeper.fires(self, self._timers[0][0])
        timer = heapq.heappop(self._timers)[2]
        self._waiting.discard(timer)
        return timer

    @property
    def next_due(self) -> datetime | None:
        """When the earliest timer falls due."""
        return self._timers[0][0] if self._timers else None

    def restage(self, before: World, prepared: World, *, alike: bool) -> None:
        """Be played by another script, whose worlds begin as `prepared` and not as `before`; `alike`: they tell others by the same rules."""
        if self.settings == before.settings:
            self.settings = prepared.settings
        if self.id_length == before.id_length:
            self.id_length, self._stem = prepared.id_length, None
        if not alike:
            self._outbox = None
        if len(self.held["faults"]):
            self.aim = None

    # --- the way of worlds ---------------------------------------------------------------------------------------

    def fork(self, name: str) -> World:
        """A world that begins as this one is and goes its own way."""
        other = World(name, self.clock.fork(), self.seed, self.settings, self.id_length)
        other.store = self.store.fork()
        other.count, other.replies, other.keys = self.count, self.replies, self.keys
        other.events, other.told = self.events.fork(), self.told
        other.held = holdings.begun(self.held)
        other.aim, other.past = self.aim, deque(maxlen=self.past.maxlen)
        other._outbox = None if self._outbox is None else self._outbox.fork(other.held)
        other._timers = list(self._timers)
        other._waiting = set(self._waiting)
        other._ticket = itertools.count(len(other._timers) and max(entry[1] for entry in other._timers) + 1)
        return other

    def describe(self) -> dict[str, Any]:
        """What the control plane says of a world."""
        return {
            "name": self.name,
            "now": format_instant(self.clock.now()),
            "clock": "frozen" if self.clock.frozen else "running",
            "records": {name: self.store.count(name) for name in sorted(self.store.resources())},
            "events": len(self.events),
        }


def _select(store: Store, resource: str, asked: Asked) -> Page:
    """A page of a list. Raises Problem `dangling_reference`."""
    (equals, ranges, where), order_by, descending, (offset, limit, _, after, before) = asked
    try:
        return store.select(Query(resource, equals, ranges, where, order_by, descending, offset, limit, after, before))
    except KeyError:
        raise Problem("dangling_reference", f'the list holds no {resource} "{after or before}" to go on from',
                      location="query", resource=resource, id=after or before) from None
