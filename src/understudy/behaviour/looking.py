"""A contract's schemas as inference looks at them: one level at a time, each at most once.

Nothing here decides what a schema means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from understudy.contract.values import Operation, Response, Schema

if TYPE_CHECKING:
    from understudy.contract.contract import Contract
    from understudy.contract.shapes import Shape


class Look:
    """Shapes of a contract, remembered by address."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._shapes: dict[tuple[str, str], Shape] = {}

    def shape(self, schema: Schema, direction: str = "response") -> Shape:
        """One level of a schema."""
        key = (identity(schema), direction)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = self.contract.shape(schema, direction)
        return shape

    def enum(self, schema: Schema, direction: str = "response") -> tuple[str, ...]:
        """The strings a schema lists, null or not: of `oneOf` [enum, null] those of the enum."""
        shape = self.shape(schema, direction)
        found = list(shape.enum or ())
        for branch in shape.branches if shape.enum is None else ():
            part = self.shape(branch, direction)
            if part.enum is None and part.types != {"null"}:
                return ()
            found += part.enum or ()
        return tuple(dict.fromkeys(value for value in found if isinstance(value, str)))

    def request(self, operation: Operation) -> Schema | None:
        """The schema of an operation's body, JSON where there is a choice."""
        return _preferred(operation.body.content) if operation.body else None

    def answer(self, operation: Operation) -> Schema | None:
        """The schema of an operation's JSON answer when all goes well."""
        response = success(operation)
        return next((schema for kind, schema in response.content.items() if "json" in kind), None) if response else None


def success(operation: Operation) -> Response | None:
    """The response of a good request: the first 2xx that has a body, else the first 2xx, else the default."""
    good = [operation.responses[status] for status in sorted(operation.responses) if status[0] == "2"]
    return next((response for response in good if response.content), None) or (
        good[0] if good else operation.responses.get("default")
    )


def _preferred(content: Any) -> Schema | None:
    kind = next((kind for kind in content if "json" in kind), next(iter(content), None))
    schema = content.get(kind) if kind else None
    return schema if isinstance(schema, Schema) else None


def identity(schema: Schema) -> str:
    """The address a schema stands for: where its `$ref` leads, or its own. Two of one address are one schema."""
    value = schema.value
    target = value.get("$ref") if isinstance(value, dict) else None
    if not isinstance(target, str):
        return schema.uri
    if target.startswith("#"):
        return schema.uri.partition("#")[0] + target
    return urljoin(schema.uri, target)


def is_object(shape: Shape) -> bool:
    """Whether a value of this shape is an object with something in it."""
    return bool(shape.properties) or ("object" in shape.types and "array" not in shape.types)


def is_array(shape: Shape) -> bool:
    """Whether a value of this shape is an array."""
    return "array" in shape.types and "object" not in shape.types and not shape.properties
