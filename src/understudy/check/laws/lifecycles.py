"""Laws of lifecycles: a complete tour of state × trigger; what the table allows happens, what it does not changes nothing."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from understudy.behaviour.lifecycles import is_final
from understudy.behaviour.model import Lifecycle
from understudy.check.bodies import edges
from understudy.check.claims import Claim, status
from understudy.check.laws.law import Law
from understudy.check.laws.records import GONE, volatile
from understudy.check.session import Impossible, Record, Session
from understudy.check.steps import ABSENT, Ref, resolve
from understudy.check.subjects import Subject

MODEL = "model-based testing: transition coverage of the lifecycle's table"
REFUSED = ["4xx"]
MOST_STATES = 20


def machine(subject: Subject) -> Lifecycle:
    """The lifecycle. Raises Impossible where there is none."""
    if subject.resource.lifecycle is None:
        raise Impossible(f"{subject.name} has no lifecycle")
    return subject.resource.lifecycle


def ways(s: Session, subject: Subject) -> Mapping[str, tuple[str, ...]]:
    """The shortest way of actions from the beginning to each state that can be reached: by the table, or as it is found out."""
    if subject.name not in s.recipes.ways:
        s.recipes.ways[subject.name] = _by_table(s, subject) if "lifecycle" in subject.said else _explored(s, subject)
    return s.recipes.ways[subject.name]


def _by_table(s: Session, subject: Subject) -> Mapping[str, tuple[str, ...]]:
    table = machine(subject).table
    state = s.create(subject).state
    begin = state if isinstance(state, str) and state in table else machine(subject).initial[0]
    found: dict[str, tuple[str, ...]] = {begin: ()}
    ahead = deque([begin])
    while ahead:
        state = ahead.popleft()
        for trigger, to in table.get(state, {}).items():
            if trigger in subject.actions and to not in found:
                found[to] = (*found[state], trigger)
                ahead.append(to)
    return found


def _explored(s: Session, subject: Subject) -> Mapping[str, tuple[str, ...]]:
    """What state each trigger leads to is tried out, where nobody has said in which states it may be fired."""
    found: dict[str, tuple[str, ...]] = {s.create(subject).state: ()}
    ahead: deque[tuple[str, ...]] = deque([()])
    while ahead and len(found) < MOST_STATES:
        way = ahead.popleft()
        for trigger in [one for one in subject.actions if one in machine(subject).triggers()]:
            state = _tried(s, subject, way, trigger)
            if isinstance(state, str) and state not in found:
                found[state] = (*way, trigger)
                ahead.append((*way, trigger))
    return found


def _tried(s: Session, subject: Subject, way: tuple[str, ...], trigger: str) -> Any:
    try:
        return brought(s, subject, (*way, trigger)).state
    except Impossible:
        return None


def brought(s: Session, subject: Subject, way: tuple[str, ...]) -> Record:
    """A new record led along a way of triggers, as it is then read. Raises Impossible."""
    record = s.create(subject)
    for trigger in way:
        reply = s.act(record, trigger)
        if not reply.ok:
            raise Impossible(f"{trigger} is answered {reply.status} on the way")
    return s.again(record)


def begins(s: Session, subject: Subject) -> None:
    """A new record is in the initial state."""
    record = s.create(subject)
    options = list(machine(subject).initial)
    if isinstance(record.state, str):
        s.claim("among", f"a new {subject.name} is {record.state}, not {' or '.join(options)}", at=s.api.by_key[s.steps[record.step].operation], value=record.ref(str(subject.state_field)),
                options=options[:1] if "lifecycle" in subject.said else options)


def tours(s: Session, subject: Subject) -> None:
    """Each trigger in each state: accepted just where the table says, leading where it says, or changing nothing."""
    row = machine(subject)
    for state, way in ways(s, subject).items():
        for trigger in subject.actions:
            if trigger not in row.triggers():
                continue
            try:
                record = brought(s, subject, way)
            except Impossible:
                continue
            if record.state == state:
                _cell(s, record, state, trigger)


def _cell(s: Session, record: Record, state: str, trigger: str) -> None:
    subject, row = record.subject, machine(record.subject)
    operation = subject.actions[trigger]
    field = str(subject.state_field)
    bystander = s.create(subject) if s.recipes.number % 3 == 0 else None
    reply = s.act(record, trigger)
    late = s.get(record)
    seen = Ref(late.step, record.inside)
    here = Claim("equal", {"left": record.ref(field), "right": state}, f"it was {state}")
    taken = Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was accepted")
    refused = Claim("among", {"value": status(reply.step), "options": REFUSED}, "it was refused")
    target = row.table.get(state, {}).get(trigger)
    mark = f"{state} {trigger}"
    if "lifecycle" in subject.said:
        effect = s.api.roles[operation.key].effect is not None
        if target is None:
            s.claim("among", f"{trigger} while {state} is answered {reply.status}; {state} accepts {', '.join(row.table[state]) or 'nothing'}", at=operation, mark=f"{mark} refused",
                    value=status(reply.step), options=_refusals(s, subject), given=[here])
        elif not effect:
            s.claim("among", f"{trigger} while {state} is answered {reply.status}; it leads to {target}", at=operation, mark=f"{mark} accepted", value=status(reply.step),
                    options=["2xx"], given=[here])
    elif is_final(state) and target is None:
        s.claim("among", f"{trigger} while {state} is accepted", at=operation, mark=f"{mark} refused", value=status(reply.step), options=REFUSED, given=[here])
    to = target or next((cells[trigger] for cells in row.table.values() if trigger in cells), None)
    if to is not None:
        _landed(s, record, reply.step, seen, to, mark, [here, taken])
    s.claim("unchanged", f"{trigger} while {state} was refused and changed the {subject.name}", at=operation, mark=f"{mark} untouched", before=record.ref(), after=seen,
            ignoring=volatile(subject), given=[here, refused])
    _framed(s, record, seen, trigger, mark, [here, taken])
    if bystander is not None and not s.api.reacts(subject):
        other = s.get(bystander)
        s.claim("same", f"{trigger} of one {subject.name} changed another", at=operation, mark="bystander", left=bystander.ref(), right=Ref(other.step, bystander.inside),
                ignoring=volatile(subject))


def _refusals(s: Session, subject: Subject) -> list[Any]:
    """How an illegal transition is refused: as the behaviour says, else with any 4xx."""
    said = s.api.behaviour.errors.rows.get("illegal_transition", {}).get("status")
    if said is None or "errors" not in subject.said:
        return list(REFUSED)
    return [said] if isinstance(said, int) else list(said)


def _landed(s: Session, record: Record, step: int, seen: Ref, to: str, mark: str, given: list[Claim]) -> None:
    """An accepted trigger leads to its state, in the answer and when read; the stamp named after the state is set."""
    subject = record.subject
    operation = s.api.by_key[s.steps[step].operation]
    field = str(subject.state_field)
    answer = s.answers[step]
    shown = Ref(step, (*record.inside, field))
    if answer is not None and isinstance(answer.value, dict) and field in answer.value:
        s.claim("equal", f"{mark}: the answer is not {to}", at=operation, mark=f"{mark} answer", left=shown, right=to, given=given)
    s.claim("equal", f"{mark}: the {subject.name} is not {to} afterwards", at=operation, mark=f"{mark} target", left=seen.below(field), right=to, given=given)
    if answer is not None and answer.ok and isinstance(answer.value, dict) and answer.value.get(subject.id_field) == record.value.get(subject.id_field):
        s.claim("same", f"{mark}: the answer differs from what is read", at=operation, mark=f"{mark} agrees", left=Ref(step, record.inside), right=seen, ignoring=volatile(subject), given=given)
    for name in dict.fromkeys((*_stamps_of(subject, to), *_stamps_of(subject, *_done(mark.rpartition(" ")[2])))):
        s.claim("there", f"{name} is not set when a {subject.name} becomes {to}", at=operation, mark=f"{name} set", value=seen.below(name), given=given)
        s.claim("missing", f"{name} is set before a {subject.name} is {to}", at=operation, mark=f"{name} before", value=record.ref(name),
                given=[*given, Claim("among", {"value": record.ref(field), "options": list(machine(subject).initial)}, "it is new")])
    created = subject.resource.stamps.get("created")
    for name in _stamps_of(subject, to) if created else []:
        s.claim("not_before", f"{name} is before {created}", at=operation, mark=f"{name} after", earlier=record.ref(str(created)), later=seen.below(name), given=given)


def _stamps_of(subject: Subject, *words: str) -> list[str]:
    """The time stamps named after a state, or after what was done: `paid_at` of PAID, `finishedAt` of finish."""
    plain = {re.sub(r"[^a-z]", "", word.lower()) for word in words}
    read = subject.read
    names = read.properties if read is not None else {}
    ends = {f"{word}{end}" for word in plain for end in ("at", "on", "date")}
    return [name for name in names if name in subject.own and re.sub(r"[^a-z]", "", name.lower()) in ends]


def _done(trigger: str) -> tuple[str, ...]:
    """What was done, of a regular verb: finish, finished; approve, approved; ship, shipped."""
    return f"{trigger}ed", f"{trigger}d", f"{trigger}{trigger[-1:]}ed"


def _framed(s: Session, record: Record, seen: Ref, trigger: str, mark: str, given: list[Claim]) -> None:
    """A transition changes nothing a client wrote."""
    subject = record.subject
    operation = subject.actions[trigger]
    if s.api.roles[operation.key].effect is not None or s.steps[-1].body is not ABSENT:
        return
    body = s.action_body(operation)
    stamp = {subject.resource.stamps.get("created", subject.id_field)}
    free = sorted((subject.own - stamp - {subject.id_field}) | set(body or {}))
    s.claim("unchanged", f"{mark} changed more than the state", at=operation, mark=f"{trigger} frame", before=record.ref(), after=seen, ignoring=free, given=given)
    if "version" in subject.own:
        s.claim("differ", f"version is the same after {trigger}", at=operation, mark=f"{trigger} version", left=record.ref("version"), right=seen.below("version"),
                given=[*given, Claim("there", {"value": record.ref("version")}, "there is one")])


def _different(s: Session, subject: Subject) -> list[Record]:
    """Records of all kinds of values, those at the limits of the document among them."""
    made = [s.create(subject) for _ in range(4)]
    schema, _ = subject.written("create")
    sent = resolve(dict(made[0].sent), s.answers)
    for name, _what, body in edges(s.api.contract, schema, sent) if schema is not None else ():
        if name != subject.resource.key and isinstance(body[name], int | float):
            with suppress(Impossible):
                made.append(s.create(subject, {name: body[name]}))
    return made


def alike(s: Session, subject: Subject) -> None:
    """Two records in one state are treated alike, whatever else they hold: the same trigger is taken of both or of neither."""
    begin = s.create(subject).state
    if not isinstance(begin, str):
        raise Impossible("its state is not shown")
    for trigger, operation in subject.actions.items():
        if s.api.roles[operation.key].effect is not None:
            continue
        replies = [s.act(record, trigger) for record in _different(s, subject)]
        taken = [Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "") for reply in replies]
        if any(reply.ok for reply in replies):
            for reply in replies:
                s.claim("among", f"{trigger} while {begin} is sometimes accepted and sometimes not", at=operation, mark=f"{trigger} alike", value=status(reply.step), options=["2xx"],
                        given=[one for one, other in zip(taken, replies, strict=True) if other.ok][:1])


def guarded(s: Session, subject: Subject) -> None:
    """A record is deleted only in the states that allow it; a refused delete changes nothing."""
    allowed = subject.resource.deletable
    operation = s.operation(subject, "delete")
    for state, way in ways(s, subject).items():
        record = brought(s, subject, way)
        if record.state != state:
            continue
        reply = s.delete(record)
        late = s.get(record)
        here = Claim("equal", {"left": record.ref(str(subject.state_field)), "right": state}, f"it was {state}")
        if allowed is not None:
            options = ["2xx"] if state in allowed else REFUSED
            s.claim("among", f"deleting while {state} is answered {reply.status}", at=operation, mark=f"{state} delete", value=status(reply.step), options=options, given=[here])
        s.claim("equal", f"a delete while {state} was refused and changed the {subject.name}", at=operation, mark=f"{state} untouched", left=record.ref(), right=Ref(late.step, record.inside),
                given=[here, Claim("among", {"value": status(reply.step), "options": REFUSED}, "it was refused")])
        s.claim("among", "it was deleted and is still there", at=operation, mark=f"{state} gone", value=status(late.step), options=GONE,
                given=[here, Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was deleted")])


def locked(s: Session, subject: Subject) -> None:
    """In a state that locks a record, an update of what is locked is refused and changes nothing; elsewhere it is accepted."""
    lock = subject.resource.lock
    schema, _ = subject.written("update")
    if schema is None:
        raise Impossible("an update has no body")
    operation = s.operation(subject, "update")
    shape = s.api.contract.shape(schema, "request")
    for state, way in ways(s, subject).items():
        record = brought(s, subject, way)
        free = lock.free if lock is not None else frozenset()
        held = {subject.state_field, subject.id_field, *subject.resource.refers_to, *subject.resource.by_key}
        names = [one for one in shape.properties if one not in held and one not in shape.read_only]
        for name in [*[one for one in names if one not in free][:2], *[one for one in names if one in free][:2]]:
            value = s.bodies.other(shape.properties[name], s.recipes.next(), name, record.value.get(name))
            if value is ABSENT or not s.bodies.is_valid(schema, {name: value}):
                continue
            record = s.again(record)
            here = Claim("equal", {"left": record.ref(str(subject.state_field)), "right": state}, f"it was {state}")
            reply = s.change(record, {name: value})
            late = s.get(record)
            if lock is not None:
                shut = state in lock.states and name not in free
                s.claim("among", f"an update of {name} while {state} is answered {reply.status}", at=operation, mark=f"{state} {name}", value=status(reply.step),
                        options=REFUSED if shut else ["2xx"], given=[here])
            s.claim("unchanged", f"an update of {name} while {state} was refused and changed the {subject.name}", at=operation, mark=f"{state} untouched", before=record.ref(),
                    after=Ref(late.step, record.inside), ignoring=volatile(subject), given=[here, Claim("among", {"value": status(reply.step), "options": REFUSED}, "it was refused")])


def _has_lifecycle(subject: Subject) -> bool:
    return subject.resource.lifecycle is not None


LIFECYCLES = (
    Law("initial state", begins, "a new record is in the initial state", MODEL, frozenset({"create"}), _has_lifecycle, "lifecycle"),
    Law("lifecycle", tours, "each trigger in each state does what the table says, or changes nothing", MODEL, frozenset({"create", "retrieve", "action"}), _has_lifecycle, "lifecycle"),
    Law("alike", alike, "records in one state accept the same triggers", MODEL, frozenset({"create", "retrieve", "action"}), _has_lifecycle, "lifecycle"),
    Law("deletable", guarded, "a record is deleted only where its state allows it", MODEL, frozenset({"create", "retrieve", "delete", "action"}), _has_lifecycle, "lifecycle"),
    Law("locked", locked, "a state that locks a record lets nothing locked be changed", MODEL, frozenset({"create", "retrieve", "update", "action"}), _has_lifecycle, "lifecycle"),
)
