"""Effects that answer an invoice as a document: PDF to print, UBL 2.1 for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy_solvimon import printing, ubl
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction


def invoice_pdf(tx: Transaction, call: Call) -> bytes:
    """An invoice as PDF."""
    assert call.record is not None
    return printing.pdf(call.record, *_parties(tx, call.record))


def invoice_ubl(tx: Transaction, call: Call) -> bytes:
    """An invoice as UBL 2.1, with its PDF inside where that is asked for."""
    assert call.record is not None
    seller, buyer = _parties(tx, call.record)
    held = printing.pdf(call.record, seller, buyer) if call.query.get("include_invoice_pdf") is True else None
    return ubl.ubl(call.record, seller, buyer, held)


def _parties(tx: Transaction, invoice: Record) -> tuple[Record, Record]:
    seller = tx.get("billing_entity", str(invoice.get("billing_entity_id"))) or {}
    return seller, tx.get("customer", str(invoice.get("customer_id"))) or {}
