"""What the query parameters of a list mean: paging, order, expansion, free text, and what they filter by.

1. A parameter's meaning is a row of a table of names, or its name's relation to a property of the record.
2. What fits no row is said to be taken and left out; nothing is guessed from descriptions but a default number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from understudy.behaviour.envelopes import Listing, flat
from understudy.behaviour.looking import Look, success
from understudy.behaviour.model import Lists
from understudy.behaviour.naming import matching, plain, singular_word, words
from understudy.contract.shapes import MISSING
from understudy.contract.values import Operation, Parameter

if TYPE_CHECKING:
    from understudy.contract.shapes import Shape

Finding = tuple[str, str]  # what was found, by which convention

_MEANING: Mapping[str, str] = {
    **dict.fromkeys(("page", "pagenumber", "pageno", "pageindex", "pagenum", "currentpage", "p"), "page"),
    **dict.fromkeys(("limit", "perpage", "pagesize", "pagelimit", "size", "maxresults", "take", "top", "resultsperpage",
                     "itemsperpage", "maxitems", "maxpagesize", "numresults", "pagelength", "rows"), "limit"),
    **dict.fromkeys(("offset", "skip", "pageoffset", "startindex"), "offset"),
    **dict.fromkeys(("cursor", "pagetoken", "nexttoken", "continuationtoken", "continuation", "nextcursor", "pagecursor",
                     "marker", "nextpagetoken", "paginationtoken", "bookmark", "scrollid"), "cursor"),
    **dict.fromkeys(("startingafter", "startafter", "afterid", "sinceid"), "after"),
    **dict.fromkeys(("endingbefore", "endbefore", "beforeid", "previouscursor"), "before"),
    **dict.fromkeys(("sort", "sortby", "orderby", "ordering", "sortfield", "orderfield", "sortcolumn", "sortkey"), "order_by"),
    **dict.fromkeys(("direction", "orderdirection", "sortdirection", "sortorder", "sortdir", "orderdir", "dir"), "direction"),
    **dict.fromkeys(("expand", "expands", "include", "includes", "embed", "expansion"), "expand"),
    **dict.fromkeys(("q", "query", "search", "keyword", "keywords", "searchterm", "searchtext", "searchquery", "term", "text"), "search"),
}  # fmt: skip
"""A parameter's name without signs and capitals -> what it does. Further words depend on their company: `_by_company`."""

_STYLES = (("after", "after"), ("cursor", "cursor"), ("page", "page"), ("offset", "offset"))
_ASCENDING = frozenset(("asc", "ascending", "desc", "descending", "1", "-1"))
_BOUND_END = {"gt": "gt", "gte": "gte", "ge": "gte", "lt": "lt", "lte": "lte", "le": "lte", "min": "gte", "max": "lte",
              "from": "gte", "to": "lte", "after": "gt", "before": "lt", "since": "gte", "until": "lte", "start": "gte", "end": "lte"}  # fmt: skip
