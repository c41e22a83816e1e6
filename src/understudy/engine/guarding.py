"""Who may call an operation, by the document's security schemes: alternatives of combinations, each asking for a credential.

1. A kind of scheme is a row of `_CREDENTIALS`; without listed keys any credential of the right form is good.
2. A token that was granted here is held to its time and scopes; how it was granted is in `granting`.
3. Nothing here knows what a behaviour file says of keys.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs

from understudy.contract.values import Operation, Requirement
from understudy.durations import format_instant
from understudy.engine.granting import Granted
from understudy.problems import Problem

Guard = tuple[tuple[Requirement, ...], ...]
Sent = Mapping[bytes, bytes]


def guard_of(operation: Operation) -> Guard:
    """What an operation asks for; nothing where one alternative asks for nothing (OpenAPI 3.1, Security Requirement Object)."""
    alternatives = operation.security or ()
    return () if () in alternatives else alternatives


def key_header(operations: Iterable[Operation]) -> tuple[str, str] | None:
    """The header in which the first scheme that takes a key there wants it, and what stands before the key; None where none does."""
    for operation in operations:
        for scheme in (one.scheme for alternative in operation.security or () for one in alternative):
            kind = scheme.get("type")
            if kind == "apiKey" and scheme.get("in") == "header":
                return str(scheme["name"]).lower(), ""
            if kind in ("oauth2", "openIdConnect") or (kind == "http" and str(scheme.get("scheme")).lower() == "bearer"):
                return "authorization", "Bearer "
    return None


class Grants(NamedTuple):
    """What is known of tokens: those granted in the world, the time there, and whether no other is good (`strict`)."""

    find: Callable[[str], Granted | None]
    now: datetime
    strict: bool = False


class _Finding(NamedTuple):
    """How far a credential gets, the further the higher: what is wrong with it, and the scopes that lack."""

    rank: int
    message: str = ""
    scopes: tuple[str, ...] = ()


_GOOD, _TAKEN, _SCOPE, _WRONG, _MISSING = 4, 3, 2, 1, 0
UNGRANTED = "authorization: a token that was not granted here was taken, as any is without --strict-auth"


def admit(guard: Guard, keys: frozenset[str] | None, sent: Sent, query: bytes, grants: Grants) -> tuple[str, ...]:
    """Let a request pass that has all an alternative asks for; what the log should say of it.

    Raises Problem `unauthenticated`, or `insufficient_scope` where a token is good and lacks a scope.
    """
    best = _Finding(-1)
    for alternative in guard:
        found = min((_look(one, keys, sent, query, grants) for one in alternative), key=lambda one: one.rank)
        if found.rank >= _TAKEN:
            return (UNGRANTED,) if found.rank == _TAKEN else ()
        best = found if found.rank > best.rank else best
    raise _refusal(guard, best)


def _look(requirement: Requirement, keys: frozenset[str] | None, sent: Sent, query: bytes, grants: Grants) -> _Finding:
    """What comes of one scheme of an alternative."""
    given = _credential(requirement, sent, query)
    if not given:
        return _Finding(_MISSING)
    if requirement.scheme.get("type") in _GRANTING:
        return _token(requirement, given[0], keys, grants)
    known = keys is None or given == _MET or any(map(keys_hold(keys), given))
    return _Finding(_GOOD) if known else _Finding(_WRONG, "this credential is not accepted here")


def _token(requirement: Requirement, token: str, keys: frozenset[str] | None, grants: Grants) -> _Finding:
    """A token as RFC 6750 section 3.1 judges it: granted here and good, or else a key like any other."""
    granted = grants.find(token)
    if granted is None:
        if grants.strict:
            return _Finding(_WRONG, "this token was not granted here")
        return _Finding(_TAKEN) if keys is None else _Finding(_GOOD) if keys_hold(keys)(token) else _Finding(_WRONG, "this token is not accepted here")
    if granted.kind != "access" or (granted.until is not None and granted.until <= grants.now):
        end = f" was good until {format_instant(granted.until)}" if granted.until is not None else " is a refresh token"
        return _Finding(_WRONG, f"this token{end}")
    lacking = tuple(scope for scope in requirement.scopes if scope not in granted.scopes)
    return _Finding(_SCOPE, f"this token was not granted {' '.join(lacking)}", requirement.scopes) if lacking else _Finding(_GOOD)


def _refusal(guard: Guard, finding: _Finding) -> Problem:
    wanted = " or ".join(dict.fromkeys(" with ".join(_named(one) for one in alternative) for alternative in guard))
    if finding.rank == _SCOPE:
        challenge = f'Bearer realm="api", error="insufficient_scope", scope="{" ".join(finding.scopes)}"'
        return Problem("insufficient_scope", finding.message, extra={"challenge": challenge})
    missing = finding.rank < _WRONG
    message = f"a credential is required: {wanted}" if missing else f"{finding.message}; {wanted} must be a known one"
    return Problem("unauthenticated", message, extra={"challenge": ", ".join(_challenges(guard, missing=missing))})


def keys_hold(keys: frozenset[str]) -> Callable[[str], bool]:
    """Whether a credential is among the keys, compared in constant time."""
    return lambda given: any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)


def _credential(requirement: Requirement, sent: Sent, query: bytes) -> tuple[str, ...]:
    """What a request holds for a scheme, in each way a list of keys may write it; nothing where it holds none."""
    return _CREDENTIALS.get(str(requirement.scheme.get("type")), _any)(requirement.scheme, sent, query)


def _api_key(scheme: Mapping[str, object], sent: Sent, query: bytes) -> tuple[str, ...]:
    name = str(scheme.get("name"))
    if scheme.get("in") == "query":
        return tuple(value for value in parse_qs(query.decode("latin-1")).get(name, ())[:1] if value)
    if scheme.get("in") == "cookie":
        return _cookie(name, sent)
    value = _text(sent.get(name.lower().encode()))
    return (value,) if value else ()


def _cookie(name: str, sent: Sent) -> tuple[str, ...]:
    try:
        found = SimpleCookie(_text(sent.get(b"cookie"))).get(name)
    except CookieError:
        return ()
    return (found.value,) if found is not None and found.value else ()


def _http(scheme: Mapping[str, object], sent: Sent, query: bytes) -> tuple[str, ...]:
    """A credential of the HTTP authentication scheme (RFC 9110 section 11.6.2; names compare without case)."""
    kind, _, given = _text(sent.get(b"authorization")).partition(" ")
    wanted = str(scheme.get("scheme", "")).lower()
    if kind.lower() != wanted or not given.strip():
        return ()
    return _basic(given.strip()) if wanted == "basic" else (given.strip(),)


def _basic(given: str) -> tuple[str, ...]:
    """`user:password`, and each of them alone (RFC 7617)."""
    try:
        text = b64decode(given, validate=True).decode()
    except ValueError:
        return ()
    user, colon, password = text.partition(":")
    return tuple(part for part in (text, user, password) if part) if colon else ()


def _bearer(scheme: Mapping[str, object], sent: Sent, query: bytes) -> tuple[str, ...]:
    """A bearer token (RFC 6750 section 2.1)."""
    return _http({"scheme": "bearer"}, sent, query)


def _any(scheme: Mapping[str, object], sent: Sent, query: bytes) -> tuple[str, ...]:
    """A scheme that is no part of the request, such as mutual TLS, is taken as met."""
    return _MET


_MET = ("",)
_GRANTING = frozenset({"oauth2", "openIdConnect"})
_CREDENTIALS: Mapping[str, Callable[[Mapping[str, object], Sent, bytes], tuple[str, ...]]] = {
    "apiKey": _api_key,
    "http": _http,
    "oauth2": _bearer,
    "openIdConnect": _bearer,
    "basic": lambda scheme, sent, query: _http({"scheme": "basic"}, sent, query),
}


def _text(value: bytes | None) -> str:
    return value.decode("latin-1").strip() if value else ""


def _named(requirement: Requirement) -> str:
    scheme = requirement.scheme
    if scheme.get("type") == "apiKey":
        return f"{scheme.get('name')} in the {scheme.get('in')}"
    return f"Authorization: {_scheme(requirement)}"


def _scheme(requirement: Requirement) -> str:
    kind = requirement.scheme.get("type")
    return str(requirement.scheme.get("scheme", "")).title() if kind == "http" else "Bearer"


def _challenges(guard: Guard, *, missing: bool) -> list[str]:
    """A 401 names at least one scheme (RFC 9110 section 11.6.1); an API key has no registered one, so its own name stands."""
    found: dict[str, None] = {}
    for requirement in (one for alternative in guard for one in alternative):
        if requirement.scheme.get("type") == "apiKey":
            found[f'ApiKey realm="{requirement.scheme.get("name")} in {requirement.scheme.get("in")}"'] = None
        else:
            said = ', error="invalid_token"' if not missing and _scheme(requirement) == "Bearer" else ""
            found[f'{_scheme(requirement)} realm="api"{said}'] = None
    return list(found)
