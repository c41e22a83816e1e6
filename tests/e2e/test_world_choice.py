"""Which world a request goes to, and that nothing of one is seen in another: processes as users start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.killing import OPTIONS, customer
from support.served import SOURCE, Served, served

Way = Callable[[str], tuple[str, dict[str, str]]]
"""From a world's name to what stands before a path, and the headers."""

WAYS: dict[str, Way] = {
    "header": lambda name: ("", {"Understudy-World": name}),
    "prefix": lambda name: (f"/_world/{name}", {}),
    "key": lambda name: ("", {"X-API-KEY": name}),
}


@pytest.fixture(scope="module", params=["memory", "folder"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that gives each key a world, with and without a folder."""
    kept = ["--data", str(tmp_path_factory.mktemp("worlds") / "data")] if request.param == "folder" else []
    with served(*OPTIONS, "--world-per-key", *kept) as one:
        yield one


@pytest.mark.parametrize("way", WAYS)
def test_two_worlds_have_nothing_of_each_other(running: Served, way: str) -> None:
    """Records, ids, events, clock and request log: what the one does, the other does just the same, and knows nothing of it."""

    def ask(name: str, method: str, path: str, body: Any = None) -> Any:
        before, headers = WAYS[way](f"{way}-{name}")
        if path.startswith("/_understudy"):
            named = next(world["name"] for world in running("GET", "/_understudy/worlds")[2]["worlds"] if world["name"] == told[name])
            return running(method, path, body, {"Understudy-World": named})[2]
        return running(method, before + path, body, headers)[2]

    told: dict[str, str] = {}
    seen = {world["name"] for world in running("GET", "/_understudy/worlds")[2]["worlds"]}
    for name in ("a", "b"):
        ask(name, "GET", "/v1/customers")
        now = {world["name"] for world in running("GET", "/_understudy/worlds")[2]["worlds"]}
        (told[name],) = now - seen
        seen = now
    made = ask("a", "POST", "/v1/customers", customer("mine"))
    ask("a", "POST", "/_understudy/clock", {"advance": "P1D"})
    assert ask("b", "GET", "/v1/customers")["data"] == []
    assert ask("b", "GET", "/_understudy/clock")["now"] == "2025-05-06T10:30:00Z"
    assert ask("a", "GET", "/_understudy/clock")["now"] == "2025-05-07T10:30:00Z"
    assert [event["type"] for event in ask("b", "GET", "/_understudy/events")["events"]] == ["BILLING_ENTITY.CREATED"]
    assert len(ask("a", "GET", "/_understudy/requests")["requests"]) == 2
    assert ask("b", "POST", "/v1/customers", customer("mine")) == made
    assert ask("b", "GET", f"/v1/customers/{made['id']}") == made


def test_a_name_goes_before_a_key_and_requests_without_either_share_the_default_world(running: Served) -> None:
    """Whoever names a world means it."""
    running("POST", "/_world/named/v1/customers", customer("a"), {"X-API-KEY": "own"})
    assert [row["reference"] for row in running("GET", "/v1/customers", None, {"X-API-KEY": "other", "Understudy-World": "named"})[2]["data"]] == ["a"]
    assert running("GET", "/v1/customers", None, {"X-API-KEY": "own"})[2]["data"] == []


@pytest.mark.parametrize("name", ["a%20b", "..", "-a", "a" * 101, "%00", "é"])
def test_a_name_that_is_none_is_refused_in_the_api_s_own_shape(running: Served, name: str) -> None:
    """By path or header; nothing begins."""
    before = len(running("GET", "/_understudy/health")[2]["worlds"])
    status, _, body = running("GET", f"/_world/{name.replace('é', '%C3%A9')}/v1/customers")
    assert (status, body["type"]) == (400, "INVALID_REQUEST")
    assert "use up to 100 letters" in body["message"]
    assert len(running("GET", "/_understudy/health")[2]["worlds"]) == before


def test_more_worlds_than_allowed_are_refused_until_one_ends(tmp_path: Path) -> None:
    """By every way to begin one; those there are go on."""
    with served(*OPTIONS, "--max-worlds", "2", "--data", str(tmp_path / "data")) as running:
        assert running("GET", "/v1/customers", None, {"Understudy-World": "second"})[0] == 200
        for method, path, body, headers in (
            ("GET", "/v1/customers", None, {"Understudy-World": "third"}),
            ("GET", "/_world/third/v1/customers", None, {}),
            ("POST", "/_understudy/worlds", {"name": "third"}, {}),
            ("POST", "/_understudy/worlds", {"name": "third", "from": "second"}, {}),
        ):
            status, _, said = running(method, path, body, headers)
            assert status == 400
            assert "there are 2 worlds already; end one first" in str(said)
        assert running("POST", "/v1/customers", customer("a"), {"Understudy-World": "second"})[0] == 201
        assert running("DELETE", "/_understudy/worlds/second")[0] == 200
        assert running("GET", "/v1/customers", None, {"Understudy-World": "third"})[0] == 200


def test_a_world_nobody_asked_for_is_forgotten_and_begins_anew(tmp_path: Path) -> None:
    """`--idle 0`: at the next request; its snapshots go with it, the default world stays, and so it is on disk."""
    kept = (*OPTIONS, "--idle", "0", "--data", str(tmp_path / "data"))
    with served(*kept) as running:
        for world in ("default", "other"):
            assert running("POST", "/v1/customers", customer("a"), {"Understudy-World": world})[0] == 201
        assert running("GET", "/v1/customers", None, {"Understudy-World": "other"})[2]["data"] == []
        running("GET", "/v1/customers")
    with served(*kept) as running:
        assert len(running("GET", "/v1/customers")[2]["data"]) == 1
        assert running("GET", "/_understudy/health")[2]["worlds"] == ["default"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max-worlds", "0"], "is no whole number from 1"),
        (["--max-worlds", "many"], "is no whole number from 1"),
        (["--idle", "-1"], "is no number of seconds from 0"),
        (["--idle", "nan"], "is no number of seconds from 0"),
        (["--fixture", "{file}"], "#/records/customer/0/type: the document forbids this"),
        (["--fixture", "{file}"], "#/records/nothing: unknown resource; there are"),
        (["--fixture", "{file}"], '#/records/contact/0/customer_id: there is no customer "cust_nobody"'),
        (["--data", "{closed}"], "cannot be used as a data folder"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Exit status 2, no traceback, nothing overwritten."""
    if "{closed}" in arguments and os.geteuid() == 0:
        pytest.skip("root may write into any folder")
    fixture, closed = tmp_path / "world.json", tmp_path / "closed"
    forbidden = {**customer("a"), "id": "cust_a", "object_type": "CUSTOMER", "status": "DRAFT", "created_at": "2025-05-06T10:30:00Z", "type": "NOPE"}
    dangling = {"object_type": "CONTACT", "id": "cont_" + 20 * "a", "reference": "a", "customer_id": "cust_nobody"}
    fixture.write_text(json.dumps({"records": {"customer": [forbidden], "contact": [dangling], "nothing": []}}))
    closed.mkdir(mode=0o500)
    filled = [argument.format(file=fixture, closed=closed / "data") for argument in arguments]
    command = [sys.executable, "-m", "understudy.cli", "serve", "--port", "0", *filled]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(SOURCE)}, timeout=60, check=False)
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    assert said in done.stderr
