"""Where documents come from: a file, a folder, a URL, standard input, several at once; and what is said of broken ones."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.asgi import Client
from support.hosted import Host, hosted
from understudy.cli import main
from understudy.server.app import App
from understudy.theatre import Options, Theatre, Unplayable, open_theatre
from understudy.world import fetching

TEXT = {"type": "string"}


def thing(name: str, *fields: str) -> dict[str, Any]:
    """Paths of a collection with items."""
    record = {"type": "object", "required": ["id"], "properties": {"id": {**TEXT, "readOnly": True}, "name": TEXT, **dict.fromkeys(fields, TEXT)}}
    one = {"description": "one", "content": {"application/json": {"schema": record}}}
    many = {"description": "all", "content": {"application/json": {"schema": {"type": "array", "items": record}}}}
    body = {"required": True, "content": {"application/json": {"schema": record}}}
    parameter = {"name": "id", "in": "path", "required": True, "schema": TEXT}
    return {
        f"/{name}": {"get": {"responses": {"200": many}}, "post": {"requestBody": body, "responses": {"201": one}}},
        f"/{name}/{{id}}": {"parameters": [parameter], "get": {"responses": {"200": one, "404": {"description": "none"}}},
                            "delete": {"responses": {"204": {"description": "gone"}}}},
    }


def document(title: str, paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document with these paths."""
    return {"openapi": "3.1.0", "info": {"title": title, "version": "1"}, "paths": paths, **more}


SHOP = document("Shop", {**thing("pets", "owner_id"), **thing("owners")})
CLINIC = document("Clinic", thing("visits", "pet_id"))


