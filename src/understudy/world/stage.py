"""From a request to its reply, in one world: matched, admitted, accepted, decided, kept.

1. Everything a client can do goes through `Stage.answer`; it never raises for what a client sends.
2. Requests are answered one after the other, so each sees the last one's whole effect and no other's half.
3. Nothing here knows ASGI or sockets.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from understudy.behaviour.model import Auth, Idempotency
from understudy.contract.accepting import Accepted
from understudy.contract.values import Operation
from understudy.durations import format_instant
from understudy.engine import decide as deciding
from understudy.engine import guarding
from understudy.engine.callbacks import called_back
from understudy.engine.decide import Circumstances, Decision, Timer
from understudy.engine.examples import shown_with
from understudy.engine.negotiating import negotiated, preferred
from understudy.engine.outcomes import Asking, Call, Outcome, Told
from understudy.engine.plans import Plan, Script
from understudy.engine.refusing import refuse
from understudy.exact import read
from understudy.faults.aim import NOTHING
from understudy.problems import Problem
from understudy.world import desk
from understudy.world.clock import LATEST
from understudy.world.holdings import Put
from understudy.world.mirroring import renew
from understudy.world.pinning import Pinned
from understudy.world.world import SHOWN, Logged, World

if TYPE_CHECKING:
    from understudy.faults.spoiling import Carried, Struck

Headers = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    """What came in: `path` still percent-encoded, `headers` with lower-case names, `origin` scheme and host."""

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes
    sent: Mapping[bytes, bytes]  # the headers by name
    origin: str = "http://localhost"
    prefix: str = ""  # what stood before the path to choose the world
    concurrent: bool = False  # its idempotency key came in while a request with the same key was being received
    own: bool = False  # of a fixture: asked for no credential of the document's security schemes

    def header(self, name: bytes) -> str | None:
        """The header of a name."""
        value = self.sent.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def target(self) -> str:
        """Path and query as sent."""
        return f"{self.path}?{self.query.decode('latin-1')}" if self.query else self.path


class Reply(NamedTuple):
    """What goes out."""

    status: int
    headers: Headers
    body: bytes
    pending: Pending | None = None  # what is to be sent before this is final
    carried: Carried | None = None  # late, slowly, or not whole: what a fault makes of its way; `status` 0: nothing comes


class Pending(NamedTuple):
    """An answer that waits for something to be sent in a world; without a sender the reply stands as it is."""

    world: World
    asking: Asking
    answer: Callable[[Told], Reply]


@dataclass(slots=True)
class Turn:
    """One request being answered: what is learned of it on the way."""

    world: World
    request: Request
    now: datetime
    id: str | None = None
    operation: Operation | None = None
    warnings: tuple[str, ...] = ()
    key: tuple[str, bytes, Idempotency] | None = None  # the idempotency key it comes with, its fingerprint, the rule
    asking: tuple[Asking, Plan, Call] | None = None  # what is to be sent before the client is told
    begun: float = 0.0  # where somebody looks on: when, by `perf_counter`
    struck: Struck | None = None  # what faults make of its answer

    @property
    def fault(self) -> str | None:
        """The ids of the faults that struck it."""
        return self.struck.name or None if self.struck is not None else None

    @property
    def stale(self) -> int:
        """How many writes a read lies back."""
        return self.struck.fault.stale if self.struck is not None and self.struck.fault is not None else 0


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that fired while the clock was turned."""

    at: datetime
    resource: str
    id: str
    trigger: str
    events: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """As the control plane prints it."""
        return {"at": format_instant(self.at), "resource": self.resource, "id": self.id, "trigger": self.trigger, "events": list(self.events)}


