"""Secrets are taken out of what is kept: nothing of one is left, and what belonged together still does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.contract.contract import Contract
from understudy.proxy.exchanges import Exchange
from understudy.proxy.redacting import Declared, Redactor, declared, is_card, is_secret

SECRETS = st.text("abcdefXYZ0189-_", min_size=10, max_size=30).map(lambda text: f"s{text}")


@pytest.mark.parametrize("name", ["password", "client_secret", "clientSecret", "access_token", "refreshToken", "api_key", "apiKey", "API-KEY", "x-api-key", "private_key", "cvc", "card_number", "new_password", "card.pin"])
def test_names_that_hold_a_secret(name: str) -> None:
    """However they are written."""
    assert is_secret(name)


@pytest.mark.parametrize("name", ["page_token", "nextPageToken", "continuation_token", "token_type", "key", "id", "pinned", "company", "password_reset_at", "tokenized", "secretary", "expand"])
def test_names_that_look_alike(name: str) -> None:
    """A place in a list, or a word with the same letters."""
    assert not is_secret(name)


@pytest.mark.parametrize(("text", "is_one"), [("4242424242424242", True), ("4242 4242 4242 4242", True), ("5555-5555-5555-4444", True), ("378282246310005", True), ("4242424242424241", False), ("1234567890123456", False), ("42", False)])
def test_card_numbers_are_known_by_their_check_digit(text: str, is_one: bool) -> None:
    """ISO/IEC 7812-1 annex B."""
    assert is_card(text) is is_one


def exchange(body: Any, answer: Any, target: str = "/x", *headers: tuple[str, str], media: str = "application/json") -> Exchange:
    """One with these bodies."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Exchange(1, "POST", target, (("content-type", media), *headers), data, 200, (("content-type", "application/json"), ("set-cookie", "sid=abcdefghij; Path=/; HttpOnly")), json.dumps(answer).encode())


def test_a_whole_exchange() -> None:
    """Keys in headers, query, cookies and bodies; what an answer gave and a request then carries is the same placeholder."""
    clean = Redactor(Declared(frozenset({"x-desk"}), frozenset({"k"}), frozenset({"nip"})))
    first = clean.exchange(exchange({"password": "hunter2hunter2", "nip": "77", "note": "card 4242 4242 4242 4242, ok", "tokens": 1500, "pin": 1234}, {"access_token": "tok_1234567890", "token_type": "bearer"}))
    then = clean.exchange(exchange({"page_token": "abc"}, {"echo": "you sent tok_1234567890"}, "/x/tok_1234567890?k=key12345678&q=1", ("authorization", "Bearer tok_1234567890"), ("x-desk", "key12345678"), ("cookie", "sid=abcdefghij; theme=dark")))
    asked, got = json.loads(first.body or b""), json.loads(first.answer or b"")
    assert asked["tokens"] == 1500
    assert asked["password"].startswith("redacted-")
    assert asked["pin"] != 1234
    assert got["token_type"] == "bearer"
    token = got["access_token"]
    assert dict(then.sent)["authorization"] == f"Bearer {token}"
    assert json.loads(then.answer or b"")["echo"] == f"you sent {token}"
    assert then.target.startswith(f"/x/{token}?k={dict(then.sent)['x-desk']}&q=1")
    assert dict(then.sent)["cookie"].startswith(dict(first.got)["set-cookie"].partition(";")[0])
    assert dict(first.got)["set-cookie"].endswith("; Path=/; HttpOnly")
    whole = repr((first, then))
    for secret in ("hunter2", "tok_1234567890", "key12345678", "4242 4242", "abcdefghij", "dark", '"77"'):
        assert secret not in whole


def test_forms_and_other_texts() -> None:
    """A form by its names, a text by what it holds."""
    clean = Redactor()
    form = clean.exchange(exchange("grant_type=password&username=ada&password=correcthorse", {}, media="application/x-www-form-urlencoded"))
    assert form.body == b"grant_type=password&username=ada&password=redacted-2"
    assert clean.text("again correcthorse") == "again redacted-2"
    assert "eyJ" not in clean.text("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl end")
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----"
    assert clean.text(f"a {key} b").startswith("a redacted-")
    assert clean.body(b"\xff\xfe\x00", "application/octet-stream") == b"\xff\xfe\x00"


@given(SECRETS, st.sampled_from(["password", "secret", "api_key", "token"]), st.text(max_size=20))
def test_no_secret_is_left_anywhere_once_it_was_met(secret: str, name: str, around: str) -> None:
    """Whatever stands around it."""
    clean = Redactor()
    one = clean.exchange(exchange({name: secret, "deep": [{"text": f"{around}{secret}{around}"}]}, {"said": secret}, f"/a/{secret}?b={secret}", ("x-note", f"is {secret}")))
    assert secret not in (one.body or b"").decode() + (one.answer or b"").decode() + one.target + repr(one.sent)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "password", "token", "n"]), inner, max_size=3), max_leaves=12))
def test_doing_it_again_changes_nothing(value: Any) -> None:
    """A placeholder stands for itself once every secret was met; null, booleans and what is no secret stay."""
    clean = Redactor()
    once = clean.value(clean.value(value))
    assert clean.value(once) == once
    assert json.dumps(once).count("null") == json.dumps(value).count("null")


@given(SECRETS, SECRETS)
def test_placeholders_are_one_for_each_secret(one: str, other: str) -> None:
    """Equal secrets get equal placeholders, others get others."""
    clean = Redactor(first=5)
    assert (clean.placeholder(one) == clean.placeholder(other)) is (one == other)


def test_what_a_document_declares() -> None:
    """Keys of its security schemes, and properties of the format password."""
    document = {
        "openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "security": [{"a": []}, {"b": []}],
        "components": {"securitySchemes": {"a": {"type": "apiKey", "in": "header", "name": "X-Desk"}, "b": {"type": "apiKey", "in": "query", "name": "k"}}},
        "paths": {"/x": {"post": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"nip": {"type": "string", "format": "password"}}}}}}, "responses": {}}}},
    }  # fmt: skip
    assert declared(Contract.of([("a:1", document)])) == Declared(frozenset({"x-desk"}), frozenset({"k"}), frozenset({"nip"}))
