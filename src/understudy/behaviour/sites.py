"""The places of a document: each path that could be a collection, with the operations on it and on its items.

Only the shape of paths counts here; no schema is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from understudy.behaviour.naming import Words, singular, words
from understudy.behaviour.roles import bare
from understudy.contract.values import Operation

_PARAMETER = re.compile(r"\{([^{}]*)\}")
_ACTING = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Site:
    """A bare path that ends in a word, with what the document does there."""

    path: str
    operations: dict[str, Operation] = field(default_factory=dict)  # method -> operation on the path itself
    items: dict[str, Operation] = field(default_factory=dict)  # method -> operation on path/{}
    verbs: dict[str, Operation] = field(
        default_factory=dict
    )  # verb -> acting operation on path/{}/verb or path/{}:verb
    joined: tuple[str, ...] = ()  # further bare paths of the same things

    @property
    def word(self) -> str:
        """The path's last segment."""
        return self.path.rpartition("/")[2]

    @property
    def name(self) -> Words:
        """The last segment's words in the singular."""
        return singular(self.word)

    @property
    def above(self) -> str:
        """The bare path of the item this collection belongs to, or of the nearest word above."""
        return self.path.rpartition("/")[0]

    @property
    def nested(self) -> bool:
        """Whether the path goes through an item of another collection."""
        return "{}" in self.path

    @property
    def documented(self) -> tuple[str, ...]:
        """The paths as the document writes them, one for each bare path, version segments included."""
        found: dict[str, str] = {}
        for operation in self.operations.values():
            found.setdefault(bare(operation.path), operation.path)
        for operation in self.items.values():
            head = operation.path.rpartition("/")[0]
            found.setdefault(bare(head), head)
        return tuple(found.values())


def survey(operations: Iterable[Operation]) -> dict[str, Site]:
    """Every site of a document, by bare path, in the order of the document."""
    sites: dict[str, Site] = {}

    def site(path: str) -> Site:
        if path not in sites:
            sites[path] = Site(path)
        return sites[path]

    for operation in operations:
        path = bare(operation.path)
        head, _, last = path.rpartition("/")
        if last == "{}":
            if head and not head.endswith("{}"):
                site(head).items.setdefault(operation.method, operation)
        elif last.startswith("{}:"):
            site(head).verbs.setdefault(last[3:], operation)
        elif "{}" not in last:
            site(path).operations.setdefault(operation.method, operation)
            item, _, parameter = head.rpartition("/")
            if parameter == "{}" and item and operation.method in _ACTING:
                site(item).verbs.setdefault(last, operation)
    return sites


def join_plurals(sites: Mapping[str, Site]) -> dict[str, Site]:
    """Put items under the singular (`/configuration/{id}`) to the list under the plural (`/configurations`)."""
    result = dict(sites)
    plurals = {f"{site.above}/{'_'.join(site.name)}": site for site in sites.values() if words(site.word) != site.name}
    for path, site in sites.items():
        other = plurals.get(f"{site.above}/{'_'.join(site.name)}")
        if other is None or other is site or not site.items or other.items or "GET" in site.operations:
            continue
        result[other.path] = replace(
            other,
            operations={**site.operations, **other.operations},
            items=site.items,
            verbs={**site.verbs, **other.verbs},
            joined=(path,),
        )
        del result[path]
    return result


def parameters(path: str) -> tuple[str, ...]:
    """The names of a document path's parameters that count: without those of its constant beginning."""
    names = _PARAMETER.findall(path)
    count = bare(path).count("{}")
    return tuple(names[len(names) - count :])
