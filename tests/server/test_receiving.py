"""The receiver a test can ask: handed deliveries, or listening."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import pytest

from support.asgi import Client
from understudy.server.receiving import LARGEST, Door, NotReceived, Receiver, listening
from understudy.webhooks.recording import Recorded
from understudy.webhooks.signing import PROFILES, BadSecret, sign

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
STANDARD = PROFILES["standard-webhooks"]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def body(type: str = "CUSTOMER.CREATED") -> bytes:
    """A payload."""
    return b'{"type": "%s"}' % type.encode()


def headers(payload: bytes, id: str = "m1", at: datetime = NOW) -> dict[str, str]:
    """Signed ones."""
    return dict(sign(STANDARD, [SECRET], id, at, payload))


def signed() -> Receiver:
    """A receiver that believes only what is signed."""
    return Receiver(STANDARD, (SECRET,))


class TestTaking:
    def test_what_is_signed_is_believed_answered_and_kept(self) -> None:
        """With all that can be said of it."""
        receiver = signed()
        one = receiver.take(headers(body()), body(), NOW, path="/hooks")
        assert (one.verdict, one.status, one.id, one.type, one.path, one.profile) == ("verified", 200, "m1", "CUSTOMER.CREATED", "/hooks", "standard-webhooks")
        assert receiver.received() == [one]

    @pytest.mark.parametrize(
        ("changed", "at", "said"),
        [(b"tampered", NOW, "no signature"), (body(), NOW + timedelta(minutes=6), "signed 360 s ago")],
    )
    def test_what_is_not_believed_is_refused_with_the_reason_and_not_received(self, changed: bytes, at: datetime, said: str) -> None:
        """It is kept all the same."""
        receiver = signed()
        one = receiver.take(headers(body()), changed, at)
        assert (one.verdict, one.status) == ("refused", 401) and said in (one.reason or "")
        assert receiver.received() == [] and receiver.kept == [one]

    def test_it_answers_as_it_was_told_the_last_answer_from_then_on(self) -> None:
        """A failing delivery is not received; what is refused takes no answer away."""
        receiver = Receiver(STANDARD, (SECRET,), statuses=(500, 503, 200))
        answers = [receiver.take(headers(body()), body(), NOW).status, receiver.take({}, body(), NOW).status]
        answers += [receiver.take(headers(body()), body(), NOW).status for _ in range(3)]
        assert answers == [500, 401, 503, 200, 200]
        assert len(receiver.received()) == 2

    def test_it_can_be_asked_by_type(self) -> None:
        """`*` stands for anything."""
        receiver = Receiver()
        for type in ("CUSTOMER.CREATED", "ORDER.CREATED", "CUSTOMER.UPDATED"):
            receiver.take({}, body(type), NOW)
        assert [one.type for one in receiver.received("CUSTOMER.*")] == ["CUSTOMER.CREATED", "CUSTOMER.UPDATED"]
        assert [one.type for one in receiver.received("ORDER.CREATED")] == ["ORDER.CREATED"]
        assert receiver.received("customer.*") == []
        receiver.clear()
        assert receiver.received() == []

    def test_its_observer_is_told_how_often_an_id_came_before(self) -> None:
        """A duplicate is seen as one."""
        told: list[int] = []
        receiver = Receiver(STANDARD, (SECRET,), observe=lambda _, before: told.append(before))
        for id in ("a", "b", "a", "a"):
            receiver.take(headers(body(), id), body(), NOW)
        assert told == [0, 0, 1, 2]

    def test_it_remembers_no_more_than_it_is_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that listens for days keeps nothing; ids are known again for a while."""
        monkeypatch.setattr("understudy.server.receiving.MOST_IDS", 2)
        told: list[int] = []
        receiver = Receiver(most=1, observe=lambda _, before: told.append(before))
        for id in ("a", "a", "b", "c", "a"):
            receiver.take({"webhook-id": id}, body(), NOW)
        assert [one.id for one in receiver.kept] == ["a"] and told == [0, 1, 0, 0, 0]

    def test_a_secret_that_is_none_is_refused_at_once(self) -> None:
        """Not with the first delivery."""
        with pytest.raises(BadSecret):
            Receiver(STANDARD, ("whsec_§",))


class TestWaiting:
    def test_what_came_already_is_not_waited_for(self) -> None:
        """Nor slept for."""
        receiver = Receiver()
        receiver.take({}, body(), NOW)
        assert [one.type for one in receiver.wait_for("CUSTOMER.*", seconds=0)] == ["CUSTOMER.CREATED"]

    def test_it_returns_when_enough_came(self) -> None:
        """Told by whoever delivers, in another thread."""
        receiver = Receiver()
        other = threading.Thread(target=lambda: [receiver.take({}, body(), NOW) for _ in range(3)])
        other.start()
        assert len(receiver.wait_for("CUSTOMER.CREATED", times=3, seconds=30)) == 3
        other.join()

    def test_what_does_not_come_is_said_with_what_did(self) -> None:
        """So that a failing test explains itself."""
        receiver = Receiver(statuses=(500,))
        with pytest.raises(NotReceived, match="what came: nothing"):
            receiver.wait_for(seconds=0)
        receiver.take({}, body(), NOW)
        with pytest.raises(NotReceived, match=r"2 of ORDER\.\* did not come within 0 s; what came: CUSTOMER.CREATED answered 500"):
            receiver.wait_for("ORDER.*", times=2, seconds=0)


class TestOverHttp:
    def test_a_delivery_is_answered_with_what_was_thought_of_it(self) -> None:
        """2xx where it is believed, else 401 with the reason."""
        receiver = signed()
        client = Client(Door(receiver, now=lambda: NOW))
        good = client("POST", "/hooks?a=b", raw=body(), headers=headers(body()))
        assert good.status == 200 and receiver.kept[0].path == "/hooks?a=b"
        bad = client("POST", "/hooks", raw=b"{}", headers=headers(body()))
        assert bad.status == 401 and "no signature" in bad.json["message"]

    def test_what_cannot_be_written_down_is_not_taken(self) -> None:
        """The sender hears that it is to come again."""

        def full(_: Recorded, before: int) -> None:
            raise OSError(28, "No space left on device")

        receiver = Receiver(observe=full)
        answer = Client(Door(receiver))("POST", "/", raw=body())
        assert answer.status == 503 and "No space left" in answer.json["message"]
        assert receiver.kept == []

    def test_a_body_too_large_is_refused_and_forgotten(self) -> None:
        """After it was read, so that the refusal is heard."""
        receiver = Receiver()
        assert Client(Door(receiver))("POST", "/", raw=b"x" * (LARGEST + 1)).status == 413
        assert receiver.kept == []

    def test_it_listens_in_a_thread_while_a_block_runs(self) -> None:
        """On a free port of this machine, and not afterwards."""
        with listening() as receiver:
            port = int(receiver.url.rsplit(":", 1)[1].rstrip("/"))
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("POST", "/hooks", body())
            assert connection.getresponse().read() == b'{"message":"unsigned"}'
            connection.close()
            assert [one.type for one in receiver.wait_for()] == ["CUSTOMER.CREATED"]
        gone: Any = HTTPConnection("127.0.0.1", port, timeout=30)
        with pytest.raises(ConnectionRefusedError):
            gone.request("POST", "/", b"")
        gone.close()
