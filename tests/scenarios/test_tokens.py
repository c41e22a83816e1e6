"""Security schemes as a document declares them: keys, Basic, OAuth 2 and OpenID Connect, alone, together and one for another."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from support.asgi import Answer, Client
from understudy.server.app import App
from understudy.theatre import Options, open_theatre

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
TOKEN = "https://login.example.com/oauth/token"
SCOPES = {"pets:read": "look", "pets:write": "change"}
FLOWS = {
    "clientCredentials": {"tokenUrl": TOKEN, "scopes": SCOPES},
    "password": {"tokenUrl": TOKEN, "scopes": SCOPES},
    "authorizationCode": {"authorizationUrl": "https://login.example.com/authorize?tenant=1", "tokenUrl": TOKEN, "scopes": SCOPES},
    "implicit": {"authorizationUrl": "https://login.example.com/authorize", "scopes": SCOPES},
}
SCHEMES: dict[str, Any] = {
    "header": {"type": "apiKey", "in": "header", "name": "X-Shop"},
    "query": {"type": "apiKey", "in": "query", "name": "shop_key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "oauth": {"type": "oauth2", "flows": FLOWS},
    "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example.com/shop/.well-known/openid-configuration"},
}
PET = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"user:secret").decode()}
CLIENT = {"Authorization": "Basic " + base64.b64encode(b"shop:hush").decode()}
REDIRECT = "http://localhost:9/back"


def shop(tmp_path: Path, *security: Any, paths: Any = None, **options: Any) -> Client:
    """A shop whose operations ask for this, played without any credential sent by itself."""
    answer = {"description": "", "content": {"application/json": {"schema": PET}}}
    refusals = {"401": {"description": ""}, "403": {"description": "", "content": {"application/json": {"schema": {"properties": {"message": {"type": "string"}}}}}}}
    pets = {
        "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": PET}}}}, **refusals}},
        "post": {"requestBody": {"content": {"application/json": {"schema": PET}}}, "responses": {"201": answer, **refusals}},
    }
    for operation, asked in zip(pets.values(), security * 2, strict=False):
        operation["security"] = asked
    document = {"openapi": "3.1.0", "info": {"title": "shop", "version": "1"}, "paths": {"/pets": pets, **(paths or {})}, "components": {"securitySchemes": SCHEMES}}
    (tmp_path / "shop.json").write_text(json.dumps(document))
    return Client(App(open_theatre(Options(spec=str(tmp_path / "shop.json"), now=NOW, **options))), {})


def ask(client: Client, path: str = "/oauth/token", headers: Any = CLIENT, **fields: str) -> Answer:
    """A request to a token endpoint."""
    typed = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
    return client("POST", path, raw=urlencode(fields).encode(), headers=typed)


def bearer(token: Any) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


# --- schemes, one by one and together ----------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "target", "headers"), [
    ("header", "/pets", {"X-Shop": "k"}),
    ("query", "/pets?shop_key=k", {}),
    ("cookie", "/pets", {"Cookie": "a=b; session=k"}),
    ("basic", "/pets", BASIC),
    ("bearer", "/pets", bearer("k")),
    ("oauth", "/pets", bearer("k")),
    ("oidc", "/pets", bearer("k")),
])  # fmt: skip
def test_each_scheme_asks_for_its_own_credential(tmp_path: Path, scheme: str, target: str, headers: Any) -> None:
    """Without it 401 and a challenge (RFC 9110 section 11.6.1); with it the answer; with another one 401 again."""
    client = shop(tmp_path, [{scheme: []}])
    bare = client.get("/pets")
    assert bare.status == 401 and bare.headers["www-authenticate"]
    assert client.get(target, headers=headers).status == 200
    other = {"Authorization": "Digest k", "X-Other": "k"}
    assert client.get("/pets?other=k", headers=other).status == 401


def test_alternatives_need_one_and_combinations_all(tmp_path: Path) -> None:
    """A list is `or`, an object is `and` (OpenAPI 3.1, Security Requirement Object)."""
    client = shop(tmp_path, [{"header": [], "basic": []}, {"query": []}])
    assert client.get("/pets", headers={"X-Shop": "k"}).status == 401
    assert client.get("/pets", headers=BASIC).status == 401
    assert client.get("/pets", headers={"X-Shop": "k", **BASIC}).status == 200
    assert client.get("/pets?shop_key=k").status == 200


def test_an_empty_alternative_lets_everyone_in(tmp_path: Path) -> None:
    """`{}` makes security optional."""
    assert shop(tmp_path, [{"header": []}, {}]).get("/pets").status == 200


def test_a_fixture_needs_no_credential_of_the_document(tmp_path: Path) -> None:
    """Its calls are the stand-in's own, whatever the document asks of clients."""
    fixture = tmp_path / "fixture.yaml"
    fixture.write_text("calls: [{POST /pets: {name: Rex}}]")
    client = shop(tmp_path, [{"cookie": [], "basic": []}], fixture=str(fixture), strict_auth=True)
    assert [pet["name"] for pet in client.get("/pets", headers={"Cookie": "session=k", **BASIC}).json] == ["Rex"]


