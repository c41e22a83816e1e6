"""What a session teaches of lifecycles: where records begin, what moves them, what is refused, what each state locks.

Pure. A table that was only inferred is written out whole, since a file's table takes the place of it; of one that a person wrote only
what was seen otherwise is changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from understudy.behaviour.model import Lifecycle
from understudy.check.subjects import Subject
from understudy.proxy.lessons import Doubt, Lesson
from understudy.proxy.trail import Trail, Tried, state_field, was_sent

Cells = dict[tuple[str, str], list[Tried]]
PLAIN = frozenset({"update", "replace", "delete"})


def lifecycles(trail: Trail) -> Iterator[Lesson | Doubt]:
    """Of every resource whose state was seen."""
    tried = list(trail.actions())
    for subject in trail.subjects:
        own = [one for one in tried if one.subject is subject]
        yield from _table(trail, subject, [one for one in own if one.trigger not in PLAIN])
        yield from _deletable(subject, [one for one in own if one.trigger == "delete"])
        yield from _locked(subject, [one for one in own if one.trigger in ("update", "replace")])


def _table(trail: Trail, subject: Subject, own: list[Tried]) -> Iterator[Lesson | Doubt]:
    field = state_field(subject)
    born = _born(trail, subject, field)
    if field is None or not (born or own):
        return
    cells: Cells = defaultdict(list)
    for one in own:
        cells[one.state, one.trigger].append(one)
    present = subject.resource.lifecycle or Lifecycle(field, {}, ())
    yield from _torn(subject, cells)
    table, why, changed = _learned(present, cells)
    for state in born:
        if state not in table:
            table[state], changed = {}, True
    initial = _initial(present, born)
    if not (changed or initial != present.initial):
        return
    yield from _written(subject, present, table, initial, born, why)


def _born(trail: Trail, subject: Subject, field: str | None) -> dict[str, list[int]]:
    """The states records began in that nobody chose, and the exchanges that show it."""
    found: dict[str, list[int]] = defaultdict(list)
    if trail.api.reacts(subject):
        return found  # a domain function has a say in it
    for now in [one for one in trail.made.get(subject.name, ()) if not trail.api.is_effect(one.operation)]:
        state = (now.record or {}).get(field or "")
        if isinstance(state, str) and not was_sent(now, field or ""):
            found[state].append(now.exchange.number)
    return found


def _initial(present: Lifecycle, born: Mapping[str, list[int]]) -> tuple[str, ...]:
    """The states a record may begin in, the usual one first."""
    if not born or all(state in present.initial[:1] for state in born):
        return present.initial
    usual = sorted(born, key=lambda state: -len(born[state]))
    return tuple(usual)


def _torn(subject: Subject, cells: Cells) -> Iterator[Doubt]:
    """One trigger in one state that did not always do the same."""
    for (state, trigger), some in cells.items():
        ends = {one.after for one in some}
        if len(ends) > 1:
            said = " and ".join(sorted("is refused" if end is None else f"leads to {end or 'what was not shown'}" for end in ends))
            yield Doubt(f"{subject.name}.lifecycle", f"{trigger} while {state} {said}: something else decides", tuple(one.number for one in some))


def _learned(present: Lifecycle, cells: Cells) -> tuple[dict[str, dict[str, str]], dict[str, list[Any]], bool]:
    """The table as seen, on top of the one there is; the evidence for each row; whether it is another."""
    table = {state: dict(row) for state, row in present.table.items()}
    why: dict[str, list[Any]] = defaultdict(list)
    changed = False
    for (state, trigger), some in cells.items():
        ends = {one.after for one in some}
        if len(ends) != 1:
            continue
        end, row = next(iter(ends)), table.setdefault(state, {})
        why[state] += some
        if end is None:
            changed |= row.pop(trigger, None) is not None
        elif end and row.get(trigger) != end:
            row[trigger], changed = end, True
            table.setdefault(end, {})
    return table, why, changed or table.keys() != present.table.keys()


def _written(
    subject: Subject, present: Lifecycle, table: dict[str, dict[str, str]], initial: tuple[str, ...], born: Mapping[str, list[int]], why: Mapping[str, list[Any]]
) -> Iterator[Lesson]:
    at = ("resources", subject.name, "lifecycle")
    said = "lifecycle" in subject.said
    if not said:
        yield Lesson((*at, "field"), present.field, about="the property that holds the state")
    if initial != present.initial:
        seen = tuple(number for numbers in born.values() for number in numbers)
        was = " or ".join(present.initial) or None
        yield Lesson((*at, "initial"), initial[0] if len(initial) == 1 else list(initial), seen, was, seen if was else ())
    for name, value in (("timers", present.timers), ("writable", present.writable)):
        if value and not said:
            yield Lesson((*at, name), dict(value) if isinstance(value, Mapping) else value, about="as it was; not seen")
    lost = _unreached(table, initial)
    if bool(lost) if not said else set(lost) != set(present.given):
        yield Lesson((*at, "given"), list(lost), about="no way that was seen leads there")
    for state, row in table.items():
        before = present.table.get(state)
        if not said or row != before:
            yield _row(at, state, row, before, why.get(state, []))


def _row(at: tuple[str, ...], state: str, row: dict[str, str], before: Mapping[str, str] | None, why: list[Tried]) -> Lesson:
    taken = tuple(one.number for one in why if one.after is not None)
    refused = sorted({one.trigger for one in why if one.after is None})
    against = tuple(one.number for one in why if before is not None and before.get(one.trigger) != one.after)
    about = f"refused: {', '.join(refused)}" if refused else "" if why else "as it was; not seen"
    was = "{" + ", ".join(f"{trigger}: {to}" for trigger, to in before.items()) + "}" if before is not None and against else None
    return Lesson((*at, state), row, tuple(one.number for one in why) if why else taken, was, against, about)


def _unreached(table: Mapping[str, Mapping[str, str]], initial: tuple[str, ...]) -> tuple[str, ...]:
    """The states no way leads to: they must be named, as something else than a trigger sets them."""
    seen: set[str] = set()
    lost: list[str] = []
    for begin in [*initial, *sorted(table, key=lambda state: _leads(table, state))]:  # first those that nothing at all leads to
        if begin in seen:
            continue
        lost += [begin] if begin not in initial else []
        ahead = [begin]
        while ahead:
            here = ahead.pop()
            if here not in seen:
                seen.add(here)
                ahead += table.get(here, {}).values()
    return tuple(lost)


def _leads(table: Mapping[str, Mapping[str, str]], state: str) -> bool:
    return any(to == state for here, row in table.items() if here != state for to in row.values())


def _deletable(subject: Subject, own: list[Tried]) -> Iterator[Lesson | Doubt]:
    """The states in which a record may be deleted, where some refuse it."""
    refused = {one.state for one in own if one.after is None}
    taken = {one.state for one in own if one.after is not None}
    if refused & taken:
        yield Doubt(f"{subject.name}.deletable", f"a delete while {' or '.join(sorted(refused & taken))} is taken sometimes: something else decides", tuple(one.number for one in own))
        return
    row = subject.resource
    states = set(row.lifecycle.table) if row.lifecycle is not None else taken | refused
    allowed = sorted((states if row.deletable is None else set(row.deletable)) - refused | taken)
    if refused and frozenset(allowed) != row.deletable:
        against = tuple(one.number for one in own if one.after is None)
        was = "any state" if row.deletable is None else ", ".join(sorted(row.deletable))
        yield Lesson(("resources", subject.name, "deletable"), allowed, tuple(one.number for one in own), was, against)


def _locked(subject: Subject, own: list[Tried]) -> Iterator[Lesson]:
    """The states in which nothing may be changed, where others let it."""
    refused = {one.state for one in own if one.after is None}
    taken = {one.state for one in own if one.after is not None}
    shut = refused - taken
    known = subject.resource.lock.states if subject.resource.lock is not None else frozenset()
    if shut and taken and not shut <= known:
        seen = tuple(one.number for one in own)
        yield Lesson(("resources", subject.name, "locked"), {"states": sorted(shut | known)}, seen, "never" if not known else ", ".join(sorted(known)), tuple(one.number for one in own if one.state in shut))
