"""Effects on subscriptions and their schedules: begin, change, cancel, void, copy.

A subscription bills by its billing periods (`running`); here it is only decided from when, until when and by which plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import periods
from understudy_solvimon.sandbox import running, usage
from understudy_solvimon.sandbox.catalogue import items_priced
from understudy_solvimon.sandbox.invoices import refresh_invoices
from understudy_solvimon.sandbox.terms import Record, judged, missing, moment, one_of, setting, when

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

MOST_PAST_PERIODS = 1200
"""A start further back is refused: nobody means a century of invoices."""

# --- init -------------------------------------------------------------------------------------------------------------

_SUBSCRIPTION, _SCHEDULES = "pricing_plan_subscription", "pricing_plan_schedules"


def init_subscription(tx: Transaction, call: Call) -> Record:
    """A subscription with its schedules, and its customer where one comes along; then everything already due."""
    body: Record = call.body
    wanted: Record = dict(body.get(_SUBSCRIPTION) or {})
    rows: list[Record] = list(body.get(_SCHEDULES) or ())
    if not rows:
        raise missing(_SCHEDULES, "at least one schedule is required: it says what is billed, and from when")
    if body.get("customer"):
        wanted["customer_id"] = _new_customer(tx, body["customer"])["id"]
    start = body.get("pricing_plan_subscription_start_at")
    common = {"enabled_pricings": body["enabled_pricings"]} if body.get("enabled_pricings") else {}
    rows = [{**({"start_at": start} if start and index == 0 else {}), **common, **row} for index, row in enumerate(rows)]
    prepared = [_schedule_values(tx, row, f"{_SCHEDULES}.{index}") for index, row in enumerate(rows)]
    subscription = tx.create("subscription", _subscription_values(tx, wanted, _SUBSCRIPTION, prepared[0]))
    for values in _chained(prepared, _SCHEDULES):
        tx.create("schedule", {**values, "pricing_plan_subscription_id": subscription["id"]})
    line_up(tx, subscription["id"])
    return _init_answer(tx, subscription["id"], body)


def _init_answer(tx: Transaction, id: str, body: Mapping[str, Any]) -> Record:
    tx.settle()
    refresh_invoices(tx)
    first = tx.first("billing_period", pricing_plan_subscription_id=id)
    invoice = tx.get("invoice", str(first.get("invoice_id"))) if first else None
    subscription = tx.need("subscription", id)
    return {
        _SUBSCRIPTION: subscription,
        _SCHEDULES: tx.find("schedule", pricing_plan_subscription_id=id),
        **({"customer": tx.get("customer", subscription["customer_id"])} if body.get("customer") else {}),
        **({"invoice": invoice} if invoice else {}),
    }


def _new_customer(tx: Transaction, values: Mapping[str, Any]) -> Record:
    return tx.create("customer", {**values, "status": "ACTIVE"})


def create_subscription(tx: Transaction, call: Call) -> Record:
    """A subscription without schedules yet: a DRAFT until its first one begins."""
    return tx.create("subscription", _subscription_values(tx, dict(call.body), "", {}))


def _subscription_values(tx: Transaction, values: Record, place: str, schedule: Mapping[str, Any]) -> Record:
    template = values.get("type") in ("TEMPLATE", "QUOTE")
    customer = _customer(tx, values, place, template)
    entity = _billing_entity(tx, values, place)
    if schedule.get("billing_period"):
        values["billing_period"] = schedule["billing_period"]
    defaults = {name: setting(tx, name) for name in ("billing_period", "billing_time", "billing_currency")}
    named = {} if customer is None else {"customer_id": customer["id"], "customer_reference": customer.get("reference")}
    with judged(f"{place}.billing_period".lstrip(".")):
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
    raise missing(field, f"required, as there are several: {names}")


# --- which version ----------------------------------------------------------------------------------------------------


def _schedule_values(tx: Transaction, values: Mapping[str, Any], place: str) -> Record:
    """A schedule with its version found and its times read. Raises Problem."""
    prefix = f"{place}." if place else ""
    if values.get("start_at") is None:
        raise missing(f"{prefix}start_at", "required: from when the schedule bills")
    times = {field: periods.stamp(moment(values[field], f"{prefix}{field}")) for field in ("start_at", "end_at")
             if values.get(field) is not None}
    version = _version(tx, values, place)
    if values.get("billing_period"):
        with judged(f"{prefix}billing_period"):
            periods.length(values["billing_period"])
    kept = {field: value for field, value in values.items() if value is not None and field != "pricing_plan_version_selector"}
    return {"type": "DEFAULT", **kept, **times, "pricing_plan_version_id": version["id"],
            "pricing_plan_id": version["pricing_plan_id"]}


def _version(tx: Transaction, values: Mapping[str, Any], place: str) -> Record:
    """The plan version a schedule names, itself or by a selector; it must be ACTIVE and so must all its items."""
    prefix = f"{place}." if place else ""
    if values.get("pricing_plan_version_id") is not None:
        field = f"{prefix}pricing_plan_version_id"
        return _subscribable(tx, tx.need("pricing_plan_version", values["pricing_plan_version_id"], field), field)
    selector = values.get("pricing_plan_version_selector") or {"pricing_plan_id": values.get("pricing_plan_id")}
    field = f"{prefix}pricing_plan_version_selector"
    plan = one_of(tx, "pricing_plan", selector, "pricing_plan", field)
    if plan is None:
        raise missing(field, "required: name a plan, or a version by pricing_plan_version_id")
    known = tx.find("pricing_plan_version", pricing_plan_id=plan["id"])
    if selector.get("type") == "VERSION" or selector.get("version") is not None:
        chosen = [version for version in known if version["version"] == selector.get("version")]
    else:
        chosen = [version for version in known if version["status"] == "ACTIVE"]
    if not chosen:
        raise Problem("dangling_reference", f"the plan {plan.get('reference')} has no such version: {_told(known)}",
                      field=field, location="body", resource="pricing_plan_version")
    return _subscribable(tx, max(chosen, key=_by_version), field)


def _by_version(version: Mapping[str, Any]) -> int:
    return int(version["version"])


def _told(known: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{version['version']} is {version['status']}" for version in known) or "there are none"


def _subscribable(tx: Transaction, version: Record, field: str) -> Record:
    if version["status"] != "ACTIVE":
        raise Problem("illegal_transition", f"cannot subscribe to a version while {version['status']}; activate it first",
                      field=field, location="body", resource="pricing_plan_version", id=version["id"])
    for item in items_priced(tx, version["id"]):
        if item.get("status") != "ACTIVE":
            raise Problem("cannot_process", f"the plan prices {item.get('reference')}, which is {item.get('status')}; "
                          "all its items must be ACTIVE", field=field, location="body", resource="product_item", id=item["id"])
    return version


# --- schedules --------------------------------------------------------------------------------------------------------


def _chained(rows: Sequence[Record], place: str) -> list[Record]:
    """Schedules in order, each ending where the next begins. Raises Problem for gaps and overlaps."""
    spans = [(periods.instant(row["start_at"]), when(row, "end_at")) for row in rows]
    with judged(place):
        chain = periods.chained(spans)
    ordered = sorted(rows, key=lambda row: str(row["start_at"]))
    return [{**row, **({"end_at": periods.stamp(end)} if end else {})} for row, (_, end) in zip(ordered, chain, strict=True)]


def create_schedule(tx: Transaction, call: Call) -> Record:
    """A further schedule; the one before it must end where this begins, and does where it is still open."""
    subscription = tx.need("subscription", str(call.body.get("pricing_plan_subscription_id")), "pricing_plan_subscription_id")
    return _add_schedule(tx, subscription, call.body, call.query)


def copy_schedule(tx: Transaction, call: Call) -> Record:
    """A schedule like another, from another time on."""
    assert call.record is not None
    kept = {field: value for field, value in call.record.items() if field not in ("id", "object_type", "end_at", "created_at")}
    return _add_schedule(tx, tx.need("subscription", kept["pricing_plan_subscription_id"]),
                         {**kept, **_times(call.body)}, call.query)


def migrate_schedule(tx: Transaction, call: Call) -> Record:
    """The same subscription on another plan version, from a time on that ends this schedule."""
    assert call.record is not None
    body = {field: value for field, value in call.body.items() if value is not None}
    return _add_schedule(tx, tx.need("subscription", call.record["pricing_plan_subscription_id"]), body,
                         {**call.query, "set_previous_end_at": True})


def _times(body: Mapping[str, Any]) -> Record:
    return {field: body[field] for field in ("start_at", "end_at") if body.get(field) is not None}


def _add_schedule(tx: Transaction, subscription: Record, body: Mapping[str, Any], query: Mapping[str, Any]) -> Record:
    values = _schedule_values(tx, {**body, "pricing_plan_subscription_id": subscription["id"]}, "")
    start = periods.instant(values["start_at"])
    _check_not_billed(tx, subscription, start, "start_at")
    known = tx.find("schedule", pricing_plan_subscription_id=subscription["id"])
    if query.get("set_previous_end_at") is True:
        for other in known:
            if other["start_at"] < values["start_at"] and (other.get("end_at") or "9") > values["start_at"]:
                tx.update("schedule", other["id"], {"end_at": values["start_at"]})
    after = min((other["start_at"] for other in known if other["start_at"] > values["start_at"]), default=None)
    if query.get("set_next_start_at") is True and after is not None and values.get("end_at"):
        for other in known:
            if other["start_at"] == after:
                tx.update("schedule", other["id"], {"start_at": values["end_at"]})
    schedule = tx.create("schedule", values)
    line_up(tx, subscription["id"])
    return tx.need("schedule", schedule["id"])


def _check_not_billed(tx: Transaction, subscription: Mapping[str, Any], start: datetime, field: str) -> None:
    for period in tx.find("billing_period", pricing_plan_subscription_id=subscription["id"]):
        if period["status"] == "ENDED" and start < periods.instant(period["end_at"]):
            raise Problem("locked", f"lies in a period that is billed already; it may begin at {period['end_at']} or later",
                          field=field, location="body")


def schedule_changed(tx: Transaction, change: Happening) -> None:
    """After an update or a deletion: the schedules must still follow one another, and the open period is priced anew."""
    record = change.after or change.before or {}
    if change.after is not None and change.before is not None and _same(change.before, change.after):
        return
    line_up(tx, str(record.get("pricing_plan_subscription_id")))


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return all(before.get(field) == after.get(field) for field in before.keys() | after.keys() if field != "updated_at")


def line_up(tx: Transaction, subscription_id: str) -> None:
    """Chain a subscription's schedules, and plan or price anew what follows from them."""
    subscription = tx.get("subscription", subscription_id)
    rows = tx.find("schedule", pricing_plan_subscription_id=subscription_id) if subscription else []
    if subscription is None or not rows:
        running.unplan(tx, subscription_id)
        return
    try:
        chain = _chained(rows, "")
    except Problem as problem:
        raise Problem("invalid_field", problem.message, field=(problem.field or "start_at").split(".")[-1],
                      location="body") from None
    for row in chain:
        tx.update("schedule", row["id"], {"end_at": row["end_at"]} if row.get("end_at") else {})
    last = chain[-1].get("end_at")
    cancelled = subscription.get("cancelled_at")
    tx.update("subscription", subscription_id, {
        "begins_at": chain[0]["start_at"],
        "ends_at": min((end for end in (last, cancelled) if end), default=None),
        "pricing_plan_schedule_infos": [_info(row) for row in chain],
    })
    _replan(tx, tx.need("subscription", subscription_id))


