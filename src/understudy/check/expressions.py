"""Runtime expressions and criteria of Arazzo 1.0, as references and claims: nothing is sent here, and no document is read.

1. A value that an answer gives stays a reference, so whatever is made of it can be sent again to another target.
2. What cannot be read raises `Unplayable` with its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.check.claims import Claim
from understudy.check.steps import ABSENT, Ref, Step, at

EMBEDDED = re.compile(r"\{(\$[^{}]+)\}")
_TOKEN = re.compile(r"\s*(?:(&&|\|\||==|!=|<=|>=|[<>!()])|('(?:[^']|'')*')|([^\s&|=!<>()']+))")
LITERALS = {"true": True, "false": False, "null": None}


class Unplayable(ValueError):
    """A document that cannot be played: where and why."""


@dataclass
class Scene:
    """A workflow being played: its inputs, the outputs of its steps and of workflows before it, the last request and its answer."""

    where: str
    inputs: Mapping[str, Any]
    sources: Mapping[str, str] = field(default_factory=dict)  # name -> url
    components: Mapping[str, Any] = field(default_factory=dict)
    workflows: dict[str, dict[str, Any]] = field(default_factory=dict)  # id -> {"inputs": …, "outputs": …}
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    last: int = -1  # the step whose answer `$response` means
    request: Step | None = None


# --- values -------------------------------------------------------------------------------------------------------------


def value_of(value: Any, scene: Scene, where: str) -> Any:
    """A value with its runtime expressions put in: references where answers give them."""
    if isinstance(value, dict):
        return {name: value_of(part, scene, where) for name, part in value.items()}
    if isinstance(value, list):
        return [value_of(part, scene, where) for part in value]
    if not isinstance(value, str):
        return value
    if value.startswith("$"):
        return expression(value, scene, where)
    whole = EMBEDDED.fullmatch(value)
    if whole:
        return expression(whole[1], scene, where)
    return EMBEDDED.sub(lambda found: str(_plain(expression(found[1], scene, where), found[1], where)), value)


def _plain(value: Any, text: str, where: str) -> Any:
    if isinstance(value, Ref):
        raise Unplayable(f"{where}: {text} comes from an answer and must be the whole value")
    return value


def expression(text: str, scene: Scene, where: str) -> Any:
    """What a runtime expression stands for (Arazzo 1.0.1, Runtime Expressions). Raises Unplayable."""
    head, _, rest = text.partition(".")
    head, sharp, pointer = head.partition("#")
    if head == "$response":
        return _response(rest, scene, text, where)
    reader = _READERS.get(head)
    found = reader(scene, f"{rest}{sharp}{pointer}") if reader is not None else ABSENT
    if found is ABSENT:
        raise Unplayable(f"{where}: {text} is nothing that was given before")
    return found


def _response(rest: str, scene: Scene, text: str, where: str) -> Any:
    if scene.last < 0:
        raise Unplayable(f"{where}: {text} is nothing that was given before: no request was sent yet")
    if rest.startswith("header."):
        return Ref(scene.last, (rest[len("header.") :].lower(),), "headers")
    name, _, pointer = rest.partition("#")
    if name == "body" or name.startswith("body."):
        return _inside(Ref(scene.last), f"{name[4:]}#{pointer}")
    raise Unplayable(f"{where}: {text} is no runtime expression; there are $response.body#/… and $response.header.NAME")


def _inside(value: Any, rest: str) -> Any:
    """What stands below a value: by a pointer (`#/a/0`), or by names and indexes (`.a[0]`)."""
    names, _, pointer = rest.partition("#")
    path: list[str | int] = [int(one) if one.isdigit() else one for one in re.findall(r"[^.\[\]]+", names)]
    path += [_part(one) for one in pointer.strip("/").split("/")] if pointer.strip("/") else []
    if isinstance(value, Ref):
        return value.below(*path)
    return at(value, path)


def _part(text: str) -> str | int:
    return int(text) if text.isdigit() else text.replace("~1", "/").replace("~0", "~")


def _status(scene: Scene, rest: str) -> Any:
    return Ref(scene.last, (), "status") if scene.last >= 0 else ABSENT


def _named(values: Mapping[str, Any], rest: str) -> Any:
    """A value by its name, and what stands below it; the longest name counts, as names may hold dots."""
    for name in sorted(values, key=len, reverse=True):
        if rest == name or (rest.startswith(name) and rest[len(name)] in ".#["):
            return _inside(values[name], rest[len(name) :])
    return ABSENT


def _steps(scene: Scene, rest: str) -> Any:
    step, _, name = rest.partition(".outputs.")
    return _named(scene.outputs.get(step, {}), name)


def _workflows(scene: Scene, rest: str) -> Any:
    found = re.fullmatch(r"([\w-]+)\.(inputs|outputs)\.(.+)", rest)
    return _named(scene.workflows.get(found[1], {}).get(found[2], {}), found[3]) if found else ABSENT


def _sources(scene: Scene, rest: str) -> Any:
    name, _, field_ = rest.partition(".")
    return scene.sources.get(name, ABSENT) if field_ == "url" else ABSENT


def _asked(scene: Scene, rest: str) -> Any:
    step = scene.request
    if step is None:
        return ABSENT
    kind, _, name = rest.partition(".")
    if kind.startswith("body"):
        return _inside(step.body, rest[4:])
    values = {"query": dict(step.query), "path": step.parameters, "header": {key.lower(): one for key, one in step.headers.items()}}.get(kind, {})
    return values.get(name.lower() if kind == "header" else name, ABSENT)


_READERS: Mapping[str, Any] = {
    "$statusCode": _status,
    "$method": lambda scene, rest: scene.request.method if scene.request is not None else ABSENT,
    "$url": lambda scene, rest: scene.request.path if scene.request is not None else ABSENT,
    "$request": _asked,
    "$inputs": lambda scene, rest: _named(scene.inputs, rest),
    "$steps": _steps,
    "$workflows": _workflows,
    "$sourceDescriptions": _sources,
    "$components": lambda scene, rest: _inside(scene.components, f".{rest}"),
}


# --- criteria -----------------------------------------------------------------------------------------------------------


def criterion(row: Mapping[str, Any], scene: Scene, where: str) -> Claim:
    """A Criterion Object as a claim. Raises Unplayable."""
    condition, kind = str(row.get("condition", "")), row.get("type", "simple")
    kind = kind.get("type") if isinstance(kind, Mapping) else kind
    says = f"{where.rpartition(': ')[2]}: {condition} does not hold"
    if kind == "simple":
        return Claim("meets", {"test": _Conditions(condition, scene, where).whole()}, says)
    if kind not in ("regex", "jsonpath"):
        raise Unplayable(f"{where}: criteria of type {kind} are not read here; there are simple, regex and jsonpath")
    if "context" not in row:
        raise Unplayable(f"{where}: a criterion of type {kind} needs a context, such as $response.body")
    context = expression(str(row["context"]), scene, where)
    return Claim("matches", {"value": context, "pattern": _pattern(condition, where)}, says) if kind == "regex" else Claim("finds", {"value": context, "path": _path(condition, where)}, says)


def _pattern(text: str, where: str) -> str:
    try:
        re.compile(text)
    except re.error as fault:
        raise Unplayable(f"{where}: {text} is no regular expression: {fault}") from None
    return text


def _path(text: str, where: str) -> str:
    import jsonpath_rfc9535  # met only where a document has such a criterion

    try:
        jsonpath_rfc9535.compile(text)
    except jsonpath_rfc9535.JSONPathError as fault:
        raise Unplayable(f"{where}: {text} is no JSONPath (RFC 9535): {fault}") from None
    return text


class _Conditions:
    """A simple condition, read from left to right: `||` over `&&` over `!`, comparisons, parentheses."""

    def __init__(self, text: str, scene: Scene, where: str) -> None:
        self.text, self.scene, self.where = text, scene, where
        self.tokens = [match[1] or match[2] or match[3] for match in _TOKEN.finditer(text)]
        if "".join(self.tokens).replace(" ", "") != text.replace(" ", "") or not self.tokens:
            self._wrong()

    def _wrong(self) -> None:
        raise Unplayable(f"{self.where}: {self.text} is no comparison such as $statusCode == 200")

    def whole(self) -> dict[str, Any]:
        found = self._some("||", "any", self._both)
        if self.tokens:
            self._wrong()
        return found

    def _both(self) -> dict[str, Any]:
        return self._some("&&", "all", self._one)

    def _some(self, sign: str, name: str, part: Any) -> dict[str, Any]:
        found = [part()]
        while self.tokens[:1] == [sign]:
            self.tokens.pop(0)
            found.append(part())
        return found[0] if len(found) == 1 else {name: found}

    def _one(self) -> dict[str, Any]:
        if self.tokens[:1] == ["!"]:
            self.tokens.pop(0)
            return {"not": self._one()}
        if self.tokens[:1] == ["("]:
            self.tokens.pop(0)
            found = self._some("||", "any", self._both)
            if self.tokens[:1] != [")"]:
                self._wrong()
            self.tokens.pop(0)
            return found
        return self._comparison()

    def _comparison(self) -> dict[str, Any]:
        left = self._operand()
        if not self.tokens or self.tokens[0] not in ("==", "!=", "<=", ">=", "<", ">"):
            return {"true": left}
        sign = self.tokens.pop(0)
        return {"left": left, "sign": sign, "right": self._operand()}

    def _operand(self) -> Any:
        """A literal (Arazzo 1.0.1, Criterion Object, Literals) or a runtime expression."""
        text = self.tokens.pop(0) if self.tokens else ""
        if text.startswith("$"):
            return expression(text, self.scene, self.where)
        if text in LITERALS:
            return LITERALS[text]
        if text[:1] == "'":
            return text[1:-1].replace("''", "'")
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            self._wrong()
