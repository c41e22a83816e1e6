"""Diagrams of a behaviour in Mermaid, drawn from its tables: a lifecycle each, and one of what refers to what.

Nothing is drawn that the tables do not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy.behaviour.model import Behaviour, Lifecycle, Resource

_UNSAFE = re.compile(r"\W+")


def diagram(behaviour: Behaviour) -> str:
    """Mermaid text: a `stateDiagram-v2` for each lifecycle, an `erDiagram` of the references; each in a fenced block."""
    blocks = [
        (f"{name}: {one.lifecycle.field}", _lifecycle(one.lifecycle))
        for name, one in behaviour.resources.items()
        if one.lifecycle
    ]
    if any(one.refers_to for one in behaviour.resources.values()):
        blocks.append(("references", _references(behaviour)))
    return "\n".join(f"### {title}\n\n```mermaid\n{text}\n```\n" for title, text in blocks)


def _lifecycle(lifecycle: Lifecycle) -> str:
    lines = ["stateDiagram-v2"]
    for state in dict.fromkeys((*lifecycle.table, *lifecycle.initial)):
        lines.append(f'    state "{_text(state)}" as {_safe(state)}')
    lines += [f"    [*] --> {_safe(state)}" for state in lifecycle.initial]
    for state, row in lifecycle.table.items():
        lines += [
            f"    {_safe(state)} --> {_safe(to)}: {_text(_trigger(lifecycle, trigger))}" for trigger, to in row.items()
        ]
        if not row:
            lines.append(f"    {_safe(state)} --> [*]")
    return "\n".join(lines)


def _trigger(lifecycle: Lifecycle, trigger: str) -> str:
    return f"{trigger} at {lifecycle.timers[trigger]}" if trigger in lifecycle.timers else trigger


def _references(behaviour: Behaviour) -> str:
    lines = ["erDiagram"]
    for resource in behaviour.resources.values():
        lines += _relations(resource)
    return "\n".join(lines)


def _relations(resource: Resource) -> Iterator[str]:
    for field, target in resource.refers_to.items():
        crow = "}o--o{" if "*" in field else "}o--o|"
        yield f'    {_safe(resource.name)} {crow} {_safe(target)} : "{_text(field)}"'


def _safe(word: str) -> str:
    """A name Mermaid takes as one word and no keyword: ends with `_` where the sign before was lost or the word is its own."""
    plain = _UNSAFE.sub("_", word)
    return f"{plain}_" if plain != word or plain.lower() in ("end", "state", "note", "class", "direction") else plain


def _text(text: str) -> str:
    return text.replace('"', "'").replace("\n", " ")
