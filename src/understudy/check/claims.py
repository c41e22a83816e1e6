"""What an answer must be, as data: a predicate of `PREDICATES` by name, over places in the answers to earlier steps.

1. A predicate is a function of plain JSON values that needs nothing but itself and `plain`: scripts for people carry its source.
2. A claim about an answer that was never given is neither kept nor broken: `judge` gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.check.steps import ABSENT, Answers, Ref, Unmade, resolve


@dataclass(frozen=True, slots=True)
class Claim:
    """`predicate(**values)`, provided that everything in `given` holds. `says` is for people."""

    predicate: str
    values: Mapping[str, Any]
    says: str
    given: tuple[Claim, ...] = field(default=())


def judge(claim: Claim, answers: Answers) -> bool | None:
    """Whether a claim is kept; None where it says nothing of these answers."""
    if any(judge(one, answers) is not True for one in claim.given):
        return None
    try:
        values = {name: _resolved(value, answers) for name, value in claim.values.items()}
    except Unmade:
        return None
    return PREDICATES[claim.predicate](**values)


def _resolved(value: Any, answers: Answers) -> Any:
    """As `resolve`; in a list, what was never given is left out."""
    if not isinstance(value, list):
        return resolve(value, answers)
    found = []
    for one in value:
        try:
            found.append(resolve(one, answers))
        except Unmade:
            continue
    return found


# --- predicates ---------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value for comparing: numbers as numbers, a time stamp without the way its zone and fraction are written."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, str) and len(value) > 18 and value[10:11] in "Tt" and value[4:5] == "-":
        from datetime import UTC, datetime  # the source of this function is also a script's

        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00").replace("z", "+00:00"))
            return moment.astimezone(UTC).isoformat() if moment.tzinfo else value
        except ValueError:
            return value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def among(value: Any, options: list[Any]) -> bool | None:
    """A status among statuses and classes such as `2xx`, or any value among others."""
    return value in options or (isinstance(value, int) and f"{value // 100}xx" in options)


def not_among(value: Any, options: list[Any]) -> bool | None:
    """None of these."""
    return not bool(value in options or (isinstance(value, int) and f"{value // 100}xx" in options))


def equal(left: Any, right: Any) -> bool | None:
    """The same JSON value."""
    return plain(left) == plain(right) and isinstance(left, bool) == isinstance(right, bool)


def same(left: Any, right: Any, ignoring: list[str]) -> bool | None:
    """Two objects agree in every property both have."""
    if not isinstance(left, dict) or not isinstance(right, dict):
        return None
    shared = [name for name in left if name in right and name not in ignoring]
    return all(plain(left[name]) == plain(right[name]) for name in shared)


def unchanged(before: Any, after: Any, ignoring: list[str]) -> bool | None:
    """An object is as it was, but for some properties."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    return all(plain(before.get(name)) == plain(after.get(name)) for name in {*before, *after} if name not in ignoring)


def holds(got: Any, sent: Any) -> bool | None:
    """Everything sent is in what was got: objects may have further properties, null may be nothing."""
    if isinstance(sent, dict):
        return isinstance(got, dict) and all((value is None and name not in got) or (name in got and holds(got[name], value)) for name, value in sent.items())
    if isinstance(sent, list):
        return isinstance(got, list) and len(got) == len(sent) and all(holds(one, other) for one, other in zip(got, sent, strict=True))
    return bool(plain(got) == plain(sent)) and isinstance(got, bool) == isinstance(sent, bool)


def lists(items: Any, key: str, value: Any) -> bool | None:
    """A list holds the record, once."""
    if not isinstance(items, list):
        return None
    return bool(sum(isinstance(one, dict) and one.get(key) == value for one in items) == 1)


def omits(items: Any, key: str, value: Any) -> bool | None:
    """A list does not hold the record."""
    if not isinstance(items, list):
        return None
    return not any(isinstance(one, dict) and one.get(key) == value for one in items)


def item_agrees(items: Any, key: str, record: Any, ignoring: list[str]) -> bool | None:
    """The record's row in a list agrees with the record in every property both have."""
    if not isinstance(items, list) or not isinstance(record, dict):
        return None
    row = next((one for one in items if isinstance(one, dict) and one.get(key) == record.get(key)), None)
    if row is None:
        return None
    return all(plain(row[name]) == plain(record[name]) for name in row if name in record and name not in ignoring)