def write(path: Path, value: Any) -> str:
    """A JSON file; its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def play(*specs: str, **options: Any) -> Client:
    """A client of documents played together."""
    return Client(App(opened(*specs, **options)))


def opened(*specs: str, **options: Any) -> Theatre:
    """Documents opened together."""
    return open_theatre(Options(spec=specs, **options))


def faults(*specs: str, **options: Any) -> list[tuple[str, str]]:
    """What is wrong with documents, place and message."""
    with pytest.raises(Unplayable) as raised:
        opened(*specs, **options)
    return [(fault.where, fault.message) for fault in raised.value.faults]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A web server on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with hosted() as one:
        yield one


def lives(call: Client, path: str, **fields: str) -> dict[str, Any]:
    """What is created there is found there."""
    made = call.post(path, fields)
    assert made.status == 201, made.body
    assert call.get(f"{path}/{made.json['id']}").json == made.json
    return made.json


# --- several documents -------------------------------------------------------------------------------------------


def test_several_documents_are_one_api(tmp_path: Path) -> None:
    """Their operations stand beside one another, and a reference from one to the other is found."""
    sandbox = opened(write(tmp_path / "shop.json", SHOP), write(tmp_path / "clinic.json", CLINIC))
    call = Client(App(sandbox))
    pet = lives(call, "/pets", name="Rex")
    visit = lives(call, "/visits", pet_id=pet["id"])
    assert call.get("/visits").json == [visit]
    assert sandbox.title == "Shop, Clinic"
    assert sandbox.script.behaviour.resources["visit"].refers_to == {"pet_id": "pet"}


def test_each_document_keeps_its_base_path_components_and_security(tmp_path: Path) -> None:
    """The same names in two documents mean what each document says."""
    scheme = lambda name: {"components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": name}}}, "security": [{"key": []}]}  # noqa: E731
    one = document("A", thing("pets", "colour"), servers=[{"url": "https://a.example/a/v1"}], **scheme("X-A"))
    other = document("B", thing("pets", "weight"), servers=[{"url": "/{area}", "variables": {"area": {"default": "b"}}}], **scheme("X-B"))
    call = play(write(tmp_path / "a.json", one), write(tmp_path / "b.json", other))
    assert call.post("/a/v1/pets", {"colour": "red"}, headers={"X-A": "k"}).json["colour"] == "red"
    made = call.post("/b/pets", {"weight": "3 kg", "colour": "red"}, headers={"X-B": "k"})
    assert made.json["weight"] == "3 kg" and "colour" not in made.json
    assert call.get("/a/v1/pets", headers={"X-B": "k"}).status == 401
    assert len(call.get("/a/v1/pets", headers={"X-A": "k"}).json) == 1
    assert call.get("/pets").status == 404


def test_each_document_refuses_in_its_own_shape(tmp_path: Path) -> None:
    """As its responses declare, or as the behaviour file beside it says."""
    shape = {"type": "object", "required": ["reason"], "properties": {"reason": TEXT}}
    paths = thing("pets")
    paths["/pets/{id}"]["get"]["responses"]["404"] = {"description": "none", "content": {"application/json": {"schema": shape}}}
    specs = [write(tmp_path / "shop.json", document("Shop", paths)), write(tmp_path / "clinic.json", CLINIC)]
    write(tmp_path / "clinic.behaviour.yaml", "errors: {fields: {said: message}, kinds: {unknown_record: {status: 404, code: 7}}}")
    call = play(*specs)
    assert set(call.get("/pets/none").json) == {"reason"}
    refused = call.get("/visits/none")
    assert (refused.status, set(refused.json)) == (404, {"said", "code"})


def test_files_beside_documents_speak_for_their_own_document(tmp_path: Path) -> None:
    """A resource of the same name in both stays apart; what they have in common is said once."""
    one = document("A", thing("items"), servers=[{"url": "/a"}])
    other = document("B", thing("items"), servers=[{"url": "/b"}])
    specs = [write(tmp_path / "a.json", one), write(tmp_path / "b.json", other)]
    write(tmp_path / "b.behaviour.yaml", "resources: {item: {collection: /b/items, id: itm, key: name}}")
    call = play(*specs)
    assert lives(call, "/b/items", name="x")["id"].startswith("itm_")
    assert not lives(call, "/a/items", name="x")["id"].startswith("itm_")
    assert call.get("/b/items/x").status == 200 and call.get("/a/items/x").status == 404
    write(tmp_path / "a.behaviour.yaml", "resources: {item: {collection: /a/items}}\nauth: {header: X-A}")
    write(tmp_path / "b.behaviour.yaml", "resources: {item: {collection: /b/items}}\nauth: {header: X-B}")
    assert [where.partition("#")[2] for where, _ in faults(*specs)] == ["/auth", "/resources/item"]


def test_the_same_path_twice_names_both_documents(tmp_path: Path) -> None:
    """Two meanings of one path cannot both be served; the same meaning twice can."""
    one, same, other = (write(tmp_path / name, value) for name, value in
                        {"a.json": SHOP, "b.json": document("Other", thing("owners")), "c.json": document("C", thing("owners", "age"))}.items())
    assert lives(play(one, same), "/owners", name="Ann")
    said = faults(one, other)
    assert [where.rpartition("#")[0] for where, _ in said] == [other] * len(said)
    assert all(one in message and "base path" in message for _, message in said)


def test_all_that_is_wrong_with_several_documents_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two broken among three, one that is not there, a broken behaviour file: exit status 2, each with its place."""
    good = write(tmp_path / "good.json", SHOP)
    torn = write(tmp_path / "torn.yaml", "openapi: 3.1.0\npaths: [\n")
    lost = document("Lost", {"/x": {"get": {"responses": {"200": {"$ref": "#/components/responses/None"}}}}})
    gone = write(tmp_path / "gone.json", lost)
    behaviour = write(tmp_path / "b.yaml", "resources: 7")
    assert main(["inspect", good, torn, gone, str(tmp_path / "not-there.yaml"), "--behaviour", behaviour]) == 2
    said = capsys.readouterr().err
    for part in (f"{torn}:", f"{gone}#/paths/~1x/get/responses/200/$ref", "not-there.yaml: No such file", f"{behaviour}#/resources"):
        assert part in said
    assert main(["serve", good, torn, gone]) == 2
    assert f"{torn}:" in (said := capsys.readouterr().err) and f"{gone}#" in said


# --- folders -----------------------------------------------------------------------------------------------------


def test_a_folder_of_documents_is_played(tmp_path: Path) -> None:
    """Every document in it; files that are none are left alone, behaviour files beside them count."""
    folder = tmp_path / "apis"
    write(folder / "shop.json", SHOP)
    write(folder / "clinic.json", CLINIC)
    write(folder / "package.json", {"name": "no document"})
    write(folder / "shop.behaviour.yaml", "resources: {pet: {collection: /pets, id: pet}}")
    call = play(str(folder))
    assert lives(call, "/pets", name="Rex")["id"].startswith("pet_")
    assert call.get("/visits").status == 200
    write(tmp_path / "apis.behaviour.yaml", "resources: {visit: {collection: /visits, id: vst}}")
    assert lives(play(str(folder)), "/visits", pet_id="x")["id"].startswith("vst_")


def test_a_document_in_many_files_is_one_document(tmp_path: Path) -> None:
    """Named by its file or by its folder; paths, parameters and schemas may lie in files of their own."""
    whole = thing("pets")
    write(tmp_path / "api" / "paths" / "pets.json", whole["/pets"])
    write(tmp_path / "api" / "paths" / "pet.json", {**whole["/pets/{id}"], "parameters": [{"$ref": "../parts/parameters.json#/id"}]})
    write(tmp_path / "api" / "parts" / "parameters.json", {"id": whole["/pets/{id}"]["parameters"][0]})
    root = write(tmp_path / "api" / "openapi.json", document("Shop", {"/pets": {"$ref": "paths/pets.json"}, "/pets/{id}": {"$ref": "./paths/pet.json"}}))
    for spec in (root, str(tmp_path / "api")):
        assert lives(play(spec), "/pets", name="Rex")


