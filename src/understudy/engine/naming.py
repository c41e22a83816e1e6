"""Fresh ids from a seed and a number, in the form an API's ids have: the same of both give the same id.

Nothing is counted here.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

DEFAULT_LENGTH = 20


def _spread(alphabet: str) -> bytes:
    letters = alphabet.encode()
    return bytes(letters[byte % len(letters)] for byte in range(256))


_MIXED = _spread(string.ascii_uppercase + string.ascii_lowercase + string.digits)
_ALPHABETS: Mapping[str, bytes] = {
    "hex": _spread(string.digits + "abcdef"),
    "digits": _spread(string.digits),
    "upper": _spread(string.ascii_uppercase + string.digits),
    "lower": _spread(string.ascii_lowercase + string.digits),
    "letters": _spread(string.ascii_lowercase),
}


def fresh(seed: int, number: int, prefix: str | None, form: str | None = None, length: int | None = None) -> Any:
    """The id with a number: a prefix, `_` unless it ends in a sign, and letters and digits; without a prefix these alone.

    `form` is one of `behaviour.model.ID_FORMS`; an `integer` is the number itself, and a `uuid` is one of version 4 by its
    form (RFC 9562 section 5.4).
    """
    special = _SPECIAL.get(form) if form is not None else None
    if special is not None:
        return special(seed, number)
    size = length or DEFAULT_LENGTH
    name = _letters(seed, number, size, _MIXED if form is None else _ALPHABETS[form])
    if not prefix:
        return name
    return f"{prefix}_{name}" if prefix[-1].isalnum() else f"{prefix}{name}"


def _letters(seed: int, number: int, length: int, table: bytes) -> str:
    data = blake2b(b"%d.%d" % (seed, number), digest_size=min(length, 64)).digest()
    return (data * (length // 64 + 1))[:length].translate(table).decode()


def _uuid(seed: int, number: int) -> str:
    text = blake2b(b"%d.%d" % (seed, number), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) % 4]}{text[17:20]}-{text[20:]}"


_SPECIAL: Mapping[str, Callable[[int, int], Any]] = {"integer": lambda seed, number: number, "uuid": _uuid}
