"""A session as a fixture: the records that were there before it, and the calls it made, with ids as they come of playing them.

Pure. The value is that of a fixture file; whether it can be played is found out elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from understudy.check.steps import ABSENT
from understudy.check.subjects import Subject
from understudy.proxy.moments import Moment
from understudy.proxy.trail import Sighting, Trail

METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def before(trail: Trail) -> dict[str, list[dict[str, Any]]]:
    """The records that were seen and not made in the session, as they were shown first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for subject in trail.subjects:
        made = {str((now.record or {})[subject.id_field]) for now in trail.made.get(subject.name, ())}
        rows = [dict(_first(seen).record) for id, seen in trail.of(subject).items() if id not in made]
        if rows:
            found[subject.name] = rows
    return found


def _first(seen: list[Sighting]) -> Sighting:
    """The first look at a record that nothing in the session had changed; by itself where there is one, since rows may be short."""
    clean = []
    for one in seen:
        if not one.moment.safe:
            break
        clean.append(one)
    return next((one for one in clean if one.whole), clean[0] if clean else seen[0])


def fixture(trail: Trail, source: str, *, calls: bool = True, without: frozenset[int] = frozenset()) -> dict[str, Any]:
    """The fixture's value. `without`: exchanges whose calls are left out."""
    began = min((now.exchange.began for now in trail.moments), default=0.0)
    moment = datetime.fromtimestamp(int(began), UTC).isoformat().replace("+00:00", "Z")
    records = before(trail)
    told: dict[str, Any] = {"about": f"Learned from {source}.", "now": moment}
    if records:
        told |= {"ids": _count(trail, records), "records": records}
    if calls:
        told["calls"] = _calls(trail, without)
    return told


def _count(trail: Trail, records: Mapping[str, list[dict[str, Any]]]) -> int:
    """How many ids were given: those to come go on behind them."""
    numbers = [row[subject.id_field] for name, rows in records.items() for subject in [trail.api.subjects[name]] for row in rows if isinstance(row[subject.id_field], int)]
    return max(sum(map(len, records.values())), *[int(number) for number in numbers if number < 10**9], 0)


def _calls(trail: Trail, without: frozenset[int]) -> list[dict[str, Any]]:
    given: dict[Any, str] = {}
    found = []
    for now in trail.moments:
        number = now.exchange.number
        if not now.ok or now.safe or now.exchange.method not in METHODS or number in without or (now.exchange.body and now.exchange.asked is ABSENT):
            continue
        named = _learn(now, given)
        body = None if now.exchange.asked is ABSENT else _bound(now.exchange.asked, given, now.subject)
        call: dict[str, Any] = {f"{now.exchange.method} {_target(now, given)}": body}
        found.append({**call, "as": f"e{number}"} if named else call)
        given |= named
    return found


def _learn(now: Moment, given: Mapping[Any, str]) -> dict[Any, str]:
    """The ids an answer gives, and how a later call names them."""
    return {value: name for value, name in _ids(now.value, f"e{now.exchange.number}", now.subject) if value not in given}


def _ids(value: Any, at: str, subject: Subject | None) -> list[tuple[Any, str]]:
    if isinstance(value, list):
        return [pair for index, part in enumerate(value) for pair in _ids(part, f"{at}.{index}", subject)]
    if not isinstance(value, dict):
        return []
    found = []
    for name, part in value.items():
        if is_id(name, subject) and isinstance(part, str | int) and not isinstance(part, bool) and name.isidentifier():
            found.append((part, f"{at}.{name}"))
        elif name.isidentifier():
            found += _ids(part, f"{at}.{name}", subject)
    return found


def is_id(name: str, subject: Subject | None) -> bool:
    """Whether a property holds an id, its own or another record's."""
    return name == "id" or name.endswith(("_id", "Id", "_ids")) or (subject is not None and name == subject.id_field)


def _bound(value: Any, given: Mapping[Any, str], subject: Subject | None, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _bound(part, given, subject, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_bound(part, given, subject, name) for part in value]
    known = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and is_id(name, subject))
    return f"${{{given[value]}}}" if known and value in given else _quoted(value)


def _quoted(value: Any) -> Any:
    """A text that would be taken for a placeholder cannot be written down: its mark is taken out."""
    return value.replace("${", "$ {") if isinstance(value, str) else value


def _target(now: Moment, given: Mapping[Any, str]) -> str:
    path = now.step.path
    for name, value in now.step.parameters.items():
        known = given.get(value) or (given.get(int(value)) if value.isascii() and value.isdigit() and len(value) < 19 else None)
        path = path.replace(f"{{{name}}}", f"${{{known}}}" if known else quote(value, safe=""))
    return path + (f"?{now.exchange.query}" if now.exchange.query else "")
