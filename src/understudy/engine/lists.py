"""Pages of a collection: a query string becomes a window and filters, what is found in it an envelope.

1. A paging style is a row of `STYLES`, what an envelope may say a row of `KNOWN`.
2. Records stay the bytes they are kept as; a page is put together, not encoded again.
3. What can be known of a list without a request is worked out once, in `compile_paging`.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

import orjson

from understudy.behaviour.model import Lists
from understudy.engine.envelopes import Envelope, Part
from understudy.engine.filtering import Filters, Where, every, filter_of
from understudy.engine.outcomes import Call
from understudy.exact import read
from understudy.problems import Problem

Record = dict[str, Any]

_KNOWN_QUERIES = 256
_SHORT = 512
"""Query strings a list remembers what they come to, and how long such a one may be."""

_MOST = 2**31
"""More than any list holds: larger numbers of a query mean this one."""


class Window(NamedTuple):
    """Which part of a collection is asked for: `offset` records are skipped, `limit` are given (None: all).

    `after` and `before` name a record by id: the part begins behind it, or ends before it.
    """

    offset: int
    limit: int | None
    page: int = 1
    after: str | None = None
    before: str | None = None


class Asked(NamedTuple):
    """What a query asks of a collection: which records, in which order (None: by creation), and which part of them."""

    filters: Filters
    order_by: str | None
    descending: bool
    window: Window


@dataclass(frozen=True, slots=True)
class Paging:
    """A list operation's rules, compiled: its query parameters' parts, and the envelope it declares."""

    rules: Lists
    pages: bool  # some parameter that cuts is declared
    filters: Mapping[str, Callable[[Any], tuple[str, Any]]]  # parameter -> its value as ("equals" | "range" | "where" | "any", …)
    meta: tuple[tuple[str, Callable[[Facts], Any]], ...]
    id_field: str
    rest: Mapping[str, Any]  # what else the envelope must hold
    sparse: bool  # something of `meta` may be missing
    _known: dict[bytes, Asked] = field(default_factory=dict)  # what short query strings come to

    def read(self, call: Call) -> Asked:
        """What a call's query asks for; a query met before is not read again. Raises Problem."""
        known = self._known.get(call.raw_query)
        if known is None:
            order_by, descending = self.order(call.query)
            known = Asked(self.asked(call.query), order_by, descending, self.window(call.query))
            if len(call.raw_query) <= _SHORT:
                if len(self._known) >= _KNOWN_QUERIES:
                    self._known.clear()
                self._known[call.raw_query] = known
        return known

    def window(self, query: Mapping[str, Any]) -> Window:
        """The window a query asks for; without any declared paging parameter the whole collection."""
        return STYLES[self.rules.style](self.rules, query) if self.pages else Window(0, None)

    def asked(self, query: Mapping[str, Any]) -> Filters:
        """What the query's parameters ask of a record."""
        equals: list[tuple[str, frozenset[Any]]] = []
        ranges: list[tuple[str, Any, Any]] = []
        wheres: list[Where] = []
        into: Mapping[str, list[Any]] = {"equals": equals, "range": ranges, "where": wheres, "any": []}
        for name, value in query.items():
            read = self.filters.get(name)
            if read is not None and value is not None:
                form, condition = read(value)
                into[form].append(condition)
        return Filters(tuple(equals), tuple(ranges), every(wheres))

    def order(self, query: Mapping[str, Any]) -> tuple[str | None, bool]:
        """The field to order by (None: by creation) and whether downwards."""
        return order(self.rules, query, self.rules.default_order, self.rules.descending)


def compile_paging(rules: Lists, parameters: Iterable[str], known: frozenset[str], declared: Envelope, id_field: str) -> Paging:
    """Rules joined with the operation's query parameters, the record's fields and the envelope's declared properties."""
    names = frozenset(parameters)
    cutting = {rules.page, rules.limit, rules.offset, rules.cursor, rules.before} - {None}
    reserved = cutting | {rules.order_by, rules.direction, rules.expand}
    reads = {name: read for name in names - reserved if (read := filter_of(rules, name, known)) is not None}
    meta = tuple(_meta(rules.meta, declared, rules.items))
    rest = _rest(declared, {*rules.meta, (rules.items or "").partition(".")[0]})
    return Paging(rules, bool(cutting & names), reads, meta, id_field, rest, _may_lack(rules.meta, declared))


