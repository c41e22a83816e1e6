"""The shop under test, put together as its program does it, with a sandbox in the place of the vendor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from examples.lantern.billing import Billing
from examples.lantern.hooks import Hooks
from examples.lantern.usage import UsageReporter
from understudy import Sandbox

ENDPOINT = "https://lantern.example/hooks/billing"


@dataclass(frozen=True)
class Shop:
    """Its three parts, and how long its reporter paused."""

    billing: Billing
    usage: UsageReporter
    hooks: Hooks
    pauses: list[float]


@pytest.fixture
def shop(sandbox: Sandbox) -> Iterator[Shop]:
    """The shop, its webhook made through the API as the vendor's guide says."""
    pauses: list[float] = []
    made = sandbox.client.post("/v1/webhooks", json={"name": "Lantern", "reference": "lantern-hooks", "url": ENDPOINT})
    hooks = Hooks(made.raise_for_status().json()["secret_key"])
    sandbox.webhooks.route(ENDPOINT, lambda posted: hooks.receive(posted.headers, posted.body))
    yield Shop(Billing(sandbox.client), UsageReporter(sandbox.client, pauses.append), hooks, pauses)
    hooks.database.close()


@pytest.fixture
def quire(shop: Shop) -> str:
    """An account that pays by invoice; its subscription."""
    return shop.billing.sign_up("quire", "studio")
