"""A folder opened with another document than it was kept for, or with the same one edited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from support.asgi import Client
from support.places import CUSTOMER
from understudy.durations import parse_instant
from understudy.server.app import App
from understudy.theatre import Options, Theatre, open_theatre
from understudy.world.journal import Unkept
from understudy.world.store import Query

NOW = parse_instant("2025-05-06T10:30:00Z")


def document(title: str, resource: str, **properties: Any) -> dict[str, Any]:
    """A document of one collection with an item."""
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "readOnly": True}, **properties}}
    json = {"application/json": {"schema": schema}}
    made, shown = ({status: {"description": "", "content": json}} for status in ("201", "200"))
    listed = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": schema}}}}}
    item = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.0.3", "info": {"title": title, "version": "1"},
        "paths": {
            f"/{resource}s": {"get": {"responses": listed}, "post": {"requestBody": {"content": json}, "responses": made}},
            f"/{resource}s/{{id}}": {"get": {"parameters": [item], "responses": shown}},
        },
    }  # fmt: skip


class Shop:
    """A document's file and a data folder."""

    def __init__(self, path: Path) -> None:
        self.spec, self.data = path / "shop.json", path / "data"

    def open(self, title: str, resource: str, **properties: Any) -> tuple[Theatre, Client]:
        """Write the document, and open the folder with it."""
        self.spec.write_bytes(orjson.dumps(document(title, resource, **properties)))
        sandbox = open_theatre(Options(spec=str(self.spec), now=NOW, data=str(self.data)))
        return sandbox, Client(App(sandbox))

    def once(self, title: str, resource: str, **properties: Any) -> tuple[str, ...]:
        """Open it and leave it as a crash would; what did not fit."""
        sandbox, _ = self.open(title, resource, **properties)
        assert sandbox.folder is not None
        sandbox.folder.release()
        return tuple(f"{one.where}: {one.message}" for one in sandbox.folder.misfits)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A folder with a cup of 12 euros in the default world and in a snapshot, kept for the document "Shop"."""
    made = Shop(tmp_path)
    sandbox, call = made.open("Shop", "cup", price={"type": "integer"})
    assert call.post("/cups", {"price": 12}).status == 201
    assert call.post("/_understudy/snapshots", {"name": "before"}).status == 200
    assert sandbox.folder is not None
    sandbox.folder.release()
    return made


def kept(path: Path) -> dict[str, bytes]:
    """Every file but the lock."""
    return {str(one): one.read_bytes() for one in path.rglob("*") if one.is_file() and one.name != "lock"}


def test_the_same_document_opens_its_folder_without_a_word(shop: Shop) -> None:
    """Again and again."""
    assert shop.once("Shop", "cup", price={"type": "integer"}) == ()
    assert shop.once("Shop", "cup", price={"type": "integer"}) == ()


def test_another_document_is_refused_with_what_differs_and_nothing_is_changed(shop: Shop) -> None:
    """Both documents by title and file, and what of the kept one has no place in the other."""
    before = kept(shop.data)
    for resource, said in (("plate", "world default, cup: the document has no such resource; 1 of its records"), ("cup", "world default, cup .* at price")):
        with pytest.raises(Unkept, match=said) as refused:
            shop.open("Café", resource, price={"type": "string"})
        assert '"Shop"' in str(refused.value)
        assert '"Café"' in str(refused.value)
        assert str(shop.spec) in str(refused.value)
        assert str(shop.data) in str(refused.value)
    assert kept(shop.data) == before
    assert shop.once("Shop", "cup", price={"type": "integer"}) == ()


def test_a_document_of_another_title_that_everything_fits_is_served(shop: Shop) -> None:
    """It was renamed."""
    assert shop.once("Corner shop", "cup", price={"type": "integer"}, note={"type": "string"}) == ()


def test_records_that_an_edited_document_forbids_are_told_of_and_kept(shop: Shop) -> None:
    """By world, record and field; each can still be asked for, and fits again when the document does."""
    told = shop.once("Shop", "cup", price={"type": "integer", "maximum": 10})
    assert [line.split(" at ")[0].split(", ")[0] for line in told] == ["world default", "world default/before"]
    assert all("at price: the document forbids this" in line for line in told)
    sandbox, call = shop.open("Shop", "cup", price={"type": "integer", "maximum": 10})
    (id,) = (row["id"] for row in map(orjson.loads, sandbox.worlds.get("default").store.select(Query("cup")).rows))
    assert call.get(f"/cups/{id}").json["price"] == 12
    assert sandbox.folder is not None
    sandbox.folder.close()
    assert shop.once("Shop", "cup", price={"type": "integer"}) == ()


def test_records_of_a_resource_that_an_edited_document_left_out_come_back_with_it(shop: Shop) -> None:
    """Until then they are told of, and nobody can ask for them."""
    told = shop.once("Shop", "plate", price={"type": "integer"})
    assert told[0] == "world default, cup: the document has no such resource; 1 of its records are kept and cannot be asked for"
    sandbox, call = shop.open("Shop", "plate", price={"type": "integer"})
    assert call.get("/cups").status == 404
    assert call.post("/plates", {"price": 1}).status == 201
    assert sandbox.folder is not None
    sandbox.folder.close()
    sandbox, call = shop.open("Shop", "cup", price={"type": "integer"})
    assert [row["price"] for row in call.get("/cups").json] == [12]
    assert sandbox.folder is not None
    sandbox.folder.release()


def test_private_fields_of_kept_records_never_leave(tmp_path: Path) -> None:
    """From files or journal, in a process that made none of them itself."""
    options = Options(now=NOW, data=str(tmp_path), fixture="saas")
    lists = ("/v1/invoices", "/v1/pricing-plan-subscriptions", "/v1/events")
    first = open_theatre(options)
    call = Client(App(first))
    assert call.post("/v1/customers", CUSTOMER | {"reference": "a"}).status == 201
    before = [call.get(path).body for path in lists]
    for _ in range(2):
        assert first.folder is not None
        first.folder.release()
        first = open_theatre(Options(now=NOW, data=str(tmp_path), fixture="empty"))
        assert [Client(App(first)).get(path).body for path in lists] == before
    assert first.folder is not None
    first.folder.release()


def test_timers_of_a_resource_that_is_gone_fall_due_in_silence(tmp_path: Path) -> None:
    """The clock can be turned past them."""
    first = open_theatre(Options(now=NOW, data=str(tmp_path / "data"), fixture="saas"))
    assert first.folder is not None
    assert first.worlds.get("default").next_due is not None
    first.folder.release()
    spec = tmp_path / "other.json"
    spec.write_bytes(orjson.dumps(document(first.title, "cup")))
    second = open_theatre(Options(spec=str(spec), now=NOW, data=str(tmp_path / "data")))
    assert second.folder is not None
    assert second.folder.misfits
    assert Client(App(second)).post("/_understudy/clock", {"advance": "P2M"}).json["due"] == []
    second.folder.release()
