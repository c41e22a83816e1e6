"""What a read schema says of its records: which property is the id and how ids look, the alternate key, the time stamps.

1. A property means something by its name first, then by its schema, then by a declared example.
2. Nothing here knows paths but the names of an item's parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.behaviour.looking import Look
from understudy.behaviour.naming import ID_FIELDS, Words, alternatives, identifier, matching, plain, words
from understudy.contract.values import Operation, Schema

if TYPE_CHECKING:
    from understudy.contract.shapes import Shape

_PREFIX = re.compile(r"\^?\(?([A-Za-z]{1,16}(?:_[a-z]{1,12})?)([_-])(?=[A-Za-z0-9\[\\({<*.])")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CREATED = ("createdat", "created", "createdon", "createtime", "createdtime", "creationtime", "creationdate", "createddate",
            "datecreated", "datetimecreated", "creationdatetime", "insertedat", "createddatetime", "timecreated", "createdate")  # fmt: skip
_UPDATED = ("updatedat", "updated", "updatedon", "updatetime", "updatedtime", "modifiedat", "modified", "lastmodified",
            "modifiedon", "modifieddate", "lastupdated", "lastmodifiedat", "dateupdated", "datemodified", "lastupdatedat",
            "modificationtime", "lastmodifieddate", "updateddate", "updatedate", "changedat")  # fmt: skip
_OBJECT_FIELDS = ("object", "object_type", "objectType", "resource_type", "resourceType", "_type")
_GIVEN = ("slug", "name", "key", "code", "username", "email", "ip")
_STATES = ("status", "state")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which property holds the id, which the alternate key, and by which convention."""

    field: str
    key: str | None
    convention: str
    declared: bool  # whether the read schema shows the id at all


def identity_of(parameters: Sequence[str], record: Shape, name: Words) -> Identity:
    """The id field and the alternate key, from the names of the items' path parameters and the record's properties."""
    keys = [
        found
        for parameter in parameters
        for word in alternatives(parameter)
        if (found := matching(word, record.properties))
    ]
    field, convention = _id_field(parameters, record, name)
    if "name" in record.properties and any(words(parameter) == name for parameter in parameters):
        keys.append("name")
    others = [found for parameter in parameters if (found := _exact(parameter, record)) and found != field]
    keys += [other for other in others if plain(other) not in ID_FIELDS and not _is_scalar_id(other, field)]
    key = next((one for one in keys if one != field), None)
    return Identity(field, key, convention, field in record.properties)


def _id_field(parameters: Sequence[str], record: Shape, name: Words) -> tuple[str, str]:
    usual = next((prop for prop in ID_FIELDS if prop in record.properties), None)
    for parameter in parameters:
        found = _named_id(parameter, record, name, usual)
        if found is not None:
            return found
    if usual is not None:
        return usual, f'the record has "{usual}"'
    own = matching("_".join((*name, "id")), record.properties)
    if own is not None:
        return own, "the property named after the resource"
    given = next((prop for prop in _GIVEN if prop in record.properties), None) if parameters else None
    if given is not None:
        return given, f'the record has no id, but "{given}"'
    fallback = parameters[0] if parameters else "id"
    return fallback, "the record shows no id: it is kept under the path parameter's name"


def _named_id(parameter: str, record: Shape, name: Words, usual: str | None) -> tuple[str, str] | None:
    parts = words(parameter)
    if usual and parts and (parts[-1] in ("id", "uuid", "guid", "uid", "identifier") or "or" in parts):
        exact = _exact(parameter, record)
        if exact is None or exact == usual or parts[:-1] == name or usual == "id":
            return usual, f'{{{parameter}}} names the record\'s "{usual}"'
    exact = _exact(parameter, record)
    if exact is not None:
        return exact, f"{{{parameter}}} is a property of the record"
    found = identifier(parameter)
    if found is None or found[1] == "key" or usual is None:
        last = _tail(parameter, record)
        return (last, f"{{{parameter}}} ends in a property of the record") if last else None
    return None


def _exact(parameter: str, record: Shape) -> str | None:
    return parameter if parameter in record.properties else matching(parameter, record.properties)


def _tail(parameter: str, record: Shape) -> str | None:
    """The property a parameter ends in: `floating_ip` for `ip`, `username` for `name`, `logsink_id` for `sink_id`."""
    parts, whole = words(parameter), plain(parameter)
    last = matching(parts[-1], record.properties) if len(parts) > 1 else None
    return last or next((prop for prop in record.properties if identifier(prop) and whole.endswith(plain(prop))), None)


def _is_scalar_id(name: str, field: str) -> bool:
    found = identifier(name)
    return found is not None and found[1] == "id" and plain(name).endswith(plain(field))


# --- how ids look ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IdForm:
    """What an id is made of: prefix, alphabet (a word of `ID_FORMS`) and length after the prefix."""

    prefix: str | None = None
    form: str | None = None
    length: int | None = None
    convention: str = ""


def is_made_up(field: str) -> bool:
    """Whether an id field holds what a server makes up, and not a name people give."""
    found = identifier(field)
    return plain(field) in ID_FIELDS or (found is not None and found[1] == "id")


def id_form(look: Look, part: Schema | None, examples: Iterable[Any]) -> IdForm:
    """How ids look, from the id property's type, format, pattern and the declared examples."""
    shape = look.shape(part) if part is not None else None
    if shape is not None and shape.types & {"integer", "number"} and "string" not in shape.types:
        return IdForm(form="integer", convention="the id's type")
    if shape is not None and shape.format == "uuid":
        return IdForm(form="uuid", convention="the id's format")
    example = next((one for one in examples if isinstance(one, str) and one), None)
    pattern = shape.pattern if shape is not None else None
    if pattern is not None and (match := _PREFIX.match(pattern)):
        return IdForm(_joint(match), *_rest(example, match[0].strip("^(")), convention="the id's pattern")
    if example is not None:
        return _by_example(example)
    return IdForm()


