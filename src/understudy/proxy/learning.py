"""What a session teaches of records, lists, keys and refusals, as lines for the behaviour file.

1. Pure. Each learner is a function of the trail; `LEARNERS` is the table of them.
2. What the present behaviour already says is not repeated; what contradicts itself is a doubt, never a line.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from understudy.check.steps import ABSENT, at
from understudy.check.subjects import Subject
from understudy.check.walking import quantities
from understudy.problems import KINDS
from understudy.proxy.lessons import Doubt, Lesson
from understudy.proxy.moments import Moment
from understudy.proxy.tables import lifecycles
from understudy.proxy.trail import Sighting, Trail, state_field, was_sent

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9]*)([_\-:.#])(?=.)")
ALPHABETS: Mapping[str | None, str] = {"digits": r"[0-9]+", "hex": r"[0-9a-f]+", "upper": r"[A-Z0-9]+", "lower": r"[a-z0-9]+", None: r"[A-Za-z0-9]+"}
"""The forms of ids, the narrowest first."""
MADE = re.compile(r"creat|made|insert|regist|born|added|issued", re.IGNORECASE)
CHANGED = re.compile(r"updat|modif|chang|edited", re.IGNORECASE)
NEAR = 3_600.0
"""Seconds within which a time of an answer is the time of its request."""

Lines = Iterator[Lesson | Doubt]
Learner = Callable[[Trail], Lines]


def learn(trail: Trail) -> list[Lesson | Doubt]:
    """Everything a session teaches."""
    return [one for learner in LEARNERS for one in learner(trail)]


# --- ids --------------------------------------------------------------------------------------------------------------


def ids(trail: Trail) -> Lines:
    """How ids look: prefix, form, length."""
    for subject in trail.subjects:
        made = [(now.exchange.number, (now.record or {})[subject.id_field]) for now in trail.made.get(subject.name, ()) if not was_sent(now, subject.id_field)]
        some = made or [(seen[0].number, seen[0].record[subject.id_field]) for seen in trail.of(subject).values()]
        found = form_of([value for _, value in some])
        seen = tuple(number for number, _ in some)
        if found is None:
            yield Doubt(f"{subject.name}.id", f"no form fits ids such as {', '.join(str(value) for _, value in some[:3])}", seen)
            continue
        row = subject.resource
        present = {"id": row.id_prefix, "id_form": row.id_form, "id_length": row.id_length or trail.api.behaviour.id_length}
        if row.id_form in ("integer", "uuid"):
            present["id_length"] = None
        for name, value in found.items():
            if value != present[name] and not (name == "id_length" and value is None):
                yield Lesson(("resources", subject.name, name), value, seen, present[name] if present[name] is not None else None, seen if present[name] is not None else ())


def form_of(values: Sequence[Any]) -> dict[str, Any] | None:
    """What fits all of some ids, in the words of a behaviour file; None where nothing does."""
    if all(isinstance(value, int) for value in values):
        return {"id": None, "id_form": "integer", "id_length": None}
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(values):
        return None
    if all(UUID.fullmatch(text) for text in texts):
        return {"id": None, "id_form": "uuid", "id_length": None}
    prefixes = {match[0] if (match := PREFIX.match(text)) else "" for text in texts}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    rests = [text[len(prefix) :] for text in texts]
    form = next((name for name, pattern in ALPHABETS.items() if all(re.fullmatch(pattern, rest) for rest in rests)), "")
    lengths = {len(rest) for rest in rests}
    if form == "" or len(lengths) != 1:
        return None
    return {"id": prefix.removesuffix("_") or None, "id_form": form, "id_length": lengths.pop()}


# --- fields the server answers for ------------------------------------------------------------------------------------


def stamps(trail: Trail) -> Lines:
    """Which fields hold when a record was made and last changed, and how the time is written."""
    for subject in trail.subjects:
        made = trail.made.get(subject.name, ())
        names = {name for now in made for name, value in (now.record or {}).items() if _moment(value) is not None and not was_sent(now, name)}
        found = {name: sights for name in sorted(names) if (sights := _stamp(trail, subject, name)) is not None}
        known = dict(subject.resource.stamps)
        for fact, pattern in (("created", MADE), ("updated", CHANGED)):
            fits = [name for name, (is_fact, _) in found.items() if is_fact == fact] or [name for name, (is_fact, _) in found.items() if is_fact == "either" and pattern.search(name)]
            if len(fits) == 1 and known.get(fact) != fits[0]:
                known[fact] = fits[0]
        if known != dict(subject.resource.stamps):
            seen = tuple(number for name in known.values() if name in found for number in found[name][1])
            was = ", ".join(f"{fact}: {name}" for fact, name in subject.resource.stamps.items() if known.get(fact) != name) or None
            yield Lesson(("resources", subject.name, "stamps"), known, seen, was, seen if was else ())
        forms = {name: form for name in known.values() for form in [_stamp_form(made, name)] if form is not None}
        if forms and forms != dict(subject.resource.stamp_forms):
            yield Lesson(("resources", subject.name, "stamp_forms"), {**subject.resource.stamp_forms, **forms}, tuple(now.exchange.number for now in made))


def _stamp(trail: Trail, subject: Subject, name: str) -> tuple[str, tuple[int, ...]] | None:
    """Whether a field is the time of creation, of the last change, or may be either; and where that was seen."""
    seen: list[int] = []
    moved = steady = False
    for sights in trail.of(subject).values():
        values = [(one, _moment(one.record.get(name))) for one in sights if name in one.record]
        first = next((one for one, _ in values if one.moment.kind == "create"), None)
        if first is None or any(value is None for _, value in values):
            continue
        if abs((_moment(first.record[name]) or 0) - first.moment.exchange.began) > NEAR and not (MADE.search(name) or CHANGED.search(name)):
            return None
        seen += [one.number for one, _ in values]
        later = [value for one, value in values if one.number > first.number]
        changes = any(one.moment.kind in ("update", "replace", "action") for one, _ in values)
        moved |= any(value != _moment(first.record[name]) for value in later)
        steady |= changes and all(value == _moment(first.record[name]) for value in later)
    if not seen or (moved and steady and not CHANGED.search(name)):
        return None
    return ("updated" if moved and CHANGED.search(name) else "either" if not moved else "other"), tuple(seen)


def _moment(value: Any) -> float | None:
    """A value as seconds since 1970, where it is a time."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d(T|$)", value):
        try:
            return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return None
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if 10**9 < value < 10**10 else value / 1000 if 10**12 < value < 10**13 else None
    return None


