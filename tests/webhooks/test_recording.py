"""Recorded deliveries as lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.webhooks.recording import (
    LEFT_OUT,
    Recorded,
    Torn,
    id_of,
    judge,
    line_of,
    read_line,
    read_lines,
    type_of,
)
from understudy.webhooks.signing import PROFILES, sign

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
NAMES = st.from_regex(r"x-[a-z]{1,8}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=30)
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RECORDED = st.builds(
    Recorded, st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC)),
    st.sampled_from(["POST", "PUT"]), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.dictionaries(NAMES, VALUES), st.binary(max_size=60),
    st.sampled_from(["verified", "refused", "unsigned"]), TEXTS, st.sampled_from(sorted(PROFILES)), st.none() | st.integers(100, 999), TEXTS, TEXTS, TEXTS,
)  # fmt: skip


def row(**changes: Any) -> bytes:
    """A line with some fields changed; None takes one away."""
    fields = {"received_at": "2025-05-06T10:30:00Z", "headers": {}, "body": "{}", **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


class TestLines:
    @settings(deadline=None)
    @given(RECORDED)
    def test_a_line_read_back_is_the_delivery(self, one: Recorded) -> None:
        """Whatever bytes its body has; it is one line, ended."""
        line = line_of(one)
        assert line.endswith(b"\n") and line.count(b"\n") == 1
        assert read_line(line) == one

    def test_a_line_alone_is_enough_to_verify(self) -> None:
        """Signature and time are kept as they came."""
        profile, body = PROFILES["standard-webhooks"], b'{"type": "a"}'
        headers = dict(sign(profile, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_1", NOW, body))
        back = read_line(line_of(Recorded(NOW, "POST", "/", headers, body)))
        assert judge(profile, ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",), back, NOW) == ("verified", None, None)
        verdict, reason, sentence = judge(profile, ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",), back, NOW + timedelta(hours=1))
        assert (verdict, reason) == ("refused", "stale") and "3600 s ago" in (sentence or "")

    @pytest.mark.parametrize("name", ["Authorization", "cookie", "X-API-KEY", "x-gitlab-token", "X-Webhook-Secret"])
    def test_what_opens_doors_is_left_out(self, name: str) -> None:
        """The file may be passed on."""
        assert b"hunter2" not in line_of(Recorded(NOW, "POST", "/", {name: "hunter2"}, b""))
        assert read_line(line_of(Recorded(NOW, "POST", "/", {name: "hunter2"}, b""))).headers == {name: LEFT_OUT}

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (row()[:-9], "not JSON; it was torn"),
            (b"\xff\xfe", "not JSON"),
            (b"[1]", "no JSON object"),
            (row(received_at=None), "received_at is missing"),
            (row(received_at="yesterday"), "received_at must be an instant"),
            (row(received_at="2025-05-06T10:30:00"), "received_at must be an instant"),
            (row(body=None), "body is missing"),
            (row(body={"a": 1}), "body must be text"),
            (row(headers=None), "headers is missing"),
            (row(headers={"a": 1}), "headers must be an object"),
            (row(headers={"a b": "c"}), "that can be sent"),
            (row(headers={"a": "b\r\nX: y"}), "that can be sent"),
            (row(headers={"a": "☃"}), "that can be sent"),
            (row(method="GET /"), "method must be a method"),
            (row(status="200"), "status must be a status"),
            (row(status=True), "status must be a status"),
            (row(verdict="fine"), "verdict must be one of"),
            (row(body=None, body_base64="%%%"), "body_base64 is not base64"),
            (b'{"received_at": "2025-05-06T10:30:00Z", "headers": {}, "body": "\\ud800"}', "not JSON"),
        ],
    )
    def test_a_strange_line_says_what_is_wrong(self, line: bytes, said: str) -> None:
        """In a sentence, without a traceback."""
        with pytest.raises(Torn, match=said):
            read_line(line)

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=60) | RECORDED.map(line_of), max_size=6))
    def test_torn_lines_have_their_number_and_the_rest_is_read(self, lines: list[bytes]) -> None:
        """Every line is read, at fault, or empty."""
        found, faults = read_lines(lines)
        assert len(found) + len(faults) == sum(bool(line.strip()) for line in lines)
        assert all(1 <= number <= len(lines) and why for number, why in faults)


class TestWhatItIs:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [(b'{"type": "a.b"}', "a.b"), (b'{"event": "a"}', "a"), (b'{"type": 3}', None), (b"[]", None), (b"torn", None), (b"", None)],
    )
    def test_the_type_is_at_the_top_of_the_body(self, body: bytes, expected: str | None) -> None:
        """Or there is none."""
        assert type_of(body) == expected

    @pytest.mark.parametrize(
        ("profile", "headers", "body", "expected"),
        [
            ("standard-webhooks", {"webhook-id": "m1"}, b'{"id": "x"}', "m1"),
            ("github", {"x-github-delivery": "d1"}, b"{}", "d1"),
            ("stripe", {}, b'{"id": "evt_1"}', "evt_1"),
            ("none", {"webhook-id": "m1"}, b"", "m1"),
            ("none", {}, b'{"id": 4}', None),
            ("none", {}, b"[]", None),
            ("none", {}, b"torn", None),
        ],
    )
    def test_the_id_is_what_stays_the_same_over_retries(self, profile: str, headers: dict[str, str], body: bytes, expected: str | None) -> None:
        """In a header by the scheme, else in another known one, else in the body."""
        assert id_of(PROFILES[profile], headers, body) == expected

    @pytest.mark.parametrize(("status", "error", "expected"), [(200, None, True), (204, None, True), (302, None, False), (500, None, False), (None, "timeout", False), (None, None, None)])
    def test_whether_it_passed_is_known_from_its_answer(self, status: int | None, error: str | None, expected: bool | None) -> None:
        """2xx, and nothing else, is taken."""
        assert Recorded(NOW, "POST", "/", {}, b"", status=status, error=error).passed is expected
