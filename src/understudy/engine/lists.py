"""Pages of a collection: a query string becomes a `Query`, its result an envelope.

1. A paging style is a row of `STYLES`; what an envelope may say of a page is a row of `KNOWN`.
2. Records stay the bytes they are kept as; a page is put together, not encoded again.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from understudy.behaviour.model import Lists
from understudy.engine.outcomes import Call
from understudy.problems import Problem

_RANGE = re.compile(r"\[([^,\]]*),([^,\]]*)\]")
_LIST = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a collection is asked for: `offset` records are skipped, `limit` are given (None: all)."""

    offset: int
    limit: int | None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Filters:
    """What a record must satisfy, in the store's terms."""

    equals: tuple[tuple[str, frozenset[Any]], ...] = ()
    ranges: tuple[tuple[str, Any, Any], ...] = ()
    where: Callable[[dict[str, Any]], bool] | None = None


# --- windows ---------------------------------------------------------------------------------------------------


def window(lists: Lists, query: Mapping[str, Any], declared: frozenset[str]) -> Window:
    """The window a query asks for; without any declared paging parameter the whole collection."""
    return STYLES[lists.style](lists, query, declared)


def _limit(lists: Lists, query: Mapping[str, Any]) -> int:
    limit = query.get(lists.limit) if lists.limit else None
    return int(limit) if limit is not None else lists.default_limit


def _whole(lists: Lists, query: Mapping[str, Any], declared: frozenset[str]) -> Window:
    return Window(0, None)


def _by_page(lists: Lists, query: Mapping[str, Any], declared: frozenset[str]) -> Window:
    if lists.page not in declared and lists.limit not in declared:
        return Window(0, None)
    limit = _limit(lists, query)
    asked = query.get(lists.page) if lists.page else None
    page = int(asked) if asked is not None else lists.first_page
    return Window(max(0, page - lists.first_page) * limit, limit, page)


def _by_offset(lists: Lists, query: Mapping[str, Any], declared: frozenset[str]) -> Window:
    if lists.offset not in declared and lists.limit not in declared:
        return Window(0, None)
    return Window(int(query.get(lists.offset or "") or 0), _limit(lists, query))


def _by_cursor(lists: Lists, query: Mapping[str, Any], declared: frozenset[str]) -> Window:
    cursor = query.get(lists.cursor) if lists.cursor else None
    return Window(_decode_cursor(cursor, lists.cursor or "") if cursor else 0, _limit(lists, query))


def encode_cursor(offset: int) -> str:
    """An opaque cursor."""
    return urlsafe_b64encode(b"after:%d" % offset).decode().rstrip("=")


def _decode_cursor(cursor: str, name: str) -> int:
    try:
        text = urlsafe_b64decode(str(cursor) + "=" * (-len(str(cursor)) % 4))
        word, _, number = text.partition(b":")
        if word != b"after":
            raise ValueError
        return max(0, int(number))
    except ValueError:
        raise Problem("invalid_field", "value is not a cursor this list gave", field=name, location="query") from None


STYLES: Mapping[str, Callable[[Lists, Mapping[str, Any], frozenset[str]], Window]] = {
    "none": _whole,
    "page": _by_page,
    "offset": _by_offset,
    "cursor": _by_cursor,
    "after": _by_cursor,
}


# --- filters ---------------------------------------------------------------------------------------------------


def filters(lists: Lists, query: Mapping[str, Any], known: frozenset[str]) -> Filters:
    """What the query's parameters ask of a record. A parameter filters where its name is a field or is mapped to one."""
    reserved = {lists.page, lists.limit, lists.offset, lists.cursor, lists.before, lists.order_by, lists.direction, lists.expand}
    equals, ranges, wheres = [], [], []
    for name, value in query.items():
        if name in reserved or value is None:
            continue
        if name in lists.pairs:
            wheres.append(_pair(lists.pairs[name], str(value)))
            continue
        field = _field(lists, name, known)
        if field is None:
            continue
        span = _RANGE.fullmatch(value) if lists.ranges == "brackets" and isinstance(value, str) else None
        if span is not None and _spans_time(span):
            ranges.append((field, span[1] or None, span[2] or None))
        else:
            equals.append((field, frozenset(_values(lists, value))))
    return Filters(tuple(equals), tuple(ranges), _all(wheres))


def _field(lists: Lists, name: str, known: frozenset[str]) -> str | None:
    if name in lists.filters:
        return lists.filters[name]
    plain = name.removesuffix("[]")
    if plain in known:
        return plain
    singular = re.sub(r"(?<=s)es$|s$", "", plain)
    return singular if name != plain and singular in known else None


def _spans_time(span: re.Match[str]) -> bool:
    return all(not part or re.match(r"\d{4}-\d\d-\d\d", part) for part in span.groups())


def _values(lists: Lists, value: Any) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    if lists.ranges == "brackets" and isinstance(value, str):
        several = _LIST.fullmatch(value)
        if several:
            return several[1].split(",")
    return (value,)


def _pair(names: tuple[str, str, str], text: str) -> Callable[[dict[str, Any]], bool]:
    array, name, value = names
    key, _, wanted = text.rpartition(":")

    def holds(record: dict[str, Any]) -> bool:
        return any(isinstance(entry, dict) and entry.get(name) == key and str(entry.get(value)) == wanted for entry in record.get(array) or ())

    return holds