def _info(row: Mapping[str, Any]) -> Record:
    return {field: row[field] for field in ("id", "pricing_plan_id", "pricing_plan_version_id", "start_at", "end_at")
            if row.get(field) is not None}


def _replan(tx: Transaction, subscription: Record) -> None:
    open_period = tx.first("billing_period", running_for=subscription["id"])
    if open_period is not None:
        running.recut(tx, subscription, open_period)
        usage.forget_routes(tx, subscription["id"])
        usage.rebook(tx, open_period["id"])
        return
    _check_age(subscription)
    begun = tx.find("billing_period", pricing_plan_subscription_id=subscription["id"])
    planned = [period for period in begun if period["status"] == "PLANNED"]
    for period in planned:
        tx.delete("billing_period", period["id"])
    if len(begun) > len(planned):
        running.resume(tx, subscription, begun[len(begun) - len(planned) - 1])
    elif not subscription.get("waits") and subscription.get("type") == "BILLING":
        running.plan(tx, subscription, periods.instant(subscription["begins_at"]))


def _check_age(subscription: Mapping[str, Any]) -> None:
    length = periods.length(subscription["billing_period"])
    oldest = periods.later(periods.instant(subscription["begins_at"]), length, MOST_PAST_PERIODS, periods.zone(None))
    created = when(subscription, "created_at")
    if created is not None and oldest < created:
        raise Problem("invalid_field", f"lies more than {MOST_PAST_PERIODS} billing periods in the past", field="start_at",
                      location="body")