def concatenate(items: Any, whole: Any, key: str) -> bool | None:
    """Pages walked to their end are the whole list, in its order."""
    if not isinstance(items, list) or not isinstance(whole, list):
        return None
    return [one.get(key) for one in items] == [one.get(key) for one in whole]


def joins(items: Any, whole: Any, key: str) -> bool | None:
    """Pages hold every record of the whole list."""
    if not isinstance(items, list) or not isinstance(whole, list):
        return None
    return {str(one.get(key)) for one in whole} <= {str(one.get(key)) for one in items}


def ends(items: Any, whole: Any, key: str) -> bool | None:
    """A page is the last of a list: some records, and those it ends with."""
    if not isinstance(items, list) or not isinstance(whole, list) or not whole:
        return None
    return bool(items) and [one.get(key) for one in items] == [one.get(key) for one in whole[-len(items) :]]


def told_count(value: Any, items: Any) -> bool | None:
    """A text is how many a list holds."""
    if not isinstance(items, list):
        return None
    return bool(str(value).strip() == str(len(items)))


def at_most(items: Any, most: int) -> bool | None:
    """A page is no longer than was asked for."""
    return len(items) <= most if isinstance(items, list) else None


def at_least(items: Any, least: int) -> bool | None:
    """A page is as long as was asked for, as so many records are there."""
    return len(items) >= least if isinstance(items, list) else None


def ordered(items: Any, field: str, down: bool) -> bool | None:
    """Sorted by a field; numbers as numbers, text by its code points or without regard to capitals; without a value anywhere."""
    if not isinstance(items, list):
        return None
    values = [plain(one[field]) for one in items if isinstance(one, dict) and one.get(field) is not None]
    folded = [value.casefold() if isinstance(value, str) else value for value in values]
    try:
        return values == sorted(values, reverse=down) or folded == sorted(folded, reverse=down)
    except TypeError:
        return None


def accepts(word: str, value: Any, bound: Any) -> bool:
    """Whether a value satisfies a filter."""
    value, bound = plain(value), plain(bound)
    if word == "among":
        return value in bound
    if word == "contains":
        return isinstance(value, str) and str(bound).casefold() in value.casefold()
    if word == "equals":
        return bool(bound in value if isinstance(value, list) else value == bound)
    if value is None or type(value) is not type(bound):
        return False
    return bool({"gt": value > bound, "gte": value >= bound, "lt": value < bound, "lte": value <= bound}[word])


def sound(items: Any, field: str, word: str, bound: Any) -> bool | None:
    """Every record of a filtered list satisfies the filter."""
    if not isinstance(items, list):
        return None
    return all(accepts(word, one.get(field), bound) for one in items if isinstance(one, dict) and field in one)


def complete(items: Any, whole: Any, key: str, tests: list[Any]) -> bool | None:
    """A filtered list has every record of the whole that satisfies all filters, given as [field, word, bound]."""
    if not isinstance(items, list) or not isinstance(whole, list):
        return None
    have = [one.get(key) for one in items]
    wanted = [one.get(key) for one in whole if all(accepts(word, one.get(field), bound) for field, word, bound in tests)]
    return all(one in have for one in wanted)


def same_set(left: Any, right: Any, key: str) -> bool | None:
    """Two lists hold the same records, in any order."""
    if not isinstance(left, list) or not isinstance(right, list):
        return None
    return sorted(str(one.get(key)) for one in left) == sorted(str(one.get(key)) for one in right)


def reversed_of(left: Any, right: Any, key: str) -> bool | None:
    """One list is the other backwards."""
    if not isinstance(left, list) or not isinstance(right, list):
        return None
    return [one.get(key) for one in left] == [one.get(key) for one in reversed(right)]


def once_each(items: Any, key: str, ids: list[Any]) -> bool | None:
    """Each of some records is exactly once in pages walked to their end."""
    if not isinstance(items, list):
        return None
    found = [one.get(key) for one in items if isinstance(one, dict)]
    return all(found.count(id) == 1 for id in ids if type(id).__name__ != "Absent")


def distinct(items: Any, key: str) -> bool | None:
    """No record is listed twice."""
    if not isinstance(items, list):
        return None
    ids = [str(one.get(key)) for one in items if isinstance(one, dict)]
    return len(ids) == len(set(ids))