class Stage:
    """A script being played. `open` asks for no keys; `keys` are the good ones (None: any); `strict_auth` takes
    no token but those granted here, where there is an address that grants them; `observe` is shown each request with what
    was learned of it."""

    def __init__(
        self, script: Script, *, open: bool = False, keys: frozenset[str] | None = None, observe: Callable[[Turn, Logged], None] | None = None,
        strict_auth: bool = False,
    ) -> None:
        self.script = script
        self.auth = None if open else script.behaviour.auth
        self.open = open
        self.keys = keys
        self.strict_auth = strict_auth and any(place.part == "token" for place in script.places.values())
        self.observe = observe
        self._version = script.behaviour.version
        self._key_header = script.behaviour.idempotency.header.encode() if script.behaviour.idempotency else b""
        self._fresh = tuple((name.lower().encode(), prefix) for name, prefix in script.behaviour.response_headers.items())

    # --- requests ------------------------------------------------------------------------------------------------

    def answer(self, world: World, request: Request, refusal: Problem | None = None) -> Reply:
        """Play a request in a world. Whatever is wrong with it becomes an answer; its reason is in the request log.

        `refusal` is what was found wrong with the request before it could be read whole.
        """
        turn = Turn(world, request, world.clock.now())
        if self.observe is not None:
            turn.begun = perf_counter()
        headers = self._fresh_headers(turn)
        try:
            turn.now = self.settle(world)
            if refusal is not None:
                raise refusal
            outcome = self._perform(turn)
        except Problem as problem:
            outcome = refuse(self.script, problem, turn.operation)
        except Exception as fault:  # ours, whatever the client sent: in the API's own shape, and in full on standard error
            logging.getLogger("understudy").exception("%s %s", request.method, request.target)
            outcome = refuse(self.script, Problem("internal_error", f"the stand-in failed: {type(fault).__name__}"), turn.operation)
        if request.method == "OPTIONS" and outcome.status == 405:
            outcome = Outcome(204, b"", None, "the methods of this path", outcome.headers)
        if turn.asking is not None:
            return Reply(outcome.status, _headers(outcome) + headers, outcome.body, Pending(world, turn.asking[0], partial(self._finish, turn, headers)))
        carried = None
        if turn.struck is not None:
            outcome, carried = self._spoiled(turn, turn.struck, outcome)
        self._log(turn, outcome)
        return Reply(outcome.status, _headers(outcome) + headers, outcome.body, None, carried)

    def _finish(self, turn: Turn, headers: Headers, told: Told) -> Reply:
        """The answer to a request that had something sent first."""
        assert turn.asking is not None
        _, plan, call = turn.asking
        try:
            turn.now = self.settle(turn.world)
            if plan.refreshed and plan.kind is not None:
                self._refresh(turn.world, plan.kind.name, turn.now)
            outcome = self._decide(turn, plan, call._replace(told=told))
        except Problem as problem:
            outcome = refuse(self.script, problem, turn.operation)
        carried = None
        if turn.struck is not None:
            outcome, carried = self._spoiled(turn, turn.struck, outcome)
        self._log(turn, outcome)
        return Reply(outcome.status, _headers(outcome) + headers, outcome.body, None, carried)

    def _spoiled(self, turn: Turn, struck: Struck, outcome: Outcome) -> tuple[Outcome, Carried]:
        """What becomes of an answer that is struck, and how it is carried."""
        from understudy.faults.spoiling import spoiled  # only where there are faults

        return spoiled(self.script, turn.operation, struck, outcome)

    def _meet(self, turn: Turn, key: str) -> Outcome | None:
        """Let the world's faults strike a request; the answer, where one has it not carried out."""
        from understudy.faults.spoiling import instead  # only where there are faults
        from understudy.world import faulting  # as above

        request, targets = turn.request, faulting.aimed(self.script, turn.world).operations.get(key)
        if targets is None or request.own:
            return None
        turn.struck = faulting.strike(turn.world, targets, request.path, request.sent)
        return None if turn.struck is None else instead(self.script, turn.operation, turn.struck)

    def _log(self, turn: Turn, outcome: Outcome) -> None:
        world, request = turn.world, turn.request
        entry = Logged(world.request_count, turn.now, request.method, request.target, outcome.status, outcome.reason, turn.warnings, turn.id,
                       request.sent, request.body[:SHOWN])
        world.requests.append(entry)
        if self.observe is not None:
            self.observe(turn, entry)

    def _perform(self, turn: Turn) -> Outcome:
        try:
            turn.operation, path = self._match(turn.request)
        except Problem:
            place = self.script.places.get(turn.request.path)
            if place is None:
                raise
            struck = None if turn.world.aim is NOTHING else self._meet(turn, f"{turn.request.method} {turn.request.path}")
            return struck or desk.visit(place, turn.world, turn.request, turn.now, self._keys(turn))
        aim = turn.world.aim
        if aim is not NOTHING and (aim is None or turn.operation.key in aim.operations):  # it has faults
            outcome = self._meet(turn, turn.operation.key)
            if outcome is not None:
                return outcome
        plan = self.script.plan(turn.operation)
        noted: tuple[str, ...] = ()
        if plan.guarded and self.auth is not None:
            admit(self.auth, turn.world.keys, turn.request)
        elif plan.guard and not self.open and not turn.request.own:
            noted = guarding.admit(plan.guard, self._keys(turn), turn.request.sent, turn.request.query, desk.grants(turn.world, turn.now, self.strict_auth))
        if self._version is not None:
            self._check_version(path)
        request = turn.request
        accept = request.sent.get(b"accept")
        if accept is not None and accept != b"*/*":
            plan = negotiated(self.script, plan, accept)
        accepted = self.script.contract.accept(plan.operation, path, request.query, request.headers, request.body)
        turn.warnings = accepted.warnings + noted
        if b"prefer" in request.sent:
            prefer = b", ".join(value for name, value in request.headers if name == b"prefer").decode("latin-1")
            turn.struck = _waiting(turn.struck, prefer)
            outcome = preferred(self.script, plan, prefer)
            if outcome is not None:
                return as_written(plan, outcome)
        outcome = (plan.place and self._granted(turn, plan)) or self._repeatable(turn, plan, accepted)
        if plan.written is not None:
            outcome = as_written(plan, outcome)
        return outcome._replace(headers={**plan.headers, **outcome.headers}) if plan.headers else outcome

    def _keys(self, turn: Turn) -> frozenset[str] | None:
        return turn.world.keys if turn.world.keys is not None else self.keys

    def _granted(self, turn: Turn, plan: Plan) -> Outcome | None:
        """A token from an operation of the document that stands where its security schemes say tokens are granted.

        The answer is the document's own with the token in it; None where nothing is granted or the two do not go together.
        """
        assert plan.place is not None
        outcome = desk.visit(plan.place, turn.world, turn.request, turn.now, self._keys(turn))
        if outcome.status != 200 or plan.media_type is None:
            return None
        body = shown_with(self.script.contract, plan.operation, plan.status, plan.media_type, read(outcome.body))
        return None if body is None else outcome._replace(status=plan.status, body=body, media_type=plan.media_type)

    def _repeatable(self, turn: Turn, plan: Plan, accepted: Accepted) -> Outcome:
        """Play a request, once for each idempotency key."""
        request = turn.request
        rule = self.script.behaviour.idempotency if plan.keyed else None
        key = request.header(self._key_header) if rule is not None else None
        if rule is None or not key:
            return self._play(turn, plan, accepted)
        return self._once(turn, rule, key, plan, accepted)

    def _match(self, request: Request) -> tuple[Operation, dict[str, str]]:
        """The operation asked for; HEAD is GET where the document does not say otherwise (RFC 9110 section 9.3.2)."""
        try:
            return self.script.contract.match(request.method, request.path)
        except Problem as problem:
            if request.method == "HEAD" and "GET" in problem.extra.get("allow", ()):
                return self.script.contract.match("GET", request.path)
            raise

    def _check_version(self, path: dict[str, str]) -> None:
        if path.get("version", self._version) != self._version:
            raise Problem("unsupported_version", f'version "{path["version"]}" is not served; use {self._version}', field="version", location="path")

    def _fresh_headers(self, turn: Turn) -> Headers:
        """The headers every response carries a fresh id in; the first of them names the request."""
        world = turn.world
        world.request_count += 1
        headers = []
        for name, prefix in self._fresh:
            value = world.request_id(prefix)
            turn.id = turn.id or value
            headers.append((name, value.encode()))
        return headers

    def _once(self, turn: Turn, rule: Idempotency, key: str, plan: Plan, accepted: Accepted) -> Outcome:
        """Play a request whose key is new; answer one whose key is known as the first was answered."""
        if turn.request.concurrent:
            raise Problem("idempotency_running", "the first request with this idempotency key has not been answered yet",
                          field=rule.header, location="header")
        pinned: Pinned | None = turn.world.held["pinned"].get(key)
        fingerprint = _fingerprint(turn.request)
        if pinned is not None and turn.now - pinned.at < rule.window:
            if pinned.fingerprint != fingerprint:
                raise Problem("idempotency_conflict", "this idempotency key was used with another request", field=rule.header, location="header")
            return pinned.again(rule.replay_header)
        turn.key = key, fingerprint, rule
        try:
            outcome = self._play(turn, plan, accepted)
        except Problem as problem:
            outcome = refuse(self.script, problem, plan.operation)
        for pin in _pin(turn, outcome):
            kept = turn.world.held["pinned"].get(key)
            if kept is None or kept.outcome is not outcome:  # else it was kept with the commit
                turn.world.put(pin)
        return outcome

    def _play(self, turn: Turn, plan: Plan, accepted: Accepted) -> Outcome:
        world, request = turn.world, turn.request
        if plan.refreshed and plan.kind is not None and not turn.stale:
            self._refresh(world, plan.kind.name, turn.now)
        call = Call(plan.operation.key, accepted.path, accepted.query, accepted.headers, accepted.body, None,
                    f"{request.origin}{request.prefix}{request.path}", request.query)
        return self._decide(turn, plan, call)

    def _decide(self, turn: Turn, plan: Plan, call: Call) -> Outcome:
        world = turn.world
        circumstances = _lying_back(turn) if turn.struck is not None else world.circumstances(turn.now)
        decision = deciding.decide(self.script, plan, call, circumstances)
        turn.warnings += decision.warnings
        if plan.callbacks and decision.outcome is not None:
            told = called_back(self.script, plan, call, turn.request.method, turn.request.sent, decision.outcome)
            decision = decision._replace(events=(*decision.events, *told))
        if decision.asking is not None:
            turn.asking, turn.key = (decision.asking, plan, call), None
        if (decision.changes or decision.events) and not turn.stale:
            world.remember()
            world.commit(decision, circumstances, turn.id, _pin(turn, decision.outcome))
        assert decision.outcome is not None
        return decision.outcome

    def refresh(self, world: World, resource: str) -> None:
        """Have the values of a resource computed that are computed when it is read."""
        self._refresh(world, resource, self.settle(world))

    def _refresh(self, world: World, resource: str, now: datetime) -> None:
        circumstances = world.circumstances(now)
        decision = deciding.refresh(self.script, resource, circumstances)
        if decision is not None and (decision.changes or decision.events):
            world.commit(decision, circumstances)
        renew(world, self.script)

    def found(self, world: World) -> tuple[str, ...]:
        """Make the records a world without a fixture begins with; what could not be made, and why."""
        circumstances = world.circumstances(world.clock.now())
        decision = deciding.found(self.script, circumstances)
        world.commit(decision, circumstances)
        return decision.warnings

    def _commit_fired(self, world: World, timer: Timer, decision: Decision, circumstances: Circumstances) -> None:
        world.remember()
        try:
            world.commit(decision, circumstances)
        except Problem:
            world.wait(timer)  # it did not happen: it still will
            raise

    def disable(self, world: World, id: str) -> None:
        """Have an endpoint that is a record want nothing any more. Raises Problem."""
        rows = world.post.rules.endpoints if world.post is not None else None
        if rows is None or rows.active is None:
            return
        circumstances = world.circumstances(world.clock.now())
        tx = deciding.begin(self.script, circumstances)
        if tx.get(rows.resource, id) is not None:
            tx.update(rows.resource, id, {rows.active: False})
            world.commit(deciding.conclude(self.script, tx, None), circumstances)

    # --- time ----------------------------------------------------------------------------------------------------

    def settle(self, world: World) -> datetime:
        """Let what fell due on a running clock happen; the present instant."""
        now = world.clock.now()
        due = world.next_due
        if due is not None and due <= now:
            for _ in self._fire_until(world, now):
                pass
        return now

    def advance(self, world: World, until: datetime) -> list[Due]:
        """Turn the clock to an instant; what falls due on the way happens in order, each at its own time.

        Raises ValueError for an instant before the present or beyond `LATEST`.
        """
        self.check_ahead(world, until)
        happened = self.fire(world, until)
        world.clock.set(until)
        return happened

    def check_ahead(self, world: World, until: datetime) -> None:
        """Whether a clock can be turned to an instant. Raises ValueError as `advance`."""
        now = self.settle(world)
        if until < now:
            raise ValueError(f"the clock stands at {format_instant(now)} and does not go back; reset the world to begin earlier")
        if until > LATEST:
            raise ValueError(f"the clock does not go beyond {format_instant(LATEST)}")

    def fire(self, world: World, until: datetime) -> list[Due]:
        """Let the timers that fall due by an instant fire, each at its own time; the clock stays where it is."""
        return list(self._fire_until(world, until))

    def _fire_until(self, world: World, until: datetime) -> Iterator[Due]:
        while (timer := world.due(until)) is not None:
            circumstances = world.circumstances(timer.at)
            decision = deciding.trigger(self.script, timer, circumstances)
            if decision is not None:
                self._commit_fired(world, timer, decision, circumstances)
                yield _due(timer, decision)