# --- the end of a subscription ----------------------------------------------------------------------------------------


def cancel_subscription(tx: Transaction, call: Call) -> Record:
    """Cancel NOW, at the NEXT_BILLING_PERIOD, AFTER_INITIAL_TERM or at a DATE; UNDO one that has not taken effect."""
    assert call.record is not None
    kind = call.body["type"]
    if kind == "UNDO":
        return _undo(tx, call.record)
    at = _CANCELLATIONS[kind](tx, call.record, call.body)
    if at < tx.now:
        raise Problem("invalid_field", f"must not lie in the past; it is {tx.stamp}", field="cancel_at", location="body")
    return _cancel_at(tx, call.record, at)


def _cancel_at(tx: Transaction, subscription: Record, at: datetime) -> Record:
    record = tx.fire("subscription", subscription["id"], "cancel")
    ends = min(end for end in (at, when(record, "ends_at")) if end)
    tx.update("subscription", record["id"], {
        "cancelled_at": periods.stamp(at),
        "ends_at": periods.stamp(ends),
        "inactive_periods": [*(record.get("inactive_periods") or ()), {"type": "CANCEL", "start_at": periods.stamp(at)}],
    })
    running.stop_at(tx, tx.need("subscription", record["id"]), at)
    return tx.need("subscription", record["id"])


