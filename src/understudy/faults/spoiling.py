"""What a fault makes of an answer: another in its place, the same spoiled, and how it is to be carried to the client.

Nothing here decides whether a fault strikes, and nothing here waits or sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from understudy.contract.values import Operation
from understudy.engine.examples import declared_example
from understudy.engine.outcomes import Outcome
from understudy.engine.plans import Script
from understudy.engine.refusing import refuse
from understudy.exact import read
from understudy.faults.fault import Fault
from understudy.problems import KINDS, Problem

HEADER = "Understudy-Fault"
"""The response header that names the faults an answer was struck by."""
CUTS = frozenset({"reset", "empty", "truncated"})
"""Answers that end the connection."""
RETRY = 1
"""Seconds a 429 asks for where nothing else is said."""


class Carried(NamedTuple):
    """How an answer reaches the client: so late, at this pace, or not whole."""

    fault: str | None = None  # the ids of the faults; None: the client asked for it
    delay: float = 0.0  # seconds
    cut: str | None = None  # one of CUTS
    pace: int | None = None  # octets of the body a second

    def seconds(self, size: int) -> float:
        """How long it takes until a body of so many octets is there."""
        return self.delay + (size / self.pace if self.pace is not None else 0.0)


class Struck(NamedTuple):
    """What strikes one request: delays add up, one fault decides the answer."""

    ids: tuple[str, ...]
    delay: float = 0.0
    pace: int | None = None
    fault: Fault | None = None
    preferred: str | None = None  # the wait a client asked for, as it wrote it

    @property
    def name(self) -> str:
        """The faults' ids, as the log tells them."""
        return ", ".join(self.ids)


def instead(script: Script, operation: Operation | None, struck: Struck) -> Outcome | None:
    """The answer where the request is not carried out; None where it is."""
    fault = struck.fault
    if fault is None or fault.done:
        return None
    return _of_status(script, operation, fault) if fault.status is not None else Outcome(0, b"", None, "not carried out")


def spoiled(script: Script, operation: Operation | None, struck: Struck, outcome: Outcome) -> tuple[Outcome, Carried]:
    """What becomes of an answer on its way, and how it goes there."""
    fault, said = struck.fault, list(_late(struck))
    if fault is not None:
        outcome, told = _changed(script, operation, fault, outcome)
        said.append(told)
    named = f"fault {struck.name}" if struck.ids else "as the client preferred"
    outcome = outcome._replace(reason=f"{named}: {', '.join(said)}; {outcome.reason}")
    if struck.ids:
        outcome = outcome._replace(headers={**outcome.headers, HEADER: struck.name})
    if struck.preferred is not None:
        outcome = outcome._replace(headers=_applied(outcome.headers, struck.preferred))
    cut = fault.answer if fault is not None and fault.answer in CUTS else None
    return outcome, Carried(struck.name or None, struck.delay, cut, struck.pace)


def _late(struck: Struck) -> list[str]:
    late = [f"{struck.delay:.3f} s late"] if struck.delay else []
    return [*late, f"{struck.pace} octets a second"] if struck.pace is not None else late


def _changed(script: Script, operation: Operation | None, fault: Fault, outcome: Outcome) -> tuple[Outcome, str]:
    """The answer after the fault that decides it, and that in words."""
    told = f"carried out ({outcome.status} {outcome.reason}), the answer lost" if fault.done else "not carried out"
    if fault.answer in ("reset", "empty"):
        return Outcome(0, b"", None, told), "connection reset" if fault.answer == "reset" else "closed without an answer"
    said = [] if not fault.stale else [f"read as before the last {'write' if fault.stale == 1 else f'{fault.stale} writes'}"]
    if fault.status is not None:
        outcome = _of_status(script, operation, fault)._replace(reason=told)
        said.append(f"status {fault.status}")
    if fault.answer == "malformed":
        outcome = outcome._replace(body=outcome.body[:-1] + b",")
    return outcome, ", ".join([*said, *([f"{fault.answer} body"] if fault.answer is not None else [])])


def _of_status(script: Script, operation: Operation | None, fault: Fault) -> Outcome:
    """An answer of a fault's status: its own body, else as the document declares one."""
    assert fault.status is not None
    status, reason = fault.status, "not carried out"
    if status in (204, 304):
        outcome = Outcome(status, b"", None, reason)
    elif fault.body is not None:
        outcome = _told(status, fault.body, reason)
    elif status < 400:
        outcome = _declared(script, operation, status, reason)
    else:
        outcome = refuse(script, Problem(_kind(status), f"fault {fault.id}, on demand"), operation, status)._replace(reason=reason)
    return outcome._replace(headers={**_headers(script, operation, status), **_lower(outcome.headers), **_own(fault)})


def _told(status: int, body: bytes, reason: str) -> Outcome:
    """A body of one's own: text as it is, else JSON."""
    value = read(body)
    if isinstance(value, str):
        return Outcome(status, value.encode("utf-8", "surrogatepass"), "text/plain; charset=utf-8", reason)
    return Outcome(status, body, "application/json", reason)


def _declared(script: Script, operation: Operation | None, status: int, reason: str) -> Outcome:
    response = operation.response(status) if operation is not None else None
    media = next((name for name in response.content if "json" in name), next(iter(response.content), None)) if response is not None else None
    body = b"" if operation is None else declared_example(script.contract, operation, status, media)
    return Outcome(status, body, media, reason)


def _kind(status: int) -> str:
    """The kind of problem a status is usually of."""
    known = next((kind for kind, statuses in KINDS.items() if statuses[0] == status), None)
    return known or ("internal_error" if status >= 500 else "cannot_process")


def _headers(script: Script, operation: Operation | None, status: int) -> dict[str, str]:
    """The headers the document declares of a status, each as its example."""
    response = operation.response(status) if operation is not None else None
    declared: Mapping[str, Any] = response.headers if response is not None else {}
    made = {name.lower(): script.contract.example(schema, "response") for name, schema in declared.items() if schema is not None}
    return {name: _text(value) for name, value in made.items() if name not in ("content-type", "content-length")}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _own(fault: Fault) -> dict[str, str]:
    retry = fault.retry_after if fault.retry_after is not None else RETRY if fault.status == 429 else None
    return {**({} if retry is None else {"retry-after": str(retry)}), **dict(fault.headers)}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _applied(headers: Mapping[str, str], waited: str) -> dict[str, str]:
    """With the preference that was applied, beside others (RFC 7240 section 3)."""
    before = headers.get("Preference-Applied")
    return {**headers, "Preference-Applied": f"{before}, wait={waited}" if before else f"wait={waited}", "Vary": "Prefer"}
