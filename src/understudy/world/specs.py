"""What a person named on the command line becomes documents: files, folders, URLs, standard input.

1. Only what was named is opened, and what the documents refer to beside it: in the same folder, or below the same URL.
2. Everything that cannot be read is found at once, each with its place; what the documents say is not looked at here.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from understudy.contract.values import Fault
from understudy.world.sources import Unreadable, parse, read

STANDARD_INPUT = "-"

_SUFFIXES = (".yaml", ".yml", ".json")
_BEHAVIOUR = (".behaviour.yaml", ".behaviour.yml", ".behaviour.json")
_OVERLAY = (".overlay.yaml", ".overlay.yml", ".overlay.json")
_VERSION = re.compile(rb"""(?:^|[{,\s])["']?(?:openapi|swagger)["']?\s*:""")
"""How a document says what it is (OpenAPI 3.1, OpenAPI Object, openapi)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One document: `uri` is where it lies, `shown` what a person calls it, `path` its file if it has one."""

    uri: str
    shown: str
    value: Mapping[str, Any]
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """The documents that could be read, in the order they were named, what could not, and where more may be read."""

    documents: tuple[Found, ...]
    faults: tuple[Fault, ...]
    retrieve: Callable[[str], Any]


def gather(named: Sequence[str]) -> Gathered:
    """Every document that files, folders, URLs and `-` hold. Nothing is raised: faults are in the result."""
    found: dict[str, Found] = {}
    faults: list[Fault] = []
    roots: list[str] = []
    for name in named:
        for one in _documents_of(name, roots):
            if isinstance(one, Fault):
                faults.append(one)
            else:
                found.setdefault(one.uri, one)
    return Gathered(tuple(found.values()), tuple(dict.fromkeys(faults)), retriever(roots))


def is_url(name: str) -> bool:
    """Whether a name is an address to fetch."""
    return name.lower().startswith(("http://", "https://"))


def read_named(name: str) -> tuple[str, Any]:
    """The address and the JSON value of a file or a URL a person named. Raises Unreadable."""
    return _fetched(name) if is_url(name) else (_path(name).resolve().as_uri(), read(_path(name)))


def _documents_of(name: str, roots: list[str]) -> Iterator[Found | Fault]:
    try:
        if name == STANDARD_INPUT:
            yield _from_input(roots)
        elif is_url(name):
            yield _from_url(name, roots)
        elif _path(name).is_dir():
            yield from _from_folder(_path(name), roots)
        else:
            yield _from_file(_path(name), name, roots)
    except Unreadable as fault:
        yield Fault(fault.where, fault.message)
    except OSError as fault:  # a folder that may not be looked into
        yield Fault(name, fault.strerror or "cannot be read")


def _path(name: str) -> Path:
    return Path(unquote(urlsplit(name).path)) if name.startswith("file:") else Path(name)


def _from_file(path: Path, shown: str, roots: list[str]) -> Found:
    whole = path.resolve()
    roots.append(_folder_uri(whole.parent))
    return Found(whole.as_uri(), shown, _object(read(path), shown), path)


def _from_input(roots: list[str]) -> Found:
    here = Path.cwd()
    roots.append(_folder_uri(here))
    value = parse(sys.stdin.buffer.read(), "standard input")
    return Found((here / "standard input").as_uri(), "standard input", _object(value, "standard input"))


def _from_url(url: str, roots: list[str]) -> Found:
    final, value = _fetched(url)
    address = urlsplit(final)._replace(fragment="").geturl()
    roots.append(_folder_of(address))
    return Found(address, url, _object(value, url))


def _folder_of(url: str) -> str:
    """The address of the folder a URL lies in: what a document there may refer to begins with it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rpartition('/')[0]}/"


def _fetched(url: str) -> tuple[str, Any]:
    from understudy.world.fetching import fetch  # urllib.request, 25 ms: only where a URL is named

    final, data = fetch(url)
    return final, parse(data, url)


def _object(value: Any, shown: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable(shown, "not an OpenAPI document: the top is no object")
    return value


# --- folders -----------------------------------------------------------------------------------------------------


def _from_folder(folder: Path, roots: list[str]) -> Iterator[Found | Fault]:
    """The documents that lie in a folder, or else those in the folders below it; other files are parts they may refer to."""
    roots.append(_folder_uri(folder.resolve()))
    candidates = list(_documents(sorted(folder.iterdir()))) or list(_documents(_below_folder(folder)))
    if not candidates:
        yield Fault(str(folder), f"holds no OpenAPI document: no file ending in {', '.join(_SUFFIXES)} has `openapi` or `swagger` at its top")
    yield from _read_all(candidates)


def _below_folder(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        yield from (Path(here, name) for name in sorted(names))


def _documents(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        name = path.name.lower()
        if name.endswith(_SUFFIXES) and not name.endswith(_BEHAVIOUR + _OVERLAY) and not name.startswith(".") and _speaks(path):
            yield path


def _speaks(path: Path) -> bool:
    """Whether a file seems to be a document, by the bytes: parsing each part of a document in many files would cost seconds."""
    try:
        return path.is_file() and _VERSION.search(path.read_bytes()) is not None
    except OSError:
        return True  # what cannot be read is said when it is read


def _read_all(paths: Iterable[Path]) -> Iterator[Found | Fault]:
    for path in paths:
        try:
            value = read(path)
        except Unreadable as fault:
            yield Fault(fault.where, fault.message)
            continue
        if isinstance(value, Mapping) and ("openapi" in value or "swagger" in value):
            yield Found(path.resolve().as_uri(), str(path), value, path)


# --- what documents refer to -------------------------------------------------------------------------------------


def retriever(roots: Iterable[str]) -> Callable[[str], Any]:
    """Reads what a document refers to, where it lies below one of the roots (URIs of folders). Raises Unreadable elsewhere."""
    allowed = tuple(dict.fromkeys(roots))

    def retrieve(uri: str) -> Any:
        if urlsplit(uri).scheme in ("", "file"):
            path = Path(unquote(urlsplit(uri).path)).resolve()
            _stay(path.as_uri(), allowed, "lies outside")
            return read(path)
        if is_url(uri):
            _stay(_plain(uri), allowed, "is not fetched: it does not lie below")
            return _below(uri, allowed)
        raise Unreadable(uri, "is neither a file nor an address that can be fetched")

    return retrieve


def _below(uri: str, allowed: tuple[str, ...]) -> Any:
    final, value = _fetched(uri)
    _stay(_plain(final), allowed, "answers with a redirect away from")
    return value


def _plain(url: str) -> str:
    """A URL without `..`, also where it is written with percent signs."""
    parts = urlsplit(url)
    if ".." in unquote(parts.path).split("/") or "\\" in unquote(parts.path):
        raise Unreadable(url, "is not fetched: its path goes up")
    return url


def _stay(uri: str, allowed: tuple[str, ...], otherwise: str) -> None:
    if not uri.startswith(allowed or ("\0",)):
        own = [root for root in allowed if urlsplit(root).scheme == urlsplit(uri).scheme] or list(allowed)
        raise Unreadable(uri, f"{otherwise} {' or '.join(map(_shown_root, own))}; save it there, or join it into the document")


def _shown_root(root: str) -> str:
    return unquote(urlsplit(root).path) if root.startswith("file:") else root


def _folder_uri(folder: Path) -> str:
    return folder.as_uri().rstrip("/") + "/"
