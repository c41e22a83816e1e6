"""What is understood of a document, printed: the report, the behaviour file to edit, the diagrams; and all that is wrong.

Nothing is served and no world is begun here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from understudy.behaviour.explaining import diagram, explain, to_yaml_data
from understudy.contract.contract import Contract
from understudy.contract.values import Fault, Operation
from understudy.engine.completing import completer
from understudy.engine.examples import examples
from understudy.engine.plans import Script
from understudy.sandbox import Options, Understood, Unplayable, understand
from understudy.world.fixtures import FixtureFault
from understudy.world.sources import Unreadable, written

BROKEN = 2
"""The exit status of a document that cannot be played."""


def inspect(spec: str | None, behaviour: str | None = None, *, yaml: bool = False) -> int:
    """Print what is understood and by which convention, or the behaviour file (`yaml`); the exit status."""
    return _shown(spec, behaviour, _as_file if yaml else _report)


def draw(spec: str | None, behaviour: str | None = None) -> int:
    """Print lifecycles and relations as Mermaid diagrams; the exit status."""
    return _shown(spec, behaviour, lambda understood: diagram(understood.script.behaviour))


def _shown(spec: str | None, behaviour: str | None, show: Any) -> int:
    try:
        understood = understand(Options(spec=spec, behaviour=behaviour))
    except Unplayable as fault:
        return _refused(fault.faults)
    except (Unreadable, FixtureFault, LookupError, ValueError) as fault:
        print(f"understudy: {fault}", file=sys.stderr)
        return BROKEN
    contract = understood.script.contract
    faults = [fault for fault in contract.check() if fault.severity == "error"]
    if faults:
        return _refused(faults)
    print(show(understood).rstrip())
    return 0


def _refused(faults: Any) -> int:
    for fault in faults:
        print(f"understudy: {fault.where}: {fault.message}", file=sys.stderr)
    print(f"understudy: {len(faults)} {'fault' if len(faults) == 1 else 'faults'}", file=sys.stderr)
    return BROKEN


def _as_file(understood: Understood) -> str:
    return written(to_yaml_data(understood.script.behaviour))


def _report(understood: Understood) -> str:
    script = understood.script
    lines = [explain(script.behaviour, script.contract).rstrip()]
    parts = {
        "the behaviour and the document do not agree": understood.warnings,
        "cannot be answered as the document wants": tuple(findings(script)),
        "weak places of the document": tuple(fault for fault in script.contract.check() if fault.severity != "error"),
    }
    for title, faults in parts.items():
        if faults:
            lines += ["", title, *(f"  {fault.where}: {fault.message}" for fault in faults)]
    return "\n".join(lines)


# --- findings ----------------------------------------------------------------------------------------------------


def findings(script: Script) -> Iterator[Fault]:
    """Operations whose answer cannot be made valid, found before anyone calls them."""
    for operation in script.contract.operations:
        plan = script.plan(operation)
        if plan.schema is not None and not _has_example(script.contract, operation, plan.status, plan.media_type):
            yield Fault(operation.key, f"no valid {plan.status} answer was found; what is answered breaks its schema", "warning")
        elif script.mended and plan.role.kind in ("create", "upsert") and plan.kind is not None and plan.kind.schema is not None:
            yield from _unmade(script, operation)


def _has_example(contract: Contract, operation: Operation, status: int, media_type: str | None) -> bool:
    response = operation.response(status)
    if response is None or media_type is None or "json" not in media_type:
        return True
    schema = response.content.get(media_type)
    if schema is None or next(examples(contract, response, media_type), None) is not None:
        return True
    return contract.validator(schema, "response").is_valid(contract.example(schema, "response"))


def _unmade(script: Script, operation: Operation) -> Iterator[Fault]:
    """A record made of the smallest body does not fit what the document shows of records."""
    plan = script.plan(operation)
    schema = next((one for name, one in (operation.body.content if operation.body else {}).items() if "json" in name), None)
    if plan.kind is None or plan.kind.schema is None or schema is None:
        return
    sent = script.contract.example(schema, "request")
    body = sent.get(plan.unwrap, sent) if isinstance(sent, dict) and plan.unwrap else sent
    made = completer(script.contract, plan.kind.schema)(plan.kind.public(body)) if isinstance(body, dict) else None
    if made is None:
        yield Fault(operation.key, "no record that fits its read schema can be made of a body; it answers the declared example", "warning")
    elif made.lost:
        yield Fault(operation.key, f"answers may not hold {', '.join(made.lost)} as sent", "warning")
