"""Recorded requests as steps that can be sent again: from HTTP Archives, from the request log of a stand-in, from whoever sends.

1. What an answer gave (ids, cursors, tags) is bound: a later request that names it takes it from the new answer instead.
2. Nothing is judged here, and no credential of what was recorded is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from understudy.check.steps import ABSENT, Answer, Ref, Step
from understudy.check.subjects import Api
from understudy.problems import Problem

CARRIED = frozenset({"accept", "if-match", "if-none-match", "prefer"})
"""Headers that belong to a request, beside its media type and the idempotency key."""
MADE_UP = re.compile(r"(^|_)id$|cursor|(?<=[a-z])Id$")
Ask = Callable[[Step, Sequence[Answer | None]], Answer | None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it was seen, and the body of its answer; None where no answer was kept."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    answer: Answer | None = None


def recorded(text: str) -> list[Recorded]:
    """The requests of a HAR file (HTTP Archive 1.2) or of a stand-in's log: `/_understudy/requests?whole=true`, or a line of JSON each.

    Raises ValueError for a text that is neither.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = {"requests": [json.loads(line) for line in text.splitlines() if line.strip()]}
    try:
        if "log" in value:
            return [_archived(one["request"], one.get("response") or {}) for one in value["log"]["entries"]]
        return [_logged(one) for one in value.get("requests", [value])]
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise ValueError(f"neither an HTTP Archive nor a log of requests: {type(fault).__name__} {fault}") from None


def _archived(request: Mapping[str, Any], response: Mapping[str, Any]) -> Recorded:
    posted = request.get("postData") or {}
    headers = {str(one["name"]).lower(): str(one["value"]) for one in request.get("headers", ())}
    if "text" in posted:
        headers.setdefault("content-type", str(posted.get("mimeType", "application/json")))
    told = {str(one["name"]).lower(): str(one["value"]) for one in response.get("headers", ())}
    answer = Answer(int(response.get("status", 0)), told, str((response.get("content") or {}).get("text") or "").encode())
    return Recorded(str(request["method"]).upper(), str(request["url"]), headers, str(posted["text"]).encode() if "text" in posted else None, answer)


def _logged(row: Mapping[str, Any]) -> Recorded:
    method, _, target = str(row.get("request") or f"{row['method']} {row.get('target') or row['path']}").partition(" ")
    if row.get("cut"):
        raise ValueError(f"the body of {method} {target} was kept in part only")
    headers = {str(name).lower(): str(value) for name, value in (row.get("headers") or {}).items()}
    body = row.get("body")
    return Recorded(method.upper(), target, headers, (body if isinstance(body, str) else json.dumps(body)).encode() if body else None)


def from_har(text: str, api: Api) -> tuple[Step, ...]:
    """The requests of a HAR file as a sequence; ids that answers gave are taken from the new answers. Raises ValueError for a file that is none."""
    return tuple(steps(recorded(text), api))


def steps(some: Iterable[Recorded], api: Api, ask: Ask | None = None) -> Iterator[Step]:
    """Recorded requests as steps. Where no answers were kept, `ask` gives them: the same requests to what they were made of."""
    thread = Thread(api)
    for one in some:
        step = thread.step(one)
        thread.take(one.answer if one.answer is not None or ask is None else ask(step, thread.answers))
        yield step


@dataclass
class Thread:
    """Requests one after the other: what an answer gave is bound in those that come later."""

    api: Api
    answers: list[Answer | None] = field(default_factory=list)
    _given: dict[str, Ref] = field(default_factory=dict)

    def step(self, one: Recorded) -> Step:
        """The next request."""
        return _step(one, self._given, self.api)

    def take(self, answer: Answer | None) -> None:
        """Its answer."""
        self.answers.append(answer)
        if answer is not None:
            _learn(answer.value, Ref(len(self.answers) - 1), self._given)
            if tag := answer.headers.get("etag"):
                self._given[tag] = Ref(len(self.answers) - 1, ("etag",), "headers")


def _step(one: Recorded, given: Mapping[str, Ref], api: Api) -> Step:
    parts = urlsplit(one.url)
    try:
        operation, parameters = api.contract.match(one.method, parts.path)
    except Problem:  # what the document does not know is sent as it was
        operation, parameters = None, {}
    query = tuple((name, given.get(value, value)) for name, value in parse_qsl(parts.query, keep_blank_values=True))
    bound = {name: given.get(unquote(str(value)), unquote(str(value))) for name, value in parameters.items()}
    made = Step(operation.key if operation else "", one.method, operation.path if operation else parts.path, bound, query, _headers(one, given, api))
    if one.body is None:
        return made
    media = one.headers.get("content-type", "application/json")
    try:
        return replace(made, body=_bound(json.loads(one.body), given), media=media)
    except (ValueError, RecursionError):
        return replace(made, raw=one.body, media=media)


def _headers(one: Recorded, given: Mapping[str, Ref], api: Api) -> dict[str, Any]:
    rule = api.behaviour.idempotency
    kept = CARRIED | ({rule.header.lower()} if rule is not None else {"idempotency-key"})
    return {name: given.get(value, value) for name, value in one.headers.items() if name in kept}


def _bound(value: Any, given: Mapping[str, Ref]) -> Any:
    if isinstance(value, dict):
        return {name: _bound(part, given) for name, part in value.items()}
    if isinstance(value, list):
        return [_bound(part, given) for part in value]
    return given.get(value, value) if isinstance(value, str) else value


def _learn(value: Any, at: Ref, given: dict[str, Ref]) -> None:
    """Ids of an answer: texts, and numbers as paths and queries carry them, in properties called so."""
    if value is ABSENT:
        return
    if isinstance(value, dict):
        for name, part in value.items():
            if MADE_UP.search(str(name)) and isinstance(part, str | int) and not isinstance(part, bool):
                given.setdefault(str(part), at.below(name))
            _learn(part, at.below(name), given)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            _learn(part, at.below(index), given)
