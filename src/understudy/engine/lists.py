"""Pages of a collection: a query string becomes a window and filters, what is found in it an envelope.

1. A paging style is a row of `STYLES`, a filter's form a row of `_FILTERS`, what an envelope may say a row of `KNOWN`.
2. Records stay the bytes they are kept as; a page is put together, not encoded again.
3. What can be known of a list without a request is worked out once, in `compile_paging`.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from understudy.behaviour.model import Lists
from understudy.engine.outcomes import Call
from understudy.problems import Problem

Record = dict[str, Any]
Where = Callable[[Record], bool]

_RANGE = re.compile(r"\[([^,\]]*),([^,\]]*)\]")
_LIST = re.compile(r"\[([^\]]*)\]")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Window(NamedTuple):
    """Which part of a collection is asked for: `offset` records are skipped, `limit` are given (None: all).

    `after` and `before` name a record by id: the part begins behind it, or ends before it.
    """

    offset: int
    limit: int | None
    page: int = 1
    after: str | None = None
    before: str | None = None


class Filters(NamedTuple):
    """What a record must satisfy, in the store's terms."""

    equals: tuple[tuple[str, frozenset[Any]], ...] = ()
    ranges: tuple[tuple[str, Any, Any], ...] = ()
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """A list operation's rules, compiled: its query parameters' parts, and the envelope it declares."""

    rules: Lists
    pages: bool  # some parameter that cuts is declared
    filters: Mapping[str, Callable[[Any], tuple[str, Any]]]  # parameter -> its value as ("equals" | "range" | "where", …)
    meta: tuple[tuple[str, Callable[[Facts], Any]], ...]
    id_field: str

    def window(self, query: Mapping[str, Any]) -> Window:
        """The window a query asks for; without any declared paging parameter the whole collection."""
        return STYLES[self.rules.style](self.rules, query) if self.pages else Window(0, None)

    def asked(self, query: Mapping[str, Any]) -> Filters:
        """What the query's parameters ask of a record."""
        equals: list[tuple[str, frozenset[Any]]] = []
        ranges: list[tuple[str, Any, Any]] = []
        wheres: list[Where] = []
        into: Mapping[str, list[Any]] = {"equals": equals, "range": ranges, "where": wheres}
        for name, value in query.items():
            read = self.filters.get(name)
            if read is not None and value is not None:
                form, condition = read(value)
                into[form].append(condition)
        return Filters(tuple(equals), tuple(ranges), every(wheres))

    def order(self, query: Mapping[str, Any]) -> tuple[str | None, bool]:
        """The field to order by (None: by creation) and whether downwards."""
        return order(self.rules, query, self.rules.default_order, self.rules.descending)


def compile_paging(rules: Lists, parameters: Iterable[str], known: frozenset[str], declared: frozenset[str] | None, id_field: str) -> Paging:
    """Rules joined with the operation's query parameters, the record's fields and the envelope's declared properties."""
    names = frozenset(parameters)
    cutting = {rules.page, rules.limit, rules.offset, rules.cursor, rules.before} - {None}
    reserved = cutting | {rules.order_by, rules.direction, rules.expand}
    reads = {name: read for name in names - reserved if (read := _filter(rules, name, known)) is not None}
    return Paging(rules, bool(cutting & names), reads, tuple(_meta(rules.meta, declared, rules.items)), id_field)


# --- windows ---------------------------------------------------------------------------------------------------


def _limit(rules: Lists, query: Mapping[str, Any]) -> int:
    asked = query.get(rules.limit) if rules.limit else None
    limit = rules.default_limit if asked is None else max(0, int(asked))
    return limit if rules.max_limit is None else min(limit, rules.max_limit)


def _whole(rules: Lists, query: Mapping[str, Any]) -> Window:
    return Window(0, _limit(rules, query) if rules.limit else None)


def _by_page(rules: Lists, query: Mapping[str, Any]) -> Window:
    limit = _limit(rules, query)
    asked = query.get(rules.page) if rules.page else None
    page = int(asked) if asked is not None else rules.first_page
    return Window(max(0, page - rules.first_page) * limit, limit, page)


