"""A session with a second instance, recorded through the proxy, learned, and replayed against both: no drift is left.

The second instance is a real server with a behaviour that no inference can know: other ids, another lifecycle, keys, locks, orders, errors.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.proxying import Running, proxying
from support.served import Served, served
from understudy.cli import main

OPENAPI = Path(__file__).resolve().parents[2] / "openapi"
SHOP = """understudy: 1
errors: {fields: {message: message, field: field}, kinds: {illegal_transition: {status: 409}, already_exists: {status: 409}}}
resources:
  owner: {id: own, id_form: hex, id_length: 12, unique: [[email]], lists: {descending: false}}
  pet:
    id: PET-
    id_form: digits
    id_length: 8
    defaults: {tags: [new]}
    deletable: [pending, available]
    lists: {descending: false}
    lifecycle: {field: status, initial: pending, pending: {adopt: available}, available: {adopt: adopted}, adopted: {}}
"""
BEFORE = """now: 2025-05-06T10:30:00Z
calls:
  - POST /owners: {name: Eve, email: eve@x.org}
    as: eve
  - POST /pets: {name: Old, species: tortoise, owner_id: "${eve.id}"}
"""


def shop(call: Running) -> None:
    """What a client of the pet shop does, refusals too."""
    eve = call("GET", "/owners")[2]["owners"][0]
    old = call("GET", f"/pets?owner_id={eve['id']}")[2]["pets"][0]
    call("GET", f"/owners/{eve['id']}")
    call("POST", f"/pets/{old['id']}/adopt")
    owners = [call("POST", "/owners", {"name": f"A{n}", "email": f"a{n}@x.org"})[2]["id"] for n in range(6)]
    assert call("POST", "/owners", {"name": "again", "email": "a1@x.org"})[0] == 409
    assert len(call("GET", "/owners")[2]["owners"]) == 7
    call("GET", "/owners?page=2")
    call("GET", "/owners/nobody")
    pets = [call("POST", "/pets", {"name": f"P{n}", "species": "cat", "owner_id": owners[n]})[2]["id"] for n in range(3)]
    assert [call("POST", f"/pets/{pets[0]}/adopt")[0] for _ in range(3)] == [200, 200, 409]
    call("POST", f"/pets/{pets[1]}/adopt")
    call("GET", f"/pets/{pets[0]}")
    assert [call("DELETE", f"/pets/{pets[n]}")[0] for n in (0, 1)] == [409, 204]
    call("GET", f"/pets/{pets[1]}")
    call("PATCH", f"/pets/{pets[2]}", {"name": "Q"})
    call("GET", "/pets")
    call("GET", "/pets?status=pending")
    call("POST", "/pets", {"name": "no species"})


def told(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[int, str, str]:
    """What a command does: exit status, what it prints, what it says beside."""
    capsys.readouterr()
    status = main(arguments)
    said = capsys.readouterr()
    return status, said.out, said.err


def recorded(real: Served, file: Path, session: Callable[[Running], None], *spec: str) -> None:
    """A session through the proxy."""
    with proxying(real.base, *spec, "--record", str(file), "--quiet") as front:
        session(front)
        front.stop()


def test_a_session_is_learned_and_replayed_without_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Drift before, none after; the fixture learned leads to the world as it was left."""
    for name in ("real", "mine"):
        (tmp_path / name).mkdir()
        shutil.copy(OPENAPI / "petstore.yaml", tmp_path / name / "petstore.yaml")
    spec, har = str(tmp_path / "mine" / "petstore.yaml"), tmp_path / "session.har"
    (tmp_path / "real" / "petstore.behaviour.yaml").write_text(SHOP)
    (tmp_path / "real" / "before.yaml").write_text(BEFORE)
    began = ["--fixture", str(tmp_path / "real" / "before.yaml")]
    with served(str(tmp_path / "real" / "petstore.yaml"), *began) as real:
        recorded(real, har, shop, spec)
        left: Any = real("GET", "/pets")[2]
    files = ["--fixture", str(tmp_path / "after.yaml"), "--before", str(tmp_path / "before.yaml")]
    status, diff, _ = told(capsys, ["learn", str(har), spec])
    assert status == 1
    assert "+    lifecycle:" in diff
    assert all("exchange" in line or "#" in line or line.rstrip().endswith(":") for line in diff.splitlines() if line.startswith("+    "))
    assert told(capsys, ["learn", str(har), spec, "--write", *files])[0] == 0
    assert told(capsys, ["learn", str(har), spec])[:2] == (0, "")
    with served(spec, "--fixture", str(tmp_path / "after.yaml")) as mine:
        assert [[one["name"], one["status"], one["id"][:4], len(one["id"])] for one in mine("GET", "/pets")[2]["pets"]] == [[one["name"], one["status"], one["id"][:4], len(one["id"])] for one in left["pets"]]
        assert mine("POST", "/pets", {"name": "N", "species": "dog"})[2]["status"] == "pending"
    with served(str(tmp_path / "real" / "petstore.yaml"), *began) as real:
        replay = ["drift", spec, "--url", real.base, "--traffic", str(har), "--law", "none", "--fixture", str(tmp_path / "before.yaml")]
        status, said, _ = told(capsys, replay)
        assert (status, "no drift" in said) == (0, True), said
        (tmp_path / "mine" / "petstore.behaviour.yaml").unlink()
        assert told(capsys, replay[:-2])[0] == 1  # what was learned made the difference