# --- tokens ------------------------------------------------------------------------------------------------------


def test_client_credentials_are_granted_a_token_that_opens_what_its_scopes_say(tmp_path: Path) -> None:
    """The path of the document's tokenUrl, wherever its host is; 403 and the missing scope otherwise (RFC 6750 section 3.1)."""
    client = shop(tmp_path, [{"oauth": ["pets:read"]}], [{"oauth": ["pets:write"]}])
    given = ask(client, grant_type="client_credentials", scope="pets:read")
    assert given.status == 200 and given.headers["cache-control"] == "no-store"
    assert given.json | {"access_token": ""} == {"access_token": "", "token_type": "Bearer", "expires_in": 3600, "scope": "pets:read"}
    token = bearer(given.json["access_token"])
    assert client.get("/pets", headers=token).status == 200
    refused = client.post("/pets", {"name": "Rex"}, headers=token)
    assert refused.status == 403 and refused.json["message"] == "this token was not granted pets:write"
    assert refused.headers["www-authenticate"] == 'Bearer realm="api", error="insufficient_scope", scope="pets:write"'


def test_a_token_ends_on_the_worlds_clock(tmp_path: Path) -> None:
    """An hour, however long that takes anyone; then it is known and refused, unlike a token nobody granted."""
    client = shop(tmp_path, [{"oauth": []}])
    token = bearer(ask(client, grant_type="client_credentials").json["access_token"])
    assert client.post("/_understudy/clock", {"advance": "PT59M"}).status == 200 == client.get("/pets", headers=token).status
    client.post("/_understudy/clock", {"advance": "PT1M"})
    ended = client.get("/pets", headers=token)
    assert ended.status == 401 and 'error="invalid_token"' in ended.headers["www-authenticate"]
    assert client.get("/pets", headers=bearer("anything")).status == 200


def test_a_token_nobody_granted_is_taken_and_said_so_or_refused_when_strict(tmp_path: Path) -> None:
    """Friendly by default, with a line in the log; `--strict-auth` takes granted ones only."""
    client = shop(tmp_path, [{"oauth": []}])
    client.get("/pets", headers=bearer("anything"))
    assert "--strict-auth" in client.get("/_understudy/requests").json["requests"][-1]["warnings"][0]
    strict = shop(tmp_path, [{"oauth": []}], strict_auth=True)
    assert strict.get("/pets", headers=bearer("anything")).status == 401
    granted = bearer(ask(strict, grant_type="client_credentials").json["access_token"])
    assert strict.get("/pets", headers=granted).status == 200


def test_the_same_seed_grants_the_same_tokens(tmp_path: Path) -> None:
    """One after the other different ones, in a world begun anew the same again."""
    client = shop(tmp_path, [{"oauth": []}])
    first, second = (ask(client, grant_type="client_credentials").json["access_token"] for _ in "12")
    client.post("/_understudy/reset", {})
    again = ask(client, grant_type="client_credentials").json["access_token"]
    other = ask(shop(tmp_path, [{"oauth": []}], seed=1), grant_type="client_credentials").json["access_token"]
    assert first == again != second and other not in (first, second)


