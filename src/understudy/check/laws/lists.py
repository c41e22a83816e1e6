"""Laws of lists: pages put together are the list, filters tell the truth, orders are orders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from understudy.check.claims import Claim, accepts, is_there, status
from understudy.check.laws.law import Law
from understudy.check.laws.records import _is_nested
from understudy.check.session import Impossible, Record, Session, items_path
from understudy.check.steps import ABSENT, Joined, Ref, at
from understudy.check.subjects import Filter, Subject
from understudy.check.walking import Query, Walk, declared, page, quantities, walk, whole

ENOUGH = 5
"""Records a list is looked at with."""
MOST = 60
SEGURA = "metamorphic relations of queries (Segura et al., TSE 2018)"


def population(s: Session, subject: Subject, least: int = ENOUGH) -> list[Record]:
    """Records of one's own, all different; what they refer to differs too, unless it is in the list's path."""
    made = []
    for turn in range(least):
        if turn == least // 2 and not _is_nested(subject):
            s.forget_references()
        made.append(s.create(subject))
    return made


def _several(s: Session, subject: Subject) -> Walk:
    """The whole list of at least `ENOUGH` records, some of them one's own where that is possible."""
    if {"create", "upsert"} & subject.operations.keys():
        population(s, subject)
    found = whole(s, subject)
    if len(found.values) < 2:
        raise Impossible(f"there are no two records of {subject.name} to list")
    if not found.over:
        raise Impossible(f"the list of {subject.name} is longer than is looked at")
    return found