def follows(value: Any, whole: Any, upto: int) -> bool | None:
    """A flag, or a link, is there just when records of the whole list come after so many."""
    if not isinstance(whole, list):
        return None
    said = value if isinstance(value, bool) else value is not None and type(value).__name__ != "Absent" and value != ""
    return bool(said) == (len(whole) > upto)


def page_count(value: Any, whole: Any, limit: int) -> bool | None:
    """The number of pages a list makes; of none or one where it is empty."""
    if not isinstance(whole, list):
        return None
    return bool(value == -(-len(whole) // limit) or (not whole and value in (0, 1)))


def slice_of(items: Any, whole: Any, start: int, most: int, key: str) -> bool | None:
    """A page is its part of the whole list."""
    if not isinstance(items, list) or not isinstance(whole, list):
        return None
    return [one.get(key) for one in items] == [one.get(key) for one in whole[start : start + most]]


def in_turn(items: Any, key: str, ids: list[Any]) -> bool | None:
    """Some records come in this order, whatever stands between them."""
    if not isinstance(items, list):
        return None
    found = [one.get(key) for one in items if isinstance(one, dict) and one.get(key) in ids]
    return found == ids


def longer(before: Any, after: Any, by: int) -> bool | None:
    """A list is so much longer than it was."""
    if not isinstance(before, list) or not isinstance(after, list):
        return None
    return len(after) == len(before) + by


def told(deliveries: Any, path: str, id_at: list[str], id: Any, type_at: list[str], types: list[str], alone: bool = False) -> bool | None:
    """An endpoint got these events of a record, once each, in this order; beside them `updated` ones, unless they are to be alone."""
    if not isinstance(deliveries, list):
        return None

    def inside(value: Any, path: list[str]) -> Any:
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    own = [one["body"] for one in deliveries if one["path"] == path and inside(one["body"], id_at) == id]
    got = [inside(body, type_at) for body in own]
    return [one for one in got if alone or one in types or not str(one).lower().endswith("updated")] == types


def nothing_at(deliveries: Any, path: str) -> bool | None:
    """An endpoint got nothing."""
    return not any(one["path"] == path for one in deliveries) if isinstance(deliveries, list) else None


def apart(deliveries: Any, path: str, header: str, at_: list[str]) -> bool | None:
    """Deliveries to one endpoint have ids of their own, in a header or in the body."""
    if not isinstance(deliveries, list):
        return None
    ids = [one["headers"].get(header) or (one["body"] or {}).get(at_[0]) for one in deliveries if one["path"] == path]
    known = [one for one in ids if one is not None]
    return len(known) == len(set(known))


def authentic(deliveries: Any, path: str, secret: Any, scheme: dict[str, Any]) -> bool | None:
    """Every delivery to an endpoint is signed with its secret: HMAC (RFC 2104) over what the scheme says."""
    import base64  # the source of this function is also a script's
    import hmac  # as above

    if not isinstance(deliveries, list) or not isinstance(secret, str):
        return None
    bare = secret.removeprefix(scheme["secret_prefix"]) if scheme["secret"] != "text" else secret
    key = bare.encode() if scheme["secret"] == "text" else base64.b64decode(bare) if scheme["secret"] == "base64" else bytes.fromhex(bare)
    for one in (one for one in deliveries if one["path"] == path):
        given = one["headers"].get(scheme["header"].lower(), "")
        parts = given.replace(",", " ").split() if scheme["separator"] != " " else given.split()
        stamp = one["headers"].get(scheme["stamp_header"].lower(), "") if scheme["stamp_header"] else ""
        stamp = stamp or next((part.removeprefix(scheme["stamp_mark"]) for part in parts if scheme["stamp_mark"] and part.startswith(scheme["stamp_mark"])), "")
        before, _, after = scheme["signed"].partition("{body}")
        fill = {"{id}": one["headers"].get(scheme["id_header"].lower(), ""), "{timestamp}": stamp}
        for mark, value in fill.items():
            before, after = before.replace(mark, value), after.replace(mark, value)
        digest = hmac.digest(key, before.encode() + base64.b64decode(one["raw"]) + after.encode(), scheme["algorithm"])
        right = base64.b64encode(digest).decode() if scheme["encoding"] == "base64" else digest.hex()
        alike = (lambda text: text) if scheme["encoding"] == "base64" else str.lower
        if not any(alike(part) == alike(scheme["mark"] + right) for part in parts):
            return False
    return True


def fresh(deliveries: Any, path: str, header: str, within: int) -> bool | None:
    """The time stamps of deliveries, in seconds since 1970, are near the times they came."""
    if not isinstance(deliveries, list):
        return None
    stamps = [(one["headers"].get(header, ""), one["at"]) for one in deliveries if one["path"] == path]
    return all(stamp.isdigit() and abs(int(stamp) - at) <= within for stamp, at in stamps)


def counts(value: Any, items: Any, more: int) -> bool | None:
    """A number is how many a list holds, and so many more."""
    if not isinstance(items, list):
        return None
    return bool(value == len(items) + more)


def not_before(earlier: Any, later: Any) -> bool | None:
    """Of two moments the second is not before the first."""
    if earlier is None or later is None or not isinstance(earlier, str | int | float) or type(earlier) is not type(later):
        return None
    return bool(plain(later) >= plain(earlier))


def there(value: Any) -> bool | None:
    """There is a value, and it is not null."""
    return value is not None and bool(value != "") and type(value).__name__ != "Absent"


def missing(value: Any) -> bool | None:
    """There is no value, or null."""
    return value is None or type(value).__name__ == "Absent"


def differ(left: Any, right: Any) -> bool | None:
    """Two values are not the same."""
    return bool(plain(left) != plain(right))


def one_wins(statuses: list[Any]) -> bool | None:
    """Of several requests sent at once exactly one was accepted."""
    return bool(sum(200 <= status < 300 for status in statuses) == 1)


def one_record(ids: list[Any]) -> bool | None:
    """All answers that name a record name the same one."""
    return len({str(one) for one in ids if one is not None and type(one).__name__ != "Absent"}) <= 1


def quiet(text: str, pattern: str) -> bool | None:
    """A text does not hold what must stay inside."""
    import re  # the source of this function is also a script's

    return re.search(pattern, text) is None if isinstance(text, str) else None


def valid(value: Any, schema: Any) -> bool | None:
    """A value satisfies a schema."""
    import jsonschema  # the source of this function is also a script's

    if type(value).__name__ == "Absent":
        return None
    return bool(jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).is_valid(value))


def meets(test: Any) -> bool | None:
    """A condition: comparisons under all, any and not; text is compared without regard to capitals (Arazzo 1.0, Criterion Object)."""

    def bare(value: Any) -> Any:
        return value.casefold() if isinstance(value, str) else None if type(value).__name__ == "Absent" else value

    def compared(left: Any, sign: str, right: Any) -> bool:
        if sign in ("==", "!="):
            return bool((left == right and isinstance(left, bool) == isinstance(right, bool)) == (sign == "=="))
        try:
            return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign])
        except TypeError:
            return False

    def kept(one: Any) -> bool:
        if "all" in one or "any" in one:
            return all(map(kept, one["all"])) if "all" in one else any(map(kept, one["any"]))
        if "not" in one:
            return not kept(one["not"])
        return bool(bare(one["true"])) if "true" in one else compared(bare(one["left"]), one["sign"], bare(one["right"]))

    return kept(test)


