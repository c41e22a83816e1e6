"""What a schema forbids, in our words: which field, what is wrong, what would be right.

1. A table from JSON Schema keyword to sentence; the validator's own texts never leave.
2. Of alternatives (`oneOf`, `anyOf`) the branch that came nearest speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from understudy.contract.converting import DISCRIMINATOR
from understudy.contract.keywords import FORMATS

MISSING = "value required, but not set"
TOO_MANY = "value fits more than one of the forms allowed here, and must fit exactly one"
Path = tuple[str | int, ...]


class Violation(NamedTuple):
    """One breach of a schema: where in the value, the keyword that was broken, the message, the field as dotted path."""

    path: Path
    keyword: str
    message: str
    field: str


class Explainer(NamedTuple):
    """What is needed to explain an error: the compiled bundle, the discriminators, and who judges a part put off."""

    bundle: Mapping[str, Any] | bool
    branch: Callable[[str, Any, Sequence[Any]], int | None]  # discriminator's address, value, branches -> index
    deferred: Callable[[str, Any], Violation | None]  # address, value -> its first violation

    def explain(self, error: Any) -> Violation:
        """The violation an error of the validator stands for; of alternatives, that of the nearest branch."""
        path = tuple(error.instance_path)
        keyword = error.kind.name
        if hasattr(error.kind, "context"):
            return self._alternatives(error, path, keyword)
        if keyword.startswith("x-"):
            inner = self.deferred(error.kind.message, error.instance)
            return prefixed(inner, path) if inner else made(path, keyword, "value is not allowed here")
        extra, message = WORDS.get(keyword, otherwise)(error)
        return made(path + extra, keyword, message)

    def _alternatives(self, error: Any, path: Path, keyword: str) -> Violation:
        branches = error.kind.context
        if not any(branches):
            return made(path, keyword, TOO_MANY)
        chosen = self._discriminated(error, path, keyword)
        if isinstance(chosen, Violation):
            return chosen
        if chosen is None or not branches[chosen]:
            if types := only_types(branches, path):
                return made(path, "type", wrong_type(types, error.instance))
            chosen = nearest(branches, path)
        if not branches[chosen]:
            return made(path, keyword, TOO_MANY)
        return self.explain(branches[chosen][0])

    def _discriminated(self, error: Any, path: Path, keyword: str) -> int | Violation | None:
        node = at(self.bundle, error.schema_path[:-1])
        if not isinstance(node, Mapping) or DISCRIMINATOR not in node or not isinstance(error.instance, dict):
            return None
        found = self.branch(node[DISCRIMINATOR], error.instance, node[keyword])
        return found if not isinstance(found, Unknown) else made(path + found.path, "discriminator", found.message)


class Unknown(NamedTuple):
    """A discriminator's value that names no branch, or its absence."""

    path: Path
    message: str


def made(path: Path, keyword: str, message: str) -> Violation:
    """A violation at a path."""
    return Violation(path, keyword, message, ".".join(map(str, path)))


def prefixed(violation: Violation, path: Path) -> Violation:
    """The same violation, seen from further up."""
    return made(path + violation.path, violation.keyword, violation.message)


def at(schema: Any, path: Iterable[str | int]) -> Any:
    """The part of a schema a path leads to, or None."""
    for step in path:
        if isinstance(schema, Mapping):
            schema = schema.get(str(step))
        elif isinstance(schema, list) and isinstance(step, int) and step < len(schema):
            schema = schema[step]
        else:
            return None
    return schema


# choosing a branch ---------------------------------------------------------------------------------------------------


def nearest(branches: Sequence[Sequence[Any]], path: Path) -> int:
    """The branch with the least serious errors; the first of equals."""
    return min(range(len(branches)), key=lambda index: (distance(branches[index], path), index))


