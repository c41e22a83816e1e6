"""`understudy webhooks add|list|remove|trigger|log|resend`: a thin client of a running server's control plane.

Nothing is decided here; answers are printed for a person, refusals go to standard error with exit status 2.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from understudy.server import given
from understudy.server.asking import NotDone, ask
from understudy.server.painting import colour_of, in_colour, paint, printable

PAUSE = 0.5
"""Seconds between two looks of `log --follow`."""
PAGE = 1000
"""Deliveries the server tells at once."""


class NotTaken(Exception):
    """A delivery that was sent and not taken: how it was answered."""


def run(asked: argparse.Namespace) -> int:
    """Do what was asked; the exit status (1: sent and not taken, 2: could not be done)."""
    try:
        for line in COMMANDS[asked.action](asked):
            print(line, flush=True)
    except NotTaken as fault:
        print(fault)
        return 1
    except (NotDone, given.Misgiven) as fault:
        return given.failed(fault)
    except BrokenPipeError:
        sys.stderr.close()  # who read the log has seen enough
    except KeyboardInterrupt:
        return 0 if asked.action == "log" else 130  # the usual end of --follow
    return 0


def call(asked: argparse.Namespace, method: str, path: str, body: Any = None, *, told: str = "id") -> Any:
    """One control request of a person's to their server and world, whose answer tells `told`. Raises NotDone."""
    return telling(told, ask(asked.server, method, path, body, asked.world), asked.server)


def telling(told: str, answer: Any, server: str) -> Any:
    """An answer that tells something, for anything may listen at an address. Raises NotDone."""
    if not isinstance(answer, dict) or told not in answer:
        raise NotDone(f"what listens at {server} is no understudy; start one with understudy serve, or name its address")
    return answer


def _id(text: str) -> str:
    return quote(text, safe="")


# --- endpoints ---------------------------------------------------------------------------------------------------


def _add(asked: argparse.Namespace) -> Iterator[str]:
    body: dict[str, Any] = {"url": asked.endpoint}
    found = given.secrets(asked.secret) if asked.secret else ()
    for name, value in (("types", asked.types), ("signing", asked.profile), ("secret", found[0] if found else None), ("description", asked.description)):
        if value is not None:
            body[name] = value
    made = call(asked, "POST", "/endpoints", body)
    yield _endpoint(made)
    if made.get("secret") and not found:
        yield f"secret  {made['secret']}  (shown only now)"


def _list(asked: argparse.Namespace) -> Iterator[str]:
    endpoints = call(asked, "GET", "/endpoints", told="endpoints")["endpoints"]
    yield from map(_endpoint, endpoints)
    if not endpoints:
        print("no endpoint yet; see understudy webhooks add --help", file=sys.stderr)


def _endpoint(one: Mapping[str, Any]) -> str:
    types = " ".join(one.get("types") or ["every type"])
    state = "" if one.get("active", True) else "  not active"
    return f"{one['id']}  {printable(one['url'])}  {printable(types)}  signed: {one.get('signing', 'none')}{state}"


def _remove(asked: argparse.Namespace) -> Iterator[str]:
    call(asked, "DELETE", f"/endpoints/{_id(asked.id)}", told="removed")
    yield f"{asked.id} is told no more"


# --- events ------------------------------------------------------------------------------------------------------


def _trigger(asked: argparse.Namespace) -> Iterator[str]:
    body = {"type": asked.type, **({"data": data(asked.data)} if asked.data else {})}
    made = call(asked, "POST", "/events", body, told="type")
    yield f"{made.get('id', made.get('number', ''))}  {made.get('type', asked.type)}  {made.get('at', '')}".rstrip()
    yield from (_line(one, in_colour(sys.stdout)) for one in made.get("deliveries", []) if isinstance(one, Mapping))


def data(words: Sequence[str]) -> Any:
    """The data of an event as a person wrote it: JSON, `@file` of JSON, or `a.b=value` fields. Raises Misgiven."""
    if len(words) == 1 and words[0].startswith("@"):
        return _json(_file(words[0][1:]), words[0][1:])
    if len(words) == 1 and words[0].lstrip()[:1] in ("{", "["):
        return _json(words[0], "--data")
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise given.Misgiven(f"--data {word[:60]}: write JSON, @FILE, or KEY=VALUE")
        _put(found, name, value)
    return found