def _by_offset(rules: Lists, query: Mapping[str, Any]) -> Window:
    return Window(max(0, int(query.get(rules.offset or "") or 0)), _limit(rules, query))


def _by_cursor(rules: Lists, query: Mapping[str, Any]) -> Window:
    cursor = query.get(rules.cursor) if rules.cursor else None
    if not cursor:
        return Window(0, _limit(rules, query))
    if rules.cursor_form == "integer":
        return Window(max(0, int(cursor)), _limit(rules, query))
    word, id = _decode_cursor(str(cursor), rules.cursor or "")
    return Window(0, _limit(rules, query), after=id if word == "after" else None, before=id if word == "before" else None)


def _by_record(rules: Lists, query: Mapping[str, Any]) -> Window:
    after = query.get(rules.cursor) if rules.cursor else None
    before = query.get(rules.before) if rules.before else None
    return Window(0, _limit(rules, query), after=str(after) if after else None, before=str(before) if before else None)


def encode_cursor(word: str, id: str) -> str:
    """An opaque cursor: behind or before a record, so that it stays true while others come and go."""
    return urlsafe_b64encode(f"{word}:{id}".encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, name: str) -> tuple[str, str]:
    try:
        text = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
        word, colon, id = text.partition(":")
        if not colon or word not in ("after", "before"):
            raise ValueError
    except ValueError:
        raise Problem("dangling_reference", "value is not a cursor this list gave", field=name, location="query") from None
    return word, id


STYLES: Mapping[str, Callable[[Lists, Mapping[str, Any]], Window]] = {
    "none": _whole,
    "page": _by_page,
    "offset": _by_offset,
    "cursor": _by_cursor,
    "after": _by_record,
}


# --- filters ---------------------------------------------------------------------------------------------------


def _filter(rules: Lists, name: str, known: frozenset[str]) -> Callable[[Any], tuple[str, Any]] | None:
    """How a parameter's value is read; None where it does not filter."""
    if name in rules.pairs:
        return lambda value: ("where", _pair(rules.pairs[name], str(value)))
    if name in rules.bounds:
        return lambda value: _bound(*rules.bounds[name], value)
    if name == rules.search:
        return lambda value: ("where", _text(str(value)))
    field = _field(rules, name, known)
    if field is None:
        return None
    if rules.ranges == "brackets":
        return lambda value: _bracketed(field, value)
    return lambda value: ("equals", (field, frozenset(value if isinstance(value, list) else (value,))))


def _field(rules: Lists, name: str, known: frozenset[str]) -> str | None:
    if name in rules.filters:
        return rules.filters[name]
    plain = name.removesuffix("[]")
    if plain in known:
        return plain
    singular = re.sub(r"(?<=s)es$|s$", "", plain)
    return singular if name != plain and singular in known else None


def _bracketed(field: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, list):
        return "equals", (field, frozenset(value))
    if isinstance(value, str) and value[:1] == "[":
        span = _RANGE.fullmatch(value)
        if span is not None and all(not part or _DAY.match(part) for part in span.groups()):
            return "range", (field, span[1] or None, span[2] or None)
        several = _LIST.fullmatch(value)
        if several:
            return "equals", (field, frozenset(several[1].split(",")))
    return "equals", (field, frozenset((value,)))


def _pair(names: tuple[str, str, str], text: str) -> Where:
    array, name, held = names
    key, _, wanted = text.rpartition(":")

    def holds(record: Record) -> bool:
        return any(isinstance(entry, dict) and entry.get(name) == key and str(entry.get(held)) == wanted for entry in record.get(array) or ())

    return holds


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}


def _bound(field: str, word: str, bound: Any) -> tuple[str, Any]:
    bounds = bound if word == "keys" and isinstance(bound, dict) else {word: bound}

    def holds(record: Record) -> bool:
        value = record.get(field)
        try:
            return value is not None and all(_COMPARE[one](value, limit) for one, limit in bounds.items() if one in _COMPARE)
        except TypeError:
            return False

    return "where", holds


