"""JSON bytes to values and back, with integers of any length as they were written.

1. orjson does it; it makes doubles of integers beyond 64 bits and writes none, so those take a second, slower look.
2. Nothing here knows what the values mean.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

_DIGITS = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))  # every digit becomes 0
_LONG = b"0" * 19  # the shortest run of digits that may be beyond 64 bits
_NUMBERS = tuple(before + _LONG for before in (b":", b",", b"[", b"-", b" ", b"\n", b"\t", b"\r"))  # as a number, and not in an id


def read(data: bytes) -> Any:
    """A JSON value (RFC 8259). Raises orjson.JSONDecodeError."""
    value = orjson.loads(data)
    return json.loads(data) if _LONG in (zeroed := data.translate(_DIGITS)) and _stands(zeroed) else value


def _stands(zeroed: bytes) -> bool:
    return zeroed.startswith(_LONG) or any(number in zeroed for number in _NUMBERS)


def write(value: Any) -> bytes:
    """JSON bytes of a value. Raises TypeError for what JSON has no form for."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return _slowly(value)


def _slowly(value: Any) -> bytes:
    _check_names(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError as fault:
        raise TypeError(f"text that is not valid: {fault}") from None


def _check_names(value: Any) -> None:
    """The names of an object are text; the standard library would make text of numbers."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and not all(isinstance(name, str) for name in value):
        raise TypeError("a name in an object must be a string")
    for part in parts:
        _check_names(part)