def distance(errors: Sequence[Any], path: Path) -> tuple[int, int, int]:
    """How far a value is from a branch: wrong in kind, wrong in what tells kinds apart, number of errors."""
    kind = sum(1 for error in errors if error.kind.name == "type" and tuple(error.instance_path) == path)
    marks = sum(1 for error in errors if is_mark(error))
    return (kind or not errors, marks, len(errors))


def is_mark(error: Any) -> bool:
    """Whether an error concerns a fixed value, which is how unions without discriminator tell their forms apart."""
    name = error.kind.name
    return name in ("const", "falseSchema") or (name == "enum" and len(error.kind.options) <= 1)


def only_types(branches: Sequence[Sequence[Any]], path: Path) -> list[str] | None:
    """The types the branches ask for, when each fails on its type alone."""
    types: list[str] = []
    for errors in branches:
        first = errors[0] if errors else None
        if first is None or first.kind.name != "type" or tuple(first.instance_path) != path:
            return None
        types += first.kind.types
    return types


# words ---------------------------------------------------------------------------------------------------------------

NAMES = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


def type_of(value: Any) -> str:
    """The JSON type of a value, as a noun with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return NAMES["string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"]


def shown(value: Any, limit: int = 60) -> str:
    """A value as JSON, shortened."""
    try:
        text = orjson.dumps(value).decode()
    except (TypeError, UnicodeEncodeError):
        text = str(value)
    if len(text) <= limit:
        return text
    return text[: limit - 2] + ('…"' if text.startswith('"') else "…")


def plain(value: Any) -> str:
    """A value as it stands in a list of choices: strings without quotes."""
    return value if isinstance(value, str) else shown(value)


def listed(values: Sequence[Any], limit: int = 12) -> str:
    """Choices, separated by commas; the rest counted when there are many."""
    text = ", ".join(plain(value) for value in values[:limit])
    return text if len(values) <= limit else f"{text} and {len(values) - limit} more"


def alternatives(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def wrong_type(types: Sequence[str], value: Any) -> str:
    """`value must be a string or null, not a number`."""
    ordered = sorted(dict.fromkeys(types), key=list(NAMES).index)
    whole = "integer" in types and isinstance(value, float)
    return f"value must be {alternatives([NAMES[name] for name in ordered])}, not {shown(value) if whole else type_of(value)}"


def not_among(options: Sequence[Any], value: Any) -> str:
    """`value "X" is not one of A, B, C`, with the nearest one when there is a near one."""
    message = f"value {shown(value)} is not one of {listed(options)}"
    near = nearest_name(value, options) if isinstance(value, str) else None
    return f'{message}; did you mean "{near}"?' if near else message


def nearest_name(name: str, known: Iterable[Any]) -> str | None:
    """The known name most like this one, if any is like it."""
    return None if len(name) > 100 else _nearest(name, tuple(one for one in known if isinstance(one, str)))


@lru_cache(maxsize=1024)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    """As `nearest_name`; the same mistake is often made again, and comparing costs 10 µs and more."""
    from difflib import get_close_matches  # kept off the start-up path: needed for mistakes only

    by_case = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), list(by_case), 1, 0.7)
    return by_case[found[0]] if found else None


Words = Callable[[Any], tuple[Path, str]]


def said(template: Callable[[Any], str]) -> Words:
    """A row of the table for an error that concerns the value itself."""
    return lambda error: ((), template(error))


def size(noun: str, few: bool) -> Words:
    """A row for counts: items, fields."""
    word, bound = ("few", "minimum required") if few else ("many", "maximum allowed")
    return said(lambda e: f"value holds too {word} {noun} ({len(e.instance)}, {bound}: {e.kind.limit})")


def missing(error: Any) -> tuple[Path, str]:
    """A property that is required, or required because another is there."""
    return (error.kind.property,), MISSING


def unexpected(error: Any) -> tuple[Path, str]:
    """A property or item that is not declared where nothing else is allowed."""
    first = error.kind.unexpected[0]
    if error.kind.name == "unevaluatedItems":
        return (), f"value holds an item too many: {first}"
    return (first,), "field is not known here, and no others are allowed"


def bad_name(error: Any) -> tuple[Path, str]:
    """A property whose name is not allowed."""
    inner = error.kind.error
    _, message = WORDS.get(inner.kind.name, otherwise)(inner)
    return (str(inner.instance),), message.replace("value", "field name", 1)


def contains(error: Any) -> tuple[Path, str]:
    """Too few or too many items of a certain kind."""
    if error.schema_path[-1] == "maxContains":
        return (), "value holds too many items of one kind"
    return (), "value holds no item, or too few, of the kind that is required"


def repeated(error: Any) -> tuple[Path, str]:
    """The same item twice; says which."""
    seen: dict[str, int] = {}
    for index, item in enumerate(error.instance):
        before = seen.setdefault(shown(item, 10_000), index)
        if before != index:
            return (index,), f"value holds the same item twice (items {before} and {index}), and must hold each once"
    return (), "value holds the same item twice, and must hold each once"


def bad_format(error: Any) -> tuple[Path, str]:
    """Not of a format; with an example of one that is."""
    name = error.kind.format
    example = f", such as {FORMATS[name]}" if name in FORMATS else ""
    return (), f"value {shown(error.instance)} is not a valid {name}{example}"


def nothing_allowed(error: Any) -> tuple[Path, str]:
    """A value, or any field of an object, where the schema is `false`."""
    if error.schema_path[-1:] == ["additionalProperties"] and isinstance(error.instance, dict):
        return tuple(error.instance)[:1], "field is not known here, and no others are allowed"
    return (), "no value is allowed here"


def otherwise(error: Any) -> tuple[Path, str]:
    """A keyword without words of its own."""
    return (), f"value {shown(error.instance)} is not allowed here ({error.kind.name})"


def length(few: bool) -> Words:
    """A row for lengths of strings, in characters."""
    word, bound = ("short", "minimum required") if few else ("long", "maximum allowed")
    return said(lambda e: f"value is too {word} ({len(e.instance)} characters, {bound}: {e.kind.limit})")


WORDS: Mapping[str, Words] = {
    "type": said(lambda e: wrong_type(e.kind.types, e.instance)),
    "required": missing,
    "enum": said(lambda e: not_among(e.kind.options, e.instance)),
    "const": said(lambda e: f"value must be {shown(e.kind.expected_value)}, not {shown(e.instance)}"),
    "pattern": said(lambda e: f"value {shown(e.instance)} does not match the pattern {e.kind.pattern}"),
    "format": bad_format,
    "minLength": length(True),
    "maxLength": length(False),
    "minimum": said(lambda e: f"value is too small ({shown(e.instance)}, minimum allowed: {shown(e.kind.limit)})"),
    "maximum": said(lambda e: f"value is too large ({shown(e.instance)}, maximum allowed: {shown(e.kind.limit)})"),
    "exclusiveMinimum": said(
        lambda e: f"value is too small ({shown(e.instance)}, must be above {shown(e.kind.limit)})"
    ),
    "exclusiveMaximum": said(
        lambda e: f"value is too large ({shown(e.instance)}, must be below {shown(e.kind.limit)})"
    ),
    "multipleOf": said(lambda e: f"value {shown(e.instance)} is not a multiple of {shown(e.kind.multiple_of)}"),
    "minItems": size("items", True),
    "maxItems": size("items", False),
    "minProperties": size("fields", True),
    "maxProperties": size("fields", False),
    "uniqueItems": repeated,
    "additionalProperties": unexpected,
    "unevaluatedProperties": unexpected,
    "unevaluatedItems": unexpected,
    "propertyNames": bad_name,
    "contains": contains,
    "not": said(lambda e: f"value {shown(e.instance)} is one of those ruled out here"),
    "falseSchema": nothing_allowed,
}
"""JSON Schema keyword -> the field below the value that is meant, and the sentence."""
