"""What each JSON Schema keyword may hold, and how OpenAPI 3.0's and older words are said in Draft 2020-12.

1. Tables only, and the small predicates in them; the walk over a schema is in `converting.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")


def is_count(value: Any) -> bool:
    """A whole number, zero or more."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and value == int(value)


def is_number(value: Any) -> bool:
    """A JSON number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_names(value: Any) -> bool:
    """A list of strings."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def is_schema(value: Any) -> bool:
    """An object or a boolean."""
    return isinstance(value, (Mapping, bool))


Rule = tuple[Callable[[Any], bool], str]
COUNT: Rule = (is_count, "a whole number, zero or more")
NUMBER: Rule = (is_number, "a number")
STRING: Rule = (lambda value: isinstance(value, str), "a string")

PLAIN: Mapping[str, Rule] = {
    "maxLength": COUNT,
    "minLength": COUNT,
    "maxItems": COUNT,
    "minItems": COUNT,
    "maxProperties": COUNT,
    "minProperties": COUNT,
    "maxContains": COUNT,
    "minContains": COUNT,
    "maximum": NUMBER,
    "minimum": NUMBER,
    "exclusiveMaximum": NUMBER,
    "exclusiveMinimum": NUMBER,
    "multipleOf": (lambda value: is_number(value) and value > 0, "a number above zero"),
    "pattern": STRING,
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "enum": (lambda value: isinstance(value, list), "a list of values"),
    "const": (lambda value: True, ""),
    "dependentRequired": (
        lambda value: isinstance(value, Mapping) and all(map(is_names, value.values())),
        "an object of lists of property names",
    ),
}
"""Keywords taken over as they are, if they hold what they should."""

SINGLE = frozenset(
    [
        "items",
        "additionalProperties",
        "not",
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
"""Keywords that hold one schema."""

LISTS = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
"""Keywords that hold a list of schemas."""

MAPS = frozenset(["properties", "patternProperties", "dependentSchemas"])
"""Keywords that hold schemas by name."""

ONLY_NEWER = frozenset(
    [
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
        "prefixItems",
        "patternProperties",
        "dependentSchemas",
        "dependentRequired",
        "const",
        "minContains",
        "maxContains",
    ]
)
"""Keywords an OpenAPI 3.0 Schema Object does not have; documents that use them mean them, so they count all the same."""

INTEGER_RANGES: Mapping[str, tuple[int, int]] = {
    # OpenAPI Format Registry
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}

FORMATS: Mapping[str, str] = {
    # format -> a valid value, also the example in messages
    "date-time": "2025-01-01T00:00:00Z",
    "date": "2025-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/",
    "iri": "https://example.com/",
    "iri-reference": "/",
    "uri-template": "/{id}",
    "json-pointer": "/a",
    "relative-json-pointer": "0",
    "regex": ".*",
    "byte": "YQ==",
    "base64": "YQ==",
    "base64url": "YQ",
    "char": "a",
    "url": "https://example.com/",
    "ip": "192.0.2.1",
    "cidr": "192.0.2.0/24",
    "phone": "+15550100",
    "decimal": "0",
    "currency": "EUR",
    "iso-4217": "EUR",
    "country": "NL",
    "timezone": "UTC",
    "password": "secret",
}
"""A smallest plausible value for each format, those nobody checks included."""
