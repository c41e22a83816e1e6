"""What a world owes its receivers: deliveries in the order they fall due, a queue for each endpoint.

1. What counts is held in `World.held`: `endpoints` and `deliveries`. All here follows of it, is never written down and
   is made again where it is not there.
2. Nothing is looked through: an event finds its endpoints by type, what falls due is at the top of a heap, an endpoint's
   next delivery hangs on the one before.
3. Nothing here sends.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from understudy.webhooks.endpoints import Endpoint
from understudy.webhooks.matching import Audience
from understudy.webhooks.retrying import DUE, LATE, Delivery
from understudy.world.holdings import Held, Put
from understudy.world.layers import Rows
from understudy.world.parts import Buckets

Entry = tuple[datetime, int]
"""When a delivery falls due, and its number."""


class Queue(NamedTuple):
    """An endpoint's deliveries that wait for their first attempt: the number of the first (0: none) and of the last ever."""

    head: int
    last: int


class Outbox:
    """See the module. `ordered`: a failing delivery stays at the head of its queue until it is settled."""

    __slots__ = ("_busy", "_deferred", "_heap", "_held", "_next", "_ordered", "_parked", "_queues", "audience", "stale")

    def __init__(self, held: Mapping[str, Held], ordered: bool, aliases: Mapping[str, str]) -> None:
        self._held = held
        self._ordered = ordered
        self.audience = Audience(aliases=aliases)
        self._queues: Buckets[str, Queue] = Buckets()
        self._next: Rows[int] = Rows()
        self._heap: list[Entry] = []
        self._busy: dict[str, Entry] = {}  # endpoints that something is on the way to
        self._deferred: dict[str, deque[Entry]] = {}  # what fell due meanwhile
        self._parked: dict[str, list[Entry]] = {}  # what fell due while its endpoint wanted nothing
        self.stale: dict[str, None] = {}
        """Ids of deliveries that changed since somebody last emptied this."""
        for _, endpoint in held["endpoints"].items():
            self.audience.put(endpoint)
        for _, delivery in held["deliveries"].items():
            self._take_in(delivery)

    # --- what happened -------------------------------------------------------------------------------------------

    def note(self, put: Iterable[Put]) -> None:
        """Take in rows that are held now."""
        for holding, key, value in put:
            if holding == "deliveries" and value is not None:
                self._note_delivery(value)
            elif holding == "endpoints":
                self._note_endpoint(key, value)

    def _note_endpoint(self, id: str, endpoint: Endpoint | None) -> None:
        if endpoint is None:
            self.audience.drop(id)
            self._parked.pop(id, None)
            return
        self.audience.put(endpoint)
        if endpoint.active:
            for entry in self._parked.pop(id, ()):
                heapq.heappush(self._heap, entry)

    def _take_in(self, delivery: Delivery) -> None:
        """A delivery of before."""
        self.stale[delivery.id] = None
        if delivery.pending and self._waits_its_turn(delivery):
            self._queue(delivery)
        elif delivery.pending:
            self._push(delivery)

    def _note_delivery(self, delivery: Delivery) -> None:
        self.stale[delivery.id] = None
        if delivery.state == DUE and not delivery.attempts:
            self._queue(delivery)
            return
        queue = self._queues.get(delivery.endpoint)
        leads = queue is not None and queue.head == delivery.number
        turns = delivery.pending and self._waits_its_turn(delivery)
        if leads and queue is not None and not turns:
            self._lead(delivery.endpoint, queue, self._following(delivery.number))
            leads = False
        if delivery.pending and (leads or not turns):
            self._push(delivery)

    def _waits_its_turn(self, delivery: Delivery) -> bool:
        """Whether a pending delivery stands in its endpoint's queue."""
        return delivery.state == DUE or (self._ordered and delivery.state != LATE)

    def _queue(self, delivery: Delivery) -> None:
        queue = self._queues.get(delivery.endpoint)
        if queue is not None and queue.last:
            self._next.set(queue.last, delivery.number)
        if queue is None or not queue.head:
            self._queues.set(delivery.endpoint, Queue(delivery.number, delivery.number))
            self._push(delivery)
        else:
            self._queues.set(delivery.endpoint, Queue(queue.head, delivery.number))

    def _lead(self, endpoint: str, queue: Queue, head: int) -> None:
        """Have another delivery at the head of a queue."""
        self._queues.set(endpoint, Queue(head, queue.last))
        if head:
            self._push(self._numbered(head))

    def _following(self, number: int) -> int:
        """The number of the next delivery of the same queue that is still to be tried, or 0."""
        following = self._next.get(number) or 0
        while following and not self._numbered(following).pending:
            following = self._next.get(following) or 0
        return following

    def _push(self, delivery: Delivery) -> None:
        assert delivery.next_at is not None
        heapq.heappush(self._heap, (delivery.next_at, delivery.number))

    def _numbered(self, number: int) -> Delivery:
        """Deliveries are never taken out, so their numbers are their places."""
        row = self._held["deliveries"].row(number)
        assert row is not None
        delivery: Delivery = row[2]
        return delivery

    # --- what is due ---------------------------------------------------------------------------------------------

    @property
    def next_due(self) -> datetime | None:
        """When the next delivery falls due, of those that nothing is on the way for."""
        while self._heap:
            delivery = self._current(self._heap[0])
            if delivery is not None and delivery.endpoint not in self._busy:
                return self._heap[0][0]
            self._set_aside(heapq.heappop(self._heap), delivery)
        return None

    def take(self, until: datetime) -> list[Delivery]:
        """What is due by an instant, one for each endpoint at a time; each must be freed, whatever becomes of it."""
        taken = []
        while self._heap and self._heap[0][0] <= until:
            entry = heapq.heappop(self._heap)
            delivery = self._current(entry)
            if delivery is None or delivery.endpoint in self._busy:
                self._set_aside(entry, delivery)
            else:
                self._busy[delivery.endpoint] = entry
                taken.append(delivery)
        return taken

    def hold(self, delivery: Delivery) -> bool:
        """Take a delivery that may not be due; whether that is possible now."""
        if delivery.endpoint in self._busy:
            return False
        self._busy[delivery.endpoint] = (delivery.next_at or delivery.at, delivery.number)
        return True

    def free(self, delivery: Delivery) -> None:
        """Nothing is on the way for it any more."""
        entry = self._busy.pop(delivery.endpoint, None)
        if entry is not None and self._current(entry) is not None:
            heapq.heappush(self._heap, entry)  # nothing came of it
        self._refill(delivery.endpoint)

    def is_busy(self, endpoint: str) -> bool:
        """Whether something is on the way to an endpoint."""
        return endpoint in self._busy

    def _set_aside(self, entry: Entry, delivery: Delivery | None) -> None:
        if delivery is not None:
            self._deferred.setdefault(delivery.endpoint, deque()).append(entry)
            return
        one = self._numbered(entry[1])
        endpoint = self._held["endpoints"].get(one.endpoint)
        if one.pending and one.next_at == entry[0] and endpoint is not None and not endpoint.active:
            self._parked.setdefault(one.endpoint, []).append(entry)
        elif one.endpoint not in self._busy:
            self._refill(one.endpoint)

    def _refill(self, endpoint: str) -> None:
        """One of those that waited for the endpoint may be tried."""
        deferred = self._deferred.get(endpoint)
        if deferred is not None:
            heapq.heappush(self._heap, deferred.popleft())
            if not deferred:
                del self._deferred[endpoint]

    def _current(self, entry: Entry) -> Delivery | None:
        """The delivery an entry of the heap is about, unless the entry is of the past."""
        delivery = self._numbered(entry[1])
        if not delivery.pending or delivery.next_at != entry[0]:
            return None
        endpoint = self._held["endpoints"].get(delivery.endpoint)
        if endpoint is None or not endpoint.active:
            return None
        if self._waits_its_turn(delivery):
            queue = self._queues.get(delivery.endpoint)
            return delivery if queue is not None and queue.head == delivery.number else None
        return delivery

    def head(self, endpoint: str) -> Delivery | None:
        """The delivery an endpoint's later ones wait for."""
        queue = self._queues.get(endpoint)
        return self._numbered(queue.head) if queue is not None and queue.head else None

    def waiting(self, endpoint: str) -> Iterator[Delivery]:
        """What waits in an endpoint's queue, the head first."""
        head = self.head(endpoint)
        number = head.number if head is not None else 0
        while number:
            yield self._numbered(number)
            number = self._following(number)

    # --- the way of worlds ---------------------------------------------------------------------------------------

    def fork(self, held: Mapping[str, Held]) -> Outbox:
        """The outbox of a fork that holds `held`; what is on the way for this one is due there."""
        other: Outbox = Outbox.__new__(Outbox)
        other._held, other._ordered = held, self._ordered
        other.audience = self.audience.fork()
        other._queues, other._next = self._queues.fork(), self._next.fork()
        other._heap = [*self._heap, *self._busy.values(), *(entry for waiting in self._deferred.values() for entry in waiting)]
        heapq.heapify(other._heap)
        other._busy, other._deferred = {}, {}
        other._parked = {id: list(entries) for id, entries in self._parked.items()}
        other.stale = dict(self.stale)
        return other
