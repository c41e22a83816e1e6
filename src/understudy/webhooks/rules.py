"""How an API tells others what happened, as frozen values: its endpoints, its retries, how a payload looks.

1. Read from the behaviour file's `webhooks`; what it leaves out is as the Standard Webhooks specification has it.
2. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from understudy.behaviour.model import NOTHING
from understudy.durations import parse_duration

SCHEDULE = ("5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")
"""Delays between attempts (Standard Webhooks specification 1.0.0, deliverability and reliability)."""
GIVE_UP = "76h"
SIGNING = "standard-webhooks"


@dataclass(frozen=True, slots=True)
class Records:
    """Which resource's records are endpoints, and in which of their fields what stands; dotted paths.

    `auth` is value of `auth_field` -> how the receiver knows the sender: `basic` names the fields of user and password,
    `value` the field of a key that goes into the header named by the field `header`, else into `default`.
    `secrets` is a field no document declares: a list of `{key, until}`.
    """

    resource: str
    url: str = "url"
    active: str | None = None
    include: str | None = None
    exclude: str | None = None
    previous: str | None = None
    secrets: str | None = None
    auth_field: str | None = None
    auth: Mapping[str, Mapping[str, Any]] = NOTHING
    box: Mapping[str, Any] = NOTHING  # fields that tell of a failing delivery, see `mirrors`


@dataclass(frozen=True, slots=True)
class Mirror:
    """A resource whose records show deliveries: field -> what of a delivery; `states` gives its states other names."""

    resource: str
    fields: Mapping[str, str] = NOTHING
    states: Mapping[str, str] = NOTHING


@dataclass(frozen=True, slots=True)
class Rules:
    """See the module. After the last delay of `schedule` it repeats, until `give_up` after the first attempt."""

    signing: str = SIGNING
    schedule: tuple[timedelta, ...] = tuple(parse_duration(delay).rest for delay in SCHEDULE)
    give_up: timedelta = parse_duration(GIVE_UP).rest
    timeout: timedelta = timedelta(seconds=10)  # of the machine's time, for the whole answer
    ordered: bool = False  # whether a failing delivery holds back the later ones of its endpoint
    stamped: str = "machine"  # whose time signatures carry: that of the machine, by which receivers judge it, or the `world`'s
    endpoints: Records | None = None
    deliveries: Mirror | None = None
    payload: Mapping[str, Any] = NOTHING  # property -> what of the event; empty: as the document's webhooks have it
    constants: Mapping[str, Any] = NOTHING  # further properties of every payload
    aliases: Mapping[str, str] = NOTHING  # a name an event may be asked for by -> its type
    test: str = "TEST"  # type of what a test sends
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # signing profiles of the file's own
    prefix: str = "msg"  # of the ids of deliveries, taken from the mirror's resource where there is one


def rules_of(row: Mapping[str, Any]) -> Rules:
    """The rules of a behaviour file's `webhooks`. Raises ValueError for a duration that is none."""
    given: dict[str, Any] = {name: row[name] for name in _PLAIN if name in row}
    for name in ("give_up", "timeout"):
        if name in row:
            given[name] = parse_duration(str(row[name])).rest
    if "schedule" in row:
        given["schedule"] = tuple(parse_duration(str(delay)).rest for delay in row["schedule"])
    if "endpoints" in row:
        given["endpoints"] = Records(**_row(row["endpoints"]))
    if "deliveries" in row:
        given["deliveries"] = Mirror(**_row(row["deliveries"]))
    return Rules(**given)


_PLAIN = ("signing", "ordered", "stamped", "payload", "constants", "aliases", "test", "profiles")


def _row(row: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """A row that says a resource alone may be its name."""
    return {"resource": row} if isinstance(row, str) else row