def test_documents_further_down_are_found_where_a_folder_has_none_of_its_own(tmp_path: Path) -> None:
    """As collections of documents lie, a folder for each."""
    write(tmp_path / "all" / "shop" / "openapi.json", SHOP)
    write(tmp_path / "all" / "clinic" / "openapi.yaml", json.dumps(CLINIC))
    write(tmp_path / "all" / ".git" / "openapi.json", SHOP)
    assert len(opened(str(tmp_path / "all")).script.contract.operations) == 12


@pytest.mark.parametrize(("files", "told"), [({"a.txt": "x"}, "holds no OpenAPI document"), ({"a.json": "{}"}, "holds no OpenAPI document"),
                                             ({"shop.json": SHOP, "torn.yaml": "openapi: 3.0.3\n\tx: ["}, "torn.yaml:2:1")])  # fmt: skip
def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path, files: dict[str, Any], told: str) -> None:
    """No document in it, or a broken one."""
    for name, value in files.items():
        write(tmp_path / "apis" / name, value)
    ((where, message),) = faults(str(tmp_path / "apis"))
    assert told in f"{where}: {message}"


def test_a_folder_that_may_not_be_looked_into_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback."""
    refuse = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "iterdir", lambda _: (_ for _ in ()).throw(refuse))
    assert faults(str(tmp_path)) == [(str(tmp_path), "Permission denied")]


# --- URLs --------------------------------------------------------------------------------------------------------


def test_a_document_is_fetched_with_what_lies_beside_it(host: Host) -> None:
    """References below its own folder are fetched too; servers are relative to where it lies."""
    paths = thing("pets")
    host.put("/api/v1/parts/pet.json", json.dumps(paths["/pets/{id}"]), "application/json")
    url = host.put("/api/v1/openapi.json", json.dumps(document("Shop", {**paths, "/pets/{id}": {"$ref": "parts/pet.json"}}, servers=[{"url": "./"}])), "application/json")
    call = play(url)
    assert lives(call, "/api/v1/pets", name="Rex")
    assert host.asked == ["/api/v1/openapi.json", "/api/v1/parts/pet.json"]


@pytest.mark.parametrize("ref", ["{base}/other/part.json", "../other/part.json", "%2e%2e/other/part.json", "http://127.0.0.2:1/api/part.json", "file:///etc/hostname"])
def test_nothing_else_is_fetched(host: Host, ref: str) -> None:
    """Above the document's folder, on another host, or on this machine: refused by name, and never asked for."""
    url = host.put("/api/openapi.json", json.dumps(document("Shop", {"/pets": {"$ref": ref.format(base=host.base)}})), "application/json")
    host.put("/other/part.json", json.dumps(thing("pets")["/pets"]))
    ((where, message),) = faults(url)
    assert where == f"{url}#/paths/~1pets/$ref" and ("is not fetched" in message or "may not refer to files" in message)
    assert host.asked == ["/api/openapi.json"]


def test_a_file_fetches_nothing(tmp_path: Path, host: Host) -> None:
    """A URL is fetched only where a person named it."""
    part = host.put("/part.json", json.dumps(thing("pets")["/pets"]))
    ((_, message),) = faults(write(tmp_path / "shop.json", document("Shop", {"/pets": {"$ref": part}})))
    assert "is not fetched" in message and host.asked == []


def test_a_redirect_stays_on_its_host(host: Host) -> None:
    """Followed to the same host; to another one the address is told."""
    host.put("/new.json", json.dumps(SHOP), "application/json")
    assert play(host.put("/old.json", b"", status=302, Location="/new.json")).get("/pets").status == 200
    ((_, message),) = faults(host.put("/away.json", b"", status=301, Location="http://127.0.0.2:1/x.json"))
    assert "redirect to http://127.0.0.2:1/x.json" in message


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (("", "text/plain", 404), "answers 404"),
        (("<html>Docs</html>", "text/html"), "a web page (text/html)"),
        (("<html>Docs</html>", "text/plain"), "looks like a web page"),
        (("just words", "text/plain"), "the top is no object"),
        (("{broken", "application/json"), "not YAML"),
        (("a: &a [*a]\n", "application/yaml"), "an alias stands within"),
    ],
)
def test_what_is_no_document_is_refused_with_its_address(host: Host, page: tuple[Any, ...], told: str) -> None:
    """Exit status 2 and what was found there."""
    url = host.put("/spec", *page)
    ((where, message),) = faults(url)
    assert where.startswith(url) and told in message


