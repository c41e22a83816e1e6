"""`understudy webhooks add|list|remove|trigger|log|resend` and `listen --subscribe` against a running server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from support.listeners import SECRET, listener
from support.served import SOURCE, Served, served
from understudy.cli import main
from understudy.server.receiving import Receiver, listening
from understudy.webhooks.recording import read_lines
from understudy.webhooks.signing import PROFILES, verify

OPTIONS = ("--fixture", "default", "--now", "2025-05-06T10:30:00Z")
WORLDS = count(1)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    """One server for all of these; each test has a world of its own."""
    with served(*OPTIONS) as one:
        yield one


@pytest.fixture
def world() -> str:
    """A name for the test's own world."""
    return f"w{next(WORLDS)}"


@pytest.fixture
def webhooks(running: Served, world: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit status, output, errors."""

    def run(action: str, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["webhooks", action, *arguments, "--url", running.base, "--world", world])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def trigger(webhooks: Run, type: str = "CUSTOMER.CREATED", *data: str) -> str:
    """The id of the one delivery an event makes."""
    status, out, err = webhooks("trigger", type, *(("--data", *data) if data else ()))
    assert status == 0, err
    (_, line) = out.splitlines()
    return line.split()[1]


def test_an_endpoint_is_added_listed_told_and_removed(webhooks: Run) -> None:
    """Its secret is shown once; it hears what it asked for, signed with it; removed it hears nothing."""
    receiver = Receiver(PROFILES["standard-webhooks"], (SECRET,))
    with listening(receiver):
        status, out, _ = webhooks("add", receiver.url, "--types", "CUSTOMER.*", "--profile", "standard-webhooks", "--description", "mine")
        assert status == 0
        line, secret = out.splitlines()
        assert f"{receiver.url}  CUSTOMER.*  signed: standard-webhooks" in line and secret.endswith("(shown only now)")
        receiver.secrets = (secret.split()[1],)
        assert webhooks("list")[1].splitlines() == [line]
        trigger(webhooks, "CUSTOMER.CREATED", "reference=acme")
        assert webhooks("trigger", "METER.CREATED")[1].count("\n") == 1
        (one,) = receiver.wait_for("*", seconds=60)
        assert (one.type, one.verdict) == ("CUSTOMER.CREATED", "verified") and b'"reference":"acme"' in one.body
        id = line.split()[0]
        assert webhooks("remove", id) == (0, f"{id} is told no more\n", "")
        assert webhooks("list") == (0, "", "no endpoint yet; see understudy webhooks add --help\n")
        assert webhooks("trigger", "CUSTOMER.UPDATED")[1].count("\n") == 1
    assert len(receiver.kept) == 1


def test_a_secret_of_ones_own_is_not_shown(webhooks: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it an argument."""
    monkeypatch.setenv("SECRET", SECRET)
    status, out, err = webhooks("add", "http://127.0.0.1:1/", "--profile", "standard-webhooks", "--secret", "env:SECRET")
    assert status == 0 and SECRET not in out + err and "shown only now" not in out
    assert webhooks("add", "http://127.0.0.1:1/", "--secret", SECRET)[0] == 2


def test_the_log_shows_each_delivery_and_picks(webhooks: Run) -> None:
    """By type, endpoint, state and time; as JSON for programs."""
    with listening() as receiver:
        webhooks("add", receiver.url, "--profile", "none")
        first, second = trigger(webhooks), trigger(webhooks, "METER.CREATED")
        receiver.wait_for("*", times=2, seconds=60)
        delivered = [json.loads(line) for line in webhooks("log", "--json")[1].splitlines()]
        assert [one["id"] for one in delivered] == [first, second]
        assert [line.split()[1] for line in webhooks("log", "--type", "METER.*")[1].splitlines()] == [second]
        assert webhooks("log", "--endpoint", "nobody")[1] == ""
        assert webhooks("log", "--since", "2031-01-01T00:00:00Z")[1] == ""
        assert webhooks("log", "--since", "soon")[0] == 2


def test_what_a_removed_endpoint_was_owed_is_not_anothers(webhooks: Run) -> None:
    """A new endpoint has a new id and hears only what happens from then on."""
    gone = webhooks("add", "http://127.0.0.1:1/", "--profile", "none")[1].split()[0]
    trigger(webhooks)
    webhooks("remove", gone)
    with listening() as receiver:
        assert webhooks("add", receiver.url, "--profile", "none")[1].split()[0] != gone
        trigger(webhooks, "METER.CREATED")
        assert [one.type for one in receiver.wait_for("*", seconds=60)] == ["METER.CREATED"]


def test_the_log_goes_on_until_interrupted(running: Served, world: str, webhooks: Run) -> None:
    """A line for each delivery, and another for each attempt; Ctrl-C is its usual end."""
    with listening() as receiver:
        webhooks("add", receiver.url, "--profile", "none")
        first = trigger(webhooks)
        command = [sys.executable, "-m", "understudy.cli", "webhooks", "log", "--follow", "--url", running.base, "--world", world]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            lines = iter(process.stdout)
            assert first in next(line for line in lines if "delivered" in line)
            second = trigger(webhooks, "METER.CREATED")
            assert second in next(line for line in lines if "METER.CREATED" in line)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 0


def test_a_delivery_is_sent_again_there_or_elsewhere(webhooks: Run) -> None:
    """Exit status 1 where it was not taken, with the answer."""
    with listening() as receiver, listening(Receiver(statuses=(500,))) as other:
        webhooks("add", receiver.url, "--profile", "none")
        id = trigger(webhooks)
        receiver.wait_for("*", seconds=60)
        status, out, _ = webhooks("resend", id)
        assert status == 0 and out.rstrip().endswith("200")
        assert len(receiver.wait_for("*", times=2, seconds=60)) == 2
        status, out, _ = webhooks("resend", id, "--to", other.url)
        assert status == 1 and f"{other.url}  500" in out
        assert [one.id for one in other.kept] == [id]


def test_what_was_delivered_is_replayed_from_the_server(webhooks: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since a moment, to another receiver, signed anew with a secret the person has."""
    monkeypatch.setenv("SECRET", SECRET)
    with listening() as receiver, listening(Receiver(PROFILES["standard-webhooks"], (SECRET,))) as other:
        webhooks("add", receiver.url, "--profile", "none")
        ids = [trigger(webhooks), trigger(webhooks, "METER.CREATED")]
        receiver.wait_for("*", times=2, seconds=60)
        status, out, _ = webhooks("replay", "--since", "2025-05-06T00:00:00Z", "--to", other.url, "--profile", "standard-webhooks", "--secret", "env:SECRET")
        assert status == 0 and "2 sent" in out
        assert [one.id for one in other.received()] == ids


def test_the_server_signs_what_is_replayed_from_it_unless_the_person_does(webhooks: Run) -> None:
    """With the endpoint's own secret, which nobody needs to know; stale too."""
    receiver = Receiver(PROFILES["standard-webhooks"], (SECRET,))
    with listening(receiver):
        receiver.secrets = (webhooks("add", receiver.url, "--profile", "standard-webhooks")[1].split()[-4],)
        id = trigger(webhooks)
        receiver.wait_for("*", seconds=60)
        since = ("--since", "2025-05-06T00:00:00Z", "--to", receiver.url)
        status, out, err = webhooks("replay", *since, "--duplicate", "1")
        assert (status, err) == (0, "") and "2 sent" in out and out.count("still passing") == 3
        assert [one.verdict for one in receiver.kept] == ["verified"] * 3 and {one.id for one in receiver.kept} == {id}
        status, out, _ = webhooks("replay", *since, "--stale-signature")
        assert status == 0 and "(stale)" in out
        assert receiver.kept[-1].verdict == "refused"
        assert "a secret is needed" in webhooks("replay", *since, "--header", "X-A: b")[2]


def test_a_listener_subscribes_itself_and_goes_again(running: Served, webhooks: Run, tmp_path: Path) -> None:
    """It believes what the server signs, with the secret it got for it; when it is stopped the endpoint is gone."""
    file = tmp_path / "today.jsonl"
    world = "listened"
    with listener("--subscribe", running.base, "--world", world, "--types", "CUSTOMER.*", "--record", str(file)) as one:
        assert one.line() == f"endpoint   of {running.base}, for CUSTOMER.*, until interrupted"
        assert one.line() == f"record     {file}"
        assert main(["webhooks", "trigger", "CUSTOMER.CREATED", "--url", running.base, "--world", world]) == 0
        assert "200 CUSTOMER.CREATED" in (line := one.line()) and "  verified  " in line
        assert len(running("GET", "/_understudy/endpoints", headers={"Understudy-World": world})[2]["endpoints"]) == 1
        assert one.stop() == 0
    assert running("GET", "/_understudy/endpoints", headers={"Understudy-World": world})[2]["endpoints"] == []
    (delivery,), faults = read_lines(file.read_bytes().splitlines())
    assert faults == [] and (delivery.verdict, delivery.profile) == ("verified", "solvimon") and delivery.id


def test_a_listener_with_a_secret_of_its_own_has_the_server_sign_with_it(running: Served, tmp_path: Path) -> None:
    """So that its recording can be verified by whoever has the secret."""
    file, world = tmp_path / "today.jsonl", "own-secret"
    with listener("--subscribe", running.base, "--world", world, "--secret", "env:SECRET", "--record", str(file)) as one:
        one.line(), one.line()
        assert main(["webhooks", "trigger", "CUSTOMER.CREATED", "--url", running.base, "--world", world]) == 0
        assert "  verified  " in one.line()
    (delivery,), _ = read_lines(file.read_bytes().splitlines())
    verify(PROFILES["solvimon"], [SECRET], delivery.headers, delivery.body, delivery.received_at)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resend", "nothing"], 'there is no delivery "nothing"'),
        (["remove", "nothing"], 'there is no endpoint "nothing"'),
        (["add", "http://example.com/"], "allow it with --allow-host example.com"),
        (["add", "http://localhost/", "--profile", "acme"], 'no signing profile is called "acme"'),
        (["trigger", "CUSTOMER.CREATED", "--data", "x"], "write JSON, @FILE, or KEY=VALUE"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], said: str, webhooks: Run) -> None:
    """On standard error, with exit status 2."""
    status, out, err = webhooks(*arguments)
    assert (status, out) == (2, "") and said in err


def test_without_a_server_every_command_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    """And where it looked."""
    for arguments in (["add", "http://localhost/"], ["list"], ["remove", "a"], ["trigger", "A"], ["log"], ["resend", "a"]):
        assert main(["webhooks", *arguments, "--url", "http://127.0.0.1:1"]) == 2
        assert "no understudy answers at http://127.0.0.1:1: Connection refused; start one with understudy serve" in capsys.readouterr().err


def test_what_is_no_understudy_is_told_from_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Another server on that port, though it answers 200 and JSON, or a page, or an error."""
    for app in (Receiver(), Receiver(statuses=(404,))):
        with listening(app) as other:
            for arguments in (["add", "http://localhost/"], ["list"], ["remove", "a"], ["trigger", "A"], ["log"], ["resend", "a"]):
                assert main(["webhooks", *arguments, "--url", other.url]) == 2
                assert "understudy" in capsys.readouterr().err.replace("understudy: ", "")
            assert main(["webhooks", "replay", "--since", "2025-05-06T00:00:00Z", "--to", other.url, "--url", other.url]) == 2
            assert main(["webhooks", "listen", "--port", "0", "--subscribe", other.url]) == 2
