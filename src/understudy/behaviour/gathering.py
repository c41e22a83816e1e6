"""The resources of a document put together: views of one resource found and joined, every resource named.

1. Two sites are one resource only where their records have one schema and the path's parameters are properties of it.
2. Names are chosen once, here: the short one for the least nested, the parent's in front where two would clash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from understudy.behaviour.candidates import Candidate, candidate, item_parameters
from understudy.behaviour.envelopes import listing
from understudy.behaviour.looking import Look, identity
from understudy.behaviour.naming import ID_FIELDS, alternatives, matching, plain, singular, snake, words
from understudy.behaviour.roles import bare
from understudy.behaviour.sites import Site, join_plurals, parameters, survey
from understudy.contract.values import Operation


@dataclass(frozen=True, slots=True)
class Cast:
    """Every resource by name, and why the sites that are none were refused (by bare path)."""

    candidates: Mapping[str, Candidate]
    sites: Mapping[str, Site]
    refused: Mapping[str, str]


def gather(look: Look, operations: Iterable[Operation]) -> Cast:
    """The resources of a document."""
    sites = join_plurals(survey(operations))
    found: dict[str, Candidate] = {}
    refused: dict[str, str] = {}
    for path, site in sites.items():
        result = candidate(look, site)
        if isinstance(result, str):
            refused[path] = result
        else:
            found[path] = result
    found = _joined(found)
    for path in list(refused):
        home = _home(look, sites[path], found)
        if home is not None:
            found[home] = replace(found[home], views=(*found[home].views, sites[path]))
            del refused[path]
    return Cast(_named(_without_places(found)), sites, refused)


def _without_places(found: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """Candidates whose verbs are actions only: a word after an item that is a resource itself is none."""
    places = {path for one in found.values() for site in one.sites for path in (site.path, *site.joined)}
    return {
        path: replace(one, site=_acting(one.site, places), views=tuple(_acting(view, places) for view in one.views))
        for path, one in found.items()
    }


def _acting(site: Site, places: set[str]) -> Site:
    return replace(site, verbs={verb: one for verb, one in site.verbs.items() if bare(one.path) not in places})


# --- views -------------------------------------------------------------------------------------------------------


def _joined(found: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """Collections of one schema under several paths become one resource, kept at the least nested path."""
    result: dict[str, Candidate] = {}
    for path, one in sorted(found.items(), key=lambda pair: pair[0].count("{}")):
        home = next((other for other, kept in result.items() if _same(kept, one)), None) if one.site.nested else None
        if home is None:
            result[path] = one
        else:
            result[home] = _with(result[home], one)
    return {path: result[path] for path in found if path in result}


def _with(kept: Candidate, one: Candidate) -> Candidate:
    return replace(
        kept,
        views=(*kept.views, one.site),
        excluded=kept.excluded + one.excluded,
        creates=kept.creates or one.creates,
        identity=replace(kept.identity, key=kept.identity.key or one.identity.key),
    )


def _same(kept: Candidate, one: Candidate) -> bool:
    return (
        kept.name == one.name
        and kept.singleton == one.singleton is False
        and not kept.schemas.isdisjoint(one.schemas)
        and _all_bound(one.site, kept)
    )


def _home(look: Look, site: Site, found: Mapping[str, Candidate]) -> str | None:
    """The resource a refused site shows: a nested list of its records, or items of it without a collection."""
    if site.items and not site.operations:
        own = set(item_parameters(site)) - set(ID_FIELDS)
        alike = [
            path for path, one in found.items() if one.site.word == site.word and own & set(item_parameters(one.site))
        ]
        return alike[0] if len(alike) == 1 else None
    get = site.operations.get("GET")
    answer = look.answer(get) if get and site.nested and not site.items else None
    shown = listing(look, answer, site.name) if answer else None
    if shown is None:
        return None
    address = identity(shown.record)
    alike = [path for path, one in found.items() if address in one.schemas and not one.singleton]
    return alike[0] if len(alike) == 1 and _all_bound(site, found[alike[0]]) else None


def _all_bound(site: Site, to: Candidate) -> bool:
    links = above(site)
    return bool(links) and all(bound(parameter, parent, to) is not None for parameter, parent in links)


def above(site: Site) -> list[tuple[str, str]]:
    """The path parameters above a site, each with the word before it: (companyId, companies). All spellings of each."""
    found: dict[tuple[str, str], None] = {}
    segments = site.path.strip("/").split("/")
    parents = [segments[index - 1] if index else "" for index, segment in enumerate(segments) if segment == "{}"]
    for operation in (*site.operations.values(), *site.items.values(), *site.verbs.values()):
        for parameter, parent in zip(parameters(operation.path), parents, strict=False):
            found[parameter, parent] = None
    return list(found)


def bound(parameter: str, parent: str, to: Candidate) -> str | None:
    """The declared property of a record that a parent's path parameter must equal; None where it shows none."""
    stem = snake(singular(parent))
    tries = (
        [parameter] if words(parameter) and plain(parameter) not in ID_FIELDS and not alternatives(parameter) else []
    )
    tries += [f"{stem}_id", f"{stem}_uuid", stem]
    tries += [
        f"{stem}_{word}"
        for word in ("slug", "name", "key")
        if words(parameter)[-1:] == (word,) or words(parameter) == singular(parent)
    ]
    names = [name for name in to.record.properties if name != to.identity.field]
    return next(
        (name for wanted in tries if (name := matching(wanted, names)) is not None and _is_scalar(to, name)), None
    )


def _is_scalar(to: Candidate, name: str) -> bool:
    value = to.record.properties[name].value
    return (
        isinstance(value, dict)
        and value.get("type") not in ("object", "array")
        and not value.keys() & {"properties", "allOf", "$ref"}
    )


# --- names -------------------------------------------------------------------------------------------------------


def _named(found: Mapping[str, Candidate]) -> dict[str, Candidate]:
    chosen: dict[str, str] = {}
    for depth in range(1, 6):
        open_ = [path for path in found if path not in chosen]
        names = {path: _name(path, depth) for path in open_}
        counts = Counter([*names.values(), *chosen.values()])
        tops = _least_nested(names) if depth == 1 else {}
        for path, name in names.items():
            if name not in chosen.values() and (counts[name] == 1 or tops.get(name) == path):
                chosen[path] = name
    for path in (path for path in found if path not in chosen):
        name = _name(path, 9)
        chosen[path] = next(one for number in count(2) if (one := f"{name}_{number}") not in chosen.values())
    return {chosen[path]: one for path, one in found.items()}


def _name(path: str, depth: int) -> str:
    literals = [
        part for segment in path.split("/") if segment not in ("", "{}") for part in [singular(segment)] if part
    ]
    return snake(word for part in literals[-depth:] for word in part)


def _least_nested(names: Mapping[str, str]) -> dict[str, str]:
    """Of paths that would be called the same, the one that may be: the only one not nested, or the only one nested least."""
    result: dict[str, str] = {}
    for name in set(names.values()):
        paths = sorted((path for path, other in names.items() if other == name), key=lambda path: path.count("/"))
        if len(paths) > 1 and "{}" not in paths[0] and (paths[0].count("/") < paths[1].count("/")):
            result[name] = paths[0]
    return result
