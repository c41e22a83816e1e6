"""Arazzo 1.0 documents as scenarios: workflows played against a target, each success criterion a claim.

1. Read here: operationId and operationPath, parameters, payloads with replacements, simple and regex criteria, outputs,
   workflows as steps, inputs with defaults. What else a document uses is told as a fault, not passed over.
2. Values from earlier answers stay references, so a broken criterion has a script like any other finding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from understudy.check.session import Impossible, Session
from understudy.check.steps import ABSENT, Ref, Step
from understudy.contract.values import Operation

SCENARIO = "scenario: "
_EXPRESSION = re.compile(r"\{(\$[^{}]+)\}")
_COMPARISON = re.compile(r"\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*")
_UNREAD = ("onSuccess", "onFailure", "dependsOn")


class Unplayable(ValueError):
    """A document that cannot be played: where and why."""


@dataclass
class Scene:
    """A workflow being played: its inputs, and the outputs of its steps so far."""

    inputs: dict[str, Any]
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    last: int = -1  # the step whose answer `$response` means


@dataclass(frozen=True)
class Scenarios:
    """The workflows of a document. Raises Unplayable when made of what is none."""

    where: str
    document: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not str(self.document.get("arazzo", "")).startswith("1.") or not isinstance(self.document.get("workflows"), list):
            raise Unplayable(f'{self.where}: not an Arazzo document: it begins with "arazzo: 1.0.0" and has workflows')

    @property
    def names(self) -> list[str]:
        """The ids of its workflows."""
        return [str(one.get("workflowId")) for one in self.document["workflows"]]

    def play(self, session: Session, name: str, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Play a workflow; its outputs. Raises Unplayable, or Impossible where a step cannot be sent."""
        row = next((one for one in self.document["workflows"] if one.get("workflowId") == name), None)
        if row is None:
            raise Unplayable(f"{self.where}: no workflow is called {name}; there are {', '.join(self.names)}")
        defaults = {key: one["default"] for key, one in row.get("inputs", {}).get("properties", {}).items() if "default" in one}
        scene = Scene({**defaults, **(inputs or {})})
        for step in row.get("steps", ()):
            self._step(session, scene, step, f"{self.where}: {name}.{step.get('stepId')}")
        return {key: _value(one, scene, self.where) for key, one in row.get("outputs", {}).items()}

    def _step(self, session: Session, scene: Scene, row: Mapping[str, Any], where: str) -> None:
        unread = [word for word in _UNREAD if word in row]
        if unread:
            raise Unplayable(f"{where}: {', '.join(unread)} is not read here; write the steps one after the other")
        if "workflowId" in row:
            inputs = {str(one["name"]): _value(one["value"], scene, where) for one in row.get("parameters", ())}
            scene.outputs[str(row["stepId"])] = self.play(session, str(row["workflowId"]), inputs)
            return
        operation = _operation(session, row, where)
        reply = session.send(_request(session, scene, row, operation, where))
        scene.last = reply.step
        for criterion in row.get("successCriteria", ()):
            _judge(session, scene, criterion, operation, where)
        scene.outputs[str(row["stepId"])] = {name: _value(one, scene, where) for name, one in row.get("outputs", {}).items()}


def _operation(session: Session, row: Mapping[str, Any], where: str) -> Operation:
    asked = str(row.get("operationId") or row.get("operationPath") or "")
    name = asked.rpartition(".")[2] if asked.startswith("$sourceDescriptions.") else asked
    pointer = re.search(r"#/paths/(.+)/(\w+)$", asked)
    for operation in session.api.contract.operations:
        if operation.operation_id == name:
            return operation
        if pointer and operation.method == pointer[2].upper() and operation.path.endswith(pointer[1].replace("~1", "/").replace("~0", "~")):
            return operation
    raise Unplayable(f"{where}: the document has no operation {asked or '(operationId is missing)'}")


def _request(session: Session, scene: Scene, row: Mapping[str, Any], operation: Operation, where: str) -> Step:
    parts: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "cookie": {}}
    for one in row.get("parameters", ()):
        parts.setdefault(str(one.get("in")), {})[str(one["name"])] = _value(one["value"], scene, where)
    if "{version}" in operation.path and session.api.behaviour.version:
        parts["path"].setdefault("version", session.api.behaviour.version)
    body = row.get("requestBody")
    value = _value(_replaced(body), scene, where) if isinstance(body, Mapping) else ABSENT
    media = str(body.get("contentType", "application/json")) if isinstance(body, Mapping) else "application/json"
    return Step(operation.key, operation.method, operation.path, parts["path"], tuple(parts["query"].items()), parts["header"], value, media=media)


