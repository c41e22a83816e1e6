"""The laws, judged of what goes by: silent over a good implementation, and right about bad ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from check.desk import SOURCE, SPEC, planted
from proxy.fronts import PETSTORE
from proxy.watched import desk, side, watched
from understudy.check.opening import read_api
from understudy.proxy.exchanges import Exchange, Pairs
from understudy.proxy.watching import Watcher, header

BUGS = {bug.what: bug for bug in planted().PLANTED}
JSON: Pairs = (("content-type", "application/json"),)


def test_nothing_is_wrong_with_a_good_implementation() -> None:
    """All that `check` sends, races and strange requests too: no law and no answer is found fault with."""
    between = watched(desk())
    assert side(between, "law", "response") == []
    assert len({law for law, _ in between.watcher.report.judged}) >= 19


@pytest.mark.parametrize(("bug", "law"), [
    ("a draft can be paid", "lifecycle"),
])  # fmt: skip
def test_planted_bugs_are_seen_in_passing(bug: str, law: str) -> None:
    """Nobody asked for them."""
    assert any(one.startswith(law) for one in side(watched(desk(BUGS[bug].planted(SOURCE)), SPEC, "lifecycle", "pages"), "law"))


class Session:
    """Exchanges with a pet shop, one after the other."""

    def __init__(self) -> None:
        self.watcher = Watcher(read_api(PETSTORE), "http://x")
        self.events = 0

    def __call__(self, method: str, target: str, status: int, answer: Any = None, body: Any = None, who: str = "", during: int = 0) -> list[str]:
        """What is wrong with one. `during`: it began so many events ago."""
        number, self.events = self.events, self.events + 2
        if not during:
            self.watcher.begins(number, method, target.partition("?")[0])
        sent = (*(JSON if body is not None else ()), *((("authorization", who),) if who else ()))
        one = Exchange(number, method, target, sent, json.dumps(body).encode() if body is not None else b"", status, JSON if answer is not None else (),
                       json.dumps(answer).encode() if answer is not None else b"", started=self.events - 1 - during, ended=self.events)  # fmt: skip
        now = self.watcher.judge(one)
        later = [found for _, violations in self.watcher.confirm() for found in violations]
        return [f"{found.law}: {found.message}" for found in [*now, *later]]


OWNER = {"id": "own_1", "name": "Ada", "email": "ada@x.org", "created_at": "2025-05-06T10:30:00Z"}
ASKED = {"name": "Ada", "email": "ada@x.org"}


def test_what_was_written_is_read() -> None:
    """By the same party, and where nobody wrote in between."""
    session = Session()
    assert session("POST", "/owners", 201, OWNER, ASKED) == []
    assert session("GET", "/owners/own_1", 200, OWNER) == []
    assert session("GET", "/owners/own_1", 200, {**OWNER, "name": "Bo"}, who="Bearer other") == []
    session("GET", "/owners/own_1", 200, OWNER)
    assert session("GET", "/owners/own_1", 200, {**OWNER, "name": "Bo"}) == ["reading changes nothing: name is read otherwise than it was shown before, and nobody wrote it"]
    assert session("POST", "/owners", 201, {**OWNER, "id": "own_2", "name": "Bo"}, ASKED) == ["read your writes: name was sent and did not come back as sent"]


def test_what_is_there_is_found_and_listed_and_what_was_deleted_is_not() -> None:
    """Until it is made anew."""
    session = Session()
    session("POST", "/owners", 201, OWNER, ASKED)
    assert session("GET", "/owners", 200, {"owners": [OWNER], "total": 1, "page": 1}) == []
    assert session("GET", "/owners", 200, {"owners": [], "total": 0, "page": 1}) == ["created is listed: a created record is not in the list"]
    assert session("GET", "/owners/own_1", 404, {"message": "no"}) == ["created is available: it was there (POST /owners), nothing deleted it, and it is answered 404"]
    assert session("DELETE", "/owners/own_1", 204) == []
    assert session("GET", "/owners/own_1", 404, {"message": "no"}) == []
    assert session("GET", "/owners/own_1", 200, OWNER) == ["deleted is gone: it was deleted and is still found"]
    assert session("GET", "/owners", 200, {"owners": [OWNER], "total": 1, "page": 1}) == ["deleted is gone: it was deleted and is still listed"]


def test_what_was_under_way_at_the_same_time_proves_nothing() -> None:
    """A read that began before a delete ended may see either."""
    session = Session()
    session("POST", "/owners", 201, OWNER, ASKED)
    session.watcher.begins(99, "PATCH", "/owners/own_1")
    assert session("GET", "/owners/own_1", 200, {**OWNER, "name": "Bo"}) == []
    session = Session()
    session("POST", "/owners", 201, OWNER, ASKED)
    session("DELETE", "/owners/own_1", 204)
    assert session("GET", "/owners/own_1", 200, OWNER, during=3) == []


def test_a_request_that_breaks_the_document_is_said() -> None:
    """Path, parameters and body; an answer is judged as well."""
    session = Session()
    assert [one.partition(":")[0] for one in session("GET", "/owners?page=x", 400, {"message": "no"})] == ["declared request"]
    assert [one.partition(":")[0] for one in session("POST", "/owners", 201, OWNER, {"name": ""})] == ["declared request", "declared request", "read your writes"]
    assert [one.partition(":")[0] for one in session("GET", "/nowhere", 404)] == ["declared operation"]
    assert session("OPTIONS", "/owners", 204) == []
    assert session("HEAD", "/owners", 200) == []
    assert [one.partition(":")[0] for one in session("GET", "/owners?per_page=1", 200, {"owners": [OWNER, {**OWNER, "id": "own_2"}], "total": 1})] == ["pages", "page metadata"]


def test_no_secret_is_in_header_or_report() -> None:
    """Not in words, steps or answers."""
    session = Session()
    session("POST", "/owners", 400, {"message": "hunter2hunter2 is wrong"}, {"name": 3, "email": "a", "password": "hunter2hunter2"}, who="Bearer tok_abcdefghij")
    session("GET", "/owners/hunter2hunter2", 500, {"message": "Traceback (most recent call last) hunter2hunter2"})
    assert session.watcher.report.findings
    assert "hunter2" not in repr(session.watcher.report) + repr(session.watcher.redactor.placeholder("hunter2hunter2"))


def test_the_header_is_short_ascii_and_json() -> None:
    """However much is wrong."""
    session = Session()
    session("POST", "/owners", 201, {"ü": "é"}, {str(n): n for n in range(9)})
    from understudy.proxy.watching import Violation

    text = header([Violation("law", "pages", "ü" * 1000)] * 100)
    assert len(text) < 4_200
    assert json.loads(text.decode("ascii"))[-1]["message"].startswith("and ")


def test_a_lost_answer_makes_what_it_was_about_unknown() -> None:
    """The client went away: nobody knows whether it was done."""
    session = Session()
    session("POST", "/owners", 201, OWNER, ASKED)
    session.watcher.begins(50, "DELETE", "/owners/own_1")
    session.watcher.loses(replace(Exchange(50, "DELETE", "/owners/own_1", (), b"", 0, (), None), started=8, ended=9))
    session.events = 10
    assert session("GET", "/owners/own_1", 404, {"message": "no"}) == []