def _stamp_form(made: Sequence[Moment], name: str) -> str | None:
    values = [(now.record or {})[name] for now in made if name in (now.record or {})]
    if values and all(isinstance(value, int) for value in values):
        return "seconds" if all(value < 10**10 for value in values) else "milliseconds"
    return "date" if values and all(isinstance(value, str) and len(value) == 10 for value in values) else None


def defaults(trail: Trail) -> Lines:
    """What a new record has that nobody sent, the same in each."""
    for subject in trail.subjects:
        made = [now for now in trail.made.get(subject.name, ()) if now.record is not None and not trail.api.is_effect(now.operation)]
        row = subject.resource
        held = {subject.id_field, state_field(subject), *row.stamps.values(), row.object_field, *row.derived, *row.refers_to, *row.by_key, "version"}
        learned, seen = dict(row.defaults), []
        for name in dict.fromkeys(name for now in made for name in now.record or {}):
            silent = [now for now in made if not was_sent(now, name)]
            values = [(now.record or {}).get(name, ABSENT) for now in silent]
            if name in held or len(values) < 2 or any(value != values[0] for value in values) or values[0] is ABSENT or _moment(values[0]) is not None:
                continue
            if _is_reckoned(values, silent):
                continue
            if values[0] is not None and learned.get(name, ABSENT) != values[0] and not _is_said(subject, name, values[0]):
                learned[name] = values[0]
                seen += [now.exchange.number for now in silent]
        if seen:
            yield Lesson(("resources", subject.name, "defaults"), learned, tuple(seen))


