"""What stands around records in an answer: the envelope of a list with what it says of the page, the wrapper of one record.

1. A word that says something of a page is a row of `_QUANTITY`; no rule about it stands elsewhere.
2. Which query parameters page is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.behaviour.looking import Look, is_array, is_object
from understudy.behaviour.naming import Words, plain, singular, words
from understudy.contract.values import Schema

if TYPE_CHECKING:
    from understudy.contract.shapes import Shape

LISTING = (
    "data",
    "items",
    "results",
    "value",
    "values",
    "content",
    "elements",
    "records",
    "list",
    "rows",
    "entries",
    "objects",
    "result",
)
WRAPPING = ("data", "result", "response", "payload", "content", "item", "resource", "object", "body")
_ASIDE = frozenset(("links", "errors", "warnings", "included", "messages", "actions"))
_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Listing:
    """How a list answers: where the records stand (`items`, dotted; None: the answer is them), their schema, and the rest."""

    items: str | None
    record: Schema
    meta: Mapping[str, Any]
    convention: str
    key_map: str | None = None
    doubt: str | None = None  # what else it could have been


# --- lists -----------------------------------------------------------------------------------------------------


def listing(look: Look, schema: Schema, name: Words) -> Listing | None:
    """How an answer lists records, or None where it does not. `name`: the singular words of what the path lists."""
    shape = look.shape(schema)
    if is_array(shape):
        records = _records(look, shape)
        return Listing(None, records, {}, "the answer is an array of objects") if records else None
    if not shape.properties:
        return _key_map(look, shape)
    arrays = {prop: found for prop, part in shape.properties.items() if (found := _array(look, part))}
    chosen, convention, doubt = _choose(arrays, name)
    if chosen is None:
        return _deeper(look, shape, name) if not arrays else None
    meta = _meta(look, shape, chosen)
    if not (meta or len(shape.properties) <= 2 or chosen in LISTING or called(chosen, name)):
        return None
    return Listing(chosen, arrays[chosen], meta, convention, doubt=doubt)


def _array(look: Look, part: Schema) -> Schema | None:
    value = part.value
    if not isinstance(value, dict) or not (value.keys() & {"$ref", "items", "allOf", "oneOf", "anyOf"}):
        return None
    shape = look.shape(part)
    return _records(look, shape) if is_array(shape) else None


def _records(look: Look, shape: Shape) -> Schema | None:
    return shape.items if shape.items is not None and is_object(look.shape(shape.items)) else None


def _choose(arrays: Mapping[str, Schema], name: Words) -> tuple[str | None, str, str | None]:
    likely = [prop for prop in arrays if plain(prop) not in _ASIDE] or list(arrays)
    if len(likely) == 1:
        return likely[0], "exactly one array of objects in the answer", None
    others = f"also arrays: {', '.join(likely)}"
    for prop in likely:
        if called(prop, name):
            return prop, "the array named like the resource", others
    for word in LISTING:
        if word in arrays:
            return word, f'"{word}" is a customary name for records', others
    return None, "", None


def _deeper(look: Look, shape: Shape, name: Words) -> Listing | None:
    """Records one level down: `data.items`, HAL's `_embedded.customers`."""
    for prop, part in shape.properties.items():
        if plain(prop) in {"embedded", *WRAPPING} or called(prop, name):
            inner = look.shape(part)
            arrays = {key: found for key, sub in inner.properties.items() if (found := _array(look, sub))}
            chosen, convention, doubt = _choose(arrays, name)
            if chosen is not None:
                meta = {**_meta(look, shape, prop), **({prop: below} if (below := _meta(look, inner, chosen)) else {})}
                return Listing(f"{prop}.{chosen}", arrays[chosen], meta, convention, doubt=doubt)
    return None


def _key_map(look: Look, shape: Shape) -> Listing | None:
    record = shape.additional
    if isinstance(record, Schema) and look.shape(record).properties:
        return Listing(None, record, {}, "a map from id to object", key_map="id")
    return None


def called(prop: str, name: Words) -> bool:
    """Whether a property is named after a thing: `droplet`, `sshKeys` for keys, `autoscale_pool` for autoscale."""
    found = singular(prop)
    return bool(found) and (found == name or found[-len(name) :] == name or found[: len(name)] == name)


# --- what an envelope says of the page ---------------------------------------------------------------------------

