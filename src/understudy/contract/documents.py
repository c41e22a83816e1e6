"""The documents of a contract as one web of JSON values: addresses, pointers, references, anchors.

1. An address is `document URI # JSON pointer`; every part of every document has exactly one.
2. Nothing is opened here: a document that is not at hand is asked of the injected `retrieve`.
3. Nothing is crawled until a reference cannot be followed without it (`$id`, `$anchor`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from understudy.contract.lifting import lift

Retrieve = Callable[[str], Any]

MAX_HOPS = 64
OPAQUE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!/)")


class Unresolvable(LookupError):
    """A reference that leads nowhere. Attributes: `ref` as written, `where` it stands, `reason` in one clause."""

    def __init__(self, ref: str, where: str, reason: str) -> None:
        super().__init__(f'"{ref}" leads nowhere: {reason}')
        self.ref = ref
        self.where = where
        self.reason = reason


class Documents:
    """JSON values by URI, and the way from a reference to what it names.

    `entries` are the URIs of the documents handed over, in order; others join as they are retrieved.
    """

    def __init__(self, documents: Sequence[tuple[str, Any]], retrieve: Retrieve | None = None) -> None:
        self.entries = tuple(uri.partition("#")[0] for uri, _ in documents)
        self._retrieve = retrieve
        self._values: dict[str, Any] = {}
        self._dialects: dict[str, str] = {}
        self._found: dict[tuple[str, str], str] = {}
        self._indexed: set[str] = set()
        self._scoped: set[str] = set()
        self._ids: dict[str, str] = {}
        self._anchors: dict[tuple[str, str], str] = {}
        self._scopes: dict[str, str] = {}
        self._selves: dict[str, str] = {}
        self._named: dict[str, str] = {}
        for uri, value in documents:
            self._add(uri.partition("#")[0], value, "3.1")

    def document(self, uri: str) -> Any:
        """The JSON value of a document by URI; KeyError when it is not at hand."""
        return self._values[uri]

    def dialect(self, address: str) -> str:
        """Which Schema Object an address holds: `3.0` (also lifted 2.0) or `3.1` (also 3.2)."""
        return self._dialects.get(address.partition("#")[0], "3.1")

    def at(self, address: str) -> Any:
        """The value at an address. Raises Unresolvable."""
        uri, _, fragment = address.partition("#")
        if uri not in self._values:
            raise Unresolvable(address, address, "the document is not at hand")
        return self._walk(self._values[uri], fragment, address, address)

    def resolve(self, base: str, ref: str) -> str:
        """The address a reference standing at `base` names. Raises Unresolvable."""
        if not isinstance(ref, str):
            raise Unresolvable(repr(ref), base, "a reference is a string")
        document = base.partition("#")[0]
        found = self._found.get((document, ref))
        if found is None:
            try:
                found = self._resolve(base, document, ref)
            except ValueError as fault:  # an address urllib cannot take apart
                raise Unresolvable(ref, base, f"it is no address ({fault})") from None
            if document not in self._scoped:  # embedded `$id`s make the answer depend on the place
                self._found[document, ref] = found
        return found

    def follow(self, address: str, value: Any) -> tuple[str, Any]:
        """Follow Reference Objects from a value to the object they end at. Raises Unresolvable."""
        for _ in range(MAX_HOPS):
            if not isinstance(value, Mapping) or "$ref" not in value:
                return address, value
            address = self.resolve(address, value["$ref"])
            value = self.at(address)
        raise Unresolvable(str(value.get("$ref")), address, "it refers to itself")

    def referred_map(self, place: str, value: Any) -> tuple[str, Any]:
        """A map of schemas, which some documents write as a reference to one; else the value as it is."""
        if isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
            with suppress(Unresolvable):
                return self.follow(place, value)
        return place, value

    def embedded(self, address: str) -> bool:
        """Whether an address lies within a schema that has an `$id` of its own."""
        document = address.partition("#")[0]
        self._index(document)
        return self._scope(address) not in (document, self._selves.get(document))

    def identity(self, address: str) -> str | None:
        """The absolute URI a schema's `$id` gives it."""
        self._index(address.partition("#")[0])
        return self._scopes.get(address)

    def is_dynamic(self, address: str) -> bool:
        """Whether the schema at an address is a `$dynamicAnchor`."""
        value = self.at(address)
        return isinstance(value, Mapping) and "$dynamicAnchor" in value

    # finding -----------------------------------------------------------------------------------------------------

    def _resolve(self, base: str, document: str, ref: str) -> str:
        if ref.startswith("#/"):
            return self._resolve_pointer(base, document, ref)
        if ref.startswith("#"):
            return self._resolve_anchor(base, document, ref)
        root, fragment = self._root(document, base, ref)
        return self._inside(root, fragment, base, ref)

    def _resolve_pointer(self, base: str, document: str, ref: str) -> str:
        try:
            return self._inside(document, ref[1:], base, ref)
        except Unresolvable:
            self._index(document)
            root = self._ids.get(self._scope(base))
            if root is None:
                raise
            return self._inside(root, ref[1:], base, ref)

    def _resolve_anchor(self, base: str, document: str, ref: str) -> str:
        self._index(document)
        scope = self._scope(base)
        if ref == "#":
            return self._ids.get(scope, document + "#")
        return self._inside(self._ids.get(scope, document), ref[1:], base, ref)

    def _root(self, document: str, base: str, ref: str) -> tuple[str, str]:
        """The address a reference's URI stands for (a document, or a schema whose `$id` it is), and its fragment."""
        target, _, fragment = join(document, ref).partition("#")
        if target in self._values and document not in self._scoped:
            return target, fragment
        for entry in self.entries:
            self._index(entry)
        named = join(self._scope(base), ref).partition("#")[0]
        if named in self._ids:
            return self._ids[named], fragment
        if named in self._named:
            return self._named[named], fragment
        lies = target if document in self._selves else named  # `$self` says what a document is called, not where it lies
        if lies not in self._values:
            self._fetch(lies, base, ref)
        return lies, fragment

    def _fetch(self, target: str, base: str, ref: str) -> None:
        if self._retrieve is None:
            raise Unresolvable(ref, base, f"no document {target} was given")
        if target.startswith("file:") and base.startswith(("http:", "https:")):
            raise Unresolvable(ref, base, "a document from the web may not refer to files of this machine")
        try:
            value = self._retrieve(target)
        except Exception as error:  # whatever the injected callable raises: the reference cannot be followed
            raise Unresolvable(ref, base, f"{target} cannot be read ({getattr(error, 'message', error)})") from error
        self._add(target, value, self.dialect(base))

    def _inside(self, root: str, fragment: str, base: str, ref: str) -> str:
        """The address of a fragment within a root, which may itself be a place inside a document."""
        document, _, prefix = root.partition("#")
        if fragment and not fragment.startswith("/"):
            self._index(document)
            scope = self._scopes.get(root, document)
            address = self._anchors.get((scope, fragment)) or self._anchors.get((document, fragment))
            if address is None:
                raise Unresolvable(ref, base, f'there is no "$anchor": "{fragment}"')
            return address
        pointer = prefix + (unquote(fragment) if "%" in fragment else fragment)
        self._walk(self._values[document], pointer, base, ref)
        return f"{document}#{pointer}"

    def _walk(self, value: Any, pointer: str, base: str, ref: str) -> Any:
        for step in pointer.split("/")[1:]:
            token = step.replace("~1", "/").replace("~0", "~") if "~" in step else step
            try:
                value = value[int(token)] if isinstance(value, list) else value[token]
            except (KeyError, IndexError, ValueError, TypeError):
                raise Unresolvable(ref, base, f'there is no "{token}" there') from None
        return value

    # knowing -----------------------------------------------------------------------------------------------------

    def _add(self, uri: str, value: Any, dialect: str) -> None:
        if isinstance(value, Mapping) and str(value.get("swagger", "")).startswith("2"):
            value, dialect = lift(value), "3.0"
        elif isinstance(value, Mapping) and "openapi" in value:
            dialect = "3.0" if str(value["openapi"]).startswith("3.0") else "3.1"
        self._values[uri] = value
        self._dialects[uri] = dialect
        if isinstance(value, Mapping) and isinstance(value.get("$self"), str):  # OpenAPI 3.2, OpenAPI Object, $self
            self._selves[uri] = join(uri, value["$self"]).partition("#")[0]
            self._named[self._selves[uri]] = uri

    def _scope(self, base: str) -> str:
        """The base URI in force at an address: the nearest `$id` above it, else the document's own URI."""
        document, _, pointer = base.partition("#")
        while pointer and self._scopes:
            scope = self._scopes.get(f"{document}#{pointer}")
            if scope is not None:
                return scope
            pointer = pointer.rpartition("/")[0]
        return self._selves.get(document, document)

    def _index(self, document: str) -> None:
        if document in self._indexed or document not in self._values:
            return
        self._indexed.add(document)
        own = self._selves.get(document, document)
        for address, scope, schema in identified(self._values[document], document, own):
            if "$id" in schema:
                self._ids[scope] = address
                self._scopes[address] = scope
                self._scoped.add(document)
            for keyword in ("$anchor", "$dynamicAnchor"):
                if isinstance(schema.get(keyword), str):
                    self._anchors.setdefault((document if scope == own else scope, schema[keyword]), address)


