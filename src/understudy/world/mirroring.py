"""Deliveries as records of the API's own: brought up to date when somebody reads them, at the cost of what changed since.

1. The rows of the behaviour file say which field shows what; nothing here knows a field.
2. What is shown makes no event and answers to no lifecycle: it is no change of the records' own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from understudy.durations import format_instant
from understudy.engine.decide import Changed, Decision
from understudy.engine.outcomes import kept
from understudy.engine.plans import Script
from understudy.webhooks.endpoints import Endpoint
from understudy.webhooks.retrying import DUE, FAILING, LATE, Delivery
from understudy.webhooks.rules import Mirror, Records
from understudy.world.world import World

Record = dict[str, Any]
Shown = tuple[World, Delivery, Endpoint]

QUANTITIES: Mapping[str, Callable[[Shown], Any]] = {
    "id": lambda shown: shown[1].id,
    "at": lambda shown: format_instant(shown[1].at),
    "endpoint": lambda shown: shown[1].endpoint,
    "type": lambda shown: shown[1].type,
    "state": lambda shown: _state(shown[1]),
    "count": lambda shown: len(shown[1].attempts),
    "next_at": lambda shown: None if shown[1].next_at is None else format_instant(shown[1].next_at),
    "status": lambda shown: shown[1].attempts[-1].status if shown[1].attempts else None,
    "error": lambda shown: _error(shown[1]),
    "payload": lambda shown: orjson.loads(_payload(*shown)),
    "text": lambda shown: _payload(*shown).decode(),
}
"""What of a delivery a field can show; a field for which there is nothing to show is left out."""


def renew(world: World, script: Script) -> None:
    """Bring the records that show deliveries up to date. Raises Problem where that cannot be kept."""
    if world.post is None or not world.outbox.stale:
        return
    changes = tuple(_changes(world, script, world.post.rules.deliveries, world.post.rules.endpoints))
    if changes:
        world.commit(Decision(None, changes, (), (), ()), world.circumstances(world.clock.now()))
    world.outbox.stale.clear()


def _changes(world: World, script: Script, mirror: Mirror | None, endpoints: Records | None) -> Iterator[Changed]:
    told: dict[str, Endpoint] = {}
    for id in world.outbox.stale:
        delivery: Delivery = world.held["deliveries"][id]
        endpoint: Endpoint | None = world.held["endpoints"].get(delivery.endpoint)
        if endpoint is not None and endpoint.kind == "record":
            told[endpoint.id] = endpoint
            if mirror is not None:
                yield from _delivery(world, script, mirror, (world, delivery, endpoint))
    if endpoints is not None and endpoints.box:
        for endpoint in told.values():
            yield from _boxed(world, endpoints, endpoint)


def _delivery(world: World, script: Script, mirror: Mirror, shown: Shown) -> Iterator[Changed]:
    row = script.behaviour.resources[mirror.resource]
    named = {row.id_field: shown[1].id} if row.object_type is None else {row.object_field: row.object_type, row.id_field: shown[1].id}
    record = {**named, **_filled(mirror.fields, shown, mirror.states)}
    yield from _change(world, mirror.resource, shown[1].id, record)


def _boxed(world: World, rows: Records, endpoint: Endpoint) -> Iterator[Changed]:
    """An endpoint's record, telling of the delivery that holds back the others, if there is one."""
    kept_record = world.store.get(rows.resource, endpoint.id)
    if kept_record is None:
        return
    record: Record = {name: value for name, value in orjson.loads(kept_record).items() if name not in rows.box}
    head = world.outbox.head(endpoint.id)
    if head is not None and head.attempts:
        record |= _filled(rows.box, (world, head, endpoint), {})
    yield from _change(world, rows.resource, endpoint.id, record)


def _change(world: World, resource: str, id: str, record: Record) -> Iterator[Changed]:
    before, after = world.store.get(resource, id), kept(record)
    if before != after:
        yield Changed(resource, id, None if before is None else {}, record, after)


def _filled(fields: Mapping[str, Any], shown: Shown, states: Mapping[str, str]) -> Record:
    filled = {}
    for name, quantity in fields.items():
        value: Any = _filled(quantity, shown, states) if isinstance(quantity, Mapping) else QUANTITIES[quantity](shown)
        if value is not None:
            filled[name] = states.get(value, value) if quantity == "state" else value
    return filled


def _state(delivery: Delivery) -> str:
    """Its state as the API has it, which knows of no faults."""
    if delivery.state == LATE:
        return FAILING if delivery.attempts else DUE
    return delivery.state


def _error(delivery: Delivery) -> str | None:
    last = delivery.attempts[-1] if delivery.attempts else None
    return None if last is None or last.good else last.error or f"it answered {last.status}"


def _payload(world: World, delivery: Delivery, endpoint: Endpoint) -> bytes:
    try:
        return payload(world, delivery, endpoint)
    except ValueError:
        return b"{}"


def payload(world: World, delivery: Delivery, endpoint: Endpoint) -> bytes:
    """What a delivery carries. Raises ValueError where the document allows no such thing."""
    recorded = world.events[delivery.event - 1]
    if endpoint.kind == "callback":
        return b"" if recorded.event.data == b"null" else recorded.event.data
    assert world.post is not None
    return world.post.payload(delivery, recorded.event, recorded.at, recorded.cause, previous=endpoint.previous)
