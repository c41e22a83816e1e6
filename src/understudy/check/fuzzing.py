"""Stock schemathesis as a layer: every check and every phase, its adaptive features frozen, a fresh start before each scenario.

1. The one file of the package that meets schemathesis; its engine is no public interface, so the version is pinned.
2. Frozen: the same seed sends the same requests whatever is answered, so that two targets can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from understudy.check.claims import Claim, status
from understudy.check.drawing import by_seed_alone
from understudy.check.findings import Finding
from understudy.check.linking import linked
from understudy.check.steps import Answer, Step
from understudy.check.subjects import Api
from understudy.check.targets import InProcess, Remote, Target
from understudy.check.traffic import Recorded
from understudy.check.witness import Witness

PHASES = ("stateful", "fuzzing", "coverage", "examples")
REFUSED = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 428, 429, "5xx"]
TAKEN = ["2xx", "3xx", 400, 401, 403, 404, 409, 412, 414, 422, 429, "5xx"]
FROZEN: Mapping[str, Any] = {
    "cache": {"enabled": False},
    "analysis": {"constants": {"enabled": False}},
    "workers": 1,
    "continue-on-failure": True,
    "generation": {"database": "none"},
    "checks": {
        # A schema cannot say everything that is refused (an opaque cursor, a reference to nothing, a state), so a valid
        # request may be refused; a 5xx is another check's.
        "negative_data_rejection": {"expected-statuses": REFUSED},
        "positive_data_acceptance": {"expected-statuses": TAKEN},
        # What a header's absence is answered with before it is looked at is no matter.
        "missing_required_header": {"expected-statuses": [*REFUSED, 406]},
    },
}
"""How it is run: see schemathesis' own configuration reference for each."""
PHASE: Mapping[str, Mapping[str, Any]] = {"fuzzing": {"operation-ordering": "none"}, "stateful": {"inference": {"algorithms": ["dependency-analysis"]}}}
"""Settings of single phases. Links are not learned from answers: a URL that is none, in any body, ends schemathesis' run."""
LAW = "schemathesis: "
OWN = "UnderstudyLaws"
"""The laws as a check of schemathesis (`checks`), where somebody registered it: here a witness looks after them."""
INTERRUPTED = "interrupted"


