"""An endpoint: a receiver's URL, what it is told of, how it knows who is telling; and one made of a record.

Nothing here knows how endpoints are kept.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from understudy.durations import format_instant, parse_instant
from understudy.engine.kinds import dig
from understudy.webhooks.rules import Records


class Secret(NamedTuple):
    """What payloads are signed with, until an instant where it was rolled."""

    key: str
    until: datetime | None = None


class Endpoint(NamedTuple):
    """See the module. `include` and `exclude` are event types, `*` standing for anything; `include` empty: everything."""

    id: str
    url: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    active: bool = True
    previous: bool = False  # whether it is told the state before as well
    signing: str = "none"
    secrets: tuple[Secret, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "control"  # `record`: of the API's own resource; `control`: of the control plane; `callback`: of one request
    method: str = "POST"
    description: str = ""

    def signing_keys(self, now: datetime) -> list[str]:
        """The secrets that sign at an instant: the newest first, then rolled ones while they last."""
        return [secret.key for secret in reversed(self.secrets) if secret.until is None or now < secret.until]


def endpoint_of(record: Mapping[str, Any], id: str, rows: Records, signing: str) -> Endpoint | None:
    """The endpoint a record describes; None where it holds no URL."""
    url = _text(record, rows.url)
    if not url:
        return None
    secrets = _secrets(record.get(rows.secrets) if rows.secrets else None)
    return Endpoint(
        id=id,
        url=url,
        include=_types(record, rows.include),
        exclude=_types(record, rows.exclude),
        active=rows.active is None or _of(record, rows.active) is not False,
        previous=rows.previous is not None and _of(record, rows.previous) is True,
        signing=signing if secrets else "none",
        secrets=secrets,
        headers=_headers(record, rows),
        kind="record",
    )


def _of(record: Mapping[str, Any], path: str) -> Any:
    return dig(record, tuple(path.split(".")))


def _text(record: Mapping[str, Any], path: str | None) -> str:
    value = _of(record, path) if path else None
    return value if isinstance(value, str) else ""


def _types(record: Mapping[str, Any], path: str | None) -> tuple[str, ...]:
    value = _of(record, path) if path else None
    return tuple(map(str, value)) if isinstance(value, list) else (value,) if isinstance(value, str) else ()


def _secrets(rows: Any) -> tuple[Secret, ...]:
    if isinstance(rows, str):
        return (Secret(rows),)
    return tuple(Secret(row["key"], parse_instant(row["until"]) if row.get("until") else None) for row in rows or ())


def _headers(record: Mapping[str, Any], rows: Records) -> tuple[tuple[str, str], ...]:
    """How the receiver knows the sender (RFC 7617 for `basic`)."""
    how = rows.auth.get(_text(record, rows.auth_field))
    if how is None:
        return ()
    if "basic" in how:
        user, password = how["basic"]
        given = f"{_text(record, user)}:{_text(record, password)}".encode()
        return (("authorization", f"Basic {b64encode(given).decode()}"),)
    value = _text(record, how["value"])
    return ((_text(record, how.get("header")) or how["default"], value),) if value else ()


# --- as JSON ----------------------------------------------------------------------------------------------------------


def write(endpoint: Endpoint) -> dict[str, Any]:
    """As it is kept."""
    secrets = [{"key": one.key, "until": None if one.until is None else format_instant(one.until)} for one in endpoint.secrets]
    lists = {"include": list(endpoint.include), "exclude": list(endpoint.exclude), "headers": [list(pair) for pair in endpoint.headers]}
    return {**endpoint._asdict(), **lists, "secrets": secrets}


def read(row: Mapping[str, Any]) -> Endpoint:
    """And back. Raises KeyError, TypeError or ValueError."""
    pairs = tuple((str(name), str(value)) for name, value in row.get("headers", ()))
    many = {name: tuple(map(str, row.get(name, ()))) for name in ("include", "exclude")}
    given = {name: row[name] for name in Endpoint._fields if name in row}
    for name in ("id", "url", "signing", "kind", "method", "description"):
        if not isinstance(given.get(name, ""), str):
            raise ValueError(f"{name}: must be text")
    return Endpoint(**{"id": row["id"], "url": row["url"], **given, **many, "headers": pairs, "secrets": _secrets(row.get("secrets"))})
