"""The document's `webhooks` as events of resources: `customer.created` is what is said when a customer was made.

Only the names of webhooks count; their bodies are the contract's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from understudy.behaviour.model import Note, Resource
from understudy.behaviour.naming import Words, plain, singular_word, words

_FACTS: Mapping[str, str] = {
    "created": "created", "create": "created", "new": "created", "added": "created",
    "updated": "updated", "update": "updated", "changed": "updated", "modified": "updated",
    "deleted": "deleted", "delete": "deleted", "removed": "deleted",
}  # fmt: skip


def events_of(names: Iterable[str], resources: Mapping[str, Resource]) -> tuple[dict[str, Resource], list[Note]]:
    """The resources with their events, and a note for each event and for each webhook that is none."""
    found: dict[str, dict[str, str]] = {}
    notes = []
    known = {words(name): name for name in resources}
    for name in names:
        spot = _resource(name, known)
        fact = _fact(spot[1], resources[spot[0]]) if spot else None
        if spot is None or fact is None:
            notes.append(
                Note(name, "a webhook no change of a record sends", "its name holds no resource with a fact or a state")
            )
        elif fact not in found.setdefault(spot[0], {}):
            found[spot[0]][fact] = name
            notes.append(Note(spot[0], f"{fact}: the event {name}", "the resource and the fact in the webhook's name"))
    return {name: replace(one, events=found[name]) if name in found else one for name, one in resources.items()}, notes


def _resource(name: str, known: Mapping[Words, str]) -> tuple[str, Words] | None:
    """The resource whose name is the longest run of words in a webhook's name, and the words after it."""
    parts = words(name)
    for length in range(len(parts) - 1, 0, -1):
        for start in range(len(parts) - length):
            run = (*parts[start : start + length - 1], singular_word(parts[start + length - 1]))
            if run in known:
                return known[run], parts[start + length :]
    return None


def _fact(rest: Words, resource: Resource) -> str | None:
    if len(rest) == 1 and rest[0] in _FACTS:
        return _FACTS[rest[0]]
    states = resource.lifecycle.table if resource.lifecycle else ()
    return next((state for state in states if plain(state) == "".join(rest)), None)