def _all(wheres: Sequence[Callable[[dict[str, Any]], bool]]) -> Callable[[dict[str, Any]], bool] | None:
    if not wheres:
        return None
    return lambda record: all(where(record) for where in wheres)


def order(lists: Lists, query: Mapping[str, Any], default: str | None, descending: bool) -> tuple[str | None, bool]:
    """The field to order by (None: by creation) and whether downwards."""
    field = query.get(lists.order_by) if lists.order_by else None
    direction = query.get(lists.direction) if lists.direction else None
    downwards = descending if direction is None else str(direction).lower().startswith("d")
    return (str(field) if field else default), downwards


# --- envelopes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """A page and where it stands: what `KNOWN` is computed from."""

    lists: Lists
    call: Call
    window: Window
    total: int
    rows: Sequence[bytes]

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        limit = self.window.limit
        return 1 if not limit else max(1, -(-self.total // limit))

    @property
    def more(self) -> bool:
        """Whether records follow this page."""
        return self.window.offset + len(self.rows) < self.total

    @property
    def current(self) -> int:
        """The page's number, counted from one whatever the API counts from."""
        return self.window.page - self.lists.first_page + 1


def link(facts: Facts, **changed: Any) -> str:
    """The request's URL with some parameters changed; the others stay as they were sent."""
    sent = dict(facts.call.raw_query)
    fresh = {name: str(value) for name, value in changed.items() if name not in sent}
    merged = {**fresh, **sent, **{name: str(value) for name, value in changed.items()}}
    text = "&".join(f"{quote(name, safe='[]')}={quote(value, safe='[],:')}" for name, value in merged.items())
    return f"{facts.call.url}?{text}" if text else facts.call.url


def _page_link(facts: Facts, page: int) -> str | None:
    if not 1 <= page <= max(facts.pages, facts.current):
        return None
    style = facts.lists.style
    if style == "page" and facts.lists.page:
        return link(facts, **{facts.lists.page: page + facts.lists.first_page - 1})
    if style == "offset" and facts.lists.offset:
        return link(facts, **{facts.lists.offset: (page - 1) * (facts.window.limit or 0)})
    if facts.lists.cursor and facts.window.limit:
        return link(facts, **{facts.lists.cursor: encode_cursor((page - 1) * facts.window.limit)})
    return facts.call.url if page == 1 else None


def _next_cursor(facts: Facts) -> str | None:
    return encode_cursor(facts.window.offset + len(facts.rows)) if facts.more else None


def _previous_cursor(facts: Facts) -> str | None:
    return encode_cursor(max(0, facts.window.offset - (facts.window.limit or 0))) if facts.window.offset else None


def _id(row: bytes | None) -> Any:
    return orjson.loads(row).get("id") if row else None


def _place(facts: Facts) -> int:
    """The page's number from one, also for lists that count records."""
    if facts.lists.style == "page":
        return facts.current
    return facts.window.offset // (facts.window.limit or 1) + 1


KNOWN: Mapping[str, Callable[[Facts], Any]] = {
    "page": lambda facts: facts.window.page,
    "limit": lambda facts: facts.window.limit if facts.window.limit is not None else facts.lists.default_limit,
    "offset": lambda facts: facts.window.offset,
    "total": lambda facts: facts.total,
    "count": lambda facts: len(facts.rows),
    "pages": lambda facts: facts.pages,
    "has_more": lambda facts: facts.more,
    "first_url": lambda facts: _page_link(facts, 1),
    "current_url": lambda facts: _page_link(facts, _place(facts)),
    "previous_url": lambda facts: _page_link(facts, min(_place(facts) - 1, facts.pages)),
    "next_url": lambda facts: _page_link(facts, _place(facts) + 1) if facts.more else None,
    "last_url": lambda facts: _page_link(facts, facts.pages),
    "next_cursor": _next_cursor,
    "previous_cursor": _previous_cursor,
    "first_id": lambda facts: _id(facts.rows[0] if facts.rows else None),
    "last_id": lambda facts: _id(facts.rows[-1] if facts.rows else None),
    "next_page": lambda facts: facts.window.page + 1 if facts.more else None,
    "previous_page": lambda facts: facts.window.page - 1 if facts.current > 1 else None,
    "next_offset": lambda facts: facts.window.offset + len(facts.rows) if facts.more else None,
}


def envelope(facts: Facts, declared: frozenset[str] | None) -> bytes:
    """The answer's body: the records in the envelope the lists table describes, as far as the document declares it."""
    rows = b"[" + b",".join(facts.rows) + b"]"
    if facts.lists.items is None:
        return rows
    meta = {
        name: _fill(template, facts)
        for name, template in facts.lists.meta.items()
        if declared is None or name in declared
    }
    tail = orjson.dumps(meta)[1:]
    comma = b"," if meta else b""
    return b'{"' + facts.lists.items.encode() + b'":' + rows + comma + tail


def _fill(template: Any, facts: Facts) -> Any:
    if isinstance(template, Mapping):
        return {name: _fill(value, facts) for name, value in template.items()}
    return KNOWN[template](facts)
