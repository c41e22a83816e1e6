"""The contract: one or several OpenAPI documents as operations to match, requests to accept and values to judge.

1. The front door of the package; everything else in it is reached through here.
2. Nothing is compiled or crawled until something is asked; `check` alone looks at everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from understudy.contract.accepting import Accept, Accepted, Planner
from understudy.contract.checking import broken_references, check
from understudy.contract.cleaning import Cleaners
from understudy.contract.contradictions import Contradictions
from understudy.contract.documents import Documents, Retrieve
from understudy.contract.examples import Examples
from understudy.contract.fields import Headers
from understudy.contract.joining import colliding
from understudy.contract.markup import Markup
from understudy.contract.matching import Tree, build
from understudy.contract.merging import Merger
from understudy.contract.parameters import Coercion
from understudy.contract.projection import Projections
from understudy.contract.reading import Reader
from understudy.contract.schemas import Schemas, Validator
from understudy.contract.shapes import Shape, Shapes
from understudy.contract.values import Callback, Fault, Operation, Schema, Webhook

__all__ = ["Accepted", "Contract"]


class Contract:
    """What the documents say, ready to be asked. Make one with `Contract.of`."""

    def __init__(self, documents: Documents, strict: bool) -> None:
        self.documents = documents
        self.faults: list[Fault] = []
        self._shapes = Shapes(documents)
        self._requests = Schemas(documents, "request", self.faults)
        self._responses = Schemas(documents, "response", self.faults)
        self._reader = Reader(documents, self.faults)
        self.unexampled: list[Fault] = []
        self._projections = Projections(self._shapes)
        self._examples = {
            "request": self._make_examples("request", self._requests),
            "response": self._make_examples("response", self._responses),
        }
        self._contradictions = Contradictions(self._shapes, self._merger("response"))
        self._planner = self._make_planner(strict)
        self._plans: dict[str, Accept] = {}

    @classmethod
    def of(
        cls, documents: Sequence[tuple[str, Any]], retrieve: Retrieve | None = None, *, strict: bool = False
    ) -> Contract:
        """A contract of parsed documents, each with its URI. `retrieve(uri)` gives the JSON value of a document that one
        of them refers to, or raises; `strict` refuses fields and query parameters the documents do not know."""
        return cls(Documents(documents, retrieve), strict)

    def _make_planner(self, strict: bool) -> Planner:
        def valid(schema: Schema, default: Any) -> bool:
            return self._requests.validator(schema).is_valid(default)

        cleaners = {
            "whole": Cleaners(self._shapes, valid),
            "partial": Cleaners(self._shapes, lambda schema, default: False),
        }
        return Planner(Coercion(self._shapes), self._requests, cleaners, strict, Markup(self._shapes, "request"))

    def _make_examples(self, direction: str, schemas: Schemas) -> Examples:
        return Examples(self._shapes, schemas, self._merger(direction), self.faults, self.unexampled)

    def _merger(self, direction: str) -> Merger:
        return Merger(self._shapes, lambda address: self.documents.dialect(address) == "3.0", direction)

    # operations --------------------------------------------------------------------------------------------------

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation, in the order of the documents; of two with the same method and path the first."""
        return self._read[0]

    @cached_property
    def webhooks(self) -> Mapping[str, Webhook]:
        """Every entry of `webhooks`, by name."""
        return {webhook.name: webhook for webhook in self._reader.webhooks()}

    def callbacks(self, operation: Operation) -> tuple[Callback, ...]:
        """What is sent when an operation was called."""
        return tuple(self._reader.callbacks(operation)) if "callbacks" in operation.raw else ()

    @cached_property
    def match(self) -> Callable[[str, str], tuple[Operation, dict[str, str]]]:
        """`match(method, path)`: the operation a method and a raw path mean, and its decoded path parameters.

        Raises Problem: `unknown_path`, `method_not_allowed` (extra `allow`), `malformed_request`.
        """
        return self._read[1].match

    @cached_property
    def _read(self) -> tuple[tuple[Operation, ...], Tree]:
        found = list(self._reader.operations())
        tree, collisions = build(found)
        left_out = {id(loser) for winner, loser in collisions if winner.key == loser.key or winner.document != loser.document}
        self.faults += colliding(self.documents, collisions)
        return tuple(one for one, _ in found if id(one) not in left_out), tree

    def broken_references(self) -> list[Fault]:
        """The references in the documents that lead nowhere: what holds one is served as far as it can be."""
        return list(broken_references(self.documents))

    def check(self) -> list[Fault]:
        """Look at everything the documents hold, however long it takes, and list all that is wrong."""
        return check(self)

    # requests ----------------------------------------------------------------------------------------------------

    def accept(
        self,
        operation: Operation,
        path_params: Mapping[str, str],
        query: bytes,
        headers: Headers,
        body: bytes,
    ) -> Accepted:
        """What a request means to an operation. Header names are in lower case, as in ASGI.

        Raises Problem: `malformed_request`, `missing_field`, `invalid_field`, `unsupported_media_type` and, when strict,
        `unknown_field`.
        """
        plan = self._plans.get(operation.key)
        if plan is None:
            plan = self._plans[operation.key] = self._planner.plan(operation)
        return plan(path_params, query, headers, body)

    # schemas -----------------------------------------------------------------------------------------------------

    def validator(self, schema: Schema, direction: str) -> Validator:
        """The compiled validator of a schema for `request` or `response`."""
        return (self._requests if direction == "request" else self._responses).validator(schema)

    def shape(self, schema: Schema, direction: str) -> Shape:
        """One level of a schema, with references and combinations resolved."""
        return self._shapes.shape(schema, direction)

    def example(self, schema: Schema, direction: str) -> Any:
        """A valid value: declared, else the smallest; always the same. What has none is listed in `unexampled`."""
        return self._examples[direction].example(schema)

    def contradiction(self, schema: Schema) -> str | None:
        """Why no value at all can be the answer a schema describes; None where that cannot be said for sure."""
        return self._contradictions.of(schema)

    def hides(self, schema: Schema) -> bool:
        """Whether something below a record's own fields is writeOnly."""
        return self._projections.hides(schema)

    def markup(self, schema: Schema | None) -> Callable[[bytes], bytes]:
        """A function that makes an answer's JSON the XML its document describes."""
        return Markup(self._shapes, "response").writer(schema)

    def project(self, schema: Schema) -> Callable[[Any], Any]:
        """A function that keeps what a response schema declares of a record, at every depth."""
        return self._projections.of(schema)
