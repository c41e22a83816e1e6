"""Laws of what a list says of itself in headers: links to other pages (RFC 8288), and how many records there are."""

from __future__ import annotations

from understudy.check.claims import Claim, is_there
from understudy.check.laws.law import Law
from understudy.check.laws.lists import MOST, _asked, _several
from understudy.check.session import Session, items_path
from understudy.check.steps import ABSENT, Joined, Ref, link
from understudy.check.subjects import Subject
from understudy.check.walking import Query, Walk, declared, page, walk, whole

RFC = "RFC 8288 sections 3 and 3.3"
COUNTS = ("x-total-count", "x-total", "total-count", "x-pagination-total-count", "x-total-records")
"""Headers that say how many records a list has, on all its pages."""


def _said(subject: Subject, names: tuple[str, ...]) -> list[str]:
    """Those of some headers that the document declares of the list's good answer."""
    responses = subject.operations["list"].responses if "list" in subject.operations else {}
    declared = {name.lower() for status, one in responses.items() if status[0] == "2" for name in getattr(one, "headers", {})}
    return [name for name in names if name in declared]


def _linked(subject: Subject) -> bool:
    return subject.lists.link_header and declared(subject, subject.lists.limit)


def _counted(subject: Subject) -> bool:
    return bool(_said(subject, COUNTS))


def _walked(s: Session, subject: Subject, size: int, query: Query, most: int) -> Walk:
    """The pages one comes by when following `next` from the first."""
    reply = page(s, subject, (*query, (str(subject.lists.limit), size)))
    found = Walk(subject, size, [reply], [Ref(reply.step, items_path(subject))])
    while len(found.pages) < most and link(found.pages[-1].answer.headers.get("link", ""), "next") is not ABSENT:
        reply = page(s, subject, url=Ref(found.pages[-1].step, ("next",), "link"))
        found.pages.append(reply)
        found.rows.append(Ref(reply.step, items_path(subject)))
    return found


def linked(s: Session, subject: Subject) -> None:
    """The pages that `next` leads to are the list; `first`, `prev` and `last` lead where they say; the last page has no `next`."""
    everything = _several(s, subject)
    total = len(everything.values)
    if total > MOST:
        return
    for size in (1, 2) if total <= 12 else (-(-total // 4), -(-total // 3)):
        found = _walked(s, subject, size, (), total + 2)
        _whole(s, subject, found, everything, f"pages of {size} by their links")
        _leads(s, subject, found, everything)
        _short(s, subject, found, size)


def _whole(s: Session, subject: Subject, found: Walk, everything: Walk, what: str) -> None:
    """Pages are the list in its order, and the links come to an end where it does."""
    operation, end = s.operation(subject, "list"), Ref(found.pages[-1].step, ("next",), "link")
    s.claim("concatenate", f"{what} are not the list", at=operation, mark=f"{what}", items=found.items, whole=everything.items, key=subject.id_field,
            given=[*everything.ended, Claim("missing", {"value": end}, "no page follows")])
    s.claim("missing", f"{what}: behind the last page another is said to follow", at=operation, mark="end", value=end,
            given=[*everything.ended, Claim("joins", {"items": found.items, "whole": everything.items, "key": subject.id_field}, "all records were shown")])


def _short(s: Session, subject: Subject, found: Walk, size: int) -> None:
    """A page that is not full is the last one, where pages are counted."""
    for reply, rows in zip(found.pages, found.rows, strict=True) if subject.lists.style in ("page", "offset") else ():
        s.claim("missing", f"a page of {size} that is not full says that another follows", at=s.operation(subject, "list"), mark="not full", value=Ref(reply.step, ("next",), "link"),
                given=[Claim("at_most", {"items": rows, "most": size - 1}, "it is not full")])


def _leads(s: Session, subject: Subject, found: Walk, everything: Walk) -> None:
    operation = s.operation(subject, "list")
    middle = found.pages[min(1, len(found.pages) - 1)]
    for relation, aim in (("first", 0), ("prev", 0), ("last", -1)):
        if middle is found.pages[0] or not is_there(link(middle.answer.headers.get("link", ""), relation)):
            continue
        reply = page(s, subject, url=Ref(middle.step, (relation,), "link"))
        rows = Ref(reply.step, items_path(subject))
        if relation == "last":
            s.claim("ends", "the link to the last page leads elsewhere", at=operation, mark="last", items=rows, whole=everything.items, key=subject.id_field, given=everything.ended)
        else:
            s.claim("equal", f"the link to the {relation} page leads elsewhere", at=operation, mark=relation, left=rows, right=found.rows[aim])


def filtered(s: Session, subject: Subject) -> None:
    """The links of a filtered list stay within it."""
    everything = _several(s, subject)
    for one in subject.filters:
        for value in _asked(s, subject, one, everything.values)[:2]:
            query: Query = ((one.parameter, s.bound(value, one.of)),)
            all_of_them = whole(s, subject, query)
            if 1 < len(all_of_them.values) <= MOST:
                found = _walked(s, subject, 1, query, len(all_of_them.values) + 2)
                _whole(s, subject, found, all_of_them, f"pages filtered by {one.parameter}, by their links,")


def counted(s: Session, subject: Subject) -> None:
    """A header that counts the list's records counts all of them, on each page and of each filter."""
    everything = _several(s, subject)
    operation = s.operation(subject, "list")
    lists: list[tuple[Query, Walk]] = [((), everything)]
    for one in subject.filters[:4]:
        for value in _asked(s, subject, one, everything.values)[:1]:
            lists.append((((one.parameter, s.bound(value, one.of)),), whole(s, subject, ((one.parameter, s.bound(value, one.of)),))))
    for query, all_of_them in lists:
        found = walk(s, subject, 2, query, most=2) if declared(subject, subject.lists.limit) else all_of_them
        for reply in found.pages:
            for name in _said(subject, COUNTS):
                s.claim("told_count", f"{name} is not how many records the list has", at=operation, mark=name, value=Ref(reply.step, (name,), "headers"), items=Joined(tuple(all_of_them.rows)),
                        given=all_of_them.ended)


LINKS = (
    Law("links to pages", linked, "pages that are linked are the list, and each link leads where it says", RFC, frozenset({"list"}), _linked, "lists"),
    Law("links to filtered pages", filtered, "the links of a filtered list stay within it", RFC, frozenset({"list"}), lambda subject: _linked(subject) and bool(subject.filters), "lists"),
    Law("counts in headers", counted, "a header that counts a list's records is true", "the document", frozenset({"list"}), _counted, "lists"),
)