def _text(wanted: str) -> Where:
    sought = wanted.casefold()
    return lambda record: any(isinstance(value, str) and sought in value.casefold() for value in record.values())


def every(wheres: Sequence[Where]) -> Where | None:
    """One test that holds where all of these do; None for none."""
    if not wheres:
        return None
    return lambda record: all(where(record) for where in wheres)


def order(rules: Lists, query: Mapping[str, Any], default: str | None, descending: bool) -> tuple[str | None, bool]:
    """The field to order by (None: by creation) and whether downwards, with `default` where none is asked for."""
    asked = query.get(rules.order_by) if rules.order_by else None
    direction = query.get(rules.direction) if rules.direction else None
    if isinstance(asked, list):
        asked = asked[0] if asked else None
    field = str(asked) if asked else default
    downwards = descending
    if field is not None and asked:
        field, said = _read_order(rules.orders.get(field, field))
        downwards = said if said is not None else descending if rules.direction else False
    return field, downwards if direction is None else str(direction).lower().startswith("d")


def _read_order(text: str) -> tuple[str, bool | None]:
    """`-created`, `created:desc`, `created desc`, `+created`: the field, and whether downwards where that is said."""
    if text[:1] in "+-":
        return text[1:], text[0] == "-"
    match = re.fullmatch(r"(.+?)[: ,](asc|desc)(?:ending)?", text, re.IGNORECASE)
    return (match[1], match[2].lower() == "desc") if match else (text, None)


# --- envelopes -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _quoted(name: str) -> str:
    return quote(name, safe="[]")


