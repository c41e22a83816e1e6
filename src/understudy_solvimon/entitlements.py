"""Entitlements: what is promised of a feature, merged over plans and subscriptions.

Of several promises the better one counts (assumed): on before off, the higher number or amount, every word of a list.
A promise with `override` or `overwrite` takes the place of those before it instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from understudy_solvimon import money
from understudy_solvimon.refusal import Refusal

FIELDS: Mapping[str, str] = {"SWITCH": "switch", "NUMBER": "number", "AMOUNT": "amount", "ENUM": "enum", "STRING": "string"}
"""The field of an entitlement that a feature of each type is promised in (reference, Entitlement)."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of a feature: a flag, a decimal string, an amount, or the words of a list."""

    feature_id: str
    reference: str
    type: str
    value: Any
    replaces: bool = False


def check(feature: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """Raises Refusal: the field of the feature's type is missing, another one is there, a word the feature does not have."""
    wanted = FIELDS[feature["type"]]
    given = [field for field in FIELDS.values() if row.get(field) is not None]
    if given != [wanted]:
        raise Refusal(next((field for field in given if field != wanted), wanted),
                      f"the feature {feature['reference']} is of type {feature['type']}, so {wanted} says what is promised, and nothing else")
    if wanted == "enum" and feature.get("enum_values") and row["enum"] not in feature["enum_values"]:
        raise Refusal("enum", f"must be one of {', '.join(feature['enum_values'])}")


def promise(feature: Mapping[str, Any], row: Mapping[str, Any]) -> Promise:
    """The promise of an entitlement; nothing promised where the field of the feature's type is missing."""
    value = row.get(FIELDS[feature["type"]])
    words = (value,) if feature["type"] in ("ENUM", "STRING") and value is not None else ()
    replaces = row.get("override") is True or row.get("overwrite") is True
    return Promise(feature["id"], feature["reference"], feature["type"], words or value, replaces)


def merged(promises: Iterable[Promise]) -> list[Promise]:
    """One promise for each feature, in order of first appearance."""
    found: dict[str, Promise] = {}
    for one in promises:
        known = found.get(one.feature_id)
        found[one.feature_id] = one if known is None or one.replaces else replace(known, value=_better(known, one))
    return list(found.values())


def overridden(below: Iterable[Promise], above: Iterable[Promise]) -> list[Promise]:
    """What lies below, with what stands above in its place where both speak of a feature."""
    own = {one.feature_id: one for one in merged(above)}
    rest = list(below)
    return [own.pop(one.feature_id, one) for one in rest] + list(own.values())


def shown(one: Promise) -> dict[str, Any]:
    """A promise as the API answers it; the words of a list in the plural."""
    named = {"feature_reference": one.reference, "feature_id": one.feature_id}
    if one.value is None:
        return named
    plural = {"ENUM": "enums", "STRING": "strings"}.get(one.type)
    return {**named, plural: list(one.value)} if plural else {**named, FIELDS[one.type]: one.value}


def _better(first: Promise, second: Promise) -> Any:
    if first.value is None or second.value is None:
        return first.value if second.value is None else second.value
    return _BETTER[first.type](first.value, second.value)


def _amount(first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any]:
    """The higher of two amounts; the first where they are of different currencies."""
    one, other = money.money(first), money.money(second)
    return second if one.currency == other.currency and other.quantity > one.quantity else first


_BETTER: Mapping[str, Any] = {
    "SWITCH": lambda first, second: first or second,
    "NUMBER": lambda first, second: max(first, second, key=money.number),
    "AMOUNT": _amount,
    "ENUM": lambda first, second: tuple(dict.fromkeys((*first, *second))),
    "STRING": lambda first, second: tuple(dict.fromkeys((*first, *second))),
}