def as_written(plan: Plan, outcome: Outcome) -> Outcome:
    """An answer in the media type of its plan, where that is not JSON."""
    if plan.written is None or outcome.media_type != plan.media_type:
        return outcome
    return outcome._replace(body=plan.written(outcome.body))


def _lying_back(turn: Turn) -> Circumstances:
    """What a request that is struck depends on: the records as they are, or were."""
    from understudy.world import faulting  # only where there are faults

    return faulting.circumstances(turn.world, turn.now, turn.stale)


def _waiting(struck: Struck | None, prefer: str) -> Struck | None:
    """What strikes a request that says what it prefers."""
    from understudy.faults.waiting import waiting  # only where a client says so

    return waiting(struck, prefer)


def _pin(turn: Turn, outcome: Outcome | None) -> tuple[Put, ...]:
    """What is kept for the request's idempotency key, if it has one and this outcome is final."""
    if turn.key is None or outcome is None:
        return ()
    key, fingerprint, rule = turn.key
    final = outcome.status not in rule.released and outcome.status < 500
    return (Put("pinned", key, Pinned(fingerprint, turn.now, outcome)),) if final else ()


def _due(timer: Timer, decision: Decision) -> Due:
    return Due(timer.at, timer.resource, timer.id, timer.trigger, tuple(event.type for event in decision.events))