def _replaced(body: Mapping[str, Any]) -> Any:
    """The payload with its replacements put in (Arazzo 1.0, Payload Replacement Object)."""
    payload: Any = deepcopy(body.get("payload"))
    for one in body.get("replacements", ()):
        steps = [part.replace("~1", "/").replace("~0", "~") for part in str(one["target"]).strip("/").split("/")]
        at: Any = payload
        for part in steps[:-1]:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if isinstance(at, list):
            at[int(steps[-1])] = one["value"]
        else:
            at[steps[-1]] = one["value"]
    return payload


# --- runtime expressions ----------------------------------------------------------------------------------------------------


def _value(value: Any, scene: Scene, where: str) -> Any:
    """A value with its runtime expressions (Arazzo 1.0, Runtime Expressions) put in: references where answers give them."""
    if isinstance(value, dict):
        return {name: _value(part, scene, where) for name, part in value.items()}
    if isinstance(value, list):
        return [_value(part, scene, where) for part in value]
    if not isinstance(value, str):
        return value
    if value.startswith("$"):
        return _expression(value, scene, where)
    whole = _EXPRESSION.fullmatch(value)
    if whole:
        return _expression(whole[1], scene, where)
    return _EXPRESSION.sub(lambda found: str(_plain(_expression(found[1], scene, where), found[1], where)), value)


def _plain(value: Any, expression: str, where: str) -> Any:
    if isinstance(value, Ref):
        raise Unplayable(f"{where}: {expression} comes from an answer and must be the whole value")
    return value


def _expression(text: str, scene: Scene, where: str) -> Any:
    if text == "$statusCode":
        return status_of(scene)
    if text.startswith("$response.body"):
        pointer = text.partition("#")[2]
        return Ref(scene.last, tuple(_part(one) for one in pointer.strip("/").split("/")) if pointer.strip("/") else ())
    if text.startswith("$response.header."):
        return Ref(scene.last, (text[len("$response.header."):].lower(),), "headers")
    if text.startswith("$inputs."):
        name = text[len("$inputs."):]
        if name in scene.inputs:
            return scene.inputs[name]
        raise Unplayable(f"{where}: the input {name} is not given and has no default")
    found = re.fullmatch(r"\$steps\.([\w-]+)\.outputs\.([\w-]+)", text)
    if found and found[2] in scene.outputs.get(found[1], {}):
        return scene.outputs[found[1]][found[2]]
    raise Unplayable(f"{where}: {text} is nothing that was given before")


def status_of(scene: Scene) -> Ref:
    """Where the status of the last answer stands."""
    return Ref(scene.last, (), "status")


def _part(text: str) -> str | int:
    return int(text) if text.isdigit() else text.replace("~1", "/").replace("~0", "~")


# --- criteria -----------------------------------------------------------------------------------------------------------------


def _judge(session: Session, scene: Scene, row: Mapping[str, Any], operation: Operation, where: str) -> None:
    condition, kind = str(row.get("condition", "")), row.get("type", "simple")
    says = f"{where.rpartition(': ')[2]}: {condition} does not hold"
    if kind == "regex":
        session.claim("matches", says, at=operation, mark=condition, value=_expression(str(row.get("context", "$response.body")), scene, where), pattern=condition)
    elif kind == "simple":
        groups = [[_comparison(one, scene, where) for one in some.split("&&")] for some in condition.split("||")]
        session.claim("meets", says, at=operation, mark=condition, groups=groups)
    else:
        raise Unplayable(f"{where}: criteria of type {kind} are not read here; write a simple or a regex one")


def _comparison(text: str, scene: Scene, where: str) -> list[Any]:
    found = _COMPARISON.fullmatch(text.strip().strip("()"))
    if found is None:
        raise Unplayable(f"{where}: {text.strip()} is no comparison such as $statusCode == 200")
    return [_operand(found[1], scene, where), found[2], _operand(found[3], scene, where)]


def _operand(text: str, scene: Scene, where: str) -> Any:
    """A literal (Arazzo 1.0, Criterion Object) or a runtime expression."""
    if text.startswith("$"):
        return _expression(text, scene, where)
    literals = {"true": True, "false": False, "null": None}
    if text in literals:
        return literals[text]
    if text[:1] in "'\"":
        return text[1:-1].replace("''", "'")
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise Unplayable(f"{where}: {text} is neither a literal nor an expression") from None


def played(scenarios: Scenarios, name: str, session: Session) -> str | None:
    """Play a workflow; why it could not be played to its end, or None."""
    try:
        scenarios.play(session, name)
    except Impossible as reason:
        return str(reason)
    return None
