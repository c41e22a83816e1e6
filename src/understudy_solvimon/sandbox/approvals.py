"""Effects of approvals: where the world asks for them, no invoice becomes FINAL by itself before somebody approved it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy_solvimon.sandbox.invoices import UNSETTLED, finalise
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Happening, Transaction


def approval_asked(tx: Transaction, change: Happening) -> None:
    """Let an invoice say that it waits for approval."""
    request = tx.need("approval_request", change.id)
    tx.update("invoice", request["source_id"], {"approval_status": request["status"]})


def approval_approved(tx: Transaction, change: Happening) -> None:
    """An approved invoice is FINAL at once: its grace was over when approval was asked for."""
    invoice = _answered(tx, change)
    if invoice["status"] in UNSETTLED:
        finalise(tx, invoice["id"])


def approval_ended(tx: Transaction, change: Happening) -> None:
    """A declined or cancelled one stays a draft on hold; lifting the hold asks again after the grace period."""
    invoice = _answered(tx, change)
    if invoice["status"] in UNSETTLED:
        tx.update("invoice", invoice["id"], {"on_hold": True})


def _answered(tx: Transaction, change: Happening) -> Record:
    request = tx.update("approval_request", change.id, {"reviewed_at": tx.stamp})
    return tx.update("invoice", request["source_id"], {"approval_status": request["status"]})

