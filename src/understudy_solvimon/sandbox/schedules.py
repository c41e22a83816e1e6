"""Effects on schedules: which version each bills by, how they follow one another, and what a change of them moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import periods
from understudy_solvimon.sandbox.booking import rebook
from understudy_solvimon.sandbox.catalogue import items_priced
from understudy_solvimon.sandbox.indexing import indexed
from understudy_solvimon.sandbox.offers import is_elective
from understudy_solvimon.sandbox.prices import prepared
from understudy_solvimon.sandbox.rhythms import REALIGNS
from understudy_solvimon.sandbox.routes import forget_routes
from understudy_solvimon.sandbox.running import (
    account_zone,
    end_where_over,
    plan_period,
    recut_period,
    resume_after,
    unplan_period,
)
from understudy_solvimon.sandbox.terms import Record, body_of, judged, missing, moment, one_of, when

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

MOST_PAST_PERIODS = 1200
"""A start further back is refused: nobody means a century of invoices."""

# --- which version ----------------------------------------------------------------------------------------------------


def schedule_values(tx: Transaction, values: Mapping[str, Any], place: str) -> Record:
    """A schedule with its version found and its times read. Raises Problem."""
    prefix = f"{place}." if place else ""
    if values.get("start_at") is None:
        raise missing(f"{prefix}start_at", "required: from when the schedule bills")
    times = {field: periods.stamp(moment(values[field], f"{prefix}{field}")) for field in ("start_at", "end_at")
             if values.get(field) is not None}
    version = _version(tx, values, place)
    if values.get("billing_period"):
        with judged(f"{prefix}billing_period", "invalid_field"):
            periods.length(values["billing_period"])
    kept = {field: value for field, value in values.items() if value is not None and field != "pricing_plan_version_selector"}
    return {"type": "DEFAULT", **kept, **times, **configured(tx, values, version, place), "pricing_plan_version_id": version["id"],
            "pricing_plan_id": version["pricing_plan_id"]}


def configured(tx: Transaction, values: Mapping[str, Any], version: Mapping[str, Any], place: str) -> Record:
    """What a schedule sets of its own, checked: its currency, what it enables, its own prices with ids, seats from now.

    Raises Problem under `place`.
    """
    prefix = f"{place}." if place else ""
    plan = tx.get("pricing_plan", version["pricing_plan_id"]) or {}
    currency, known = values.get("pricing_currency"), plan.get("pricing_currencies") or ()
    if currency and known and currency not in known:
        raise Problem("cannot_process", f"{currency} is none of the plan's currencies: {', '.join(known)}",
                      field=f"{prefix}pricing_currency", location="body")
    check_choices(tx, version["id"], values.get("enabled_pricings") or (), f"{prefix}enabled_pricings")
    found: Record = {}
    if values.get("override_pricings"):
        found["override_pricings"] = [
            prepared(tx, _named(tx, row), plan, f"{prefix}override_pricings.{index}") for index, row in enumerate(values["override_pricings"])]
    if values.get("seats_values"):
        found["seats_values"] = [_from_now(tx, row) for row in values["seats_values"]]
    return found


def _named(tx: Transaction, row: Record) -> Record:
    return {**row, "object_type": "PRICING", "id": row.get("id") or tx.new_id("pricing")}


def _from_now(tx: Transaction, row: Record) -> Record:
    if not row.get("set_start_at_to_now"):
        return row
    return {**{field: value for field, value in row.items() if field != "set_start_at_to_now"}, "start_at": tx.stamp}


_CHOICES: Mapping[str, Callable[[int], bool]] = {
    "ANY": lambda _: True,
    "AT_LEAST_ONE": lambda count: count >= 1,
    "AT_MOST_ONE": lambda count: count <= 1,
    "EXACTLY_ONE": lambda count: count == 1,
}


def check_choices(tx: Transaction, version: str, enabled: Sequence[Mapping[str, Any]], field: str) -> None:
    """Hold what is enabled to the version's elective pricings, and each of its groups to how many it takes of them."""
    pricings = tx.find("pricing", pricing_plan_version_id=version)
    chosen = {row["pricing_id"] for row in enabled}
    for index, row in enumerate(enabled):
        if all(pricing["id"] != row["pricing_id"] for pricing in pricings):
            raise Problem("dangling_reference", f"{row['pricing_id']} is no pricing of the plan version", resource="pricing",
                          field=f"{field}.{index}.pricing_id", location="body", id=row["pricing_id"])
    for group in tx.find("pricing_group", pricing_plan_version_id=version):
        members = [pricing for pricing in pricings if pricing.get("pricing_group_id") == group["id"]]
        count = sum(pricing["id"] in chosen or not is_elective(tx, pricing) for pricing in members)
        rule = group.get("selection_constraint") or "ANY"
        if any(is_elective(tx, pricing) for pricing in members) and not _CHOICES[rule](count):
            raise Problem("cannot_process", f"{group.get('name') or group['id']} takes {rule} of its pricings, not {count}",
                          field=field, location="body", resource="pricing_group", id=group["id"])


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


