"""Invoices shown beforehand: those of a subscription, or of what a template would be for a customer. Nothing is kept.

What a preview changes of schedules it changes for itself alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import invoicing, periods
from understudy_solvimon.periods import Period
from understudy_solvimon.sandbox.accounts import Account, account_of, pieces_of
from understudy_solvimon.sandbox.billing import bill_of, reckoned
from understudy_solvimon.sandbox.invoices import dated, parties
from understudy_solvimon.sandbox.rhythms import period_from, period_holding
from understudy_solvimon.sandbox.schedules import line_up, schedule_values
from understudy_solvimon.sandbox.subscriptions import copied_values
from understudy_solvimon.sandbox.terms import Record, body_of, missing, moment, when

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction

_MOST_PREVIEWED = 240
_SUBSCRIPTION, _TEMPLATE = "pricing_plan_subscription_id", "template_pricing_plan_subscription_id"


def preview_invoices(tx: Transaction, call: Call) -> Record:
    """The invoices a subscription will have: those of the running period and after, so many of each schedule; nothing is kept."""
    body = body_of(call)
    since = moment(str(body["start_at"]), "start_at") if body.get("start_at") else tx.now
    field = _TEMPLATE if body.get(_TEMPLATE) else _SUBSCRIPTION
    if body.get(field) is None:
        raise missing(_SUBSCRIPTION, f"required: what to preview, unless {_TEMPLATE} says it")
    shown = tx.need("subscription", str(body[field]), field)
    schedules = sorted(tx.find("schedule", pricing_plan_subscription_id=shown["id"]), key=lambda one: str(one["start_at"]))
    if not schedules:
        raise Problem("cannot_process", "the subscription has no schedules, so there is nothing to bill", field=field, location="body")
    with tx.tried():
        if field == _TEMPLATE:
            shown, named = _played(tx, shown, schedules, body, since)
        else:
            named = {one["id"]: one["id"] for one in schedules}
            _customised(tx, schedules, body)
        tx.settle()
        return _shown(tx, tx.need("subscription", shown["id"]), named, since, int(body.get("invoices_per_schedule") or 1))


def _shown(tx: Transaction, subscription: Record, named: Mapping[str, str], since: datetime, wanted: int) -> Record:
    """So many invoices for each schedule; `named` tells under which id a schedule is shown."""
    made: dict[str, list[Record]] = {id: [] for id in named}
    for schedule_id, invoice in _previews(tx, subscription, since):
        if len(made[schedule_id]) < wanted:
            made[schedule_id].append(invoice)
        if all(len(rows) >= wanted for rows in made.values()):
            break
    infos = [{"pricing_plan_schedule_id": named[id], "invoices": rows} for id, rows in made.items()]
    first = next((rows[0] for rows in made.values() if rows), None)
    return {**({"invoice": first, "first_invoice": first} if first else {}), "invoice_infos": infos}


# --- what is changed for it -------------------------------------------------------------------------------------------

_SET = ("seats_values", "enabled_pricings", "promotion_codes", "pricing_currency", "billing_period")


def _wishes(body: Mapping[str, Any], schedule_id: str) -> Record:
    """What a preview asks for in place of what a schedule says."""
    common = {"enabled_pricings": body["enabled_pricings"]} if body.get("enabled_pricings") else {}
    own: Record = next((row for row in body.get("pricing_plan_schedule_customizations") or () if row.get("pricing_plan_schedule_id") in (None, schedule_id)), {})
    return {**common, **{name: own[name] for name in _SET if own.get(name) is not None}}


def _customised(tx: Transaction, schedules: list[Record], body: Mapping[str, Any]) -> None:
    for one in schedules:
        wishes = _wishes(body, one["id"])
        if wishes:
            values = schedule_values(tx, {**one, **wishes}, "pricing_plan_schedule_customizations")
            tx.update("schedule", one["id"], {name: values[name] for name in wishes})


def _played(
    tx: Transaction, template: Record, schedules: list[Record], body: Mapping[str, Any], since: datetime
) -> tuple[Record, dict[str, str]]:
    """A template as a subscription of a customer's, from a moment on; which of its schedules stands for which of the template's."""
    customer = _customer(tx, body.get("customer_details") or {})
    copy = tx.create("subscription", {**copied_values(template), "type": "BILLING", "customer_id": customer["id"]})
    by = since - periods.instant(schedules[0]["start_at"])
    named = {}
    for one in schedules:
        plain = {name: value for name, value in one.items() if name not in ("id", "object_type", "created_at")}
        values = schedule_values(tx, {**plain, **_moved(one, by), **_wishes(body, one["id"]), "pricing_plan_subscription_id": copy["id"]},
                                 "pricing_plan_schedule_customizations")
        named[tx.create("schedule", values)["id"]] = one["id"]
    line_up(tx, copy["id"])
    return copy, named


def _moved(schedule: Mapping[str, Any], by: timedelta) -> Record:
    return {name: periods.stamp(periods.instant(schedule[name]) + by) for name in ("start_at", "end_at") if schedule.get(name)}


def _customer(tx: Transaction, details: Mapping[str, Any]) -> Record:
    """The customer a preview is for: one that is known, or one that is described, or anybody."""
    known = tx.get("customer", str(details["id"])) if details.get("id") else None
    known = known or (tx.by_key("customer", details["reference"]) if details.get("reference") else None)
    plain = {name: value for name, value in details.items() if value is not None and name not in ("id", "status")}
    return known or tx.create("customer", {"type": "ORGANIZATION", **plain, "status": "ACTIVE"})


# --- the invoices -----------------------------------------------------------------------------------------------------


def _previews(tx: Transaction, subscription: Record, since: Any) -> Iterator[tuple[str, Record]]:
    account, ends = account_of(tx, subscription), when(subscription, "ends_at")
    handed: Mapping[str, Any] = {}
    period = period_holding(subscription, account.zone, max(since, periods.instant(subscription["begins_at"])))
    for _ in range(_MOST_PREVIEWED):
        pieces = list(pieces_of(tx, account, period))
        record = _record(tx, subscription, period, handed)
        part = reckoned(tx, record)
        handed = part.handed_on
        if pieces:
            yield pieces[0].schedule["id"], _preview(tx, account, period, invoicing.document(bill_of(account, [part])))
        if ends is not None and ends <= period.end:
            return
        period = period_from(subscription, account.zone, period.end)


def _record(tx: Transaction, subscription: Record, period: Period, handed: Mapping[str, Any]) -> Record:
    """The billing period as a record: the running one with its usage where it is that, else one that never was."""
    running = tx.first("billing_period", running_for=subscription["id"])
    if running is not None and running["start_at"] == periods.stamp(period.start):
        return running
    return {
        "id": "", "pricing_plan_subscription_id": subscription["id"], "previous_id": None, "begun_with": dict(handed),
        "start_at": periods.stamp(period.start), "end_at": periods.stamp(period.end),
        "whole_start_at": periods.stamp(period.whole_start), "whole_end_at": periods.stamp(period.whole_end),
    }


def _preview(tx: Transaction, account: Account, period: Period, document: Mapping[str, Any]) -> Record:
    return {
        "object_type": "INVOICE", "id": tx.new_id("invoice"), "created_at": tx.stamp, "type": "STANDARD", "status": "DRAFT",
        "on_hold": False, **parties(account.payer, account.entity), **dated(tx, account.subscription, account.zone, period.end),
        "pricing_plan_subscription_id": account.subscription["id"], **document, "paid": False, "payment_status": "UNPAID",
    }
