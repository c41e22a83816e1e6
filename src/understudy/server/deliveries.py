"""The control plane's calls about webhooks: endpoints, events of one's own, deliveries, resend.

Nothing here sends; the `Sender` does.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request

from understudy.durations import format_instant, parse_instant
from understudy.engine.decide import Decision, Event
from understudy.server import asked
from understudy.server.asked import Refused, number, only
from understudy.server.sending import Sender, Tried
from understudy.theatre import Theatre
from understudy.webhooks.destinations import allowed
from understudy.webhooks.endpoints import Endpoint, Secret
from understudy.webhooks.matching import fits
from understudy.webhooks.recording import Recorded
from understudy.webhooks.replaying import Options, plan, verdict
from understudy.webhooks.retrying import STATES, Attempt, Delivery
from understudy.webhooks.signing import new_secret
from understudy.world.comparing import described
from understudy.world.holdings import Put
from understudy.world.world import World

MOST = 1000
"""Deliveries of one answer."""


class Desk(NamedTuple):
    """What these calls work with; without a `sender` nothing leaves."""

    sandbox: Theatre
    sender: Sender | None


Call = Callable[[Desk, Request, Any], Any | Awaitable[Any]]



def world_of(sandbox: Theatre, request: Request) -> World:
    """The world a call concerns, all that happened in it handed out."""
    world = asked.world_of(sandbox, request)
    assert world.outbox is not None
    return world


# --- endpoints ---------------------------------------------------------------------------------------------------


def endpoints(desk: Desk, request: Request, body: Any) -> Any:
    """Who is told; secrets are not shown."""
    world = world_of(desk.sandbox, request)
    return {"endpoints": [shown_endpoint(world, endpoint) for _, endpoint in world.held["endpoints"].items()]}


def add_endpoint(desk: Desk, request: Request, body: Any) -> Any:
    """Tell a URL what happens from now on; its secret is shown this once."""
    only(body, "url", "types", "exclude", "secret", "signing", "description", "previous")
    world, post = world_of(desk.sandbox, request), desk.sandbox.post
    signing = str(body.get("signing", post.rules.signing))
    if signing not in post.profiles:
        raise Refused(400, f'no signing profile is called "{signing[:80]}"; there are {", ".join(post.profiles)}')
    if not isinstance(body.get("url"), str):
        raise Refused(400, 'say {"url": "http://localhost:3000/hooks"}, and "types", "secret", "signing" as you like')
    wrong = allowed(body["url"], desk.sender.poster.hosts if desk.sender is not None else ())
    if wrong is not None:
        raise Refused(400, f"url: {wrong.message}")
    id = _fresh_id(world)
    secret = _secret(body, signing, world, id, desk)
    endpoint = Endpoint(id, body["url"], _types(body, "types"), _types(body, "exclude"), previous=body.get("previous") is True, signing=signing,
                        secrets=(Secret(secret),) if secret else (), description=str(body.get("description", "")))
    world.put(Put("endpoints", id, endpoint))
    return {**shown_endpoint(world, endpoint), "secret": secret}


def _fresh_id(world: World) -> str:
    """An id nothing was ever owed to, drawn from how far the world has come: what a removed endpoint was owed is not another's."""
    moment = f"{world.seed}.{len(world.events)}.{len(world.held['deliveries'])}"
    drawn = (f"endpoint_{blake2b(f'{moment}.{number}'.encode(), digest_size=4).hexdigest()}" for number in itertools.count(1))
    return next(id for id in drawn if id not in world.held["endpoints"])


def _secret(body: Mapping[str, Any], signing: str, world: World, id: str, desk: Desk) -> str | None:
    profile = desk.sandbox.post.profiles[signing]
    if not profile.header:
        return None
    if "secret" in body:
        if not isinstance(body["secret"], str) or not body["secret"]:
            raise Refused(400, "secret: must be text that is not empty")
        return body["secret"]
    return new_secret(profile, blake2b(f"{world.seed}.{world.name}.{id}".encode(), digest_size=24).digest())


