"""The long guide with an endpoint subscribed: what its receiver hears live, and from the recording."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from support.guides import TUTORIAL
from support.served import served
from understudy.cli import main
from understudy.server.given import secrets
from understudy.server.receiving import Receiver, listening
from understudy.webhooks.recording import Recorded, read_lines
from understudy.webhooks.signing import PROFILES, verify

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "webhooks"
RECORDING = FOLDER / "tutorial.jsonl"
SECRET_FILE = f"file:{FOLDER / 'invented.secret'}"
SECRET = secrets(SECRET_FILE)[0]
SOLVIMON = PROFILES["solvimon"]


def documented_recipe(one: Recorded) -> bool:
    """As the vendor's page has it: HMAC-SHA256 of the time stamp, a dot and the raw body; one of the `v1=` signatures is it."""
    signed = f"{one.headers['x-payload-signature-timestamp']}.".encode() + one.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected, part.removeprefix("v1=").lower()) for part in one.headers["x-payload-signature"].split(","))


def test_every_event_of_the_guide_arrives_once_in_order_and_verifies() -> None:
    """From the meter value to the invoice that became final, a month later by the world's clock."""
    receiver = Receiver(SOLVIMON, (SECRET,))
    with listening(receiver), served("--now", "2025-05-06T10:30:00Z") as running:
        assert running("POST", "/_understudy/endpoints", {"url": receiver.url, "secret": SECRET})[0] == 200
        ids: dict[str, str] = {}
        for step in TUTORIAL:
            status, _, answer = running(*step.target(ids), step.body(ids) if step.body else None)
            assert status == step.status, answer
            ids |= {step.save: answer["id"]} if step.save else {}
        running("POST", "/_understudy/clock", {"advance": "P1M"})
        events = [event["type"] for event in running("GET", "/_understudy/events")[2]["events"] if event["at"] >= "2025-05-06T10:30:00Z"]
        told = events[events.index("METER_VALUE.CREATED") :]
        receiver.wait_for("*", times=len(told), seconds=120)
    assert [one.type for one in receiver.received()] == told
    assert told[0] == "METER_VALUE.CREATED" and told[-1] == "INVOICE.STATUS_TO_FINAL"
    assert all(documented_recipe(one) for one in receiver.received())
    assert len({one.id for one in receiver.received()}) == len(told)


def test_the_recording_holds_the_same_story_and_verifies() -> None:
    """Each line by itself, at the time it was received."""
    found, faults = read_lines(RECORDING.read_bytes().splitlines())
    assert faults == [] and SECRET.encode() not in RECORDING.read_bytes()
    assert found[0].type == "METER_VALUE.CREATED" and found[-1].type == "INVOICE.STATUS_TO_FINAL"
    for one in found:
        verify(SOLVIMON, [SECRET], one.headers, one.body, one.received_at)
        assert documented_recipe(one)


def test_the_recording_replays_signed_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """To a receiver that believes only fresh signatures; in order; its verdict is that nothing changed."""
    found, _ = read_lines(RECORDING.read_bytes().splitlines())
    with listening(Receiver(SOLVIMON, (SECRET,))) as receiver:
        assert main(["webhooks", "replay", str(RECORDING), "--to", receiver.url, "--secret", SECRET_FILE]) == 0
    assert f"still passing {len(found):>6}" in capsys.readouterr().out
    assert [(one.type, one.id, one.verdict) for one in receiver.kept] == [(one.type, one.id, "verified") for one in found]
