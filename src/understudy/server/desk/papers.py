"""A record as a person reads it: what a resource's `view` in the behaviour file says of a document's head, lines and totals.

1. What is shown where is rows of that file; nothing here knows any resource.
2. A path is dotted and goes into arrays by `*`; at a field that refers to another record it goes on in that record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from understudy.engine.kinds import Kind
from understudy.engine.plans import Script
from understudy.exact import read
from understudy.world.store import Store

LINES = 500
"""Lines of a document that are shown."""

FAR = 12
"""Steps of a path."""


def paper(script: Script, store: Store, kind: Kind, record: dict[str, Any]) -> dict[str, Any] | None:
    """What stands in the document, as values; None for a resource that is not shown as one."""
    view = kind.resource.view
    if not view:
        return None
    at = Reader(script, store)
    lines = view.get("lines", {})
    rows = list(at.items(kind, record, lines["of"])) if lines else []
    columns = lines.get("columns", {})
    return {
        "title": view.get("title", kind.name), "number": at.first(kind, record, view.get("number", kind.resource.id_field)),
        "head": [{"label": label, "value": at.first(kind, record, path)} for label, path in view.get("head", {}).items()],
        "columns": list(columns), "rows": [[at.first(kind, line, path) for path in columns.values()] for line in rows[:LINES]],
        "more": max(len(rows) - LINES, 0),
        "totals": [{"label": label, "value": at.first(kind, record, path)} for label, path in view.get("totals", {}).items()],
        "amount": view.get("amount", []),
    }  # fmt: skip


class Reader:
    """Follows paths through records."""

    def __init__(self, script: Script, store: Store) -> None:
        self._script = script
        self._store = store

    def first(self, kind: Kind, value: Any, paths: Any) -> Any:
        """The first of some paths' values that is there."""
        every = [paths] if isinstance(paths, str) else paths
        return next((found for path in every for found in self.items(kind, value, path) if found not in (None, "", [])), None)

    def items(self, kind: Kind, value: Any, path: str) -> Iterator[Any]:
        """The values at a path; those of an array it ends at one by one."""
        yield from self._walk(kind, value, path.split(".")[:FAR], "")

    def _walk(self, kind: Kind, value: Any, steps: list[str], been: str) -> Iterator[Any]:
        if isinstance(value, list):
            for one in value:
                yield from self._walk(kind, one, steps[1:] if steps[:1] == ["*"] else steps, been)
        elif not steps:
            yield value
        elif isinstance(value, Mapping):
            field = f"{been}.{steps[0]}" if been else steps[0]
            yield from self._walk(kind, value.get(steps[0]), steps[1:], field)
        elif isinstance(value, str | int) and (target := self._target(kind, been)) is not None:
            kept = self._store.get(target.name, str(value))
            if kept is not None:
                yield from self._walk(target, target.public(read(kept)), steps, "")

    def _target(self, kind: Kind, field: str) -> Kind | None:
        name = {path.replace(".*", ""): target for path, target in kind.resource.refers_to.items()}.get(field)
        return None if name is None else self._script.kind(name)
