"""The laws that can be judged of what goes by, nobody having asked for it: those of `check`, by the same names and predicates.

1. A law is a function of the moment and the memory; what it yields is held to be true. It sends nothing.
2. Where another explanation is possible (another client, time, a lack of rights), a law is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from understudy.behaviour.lifecycles import is_final
from understudy.check.claims import Claim, item_agrees, status
from understudy.check.laws.keys import REFUSED
from understudy.check.laws.records import GONE, kept, volatile
from understudy.check.steps import ABSENT, Ref, at
from understudy.check.subjects import Subject
from understudy.check.walking import quantities
from understudy.proxy.memory import Known, Memory, combinations
from understudy.proxy.moments import Moment


@dataclass(frozen=True, slots=True)
class Held:
    """What a law holds of this moment after some `earlier` ones: in the claim those are steps 0 and on, this one comes last."""

    law: str
    key: str
    claim: Claim
    earlier: tuple[Moment, ...] = ()


Watch = Callable[[Moment, Memory], Iterator[Held]]


def _held(law: str, mark: str, says: str, predicate: str, /, *earlier: Moment, **values: Any) -> Held:
    return Held(law, mark, Claim(predicate, values, says), earlier)


def _is_marked_gone(now: Moment, known: Moment | None = None) -> bool:
    """Whether a record says of itself that it was deleted: it may then still be shown."""
    record = now.record or {}
    return any(record.get(name) for name in ("deleted", "is_deleted", "deleted_at", "archived", "archived_at")) or is_final(str(now.state() or ""))


# --- records ----------------------------------------------------------------------------------------------------------


def found(now: Moment, memory: Memory) -> Iterator[Held]:
    """What was created, and not deleted, is found."""
    known = memory.known(now)
    if now.kind == "retrieve" and known is not None and (now.ok or now.answer.status in GONE):
        says = f"it was there ({known.seen.name}), nothing deleted it, and it is answered {now.answer.status}"
        yield _held("created is available", "status", says, "not_among", known.seen, value=status(1), options=GONE)


def gone(now: Moment, memory: Memory) -> Iterator[Held]:
    """What was deleted is neither found nor listed."""
    if now.subject is None or not now.ok:
        return
    deletion = memory.deleted.get((now.subject.name, now.id or ""))
    if now.kind == "retrieve" and deletion is not None and _after(memory, now, deletion) and not _is_marked_gone(now):
        yield _held("deleted is gone", "status", "it was deleted and is still found", "among", deletion, value=status(1), options=[*GONE])
    for row in now.rows or ():
        id = str(row.get(now.subject.id_field)) if isinstance(row, dict) else ""
        deletion = memory.deleted.get((now.subject.name, id))
        if deletion is not None and _after(memory, now, deletion) and not any(row.get(name) for name in ("deleted", "deleted_at")):
            yield _held("deleted is gone", "listed", "it was deleted and is still listed", "omits", deletion, items=Ref(1, now.place), key=now.subject.id_field,
                        value=row.get(now.subject.id_field))
            return


def _after(memory: Memory, now: Moment, before: Moment) -> bool:
    return before.party == now.party and memory.settled(now, before)


def echoed(now: Moment, memory: Memory) -> Iterator[Held]:
    """What a write was sent is in its answer."""
    law = {"create": "read your writes", "upsert": "read your writes", "update": "update", "replace": "replace"}.get(now.kind)
    if law is None or not now.ok or now.record is None or now.subject is None or not isinstance(now.sent, dict):
        return
    for name, value in kept(now.subject, now.sent, now.kind).items():
        if name in now.record:
            yield _held(law, name, f"{name} was sent and did not come back as sent", "holds", got=now.of(0, name), sent=value)


def remembered(now: Moment, memory: Memory) -> Iterator[Held]:
    """What a client wrote stays as it was until somebody writes it anew."""
    known = memory.known(now)
    if known is None or now.record is None or now.subject is None or not now.ok or now.kind not in ("retrieve", "update", "action"):
        return
    if memory.api.is_effect(now.operation):
        return
    law, verb = {"retrieve": ("reading changes nothing", "is read"), "update": ("update", "came out of an update"), "action": ("lifecycle", "came out of an action")}[now.kind]
    law = "created is available" if now.kind == "retrieve" and known.seen is known.made else law
    free = {*now.subject.own, *volatile(now.subject), *(now.sent if isinstance(now.sent, dict) else ()), *_derived(now.subject)}
    for name in known.value:
        if name in now.record and name not in free:
            yield _held(law, name, f"{name} {verb} otherwise than it was shown before, and nobody wrote it", "equal", known.seen, left=known.seen.of(0, name), right=now.of(1, name))


def _derived(subject: Subject) -> set[str]:
    names = {name.partition(".")[0] for name in subject.resource.derived} | set(subject.resource.by_key)
    return names | ({subject.state_field} if subject.state_field else set())


def stamped(now: Moment, memory: Memory) -> Iterator[Held]:
    """The time of creation stays, the time of the last change does not go back."""
    known = memory.known(now)
    if now.subject is None or now.record is None:
        return
    stamps = now.subject.resource.stamps
    created, updated = stamps.get("created", ""), stamps.get("updated", "")
    if created in now.record and updated in now.record:
        yield _held("time stamps", "order", f"{updated} is before {created}", "not_before", earlier=now.of(0, created), later=now.of(0, updated))
    if known is None:
        return
    if created in known.value and created in now.record:
        yield _held("time stamps", created, f"{created} changed", "equal", known.seen, left=known.seen.of(0, created), right=now.of(1, created))
    if updated in known.value and updated in now.record:
        yield _held("time stamps", updated, f"{updated} went back", "not_before", known.seen, earlier=known.seen.of(0, updated), later=now.of(1, updated))


# --- keys -------------------------------------------------------------------------------------------------------------


def distinct(now: Moment, memory: Memory) -> Iterator[Held]:
    """Two creates make two records."""
    known = memory.records.get((now.subject.name, now.owner or "")) if now.subject is not None else None
    if now.kind != "create" or not now.ok or known is None or known.made is None or now.subject is None or now.subject.resource.key is not None:
        return
    if known.seen.party == now.party and not _key(now, memory) and memory.alone(now):
        name = now.subject.id_field
        yield _held("ids are distinct", "id", "two creates gave the same id", "differ", known.made, left=known.made.of(0, name), right=now.of(1, name))


def unique(now: Moment, memory: Memory) -> Iterator[Held]:
    """A second record with a key that is taken is refused."""
    if now.kind != "create" or now.subject is None or not isinstance(now.sent, dict) or not ({"key", "unique"} & now.subject.said):
        return
    for fields in combinations(now.subject):
        values = tuple(now.sent.get(name) for name in fields)
        other = memory.by_key(now.subject, fields, values) if all(isinstance(value, str | int) for value in values) else None
        if other is None or other.made is None or _key(now, memory):
            continue
        if other.seen.party == now.party and memory.alone(now) and other.seen.exchange.ended <= now.exchange.started:
            says = f"a second {now.subject.name} with the same {' and '.join(fields)} is accepted"
            yield _held("uniqueness", " ".join(fields), says, "not_among", other.seen, value=status(1), options=["2xx"])


def alternate(now: Moment, memory: Memory) -> Iterator[Held]:
    """A record by its key is the record by its id."""
    known = memory.known(now)
    if now.kind == "retrieve" and now.ok and known is not None and now.record is not None and now.subject is not None:
        name = now.subject.id_field
        yield _held("alternate key", "id", "another record is answered than the one asked for", "equal", known.seen, left=known.seen.of(0, name), right=now.of(1, name))


def _key(now: Moment, memory: Memory) -> str | None:
    rule = memory.api.behaviour.idempotency
    if rule is None or now.operation is None or not memory.api.is_keyed(now.operation):
        return None
    return now.exchange.header(rule.header)


def replayed(now: Moment, memory: Memory) -> Iterator[Held]:
    """A repeated request is answered as the first time; another one with a used key is refused."""
    rule, key = memory.api.behaviour.idempotency, _key(now, memory)
    if rule is None or key is None:
        return
    first = memory.keyed.get((now.party, key))
    if first is None:
        if now.answer.status not in rule.released and 0 < now.answer.status < 500:
            memory.keeps((now.party, key), now)
        return
    if first.exchange.ended > now.exchange.started or now.exchange.began - first.exchange.began > rule.window.total_seconds():
        return
    if (first.exchange.method, first.exchange.target, first.sent) != (now.exchange.method, now.exchange.target, now.sent):
        says = f"another request with a used key is answered {now.answer.status}"
        yield _held("idempotency key, other request", "status", says, "among", first, value=status(1), options=[*REFUSED])
        return
    yield _held("idempotency key", "status", "a repeated request is answered otherwise", "equal", first, left=status(0), right=status(1))
    yield _held("idempotency key", "body", "a repeated request is answered with another body", "equal", first, left=Ref(0), right=Ref(1))


# --- lifecycles -------------------------------------------------------------------------------------------------------


def begun(now: Moment, memory: Memory) -> Iterator[Held]:
    """A new record is in an initial state."""
    row = now.subject.resource.lifecycle if now.subject is not None else None
    if now.subject is None or row is None or memory.api.is_effect(now.operation) or memory.api.reacts(now.subject):
        return
    if now.kind == "create" and now.ok and isinstance(now.state(), str):
        says = f"a new one is {now.state()}, not {' or '.join(row.initial)}"
        yield _held("initial state", "state", says, "among", value=now.of(0, row.field), options=list(row.initial))


def fired(now: Moment, memory: Memory) -> Iterator[Held]:
    """An action is taken just where the table has it, and leads where it says."""
    known = memory.known(now)
    row = now.subject.resource.lifecycle if now.subject is not None else None
    if now.kind != "action" or now.trigger is None or row is None or now.trigger not in row.triggers() or not now.ok or now.subject is None:
        return
    state = known.value.get(row.field) if known is not None else None
    sure = "lifecycle" in now.subject.said
    if known is not None and isinstance(state, str) and state in row.table and not set(row.timers) & row.table[state].keys():
        target = row.table[state].get(now.trigger)
        if target is None and (sure or is_final(state)):
            says = f"{now.trigger} while {state} is accepted; {state} accepts {', '.join(row.table[state]) or 'nothing'}"
            yield _held("lifecycle", f"{state} {now.trigger}", says, "not_among", known.seen, value=status(1), options=["2xx"])
            return
        if target is not None and sure and now.record is not None and not memory.api.is_effect(now.operation):
            says = f"{now.trigger} while {state} leads to {now.state()}, not to {target}"
            yield _held("lifecycle", f"{state} {now.trigger} target", says, "equal", known.seen, left=now.of(1, row.field), right=target)


def moved(now: Moment, memory: Memory) -> Iterator[Held]:
    """A record is in a state the table has, and came there by a way the table has."""
    row = now.subject.resource.lifecycle if now.subject is not None else None
    if row is None or now.subject is None or "lifecycle" not in now.subject.said or not isinstance(now.state(), str):
        return
    yield _held("lifecycle", f"{now.state()} unknown", f"{now.state()} is no state of its table: {', '.join(row.table)}", "among", value=now.of(0, row.field), options=list(row.table))
    known = memory.known(now)
    state = str(known.value.get(row.field)) if known is not None else ""
    if known is not None and now.kind == "retrieve" and state in row.table and now.state() in row.table and not row.writable:
        says = f"it went from {state} to {now.state()}, and no way leads there"
        yield _held("lifecycle", f"{state} {now.state()} way", says, "among", known.seen, value=now.of(1, row.field), options=sorted(_ahead(row.table, state)))


def _ahead(table: Any, state: str) -> set[str]:
    """The states that can be reached, this one among them."""
    seen: set[str] = set()
    ahead = [state]
    while ahead:
        here = ahead.pop()
        if here not in seen:
            seen.add(here)
            ahead += table.get(here, {}).values()
    return seen


def untouched(now: Moment, memory: Memory) -> Iterator[Held]:
    """In a state that locks a record, an update of what is locked is refused."""
    known = memory.known(now)
    lock = now.subject.resource.lock if now.subject is not None else None
    if now.kind != "update" or known is None or lock is None or now.subject is None or not isinstance(now.sent, dict) or memory.api.is_effect(now.operation):
        return
    state = known.value.get(now.subject.state_field)
    shut = [name for name in now.sent if name not in lock.free and known.value.get(name, ABSENT) != now.sent[name]]
    if state in lock.states and shut and now.subject.resource.lifecycle and not now.subject.resource.lifecycle.timers:
        yield _held("locked", f"{state} {shut[0]}", f"an update of {shut[0]} while {state} is accepted", "not_among", known.seen, value=status(1), options=["2xx"])


# --- lists ------------------------------------------------------------------------------------------------------------


def paged(now: Moment, memory: Memory) -> Iterator[Held]:
    """A page is no longer than asked for, holds no record twice, and says of itself what is true."""
    if now.rows is None or now.subject is None:
        return
    lists, items = now.subject.lists, Ref(0, now.place)
    yield _held("pages", "distinct", "a page holds a record twice", "distinct", items=items, key=now.subject.id_field)
    limit = now.query.get(lists.limit) if lists.limit else None
    if isinstance(limit, int) and limit > 0:
        yield _held("pages", "limit", f"a page of {limit} has {len(now.rows)} records", "at_most", items=items, most=limit)
    elif lists.limit and _has_default(now, lists.limit):
        yield _held("default page size", "limit", f"a page is longer than the default of {lists.default_limit}", "at_most", items=items, most=lists.default_limit)
    known = quantities(lists.meta)
    truths = {"count": len(now.rows), "limit": limit, "page": now.query.get(lists.page or ""), "offset": now.query.get(lists.offset or "")}
    for quantity, value in truths.items():
        where = known.get(quantity)
        if where is not None and isinstance(value, int) and isinstance(at(now.value, where), int) and not (quantity == "limit" and at(now.value, where) < value):
            yield _held("page metadata", quantity, f"{'.'.join(where)} of a page is not true", "equal", left=Ref(0, where), right=value)
    if "total" in known and isinstance(at(now.value, known["total"]), int):
        yield _held("page metadata", "total", "a total is less than what the page holds", "not_before", earlier=len(now.rows), later=Ref(0, known["total"]))


def _has_default(now: Moment, name: str) -> bool:
    """Whether the document, or a person, says how long a page is that nobody set a limit for."""
    declared = next((one for one in now.operation.parameters if one.name == name), None) if now.operation is not None else None
    said = now.subject is not None and "lists" in now.subject.said
    return declared is not None and (said or (declared.schema is not None and isinstance(declared.schema.value, dict) and "default" in declared.schema.value))


def ordered(now: Moment, memory: Memory) -> Iterator[Held]:
    """An order sorts."""
    if now.rows is None or now.subject is None:
        return
    for query, field, down in now.subject.orders:
        if all(str(now.query.get(name)) == value for name, value in query) and sum(name in now.query for name in (now.subject.lists.order_by, now.subject.lists.direction)) == len(query):
            yield _held("order", field, f"the list is not sorted by {field}{', downwards' if down else ''}", "ordered", items=Ref(0, now.place), field=field, down=down)


def filtered(now: Moment, memory: Memory) -> Iterator[Held]:
    """A filter gives what satisfies it."""
    for one in now.subject.filters if now.rows is not None and now.subject is not None else ():
        value = now.query.get(one.parameter)
        if value is None or isinstance(value, list | dict) or value == "":
            continue
        says = f"{one.parameter}={value} lists a record that does not satisfy it"
        yield _held("filters", f"{one.parameter} sound", says, "sound", items=Ref(0, now.place), field=one.field, word=one.word, bound=value)


def listed(now: Moment, memory: Memory) -> Iterator[Held]:
    """A list shows a record as it is read, and what was created is in a list that is whole."""
    if now.rows is None or now.subject is None:
        return
    name = now.subject
    free = sorted({*name.own, *volatile(name), *_derived(name)})
    rows = {str(one[name.id_field]): one for one in now.rows if isinstance(one, dict) and one.get(name.id_field) is not None}
    whole = not now.exchange.query and not now.parents and now.kind == "list" and len(now.rows) < name.lists.default_limit and not _goes_on(now)
    for id, row in rows.items() if name.read is not None else ():
        known = memory.records.get((name.name, id))
        if known is not None and _settled(memory, now, known) and item_agrees([row], name.id_field, known.value, free) is False:  # a page may be long
            yield _held("created is listed", "agrees", "a list shows a record otherwise than it was shown before, and nobody wrote it", "item_agrees", known.seen,
                        items=Ref(1, now.place), key=name.id_field, record=known.seen.of(0), ignoring=free)
    for known in memory.of(name.name) if whole and not name.resource.parents else ():
        own = known.value[name.id_field]
        if str(own) not in rows and known.made is not None and not is_final(str(known.seen.state() or "")) and _settled(memory, now, known):
            yield _held("created is listed", "listed", "a created record is not in the list", "lists", known.made, items=Ref(1, now.place), key=name.id_field, value=own)


def _settled(memory: Memory, now: Moment, known: Known) -> bool:
    """Whether a record is as it was known by the same party, as far as the order of requests tells."""
    if known.seen.party != now.party or known.seen.exchange.ended > now.exchange.started:
        return False
    place = known.seen.subject.name if known.seen.subject else "", known.seen.owner or ""
    busy = any(one in (place, None) for one in memory.under_way.values())
    return not busy and all(memory.touched.get(one, -1) <= now.exchange.started for one in (place, None))


def _goes_on(now: Moment) -> bool:
    assert now.subject is not None
    known = quantities(now.subject.lists.meta)
    told = [at(now.value, known[name]) for name in ("has_more", "next_cursor", "next_url", "next_page", "next_offset") if name in known]
    pages = at(now.value, known["pages"]) if "pages" in known else 0
    return any(one not in (None, ABSENT, False, "") for one in told) or (isinstance(pages, int) and pages > 1) or 'rel="next"' in now.answer.headers.get("link", "")


# --- keys to the door -------------------------------------------------------------------------------------------------


def admitted(now: Moment, memory: Memory) -> Iterator[Held]:
    """Without a key nothing is answered."""
    asked = now.operation.security if now.operation is not None else None
    if not asked or not now.ok or any(not alternative for alternative in asked):
        return
    if not any(all(_carries(now, dict(one.scheme)) for one in alternative) for alternative in asked):
        yield _held("keys are asked for", "2xx", "a request without the credentials the document asks for is accepted", "not_among", value=status(0), options=["2xx"])


def _carries(now: Moment, scheme: dict[str, Any]) -> bool:
    if scheme.get("type") == "apiKey":
        name = str(scheme.get("name"))
        return {"header": bool(now.exchange.header(name.lower())), "query": f"{name}=" in now.exchange.query, "cookie": f"{name}=" in (now.exchange.header("cookie") or "")}.get(
            str(scheme.get("in")), True
        )
    return scheme.get("type") == "mutualTLS" or bool(now.exchange.header("authorization"))


PASSIVE: tuple[Watch, ...] = (found, gone, echoed, remembered, stamped, distinct, unique, alternate, replayed, begun, fired, moved, untouched, paged, ordered, filtered, listed, admitted)
"""Every law that is judged of what goes by, in this order."""
