"""OpenAPI documents on file, as stock schemathesis is to be given them.

Nothing is played here.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from support.reasons import METHODS
from understudy.world import sources

KEY = "a-good-key"
OPENAPI = (b"openapi", b"swagger", b'"openapi"', b'"swagger"')
DEEPEST = 14


def documents(folders: list[Path]) -> Iterator[Path]:
    """The files that say at their beginning that they are OpenAPI documents, in order."""
    for folder in folders:
        files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        for path in files:
            if path.suffix in (".yaml", ".yml", ".json") and path.is_file() and "behaviour" not in path.name and any(
                line.lstrip(b" {").startswith(OPENAPI) for line in path.read_bytes()[:4000].splitlines()
            ):
                yield path


def credentials(operations: Any) -> dict[str, Any]:
    """What schemathesis is told to send: the alternative that most operations ask for, and no other beside it."""
    asked = Counter(tuple(one.name for one in operation.security[0]) for operation in operations if operation.security)
    most = asked.most_common(1)[0][0] if asked else ()
    schemes = {one.name: one.scheme for operation in operations for alternative in operation.security or () for one in alternative}
    headers, cookies, query = {}, {}, {}
    for scheme in (schemes[name] for name in most):
        if scheme.get("type") == "apiKey":
            {"header": headers, "cookie": cookies, "query": query}[scheme["in"]][scheme["name"]] = KEY
        elif scheme.get("scheme", scheme.get("type")) == "basic":
            headers["Authorization"] = "Basic " + base64.b64encode(f"{KEY}:{KEY}".encode()).decode()
        else:
            headers["Authorization"] = f"Bearer {KEY}"
    parameters = {f"cookie.{name}": key for name, key in cookies.items()} | {f"query.{name}": key for name, key in query.items()}
    return {"headers": headers} | ({"parameters": parameters} if parameters else {})


def whole(document: Any, path: Path) -> Any:
    """A document in one piece, as schemathesis reads it: what stands in other files is put in place of the reference.

    A reference back to what it stands in is left open (any value), so that the document ends.
    """
    files: dict[Path, Any] = {path.resolve(): document}

    def at(file: Path, pointer: str) -> Any:
        value = files[file] if file in files else files.setdefault(file, sources.read(file))
        for step in pointer.strip("/").split("/") if pointer.strip("/") else ():
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def laid(value: Any, file: Path, inside: tuple[tuple[Path, str], ...]) -> Any:
        if isinstance(value, list):
            return [laid(part, file, inside) for part in value]
        if not isinstance(value, dict):
            return value
        ref = value.get("$ref")
        if not isinstance(ref, str) or (file == path.resolve() and ref.startswith("#")):
            return {key: laid(part, file, inside) for key, part in value.items()}
        name, _, pointer = ref.partition("#")
        target = ((file.parent / unquote(name)).resolve() if name else file, pointer)
        return {} if target in inside or len(inside) > DEEPEST else laid(at(*target), target[0], (*inside, target))

    return laid(document, path.resolve(), ())


def without_dead_links(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A document without the response links that name an operation it does not have, and those links.

    One of them is enough for schemathesis to leave its stateful phase out.
    """
    ids = {one.get("operationId") for _, one in _operations(document)}
    dead: list[str] = []
    paths: dict[str, Any] = dict(document.get("paths", {}))
    for (path, method), operation in _operations(document):
        responses = {status: _linked(answer, ids, f"{method.upper()} {path}", dead) for status, answer in operation.get("responses", {}).items()}
        paths[path] = {**paths[path], method: {**operation, "responses": responses}}
    return {**document, "paths": paths}, dead


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS if isinstance(item, Mapping) else ():
            if isinstance(item.get(method), Mapping):
                yield (path, method), item[method]


def _linked(response: Any, ids: set[Any], where: str, dead: list[str]) -> Any:
    links = response.get("links") if isinstance(response, Mapping) else None
    if not isinstance(links, Mapping):
        return response
    lost = {name for name, link in links.items() if isinstance(link, Mapping) and link.get("operationId", next(iter(ids), None)) not in ids}
    dead.extend(f"{where}: the link {name} leads to no operation" for name in sorted(lost))
    return {**response, "links": {name: link for name, link in links.items() if name not in lost}}
