"""Which endpoints are told of an event: by type, by pattern, never by looking at all of them.

Patterns are types in which `*` stands for anything, none or any number of signs. Case counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from understudy.webhooks.endpoints import Endpoint


def like(type: str, pattern: str) -> bool:
    """Whether a type is one of those a pattern stands for."""
    if "*" not in pattern:
        return type == pattern
    first, *middle, last = pattern.split("*")
    if len(type) < len(first) + len(last) or not type.startswith(first) or not type.endswith(last):
        return False
    at, end = len(first), len(type) - len(last)
    for part in middle:
        found = type.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


fits = lru_cache(maxsize=65_536)(like)
"""The same, remembered: for types, of which there are few."""


class Told(NamedTuple):
    """An endpoint to be told, and under which name."""

    endpoint: str
    type: str


class Audience:
    """Endpoints by what they asked for. `aliases`: further names of event types, by which an endpoint may ask for them.

    Callbacks are told of nothing but what is addressed to them. A copy is made when one side of a fork first changes.
    """

    __slots__ = ("_aliases", "_by_pattern", "_endpoints", "_number", "_patterns", "_shared")

    def __init__(self, endpoints: Iterable[Endpoint] = (), aliases: Mapping[str, str] | None = None) -> None:
        self._aliases: dict[str, list[str]] = {}
        for name, type in (aliases or {}).items():
            self._aliases.setdefault(type, []).append(name)
        self._endpoints: dict[str, tuple[int, Endpoint]] = {}
        self._by_pattern: dict[str, dict[str, None]] = {}
        self._patterns: dict[str, tuple[str, ...]] = {}  # by type: the patterns with a star that fit it
        self._number = 0
        self._shared = False
        for endpoint in endpoints:
            self.put(endpoint)

    def put(self, endpoint: Endpoint) -> None:
        """Tell an endpoint from now on what it asks for, in its old place where it is known."""
        self._own()
        known = self._endpoints.get(endpoint.id)
        number = known[0] if known is not None else self._number
        self._number += known is None
        self.drop(endpoint.id)
        if not endpoint.active or endpoint.kind == "callback":
            return
        self._endpoints[endpoint.id] = number, endpoint
        for pattern in endpoint.include or ("*",):
            if pattern not in self._by_pattern:
                self._by_pattern[pattern] = {}
                self._forget(pattern)
            self._by_pattern[pattern][endpoint.id] = None

    def drop(self, id: str) -> None:
        """Tell an endpoint nothing any more."""
        self._own()
        known = self._endpoints.pop(id, None)
        for pattern in (known[1].include or ("*",)) if known else ():
            held = self._by_pattern.get(pattern, {})
            held.pop(id, None)
            if not held:
                self._by_pattern.pop(pattern, None)
                self._forget(pattern)

    def __bool__(self) -> bool:
        return bool(self._endpoints)

    def told(self, type: str) -> list[Told]:
        """Who is told of an event of a type, in the order the endpoints came."""
        found: dict[str, str] = {}
        for name in (type, *self._aliases.get(type, ())):
            for pattern in self._patterns_of(name, name == type):
                for id in self._by_pattern.get(pattern, ()):
                    found.setdefault(id, name)
        endpoints = self._endpoints
        chosen = [(endpoints[id][0], Told(id, name)) for id, name in found.items() if not self._excluded(endpoints[id][1], type)]
        return [told for _, told in (sorted(chosen) if len(chosen) > 1 else chosen)]

    def fork(self) -> Audience:
        """Audience that go their own way."""
        other: Audience = Audience.__new__(Audience)
        for name in Audience.__slots__:
            setattr(other, name, getattr(self, name))
        self._shared = other._shared = True
        return other

    def _excluded(self, endpoint: Endpoint, type: str) -> bool:
        return bool(endpoint.exclude) and any(fits(name, pattern) for pattern in endpoint.exclude for name in (type, *self._aliases.get(type, ())))

    def _patterns_of(self, name: str, own: bool) -> Iterator[str]:
        yield name
        if not own:
            return  # a pattern asks for types, not for their other names
        patterns = self._patterns.get(name)
        if patterns is None:
            patterns = self._patterns[name] = tuple(one for one in self._by_pattern if "*" in one and fits(name, one))
        yield from patterns

    def _forget(self, pattern: str) -> None:
        if "*" in pattern:
            self._patterns = {}

    def _own(self) -> None:
        if self._shared:
            self._endpoints = dict(self._endpoints)
            self._by_pattern = {pattern: dict(ids) for pattern, ids in self._by_pattern.items()}
            self._patterns, self._shared = {}, False
