"""Requests as data that can be sent again: to another implementation, without some of them, or as a shell script.

1. What comes from an earlier answer (an id, a cursor, a link) is a `Ref` to the place it came from, never a copy.
2. Nothing here sends anything or judges an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote, urlsplit


class Absent:
    """What a reference finds where there is nothing, in an answer that is there."""

    def __repr__(self) -> str:
        return "nothing"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent()
NOTHING: Mapping[str, Any] = {}


class Unmade(Exception):
    """A reference into an answer that was never given, or to nothing: what needs it cannot be sent."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A place in the answer to an earlier step. `part` is body, status, headers, link or text."""

    step: int
    path: tuple[str | int, ...] = ()
    part: str = "body"

    def below(self, *path: str | int) -> Ref:
        """A place within this one."""
        return replace(self, path=(*self.path, *path))


@dataclass(frozen=True, slots=True)
class Joined:
    """The lists at several places, one behind the other; those that were never given are left out."""

    parts: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One request. Values of `parameters`, `query`, `headers` and `body` may be, or hold, a `Ref`.

    `url`: go where an earlier answer points instead. `raw`: octets sent as the body as they are. `credentials` is good,
    none or wrong. Steps with the same `together` above 0 are sent at once.
    """

    operation: str
    method: str
    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    query: tuple[tuple[str, Any], ...] = ()
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = ABSENT
    raw: bytes | None = None
    media: str = "application/json"
    url: Ref | None = None
    credentials: str = "good"
    together: int = 0


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it goes out: `target` is path and query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. Header names are in lower case; `fault` says why there is none (status 0)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    fault: str | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    @property
    def value(self) -> Any:
        """The body as a JSON value; ABSENT where it is none."""
        try:
            return json.loads(self.body) if self.body else ABSENT
        except (ValueError, RecursionError):
            return ABSENT


Answers = Sequence[Answer | None]


def resolve(value: Any, answers: Answers) -> Any:
    """A value with each reference in it replaced by what it refers to. Raises Unmade."""
    if isinstance(value, Ref):
        return _found(value, answers)
    if isinstance(value, Joined):
        return _joined(value, answers)
    if isinstance(value, dict):
        return {name: resolve(part, answers) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(part, answers) for part in value]
    return value


def _joined(joined: Joined, answers: Answers) -> Any:
    found = [_found(part, answers) for part in joined.parts if part.step < len(answers) and answers[part.step] is not None]
    if not found:
        raise Unmade("no page was asked for")
    return [one for page in found for one in page] if all(isinstance(page, list) for page in found) else ABSENT


def _found(ref: Ref, answers: Answers) -> Any:
    answer = answers[ref.step] if ref.step < len(answers) else None
    if answer is None:
        raise Unmade(f"step {ref.step} was not made")
    if ref.part == "status":
        return answer.status
    if ref.part == "text":
        return answer.body.decode("utf-8", "replace")
    if ref.part == "link":
        return link(answer.headers.get("link", ""), str(ref.path[0]))
    if ref.part == "headers":
        return answer.headers.get(str(ref.path[0]), ABSENT)
    return at(answer.value, ref.path)


def at(value: Any, path: Sequence[str | int]) -> Any:
    """What stands at a place in a JSON value; ABSENT for nothing."""
    for part in path:
        try:
            value = value[part] if type(value) in (dict, list) else ABSENT
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return value


def link(header: str, relation: str) -> Any:
    """The target of a relation in a Link header (RFC 8288 section 3); ABSENT for none."""
    for found in re.finditer(r'<([^>]*)>((?:\s*;[^,;"]*(?:"[^"]*")?)*)', header):
        rel = re.search(r';\s*rel\s*=\s*"?([^";]*)', found[2], re.IGNORECASE)
        if rel is not None and relation in rel[1].lower().split():
            return found[1]
    return ABSENT


def refs(value: Any) -> list[Ref]:
    """Every reference within a value or a step."""
    if isinstance(value, Ref):
        return [value]
    if isinstance(value, Joined):
        return list(value.parts)
    if isinstance(value, Step):
        return refs([dict(value.parameters), [part for _, part in value.query], dict(value.headers), value.body, value.url])
    if isinstance(value, dict):
        return [one for part in value.values() for one in refs(part)]
    if isinstance(value, list | tuple):
        return [one for part in value for one in refs(part)]
    return []


def wire(step: Step, answers: Answers, credentials: Mapping[str, Mapping[str, str]]) -> Wire:
    """The request a step means after these answers. Raises Unmade."""
    headers = dict(credentials.get(step.credentials, NOTHING))
    for name, value in step.headers.items():
        headers[name.lower()] = text(_needed(value, answers))
    body = b""
    if step.raw is not None:
        body = step.raw
    elif step.body is not ABSENT:
        body = json.dumps(_needed(step.body, answers), ensure_ascii=False, default=_unmade).encode()
    if step.raw is not None or step.body is not ABSENT:
        headers.setdefault("content-type", step.media)
    return Wire(step.method, target(step, answers), tuple(headers.items()), body)


def target(step: Step, answers: Answers) -> str:
    """Path and query. Raises Unmade."""
    if step.url is not None:
        parts = urlsplit(str(_needed(step.url, answers)))
        return parts.path + (f"?{parts.query}" if parts.query else "")
    path = step.path
    for name, value in step.parameters.items():
        path = path.replace(f"{{{name}}}", quote(text(_needed(value, answers)), safe=""))
    pairs = [(name, one) for name, value in step.query for one in _several(_needed(value, answers))]
    return path + ("?" + "&".join(f"{quote(name, safe='[]')}={quote(text(one), safe='')}" for name, one in pairs) if pairs else "")


def _needed(value: Any, answers: Answers) -> Any:
    found = resolve(value, answers)
    if found is ABSENT or (found is None and isinstance(value, Ref)):
        raise Unmade("an earlier answer does not hold what this step needs")
    return found


def _unmade(value: Any) -> Any:
    raise Unmade(f"an earlier answer holds {value!r} where this step needs something")


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value as a parameter carries it (OpenAPI 3.1, style simple and form)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
