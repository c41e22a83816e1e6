"""Two answers to one request, compared: what a server makes up (ids, times, cursors) by correspondence, the rest as it is.

A made-up value of one side corresponds to one of the other from the first time both are seen in the same place; from
then on it must be that one everywhere. Nothing is sent here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from understudy.check.steps import ABSENT, Answer, Step, at
from understudy.check.subjects import Api, Subject

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
WORDS = ("message", "detail", "title", "description", "reason", "error", "type", "code")
"""Properties of a refusal in which two implementations may say the same in other words."""

COUNTERS = (("version",), ("revision",), ("lock_version",), ("lockVersion",))
"""Properties that count writes: by how much, nobody says."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two answers differ. `at` is a pointer without indexes; `where`: status, body or header."""

    operation: str
    at: str
    left: Any
    right: Any
    spoken: bool  # the contract or the behaviour says something of this place


@dataclass
class Correspondence:
    """What of one side is what of the other."""

    api: Api
    forth: dict[str, str] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)

    def differences(self, step: Step, left: Answer, right: Answer) -> Iterator[Difference]:
        """Every difference of two answers to a step, the status first; a different status is the only one told."""
        operation = step.operation or f"{step.method} {step.path}"
        if left.status != right.status:
            yield Difference(operation, "status", left.status, right.status, True)
            return
        if (left.value is ABSENT) != (right.value is ABSENT):
            yield Difference(operation, "body", bool(left.body), bool(right.body), True)
        elif left.value is not ABSENT:
            one, other = self._settled(step, left.value, right.value)
            yield from self._values(operation, (), one, other, left.status >= 400)
        for name in ("content-type", "location", "allow"):
            if (name in left.headers) != (name in right.headers):
                yield Difference(operation, f"header {name}", left.headers.get(name), right.headers.get(name), False)

    def _values(self, operation: str, path: tuple[str, ...], left: Any, right: Any, refusal: bool) -> Iterator[Difference]:
        if isinstance(left, dict) and isinstance(right, dict):
            for name in dict.fromkeys((*left, *right)):
                if name in left and name in right:
                    yield from self._values(operation, (*path, name), left[name], right[name], refusal)
                elif not (left.get(name) is None and right.get(name) is None):
                    yield self._told(operation, (*path, name), left.get(name, ABSENT), right.get(name, ABSENT), refusal)
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                yield self._told(operation, (*path, "length"), len(left), len(right), refusal)
            for one, other in zip(left, right, strict=False):
                yield from self._values(operation, (*path, "*"), one, other, refusal)
        elif not self._alike(operation, path, left, right, refusal):
            yield self._told(operation, path, left, right, refusal)

    def _told(self, operation: str, path: tuple[str, ...], left: Any, right: Any, refusal: bool) -> Difference:
        at = ".".join(path) or "body"
        return Difference(operation, at, left, right, not refusal and path[-1:] not in COUNTERS and self._is_declared(operation, path))

    def _is_declared(self, operation: str, path: tuple[str, ...]) -> bool:
        """Whether the document declares this place of the operation's good answer."""
        found = self.api.success_schema(self.api.by_key.get(operation))
        for part in path:
            if found is None or part == "length":
                return found is not None
            shape = self.api.contract.shape(found, "response")
            found = shape.items if part == "*" else shape.properties.get(part)
        return found is not None

    def _alike(self, operation: str, path: tuple[str, ...], left: Any, right: Any, refusal: bool) -> bool:
        if left == right and isinstance(left, bool) == isinstance(right, bool) and not (isinstance(left, int) and self._is_id(operation, path)):
            return True
        if isinstance(left, int | float) and isinstance(right, int | float) and not isinstance(left, bool) and not isinstance(right, bool):
            return float(left) == float(right) if not self._is_id(operation, path) else self._corresponds(self._marked(operation, path, left), self._marked(operation, path, right))
        if not isinstance(left, str) or not isinstance(right, str):
            return False
        if (refusal and path and path[-1] in WORDS) or (MOMENT.match(left) and MOMENT.match(right)) or _is_own_link(left, right):
            return True
        return (self._is_made_up(operation, path) or left in self.forth) and self._corresponds(left, right)

    def _marked(self, operation: str, path: tuple[str, ...], id: float) -> str:
        """A number as an id of its kind of record: numbers of two kinds are no id in common."""
        subject = self._subject(operation)
        inside = [part for part in path if part != "*"]
        if subject is not None and inside[-1] in subject.resource.refers_to:
            return f"{subject.resource.refers_to[inside[-1]]} {id}"
        if subject is not None and inside[-1] == subject.id_field and inside[:-1] in ([], [subject.lists.items], [subject.resource.wrap]):
            return f"{subject.name} {id}"
        return f"{inside[-1].removesuffix('Id').removesuffix('_id') if inside[-1] != 'id' else inside[-2] if len(inside) > 1 else ''} {id}"

    def _settled(self, step: Step, left: Any, right: Any) -> tuple[Any, Any]:
        """Two pages without what their order leaves open: records that are equal in it come in any order, and so do those a clock orders."""
        role = self.api.roles.get(step.operation)
        subject = self.api.subjects.get(role.resource) if role is not None and role.kind == "list" and role.resource else None
        if subject is None:
            return left, right
        path = tuple(subject.lists.items.split(".")) if subject.lists.items else ()
        one, other = at(left, path), at(right, path)
        field = _order_of(subject, step)
        if field is None or not all(isinstance(rows, list) and all(isinstance(row, dict) for row in rows) for rows in (one, other)) or len(one) != len(other):
            return left, right
        kept = self._aligned(subject, field, one, other, _edges(subject, step, len(one)))
        return _with(left, path, kept[0]), _with(right, path, kept[1])

    def _aligned(self, subject: Subject, field: str, left: list[Any], right: list[Any], open_at: tuple[bool, bool]) -> tuple[list[Any], list[Any]]:
        """Rows in pairs, group by group of equal values; a group that may go on on another page is left out."""
        clocked = all(isinstance(row.get(field), str) and MOMENT.match(row[field]) for row in (*left, *right))
        tied = clocked and any(len({row[field] for row in rows}) < len(rows) for rows in (left, right))
        if clocked and not tied and not any(open_at):
            return left, right
        groups = [(left, right)] if clocked else list(_groups(field, left, right))
        if not all(len(some) == len(others) for some, others in groups):
            return left, right
        kept: tuple[list[Any], list[Any]] = ([], [])
        for index, (some, others) in enumerate(groups):
            if (index == 0 and open_at[0]) or (index == len(groups) - 1 and open_at[1]):
                continue
            twins = {self._twin(subject, row): row for row in some}
            pairs = [(twins.get(str(row.get(subject.id_field)), twins.get(f"{subject.name} {row.get(subject.id_field)}")), row) for row in others]
            known = len(twins) == len(some) and all(row is not None for row, _ in pairs)
            kept[0].extend([row for row, _ in pairs] if known else some)
            kept[1].extend(others)
        return kept

    def _twin(self, subject: Subject, row: dict[str, Any]) -> str:
        """What the id of a record corresponds to on the other side: what was learned, else itself."""
        id = row.get(subject.id_field)
        return self.forth.get(f"{subject.name} {id}") or self.forth.get(str(id)) or str(id)

    def _is_id(self, operation: str, path: tuple[str, ...]) -> bool:
        if not path:
            return False
        subject = self._subject(operation)
        named = subject is not None and path[-1] in {subject.id_field, *subject.resource.refers_to}
        return named or path[-1] == "id" or path[-1].endswith(("_id", "Id")) or any(path[-1] == one.id_field for one in self.api.subjects.values())

    def _subject(self, operation: str) -> Subject | None:
        role = self.api.roles.get(operation)
        return self.api.subjects.get(role.resource) if role is not None and role.resource else None

    def _is_made_up(self, operation: str, path: tuple[str, ...]) -> bool:
        """Whether a server chooses the text at a place: ids, cursors, secrets, links, tokens."""
        last = path[-1] if path else ""
        return self._is_id(operation, path) or re.search(r"cursor|secret|token|url|href|link|etag|signature|number|after|before|next|prev", last, re.IGNORECASE) is not None

    def _corresponds(self, left: str, right: str) -> bool:
        if self.forth.setdefault(left, right) != right:
            return False
        return self.back.setdefault(right, left) == left