def _types(body: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = body.get(field, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise Refused(400, f'{field}: must be a list of event types, in which * stands for anything: ["ORDER.*"]')
    return tuple(value)


def remove_endpoint(desk: Desk, request: Request, body: Any) -> Any:
    """Tell an endpoint nothing any more; what it was owed is not sent."""
    world, id = world_of(desk.sandbox, request), request.path_params["id"]
    endpoint: Endpoint | None = world.held["endpoints"].get(id)
    if endpoint is None:
        raise Refused(404, f'there is no endpoint "{id[:80]}"')
    if endpoint.kind == "record":
        raise Refused(409, f"this endpoint is a record of the API; delete it there: {id}")
    world.put(Put("endpoints", id, None))
    return {"removed": id}


def shown_endpoint(world: World, endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as it is printed."""
    head = world.outbox.head(endpoint.id)
    return {
        "id": endpoint.id, "url": endpoint.url, "types": list(endpoint.include), "exclude": list(endpoint.exclude), "active": endpoint.active,
        "signing": endpoint.signing, "previous": endpoint.previous, "kind": endpoint.kind, "description": endpoint.description,
        "failing": None if head is None or not head.attempts else head.id,
    }  # fmt: skip


# --- events ------------------------------------------------------------------------------------------------------


def events(desk: Desk, request: Request, body: Any) -> Any:
    """The facts recorded so far, oldest first; `after` skips those up to a number, `since` those before an instant, `type` picks
    (`ORDER.*`), `last` takes so many from the end."""
    world = world_of(desk.sandbox, request)
    wanted, since, last = request.query_params.get("type", "*"), _since(request), number(request, "last", 0)
    kept = map(world.events.__getitem__, range(len(world.events) - 1, -1, -1)) if last else world.events.since(number(request, "after", 0))
    chosen = (one for one in kept if fits(one.event.type, wanted) and (since is None or one.at >= since))
    return {"events": [described(one) for one in _part(chosen, last)]}


def _part(chosen: Iterable[Any], last: int) -> list[Any]:
    """The first of some, or the last where they come from the end; as many as an answer may hold."""
    found = list(islice(chosen, min(last or MOST, MOST)))
    return found[::-1] if last else found


def trigger(desk: Desk, request: Request, body: Any) -> Any:
    """Record an event of one's own: `data` over the document's example of it, checked against the document."""
    only(body, "type", "data")
    type = body.get("type")
    if not isinstance(type, str) or not type:
        raise Refused(400, 'say {"type": "ORDER.CREATED"}, and {"data": {...}} for what it should tell')
    world, payloads = world_of(desk.sandbox, request), desk.sandbox.post.payloads
    type = desk.sandbox.post.rules.aliases.get(type, type)
    data = _over(payloads.example(type), body["data"]) if "data" in body else payloads.example(type)
    now = desk.sandbox.stage.settle(world)
    circumstances = world.circumstances(now)
    event = Event(type, None, None, orjson.dumps(data))
    payloads.check(event.type, event.data, now)
    first = len(world.held["deliveries"])
    world.commit(Decision(None, (), (event,), (), ()), circumstances)
    assert world.outbox is not None  # handed out
    told = [row[2] for place in range(first + 1, len(world.held["deliveries"]) + 1) if (row := world.held["deliveries"].row(place))]
    return {**described(world.events[-1]), "deliveries": [shown(desk, world, one, whole=False) for one in told]}


def _over(example: Any, data: Any) -> Any:
    if isinstance(example, dict) and isinstance(data, dict):
        return {**example, **{name: _over(example.get(name), value) for name, value in data.items()}}
    return data


# --- deliveries --------------------------------------------------------------------------------------------------


def deliveries(desk: Desk, request: Request, body: Any) -> Any:
    """What was or will be sent, oldest first: by `endpoint`, `type` (`ORDER.*`), `state`, `since` an instant; `after` skips those
    up to an id, `last` takes so many from the end."""
    world, asked = world_of(desk.sandbox, request), request.query_params
    if asked.get("state", "due") not in STATES:
        raise Refused(400, f"state is one of {', '.join(STATES)}")
    held, last = world.held["deliveries"], number(request, "last", 0)
    first = held.serial(asked["after"]) + 1 if asked.get("after", "") in held else 1
    places = range(len(held), first - 1, -1) if last else range(first, len(held) + 1)
    rows = (row[2] for place in places if (row := held.row(place)) is not None)
    return {"deliveries": [shown(desk, world, one, whole=False) for one in _part(filter(_asked_for(world, request), rows), last)]}


def _asked_for(world: World, request: Request) -> Callable[[Delivery], bool]:
    """Whether a delivery is one of those a call asks for."""
    asked, since = request.query_params, _since(request)
    wanted, endpoint, state = asked.get("type", "*"), asked.get("endpoint"), asked.get("state")

    def fitting(one: Delivery) -> bool:
        if (since is not None and one.at < since) or not fits(one.type, wanted):
            return False
        return endpoint in (None, one.endpoint) and (state is None or state == state_of(world, one))

    return fitting


def delivery(desk: Desk, request: Request, body: Any) -> Any:
    """One delivery with its payload, headers and attempts."""
    world = world_of(desk.sandbox, request)
    return shown(desk, world, _named(world, request.path_params["id"]), whole=True)


async def resend(desk: Desk, request: Request, body: Any) -> Any:
    """Send a delivery again now, to its endpoint or elsewhere; the answer waits for what comes of it."""
    only(body, "to")
    world = world_of(desk.sandbox, request)
    one = _named(world, request.path_params["id"])
    tried = await _sender(desk).resend(world, one, to=_to(desk, body))
    return shown(desk, world, tried.delivery, whole=True)


async def replay(desk: Desk, request: Request, body: Any) -> Any:
    """Send past deliveries again, in a row, to their endpoints or elsewhere, with a verdict for each against its attempt before."""
    only(body, "since", "ids", "to", "duplicate", "shuffle", "drop", "stale_signature", "seed")
    world, to = world_of(desk.sandbox, request), _to(desk, body)
    chosen = _chosen(world, body)
    sends = plan([_recorded(one) for one in chosen], _options(body))
    told = []
    went: dict[int, bool] = {}
    for send in sends:
        one = chosen[send.line - 1]
        before = went.get(send.line, send.delivery.passed)
        tried = await _sender(desk).resend(world, world.held["deliveries"][one.id], "replay", to, stale=send.stale)
        assert tried.attempt is not None
        good = went[send.line] = _took(tried.attempt, stale=send.stale)
        said = verdict(True if send.stale else before, good)
        told.append({"number": send.number, "id": one.id, "type": one.type, "again": send.again, "verdict": said,
                     "attempt": shown_attempt(len(tried.delivery.attempts), tried.attempt)})
    counts = Counter(row["verdict"] for row in told)
    return {"replayed": told, "verdicts": dict(sorted(counts.items())), "dropped": len({*range(1, len(chosen) + 1)} - {send.line for send in sends})}


def _chosen(world: World, body: Mapping[str, Any]) -> list[Delivery]:
    if ("since" in body) == ("ids" in body):
        raise Refused(400, 'say one of {"since": "2025-05-06T10:30:00Z"} or {"ids": ["..."]}')
    if "since" in body:
        since = parse_instant(str(body["since"]))
        return [one for _, one in world.held["deliveries"].items() if one.at >= since and one.endpoint in world.held["endpoints"]]
    if not isinstance(body["ids"], list):
        raise Refused(400, "ids: must be a list of ids of deliveries")
    return [_named(world, str(id)) for id in body["ids"]]


def _options(body: Mapping[str, Any]) -> Options:
    for name, kinds, right in (("duplicate", (int, float), "a probability from 0 to 1"), ("drop", (int, float), "a probability from 0 to 1"),
                               ("shuffle", (int,), "a number of places from 0"), ("seed", (int,), "a whole number")):
        value = body.get(name, 0)
        if not isinstance(value, kinds) or isinstance(value, bool) or (name != "seed" and value < 0) or (name in ("duplicate", "drop") and value > 1):
            raise Refused(400, f"{name}: must be {right}")
    return Options(body.get("duplicate", 0), body.get("drop", 0), body.get("shuffle", 0), False, body.get("stale_signature") is True, body.get("seed", 0))


def _recorded(one: Delivery) -> Recorded:
    """A delivery as if its receiver had recorded it: how its last attempt went is how it was answered."""
    last = one.attempts[-1] if one.attempts else None
    return Recorded(one.at, "POST", "/", {}, b"", status=last.status if last else None, error=last.error if last else None, id=one.id, type=one.type)


def _took(attempt: Attempt, *, stale: bool) -> bool:
    """Whether the receiver did what is right: a delivery signed too long ago is to be refused."""
    return attempt.status is not None and 400 <= attempt.status < 500 if stale else attempt.good


def _to(desk: Desk, body: Mapping[str, Any]) -> str | None:
    """Where else something is to be sent. Raises Refused."""
    if "to" not in body:
        return None
    wrong = allowed(str(body["to"]), _sender(desk).poster.hosts)
    if wrong is not None:
        raise Refused(400, f"to: {wrong.message}")
    return str(body["to"])


def _sender(desk: Desk) -> Sender:
    if desk.sender is None:
        raise Refused(409, "nothing is sent from here; use understudy serve")
    return desk.sender


def _named(world: World, id: str) -> Delivery:
    found: Delivery | None = world.held["deliveries"].get(id)
    if found is None or found.endpoint not in world.held["endpoints"]:
        raise Refused(404, f'there is no delivery "{id[:80]}"' if found is None else f"the endpoint of {id} is gone")
    return found


def _since(request: Request) -> datetime | None:
    text = request.query_params.get("since")
    return None if text is None else parse_instant(text)


def state_of(world: World, delivery: Delivery) -> str:
    """A delivery's state; what is owed to an endpoint that wants nothing any more is `disabled`."""
    endpoint: Endpoint | None = world.held["endpoints"].get(delivery.endpoint)
    return "disabled" if delivery.pending and (endpoint is None or not endpoint.active) else delivery.state


def shown(desk: Desk, world: World, delivery: Delivery, *, whole: bool) -> dict[str, Any]:
    """A delivery as it is printed; `whole`: with payload and headers."""
    endpoint: Endpoint | None = world.held["endpoints"].get(delivery.endpoint)
    said = {
        "id": delivery.id, "event": delivery.event, "type": delivery.type, "endpoint": delivery.endpoint, "url": None if endpoint is None else endpoint.url,
        "signing": "none" if endpoint is None else endpoint.signing, "state": state_of(world, delivery), "created_at": format_instant(delivery.at),
        "next_attempt_at": None if delivery.next_at is None else format_instant(delivery.next_at),
        "attempts": [shown_attempt(number, attempt) for number, attempt in enumerate(delivery.attempts, 1)],
    }  # fmt: skip
    return {**said, **_content(desk, world, delivery, endpoint)} if whole and endpoint is not None else said


def _content(desk: Desk, world: World, delivery: Delivery, endpoint: Endpoint) -> dict[str, Any]:
    """What was sent last, or would be sent now."""
    sender = desk.sender
    if sender is None:
        return {}
    try:
        body = sender.body(world, delivery, endpoint)
        sent = next((attempt.headers for attempt in reversed(delivery.attempts) if attempt.headers), None)
        signed = sent if sent is not None else sender.headers(world, delivery, endpoint, body, world.clock.now())
    except ValueError as fault:
        return {"body": None, "headers": {}, "error": str(fault)}
    return {"body": body.decode(), "headers": {"content-type": "application/json", **dict(signed)}}


def shown_attempt(number: int, attempt: Attempt) -> dict[str, Any]:
    """An attempt as it is printed."""
    said = {
        "number": number, "at": format_instant(attempt.at), "why": attempt.why, "status": attempt.status, "error": attempt.error,
        "duration_ms": attempt.milliseconds, "response": attempt.response, "url": attempt.url,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def shown_tried(tried: Tried) -> dict[str, Any]:
    """An attempt as the clock call tells it."""
    one = tried.delivery
    said: dict[str, Any] = {"at": format_instant(tried.at), "delivery": one.id, "endpoint": one.endpoint, "type": one.type, "state": one.state}
    if tried.attempt is not None:
        said |= {"attempt": len(one.attempts), "status": tried.attempt.status, "error": tried.attempt.error}
    if one.next_at is not None:
        said["next_attempt_at"] = format_instant(one.next_at)
    return {name: value for name, value in said.items() if value is not None}


CALLS: tuple[tuple[str, str, Call], ...] = (
    ("GET", "/endpoints", endpoints),
    ("POST", "/endpoints", add_endpoint),
    ("DELETE", "/endpoints/{id}", remove_endpoint),
    ("GET", "/events", events),
    ("POST", "/events", trigger),
    ("GET", "/deliveries", deliveries),
    ("POST", "/deliveries/replay", replay),
    ("GET", "/deliveries/{id}", delivery),
    ("POST", "/deliveries/{id}/resend", resend),
)
"""What the control plane offers beside its own."""
