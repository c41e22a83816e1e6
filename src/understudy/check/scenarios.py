"""Arazzo 1.0 documents as scenarios: workflows played against a target, each success criterion a claim.

1. Played here and not by a runner from elsewhere: what breaks must be steps that can be sent again, to another target or as a
   script, over an application in process as over a URL, and without a key in them. `expressions` reads values and criteria.
2. What a document uses and is not read is told as a fault with its place, not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import jsonschema

from understudy.check.claims import Claim, judge
from understudy.check.expressions import Scene, Unplayable, criterion, value_of
from understudy.check.session import Impossible, Reply, Session
from understudy.check.steps import ABSENT, Step
from understudy.contract.values import Operation

__all__ = ["SCENARIO", "Scenarios", "Unplayable", "played"]

SCENARIO = "scenario: "
LONGEST = 500
"""Steps of one workflow, after which it is taken to go on for ever."""
PATIENCE = 30.0
"""Seconds to wait before a retry, at most."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scenarios:
    """The workflows of a document, and the inputs given to them. Raises Unplayable, with every mistake, when made of what is none."""

    where: str
    document: Row
    inputs: Row = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not str(self.document.get("arazzo", "")).startswith("1.") or not isinstance(self.document.get("workflows"), list):
            raise Unplayable(f'{self.where}: not an Arazzo document: it begins with "arazzo: 1.0.0" and has workflows')
        wrong = list(_mistakes(self.document, self.where))
        if wrong:
            raise Unplayable("\n".join(wrong))

    @property
    def names(self) -> list[str]:
        """The ids of its workflows."""
        return [str(one.get("workflowId")) for one in self.document["workflows"]]

    def play(self, session: Session, name: str, inputs: Row | None = None) -> dict[str, Any]:
        """Play a workflow, and before it those it depends on; its outputs. Raises Unplayable, or Impossible where a step cannot be sent."""
        return _Player(self, session).workflow(name, inputs)

    def row(self, name: str, where: str) -> Row:
        """A workflow. Raises Unplayable."""
        found = next((one for one in self.document["workflows"] if one.get("workflowId") == name), None)
        if found is None:
            raise Unplayable(f"{where}: no workflow is called {name}; there are {', '.join(self.names)}")
        return found  # type: ignore[no-any-return]

    def reused(self, row: Row, where: str) -> Row:
        """A row, or what it refers to in `components` (Arazzo 1.0.1, Reusable Object)."""
        reference = row.get("reference")
        if reference is None:
            return row
        found: Any = self.document.get("components", {})
        for part in str(reference).removeprefix("$components.").split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise Unplayable(f"{where}: {reference} is not among the components")
        return {**found, **({"value": row["value"]} if "value" in row else {})}


@dataclass
class _Player:
    """One playing of workflows over one session."""

    scenarios: Scenarios
    session: Session
    workflows: dict[str, dict[str, Any]] = field(default_factory=dict)
    _playing: list[str] = field(default_factory=list)

    def workflow(self, name: str, inputs: Row | None = None) -> dict[str, Any]:
        """Play one; its outputs."""
        where = f"{self.scenarios.where}: {name}"
        row = self.scenarios.row(name.rpartition(".")[2], self.scenarios.where)
        if name in self._playing:
            raise Unplayable(f"{where}: it needs itself: {' -> '.join([*self._playing, name])}")
        self._playing.append(name)
        for needed in row.get("dependsOn", ()):
            if (one := str(needed).rpartition(".")[2]) not in self.workflows:
                self.workflow(one)
        scene = self._scene(row, inputs, where)
        self._steps(row, scene, where)
        outputs = {key: value_of(one, scene, where) for key, one in row.get("outputs", {}).items() if _is_known(one, scene, where)}
        self.workflows[name] = {"inputs": dict(scene.inputs), "outputs": outputs}
        self._playing.remove(name)
        return outputs

    def _scene(self, row: Row, inputs: Row | None, where: str) -> Scene:
        document, name = self.scenarios.document, str(row.get("workflowId"))
        given = inputs if inputs is not None else {**_flat(self.scenarios.inputs), **self.scenarios.inputs.get(name, {})}
        sources = {str(one.get("name")): str(one.get("url")) for one in document.get("sourceDescriptions", ())}
        return Scene(where, _inputs(row.get("inputs"), given, document, where), sources, document.get("components", {}), self.workflows)

    def _steps(self, row: Row, scene: Scene, where: str) -> None:
        """One step after the other, or where an action leads."""
        steps, index = list(row.get("steps", ())), 0
        for _ in range(LONGEST):
            if index >= len(steps):
                return
            step = steps[index]
            to = _Stage(self, row, scene, step, f"{where}.{step.get('stepId')}").play()
            if to == "":
                return
            index = index + 1 if to is None else next(at for at, one in enumerate(steps) if one.get("stepId") == to)
        raise Unplayable(f"{where}: it has not ended after {LONGEST} steps")


