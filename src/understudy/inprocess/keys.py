"""The credential an API asks for, as the headers of a call that carry it."""

from __future__ import annotations

from understudy.engine.guarding import key_header
from understudy.theatre import Theatre

ANY = "any"
"""The key where every key is good."""


def carried(theatre: Theatre, key: str | None) -> dict[str, str]:
    """The headers; none where nothing is asked for, or nothing that goes into a header."""
    if theatre.stage.open:
        return {}
    auth, known = theatre.stage.auth, theatre.stage.keys
    key = key or (min(known) if known else ANY)
    if auth is not None:
        return {auth.headers[0]: key} if auth.headers else {"authorization": f"Bearer {key}"} if auth.bearer else {}
    name, before = key_header(theatre.script.contract.operations) or ("", "")
    return {name: f"{before}{key}"} if name else {}