def billing(call: Running) -> None:
    """A little of the bundled sandbox."""
    key = {"X_API_KEY": "sk_live_0123456789abcdef"}
    made = [call("POST", "/v1/customers", {"reference": f"c-{n}", "type": "ORGANIZATION", "email": f"c{n}@x.example"}, **key)[2] for n in range(3)]
    assert [one["timezone"] for one in made] == ["Europe/Berlin"] * 3
    call("GET", f"/v1/customers/{made[0]['id']}", **key)
    call("GET", "/v1/customers/c-1", **key)
    assert call("POST", "/v1/customers", {"reference": "c-1", "type": "ORGANIZATION", "email": "c9@x.example"}, **key)[0] in (400, 409)
    answered = [call("POST", f"/v1/customers/{made[0]['id']}/{trigger}", **key)[0] for trigger in ("deprecate", "activate", "archive", "activate")]
    assert answered == [200, 409, 200, 200]
    call("POST", f"/v1/customers/{made[1]['id']}/activate", **key)
    call("GET", f"/v1/customers/{made[0]['id']}", **key)
    call("GET", "/v1/customers?limit=2", **key)
    call("GET", "/v1/customers/nobody", **key)


def test_a_session_with_the_bundled_sandbox_is_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines are changed where they stand in a file of 870, comments and all else stay; no secret is in the record."""
    spec, mine, theirs, har = str(OPENAPI / "solvimon.yaml"), tmp_path / "mine.behaviour.yaml", tmp_path / "theirs.behaviour.yaml", tmp_path / "session.har"
    text = (OPENAPI / "solvimon.behaviour.yaml").read_text(encoding="utf-8")
    head, customer, rest = text.partition("  customer:\n")
    rest = rest.replace("DRAFT: {", "DRAFT: {deprecate: DEPRECATED, ", 1).replace("ARCHIVED: {", "ARCHIVED: {activate: ACTIVE, ", 1).replace("timezone: UTC", "timezone: Europe/Berlin", 1)
    other = head + customer + rest
    mine.write_text(text, encoding="utf-8")
    theirs.write_text(other, encoding="utf-8")
    with served(spec, "--behaviour", str(theirs)) as real:
        recorded(real, har, billing, spec, "--behaviour", str(mine))
        assert "0123456789abcdef" not in har.read_text(encoding="utf-8")
        status, _, beside = told(capsys, ["learn", str(har), spec, "--behaviour", str(mine), "--write", "--fixture", str(tmp_path / "after.yaml")])
        assert status == 0, beside
        changed = [line for line in mine.read_text(encoding="utf-8").splitlines() if line not in text.splitlines()]
        assert [line.partition("  #")[0].strip() for line in changed] == [
            "DRAFT: {activate: ACTIVE, archive: ARCHIVED, forget: CLOSED, deprecate: DEPRECATED}",
            "ARCHIVED: {forget: CLOSED, activate: ACTIVE}",
            "defaults: {timezone: Europe/Berlin}",
        ]
        assert changed[1].endswith("# exchange 10, none against; few; was {forget: CLOSED}, against it exchange 10")
        status, said, _ = told(capsys, ["drift", spec, "--behaviour", str(mine), "--url", real.base, "--traffic", str(har), "--law", "none"])
        assert (status, "no drift" in said) == (0, True), said


NUMBERED = """understudy: 1
resources:
  owner: {unique: [[email]]}
  pet: {lifecycle: {field: status, initial: pending, pending: {adopt: available}, available: {adopt: adopted}, adopted: {}}}
