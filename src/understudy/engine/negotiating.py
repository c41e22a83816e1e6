"""Which of an operation's declared answers a client gets: by `Accept` (RFC 9110 section 12.5.1) and `Prefer` (RFC 7240).

1. The plan is what would be done without these headers; what comes back is it, a variant of it, or an answer in its place.
2. Only what an operation declares is ever chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from understudy.behaviour.roles import Role
from understudy.contract.bodies import is_markup
from understudy.contract.values import Operation, Response
from understudy.engine.examples import as_bytes, content_of, declared_example, examples, made
from understudy.engine.outcomes import Outcome
from understudy.engine.plans import Plan, Script
from understudy.problems import Problem

KNOWN = 1_000
"""Pairs of operation and Accept header that are remembered."""

_PREFERENCES: tuple[str, ...] = ("code", "example", "dynamic")
_PART = re.compile(r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*))?(?:"(?:[^"\\]|\\.)*"|[^,"])*(?:,|$)""")


def negotiated(script: Script, plan: Plan, accept: bytes) -> Plan:
    """The plan that answers in the media type a client likes best. Raises Problem `not_acceptable` where none will do."""
    key = (plan.operation.key, accept)
    found = script.variants.get(key)
    if found is None:
        found = _variant(script, plan, _chosen(plan, accept.decode("latin-1")))
        if len(script.variants) < KNOWN:
            script.variants[key] = found
    return found


def _chosen(plan: Plan, accept: str) -> str | None:
    """The declared media type of the highest quality, the plan's own among equals."""
    response = plan.operation.response(plan.status)
    offered = list(response.content) if response is not None else []
    if plan.media_type is None or any("*" in media for media in offered):
        return plan.media_type
    offered.sort(key=lambda media: media != plan.media_type)
    ranges = list(_ranges(accept))
    best = max(offered, key=lambda media: _quality(media, ranges), default=plan.media_type)
    if _quality(best, ranges) <= 0:
        raise Problem("not_acceptable", f"this operation answers in {', '.join(offered)}", field="accept", location="header")
    return best


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        said = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        if name:
            yield name, float(said) if re.fullmatch(r"[01](\.\d{0,3})?", said) else 1.0


def _quality(media: str, ranges: list[tuple[str, float]]) -> float:
    """What the most specific range that covers a media type says of it."""
    plain = media.partition(";")[0].strip().lower()
    for name in (plain, plain.partition("/")[0] + "/*", "*/*"):
        said = [quality for one, quality in ranges if one == name]
        if said:
            return max(said)
    return _quality("application/json", ranges) if plain.endswith("+json") else 0.0


def _variant(script: Script, plan: Plan, media: str | None) -> Plan:
    if media == plan.media_type or media is None:
        return plan
    response = plan.operation.response(plan.status)
    schema = content_of(response.content, media) if response else None
    if "json" in media:
        return replace(plan, media_type=media, written=None)
    if is_markup(media):
        return replace(plan, media_type=media, written=script.contract.markup(schema))
    return replace(plan, media_type=media, schema=schema, role=Role("example", convention=f"answers in {media} are examples"))


# --- preferences -------------------------------------------------------------------------------------------------


def preferred(script: Script, plan: Plan, text: str) -> Outcome | None:
    """The answer `code`, `example` and `dynamic` ask for; None where nothing of it can be had, as RFC 7240 leaves it."""
    asked = preferences(text)
    wanted: dict[str, str] = {name: asked[name] for name in _PREFERENCES if name in asked}
    status = _code(plan, wanted.get("code"))
    response = plan.operation.response(status) if status is not None else None
    if not wanted or status is None or response is None:
        return None
    media = next((name for name in response.content if "json" in name), next(iter(response.content), None))
    body = _body(script, plan.operation, status, response, media, wanted)
    if body is None:
        return None
    applied = ", ".join(f"{name}={value}" for name, value in wanted.items())
    headers = {**script.required_headers(response), "Preference-Applied": applied, "Vary": "Prefer"}
    return Outcome(status, body, media, f"the client preferred {applied}", headers)


def _code(plan: Plan, code: str | None) -> int | None:
    if code is None:
        return plan.status
    return int(code) if re.fullmatch(r"[1-5]\d\d", code) else None


def _body(
    script: Script, operation: Operation, status: int, response: Response, media: str | None, wanted: Mapping[str, str]
) -> bytes | None:
    if media is None:
        return b"" if "example" not in wanted else None
    if "example" in wanted:
        found = dict(examples(script.contract, response, media))
        return as_bytes(found[wanted["example"]], media) if wanted["example"] in found else None
    if wanted.get("dynamic") == "true":
        return made(script.contract, response, media)
    return declared_example(script.contract, operation, status, media)


def preferences(text: str) -> dict[str, str]:
    """The preferences of a Prefer header, names in lower case, the first of a name counting (RFC 7240 section 2)."""
    found: dict[str, str] = {}
    for name, value in _PART.findall(text):
        plain = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        found.setdefault(name.lower(), plain)
    return found
