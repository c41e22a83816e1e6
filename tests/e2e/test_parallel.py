"""Forty clients at once, in forty worlds and in one, against a model: nothing lost, nothing leaked, nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from support.killing import OPTIONS, customer
from support.served import Served, served

CLIENTS = 40
STEPS = 12


@pytest.fixture(scope="module", params=["in memory", "kept"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server, once in memory and once with a folder."""
    folder: Path = tmp_path_factory.mktemp("data") / "data"
    with served(*OPTIONS, *(["--data", str(folder)] if request.param == "kept" else [])) as one:
        yield one


class One:
    """A client on a connection of its own, and what it believes to have: a record for each id."""

    def __init__(self, port: int, world: str, name: str) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.world, self.name = world, name
        self.model: dict[str, Any] = {}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request's answer."""
        sent = {"X-API-KEY": "k", "Understudy-World": self.world, **({"Content-Type": "application/json"} if body is not None else {})}
        self.connection.request(method, path, None if body is None else json.dumps(body), sent)
        response = self.connection.getresponse()
        text = response.read()
        assert response.status < 300, (response.status, text)
        return json.loads(text) if text else None

    def work(self) -> One:
        """Make, change and delete; each answer must fit the model."""
        for step in range(STEPS):
            made = self.ask("POST", "/v1/customers", customer(f"{self.name}-{step}"))
            assert made["id"] not in self.model
            self.model[made["id"]] = self.ask("PATCH", f"/v1/customers/{made['id']}", {"email": f"{step}@example.com"})
            if step % 3 == 2:
                self.ask("DELETE", f"/v1/customers/{made['id']}")
                del self.model[made["id"]]
            assert all(self.ask("GET", f"/v1/customers/{id}") == record for id, record in list(self.model.items())[-2:])
        self.connection.close()
        return self


def worked(port: int, clients: list[One]) -> list[One]:
    """All of them at once."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(One.work, clients))


def records(port: int, world: str) -> dict[str, Any]:
    """What a world holds."""
    client, rows, page = One(port, world, "reader"), {}, 1
    while got := client.ask("GET", f"/v1/customers?limit=100&page={page}")["data"]:
        rows.update({row["id"]: row for row in got})
        page += 1
    client.connection.close()
    return rows


def test_forty_clients_in_forty_worlds_see_their_own(running: Served) -> None:
    """All do the same; each world has what its client made, with the ids it would have had alone."""
    clients = worked(running.port, [One(running.port, f"world-{number}", "same") for number in range(CLIENTS)])
    for client in clients:
        assert records(running.port, client.world) == client.model
    assert len({tuple(client.model) for client in clients}) == 1


def test_forty_clients_in_one_world_lose_nothing(running: Served) -> None:
    """The world holds what all of them made together, and no id was given twice."""
    clients = worked(running.port, [One(running.port, "shared", f"client-{number}") for number in range(CLIENTS)])
    together = {id: record for client in clients for id, record in client.model.items()}
    assert len(together) == sum(len(client.model) for client in clients)
    assert records(running.port, "shared") == together