def _is_own_link(left: str, right: str) -> bool:
    """Whether two addresses name the same path and query, each on a host of its own."""
    one, other = urlsplit(left), urlsplit(right)
    return {one.scheme, other.scheme} <= {"http", "https"} and (one.path, one.query) == (other.path, other.query)


def _order_of(subject: Subject, step: Step) -> str | None:
    """The field a list was asked to be ordered by, or is ordered by of itself."""
    asked = dict(step.query)
    for query, ordered, _ in subject.orders:
        if all(asked.get(name) == value for name, value in query):
            return ordered
    word = str(asked.get(str(subject.lists.order_by), "")).lstrip("+-")
    return word or subject.lists.default_order


def _edges(subject: Subject, step: Step, count: int) -> tuple[bool, bool]:
    """Whether records may stand before, and behind, those of a page."""
    asked, lists = dict(step.query), subject.lists
    begun = step.url is not None or any(asked.get(str(name)) not in (None, 0, lists.first_page) for name in (lists.page, lists.offset, lists.cursor) if name)
    limit = asked.get(str(lists.limit), lists.default_limit)
    return begun, step.url is not None or (isinstance(limit, int) and count >= limit)


def _groups(field: str, left: list[Any], right: list[Any]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Rows that follow one another and are equal in a field, of both sides; together all rows."""
    keys = [[json.dumps(row.get(field)) for row in rows] for rows in (left, right)]
    if keys[0] != keys[1]:
        yield left, [*right, None]  # told as they are
        return
    begin = 0
    for index in range(1, len(left) + 1):
        if index == len(left) or keys[0][index] != keys[0][begin]:
            yield left[begin:index], right[begin:index]
            begin = index


def _with(value: Any, path: tuple[str, ...], rows: list[Any]) -> Any:
    """An answer with other rows."""
    return {**value, path[0]: _with(value[path[0]], path[1:], rows)} if path else rows
