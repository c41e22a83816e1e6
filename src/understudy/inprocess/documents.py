"""What a program names a document by: a file, a URL, or the document itself, which is then put into a file while it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from understudy.exact import write

Document = str | os.PathLike[str] | Mapping[str, Any]
"""The name of a file, a folder or a URL; or a document as JSON values."""


@contextmanager
def named(given: Document | Sequence[Document] | None) -> Iterator[tuple[str, ...]]:
    """The names of documents, good while the block runs."""
    several: Sequence[Document] = () if given is None else (given,) if isinstance(given, str | os.PathLike | Mapping) else given
    with ExitStack() as stack:
        yield tuple(_name(one, number, stack) for number, one in enumerate(several))


@contextmanager
def named_one(given: Document | None) -> Iterator[str | None]:
    """The same for one that may be left out."""
    with named(given) as names:
        yield names[0] if names else None


def _name(one: Document, number: int, stack: ExitStack) -> str:
    if not isinstance(one, Mapping):
        return os.fspath(one)
    path = Path(stack.enter_context(TemporaryDirectory(prefix="understudy-"))) / f"document-{number + 1}.json"
    path.write_bytes(write(dict(one)))
    return str(path)