_BOUND_START = {
    "min": "gte",
    "max": "lte",
    "from": "gte",
    "to": "lte",
    "since": "gte",
    "until": "lte",
    "start": "gte",
    "end": "lte",
}
_NUMBER = re.compile(r"default(?:s)?(?: value| page size| limit)?(?: is| to|:|=| of)?\s+`?(\d{1,4})\b", re.IGNORECASE)
_TIME_TAILS = ("", "at", "date", "time", "on")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the record before its list is looked at, for the filters."""

    spelled: Mapping[str, str]  # plain name -> the property that a parameter of this name means
    stamps: Mapping[str, str]
    scopes: frozenset[str]  # parameters that nearly every operation has: they choose an account, they filter nothing


@dataclass(slots=True)
class _Draft:
    """What the parameters of one list have been understood to mean so far."""

    found: dict[str, Parameter] = field(default_factory=dict)
    rest: list[Parameter] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def lists_of(
    look: Look, operation: Operation, listing: Listing, record: Shape, known: Known
) -> tuple[Lists, list[Finding]]:
    """How a list operation pages, orders and filters, and the convention behind each part."""
    draft = _understood(look, operation, listing, frozenset(record.properties))
    lists = Lists(items=listing.items, key_map=listing.key_map, meta=listing.meta)
    lists = _paged(look, lists, draft)
    lists = _ordered(look, lists, draft, record)
    lists = _named(lists, draft)
    lists = _filtered(look, lists, draft, record, known)
    if _links(operation):
        lists = replace(lists, link_header=True)
        draft.findings.append(("pages are linked in the header Link", "the answer declares it (RFC 8288)"))
    return lists, draft.findings


def _understood(look: Look, operation: Operation, listing: Listing, fields: frozenset[str]) -> _Draft:
    draft = _Draft()
    for parameter in operation.parameters:
        if parameter.location != "query":
            continue
        meaning = _MEANING.get(plain(parameter.name)) or _by_order(look, parameter)
        if meaning == "order_by" and _is_direction(look, parameter):
            meaning = "direction"
        if meaning is not None and meaning not in draft.found:
            draft.found[meaning] = parameter
        else:
            draft.rest.append(parameter)
    _by_company(draft, listing)
    _by_fields(draft, fields)
    return draft


def _by_fields(draft: _Draft, fields: frozenset[str]) -> None:
    """`size` alone, where records have a `size`, asks for records of that size; beside `page` it is how many there are on one."""
    paging = draft.found.keys() & {"page", "offset", "cursor", "after"}
    for meaning in ("search",) if paging else ("search", "limit"):
        parameter = draft.found.get(meaning)
        if parameter is not None and parameter.name in fields:
            draft.rest.append(draft.found.pop(meaning))


def _by_order(look: Look, parameter: Parameter) -> str | None:
    """`order` is a direction where its values are; `sort[field]` and `order[by]` name the field."""
    if plain(parameter.name) != "order":
        return "order_by" if re.fullmatch(r"(sort|order)\[(field|by|key)\]", parameter.name) else None
    return "direction" if _is_direction(look, parameter) else "order_by"


def _is_direction(look: Look, parameter: Parameter) -> bool:
    enum = look.shape(parameter.schema).enum if parameter.schema else None
    return bool(enum) and all(str(value).lower() in _ASCENDING for value in enum or () if value is not None)


def _by_company(draft: _Draft, listing: Listing) -> None:
    """Words that page only beside others: `after`, `before`, `next`, `until`, `start`, `count`."""
    paging = draft.found.keys() & {"page", "offset", "cursor", "after"}
    cursors = "next_cursor" in flat(listing.meta)
    for parameter in list(draft.rest):
        name = plain(parameter.name)
        meaning = None
        if name in ("after", "pageafter") and not paging:
            meaning = "cursor" if cursors else "after"
        elif name in ("before", "pagebefore") and "before" not in draft.found and _also(draft, "after"):
            meaning = "before"
        elif name in ("until", "next", "nextpage") and cursors and not paging:
            meaning = "cursor"
        elif name == "start" and "limit" in draft.found and not paging:
            meaning = "offset"
        elif name in ("count", "num", "first", "max") and "limit" not in draft.found and (paging or cursors):
            meaning = "limit"
        if meaning is not None:
            draft.found[meaning] = parameter
            draft.rest.remove(parameter)
            paging = draft.found.keys() & {"page", "offset", "cursor", "after"}


def _also(draft: _Draft, word: str) -> bool:
    known = [*draft.rest, *draft.found.values()]
    return any(word in words(parameter.name) for parameter in known)


# --- paging ------------------------------------------------------------------------------------------------------


def _paged(look: Look, lists: Lists, draft: _Draft) -> Lists:
    found = draft.found
    style, parameter = next(((style, found[word]) for style, word in _STYLES if word in found), ("none", None))
    others = [found[word].name for _, word in _STYLES if word in found and found[word] is not parameter]
    if others:
        draft.findings.append((f"{', '.join(others)}: taken and left out", f"two ways of paging; {style} comes first"))
    lists = replace(lists, style=style, **_limits(look, found.get("limit")))
    if parameter is not None:
        lists = replace(lists, **_style_fields(look, style, parameter))
        draft.findings.append((f"pages by {style} ({parameter.name}{_with(found)})", "names of the query parameters"))
    elif "limit" in found:
        draft.findings.append(
            (f"cut by {found['limit'].name}, without a way to the next page", "names of the query parameters")
        )
    else:
        draft.findings.append(("not paged", "no query parameter is named like one that pages"))
    return replace(lists, before=found["before"].name) if "before" in found else lists


def _with(found: Mapping[str, Parameter]) -> str:
    return f", {found['limit'].name}" if "limit" in found else ""


def _style_fields(look: Look, style: str, parameter: Parameter) -> dict[str, Any]:
    shape = look.shape(parameter.schema) if parameter.schema else None
    if style == "page":
        first = shape.default if shape and isinstance(shape.default, int) else _value(parameter).get("minimum")
        return {"page": parameter.name, "first_page": 0 if first == 0 else 1}
    if style == "offset":
        return {"offset": parameter.name}
    numeric = shape is not None and bool(shape.types & {"integer", "number"}) and "string" not in shape.types
    return {"cursor": parameter.name, "cursor_form": "integer" if numeric else "string"}


def _limits(look: Look, parameter: Parameter | None) -> dict[str, Any]:
    if parameter is None:
        return {}
    shape = look.shape(parameter.schema) if parameter.schema else None
    most = _value(parameter).get("maximum")
    most = int(most) if isinstance(most, (int, float)) and most >= 1 else None
    default = _whole(shape.default if shape else None) or _described(parameter) or min(50, most or 50)
    return {"limit": parameter.name, "default_limit": min(default, most or default), "max_limit": most}


def _whole(value: Any) -> int | None:
    if value is MISSING or isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    return int(value) if str(value).isdigit() and int(value) > 0 else None


def _described(parameter: Parameter) -> int | None:
    text = parameter.description or str(_value(parameter).get("description", ""))
    match = _NUMBER.search(text)
    return int(match[1]) or None if match else None


def _value(parameter: Parameter) -> Mapping[str, Any]:
    return parameter.schema.value if parameter.schema and isinstance(parameter.schema.value, dict) else {}


def _links(operation: Operation) -> bool:
    response = success(operation)
    return response is not None and any(name.lower() == "link" for name in response.headers)


# --- order, expansion, search ------------------------------------------------------------------------------------


def _ordered(look: Look, lists: Lists, draft: _Draft, record: Shape) -> Lists:
    parameter, direction = draft.found.get("order_by"), draft.found.get("direction")
    if parameter is not None:
        orders = _orders(look, parameter, record)
        lists = replace(lists, order_by=parameter.name, orders=orders)
        draft.findings.append((f"ordered by {parameter.name}", "name of the query parameter"))
    if direction is not None:
        lists = replace(lists, direction=direction.name, descending=_downwards(look, direction))
        draft.findings.append((f"direction by {direction.name}", "name or values of the query parameter"))
    return lists


def _orders(look: Look, parameter: Parameter, record: Shape) -> dict[str, str]:
    """Values of the parameter's enum that are not plainly `field` or `-field`: CREATED_AT, name_desc, created:asc."""
    shape = look.shape(parameter.schema) if parameter.schema else None
    items = look.shape(shape.items) if shape and shape.items else None
    values = (shape.enum if shape else None) or (items.enum if items else None) or ()
    found = {}
    for value in values:
        order = _order(str(value), record.properties)
        if order is not None and order != value:
            found[str(value)] = order
    return found


