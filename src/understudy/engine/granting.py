"""Tokens granted as OAuth 2 (RFC 6749) and OpenID Connect say, at the addresses a document's security schemes name.

1. A grant is a row of `_GRANTS`; every client and every user is taken at their word, a code or refresh token is not.
2. Nothing is kept here: what was granted comes in as `Desk`, and what is to be kept goes out with the answer.
3. Whether a token lets a request pass is decided in `guarding`.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from understudy.durations import format_instant
from understudy.engine.outcomes import Outcome, encode

LIFETIME = timedelta(hours=1)
"""Of an access token; a refresh token has no end."""
CODE_LIFETIME = timedelta(minutes=10)
"""Of an authorization code (RFC 6749 section 4.1.2)."""
UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at one path: `part` is `token`, `authorize`, `discovery`, `keys` or `user`.

    `grants` it takes there, for `authorize` the response types; `scopes` there are (none: any); `base` is what stands
    before the other places of the same OpenID Connect issuer.
    """

    part: str
    grants: frozenset[str]
    scopes: frozenset[str]
    base: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token, refresh token or authorization code (`kind`) as it is kept; `until` None: without end."""

    kind: str
    number: int
    client: str
    subject: str
    scopes: tuple[str, ...]
    until: datetime | None
    redirect: str = ""
    challenge: str = ""  # of PKCE (RFC 7636), its method before a colon
    nonce: str = ""
    used: bool = False


class Asked(NamedTuple):
    """A request to one of the places: `fields` from query or body, `secret` the client's, however they came."""

    origin: str
    fields: Mapping[str, str]
    client: str
    secret: str
    bearer: str


class Desk(NamedTuple):
    """What has been granted in a world: a row by its token, the number of them, the world's seed and the time there."""

    find: Callable[[str], Granted | None]
    granted: int  # so many were until now
    seed: int
    now: datetime
    keys: frozenset[str] | None  # the secrets and passwords that are good; None: any


class Answered(NamedTuple):
    """An answer, and what is to be kept by token."""

    outcome: Outcome
    rows: tuple[tuple[str, Granted], ...] = ()