def identified(value: Any, document: str, base: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every object of a document with `$id`, `$anchor` or `$dynamicAnchor`: its address, its base URI, itself."""
    pending: list[tuple[Any, str, str]] = [(value, "", base)]
    while pending:
        node, pointer, scope = pending.pop()
        if isinstance(node, list):
            pending.extend((item, f"{pointer}/{index}", scope) for index, item in enumerate(node))
        elif isinstance(node, dict):
            if isinstance(node.get("$id"), str):
                scope = join(scope, node["$id"]).rstrip("#")
                yield f"{document}#{pointer}", scope, node
            elif "$anchor" in node or "$dynamicAnchor" in node:
                yield f"{document}#{pointer}", scope, node
            pending.extend((item, f"{pointer}/{escape(name)}", scope) for name, item in node.items())


def escape(token: str) -> str:
    """One step of a JSON pointer (RFC 6901 section 3)."""
    token = str(token)
    if "~" in token or "/" in token:
        return token.replace("~", "~0").replace("/", "~1")
    return token


@lru_cache(maxsize=4096)
def join(base: str, ref: str) -> str:
    """Resolve a URI reference against a base (RFC 3986 section 5), also for schemes `urljoin` does not know."""
    scheme, colon, rest = base.partition(":")
    if not colon or "/" in scheme or urlsplit(ref).scheme:
        return urljoin(base, ref)
    if OPAQUE.match(base):
        return f"{scheme}:{urljoin('/' + rest, ref).lstrip('/')}"
    return scheme + urljoin("http" + colon + rest, ref).removeprefix("http")