def _is_reckoned(values: Sequence[Any], silent: Sequence[Moment]) -> bool:
    """Whether a value may have been reckoned from what was sent: a number that few creations have, or ones that sent the same."""
    bodies = {repr(sorted(now.sent.items(), key=str)) for now in silent}
    amount = isinstance(values[0], int | float) and not isinstance(values[0], bool) and values[0] != 0
    return len(bodies) < (4 if amount else 2)


def _is_said(subject: Subject, name: str, value: Any) -> bool:
    """Whether the document says a field's value by itself."""
    schema = subject.read.properties.get(name) if subject.read is not None else None
    told = schema.value if schema is not None and isinstance(schema.value, Mapping) else {}
    return told.get("const", ABSENT) == value or told.get("default", ABSENT) == value or told.get("enum") == [value]


def derived(trail: Trail) -> Lines:
    """Which field repeats another one."""
    for subject in trail.subjects:
        sights = [one for some in trail.of(subject).values() for one in some if one.whole]
        sent = {name for now in trail.made.get(subject.name, ()) if isinstance(now.sent, dict) for name in now.sent}
        names = {name for one in sights for name, value in one.record.items() if isinstance(value, str | int) and not isinstance(value, bool)}
        found = {}
        for name in sorted(names - sent - {subject.id_field, state_field(subject), *subject.resource.stamps.values(), *subject.resource.by_key}):
            source = next((other for other in sorted(sent & names) if _repeats(sights, name, other)), None)
            if source is not None and subject.resource.derived.get(name) != source:
                found[name] = source
        if found:
            yield Lesson(("resources", subject.name, "derived"), {**subject.resource.derived, **found}, tuple(one.number for one in sights))


def _repeats(sights: Sequence[Sighting], name: str, other: str) -> bool:
    pairs = [(one.record.get(name, ABSENT), one.record.get(other, ABSENT)) for one in sights]
    return all(left is not ABSENT and left == right for left, right in pairs) and len({str(left) for left, _ in pairs}) > 1


# --- keys and references ----------------------------------------------------------------------------------------------


def keys(trail: Trail) -> Lines:
    """By what else than its id a record is found, and what must not repeat."""
    for subject in trail.subjects:
        by_key: dict[str, list[int]] = defaultdict(list)
        for now in trail.moments:
            if now.subject is subject and now.kind == "retrieve" and now.record is not None and now.id is not None and str(now.record[subject.id_field]) != now.id:
                for name in [name for name, value in now.record.items() if value == now.id]:
                    by_key[name].append(now.exchange.number)
        present = subject.resource.key
        for name, seen in by_key.items():
            if name != present and present not in by_key:
                yield Lesson(("resources", subject.name, "key"), name, tuple(seen), present, tuple(seen) if present else ())
        yield from _unique(trail, subject, set(by_key) | ({present} if present else set()))


def _unique(trail: Trail, subject: Subject, known: set[str]) -> Lines:
    refused: dict[str, list[int]] = defaultdict(list)
    twice: dict[str, list[int]] = defaultdict(list)
    for now in trail.moments:
        if now.subject is not subject or now.kind != "create" or not isinstance(now.sent, dict) or now.refused is not None:
            continue
        if now.ok:
            for name in _repeated(trail, subject, now) if now in trail.made.get(subject.name, ()) else ():
                twice[name].append(now.exchange.number)
        for name in _blamed(trail, subject, now):
            refused[name].append(now.exchange.number)
    for name, numbers in refused.items():
        combinations = {one[0] for one in subject.resource.unique if len(one) == 1}
        if name in twice:
            yield Doubt(f"{subject.name}.unique", f"a second one with the same {name} is refused sometimes: something else decides", tuple(numbers + twice[name]))
        elif name not in known | combinations:
            yield Lesson(("resources", subject.name, "unique"), [*map(list, subject.resource.unique), [name]], tuple(numbers))
    for name in known & twice.keys():
        yield Doubt(f"{subject.name}.key", f"a second one with the same {name} is taken, so it is no key", tuple(twice[name]))


