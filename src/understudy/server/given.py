"""What a person gave on the command line of `webhooks`, read and checked: schemes, secrets, URLs.

A secret is never given as an argument, where every process of the machine can read it, and never printed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from understudy.durations import parse_duration
from understudy.webhooks.destinations import allowed
from understudy.webhooks.signing import PROFILES, Profile, ProfileFault, profile_of

VARIABLE = "UNDERSTUDY_WEBHOOK_SECRET"


class Misgiven(Exception):
    """An argument that cannot be; the message says what would be right."""


def profile(named: str) -> Profile:
    """A scheme by name, or of a YAML file. Raises Misgiven."""
    if named in PROFILES:
        return PROFILES[named]
    if not named.endswith((".yaml", ".yml", ".json")):
        raise Misgiven(f"--profile {named}: there are {', '.join(PROFILES)}; or name a YAML file with a scheme of your own")
    from understudy.world.sources import Unreadable, read  # YAML, for those who have a file only

    try:
        row = read(Path(named))
        return profile_of({"name": Path(named).stem, **row} if isinstance(row, Mapping) else {})
    except (Unreadable, ProfileFault) as fault:
        raise Misgiven(f"--profile {named}: {fault}") from None


def secrets(where: str | None) -> tuple[str, ...]:
    """The secrets of `env:NAME` or `file:PATH`, the newest first; none where nothing is given. Raises Misgiven."""
    kind, _, name = (f"env:{VARIABLE}" if where is None else where).partition(":")
    if kind == "env" and name:
        text = os.environ.get(name)
        if text is None and where is not None:
            raise Misgiven(f"--secret env:{name}: there is no such variable")
    elif kind == "file" and name:
        text = _file(name)
    else:
        raise Misgiven("--secret takes env:NAME or file:PATH, never the secret itself: other processes could read it")
    found = tuple(line.strip() for line in (text or "").splitlines() if line.strip() and not line.startswith("#"))
    if where is not None and not found:
        raise Misgiven(f"--secret {kind}:{name}: there is no secret in it")
    return found


def _file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as fault:
        raise Misgiven(f"--secret file:{name}: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise Misgiven(f"--secret file:{name}: not text in UTF-8") from None


def tolerance(text: str | None) -> timedelta | None:
    """How old a signature may be: None as the scheme has it, `any` for no limit. Raises Misgiven."""
    if text is None:
        return None
    if text == "any":
        return timedelta.max
    try:
        return parse_duration(text).rest
    except ValueError as fault:
        raise Misgiven(f"--tolerance: {fault}; or any") from None


def url(option: str, text: str, hosts: Collection[str]) -> str:
    """A URL that may be called. Raises Misgiven."""
    problem = allowed(text, hosts)
    if problem is not None:
        raise Misgiven(f"{option} {text[:200]}: {problem.message}")
    return text


def headers(lines: Collection[str]) -> list[tuple[str, str]]:
    """`Name: value` lines; a value `env:VAR` is that variable's. Raises Misgiven."""
    from understudy.webhooks.recording import sendable  # orjson

    found = []
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.strip()
        if value.startswith("env:"):
            value = os.environ.get(value[4:], "")
        if not colon or not value or not sendable(name, value):
            raise Misgiven(f"--header {name[:60]}: write 'Name: value', or 'Name: env:VARIABLE' of a variable that is set")
        found.append((name, value))
    return found


def faults(text: str) -> list[Mapping[str, Any]]:
    """The rows of `--fault`: JSON, or a file of YAML or JSON that holds one, a list, or what the control plane prints. Raises ValueError."""
    from understudy.world import sources  # YAML, for those who have a file only

    try:
        value = json.loads(text) if text.lstrip()[:1] in ("{", "[") else sources.read(Path(text))
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"--fault {text[:80]}: no JSON: {fault}") from None
    except sources.Unreadable as fault:
        raise ValueError(f"--fault {fault}") from None
    rows = value.get("faults", [value]) if isinstance(value, Mapping) else value
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError(f"--fault {text[:80]}: a fault is an object, or there is a list of them")
    return rows


def failed(*messages: Any) -> int:
    """Say what is wrong; the exit status of what could not be done."""
    for message in messages:
        print(f"understudy: {message}", file=sys.stderr)
    return 2