def _order(value: str, properties: Iterable[str]) -> str | None:
    parts = words(value)
    down = value.startswith("-") or parts[-1:] in (("desc",), ("descending",))
    stem = parts[:-1] if parts[-1:] and parts[-1] in _ASCENDING else parts
    name = matching("_".join(stem), properties) if stem else None
    return f"{'-' if down else ''}{name}" if name else None


def _downwards(look: Look, direction: Parameter) -> bool:
    default = look.shape(direction.schema).default if direction.schema else MISSING
    return not str(default).lower().startswith(("a", "1")) if default is not MISSING else True


def _named(lists: Lists, draft: _Draft) -> Lists:
    names = {word: draft.found[word].name for word in ("expand", "search") if word in draft.found}
    draft.findings += [(f"{word} by {name}", "name of the query parameter") for word, name in names.items()]
    return replace(lists, expand=names.get("expand"), search=names.get("search"))


_ANY = frozenset({"all", "any", "everything", "both", "*"})

# --- filters -----------------------------------------------------------------------------------------------------


def _filtered(look: Look, lists: Lists, draft: _Draft, record: Shape, known: Known) -> Lists:
    same, filters, bounds, left, everything = [], {}, {}, [], {}
    for parameter in draft.rest:
        if parameter.name in known.scopes:
            left.append(parameter.name)
            continue
        exact, bound = (
            _filter(look, parameter, record, known.spelled),
            _bound(look, parameter, known.spelled, known.stamps),
        )
        if bound is not None and (exact is None or bound[1] == "keys"):
            bounds[parameter.name] = bound
        elif exact is None:
            left.append(parameter.name)
        elif exact == parameter.name:
            same.append(exact)
        else:
            filters[parameter.name] = exact
        word = _everything(look, parameter, exact, record) if exact is not None else None
        if word is not None:
            everything[parameter.name] = word
    draft.findings += _filter_findings(same, filters, bounds, left, everything)
    return replace(lists, filters=filters, bounds=bounds, everything=everything)


