"""What the document says is sent back when an operation was answered: one event for each callback whose address can be told.

A callback's URL comes of the request and its answer (`expressions`); one that cannot be evaluated is not sent. Its body is
what the answer and it have in common, with what it requires beyond filled in from its example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from understudy.contract.values import Callback, Schema
from understudy.engine.completing import completer
from understudy.engine.decide import Event, Target
from understudy.engine.expressions import Exchange, body_of, evaluate
from understudy.engine.outcomes import Call, Outcome, kept
from understudy.engine.plans import Plan, Script


def called_back(script: Script, plan: Plan, call: Call, method: str, headers: Mapping[bytes, bytes], outcome: Outcome) -> Iterator[Event]:
    """The events a good answer sends to those the request named."""
    if not 200 <= outcome.status < 300:
        return
    url = f"{call.url}?{call.raw_query.decode('latin-1')}" if call.raw_query else call.url
    exchange = Exchange(url, method, call.path, call.raw_query, headers, call.body, outcome.status, outcome.headers, body_of(outcome.body))
    for callback in plan.callbacks:
        address = evaluate(callback.expression, exchange)
        if address:
            yield Event(callback.name, None, None, kept(_body(script, callback, exchange.response_body)), None, Target(address, callback.method))


def _body(script: Script, callback: Callback, answered: Any) -> Any:
    schema = _json(callback)
    if schema is None:
        return None
    contract = script.contract
    shown = contract.project(schema)(answered) if isinstance(answered, dict) else {}
    done = completer(contract, schema)(shown)
    return contract.example(schema, "response") if done is None else done.value


def _json(callback: Callback) -> Schema | None:
    content = callback.body.content if callback.body is not None else {}
    return next((schema for media, schema in content.items() if "json" in media), None)