class Denied(Exception):
    """A refusal in the words of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


# --- where -------------------------------------------------------------------------------------------------------

_GRANT_OF = {"clientCredentials": "client_credentials", "password": "password", "authorizationCode": "authorization_code"}
_RESPONSE_OF = {"authorizationCode": "code", "implicit": "token"}
WELL_KNOWN = "/.well-known/openid-configuration"


def places(schemes: Iterable[Mapping[str, Any]]) -> Mapping[str, Place]:
    """What stands where for some Security Scheme Objects, by path: a host elsewhere is this one here."""
    found: dict[str, Place] = {}
    for scheme in schemes:
        if scheme.get("type") == "openIdConnect":
            _add_issuer(found, path_of(scheme.get("openIdConnectUrl")) or WELL_KNOWN)
        flows = scheme.get("flows") if scheme.get("type") == "oauth2" else None
        for name, flow in flows.items() if isinstance(flows, Mapping) else ():
            if isinstance(flow, Mapping):
                _add_flow(found, str(name), flow)
    return found


def path_of(url: Any) -> str:
    """The path of a URL, absolute or not; nothing for what is none."""
    path = urlsplit(url).path if isinstance(url, str) else ""
    return path if path.startswith("/") or not path else f"/{path}"


def _add_flow(found: dict[str, Place], name: str, flow: Mapping[str, Any]) -> None:
    scopes = frozenset(map(str, flow.get("scopes") or ()))
    grant, response = _GRANT_OF.get(name), _RESPONSE_OF.get(name)
    if grant is not None and path_of(flow.get("tokenUrl")):
        grants = {grant} | ({"refresh_token"} if grant != "client_credentials" or flow.get("refreshUrl") else set())
        _join(found, path_of(flow["tokenUrl"]), Place("token", frozenset(grants), scopes))
    if path_of(flow.get("refreshUrl")):
        _join(found, path_of(flow["refreshUrl"]), Place("token", frozenset({"refresh_token"}), scopes))
    if response is not None and path_of(flow.get("authorizationUrl")):
        _join(found, path_of(flow["authorizationUrl"]), Place("authorize", frozenset({response}), scopes))


def _join(found: dict[str, Place], path: str, place: Place) -> None:
    there = found.get(path)
    if there is not None and there.part == place.part:
        place = replace(place, grants=there.grants | place.grants, scopes=there.scopes | place.scopes)
    found[path] = place


def _add_issuer(found: dict[str, Place], discovery: str) -> None:
    base = discovery.removesuffix(WELL_KNOWN)
    every = frozenset({*_GRANT_OF.values(), "refresh_token"})
    found[discovery] = Place("discovery", every, frozenset(), base)
    found.setdefault(f"{base}/oauth2/token", Place("token", every, frozenset(), base))
    found.setdefault(f"{base}/oauth2/authorize", Place("authorize", frozenset({"code", "token"}), frozenset(), base))
    found.setdefault(f"{base}/oauth2/userinfo", Place("user", frozenset(), frozenset(), base))
    found.setdefault(f"{base}/oauth2/keys", Place("keys", frozenset(), frozenset(), base))


METHODS: Mapping[str, tuple[str, ...]] = {
    "token": ("POST",), "authorize": ("GET", "POST"), "discovery": ("GET",), "keys": ("GET",), "user": ("GET", "POST"),
}  # fmt: skip
"""What each part takes."""


# --- asking ------------------------------------------------------------------------------------------------------


def asked(origin: str, query: bytes, sent: Mapping[bytes, bytes], body: bytes) -> Asked:
    """A request as these places read it: the client by Basic (RFC 6749 section 2.3.1) or in the fields."""
    fields = {**_pairs(query), **_fields(sent.get(b"content-type", b""), body)}
    kind, _, given = sent.get(b"authorization", b"").decode("latin-1").partition(" ")
    client, secret = fields.get("client_id", ""), fields.get("client_secret", "")
    if kind.lower() == "basic":
        client, secret = _basic(given)
    return Asked(origin, fields, client, secret, given.strip() if kind.lower() == "bearer" else "")


def _pairs(text: bytes) -> dict[str, str]:
    return dict(parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True))


def _fields(content_type: bytes, body: bytes) -> dict[str, str]:
    """The fields of a form; of a JSON object too, which some vendors ask for."""
    if b"json" not in content_type.lower():
        return _pairs(body)
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return {name: part for name, part in value.items() if isinstance(part, str)} if isinstance(value, dict) else {}


def _basic(given: str) -> tuple[str, str]:
    try:
        user, _, password = b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password


def answered(place: Place, request: Asked, desk: Desk) -> Answered:
    """What a place answers."""
    try:
        return _PARTS[place.part](place, request, desk)
    except Denied as denied:
        status = 401 if denied.error in ("invalid_client", "invalid_token") else 400
        scheme = "Basic" if denied.error == "invalid_client" else "Bearer"
        headers = {**UNCACHED, **({"WWW-Authenticate": f'{scheme} realm="api"'} if status == 401 else {})}
        body = {"error": denied.error, "error_description": str(denied)}
        return Answered(Outcome(status, encode(body), "application/json", f"{denied.error}: {denied}", headers))


# --- the token endpoint ------------------------------------------------------------------------------------------


def _token(place: Place, request: Asked, desk: Desk) -> Answered:
    grant = request.fields.get("grant_type", "")
    if not grant:
        raise Denied("invalid_request", f"grant_type is required; one of {', '.join(sorted(place.grants))}")
    if grant not in place.grants or grant not in _GRANTS:
        raise Denied("unsupported_grant_type", f"{grant} is not granted here; one of {', '.join(sorted(place.grants))} is")
    return _GRANTS[grant](place, request, desk)


def _client_credentials(place: Place, request: Asked, desk: Desk) -> Answered:
    _check_client(request, desk, secret=True)
    return _given(place, request, desk, request.client, _scopes(place, request), refresh=False)


def _password(place: Place, request: Asked, desk: Desk) -> Answered:
    user, password = request.fields.get("username", ""), request.fields.get("password", "")
    if not user or not password:
        raise Denied("invalid_request", "username and password are required")
    if desk.keys is not None and not _known(password, desk.keys):
        raise Denied("invalid_grant", "this password is not accepted here")
    return _given(place, request, desk, user, _scopes(place, request))


def _authorization_code(place: Place, request: Asked, desk: Desk) -> Answered:
    token = request.fields.get("code", "")
    code = _kept(desk, token, "code")
    if code.client != (request.client or code.client):
        raise Denied("invalid_grant", "this code was given to another client")
    if code.redirect != request.fields.get("redirect_uri", code.redirect):
        raise Denied("invalid_grant", f"redirect_uri must be {code.redirect}, as it was when the code was given")
    _check_challenge(code.challenge, request.fields.get("code_verifier", ""))
    request = request._replace(client=code.client, fields={**request.fields, "nonce": code.nonce})
    given = _given(place, request, desk, code.subject, code.scopes)
    return given._replace(rows=(*given.rows, (token, replace(code, used=True))))


def _refresh_token(place: Place, request: Asked, desk: Desk) -> Answered:
    """A new access token for an old refresh token, with the same scopes or some of them (RFC 6749 section 6)."""
    token = _kept(desk, request.fields.get("refresh_token", ""), "refresh")
    wanted = tuple(request.fields.get("scope", "").split()) or token.scopes
    if not set(wanted) <= set(token.scopes):
        raise Denied("invalid_scope", f"this token was granted {' '.join(token.scopes) or 'no scope'}")
    return _given(place, request._replace(client=token.client), desk, token.subject, wanted, refresh=False)


_GRANTS: Mapping[str, Callable[[Place, Asked, Desk], Answered]] = {
    "client_credentials": _client_credentials,
    "password": _password,
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
}


def _given(place: Place, request: Asked, desk: Desk, subject: str, scopes: tuple[str, ...], *, refresh: bool = True) -> Answered:
    """An access token, with it a refresh token and an id token where they belong (RFC 6749 section 5.1)."""
    until = desk.now + LIFETIME
    access = Granted("access", desk.granted + 1, request.client, subject, scopes, until)
    rows = [(token_of(desk.seed, access), access)]
    body: dict[str, Any] = {"access_token": rows[0][0], "token_type": "Bearer", "expires_in": int(LIFETIME.total_seconds()), "scope": " ".join(scopes)}
    if refresh and "refresh_token" in place.grants:
        again = Granted("refresh", desk.granted + 2, request.client, subject, scopes, None)
        rows.append((token_of(desk.seed, again), again))
        body["refresh_token"] = rows[1][0]
    if "openid" in scopes:
        body["id_token"] = _id_token(place, request, desk, subject)
    return Answered(Outcome(200, encode(body), "application/json", f"token granted to {subject}", UNCACHED), tuple(rows))


def token_of(seed: int, granted: Granted) -> str:
    """The token with a number: the same for the same seed."""
    digest = blake2b(f"{granted.kind}.{seed}.{granted.number}".encode(), digest_size=24).digest()
    return {"access": "at_", "refresh": "rt_", "code": "ac_"}[granted.kind] + _text64(digest).replace("-", "x").replace("_", "y")


def _kept(desk: Desk, token: str, kind: str) -> Granted:
    found = desk.find(token)
    if found is None or found.kind != kind:
        raise Denied("invalid_grant", f"there is no such {'authorization code' if kind == 'code' else 'refresh token'}")
    if found.used:
        raise Denied("invalid_grant", "this authorization code was used already")
    if found.until is not None and found.until <= desk.now:
        raise Denied("invalid_grant", f"this authorization code was good until {format_instant(found.until)}")
    return found


def _scopes(place: Place, request: Asked) -> tuple[str, ...]:
    """The scopes asked for; without any, all there are (RFC 6749 section 3.3 leaves that to the server)."""
    wanted = tuple(dict.fromkeys(request.fields.get("scope", "").split()))
    unknown = [scope for scope in wanted if place.scopes and scope not in place.scopes | {"openid", "offline_access"}]
    if unknown:
        raise Denied("invalid_scope", f"there is no scope {unknown[0]}; the document has {' '.join(sorted(place.scopes))}")
    return wanted or tuple(sorted(place.scopes))


def _check_client(request: Asked, desk: Desk, *, secret: bool) -> None:
    if not request.client or (secret and not request.secret):
        raise Denied("invalid_client", "client_id and client_secret are required, by Basic authentication or in the body")
    if desk.keys is not None and not _known(request.secret, desk.keys):
        raise Denied("invalid_client", "this client secret is not accepted here")


def _known(given: str, keys: frozenset[str]) -> bool:
    return any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)


def _check_challenge(challenge: str, verifier: str) -> None:
    """Proof Key for Code Exchange (RFC 7636 section 4.6)."""
    method, _, wanted = challenge.partition(":")
    if not wanted:
        return
    if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier):
        raise Denied("invalid_grant", "code_verifier is required: 43 to 128 letters, digits and -._~")
    shown = _text64(sha256(verifier.encode()).digest()) if method == "S256" else verifier
    if not hmac.compare_digest(shown.encode(), wanted.encode()):
        raise Denied("invalid_grant", "code_verifier does not belong to the code_challenge the code was asked for with")


# --- the authorization endpoint ----------------------------------------------------------------------------------


def _authorize(place: Place, request: Asked, desk: Desk) -> Answered:
    """Approve at once and send the browser back (RFC 6749 sections 4.1.1 and 4.2.1)."""
    fields = request.fields
    redirect = fields.get("redirect_uri", "")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s#]+", redirect) or not request.client:
        raise Denied("invalid_request", "client_id and redirect_uri, an absolute URL without fragment, are required")
    state = {"state": fields["state"]} if "state" in fields else {}
    try:
        told, rows = _approved(place, request, desk)
    except Denied as denied:
        return _sent_back(redirect, {"error": denied.error, "error_description": str(denied), **state}, fragment=False)
    return _sent_back(redirect, {**told, **state}, fragment="access_token" in told)._replace(rows=rows)


def _approved(place: Place, request: Asked, desk: Desk) -> tuple[dict[str, str], tuple[tuple[str, Granted], ...]]:
    fields, kind = request.fields, request.fields.get("response_type", "")
    if kind not in place.grants:
        raise Denied("unsupported_response_type", f"response_type must be {' or '.join(sorted(place.grants))}")
    scopes = _scopes(place, request)
    if kind == "token":
        given = _given(place, request, desk, "user", scopes, refresh=False)
        body = orjson.loads(given.outcome.body)
        return {name: str(value) for name, value in body.items()}, given.rows
    method = fields.get("code_challenge_method", "plain")
    if fields.get("code_challenge") and method not in ("plain", "S256"):
        raise Denied("invalid_request", "code_challenge_method must be S256 or plain")
    challenge = f"{method}:{fields['code_challenge']}" if fields.get("code_challenge") else ""
    code = Granted("code", desk.granted + 1, request.client, "user", scopes, desk.now + CODE_LIFETIME, fields["redirect_uri"], challenge, fields.get("nonce", ""))
    token = token_of(desk.seed, code)
    return {"code": token}, ((token, code),)


def _sent_back(redirect: str, told: Mapping[str, str], *, fragment: bool) -> Answered:
    parts = urlsplit(redirect)
    text = urlencode(told)
    location = urlunsplit(parts._replace(fragment=text) if fragment else parts._replace(query=f"{parts.query}&{text}" if parts.query else text))
    return Answered(Outcome(302, b"", None, f"sent back with {' and '.join(told)}", {"Location": location, **UNCACHED}))


# --- OpenID Connect ----------------------------------------------------------------------------------------------


def _discovery(place: Place, request: Asked, desk: Desk) -> Answered:
    """The provider's metadata (OpenID Connect Discovery 1.0 section 3)."""
    issuer = request.origin + place.base
    body = {
        "issuer": issuer, "authorization_endpoint": f"{issuer}/oauth2/authorize", "token_endpoint": f"{issuer}/oauth2/token",
        "userinfo_endpoint": f"{issuer}/oauth2/userinfo", "jwks_uri": f"{issuer}/oauth2/keys",
        "response_types_supported": ["code", "token"], "grant_types_supported": sorted(place.grants), "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["HS256"], "scopes_supported": ["openid", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"], "code_challenge_methods_supported": ["S256", "plain"],
    }  # fmt: skip
    return Answered(Outcome(200, encode(body), "application/json", "the provider's metadata"))