def test_a_document_too_large_or_too_slow_is_not_waited_for(host: Host) -> None:
    """Limits of size and time, whatever the server says of itself."""
    url = host.put("/large", b"x" * 5000)
    with pytest.raises(fetching.Unreadable, match="larger than 1,000 octets"):
        fetching.fetch(url, most=1000)
    clock = iter(range(0, 100_000, 10))
    with pytest.raises(fetching.Unreadable, match="did not answer within 5 seconds"):
        fetching.fetch(url, within=5, clock=lambda: next(clock))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://[broken", "https://"])
def test_a_host_that_cannot_be_reached_is_named(url: str) -> None:
    """No traceback."""
    ((where, _),) = faults(url)
    assert where == url


# --- standard input ----------------------------------------------------------------------------------------------


def test_a_document_comes_through_a_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-`; references are looked for beside where one stands."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "pets.json", thing("pets")["/pets"])
    piped = document("Shop", {**thing("pets"), "/pets": {"$ref": "pets.json"}})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(piped).encode())))
    assert main(["inspect", "-"]) == 0
    assert "4 operations: 4 modelled" in capsys.readouterr().out


# --- YAML --------------------------------------------------------------------------------------------------------


def test_aliases_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    """Nine aliases of nine aliases …: a few lines that would fill any memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    ((_, message),) = faults(write(tmp_path / "bomb.yaml", "openapi: 3.1.0\n" + "\n".join(lines)))
    assert "aliases make more than" in message


def test_names_that_are_numbers_are_text(tmp_path: Path) -> None:
    """Status codes without quotation marks, as people write them."""
    text = "openapi: 3.0.3\ninfo: {title: N, version: 1}\npaths:\n  /n:\n    get:\n      responses:\n        200: {description: fine}\n        default: {description: not}\n"
    assert play(write(tmp_path / "n.yaml", text)).get("/n").status == 200


# --- overlays ----------------------------------------------------------------------------------------------------


def overlaying(*actions: dict[str, Any]) -> dict[str, Any]:
    """An overlay with these actions."""
    return {"overlay": "1.0.0", "info": {"title": "local", "version": "1"}, "actions": list(actions)}


def test_overlays_are_applied_one_after_the_other_before_the_document_is_read(tmp_path: Path) -> None:
    """A path moved to another base, another one taken away; the files themselves stay as they are."""
    spec = write(tmp_path / "shop.json", SHOP)
    one = write(tmp_path / "one.json", overlaying({"target": "$", "update": {"servers": [{"url": "/local"}]}}))
    two = write(tmp_path / "two.yaml", json.dumps(overlaying({"target": "$.servers[0]", "update": {"url": "/v9"}}, {"target": "$.paths['/owners']", "remove": True})))
    call = play(spec, overlays=(one, two))
    assert lives(call, "/v9/pets", name="Rex") and call.get("/v9/owners").status == 404
    assert json.loads(Path(spec).read_text()) == SHOP


def test_what_is_wrong_with_overlays_is_said_with_what_is_wrong_with_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2; an action in vain is only told."""
    spec = write(tmp_path / "shop.json", SHOP)
    vain = write(tmp_path / "vain.json", overlaying({"target": "$.paths['/cats']", "remove": True}))
    assert main(["inspect", spec, "--overlay", vain]) == 0
    assert f"{vain}#/actions/0/target: changes nothing" in capsys.readouterr().out
    wrong = write(tmp_path / "wrong.json", overlaying({"target": "paths", "remove": True}))
    torn = write(tmp_path / "torn.yaml", "openapi: [")
    assert main(["inspect", spec, torn, "--overlay", wrong, "--overlay", str(tmp_path / "none.yaml")]) == 2
    said = capsys.readouterr().err
    assert f"{wrong}#/actions/0/target" in said and f"{torn}:" in said and "none.yaml: No such file" in said


def test_one_overlay_serves_several_documents(tmp_path: Path) -> None:
    """Parts that two documents have in common in YAML are changed each for itself."""
    text = "openapi: 3.1.0\ninfo: &i {title: T, version: '1'}\nx-info: *i\npaths:\n  /a: {get: {responses: {'200': {description: a}}}}\n"
    action = overlaying({"target": "$.info", "update": {"title": "Changed"}})
    sandbox = opened(write(tmp_path / "a.yaml", text), write(tmp_path / "b.yaml", text.replace("/a", "/b")), overlays=(write(tmp_path / "o.json", action),))
    assert sandbox.title == "Changed"
    assert {one.value["x-info"]["title"] for one in sandbox.understood.documents} == {"T"}
