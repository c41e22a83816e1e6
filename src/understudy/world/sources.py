"""Documents, behaviour files and fixtures read from disk, each parse kept so that an unchanged file is not parsed again.

1. Only the file that was asked for is opened; what may be asked for is settled in `specs`.
2. YAML is read as JSON values: time stamps stay strings, only `true` and `false` are booleans (YAML 1.2 core schema).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from understudy import exact

_FORMAT = b"2"
"""Changes when kept parses of older versions may no longer be used."""

_SMALL = 20_000
"""Bytes below which parsing costs less than looking for a kept parse."""

_ALIAS = re.compile(rb"[\s\[{,:-]\*[^\s*]")
"""Where YAML text may have an alias (YAML 1.2 section 7.1)."""

_MOST_PARTS = 5_000_000
"""Values a document may hold once aliases are written out: ten times the largest known."""


class Unreadable(Exception):
    """A file that is not there, or not JSON or YAML. `where` is the file with line and column, where known."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where
        self.message = message


_NOTED: ContextVar[set[Path] | None] = ContextVar("_NOTED", default=None)


@contextmanager
def noted() -> Iterator[set[Path]]:
    """The files that are read meanwhile, found or not."""
    files: set[Path] = set()
    token = _NOTED.set(files)
    try:
        yield files
    finally:
        _NOTED.reset(token)


def read(path: Path) -> Any:
    """The JSON value a file holds, JSON or YAML by its content. Raises Unreadable."""
    files = _NOTED.get()
    if files is not None:
        files.add(path)
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise Unreadable(str(path), fault.strerror or "cannot be read") from None
    return parse(data, str(path))


def parse(data: bytes, where: str) -> Any:
    """The JSON value of JSON or YAML text. Raises Unreadable."""
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return exact.read(data)
        except orjson.JSONDecodeError as fault:
            if where.endswith(".json"):
                raise Unreadable(f"{where}:{fault.lineno}:{fault.colno}", f"not JSON: {fault.msg}") from None
    if data.lstrip()[:1] == b"<":
        raise Unreadable(where, "neither JSON nor YAML: it looks like a web page, or XML")
    return _yaml(data, where) if len(data) < _SMALL else _kept(data, lambda: _yaml(data, where))


def _yaml(data: bytes, where: str) -> Any:
    import yaml  # 16 ms: not for JSON documents or kept parses

    try:
        value = yaml.load(data, Loader=_loader())
        if _ALIAS.search(data):
            _measure(value, {}, where)
        return _plain(value)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise Unreadable(place, f"not YAML: {getattr(fault, 'problem', None) or ' '.join(str(fault).split())}") from None
    except RecursionError:
        raise Unreadable(where, "nested too deep, or a value within itself") from None
    except ValueError as fault:
        raise Unreadable(where, f"not YAML: {fault}") from None


def _plain(value: Any) -> Any:
    """A YAML value as JSON has it: names are text, and no part stands in two places."""
    try:
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
    except TypeError:  # numbers of more than 64 bits, or too deep for orjson
        return _copied(value)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name if isinstance(name, str) else str(orjson.dumps(name), "ascii"): _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def _measure(value: Any, known: dict[int, int], where: str) -> int:
    """The parts a value has with every alias written out; `known`: those of containers already seen. Raises Unreadable."""
    if not isinstance(value, dict | list):
        return 1
    size = known.get(id(value))
    if size == 0:
        raise Unreadable(where, "an alias stands within what it is an alias of")
    if size is None:
        known[id(value)] = 0
        parts = value.values() if isinstance(value, dict) else value
        size = known[id(value)] = 1 + sum(_measure(part, known, where) for part in parts)
    if size > _MOST_PARTS:
        raise Unreadable(where, f"its aliases make more than {_MOST_PARTS:,} parts of it")
    return size


def written(value: Any) -> str:
    """A JSON value as YAML, in its own order."""
    import yaml  # as above

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120))


@cache
def _loader() -> Any:
    import yaml  # as above

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tags = "tag:yaml.org,2002:"
    core = {
        f"{tags}bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF"),
        f"{tags}int": (re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), "-+0123456789"),
        f"{tags}float": (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "-+.0123456789"),
        f"{tags}null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
        f"{tags}merge": (re.compile(r"<<"), ["<"]),
    }

    def decimal(loader: Any, node: Any) -> int:
        text = str(node.value)
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)

    loader: Any = type("CoreLoader", (base,), {"yaml_implicit_resolvers": {}})
    for tag, (pattern, first) in core.items():
        loader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern.pattern})$"), list(first))
    loader.add_constructor(f"{tags}int", decimal)
    return loader


def _kept(data: bytes, make: Callable[[], Any]) -> Any:
    """A parse from the user's cache folder, where it is written once; without such a folder, the parse itself."""
    name = blake2b(data, digest_size=20, key=_FORMAT).hexdigest()
    folder = cache_folder()
    try:
        return orjson.loads((folder / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        value = make()
        _keep(folder, name, value)
        return value


def cache_folder() -> Path:
    """Where parses are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy"


def _keep(folder: Path, name: str, value: Any) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        passing = folder / f"{name}.{os.getpid()}"
        passing.write_bytes(orjson.dumps(value))
        passing.replace(folder / f"{name}.json")
    except (OSError, TypeError):
        pass  # a cache that cannot be written is no fault of anyone's


def judged(path: Path, judge: Callable[[], list[Any]], rules: bytes) -> list[Any]:
    """What is wrong with a file, asked of `judge` once for each content and set of rules: that nothing is wrong is kept."""
    try:
        data = path.read_bytes()
    except OSError:
        return judge()
    name = blake2b(data + b"\0" + rules, digest_size=20, key=_FORMAT + b"judged").hexdigest()
    if (cache_folder() / f"{name}.json").exists():
        return []
    faults = judge()
    if not faults:
        _keep(cache_folder(), name, True)
    return faults
