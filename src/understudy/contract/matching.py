"""Which operation a method and a raw path mean: a tree with one dictionary look-up for each segment.

1. Literal segments beat mixed ones (`{id}.json`), mixed ones beat plain `{parameters}`; a dead end is walked back.
2. The path item that wins decides alone: a method it lacks is 405, even where a template has it (OpenAPI 3.1, Paths Object).
3. The cost depends on the number of segments, never on the number of path items.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from understudy.contract.values import Operation
from understudy.problems import Problem

PARAMETER = re.compile(r"\{([^{}]*)\}")


class Item(NamedTuple):
    """A path item in the tree: method to operation and the names of its path parameters, in order."""

    methods: dict[str, tuple[Operation, tuple[str, ...]]]


class Node:
    """One segment of the tree: literal children, mixed children by the shape of their affixes, the child of `{any}`."""

    __slots__ = ("any", "item", "literals", "loose", "mixed")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.mixed: dict[tuple[int, int], dict[tuple[str, str], Node]] = {}  # lengths of prefix and suffix, then both
        self.loose: list[
            tuple[tuple[str, ...], Node]
        ] = []  # several parameters in one segment: the literals around them
        self.any: Node | None = None
        self.item: Item | None = None


class Tree:
    """The path items of a contract. `add` while building; `match` from then on."""

    def __init__(self) -> None:
        self._root = Node()
        self._plain: dict[str, Item] = {}

    def add(self, path: str, operation: Operation) -> Operation | None:
        """Place an operation; the one that already stands there, if any, stays and is returned."""
        names: list[str] = []
        node = self._root
        for segment in path.split("/")[1:]:
            node = self._child(node, segment, names)
        if node.item is None:
            node.item = Item({})
            if not names:
                self._plain[unquote(path)] = node.item
        there = node.item.methods.setdefault(operation.method, (operation, tuple(names)))[0]
        return there if there is not operation else None

    def match(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and its decoded path parameters.

        Raises Problem: `unknown_path`, `method_not_allowed` (extra `allow`), `malformed_request` (encoding is not UTF-8).
        """
        item = self._plain.get(path)
        if item is not None:
            return self._operation(item, method, path)[0], {}
        segments = path.split("/")
        if "%" in path:
            segments = [decode(segment) if "%" in segment else segment for segment in segments]
        values: list[str] = []
        item = find(self._root, segments, 1, values)
        if item is None:
            raise Problem("unknown_path", f"there is nothing at {shorten(path)}")
        operation, names = self._operation(item, method, path)
        return operation, dict(zip(names, values, strict=False))

    def _operation(self, item: Item, method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
        found = item.methods.get(method)
        if found is None:
            allow = tuple(item.methods)
            message = f"{shorten(method)} is not allowed on {shorten(path)}; it takes {', '.join(allow)}"
            raise Problem("method_not_allowed", message, extra={"allow": allow})
        return found

    def _child(self, node: Node, segment: str, names: list[str]) -> Node:
        parts = PARAMETER.split(segment)  # literal, name, literal, name, … literal
        names.extend(parts[1::2])
        literals = tuple(unquote(part) for part in parts[::2])
        if len(literals) == 1:
            return node.literals.setdefault(literals[0], Node())
        if len(literals) == 2 and literals == ("", ""):
            node.any = node.any or Node()
            return node.any
        if len(literals) == 2:
            shape = node.mixed.setdefault((len(literals[0]), len(literals[1])), {})
            node.mixed = dict(sorted(node.mixed.items(), key=lambda one: -sum(one[0])))
            return shape.setdefault((literals[0], literals[1]), Node())
        return self._loose(node, literals)

    def _loose(self, node: Node, literals: tuple[str, ...]) -> Node:
        for known, child in node.loose:
            if known == literals:
                return child
        node.loose.append((literals, Node()))
        child = node.loose[-1][1]
        node.loose.sort(key=lambda one: -sum(map(len, one[0])))
        return child


def find(node: Node, segments: list[str], index: int, values: list[str]) -> Item | None:
    """Walk down from a node, most literal way first; `values` holds the parameters of the way that was found."""
    if index == len(segments):
        return node.item
    segment = segments[index]
    child = node.literals.get(segment)
    if child is not None:
        item = find(child, segments, index + 1, values)
        if item is not None:
            return item
    if node.mixed or node.loose:
        item = find_mixed(node, segment, segments, index, values)
        if item is not None:
            return item
    child = node.any
    if child is None or not segment:
        return None
    values.append(segment)
    item = find(child, segments, index + 1, values)
    if item is None:
        values.pop()
    return item


def find_mixed(node: Node, segment: str, segments: list[str], index: int, values: list[str]) -> Item | None:
    """The same for segments that are part literal: one parameter with affixes, then several parameters."""
    for (before, after), children in node.mixed.items():
        end = len(segment) - after
        child = children.get((segment[:before], segment[end:])) if end > before else None
        if child is not None and (item := descend(child, segments, index, values, (segment[before:end],))):
            return item
    for literals, child in node.loose:
        parts = split(segment, literals)
        if parts is not None and (item := descend(child, segments, index, values, parts)):
            return item
    return None


def descend(child: Node, segments: list[str], index: int, values: list[str], found: tuple[str, ...]) -> Item | None:
    """Go on below a mixed segment with its parameters noted; they are taken back when that leads nowhere."""
    kept = len(values)
    values.extend(found)
    item = find(child, segments, index + 1, values)
    if item is None:
        del values[kept:]
    return item


def split(segment: str, literals: tuple[str, ...]) -> tuple[str, ...] | None:
    """The parameters between literals, each as short as can be and none empty; None when the segment does not fit."""
    first, *middle, last = literals
    if not segment.startswith(first):
        return None
    values = []
    start = len(first)
    for literal in middle:
        at = segment.find(literal, start + 1) if literal else start + 1
        if at < 0:
            return None
        values.append(segment[start:at])
        start = at + len(literal)
    end = len(segment) - len(last)
    if end <= start or not segment.endswith(last):
        return None
    return (*values, segment[start:end])


def decode(segment: str) -> str:
    """Percent-decode one segment (RFC 3986 section 2.1). Raises Problem `malformed_request`."""
    if not well_encoded(segment):
        raise Problem(
            "malformed_request", f'"{shorten(segment)}" is not percent-encoded: % is followed by two hex digits'
        )
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise Problem("malformed_request", f'"{shorten(segment)}" is not percent-encoded UTF-8') from None


def well_encoded(text: str) -> bool:
    """Whether each % is followed by two hexadecimal digits."""
    return BAD_ESCAPE.search(text) is None


BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def shorten(text: str, limit: int = 80) -> str:
    """A text cut for a message, an ellipsis at its end."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def build(operations: Sequence[tuple[Operation, tuple[str, ...]]]) -> tuple[Tree, list[tuple[Operation, Operation]]]:
    """The tree of operations under each of their base paths, and the pairs (taken, left out) that collide.

    Under a further base path an operation gives way to what has that path as its first.
    """
    tree, collisions = Tree(), []
    for operation, _ in operations:
        there = tree.add(strip(operation.path), operation)
        if there is not None:
            collisions.append((there, operation))
    for operation, bases in operations:
        inner = operation.path.removeprefix(bases[0])
        for base in bases[1:]:
            tree.add(strip(base + inner), operation)
    return tree, collisions


def strip(path: str) -> str:
    """A path template without query or fragment, which some documents add to tell operations apart."""
    outside = PARAMETER.sub(lambda found: "\0" * len(found.group()), path)
    cut = min((at for at in (outside.find("?"), outside.find("#")) if at >= 0), default=len(path))
    return path[:cut]
