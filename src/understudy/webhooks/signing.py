"""Sign what is sent, verify what is received, by any scheme that is a row of `profiles`.

1. Pure: the time and a new secret's random bytes are given.
2. Secrets come in and never go out: no message of this module holds one, nor a signature that would be right.
"""

from __future__ import annotations

import base64
import hmac
import re
from binascii import Error as NotEncoded
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from understudy.durations import format_instant, parse_instant
from understudy.webhooks.profiles import PROFILES, Profile, ProfileFault, profile_named, profile_of, template

__all__ = ["PROFILES", "BadSecret", "Profile", "ProfileFault", "Unverified", "new_secret", "profile_named", "profile_of", "sign", "verify"]


class BadSecret(ValueError):
    """A secret that cannot be one of its scheme; the message does not hold it."""


class Unverified(Exception):
    """A delivery that is not to be believed.

    `reason` is `missing_header`, `malformed`, `stale`, `early` (from the future), `no_secret` or `no_match`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def sign(profile: Profile, secrets: Sequence[str], id: str, at: datetime, body: bytes) -> list[tuple[str, str]]:
    """The headers that sign `body`: a signature for each secret, where the scheme has room for several, newest first.

    `at` is aware; `id` stays the same over retries. Raises BadSecret, or ValueError for an id no header can hold.
    """
    if not profile.header:
        return []
    if not (id.isascii() and id.isprintable()):
        raise ValueError(f"{id!r:.80} cannot stand in a header")
    stamp = STAMPS[profile.stamp](at)
    used = secrets if profile.separator else secrets[:1]
    content = _content(profile, id, stamp, body)
    marked = [f"{profile.mark}{_signature(profile, secret, content)}" for secret in used]
    lead = [f"{profile.stamp_mark}{stamp}"] if profile.stamp_mark else []
    return [
        *([(profile.id_header, id)] if profile.id_header else []),
        *([(profile.stamp_header, stamp)] if profile.stamp_header else []),
        *([(profile.header, profile.separator.join(lead + marked))] if marked else []),
    ]


def verify(
    profile: Profile, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime, tolerance: timedelta | None = None
) -> None:
    """Believe a delivery, or raise Unverified: one of its signatures must be by one of the secrets, its time near `now`.

    `headers` in any case; `tolerance` is the scheme's own where None. Raises BadSecret.
    """
    if not profile.header:
        return
    if not secrets:
        raise Unverified("no_secret", f"no secret is known to verify {profile.header} with")
    given = {name.lower(): value for name, value in headers.items()}
    elements = [one for one in re.split("[ \t]+" if profile.separator == " " else "[ \t,;]+", _header(given, profile.header)) if one]
    stamp = _stamp(profile, given, elements)
    if profile.timed:
        _check_age(profile, stamp, now, profile.tolerance if tolerance is None else tolerance)
    id = _header(given, profile.id_header) if "{id}" in profile.signed else ""
    found = [one[len(profile.mark) :] for one in elements if one.startswith(profile.mark) and not _is_stamp(profile, one)]
    if not found:
        raise Unverified("malformed", f"{profile.header} holds no signature such as {profile.mark}{_shape(profile)}")
    content = _content(profile, id, stamp, body)
    if not _any_equal([_signature(profile, secret, content) for secret in secrets], found, profile.encoding):
        raise Unverified("no_match", f"no signature in {profile.header} is by {'the secret' if len(secrets) == 1 else 'any of the secrets'}")


def new_secret(profile: Profile, random_bytes: bytes) -> str:
    """A secret of the scheme's shape made of `random_bytes`; 24 to 64 of them are good."""
    text = base64.b64encode(random_bytes).decode() if profile.secret == "base64" else random_bytes.hex()
    return f"{profile.secret_prefix}{text}"


# --- what is signed ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _pieces(signed: str) -> list[tuple[bytes, str | None]]:
    return [(literal.encode(), field) for literal, field in template(signed)]


