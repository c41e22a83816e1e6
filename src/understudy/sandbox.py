"""The stand-in as a Python object: a world to call, to turn the clock of, to look into; in process, and over HTTP where asked.

    import understudy

    with understudy.Sandbox("openapi.yaml") as sandbox:
        sandbox.post("/customers", {"name": "Acme"}).good()
        sandbox.clock.advance("P1M")
        assert sandbox.webhooks.received("CUSTOMER.*")

1. What it does is done elsewhere: this is the one place that names all of it.
2. Everything here may be called from any thread, and where an event loop runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from understudy.inprocess.calling import UNSENT, USUAL, Answer, answer_of, body_of, headers_of, target_of
from understudy.inprocess.documents import Document, named, named_one
from understudy.inprocess.failing import Failing
from understudy.inprocess.house import HOST, WORLD, House
from understudy.inprocess.keys import carried
from understudy.inprocess.mailbox import Webhooks
from understudy.inprocess.timing import Clock, instant_of
from understudy.theatre import Beginning, Options, Theatre, open_theatre
from understudy.webhooks.recording import Recorded
from understudy.world.stage import Reply, Request
from understudy.world.world import Logged, World
from understudy.world.worlds import SHARED

if TYPE_CHECKING:
    import httpx

__all__ = ["Answer", "Sandbox", "Snapshot"]

LARGEST = 10_000_000
"""Octets of a body that a plain call takes; the whole way refuses larger ones."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved moment of a sandbox's world."""

    name: str
    received: tuple[Recorded, ...] | None  # webhooks by then, where anybody listened