def _put(into: dict[str, Any], name: str, value: str) -> None:
    *path, last = name.split(".")
    for part in path:
        into = into.setdefault(part, {})
        if not isinstance(into, dict):
            raise given.Misgiven(f"--data {name}: {part} has a value of its own already")
    try:
        into[last] = json.loads(value)
    except ValueError:
        into[last] = value


def _file(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as fault:
        raise given.Misgiven(f"--data @{name}: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise given.Misgiven(f"--data @{name}: not text in UTF-8") from None


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as fault:
        raise given.Misgiven(f"{where}: not JSON: {fault}") from None


# --- deliveries --------------------------------------------------------------------------------------------------


def deliveries(asked: argparse.Namespace, after: str | None = None, **wanted: str | None) -> Iterator[dict[str, Any]]:
    """The deliveries a person asks for, oldest first, without what was sent. Raises NotDone."""
    while True:
        query = urlencode({name: value for name, value in {**wanted, "after": after}.items() if value})
        page = call(asked, "GET", f"/deliveries?{query}" if query else "/deliveries", told="deliveries")["deliveries"]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]["id"]


def delivery(asked: argparse.Namespace, id: str) -> dict[str, Any]:
    """One delivery with what was sent. Raises NotDone."""
    return dict(call(asked, "GET", f"/deliveries/{_id(id)}"))


def _log(asked: argparse.Namespace) -> Iterator[str]:
    """Each delivery, and with `--follow` again whenever an attempt was made."""
    shown: dict[str, tuple[str, int]] = {}
    colour = in_colour(sys.stdout)
    wanted = {name: getattr(asked, name) for name in ("endpoint", "type", "state", "since")}
    after: str | None = None
    while True:
        found = list(deliveries(asked, after, **wanted))
        for one in found:
            known = (one["state"], len(one["attempts"]))
            if shown.get(one["id"]) != known:
                shown[one["id"]] = known
                yield json.dumps(one, ensure_ascii=False) if asked.json else _line(one, colour)
        if not asked.follow:
            return
        after = after if asked.state else _settled(found) or after
        time.sleep(PAUSE)


def _settled(found: Sequence[Mapping[str, Any]]) -> str | None:
    """The last of those that need not be looked at again: settled like all before them, and a page of others came since."""
    first = next((place for place, one in enumerate(found) if one["state"] in ("due", "failing")), len(found))
    place = min(first, len(found) - PAGE)
    return str(found[place - 1]["id"]) if place > 0 else None


_STATES = {"delivered": "green", "due": "cyan", "failing": "yellow", "given_up": "red", "disabled": "red", "late": "yellow"}


def _line(one: Mapping[str, Any], colour: bool) -> str:
    attempts = one.get("attempts") or []
    last = attempts[-1] if attempts else {}
    answer = last.get("status") or last.get("error") or ""
    said = f"  {paint(printable(str(answer)), colour_of(last.get('status')), colour)}" if answer else ""
    tried = f" after {len(attempts)} attempts" if len(attempts) > 1 else ""
    coming = f"  next {one['next_attempt_at']}" if one.get("next_attempt_at") and one["state"] in ("due", "failing") else ""
    state = paint(one["state"], _STATES.get(one["state"], "dim"), colour)
    return f"{one.get('created_at', '')}  {one['id']}  {paint(printable(one['type']), 'bold', colour)}  {printable(one.get('url', ''))}  {state}{said}{tried}{coming}"


def _resend(asked: argparse.Namespace) -> Iterator[str]:
    answer = call(asked, "POST", f"/deliveries/{_id(asked.id)}/resend", {"to": asked.to} if asked.to else {})
    last = (answer.get("attempts") or [answer])[-1]
    said = f"{asked.id}  {printable(answer.get('type', ''))}  {printable(asked.to or answer.get('url', ''))}  {last.get('status') or last.get('error') or answer.get('state', '')}"
    if (last.get("status") is not None and last["status"] // 100 == 2) or (last.get("status") is None and last.get("error") is None):
        yield said
    else:
        raise NotTaken(said)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "add": _add, "list": _list, "remove": _remove, "trigger": _trigger, "log": _log, "resend": _resend,
}  # fmt: skip