def _content(profile: Profile, id: str, stamp: str, body: bytes) -> bytes:
    values = {"id": id.encode("utf-8", "surrogatepass"), "timestamp": stamp.encode("utf-8", "surrogatepass"), "body": body, None: b""}
    return b"".join(part for literal, field in _pieces(profile.signed) for part in (literal, values[field]))


def _signature(profile: Profile, secret: str, content: bytes) -> str:
    return ENCODE[profile.encoding](hmac.digest(_key(profile, secret), content, profile.algorithm))


@lru_cache(maxsize=4096)
def _key(profile: Profile, secret: str) -> bytes:
    text = secret.removeprefix(profile.secret_prefix) if profile.secret != "text" else secret
    try:
        key = KEYS[profile.secret](text)
    except (NotEncoded, ValueError):
        raise BadSecret(f"the secret is not {profile.secret}{_after(profile)}") from None
    if not key:
        raise BadSecret("the secret is empty")
    return key


def _after(profile: Profile) -> str:
    return f" after {profile.secret_prefix}" if profile.secret_prefix else ""


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


ENCODE: Mapping[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "HEX": lambda digest: digest.hex().upper(),
    "base64": lambda digest: base64.b64encode(digest).decode(),
}
KEYS: Mapping[str, Callable[[str], bytes]] = {"text": str.encode, "base64": _unpadded, "hex": bytes.fromhex}
STAMPS: Mapping[str, Callable[[datetime], str]] = {
    "unix": lambda at: str(int(at.timestamp())),
    "iso": lambda at: format_instant(at.astimezone(UTC).replace(microsecond=0)),
}


# --- what was received -------------------------------------------------------------------------------------------


def _header(given: Mapping[str, str], name: str) -> str:
    value = given.get(name.lower(), "").strip(" \t")
    if not value:
        raise Unverified("missing_header", f"the header {name} is missing")
    return value


def _is_stamp(profile: Profile, element: str) -> bool:
    return bool(profile.stamp_mark) and element.startswith(profile.stamp_mark)


def _stamp(profile: Profile, given: Mapping[str, str], elements: Sequence[str]) -> str:
    """The time as it was written, for it is signed so."""
    if profile.stamp_header:
        return _header(given, profile.stamp_header)
    if not profile.stamp_mark:
        return ""
    for element in elements:
        if _is_stamp(profile, element):
            return element[len(profile.stamp_mark) :]
    raise Unverified("missing_header", f"{profile.header} holds no time such as {profile.stamp_mark}1614265330")


def _check_age(profile: Profile, stamp: str, now: datetime, tolerance: timedelta) -> None:
    try:
        age = now - READ[profile.stamp](stamp)
    except (ValueError, OverflowError):
        raise Unverified("malformed", f"{stamp[:60]!r} is no time such as {STAMPS[profile.stamp](now)}") from None
    if age > tolerance:
        raise Unverified("stale", f"it was signed {_seconds(age)} s ago; {_seconds(tolerance)} s are allowed")
    if -age > tolerance:
        raise Unverified("early", f"it was signed {_seconds(-age)} s in the future; {_seconds(tolerance)} s are allowed")


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())


def _unix(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise ValueError(text)
    return datetime.fromtimestamp(int(text), UTC)


READ: Mapping[str, Callable[[str], datetime]] = {"unix": _unix, "iso": parse_instant}


def _shape(profile: Profile) -> str:
    return {"hex": "6dea8e…", "HEX": "6DEA8E…", "base64": "g0hM9SsE+OTP…"}[profile.encoding]


def _any_equal(expected: Sequence[str], found: Sequence[str], encoding: str) -> bool:
    """Compared whole, every pair, in a time that tells nothing of where they differ."""
    fold = (lambda text: text) if encoding == "base64" else str.lower
    pairs = [(fold(one).encode(), fold(other).encode("utf-8", "surrogatepass")) for one in expected for other in found]
    return sum(hmac.compare_digest(one, other) for one, other in pairs) > 0
