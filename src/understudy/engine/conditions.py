"""Entity tags and the preconditions made with them (RFC 9110 sections 8.8.3 and 13), where a document declares their headers.

1. A tag is strong and made of the record as it may leave, so the same record has the same tag in every answer that shows it;
   a list's is made of the answer.
2. Nothing is checked and no header is sent that the document does not declare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from understudy.contract.contract import Contract
from understudy.contract.values import Operation
from understudy.engine.kinds import Record
from understudy.engine.outcomes import Outcome
from understudy.problems import Problem

if TYPE_CHECKING:  # a plan holds conditions, and a scene holds a plan
    from understudy.engine.scenes import Scene

MATCH, NONE_MATCH = "if-match", "if-none-match"
PRECONDITIONS = (MATCH, NONE_MATCH)

_MANY = frozenset({"list", "search", "create", "upsert"})
"""Kinds of operations on a path that names no record."""


class Conditions(NamedTuple):
    """What an operation declares of them: which request headers, and under which name and in which form it answers tags, by status."""

    asked: frozenset[str]
    tags: Mapping[int, tuple[str, str]]  # the header's name and the form of the tag
    form: str
    demanded: bool  # 428 is declared: a change must say what it builds on (RFC 6585 section 3)
    not_modified: bool  # 304 is declared


def conditions_of(contract: Contract, operation: Operation) -> Conditions | None:
    """What an operation declares, None where it declares nothing of it."""
    asked = frozenset(one.name.lower() for one in operation.parameters if one.location == "header") & frozenset(PRECONDITIONS)
    tags = {status: found for status in (200, 201, 202, 204, 304) if (found := _declared(contract, operation, status)) is not None}
    if not asked and not tags:
        return None
    form = next((form for _, form in tags.values()), _QUOTED)
    return Conditions(asked, tags, form, "428" in operation.responses and bool(asked), "304" in operation.responses)


_QUOTED = '"%s"'


def _declared(contract: Contract, operation: Operation, status: int) -> tuple[str, str] | None:
    """The name of the ETag header of an answer, and the first form its schema allows: as RFC 9110 has it, else without quotes."""
    response = operation.response(status)
    name = next((name for name in response.headers if name.lower() == "etag"), None) if response is not None else None
    if response is None or name is None:
        return None
    schema = response.headers[name]
    valid = contract.validator(schema, "response").is_valid if schema is not None else lambda _: True
    return next(((name, form) for form in (_QUOTED, "%s") if valid(form % _digest(b""))), None)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()


def under_conditions(scene: Scene, play: Callable[[Scene], Outcome], named: Callable[[Scene], Record]) -> Outcome:
    """Play an operation if the preconditions it is asked under hold; its answer carries the tag of what it shows.

    Raises Problem `precondition_failed`, or `precondition_required` where none is given and one must be.
    """
    conditions = scene.plan.conditions
    assert conditions is not None
    tag = None if scene.plan.role.kind in _MANY else _current(scene, named)
    given = {name: str(value) for name in PRECONDITIONS if (value := scene.call.headers.get(name)) is not None and name in conditions.asked}
    if conditions.demanded and not given and tag is not None:
        raise _required("If-Match" if MATCH in conditions.asked else "If-None-Match")
    unchanged = _evaluated(scene, given, tag) if tag is not None or scene.plan.made is not None else None
    return unchanged if unchanged is not None else _tagged(scene, play(scene), given, named)


def _required(name: str) -> Problem:
    return Problem("precondition_required", f"this change must say what it builds on: send {name} with the ETag of the record as last read",
                   field=name, location="header")


def demanded(problem: Problem, operation: Operation | None) -> Problem:
    """A required If-Match that is missing as the precondition it is, where the document declares a status for that; else the same problem."""
    if problem.kind != "missing_field" or problem.location != "header" or operation is None or "428" not in operation.responses:
        return problem
    name = {MATCH: "If-Match", NONE_MATCH: "If-None-Match"}.get(str(problem.field).lower())
    return problem if name is None else _required(name)


def _evaluated(scene: Scene, given: Mapping[str, str], tag: str | None) -> Outcome | None:
    """Hold a request's preconditions against the record's tag, None where there is no record; an answer of 304 where that is it."""
    if MATCH in given and not _matches(given[MATCH], tag, strong=True):
        there = "there is no such record" if tag is None else f"the record's ETag is {tag} now: read it again and decide anew"
        raise Problem("precondition_failed", f"If-Match: {given[MATCH][:200]} does not hold, {there}", field="If-Match", location="header")
    if NONE_MATCH not in given or not _matches(given[NONE_MATCH], tag, strong=False):
        return None
    assert tag is not None
    if not _reads(scene):
        raise Problem("precondition_failed", f"If-None-Match: {given[NONE_MATCH][:200]} does not hold, the record is there with the ETag {tag}",
                      field="If-None-Match", location="header")
    return _unchanged(scene, tag)


def _matches(listed: str, tag: str | None, *, strong: bool) -> bool:
    """Whether a list of tags, or `*`, names the present one; weak ones never do where the comparison is strong (section 8.8.3.2)."""
    if tag is None:
        return False
    if listed.strip() == "*":
        return True
    opaque = tag.strip('"')
    return any(_opaque(one, strong) == opaque for one in listed.split(","))


def _opaque(tag: str, strong: bool) -> str | None:
    """What stands between the quotes of a tag; clients that leave these out are understood."""
    tag = tag.strip()
    if tag.startswith("W/"):
        return None if strong else tag[2:].strip('"')
    return tag.strip('"')


def _reads(scene: Scene) -> bool:
    return scene.plan.operation.method in ("GET", "HEAD")


def _unchanged(scene: Scene, tag: str) -> Outcome | None:
    """304 with the tag, where it is declared; else the request is answered as if it asked for nothing special."""
    conditions = scene.plan.conditions
    assert conditions is not None
    if not conditions.not_modified:
        return None
    name = conditions.tags[304][0] if 304 in conditions.tags else None
    return Outcome(304, b"", None, f"unchanged since the client read it as {tag}", {name: tag} if name is not None else {})


def _tagged(scene: Scene, outcome: Outcome, given: Mapping[str, str], named: Callable[[Scene], Record]) -> Outcome:
    """An answer with its tag, where the document declares one for its status."""
    conditions = scene.plan.conditions
    assert conditions is not None
    header = conditions.tags.get(outcome.status)
    if header is None:
        return outcome
    tag = _shown(scene, outcome, named)
    if scene.plan.role.kind in _MANY and _reads(scene) and NONE_MATCH in given and _matches(given[NONE_MATCH], tag, strong=False):
        return _unchanged(scene, tag) or outcome
    return outcome._replace(headers={**outcome.headers, header[0]: tag})


def _shown(scene: Scene, outcome: Outcome, named: Callable[[Scene], Record]) -> str:
    """The tag of what an answer shows: the record it made or changed, or else the answer itself."""
    form = scene.plan.conditions.form if scene.plan.conditions is not None else _QUOTED
    if scene.plan.kind is not None:
        made = [after for (resource, _), (before, after) in scene.tx.changes.items() if resource == scene.kind.name and before is None and after]
        changed = made or [after for (resource, _), (_, after) in scene.tx.changes.items() if resource == scene.kind.name and after]
        if scene.plan.role.kind in ("create", "upsert") and changed:
            return form % _digest(scene.tx.shown(scene.kind, changed[-1]).encoded)
        tag = None if scene.plan.role.kind in _MANY else _current(scene, named)
        if tag is not None:
            return tag
    return form % _digest(outcome.body)


def _current(scene: Scene, named: Callable[[Scene], Record]) -> str | None:
    """The tag of the record the path names as it is now; None where there is none."""
    role: Any = scene.plan.role
    if scene.plan.kind is None or not (role.id_parameter or scene.kind.resource.singleton):
        return None
    try:
        record = named(scene)
    except Problem:
        return None
    form = scene.plan.conditions.form if scene.plan.conditions is not None else _QUOTED
    return form % _digest(scene.tx.shown(scene.kind, record).encoded)
