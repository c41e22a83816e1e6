"""The commands `understudy world ...`: a thin client of a running server's control plane.

Nothing is decided here; answers are printed for a person, refusals go to standard error with exit status 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit


class NotDone(Exception):
    """The server refused, or there is none: what it said."""


def run(asked: argparse.Namespace) -> int:
    """Do what was asked; the exit status (2: not done)."""
    try:
        for line in COMMANDS[asked.action](asked):
            print(line)
    except NotDone as fault:
        print(f"understudy: {fault}", file=sys.stderr)
        return 2
    return 0


def ask(url: str, method: str, path: str, body: Any = None, world: str | None = None) -> Any:
    """One control request's answer. Raises NotDone."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotDone(f"{url} is no address; use one such as http://localhost:4010")
    headers = {"Content-Type": "application/json", **({"Understudy-World": world} if world is not None else {})}
    try:
        connection = _connection(parts.scheme, parts.hostname, parts.port)
        connection.request(method, f"{parts.path.rstrip('/')}/_understudy{path}", None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
    except (OSError, HTTPException, ValueError) as fault:
        raise NotDone(f"no understudy answers at {url}: {getattr(fault, 'strerror', None) or fault}; start one with understudy serve") from None
    if response.status != 200:
        detail = answer.get("detail") if isinstance(answer, dict) else None
        raise NotDone(detail or f"what listens at {url} answered {response.status}; is it an understudy?")
    return answer


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    """To a server; one that made its certificate on this machine is trusted. Raises OSError."""
    if scheme == "http":
        return HTTPConnection(host, port, timeout=60)
    import ssl  # where it is spoken

    from understudy.server.certifying import authority_file  # as above

    context = ssl.create_default_context()
    if authority_file().is_file():
        context.load_verify_locations(authority_file())
    return HTTPSConnection(host, port, timeout=60, context=context)


def _list(asked: argparse.Namespace) -> Iterator[str]:
    for world in ask(asked.url, "GET", "/worlds")["worlds"]:
        yield _line(world)


def _line(world: Mapping[str, Any]) -> str:
    return f"{world['name']:24} {sum(world['records'].values()):>9,} records  {world['events']:>9,} events  {world['now']} {world['clock']}"


def _new(asked: argparse.Namespace) -> Iterator[str]:
    body = {"name": asked.name, **({"from": asked.source} if asked.source else {})}
    yield _line(ask(asked.url, "POST", "/worlds", body))


def _fork(asked: argparse.Namespace) -> Iterator[str]:
    yield _line(ask(asked.url, "POST", "/worlds", {"name": asked.name, "from": asked.world}))


def _snapshot(asked: argparse.Namespace) -> Iterator[str]:
    yield _line(ask(asked.url, "POST", "/snapshots", {"name": asked.name}, asked.world))


def _restore(asked: argparse.Namespace) -> Iterator[str]:
    yield _line(ask(asked.url, "POST", f"/snapshots/{quote(asked.name, safe='')}/restore", {}, asked.world))


def _diff(asked: argparse.Namespace) -> Iterator[str]:
    told = ask(asked.url, "GET", f"/diff?from={quote(asked.name, safe='')}" if asked.name else "/diff", None, asked.world)
    if asked.json:
        yield json.dumps(told, indent=2, ensure_ascii=False)
        return
    yield from (f"+ {row['resource']} {row['id']}" for row in told["created"])
    for row in told["changed"]:
        yield f"~ {row['resource']} {row['id']}"
        yield from (f"    {one['field']}: {_shown(one, 'from')} -> {_shown(one, 'to')}" for one in row["fields"])
    yield from (f"- {row['resource']} {row['id']}" for row in told["deleted"])
    for name, rows in told["held"].items():
        yield from (f"{sign} {name} {row['key']}" for sign, side in (("+", "created"), ("~", "changed"), ("-", "deleted")) for row in rows[side])
    yield from (f"! {event['at']} {event['type']}" for event in told["events"])


def _shown(change: Mapping[str, Any], side: str) -> str:
    return json.dumps(change[side], ensure_ascii=False) if side in change else "(none)"


def _export(asked: argparse.Namespace) -> Iterator[str]:
    text = json.dumps(ask(asked.url, "GET", "/export", None, asked.world), indent=2, ensure_ascii=False)
    if asked.file is None:
        yield text
        return
    try:
        Path(asked.file).write_text(f"{text}\n", encoding="utf-8")
    except OSError as fault:
        raise NotDone(f"{asked.file}: {fault.strerror}") from None


COMMANDS: Mapping[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "list": _list, "new": _new, "fork": _fork, "snapshot": _snapshot, "restore": _restore, "diff": _diff, "export": _export,
}  # fmt: skip
