"""The state of a resource's records: which property holds it, where it begins, and which actions move it.

What a verb means stands in `lifecycles`; here verbs, enum and bodies of one resource are put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from understudy.behaviour import lifecycles
from understudy.behaviour.candidates import Candidate
from understudy.behaviour.drafting import Draft
from understudy.behaviour.model import Resource
from understudy.behaviour.records import state_of
from understudy.contract.shapes import MISSING
from understudy.contract.values import Operation


def stated(draft: Draft, resource: Resource) -> Resource:
    """The resource with its lifecycle, or with the state new records have where no action moves it."""
    candidate = draft.candidate
    state = state_of(draft.look, candidate.record, candidate.name)
    verbs = {
        verb.replace("-", "_"): one for site in candidate.sites for verb, one in site.verbs.items() if verb != "delete"
    }
    prop, states = state or ("", ())
    moves = {verb: to for verb in verbs if (to := lifecycles.target(verb, states, candidate.name)) is not None}
    draft.idle = [(one, _idle(states, verb)) for verb, one in verbs.items() if verb not in moves]
    if not states:
        return resource
    if not moves:
        return _unmoved(draft, resource, prop, states)
    begins, why = _begins(draft, prop, states)
    writable = any(prop in _sent(draft, operation) for operation in _updates(candidate))
    cycle = lifecycles.lifecycle(prop, states, moves, begins, writable)
    _say_lifecycle(draft, prop, moves, begins, why, writable)
    return replace(resource, lifecycle=cycle)


def _idle(states: tuple[str, ...], verb: str) -> str:
    return (
        f'none of {", ".join(states)} is what "{verb}" leads to'
        if states
        else "the record shows no state for it to move"
    )


def _say_lifecycle(
    draft: Draft, prop: str, moves: Mapping[str, str], begins: tuple[str, ...], why: str, writable: bool
) -> None:
    for verb, to in moves.items():
        draft.say(
            f"{verb} leads to {to} from every state but {to} and the final-looking",
            "the verb's usual state, in the enum",
        )
    draft.say(f'"{prop}" begins as {begins[0]}', why)
    if writable:
        draft.say(f'an update may write "{prop}"', "the update's body declares it")


def _unmoved(draft: Draft, resource: Resource, prop: str, states: tuple[str, ...]) -> Resource:
    begins, why = _begins(draft, prop, states)
    draft.say(
        f'"{prop}" begins as {begins[0]} and moves only as clients write it',
        f"no action leads to one of its states; {why}",
    )
    return replace(resource, defaults={**resource.defaults, prop: begins[0]})


def _begins(draft: Draft, prop: str, states: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """The states a new record may take, the default first, and why that."""
    sent = tuple(state for state in _created_with(draft, prop) if state in states)
    default = _default(draft, prop)
    if default in states:
        first, why = str(default), "the schema's default"
    elif (usual := lifecycles.conventional(tuple(sent) or states)) is not None:
        first, why = usual, "the first of DRAFT, CREATED, NEW, AVAILABLE, PENDING, ACTIVE, OPEN in the enum"
    else:
        first, why = next(iter(sent or states)), "no state is customary: the first of the enum"
    return tuple(dict.fromkeys((first, *sent))), why


def _created_with(draft: Draft, prop: str) -> tuple[str, ...]:
    """The states that the body of create lets a client send."""
    operation = draft.candidate.site.operations.get("POST")
    schema = _sent(draft, operation).get(prop) if operation else None
    return draft.look.enum(schema, "request") if schema is not None else ()


def _default(draft: Draft, prop: str) -> Any:
    operation = draft.candidate.site.operations.get("POST")
    sent = _sent(draft, operation).get(prop) if operation else None
    for schema, direction in ((sent, "request"), (draft.candidate.record.properties[prop], "response")):
        default = draft.look.shape(schema, direction).default if schema is not None else MISSING
        if default is not MISSING:
            return default
    return None


def _updates(candidate: Candidate) -> Iterable[Operation]:
    return [one for method, one in candidate.site.items.items() if method in ("PATCH", "PUT", "POST")]


def _sent(draft: Draft, operation: Operation) -> Mapping[str, Any]:
    """The properties of an operation's body, but those that are readOnly."""
    schema = draft.look.request(operation)
    shape = draft.look.shape(schema, "request") if schema is not None else None
    if shape is not None and draft.candidate.request_wrap in shape.properties:
        shape = draft.look.shape(shape.properties[str(draft.candidate.request_wrap)], "request")
    return {name: part for name, part in shape.properties.items() if name not in shape.read_only} if shape else {}
