"""Lists read page by page, by any of the paging styles, each page a step of the scenario.

Where a walk ends is decided by what the style says of the last page; `ended` puts it as claims, for whoever relies on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy.check.claims import Claim, is_there
from understudy.check.session import Impossible, Reply, Session, items_path
from understudy.check.steps import ABSENT, Joined, Ref, at
from understudy.check.subjects import Subject

LONGEST = 80
LARGEST = 100

Query = tuple[tuple[str, Any], ...]


@dataclass
class Walk:
    """Pages of a list in their order. `rows` are where their records stand."""

    subject: Subject
    limit: int | None
    pages: list[Reply] = field(default_factory=list)
    rows: list[Ref] = field(default_factory=list)
    ended: list[Claim] = field(default_factory=list)
    over: bool = False

    @property
    def items(self) -> Joined:
        """All records of all pages."""
        return Joined(tuple(self.rows))

    @property
    def values(self) -> list[Any]:
        """The records as they came."""
        path = items_path(self.subject)
        return [one for page in self.pages for one in _list(at(page.value, path))]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def quantities(meta: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Where each known quantity of a page stands in the envelope."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in meta.items():
        if isinstance(value, Mapping):
            found |= quantities(value, (*path, name))
        else:
            found[str(value)] = (*path, name)
    return found


def declared(subject: Subject, name: str | None) -> bool:
    """Whether the list operation has a query parameter."""
    return name is not None and any(one.name == name and one.location == "query" for one in subject.operations["list"].parameters)


def largest(subject: Subject) -> int:
    """The most records to ask for at once."""
    lists = subject.lists
    parameter = next((one for one in subject.operations["list"].parameters if one.name == lists.limit), None)
    bound = parameter.schema.value.get("maximum") if parameter and parameter.schema and isinstance(parameter.schema.value, dict) else None
    limits = [one for one in (bound, lists.max_limit, LARGEST) if isinstance(one, int)]
    return min(limits)


def page(session: Session, subject: Subject, query: Query = (), url: Ref | None = None) -> Reply:
    """One page. Raises Impossible where it is refused."""
    operation = session.operation(subject, "list")
    reply = session.send(session.step(operation, subject, query=() if url else query, url=url))
    if not reply.ok:
        raise Impossible(f"{operation.key} answers {reply.status} to {dict(query)}")
    return reply


def whole(session: Session, subject: Subject, query: Query = ()) -> Walk:
    """The list in as few pages as it has. Raises Impossible where it has no end."""
    return walk(session, subject, largest(subject) if declared(subject, subject.lists.limit) else None, query)


def walk(session: Session, subject: Subject, limit: int | None, query: Query = (), most: int = LONGEST) -> Walk:
    """The list page by page, until there is no more or `most` pages were read (then it is not `over`)."""
    path = items_path(subject)
    found = Walk(subject, limit)
    cut: Query = ((str(subject.lists.limit), limit),) if limit is not None else ()
    place: Query | Ref | None = ()
    while place is not None and len(found.pages) < most:
        reply = page(session, subject, (*query, *cut, *(place if isinstance(place, tuple) else ())), place if isinstance(place, Ref) else None)
        found.pages.append(reply)
        found.rows.append(Ref(reply.step, path))
        place, ended = _next(found, reply, _list(at(reply.value, path)))
        if place is None:
            found.over, found.ended = True, ended
    return found


def _next(found: Walk, reply: Reply, rows: Sequence[Any]) -> tuple[Query | Ref | None, list[Claim]]:
    """Where the next page is, or None and why there is none."""
    style = found.subject.lists.style
    short = _short(found, reply, rows)
    if style in ("page", "offset"):
        return (None, short) if short else (_numbered(found), [])
    if style == "after":
        return (None, short) if short else (((str(found.subject.lists.cursor), Ref(reply.step, (*items_path(found.subject), -1, found.subject.id_field))),), [])
    if style == "cursor":
        return _by_cursor(found, reply)
    return None, []


def _short(found: Walk, reply: Reply, rows: Sequence[Any]) -> list[Claim]:
    """Claims that hold of a page that is the last because it is not full."""
    size = found.limit if found.limit is not None else found.subject.lists.default_limit
    lists = found.subject.lists
    if len(rows) >= size > 0 and (declared(found.subject, lists.page or lists.offset or lists.cursor)):
        return []
    items = Ref(reply.step, items_path(found.subject))
    return [Claim("at_most", {"items": items, "most": size - 1}, "the page is not full")] if len(rows) < size else [Claim("there", {"value": items}, "all is on one page")]


def _numbered(found: Walk) -> Query:
    lists = found.subject.lists
    if lists.style == "page":
        return ((str(lists.page), lists.first_page + len(found.pages)),)
    size = found.limit if found.limit is not None else lists.default_limit
    return ((str(lists.offset), size * len(found.pages)),)


def _by_cursor(found: Walk, reply: Reply) -> tuple[Query | Ref | None, list[Claim]]:
    lists = found.subject.lists
    known = quantities(lists.meta)
    for quantity in ("next_cursor", "next_url"):
        where = known.get(quantity)
        if where is None:
            continue
        value = at(reply.value, where)
        if value in (None, ABSENT, ""):
            return None, [Claim("missing", {"value": Ref(reply.step, where)}, "no page follows")]
        ref = Ref(reply.step, where)
        return (((str(lists.cursor), ref),) if quantity == "next_cursor" else ref), []
    ref = Ref(reply.step, ("next",), "link")
    if lists.link_header and is_there(found_link(reply)):
        return ref, []
    return None, [Claim("missing", {"value": ref}, "no page follows")]


def found_link(reply: Reply) -> Any:
    """The next page's address in the Link header."""
    from understudy.check.steps import link  # the only use

    return link(reply.answer.headers.get("link", ""), "next")