class Facts:
    """A page and where it stands: what `KNOWN` is computed from."""

    __slots__ = ("_around", "call", "id_field", "more", "pages", "place", "rows", "rules", "total", "window")

    def __init__(self, paging: Paging, call: Call, window: Window, total: int, rows: Sequence[bytes]) -> None:
        self.rules = paging.rules
        self.id_field = paging.id_field
        self.call = call
        self.window = window
        self.total = total
        self.rows = rows
        self._around: tuple[str, str] | None = None
        limit = window.limit
        self.pages = max(1, -(-total // limit)) if limit else 1  # an empty list has one
        self.more = window.offset + len(rows) < total  # records follow this page
        # The page's number from one, whatever the API counts from, or does not count:
        self.place = window.page - self.rules.first_page + 1 if self.rules.style == "page" else window.offset // (limit or 1) + 1

    def link(self, name: str, value: object) -> str:
        """The request's URL with one parameter changed; the others stay as they were sent."""
        if self._around is None:
            self._around = self._text_around(name)
        return f"{self._around[0]}{value}{self._around[1]}"

    def _text_around(self, name: str) -> tuple[str, str]:
        sent = self.call.raw_query
        if not sent:
            return f"{self.call.url}?{_quoted(name)}=", ""
        mark = f"{_quoted(name)}="
        before = [] if any(other == name for other, _ in sent) else [mark]
        parts = [f"{_quoted(other)}=" + ("" if other == name else quote(value, safe="[],:")) for other, value in sent]
        text = "&".join(before + parts)
        at = text.index(mark) + len(mark) if not text.startswith(mark) else len(mark)
        return f"{self.call.url}?{text[:at]}", text[at:]

    def id_of(self, index: int) -> Any:
        """The id of the first (0) or last (-1) record of the page, None on an empty one."""
        return orjson.loads(self.rows[index]).get(self.id_field) if self.rows else None


def _page_link(facts: Facts, place: int) -> str | None:
    if not 1 <= place <= max(facts.pages, facts.place):
        return None
    rules, limit = facts.rules, facts.window.limit or 0
    if rules.style == "page" and rules.page:
        return facts.link(rules.page, place + rules.first_page - 1)
    if rules.style == "offset" and rules.offset:
        return facts.link(rules.offset, (place - 1) * limit)
    if rules.cursor and place > facts.place:
        return facts.link(rules.cursor, _next_cursor(facts))
    if rules.cursor and 1 < place < facts.place:
        return facts.link(rules.before or rules.cursor, _previous_cursor(facts))
    return facts.call.url if place in (1, facts.place) else None


def _next_cursor(facts: Facts) -> Any:
    if not facts.more:
        return None
    if facts.rules.cursor_form == "integer":
        return facts.window.offset + len(facts.rows)
    return facts.id_of(-1) if facts.rules.style == "after" else encode_cursor("after", str(facts.id_of(-1)))


def _previous_cursor(facts: Facts) -> Any:
    if not facts.window.offset:
        return None
    if facts.rules.cursor_form == "integer":
        return max(0, facts.window.offset - (facts.window.limit or 0))
    return facts.id_of(0) if facts.rules.style == "after" else encode_cursor("before", str(facts.id_of(0)))


KNOWN: Mapping[str, Callable[[Facts], Any]] = {
    "page": lambda facts: facts.window.page,
    "limit": lambda facts: facts.window.limit if facts.window.limit is not None else facts.rules.default_limit,
    "offset": lambda facts: facts.window.offset,
    "total": lambda facts: facts.total,
    "count": lambda facts: len(facts.rows),
    "pages": lambda facts: facts.pages,
    "has_more": lambda facts: facts.more,
    "has_previous": lambda facts: facts.window.offset > 0,
    "path": lambda facts: facts.call.url,
    "first_url": lambda facts: _page_link(facts, 1),
    "current_url": lambda facts: _page_link(facts, facts.place),
    "previous_url": lambda facts: _page_link(facts, min(facts.place - 1, facts.pages)),
    "next_url": lambda facts: _page_link(facts, facts.place + 1) if facts.more else None,
    "last_url": lambda facts: _page_link(facts, facts.pages),
    "next_cursor": _next_cursor,
    "previous_cursor": _previous_cursor,
    "first_id": lambda facts: facts.id_of(0),
    "last_id": lambda facts: facts.id_of(-1),
    "next_page": lambda facts: facts.window.page + 1 if facts.more else None,
    "previous_page": lambda facts: facts.window.page - 1 if facts.place > 1 else None,
    "next_offset": lambda facts: facts.window.offset + len(facts.rows) if facts.more else None,
}


def _meta(template: Mapping[str, Any], declared: frozenset[str] | None, items: str | None) -> Iterable[tuple[str, Callable[[Facts], Any]]]:
    """The envelope beside the records as functions, as far as the document declares it."""
    top = (items or "").partition(".")[0]
    for name, value in template.items():
        if declared is None or name in declared or name == top:
            yield name, KNOWN[value] if isinstance(value, str) else _nested(tuple(_meta(value, None, None)))


def _nested(parts: tuple[tuple[str, Callable[[Facts], Any]], ...]) -> Callable[[Facts], Any]:
    return lambda facts: {name: part(facts) for name, part in parts}


def envelope(paging: Paging, facts: Facts) -> bytes:
    """The answer's body: the records in the envelope the lists table describes."""
    rules = paging.rules
    if rules.key_map is not None:
        rows = b"{" + b",".join(orjson.dumps(str(orjson.loads(row).get(rules.key_map))) + b":" + row for row in facts.rows) + b"}"
    else:
        rows = b"[" + b",".join(facts.rows) + b"]"
    if rules.items is None:
        return rows
    meta = {name: part(facts) for name, part in paging.meta}
    if "." in rules.items:
        return _deep(rules.items.split("."), rows, meta)
    return b'{"' + rules.items.encode() + b'":' + rows + (b"," if meta else b"") + orjson.dumps(meta)[1:]


def _deep(path: Sequence[str], rows: bytes, meta: dict[str, Any]) -> bytes:
    """The records at a dotted place within the envelope."""
    body: Any = orjson.Fragment(rows)
    for step in reversed(path[1:]):
        body = {step: body}
    top = meta.get(path[0])
    return orjson.dumps({**meta, path[0]: {**top, **body} if isinstance(top, dict) else body})
