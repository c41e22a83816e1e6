"""What stock schemathesis finds in a document that is played, each failure with the reason why it is not the stand-in's, if there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.documents import KEY, credentials, whole, without_dead_links
from support.fuzzing import PHASES, fuzz
from support.reasons import STATE, Document, Failure, reason
from understudy.server.app import App
from understudy.world import sources

Row = dict[str, Any]


def judged_in_play(
    path: Path, theatre: Any, *, examples: int, cases: int, phases: tuple[str, ...] = PHASES, include: str | None = None, exclude: str | None = None
) -> Row:
    """A document against what is played, be it of that document alone or of several; `theatre` accepts `documents.KEY`."""
    script = theatre.script
    document, dead = without_dead_links(whole(sources.read(path), path))
    told: dict[tuple[str, int], set[str]] = {}
    theatre.stage.observe = lambda _, entry: told.setdefault((f"{entry.method} {entry.target}", entry.status), set()).add(entry.reason.partition(":")[0])
    verdict = fuzz(document, App(theatre), examples=examples, cases=cases, phases=phases, include=include, exclude=exclude, settings=with_key(script))
    known = Document(document, contradictions(script.contract))
    row = judged(verdict, known, [["link", "", one, "", f"link: {one}"] for one in dead], told)
    of_effects = [(failure, why) for failure in row["failures"] if (why := by_effect(failure, verdict.exchanges[tuple(failure[:3])], known, script))]
    gone = [failure for failure, _ in of_effects]
    return row | {"failures": [failure for failure in row["failures"] if failure not in gone],
                  "theirs": [*row["theirs"], *([*failure[:4], why] for failure, why in of_effects)]}


def by_effect(failure: list[Any], exchange: Any, document: Document, script: Any) -> str | None:
    """A body that fits the document, by another judge than the one that refused it, where what is played for the behaviour file needs more.

    The refusal names the field. A document may leave out of `required` what its vendor's own server does not do without.
    """
    if failure[0] != "positive_data_acceptance" or exchange.status != 400:
        return None
    operation, _ = script.contract.match(exchange.method, urlsplit(exchange.uri).path)
    schema = document.schema_of_body(exchange)
    if script.roles[operation.key].effect is None:
        return None
    if exchange.body and schema is not None and list(document.errors(schema, json.loads(exchange.body))):
        return None
    answer = json.loads(exchange.answer)
    return f"effect: {answer['field']} {answer['message']}" if answer.get("field") else None


def with_key(script: Any) -> dict[str, Any]:
    """What schemathesis is told to send: what the document's security schemes ask for, and the header a behaviour file names."""
    found = credentials(script.contract.operations)
    auth = script.behaviour.auth
    version = {"path.version": script.behaviour.version} if script.behaviour.version else {}
    return {**found, "headers": {**found["headers"], **dict.fromkeys(auth.headers[:1] if auth is not None else (), KEY)},
            "parameters": {**found.get("parameters", {}), **version}}


def judged(verdict: Any, document: Document, theirs: list[Any], told: Mapping[tuple[str, int], set[str]]) -> dict[str, Any]:
    """A verdict's failures, those that a rule knows a reason for apart."""
    row: dict[str, Any] = {"calls": verdict.calls, "statuses": dict(verdict.statuses), "errors": verdict.errors, "cut": sorted(verdict.cut), "failures": []}
    for key, shown in verdict.failures.items():
        exchange = verdict.exchanges[key]
        target = exchange.uri.partition("://")[2].partition("/")[2]
        kinds = told.get((f"{exchange.method} /{target}", exchange.status), set()) & STATE
        found = reason(Failure(key[0], key[2], exchange, next(iter(sorted(kinds)), ""), key[1] if " /" in key[1] else ""), document)
        (row["failures"] if found is None else theirs).append([*key, shown, found])
    return row | {"theirs": theirs}


def contradictions(contract: Any) -> dict[str, str]:
    """Operations with an answer that no value satisfies, and why, as the contract finds it."""
    found = {}
    for operation in contract.operations:
        for response in operation.responses.values():
            for schema in response.content.values():
                why = contract.contradiction(schema) if schema is not None else None
                if why is not None:
                    found[operation.key] = why
    return found
