"""Any history of commits, forks, deletes and questions, against plain dicts and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from understudy.problems import Problem
from understudy.world import indexes, layers, parts, queries
from understudy.world.store import Change, Query, Store

Model = dict[str, dict[str, dict[str, Any]]]  # resource -> id -> record, in creation order

IDS = st.sampled_from([f"id{number}" for number in range(40)])
RESOURCES = st.sampled_from(["customer", "invoice"])
SCALARS = st.sampled_from([None, 0, 1, 2, 1.0, 1.5, -3, "", "1", "a", "b", True, False, {"k": 1}])
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.fixed_dictionaries({"sub": SCALARS}))
PATHS = st.sampled_from(["f", "g", "f.sub", "id", "never"])
RECORDS = st.fixed_dictionaries({}, optional={"f": VALUES, "g": SCALARS, "h": VALUES})
STEPS = st.lists(st.tuples(RESOURCES, IDS, st.one_of(st.none(), RECORDS)), max_size=12)
PLAIN = st.sampled_from([None, 0, 1, 2, 1.5, "", "1", "a", "b", True, False])


def values(value: Any, names: Sequence[str]) -> list[Any]:
    """All that a path reaches."""
    if isinstance(value, list):
        return [found for item in value for found in values(item, names)]
    if not names:
        return [value]
    return values(value[names[0]], names[1:]) if isinstance(value, dict) and names[0] in value else []


def reached(record: dict[str, Any], path: str) -> list[Any]:
    """The same, at least null."""
    return values(record, path.split(".")) or [None]


def place(value: Any) -> tuple[int, Any]:
    """The total order."""
    if value is None:
        return 4, 0
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    return (1, value) if isinstance(value, str) else (3, orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def matches(record: dict[str, Any], query: Query) -> bool:
    """Whether a record is asked for."""
    for field, wanted in query.equals:
        if not {place(value) for value in reached(record, field)} & {place(value) for value in wanted}:
            return False
    for field, low, high in query.ranges:
        at = place(reached(record, field)[0])
        if at[0] == 4 or (low is not None and not (place(low)[0] == at[0] and place(low) <= at)):
            return False
        if high is not None and not (place(high)[0] == at[0] and at <= place(high)):
            return False
    return query.where is None or query.where(record)


def answer(model: Model, query: Query) -> tuple[int, list[bytes]]:
    """The page a list and a sort give."""
    records = [record for record in model.get(query.resource, {}).values() if matches(record, query)]
    if query.order_by is not None:
        by = query.order_by
        records.sort(key=lambda record: place(reached(record, by)[0]))
    if query.descending:
        records.reverse()
    stop = None if query.limit is None else query.offset + query.limit
    return len(records), [orjson.dumps(record) for record in records[query.offset : stop]]


QUERIES = st.builds(
    Query,
    resource=RESOURCES,
    equals=st.lists(st.tuples(PATHS, st.frozensets(PLAIN, max_size=3)), max_size=2).map(tuple),
    ranges=st.lists(st.tuples(PATHS, PLAIN, PLAIN), max_size=1).map(tuple),
    where=st.sampled_from([None, None, None, lambda record: "g" in record]),
    order_by=st.one_of(st.none(), PATHS),
    descending=st.booleans(),
    offset=st.integers(0, 20),
    limit=st.one_of(st.none(), st.integers(0, 20)),
    after=st.none(),
    before=st.none(),
)


class History(RuleBasedStateMachine):
    """Several stores, forked from each other, each beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self.patched = pytest.MonkeyPatch()
        for module, name, value in [
            (parts, "SPAN", 4),
            (parts, "BUCKET", 4),
            (indexes, "SPAN", 4),
            (layers, "_SHIFT", 2),
            (layers, "_WITHIN", 3),
        ]:
            self.patched.setattr(module, name, value)
        self.sides: list[tuple[Store, Model]] = [(Store(), {})]

    @initialize(few=st.sampled_from([-1, 2, 32]), most=st.sampled_from([0, 5, 32]))
    def choose_limits(self, few: int, most: int) -> None:
        """How soon a query is given an index."""
        self.patched.setattr(queries, "FEW", few)
        self.patched.setattr(queries, "INDEXES", most)

    def teardown(self) -> None:
        """Leave the parts as they are."""
        self.patched.undo()

    def side(self, choice: int) -> tuple[Store, Model]:
        """One of the stores."""
        return self.sides[choice % len(self.sides)]

    @rule(
        choice=st.integers(0, 9), steps=st.lists(st.tuples(RESOURCES, IDS, st.one_of(st.none(), RECORDS)), max_size=12)
    )
    def commit(self, choice: int, steps: list[tuple[str, str, dict[str, Any] | None]]) -> None:
        """Make, change and delete as each record's presence allows, all in one commit."""
        store, model = self.side(choice)
        changes: list[Change] = []
        for resource, id, fields in steps:
            records = model.setdefault(resource, {})
            before = records.get(id)
            if fields is not None:
                after = {"id": id, **fields}
                records[id] = after
                changes.append(Change(resource, id, before, after, orjson.dumps(after) if len(changes) % 2 else None))
            elif before is not None:
                del records[id]
                changes.append(Change(resource, id, before, None))
        store.commit(changes)

    @rule(choice=st.integers(0, 9), resource=RESOURCES, id=IDS, fields=RECORDS)
    def fail(self, choice: int, resource: str, id: str, fields: dict[str, Any]) -> None:
        """A commit whose last change is wrong leaves nothing behind."""
        store, model = self.side(choice)
        present = id in model.get(resource, {})
        wrong = Change(resource, id, None if present else {}, fields)
        extra = Change(resource, "extra", None, {"id": "extra", **fields})
        with pytest.raises(Problem):
            store.commit([extra, wrong])

    @rule(choice=st.integers(0, 9), resource=RESOURCES)
    def clear(self, choice: int, resource: str) -> None:
        """Delete most of a resource at once."""
        store, model = self.side(choice)
        records = model.get(resource, {})
        gone = [id for number, id in enumerate(records) if number % 5]
        store.commit([Change(resource, id, records.pop(id), None) for id in gone])

    @precondition(lambda self: len(self.sides) < 6)
    @rule(choice=st.integers(0, 9))
    def fork(self, choice: int) -> None:
        """Go on with both."""
        store, model = self.side(choice)
        self.sides.append((store.fork(), {resource: dict(records) for resource, records in model.items()}))

    @precondition(lambda self: len(self.sides) > 1)
    @rule(choice=st.integers(0, 9))
    def drop(self, choice: int) -> None:
        """End one."""
        del self.sides[choice % len(self.sides)]

    @rule(choice=st.integers(0, 9))
    def reload(self, choice: int) -> None:
        """Dump one and load it again."""
        store, model = self.sides.pop(choice % len(self.sides))
        self.sides.append((Store.load(store.dump()), model))

    @rule(query=QUERIES)
    def select(self, query: Query) -> None:
        """Every store gives its model's page."""
        for store, model in self.sides:
            page = store.select(query)
            assert (page.total, page.rows) == answer(model, query)

    @rule(resource=RESOURCES, path=PATHS, value=SCALARS)
    def find(self, resource: str, path: str, value: Any) -> None:
        """Every store finds its model's records."""
        for store, model in self.sides:
            found = [
                id
                for id, record in model.get(resource, {}).items()
                if place(value) in {place(held) for held in reached(record, path)}
            ]
            assert store.find(resource, path, value) == found

    @invariant()
    def records_are_all_there(self) -> None:
        """By id, by number, and in TinyDB's eyes."""
        for store, model in self.sides:
            for resource, records in model.items():
                assert store.count(resource) == len(records)
                assert [dict(document) for document in store.database.table(resource)] == list(records.values())
                for id in ("id0", "id1", "id2", "extra"):
                    kept = store.get(resource, id)
                    assert (kept and orjson.loads(kept)) == records.get(id)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