"""


def numbered(call: Running) -> None:
    """A session with records that have numbers for ids, one of them there before."""
    old = call("GET", "/pets")[2]["pets"][0]
    call("POST", f"/pets/{old['id']}/adopt")
    owners = [call("POST", "/owners", {"name": f"A{n}", "email": f"a{n}@x.org"})[2]["id"] for n in range(3)]
    assert all(isinstance(id, int) for id in owners)
    call("POST", "/owners", {"name": "again", "email": "a1@x.org"})
    pets = [call("POST", "/pets", {"name": f"P{n}", "species": "cat", "owner_id": owner})[2]["id"] for n, owner in enumerate(owners)]
    assert [call("POST", f"/pets/{pets[0]}/adopt")[0] for _ in range(3)] == [200, 200, 409]
    call("DELETE", f"/pets/{pets[1]}")
    for path in ("/pets", "/owners", f"/pets?owner_id={owners[0]}", f"/pets/{pets[0]}", f"/pets/{pets[1]}"):
        call("GET", path)


def test_ids_that_are_numbers_are_numbers_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In calls of a fixture, in records, and in what is replayed."""
    text = (OPENAPI / "petstore.yaml").read_text(encoding="utf-8")
    text = text.replace("id: {type: string, readOnly: true}", "id: {type: integer, readOnly: true}").replace("owner_id: {type: string}", "owner_id: {type: integer}")
    text = text.replace("{name: owner_id, in: query, schema: {type: string}}", "{name: owner_id, in: query, schema: {type: integer}}")
    for name in ("real", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "real" / "shop.behaviour.yaml").write_text(NUMBERED)
    (tmp_path / "began.yaml").write_text(BEFORE)
    spec, har, began = str(tmp_path / "mine" / "shop.yaml"), tmp_path / "session.har", ["--fixture", str(tmp_path / "began.yaml")]
    with served(str(tmp_path / "real" / "shop.yaml"), *began) as real:
        recorded(real, har, numbered, spec)
        left: Any = real("GET", "/pets")[2]
    status, _, said = told(capsys, ["learn", str(har), spec, "--write", "--fixture", str(tmp_path / "after.yaml"), "--before", str(tmp_path / "before.yaml")])
    assert (status, "left out" in said) == (0, False), said
    with served(spec, "--fixture", str(tmp_path / "after.yaml")) as mine:
        assert [[one["name"], one["status"]] for one in mine("GET", "/pets")[2]["pets"]] == [[one["name"], one["status"]] for one in left["pets"]]
    with served(str(tmp_path / "real" / "shop.yaml"), *began) as real:
        status, said, _ = told(capsys, ["drift", spec, "--url", real.base, "--traffic", str(har), "--law", "none", "--fixture", str(tmp_path / "before.yaml")])
        assert (status, "no drift" in said) == (0, True), said
