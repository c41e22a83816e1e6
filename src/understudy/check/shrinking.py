"""The steps of a finding, sent again from a fresh start, and then without all that is not needed to show it.

A shorter sequence counts only where the very same claim is broken again; the claim's own conditions keep it from being
broken for another reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from understudy.check.claims import Claim, judge
from understudy.check.findings import Finding
from understudy.check.inbox import RECEIVE
from understudy.check.steps import Answer, Joined, Ref, Step, Unmade, refs, wire
from understudy.check.targets import Target

Credentials = Mapping[str, Mapping[str, str]]


def play(target: Target, steps: Sequence[Step], credentials: Credentials) -> list[Answer | None]:
    """The answers to some steps from a fresh start; None for a step that could not be put together."""
    target.reset()
    answers: list[Answer | None] = []
    for group, some in groupby(steps, key=lambda step: step.together):
        if not group:
            for step in some:
                answers.append(_sent(target, step, answers, credentials))
            continue
        try:
            answers.extend(target.send_together([wire(step, answers, credentials) for step in some]))
        except Unmade:
            answers.extend([None] * (len(steps) - len(answers)))
    return answers


def _sent(target: Target, step: Step, answers: list[Answer | None], credentials: Credentials) -> Answer | None:
    try:
        return target.send(wire(step, answers, credentials))
    except Unmade:
        return None


def shrunk(finding: Finding, target: Target, credentials: Credentials, most: int = 400) -> Finding:
    """The finding with the fewest steps that still show it; marked where a fresh start does not show it at all."""
    if not target.resets:
        return finding
    answers = play(target, finding.steps, credentials)
    if judge(finding.claim, answers) is not False:
        return replace(finding, reproduced=False)
    steps, claim = _needed(finding.steps, finding.claim)
    answers = play(target, steps, credentials)
    if judge(claim, answers) is not False:
        steps, claim = finding.steps, finding.claim
    slow = any(step.method == RECEIVE for step in steps)  # each time is waited for
    return _fewer(replace(finding, steps=tuple(steps), claim=claim, answers=tuple(answers)), target, credentials, 12 if slow else most)


def _needed(steps: Sequence[Step], claim: Claim) -> tuple[Sequence[Step], Claim]:
    """The steps the claim looks at, those they take something from, and every write."""
    wanted = {ref.step for ref in _refs_of(claim)}
    for index in reversed(range(len(steps))):
        if index in wanted:
            wanted |= {ref.step for ref in refs(steps[index])}
    keep = [index for index, step in enumerate(steps) if index in wanted or step.method not in ("GET", "HEAD")]
    keep += [index for index in range(len(steps)) if index not in keep and any(ref.step == index for one in keep for ref in refs(steps[one]))]
    return without(steps, claim, sorted(set(range(len(steps))) - set(keep)))


def _refs_of(claim: Claim) -> list[Ref]:
    return [*refs(dict(claim.values)), *(ref for one in claim.given for ref in _refs_of(one))]


def _fewer(finding: Finding, target: Target, credentials: Credentials, most: int) -> Finding:
    """Leave out step after step, from the last, then several rounds of it."""
    tries, again = 0, True
    while again and tries < most:
        again = False
        for size in (8, 4, 2, 1):
            index = len(finding.steps) - size
            while index >= 0 and tries < most:
                tries += 1
                steps, claim = without(finding.steps, finding.claim, range(index, index + size))
                if steps and _stands(steps, claim):
                    answers = play(target, steps, credentials)
                    if judge(claim, answers) is False:
                        finding = replace(finding, steps=tuple(steps), claim=claim, answers=tuple(answers))
                        again = size == 1
                index -= size
                index = min(index, len(finding.steps) - size)
    return finding


def _stands(steps: Sequence[Step], claim: Claim) -> bool:
    """Whether nothing refers to a step that was left out (they are moved to -1), but in lists that may lack some."""
    return all(ref.step >= 0 for step in steps for ref in refs(step)) and all(ref.step >= 0 for ref in _refs_of(claim))


def without(steps: Sequence[Step], claim: Claim, left_out: Sequence[int]) -> tuple[list[Step], Claim]:
    """Some steps left out, what refers to the others moved; what refers to one left out refers to -1."""
    gone = set(left_out)
    places, at = {}, 0
    for index in range(len(steps)):
        places[index] = -1 if index in gone else at
        at += index not in gone
    kept = [_moved_step(step, places) for index, step in enumerate(steps) if index not in gone]
    return kept, _moved_claim(claim, places)


def _moved_step(step: Step, places: Mapping[int, int]) -> Step:
    parts: dict[str, Any] = {name: _moved(getattr(step, name), places) for name in ("parameters", "headers", "body", "url")}
    return replace(step, query=tuple((name, _moved(value, places)) for name, value in step.query), **parts)


def _moved_claim(claim: Claim, places: Mapping[int, int]) -> Claim:
    return Claim(claim.predicate, {name: _moved(value, places) for name, value in claim.values.items()}, claim.says,
                 tuple(_moved_claim(one, places) for one in claim.given))


def _moved(value: object, places: Mapping[int, int]) -> object:
    if isinstance(value, Ref):
        return replace(value, step=places.get(value.step, value.step))
    if isinstance(value, Joined):
        return Joined(tuple(replace(part, step=places.get(part.step, part.step)) for part in value.parts))
    if isinstance(value, dict):
        return {name: _moved(part, places) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(part, places) for part in value]
    return value
