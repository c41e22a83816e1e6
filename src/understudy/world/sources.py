"""Documents, behaviour files and fixtures read from disk, each parse kept so that an unchanged file is not parsed again.

1. Only files are opened, and only those named or referred to from beside those named; no URL is ever fetched here.
2. YAML is read as JSON values: time stamps stay strings, only `true` and `false` are booleans (YAML 1.2 core schema).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

_FORMAT = b"1"
"""Changes when kept parses of older versions may no longer be used."""

_SMALL = 20_000
"""Bytes below which parsing costs less than looking for a kept parse."""


class Unreadable(Exception):
    """A file that is not there, or not JSON or YAML. `where` is the file with line and column, where known."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where
        self.message = message


def read(path: Path) -> Any:
    """The JSON value a file holds, JSON or YAML by its content. Raises Unreadable."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise Unreadable(str(path), fault.strerror or "cannot be read") from None
    return parse(data, str(path))


def parse(data: bytes, where: str) -> Any:
    """The JSON value of JSON or YAML text. Raises Unreadable."""
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as fault:
            if where.endswith(".json"):
                raise Unreadable(f"{where}:{fault.lineno}:{fault.colno}", f"not JSON: {fault.msg}") from None
    return _yaml(data, where) if len(data) < _SMALL else _kept(data, lambda: _yaml(data, where))


def _yaml(data: bytes, where: str) -> Any:
    import yaml  # 16 ms: not for JSON documents or kept parses

    try:
        return yaml.load(data, Loader=_loader())
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise Unreadable(place, f"not YAML: {getattr(fault, 'problem', None) or fault}") from None
    except (ValueError, RecursionError, UnicodeDecodeError) as fault:
        raise Unreadable(where, f"not YAML: {fault}") from None


def written(value: Any) -> str:
    """A JSON value as YAML, in its own order."""
    import yaml  # as above

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120))


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
    folder = _folder()
    try:
        return orjson.loads((folder / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        value = make()
        _keep(folder, name, value)
        return value


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy"


def _keep(folder: Path, name: str, value: Any) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        passing = folder / f"{name}.{os.getpid()}"
        passing.write_bytes(orjson.dumps(value))
        passing.replace(folder / f"{name}.json")
    except (OSError, TypeError):
        pass  # a cache that cannot be written is no fault of anyone's


def judged(path: Path, judge: Callable[[], list[Any]]) -> list[Any]:
    """What is wrong with a file, asked of `judge` once for each content: that nothing is wrong is kept."""
    try:
        data = path.read_bytes()
    except OSError:
        return judge()
    name = blake2b(data, digest_size=20, key=_FORMAT + b"judged").hexdigest()
    if (_folder() / f"{name}.json").exists():
        return []
    faults = judge()
    if not faults:
        _keep(_folder(), name, True)
    return faults


def retriever(root: Path) -> Callable[[str], Any]:
    """Reads what a document refers to: files in the document's folder or below it. Raises Unreadable for anything else."""
    top = root.resolve()

    def retrieve(uri: str) -> Any:
        parts = urlsplit(uri)
        if parts.scheme not in ("", "file"):
            raise Unreadable(uri, "refers to another host, which is never fetched; save it beside the document")
        path = Path(unquote(parts.path)).resolve()
        if not path.is_relative_to(top):
            raise Unreadable(uri, f"lies outside {top}")
        return read(path)

    return retrieve
