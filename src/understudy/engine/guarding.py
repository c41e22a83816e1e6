"""Who may call an operation, by the document's security schemes: alternatives of combinations, each asking for a credential.

1. A kind of scheme is a row of `_CREDENTIALS`; without listed keys any credential of the right form is good.
2. Nothing here knows what a behaviour file says of keys.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from understudy.contract.values import Operation, Requirement
from understudy.problems import Problem

Guard = tuple[tuple[Requirement, ...], ...]
Sent = Mapping[bytes, bytes]


def guard_of(operation: Operation) -> Guard:
    """What an operation asks for; nothing where one alternative asks for nothing (OpenAPI 3.1, Security Requirement Object)."""
    alternatives = operation.security or ()
    return () if () in alternatives else alternatives


def admit(guard: Guard, keys: frozenset[str] | None, sent: Sent, query: bytes) -> None:
    """Let a request pass that has all an alternative asks for. Raises Problem `unauthenticated`."""
    missing = True
    for alternative in guard:
        found = [_credential(one, sent, query) for one in alternative]
        if all(found):
            if keys is None or all(any(map(keys_hold(keys), given)) for given in found if given):
                return
            missing = False
    wanted = " or ".join(dict.fromkeys(" with ".join(_named(one) for one in alternative) for alternative in guard))
    message = f"a credential is required: {wanted}" if missing else f"this credential is not accepted here; {wanted} must be a known one"
    raise Problem("unauthenticated", message, extra={"challenge": ", ".join(_challenges(guard, missing=missing))})


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
    return ("",)


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