def _blamed(trail: Trail, subject: Subject, now: Moment) -> list[str]:
    """The fields for which a create was refused, as another record has the same: those it names, or the only one."""
    if now.answer.status not in (400, 409, 422) or any("idempotency" in name for name, _ in now.exchange.sent):
        return []
    same, told = _repeated(trail, subject, now), now.answer.body.decode("utf-8", "replace").lower()
    return [name for name in same if name.lower() in told] or (same if len(same) == 1 and now.answer.status == 409 else [])


def _repeated(trail: Trail, subject: Subject, now: Moment) -> list[str]:
    """The texts of a body that a living record has too."""
    gone = {one.id for one in trail.moments if one.subject is subject and one.kind == "delete" and one.ok and one.exchange.number < now.exchange.number}
    living = [seen[-1].record for id, sights in trail.of(subject).items() if id not in gone for seen in [[one for one in sights if one.number < now.exchange.number]] if seen]
    return [name for name, value in now.sent.items() if isinstance(value, str) and any(one.get(name) == value for one in living)]


def references(trail: Trail) -> Lines:
    """Which field names a record of another resource."""
    where = {id: name for name, id in trail.sightings if len(id) > 3}  # what is shorter may be any number
    for subject in trail.subjects:
        found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for one in (one for some in trail.of(subject).values() for one in some):
            for name, value in one.record.items():
                if isinstance(value, str) and value in where and name != subject.id_field:
                    found[name][where[value]].append(one.number)
        new = {name: next(iter(some)) for name, some in found.items() if len(some) == 1 and name not in subject.resource.refers_to and name not in subject.resource.derived}
        if new:
            seen = tuple(number for name in new for number in found[name][new[name]])
            yield Lesson(("resources", subject.name, "refers_to"), {**subject.resource.refers_to, **new}, seen)


# --- lists ------------------------------------------------------------------------------------------------------------


def paging(trail: Trail) -> Lines:
    """How long a page is that nobody set a limit for, how long at most, and which record comes first."""
    for subject in trail.subjects:
        pages = [now for now in trail.moments if now.subject is subject and now.kind == "list" and now.ok and now.rows is not None]
        for learner in (_default_limit, _most, _first_page, _direction):
            yield from learner(trail, subject, pages)


def _line(subject: Subject, name: str, value: Any, seen: Sequence[int], present: Any) -> Lines:
    if value != present:
        yield Lesson(("resources", subject.name, "lists", name), value, tuple(seen), present, tuple(seen))


def _said(now: Moment, quantity: str) -> Any:
    assert now.subject is not None
    where = quantities(now.subject.lists.meta).get(quantity)
    return at(now.value, where) if where is not None else ABSENT


ELSEWHERE = re.compile(r"(^|&)(page|p|offset|skip|start|cursor|after|before|starting_after|ending_before|page_?token|marker)=", re.IGNORECASE)
"""A list's parameters that ask for another than its first page."""


def _goes_on(now: Moment) -> bool:
    """Whether a first page says that another follows."""
    total, rows = _said(now, "total"), len(now.rows or ())
    ahead = [_said(now, name) for name in ("has_more", "next_cursor", "next_url", "next_page", "next_offset")]
    return (isinstance(total, int) and total > rows) or any(one not in (ABSENT, None, False, "") for one in ahead) or 'rel="next"' in now.answer.headers.get("link", "")


def _default_limit(trail: Trail, subject: Subject, pages: Sequence[Moment]) -> Lines:
    plain = [now for now in pages if subject.lists.limit and f"{subject.lists.limit}=" not in now.exchange.query and not ELSEWHERE.search(now.exchange.query)]
    told = [(now.exchange.number, _said(now, "limit") if isinstance(_said(now, "limit"), int) else len(now.rows or ()) if _goes_on(now) else None) for now in plain]
    known = [(number, size) for number, size in told if size]
    if known and len({size for _, size in known}) == 1:
        yield from _line(subject, "default_limit", known[0][1], [number for number, _ in known], subject.lists.default_limit)


