"""The credential an API asks for, as the headers of a call that carry it."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.contract.contract import Contract
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
    name, before = next(_declared(theatre.script.contract), ("", ""))
    return {name: f"{before}{key}"} if name else {}


def _declared(contract: Contract) -> Iterator[tuple[str, str]]:
    """Where the document's security schemes want a key that is no password: header and what stands before it."""
    for operation in contract.operations:
        for scheme in (one.scheme for alternative in operation.security or () for one in alternative):
            kind = scheme.get("type")
            if kind == "apiKey" and scheme.get("in") == "header":
                yield str(scheme["name"]).lower(), ""
            if kind in ("oauth2", "openIdConnect") or (kind == "http" and str(scheme.get("scheme")).lower() == "bearer"):
                yield "authorization", "Bearer "
