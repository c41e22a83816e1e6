"""An exchange as the laws see it: which operation of which resource, whose record it shows, what it lists.

Pure: nothing is judged or remembered here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl

from understudy.check.session import items_path
from understudy.check.steps import ABSENT, Answer, Ref, Step, at
from understudy.check.subjects import Api, Subject
from understudy.contract.accepting import Accepted
from understudy.contract.values import Operation
from understudy.problems import Problem
from understudy.proxy.exchanges import Exchange, media_of

WHO = re.compile(r"auth|key|token|secret|account|tenant|organi[sz]ation|workspace|project|session|cookie|user|world|version|client|language|locale")
"""Headers by which an API may show one thing to one and another to another: who sends them otherwise is someone else."""
NOBODY = re.compile(r"idempotency|user-agent|sec-websocket|if-|accept-encoding")
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})


@dataclass(frozen=True, slots=True)
class Moment:
    """`record` stands at `inside` of the answer, `rows` at `place`; `sent` is the record of the request; `id` what the path names."""

    exchange: Exchange
    step: Step
    answer: Answer
    operation: Operation | None
    kind: str = ""
    trigger: str | None = None
    subject: Subject | None = None
    id: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    sent: Any = ABSENT
    value: Any = ABSENT
    record: Mapping[str, Any] | None = None
    inside: tuple[str | int, ...] = ()
    rows: list[Any] | None = None
    place: tuple[str | int, ...] = ()
    party: str = ""
    refused: Problem | None = None  # what the document has against the request

    @property
    def ok(self) -> bool:
        """Whether it was answered 2xx."""
        return self.answer.ok

    @property
    def safe(self) -> bool:
        """Whether it asked for nothing to change (RFC 9110 section 9.2.1)."""
        return self.exchange.method in SAFE or self.kind in ("list", "search", "retrieve")

    @property
    def name(self) -> str:
        """What it is shown as: the operation, or method and path."""
        return self.operation.key if self.operation is not None else f"{self.exchange.method} {self.exchange.path}"

    @property
    def owner(self) -> str | None:
        """The id of the record it shows, or of the one its path names."""
        shown = self.record.get(self.subject.id_field) if self.record is not None and self.subject is not None else None
        return str(shown) if shown is not None else self.id

    def state(self) -> Any:
        """The state of the record it shows."""
        field = self.subject.state_field if self.subject is not None else None
        return self.record.get(field) if self.record is not None and field is not None else None

    def of(self, index: int, *path: str | int) -> Ref:
        """A place in its record, where it is the one at an index of a finding's steps."""
        return Ref(index, (*self.inside, *path))


def moment(api: Api, exchange: Exchange) -> Moment:
    """An exchange, understood as far as the document goes."""
    try:
        operation, parameters = matched(api, exchange.method, exchange.path)
    except Problem as problem:
        unknown = None if exchange.method == "OPTIONS" else problem  # what a browser asks by itself (the Fetch standard)
        return Moment(exchange, _step(exchange, None, {}), exchange.reply(), None, refused=unknown)
    accepted, wrong = _accepted(api, exchange, operation, parameters)
    step, answer = _step(exchange, operation, parameters), exchange.reply()
    value = answer.value
    role = api.roles[operation.key]
    kind, trigger = api.part(operation)
    subject = api.subjects.get(role.resource or "")
    if subject is None:
        return Moment(exchange, step, answer, operation, kind, value=value, party=party(exchange), refused=wrong)
    record, inside = _record(subject, value, kind) if exchange.ok else (None, ())
    place = items_path(subject)
    rows = at(value, place) if kind in ("list", "search") and exchange.ok else None
    return Moment(
        exchange, step, answer, operation, kind, trigger, subject, parameters.get(role.id_parameter or ""),
        {name: parameters[name] for name in role.parents if name in parameters}, accepted.query if accepted is not None else _plain(exchange),
        _unwrapped(subject, kind, exchange.asked), value, record, inside, rows if isinstance(rows, list) else None, place, party(exchange), wrong,
    )  # fmt: skip


def matched(api: Api, method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation a request means; a HEAD that is not declared is a GET (RFC 9110 section 9.3.2). Raises Problem."""
    try:
        return api.contract.match(method, path)
    except Problem:
        if method != "HEAD":
            raise
    return api.contract.match("GET", path)


def _accepted(api: Api, exchange: Exchange, operation: Operation, parameters: Mapping[str, str]) -> tuple[Accepted | None, Problem | None]:
    headers = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in exchange.sent]
    try:
        return api.contract.accept(operation, parameters, exchange.query.encode(), headers, exchange.body or b""), None
    except Problem as problem:
        return None, problem


def _step(exchange: Exchange, operation: Operation | None, parameters: Mapping[str, str]) -> Step:
    query = tuple(parse_qsl(exchange.query, keep_blank_values=True))
    asked = exchange.asked
    raw = exchange.body if exchange.body and asked is ABSENT else None
    path = operation.path if operation is not None else exchange.path
    return Step(operation.key if operation is not None else "", exchange.method, path, dict(parameters), query, _told(exchange), asked, raw, media_of(exchange.sent) or "application/json")


def _told(exchange: Exchange) -> dict[str, str]:
    """Headers without which a request is another one."""
    return {name: value for name, value in exchange.sent if name.startswith(("idempotency", "if-", "prefer"))}


def _plain(exchange: Exchange) -> dict[str, Any]:
    return dict(parse_qsl(exchange.query, keep_blank_values=True))


def _record(subject: Subject, value: Any, kind: str) -> tuple[Mapping[str, Any] | None, tuple[str | int, ...]]:
    """The record an answer shows, and where."""
    if kind in ("list", "search", "example"):
        return None, ()
    wrap = subject.resource.wrap
    inside: tuple[str | int, ...] = ()
    if isinstance(value, dict) and wrap is not None and isinstance(value.get(wrap), dict):
        value, inside = value[wrap], (wrap,)
    return (value, inside) if isinstance(value, dict) and value.get(subject.id_field) is not None else (None, ())


def _unwrapped(subject: Subject, kind: str, body: Any) -> Any:
    if kind not in ("create", "update", "replace", "upsert") or not isinstance(body, dict):
        return body
    wrap = subject.written(kind)[1]
    return body.get(wrap, body) if wrap is not None else body


def party(exchange: Exchange) -> str:
    """Who asks, as far as the headers tell; it says nothing of what they hold."""
    told = [f"{name}:{value}" for name, value in exchange.sent if WHO.search(name) and not NOBODY.search(name)]
    return blake2b("\n".join(told).encode(), digest_size=8).hexdigest()