# --- fields that are asked for ---------------------------------------------------------------------------------


def not_asked_for(rules: Lists, query: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The fields that leave only where a parameter asks for them, and none does, as paths."""
    return tuple(tuple(field.split(".")) for field, names in rules.asked_for.items() if not any(query.get(name) for name in names))


def without(record: dict[str, Any], fields: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """A record less some fields."""
    for path in fields:
        record = _less(record, path)
    return record


def _less(value: Any, path: tuple[str, ...]) -> Any:
    name, *rest = path
    if name == "*":
        return [_less(part, tuple(rest)) for part in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or name not in value:
        return value
    if not rest:
        return {other: part for other, part in value.items() if other != name}
    return {**value, name: _less(value[name], tuple(rest))}


# --- windows ---------------------------------------------------------------------------------------------------


def _limit(rules: Lists, query: Mapping[str, Any]) -> int:
    asked = query.get(rules.limit) if rules.limit else None
    limit = max(0, _number(asked, rules.default_limit))
    return limit if rules.max_limit is None else min(limit, rules.max_limit)


def _number(asked: Any, otherwise: int) -> int:
    """A number as the query gives it; text that the document lets in and that is none counts as not given."""
    try:
        return max(-_MOST, min(int(asked), _MOST))
    except (TypeError, ValueError, OverflowError):
        return otherwise


def _whole(rules: Lists, query: Mapping[str, Any]) -> Window:
    return Window(0, _limit(rules, query) if rules.limit else None)


def _by_page(rules: Lists, query: Mapping[str, Any]) -> Window:
    limit = _limit(rules, query)
    asked = query.get(rules.page) if rules.page else None
    page = _number(asked, rules.first_page)
    return Window(max(0, page - rules.first_page) * limit, limit, page)


def _by_offset(rules: Lists, query: Mapping[str, Any]) -> Window:
    return Window(max(0, _number(query.get(rules.offset or ""), 0)), _limit(rules, query))


def _by_cursor(rules: Lists, query: Mapping[str, Any]) -> Window:
    cursor = query.get(rules.cursor) if rules.cursor else None
    if not cursor:
        return Window(0, _limit(rules, query))
    if rules.cursor_form == "integer":
        return Window(max(0, _number(cursor, 0)), _limit(rules, query))
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


# --- order ----------------------------------------------------------------------------------------------------


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


def _quoted(name: str) -> str:
    return quote(name, safe="[]")


@lru_cache(maxsize=512)
def _text_around(url: str, query: bytes, name: str) -> tuple[str, str]:
    """A request's URL before and behind the value of one of its query's parameters."""
    sent = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
    if not sent:
        return f"{url}?{_quoted(name)}=", ""
    mark = f"{_quoted(name)}="
    before = [] if any(other == name for other, _ in sent) else [mark]
    parts = before + [f"{_quoted(other)}=" + ("" if other == name else quote(value, safe="[],:")) for other, value in sent]
    place = parts.index(mark) + 1  # among the parts: within the text `page=` ends `per_page=` too
    return f"{url}?{'&'.join(parts[:place])}", "".join(f"&{part}" for part in parts[place:])


class Facts:
    """A page and where it stands: what `KNOWN` is computed from."""

    __slots__ = ("call", "id_field", "more", "pages", "place", "rows", "rules", "total", "window")

    def __init__(self, paging: Paging, call: Call, window: Window, total: int, rows: Sequence[bytes]) -> None:
        self.rules = paging.rules
        self.id_field = paging.id_field
        self.call = call
        self.window = window
        self.total = total
        self.rows = rows
        limit = window.limit
        self.pages = max(1, -(-total // limit)) if limit else 1  # an empty list has one
        self.more = window.offset + len(rows) < total  # records follow this page
        # The page's number from one, whatever the API counts from, or does not count:
        self.place = window.page - self.rules.first_page + 1 if self.rules.style == "page" else window.offset // (limit or 1) + 1

    def link(self, name: str, value: object) -> str:
        """The request's URL with one parameter changed; the others stay as they were sent."""
        before, behind = _text_around(self.call.url, self.call.raw_query, name)
        return f"{before}{value}{behind}"

    def id_of(self, index: int) -> Any:
        """The id of the first (0) or last (-1) record of the page, None on an empty one."""
        return read(self.rows[index]).get(self.id_field) if self.rows else None


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


Reading = Callable[[Facts], Any]
_ALWAYS = frozenset({"page", "limit", "offset", "total", "count", "pages", "has_more", "has_previous", "path"})
"""Quantities every page has."""

_LACKING = object()
"""In place of a quantity that there is none of, where the document wants no null."""


def _meta(template: Mapping[str, Any], declared: Envelope, items: str | None) -> Iterable[tuple[str, Reading]]:
    """The envelope beside the records as functions, as far as the document declares it."""
    top = (items or "").partition(".")[0]
    for name, value in template.items():
        part = declared.get(name) if declared is not None else None
        if declared is not None and part is None and name != top:
            continue
        if isinstance(value, str):
            yield name, _as_declared(value, part)
        else:
            inner = part.parts if part is not None else None
            below = (items or "").partition(".")[2] if name == top else None
            rest = _rest(inner, {*value, (below or "").partition(".")[0]})
            yield name, _nested(tuple(_meta(value, inner, below)), rest, may_lack=_may_lack(value, inner))


def _as_declared(name: str, part: Part | None) -> Reading:
    """A quantity in the type and with the nulls its property allows."""
    read = KNOWN[name]
    always = name in _ALWAYS
    if part is None or ((part.nullable or always) and not (part.text and always)):
        return read
    missing = None if part.nullable else part.example if part.required else _LACKING
    shown: Callable[[Any], Any] = str if part.text else lambda value: value

    def declared(facts: Facts) -> Any:
        value = read(facts)
        return missing if value is None else shown(value)

    return declared


def _nested(parts: tuple[tuple[str, Reading], ...], rest: Mapping[str, Any], *, may_lack: bool) -> Reading:
    if not rest and not may_lack:
        return lambda facts: {name: part(facts) for name, part in parts}
    return lambda facts: {**rest, **{name: value for name, part in parts if (value := part(facts)) is not _LACKING}}


def _rest(declared: Envelope, said: set[str]) -> Mapping[str, Any]:
    return {name: part.example for name, part in (declared or {}).items() if part.required and name not in said}


def _may_lack(template: Mapping[str, Any], declared: Envelope) -> bool:
    return any(not part.nullable and not part.required for name, part in (declared or {}).items() if isinstance(template.get(name), str) and template[name] not in _ALWAYS)


def envelope(paging: Paging, facts: Facts) -> bytes:
    """The answer's body: the records in the envelope the lists table describes."""
    rules = paging.rules
    if rules.items is None:
        return _joined(rules, facts.rows, b"", b"")
    meta = {name: part(facts) for name, part in paging.meta}
    if paging.sparse:
        meta = {name: value for name, value in meta.items() if value is not _LACKING}
    if paging.rest:
        meta = {**paging.rest, **meta}
    if "." in rules.items:
        return _deep(rules.items.split("."), _joined(rules, facts.rows, b"", b""), meta)
    tail = orjson.dumps(meta)[1:]
    return _joined(rules, facts.rows, b'{"%s":' % rules.items.encode(), b"," + tail if meta else tail)


def _joined(rules: Lists, rows: Sequence[bytes], head: bytes, tail: bytes) -> bytes:
    """The records as an array, or as an object by key, between a head and a tail; copied once."""
    opening, closing = (b"[", b"]") if rules.key_map is None else (b"{", b"}")
    if not rows:
        return head + opening + closing + tail
    if rules.key_map is None:
        rows = list(rows)
    else:
        rows = [orjson.dumps(str(read(row).get(rules.key_map))) + b":" + row for row in rows]
    rows[0] = head + opening + rows[0]
    rows[-1] += closing + tail
    return b",".join(rows)


def _deep(path: Sequence[str], rows: bytes, meta: dict[str, Any]) -> bytes:
    """The records at a dotted place within the envelope."""
    body: Any = orjson.Fragment(rows)
    for step in reversed(path[1:]):
        body = {step: body}
    top = meta.get(path[0])
    return orjson.dumps({**meta, path[0]: {**top, **body} if isinstance(top, dict) else body})


def links(facts: Facts) -> str:
    """The pages around this one as a Link header (RFC 8288 section 3)."""
    around = {"first": KNOWN["first_url"], "prev": KNOWN["previous_url"], "next": KNOWN["next_url"], "last": KNOWN["last_url"]}
    found = {rel: read(facts) for rel, read in around.items()}
    return ", ".join(f'<{url}>; rel="{rel}"' for rel, url in found.items() if url)