@dataclass
class _Stage:
    """One step being played."""

    player: _Player
    workflow: Row
    scene: Scene
    row: Row
    where: str

    def play(self) -> str | None:
        """The id of the step that follows; None: the next one; empty: none."""
        tries = 0
        while True:
            claims, at = self._once()
            kept = all(judge(one, self._answers) is True for one in claims)
            action = self._action("onSuccess" if kept else "onFailure", "successActions" if kept else "failureActions")
            if not kept and action.get("type") == "retry" and tries < int(action.get("retryLimit", 1)):
                tries += 1
                self._again(action)
                continue
            handled = not kept and action.get("type") == "goto"
            for one in claims if not handled else ():
                self.player.session.claim(one.predicate, one.says, at=at, mark=str(one.says.partition(": ")[2]).removesuffix(" does not hold"), given=one.given, **one.values)
            if kept:
                self._keep()
            return self._led(action, kept)

    @property
    def _answers(self) -> Sequence[Any]:
        return self.player.session.answers

    def _once(self) -> tuple[list[Claim], Operation | None]:
        """Send the step's request, or play its workflow; what must hold then."""
        if "workflowId" in self.row:
            inputs = {str(one["name"]): value_of(one["value"], self.scene, self.where) for one in self._parameters()}
            name = str(self.row["workflowId"]).rpartition(".")[2]
            self.scene.outputs[str(self.row["stepId"])] = self.player.workflow(name, inputs)
            self.scene.last = len(self.player.session.steps) - 1
            return [criterion(one, self.scene, self.where) for one in self.row.get("successCriteria", ())], None
        session, operation = self.player.session, _operation(self.player.session, self.row, self.where)
        step = _request(session, self.scene, {**self.row, "parameters": self._parameters()}, operation, self.where)
        reply: Reply = session.send(step)
        self.scene.last, self.scene.request = reply.step, step
        return [criterion(one, self.scene, self.where) for one in self.row.get("successCriteria", ())], operation

    def _parameters(self) -> list[Row]:
        """The step's, over those of its workflow."""
        own = [self.player.scenarios.reused(one, self.where) for one in self.row.get("parameters", ())]
        names = {(one.get("name"), one.get("in")) for one in own}
        common = [self.player.scenarios.reused(one, self.where) for one in self.workflow.get("parameters", ())]
        return [*(one for one in common if (one.get("name"), one.get("in")) not in names and ("workflowId" in self.row) == ("in" not in one)), *own]

    def _action(self, own: str, common: str) -> Row:
        """The first action whose criteria hold; an empty row for none."""
        for one in (*self.row.get(own, ()), *self.workflow.get(common, ())):
            action = self.player.scenarios.reused(one, self.where)
            if all(judge(criterion(test, self.scene, self.where), self._answers) is True for test in action.get("criteria", ())):
                return action
        return {}

    def _again(self, action: Row) -> None:
        """What comes before a retry: a workflow, and the time the action or the answer asks for."""
        if "workflowId" in action:
            self.player.workflow(str(action["workflowId"]).rpartition(".")[2])
        answer = self._answers[self.scene.last]
        asked = answer.headers.get("retry-after", "") if answer is not None else ""
        seconds = float(asked) if asked.isdigit() else float(action.get("retryAfter", 0))
        if seconds > 0:
            self.player.session.target.idle(min(seconds, PATIENCE))

    def _keep(self) -> None:
        outputs = {name: value_of(one, self.scene, self.where) for name, one in self.row.get("outputs", {}).items()}
        known = self.scene.outputs.get(str(self.row["stepId"]), {}) if "workflowId" in self.row else {}
        self.scene.outputs[str(self.row["stepId"])] = {**known, **outputs}

    def _led(self, action: Row, kept: bool) -> str | None:
        """Where the action leads; without one, on after success and nowhere after failure."""
        if action.get("type") == "goto" and "workflowId" in action:
            self.player.workflow(str(action["workflowId"]).rpartition(".")[2])
            return ""
        if action.get("type") == "goto":
            return str(action["stepId"])
        return None if kept and action.get("type") != "end" else ""