def _most(trail: Trail, subject: Subject, pages: Sequence[Moment]) -> Lines:
    limit = subject.lists.limit or ""
    first = [now for now in pages if f"{limit}=" in now.exchange.query and not ELSEWHERE.search(now.exchange.query) and now.rows]
    cut = [(now.exchange.number, len(now.rows or ())) for now in first if isinstance(now.query.get(limit), int) and len(now.rows or ()) < now.query[limit] and _goes_on(now)]
    if cut and len({size for _, size in cut}) == 1:
        yield from _line(subject, "max_limit", cut[0][1], [number for number, _ in cut], subject.lists.max_limit)


def _first_page(trail: Trail, subject: Subject, pages: Sequence[Moment]) -> Lines:
    told = [(now.exchange.number, _said(now, "page")) for now in pages if subject.lists.page and f"{subject.lists.page}=" not in now.exchange.query]
    known = [(number, page) for number, page in told if isinstance(page, int)]
    if known and len({page for _, page in known}) == 1 and known[0][1] in (0, 1):
        yield from _line(subject, "first_page", known[0][1], [number for number, _ in known], subject.lists.first_page)


def _direction(trail: Trail, subject: Subject, pages: Sequence[Moment]) -> Lines:
    """Whether the newest comes first, by the records whose making was seen."""
    order = {str((now.record or {}).get(subject.id_field)): index for index, now in enumerate(trail.made.get(subject.name, ()))}
    lists = subject.lists
    seen: dict[bool, list[int]] = defaultdict(list)
    for now in pages:
        places = [order[id] for row in now.rows or () if isinstance(row, dict) and (id := str(row.get(subject.id_field))) in order]
        asked = any(name and name in now.query for name in (lists.order_by, lists.direction))
        if len(places) > 1 and not asked and places in (sorted(places), sorted(places, reverse=True)):
            seen[places[0] > places[1]].append(now.exchange.number)
    if len(seen) == 1 and lists.default_order is None:
        yield from _line(subject, "descending", next(iter(seen)), next(iter(seen.values())), lists.descending)
    elif len(seen) > 1:
        yield Doubt(f"{subject.name}.lists", "the newest record comes first in some lists and last in others", tuple(number for some in seen.values() for number in some))


# --- refusals and repeats ---------------------------------------------------------------------------------------------


def refusals(trail: Trail) -> Lines:
    """With which status each kind of refusal comes."""
    seen: dict[str, dict[int, list[Moment]]] = defaultdict(lambda: defaultdict(list))
    for now in trail.moments:
        kind = _kind(trail, now) if 400 <= now.answer.status < 500 and now.operation is not None else None
        if kind is not None:
            seen[kind][now.answer.status].append(now)
    rows = trail.api.behaviour.errors.rows
    for kind, by_status in seen.items():
        numbers = tuple(now.exchange.number for some in by_status.values() for now in some)
        if len(by_status) > 1:
            yield Doubt(f"errors.{kind}", f"it comes with {' and '.join(map(str, sorted(by_status)))}", numbers)
            continue
        status, some = next(iter(by_status.items()))
        asked = rows.get(kind, {}).get("status")
        preferred = KINDS[kind] if asked is None else (asked,) if isinstance(asked, int) else tuple(asked)
        present = {next((one for one in preferred if now.operation is not None and str(one) in now.operation.responses), preferred[0]) for now in some}
        if present != {status}:
            yield Lesson(("errors", "kinds", kind, "status"), status, numbers, " or ".join(map(str, sorted(present))), numbers)


def _kind(trail: Trail, now: Moment) -> str | None:
    """The kind of problem a refusal tells of, as far as that is sure."""
    status = now.answer.status
    fixed = {401: "unauthenticated", 405: "method_not_allowed", 412: "precondition_failed", 415: "unsupported_media_type", 428: "precondition_required"}
    if status in fixed:
        return fixed[status]
    if now.refused is not None:
        return now.refused.kind if now.refused.kind in ("missing_field", "invalid_field", "malformed_request") and status in (400, 422) else None
    if now.subject is None:
        return None
    id = now.id
    known = trail.before(now.subject, id, now.exchange.number)
    if now.kind in ("retrieve", "update", "delete", "action", "replace") and known is None and status in (400, 404, 410):
        return "unknown_record"
    if now.kind == "action" and known is not None and status in (400, 409, 422, 423):
        return "illegal_transition"
    if now.kind == "create" and isinstance(now.sent, dict) and _blamed(trail, now.subject, now):
        return "already_exists"
    return None


