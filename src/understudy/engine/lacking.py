"""What an effect needs and a client left out, as the document lets it: a refusal that names the field.

One behaviour file serves several documents, and what one of them requires another may not. A name that no document knows is a
mistake of the effect and stays one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.contract.contract import Contract
from understudy.contract.values import Operation, Schema
from understudy.problems import Problem

_DEPTH = 3


def lacking(contract: Contract, operation: Operation, body: Any, missing: KeyError) -> Exception:
    """The problem of a client that left a declared field out; where it did not, the error itself."""
    name = missing.args[0] if missing.args else None
    schema = next((one for kind, one in (operation.body.content if operation.body else {}).items() if "json" in kind), None)
    place = _place(contract, schema, body, name, _DEPTH) if isinstance(name, str) and schema is not None else None
    return missing if place is None else Problem("missing_field", f"{place} is required here", field=place)


def _place(contract: Contract, schema: Schema, body: Any, name: str, depth: int) -> str | None:
    """The dotted way to a declared property of this name that the body does not have, or has as null."""
    declared = contract.shape(schema, "request").properties
    sent: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    if name in declared and sent.get(name) is None:
        return name
    for field, part in declared.items() if depth else ():
        if isinstance(sent.get(field), Mapping):
            found = _place(contract, part, sent[field], name, depth - 1)
            if found is not None:
                return f"{field}.{found}"
    return None
