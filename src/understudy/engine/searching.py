"""Search bodies: what an operation that searches is sent becomes filters, one style for each row of `SEARCHES`.

Nothing here reads records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from understudy.engine.filtering import Filters


def _by_properties(body: Mapping[str, Any], known: frozenset[str]) -> Filters:
    return Filters(tuple(
        (field, frozenset(value if isinstance(value, list) else (value,)))
        for field, value in body.items()
        if field in known and not isinstance(value, dict) and value is not None
    ))


def _by_clauses(body: Mapping[str, Any], known: frozenset[str]) -> Filters:
    """Any of the search clauses (text, with wildcards) and all of the filter clauses (values) must hold."""
    texts = [_text_clause(clause) for clause in body.get("search_fields") or ()]
    values = [_value_clause(clause) for word in ("filter_fields", "selection_rule_fields") for clause in body.get(word) or ()]

    def holds(record: dict[str, Any]) -> bool:
        return (not texts or any(text(record) for text in texts)) and all(value(record) for value in values)

    return Filters(where=holds if texts or values else None)


def _text_clause(clause: Mapping[str, Any]) -> Callable[[dict[str, Any]], bool]:
    pattern = re.escape(str(clause.get("value", "")))
    pattern = ("" if not clause.get("wildcard_start") else ".*") + pattern + ("" if not clause.get("wildcard_end") else ".*")
    wanted = re.compile(pattern, (re.IGNORECASE if clause.get("ignore_case") else 0) | re.DOTALL)
    name = clause.get("name")

    def holds(record: dict[str, Any]) -> bool:
        values = [record.get(name)] if name else record.values()
        return any(isinstance(value, str) and wanted.fullmatch(value) for value in values)

    return holds


def _value_clause(clause: Mapping[str, Any]) -> Callable[[dict[str, Any]], bool]:
    name = str(clause.get("name"))
    wanted = {str(value) for value in clause.get("values") or ()} | ({str(clause["value"])} if clause.get("value") is not None else set())
    return lambda record: str(record.get(name)) in wanted if wanted else record.get(name) is None


SEARCHES: Mapping[str, Callable[[Mapping[str, Any], frozenset[str]], Filters]] = {
    "properties": _by_properties,
    "clauses": _by_clauses,
}
"""The styles of `Search.style`: a body and the record's fields give what a record must satisfy."""
