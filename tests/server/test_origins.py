"""Who may steer a stand-in: programs and its own pages, by the names that are this machine's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.asgi import Client
from support.sketches import answer, played
from understudy.server.app import App
from understudy.server.origins import refusal
from understudy.server.posting import Poster
from understudy.theatre import Theatre


def scope(scheme: str = "http", server: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    """A request with these headers; `_` in a name stands for a dash."""
    return {"scheme": scheme, "server": (server, 4010), "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}


@pytest.mark.parametrize("host", ["localhost", "localhost:4010", "LOCALHOST:4010", "127.0.0.1:4010", "[::1]:4010", "one.localhost:4010", "192.168.7.2:4010", "[fe80::1]", "", "hooks.example"])
def test_names_of_this_machine_may_ask(host: str) -> None:
    """Loopback by any name, any address (none can be pointed elsewhere), and what was allowed."""
    assert refusal(scope(host=host), ("hooks.example",)) is None


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4010", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:80:evil", "localhost@evil.example",
                                  "evil.example#localhost", "evil.example/localhost", "evil.example?localhost", "localhost:", "[::1", "127.1.evil", "localhost:x", "evil.localhost.example"])
def test_a_name_that_a_hostile_dns_points_here_may_not(host: str) -> None:
    """DNS rebinding: the page's own name leads to this machine, and its browser says so."""
    said = refusal(scope(host=host), ("*",))
    assert said is not None and "is not this machine" in said


def test_two_hosts_are_none() -> None:
    """A request that names two is believed in neither."""
    assert refusal({**scope(host="localhost"), "headers": [(b"host", b"localhost"), (b"host", b"evil.example")]}) is not None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "https://localhost:4010", "http://127.0.0.1:4010", "file://", "http://localhost:4010.evil.example", ""])
def test_pages_of_another_origin_may_not(origin: str) -> None:
    """The same host by another port, scheme or name is another origin (RFC 6454)."""
    said = refusal(scope(host="localhost:4010", origin=origin))
    assert said is not None and "refused" in said


def test_its_own_page_may() -> None:
    """Origin and Host say the same."""
    assert refusal(scope(host="localhost:4010", origin="http://localhost:4010", sec_fetch_site="same-origin")) is None
    assert refusal(scope("https", host="localhost:4010", origin="https://localhost:4010")) is None


def test_what_another_sites_page_loads_is_refused_though_it_says_no_origin() -> None:
    """An image or a script from elsewhere has no Origin, but the browser says what it is (Fetch Metadata)."""
    image = scope(host="localhost:4010", sec_fetch_site="cross-site", sec_fetch_mode="no-cors", sec_fetch_dest="image")
    assert refusal(image) is not None and refusal(image, page=True) is not None
    assert refusal(scope(host="localhost:4010", sec_fetch_site="same-site")) is not None


def test_a_link_to_the_desk_may_be_followed_from_anywhere() -> None:
    """In a window of its own, not in a frame; and it is a page, not a call."""
    link = {"host": "localhost:4010", "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert refusal(scope(**link, sec_fetch_dest="document"), page=True) is None
    assert refusal(scope(**link, sec_fetch_dest="document")) is not None
    assert refusal(scope(**link, sec_fetch_dest="iframe"), page=True) is not None


CALLS = [("GET", "/worlds"), ("POST", "/worlds"), ("POST", "/reset"), ("GET", "/requests"), ("POST", "/clock"), ("GET", "/desk"), ("GET", "/stream"), ("GET", "/records/customer"),
         ("DELETE", "/worlds/default"), ("OPTIONS", "/clock"), ("PATCH", "/clock"), ("GET", "/nothing")]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_is_behind_the_same_door(bundled: Theatre, method: str, path: str) -> None:
    """403 with a reason, before anything is looked at, and nothing that lets another origin read it, `--cors` or not."""
    client = Client(App(bundled, origins=("https://app.example", "*")))
    for headers in ({"Origin": "https://app.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client(method, f"/_understudy{path}", headers=headers)
        assert answer.status == 403
        assert "refused" in answer.json["detail"] or "is not this machine" in answer.json["detail"]
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_preflight_of_the_control_plane_allows_nothing(bundled: Theatre) -> None:
    """`--cors` opens the API to pages, never what steers it."""
    client = Client(App(bundled, origins=("*",)))
    own = client("OPTIONS", "/_understudy/clock", headers={"Origin": "http://localhost", "Access-Control-Request-Method": "POST"})
    assert own.status == 405
    assert not [name for name in own.headers if name.startswith("access-control")]


def test_the_api_itself_is_asked_by_any_name(call: Client) -> None:
    """Containers and proxies call a stand-in by names of their own; only what steers it is careful."""
    assert call.get("/v1/customers", headers={"Host": "api.vendor.example"}).status == 200
    assert call.get("/v1/customers", headers={"Host": "api.vendor.example", "Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}).status == 200


def test_hosts_allowed_for_webhooks_may_name_this_machine(bundled: Theatre) -> None:
    """`--allow-host understudy` in a network of containers."""
    app = App(bundled, poster=Poster(("understudy",)))
    assert Client(app).get("/_understudy/health", headers={"Host": "understudy:4010"}).status == 200
    assert Client(app).get("/_understudy/health", headers={"Host": "other:4010"}).status == 403


@pytest.mark.parametrize("kind", ["text/html", "application/xhtml+xml", "image/svg+xml", "application/json", "text/plain"])
def test_a_page_of_the_api_is_of_another_origin_than_the_desk(tmp_path: Path, kind: str) -> None:
    """It comes from the same address; its scripts must not steer what they come from, and a browser sees to it."""
    client = played(tmp_path, {"/page": {"get": answer({"type": "string"}, kind=kind)}})
    policy = client.get("/page", headers={"accept": kind}).headers.get("content-security-policy", "")
    assert ("sandbox" in policy and "allow-same-origin" not in policy) == ("ml" in kind)


HOSTILE = ["../../etc/passwd", "..", "/etc/passwd", "a/b", "a\\b", "C:\\x", "x\0y", "\n", "x" * 101, "é", "<script>", ".hidden", "", " "]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_leave_their_directory(call: Client, name: str) -> None:
    """Worlds and snapshots are kept by name: letters, digits, dots, dashes, underscores."""
    for path in ("/worlds", "/snapshots"):
        answer = call.post(f"/_understudy{path}", {"name": name})
        assert answer.status == 400
        assert "use up to 100 letters" in answer.json["detail"]
    assert call.post("/_understudy/worlds", {"name": "w", "from": name}).status in (400, 404)
    assert call.post("/_understudy/reset", {"fixture": name}).status == 404


def test_a_world_header_that_is_no_name_is_refused(call: Client) -> None:
    """The header and the query choose by the same rule."""
    assert call.get("/_understudy/clock", headers={"Understudy-World": "../x"}).status == 400
    assert call.get("/_understudy/clock?world=..%2Fx").status == 400
