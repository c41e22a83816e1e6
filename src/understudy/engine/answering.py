"""How an outcome becomes bytes: a record as the operation's answer, any other value, an example where nothing is known.

1. What leaves is what the document declares of it; what would break it is a Problem `contract_broken`.
2. Nothing here changes a record; reactions run before an answer is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from understudy.engine.examples import declared_example
from understudy.engine.kinds import Record
from understudy.engine.outcomes import Outcome, encode
from understudy.engine.scenes import Scene, id_of
from understudy.problems import Problem

NOT_MODELLED = "Understudy-Not-Modelled"
"""The response header that says an answer is an example, and why."""


def answer(scene: Scene, record: Record, reason: str) -> Outcome:
    """A record as the successful answer, as far as the document declares it."""
    plan = scene.plan
    if plan.media_type is None:
        return Outcome(plan.status, b"", None, reason)
    expands = plan.lists.expand is not None and scene.call.query.get(plan.lists.expand)
    if not expands and plan.dress is None and not scene.tx.beside:
        return Outcome(plan.status, scene.tx.shown(scene.kind, record).encoded, plan.media_type, reason)
    body: Any = scene.kind.public(expanded(scene, record))
    if scene.tx.beside:
        body = {**body, **scene.tx.beside}
    if plan.dress is not None:
        body = plan.dress(body)
    if expands:
        judge(scene, body)
    return Outcome(plan.status, encode(body), plan.media_type, reason)


def judge(scene: Scene, body: Any) -> None:
    """Hold an answer that is not a record as kept against the document. Raises Problem `contract_broken`."""
    if scene.plan.schema is not None:
        broken = scene.script.contract.validator(scene.plan.schema, "response").first(body)
        if broken is not None:
            raise Problem("contract_broken", f"the stand-in's own answer breaks the document at {broken.field or 'the top'}: {broken.message}")


def after(scene: Scene, record: Record, reason: str) -> Outcome:
    """Let the reactions run, then answer with the record as it has become."""
    scene.tx.settle()
    return answer(scene, scene.tx.latest(scene.kind.name, id_of(scene, record)) or record, reason)


def expanded(scene: Scene, record: Record) -> Record:
    """The record with the objects beside their ids that the query asks for."""
    asked = scene.call.query.get(scene.plan.lists.expand) if scene.plan.lists.expand else None
    if not asked:
        return record
    record = dict(record)
    for name in asked if isinstance(asked, list) else str(asked).split(","):
        _expand(scene, record, str(name))
    return record


def _expand(scene: Scene, record: Record, name: str) -> None:
    """Put the object beside its id: `customer_id` or `customer` gives `customer`, `product_ids` gives `products`."""
    for field, target in scene.kind.resource.refers_to.items():
        stem = re.sub(r"_ids?$", "", field)
        sibling = f"{stem}s" if field.endswith("_ids") else stem
        if name not in (field, sibling):
            continue
        other = scene.script.kind(target)
        value = record.get(field)
        if isinstance(value, list):
            found = (scene.tx.get(target, str(id)) for id in value)
            record[sibling] = [other.public(part) for part in found if part is not None]
        elif value is not None:
            part = scene.tx.get(target, str(value))
            if part is not None:
                record[sibling] = other.public(part)


def fresh(scene: Scene, result: Any) -> Any:
    """The effect's answer after the reactions: a record of the operation's resource is read again, and projected."""
    kind = scene.plan.kind
    if kind is None or not scene.plan.answers_record or not isinstance(result, dict):
        return result
    shown = kind.public(scene.tx.get(kind.name, str(result.get(kind.resource.id_field))) or result)
    return {**shown, **scene.tx.beside} if scene.tx.beside else shown


def answer_value(scene: Scene, value: Any, reason: str) -> Outcome:
    """Any JSON value as the successful answer, as far as the document declares it; bytes as they are."""
    plan = scene.plan
    if isinstance(value, bytes):
        return Outcome(plan.status, value, plan.media_type, reason)
    if plan.media_type is None or plan.schema is None:
        return Outcome(plan.status, b"" if plan.media_type is None else encode(value), plan.media_type, reason)
    if isinstance(value, dict) and not plan.answers_record:
        value = scene.script.contract.project(plan.schema)(value)
    if not plan.answers_record:
        judge(scene, value)
    return Outcome(plan.status, encode(value), plan.media_type, reason)


def not_modelled(scene: Scene, record: Record | None) -> Outcome:
    """The answer of an operation that changes nothing: the record as it is, else an example; a header says so."""
    reason = f"not modelled: {scene.plan.role.convention}"
    said = {NOT_MODELLED: scene.plan.role.convention}
    if record is not None and scene.plan.answers_record:
        return answer(scene, record, reason)._replace(headers=said)
    return example_of(scene, reason, said)


def example_of(scene: Scene, reason: str, headers: Mapping[str, str] | None = None) -> Outcome:
    """The declared example of the successful answer, else the smallest valid one."""
    plan = scene.plan
    body = declared_example(scene.script.contract, plan.operation, plan.status, plan.media_type)
    return Outcome(plan.status, body, plan.media_type, reason, headers or {})
