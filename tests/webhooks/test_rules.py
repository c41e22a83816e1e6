"""What a behaviour file says of webhooks: read, checked, told all at once where it cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from understudy.theatre import Options, Theatre, Unplayable, open_theatre
from understudy.webhooks.endpoints import Secret, endpoint_of
from understudy.webhooks.rules import Records, rules_of

SPEC: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/hooks": {"get": {"responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "array", "items": {
        "type": "object", "properties": {"id": {"type": "string"}, "target": {"type": "string"}, "key": {"type": "string"}}}}}}}}}}}}  # fmt: skip


def opened(folder: Path, webhooks: Any) -> Theatre:
    """A sandbox whose behaviour file says this."""
    (folder / "s.json").write_bytes(orjson.dumps(SPEC))
    (folder / "s.behaviour.yaml").write_bytes(orjson.dumps({"understudy": 1, "resources": {"hook": {"collection": "/hooks", "id": "hk"}}, "webhooks": webhooks}))
    return open_theatre(Options(spec=str(folder / "s.json")))


@pytest.mark.parametrize(("webhooks", "said"), [
    ({"colour": 1}, "colour"), ({"signing": "x"}, 'no signing profile is called "x"'), ({"schedule": ["soon"]}, '"soon" is not a duration'),
    ({"schedule": []}, "schedule"), ({"endpoints": "nothing"}, "nothing"), ({"deliveries": "nothing"}, "nothing"), ({"stamped": "sun"}, "sun"),
    ({"payload": {"a": {"b": "colour"}}}, 'payload/a/b: "colour"'), ({"deliveries": {"resource": "hook", "fields": {"a": "colour"}}}, "deliveries/fields/a"),
    ({"profiles": {"own": {"header": "X", "signed": "{colour}"}}}, "signed"), ({"endpoints": {"resource": "hook", "auth": {"A": {"basic": "x"}}}}, "basic"),
])  # fmt: skip
def test_what_cannot_be_is_named_at_load(tmp_path: Path, webhooks: Any, said: str) -> None:
    """With its place, and what would be right."""
    with pytest.raises(Unplayable) as caught:
        opened(tmp_path, webhooks)
    assert said in str(caught.value)


def test_a_signing_scheme_of_ones_own_is_a_row(tmp_path: Path) -> None:
    """On top of a known one."""
    sandbox = opened(tmp_path, {"signing": "own", "profiles": {"own": {"like": "github", "header": "X-Own-Signature"}}})
    assert sandbox.post.profiles["own"].header == "X-Own-Signature"


def test_records_of_any_resource_are_endpoints_where_a_row_says_so(tmp_path: Path) -> None:
    """Their URL and secret stand in fields of the document's own."""
    rules = opened(tmp_path, {"endpoints": {"resource": "hook", "url": "target", "secrets": "key"}, "signing": "github"}).post.rules
    assert rules.endpoints is not None
    made = endpoint_of({"id": "h", "target": "http://localhost/", "key": "k"}, "h", rules.endpoints, rules.signing)
    assert made is not None
    assert (made.url, made.secrets, made.signing) == ("http://localhost/", (Secret("k"),), "github")
    assert endpoint_of({"id": "h"}, "h", rules.endpoints, rules.signing) is None


def test_an_endpoint_is_what_its_record_says() -> None:
    """By the rows: nested fields, one type or many, authentication, secrets with their end."""
    rows = Records("hook", "to.url", "on", "types", "not", "before", "secrets", "auth", {"B": {"basic": ["u", "p"]}, "K": {"header": "h", "default": "X-K", "value": "v"}})
    record = {"to": {"url": "http://localhost/"}, "on": False, "types": "A", "not": ["B", "C"], "before": True, "auth": "B", "u": "me", "p": "pw",
              "secrets": [{"key": "old", "until": "2025-05-06T10:30:00Z"}, {"key": "new", "until": None}]}
    made = endpoint_of(record, "h", rows, "github")
    assert made is not None
    assert (made.url, made.active, made.include, made.exclude, made.previous) == ("http://localhost/", False, ("A",), ("B", "C"), True)
    assert made.headers == (("authorization", "Basic bWU6cHc="),)
    rolled = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
    assert made.signing_keys(rolled - timedelta(seconds=1)) == ["new", "old"]
    assert made.signing_keys(rolled) == ["new"]
    assert [endpoint_of({**record, "auth": "K", **more}, "h", rows, "github").headers for more in ({"v": "1"}, {"v": "1", "h": "X-M"}, {})] == [  # type: ignore[union-attr]
        (("X-K", "1"),), (("X-M", "1"),), ()]


def test_what_is_not_said_is_as_the_standard_has_it() -> None:
    """Standard Webhooks: its signature and its schedule."""
    rules = rules_of({})
    assert (rules.signing, rules.schedule[0], rules.ordered) == ("standard-webhooks", timedelta(seconds=5), False)
    assert sum(rules.schedule, timedelta()) <= rules.give_up
