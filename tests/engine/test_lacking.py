"""What an effect needs and a client left out is a refusal; what no document knows is a mistake of the effect."""

from __future__ import annotations

from typing import Any

import pytest

from contract.made import contract, operation
from understudy.engine.lacking import lacking
from understudy.problems import Problem

INNER = {"type": "object", "properties": {"url": {"type": "string"}}}
ASKED = contract(operation(body={"type": "object", "properties": {"amount": {"type": "integer"}, "target": INNER}}))


@pytest.mark.parametrize(
    ("body", "name", "field"),
    [({}, "amount", "amount"), ({"amount": None}, "amount", "amount"), (None, "amount", "amount"), ({"target": {}}, "url", "target.url"), ({"amount": 1}, "amount", None), ({}, "url", None),
     ({}, "customer", None), ({}, 7, None)],
)  # fmt: skip
def test_a_declared_field_that_is_not_there_is_asked_for(body: Any, name: Any, field: str | None) -> None:
    """At its place; where it is there, or no field of the document, the error stays what it is."""
    error = KeyError(name)
    found = lacking(ASKED, ASKED.operations[0], body, error)
    if field is None:
        assert found is error
    else:
        assert isinstance(found, Problem) and (found.kind, found.field) == ("missing_field", field)