def chained(rows: Sequence[Record], place: str) -> list[Record]:
    """Schedules in order, each ending where the next begins. Raises Problem for gaps and overlaps."""
    spans = [(periods.instant(row["start_at"]), when(row, "end_at")) for row in rows]
    with judged(place):
        chain = periods.chained(spans)
    ordered = sorted(rows, key=lambda row: str(row["start_at"]))
    return [{**row, **({"end_at": periods.stamp(end)} if end else {})} for row, (_, end) in zip(ordered, chain, strict=True)]


def create_schedule(tx: Transaction, call: Call) -> Record:
    """A further schedule; the one before it must end where this begins, and does where it is still open."""
    subscription = tx.need("subscription", str(body_of(call).get("pricing_plan_subscription_id")), "pricing_plan_subscription_id")
    return _add_schedule(tx, subscription, body_of(call), call.query)


def copy_schedule(tx: Transaction, call: Call) -> Record:
    """A schedule like another, from another time on."""
    assert call.record is not None
    kept = {field: value for field, value in call.record.items() if field not in ("id", "object_type", "end_at", "created_at", REALIGNS)}
    overrides = indexed(tx, call.record, body_of(call))
    more = {REALIGNS: True} if body_of(call).get(REALIGNS) is True else {}
    return _add_schedule(tx, tx.need("subscription", kept["pricing_plan_subscription_id"]),
                         {**kept, **_times(body_of(call)), **more, **({"override_pricings": overrides} if overrides else {})}, call.query)


def migrate_schedule(tx: Transaction, call: Call) -> Record:
    """The same subscription on another plan version, from a time on that ends this schedule."""
    assert call.record is not None
    body = body_of(call)
    return _add_schedule(tx, tx.need("subscription", call.record["pricing_plan_subscription_id"]), body,
                         {**call.query, "set_previous_end_at": True})


def update_schedule(tx: Transaction, call: Call) -> Record:
    """Change a schedule, and where asked for the end of the one before it and the start of the one after it."""
    assert call.record is not None
    before, body = call.record, body_of(call)
    times = {field: periods.stamp(moment(body[field], field)) for field in ("start_at", "end_at") if body.get(field)}
    neighbours = tx.find("schedule", pricing_plan_subscription_id=before["pricing_plan_subscription_id"])
    if call.query.get("set_previous_end_at") is True and times.get("start_at"):
        for other in neighbours:
            if other.get("end_at") == before["start_at"]:
                tx.update("schedule", other["id"], {"end_at": times["start_at"]})
    if call.query.get("set_next_start_at") is True and times.get("end_at"):
        for other in neighbours:
            if other["start_at"] == before.get("end_at"):
                tx.update("schedule", other["id"], {"start_at": times["end_at"]})
    if body.keys() & {"pricing_plan_version_selector", "pricing_plan_version_id", "pricing_plan_id"}:
        version = _version(tx, body, "")
        body |= {"pricing_plan_version_id": version["id"], "pricing_plan_id": version["pricing_plan_id"]}
    body.pop("pricing_plan_version_selector", None)
    return tx.update("schedule", before["id"], {**body, **times})


def _times(body: Mapping[str, Any]) -> Record:
    return {field: body[field] for field in ("start_at", "end_at") if body.get(field) is not None}


def _add_schedule(tx: Transaction, subscription: Record, body: Mapping[str, Any], query: Mapping[str, Any]) -> Record:
    values = schedule_values(tx, {**body, "pricing_plan_subscription_id": subscription["id"]}, "")
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
    if change.after is None:
        _check_not_begun(tx, record)
    elif change.before is not None and _same(change.before, change.after):
        return
    elif change.before is not None:
        _reconfigured(tx, change.before, change.after)
    line_up(tx, str(record.get("pricing_plan_subscription_id")))