def _keys(place: Place, request: Asked, desk: Desk) -> Answered:
    """No public keys: id tokens are signed with the client's secret (OpenID Connect Core 1.0 section 10.1)."""
    return Answered(Outcome(200, b'{"keys":[]}', "application/json", "no public keys"))


def _user(place: Place, request: Asked, desk: Desk) -> Answered:
    found = desk.find(request.bearer)
    if found is None or found.kind != "access" or (found.until is not None and found.until <= desk.now):
        raise Denied("invalid_token", "a token granted here is required, as Authorization: Bearer")
    return Answered(Outcome(200, encode({"sub": found.subject}), "application/json", f"claims of {found.subject}"))


def _id_token(place: Place, request: Asked, desk: Desk, subject: str) -> str:
    """A JSON Web Token signed with the client's secret, the client's name where it has none (RFC 7519, HS256)."""
    issued = int(desk.now.timestamp())
    claims = {"iss": request.origin + place.base, "sub": subject, "aud": request.client, "iat": issued, "exp": issued + int(LIFETIME.total_seconds())}
    if request.fields.get("nonce"):
        claims["nonce"] = request.fields["nonce"]
    text = f"{_text64(encode({'alg': 'HS256', 'typ': 'JWT'}))}.{_text64(encode(claims))}"
    signature = hmac.new((request.secret or request.client).encode(), text.encode(), sha256).digest()
    return f"{text}.{_text64(signature)}"


def _text64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


_PARTS: Mapping[str, Callable[[Place, Asked, Desk], Answered]] = {
    "token": _token, "authorize": _authorize, "discovery": _discovery, "keys": _keys, "user": _user,
}  # fmt: skip
