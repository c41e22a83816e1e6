"""Signing schemes as rows of data: which headers, what is signed, how a secret becomes a key.

1. Names of the outside schemes stand here and nowhere else; each row says who publishes its rules.
2. Nothing here signs; `signing` does, and knows no scheme by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from string import Formatter
from typing import Any

from understudy.durations import parse_duration

SIGNED_FIELDS = ("id", "timestamp", "body")
ENCODINGS = ("hex", "HEX", "base64")
STAMPS = ("unix", "iso")
SECRETS = ("text", "base64", "hex")
ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")


@dataclass(frozen=True, slots=True)
class Profile:
    """A way to sign with a shared secret (HMAC, RFC 2104), and to tell that it was done."""

    name: str
    header: str = ""  # holds the signatures; empty: nothing is signed
    signed: str = "{body}"  # what is signed, of {id}, {timestamp} and {body}
    mark: str = ""  # stands before each signature: `v1=`
    separator: str = ""  # stands between several signatures; empty: there is one only, by the newest secret
    encoding: str = "hex"  # of a signature: hex, HEX (upper case; both are read) or base64
    algorithm: str = "sha256"
    stamp_header: str = ""  # holds the time of the attempt
    stamp_mark: str = ""  # or: stands before the time within the signatures' header: `t=`
    stamp: str = "unix"  # seconds since 1970, or iso: 2025-05-06T10:30:00Z
    id_header: str = ""  # holds the id that stays the same over retries
    secret: str = "text"  # the key is the secret's text, or its base64 or hex decoded
    secret_prefix: str = ""  # begins a new secret; taken off before it is decoded, part of the key where it is text
    tolerance: timedelta = timedelta(minutes=5)  # the age from which a receiver is to refuse

    @property
    def timed(self) -> bool:
        """Whether the time of the attempt is told, so that an old one can be refused."""
        return bool(self.stamp_header or self.stamp_mark)


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("none"),
        # docs.solvimon.com/platform-guides/for-developers/webhooks. Its separator of several pairs is not published: a comma.
        Profile(
            "solvimon", "X-PAYLOAD-SIGNATURE", "{timestamp}.{body}", mark="v1=", separator=",", encoding="HEX",
            stamp_header="X-PAYLOAD-SIGNATURE-TIMESTAMP", stamp="iso",
        ),
        # github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
        Profile(
            "standard-webhooks", "webhook-signature", "{id}.{timestamp}.{body}", mark="v1,", separator=" ", encoding="base64",
            stamp_header="webhook-timestamp", id_header="webhook-id", secret="base64", secret_prefix="whsec_",
        ),
        # docs.stripe.com/webhooks#verify-manually
        Profile("stripe", "Stripe-Signature", "{timestamp}.{body}", mark="v1=", separator=",", stamp_mark="t=", secret_prefix="whsec_"),
        # docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        Profile("github", "X-Hub-Signature-256", mark="sha256=", id_header="X-GitHub-Delivery"),
    )
}  # fmt: skip
"""The schemes known by name."""


class ProfileFault(ValueError):
    """A table of one's own that cannot be: all that is wrong with it, each as `key: what would be right`."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def profile_named(name: str) -> Profile:
    """A scheme by its name. Raises ProfileFault."""
    if name not in PROFILES:
        raise ProfileFault([f'there is no signing profile "{name[:60]}"; there are {", ".join(PROFILES)}'])
    return PROFILES[name]


def profile_of(row: Mapping[str, Any]) -> Profile:
    """A scheme of one's own: the fields of `Profile`, on top of the known scheme named by `like`. Raises ProfileFault."""
    faults = [f'{key}: {message}' for key, message in _faults(row)]
    if faults:
        raise ProfileFault(faults)
    given = {key: value for key, value in row.items() if key != "like"}
    if "tolerance" in given:
        given["tolerance"] = parse_duration(given["tolerance"]).rest
    profile = replace(PROFILES[row.get("like", "none")], **{"name": "own", **given})
    faults = [message for holds, message in _SENSE if not holds(profile)]
    if faults:
        raise ProfileFault(faults)
    return profile


def template(text: str) -> list[tuple[str, str | None]]:
    """What is signed, as (literal text, field after it). Raises ValueError where it is no template."""
    pieces = [(literal, field, form, change) for literal, field, form, change in Formatter().parse(text)]
    if any(form or change or (field is not None and field not in SIGNED_FIELDS) for _, field, form, change in pieces):
        raise ValueError(text)
    return [(literal, field) for literal, field, _, _ in pieces]


# --- what a row may hold -----------------------------------------------------------------------------------------


def _faults(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = [field.name for field in fields(Profile)]
    found = [(key, f"unknown; there are {', '.join([*known, 'like'])}") for key in row if key not in (*known, "like")]
    for key, value in row.items():
        if not isinstance(value, str):
            found.append((key, f"must be text, not {value!r:.60}"))
        elif key in _RULES and not _RULES[key][0](value):
            found.append((key, f"{_RULES[key][1]}, not {value[:60]!r}"))
    return found


def _one_of(names: tuple[str, ...] | Mapping[str, Any]) -> tuple[Callable[[str], bool], str]:
    return names.__contains__, f"must be one of {', '.join(names)}"


def _is_header(text: str) -> bool:
    """A field name (RFC 9110 section 5.6.2)."""
    return not text or (text.isascii() and all(letter.isalnum() or letter in "!#$%&'*+-.^_`|~" for letter in text))


def _is_template(text: str) -> bool:
    try:
        return any(field == "body" for _, field in template(text))
    except ValueError:
        return False


def _is_duration(text: str) -> bool:
    try:
        return not parse_duration(text).months
    except ValueError:
        return False


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable()


_HEADER = (_is_header, "must be the name of a header, such as X-Signature")
_TEXT = (_is_printable, "must be printable ASCII")
_RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "header": _HEADER,
    "stamp_header": _HEADER,
    "id_header": _HEADER,
    "signed": (_is_template, "must be made of {body} and, if they are signed, {id} and {timestamp}"),
    "mark": _TEXT,
    "stamp_mark": _TEXT,
    "secret_prefix": _TEXT,
    "separator": ((", ", ",", ";", " ", "").__contains__, "must be a comma, a semicolon or a space"),
    "encoding": _one_of(ENCODINGS),
    "algorithm": _one_of(ALGORITHMS),
    "stamp": _one_of(STAMPS),
    "secret": _one_of(SECRETS),
    "tolerance": (_is_duration, "must be a length of time, such as 5m"),
    "like": _one_of(PROFILES),
}
_SENSE: tuple[tuple[Callable[[Profile], bool], str], ...] = (
    (lambda one: bool(one.header), "header: is needed, it holds the signature"),
    (lambda one: "{timestamp}" not in one.signed or one.timed, "signed: has {timestamp}, so stamp_header or stamp_mark is needed"),
    (lambda one: "{id}" not in one.signed or bool(one.id_header), "signed: has {id}, so id_header is needed"),
    (lambda one: not one.stamp_mark or bool(one.separator), "stamp_mark: the time stands among the signatures, so separator is needed"),
    (lambda one: not (one.stamp_mark and one.stamp_header), "stamp_mark: the time is told in stamp_header or in the signatures' header, not in both"),
)
assert set(ALGORITHMS) <= hashlib.algorithms_guaranteed
