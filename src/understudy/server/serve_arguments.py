"""The arguments of `understudy serve`, with what each takes.

Nothing heavy is imported here: `--help` is to be quick.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from understudy.server.painting import COLOURS

Rows = tuple[tuple[str, dict[str, Any]], ...]

_EXAMPLES = """\
examples:
  understudy serve
  understudy serve --now 2025-05-06T10:30:00Z --fixture tutorial
  understudy serve their-api.yaml
  understudy serve catalogue.yaml orders.yaml --overlay local.overlay.yaml
  understudy serve their-api.yaml --data ./kept --port 0
  understudy serve --log json > requests.jsonl
  understudy serve --tls

--log json writes one object a line on standard output, its kind in "kind":
  start     version, url, desk, title, documents, operations, resources, fixture, now, clock, notes
  request   time, world, now, number, method, path, query, operation, status, reason, ms, request_id, warnings, fault
  delivery  time, world, now, id, type, endpoint, url, attempt, status, error, ms, state, next_at
  reload    time, reloaded, documents, operations, resources, new, changed, orphaned, misfits; or faults, where it is broken
  left_out  lines: so many are missing here, since nobody read them
"time" is the machine's time, "now" the world's; "operation" is METHOD /path as the document has it, or null; "ms" is what the
stand-in took to decide; "fault" what was done to the answer on purpose, or null. Fields may be added, none is changed.

exit status: 0 stopped, 2 could not start, 130 interrupted, 143 terminated"""


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) < 10**9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number of seconds from 0")
    return seconds


def _something(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty")
    return text


def _origin(text: str) -> str:
    """An origin as browsers send it (RFC 6454 section 6.2), or any."""
    if text != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no origin; write one such as http://localhost:3000, without a path, or *")
    return text


GROUPS: dict[str, Rows] = {
    "the world": (
        ("--fixture", {"metavar": "NAME|FILE", "help": "the world to begin with (default: default, if there is one)"}),
        ("--now", {"metavar": "ISO", "help": "the world's start time, such as 2025-05-06T10:30:00Z; the clock stands still there"}),
        ("--clock", {"choices": ("running", "frozen"), "help": "let the clock run, or stand still"}),
        ("--seed", {"type": int, "default": 0, "metavar": "N", "help": "another seed gives other ids (default: 0)"}),
        ("--fault", {"metavar": "JSON|FILE", "action": "append", "default": [], "help": "a fault that every world begins with (may be repeated), such as "
                     "'{\"operation\": \"POST *\", \"status\": 503, \"rate\": 0.1}'; a file holds one or a list"}),
    ),
    "while it is being written": (
        ("--reload", {"action": "store_true", "help": "play documents, overlays, behaviour file and fixture anew when they change, in the worlds there are"}),
    ),
    "where it listens, and to whom": (
        ("--host", {"default": "127.0.0.1", "help": "the address to listen on (default: 127.0.0.1)"}),
        ("--port", {"type": int, "default": 4010, "help": "the port to listen on, 0 for any free one (default: 4010)"}),
        ("--cors", {"type": _origin, "action": "append", "metavar": "ORIGIN", "default": [], "help": "let web pages of this origin read answers (may be repeated)"}),
        ("--allow-host", {"action": "append", "metavar": "HOST", "default": [],
                          "help": "let webhooks go to this host, address or network too, not to this machine alone (may be repeated)"}),
    ),
    "HTTPS": (
        ("--tls", {"action": "store_true", "help": "speak HTTPS, with a certificate made for this machine (needs understudy[tls])"}),
        ("--tls-cert", {"metavar": "FILE", "help": "speak HTTPS with this certificate, PEM, with what leads to its authority"}),
        ("--tls-key", {"metavar": "FILE", "help": "the key of it, PEM (default: in the file of the certificate)"}),
    ),
    "who may call": (
        ("--api-key", {"type": _something, "action": "append", "metavar": "KEY", "help": "accept this key only (may be repeated); without it any key is good"}),
        ("--no-auth", {"action": "store_true", "help": "ask for no key"}),
        ("--strict-auth", {"action": "store_true", "help": "take no OAuth token but those granted at the document's token address"}),
        ("--strict", {"action": "store_true", "help": "refuse fields and parameters the document does not know"}),
    ),
    "worlds, and where they are kept": (
        ("--data", {"type": _something, "metavar": "DIR", "help": "keep worlds in this folder; without it nothing is kept after exit"}),
        ("--durability", {"choices": ("commit", "relaxed"), "default": "commit",
                          "help": "with --data: on disk before each response leaves (commit, the default), or within 100 ms (relaxed)"}),
        ("--max-worlds", {"type": _count, "default": 10_000, "metavar": "N", "help": "worlds at once (default: 10000)"}),
        ("--idle", {"type": _seconds, "metavar": "SECONDS", "help": "forget a world, but not `default`, that nothing asked for so long"}),
        ("--world-per-key", {"action": "store_true", "help": "give each API key a world of its own"}),
    ),
    "what is printed": (
        ("--log", {"choices": ("text", "json"), "default": "text", "help": "a line for each request, for people (text, the default) or for programs (json, see below)"}),
        ("--color", {"choices": COLOURS, "default": "auto", "help": "in colour (default: auto, on a terminal where NO_COLOR is not set)"}),
        ("--quiet", {"action": "store_true", "help": "do not print a line for each request"}),
    ),
}  # fmt: skip


def add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser], documents: Callable[[argparse.ArgumentParser], None]) -> argparse.ArgumentParser:
    """Declare `serve`, but not what runs it."""
    serve: argparse.ArgumentParser = commands.add_parser(
        "serve",
        help="play an API on localhost",
        description="Play an API on localhost. Without SPEC: the bundled sandbox.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    documents(serve)
    for title, rows in GROUPS.items():
        group = serve.add_argument_group(title)
        for name, words in rows:
            group.add_argument(name, **words)
    return serve