def _check_not_begun(tx: Transaction, schedule: Mapping[str, Any]) -> None:
    """Refuse to delete what has billed: it is ended instead."""
    subscription = tx.get("subscription", str(schedule.get("pricing_plan_subscription_id")))
    if subscription is not None and subscription["status"] != "DRAFT" and periods.instant(schedule["start_at"]) <= tx.now:
        raise Problem("illegal_transition", "cannot delete a schedule that has begun; give it an end_at instead",
                      resource="schedule", id=schedule["id"])


_SET = ("override_pricings", "pricing_currency", "enabled_pricings", "seats_values")


def _reconfigured(tx: Transaction, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Check what an update sets anew, and give its own prices ids."""
    changed = {field: after.get(field) for field in _SET if before.get(field) != after.get(field)}
    if not changed:
        return
    version = tx.need("pricing_plan_version", str(after["pricing_plan_version_id"]))
    enabled = {"enabled_pricings": after.get("enabled_pricings")}
    tx.update("schedule", str(after["id"]), configured(tx, {**enabled, **changed}, version, ""))


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return all(before.get(field) == after.get(field) for field in before.keys() | after.keys() if field != "updated_at")


def line_up(tx: Transaction, subscription_id: str) -> None:
    """Chain a subscription's schedules, and plan or price anew what follows from them."""
    subscription = tx.get("subscription", subscription_id)
    rows = tx.find("schedule", pricing_plan_subscription_id=subscription_id) if subscription else []
    if subscription is None or not rows:
        unplan_period(tx, subscription_id)
        return
    try:
        chain = chained(rows, "")
    except Problem as problem:
        raise Problem("cannot_process", problem.message, field=(problem.field or "start_at").split(".")[-1],
                      location="body") from None
    if subscription.get("billing_time") == "CALENDAR" and any(row.get(REALIGNS) is True for row in chain):
        raise Problem("cannot_process", "only periods of billing_time EXACT can be realigned; those of the calendar stay where they are",
                      field=REALIGNS, location="body")
    for row in chain:
        tx.update("schedule", row["id"], {"end_at": row["end_at"]} if row.get("end_at") else {})
    last = chain[-1].get("end_at")
    cancelled = subscription.get("cancelled_at")
    tx.update("subscription", subscription_id, {
        "begins_at": chain[0]["start_at"],
        "plan_name": (tx.get("pricing_plan", str(chain[-1].get("pricing_plan_id"))) or {}).get("name"),
        "ends_at": min((end for end in (last, cancelled, _term_end(tx, subscription, chain[0]["start_at"])) if end), default=None),
        "pricing_plan_schedule_infos": [_info(row) for row in chain],
    })
    _replan(tx, tx.need("subscription", subscription_id))


def _term_end(tx: Transaction, subscription: Record, begins: str) -> str | None:
    """Where a subscription that does not renew by itself ends; one that says nothing of it goes on."""
    term = subscription.get("initial_term")
    if term is None or subscription.get("auto_renewal") is not False:
        return None
    return periods.stamp(periods.later(periods.instant(begins), periods.length(term), 1, account_zone(tx, subscription)))


def _info(row: Mapping[str, Any]) -> Record:
    return {field: row[field] for field in ("id", "pricing_plan_id", "pricing_plan_version_id", "start_at", "end_at", REALIGNS)
            if row.get(field) is not None}


def _replan(tx: Transaction, subscription: Record) -> None:
    open_period = tx.first("billing_period", running_for=subscription["id"])
    if open_period is not None:
        recut_period(tx, subscription, open_period)
        forget_routes(tx, subscription["id"])
        rebook(tx, open_period["id"])
        end_where_over(tx, open_period["id"])
        return
    _check_age(subscription)
    begun = tx.find("billing_period", pricing_plan_subscription_id=subscription["id"])
    planned = [period for period in begun if period["status"] == "PLANNED"]
    for period in planned:
        tx.delete("billing_period", period["id"])
    if len(begun) > len(planned):
        resume_after(tx, subscription, begun[len(begun) - len(planned) - 1])
    elif not subscription.get("waits") and subscription.get("type") == "BILLING":
        plan_period(tx, subscription, periods.instant(subscription["begins_at"]))


def _check_age(subscription: Mapping[str, Any]) -> None:
    length = periods.length(subscription["billing_period"])
    oldest = periods.later(periods.instant(subscription["begins_at"]), length, MOST_PAST_PERIODS, periods.zone(None))
    created = when(subscription, "created_at")
    if created is not None and oldest < created:
        raise Problem("cannot_process", f"lies more than {MOST_PAST_PERIODS} billing periods in the past", field="start_at",
                      location="body")