def _undo(tx: Transaction, subscription: Record) -> Record:
    at = when(subscription, "cancelled_at")
    if at is not None and at <= tx.now:
        raise Problem("illegal_transition", f"cannot undo a cancellation in effect since {subscription['cancelled_at']}",
                      resource="subscription", id=subscription["id"])
    tx.fire("subscription", subscription["id"], "resume")
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
    zone = running.account_zone(tx, subscription)
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
    running.void(tx, change.id)


def subscription_archived(tx: Transaction, change: Happening) -> None:
    """Refuse to archive what still bills."""
    open_period = tx.first("billing_period", running_for=change.id)
    if open_period is not None:
        raise Problem("illegal_transition", f"cannot archive a subscription that bills until {open_period['end_at']}; "
                      "cancel or void it first", resource="subscription", id=change.id)
    running.unplan(tx, change.id)


def subscription_activated(tx: Transaction, change: Happening) -> None:
    """A subscription that waited to be activated by hand begins to bill where its schedules say."""
    subscription = change.after or {}
    if subscription.get("waits"):
        tx.update("subscription", change.id, {"waits": None})
        line_up(tx, change.id)


_PRICED = ("sales_tax_percentage", "billing_entity_id", "billing_currency", "billing_time")


def subscription_saved(tx: Transaction, change: Happening) -> None:
    """Price the open period anew when a change touches what its invoice says."""
    before, after = change.before or {}, change.after or {}
    if all(before.get(field) == after.get(field) for field in _PRICED):
        return
    open_period = tx.first("billing_period", running_for=change.id)
    if open_period is not None and not open_period["stale"]:
        tx.update("billing_period", open_period["id"], {"stale": True})


def subscription_deleted(tx: Transaction, change: Happening) -> None:
    """Its schedules and planned period go with a deleted draft."""
    running.unplan(tx, change.id)
    for schedule in tx.find("schedule", pricing_plan_subscription_id=change.id):
        tx.delete("schedule", schedule["id"])


_NOT_COPIED = frozenset({"id", "object_type", "reference", "status", "created_at", "updated_at", "activated_at", "begins_at",
                         "ends_at", "cancelled_at", "inactive_periods", "pricing_plan_schedule_infos", "next_invoice"})


def copy_subscription(tx: Transaction, call: Call) -> Record:
    """A DRAFT like another, schedules included, that begins to bill once it is activated."""
    assert call.record is not None
    values = {field: value for field, value in call.record.items() if field not in _NOT_COPIED}
    reference = (call.body or {}).get("reference")
    copy = tx.create("subscription", {**values, "waits": True, **({"reference": reference} if reference else {})})
    for schedule in tx.find("schedule", pricing_plan_subscription_id=call.record["id"]):
        kept = {field: value for field, value in schedule.items() if field not in ("id", "object_type", "created_at")}
        tx.create("schedule", {**kept, "pricing_plan_subscription_id": copy["id"]})
    line_up(tx, copy["id"])
    return tx.need("subscription", copy["id"])


def update_payment_method(tx: Transaction, call: Call) -> Record:
    """Another payment method for the invoices to come."""
    assert call.record is not None
    return tx.update("subscription", call.record["id"], {"payment_method_id": (call.body or {}).get("payment_method_id")})


