"""Approval: where it is asked for, an invoice waits for it after its grace period."""

from __future__ import annotations

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record
from solvimon.worlds import event
from understudy.problems import Problem


def waiting() -> tuple[Bench, Record, Record]:
    """An invoice whose grace period is over in a world that asks for approval, and the request."""
    bench = Bench(invoice_approval=True)
    worlds.tutorial(bench)
    bench.call("ingest", event("evt_20250506_001"))
    bench.advance("2025-06-06T08:00:00Z")
    invoice, *_ = bench.all("invoice")
    (request,) = bench.all("approval_request")
    return bench, invoice, request


def test_an_invoice_waits_for_approval_after_its_grace() -> None:
    """DRAFT and PENDING_REVIEW, for as long as it takes; asked for once."""
    bench, invoice, request = waiting()
    assert (invoice["status"], invoice["approval_status"]) == ("DRAFT", "PENDING_REVIEW")
    assert (request["source_type"], request["source_id"], request["status"]) == ("INVOICE", invoice["id"], "PENDING_REVIEW")
    bench.advance("2025-06-30T00:00:00Z")
    assert bench.read("invoice", invoice["id"])["status"] == "DRAFT"


def test_approved_it_is_final_at_once() -> None:
    """With its number."""
    bench, invoice, request = waiting()
    bench.advance("2025-06-10T00:00:00Z")
    assert bench.fire("approval_request", request["id"], "approve")["reviewed_at"] == "2025-06-10T00:00:00Z"
    kept = bench.read("invoice", invoice["id"])
    assert (kept["status"], kept["approval_status"], kept["updated_to_final_at"]) == ("FINAL", "APPROVED", "2025-06-10T00:00:00Z")
    with pytest.raises(Problem):
        bench.fire("approval_request", request["id"], "decline")


@pytest.mark.parametrize(("trigger", "status"), [("decline", "DECLINED"), ("cancel", "CANCELLED")])
def test_declined_it_is_held_and_asks_again_once_released(trigger: str, status: str) -> None:
    """The hold lifted, eight hours later there is a second request."""
    bench, invoice, request = waiting()
    bench.fire("approval_request", request["id"], trigger)
    kept = bench.read("invoice", invoice["id"])
    assert (kept["status"], kept["on_hold"], kept["approval_status"]) == ("DRAFT", True, status)
    bench.call("update_invoice", {"on_hold": False}, kept)
    bench.advance("2025-06-06T16:00:00Z")
    assert [one["status"] for one in bench.all("approval_request")] == [status, "PENDING_REVIEW"]


def test_by_hand_it_is_final_without_asking() -> None:
    """PATCH status FINAL is an approval in itself; the request is closed by it."""
    bench, invoice, request = waiting()
    bench.call("update_invoice", {"status": "FINAL"}, invoice)
    assert bench.read("approval_request", request["id"])["status"] == "CANCELLED"
    assert bench.read("invoice", invoice["id"])["status"] == "FINAL"