# --- inputs ---------------------------------------------------------------------------------------------------------------


def _flat(inputs: Row) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if not isinstance(value, Mapping)}


def _inputs(schema: Any, given: Row, document: Row, where: str) -> dict[str, Any]:
    """Inputs with the defaults of their JSON Schema, held to it. Raises Impossible where one is missing, Unplayable where one is wrong."""
    if isinstance(schema, Mapping) and "$ref" in schema:
        schema = document.get("components", {}).get("inputs", {}).get(str(schema["$ref"]).rpartition("/")[2])
    if not isinstance(schema, Mapping):
        return dict(given)
    inputs = {name: one["default"] for name, one in schema.get("properties", {}).items() if isinstance(one, Mapping) and "default" in one} | dict(given)
    missing = [name for name in schema.get("required", ()) if name not in inputs]
    if missing:
        raise Impossible(f"{where}: the input {', '.join(missing)} is not given and has no default")
    known = {name: value for name, value in inputs.items() if isinstance(value, str | int | float | list | dict | None)}
    properties = {name: one for name, one in schema.get("properties", {}).items() if name in known}
    for error in jsonschema.Draft202012Validator({"properties": properties, "components": document.get("components", {})}).iter_errors(known):
        raise Unplayable(f"{where}: the input {'.'.join(map(str, error.absolute_path))}: {error.message}")
    return inputs


def _is_known(value: Any, scene: Scene, where: str) -> bool:
    """Whether an output of a workflow can be told: a step that was not played has none."""
    try:
        value_of(value, scene, where)
    except Unplayable:
        if isinstance(value, str) and value.startswith("$steps."):
            return False
        raise
    return True


# --- requests ---------------------------------------------------------------------------------------------------------------


def _operation(session: Session, row: Row, where: str) -> Operation:
    asked = str(row.get("operationId") or row.get("operationPath") or "")
    name = asked.rpartition(".")[2] if asked.startswith("$sourceDescriptions.") else asked
    pointer = re.search(r"#/paths/(.+)/(\w+)$", asked)
    for operation in session.api.contract.operations:
        if operation.operation_id == name or (operation.operation_id and asked.endswith(f".{operation.operation_id}") and asked.startswith("$")):
            return operation
        if pointer and operation.method == pointer[2].upper() and operation.path.endswith(pointer[1].replace("~1", "/").replace("~0", "~")):
            return operation
    raise Unplayable(f"{where}: the document has no operation {asked or '(operationId is missing)'}")