def codes(trail: Trail) -> Lines:
    """In which shape refusals come that name their kind by a code of their own, or that the document declares none for."""
    errors = trail.api.behaviour.errors
    refused = [now for now in trail.moments if now.operation is not None and 400 <= now.answer.status < 500]
    bodies = [(now, _kind(trail, now) or "", now.value) for now in refused if isinstance(now.value, dict)]
    if errors.fields or not bodies or any("problem+json" in now.answer.headers.get("content-type", "") for now, _, _ in bodies):
        return
    wraps = {next(iter(body)) if len(body) == 1 and isinstance(next(iter(body.values())), dict) else None for _, _, body in bodies}
    wrap = wraps.pop() if len(wraps) == 1 else None
    inner = [(now, kind, body[wrap] if wrap is not None else body) for now, kind, body in bodies]
    rows = _constants(inner)
    fields = {name: slot for name in dict.fromkeys(name for _, _, body in inner for name in body) if name not in {key for row in rows.values() for key in row} for slot in [_slot(name, inner)] if slot}
    undeclared = any(now.operation is not None and now.operation.response(now.answer.status) is None for now, _, _ in inner)
    if not (rows or undeclared) or "message" not in fields.values():
        return
    numbers = tuple(now.exchange.number for now, _, _ in inner)
    yield Lesson(("errors", "fields"), fields, numbers)
    if wrap is not None:
        yield Lesson(("errors", "wrap"), wrap, numbers)
    for kind, row in rows.items():
        for name, value in row.items():
            yield Lesson(("errors", "kinds", kind, name), value, tuple(now.exchange.number for now, one, _ in inner if one == kind))


def _constants(inner: Sequence[tuple[Moment, str, Mapping[str, Any]]]) -> dict[str, dict[str, str]]:
    """For each kind the texts that name it: words without blanks, always the same."""
    found: dict[str, dict[str, str]] = {}
    for kind in dict.fromkeys(kind for _, kind, _ in inner if kind):
        bodies = [body for _, one, body in inner if one == kind]
        same = {name: value for name, value in bodies[0].items() if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.-]+", value) and all(body.get(name) == value for body in bodies)}
        same = {name: value for name, value in same.items() if re.search(r"code|type|error|kind|reason", name, re.IGNORECASE)}
        if same:
            found[kind] = same
    return found


def _slot(name: str, inner: Sequence[tuple[Moment, str, Mapping[str, Any]]]) -> str | None:
    """What a property of refusals says."""
    values = [(now, body[name]) for now, _, body in inner if name in body]
    if all(value == now.answer.status for now, value in values):
        return "status"
    if re.search(r"field|param|pointer|property", name, re.IGNORECASE):
        return "field"
    return "message" if any(isinstance(value, str) and " " in value for _, value in values) else None


def repeats(trail: Trail) -> Lines:
    """The header by which a request may be sent twice and is done once."""
    if trail.api.behaviour.idempotency is not None:
        return
    first: dict[tuple[str, str], Moment] = {}
    for now in trail.moments:
        for name, value in now.exchange.sent:
            if "idempotency" not in name or now.kind != "create":
                continue
            before = first.setdefault((name, value), now)
            if before is now or (before.exchange.target, before.sent) != (now.exchange.target, now.sent) or before.owner is None:
                continue
            seen = (before.exchange.number, now.exchange.number)
            if before.owner != now.owner:
                yield Doubt("idempotency", f"a request repeated with its {name} was done twice", seen)
                return
            new = [header for header, _ in now.exchange.got if re.search(r"replay|idempot|repeat|cached", header) and header not in dict(before.exchange.got)]
            yield Lesson(("idempotency",), {"header": name.title(), "window": "24h", **({"replay_header": new[0].title()} if new else {})}, seen, about="the window is a guess")
            return


LEARNERS: tuple[Learner, ...] = (ids, stamps, defaults, derived, keys, references, lifecycles, paging, refusals, codes, repeats)
"""Everything that is learned, in this order."""