def admit(auth: Auth, keys: frozenset[str] | None, request: Request) -> None:
    """Let a request with a good key pass. Raises Problem `unauthenticated`."""
    accepted = keys if keys is not None else auth.keys
    key = _key(auth, request)
    if not key:
        names = " or ".join([*(name.upper() for name in auth.headers), *(["Authorization: Bearer"] if auth.bearer else [])])
        raise Problem("unauthenticated", f"a key is required, in {names}", extra={"challenge": "Bearer"} if auth.bearer else {})
    if accepted is not None and not any(hmac.compare_digest(key.encode(), known.encode()) for known in accepted):
        raise Problem("unauthenticated", "this key is not accepted here", extra={"challenge": "Bearer"} if auth.bearer else {})


def _key(auth: Auth, request: Request) -> str | None:
    for name in auth.headers:
        key = request.header(name.encode())
        if key is not None:
            return key.strip()
    key = request.header(b"authorization") if auth.bearer else None
    return key[7:].strip() if key is not None and key[:7].lower() == "bearer " else None


def _fingerprint(request: Request) -> bytes:
    return blake2b(b"\0".join((request.method.encode(), request.path.encode(), request.query, request.body)), digest_size=16).digest()


_JSON = (b"content-type", b"application/json")


_APART = (b"content-security-policy", b"sandbox allow-scripts allow-forms")
"""With what a browser may show as a page: its scripts are of no origin (CSP Level 3, sandbox), so they cannot steer the stand-in."""


def _headers(outcome: Outcome) -> Headers:
    headers = [(b"content-length", b"%d" % len(outcome.body))] if outcome.status != 304 else []  # it would be that of the 200 (RFC 9110 section 8.6)
    if outcome.media_type == "application/json":
        headers.append(_JSON)
    elif outcome.media_type is not None:
        headers.append((b"content-type", outcome.media_type.encode()))
        if "html" in outcome.media_type or "xml" in outcome.media_type:
            headers.append(_APART)
    if outcome.headers:
        headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in outcome.headers.items()]
    return headers