def stock(checks: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of schemathesis' own checks, which leave the laws out wherever they are registered."""
    return {**checks, **({OWN: {"enabled": False}} if OWN in CHECKS.get_all_names() else {})}


@dataclass
class Fuzzed:
    """What came of it."""

    findings: list[Finding] = field(default_factory=list)
    calls: int = 0
    claims: int = 0  # of the model, about what the calls did one after the other
    scenarios: int = 0
    seconds: float = 0.0
    first: float | None = None
    ended: bool = True  # False: the time was up before, or it failed
    skipped: dict[str, str] = field(default_factory=dict)  # operation -> why schemathesis could not test it
    failed: str | None = None  # why schemathesis itself gave up


def fuzz(api: Api, target: Target, credentials: Mapping[str, str], *, seed: int = 1, seconds: float = 60.0, examples: int = 20,
         allowed: frozenset[str] | None = None, phases: tuple[str, ...] = PHASES, workers: int = 1) -> Fuzzed:
    """Run it for so many seconds at most; each phase has an equal share of what is left, so that a document of deep bodies is met in all of them."""
    found, start, witness = Fuzzed(), time.perf_counter(), Witness(api)
    with by_seed_alone():
        for place, phase in enumerate(phases):
            if found.failed == INTERRUPTED:
                break
            left = seconds - (time.perf_counter() - start)
            schema = _schema(api, target, credentials, seed, examples, (phase,), allowed, workers)
            _follow(from_schema(schema).execute(), found, witness, max(left, 0) / (len(phases) - place))
    found.seconds = time.perf_counter() - start
    return found


def _follow(stream: Any, found: Fuzzed, witness: Witness, seconds: float) -> None:
    """Take what happens in a run, for so many seconds at most."""
    start, api = time.perf_counter(), witness.api
    for event in _as_far_as_it_comes(stream, found):
        if isinstance(event, events.ScenarioFinished):
            found.scenarios += 1
            for finding in chain(_findings(event, api), _witnessed(event, witness)):
                if all(finding.identity != one.identity for one in found.findings):
                    found.findings.append(finding)
                    found.first = found.first if found.first is not None else time.perf_counter() - start
            found.claims = witness.claims
            found.calls += len(event.recorder.interactions)
        elif isinstance(event, events.NonFatalError):
            _add_error(found, event)
        elif isinstance(event, events.FatalError):
            found.failed, found.ended = f"{type(event.exception).__name__}: {event.exception}", False
        elif isinstance(event, events.Interrupted):
            found.failed, found.ended = INTERRUPTED, False
        if time.perf_counter() - start > seconds:
            found.ended = False
            stream.stop()
            break


def _as_far_as_it_comes(stream: Any, found: Fuzzed) -> Iterator[Any]:
    """The events of a run; where schemathesis itself fails, those before."""
    try:
        yield from stream
    except Exception as fault:  # whatever it is, what was found so far is found
        found.failed = f"{type(fault).__name__}: {fault}"
        found.ended = False


def _schema(api: Api, target: Target, credentials: Mapping[str, str], seed: int, examples: int, phases: tuple[str, ...], allowed: frozenset[str] | None, workers: int) -> Any:
    documents = api.contract.documents
    document = linked(dict(documents.document(documents.entries[0])), api)
    local = _bare(target)
    config = SchemathesisConfig.from_dict({
        **FROZEN,
        "checks": stock(FROZEN["checks"]),
        "seed": seed,
        "workers": workers,
        "generation": {"database": "none", "max-examples": examples},
        "headers": {_spelled(api, name): value for name, value in credentials.items()},
        "phases": {name: {"enabled": name in phases, **PHASE.get(name, {})} for name in PHASES},
        **({"base-url": local.url + local.base} if isinstance(local, Remote) else {}),
    })
    schema: Any = schemathesis.openapi.from_dict(document, config=config)
    if allowed is not None:
        spared = {operation.key for operation in api.contract.operations} - allowed
        schema = schema.exclude(lambda context: f"{context.operation.method.upper()} {context.operation.full_path}" in spared)
    if isinstance(local, InProcess):
        schema.app = local.app
    begin_anew(schema, target.reset)
    return schema


def _spelled(api: Api, name: str) -> str:
    """A header's name as the document's security schemes write it: by that schemathesis finds it to leave it out."""
    schemes = (requirement.scheme for operation in api.contract.operations for some in operation.security or () for requirement in some)
    return next((str(one["name"]) for one in schemes if str(one.get("name", "")).lower() == name.lower()), name.title())


def _bare(target: Any) -> Target:
    """The target without the receiver beside it."""
    found: Target = getattr(target, "target", target)
    return found


def begin_anew(schema: Any, reset: Callable[[], object]) -> None:
    """Reset before each scenario of the stateful phase.

    Hypothesis plays scenarios again and gives the phase up in silence where the second time differs from the first, as
    it must where state has stayed; the engine's own machine does not call a `setup` of ours.
    """
    build = schema.build_state_machine

    def built(*arguments: Any, **named: Any) -> Any:
        def begin(self: Any) -> None:
            reset()
            machine.__init__(self)

        machine = build(*arguments, **named)
        return type(machine.__name__, (machine,), {"__init__": begin})

    schema.build_state_machine = built


def _findings(event: Any, api: Api) -> Iterator[Finding]:
    for case, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                message = " ".join(f"{failure.title}: {failure.message}".split())[:400]
                steps, answers = _chain(event.recorder, case)
                label = str(event.label) if str(event.label) in api.by_key or not steps else steps[-1].operation or str(event.label)
                claim = Claim("not_among", {"value": status(len(steps) - 1), "options": [answers[-1].status if answers and answers[-1] else 0]}, message)
                yield Finding(f"{LAW}{check.name}", label, f"{type(failure).__name__} {getattr(failure, '_unique_key', '')}"[:200], message, steps, answers, claim)


def _witnessed(event: Any, witness: Witness) -> Iterator[Finding]:
    """What the laws find in the calls of a scenario, one after the other: a scenario may have had a fresh start."""
    witness.begin_anew()
    for node in event.recorder.interactions.values():
        request, answer = node.request, _answer(node)
        headers = {name.lower(): values[0] for name, values in request.headers.items() if values}
        if answer is not None:
            yield from witness.see(Recorded(request.method, request.uri, headers, request.body or None, answer))


def _chain(recorder: Any, case: str) -> tuple[tuple[Step, ...], tuple[Answer | None, ...]]:
    """A call and those it came from, as they were sent."""
    chain: list[str] = []
    at: str | None = case
    while at is not None and at in recorder.cases and len(chain) < 30:
        chain.append(at)
        at = recorder.cases[at].parent_id
    steps, answers = [], []
    for one in reversed(chain):
        node = recorder.interactions.get(one)
        if node is not None:
            steps.append(_step(node, recorder.cases[one].value))
            answers.append(_answer(node))
    return tuple(steps), tuple(answers)


def _step(node: Any, case: Any) -> Step:
    request = node.request
    headers = {name: values[0] for name, values in request.headers.items() if name.lower() in ("content-type", "idempotency-key", "accept") and values}
    path = "/" + request.uri.partition("//")[2].partition("/")[2].partition("#")[0]  # as it was sent, which urlsplit may refuse
    key = f"{case.operation.method.upper()} {case.operation.full_path}" if case is not None else ""
    return Step(key, request.method, path.replace("{", "%7B"), headers=headers, raw=request.body if request.body else None)


def _answer(node: Any) -> Answer | None:
    response = node.response
    if response is None:
        return None
    return Answer(response.status_code, {name.lower(): values[0] for name, values in response.headers.items() if values}, response.content or b"")


def _add_error(found: Fuzzed, event: Any) -> None:
    """What the application raised, or schemathesis could not do: told like a finding where it was the application."""
    words = f"{getattr(event, 'value', '')!r} {event.info!r}"[:400]
    if "Runtime" in words or "raised" in words:
        claim = Claim("fails", {"value": False}, words)
        found.findings.append(Finding(f"{LAW}no exception", str(event.label), words[:80], words, (), (), claim))
    else:
        found.skipped[str(event.label)] = words