def test_worlds_know_only_their_own_tokens(tmp_path: Path) -> None:
    """One world's token is nothing to another; a snapshot put back knows what was granted before it."""
    client = shop(tmp_path, [{"oauth": []}], strict_auth=True)
    token = bearer(ask(client, grant_type="client_credentials").json["access_token"])
    assert client.get("/pets", headers={**token, "Understudy-World": "other"}).status == 401
    client.post("/_understudy/snapshots", {"name": "now"})
    later = bearer(ask(client, grant_type="client_credentials").json["access_token"])
    client.post("/_understudy/snapshots/now/restore", {})
    assert client.get("/pets", headers=token).status == 200 and client.get("/pets", headers=later).status == 401


def test_tokens_outlive_the_process(tmp_path: Path) -> None:
    """They are kept with the world."""
    options = {"strict_auth": True, "data": str(tmp_path / "data")}
    client = shop(tmp_path, [{"oauth": ["pets:read"]}], **options)
    token = bearer(ask(client, grant_type="password", username="ann", password="x", scope="pets:read").json["access_token"])
    client.app.sandbox.folder.close()
    again = shop(tmp_path, [{"oauth": ["pets:read"]}], **options)
    assert again.get("/pets", headers=token).status == 200
    again.app.sandbox.folder.close()


def authorized(client: Client, **fields: str) -> dict[str, str]:
    """What the authorize step sends back, fragment or query."""
    asked = {"response_type": "code", "client_id": "shop", "redirect_uri": REDIRECT, "state": "s 1", **fields}
    answer = client.get(f"/authorize?{urlencode(asked)}")
    assert answer.status == 302 and answer.headers["location"].startswith(REDIRECT)
    parts = urlsplit(answer.headers["location"])
    return dict(parse_qsl(parts.query or parts.fragment))


VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def test_an_authorization_code_is_changed_for_a_token_once(tmp_path: Path) -> None:
    """Approved at once, with PKCE (RFC 7636); with it a refresh token that grants the same scopes or fewer."""
    client = shop(tmp_path, [{"oauth": ["pets:read"]}], strict_auth=True)
    back = authorized(client, scope="pets:read pets:write", code_challenge=CHALLENGE, code_challenge_method="S256")
    assert back["state"] == "s 1"
    sent = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT, "client_id": "shop"}
    assert ask(client, headers=None, **sent).json["error"] == "invalid_grant"
    assert ask(client, headers=None, **sent, code_verifier="w" * 43).json["error"] == "invalid_grant"
    given = ask(client, headers=None, **sent, code_verifier=VERIFIER)
    assert given.status == 200 and client.get("/pets", headers=bearer(given.json["access_token"])).status == 200
    assert "used already" in ask(client, headers=None, **sent, code_verifier=VERIFIER).json["error_description"]
    again = ask(client, grant_type="refresh_token", refresh_token=given.json["refresh_token"], scope="pets:read")
    assert again.json["scope"] == "pets:read" and client.get("/pets", headers=bearer(again.json["access_token"])).status == 200
    assert client.get("/pets", headers=bearer(given.json["refresh_token"])).status == 401


def test_the_implicit_flow_sends_a_token_in_the_fragment(tmp_path: Path) -> None:
    """RFC 6749 section 4.2.2."""
    client = shop(tmp_path, [{"oauth": ["pets:read"]}], strict_auth=True)
    back = authorized(client, response_type="token", scope="pets:read")
    assert client.get("/pets", headers=bearer(back["access_token"])).status == 200


