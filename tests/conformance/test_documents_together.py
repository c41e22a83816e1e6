"""The vendor's four documents served as one API with the behaviour file: stock schemathesis finds nothing in any of them.

A small part; the whole of it is `benchmarks/documents.py ../shared/solvimon/contracts --together --behaviour …`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.documents import KEY
from support.judging import judged_in_play
from understudy.theatre import Options, Theatre, open_theatre

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT.parent / "shared" / "solvimon" / "contracts"
DOCUMENTS = {name: FOLDER / f"{name}.yml" for name in ("configuration", "event", "identity", "transaction")}
# schemathesis leaves the streams of its event loop's thread to the collector
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture(scope="module")
def together() -> Theatre:
    """All four, on a clock that stands still."""
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER.name} is not beside this checkout")
    spec = tuple(str(path) for path in DOCUMENTS.values())
    return open_theatre(Options(spec=spec, behaviour=str(ROOT / "openapi" / "solvimon.behaviour.yaml"), now=datetime(2025, 5, 6, 10, 30, tzinfo=UTC),
                                keys=frozenset({KEY})))


@pytest.mark.parametrize(("name", "include", "least"), [
    ("configuration", r"/(customers|coupons|wallets|meters|pricing-plan-subscriptions/\{resourceId\}/(cancel|void|copy))", 20),
    ("event", None, 20),
    ("identity", None, 30),
    ("transaction", r"/(invoices|payments|wallet-grants|payment-)", 20),
])
def test_nothing_is_found_in_a_part_of_each(together: Theatre, name: str, include: str | None, least: int) -> None:
    """Coverage, three cases of each operation: no failure but those of the documents, and enough is answered for that to mean something."""
    together.reset("default")
    row: dict[str, Any] = judged_in_play(DOCUMENTS[name], together, examples=1, cases=3, phases=("coverage",), include=include)
    assert [failure[:3] for failure in row["failures"]] == [] and row["errors"] == []
    assert sum(count for status, count in row["statuses"].items() if status < 300) >= least
