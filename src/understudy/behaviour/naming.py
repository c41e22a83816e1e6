"""Words of an API's names: split from any spelling, made singular, told apart from the suffixes that mean "identifier".

Only names stand here: no paths, no schemas, no resources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

Words = tuple[str, ...]

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")
_PLURAL_SIGLE = re.compile(r"(ID|URN|UUID|URL)s(?![a-z])")

_IRREGULAR: Mapping[str, str] = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "indices": "index", "matrices": "matrix",
    "vertices": "vertex", "criteria": "criterion", "analyses": "analysis", "statuses": "status", "aliases": "alias",
    "bonuses": "bonus", "viruses": "virus", "buses": "bus", "caches": "cache", "movies": "movie", "cookies": "cookie",
    "leaves": "leaf", "shelves": "shelf", "wolves": "wolf", "phenomena": "phenomenon", "branches": "branch",
    "quizzes": "quiz", "axes": "axis", "lens": "lens", "gateways": "gateway",
}  # fmt: skip
_UNCOUNTABLE = frozenset((
    "access", "address", "analysis", "bus", "business", "canvas", "chaos", "class", "data", "equipment",
    "feedback", "gas", "information", "lens", "media", "metadata", "news", "progress", "series", "sms",
    "software", "species", "status", "saas", "dns", "kms", "ios", "https", "cors", "aws", "mfa", "ddos", "sops", "nfs",
))  # fmt: skip
_SINGULAR = _UNCOUNTABLE | frozenset(_IRREGULAR.values())
_ES = ("sses", "xes", "ches", "shes", "zzes")

IDENTIFIERS: Mapping[str, str] = {
    # last word of a name -> what the value is: an id, or a key people give
    "id": "id", "ids": "id", "uuid": "id", "uuids": "id", "guid": "id", "guids": "id", "uid": "id", "uids": "id",
    "sid": "id", "arn": "id", "urn": "id", "identifier": "id",
    "slug": "key", "slugs": "key", "reference": "key", "references": "key", "ref": "key", "name": "key", "names": "key",
    "key": "key", "keys": "key", "code": "key", "codes": "key", "number": "key", "numbers": "key", "handle": "key",
    "username": "key", "email": "key", "token": "key", "hash": "key", "tag": "key", "version": "key",
}  # fmt: skip
"""Suffixes that make a name an identifier of something."""

ID_FIELDS = ("id", "uuid", "guid", "uid", "_id", "sid", "arn", "urn", "identifier")
"""Names of the property that holds a record's own id, the likeliest first."""

FOREIGN = frozenset((
    "external", "client", "original", "third", "partner", "provider", "remote", "custom", "legacy", "foreign",
    "request", "idempotency",
))  # fmt: skip
"""A reference whose name begins with one of these points outside the API."""


@lru_cache(maxsize=16_384)
def words(name: str) -> Words:
    """The words of a name in lower case: `customerId`, `customer_id`, `Customer-ID` and `customer.id` are all (customer, id)."""
    return tuple(word.lower() for word in _WORD.findall(_PLURAL_SIGLE.sub(lambda match: match[1].title() + "s", name)))


def plain(name: str) -> str:
    """A name as one lower-case string without signs, to compare spellings: `page[size]` is `pagesize`."""
    return "".join(words(name))


@lru_cache(maxsize=4_096)
def singular_word(word: str) -> str:
    """One English word in the singular, by a table of exceptions and the commonest endings."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _SINGULAR or len(word) < 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(_ES) else word[:-1]


def singular(name: str) -> Words:
    """The words of a name, the last one in the singular: `line-items` is (line, item)."""
    parts = words(name)
    return (*parts[:-1], singular_word(parts[-1])) if parts else ()


def snake(parts: Iterable[str]) -> str:
    """Words as a resource's name: lower case, joined by `_`, beginning with a letter."""
    text = "_".join(parts)
    return text if text[:1].isalpha() else f"n{text}" if text else "thing"


def identifier(name: str) -> tuple[Words, str] | None:
    """What a name identifies and how (`id` or `key`): `customerId` -> ((customer,), id); None where it has no such suffix."""
    parts = words(name)
    kind = IDENTIFIERS.get(parts[-1]) if parts else None
    return ((*parts[:-1],), kind) if kind else None


def alternatives(name: str) -> Words:
    """The keys a parameter takes beside the id: `resourceIdOrReference`, `id_or_slug` -> (reference,), (slug,); else none."""
    parts = words(name)
    if "or" not in parts:
        return ()
    spot = parts.index("or")
    return ("".join(parts[spot + 1 :]),) if 0 < spot < len(parts) - 1 else ()


def matching(wanted: str, names: Iterable[str]) -> str | None:
    """The first of the names that is spelled like the wanted one, whatever the signs and capitals."""
    target = plain(wanted)
    return next((name for name in names if plain(name) == target), None)


def participles(verb: str) -> tuple[str, ...]:
    """What a regular English verb makes of its object: cancel -> canceled, cancelled; deny -> denied; close -> closed."""
    if verb.endswith("e"):
        return (verb + "d",)
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return (verb[:-1] + "ied",)
    return (verb + "ed", verb + verb[-1:] + "ed")
