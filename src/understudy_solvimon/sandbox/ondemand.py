"""Charges made when they are asked for: the one-off prices of a schedule with `on_demand`, on an invoice of their own.

Nothing here prices: that is `charging`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import charges, invoicing, periods
from understudy_solvimon.charges import DraftLine, Terms
from understudy_solvimon.invoicing import Bill, Span
from understudy_solvimon.periods import Period
from understudy_solvimon.sandbox.accounts import Account, Piece, account_of, country_of
from understudy_solvimon.sandbox.deposits import deposit
from understudy_solvimon.sandbox.invoices import begun_invoice, finalise, start_grace, written
from understudy_solvimon.sandbox.lines import draft_of
from understudy_solvimon.sandbox.offers import Offer, configs_by_item
from understudy_solvimon.sandbox.terms import Record, body_of, judged, moment, when
from understudy_solvimon.sandbox.unmetered import once

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction


def on_demand_pricing_items(tx: Transaction, call: Call) -> Record:
    """What of a schedule can be charged on demand at a time: its one-off prices with `on_demand`, by pricing."""
    schedule = call.record or tx.need("schedule", str(next(iter(call.path.values()))))
    subscription = tx.need("subscription", schedule["pricing_plan_subscription_id"])
    with judged("timestamp", "invalid_field"):
        at = periods.instant(call.query["timestamp"]) if call.query.get("timestamp") else tx.now
    pricings: dict[str, Record] = {}
    if _bills(schedule, at):
        for _, offer in _offers(tx, subscription, schedule):
            shown = pricings.setdefault(offer.pricing["id"], {**offer.pricing, "items": []})
            if offer.pricing_item not in shown["items"]:
                shown["items"].append(offer.pricing_item)
    version = tx.get("pricing_plan_version", schedule["pricing_plan_version_id"]) or {}
    categories = [{**category, "pricings": [pricings[row["id"]] for row in category.get("pricings") or () if row["id"] in pricings]}
                  for category in version.get("pricing_categories") or ()]
    return {
        "pricing_plan_subscription_id": subscription["id"],
        "pricing_plan_schedule_id": schedule["id"],
        "pricing_plan_version_id": schedule["pricing_plan_version_id"],
        "pricing_categories": [category for category in categories if category["pricings"]],
    }


def _bills(schedule: Mapping[str, Any], at: datetime) -> bool:
    end = when(schedule, "end_at")
    return periods.instant(schedule["start_at"]) <= at and (end is None or at < end)


def _offers(tx: Transaction, subscription: Record, schedule: Record) -> list[tuple[Record, Offer]]:
    return [(item, offer) for item, offers in configs_by_item(tx, subscription, schedule) if item.get("model_type") == "ONE_OFF"
            for offer in offers if offer.config.get("on_demand") is True]


def charge_on_demand(tx: Transaction, call: Call) -> Record:
    """Charge prices of a schedule now, on a one-off invoice; a preview keeps nothing."""
    if body_of(call).get("preview") is True:
        with tx.tried():
            return _charge(tx, body_of(call))
    return _charge(tx, body_of(call))


def _charge(tx: Transaction, body: Mapping[str, Any]) -> Record:
    schedule = tx.need("schedule", str(body.get("pricing_plan_schedule_id")), "pricing_plan_schedule_id")
    subscription = tx.need("subscription", schedule["pricing_plan_subscription_id"])
    if subscription["status"] != "ACTIVE":
        raise Problem("illegal_transition", f"cannot charge a subscription while {subscription['status']}; only an ACTIVE one is charged",
                      field="pricing_plan_schedule_id", location="body", resource="subscription", id=subscription["id"])
    account = account_of(tx, subscription)
    at = moment(body["start_at"], "start_at") if body.get("start_at") else tx.now
    piece = _piece(tx, schedule, at)
    chosen = _chosen(tx, subscription, schedule, body.get("pricing_items") or ())
    lines = invoicing.settled(_drafts(tx, account, piece, chosen), Terms(account.currency))
    bill = Bill(account.currency, (Span(periods.stamp(at), periods.stamp(at), None, lines),), piece.amount_type, country_of(account.entity))
    invoice = begun_invoice(tx, account, at, {
        "type": "ONE_OFF", "status": "DRAFT", "on_hold": False, **written(bill),
        **({"payment_method_id": body["payment_method_id"]} if body.get("payment_method_id") else {})})
    for item, offer in chosen:
        deposit(tx, account, piece, item, offer)
    if body.get("finalize_immediately") is True:
        return finalise(tx, invoice["id"])
    start_grace(tx, invoice["id"], tx.now)
    return tx.need("invoice", invoice["id"])


def _piece(tx: Transaction, schedule: Record, at: datetime) -> Piece:
    plan = tx.get("pricing_plan", str(schedule.get("pricing_plan_id"))) or {}
    return Piece(Period(at, at, at, at), schedule, at, at, periods.WHOLE, True, plan.get("amount_type") or charges.EXCLUDING)


def _chosen(tx: Transaction, subscription: Record, schedule: Record, asked: Sequence[Mapping[str, Any]]) -> list[tuple[Record, Offer]]:
    known = _offers(tx, subscription, schedule)
    found = []
    for index, row in enumerate(asked):
        fitting = [(item, offer) for item, offer in known if offer.pricing_item["id"] == row.get("pricing_item_id")]
        if not fitting:
            named = ", ".join(str(offer.pricing_item["id"]) for _, offer in known) or "none"
            raise Problem("cannot_process", f"{row.get('pricing_item_id')} cannot be charged on demand; of the schedule can be: {named}",
                          field=f"pricing_items.{index}.pricing_item_id", location="body")
        found.append(fitting[0])
    return found


def _drafts(tx: Transaction, account: Account, piece: Piece, chosen: Sequence[tuple[Record, Offer]]) -> list[DraftLine]:
    found = []
    for item, offer in chosen:
        for entry in once(item, offer, offer):
            draft = draft_of(tx, account, piece, entry)
            if not isinstance(draft, DraftLine):
                raise Problem("cannot_process", str(draft["details"]), field="pricing_items", location="body")
            found.append(draft)
    return found
