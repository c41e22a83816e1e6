"""Faults of a folder: kept with their counts, whatever kills the process."""

from __future__ import annotations

from pathlib import Path

from support.killing import OPTIONS, customer
from support.served import served

CONTROL = "/_understudy/faults"


def test_faults_and_their_counts_survive_being_killed(tmp_path: Path) -> None:
    """Each that was answered is counted: chance goes on where it was, once from the journal and once from the files."""
    data = str(tmp_path / "data")
    answers = []
    with served("--data", data, *OPTIONS) as running:
        assert running("POST", CONTROL, {"operation": "POST /v1/customers", "status": 503, "rate": 0.5, "times": 12})[0] == 200
        answers += [running("POST", "/v1/customers", customer(f"a{number}"))[0] for number in range(8)]
        running.process.kill()
    for part in "bc":
        with served("--data", data, *OPTIONS) as running:
            fault = running("GET", f"{CONTROL}/F1")[2]
            assert (fault["met"], fault["struck"]) == (len(answers), answers.count(503))
            assert len(running("GET", "/v1/customers?limit=100")[2]["data"]) == answers.count(201)
            answers += [running("POST", "/v1/customers", customer(f"{part}{number}"))[0] for number in range(8)]
    with served(*OPTIONS) as running:  # one that was never killed
        running("POST", CONTROL, {"operation": "POST /v1/customers", "status": 503, "rate": 0.5, "times": 12})
        assert [running("POST", "/v1/customers", customer(f"d{number}"))[0] for number in range(24)] == answers