def _by_example(example: str) -> IdForm:
    if _UUID.fullmatch(example):
        return IdForm(form="uuid", convention=f"the example {example}")
    match = _PREFIX.match(example)
    if match and re.fullmatch(r"(?=.*[A-Z0-9])[A-Za-z0-9]{6,64}", example[match.end() :]):
        return IdForm(_joint(match), *_rest(example, match[0]), convention=f"the example {example}")
    if re.fullmatch(r"[A-Za-z0-9]{8,64}", example) and any(sign.isdigit() for sign in example):
        return IdForm(None, *_rest(example, ""), convention=f"the example {example}")
    return IdForm()


def _joint(match: re.Match[str]) -> str:
    return match[1] if match[2] == "_" else match[1] + match[2]


def _rest(example: str | None, prefix: str) -> tuple[str | None, int | None]:
    rest = example.removeprefix(prefix) if example and example.startswith(prefix) else ""
    if not re.fullmatch(r"[A-Za-z0-9]{4,64}", rest):
        return None, None
    forms = (("digits", r"\d+"), ("hex", r"[0-9a-f]+"), ("upper", r"[A-Z0-9]+"), ("lower", r"[a-z0-9]+"))
    return next((form for form, alphabet in forms if re.fullmatch(alphabet, rest)), None), len(rest)


def examples_of(
    part: Schema | None, operations: Iterable[Operation], field: str, wrap: str | None, items: str | None
) -> Iterable[Any]:
    """Declared values of a record's property: at its schema, then in the examples of the answers."""
    value = part.value if part is not None and isinstance(part.value, dict) else {}
    yield value.get("example")
    yield from value["examples"] if isinstance(value.get("examples"), list) else ()
    for operation in operations:
        for response in operation.responses.values():
            for media in response.examples.values() if response.status[0] == "2" else ():
                yield from (_inside(example, field, wrap, items) for example in _declared(media))


def _declared(media: Any) -> Iterable[Any]:
    if not isinstance(media, Mapping):
        return
    yield media.get("example")
    examples = media.get("examples")
    for example in examples.values() if isinstance(examples, Mapping) else ():
        yield example.get("value") if isinstance(example, Mapping) else None


def _inside(example: Any, field: str, wrap: str | None, items: str | None) -> Any:
    if isinstance(example, Mapping):
        example = example.get(wrap, example) if wrap else example
        example = example.get(items, example) if items and isinstance(example, Mapping) else example
    if isinstance(example, list):
        example = example[0] if example else None
    return example.get(field) if isinstance(example, Mapping) else None


# --- time stamps and object types --------------------------------------------------------------------------------


def stamps_of(look: Look, record: Shape) -> tuple[dict[str, str], dict[str, str]]:
    """The fields that hold when a record was made and changed, and the form of those that are no date-time strings."""
    stamps, forms = {}, {}
    spelled = {plain(prop): prop for prop in reversed(tuple(record.properties))}
    for word, names in (("created", _CREATED), ("updated", _UPDATED)):
        for prop in (spelled[name] for name in names if name in spelled):
            form = _stamp_form(look, record.properties[prop])
            if form is not None:
                stamps[word] = prop
                if form != "date-time":
                    forms[prop] = form
                break
    return stamps, forms


def _stamp_form(look: Look, part: Schema) -> str | None:
    shape = look.shape(part)
    if shape.types & {"integer", "number"}:
        return "milliseconds" if _is_milliseconds(part, "integer" not in shape.types) else "seconds"
    if (shape.types and "string" not in shape.types) or shape.enum or shape.properties:
        return None
    return "date" if shape.format == "date" else "date-time"


def _is_milliseconds(part: Schema, any_number: bool) -> bool:
    """By description, format or example; a `number` that says nothing is what JavaScript's clock gives."""
    value = part.value if isinstance(part.value, dict) else {}
    text = f"{value.get('description', '')} {value.get('format', '')}".lower()
    if "milli" in text or "second" in text or "unix" in text:
        return "milli" in text
    if any_number and "example" not in value and "examples" not in value:
        return True
    examples = [value.get("example"), *(value["examples"] if isinstance(value.get("examples"), list) else ())]
    return any(isinstance(one, (int, float)) and one > 100_000_000_000 for one in examples)


def object_type_of(look: Look, record: Shape) -> tuple[str, str] | None:
    """The property that says what kind of object a record is, and what it says: an enum of one or a `const`."""
    for prop in _OBJECT_FIELDS:
        part = record.properties.get(prop)
        enum = look.shape(part).enum if part is not None else None
        if enum is not None and len(enum) == 1 and isinstance(enum[0], str):
            return prop, enum[0]
    return None


def state_of(look: Look, record: Shape, name: Words) -> tuple[str, tuple[str, ...]] | None:
    """The property that holds a record's state and the states, where it has an enum of at least two strings."""
    wanted = [*_STATES, *(f"{word}{state}" for word in ("".join(name), "lifecycle") for state in _STATES)]
    spelled = {plain(prop): prop for prop in record.properties}
    for prop in (spelled[word] for word in wanted if word in spelled):
        states = look.enum(record.properties[prop])
        if len(states) > 1:
            return prop, states
    return None