@pytest.mark.parametrize(("fields", "headers", "status", "error"), [
    ({}, CLIENT, 400, "invalid_request"),
    ({"grant_type": "urn:other"}, CLIENT, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, None, 401, "invalid_client"),
    ({"grant_type": "client_credentials"}, {"Authorization": "Basic ?"}, 401, "invalid_client"),
    ({"grant_type": "client_credentials", "scope": "pets:fly"}, CLIENT, 400, "invalid_scope"),
    ({"grant_type": "password", "username": "ann"}, CLIENT, 400, "invalid_request"),
    ({"grant_type": "authorization_code", "code": "none"}, CLIENT, 400, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": "none"}, CLIENT, 400, "invalid_grant"),
])  # fmt: skip
def test_what_is_not_granted_is_refused_in_the_words_of_oauth(tmp_path: Path, fields: Any, headers: Any, status: int, error: str) -> None:
    """RFC 6749 section 5.2."""
    refused = ask(shop(tmp_path, [{"oauth": []}]), headers=headers, **fields)
    assert refused.status == status and refused.json["error"] == error and refused.json["error_description"]


@pytest.mark.parametrize(("changes", "error"), [
    ({"response_type": "id_token"}, "unsupported_response_type"), ({"scope": "pets:fly"}, "invalid_scope"),
    ({"code_challenge": "x", "code_challenge_method": "S512"}, "invalid_request"),
])  # fmt: skip
def test_what_is_not_approved_is_sent_back_with_the_error(tmp_path: Path, changes: Any, error: str) -> None:
    """RFC 6749 section 4.1.2.1."""
    back = authorized(shop(tmp_path, [{"oauth": []}]), **changes)
    assert back["error"] == error and back["state"] == "s 1"


@pytest.mark.parametrize("uri", ["", "/relative", "http://a b", "http://a#b"])
def test_nobody_is_sent_to_what_is_no_address(tmp_path: Path, uri: str) -> None:
    """The authorize step answers itself then."""
    client = shop(tmp_path, [{"oauth": []}])
    refused = client.get("/authorize?" + urlencode({"response_type": "code", "client_id": "c", "redirect_uri": uri}))
    assert refused.status == 400 and refused.json["error"] == "invalid_request"
    assert client.get("/oauth/token").status == 405


def test_listed_keys_are_the_secrets_that_are_good(tmp_path: Path) -> None:
    """With `--api-key` a client's secret or a user's password must be one of them; a key is still a good token by itself."""
    client = shop(tmp_path, [{"oauth": []}], keys=frozenset({"hush"}))
    given = ask(client, grant_type="client_credentials")
    assert given.status == 200 and client.get("/pets", headers=bearer(given.json["access_token"])).status == 200
    assert ask(client, headers=BASIC, grant_type="client_credentials").json["error"] == "invalid_client"
    assert ask(client, grant_type="password", username="ann", password="guess").json["error"] == "invalid_grant"
    assert client.get("/pets", headers=bearer("hush")).status == 200 and client.get("/pets", headers=bearer("other")).status == 401


def test_open_id_connect_is_discovered_and_signs_its_id_token(tmp_path: Path) -> None:
    """From the discovery document alone: authorize, token, user; the id token is signed with the client's secret."""
    client = shop(tmp_path, [{"oidc": ["pets:read"]}], strict_auth=True)
    found = client.get("/shop/.well-known/openid-configuration").json
    assert found["issuer"] == "http://localhost/shop"
    local = {name: urlsplit(url).path for name, url in found.items() if isinstance(url, str)}
    asked = {"response_type": "code", "client_id": "shop", "redirect_uri": REDIRECT, "scope": "openid pets:read", "nonce": "n"}
    back = client.get(f"{local['authorization_endpoint']}?{urlencode(asked)}").headers["location"]
    given = ask(client, local["token_endpoint"], grant_type="authorization_code", code=dict(parse_qsl(urlsplit(back).query))["code"]).json
    assert client.get("/pets", headers=bearer(given["access_token"])).status == 200
    assert client.get(local["userinfo_endpoint"], headers=bearer(given["access_token"])).json == {"sub": "user"}
    assert client.get(local["userinfo_endpoint"]).status == 401 and client.get(local["jwks_uri"]).json == {"keys": []}
    head, claims, signature = given["id_token"].split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert told == {"iss": "http://localhost/shop", "sub": "user", "aud": "shop", "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 3600, "nonce": "n"}
    signed = hmac.new(b"hush", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "==") == signed


def test_a_token_operation_of_the_document_grants_too(tmp_path: Path) -> None:
    """Its answer is the document's own with the token in it; what cannot be granted is answered as any operation is."""
    schema = {"type": "object", "required": ["access_token", "app_id"], "properties": {"access_token": {"type": "string"}, "app_id": {"type": "string", "example": "APP"}}}
    body = {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "required": ["grant_type"], "properties": {"grant_type": {"type": "string"}}}}}}
    operation = {"security": [{"basic": []}], "requestBody": body, "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}
    client = shop(tmp_path, [{"oauth": []}], paths={"/oauth/token": {"post": operation}}, strict_auth=True)
    given = ask(client, grant_type="client_credentials").json
    assert given["app_id"] == "APP" and client.get("/pets", headers=bearer(given["access_token"])).status == 200
    assert ask(client, headers={}, grant_type="client_credentials").status == 401
    assert ask(client, other="x").status == 400