def _everything(look: Look, parameter: Parameter, field: str, record: Shape) -> str | None:
    """The value of a filter that stands for any: one of the usual words, which no record has there."""
    held = look.shape(record.properties[field]).enum if field in record.properties else None
    offered = look.shape(parameter.schema) if parameter.schema is not None else None
    words_offered = (*(offered.enum or ()), offered.default) if offered is not None else ()
    return next((word for word in words_offered if isinstance(word, str) and word.lower() in _ANY and word not in (held or ())), None)


def _filter_findings(
    same: list[str], filters: Mapping[str, str], bounds: Mapping[str, Any], left: list[str], everything: Mapping[str, str]
) -> Iterator[Finding]:
    if same:
        yield f"filters by {', '.join(same)}", "query parameters named like properties of the record"
    if filters:
        pairs = ", ".join(f"{name} -> {target}" for name, target in filters.items())
        yield f"filters by {pairs}", "plural, brackets or another spelling of a property"
    if bounds:
        pairs = ", ".join(f"{name} -> {target} {op}" for name, (target, op) in bounds.items())
        yield f"bounded by {pairs}", "a property and a word for more or less"
    if everything:
        yield f"any with {', '.join(f'{name}={word}' for name, word in everything.items())}", "the usual words for no filter, which no record has there"
    if left:
        yield (
            f"taken and left out: {', '.join(left)}",
            "no property of the record has this name, or all operations take it",
        )


def _filter(look: Look, parameter: Parameter, record: Shape, spelled: Mapping[str, str]) -> str | None:
    name = re.sub(r"^(?:filter|where)\[([^\]]+)\]", r"\1", parameter.name).removesuffix("[]")
    parts = words(name)
    parts = parts[1:] if len(parts) > 1 and parts[0] in ("filter", "by") else parts
    if not parts:
        return None
    joined = "".join(parts)
    single = "".join((*parts[:-1], singular_word(parts[-1])))
    return spelled.get(joined) or spelled.get(single) or _held(look, parts, record, spelled)


def _held(look: Look, parts: tuple[str, ...], record: Shape, spelled: Mapping[str, str]) -> str | None:
    """`customer_id` filters by the property `customer`, or by the id of the object it is."""
    prop = spelled.get("".join(parts[:-1])) if len(parts) > 1 and parts[-1] in ("id", "ids", "uuid") else None
    if prop is None:
        return None
    inner = look.shape(record.properties[prop])
    if not inner.properties or "string" in inner.types:
        return prop
    return f"{prop}.{parts[-1].removesuffix('s')}" if parts[-1].removesuffix("s") in inner.properties else None


def _bound(
    look: Look, parameter: Parameter, spelled: Mapping[str, str], stamps: Mapping[str, str]
) -> tuple[str, str] | None:
    if parameter.schema and parameter.style == "deepObject":
        keys = look.shape(parameter.schema).properties.keys()
        target = spelled.get(plain(parameter.name))
        return (target, "keys") if target and keys & {"gt", "gte", "lt", "lte"} else None
    parts = words(parameter.name)
    parts = parts[1:] if len(parts) > 1 and parts[0] == "filter" else parts
    if len(parts) > 1 and parts[-1] in _BOUND_END:
        return _bounded(parts[:-1], _BOUND_END[parts[-1]], spelled)
    if len(parts) > 1 and parts[0] in _BOUND_START:
        return _bounded(parts[1:], _BOUND_START[parts[0]], spelled) or _by_stamp(parts, stamps)
    return _by_stamp(parts, stamps)


def _bounded(stem: tuple[str, ...], op: str, spelled: Mapping[str, str]) -> tuple[str, str] | None:
    name = "".join(stem)
    target = next((spelled[name + tail] for tail in _TIME_TAILS if name + tail in spelled), None)
    return (target, op) if target else None


def _by_stamp(parts: tuple[str, ...], stamps: Mapping[str, str]) -> tuple[str, str] | None:
    """`since`, `from`, `start_date`, `endTime`: bounds of the time a record was made."""
    if "created" not in stamps or not parts or parts[0] not in _BOUND_START or parts[0] in ("min", "max"):
        return None
    return (stamps["created"], _BOUND_START[parts[0]]) if parts[1:] in ((), ("date",), ("time",), ("at",)) else None
