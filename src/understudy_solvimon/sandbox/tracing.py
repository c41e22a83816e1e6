"""What became of a usage event and what it costs, and the processing of events anew.

Costs are differences between two reckonings of the event's invoice, with and without it; neither is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import money, periods
from understudy_solvimon.sandbox.booking import book_anew, rebook
from understudy_solvimon.sandbox.invoices import recompute
from understudy_solvimon.sandbox.terms import Record, body_of, missing, moment, needed, one_of
from understudy_solvimon.sandbox.usage import ingest, unbook

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction

# --- traces -----------------------------------------------------------------------------------------------------------


def trace_event(tx: Transaction, call: Call) -> Record:
    """Which calculations, items, subscription, price and invoice a usage event went to."""
    event = call.record or tx.need("usage_event", str(next(iter(call.path.values()))))
    period = tx.get("billing_period", str(event.get("billing_period_id"))) or {}
    own = event["id"].partition("_")[2]
    links = [_link(tx, period, booking, own, index) for index, booking in enumerate(event["bookings"])]
    return {
        "object_type": "EVENT_TRACE", "id": f"evtr_{own}", "meter_data_id": event["id"], "customer_id": event["customer_id"],
        "ingest_time": event["created_at"], "received_time": event["created_at"], "processed_time": event["created_at"],
        "links": [link for link in links if link is not None],
    }


def _link(tx: Transaction, period: Mapping[str, Any], booking: Mapping[str, Any], own: str, index: int) -> Record | None:
    _, _, item_id, config_id, *_ = booking["bucket"].split("|")
    item = tx.get("product_item", item_id) or {}
    calculation = (item.get("usage_based") or {}).get("meter_value_calculation_id") or item.get("meter_value_calculation_id")
    if booking["bucket"].endswith("|tiering"):
        return None
    return {
        "object_type": "EVENT_TRACE_LINK", "id": f"evtl_{own[:-2]}{index:02}", "product_item_ids": [item_id],
        "meter_value_calculation_ids": [calculation] if calculation else [],
        "pricing_plan_subscription_id": period.get("pricing_plan_subscription_id"),
        "pricing_item_config_id": config_id, "invoice_id": period.get("invoice_id"),
    }


# --- costs ------------------------------------------------------------------------------------------------------------


def calculate_event(tx: Transaction, call: Call) -> Record:
    """What a usage event would cost, without taking it in."""
    with tx.tried():
        event = ingest(tx, call)
        return {**event, "type": "CALCULATION", "cost_prediction": predicted(tx, event)}


def ingest_predicting(tx: Transaction, call: Call) -> Record:
    """One usage event, with what it adds to its invoice where `cost_prediction` is asked for."""
    event = ingest(tx, call)
    if call.query.get("cost_prediction") is not True or event.get("cost_prediction"):
        return event
    return tx.update("usage_event", event["id"], {"cost_prediction": predicted(tx, event)})


def predicted(tx: Transaction, event: Record) -> Record:
    """The reference's cost prediction of an event that was just taken in; FAILED where it went nowhere."""
    period = tx.get("billing_period", str(event.get("billing_period_id")))
    if period is None or event["deleted"] or not period.get("invoice_id"):
        return {"response": "FAILED", "details": []}
    with tx.tried():
        whole = recompute(tx, period["invoice_id"])
    with tx.tried():
        unbook(tx, event)
        less = recompute(tx, period["invoice_id"])
    return {"response": "OK", "details": [_difference(whole, less)]}


def _difference(whole: Record, less: Record) -> Record:
    currency = whole["billing_currency"]
    difference = {
        name: money.amount(money.money(whole[name]).quantity - money.money(less[name]).quantity, currency)
        for name in ("invoice_amount_excluding_tax", "invoice_amount_including_tax")
    }
    return {"customer_id": whole["customer_id"], "invoice_id": whole["id"],
            "amount_excluding_tax": difference["invoice_amount_excluding_tax"],
            "amount_including_tax": difference["invoice_amount_including_tax"]}


# --- anew -------------------------------------------------------------------------------------------------------------


def reprocess(tx: Transaction, call: Call) -> Record:
    """Match and price events anew: those that went nowhere, those of an invoice, or all of a customer. Done at once."""
    body: Record = body_of(call)
    kind = needed(body, "type", "what to process anew")
    if body.get(kind.lower()) is None:
        raise missing(kind.lower(), f"required to reprocess {kind}: it says whose events")
    done = _WAYS[kind](tx, body[kind.lower()], kind.lower())
    return tx.create("reprocess", {
        "type": kind, kind.lower(): body[kind.lower()], "status": "DONE", "percentage": 100, "number_of_events": done})


def _invoice(tx: Transaction, asked: Mapping[str, Any], place: str) -> int:
    invoice = tx.need("invoice", str(asked.get("invoice_id")), f"{place}.invoice_id")
    if invoice["status"] not in ("OPEN", "DRAFT"):
        raise Problem("illegal_transition", f"cannot reprocess an invoice while {invoice['status']}; credit it instead",
                      field=f"{place}.invoice_id", location="body", resource="invoice", id=invoice["id"])
    known = tx.find("billing_period", invoice_id=invoice["id"])
    for period in known:
        rebook(tx, period["id"])
        tx.update("billing_period", period["id"], {"stale": True})
    return sum(len(tx.find("usage_event", billing_period_id=period["id"])) for period in known)


def _not_matched(tx: Transaction, asked: Mapping[str, Any], place: str) -> int:
    return sum(_again(tx, event) for event in _events(tx, asked, place) if event["processed_details"]["type"] == "NOT_MATCHED")


def _customer(tx: Transaction, asked: Mapping[str, Any], place: str) -> int:
    events = list(_events(tx, asked, place))
    unmatched = sum(_again(tx, event) for event in events if event["processed_details"]["type"] == "NOT_MATCHED")
    open_periods = dict.fromkeys(event["billing_period_id"] for event in events if event.get("billing_period_id"))
    for id in open_periods:
        period = tx.get("billing_period", id)
        if period is not None and not period["closed"]:
            rebook(tx, id)
            tx.update("billing_period", id, {"stale": True})
    return unmatched + sum(1 for event in events if event.get("billing_period_id"))


def _again(tx: Transaction, event: Record) -> int:
    return int(book_anew(tx, event)["processed_details"]["type"] != "NOT_MATCHED")


def _events(tx: Transaction, asked: Mapping[str, Any], place: str) -> list[Record]:
    customer = one_of(tx, "customer", asked, "customer", place)
    if customer is None:
        raise missing(f"{place}.customer_id", "required: whose events to reprocess")
    start, end = (moment(asked[field], f"{place}.{field}") if asked.get(field) else None for field in ("start_at", "end_at"))
    return [event for event in tx.find("usage_event", customer_id=customer["id"])
            if not event["deleted"] and _between(periods.instant(event["timestamp"]), start, end)]


def _between(at: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or start <= at) and (end is None or at < end)


_WAYS: Mapping[str, Callable[[Transaction, Mapping[str, Any], str], int]] = {
    "INVOICE": _invoice,
    "NOT_MATCHED": _not_matched,
    "CUSTOMER": _customer,
}
