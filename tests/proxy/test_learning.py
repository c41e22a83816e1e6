"""What is drawn from recorded traffic, learner by learner: the line, its evidence, and what is not said."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from proxy.fronts import PETSTORE
from proxy.watched import Between
from understudy.check import opening
from understudy.check.opening import read_api
from understudy.check.running import Choice, Run
from understudy.check.running import Options as Running
from understudy.proxy.exchanges import Exchange
from understudy.proxy.fixturing import before, fixture
from understudy.proxy.learning import form_of, learn
from understudy.proxy.lessons import Doubt, Lesson, numbers
from understudy.proxy.trail import trail
from understudy.proxy.watching import Watcher
from understudy.understanding import Options

Row = tuple[str, str, Any, int, Any]
"""Method, target, body, status, answer."""
API = read_api(PETSTORE)


def exchanges(rows: Sequence[Row]) -> list[Exchange]:
    """Rows as a record has them."""
    data = [(json.dumps(body).encode() if body is not None else b"", json.dumps(answer).encode() if answer is not None else b"") for _, _, body, _, answer in rows]
    media = (("content-type", "application/json"),)
    return [Exchange(n + 1, method, target, media if body is not None else (), data[n][0], status, media if answer is not None else (), data[n][1], 1_746_527_400.0 + n, 0.0, 2 * n, 2 * n + 1)
            for n, (method, target, body, status, answer) in enumerate(rows)]  # fmt: skip


def taught(*rows: Row) -> tuple[dict[str, Any], list[str]]:
    """Lines by their path, and doubts."""
    found = learn(trail(API, exchanges(rows)))
    return {"/".join(one.path): one.value for one in found if isinstance(one, Lesson)}, [str(one) for one in found if isinstance(one, Doubt)]


def owner(id: str, **more: Any) -> dict[str, Any]:
    """One as it is answered."""
    return {"id": id, "name": "Ada", "email": f"{id[-1]}@x.org", "created_at": "2025-05-06T10:30:00Z", **more}


def made(id: str, **more: Any) -> Row:
    """Its making."""
    shown = owner(id, **more)
    return "POST", "/owners", {"name": "Ada", "email": shown["email"]}, 201, shown


def pet(id: str, status: str = "available", **more: Any) -> dict[str, Any]:
    """One as it is answered."""
    return {"id": id, "name": "Tom", "species": "cat", "status": status, **more}


def born(id: str, status: str = "available") -> Row:
    """Its making."""
    return "POST", "/pets", {"name": "Tom", "species": "cat"}, 201, pet(id, status)


@pytest.mark.parametrize(("ids", "form"), [
    (["cus_0a1B", "cus_zZ9x"], {"id": "cus", "id_form": None, "id_length": 4}),
    (["ORD-0001", "ORD-0002"], {"id": "ORD-", "id_form": "digits", "id_length": 4}),
    (["a1b2c3", "d4e5f6"], {"id": None, "id_form": "hex", "id_length": 6}),
    (["XY12ZZ"], {"id": None, "id_form": "upper", "id_length": 6}),
    ([3, 4, 9], {"id": None, "id_form": "integer", "id_length": None}),
    (["0b8f6a52-3c1d-4e5f-8a9b-0c1d2e3f4a5b"], {"id": None, "id_form": "uuid", "id_length": None}),
    (["a", "bb"], None), (["a b"], None), ([1, "a"], None), (["héllo"], None),
])  # fmt: skip
def test_forms_of_ids(ids: list[Any], form: dict[str, Any] | None) -> None:
    """The narrowest that fits all; nothing where none does."""
    assert form_of(ids) == form


def test_ids_are_learned_with_their_evidence_and_few_are_called_few() -> None:
    """What the behaviour says already is not repeated."""
    found = learn(trail(API, exchanges([made("own_a1b2"), made("own_c3d4")])))
    lines = {"/".join(one.path): one.comment for one in found if isinstance(one, Lesson)}
    assert lines["resources/owner/id"] == "2 exchanges: 1, 2, none against; few"
    assert lines["resources/owner/id_length"] == "2 exchanges: 1, 2, none against; few; was 20, against it 2 exchanges: 1, 2"


def test_a_lifecycle_is_what_was_taken_and_what_was_refused() -> None:
    """A cell that was refused goes, one that was seen comes; what was not seen stays, and is said to be so."""
    lines, doubts = taught(
        born("p1", "pending"), ("POST", "/pets/p1/adopt", None, 200, pet("p1", "available")), ("POST", "/pets/p1/adopt", None, 409, {"message": "no"}),
        ("DELETE", "/pets/p1", None, 409, {"message": "no"}),
    )  # fmt: skip
    at = "resources/pet/lifecycle"
    assert (lines[f"{at}/initial"], lines[f"{at}/pending"], lines[f"{at}/available"]) == ("pending", {"adopt": "available"}, {})
    assert lines[f"{at}/given"] == ["adopted"]
    assert lines["resources/pet/deletable"] == ["adopted", "pending"]
    assert [one for one in doubts if "lifecycle" in one] == []


def test_what_contradicts_itself_is_told_and_not_learned() -> None:
    """One trigger in one state that does now this, now that."""
    lines, doubts = taught(
        born("p1"), born("p2"), ("POST", "/pets/p1/adopt", None, 200, pet("p1", "adopted")), ("POST", "/pets/p2/adopt", None, 409, {"message": "no"}),
    )  # fmt: skip
    assert "resources/pet/lifecycle/available" not in lines
    assert "pet.lifecycle: adopt while available is refused and leads to adopted: something else decides (2 exchanges: 3, 4)" in doubts


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_refusal_for_another_reason_proves_nothing(status: int) -> None:
    """Who asks, or how often, is not what a record is."""
    lines, _ = taught(born("p1"), ("POST", "/pets/p1/adopt", None, status, {"message": "no"}))
    assert not [one for one in lines if "lifecycle" in one]


def test_keys_and_what_must_not_repeat() -> None:
    """Found by another field than the id; refused because of one that is there already."""
    lines, _ = taught(made("o1"), ("POST", "/owners", {"name": "Bo", "email": "1@x.org"}, 409, {"message": "email taken"}), ("GET", "/owners/1@x.org", None, 200, owner("o1")))
    assert lines["resources/owner/key"] == "email"
    assert taught(made("o1"), ("POST", "/owners", {"name": "Bo", "email": "1@x.org"}, 409, {"message": "email taken"}))[0]["resources/owner/unique"] == [["email"]]


def test_fields_nobody_sent() -> None:
    """The same in every new record; one that repeats another; one that is the time of the last change."""
    extra = [{"plan": "free", "contact": f"{n}@x.org", "updated_at": "2025-05-06T10:30:00Z"} for n in (1, 2)]
    lines, _ = taught(made("o1", **extra[0]), made("o2", **extra[1]))
    assert lines["resources/owner/defaults"] == {"plan": "free"}
    assert lines["resources/owner/derived"] == {"contact": "email"}


def test_lists() -> None:
    """The order of records whose making was seen; the most a page has."""
    page = {"owners": [owner("o1"), owner("o2")], "total": 9, "page": 1}
    lines, doubts = taught(made("o1"), made("o2"), ("GET", "/owners", None, 200, page), ("GET", "/owners?per_page=50", None, 200, page))
    assert (lines["resources/owner/lists/descending"], lines["resources/owner/lists/max_limit"], lines["resources/owner/lists/default_limit"]) == (False, 2, 2)
    other = {**page, "owners": page["owners"][::-1]}
    _, doubts = taught(made("o1"), made("o2"), ("GET", "/owners", None, 200, page), ("GET", "/owners", None, 200, other))
    assert any("first in some lists" in one for one in doubts)


def test_refusals() -> None:
    """A status other than the one that would be answered; a shape with codes of its own."""
    lines, _ = taught(made("o1"), ("GET", "/owners/none", None, 400, {"error": {"code": "no_such", "message": "there is none", "status": 400}}))
    assert lines["errors/kinds/unknown_record/status"] == 400
    assert lines["errors/fields"] == {"message": "message", "status": "status"}
    assert (lines["errors/wrap"], lines["errors/kinds/unknown_record/code"]) == ("error", "no_such")


def test_references() -> None:
    """A field that names a record of another resource."""
    lines, _ = taught(made("own_1"), ("POST", "/pets", {"name": "Tom", "species": "cat"}, 201, pet("pet_1", vet="own_1")))
    assert lines["resources/pet/refers_to"] == {"owner_id": "owner", "vet": "owner"}


def test_a_request_sent_twice_with_its_key() -> None:
    """The same answer: the header is an idempotency key."""
    rows = exchanges([made("o1"), made("o1")])
    keyed = [replace(one, sent=(*one.sent, ("idempotency-key", "k"))) for one in rows]
    again = replace(keyed[1], got=(*keyed[1].got, ("x-replayed", "true")))
    found = [one for one in learn(trail(API, [keyed[0], again])) if isinstance(one, Lesson) and one.path == ("idempotency",)]
    assert [one.value for one in found] == [{"header": "Idempotency-Key", "window": "24h", "replay_header": "X-Replayed"}]


def test_nothing_is_learned_from_nothing() -> None:
    """No traffic, traffic of another API, answers of another shape."""
    assert taught() == ({}, [])
    assert taught(("GET", "/elsewhere", None, 200, {"a": 1})) == ({}, [])
    assert taught(("GET", "/owners", None, 200, [1, "a", None]), ("POST", "/owners", [], 201, "text"), ("GET", "/owners/x", None, 200, {"id": None})) == ({}, [])


def test_a_session_as_a_fixture() -> None:
    """What was there before is a record, what was made is a call, and ids come of playing them."""
    rows = [
        ("GET", "/owners/old", None, 200, owner("old")), made("own_1"),
        ("POST", "/pets", {"name": "own_1 is here", "species": "cat", "owner_id": "own_1"}, 201, pet("pet_1", owner_id="own_1")),
        ("POST", "/pets/pet_1/adopt", None, 200, pet("pet_1", "adopted")), ("DELETE", "/pets/pet_1", None, 204, None), ("POST", "/owners", {}, 400, {"message": "no"}),
    ]  # fmt: skip
    found = trail(API, exchanges(rows))
    assert before(found) == {"owner": [owner("old")]}
    assert fixture(found, "it")["calls"] == [
        {"POST /owners": {"name": "Ada", "email": "1@x.org"}, "as": "e2"},
        {"POST /pets": {"name": "own_1 is here", "species": "cat", "owner_id": "${e2.id}"}, "as": "e3"},
        {"POST /pets/${e3.id}/adopt": None},
        {"DELETE /pets/${e3.id}": None},
    ]


def test_numbers_in_words() -> None:
    """One, several, many."""
    assert numbers([3]) == "exchange 3"
    assert numbers([2, 1, 2]) == "2 exchanges: 1, 2"
    assert numbers(range(1, 9)) == "8 exchanges: 1, 2, 3, 4, 5, 6, …"


def test_from_an_api_that_is_as_the_behaviour_says_nothing_is_learned() -> None:
    """What `check` asks of the stand-in of a document: no line, session by session."""
    target = opening.stand_in(Options(spec=PETSTORE))[1]
    between = Between(target, Watcher(API, "http://x"))
    try:
        Run(API, between, Running(choice=Choice(laws=("records", "lifecycle", "keys")), credentials=opening.credentials(API, opening.KEY), shrink=False)).all()
    finally:
        between.close()
    sessions = [between.seen[begin:end] for begin, end in itertools.pairwise([*between.begun, len(between.seen)])]
    assert len(sessions) > 5
    for session in sessions:
        seen = [replace(one, number=number + 1, began=1_746_527_400.0 + number) for number, (one, _) in enumerate(session)]
        assert [one for one in learn(trail(API, seen)) if isinstance(one, Lesson)] == []