_QUANTITY: Mapping[str, str] = {
    **dict.fromkeys(("total", "totalcount", "totalitems", "itemstotal", "totalresults", "totalelements", "totalrecords",
                     "totalnumber", "totalsize", "totalhits", "recordcount", "countall", "recordstotal"), "total"),
    **dict.fromkeys(("pages", "pagecount", "totalpages", "pagestotal", "numpages", "nbpages", "lastpage", "numberofpages"), "pages"),
    **dict.fromkeys(("page", "currentpage", "pagenumber", "pageno", "pageindex", "number"), "page"),
    **dict.fromkeys(("limit", "perpage", "pagesize", "size", "pagelimit", "itemsperpage", "maxresults"), "limit"),
    **dict.fromkeys(("offset", "skip", "startindex", "start"), "offset"),
    **dict.fromkeys(("count", "numresults", "itemcount", "numberofelements", "resultcount", "pagelength"), "count"),
    **dict.fromkeys(("hasmore", "hasnext", "hasnextpage", "more", "moreavailable", "istruncated", "moreitems"), "has_more"),
    **dict.fromkeys(("hasprevious", "hasprev", "haspreviouspage", "hasprevpage"), "has_previous"),
    **dict.fromkeys(("nextcursor", "nextpagetoken", "nexttoken", "continuationtoken", "endcursor", "nextpagecursor",
                     "nextmarker", "nextpageid", "cursor"), "next_cursor"),
    **dict.fromkeys(("previouscursor", "prevcursor", "previouspagetoken", "prevpagetoken", "prevtoken", "startcursor"), "previous_cursor"),
    **dict.fromkeys(("nexturl", "nextlink", "nexthref", "nextpageurl", "odatanextlink", "nextpageuri", "nexturi"), "next_url"),
    **dict.fromkeys(("previousurl", "prevurl", "previouslink", "prevlink", "prevpageurl", "previouspageurl", "prevuri"), "previous_url"),
    **dict.fromkeys(("firstpageurl", "firsturl", "firstlink"), "first_url"),
    **dict.fromkeys(("lastpageurl", "lasturl", "lastlink"), "last_url"),
    "firstid": "first_id", "lastid": "last_id", "nextoffset": "next_offset", "nextpage": "next_page",
    **dict.fromkeys(("previouspage", "prevpage"), "previous_page"),
}  # fmt: skip
"""A property's name without signs and capitals -> what of the page it says."""

_PLACE = {
    "next": "next",
    "prev": "previous",
    "previous": "previous",
    "first": "first",
    "last": "last",
    "self": "current",
    "current": "current",
}


def _meta(look: Look, shape: Shape, without: str, depth: int = 0) -> dict[str, Any]:
    names = {plain(prop) for prop in shape.properties}
    template: dict[str, Any] = {}
    for prop, part in shape.properties.items():
        found = _quantity(look, prop, part, names, depth) if prop != without else None
        if found:
            template[prop] = found
    return template


def _quantity(look: Look, prop: str, part: Schema, names: set[str], depth: int) -> Any:
    name = plain(prop)
    kind = _QUANTITY.get(name)
    if name == "count" and not names & {"total", "totalcount"}:
        kind = "count" if "page" in str(_value(part).get("description", "")).lower() else "total"
    if name == "url" and "hasmore" in names:
        kind = "path"
    if kind is not None and not look.shape(part).properties:
        return kind
    if name in _PLACE:
        return _placed(look, part, _PLACE[name])
    inner = look.shape(part) if depth < _DEPTH and name not in _ASIDE - {"links"} else None
    return _meta(look, inner, "", depth + 1) if inner is not None and inner.properties else None


def _placed(look: Look, part: Schema, place: str) -> Any:
    """`next` and its kin: a link object with `href`, a URL, a page number or a cursor, as its schema says."""
    shape = look.shape(part)
    if shape.properties:
        href = next((prop for prop in shape.properties if plain(prop) in ("href", "url", "uri")), None)
        return {href: f"{place}_url"} if href else None
    numeric = bool(shape.types & {"integer", "number"})
    if place in ("first", "last", "current") or not (numeric or _is_token(shape, part)):
        return f"{place}_url" if not numeric else {"current": "page", "last": "pages"}.get(place)
    by_number = numeric and not _says(part, "timestamp", "cursor", "token")
    return f"{place}_{'page' if by_number else 'cursor'}"


def _is_token(shape: Shape, part: Schema) -> bool:
    return (
        shape.format not in ("uri", "url")
        and _says(part, "cursor", "token", "opaque")
        and not _says(part, "url", "uri", "link")
    )


def _says(part: Schema, *texts: str) -> bool:
    description = str(_value(part).get("description", "")).lower()
    return any(text in description for text in texts)


def _value(part: Schema) -> Mapping[str, Any]:
    return part.value if isinstance(part.value, dict) else {}


def flat(meta: Mapping[str, Any]) -> set[str]:
    """Every quantity a template names."""
    found: set[str] = set()
    for value in meta.values():
        found |= flat(value) if isinstance(value, Mapping) else {str(value)}
    return found


# --- one record --------------------------------------------------------------------------------------------------


def unwrapped(look: Look, schema: Schema, name: Words, direction: str = "response") -> tuple[Schema, str | None]:
    """The record's own schema and the property that holds it: `{"droplet": {…}}`; None where the answer is the record."""
    shape = look.shape(schema, direction)
    if not shape.properties or "id" in shape.properties:
        return schema, None
    for fits in _wrappers(shape.properties, name, direction):
        for prop, part in shape.properties.items():
            if fits(prop) and is_object(look.shape(part, direction)):
                return part, prop
    return schema, None


def _wrappers(properties: Mapping[str, Schema], name: Words, direction: str) -> Iterable[Callable[[str], bool]]:
    yield lambda prop: singular(prop) == words(prop) and called(prop, name)
    if len(properties) == 1 and direction == "response":
        yield lambda prop: True
    if len(properties) <= 4 and direction == "response":
        yield lambda prop: prop in WRAPPING