class Sandbox:
    """A world of an API, played in this process.

    `spec`: files, folders, URLs or documents as JSON values; none: the bundled sandbox. `behaviour` and `overlay` go with
    it. `fixture`: the name or file of what the world begins with. `now`: where its clock begins, an instant or aware
    datetime, else at the present; it stands still unless `clock` is "running". `seed`: of ids. `strict`: refuse what the document does not know.
    `keys`: accept these only; `auth` False: ask for none. Without either any key is good, and calls made here carry one.

    Raises understudy.theatre.Unplayable with every fault of the documents, understudy.world.sources.Unreadable,
    understudy.world.fixtures.FixtureFault, or ValueError.

    It is an ASGI application and a context manager. One that is made of another (`world`, `fork`) shares its documents and
    its server, and costs microseconds.
    """

    def __init__(
        self, spec: Document | Sequence[Document] | None = None, *, behaviour: Document | None = None, overlay: Document | Sequence[Document] | None = None,
        fixture: str | None = None, now: str | datetime | None = None, clock: str = "frozen", seed: int = 0, strict: bool = False,
        keys: Collection[str] | None = None, auth: bool = True, strict_auth: bool = False,
    ) -> None:  # fmt: skip
        begins = Beginning(fixture, None if now is None else instant_of(now), _running(clock), seed)
        with named(spec) as specs, named_one(behaviour) as own, named(overlay) as overlays:
            theatre = open_theatre(Options(
                spec=specs or None, behaviour=own, overlays=overlays, fixture=fixture, now=begins.now, running=begins.running, seed=seed, strict=strict,
                open=not auth, keys=frozenset(keys) if keys is not None else None, strict_auth=strict_auth,
            ))  # fmt: skip
        _check_begin(theatre.worlds.prepared, begins.now)
        self._begin(_Family(House(theatre), carried(theatre, None)), SHARED, theatre.worlds.prepared)

    @classmethod
    def _of(cls, family: _Family, name: str, source: World) -> Self:
        self = cls.__new__(cls)
        self._begin(family, name, source)
        return self

    def _begin(self, family: _Family, name: str, source: World) -> None:
        house = family.house
        with house.baton:
            house.theatre.worlds.begin(name, source)
            if source is not house.theatre.worlds.prepared:
                house.theatre.worlds.beginnings[name] = source
        self.name = name
        self._family, self._house, self._baton, self._source = family, house, house.baton, source
        self._worlds = house.theatre.worlds
        self._find = self._worlds.get
        self._answer = house.theatre.stage.answer
        self._since = len(source.events)
        self._webhooks: Webhooks | None = None
        self._client: httpx.Client | None = None
        self._moments = itertools.count(1)
        self.closed = False

    # --- calls ---------------------------------------------------------------------------------------------------

    def call(
        self, method: str, path: str, json: Any = UNSENT, *, params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None, content: bytes | None = None,
    ) -> Answer:  # fmt: skip
        """Make a request: with a JSON body, or `content` as it is. It carries a good key; a header given as None is left out.

        Raises ValueError for a path that is none, TypeError for a body that is no JSON value, and ConnectionError where a
        fault cuts the answer off.
        """
        usual = USUAL.fullmatch(path) if params is None and headers is None and content is None and method != "HEAD" else None
        if usual is None:
            return self._whole(method, target_of(path, params), json, headers, content)
        family = self._family
        if json is UNSENT:
            body, head, sent = b"", family.head, family.sent
        else:
            body, head, sent = body_of(json), family.typed_head, family.typed_sent
            if len(body) > LARGEST:
                return self._whole(method, path.encode(), UNSENT, {"content-type": "application/json"}, body)
        where, query = usual[1], usual[2]
        with self._baton:
            world = self._find(self.name)
            reply = self._answer(world, Request(method, where, query.encode() if query else b"", head, body, sent))
            if reply.pending is None and reply.carried is None:
                return Answer(reply.status, reply.headers, reply.body, world.requests[-1].reason)
        return self._unusual(reply)

    def get(self, path: str, **more: Any) -> Answer:
        """GET; see `call`."""
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = UNSENT, **more: Any) -> Answer:
        """POST; see `call`."""
        return self.call("POST", path, json, **more)

    def put(self, path: str, json: Any = UNSENT, **more: Any) -> Answer:
        """PUT; see `call`."""
        return self.call("PUT", path, json, **more)

    def patch(self, path: str, json: Any = UNSENT, **more: Any) -> Answer:
        """PATCH; see `call`."""
        return self.call("PATCH", path, json, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        """DELETE; see `call`."""
        return self.call("DELETE", path, **more)

    def _whole(self, method: str, target: bytes, json: Any, headers: Mapping[str, str | None] | None, content: bytes | None) -> Answer:
        """The whole way of a request."""
        typed = json is not UNSENT
        sent = headers_of(self._family.sent, headers, typed)
        body = body_of(json) if typed else content or b""
        self._world()
        reply = self._house.exchange(self.name, method, target, sent, body)
        return answer_of(reply, self._reason(reply))

    def _unusual(self, reply: Reply) -> Answer:
        """The answer to a request that has something sent first, or whose answer a fault carries its own way."""
        final = reply if reply.pending is None else self._house.do(self._house.asked(reply))
        return answer_of(final, self._reason(final))

    def _reason(self, reply: Reply) -> str:
        last = self._world().requests
        return last[-1].reason if last and last[-1].status == reply.status else ""

    # --- other ways to it ----------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The base URL of this world over HTTP: of a server on a free port of loopback, started when this is first asked for.

        From then on what is due to webhooks is sent by itself.
        """
        self._world()
        base = f"http://{HOST}:{self._house.port}"
        return base if self.name == SHARED else f"{base}{WORLD}{self.name}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that carry a good key, for other clients."""
        return dict(self._family.headers)

    @property
    def client(self) -> httpx.Client:
        """An httpx.Client whose requests are answered in this process, with a good key; it is closed with the sandbox."""
        if self._client is None:
            self._client = self.http()
        return self._client

    def http(self, **headers: str) -> httpx.Client:
        """Another one, yours to close."""
        from understudy.inprocess.clients import client  # httpx, 65 ms: the user's

        return client(self._house, self._world().name, {**self._family.headers, **headers})

    @property
    def async_client(self) -> httpx.AsyncClient:
        """An httpx.AsyncClient whose requests are answered in this process, with a good key; a new one each time, yours to close."""
        from understudy.inprocess.clients import async_client  # as above

        return async_client(self._house, self._world().name, self._family.headers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Be an ASGI application: for httpx.ASGITransport, test clients, servers, and to be mounted."""
        await self._house.answer_asgi(self.name, scope, receive, send)

    # --- its world -----------------------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The time of the world."""
        return Clock(self._house, self._world)

    @property
    def webhooks(self) -> Webhooks:
        """What the world tells others: everything since it began, however late this is asked for."""
        if self._webhooks is None:
            self._webhooks = Webhooks(self._house, self.name, self._world, self._since)
        return self._webhooks

    @property
    def requests(self) -> list[Logged]:
        """The last thousand requests of the world, oldest first, each with the `reason` it was answered so, and `warnings`."""
        with self._baton:
            return list(self._world().requests)

    def fail(
        self, operation: str | Sequence[str] | None = None, *, status: int | None = None, times: int | None = None, after: int | None = None,
        rate: float | None = None, delay: Any = None, answer: str | None = None, body: Any = UNSENT, headers: Mapping[str, str] | None = None,
        retry_after: int | None = None, match_headers: Mapping[str, str] | None = None, bytes_per_second: int | None = None, stale: int | None = None,
        carried_out: bool | None = None, event: str | None = None, webhook: str | None = None,
    ) -> Failing:  # fmt: skip
        """Have requests, or webhooks, go wrong from now on; with nothing else said, answer 503. It ends by `end()`, or with a `with` block.

        Which: `operation` (its id, `POST /orders`, `GET /orders/*`; none: every one), `match_headers`, not the first `after`, at
        most `times`, of the rest with the probability `rate`. What: `status` with `body`, `headers`, `retry_after`; `delay` in
        seconds or as a distribution; `answer` reset, empty, truncated or malformed; `bytes_per_second`; reads `stale` by so many
        writes; `carried_out`: it is done, only the answer is lost. Of webhooks: `event` and `webhook` lost, twice or late.

        In process nothing waits: a client with a timeout gets that, others their answer. Raises ValueError for what is no fault.
        """
        what = {
            "operation": operation, "status": status, "times": times, "after": after, "rate": rate, "delay": delay, "answer": answer,
            "headers": headers, "retry_after": retry_after, "match_headers": match_headers, "bytes_per_second": bytes_per_second,
            "stale": stale, "carried_out": carried_out, "event": event, "webhook": webhook,
        }  # fmt: skip
        row = {name: value for name, value in what.items() if value is not None} | ({} if body is UNSENT else {"body": body})
        return Failing(self._house, self._world, row)

    def snapshot(self, name: str | None = None) -> Snapshot:
        """Save this moment. Raises ValueError for a name that is none."""
        name = name or f"moment-{next(self._moments)}"
        with self._baton:
            self._worlds.save(self._world(), name)
        return Snapshot(name, self._webhooks.kept() if self._webhooks is not None else None)

    def restore(self, moment: Snapshot | str) -> None:
        """Go back to a saved moment: records, clock, ids and webhooks; it stays. Raises LookupError where there is none of the name."""
        name = moment if isinstance(moment, str) else moment.name
        with self._baton:
            saved = self._worlds.saved(self.name)
            if name not in saved:
                raise LookupError(f'there is no moment "{name}"; there are {", ".join(saved) or "none"}')
            self._worlds.begin(self.name, saved[name])
        if self._webhooks is not None:
            self._webhooks.go_back((moment.received or ()) if isinstance(moment, Snapshot) else ())

    def reset(self) -> None:
        """Go back to where the world began."""
        with self._baton:
            self._world()
            self._worlds.begin(self.name, self._source)
        if self._webhooks is not None:
            self._webhooks.go_back(())

    def world(self, name: str | None = None, *, fixture: str | None = None, now: str | datetime | None = None, clock: str | None = None,
              seed: int | None = None) -> Self:
        """Another sandbox of the same documents, in a new world: as this one began, or elsewhere as told.

        Its own name goes into its URL. Each beginning is prepared once; a world from it costs microseconds.
        """
        begins = Beginning(fixture, None if now is None else instant_of(now), _running(clock), seed)
        self._world()
        source = self._source
        if begins != Beginning():
            with self._baton:
                source = self._house.theatre.beginning(begins)
            _check_begin(source, begins.now)
        return type(self)._of(self._family, name or self._family.fresh(), source)

    def fork(self, name: str | None = None) -> Self:
        """Another sandbox that begins as this one is now, and goes back to that; each goes its own way."""
        with self._baton:
            other = type(self)._of(self._family, name or self._family.fresh(), self._world().fork("as it was"))
            if self._webhooks is not None:
                other._since = self._since
                other.webhooks.go_back(self._webhooks.kept())
                other.webhooks.listen()
        return other

    @property
    def theatre(self) -> Theatre:
        """What is underneath: no part of the public interface, and not to be touched while a server runs."""
        return self._house.theatre

    # --- its end -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the world; the first sandbox of its family ends the server too. A second time does nothing."""
        if self.closed:
            return
        self.closed = True
        self._find = _closed
        if self._client is not None:
            self._client.close()
        if self._webhooks is not None:
            self._webhooks.close()
        with self._baton:
            self._worlds.end(self.name)
        if self.name == SHARED:
            self._house.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sandbox {self._house.theatre.title!r}, world {self.name!r}{', closed' if self.closed else ''}>"

    def _world(self) -> World:
        """The world as it is now. Raises RuntimeError once this is closed."""
        with self._baton:
            return self._find(self.name)


class _Family:
    """What the sandboxes of one set of documents have in common."""

    def __init__(self, house: House, headers: Mapping[str, str]) -> None:
        self.house = house
        self.headers = dict(headers)
        self.sent = {b"host": b"localhost", **{name.encode(): value.encode("latin-1") for name, value in headers.items()}}
        self.typed_sent = {**self.sent, b"content-type": b"application/json"}
        self.head, self.typed_head = list(self.sent.items()), list(self.typed_sent.items())
        self._numbers = itertools.count(1)

    def fresh(self) -> str:
        """A name for a world."""
        return f"world-{next(self._numbers)}"


def _closed(name: str) -> World:
    raise RuntimeError("this sandbox is closed")


def _running(clock: str | None) -> bool | None:
    if clock not in (None, "running", "frozen"):
        raise ValueError(f'clock is "running" or "frozen", not {clock!r}')
    return None if clock is None else clock == "running"


def _check_begin(prepared: World, wanted: datetime | None) -> None:
    """Whether a world begins when it was asked to. Raises ValueError where its fixture ends later."""
    begins = prepared.clock.now()
    if wanted is not None and begins > wanted and prepared.clock.frozen:
        raise ValueError(f"the fixture ends at {begins.isoformat()}, after {wanted.isoformat()}; a world cannot begin before that")