def _sizes(subject: Subject, total: int) -> list[int]:
    """Page sizes worth looking at: the smallest, one that divides the list, one that does not, one larger than it."""
    divisor = next((size for size in range(2, total) if total % size == 0), 2)
    wanted = [1, 2, 3, divisor, total - 1, total, total + 1] if total <= 12 else [-(-total // 4), -(-total // 3), total, total + 1]
    most = _most(subject)
    return sorted({size for size in wanted if 1 <= size <= most})


def _most(subject: Subject) -> int:
    from understudy.check.walking import largest  # the same bound

    return largest(subject)


def pages(s: Session, subject: Subject) -> None:
    """Pages of any size put together are the whole list, each record once, no page longer than asked for."""
    everything = _several(s, subject)
    operation = s.operation(subject, "list")
    key = subject.id_field
    for size in _sizes(subject, len(everything.values)):
        found = walk(s, subject, size, most=-(-len(everything.values) // size) + 2)
        _within(s, subject, found, size)
        s.claim("distinct", f"pages of {size} hold a record twice", at=operation, mark="distinct", items=found.items, key=key, given=everything.ended)
        s.claim("concatenate", f"pages of {size} put together are not the list", at=operation, mark="concatenation", items=found.items,
                whole=everything.items, key=key, given=[*found.ended, *everything.ended])
        if not found.over:
            rows = [Claim("at_least", {"items": one, "least": 1}, "it holds something") for one in found.rows[-1:]]
            s.claim("follows", f"pages of {size} do not come to an end", at=operation, mark="end", value=True, whole=everything.items,
                    upto=sum(len(rows) for rows in _rows(found)), given=[*everything.ended, *(rows if list(_rows(found))[-1] else []), *_goes_on(found)])


def _goes_on(found: Walk) -> list[Claim]:
    """That the last page that was read says another follows, where pages say so."""
    where = quantities(found.subject.lists.meta).get("next_cursor") if found.subject.lists.style == "cursor" else None
    return [Claim("there", {"value": Ref(found.pages[-1].step, where)}, "it says another page follows")] if where is not None else []


def _rows(found: Walk) -> Iterator[list[Any]]:
    path = items_path(found.subject)
    for one in found.pages:
        rows = at(one.value, path)
        yield rows if isinstance(rows, list) else []


def _within(s: Session, subject: Subject, found: Walk, size: int) -> None:
    operation = s.operation(subject, "list")
    for index, ref in enumerate(found.rows):
        s.claim("at_most", f"a page of {size} is longer", at=operation, mark="limit", items=ref, most=size)
        if index + 1 < len(found.rows) and subject.lists.style in ("page", "offset", "after"):
            s.claim("at_least", f"a page of {size} is shorter, and another follows", at=operation, mark="full", items=ref, least=size,
                    given=[Claim("at_least", {"items": found.rows[index + 1], "least": 1}, "another follows")])


def places(s: Session, subject: Subject) -> None:
    """A page by its number or offset is its part of the list; beyond the end there is nothing."""
    everything = _several(s, subject)
    lists, operation = subject.lists, s.operation(subject, "list")
    total = len(everything.values)
    if total > MOST:
        raise Impossible("the list is longer than is looked at")
    for start in sorted({0, 1, 2, total - 1, total, total + 3}):
        position = (str(lists.page), lists.first_page + start // 2) if lists.style == "page" else (str(lists.offset), start)
        begin = start // 2 * 2 if lists.style == "page" else start
        reply = s.send(s.step(operation, subject, query=((str(lists.limit), 2), position)))
        if reply.ok:
            s.claim("slice_of", "a page is not its part of the list", at=operation, mark="place", items=Ref(reply.step, items_path(subject)), whole=everything.items,
                    start=begin, most=2, key=subject.id_field, given=everything.ended)
        elif begin < total:
            s.claim("among", "a page that is there is refused", at=operation, mark="refused", value=status(reply.step), options=["2xx"], given=everything.ended)


def stands(s: Session, subject: Subject) -> None:
    """What an envelope says of its page is true: totals, counts, flags, cursors, links."""
    everything = _several(s, subject)
    known = quantities(subject.lists.meta)
    total = len(everything.values)
    size = 2 if total <= 12 else -(-total // 5)
    found = walk(s, subject, size)
    operation = s.operation(subject, "list")
    for index, reply in enumerate(found.pages):
        shown = found.rows[index]
        for quantity, where in known.items():
            said = at(reply.value, where)
            if quantity in TRUTHS and (said is not ABSENT or quantity.startswith("next")) and _is_declared(subject, where):
                predicate, values = TRUTHS[quantity](Ref(reply.step, where), shown, everything.items, index, size, found)
                if predicate:
                    s.claim(predicate, f"{'.'.join(where)} of a page is not true", at=operation, mark=quantity, given=everything.ended, **values)
    _links(s, subject, found, known)


def _is_declared(subject: Subject, where: tuple[str, ...]) -> bool:
    """Whether the list's answer has a place by the document."""
    schema = subject.api.success_schema(subject.operations["list"])
    for part in where:
        shape = subject.api.contract.shape(schema, "response") if schema is not None else None
        if shape is None or part not in shape.properties:
            return False
        schema = shape.properties[part]
    return True


def _links(s: Session, subject: Subject, found: Walk, known: dict[str, tuple[str, ...]]) -> None:
    """A link of a page leads to the page it names."""
    operation = s.operation(subject, "list")
    for quantity, other in (("next_url", 1), ("previous_url", -1), ("current_url", 0), ("first_url", None)):
        if quantity not in known:
            continue
        for index in (0, 1):
            aim = 0 if other is None else index + other
            if not (0 <= aim < len(found.pages) and index < len(found.pages)) or not is_there(at(found.pages[index].value, known[quantity])):
                continue
            link = Ref(found.pages[index].step, known[quantity])
            reply = s.send(s.step(operation, subject, url=link))
            s.claim("equal", f"{'.'.join(known[quantity])} does not lead to the page it names", at=operation, mark=f"{quantity} leads", left=Ref(reply.step, items_path(subject)),
                    right=found.rows[aim])


def _more(value: Ref, shown: Ref, everything: Joined, index: int, size: int, found: Walk) -> tuple[str, dict[str, Any]]:
    return "follows", {"value": value, "whole": everything, "upto": (index + 1) * size}


def _cursor(value: Ref, shown: Ref, everything: Joined, index: int, size: int, found: Walk) -> tuple[str, dict[str, Any]]:
    """A cursor may lead to an empty last page (Google AIP-158), so only its lack is judged by what follows."""
    return ("follows", {"value": value, "whole": everything, "upto": (index + 1) * size}) if index + 1 < len(found.pages) or _full_last(found, size) else ("", {})


def _full_last(found: Walk, size: int) -> bool:
    return bool(found.pages) and len(list(_rows(found))[-1]) < size


TRUTHS: dict[str, Any] = {
    "total": lambda value, shown, everything, index, size, found: ("counts", {"value": value, "items": everything, "more": 0}),
    "count": lambda value, shown, everything, index, size, found: ("counts", {"value": value, "items": shown, "more": 0}),
    "pages": lambda value, shown, everything, index, size, found: ("page_count", {"value": value, "whole": everything, "limit": size}),
    "page": lambda value, shown, everything, index, size, found: ("equal", {"left": value, "right": found.subject.lists.first_page + index}),
    "limit": lambda value, shown, everything, index, size, found: ("equal", {"left": value, "right": size}),
    "offset": lambda value, shown, everything, index, size, found: ("equal", {"left": value, "right": index * size}),
    "has_more": _more,
    "next_cursor": _cursor,
    "next_url": _more,
    "next_page": _more,
    "next_offset": _more,
    "has_previous": lambda value, shown, everything, index, size, found: ("equal", {"left": value, "right": index > 0}),
}
"""A quantity of `Lists.meta` -> the claim that it is true of a page."""


def default_size(s: Session, subject: Subject) -> None:
    """Without a limit a page has the default one."""
    size = subject.lists.default_limit
    if size > 25:
        raise Impossible(f"the default page of {size} is too long to fill")
    made = [s.create(subject) for _ in range(size + 1)]
    reply = page(s, subject)
    there = [Claim("once_each", {"items": [{"id": record.id} for record in made], "key": "id", "ids": [record.id for record in made]}, "so many records are there")]
    s.claim("at_most", f"a page is longer than the default of {size}", at=s.operation(subject, "list"), items=Ref(reply.step, items_path(subject)), most=size)
    s.claim("at_least", f"a page is shorter than the default of {size}, and more records are there", at=s.operation(subject, "list"), mark="least",
            items=Ref(reply.step, items_path(subject)), least=size, given=there)


def stable(s: Session, subject: Subject) -> None:
    """A cursor keeps its place while a record is added before or behind it: each record that was there comes once."""
    population(s, subject, 4)
    before = whole(s, subject)
    if len(before.values) > MOST:
        raise Impossible("the list is longer than is looked at")
    size = max(2, len(before.values) // 3)
    found = walk(s, subject, size, most=1)
    s.create(subject)
    rest = _continued(s, subject, found, size)
    refs = [Ref(ref.step, (*ref.path, index, subject.id_field)) for ref in before.rows for index in range(len(before.values))][: len(before.values)]
    s.claim("once_each", "a record that was there all the time is missing from, or twice in, pages walked while another was added",
            at=s.operation(subject, "list"), items=Joined((*found.rows, *rest.rows)), key=subject.id_field, ids=refs, given=rest.ended)


def stable_after_delete(s: Session, subject: Subject) -> None:
    """A cursor keeps its place while a record before it is deleted."""
    _deleted_between(s, subject, last=False)


def stable_without_its_record(s: Session, subject: Subject) -> None:
    """A cursor keeps its place, or says that it cannot, when the record it stands at is deleted."""
    _deleted_between(s, subject, last=True)


def _deleted_between(s: Session, subject: Subject, *, last: bool) -> None:
    made = population(s, subject, 4)
    before = whole(s, subject)
    if len(before.values) > MOST:
        raise Impossible("the list is longer than is looked at")
    size = max(2, len(before.values) // 2)
    found = walk(s, subject, size, most=1)
    ids = [one.get(subject.id_field) for one in found.values]
    victim = next((record for record in made if record.value[subject.id_field] in (ids[-1:] if last else ids[:-1])), None)
    if victim is None or not s.delete(victim).ok:
        raise Impossible("no record before the cursor can be deleted")
    rest = _continued(s, subject, found, size)
    refs = [record.id for record in made if record is not victim]
    s.claim("once_each", "a record is missing from, or twice in, pages walked while another was deleted", at=s.operation(subject, "list"),
            items=Joined((*found.rows, *rest.rows)), key=subject.id_field, ids=refs, given=rest.ended)


def _continued(s: Session, subject: Subject, first: Walk, size: int) -> Walk:
    """The rest of a walk, from where its last page says."""
    from understudy.check.walking import _list, _next  # a walk that is gone on with

    rest = Walk(subject, size)
    place, _ = _next(first, first.pages[-1], _list(at(first.pages[-1].value, items_path(subject))))
    while place is not None and len(rest.pages) < MOST:
        cut: Query = ((str(subject.lists.limit), size),)
        reply = page(s, subject, (*cut, *(place if isinstance(place, tuple) else ())), place if isinstance(place, Ref) else None)
        rest.pages.append(reply)
        rest.rows.append(Ref(reply.step, items_path(subject)))
        place, rest.ended = _next(rest, reply, _list(at(reply.value, items_path(subject))))
    return rest


# --- filters --------------------------------------------------------------------------------------------------------------


def filters(s: Session, subject: Subject) -> None:
    """A filter gives what satisfies it, and all of that; its pages too."""
    everything = _several(s, subject)
    operation = s.operation(subject, "list")
    for one in subject.filters:
        for value in _asked(s, subject, one, everything.values):
            found = _filtered(s, subject, ((one.parameter, s.bound(value, one.of)),))
            if found is None:
                continue
            s.claim("sound", f"{one.parameter}={value} lists a record that does not satisfy it", at=operation, mark=f"{one.parameter} sound", items=found.items,
                    field=one.field, word=one.word, bound=s.bound(value, one.of))
            s.claim("complete", f"{one.parameter}={value} leaves out a record that satisfies it", at=operation, mark=f"{one.parameter} complete", items=found.items,
                    whole=everything.items, key=subject.id_field, tests=[[one.field, one.word, s.bound(value, one.of)]], given=[*found.ended, *everything.ended])
            s.claim("distinct", f"{one.parameter}={value} lists a record twice", at=operation, mark=f"{one.parameter} twice", items=found.items, key=subject.id_field)
    _together(s, subject, everything)


def _asked(s: Session, subject: Subject, one: Filter, rows: list[Any]) -> list[Any]:
    """Values to ask a filter for: what records hold, first and last, and of an enum everything."""
    held = [row.get(one.field) for row in rows if isinstance(row, dict)]
    values = [value for value in dict.fromkeys(_scalar(value) for value in held) if value is not None and _may_send(s, one, value)]
    enum = s.api.contract.shape(one.schema, "request").enum if one.schema is not None else None
    if enum:
        return [value for value in enum if value is not None][:8]
    if one.word != "equals":
        values = sorted(values, key=lambda value: (str(type(value)), value))
        return [values[len(values) // 2], values[0], values[-1]] if values else []
    return values[:1] + values[-1:] if len(values) > 1 else values


def _scalar(value: Any) -> Any:
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str | int | float | bool) else None


def _may_send(s: Session, one: Filter, value: Any) -> bool:
    return one.schema is None or s.api.contract.validator(one.schema, "request").is_valid(value) or s.api.contract.validator(one.schema, "request").is_valid([value])


def _filtered(s: Session, subject: Subject, query: Query) -> Walk | None:
    try:
        return whole(s, subject, query)
    except Impossible:
        return None


def _together(s: Session, subject: Subject, everything: Walk) -> None:
    """Two filters give what satisfies both; a filter's pages are its list."""
    operation = s.operation(subject, "list")
    asked = [(one, values) for one in subject.filters if (values := _asked(s, subject, one, everything.values))]
    for (one, some), (other, more) in itertools.pairwise(asked):
        row = next((row for row in everything.values if accepts(one.word, row.get(one.field), some[0])), None)
        second = _scalar(row.get(other.field)) if row is not None and other.word == "equals" else more[0]
        if second is None or not _may_send(s, other, second):
            continue
        found = _filtered(s, subject, ((one.parameter, s.bound(some[0], one.of)), (other.parameter, s.bound(second, other.of))))
        if found is not None:
            tests = [[one.field, one.word, s.bound(some[0], one.of)], [other.field, other.word, s.bound(second, other.of)]]
            mark = f"{one.parameter} and {other.parameter}"
            for field, word, bound in tests:
                s.claim("sound", f"{mark} together list a record that does not satisfy both", at=operation, mark=mark, items=found.items, field=field, word=word, bound=bound)
            s.claim("complete", f"{mark} together leave out a record that satisfies both", at=operation, mark=f"{mark} complete", items=found.items, whole=everything.items,
                    key=subject.id_field, tests=tests, given=[*found.ended, *everything.ended])


def filtered_pages(s: Session, subject: Subject) -> None:
    """Pages of a filtered list put together are the filtered list; its total is its own."""
    everything = _several(s, subject)
    operation = s.operation(subject, "list")
    total = quantities(subject.lists.meta).get("total")
    for one in subject.filters:
        for value in _asked(s, subject, one, everything.values)[:2]:
            query = ((one.parameter, s.bound(value, one.of)),)
            all_of_them = _filtered(s, subject, query)
            if all_of_them is None or not all_of_them.values or len(all_of_them.values) > MOST:
                continue
            size = max(1, len(all_of_them.values) // 2)
            found = walk(s, subject, size, query)
            s.claim("concatenate", f"pages of a list filtered by {one.parameter} are not the filtered list", at=operation, mark=f"{one.parameter} pages", items=found.items,
                    whole=all_of_them.items, key=subject.id_field, given=[*found.ended, *all_of_them.ended])
            for reply in found.pages if total else ():
                s.claim("counts", f"the total of a list filtered by {one.parameter} is not its own", at=operation, mark=f"{one.parameter} total", value=Ref(reply.step, total or ()),
                        items=all_of_them.items, more=0, given=[*all_of_them.ended, Claim("there", {"value": Ref(reply.step, total or ())}, "a total is said")])


# --- order ------------------------------------------------------------------------------------------------------------------


def orders(s: Session, subject: Subject) -> None:
    """An order sorts, leaves nothing out, and is the same over pages."""
    if {"create", "upsert"} & subject.operations.keys():
        first = s.create(subject)
        for field in {field for _, field, _ in subject.orders} & first.sent.keys() - {subject.resource.key}:
            with suppress(Impossible):
                s.create(subject, {field: first.sent[field]})  # two that are equal in it
    everything = _several(s, subject)
    operation = s.operation(subject, "list")
    for query, field, down in subject.orders:
        found = _filtered(s, subject, query)
        if found is None:
            continue
        mark = " ".join(str(value) for _, value in query)
        s.claim("ordered", f"ordered by {mark}, the list is not", at=operation, mark=mark, items=found.items, field=field, down=down)
        s.claim("same_set", f"ordered by {mark}, the list holds other records", at=operation, mark=f"{mark} set", left=found.items, right=everything.items, key=subject.id_field,
                given=[*found.ended, *everything.ended])
        if declared(subject, subject.lists.limit) and len(found.values) <= MOST:
            parts = walk(s, subject, max(2, len(found.values) // 3), query)
            s.claim("concatenate", f"ordered by {mark}, pages put together are not the list", at=operation, mark=f"{mark} pages", items=parts.items, whole=found.items,
                    key=subject.id_field, given=[*parts.ended, *found.ended])


def ordered_filters(s: Session, subject: Subject) -> None:
    """A filtered list in an order is sorted and is the filtered list."""
    everything = _several(s, subject)
    operation = s.operation(subject, "list")
    for one in subject.filters[:3]:
        for value in _asked(s, subject, one, everything.values)[:1]:
            plain = _filtered(s, subject, ((one.parameter, s.bound(value, one.of)),))
            for query, field, down in subject.orders[:2]:
                found = _filtered(s, subject, ((one.parameter, s.bound(value, one.of)), *query))
                if found is not None and plain is not None:
                    s.claim("same_set", f"filtered by {one.parameter}, an order changes what is listed", at=operation, mark=f"{one.parameter} {field}", left=found.items,
                            right=plain.items, key=subject.id_field, given=[*found.ended, *plain.ended])
                    s.claim("ordered", f"filtered by {one.parameter}, the list is not ordered by {field}", at=operation, mark=f"{one.parameter} by {field}", items=found.items,
                            field=field, down=down)


def default_order(s: Session, subject: Subject) -> None:
    """Without an order asked for, the list is in the one that was said, or as records were made."""
    lists = subject.lists
    made = population(s, subject, 4)
    found = whole(s, subject)
    operation = s.operation(subject, "list")
    if lists.default_order and subject.read and lists.default_order in subject.read.properties:
        s.claim("ordered", f"the list is not in its default order, by {lists.default_order}", at=operation, items=found.items, field=lists.default_order, down=lists.descending)
        return
    if lists.default_order:
        return
    ids = [record.id for record in (reversed(made) if lists.descending else made)]
    s.claim("in_turn", f"the list is not {'newest' if lists.descending else 'oldest'} first", at=operation, items=found.items, key=subject.id_field, ids=ids, given=found.ended)


def _pages(subject: Subject) -> bool:
    return subject.lists.style != "none" and declared(subject, subject.lists.limit)


LISTS = (
    Law("pages", pages, "pages of any size put together are the list: no hole, no record twice, none longer than asked", SEGURA, frozenset({"list"}), _pages, "lists"),
    Law("places", places, "a page by number or offset is its part of the list", SEGURA, frozenset({"list"}),
        lambda subject: _pages(subject) and subject.lists.style in ("page", "offset") and declared(subject, subject.lists.page or subject.lists.offset), "lists"),
    Law("page metadata", stands, "totals, counts, flags, cursors and links of a page are true", "the envelope", frozenset({"list"}),
        lambda subject: _pages(subject) and bool(subject.lists.meta), "lists"),
    Law("default page size", default_size, "without a limit a page has the default one", "the behaviour", frozenset({"create", "list"}), _pages, "lists"),
    Law("stable pages", stable, "a cursor keeps its place while records are added", "Google AIP-158", frozenset({"create", "list"}),
        lambda subject: _pages(subject) and subject.lists.style in ("cursor", "after") and subject.lists.cursor_form != "integer", "lists"),
    Law("stable pages after a delete", stable_after_delete, "a cursor keeps its place while records are deleted", "Google AIP-158", frozenset({"create", "list", "delete"}),
        lambda subject: _pages(subject) and subject.lists.style in ("cursor", "after") and subject.lists.cursor_form != "integer", "lists"),
    Law("stable pages without their record", stable_without_its_record, "a cursor keeps its place while the record it stands at is deleted", "Google AIP-158",
        frozenset({"create", "list", "delete"}), lambda subject: _pages(subject) and subject.lists.style == "cursor" and subject.lists.cursor_form != "integer", "lists"),
    Law("filters", filters, "a filter gives what satisfies it, and all of that", SEGURA, frozenset({"list"}), lambda subject: bool(subject.filters), "lists"),
    Law("filtered pages", filtered_pages, "pages of a filtered list are the filtered list", SEGURA, frozenset({"list"}),
        lambda subject: bool(subject.filters) and _pages(subject), "lists"),
    Law("order", orders, "an order sorts, leaves nothing out, and is the same over pages", SEGURA, frozenset({"list"}), lambda subject: bool(subject.orders), "lists"),
    Law("order of a filtered list", ordered_filters, "an order changes no list's records", SEGURA, frozenset({"list"}),
        lambda subject: bool(subject.orders) and bool(subject.filters), "lists"),
    Law("default order", default_order, "the list is in the order that was said", "the behaviour", frozenset({"create", "list"}),
        lambda subject: "lists" in subject.said, "lists"),
)
