"""A bench for the billing effects: real transactions over a store of plain dicts, real behaviour rows, a clock to turn.

There is no document and no HTTP here: a call goes straight to its effect, as a create, an update or an action does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from understudy.behaviour.model import Behaviour
from understudy.behaviour.reading import read_behaviour
from understudy.engine.kinds import Kind, compile_kind
from understudy.engine.outcomes import Call
from understudy.engine.transaction import Transaction
from understudy.problems import Problem
from understudy.world.ids import Ids
from understudy_solvimon import periods, sandbox

FILE = Path(__file__).resolve().parents[2] / "openapi" / "solvimon.behaviour.yaml"

Record = dict[str, Any]


def behaviour() -> Behaviour:
    """The sandbox's own behaviour file."""
    rows: Record = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read_behaviour(rows)


class Bench:
    """One world: `now`, records by resource, and what was emitted, warned of and numbered on the way."""

    def __init__(self, now: str = "2025-05-06T10:30:00Z", **settings: Any) -> None:
        self.rules = behaviour()
        self.settings = {**self.rules.settings, **settings}
        self.now = periods.instant(now)
        self.ids = Ids(1)
        self.rows: dict[str, dict[str, bytes]] = {}
        self.emitted: list[tuple[str, Any]] = []
        self.warnings: list[str] = []
        self.facts: list[str] = []
        self.reads = 0

    # --- the view a transaction reads ---

    def get(self, resource: str, id: str) -> bytes | None:
        """A record's bytes."""
        self.reads += 1
        return self.rows.get(resource, {}).get(id)

    def find(self, resource: str, field: str, value: Any) -> list[str]:
        """The ids of the records with a field's value, in order of creation."""
        return [id for id, row in self.rows.get(resource, {}).items() if orjson.loads(row).get(field) == value]

    # --- changing it ---

    def begin(self) -> Transaction:
        """A transaction at the bench's time."""
        react = {key: tuple(getattr(sandbox, name) for name in names) for key, names in self.rules.reactions.items()}
        return Transaction(self, self.kind, react, now=self.now, ids=self.ids, settings=self.settings)

    def kind(self, name: str) -> Kind:
        """A resource's row, without a document."""
        return compile_kind(self.rules.resources[name], None, None)  # type: ignore[arg-type]

    def keep(self, tx: Transaction) -> None:
        """Settle and commit."""
        tx.settle()
        for (resource, id), (_, after) in tx.changes.items():
            rows = self.rows.setdefault(resource, {})
            if after is None:
                rows.pop(id, None)
            else:
                rows[id] = orjson.dumps(after)
        self.emitted += tx.emitted
        self.warnings += tx.warnings
        self.facts += [f"{fact.resource}.{fact.fact}" for fact in tx.facts]

    def make(self, resource: str, **values: Any) -> Record:
        """What a create does where no effect stands in for it."""
        tx = self.begin()
        id = tx.create(resource, values)["id"]
        self.keep(tx)
        return self.read(resource, id)

    def change(self, resource: str, id: str, **values: Any) -> Record:
        """What an update does."""
        tx = self.begin()
        tx.update(resource, id, values)
        self.keep(tx)
        return self.read(resource, id)

    def fire(self, resource: str, id: str, trigger: str) -> Record:
        """What an action does that is a trigger of the lifecycle."""
        tx = self.begin()
        tx.fire(resource, id, trigger)
        self.keep(tx)
        return self.read(resource, id)

    def drop(self, resource: str, id: str) -> None:
        """What a delete does."""
        tx = self.begin()
        tx.delete(resource, id)
        self.keep(tx)

    def call(self, effect: str, body: Any = None, record: Record | None = None, **query: Any) -> Any:
        """An operation that is an effect, and its answer as it is after the reactions."""
        tx = self.begin()
        fresh = tx.get(*self._where(record)) if record else None
        answer = getattr(sandbox, effect)(tx, Call(effect, {}, query, {}, body, fresh))
        self.keep(tx)
        kept = self.get(*self._where(answer)) if isinstance(answer, dict) and answer.get("object_type") in self._names() else None
        return answer if kept is None else orjson.loads(kept)

    def _where(self, record: Mapping[str, Any]) -> tuple[str, str]:
        return self._names()[record["object_type"]], record["id"]

    def _names(self) -> dict[str | None, str]:
        return {kind.object_type: name for name, kind in self.rules.resources.items() if kind.object_type}

    # --- reading it ---

    def read(self, resource: str, id: str) -> Record:
        """One record, as it is kept."""
        record: Record = orjson.loads(self.rows[resource][id])
        return record

    def all(self, resource: str, **equals: Any) -> list[Record]:
        """Every record of a resource, refreshed first, in order of creation."""
        for name in self.rules.refreshes.get(resource, ()):
            tx = self.begin()
            getattr(sandbox, name)(tx)
            self.keep(tx)
        rows = [orjson.loads(row) for row in self.rows.get(resource, {}).values()]
        return [row for row in rows if all(row.get(field) == value for field, value in equals.items())]

    # --- time ---

    def advance(self, to: str) -> None:
        """Turn the clock and let everything fall due in order of time."""
        target = periods.instant(to)
        while (due := min(self._timers(target), default=None)) is not None:
            at, _, resource, id, trigger = due
            self.now = max(self.now, at)
            self.fire_timer(resource, id, trigger)
        self.now = target

    def fire_timer(self, resource: str, id: str, trigger: str) -> None:
        """What a timer does."""
        tx = self.begin()
        tx.fire(resource, id, trigger)
        self.keep(tx)

    def _timers(self, until: datetime) -> Iterator[tuple[datetime, int, str, str, str]]:
        for name, resource in self.rules.resources.items():
            machine = resource.lifecycle
            if machine is None or not machine.timers:
                continue
            for place, row in enumerate(self.rows.get(name, {}).values()):
                record = orjson.loads(row)
                for trigger, field in machine.timers.items():
                    at = record.get(field)
                    if at and trigger in machine.table[record[machine.field]] and periods.instant(at) <= until:
                        yield periods.instant(at), place, name, record["id"], trigger


def refused(bench: Bench, effect: str, body: Any, record: Record | None = None, **query: Any) -> Problem:
    """The problem an effect refuses a call with; nothing is kept."""
    before = {name: dict(rows) for name, rows in bench.rows.items()}
    with pytest.raises(Problem) as caught:
        bench.call(effect, body, record, **query)
    assert bench.rows == before
    return caught.value
