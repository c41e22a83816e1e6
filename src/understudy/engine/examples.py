"""What a document shows of an answer: its declared examples where they are valid, else the smallest value of the schema.

Nothing here knows records or what a client prefers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from understudy.contract.contract import Contract
from understudy.contract.values import Operation, Response
from understudy.engine.outcomes import encode
from understudy.exact import read


def declared_example(contract: Contract, operation: Operation, status: int, media_type: str | None) -> bytes:
    """The body of an answer as the document shows it, the first valid example; nothing for an answer without one."""
    response = operation.response(status)
    if response is None or media_type is None:
        return b"" if media_type is None else b"{}"
    shown = next((value for _, value in examples(contract, response, media_type)), None)
    return as_bytes(shown, media_type) if shown is not None else made(contract, response, media_type)


def shown_with(contract: Contract, operation: Operation, status: int, media_type: str, told: Mapping[str, Any]) -> bytes | None:
    """The answer as the document shows it, with some of its fields told; None where its schema does not allow that."""
    response = operation.response(status)
    schema = content_of(response.content, media_type) if response else None
    shown = read(declared_example(contract, operation, status, media_type)) if "json" in media_type else None
    body = {**shown, **told} if isinstance(shown, dict) else dict(told)
    return encode(body) if schema is None or contract.validator(schema, "response").is_valid(body) else None


def made(contract: Contract, response: Response, media_type: str) -> bytes:
    """The smallest valid body of a response, whatever examples it declares."""
    schema = content_of(response.content, media_type)
    return as_bytes(contract.example(schema, "response") if schema is not None else {}, media_type)


def examples(contract: Contract, response: Response, media_type: str) -> Iterator[tuple[str, Any]]:
    """The declared examples of a media type by name, the unnamed one first; those its schema refuses are passed over.

    What is writeOnly is left out (OpenAPI 3.1, Schema Object: it should not be sent in a response).
    """
    schema = content_of(response.content, media_type)
    valid = contract.validator(schema, "response").is_valid if schema is not None else lambda value: True
    open_ = schema is None or not (contract.shape(schema, "response").write_only or contract.hides(schema))
    for name, value in _declared(content_of(response.examples, media_type)):
        for shown in (value,) if open_ or schema is None else (contract.project(schema)(value), value):
            if shown is not None and valid(shown):
                yield name, shown
                break


def _declared(media: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(media, Mapping):
        return
    yield "", media.get("example")
    named = media.get("examples")
    for name, example in named.items() if isinstance(named, Mapping) else ():
        if isinstance(example, Mapping):
            yield str(name), example.get("value")


def content_of(content: Mapping[str, Any], media_type: str) -> Any:
    """What is declared for a media type, under its own name or a range that covers it."""
    for name in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        if content.get(name) is not None:
            return content[name]
    return None


def as_bytes(value: Any, media_type: str) -> bytes:
    """A value in a media type: JSON, or as text."""
    if "json" in media_type:
        return encode(value)
    return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else encode(value)
