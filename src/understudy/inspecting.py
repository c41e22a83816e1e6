"""What is understood of a document, printed: the report, the behaviour file to edit, the diagrams; and all that is wrong.

Nothing is served and no world is begun here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from understudy.behaviour.explaining import diagram, explain, to_yaml_data
from understudy.contract.contract import Contract
from understudy.contract.values import Fault, Operation
from understudy.engine.completing import completer
from understudy.engine.examples import examples
from understudy.engine.plans import Script
from understudy.understanding import Options, Understood, Unplayable, understand
from understudy.world.sources import Unreadable, written

BROKEN = 2
"""The exit status of documents that cannot be played."""
UNFIT = 1
"""The exit status where a behaviour file says what the documents no longer bear out; what is new in them is no fault of it."""
MOST = 40
"""Lines of one part of the report that are printed; of more the number is told."""


def inspect(specs: Sequence[str], behaviour: str | None, overlays: Sequence[str], *, yaml: bool = False) -> int:
    """Print what is understood and by which convention, or the behaviour file (`yaml`); the exit status."""
    return _shown(_options(specs, behaviour, overlays), _as_file if yaml else _report)


def draw(specs: Sequence[str], behaviour: str | None, overlays: Sequence[str]) -> int:
    """Print lifecycles and relations as Mermaid diagrams; the exit status."""
    return _shown(_options(specs, behaviour, overlays), lambda understood: diagram(understood.script.behaviour))


def _options(specs: Sequence[str], behaviour: str | None, overlays: Sequence[str]) -> Options:
    return Options(spec=tuple(specs) or None, behaviour=behaviour, overlays=tuple(overlays))


def _shown(options: Options, show: Callable[[Understood], str]) -> int:
    try:
        understood = understand(options, Contract.check)
    except Unplayable as fault:
        return _refused(fault.faults)
    except (Unreadable, LookupError, ValueError) as fault:
        print(f"understudy: {fault}", file=sys.stderr)
        return BROKEN
    print(show(understood).rstrip())
    return UNFIT if understood.comparison.unfit else 0


def _refused(faults: Any) -> int:
    for fault in faults:
        print(f"understudy: {fault.where}: {fault.message}", file=sys.stderr)
    print(f"understudy: {len(faults)} {'fault' if len(faults) == 1 else 'faults'}", file=sys.stderr)
    return BROKEN


def _as_file(understood: Understood) -> str:
    """The behaviour file, which names what is not modelled too: so what comes with a later document can be told from it."""
    script = understood.script
    data = to_yaml_data(script.behaviour)
    said = data.get("operations", {})
    left = {key: {"role": "example"} for key, role in script.roles.items() if role.resource is None and key not in said}
    return written({**data, "operations": {**said, **left}} if left else data)


def _report(understood: Understood) -> str:
    script = understood.script
    lines = [explain(script.behaviour, script.contract).rstrip()]
    found = understood.comparison
    lines += _listed("the behaviour file speaks of what the documents do not have (orphaned)", found.orphaned)
    lines += _listed("the behaviour file and the documents say different things (changed)", found.changed)
    lines += _listed("the behaviour file does not speak of (new)", found.new)
    parts = {
        "overlays that change nothing": understood.overlaid,
        "the behaviour and the documents do not agree": tuple(one for one in understood.warnings if not found.tells(one)),
        "cannot be answered as the document wants": tuple(findings(script)),
        "weak places of the document": tuple(fault for fault in script.contract.check() if fault.severity != "error"),
    }
    for title, faults in parts.items():
        if faults:
            lines += _listed(title, [f"{fault.where}: {fault.message}" for fault in faults])
    return "\n".join(lines)


def _listed(title: str, said: Sequence[str]) -> list[str]:
    """A part of the report, where there is anything to say."""
    more = [f"  and {len(said) - MOST} more"] if len(said) > MOST else []
    return ["", title, *(f"  {line}" for line in said[:MOST]), *more] if said else []


# --- findings ----------------------------------------------------------------------------------------------------


def findings(script: Script) -> Iterator[Fault]:
    """Operations whose answer cannot be made valid, found before anyone calls them."""
    for operation in script.contract.operations:
        plan = script.plan(operation)
        if plan.schema is not None and not _has_example(script.contract, operation, plan.status, plan.media_type):
            yield Fault(operation.key, f"no valid {plan.status} answer was found; what is answered breaks its schema", "warning")
        elif plan.mended and plan.role.kind in ("create", "upsert") and plan.kind is not None and plan.kind.schema is not None:
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