def _request(session: Session, scene: Scene, row: Row, operation: Operation, where: str) -> Step:
    parts: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "cookie": {}}
    for one in row.get("parameters", ()):
        parts.setdefault(str(one.get("in")), {})[str(one["name"])] = value_of(one["value"], scene, where)
    if parts["cookie"]:
        parts["header"]["cookie"] = "; ".join(f"{name}={value}" for name, value in parts["cookie"].items())
    if "{version}" in operation.path and session.api.behaviour.version:
        parts["path"].setdefault("version", session.api.behaviour.version)
    body = row.get("requestBody")
    media = str(body.get("contentType", "application/json")) if isinstance(body, Mapping) else "application/json"
    made = Step(operation.key, operation.method, operation.path, parts["path"], tuple(parts["query"].items()), parts["header"], media=media)
    if not isinstance(body, Mapping):
        return made
    value = value_of(_replaced(body, where), scene, where)
    return replace(made, raw=value.encode()) if isinstance(value, str) and "json" not in media else replace(made, body=value)


def _replaced(body: Row, where: str) -> Any:
    """The payload with its replacements put in (Arazzo 1.0.1, Payload Replacement Object)."""
    payload: Any = deepcopy(body.get("payload", ABSENT))
    for one in body.get("replacements", ()):
        steps = [part.replace("~1", "/").replace("~0", "~") for part in str(one.get("target", "")).strip("/").split("/")]
        try:
            at: Any = payload
            for part in steps[:-1]:
                at = at[int(part)] if isinstance(at, list) else at[part]
            at[int(steps[-1]) if isinstance(at, list) else steps[-1]] = one["value"]
        except (KeyError, IndexError, TypeError, ValueError):
            raise Unplayable(f"{where}: the payload has no place {one.get('target')} to put a replacement in") from None
    return payload


# --- mistakes -----------------------------------------------------------------------------------------------------------------


def _mistakes(document: Row, where: str) -> list[str]:
    """What is wrong with a document as such, each with its place."""
    found = []
    workflows = [one if isinstance(one, Mapping) else {} for one in document["workflows"]]
    names = [str(one.get("workflowId", "")) for one in workflows]
    found += [f"{where}: two workflows are called {name}" for name in dict.fromkeys(names) if names.count(name) > 1]
    for row, name in zip(workflows, names, strict=True):
        here = f"{where}: {name or '(a workflow without workflowId)'}"
        steps = row.get("steps")
        if not name or not isinstance(steps, list) or not steps or not all(isinstance(one, Mapping) for one in steps):
            found.append(f"{here}: a workflow has a workflowId and a list of steps")
            continue
        found += [f"{here}: it depends on {one}, which is no workflow here" for one in row.get("dependsOn", ()) if str(one).rpartition(".")[2] not in names]
        ids = [str(one.get("stepId", "")) for one in steps]
        found += [f"{here}: two steps are called {one}" for one in dict.fromkeys(ids) if ids.count(one) > 1]
        for step in steps:
            found += _wrong_with(step, f"{here}.{step.get('stepId', '(a step without stepId)')}", ids, names)
    return found


def _wrong_with(step: Row, here: str, ids: Sequence[str], names: Sequence[str]) -> list[str]:
    found = [] if step.get("stepId") else [f"{here}: a step has a stepId"]
    kinds = [word for word in ("operationId", "operationPath", "workflowId") if word in step]
    if len(kinds) != 1:
        found.append(f"{here}: a step has one of operationId, operationPath and workflowId; this one has {' and '.join(kinds) or 'none'}")
    for word, allowed in (("onSuccess", ("end", "goto")), ("onFailure", ("end", "retry", "goto"))):
        for action in step.get(word, ()):
            if not isinstance(action, Mapping) or "reference" in action:
                continue
            if action.get("type") not in allowed:
                found.append(f"{here}: {word}: the type of an action is {' or '.join(allowed)}, not {action.get('type')}")
            elif action["type"] == "goto" and (str(action.get("stepId")) not in ids) and str(action.get("workflowId")).rpartition(".")[2] not in names:
                found.append(f"{here}: {word}: it leads to {action.get('stepId') or action.get('workflowId')}, which is no step of this workflow and no workflow here")
    return found


def played(scenarios: Scenarios, name: str, session: Session) -> str | None:
    """Play a workflow; why it could not be played to its end, or None."""
    try:
        scenarios.play(session, name)
    except Impossible as reason:
        return str(reason)
    return None
