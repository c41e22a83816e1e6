"""Stock schemathesis over a document against an application in process: every check, every phase, a fixed seed."""

from __future__ import annotations

import copy
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from support.reasons import Exchange
from understudy.check.drawing import by_seed_alone
from understudy.check.fuzzing import PHASES, REFUSED, begin_anew, stock

KEY = "sk_test"
"""The API key that is accepted where one is needed."""

_TAKEN = ["2xx", "3xx", 401, 403, 404, 409, 414, 429, "5xx"]
RULES: Mapping[str, Any] = {
    "headers": {"X-API-KEY": KEY},
    "checks": {
        # The stock lists with 414 added to both. The limit is on the whole address (RFC 9110 section 15.5.15): values
        # that are each as long as their schemas allow may together be longer than it, and a value that is too long may
        # make the address so before anyone has looked at the value. A 5xx is in both stock lists because another
        # check, not_a_server_error, refuses it.
        "negative_data_rejection": {"expected-statuses": REFUSED},
        "positive_data_acceptance": {"expected-statuses": _TAKEN},
    },
    "operations": [
        # A usage event may lie 30 minutes ahead of the clock at most and is refused with 400 and its field, as the
        # vendor documents it; where the clock stands is nothing a schema can say.
        {
            "include-path-regex": "^/v1/(ingest/meter-datas?|events/(ingest(-list|-batch)?|calculate))$",
            "checks": {"positive_data_acceptance": {"expected-statuses": [400, *_TAKEN]}},
        },
    ],
}
"""How the bundled Solvimon document is judged: every stock check, and each exception with its reason."""

HEAVY = "^/v1/(pricings|pricing-groups|pricing-plan-versions|pricing-plan-schedules|pricing-plan-subscriptions/init)"
"""Whose bodies hold prices, a tree of some six hundred places: coverage alone makes 30,000 cases of each."""

_KEY = "Idempotency-Key"
_TOKEN = re.compile("[!-~]{1,200}")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give each distinct request its own idempotency key, as the header's contract asks of a client.

    Coverage sends one example of the header with thousands of different bodies: all but the first would be answered
    409 by the key alone and their bodies judged by nobody. The same request keeps its key, so replays are exercised.
    Keys that are wrong on purpose stay as they are.
    """
    key = (case.headers or {}).get(_KEY)
    if isinstance(key, str) and _TOKEN.fullmatch(key):
        others = sorted((name, value) for name, value in case.headers.items() if name != _KEY)
        sent = repr((case.method, case.formatted_path, case.query, others, case.media_type, case.body))
        case.headers[_KEY] = f"{key}-{hashlib.sha256(sent.encode('utf-8', 'replace')).hexdigest()[:16]}"


@dataclass
class Verdict:
    """What a run found: calls made, statuses seen, and each distinct failure with the request that shows it."""

    calls: int = 0
    scenarios: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    exchanges: dict[tuple[str, str, str], Exchange] = field(default_factory=dict)  # those that show a failure
    cut: set[str] = field(default_factory=set)  # operations with more cases of the coverage phase than were to be played
    errors: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """All failures, readable."""
        lines = [f"{check} {label}: {message}\n    {shown}" for (check, label, message), shown in self.failures.items()]
        return "\n".join([*lines, *self.errors])


def fuzz(
    document: Mapping[str, Any],
    app: Any,
    *,
    base_url: str | None = None,
    cases: int | None = None,
    seed: int = 1,
    examples: int = 30,
    settings: Mapping[str, Any] | None = None,
    phases: Sequence[str] = PHASES,
    include: str | None = None,
    exclude: str | None = None,
    reset: Callable[[], object] | None = None,
) -> Verdict:
    """Run it. `examples` is the most cases per operation in fuzzing, and of scenarios in the stateful phase.

    `include` and `exclude` are patterns: only the operations whose path fits the one and not the other are called.
    `reset` puts the application back to its beginning: done before each scenario of the stateful phase.
    `cases` is the most cases of one operation in the coverage phase, which makes tens of thousands of a deep body.
    With a `base_url` requests go there, and `app` is None.
    """
    config = SchemathesisConfig.from_dict({
        **({"base-url": base_url} if base_url else {}),
        "seed": seed,
        "generation": {"max-examples": examples},
        "phases": {name: {"enabled": name in phases} for name in PHASES},
        "continue-on-failure": True,
        **(settings or {}),
        "checks": stock((settings or {}).get("checks", {})),
    })
    schema = schemathesis.openapi.from_dict(copy.deepcopy(dict(document)), config=config)
    if include is not None:
        schema = schema.include(path_regex=include)
    if exclude is not None:
        schema = schema.exclude(path_regex=exclude)
    if reset is not None:
        begin_anew(schema, reset)
    schema.app = app
    verdict = Verdict()
    if cases is not None:
        _cut(schema, cases, verdict.cut)
    with by_seed_alone():
        for event in from_schema(schema).execute():
            _take(verdict, event)
    return verdict


def _take(verdict: Verdict, event: Any) -> None:
    if isinstance(event, events.ScenarioFinished):
        _add(verdict, event)
    elif isinstance(event, events.NonFatalError):
        verdict.errors.append(f"{event.label}: {event.info!r} {getattr(event, 'value', '')!r}"[:2000])
    elif isinstance(event, events.FatalError):
        verdict.errors.append(f"fatal: {event.exception!r}")


def _cut(schema: Any, most: int, cut: set[str]) -> None:
    """Play no more cases of the coverage phase than these for each operation, in its own order; note where there were more."""
    every = schema.iter_coverage_cases

    def some(*arguments: Any, **named: Any) -> Any:
        made = iter(every(*arguments, **named))
        operation = named.get("operation", arguments[0] if arguments else None)
        yield from islice(made, most)
        if next(made, None) is not None:
            cut.add(str(getattr(operation, "label", operation)))

    schema.iter_coverage_cases = some


def _add(verdict: Verdict, event: Any) -> None:
    verdict.scenarios += 1
    for interaction in event.recorder.interactions.values():
        verdict.calls += 1
        if interaction.response is not None:
            verdict.statuses[interaction.response.status_code] += 1
    for case, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            node = event.recorder.interactions.get(case)
            failure = check.failure_info.failure
            key = (check.name, _label(event, case), f"{failure.title}: {failure.message}"[:400])
            if key not in verdict.failures and node is not None:
                verdict.exchanges[key] = _exchange(node)
            verdict.failures.setdefault(key, _shown(node))


def _label(event: Any, case: str) -> str:
    """The operation a case calls; the stateful phase as a whole has none."""
    made = event.recorder.cases.get(case)
    return str(event.label) if event.label is not None or made is None else str(made.value.operation.label)


def _exchange(node: Any) -> Exchange:
    """A recorded request and its answer."""
    answer = node.response
    return Exchange(
        node.request.method, node.request.uri, {name.lower(): ", ".join(values) for name, values in node.request.headers.items()},
        node.request.body or b"", answer.status_code if answer is not None else 0, (answer.content or b"") if answer is not None else b"",
        {name.lower(): ", ".join(values) for name, values in answer.headers.items()} if answer is not None else {},
    )


def _shown(node: Any) -> str:
    """A request and its answer, each cut to what can be read."""
    if node is None:
        return ""
    answer = f"{node.response.status_code} {node.response.content[:800]!r}" if node.response is not None else "no answer"
    return f"{node.request.method} {node.request.uri[:400]} -> {answer}\n    {(node.request.body or b'')[:1200]!r}"
