"""Kill a server under load and see what is left: everything that was answered with 2xx, and nothing by halves."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from support.served import Served, served

CLIENTS = 8
OPTIONS = ("--now", "2025-05-06T10:30:00Z", "--quiet")


def customer(reference: str) -> dict[str, Any]:
    """The body that makes a customer."""
    return {"reference": reference, "type": "ORGANIZATION", "email": "a@example.com", "timezone": "Europe/Amsterdam", "organization": {"legal_name": "A"}}


@dataclass
class Promises:
    """What was answered with 2xx: each customer's last answer by id, and those whose change may or may not have been kept."""

    kept: dict[str, Any] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    answered: int = 0


def kill_once(data: Path, promises: Promises, seed: int) -> None:
    """Start the server on a folder, check what was promised before, load it, and kill it at a random moment."""
    chance = random.Random(seed)
    with served("--data", str(data), *OPTIONS) as running:
        check(running, promises)
        enough = promises.answered + chance.randrange(20, 400)
        moment = threading.Event()
        clients = [threading.Thread(target=_client, args=(running.port, f"{seed}-{number}", promises, enough, moment)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        moment.wait(60)
        running.process.kill()
        for client in clients:
            client.join(30)


def _client(port: int, name: str, promises: Promises, enough: int, moment: threading.Event) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    sent = {"X-API-KEY": "k", "Content-Type": "application/json"}
    try:
        for number in range(1_000_000):
            connection.request("POST", "/v1/customers", json.dumps(customer(f"{name}-{number}")), sent)
            made = _answer(connection)
            promises.kept[made["id"]] = made
            promises.open.add(made["id"])
            connection.request("PATCH", f"/v1/customers/{made['id']}", json.dumps({"email": f"{number}@example.com"}), sent)
            promises.kept[made["id"]] = _answer(connection)
            promises.open.discard(made["id"])
            promises.answered += 2
            if promises.answered >= enough:
                moment.set()
    except (OSError, HTTPException, ValueError):
        pass
    finally:
        moment.set()
        connection.close()


def _answer(connection: HTTPConnection) -> Any:
    response = connection.getresponse()
    body = json.loads(response.read())
    assert response.status in (200, 201), (response.status, body)
    return body


def check(running: Served, promises: Promises) -> None:
    """Every record promised is there as it was answered last; every record has its event and every event its record."""
    got = _pages(lambda page: running("GET", f"/v1/customers?limit=100&page={page}")[2]["data"])
    rows = {row["id"]: row for row in got}
    for id, promised in promises.kept.items():
        assert id in rows, f"{id} was answered with 201 and is gone"
        if id not in promises.open:
            assert rows[id] == promised
    promises.open.clear()
    promises.kept = rows
    events: list[Any] = []
    while more := running("GET", f"/_understudy/events?after={len(events)}")[2]["events"]:
        events += more
    made = [event["data"]["id"] for event in events if event["type"] == "CUSTOMER.CREATED"]
    assert sorted(made) == sorted(rows), "a record without its event, or an event without its record"
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))


def _pages(page: Callable[[int], list[Any]]) -> list[Any]:
    rows: list[Any] = []
    number = 1
    while more := page(number):
        rows += more
        number += 1
    return rows
