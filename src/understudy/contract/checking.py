"""A document looked at from end to end: every reference, schema, default and example, and what operations say of themselves.

1. Slow on purpose, and only run when asked: serving needs none of it.
2. Nothing is raised; each thing wrong is a Fault with its place and what would be right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from understudy.contract.documents import Documents, Unresolvable, escape
from understudy.contract.matching import PARAMETER
from understudy.contract.values import Body, Fault, Operation, Schema

if TYPE_CHECKING:
    from understudy.contract.contract import Contract

VALUES = frozenset({"example", "examples", "enum", "const", "default", "value", "mapping"})
"""Keywords that hold values, in which `$ref` is no reference."""


def check(contract: Contract) -> list[Fault]:
    """Everything that is wrong with a contract's documents, in the order of the documents."""
    found = [*contract.faults]
    found += broken_references(contract.documents)
    found += repeated_ids(contract.operations)
    for operation in contract.operations:
        found += template_faults(operation)
    for schema, direction in schemas(contract):
        contract.validator(schema, direction)
        contract.example(schema, direction)
    found += contract.faults + contract.unexampled
    return list(dict.fromkeys(found))


def schemas(contract: Contract) -> Iterator[tuple[Schema, str]]:
    """Every schema of a request or response, with its direction."""
    for operation in contract.operations:
        for parameter in operation.parameters:
            if parameter.schema is not None:
                yield parameter.schema, "request"
        yield from ((one, "request") for one in in_body(operation.body))
        for response in operation.responses.values():
            contents = (*response.content.values(), *response.headers.values())
            yield from ((one, "response") for one in contents if one is not None)
    for webhook in contract.webhooks.values():
        yield from ((one, "response") for one in in_body(webhook.body))


def in_body(body: Body | None) -> list[Schema]:
    """The schemas of a request body."""
    return [] if body is None else [one for one in body.content.values() if one is not None]


def broken_references(documents: Documents) -> Iterator[Fault]:
    """Every `$ref` in the documents handed over that leads nowhere."""
    for uri in documents.entries:
        for place, ref in references(documents.document(uri), f"{uri}#"):
            try:
                documents.at(documents.resolve(place, ref))
            except Unresolvable as error:
                yield Fault(f"{place}/$ref", str(error))


def references(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every object with a `$ref`, by place, with the reference."""
    pending = [(value, place)]
    while pending:
        node, where = pending.pop()
        if isinstance(node, list):
            pending.extend((one, f"{where}/{index}") for index, one in enumerate(node))
        elif isinstance(node, Mapping):
            if isinstance(node.get("$ref"), str):
                yield where, node["$ref"]
            inside_map = where.endswith(("/properties", "/schemas", "/parameters", "/responses", "/examples"))
            kept = [name for name in node if inside_map or (name not in VALUES and not str(name).startswith("x-"))]
            pending.extend((node[name], f"{where}/{escape(name)}") for name in reversed(kept))


def repeated_ids(operations: tuple[Operation, ...]) -> Iterator[Fault]:
    """operationIds used more than once (OpenAPI 3.1, Operation Object: unique among all operations of the description)."""
    counted = Counter((one.document, one.operation_id or "") for one in operations)
    for operation in operations:
        times = counted[operation.document, operation.operation_id or ""]
        if operation.operation_id and times > 1:
            message = f'operationId "{operation.operation_id}" is used {times} times, must be unique'
            yield Fault(f"{operation.uri}/operationId", message, "warning")


def template_faults(operation: Operation) -> Iterator[Fault]:
    """Path parameters without a place in the template, and places without a parameter."""
    declared = {one.name for one in operation.parameters if one.location == "path"}
    template = set(PARAMETER.findall(operation.path))
    for name in sorted(declared - template):
        yield Fault(operation.uri, f'path parameter "{name}" has no place in {operation.path}', "warning")
    for name in sorted(template - declared):
        yield Fault(operation.uri, f"{{{name}}} in {operation.path} is not declared as a path parameter", "warning")
