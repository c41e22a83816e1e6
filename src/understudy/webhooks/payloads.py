"""What a receiver is sent: an event in the words of the behaviour file or, without one, of the document's `webhooks`.

1. Whatever leaves is judged against the document first.
2. Without a template an event is told as its record; where the document shows an envelope (a type beside a part that
   holds the record) as that. What a document requires beyond is filled in from its example.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from understudy.behaviour.model import Behaviour
from understudy.contract.contract import Contract
from understudy.contract.values import Schema, Webhook
from understudy.durations import format_instant
from understudy.engine.completing import Complete, Completed, completer
from understudy.webhooks.rules import Rules


@dataclass(frozen=True, slots=True)
class Fact:
    """An event to be told: `type` is its own, `name` the one it is told under, `cause` the request that made it."""

    id: str
    type: str
    name: str
    at: datetime
    data: bytes
    previous: bytes | None
    cause: str | None


QUANTITIES: Mapping[str, Callable[[Fact], Any]] = {
    "id": lambda fact: fact.id,
    "type": lambda fact: fact.name,
    "at": lambda fact: format_instant(fact.at),
    "seconds": lambda fact: int(fact.at.timestamp()),
    "cause": lambda fact: fact.cause,
    "data": lambda fact: orjson.Fragment(fact.data),
    "previous": lambda fact: None if fact.previous is None else orjson.Fragment(fact.previous),
}
"""What a template may name. What there is nothing to say of is left out: `cause` of a timer, `previous` of a new record."""

_ENVELOPES: Mapping[str, tuple[str, ...]] = {
    "type": ("type", "event", "event_type", "eventType", "topic", "event_name", "name", "action"),
    "data": ("data", "object", "payload", "resource", "record", "body"),
    "id": ("id", "event_id", "eventId"),
    "at": ("created_at", "createdAt", "timestamp", "occurred_at", "created", "time", "date"),
}


class Payloads:
    """The payloads of one document; nothing is compiled before it is asked for."""

    def __init__(self, contract: Contract, rules: Rules, behaviour: Behaviour) -> None:
        self._contract = contract
        self._rules = rules
        self._mended = behaviour.effects is None
        self._templates: dict[str, Mapping[str, Any]] = {}
        self._judges: dict[str, tuple[Schema | None, Callable[[Any], bool]]] = {}
        self._completers: dict[str, Complete] = {}

    def check(self, type: str, data: bytes, at: datetime) -> None:
        """Whether an event can be told as it is: nothing of it has to be left out. Raises ValueError."""
        fact = Fact("", type, type, at, data, None, None)
        schema, done = self.schema(type), self._mend(type, orjson.loads(self._encoded(fact)))
        if schema is not None and (done is None or done.lost):
            raise self._wrong(type, schema, orjson.loads(self._encoded(fact)))

    def body(self, fact: Fact, *, previous: bool) -> bytes:
        """What is posted. Raises ValueError where the document allows no such thing."""
        encoded = self._encoded(fact if previous or fact.previous is None else _without_previous(fact))
        judge = self._judges.get(fact.type) or self._judge(fact.type)
        schema, is_valid = judge
        if schema is None:
            return encoded
        value = orjson.loads(encoded)
        if is_valid(value):
            return encoded
        done = self._mend(fact.type, value)
        if done is None:
            raise self._wrong(fact.type, schema, value)
        return orjson.dumps(done.value)

    def _judge(self, type: str) -> tuple[Schema | None, Callable[[Any], bool]]:
        schema = self.schema(type)
        judge = schema, (lambda value: True) if schema is None else self._contract.validator(schema, "response").is_valid
        self._judges[type] = judge
        return judge

    def _encoded(self, fact: Fact) -> bytes:
        template = self.template(fact.type)
        return orjson.dumps(_filled(template, fact, self._rules.constants)) if template else fact.data

    def _mend(self, type: str, value: Any) -> Completed | None:
        """A payload made to fit, where no effect stands behind the behaviour; None for one that does not fit."""
        schema = self.schema(type)
        if schema is None or self._contract.validator(schema, "response").is_valid(value):
            return Completed(value)
        return self._completer(type, schema)(value) if self._mended else None

    def _wrong(self, type: str, schema: Schema, value: Any) -> ValueError:
        violation = self._contract.validator(schema, "response").first(value)
        said = "" if violation is None else f"{violation.field + ': ' if violation.field else ''}{violation.message}"
        return ValueError(f"the document allows no such {type}: {said}")

    def schema(self, type: str) -> Schema | None:
        """What the document says a payload of a type looks like."""
        webhook = self._contract.webhooks.get(type)
        return None if webhook is None else _json(webhook)

    def example(self, type: str) -> Any:
        """An example of an event's data; an empty object where the document knows no such event."""
        schema = self.schema(type)
        if schema is None:
            return {}
        value = self._contract.example(schema, "response")
        path = next((path for path, quantity in _leaves(self.template(type)) if quantity == "data"), ())
        for step in path:
            value = value.get(step, {}) if isinstance(value, dict) else {}
        return value

    def template(self, type: str) -> Mapping[str, Any]:
        """How an event is put into its payload: property -> quantity, or a further template; empty: the record itself."""
        if self._rules.payload:
            return self._rules.payload
        if type not in self._templates:
            schema = self.schema(type)
            self._templates[type] = {} if schema is None else self._understood(schema)
        return self._templates[type]

    def _understood(self, schema: Schema) -> Mapping[str, Any]:
        properties = self._contract.shape(schema, "response").properties
        found = {quantity: next((name for name in names if name in properties), None) for quantity, names in _ENVELOPES.items()}
        if found["type"] is None or found["data"] is None:
            return {}
        template: dict[str, Any] = {name: quantity for quantity, name in found.items() if name is not None}
        inner = self._contract.shape(properties[found["data"]], "response").properties
        if "object" in inner and found["data"] != "object" and len(inner) <= 3:
            template[found["data"]] = {"object": "data"}
        at = found["at"]
        if at is not None and "integer" in self._contract.shape(properties[at], "response").types:
            template[at] = "seconds"
        return template

    def _completer(self, type: str, schema: Schema) -> Complete:
        if type not in self._completers:
            self._completers[type] = completer(self._contract, schema)
        return self._completers[type]


def check_template(template: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Whether a template names nothing but what there is. Raises ValueError."""
    for path, quantity in _leaves(template):
        if quantity not in known:
            raise ValueError(f'{where}/{"/".join(path)}: "{quantity}" is nothing that can stand there; there are {", ".join(known)}')


def _json(webhook: Webhook) -> Schema | None:
    content = webhook.body.content if webhook.body is not None else {}
    return next((schema for media, schema in content.items() if "json" in media), None)


def _without_previous(fact: Fact) -> Fact:
    return Fact(fact.id, fact.type, fact.name, fact.at, fact.data, None, fact.cause)


def _filled(template: Mapping[str, Any], fact: Fact, constants: Mapping[str, Any]) -> dict[str, Any]:
    filled = {}
    for name, quantity in template.items():
        value = _filled(quantity, fact, {}) if isinstance(quantity, Mapping) else QUANTITIES[quantity](fact)
        if value is not None:
            filled[name] = value
    return {**filled, **constants}


def _leaves(template: Mapping[str, Any], at: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    for name, quantity in template.items():
        found += _leaves(quantity, (*at, name)) if isinstance(quantity, Mapping) else [((*at, name), quantity)]
    return found
