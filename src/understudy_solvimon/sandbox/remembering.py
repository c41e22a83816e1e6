"""A transaction that remembers, for requests that ask the same of many: a batch of usage events of one customer.

1. What was asked before is answered as it was then, until a record of that resource is written through it.
2. What it answers with is shared: to be read, never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction

_STANDING = frozenset({"customer", "meter", "meter_value", "meter_property", "subscription", "billing_period", "schedule", "usage_route"})
"""Resources whose records an event reads and seldom writes."""


def remembering(tx: Transaction) -> Transaction:
    """The same transaction, with a memory."""
    return cast("Transaction", _Remembering(tx))


class _Remembering:
    __slots__ = ("_known", "_tx")

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[str, dict[Any, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def _asked(self, resource: str, question: Any, ask: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if resource not in _STANDING:
            return ask(*arguments, **named)
        answers = self._known.setdefault(resource, {})
        if question not in answers:
            answers[question] = ask(*arguments, **named)
        return answers[question]

    def get(self, resource: str, id: str) -> Record | None:
        return cast("Record | None", self._asked(resource, id, self._tx.get, resource, id))

    def need(self, resource: str, id: str, field: str | None = None) -> Record:
        known = self.get(resource, id)
        return self._tx.need(resource, id, field) if known is None else known

    def by_key(self, resource: str, key: Any) -> Record | None:
        return cast("Record | None", self._asked(resource, ("key", key), self._tx.by_key, resource, key))

    def find(self, resource: str, **equals: Any) -> list[Record]:
        return cast("list[Record]", self._asked(resource, ("find", *equals.items()), self._tx.find, resource, **equals))

    def first(self, resource: str, **equals: Any) -> Record | None:
        return cast("Record | None", self._asked(resource, ("first", *equals.items()), self._tx.first, resource, **equals))

    def create(self, resource: str, values: Mapping[str, Any]) -> Record:
        self._known.pop(resource, None)
        return self._tx.create(resource, values)

    def update(self, resource: str, id: str, values: Mapping[str, Any]) -> Record:
        self._known.pop(resource, None)
        return self._tx.update(resource, id, values)

    def delete(self, resource: str, id: str) -> Record:
        self._known.pop(resource, None)
        return self._tx.delete(resource, id)
