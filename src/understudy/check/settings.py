"""The options of `understudy check` and `drift`: from the command line, on top of a file; with every mistake told at once.

`[tool.understudy.check]` in pyproject.toml, or `[check]` in understudy.toml, in the folder the command is run in.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Misconfigured(Exception):
    """Options that cannot be used: what is wrong, where, and what would be right."""


KINDS: Mapping[str, tuple[type, ...]] = {
    "url": (str,), "behaviour": (str,), "fixture": (str,), "reset": (str,), "key-env": (str,), "key-file": (str,), "other-key-env": (str,), "seed": (int,), "max-time": (int, float),
    "workers": (int,), "include": (list, str), "exclude": (list, str), "law": (list, str), "without-law": (list, str), "tag": (list, str), "report": (list, str),
    "allow-writes": (bool,), "rate": (int, float), "timeout": (int, float), "insecure": (bool,), "ca": (str,), "layers": (list, str), "fuzz-time": (int, float), "spec": (list, str),
    "baseline": (str,), "scenario": (list, str), "inputs": (str,), "against": (str,), "traffic": (list, str),
}  # fmt: skip
"""Every setting a file may hold, and the types it may have."""

_NAMES = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", list: "a list of strings"}


def from_files(folder: Path, command: str, named: str | None = None) -> dict[str, Any]:
    """What a file in a folder says of a command. Raises Misconfigured."""
    for path, keys in ((Path(named) if named else folder / "understudy.toml", (command,)), (folder / "pyproject.toml", ("tool", "understudy", command))):
        if path.is_file():
            return _checked(_table(path, keys if path.name == "pyproject.toml" else (command,)), path, keys)
        if named:
            raise Misconfigured(f"{named}: no such file")
    return {}


def _table(path: Path, keys: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        value: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise Misconfigured(f"{path}: {fault}") from None
    for key in keys:
        value = value.get(key, {}) if isinstance(value, Mapping) else {}
    return value if isinstance(value, Mapping) else {}


def _checked(table: Mapping[str, Any], path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    where = f"{path} [{'.'.join(keys)}]"
    faults = []
    for name, value in table.items():
        kinds = KINDS.get(name)
        if kinds is None:
            faults.append(f'{where}: "{name}" is no setting; there are {", ".join(KINDS)}')
        elif not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            faults.append(f"{where}: {name} is {value!r}; it is {' or '.join(_NAMES[kind] for kind in kinds)}")
        elif isinstance(value, list) and not all(isinstance(one, str) for one in value):
            faults.append(f"{where}: {name} is a list of strings")
    if faults:
        raise Misconfigured("\n".join(faults))
    return {name: [value] if list in KINDS[name] and isinstance(value, str) else value for name, value in table.items()}


def joined(options: argparse.Namespace, table: Mapping[str, Any]) -> argparse.Namespace:
    """Options of the command line, on top of a file's."""
    for name, value in table.items():
        attribute = name.replace("-", "_")
        if getattr(options, attribute, None) in (None, [], False):
            setattr(options, attribute, value)
    return options


def secret(environment: str | None, path: str | None) -> str | None:
    """A key, from the environment or a file: never from the command line, where others see it. Raises Misconfigured."""
    if environment is not None:
        value = os.environ.get(environment)
        if not value:
            raise Misconfigured(f"--key-env {environment}: this environment variable is not set")
        return value
    if path is not None:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as fault:
            raise Misconfigured(f"--key-file {path}: {fault.strerror}") from None
    return None
