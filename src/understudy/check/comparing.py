"""Two answers to one request, compared: what a server makes up (ids, times, cursors) by correspondence, the rest as it is.

A made-up value of one side corresponds to one of the other from the first time both are seen in the same place; from
then on it must be that one everywhere. Nothing is sent here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from understudy.check.steps import ABSENT, Answer
from understudy.check.subjects import Api

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
WORDS = ("message", "detail", "title", "description", "reason", "error", "type", "code")
"""Properties of a refusal in which two implementations may say the same in other words."""


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

    def differences(self, operation: str, left: Answer, right: Answer) -> Iterator[Difference]:
        """Every difference of two answers, the status first; a different status is the only one told."""
        if left.status != right.status:
            yield Difference(operation, "status", left.status, right.status, True)
            return
        if (left.value is ABSENT) != (right.value is ABSENT):
            yield Difference(operation, "body", bool(left.body), bool(right.body), True)
        elif left.value is not ABSENT:
            yield from self._values(operation, (), left.value, right.value, left.status >= 400)
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
        elif not self._alike(path, left, right, refusal):
            yield self._told(operation, path, left, right, refusal)

    def _told(self, operation: str, path: tuple[str, ...], left: Any, right: Any, refusal: bool) -> Difference:
        at = ".".join(path) or "body"
        return Difference(operation, at, left, right, not refusal and self._is_declared(operation, path))

    def _is_declared(self, operation: str, path: tuple[str, ...]) -> bool:
        """Whether the document declares this place of the operation's good answer."""
        found = self.api.success_schema(self.api.by_key.get(operation))
        for part in path:
            if found is None or part == "length":
                return found is not None
            shape = self.api.contract.shape(found, "response")
            found = shape.items if part == "*" else shape.properties.get(part)
        return found is not None

    def _alike(self, path: tuple[str, ...], left: Any, right: Any, refusal: bool) -> bool:
        if left == right and isinstance(left, bool) == isinstance(right, bool):
            return True
        if isinstance(left, int | float) and isinstance(right, int | float) and not isinstance(left, bool) and not isinstance(right, bool):
            return float(left) == float(right) or (self._is_id(path) and self._corresponds(str(left), str(right)))
        if not isinstance(left, str) or not isinstance(right, str):
            return False
        if (refusal and path and path[-1] in WORDS) or (MOMENT.match(left) and MOMENT.match(right)) or _is_own_link(left, right):
            return True
        return (self._is_made_up(path) or left in self.forth) and self._corresponds(left, right)

    def _is_id(self, path: tuple[str, ...]) -> bool:
        return bool(path) and (path[-1] == "id" or path[-1].endswith("_id") or any(path[-1] == subject.id_field for subject in self.api.subjects.values()))

    def _is_made_up(self, path: tuple[str, ...]) -> bool:
        """Whether a server chooses the text at a place: ids, cursors, secrets, links, tokens."""
        last = path[-1] if path else ""
        return self._is_id(path) or re.search(r"cursor|secret|token|url|href|link|etag|signature|number|after|before|next|prev", last, re.IGNORECASE) is not None

    def _corresponds(self, left: str, right: str) -> bool:
        if self.forth.setdefault(left, right) != right:
            return False
        return self.back.setdefault(right, left) == left


def _is_own_link(left: str, right: str) -> bool:
    """Whether two addresses name the same path and query, each on a host of its own."""
    one, other = urlsplit(left), urlsplit(right)
    return {one.scheme, other.scheme} <= {"http", "https"} and (one.path, one.query) == (other.path, other.query)