def finds(value: Any, path: str) -> bool | None:
    """A JSONPath (RFC 9535) selects something of a value."""
    import jsonpath_rfc9535  # the source of this function is also a script's

    return bool(len(jsonpath_rfc9535.find(path, value)) > 0) if isinstance(value, dict | list) else False


def matches(value: Any, pattern: str) -> bool | None:
    """A text holds a pattern."""
    import re  # the source of this function is also a script's

    return re.search(pattern, str(value)) is not None


def fails(value: bool) -> bool | None:
    """Never kept: for what was seen and cannot be put as a predicate."""
    return value


PREDICATES: Mapping[str, Callable[..., bool | None]] = {
    function.__name__: function
    for function in (
        among, not_among, equal, same, unchanged, holds, lists, omits, item_agrees, concatenate, at_most, at_least, ordered, sound,
        complete, same_set, reversed_of, once_each, joins, ends, told_count, counts, distinct, follows, page_count, slice_of, in_turn, longer, told, nothing_at, apart, authentic, fresh, not_before, there, missing, differ, one_wins, one_record, quiet, valid, fails, meets, finds, matches,
    )
}  # fmt: skip
"""Every predicate by its name."""


def status(step: int) -> Ref:
    """The status of a step's answer."""
    return Ref(step, (), "status")


def is_there(value: Any) -> bool:
    """Whether a resolved value is something."""
    return value is not None and value is not ABSENT
