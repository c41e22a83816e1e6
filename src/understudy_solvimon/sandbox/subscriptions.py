"""Effects on subscriptions: begun with their schedules, cancelled, voided, copied.

A subscription bills by its billing periods (module `running`); here it is only decided from when, until when and by which plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import periods
from understudy_solvimon.sandbox.dunning import cancel_dunning_of
from understudy_solvimon.sandbox.entitling import summary_of
from understudy_solvimon.sandbox.invoices import UNSETTLED, finalise, refresh_invoices
from understudy_solvimon.sandbox.paying import first_method, first_payment
from understudy_solvimon.sandbox.running import (
    account_zone,
    stop_billing,
    unplan_period,
    void_periods,
)
from understudy_solvimon.sandbox.schedules import chained, line_up, schedule_values
from understudy_solvimon.sandbox.terms import (
    Record,
    body_of,
    check_numbers,
    judged,
    missing,
    moment,
    needed,
    one_of,
    setting,
    when,
)

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

# --- init -------------------------------------------------------------------------------------------------------------

_SUBSCRIPTION, _SCHEDULES = "pricing_plan_subscription", "pricing_plan_schedules"


def init_subscription(tx: Transaction, call: Call) -> Record:
    """A subscription with its schedules, and its customer where one comes along; then everything already due."""
    body: Record = body_of(call)
    wanted: Record = dict(body.get(_SUBSCRIPTION) or {})
    rows: list[Record] = list(body.get(_SCHEDULES) or ())
    if not rows:
        raise missing(_SCHEDULES, "at least one schedule is required: it says what is billed, and from when")
    if body.get("customer"):
        wanted["customer_id"] = _new_customer(tx, body["customer"])["id"]
    start = body.get("pricing_plan_subscription_start_at")
    common = {"enabled_pricings": body["enabled_pricings"]} if body.get("enabled_pricings") else {}
    rows = [{**({"start_at": start} if start and index == 0 else {}), **common, **row} for index, row in enumerate(rows)]
    prepared = [schedule_values(tx, row, f"{_SCHEDULES}.{index}") for index, row in enumerate(rows)]
    subscription = tx.create("subscription", _subscription_values(tx, wanted, _SUBSCRIPTION, prepared[0]))
    for values in chained(prepared, _SCHEDULES):
        tx.create("schedule", {**values, "pricing_plan_subscription_id": subscription["id"]})
    method = first_method(tx, subscription, body)
    line_up(tx, subscription["id"])
    return {**_init_answer(tx, subscription["id"], body), **({"payment_method": tx.kind("payment_method").public(method)} if method else {})}


def _init_answer(tx: Transaction, id: str, body: Mapping[str, Any]) -> Record:
    tx.settle()
    refresh_invoices(tx)
    first = tx.first("billing_period", pricing_plan_subscription_id=id)
    invoice = tx.get("invoice", str(first.get("advance_invoice_id") or first.get("invoice_id"))) if first else None
    subscription = tx.need("subscription", id)
    payment = _paid_first(tx, invoice, subscription, body)
    invoice = tx.need("invoice", invoice["id"]) if invoice else None
    return {
        _SUBSCRIPTION: subscription,
        _SCHEDULES: tx.find("schedule", pricing_plan_subscription_id=id),
        **({"customer": tx.get("customer", subscription["customer_id"])} if body.get("customer") else {}),
        **({"invoice": invoice} if invoice else {}),
        **({"first_payment": tx.kind("payment").public(payment)} if payment else {}),
        "entitlements_summary": summary_of(tx, [subscription]),
    }


def _paid_first(tx: Transaction, invoice: Record | None, subscription: Record, body: Mapping[str, Any]) -> Record | None:
    """The payment that comes along makes the first invoice FINAL, whatever its result, and pays it where it is authorised."""
    if not body.get("first_payment"):
        return None
    if invoice is not None and invoice["status"] in UNSETTLED:
        tx.update("invoice", invoice["id"], {"charged_already": True})
        finalise(tx, invoice["id"])
    payment = first_payment(tx, invoice, subscription, body)
    tx.settle()
    return payment


def _new_customer(tx: Transaction, values: Mapping[str, Any]) -> Record:
    return tx.create("customer", {**values, "status": "ACTIVE"})


def create_subscription(tx: Transaction, call: Call) -> Record:
    """A subscription without schedules yet: a DRAFT until its first one begins."""
    return tx.create("subscription", _subscription_values(tx, dict(body_of(call)), "", {}))


def _subscription_values(tx: Transaction, values: Record, place: str, schedule: Mapping[str, Any]) -> Record:
    template = values.get("type") in ("TEMPLATE", "QUOTE")
    customer = _customer(tx, values, place, template)
    entity = _billing_entity(tx, values, place)
    if schedule.get("billing_period"):
        values["billing_period"] = schedule["billing_period"]
    defaults = {name: setting(tx, name) for name in ("billing_period", "billing_time", "billing_currency")}
    named = {} if customer is None else {"customer_id": customer["id"], "customer_reference": customer.get("reference")}
    with judged(f"{place}.billing_period".lstrip("."), "invalid_field"):
        periods.length(values.get("billing_period") or defaults["billing_period"])
    return {
        "type": "BILLING",
        "init_invoice_on_hold": False,
        **defaults,
        **{field: value for field, value in values.items() if value is not None and field != "status"},
        **{field: value for field, value in named.items() if value is not None},
        **({} if entity is None else {"billing_entity_id": entity["id"], "billing_entity_reference": entity["reference"]}),
    }


def _customer(tx: Transaction, values: Mapping[str, Any], place: str, template: bool) -> Record | None:
    customer = one_of(tx, "customer", values, "customer", place)
    field = f"{place}.customer_reference".lstrip(".")
    if customer is None:
        if template:
            return None
        raise missing(field, "required: whom to bill, by customer_reference or customer_id")
    if customer.get("status") != "ACTIVE":
        raise Problem("illegal_transition", f"cannot subscribe a customer while {customer.get('status')}; activate it first",
                      field=field, location="body", resource="customer", id=customer["id"])
    return customer


def _billing_entity(tx: Transaction, values: Mapping[str, Any], place: str) -> Record | None:
    entity = one_of(tx, "billing_entity", values, "billing_entity", place)
    if entity is not None:
        return entity
    known = tx.find("billing_entity", object_type="BILLING_ENTITY")
    if len(known) == 1:
        return known[0]
    field = f"{place}.billing_entity_reference".lstrip(".")
    if not known:
        raise Problem("cannot_process", "there is no billing entity to issue invoices; create one first", field=field,
                      location="body")
    names = ", ".join(str(other.get("reference")) for other in known)
    raise Problem("cannot_process", f"required, as there are several: {names}", field=field, location="body")


# --- the end of a subscription ----------------------------------------------------------------------------------------


def cancel_subscription(tx: Transaction, call: Call) -> Record:
    """Cancel NOW, at the NEXT_BILLING_PERIOD, AFTER_INITIAL_TERM or at a DATE; UNDO one that has not taken effect."""
    assert call.record is not None
    body = body_of(call)
    kind = needed(body, "type", "when to cancel, NOW or later")
    if kind == "UNDO":
        return _undo(tx, call.record)
    if body.get("cancel_dunning_actions") is True:
        cancel_dunning_of(tx, call.record["id"])
    at = _CANCELLATIONS[kind](tx, call.record, body)
    if at < tx.now:
        raise Problem("cannot_process", f"must not lie in the past; it is {tx.stamp}", field="cancel_at", location="body")
    return _cancel_at(tx, call.record, at)


def _cancel_at(tx: Transaction, subscription: Record, at: datetime) -> Record:
    return _end_at(tx, tx.fire("subscription", subscription["id"], "cancel"), at)


def _end_at(tx: Transaction, record: Record, at: datetime, why: str = "CANCEL") -> Record:
    ends = min(end for end in (at, when(record, "ends_at")) if end)
    tx.update("subscription", record["id"], {
        "cancelled_at": periods.stamp(at),
        "ends_at": periods.stamp(ends),
        "inactive_periods": [*(record.get("inactive_periods") or ()), {"type": why, "start_at": periods.stamp(at)}],
    })
    stop_billing(tx, tx.need("subscription", record["id"]), at)
    return tx.need("subscription", record["id"])


def subscription_cancelled(tx: Transaction, change: Happening) -> None:
    """Cancelled without the call that says when, by a status alone: it is now."""
    subscription = tx.need("subscription", change.id)
    if subscription.get("cancelled_at") is None:
        _end_at(tx, subscription, tx.now)


def subscription_resumed(tx: Transaction, change: Happening) -> None:
    """The same for its undoing."""
    subscription = tx.need("subscription", change.id)
    if subscription.get("cancelled_at") is not None:
        _check_undoable(tx, subscription)
        _go_on(tx, subscription)


def _undo(tx: Transaction, subscription: Record) -> Record:
    return _go_on(tx, _undoable(tx, subscription))


def _undoable(tx: Transaction, subscription: Record) -> Record:
    _check_undoable(tx, subscription)
    return tx.fire("subscription", subscription["id"], "resume")


def _check_undoable(tx: Transaction, subscription: Record) -> None:
    at = when(subscription, "cancelled_at")
    if at is not None and at <= tx.now:
        raise Problem("illegal_transition", f"cannot undo a cancellation in effect since {subscription['cancelled_at']}",
                      resource="subscription", id=subscription["id"])


def _go_on(tx: Transaction, subscription: Record) -> Record:
    kept = [part for part in subscription.get("inactive_periods") or () if part.get("start_at") != subscription.get("cancelled_at")]
    tx.update("subscription", subscription["id"], {"cancelled_at": None, "inactive_periods": kept})
    line_up(tx, subscription["id"])
    return tx.need("subscription", subscription["id"])


def _now(tx: Transaction, _: Record, __: Mapping[str, Any]) -> datetime:
    return tx.now


def _next_period(tx: Transaction, subscription: Record, _: Mapping[str, Any]) -> datetime:
    open_period = tx.first("billing_period", running_for=subscription["id"])
    return periods.instant(open_period["end_at"]) if open_period else tx.now


def _after_initial_term(tx: Transaction, subscription: Record, body: Mapping[str, Any]) -> datetime:
    """The end of the initial term, or of the renewal term that runs now."""
    begins, term = when(subscription, "begins_at"), subscription.get("initial_term")
    if begins is None or term is None:
        raise Problem("cannot_process", "there is no initial term; cancel at the NEXT_BILLING_PERIOD or at a DATE",
                      field="type", location="body", resource="subscription", id=subscription["id"])
    zone = account_zone(tx, subscription)
    end = periods.later(begins, periods.length(term), 1, zone)
    renewal = periods.length(subscription.get("renewal_term") or term)
    count = 0
    while periods.later(end, renewal, count, zone) < tx.now:
        count += 1
    return periods.later(end, renewal, count, zone)


def _date(_: Transaction, __: Record, body: Mapping[str, Any]) -> datetime:
    if body.get("cancel_at") is None:
        raise missing("cancel_at", "required to cancel at a DATE")
    return moment(body["cancel_at"], "cancel_at")


_CANCELLATIONS: Mapping[str, Callable[[Transaction, Record, Mapping[str, Any]], datetime]] = {
    "NOW": _now,
    "NEXT_BILLING_PERIOD": _next_period,
    "AFTER_INITIAL_TERM": _after_initial_term,
    "DATE": _date,
}


def subscription_voided(tx: Transaction, change: Happening) -> None:
    """A subscription made in error: its periods stop and its invoices that are not FINAL are void."""
    void_periods(tx, change.id)


def subscription_archived(tx: Transaction, change: Happening) -> None:
    """Refuse to archive what still bills."""
    open_period = tx.first("billing_period", running_for=change.id)
    if open_period is not None:
        raise Problem("illegal_transition", f"cannot archive a subscription that bills until {open_period['end_at']}; "
                      "cancel or void it first", resource="subscription", id=change.id)
    unplan_period(tx, change.id)


def subscription_activated(tx: Transaction, change: Happening) -> None:
    """A subscription that waited to be activated by hand begins to bill where its schedules say."""
    subscription = change.after or {}
    if subscription.get("waits"):
        tx.update("subscription", change.id, {"waits": None})
        line_up(tx, change.id)


# --- the place of another ---------------------------------------------------------------------------------------------

_FROM, _TO = "upgraded_from_pricing_plan_subscription_id", "upgraded_to_pricing_plan_subscription_id"


def _upgrade(tx: Transaction, subscription: Record) -> None:
    """End the subscription that another takes the place of where that one begins; as cancelled, but prorated (assumed)."""
    old = tx.need("subscription", subscription[_FROM], _FROM)
    if old.get("customer_id") != subscription.get("customer_id") or old["id"] == subscription["id"]:
        raise Problem("cannot_process", "must be another subscription of the same customer", field=_FROM, location="body")
    at = periods.instant(subscription["begins_at"])
    running = tx.first("billing_period", running_for=old["id"])
    if running is not None and at < periods.instant(running["start_at"]):
        raise Problem("locked", f"begins in a period of the other that is billed already; it may begin at {running['start_at']} or later",
                      field=_FROM, location="body")
    moved = old.get(_TO) == subscription["id"]
    _end_at(tx, _go_on(tx, old) if moved else tx.fire("subscription", old["id"], "cancel"), at, "UPGRADE")
    tx.update("subscription", old["id"], {_TO: subscription["id"]})


_PRICED = ("sales_tax_percentage", "billing_entity_id", "billing_currency", "billing_time")


def subscription_saved(tx: Transaction, change: Happening) -> None:
    """Price the open period anew when a change touches what its invoice says."""
    before, after = change.before or {}, change.after or {}
    check_numbers({"sales_tax_percentage": after.get("sales_tax_percentage")})
    if after.get(_FROM) and after.get("begins_at") and before.get("begins_at") != after["begins_at"]:
        _upgrade(tx, after)
    if after.get("begins_at") and any(before.get(field) != after.get(field) for field in ("initial_term", "auto_renewal")):
        line_up(tx, change.id)
    if all(before.get(field) == after.get(field) for field in _PRICED):
        return
    open_period = tx.first("billing_period", running_for=change.id)
    if open_period is not None and not open_period["stale"]:
        tx.update("billing_period", open_period["id"], {"stale": True})


def subscription_deleted(tx: Transaction, change: Happening) -> None:
    """Its schedules and planned period go with a deleted draft; what it was to take the place of goes on."""
    unplan_period(tx, change.id)
    for old in tx.find("subscription", **{_TO: change.id}):
        _go_on(tx, _undoable(tx, old))
        tx.update("subscription", old["id"], {_TO: None})
    for schedule in tx.find("schedule", pricing_plan_subscription_id=change.id):
        tx.delete("schedule", schedule["id"])


_NOT_COPIED = frozenset({"id", "object_type", "reference", "status", "created_at", "updated_at", "activated_at", "begins_at",
                         "ends_at", "cancelled_at", "inactive_periods", "pricing_plan_schedule_infos", "next_invoice",
                         "upgraded_from_pricing_plan_subscription_id", "upgraded_to_pricing_plan_subscription_id"})


def copied_values(subscription: Mapping[str, Any]) -> Record:
    """What a copy of a subscription takes over."""
    return {field: value for field, value in subscription.items() if field not in _NOT_COPIED}


def copy_subscription(tx: Transaction, call: Call) -> Record:
    """A DRAFT like another, schedules included, that begins to bill once it is activated."""
    assert call.record is not None
    reference = body_of(call).get("reference")
    copy = tx.create("subscription", {**copied_values(call.record), "waits": True, **({"reference": reference} if reference else {})})
    for schedule in tx.find("schedule", pricing_plan_subscription_id=call.record["id"]):
        kept = {field: value for field, value in schedule.items() if field not in ("id", "object_type", "created_at")}
        tx.create("schedule", {**kept, "pricing_plan_subscription_id": copy["id"]})
    line_up(tx, copy["id"])
    return tx.need("subscription", copy["id"])


def update_payment_method(tx: Transaction, call: Call) -> Record:
    """Another payment method for the invoices to come."""
    assert call.record is not None
    id = needed(body_of(call), "payment_method_id", "which method to charge from now on")
    method = tx.need("payment_method", id, "payment_method_id")
    if method["status"] == "ARCHIVED":
        raise Problem("illegal_transition", "cannot charge a payment method while ARCHIVED", field="payment_method_id", location="body",
                      resource="payment_method", id=id)
    if body_of(call).get("cancel_dunning_actions") is True:
        cancel_dunning_of(tx, call.record["id"])
    return tx.update("subscription", call.record["id"], {"payment_method_id": id})
