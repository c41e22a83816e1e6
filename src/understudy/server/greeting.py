"""What a person is shown when a server starts: where it is, what it plays, what to look at, and a first call that works.

Nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.durations import format_instant
from understudy.server.painting import paint
from understudy.server.trying import HEALTH, first_call
from understudy.theatre import Theatre
from understudy.world.worlds import SHARED

SHOWN = 3
"""Broken references that are told one by one."""
NAMED = 12
"""Resources that are called by their names."""
DESK = "/_understudy/desk"

Row = tuple[str, str]


def greeting(sandbox: Theatre, base: str, authority: str | None = None) -> list[Row]:
    """A word and what it means, for each line below the title; `authority`: the file of the certificate clients are to trust."""
    world = sandbox.worlds.get(SHARED)
    frozen = "standing still" if world.clock.frozen else "running"
    names = resources(sandbox)
    return [
        ("base URL", base),
        *([("trust", f"{authority} (the authority of its certificate, made for this machine)")] if authority is not None else []),
        ("document", f"{len(sandbox.script.contract.operations)} operations, {len(names)} resources ({_shortened(sandbox.understood.where)})"),
        *([("resources", _listed(names))] if names else []),
        ("world", f"fixture {sandbox.fixture.name}; the clock is {frozen} at {format_instant(world.clock.now())}"),
        ("desk", f"{base}{DESK}"),
        ("control", f"{base}{HEALTH}"),
        ("try", first_call(sandbox, world).curl(base, authority)),
        *notes(sandbox),
    ]


def shown(title: str, rows: Sequence[Row], colour: bool = False) -> str:
    """As it is printed."""
    return "\n".join([paint(title, "bold", colour), *(f"  {paint(f'{word:10}', 'dim', colour)} {text}" for word, text in rows)])


def facts(sandbox: Theatre, base: str) -> dict[str, Any]:
    """The same for programs."""
    world = sandbox.worlds.get(SHARED)
    return {
        "url": base, "desk": f"{base}{DESK}", "title": sandbox.title, "documents": [one.shown for one in sandbox.understood.documents],
        "operations": len(sandbox.script.contract.operations), "resources": resources(sandbox), "fixture": sandbox.fixture.name,
        "now": format_instant(world.clock.now()), "clock": "frozen" if world.clock.frozen else "running",
        "notes": [f"{word}: {text}" for word, text in notes(sandbox)],
    }  # fmt: skip


def resources(sandbox: Theatre) -> list[str]:
    """What is played, by name: no resource of the stand-in's own."""
    return [name for name, resource in sandbox.script.behaviour.resources.items() if not resource.internal]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return _shortened(", ".join(names[:NAMED])) + more


def notes(sandbox: Theatre) -> list[Row]:
    """What a person should look at, in a line or two."""
    found, understood = sandbox.understood.comparison, sandbox.understood
    parts = {"new operations": found.new, "changed": found.changed, "orphaned lines": found.orphaned}
    rows: list[Row] = []
    if any(parts.values()):
        told = ", ".join(f"{len(some)} {name}" for name, some in parts.items() if some)
        rows.append(("behaviour", f"{told} since the behaviour file was written; see understudy inspect"))
    if not sandbox.script.contract.operations:
        rows.append(("note", "the document has no operations: nothing of it can be called; is it the right file?"))
    rows += _tokens(sandbox)
    rows += [("overlay", f"{one.where} {one.message}") for one in understood.overlaid]
    rows += [("broken", f"{one.where}: {one.message}") for one in understood.broken[:SHOWN]]
    if len(understood.broken) > SHOWN:
        rows.append(("broken", f"and {len(understood.broken) - SHOWN} more references; see understudy inspect"))
    if rest := [one for one in understood.warnings if not found.tells(one)]:
        rows.append(("note", f"{len(rest)} things the document does not bear out; see understudy inspect"))
    return rows


def _tokens(sandbox: Theatre) -> list[Row]:
    """Where tokens are granted, and which others are taken."""
    stage = sandbox.stage
    where = [path for path, place in sandbox.script.places.items() if place.part == "token"]
    if not where or stage.open:
        return []
    others = "no other is taken" if stage.strict_auth else "any other is taken too" if stage.keys is None else "the keys listed are taken too"
    return [("tokens", f"POST {' or '.join(where[:3])} grants them; {others}{'' if stage.strict_auth else ' (--strict-auth: no other)'}")]


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


